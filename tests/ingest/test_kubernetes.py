"""Requests and usage of deployments, from a server that speaks Prometheus' API, and from the real one where it is."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from prometheus import PROMETHEUS, running_prometheus

from core import ConfigError, ExportConfig, FixedClock, LocationUnreachable
from ingest.locations import Reading, Retries, open_location
from ingest.locations.kubernetes import KubernetesLocation
from ingest.run import ingest_exports

NOW = datetime(2026, 8, 5, 10, 30, tzinfo=UTC)  # a Wednesday
WEEK = datetime(2026, 8, 3, tzinfo=UTC)
GIB = 1 << 30
WEB = {"namespace": "web", "deployment": "web-api"}
#: How a server, or a proxy before it, says that it cannot do so much.
TOO_MUCH = (
    (422, b'{"status": "error", "errorType": "execution", "error": "query processing would load too many samples"}'),
    (503, b'{"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}'),
    (504, b"<html>Gateway Time-out</html>"),
)


class Server(HTTPServer):
    """Answers each hour of a range with what `answer(query)` says; `bad`: statuses and bodies that come first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[str], list[tuple[dict[str, str], float]]] = lambda _: []
        self.bad: list[tuple[int, bytes]] = []
        self.asked: list[dict[str, str]] = []
        self.most_hours = 1000
        self.too_much = TOO_MUCH[0]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        params = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
        self.server.asked.append(params)
        start, end = float(params["start"]), float(params["end"])
        code, body = self.server.bad.pop(0) if self.server.bad else self._body(params["query"], start, end)
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body)

    def _body(self, query: str, start: float, end: float) -> tuple[int, bytes]:
        hours = [start + 3600 * n for n in range(int((end - start) // 3600) + 1)]
        if len(hours) > self.server.most_hours:
            return self.server.too_much
        result = [
            {"metric": labels, "values": [[at, str(value)] for at in hours]}
            for labels, value in self.server.answer(query)
        ]
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def opened(address: str, *, now: datetime = NOW, seen: Any = None, **more: Any) -> KubernetesLocation:
    """The deployments of a cluster since last Monday, with patience for two tries."""
    export = ExportConfig(name="pods", **({"location": address, "since": date(2026, 8, 3)} | more))
    quick = Retries(attempts=2, base_seconds=0.001)
    reading = Reading(retries=quick, clock=FixedClock(now))
    if seen is not None:
        reading = Reading(retries=quick, clock=FixedClock(now), seen=seen)
    location = open_location(export, reading)
    assert isinstance(location, KubernetesLocation)
    return location


def of(server: Server, cluster: str = "pragati-eks") -> str:
    return f"kubernetes+http://127.0.0.1:{server.server_port}" + (f"/?cluster={cluster}" if cluster else "")


def rows(location: KubernetesLocation, part: int = 0) -> list[dict[str, Any]]:
    table = location.pull(list(location.parts())[part], print)
    return [] if table is None else table.to_pylist()


def everything(query: str) -> list[tuple[dict[str, str], float]]:
    """One deployment with a value for each metric, told by the metric's name in the query."""
    for name, value in (
        ('requests{resource="cpu"', 2.0), ('requests{resource="memory"', 8.0 * GIB), ("cpu_usage", 0.5),
        ("working_set", 2.0 * GIB), ("spec_replicas", 20.0), ("autoscaler_info", 1.0),
    ):  # fmt: skip
        if name in query:
            more = 0.25 * value if re.match(r"max(_| by)", query) and "autoscaler" not in query else 0.0
            return [(WEB, value + more)]
    raise AssertionError(query)


def test_a_deployment_has_what_the_recommender_reads_in_its_units(server):
    server.answer = everything
    first = {row["metric"]: row for row in rows(opened(of(server))) if row["measured_at"] == datetime(2026, 8, 3)}
    assert {name: (row["average"], row["maximum"], row["unit"]) for name, row in first.items()} == {
        "cpu_request": (2.0, None, "cores"), "cpu_used": (0.5, 0.625, "cores"), "memory_request": (8.0, None, "GiB"),
        "memory_used": (2.0, 2.5, "GiB"), "replicas": (20.0, 25.0, "count"), "hpa": (1.0, None, "count"),
    }  # fmt: skip
    assert {row["resource_id"] for row in first.values()} == {"k8s/pragati-eks/web/web-api"}
    assert first["cpu_used"]["p95"] == 0.625


def test_what_is_pulled_is_loaded_as_utilization(server, store, tmp_path):
    server.answer = everything
    location = opened(of(server))
    (delivery,) = location.deliveries()
    files = location.fetch(delivery, tmp_path / "staging")
    store.loader.load(location.export, delivery, files, tmp_path / "staging")
    found = store.rows("metric, COUNT(*) AS n, MAX(average)::DOUBLE AS most", "TRUE GROUP BY 1", kind="utilization")
    hours = 2 * 24 + 10  # until Wednesday 10:00
    assert {(row["metric"], row["n"], row["most"]) for row in found} >= {("cpu_used", hours, 0.5), ("hpa", hours, 1.0)}


def test_a_second_run_of_the_day_asks_nothing_and_a_week_that_fails_leaves_the_other(server, store):
    server.answer = everything
    at = store.loader.clock.now()
    export = ExportConfig(name="pods", location=of(server), since=(at - timedelta(days=7)).date())
    server.bad = [(400, b"")]
    first = ingest_exports(store.loader, [export])
    assert (first.count("loaded"), len(first.refused)) == (1, 1)
    server.asked.clear()
    second = ingest_exports(store.loader, [export])
    assert second.count("loaded") == 1
    assert len(server.asked) == 11, "only the week that had failed"


def test_the_label_of_a_cluster_goes_before_the_address(server):
    server.answer = lambda query: [(WEB | {"cluster": "gke"}, 1.0), (WEB, 2.0)] if "cpu_usage" in query else []
    assert {row["resource_id"] for row in rows(opened(of(server)))} == {
        "k8s/gke/web/web-api",
        "k8s/pragati-eks/web/web-api",
    }


def test_a_cluster_that_nobody_names_is_asked_for(server):
    server.answer = everything
    with pytest.raises(LocationUnreachable, match=r"no label cluster.*\?cluster=…"):
        rows(opened(of(server, "")))


def test_hostile_names_are_kept_as_they_are(server):
    name = '"; DROP TABLE utilization; -- <script>\u202e'
    server.answer = lambda query: [({"namespace": "..", "deployment": name}, 1.0)] if "spec_replicas" in query else []
    assert {row["resource_id"] for row in rows(opened(of(server)))} == {f"k8s/pragati-eks/../{name}"}


def test_an_hour_without_a_sample_is_no_row(server):
    server.answer = lambda query: [(WEB, float("nan"))] if "cpu_usage" in query else []
    assert rows(opened(of(server))) == []


@pytest.mark.parametrize("too_much", TOO_MUCH)
def test_what_is_too_much_for_the_server_is_asked_in_halves(server, too_much):
    server.answer, server.most_hours, server.too_much = everything, 20, too_much
    location = opened(of(server))
    found = [row for row in rows(location) if row["metric"] == "replicas"]
    assert [row["measured_at"] for row in found] == [datetime(2026, 8, 3) + timedelta(hours=n) for n in range(58)]
    assert all(float(one["end"]) - float(one["start"]) < 58 * 3600 for one in server.asked[3:5])


def test_an_hour_that_is_too_much_is_told(server):
    server.answer, server.most_hours = everything, 0
    with pytest.raises(LocationUnreachable, match="too many samples"):
        rows(opened(of(server)))


@pytest.mark.parametrize("bad", [[(503, b"")], [(200, b'{"status": "succ')], [(429, b"slow down")]])
def test_a_server_that_stumbles_is_asked_again_or_told(server, bad):
    server.answer, server.bad = everything, list(bad)
    if bad[0][0] == 200:
        with pytest.raises(LocationUnreachable, match="is not JSON"):
            rows(opened(of(server)))
    else:
        assert rows(opened(of(server)))


def test_an_estimate_is_what_is_asked(server):
    server.answer = everything
    location = opened(of(server))
    expected = location.estimate(location.deliveries())
    rows(location)
    assert expected.requests == location.meter.usage.requests == len(server.asked) == 11
    assert location.meter.usage.usd == 0


def test_a_week_that_was_asked_after_its_end_is_never_asked_again(server):
    monday = datetime(2026, 8, 10, tzinfo=UTC)

    def due(seen: datetime, now: datetime) -> list[str]:
        location = opened(of(server), now=now, seen=lambda _, group: seen if group == "2026-W32" else None)
        return [item.group for item in location.deliveries()]

    later = datetime(2026, 9, 2, tzinfo=UTC)
    assert due(monday + timedelta(hours=25), later) == ["2026-W33", "2026-W34", "2026-W35", "2026-W36"]
    assert due(monday + timedelta(hours=5), later)[0] == "2026-W32"
    assert due(NOW - timedelta(hours=23), NOW) == []
    assert due(NOW - timedelta(hours=24), NOW) == ["2026-W32"]
    assert server.asked == [], "what is due is known without asking"


def test_a_probe_names_the_series_that_is_not_scraped(server):
    server.answer = lambda query: [] if "working_set" in query else [({}, 7.0)]
    missing = []
    for probe in opened(of(server)).probes():
        try:
            probe.call()
        except LocationUnreachable as error:
            missing.append((probe.permission, error.what))
    name = "container_memory_working_set_bytes"
    assert missing == [(name, f"there is no sample of {name}")]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"location": "kubernetes+https://p/?token=s3cret"}, r"only \?cluster=…"),
        ({"location": "kubernetes+https://me:s3cret@p/"}, "token_env"),
        ({"location": "kubernetes+https://p/", "query": "up"}, "query has no meaning"),
        ({"location": "kubernetes+https:///?cluster=a"}, "names no server"),
    ],
)
def test_faults_of_the_configuration_are_told_and_hold_no_secret(more, told):
    with pytest.raises(ConfigError, match=told) as caught:
        opened(**{"address": ""} | more) if "location" not in more else opened(more.pop("location"), **more)
    assert "s3cret" not in str(caught.value)


