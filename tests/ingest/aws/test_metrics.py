"""Utilization from a CloudWatch with pages, percentiles and a short memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from aws_server import Refusal
from cloudwatch import CloudWatch

from core import LocationUnreachable
from ingest.aws import metrics
from ingest.aws._clients import action_of
from ingest.aws._cloudwatch import UNIT
from ingest.deliveries import Refused
from ingest.meter import Usage

HOME, REGION = "123456789012", "ap-south-1"
NOW = datetime(2026, 8, 21, 3, tzinfo=UTC)
MONDAY = datetime(2026, 8, 17, tzinfo=UTC)
SINCE = {"since": "2026-08-17"}
#: How services sign -> what IAM calls them.
_SIGNED = {"monitoring": "cloudwatch"}


def hours(start: datetime, count: int, step: int = 3600) -> list[float]:
    return [start.timestamp() + step * n for n in range(count)]


@pytest.fixture
def cloudwatch(server):
    return CloudWatch(server)


def level(cloudwatch, name, dimensions, average, *, namespace="AWS/EC2", region=REGION, count=3, at=MONDAY):
    cloudwatch.put(
        HOME, region, namespace, name, dimensions, hours(at, count), Average=[average] * count,
        Maximum=[average + 2] * count, p95=[average + 1] * count,
    )  # fmt: skip


def sizes(server, **classes: str) -> None:
    """Databases by their class; machines are known of one type."""

    def types(asked):
        names = {value for name, value in asked.body.items() if name.startswith("Filter.1.Value")}
        return {"InstanceTypes": [{"InstanceType": one, "MemoryInfo": {"SizeInMiB": 8192}}
                                  for one in sorted(names & {"m5.large"})]}  # fmt: skip

    server.answers["ec2:DescribeInstanceTypes"] = types
    server.answers["rds:DescribeDBInstances"] = lambda _: {"DBInstances": [
        {"DBInstanceClass": kind, "DBInstanceArn": f"arn:aws:rds:{REGION}:{HOME}:db:{name}"}
        for name, kind in classes.items()
    ]}  # fmt: skip


def rows_of(location) -> list[tuple]:
    found = []
    for part in location.parts():
        table = location.pull(part, print)
        if table is not None:
            found += [tuple(row.values()) for row in table.to_pylist()]
    return found


def test_an_hour_has_its_average_maximum_and_percentile_under_the_id_of_the_bill(cloudwatch, open_aws):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 10.25, count=1)
    level(cloudwatch, "CPUUtilization", {"AutoScalingGroupName": "web"}, 20, count=1)
    level(cloudwatch, "CPUUtilization", {"InstanceType": "m5.large"}, 99, count=1)  # nobody's
    level(cloudwatch, "DatabaseConnections", {"DBInstanceIdentifier": "a"}, 7, namespace="AWS/RDS", count=1)
    level(cloudwatch, "ActiveFlowCount", {"LoadBalancer": "net/x/1"}, 3, namespace="AWS/NetworkELB", count=1)
    at = MONDAY.replace(tzinfo=None)

    def row(resource, metric, average, unit):
        return resource, metric, at, Decimal(average), Decimal(average) + 2, Decimal(average) + 1, unit

    assert rows_of(open_aws("metrics", export=SINCE)) == [
        row(f"arn:aws:elasticloadbalancing:{REGION}:{HOME}:loadbalancer/net/x/1", "connections", "3", "count"),
        row(f"arn:aws:rds:{REGION}:{HOME}:db:a", "connections", "7", "count"),
        row("asg/web", "cpu", "20", "percent"),
        row("i-1", "cpu", "10.25", "percent"),
    ]


def test_counts_add_up_and_bytes_are_gigabytes(cloudwatch, open_aws):
    for name, value in (("BytesOutToDestination", 2e9), ("BytesOutToSource", 1.5e9)):
        cloudwatch.put(HOME, REGION, "AWS/NATGateway", name, {"NatGatewayId": "nat-1"}, hours(MONDAY, 1), Sum=[value])
    ((resource, metric, _, average, maximum, p95, unit),) = rows_of(open_aws("metrics", export=SINCE))
    assert (resource, metric, unit) == (f"arn:aws:ec2:{REGION}:{HOME}:natgateway/nat-1", "network", "GB")
    assert (average, maximum, p95) == (Decimal("3.5"), None, None), "what adds up has no maximum of an hour"


def test_the_busiest_five_minutes_of_a_volume_are_told_while_they_are_kept(cloudwatch, open_aws):
    long_ago = MONDAY - timedelta(weeks=20)
    for start in (long_ago, MONDAY):
        cloudwatch.put(
            HOME, REGION, "AWS/EBS", "VolumeReadOps", {"VolumeId": f"vol-{start:%m}"}, hours(start, 24, 300),
            Sum=[0.0] * 11 + [3600.0] + [0.0] * 12,
        )  # fmt: skip
    found = rows_of(open_aws("metrics", export={"since": f"{long_ago:%Y-%m-%d}"}))
    first, second = [row[3:5] for row in found]
    assert first == (Decimal(1), Decimal(12)), "3,600 operations: one a second in the hour, twelve at its busiest"
    assert second == (Decimal(0), Decimal(0))
    assert {row[0] for row in found} == {"vol-08"}, "an hour's mean is not taken for a peak that is forgotten"


def test_memory_of_a_database_is_what_is_not_free(cloudwatch, server, open_aws):
    sizes(server, sized="db.m5.large", unknown="db.serverless")
    for name in ("sized", "unknown"):
        cloudwatch.put(
            HOME, REGION, "AWS/RDS", "FreeableMemory", {"DBInstanceIdentifier": name}, hours(MONDAY, 2),
            Average=[2 * 2**30, 9 * 2**30], Minimum=[2**30, 2**30], p5=[1.5 * 2**30, 2**30],
        )  # fmt: skip
    ((resource, metric, _, *values, unit),) = rows_of(open_aws("metrics", export=SINCE))
    assert (resource.rpartition(":")[2], metric, unit) == ("sized", "memory", "percent")
    # 8 GiB; more free than there is belongs to another size
    assert values == [Decimal("75"), Decimal("87.5"), Decimal("81.25")]


def test_of_several_metrics_that_tell_the_same_one_is_asked(cloudwatch, open_aws):
    cache = {"CacheClusterId": "c"}
    level(cloudwatch, "CPUUtilization", cache, 50, namespace="AWS/ElastiCache")
    level(cloudwatch, "EngineCPUUtilization", cache | {"CacheNodeId": "0001"}, 30, namespace="AWS/ElastiCache")
    level(cloudwatch, "EngineCPUUtilization", cache, 31, namespace="AWS/ElastiCache")
    location = open_aws("metrics", export=SINCE)
    assert {row[3] for row in rows_of(location)} == {Decimal(31)}
    assert location.meter.units[UNIT] == 1


def test_memory_of_a_group_is_that_of_its_machines_where_the_agent_does_not_add_it_up(cloudwatch, open_aws):
    for number, value in (("i-1", 40), ("i-2", 60)):
        dimensions = {"InstanceId": number, "AutoScalingGroupName": "web", "ImageId": "ami-1", "InstanceType": "m5.x"}
        level(cloudwatch, "mem_used_percent", dimensions, value, namespace="CWAgent", count=1)
    location = open_aws("metrics", export=SINCE)
    found = {row[0]: row[3:6] for row in rows_of(location)}
    assert found["asg/web"] == (Decimal(50), Decimal(62), Decimal(61))
    assert found["i-1"] == (Decimal(40), Decimal(42), Decimal(41))
    assert location.meter.units[UNIT] == 2, "what tells of two resources is asked once"


def test_the_content_network_is_asked_in_its_home_region_only(cloudwatch, open_aws):
    dimensions = {"DistributionId": "E1", "Region": "Global"}
    cloudwatch.put(HOME, "us-east-1", "AWS/CloudFront", "Requests", dimensions, hours(MONDAY, 1), Sum=[5.0])
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-us"}, 1, region="us-east-1")
    ((resource, metric, _, average, *_),) = rows_of(open_aws("metrics", export=SINCE))
    assert (resource, metric, average) == (f"arn:aws:cloudfront::{HOME}:distribution/E1", "requests", Decimal(5))


def test_pages_of_names_and_of_values_are_all_read(cloudwatch, open_aws):
    for number in range(7):
        level(cloudwatch, "CPUUtilization", {"InstanceId": f"i-{number}"}, number, count=99)
    whole = rows_of(open_aws("metrics", export=SINCE))
    assert len(whole) == 7 * 99
    cloudwatch.page, cloudwatch.most = 3, 250
    location = open_aws("metrics", export=SINCE)
    assert rows_of(location) == whole
    assert location.meter.calls["cloudwatch:GetMetricData"] == -(-7 * 3 * 99 // 250)


def test_a_request_holds_500_queries_and_statistics_of_a_metric_stay_together(cloudwatch, server, open_aws):
    for number in range(170):
        level(cloudwatch, "CPUUtilization", {"InstanceId": f"i-{number:03}"}, 5, count=1)
    location = open_aws("metrics", export=SINCE)
    part, of_the_content_network = location.parts()
    assert of_the_content_network.estimate == Usage()
    assert location.pull(part, print).num_rows == 170
    sizes = [len(one.body["MetricDataQueries"]) for one in server.asked if one.operation == "GetMetricData"]
    assert sizes == [498, 12]
    assert part.estimate.units == location.meter.units == {UNIT: 170}
    assert part.estimate.requests == 2
    assert location.meter.usage.usd == pytest.approx(0.0017)


def test_a_part_of_the_values_is_asked_again_and_never_taken_for_all(cloudwatch, open_aws):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5)
    cloudwatch.partial = 2
    assert len(rows_of(open_aws("metrics", export=SINCE))) == 3
    cloudwatch.partial = 100
    location = open_aws("metrics", export=SINCE)
    with pytest.raises(LocationUnreachable, match="a part of its values only, 3 attempts") as caught:
        rows_of(location)
    assert caught.value.transient


def test_only_hours_that_are_over_are_asked(cloudwatch, open_aws):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5, count=24 * 6)
    found = rows_of(open_aws("metrics", export=SINCE, now=MONDAY + timedelta(hours=5, minutes=59)))
    assert [row[2].hour for row in found] == [0, 1, 2, 3, 4]


def test_a_week_is_asked_until_it_has_settled_and_then_never_again(cloudwatch, server, open_aws):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5, at=MONDAY - timedelta(weeks=2), count=24 * 18)
    export = {"since": "2026-08-03"}

    def asked(last: datetime) -> list[str]:
        found = open_aws("metrics", export=export, seen=lambda *_: last).deliveries()
        return [delivery.group.rpartition("/")[2] for delivery in found if REGION in delivery.group]

    assert asked(NOW - timedelta(days=1)) == ["2026-08-17"]
    assert asked(datetime(2026, 8, 18, 23, tzinfo=UTC)) == ["2026-08-10", "2026-08-17"], "before two days after its end"
    server.asked.clear()
    assert asked(NOW - timedelta(hours=1)) == []
    assert not [one for one in server.asked if one.operation == "ListMetrics"], "nothing is listed if nothing is due"


def test_where_nothing_is_measured_is_listed_as_seldom_as_others_are_asked(cloudwatch, server, open_aws, tmp_path):
    location = open_aws("metrics", export=SINCE)
    first, second = location.deliveries()
    assert location.fetch(first, tmp_path / "first") == location.fetch(second, tmp_path / "second") == []
    assert not [one for one in server.asked if one.operation == "GetMetricData"]
    server.asked.clear()
    assert open_aws("metrics", export=SINCE, seen=lambda *_: NOW - timedelta(hours=1)).deliveries() == []
    assert not [one for one in server.asked if one.operation == "ListMetrics"]


def test_a_machine_that_is_gone_keeps_its_hours(cloudwatch, open_aws):
    """CloudWatch lists what had a value in two weeks: until its week has settled a machine is still listed."""
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-gone"}, 5, at=MONDAY - timedelta(weeks=1), count=1)
    settled = MONDAY + metrics._SETTLING
    cloudwatch.now = settled.timestamp()
    location = open_aws("metrics", export={"since": "2026-08-10"}, now=settled, seen=lambda *_: MONDAY)
    assert [row[0] for row in rows_of(location)] == ["i-gone"]


def test_history_begins_thirteen_months_ago_and_never_before_what_is_kept(cloudwatch, open_aws):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5)
    first = next(iter(open_aws("metrics").parts())).group
    assert first == f"{HOME}/{REGION}/2025-07-21"
    first = next(iter(open_aws("metrics", export={"since": "2020-01-01"}).parts())).group
    assert first == f"{HOME}/{REGION}/2025-05-19"


def test_a_region_that_is_denied_leaves_the_others(cloudwatch, server, open_aws, tmp_path):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5)
    lists = server.answers["monitoring:ListMetrics"]

    def refuse(asked):
        if asked.region == "ap-southeast-1":
            raise Refusal("AccessDenied", 403)
        return lists(asked)

    server.answers["monitoring:ListMetrics"] = refuse
    location = open_aws("metrics", export=SINCE, regions=["ap-southeast-1", REGION])
    refused, delivery, _ = location.deliveries()
    assert isinstance(refused, Refused)
    assert refused.where == f"{HOME}/ap-southeast-1"
    assert "allow cloudwatch:ListMetrics" in str(refused.error)
    assert "secret" not in str(refused.error)
    (file,) = location.fetch(delivery, tmp_path)
    assert pq.read_table(file.path).num_rows == 3


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServiceFault", 503)])
def test_what_passes_is_asked_again(cloudwatch, server, open_aws, code, status):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5)
    data, left = server.answers["monitoring:GetMetricData"], [1, 1]

    def sometimes(asked):
        if left and left.pop():
            raise Refusal(code, status)
        return data(asked)

    server.answers["monitoring:GetMetricData"] = sometimes
    assert len(rows_of(open_aws("metrics", export=SINCE))) == 3
    assert left == []


def test_an_answer_cut_short_is_no_answer(cloudwatch, server, open_aws):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5)
    server.answers["monitoring:GetMetricData"] = lambda _: b'{"MetricDataResults": [{"Id": "q0_0", "Val'
    with pytest.raises(LocationUnreachable, match="3 attempts"):
        rows_of(open_aws("metrics", export=SINCE))


def test_expired_credentials_are_said(cloudwatch, server, open_aws):
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 5)

    def refuse(_):
        raise Refusal("ExpiredTokenException")

    server.answers["monitoring:GetMetricData"] = refuse
    with pytest.raises(LocationUnreachable, match=r"ExpiredTokenException.*\n?.*renew|log in again") as caught:
        rows_of(open_aws("metrics", export=SINCE))
    assert "secret" not in str(caught.value)


def test_exactly_the_declared_actions_are_called_and_each_is_proven(cloudwatch, server, open_aws):
    cloudwatch.put(HOME, REGION, "AWS/RDS", "FreeableMemory", {"DBInstanceIdentifier": "a"}, hours(MONDAY, 1),
                   Average=[1.0])  # fmt: skip
    sizes(server, a="db.m5.large")
    location = open_aws("metrics", export=SINCE)
    rows_of(location)
    assert {action_of(_SIGNED.get(one.service, one.service), one.operation) for one in server.asked} == set(
        metrics.ACTIONS
    )
    assert set(location.meter.calls) == set(metrics.ACTIONS)
    location = open_aws("metrics")
    for probe in location.probes():
        probe.call()
        assert location.meter.calls[probe.permission] == 1
    assert {probe.permission for probe in location.probes()} == set(metrics.ACTIONS) - {"sts:GetCallerIdentity"}


def test_the_same_values_are_the_same_bytes(cloudwatch, open_aws, tmp_path):
    hostile = '=HYPERLINK("x")/<script>{account}'
    level(cloudwatch, "CPUUtilization", {"AutoScalingGroupName": hostile}, 1 / 3)
    level(cloudwatch, "CPUUtilization", {"InstanceId": "i-1"}, 2 / 3)
    files = []
    for name in "ab":
        location = open_aws("metrics", export=SINCE)
        files += location.fetch(location.deliveries()[0], tmp_path / name)
    assert files[0].sha256 == files[1].sha256
    found = rows_of(open_aws("metrics", export=SINCE))
    assert found[0][0] == f"asg/{hostile}"
    assert found[0][3] == Decimal("0.333333")
