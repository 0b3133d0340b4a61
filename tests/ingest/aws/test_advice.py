"""AWS's own advice as rows: what each adviser says of machines, volumes, databases and purchases."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from aws_server import Refusal

from core import ConnectionConfig, ExportConfig, LocationUnreachable
from ingest.aws import advice
from ingest.aws._clients import action_of
from ingest.aws._optimizer import billed_id
from ingest.run import ingest_exports

HOME, OTHER = "123456789012", "222233334444"
ARN = f"arn:aws:ec2:ap-south-1:{HOME}"


def saving(value: float, rank: int = 1, **more: object) -> dict:
    money = {"currency": "USD", "value": value}
    return {"rank": rank, "savingsOpportunity": {"estimatedMonthlySavings": money}, "performanceRisk": 1.0} | more


def machine(name: str, then: str, finding: str = "Overprovisioned", **more: object) -> dict:
    return {
        "instanceArn": f"{ARN}:instance/{name}", "accountId": HOME, "currentInstanceType": "m6i.2xlarge",
        "finding": finding, "lookBackPeriodInDays": 14.0, "findingReasonCodes": ["CPUOverprovisioned"],
        "utilizationMetrics": [{"name": "Cpu", "statistic": "Maximum", "value": 31.5}],
        "recommendationOptions": [saving(9.5, 2, instanceType="m5.xlarge"), saving(61.32, instanceType=then)],
    } | more  # fmt: skip


MACHINES = [
    machine("i-big", "m6i.xlarge"),
    machine("i-arm", "m7g.xlarge", recommendationOptions=[saving(
        80.25, instanceType="m7g.xlarge", platformDifferences=["Architecture"],
        savingsOpportunityAfterDiscounts={"estimatedMonthlySavings": {"currency": "USD", "value": 0.00001}})]),
    machine("i-idle", "", idle="True"),
    machine("i-right", "m6i.xlarge", finding="Optimized"),
    machine("i-same", "m6i.2xlarge"),
]  # fmt: skip
GROUP = {
    "autoScalingGroupArn": f"arn:aws:autoscaling:ap-south-1:{HOME}:autoScalingGroup:1-2:autoScalingGroupName/web",
    "accountId": HOME, "autoScalingGroupName": "web", "finding": "NotOptimized", "lookBackPeriodInDays": 32.0,
    "currentConfiguration": {"instanceType": "c6i.xlarge", "minSize": 2, "maxSize": 9},
    "recommendationOptions": [saving(12.0, configuration={"instanceType": "c6i.large", "minSize": 2, "maxSize": 9})],
}  # fmt: skip
VOLUMES = [
    {"volumeArn": f"{ARN}:volume/vol-{name}", "accountId": HOME, "finding": finding, "lookBackPeriodInDays": 14.0,
     "currentConfiguration": {"volumeType": "gp2", "volumeSize": 500, "volumeBaselineIOPS": 1500},
     "volumeRecommendationOptions": [saving(8.0, configuration={
         "volumeType": "gp3", "volumeSize": 500, "volumeBaselineIOPS": 3000, "volumeBaselineThroughput": 125})]}
    for name, finding in (("old", "NotOptimized"), ("good", "Optimized"))
]  # fmt: skip
FUNCTION = {
    "functionArn": f"arn:aws:lambda:ap-south-1:{HOME}:function:grade:$LATEST", "accountId": HOME,
    "currentMemorySize": 1024, "finding": "NotOptimized", "findingReasonCodes": ["MemoryOverprovisioned"],
    "lookbackPeriodInDays": 14.0, "memorySizeRecommendationOptions": [saving(3.0, memorySize=512)],
}  # fmt: skip
DATABASE = {
    "resourceArn": f"arn:aws:rds:ap-south-1:{HOME}:db:main", "accountId": HOME, "engine": "postgres",
    "currentDBInstanceClass": "db.r6g.2xlarge", "instanceFinding": "Overprovisioned", "storageFinding": "NotOptimized",
    "instanceRecommendationOptions": [saving(99.0, dbInstanceClass="db.r6g.xlarge")], "lookbackPeriodInDays": 14.0,
    "currentStorageConfiguration": {"storageType": "io1", "allocatedStorage": 400, "iops": 8000},
    "storageRecommendationOptions": [
        saving(40.0, storageConfiguration={"storageType": "gp3", "allocatedStorage": 400})],
}  # fmt: skip
HUB = [
    {"recommendationId": "hub-1", "accountId": OTHER, "region": "ap-south-1", "resourceId": "vol-lost",
     "resourceArn": f"arn:aws:ec2:ap-south-1:{OTHER}:volume/vol-lost", "actionType": "Delete", "currencyCode": "USD",
     "estimatedMonthlySavings": 5.12, "currentResourceSummary": "gp3/100 GB", "source": "ComputeOptimizer",
     "recommendationLookbackPeriodInDays": 32, "implementationEffort": "Low"},
    {"recommendationId": "hub-2", "accountId": HOME, "actionType": "PurchaseSavingsPlans", "currencyCode": "USD",
     "estimatedMonthlySavings": 210.0, "recommendedResourceSummary": "1.5/hour", "source": "CostExplorer"},
    {"recommendationId": "hub-3", "accountId": HOME, "actionType": "Juggle", "resourceId": "x"},
]  # fmt: skip


def plans(asked) -> dict:
    kind, page = asked.body["SavingsPlansType"], asked.body.get("NextPageToken")
    if (kind, asked.body["TermInYears"]) == ("COMPUTE_SP", "ONE_YEAR"):
        one = {"SavingsPlansDetails": {"OfferingId": "o"}, "AccountId": HOME, "CurrencyCode": "USD",
               "HourlyCommitmentToPurchase": "1.234", "EstimatedMonthlySavingsAmount": "345.67", "UpfrontCost": "0.0",
               "EstimatedAverageUtilization": "97.5"}  # fmt: skip
        return {"SavingsPlansPurchaseRecommendation": {"SavingsPlansPurchaseRecommendationDetails": [one]}}
    if (kind, asked.body["TermInYears"]) == ("EC2_INSTANCE_SP", "THREE_YEARS"):
        scope = {"Region": "ap-south-1", "InstanceFamily": "c6i" if page else "m6i"}
        one = {"SavingsPlansDetails": scope, "HourlyCommitmentToPurchase": "0.5", "CurrencyCode": "USD",
               "EstimatedMonthlySavingsAmount": "100"}  # fmt: skip
        answer = {"SavingsPlansPurchaseRecommendation": {"SavingsPlansPurchaseRecommendationDetails": [one]}}
        return answer | ({} if page else {"NextPageToken": "more"})
    if kind == "DATABASE_SP":
        raise Refusal("DataUnavailableException")
    return {"SavingsPlansPurchaseRecommendation": {}}


def reservations(asked) -> dict:
    if asked.body["TermInYears"] == "THREE_YEARS":
        raise Refusal("ValidationException")  # as where that is not sold
    common = {"AccountId": HOME, "RecommendedNumberOfInstancesToPurchase": "3", "CurrencyCode": "USD",
              "EstimatedMonthlySavingsAmount": "77.7", "RecurringStandardMonthlyCost": "500.5"}  # fmt: skip
    details = {
        "Amazon Relational Database Service": {"RDSInstanceDetails": {
            "InstanceType": "db.r6g.xlarge", "Region": "ap-south-1", "DatabaseEngine": "PostgreSQL",
            "DeploymentOption": "Multi-AZ"}},
        "Amazon OpenSearch Service": {"ESInstanceDetails": {
            "InstanceClass": "r6g", "InstanceSize": "large", "Region": "ap-south-1"}},
    }.get(asked.body["Service"])  # fmt: skip
    return {"Recommendations": [{"RecommendationDetails": [common | {"InstanceDetails": details}] if details else []}]}


@pytest.fixture
def advised(server):
    """Advice on ap-south-1 of the own account, one item a page; other regions and accounts have none."""

    def paged(key: str, found: list, *, everywhere: bool = False):
        def answer(asked):
            ours = found if everywhere or (asked.region, asked.key) == ("ap-south-1", "AKIAEXAMPLE") else []
            at = int(asked.body.get("nextToken", 0))
            return {key: ours[at : at + 1]} | ({"nextToken": str(at + 1)} if at + 1 < len(ours) else {})

        return answer

    server.answers |= {
        "compute-optimizer:GetEC2InstanceRecommendations": paged("instanceRecommendations", MACHINES),
        "compute-optimizer:GetAutoScalingGroupRecommendations": paged("autoScalingGroupRecommendations", [GROUP]),
        "compute-optimizer:GetEBSVolumeRecommendations": paged("volumeRecommendations", VOLUMES),
        "compute-optimizer:GetLambdaFunctionRecommendations": paged("lambdaFunctionRecommendations", [FUNCTION]),
        "compute-optimizer:GetRDSDatabaseRecommendations": paged("rdsDBRecommendations", [DATABASE]),
        "cost-optimization-hub:ListEnrollmentStatuses": lambda _: {"items": [{"accountId": HOME, "status": "Active"}]},
        "cost-optimization-hub:ListRecommendations": paged("items", HUB, everywhere=True),
        "ce:GetSavingsPlansPurchaseRecommendation": plans,
        "ce:GetReservationPurchaseRecommendation": reservations,
        "organizations:ListAccounts": lambda _: {"Accounts": [{"Id": HOME}, {"Id": OTHER}]},
    }  # fmt: skip
    return server


TWO = {"accounts": [OTHER], "role": "kifayat", "regions": ["ap-south-1", "ap-southeast-1"]}


def pulled(location) -> dict[str, dict]:
    tables = [location.pull(part, print) for part in location.parts()]
    return {row["advice_id"]: row for table in tables if table for row in table.to_pylist()}


def test_resources_are_told_by_the_ids_of_the_bill_with_what_is_to_become_of_them(advised, open_aws):
    found = [one for one in pulled(open_aws("advice", **TWO)).values() if one["adviser"] == "compute-optimizer"]
    told = {
        (one["resource_id"], one["action"], one["current"], one["proposed"], one["monthly_saving"]) for one in found
    }
    assert told == {
        ("i-big", "rightsize", "m6i.2xlarge", "m6i.xlarge", "61.32"),
        ("i-arm", "migrate_arm", "m6i.2xlarge", "m7g.xlarge", "0.00001"),
        ("i-idle", "stop", "m6i.2xlarge", None, "61.32"),
        ("asg/web", "rightsize", "c6i.xlarge, 2 to 9 instances", "c6i.large, 2 to 9 instances", "12.0"),
        ("vol-old", "upgrade", "gp2 500 GiB 1500 IOPS", "gp3 500 GiB 3000 IOPS 125 MiB/s", "8.0"),
        (f"arn:aws:lambda:ap-south-1:{HOME}:function:grade", "rightsize", "1024 MB", "512 MB", "3.0"),
        (f"arn:aws:rds:ap-south-1:{HOME}:db:main", "rightsize", "db.r6g.2xlarge", "db.r6g.xlarge", "99.0"),
        (f"arn:aws:rds:ap-south-1:{HOME}:db:main", "rightsize", "io1 400 GiB 8000 IOPS", "gp3 400 GiB", "40.0"),
    }  # fmt: skip
    big = next(one for one in found if one["resource_id"] == "i-big")
    assert (big["account_id"], big["region"], big["lookback_days"], big["finding"]) == (
        HOME, "ap-south-1", "14", "Overprovisioned",
    )  # fmt: skip
    assert json.loads(big["details"])["measured"] == {"Cpu Maximum": 31.5}
    arm = next(one for one in found if one["resource_id"] == "i-arm")
    assert json.loads(arm["details"])["after_discounts"] is True


def test_the_hub_speaks_for_all_accounts_in_our_words(advised, open_aws):
    found = {name: one for name, one in pulled(open_aws("advice")).items() if name.startswith("hub")}
    assert {name: (one["account_id"], one["resource_id"], one["action"], one["monthly_saving"])
            for name, one in found.items()} == {
        "hub-1": (OTHER, "vol-lost", "delete", "5.12"), "hub-2": (HOME, None, "buy_savings_plan", "210.0"),
        "hub-3": (HOME, "x", "other", None),
    }  # fmt: skip


def test_purchases_tell_what_is_committed_for_how_long(advised, open_aws):
    found = {name: one for name, one in pulled(open_aws("advice")).items() if one["adviser"] == "cost-explorer"}
    assert {name: (one["action"], one["proposed"], one["monthly_saving"]) for name, one in found.items()} == {
        "COMPUTE_SP 1y": ("buy_savings_plan", "Compute Savings Plan, 1 years, 1.234 USD an hour", "345.67"),
        "EC2_INSTANCE_SP 3y m6i ap-south-1": (
            "buy_savings_plan", "EC2 Instance Savings Plan m6i ap-south-1, 3 years, 0.5 USD an hour", "100"),
        "EC2_INSTANCE_SP 3y c6i ap-south-1": (
            "buy_savings_plan", "EC2 Instance Savings Plan c6i ap-south-1, 3 years, 0.5 USD an hour", "100"),
        "db.r6g.xlarge PostgreSQL Multi-AZ 1y ap-south-1": (
            "buy_reserved_instance", "3 x db.r6g.xlarge, PostgreSQL, 1 years", "77.7"),
        "r6g.large.search 1y ap-south-1": ("buy_reserved_instance", "3 x r6g.large.search, 1 years", "77.7"),
    }  # fmt: skip
    details = json.loads(found["EC2_INSTANCE_SP 3y m6i ap-south-1"]["details"])
    assert (details["hourly_commitment"], details["term_years"], details["family"]) == ("0.5", 3, "m6i")


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (f"{ARN}:instance/i-1", "i-1"), (f"{ARN}:volume/vol-1", "vol-1"), ("i-1", "i-1"), ("", ""),
        (GROUP["autoScalingGroupArn"], "asg/web"), (FUNCTION["functionArn"][:-8], FUNCTION["functionArn"][:-8]),
        (f"{ARN}:natgateway/nat-1", f"{ARN}:natgateway/nat-1"),
    ],
)  # fmt: skip
def test_ids_are_those_of_the_bill(arn, expected):
    assert billed_id(arn) == expected


def test_advice_loads_one_denied_kind_leaves_the_others_and_who_never_enrolled_has_none(advised, store):
    def refusing(code: str):
        def refuse(_):
            raise Refusal(code)

        return refuse

    advised.answers["compute-optimizer:GetLambdaFunctionRecommendations"] = refusing("OptInRequiredException")
    advised.answers["compute-optimizer:GetRDSDatabaseRecommendations"] = refusing("AccessDeniedException")
    advised.answers["cost-optimization-hub:ListEnrollmentStatuses"] = lambda _: {"items": [{"status": "Inactive"}]}
    advised.answers["cost-optimization-hub:ListRecommendations"] = refusing("AccessDeniedException")
    access = ConnectionConfig.model_validate(
        {"name": "india", "kind": "aws", "endpoints": {"*": advised.url}, "requests_per_second": 100,
         "regions": ["ap-south-1"]}
    )  # fmt: skip
    export = ExportConfig(name="theirs", location="aws://advice", connection="india")
    report = ingest_exports(store.loader, [export], [access])
    (refused,) = report.refused
    assert refused.group == f"{HOME}/ap-south-1/rds"
    assert "allow compute-optimizer:GetRDSDatabaseRecommendations" in refused.reason
    files = [str(p) for load in store.warehouse.ledger.current_loads("provider_advice")
             for p in store.warehouse.parquet(load)]  # fmt: skip
    rows = store.engine.rows("SELECT adviser, COUNT(*) FROM read_parquet(?) GROUP BY ALL ORDER BY ALL", (files,))
    assert rows == [("compute-optimizer", 5), ("cost-explorer", 5)]


def test_cost_explorer_is_asked_once_a_week_and_what_it_bills_is_told_before(advised, open_aws, store, tmp_path):
    location = open_aws("advice")
    found = location.deliveries()
    before, expected = location.meter.usage, location.estimate(found)
    for number, item in enumerate(found):
        location.fetch(item, tmp_path / str(number))
    assert expected.units == {"aws:ce:request": 15}
    assert location.meter.usage.units == {"aws:ce:request": 15 + 1}, "one answer had a second page"
    further = 1 + 4 + 1 + 2  # pages of plans, machines, volumes and the hub
    assert location.meter.usage.requests == before.requests + expected.requests + further
    monday = datetime(2026, 8, 24, 3, tzinfo=UTC)
    names = {at: {(item.group, item.fingerprint) for item in open_aws("advice", now=at).deliveries()
                  if item.group.endswith("reservations")}
             for at in (monday - timedelta(days=3), monday - timedelta(hours=4), monday)}  # fmt: skip
    friday, sunday, next_week = names.values()
    assert friday == sunday != next_week


def test_exactly_the_declared_actions_are_called_and_each_is_proved(advised, open_aws, tmp_path):
    location = open_aws("advice", **TWO)
    for number, item in enumerate(location.deliveries()):
        location.fetch(item, tmp_path / str(number))
    called = {action_of(one.service, one.operation) for one in advised.asked if one.operation != "AssumeRole"}
    assert called == set(advice.ACTIONS)
    payers = {one.key for one in advised.asked if one.service in ("ce", "cost-optimization-hub")}
    assert payers == {"AKIAEXAMPLE"}, "a member's purchases are its payer's"
    probes = list(location.probes())
    assert {one.permission for one in probes} == called - {"organizations:ListAccounts", "sts:GetCallerIdentity"}
    for probe in probes:
        probe.call()

    def refuse(_):
        raise Refusal("AccessDeniedException")

    advised.answers = dict.fromkeys(advised.answers, refuse)
    for probe in probes:
        with pytest.raises(LocationUnreachable, match=f"allow {probe.permission}"):
            probe.call()