# -- the real one ---------------------------------------------------------------------------------------------------


def samples() -> str:
    """Three hours of a deployment of two pods, one of which is replaced at 01:00 by one of another replica set."""
    lines: dict[str, list[str]] = {}
    end = int((WEEK + timedelta(hours=3)).timestamp())

    def add(family: str, name: str, labels: str, at: int, value: float) -> None:
        lines.setdefault(family, []).append(f"{name}{{{labels}}} {value} {at}")

    for at in range(int(WEEK.timestamp()), end + 1, 60):
        old = at <= int(WEEK.timestamp()) + 3600
        pods = {"web-1-a": ("web-1", 0.5), ("web-1-b" if old else "web-2-c"): ("web-1" if old else "web-2", 0.1)}
        for pod, (replicaset, cores) in pods.items():
            mine = f'namespace="web",pod="{pod}"'
            begun = 0 if pod != "web-2-c" else 3660
            busy = cores + (0.4 if pod == "web-1-a" and 600 <= (at - int(WEEK.timestamp())) % 3600 < 900 else 0.0)
            add("kube_pod_owner", "kube_pod_owner", f'{mine},owner_kind="ReplicaSet",owner_name="{replicaset}"', at, 1)
            used = (at - int(WEEK.timestamp()) - begun) * cores + (busy - cores) * 60
            add("container_cpu_usage_seconds", "container_cpu_usage_seconds_total", f'{mine},container="app"', at, used)
            add("container_memory_working_set_bytes", "container_memory_working_set_bytes", f'{mine},container="app"',
                at, GIB)  # fmt: skip
            add("container_memory_working_set_bytes", "container_memory_working_set_bytes", f'{mine},container=""',
                at, 9 * GIB)  # fmt: skip
            for resource, value in (("cpu", 2), ("memory", 4 * GIB)):
                for scraped in ("10.0.0.1:8080", "10.0.0.2:8080"):
                    add("kube_pod_container_resource_requests", "kube_pod_container_resource_requests",
                        f'{mine},container="app",resource="{resource}",instance="{scraped}"', at, value)  # fmt: skip
        for replicaset in ("web-1", "web-2"):
            add("kube_replicaset_owner", "kube_replicaset_owner",
                f'namespace="web",replicaset="{replicaset}",owner_kind="Deployment",owner_name="web-api"',
                at, 1)  # fmt: skip
        add("kube_deployment_spec_replicas", "kube_deployment_spec_replicas",
            'namespace="web",deployment="web-api"', at, 2)  # fmt: skip
        add("kube_horizontalpodautoscaler_info", "kube_horizontalpodautoscaler_info",
            'namespace="web",horizontalpodautoscaler="h",scaletargetref_kind="Deployment",scaletargetref_name="web-api"',
            at, 1)  # fmt: skip
    kinds = {"container_cpu_usage_seconds": "counter"}
    text = [f"# TYPE {name} {kinds.get(name, 'gauge')}\n" + "\n".join(found) for name, found in lines.items()]
    return "\n".join([*text, "# EOF\n"])


