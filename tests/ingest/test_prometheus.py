"""Prometheus over HTTP, where a person, a secret or half an answer could come through. The rest: `test_answers.py`.

By default a small server speaks the documented API. Where the real one is at hand (`prometheus` on the path, or named
in KIFAYAT_PROMETHEUS), it is asked too.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from core import ConfigError, ExportConfig, FixedClock, LocationUnreachable
from ingest.locations import Reading, Retries, open_location

NOW = datetime(2026, 8, 2, 10, 30, tzinfo=UTC)
PROMETHEUS = os.environ.get("KIFAYAT_PROMETHEUS") or shutil.which("prometheus")
#: What Prometheus says when a query meets two series where one was expected: it quotes their labels.
DOUBLED = (
    'found duplicate series for the match group {user="Asha Sharma"} on the right hand-side of the operation:'
    ' [{user="Asha Sharma"}];many-to-many matching not allowed'
)


class Server(HTTPServer):
    """Answers in order of `answers`: a status and a body; then an empty range."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append({key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()})
        self.server.tokens.append(self.headers.get("Authorization"))
        code, body = self.server.answers.pop(0) if self.server.answers else (200, matrix())
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def matrix(*series: tuple[dict[str, str], list[list[Any]]]) -> bytes:
    """A range as the API gives it."""
    result = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def opened(address: str, now: datetime = NOW, **more: Any):
    """The location of an export that asks for sessions since July, with patience for two tries."""
    export = ExportConfig(
        name="users", location=address, **({"query": "sum by (product) (sessions)", "since": date(2026, 7, 1)} | more)
    )
    return open_location(export, Reading(retries=Retries(attempts=2, sleep=lambda _: None), clock=FixedClock(now)))


def of(server: Server) -> str:
    """Its address, as an export names it."""
    return f"prometheus+http://127.0.0.1:{server.server_port}"


def test_every_month_is_one_question_and_the_hours_of_one_never_reach_into_the_next(server):
    opened(of(server), since=date(2026, 6, 20)).deliveries()
    asked = [(float(one["start"]), float(one["end"]), one["step"]) for one in server.asked]
    firsts = [datetime(2026, month, 1, tzinfo=UTC).timestamp() for month in (6, 7, 8)]
    # the sample at an hour's end speaks for that hour
    assert asked == [
        (firsts[0] + 3600, firsts[1], "3600"),
        (firsts[1] + 3600, firsts[2], "3600"),
        (firsts[2] + 3600, datetime(2026, 8, 2, 10, tzinfo=UTC).timestamp(), "3600"),
    ]


def test_a_changed_sample_is_a_new_delivery_of_its_month_only(server):
    at = datetime(2026, 7, 1, 5, tzinfo=UTC).timestamp()
    later = datetime(2026, 8, 1, 5, tzinfo=UTC).timestamp()
    for july in ("100", "101"):
        server.answers += [(200, matrix(({}, [[at, july]]))), (200, matrix(({}, [[later, "100"]])))]
    location = opened(of(server))
    first, second = ({item.group: item.fingerprint for item in location.deliveries()} for _ in range(2))
    assert first["2026-07"] != second["2026-07"]
    assert first["2026-08"] == second["2026-08"]


def test_labels_about_persons_are_dropped_before_anything_is_written(server, tmp_path):
    at = datetime(2026, 7, 1, 5, tzinfo=UTC).timestamp()
    labels = {"product": "neet", "state": "Bihar", "user": "asha@example.in", "pod": "web-7"}
    server.answers = [(200, matrix((labels, [[at, "41.6"]])))]
    location = opened(of(server))
    (file,) = location.fetch(location.deliveries()[0], tmp_path / "staging")
    assert file.path.read_text().splitlines()[1:] == ["2026-07-01,2026-07-01T04:00:00Z,neet,Bihar,concurrent,42"]


def test_a_query_that_fails_on_data_is_told_without_the_labels_of_the_data(server):
    server.answers = [(422, json.dumps({"status": "error", "errorType": "execution", "error": DOUBLED}).encode())]
    with pytest.raises(LocationUnreachable, match="422: found duplicate series") as caught:
        opened(of(server)).deliveries()
    assert "Asha" not in str(caught.value)
    assert not caught.value.transient


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [["x", "1"]]}]}}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "one"]]}]}}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1, "1"]]}]}}',
        b'{"status": "error", "errorType": "timeout", "error": "query timed out"}',
    ],
)
def test_half_an_answer_is_no_answer(server, body):
    server.answers = [(200, body)]
    with pytest.raises(LocationUnreachable, match=r"is not JSON|no range of samples"):
        opened(of(server)).deliveries()


def test_a_month_that_stays_out_of_reach_is_told_and_the_others_are_not_taken_for_all(server):
    server.answers = [(200, matrix()), (503, b""), (503, b"")]
    with pytest.raises(LocationUnreachable, match="503") as caught:
        opened(of(server)).deliveries()
    assert caught.value.transient
    assert f"127.0.0.1:{server.server_port}" in caught.value.where


def test_a_token_that_was_read_from_a_file_may_end_with_a_new_line(server, monkeypatch):
    monkeypatch.setenv("PROM_TOKEN", "s3cret\n")
    opened(of(server), token_env="PROM_TOKEN").deliveries()
    assert set(server.tokens) == {"Bearer s3cret"}


@pytest.mark.parametrize("token", ["", "  ", "s3cret\nX-Header: 1", "s3crét"])
def test_what_is_no_token_is_told_and_not_repeated(monkeypatch, token):
    monkeypatch.setenv("PROM_TOKEN", token)
    with pytest.raises(ConfigError, match="holds no token") as caught:
        opened("prometheus+http://host:9090", token_env="PROM_TOKEN")
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("prometheus+http://host:9090/?token=s3cret", "address only"),
        ("prometheus+http://host:9090#s3cret", "address only"),
        ("prometheus+https://", "names no server"),
        ("prometheus+http://[s3cret", "no address"),
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_told_and_not_repeated(address, fault):
    with pytest.raises(ConfigError, match=fault) as caught:
        opened(address)
    assert "s3cret" not in str(caught.value)


@pytest.mark.skipif(not PROMETHEUS, reason="no Prometheus here; install one or name it in KIFAYAT_PROMETHEUS")
def test_the_real_prometheus_is_understood(tmp_path: Path):
    assert PROMETHEUS is not None
    (tmp_path / "prometheus.yml").write_text("global: {}\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [
        PROMETHEUS, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    now = datetime.now(UTC)
    since = (now - timedelta(days=40)).date()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/-/ready")
            address = f"prometheus+http://127.0.0.1:{port}"
            query = 'label_replace(vector(41.6), "product", "neet", "", "")'
            location = opened(address, now, query=query, since=since)
            deliveries = location.deliveries()
            assert deliveries[0].group == f"{since:%Y-%m}"
            lines = [
                line
                for number, item in enumerate(deliveries)
                for line in location.fetch(item, tmp_path / str(number))[0].path.read_text().splitlines()[1:]
            ]
            start = datetime(since.year, since.month, 1, tzinfo=UTC)
            assert len(lines) == (now - start) // timedelta(hours=1)
            assert {line.split(",", 2)[2] for line in lines} == {"neet,all,concurrent,42"}
            with pytest.raises(LocationUnreachable, match=r"400: .*parse error"):
                opened(address, now, query="sum by (", since=since).deliveries()
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")
