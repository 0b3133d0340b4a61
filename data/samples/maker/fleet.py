"""What the company runs at AWS in India: accounts, metered lines and instance groups. Quantities, no bill yet.

Prices are public list prices of Mumbai in USD as far as the reference tables have them, else of that size.
"""

# ruff: noqa: E501 - the tables read best with one row a line

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from maker.season import FIRST, LAST, load_on, noise

PAYER, PROD, STAGING, DEV, DATA = "111122223333", "222233334444", "333344445555", "444455556666", "555566667777"
ACCOUNT_ENV = {PROD: "prod", STAGING: "staging", DEV: "dev", DATA: "prod", PAYER: ""}
TEAMS = {
    "user": "identity", "content": "content-platform", "analytics": "data", "assessment": "assessment",
    "communication": "engagement", "payment": "payments", "": "platform",
}  # fmt: skip

#: Values that a person could type as a tag, and that must be shown inert everywhere.
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|'/c calc'!A1"
INJECTION = "'; DROP TABLE charges; --"
RIGHT_TO_LEFT = "invoice\u202efdp.exe"


@dataclass(frozen=True)
class Line:
    """One metered line: so much of a usage type on one resource a day.

    `daily` is the quantity at load 1, `bend` how far it follows the season (0 = never), `growth` per year.
    """

    account: str
    product: str
    usage_type: str
    operation: str
    resource: str
    unit: str
    rate: str
    daily: float
    what: str
    service: str = ""
    bend: float = 1.0
    growth: float = 0.0
    width: float = 0.05
    family: str = ""
    region: str = "ap-south-1"
    first: date = FIRST
    last: date = LAST
    weekdays: bool = False
    is_hourly: bool = False
    tags: tuple[tuple[str, str], ...] | None = None
    spikes: tuple[tuple[date, date, float], ...] = ()

    def quantity(self, day: date) -> Decimal:
        """How much on a day; zero outside the line's life."""
        if not self.first <= day <= self.last or (self.weekdays and day.weekday() >= 5):
            return Decimal(0)
        amount = self.daily * load_on(day, self.service) ** self.bend * (1 + self.growth) ** ((day - FIRST).days / 365)
        for start, end, factor in self.spikes:
            amount *= factor if start <= day <= end else 1
        if self.width:
            amount *= noise(self.resource + self.usage_type, day, self.width)
        return Decimal(amount).quantize(Decimal("0.000001" if amount < 1000 else "1"))


@dataclass(frozen=True)
class Group:
    """Instances of one type that serve one purpose; as many as the load asks for, the last one for part of a day."""

    account: str
    service: str
    name: str
    instance_type: str
    rate: str
    base: float
    bend: float = 0.0
    hours: float = 24
    weekdays: bool = False
    is_covered: bool = False
    is_hourly: bool = False
    first: date = FIRST
    tags: tuple[tuple[str, str], ...] | None = None

    def running(self, day: date) -> list[Decimal]:
        """Hours of each running instance on a day."""
        if day < self.first or (self.weekdays and day.weekday() >= 5):
            return []
        wanted = self.base * load_on(day, self.service) ** self.bend
        full = int(wanted)
        part = Decimal(round((wanted - full) * self.hours))
        return [Decimal(str(self.hours))] * full + ([part] if part and self.bend else [])


GROUPS = (
    Group(PROD, "", "eks-node", "m6i.4xlarge", "0.808", 3, is_covered=True),
    Group(DATA, "analytics", "clickstream", "r6i.4xlarge", "1.04", 1, is_covered=True),
    Group(PROD, "payment", "payment-api", "m6i.2xlarge", "0.404", 2, is_covered=True),
    Group(PROD, "user", "user-api", "m6i.2xlarge", "0.404", 2, bend=0.8, is_covered=True),
    Group(PROD, "content", "content-api", "c6i.4xlarge", "0.68", 2, bend=0.9, is_covered=True),
    Group(PROD, "assessment", "test-engine", "c6i.4xlarge", "0.68", 2, bend=1.3, is_covered=True),
    Group(PROD, "communication", "notifier", "m6i.large", "0.101", 1, is_covered=True),
    Group(STAGING, "assessment", "staging-test-engine", "m6i.2xlarge", "0.404", 1, hours=12, weekdays=True, is_hourly=True),
    Group(STAGING, "content", "staging-content-api", "m6i.large", "0.101", 2, hours=12, weekdays=True, is_hourly=True),
    # Nobody switches these off at night.
    Group(DEV, "content", "dev-content", "m6i.large", "0.101", 2, is_hourly=True),
    Group(DEV, "user", "dev-user", "t3.large", "0.0896", 1, tags=(("user:Team", "identity"), ("user:env", "dev"), ("user:service", "user"))),
    # A forgotten graphics machine of an experiment, tagged by nobody.
    Group(DEV, "", "dev-doubt-solver-gpu", "g4dn.xlarge", "0.579", 1, first=date(2026, 2, 10), tags=()),
)  # fmt: skip

