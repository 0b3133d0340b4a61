"""Owned commitments: plans and reservations of two accounts and two regions, as the services tell of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from aws_server import Refusal

from core import ConnectionConfig, ExportConfig, LocationUnreachable
from ingest.aws import commitments
from ingest.aws._clients import action_of
from ingest.run import ingest_exports

HOME, OTHER = "123456789012", "222233334444"
START = datetime(2026, 1, 10, 6, tzinfo=UTC)
YEAR = 365 * 86400
PLAN = {
    "savingsPlanArn": f"arn:aws:savingsplans::{HOME}:savingsplan/sp-1", "savingsPlanId": "sp-1", "state": "active",
    "start": "2026-01-10T06:00:00.000Z", "end": "2029-01-09T06:00:00.000Z", "savingsPlanType": "EC2Instance",
    "region": "ap-south-1", "ec2InstanceFamily": "m6i", "paymentOption": "Partial Upfront", "currency": "USD",
    "commitment": "1.2345678", "upfrontPaymentAmount": "100.5", "termDurationInSeconds": 3 * YEAR,
}  # fmt: skip
HOURLY = [{"RecurringChargeAmount": 0.105, "RecurringChargeFrequency": "Hourly"}]
COMMON = {"StartTime": START, "Duration": YEAR, "FixedPrice": 0.0, "UsagePrice": 0.0, "State": "active",
          "RecurringCharges": HOURLY, "OfferingType": "No Upfront"}  # fmt: skip


@pytest.fixture
def owned(server):
    """One of each in ap-south-1 of the own account, on several pages where there are pages; nothing elsewhere."""

    def here(asked) -> bool:
        return asked.region == "ap-south-1" and asked.key == "AKIAEXAMPLE"

    def cache(asked):
        if not here(asked):
            return {"ReservedCacheNodes": []}
        at = int(asked.body.get("Marker", 0))
        arn = f"arn:aws:elasticache:ap-south-1:{HOME}:reserved-instance:ri-{at}"
        node = COMMON | {"CacheNodeType": "cache.r7g.large", "CacheNodeCount": at + 1, "ReservationARN": arn}
        return {"ReservedCacheNodes": [node]} | ({"Marker": str(at + 1)} if at < 2 else {})

    instant = START.timestamp()
    server.answers |= {
        "savingsplans:DescribeSavingsPlans": lambda asked: (
            {"savingsPlans": [] if asked.key != "AKIAEXAMPLE" else [PLAN] if (asked.body or {}).get("nextToken") else [
                PLAN | {"savingsPlanArn": PLAN["savingsPlanArn"] + "-old", "state": "retired"}],
             "nextToken": "" if (asked.body or {}).get("nextToken") or asked.key != "AKIAEXAMPLE" else "more"}),
        "ec2:DescribeReservedInstances": lambda asked: {"ReservedInstances": [{
            "ReservedInstancesId": "ri-1", "InstanceType": "m6i.xlarge", "InstanceCount": 3, "Start": START,
            "End": START + timedelta(days=365), "Duration": YEAR, "FixedPrice": 250.25, "UsagePrice": 0.0,
            "CurrencyCode": "USD", "OfferingType": "Partial Upfront", "State": "active", "Scope": "Region",
            "RecurringCharges": [{"Amount": 0.07, "Frequency": "Hourly"}]}] if here(asked) else []},
        "rds:DescribeReservedDBInstances": lambda asked: {"ReservedDBInstances": [COMMON | {
            "ReservedDBInstanceArn": f"arn:aws:rds:ap-south-1:{HOME}:ri:db-1", "DBInstanceClass": "db.r6g.xlarge",
            "DBInstanceCount": 4, "CurrencyCode": "USD"}] if here(asked) else []},
        "elasticache:DescribeReservedCacheNodes": cache,
        "es:DescribeReservedInstances": lambda asked: {"ReservedInstances": [COMMON | {
            "ReservedInstanceId": "es-1", "InstanceType": "r6g.large.search", "InstanceCount": 2, "StartTime": instant,
            "PaymentOption": "ALL_UPFRONT", "CurrencyCode": "USD"}] if here(asked) else []},
        "memorydb:DescribeReservedNodes": lambda asked: {"ReservedNodes": [COMMON | {
            "ARN": f"arn:aws:memorydb:ap-south-1:{HOME}:reservednode/m-1", "NodeType": "db.r6g.large", "NodeCount": 1,
            "StartTime": instant}] if here(asked) else []},
    }  # fmt: skip
    return server


TWO = {"regions": ["ap-south-1", "ap-southeast-1"], "accounts": [OTHER], "role": "kifayat"}


def pulled(location) -> dict[str, dict]:
    tables = [location.pull(part, print) for part in location.parts()]
    return {row["commitment_id"]: row for table in tables if table for row in table.to_pylist()}


def test_every_plan_and_reservation_is_a_row_with_its_end_and_the_price_of_the_whole(owned, open_aws):
    found = pulled(open_aws("commitments", **TWO))
    told = {name.rpartition(":")[2]: (
        one["kind"], one["scope"], one["quantity"], one["hourly_commitment"], one["upfront"], one["purchase_option"],
        one["term_months"], one["end_at"][:10], one["state"]) for name, one in found.items()}  # fmt: skip
    ri = "reserved_instance"
    assert told == {
        "savingsplan/sp-1": ("savings_plan", "m6i", None, "1.2345678", "100.5", "Partial Upfront", "36", "2029-01-09",
                             "active"),
        "savingsplan/sp-1-old": ("savings_plan", "m6i", None, "1.2345678", "100.5", "Partial Upfront", "36",
                                 "2029-01-09", "retired"),
        "reserved-instances/ri-1": (ri, "m6i.xlarge", "3", "0.21", "750.75", "Partial Upfront", "12", "2027-01-10",
                                    "active"),
        "db-1": (ri, "db.r6g.xlarge", "4", "0.420", "0.0", "No Upfront", "12", "2027-01-10", "active"),
        "ri-0": (ri, "cache.r7g.large", "1", "0.105", "0.0", "No Upfront", "12", "2027-01-10", "active"),
        "ri-1": (ri, "cache.r7g.large", "2", "0.210", "0.0", "No Upfront", "12", "2027-01-10", "active"),
        "ri-2": (ri, "cache.r7g.large", "3", "0.315", "0.0", "No Upfront", "12", "2027-01-10", "active"),
        "reserved-instances/es-1": (ri, "r6g.large.search", "2", "0.210", "0.0", "All Upfront", "12", "2027-01-10",
                                    "active"),
        "reservednode/m-1": (ri, "db.r6g.large", "1", "0.105", "0.0", "No Upfront", "12", "2027-01-10", "active"),
    }  # fmt: skip
    assert {one["account_id"] for one in found.values()} == {HOME}
    assert {one["currency"] for one in found.values()} == {"USD"}
    assert found[f"arn:aws:rds:ap-south-1:{HOME}:ri:db-1"]["start_at"] == "2026-01-10T06:00:00Z"


def test_rows_load_as_owned_commitments_and_a_denied_region_leaves_the_other(owned, store):
    answer = owned.answers["ec2:DescribeReservedInstances"]

    def refuse(asked):
        if asked.region != "ap-south-1":
            raise Refusal("UnauthorizedOperation", 403)
        return answer(asked)

    owned.answers["ec2:DescribeReservedInstances"] = refuse
    access = ConnectionConfig.model_validate(
        {"name": "india", "kind": "aws", "endpoints": {"*": owned.url}, "requests_per_second": 100}
    )
    export = ExportConfig(name="owned", location="aws://commitments", connection="india")
    report = ingest_exports(store.loader, [export], [access])
    (refused,) = report.refused
    assert refused.group == f"{HOME}/ap-southeast-1/ec2"
    assert "allow ec2:DescribeReservedInstances" in refused.reason
    files = [str(p) for load in store.warehouse.ledger.current_loads("owned_commitments")
             for p in store.warehouse.parquet(load)]  # fmt: skip
    rows = store.engine.rows("SELECT COUNT(*), MAX(end_at), SUM(upfront) FROM read_parquet(?)", (files,))
    assert [(count, f"{end:%Y-%m-%d}", float(upfront)) for count, end, upfront in rows] == [(9, "2029-01-09", 951.75)]


def test_exactly_the_declared_actions_are_called_as_often_as_expected(owned, open_aws, tmp_path):
    location = open_aws("commitments", **TWO)
    found = location.deliveries()
    before = location.meter.usage
    for number, item in enumerate(found):
        location.fetch(item, tmp_path / str(number))
    assert {action_of(one.service, one.operation) for one in owned.asked if one.operation != "AssumeRole"} == set(
        commitments.ACTIONS
    )
    further = 1 + 2 + 1  # a page of plans, two of cache nodes, and the role
    assert location.meter.usage.requests - before.requests == location.estimate(found).requests + further


def test_every_permission_is_proved_by_its_own_call(owned, open_aws):
    probes = list(open_aws("commitments").probes())
    assert {probe.permission for probe in probes} | {"sts:GetCallerIdentity"} == set(commitments.ACTIONS)
    for probe in probes:
        probe.call()

    def refuse(_):
        raise Refusal("AccessDeniedException", 403)

    owned.answers = dict.fromkeys(owned.answers, refuse)
    for probe in probes:
        with pytest.raises(LocationUnreachable, match=f"allow {probe.permission}"):
            probe.call()