@pytest.mark.skipif(not PROMETHEUS, reason="no Prometheus here; install one or name it in KIFAYAT_PROMETHEUS")
def test_the_real_prometheus_resolves_owners_and_adds_up(tmp_path: Path):
    with running_prometheus(tmp_path, samples()) as address:
        location = opened(f"kubernetes+http://{address}/?cluster=pragati-eks", now=WEEK + timedelta(hours=3, minutes=5))
        found = {(row["metric"], row["measured_at"].hour): row for row in rows(location)}
    assert {row["resource_id"] for row in found.values()} == {"k8s/pragati-eks/web/web-api"}
    assert {hour for _, hour in found} == {0, 1, 2}
    for hour in range(3):
        assert found["cpu_request", hour]["average"] == 2.0, "two scrapers are one request"
        assert found["memory_request", hour]["average"] == 4.0
        assert found["memory_used", hour]["average"] == found["memory_used", hour]["maximum"] == 1.0
        assert found["replicas", hour]["maximum"] == 2.0
        assert found["hpa", hour]["average"] == 1.0
        assert 0.5 < found["cpu_used", hour]["maximum"] <= 0.9, "the busiest pod, not the sum of both"
        assert 0.28 < found["cpu_used", hour]["average"] < 0.36, "the mean of two pods, the new one of another set"