SPOT = Group(PROD, "content", "transcode", "c6i.4xlarge", "0.296533", 2, bend=0.7)
SPOT_LIST_RATE = "0.68"

_VIDEO = "pragati-video-masters"


def _hostile(name: str, **tags: str) -> tuple[tuple[str, str], ...]:
    return (("user:Name", name), *((f"user:{key}", value) for key, value in tags.items()))


LINES = (
    # content
    Line(PROD, "AmazonCloudFront", "IN-DataTransfer-Out-Bytes", "GET", f"arn:aws:cloudfront::{PROD}:distribution/E2PRAGATIVIDEO", "GB", "0.085",
         2500, "$0.085 per GB data transfer out to India", "content", family="Data Transfer", region="", is_hourly=True),
    Line(PROD, "AmazonS3", "APS3-TimedStorage-ByteHrs", "StandardStorage", _VIDEO, "GB-Mo", "0.025",
         2600, "$0.025 per GB-month standard storage", "content", bend=0, growth=0.45, width=0.002, family="Storage"),
    Line(PROD, "AmazonS3", "APS3-Requests-Tier2", "GetObject", _VIDEO, "Requests", "0.0000004",
         9_000_000, "$0.004 per 10,000 GET requests", "content", family="API Request"),
    Line(PROD, "AWSElementalMediaConvert", "APS3-Basic-AVC-HD-30", "", "arn:aws:mediaconvert:ap-south-1:222233334444:queues/Default", "min", "0.0188",
         620, "$0.0188 per minute of HD output", "content", bend=0.4, weekdays=True, family="Media Services"),
    Line(PROD, "AmazonES", "APS3-ESInstance:r6g.large", "ESDomain", "arn:aws:es:ap-south-1:222233334444:domain/content-search", "Hrs", "0.108",
         48, "$0.108 per r6g.large.search instance hour", "content", bend=0, width=0, family="Amazon OpenSearch Service Instance"),
    # assessment
    Line(PROD, "AmazonDynamoDB", "APS3-WriteRequestUnits", "PayPerRequestThroughput", "arn:aws:dynamodb:ap-south-1:222233334444:table/answers", "WriteRequestUnits", "0.0000014231",
         8_500_000, "$1.4231 per million write request units", "assessment", bend=1.2, family="Amazon DynamoDB PayPerRequest Throughput", is_hourly=True),
    Line(PROD, "AmazonDynamoDB", "APS3-ReadRequestUnits", "PayPerRequestThroughput", "arn:aws:dynamodb:ap-south-1:222233334444:table/answers", "ReadRequestUnits", "0.0000002846",
         26_000_000, "$0.2846 per million read request units", "assessment", bend=1.2, family="Amazon DynamoDB PayPerRequest Throughput"),
    Line(PROD, "AWSLambda", "APS3-Lambda-GB-Second", "Invoke", "arn:aws:lambda:ap-south-1:222233334444:function:score-paper", "Lambda-GB-Second", "0.0000166667",
         900_000, "$0.0000166667 for every GB-second", "assessment", bend=1.2, family="Serverless"),
    Line(PROD, "AWSQueueService", "APS3-Requests-Tier1", "SendMessage", "arn:aws:sqs:ap-south-1:222233334444:submissions", "Requests", "0.0000004",
         11_000_000, "$0.40 per million requests", "assessment", bend=1.1, family="API Request"),
    Line(PROD, "AmazonElastiCache", "APS3-NodeUsage:cache.r6g.large", "CreateCacheCluster:0002", "arn:aws:elasticache:ap-south-1:222233334444:cluster:leaderboard", "Hrs", "0.211",
         24, "$0.211 per cache.r6g.large node hour", "assessment", bend=0, width=0, family="Cache Instance"),
    # user
    Line(PROD, "AmazonElastiCache", "APS3-NodeUsage:cache.r6g.large", "CreateCacheCluster:0002", "arn:aws:elasticache:ap-south-1:222233334444:cluster:sessions", "Hrs", "0.211",
         24, "$0.211 per cache.r6g.large node hour", "user", bend=0, width=0, family="Cache Instance"),
    Line(PROD, "AmazonApiGateway", "APS3-ApiGatewayHttpRequest", "ApiGatewayHttpApi", "arn:aws:apigateway:ap-south-1::/apis/user-api", "Requests", "0.00000105",
         13_000_000, "$1.05 per million HTTP API requests", "user", family="API Calls"),
    # communication
    Line(PROD, "AmazonSNS", "APS3-OutboundSMS-IN-Transactional", "Publish", "arn:aws:sns:ap-south-1:222233334444:otp", "Messages", "0.00278",
         9_500, "$0.00278 per SMS to India", "communication", bend=0.9, family="Message Delivery"),
    Line(PROD, "AmazonSES", "APS3-Recipients-EC2", "Send", "arn:aws:ses:ap-south-1:222233334444:identity/pragati.example", "Count", "0.0001",
         160_000, "$0.10 per thousand recipients", "communication", bend=0.6, width=0.25, family="Sending Email"),
    # payment
    Line(PROD, "AWSLambda", "APS3-Lambda-GB-Second", "Invoke", "arn:aws:lambda:ap-south-1:222233334444:function:payment-webhook", "Lambda-GB-Second", "0.0000166667",
         480_000, "$0.0000166667 for every GB-second", "payment", bend=0.7, family="Serverless"),
    Line(PROD, "awskms", "ap-south-1-KMS-Requests", "Decrypt", "arn:aws:kms:ap-south-1:222233334444:key/7b1c", "Requests", "0.000000000001",
         1300, "$0.000000000001 per request", "payment", bend=0.5, family="Encryption Key"),
    # analytics
    Line(DATA, "AmazonS3", "APS3-TimedStorage-ByteHrs", "StandardStorage", "pragati-clickstream-lake", "GB-Mo", "0.025",
         700, "$0.025 per GB-month standard storage", "analytics", bend=0, growth=0.8, width=0.002, family="Storage"),
    Line(DATA, "AmazonRedshift", "APS3-Node:ra3.xlplus", "RunComputeNode:0001", "arn:aws:redshift:ap-south-1:555566667777:cluster:warehouse", "Node-Hrs", "1.175",
         24, "$1.175 per ra3.xlplus node hour", "analytics", bend=0, width=0, family="Compute Instance"),
    Line(DATA, "AWSGlue", "APS3-ETL-DPU-Hour", "Jobrun", "arn:aws:glue:ap-south-1:555566667777:job/sessionise", "DPU-Hour", "0.44",
         34, "$0.44 per DPU-hour", "analytics", bend=0.5, family="AWS Glue"),
    Line(DATA, "AmazonAthena", "APS3-DataScannedInTB", "ExecuteQuery", "arn:aws:athena:ap-south-1:555566667777:workgroup/growth", "Terabytes", "5",
         3.1, "$5.00 per TB scanned", "analytics", bend=0.4, width=0.4, weekdays=True, family="Athena Queries"),
    Line(DATA, "AmazonKinesis", "APS3-shardHourStorage", "shardHourStorage", "arn:aws:kinesis:ap-south-1:555566667777:stream/events", "ShardHour", "0.017",
         192, "$0.017 per shard hour", "analytics", bend=0, width=0, family="Kinesis Streams"),
    # databases beside the reserved ones
    Line(PROD, "AmazonRDS", "APS3-RDS:GP3-Storage", "CreateDBInstance:0014", "arn:aws:rds:ap-south-1:222233334444:db:assessment-1", "GB-Mo", "0.131",
         46, "$0.131 per GB-month gp3 storage", "assessment", bend=0, growth=0.3, width=0, family="Database Storage"),
    Line(PROD, "AmazonRDS", "APS3-RDS:ChargedBackupUsage", "CreateDBInstance:0014", "arn:aws:rds:ap-south-1:222233334444:db:user-1", "GB-Mo", "0.095",
         14, "$0.095 per GB-month of backup", "user", bend=0, growth=0.3, width=0.01, family="Storage Snapshot"),
    # shared platform
    Line(PROD, "AmazonEC2", "APS3-NatGateway-Bytes", "NatGateway", "arn:aws:ec2:ap-south-1:222233334444:natgateway/nat-0a1pragati", "GB", "0.056",
         430, "$0.056 per GB data processed by NAT gateways", bend=0.9, family="NAT Gateway", is_hourly=True,
         spikes=((date(2026, 2, 18), date(2026, 2, 25), 4.0),)),
    Line(PROD, "AmazonEC2", "APS3-NatGateway-Hours", "NatGateway", "arn:aws:ec2:ap-south-1:222233334444:natgateway/nat-0a1pragati", "Hrs", "0.056",
         48, "$0.056 per NAT gateway hour", bend=0, width=0, family="NAT Gateway"),
    Line(PROD, "AWSDataTransfer", "APS3-DataTransfer-Out-Bytes", "LoadBalancing", "", "GB", "0.1093",
         150, "$0.1093 per GB data transfer out", bend=0.9, family="Data Transfer"),
    Line(PROD, "AWSDataTransfer", "APS3-DataTransfer-Regional-Bytes", "InterZone-Out", "", "GB", "0.01",
         950, "$0.010 per GB regional data transfer", bend=0.9, family="Data Transfer"),
    Line(PROD, "AWSELB", "APS3-LCUUsage", "LoadBalancing:Application", "arn:aws:elasticloadbalancing:ap-south-1:222233334444:loadbalancer/app/public/50dc", "LCU-Hrs", "0.008",
         1400, "$0.008 per LCU-hour", bend=0.9, family="Load Balancer-Application"),
    Line(PROD, "AWSELB", "APS3-LoadBalancerUsage", "LoadBalancing:Application", "arn:aws:elasticloadbalancing:ap-south-1:222233334444:loadbalancer/app/public/50dc", "Hrs", "0.0239",
         24, "$0.0239 per Application LoadBalancer-hour", bend=0, width=0, family="Load Balancer-Application"),
    Line(PROD, "AmazonCloudWatch", "APS3-DataProcessing-Bytes", "PutLogEvents", "arn:aws:logs:ap-south-1:222233334444:log-group:/prod/all", "GB", "0.67",
         24, "$0.67 per GB log data ingested", bend=0.7, family="Data Payload",
         spikes=((date(2025, 11, 18), date(2025, 11, 21), 9.0),)),  # debug logging left on
    Line(PROD, "AmazonGuardDuty", "APS3-PaidS3DataEventsAnalyzed", "S3DataEvents", "", "Events", "0.000001",
         6_000_000, "$1.00 per million S3 events", bend=0.6, family="Security Services", tags=()),
    Line(PROD, "awswaf", "APS3-RequestV2-Tier1", "", "arn:aws:wafv2:ap-south-1:222233334444:regional/webacl/public", "Requests", "0.0000006",
         11_000_000, "$0.60 per million requests", family="Web Application Firewall"),
    Line(PROD, "AmazonEKS", "APS3-AmazonEKS-Hours:perCluster", "CreateOperation", "arn:aws:eks:ap-south-1:222233334444:cluster/pragati-prod", "Hours", "0.10",
         24, "$0.10 per cluster hour", bend=0, width=0, family="Compute"),
    Line(PROD, "AmazonEC2", "APS3-EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "vol-0c0ffee0prod00001", "GB-Mo", "0.0912",
         66, "$0.0912 per GB-month of gp3 storage", bend=0, width=0, family="Storage"),
    Line(PROD, "AmazonEC2", "APS3-EBS:SnapshotUsage", "CreateSnapshot", "arn:aws:ec2:ap-south-1:222233334444:snapshot/*", "GB-Mo", "0.05",
         120, "$0.05 per GB-month of snapshot data", bend=0, growth=0.6, width=0.01, family="Storage Snapshot", tags=()),
    Line(PROD, "AmazonEC2", "APS3-EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "vol-0dead0unattached01", "GB-Mo", "0.114",
         33, "$0.114 per GB-month of gp2 storage", "content", bend=0, width=0, family="Storage"),  # attached to nothing
    # staging and dev
    Line(STAGING, "AmazonRDS", "APS3-InstanceUsage:db.t4g.large", "CreateDBInstance:0014", "arn:aws:rds:ap-south-1:333344445555:db:staging", "Hrs", "0.146",
         24, "$0.146 per db.t4g.large instance hour", "user", bend=0, width=0, family="Database Instance"),
    Line(STAGING, "AmazonEC2", "APS3-EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "vol-0c0ffee0stage0001", "GB-Mo", "0.0912",
         20, "$0.0912 per GB-month of gp3 storage", "content", bend=0, width=0, family="Storage"),
    Line(DEV, "AmazonRDS", "APS3-InstanceUsage:db.t4g.medium", "CreateDBInstance:0014", "arn:aws:rds:ap-south-1:444455556666:db:idle-experiment", "Hrs", "0.073",
         24, "$0.073 per db.t4g.medium instance hour", "analytics", bend=0, width=0, family="Database Instance",
         tags=_hostile(SCRIPT, team="data", env="dev", service="analytics")),
    Line(DEV, "AmazonEC2", "APS3-EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "vol-0c0ffee0dev000001", "GB-Mo", "0.114",
         16, "$0.114 per GB-month of gp2 storage", bend=0, width=0, family="Storage",
         tags=_hostile("scratch", team=INJECTION, env="dev", service=FORMULA)),
    Line(DEV, "AmazonS3", "APS3-TimedStorage-ByteHrs", "StandardStorage", "pragati-dev-dumps", "GB-Mo", "0.025",
         60, "$0.025 per GB-month standard storage", bend=0, growth=1.5, width=0.01, family="Storage",
         tags=_hostile(RIGHT_TO_LEFT, env="Dev")),
)  # fmt: skip

