"""What the company runs at AWS India: machines, databases, caches, and what is metered. Quantities, not yet a bill."""

# ruff: noqa: E501 - the tables read best with one row a line

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from demo.company import TEAMS

PAYER, PROD, STAGING, DEV, DATA, SHARED = (
    "111122223333", "222233334444", "333344445555", "444455556666", "555566667777", "666677778888",
)  # fmt: skip
ACCOUNTS = {
    PAYER: "pragati-payer", PROD: "pragati-prod", STAGING: "pragati-staging", DEV: "pragati-dev",
    DATA: "pragati-data", SHARED: "pragati-shared",
}  # fmt: skip
ENVIRONMENTS = {PROD: "prod", STAGING: "staging", DEV: "dev", DATA: "prod", SHARED: "prod", PAYER: "prod"}

SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|'/c calc'!A1"
INJECTION = "'; DROP TABLE charges; --"
RIGHT_TO_LEFT = "invoice\u202efdp.exe"
LONG = "a very long note " * 18

Tags = tuple[tuple[str, str], ...]
When = Literal["always", "office", "exam"]


@dataclass(frozen=True)
class Group:
    """Machines of one type and purpose: `least` of them always, `per_load` more for each unit of load above 1.

    `when`: office hours are Mon-Fri 09:30-21:00 in India; exam is from 45 days before an exam to 2 days after.
    `needed`: when they are really used (the truth). `ends`: deleted on a day. `cpu`: average per cent at load 1.
    """

    name: str
    kind: Literal["ec2", "rds", "cache"]
    account: str
    service: str
    type: str
    least: int
    per_load: float = 0.0
    most: int = 60
    when: When = "always"
    needed: When | Literal["never"] = "always"
    spot: bool = False
    starts: date = date(2020, 1, 1)
    ends: date = date(2100, 1, 1)
    cpu: float = 38.0
    state: str = ""
    detail: str = ""
    right_size: str = ""
    product: str = ""
    tags: Tags | None = None

    @property
    def owner(self) -> str:
        """team/service."""
        return f"{TEAMS[self.service]}/{self.service}"


