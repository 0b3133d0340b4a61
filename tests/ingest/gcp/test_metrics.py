"""Hourly measures from a Cloud Monitoring over gRPC: whose they are, what is asked again, what it costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pyarrow.parquet as pq
import pytest
from google.cloud.monitoring_v3 import Point, TimeInterval, TimeSeries, TypedValue
from google_server import NOW, rows_of

from core import LocationUnreachable
from ingest.gcp import metrics
from ingest.gcp._measures import MEASURES, QUERIES

HOUR = datetime(2026, 8, 20, 22, tzinfo=UTC)
VM = "//compute.googleapis.com/projects/pragati-content/zones/asia-south1-a/instances/42"
DB = "//cloudsql.googleapis.com/projects/pragati-content/instances/quiz-db"
INSTANCE = {"instance_id": "42", "zone": "asia-south1-a", "project_id": "pragati-content"}
ALIGNED = {"ALIGN_MEAN": 1.0, "ALIGN_MAX": 3.0, "ALIGN_PERCENTILE_95": 2.0, "ALIGN_SUM": 10.0, "ALIGN_RATE": 0.5}


def series(labels, *values, hour=HOUR, is_whole=False, system=None):
    """Aligned points, the newest first; each stands at the end of its hour."""
    points = [
        Point(interval=TimeInterval(start_time=at, end_time=at),
              value=TypedValue(**{"int64_value" if is_whole else "double_value": value}))
        for at, value in ((hour + timedelta(hours=n + 1), value) for n, value in enumerate(values))
    ]  # fmt: skip
    made = TimeSeries(resource={"type": "x", "labels": labels}, points=points[::-1])
    if system:
        made.metadata = {"system_labels": system}
    return made


@pytest.fixture
def monitored(server):
    """monitored[type] = what is measured, as a function of the request."""
    known = {}

    def answer(request):
        type_ = request.filter.split('"')[1]
        found = known.get(type_, lambda _: [])(request)
        start, end = request.interval.start_time, request.interval.end_time
        return [one for one in found if any(start <= p.interval.end_time <= end for p in one.points)]

    server.answers["ListTimeSeries"] = answer
    return known


def aligned(request, factor=1.0):
    last = request.secondary_aggregation if request.secondary_aggregation.alignment_period else request.aggregation
    return ALIGNED[last.per_series_aligner.name] * factor


def test_a_machine_s_hour_has_mean_highest_and_95th_percentile_in_percent(server, monitored, open_gcp):
    monitored["compute.googleapis.com/instance/cpu/utilization"] = lambda asked: [
        series(INSTANCE, aligned(asked, 0.1001), aligned(asked, 0.2))
    ]
    first, second = rows_of(open_gcp("metrics"))
    assert first == {"resource_id": VM, "metric": "cpu", "measured_at": "2026-08-20 22:00:00+00:00",
                     "average": "10.01", "maximum": "30.03", "p95": "20.02", "unit": "percent"}  # fmt: skip
    assert (second["measured_at"], second["average"]) == ("2026-08-20 23:00:00+00:00", "20")


def test_each_measure_has_the_name_and_the_id_that_the_recommender_reads(server, monitored, open_gcp):
    pod = {"cluster_name": "gke", "namespace_name": "content", "pod_name": "gone"}
    labels = {
        "gce_instance": (INSTANCE, None), "pubsub_topic": ({"topic_id": "answers"}, None),
        "cloudsql_database": ({"database_id": "pragati-content:quiz-db"}, None),
        "k8s_container": (pod, {"top_level_controller_name": "content-api"}),
        "https_lb_rule": ({"forwarding_rule_name": "lecture-lb"}, None),
    }  # fmt: skip
    for measure in MEASURES:
        own, system = labels[measure.resource]
        size = 2**31 if measure.unit == "GiB" else 1
        monitored[measure.type] = lambda asked, own=own, system=system, size=size: [
            series(own, aligned(asked, size), system=system)
        ]
    found = {(row["resource_id"], row["metric"]): (row["average"], row["unit"]) for row in rows_of(open_gcp("metrics"))}
    lb = "//compute.googleapis.com/projects/pragati-content/global/forwardingRules/lecture-lb"
    pods = "k8s/gke/content/content-api"
    assert found == {
        (VM, "cpu"): ("100", "percent"), (VM, "memory"): ("1", "percent"), (VM, "network"): ("20", "bytes"),
        (DB, "cpu"): ("100", "percent"), (DB, "memory"): ("100", "percent"), (DB, "connections"): ("2", "count"),
        (pods, "cpu_request"): ("1", "cores"), (pods, "cpu_used"): ("1", "cores"),
        (pods, "memory_request"): ("2", "GiB"), (pods, "memory_used"): ("2", "GiB"),
        (lb, "requests"): ("10", "count"),
        ("//pubsub.googleapis.com/projects/pragati-content/topics/answers", "requests"): ("10", "count"),
    }  # fmt: skip


def test_a_deployment_s_hour_is_that_of_its_pods_and_the_highest_that_of_the_busiest(server, monitored, open_gcp):
    labels = {"cluster_name": "gke", "namespace_name": "content"}
    monitored["kubernetes.io/container/memory/used_bytes"] = lambda asked: [
        series(labels, aligned(asked, 2**30), system={"top_level_controller_name": "content-api"})
    ]
    (row,) = rows_of(open_gcp("metrics"))
    assert (row["average"], row["maximum"], row["p95"]) == ("1", "3", None)
    mean, most = [one.request for one in server.asked if "memory/used_bytes" in one.request.filter][-2:]
    for one, among in ((mean, "REDUCE_MEAN"), (most, "REDUCE_MAX")):
        assert one.aggregation.cross_series_reducer.name == "REDUCE_SUM", "the containers of a pod are added up"
        assert one.aggregation.group_by_fields[-1] == "resource.labels.pod_name"
        assert one.secondary_aggregation.cross_series_reducer.name == among
        assert "resource.labels.pod_name" not in one.secondary_aggregation.group_by_fields
        assert 'top_level_controller_type = "Deployment"' in one.filter
        assert 'memory_type = "non-evictable"' in one.filter


def test_the_estimate_is_what_was_asked_and_billed(server, monitored, open_gcp):
    for measure in MEASURES:
        monitored[measure.type] = lambda asked: [series(INSTANCE, aligned(asked))]
    location = open_gcp("metrics", export={"since": "2026-08-01"})
    (part,) = location.parts()
    location.pull(part, print)
    assert part.estimate == location.meter.usage
    assert location.meter.usage.requests == QUERIES == len(server.asked)
    assert location.meter.usage.usd == pytest.approx(QUERIES * 0.5e-6)


def test_where_there_is_no_mean_no_more_is_asked(server, monitored, open_gcp):
    location = open_gcp("metrics", export={"since": "2026-08-01"})
    (part,) = location.parts()
    assert location.pull(part, print) is None
    assert len(server.asked) == len(MEASURES)


def test_pages_split_series_and_are_joined(server, monitored, open_gcp):
    halves = [series(INSTANCE, 0.25), series(INSTANCE, 0.5, hour=HOUR - timedelta(hours=1)),
              series({**INSTANCE, "instance_id": "43"}, 0.125)]  # fmt: skip
    monitored["compute.googleapis.com/instance/cpu/utilization"] = lambda _: halves
    server.page_size = 1
    location = open_gcp("metrics", export={"since": "2026-08-01"})
    rows = rows_of(location)
    assert sorted(row["average"] for row in rows) == ["12.5", "25", "50"]
    assert location.meter.units["gcp:monitoring:series"] == 3 * 2 + len(MEASURES) - 1, "43 and 42, three times"


def test_points_outside_of_the_month_belong_to_another_part(server, monitored, open_gcp):
    midnight = datetime(2026, 8, 1, tzinfo=UTC)
    monitored["compute.googleapis.com/instance/cpu/utilization"] = lambda _: [
        series(INSTANCE, 0.1, 0.2, hour=midnight - timedelta(hours=1))
    ]
    found = [row["measured_at"][:13] for row in rows_of(open_gcp("metrics"))]
    assert found == ["2026-07-31 23", "2026-08-01 00"]


def test_a_percentile_that_google_does_not_give_is_left_out(server, monitored, open_gcp):
    monitored["compute.googleapis.com/instance/cpu/utilization"] = lambda asked: [series(INSTANCE, aligned(asked, 0.1))]
    server.fail("ListTimeSeries", grpc.StatusCode.INVALID_ARGUMENT, where="ALIGN_PERCENTILE_95")
    (row,) = rows_of(open_gcp("metrics"))
    assert (row["average"], row["maximum"], row["p95"]) == ("10", "30", None)


def test_any_other_question_that_is_refused_is_an_error(server, monitored, open_gcp):
    server.fail("ListTimeSeries", grpc.StatusCode.INVALID_ARGUMENT)
    with pytest.raises(LocationUnreachable, match="InvalidArgument"):
        rows_of(open_gcp("metrics"))


def test_months_are_asked_until_they_are_settled_and_only_as_long_as_google_has_them_whole(open_gcp):
    groups = [f"pragati-content/2026-0{month}" for month in (7, 8)]
    assert [part.group for part in open_gcp("metrics").parts()] == groups
    settled = open_gcp("metrics", seen=lambda *_: NOW)
    assert settled.deliveries() == [], "July has lost its first days and was taken; August was taken today"
    yesterday = open_gcp("metrics", seen=lambda *_: NOW - timedelta(days=1))
    assert [delivery.group for delivery in yesterday.deliveries()] == groups[1:]
    early = open_gcp("metrics", now=datetime(2026, 9, 2, tzinfo=UTC), seen=lambda *_: datetime(2026, 8, 31, tzinfo=UTC))
    assert [delivery.group[-2:] for delivery in early.deliveries()] == ["08", "09"]
    late = open_gcp("metrics", now=datetime(2026, 9, 9, tzinfo=UTC), seen=lambda *_: datetime(2026, 9, 3, tzinfo=UTC))
    assert [delivery.group[-2:] for delivery in late.deliveries()] == ["09"], "August is settled"


def test_since_reaches_further_back(open_gcp):
    location = open_gcp("metrics", export={"since": "2025-08-01"})
    assert len(list(location.parts())) == 13


def test_a_project_that_is_denied_leaves_the_other(server, monitored, open_gcp, tmp_path):
    monitored["compute.googleapis.com/instance/cpu/utilization"] = lambda _: [series(INSTANCE, 0.1)]
    server.fail("ListTimeSeries", grpc.StatusCode.PERMISSION_DENIED, where="projects/pragati-secret")
    location = open_gcp("metrics", projects=["pragati-secret", "pragati-content"], export={"since": "2026-08-01"})
    denied, content = location.deliveries()
    with pytest.raises(LocationUnreachable, match=r"grant monitoring\.timeSeries\.list"):
        location.fetch(denied, tmp_path / "1")
    (file,) = location.fetch(content, tmp_path / "2")
    assert pq.read_table(file.path).num_rows == 1


def test_a_project_that_watches_others_tells_of_those_that_are_not_asked_themselves(server, monitored, open_gcp):
    owners = ("pragati-content", "pragati-dev", "pragati-forgotten")
    monitored["compute.googleapis.com/instance/cpu/utilization"] = lambda asked: [
        series({**INSTANCE, "project_id": owner}, 0.1) for owner in owners if asked.name == "projects/pragati-content"
    ]
    rows = rows_of(open_gcp("metrics", projects=["pragati-content", "pragati-dev"]))
    assert [row["resource_id"].split("/")[4] for row in rows] == ["pragati-content", "pragati-forgotten"]


def test_exactly_the_declared_permissions_are_used(server, monitored, open_gcp):
    location = open_gcp("metrics")
    rows_of(location)
    for probe in location.probes():
        probe.call()
    assert server.methods() == {"ListTimeSeries"}
    assert set(location.meter.calls) == set(metrics.PERMISSIONS)
    assert {probe.permission for probe in location.probes()} == set(metrics.PERMISSIONS)