MARKETPLACE = Line(
    PROD, "7nq8zt2vw4a9c1e5g3k6m0p2r", "Atlas_Credits", "", "arn:aws:aws-marketplace::222233334444:agreement/agmt-atlas", "Units",
    "0.01", 2300, "MongoDB Atlas, pay as you go", "assessment", bend=0.3, family="", region="",
)  # fmt: skip


@dataclass(frozen=True)
class Reservation:
    """Four reserved databases for a year, half paid at once: hourly prices per instance, exact by construction."""

    arn: str = "arn:aws:rds:ap-south-1:222233334444:ri:ri-2025-09-10-assessment"
    subscription: str = "9876543210"
    bought: date = date(2025, 9, 10)
    term_hours: int = 8760
    count: int = 4
    upfront_hourly: Decimal = Decimal("0.177")
    recurring_hourly: Decimal = Decimal("0.177")
    list_rate: Decimal = Decimal("0.536")
    #: One of the four was deleted after the season; its reservation runs on unused.
    deleted: date = date(2026, 7, 5)
    databases: tuple[tuple[str, str], ...] = field(
        default=(("assessment-1", "assessment"), ("assessment-2", "assessment"), ("user-1", "user"), ("payment-1", "payment"))
    )  # fmt: skip

    @property
    def upfront(self) -> Decimal:
        """What was paid on the first day."""
        return self.upfront_hourly * self.term_hours * self.count

    def databases_on(self, day: date) -> list[tuple[str, str]]:
        """Running databases: name and service."""
        return [item for item in self.databases if item[0] != "assessment-2" or day < self.deleted]


@dataclass(frozen=True)
class SavingsPlan:
    """A Compute Savings Plan for a year without upfront payment, hourly commitment in USD."""

    arn: str = "arn:aws:savingsplans::111122223333:savingsplan/5c1f2a34-9e0b-4c5d-8a77-2f6b1d0e9c42"
    first: date = date(2025, 10, 1)
    end: date = date(2026, 10, 1)
    hourly: Decimal = Decimal("5.1")
    #: Price under the plan as a share of the on-demand price.
    share: Decimal = Decimal("0.72")


RESERVATION = Reservation()
PLAN = SavingsPlan()
#: Kubernetes: (namespace, deployment, service, share of a node) per node, and what of a node stays unused.
PODS = (
    (("payments", "payment-webhook", "payment", "0.30"), ("engagement", "push-worker", "communication", "0.35")),
    (("identity", "login", "user", "0.40"), ("content", "playlist", "content", "0.25")),
    (("assessment", "ranker", "assessment", "0.50"),),
)
PODS_FROM = date(2026, 7, 1)