# fmt: off
GROUPS = (
    Group("eks-node", "ec2", PROD, "platform", "m6i.2xlarge", 5, 3),
    Group("user-api", "ec2", PROD, "user", "m7g.xlarge", 3, 2.5),
    Group("content-api", "ec2", PROD, "content", "c6i.2xlarge", 4, 3),
    Group("test-engine", "ec2", PROD, "assessment", "c7g.2xlarge", 4, 4, product="test-series"),
    Group("notifier", "ec2", PROD, "communication", "m6i.large", 2, 1),
    Group("payment-api", "ec2", PROD, "payment", "m6i.xlarge", 2, 0.5),
    Group("transcoder", "ec2", PROD, "content", "c6i.4xlarge", 1, 0.5, spot=True),
    Group("clickstream", "ec2", DATA, "analytics", "r6i.xlarge", 3, 1, spot=True),
    Group("warehouse-loader", "ec2", DATA, "analytics", "r6i.2xlarge", 2),
    Group("search", "ec2", PROD, "content", "r6g.xlarge", 3),
    Group("bastion", "ec2", SHARED, "platform", "t3.medium", 2, cpu=3),
    Group("ci-runner", "ec2", SHARED, "platform", "c6i.2xlarge", 3, when="office", needed="office"),
    Group("legacy-crm", "ec2", PROD, "communication", "m5.2xlarge", 1, needed="never", cpu=1, state="idle", detail="nobody has logged in since the CRM moved"),
    Group("old-forum", "ec2", PROD, "content", "c5.xlarge", 1, needed="never", cpu=1, state="idle", detail="the forum was closed"),
    Group("report-maker", "ec2", DATA, "analytics", "m6i.4xlarge", 1, cpu=3.5, state="oversized", detail="below 10 % CPU all year", right_size="m6i.xlarge"),
    Group("pdf-stamper", "ec2", PROD, "content", "c6i.4xlarge", 1, cpu=3, state="oversized", detail="below 10 % CPU all year", right_size="c6i.xlarge"),
    Group("exam-day-proctor", "ec2", PROD, "assessment", "c6i.2xlarge", 3, when="exam", needed="exam", state="dormant", detail="runs only in the exam window", product="test-series"),
    Group("exam-standby", "ec2", PROD, "assessment", "m6i.xlarge", 1, needed="exam", cpu=14, state="dormant", detail="needed only in the exam window, kept running", product="test-series"),
    Group("staging-all", "ec2", STAGING, "platform", "m6i.xlarge", 4, needed="office", cpu=14, state="schedulable", detail="used in office hours, runs day and night"),
    Group("staging-engine", "ec2", STAGING, "assessment", "c6i.2xlarge", 2, when="office", needed="office"),
    Group("dev-box", "ec2", DEV, "content", "m6i.large", 6, needed="office", cpu=12, state="schedulable", detail="used in office hours, runs day and night"),
    Group("dev-user", "ec2", DEV, "user", "t3.large", 3, needed="office", cpu=10, state="schedulable", detail="used in office hours, runs day and night", tags=(("Team", "identity"), ("Env", "Dev"), ("service", "user"))),
    Group("dev-pay", "ec2", DEV, "payment", "t3.large", 1, when="office", needed="office", tags=(("tema", "payments"), ("enviroment", "dev"), ("service", "payment"))),
    Group("doubt-gpu", "ec2", DATA, "analytics", "g4dn.xlarge", 1, starts=date(2025, 11, 3), cpu=20, state="untagged", detail="an experiment that nobody tagged", tags=()),
    Group("unknown-worker", "ec2", PROD, "content", "m5.xlarge", 3, cpu=30, state="untagged", detail="started by hand", tags=(("note", SCRIPT), ("purpose", FORMULA))),
    Group("user-db", "rds", PROD, "user", "db.r6g.xlarge", 2),
    Group("content-db", "rds", PROD, "content", "db.r6g.xlarge", 1),
    Group("exam-db", "rds", PROD, "assessment", "db.r6g.2xlarge", 2, product="test-series"),
    Group("payment-db", "rds", PROD, "payment", "db.r6g.xlarge", 1),
    Group("forum-db", "rds", PROD, "content", "db.r6g.xlarge", 1, ends=date(2026, 2, 1), detail="deleted with its reservation running on"),
    Group("events-db", "rds", DATA, "analytics", "db.r6g.large", 1),
    Group("survey-db", "rds", DEV, "communication", "db.m6g.large", 1, needed="never", cpu=1, state="idle", detail="a survey of 2023"),
    Group("staging-db", "rds", STAGING, "platform", "db.m6g.large", 2, needed="office", cpu=8, state="schedulable", detail="used in office hours, runs day and night"),
    Group("sessions", "cache", PROD, "user", "cache.r6g.large", 3),
    Group("leaderboard", "cache", PROD, "assessment", "cache.r6g.xlarge", 2, product="test-series"),
    Group("feed-cache", "cache", PROD, "content", "cache.r6g.large", 2),
)
# fmt: on


@dataclass(frozen=True)
class Spike:
    """A cost out of the ordinary: so many times the usual from `start` for some days."""

    id: str
    start: date
    days: int
    factor: float
    why: str


@dataclass(frozen=True)
class Meter:
    """One metered line: `daily` units at load 1; `bend` how far it follows the load (0: never), `growth` a year."""

    account: str
    service: str
    product: str
    usage_type: str
    operation: str
    resource: str
    unit: str
    rate: str
    daily: float
    bend: float = 0.9
    growth: float = 0.0
    noise: float = 0.05
    spikes: tuple[Spike, ...] = ()
    family: str = ""
    state: str = ""
    detail: str = ""
    tags: Tags | None = None
    product_tag: str = ""
    texts: tuple[tuple[str, str], ...] = ()


def _arn(service: str, account: str, name: str) -> str:
    return f"arn:aws:{service}:ap-south-1:{account}:{name}"


_MASTERS = "pragati-video-masters"
# fmt: off
METERS = (
    Meter(PROD, "content", "AmazonCloudFront", "IN-DataTransfer-Out-Bytes", "GET", f"arn:aws:cloudfront::{PROD}:distribution/E2PRAGATIVIDEO", "GB", "0.085", 1350, spikes=(Spike("cdn-scrape", date(2025, 9, 9), 1, 4, "a scraper downloaded the whole library"), Spike("cdn-ddos", date(2024, 10, 16), 1, 3.2, "a flood of requests from one network")), family="Data Transfer"),
    Meter(PROD, "content", "AmazonCloudFront", "IN-Requests-Tier1", "GET", f"arn:aws:cloudfront::{PROD}:distribution/E2PRAGATIVIDEO", "Requests", "0.0000009", 21_000_000, family="Request"),
    Meter(PROD, "content", "AmazonS3", "APS3-TimedStorage-ByteHrs", "StandardStorage", "pragati-video-masters", "GB-Mo", "0.025", 1050, 0, 0.25, 0.002, family="Storage"),
    Meter(PROD, "content", "AmazonS3", "APS3-TimedStorage-SIA-ByteHrs", "StandardIAStorage", "pragati-video-masters", "GB-Mo", "0.0138", 750, 0, 0.3, 0.002, family="Storage"),
    Meter(PROD, "content", "AmazonS3", "APS3-TimedStorage-GIR-ByteHrs", "GlacierInstantRetrievalStorage", "pragati-archive", "GB-Mo", "0.005", 1600, 0, 0.5, 0.002, family="Storage"),
    Meter(PROD, "content", "AmazonS3", "APS3-Requests-Tier2", "GetObject", "pragati-video-masters", "Requests", "0.0000004", 14_000_000, spikes=(Spike("s3-storm", date(2025, 1, 14), 21, 9, "a client that asked for every thumbnail on every scroll"),), family="API Request"),
    Meter(PROD, "content", "AWSElementalMediaConvert", "APS3-Basic-AVC-HD-30", "", _arn("mediaconvert", PROD, "queues/Default"), "min", "0.0188", 450, 0.4, family="Media Services"),
    Meter(PROD, "assessment", "AmazonDynamoDB", "APS3-WriteRequestUnits", "PayPerRequestThroughput", _arn("dynamodb", PROD, "table/answers"), "WriteRequestUnits", "0.0000014231", 13_000_000, 1.1, family="Amazon DynamoDB PayPerRequest Throughput", product_tag="test-series"),
    Meter(PROD, "assessment", "AmazonDynamoDB", "APS3-ReadRequestUnits", "PayPerRequestThroughput", _arn("dynamodb", PROD, "table/answers"), "ReadRequestUnits", "0.0000002846", 40_000_000, 1.1, family="Amazon DynamoDB PayPerRequest Throughput", product_tag="test-series"),
    Meter(PROD, "assessment", "AWSLambda", "APS3-Lambda-GB-Second", "Invoke", _arn("lambda", PROD, "function:score-paper"), "Lambda-GB-Second", "0.0000166667", 1_300_000, 1.1, spikes=(Spike("lambda-loop", date(2025, 12, 2), 2, 14, "a function that called itself"), Spike("load-test", date(2026, 3, 18), 1, 3, "planned: load test, told beforehand")), family="Serverless", product_tag="test-series"),
    Meter(PROD, "assessment", "AWSQueueService", "APS3-Requests-Tier1", "SendMessage", _arn("sqs", PROD, "submissions"), "Requests", "0.0000004", 15_000_000, family="API Request", product_tag="test-series"),
    Meter(PROD, "user", "AmazonApiGateway", "APS3-ApiGatewayHttpRequest", "ApiGatewayHttpApi", _arn("apigateway", PROD, "/apis/user-api"), "Requests", "0.00000105", 16_000_000, family="API Calls"),
    Meter(PROD, "user", "AmazonCognito", "APS3-CognitoUserPoolsMAU", "", _arn("cognito-idp", PROD, "userpool/students"), "User-pool MAU", "0.0000046", 4_000_000, 0.3, family="User Pool"),
    Meter(PROD, "communication", "AmazonSNS", "APS3-OutboundSMS-IN-Transactional", "Publish", _arn("sns", PROD, "otp"), "Messages", "0.00278", 9000, 0.8, family="Message Delivery"),
    Meter(PROD, "communication", "AmazonSES", "APS3-Recipients-EC2", "Send", _arn("ses", PROD, "identity/pragati.example"), "Count", "0.0001", 260_000, 0.6, noise=0.2, family="Sending Email"),
    Meter(PROD, "payment", "AWSLambda", "APS3-Lambda-GB-Second", "Invoke", _arn("lambda", PROD, "function:payment-webhook"), "Lambda-GB-Second", "0.0000166667", 500_000, 0.7, family="Serverless"),
    Meter(PROD, "payment", "awskms", "ap-south-1-KMS-Requests", "Decrypt", _arn("kms", PROD, "key/7b1c"), "Requests", "0.000003", 60_000, 0.5, family="Encryption Key"),
    Meter(DATA, "analytics", "AmazonS3", "APS3-TimedStorage-ByteHrs", "StandardStorage", "pragati-clickstream-lake", "GB-Mo", "0.025", 600, 0, 0.7, 0.002, family="Storage"),
    Meter(DATA, "analytics", "AWSGlue", "APS3-ETL-DPU-Hour", "Jobrun", _arn("glue", DATA, "job/sessionise"), "DPU-Hour", "0.44", 45, 0.6, family="AWS Glue"),
    Meter(DATA, "analytics", "AmazonAthena", "APS3-DataScannedInTB", "ExecuteQuery", _arn("athena", DATA, "workgroup/growth"), "Terabytes", "5", 4.2, 0.4, noise=0.3, family="Athena Queries"),
    Meter(DATA, "analytics", "AmazonKinesis", "APS3-shardHourStorage", "shardHourStorage", _arn("kinesis", DATA, "stream/events"), "ShardHour", "0.017", 240, 0, noise=0, family="Kinesis Streams"),
    Meter(PROD, "user", "AmazonRDS", "APS3-RDS:GP3-Storage", "CreateDBInstance:0014", _arn("rds", PROD, "db:user-db-1"), "GB-Mo", "0.131", 34, 0, 0.3, 0, family="Database Storage"),
    Meter(PROD, "assessment", "AmazonRDS", "APS3-RDS:GP3-Storage", "CreateDBInstance:0014", _arn("rds", PROD, "db:exam-db-1"), "GB-Mo", "0.131", 60, 0, 0.35, 0, family="Database Storage", product_tag="test-series"),
    Meter(PROD, "platform", "AmazonRDS", "APS3-RDS:ChargedBackupUsage", "CreateDBInstance:0014", _arn("rds", PROD, "cluster-snapshot:all"), "GB-Mo", "0.095", 40, 0, 0.3, 0.01, family="Storage Snapshot"),
    Meter(PROD, "platform", "AmazonEKS", "APS3-AmazonEKS-Hours:perCluster", "CreateOperation", _arn("eks", PROD, "cluster/pragati-prod"), "Hours", "0.10", 24, 0, noise=0, family="Compute"),
    Meter(PROD, "platform", "AmazonEC2", "APS3-NatGateway-Bytes", "NatGateway", _arn("ec2", PROD, "natgateway/nat-0a1"), "GB", "0.056", 650, spikes=(Spike("nat-leak", date(2026, 1, 20), 8, 4.5, "a job that fetched its input through the NAT gateway"), Spike("nat-sync", date(2024, 6, 26), 6, 3.5, "a backup that went out through the NAT gateway")), family="NAT Gateway"),
    Meter(PROD, "platform", "AmazonEC2", "APS3-NatGateway-Hours", "NatGateway", _arn("ec2", PROD, "natgateway/nat-0a1"), "Hrs", "0.056", 72, 0, noise=0, family="NAT Gateway"),
    Meter(STAGING, "platform", "AmazonEC2", "APS3-NatGateway-Hours", "NatGateway", _arn("ec2", STAGING, "natgateway/nat-0b2"), "Hrs", "0.056", 24, 0, noise=0, family="NAT Gateway", state="idle", detail="a NAT gateway that nothing uses"),
    Meter(PROD, "platform", "AWSDataTransfer", "APS3-DataTransfer-Out-Bytes", "LoadBalancing", "", "GB", "0.1093", 170, family="Data Transfer"),
    Meter(PROD, "platform", "AWSDataTransfer", "APS3-DataTransfer-Regional-Bytes", "InterZone-Out", "", "GB", "0.01", 1800, family="Data Transfer"),
    Meter(PROD, "platform", "AWSELB", "APS3-LCUUsage", "LoadBalancing:Application", _arn("elasticloadbalancing", PROD, "loadbalancer/app/public/50dc"), "LCU-Hrs", "0.008", 2000, family="Load Balancer-Application"),
    Meter(PROD, "platform", "AWSELB", "APS3-LoadBalancerUsage", "LoadBalancing:Application", _arn("elasticloadbalancing", PROD, "loadbalancer/app/public/50dc"), "Hrs", "0.0239", 24, 0, noise=0, family="Load Balancer-Application"),
    Meter(PROD, "content", "AWSELB", "APS3-LoadBalancerUsage", "LoadBalancing:Application", _arn("elasticloadbalancing", PROD, "loadbalancer/app/old-forum/1a2b"), "Hrs", "0.0239", 24, 0, noise=0, family="Load Balancer-Application", state="idle", detail="a load balancer without targets"),
    Meter(PROD, "platform", "AmazonCloudWatch", "APS3-DataProcessing-Bytes", "PutLogEvents", _arn("logs", PROD, "log-group:/prod/all"), "GB", "0.67", 36, 0.8, spikes=(Spike("debug-logs", date(2025, 8, 25), 4, 8, "debug logging left on"), Spike("debug-logs-2024", date(2024, 8, 19), 5, 6, "debug logging left on")), family="Data Payload"),
    Meter(PROD, "platform", "awswaf", "APS3-RequestV2", "", _arn("wafv2", PROD, "webacl/public"), "Requests", "0.0000006", 14_000_000, family="Web Application Firewall"),
    Meter(PAYER, "platform", "AmazonRoute53", "DNS-Queries", "A", "Z0PRAGATI", "Queries", "0.0000004", 5_000_000, 0.7, family="DNS Query"),
    Meter(PAYER, "platform", "AmazonGuardDuty", "APS3-PaidEventsAnalyzed", "", "", "Events", "0.0000046", 2_400_000, 0.5, family="Security Services"),
    Meter(PROD, "platform", "AmazonEC2", "APS3-EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "vol-0eksnodes", "GB-Mo", "0.0912", 90, 0.3, 0.05, 0, family="Storage"),
    Meter(PROD, "content", "AmazonEC2", "APS3-EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "vol-0search", "GB-Mo", "0.114", 70, 0, 0.1, 0, family="Storage"),
    Meter(DEV, "content", "AmazonEC2", "APS3-EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "vol-0devboxes", "GB-Mo", "0.114", 20, 0, noise=0, family="Storage"),
    Meter(PROD, "content", "AmazonEC2", "APS3-EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "vol-0forum", "GB-Mo", "0.114", 12, 0, noise=0, family="Storage", state="idle", detail="a volume that no machine has attached"),
    Meter(PROD, "user", "AmazonEC2", "APS3-EBS:SnapshotUsage", "CreateSnapshot", _arn("ec2", PROD, "snapshot/snap-0migration"), "GB-Mo", "0.05", 26, 0, noise=0, family="Storage Snapshot", state="idle", detail="snapshots of a migration in 2022"),
    Meter(PROD, "platform", "AmazonEC2", "APS3-ElasticIP:IdleAddress", "AssociateAddressVPC", _arn("ec2", PROD, "eip-allocation/eipalloc-0c3"), "Hrs", "0.005", 48, 0, noise=0, family="IP Address", state="idle", detail="addresses that belong to nothing"),
    Meter(PROD, "content", "AmazonEC2", "APS3-BoxUsage:g4dn.xlarge", "RunInstances", "i-0forgottenfleet", "Hrs", "0.579", 1e-9, 0, noise=0, spikes=(Spike("gpu-weekend", date(2026, 7, 11), 2, 288e9, "twelve graphics machines left on over a weekend"),), family="Compute Instance"),
    Meter(PROD, "content", "MarketplaceAtlas", "APS3-Atlas-Hours", "", "atlas-content", "Hrs", "0.95", 24, 0, noise=0, texts=(("bill_billing_entity", "AWS Marketplace"),)),
    Meter(PROD, "content", "AmazonES", "APS3-ESInstance:r6g.large", "ESDomain", _arn("es", PROD, "domain/content-search"), "Hrs", "0.178", 72, 0, noise=0, family="Amazon OpenSearch Service Instance", tags=(("team", "content-platform"), ("env", " prod "), ("service", "Content"), ("note", LONG))),
    Meter(PROD, "assessment", "AmazonS3", "APS3-TimedStorage-ByteHrs", "StandardStorage", "pragati-answer-sheets", "GB-Mo", "0.025", 420, 0, 0.5, 0.002, family="Storage", tags=(("team", "assesment"), ("env", "prod"), ("service", "assesment"))),
    Meter(PROD, "communication", "AmazonS3", "APS3-TimedStorage-ByteHrs", "StandardStorage", "pragati-crm-exports", "GB-Mo", "0.025", 130, 0, noise=0, family="Storage", state="untagged", detail="somebody's notes instead of tags", tags=(("owner-note", INJECTION), ("file", RIGHT_TO_LEFT))),
)
# fmt: on
#: Groups that hold no state and may stop at any time, though they run on demand.
SPOTABLE = ("ci-runner", "staging-engine", "staging-all", "dev-box", "dev-user", "warehouse-loader")
#: What commitments are based on: prices as shares of on demand.
INSTANCE_PLAN_SHARE, COMPUTE_PLAN_SHARE = Decimal("0.66"), Decimal("0.74")
