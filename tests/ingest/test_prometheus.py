"""Prometheus over HTTP, where a person, a secret or half an answer could come through. The rest: `test_answers.py`.

By default a small server speaks the documented API. Where the real one is at hand (`prometheus` on the path, or named
in KIFAYAT_PROMETHEUS), it is asked too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
from prometheus import PROMETHEUS, running_prometheus

from core import ConfigError, ExportConfig, FixedClock, LocationUnreachable
from ingest.locations import Reading, Retries, open_location

NOW = datetime(2026, 8, 2, 10, 30, tzinfo=UTC)
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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def opened(address: str, now: datetime = NOW, **more: Any):
    """The location of an export that asks for sessions of the last two weeks, with patience for two tries."""
    export = ExportConfig(
        name="users", location=address, **({"query": "sum by (product) (sessions)", "since": date(2026, 7, 20)} | more)
    )
    return open_location(export, Reading(retries=Retries(attempts=2, sleep=lambda _: None), clock=FixedClock(now)))


def of(server: Server) -> str:
    """Its address, as an export names it."""
    return f"prometheus+http://127.0.0.1:{server.server_port}"


def asked(location: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of every week."""
    found = {part.group: location.pull(part, print) for part in location.parts()}
    return {group: [] if table is None else table.to_pylist() for group, table in found.items()}


def test_every_week_is_one_question_and_the_hours_of_one_never_reach_into_the_next(server):
    asked(opened(of(server), since=date(2026, 7, 22)))
    questions = [(float(one["start"]), float(one["end"]), one["step"]) for one in server.asked]
    mondays = [datetime(2026, 7, day, tzinfo=UTC).timestamp() for day in (20, 27)]
    # the sample at an hour's end speaks for that hour
    assert questions == [
        (mondays[0] + 3600, mondays[1], "3600"),
        (mondays[1] + 3600, datetime(2026, 8, 2, 10, tzinfo=UTC).timestamp(), "3600"),
    ]


def test_a_week_that_was_asked_after_its_end_is_settled_and_the_present_one_is_asked_every_hour(server):
    def due(seen: datetime) -> list[str]:
        reading = Reading(clock=FixedClock(NOW), seen=lambda *_: seen)
        export = ExportConfig(name="users", location=of(server), query="up", since=date(2026, 7, 20))
        return [item.group for item in open_location(export, reading).deliveries()]

    assert due(NOW - timedelta(minutes=59)) == []
    assert due(NOW - timedelta(hours=1)) == ["2026-W31"]
    assert due(datetime(2026, 7, 27, 23, tzinfo=UTC)) == ["2026-W30", "2026-W31"], "samples may come a day late"
    assert server.asked == []


def test_labels_about_persons_are_dropped_before_anything_is_written(server, tmp_path):
    at = datetime(2026, 7, 21, 5, tzinfo=UTC).timestamp()
    labels = {"product": "neet", "state": "Bihar", "user": "asha@example.in", "pod": "web-7"}
    server.answers = [(200, matrix((labels, [[at, "41.6"]])))]
    location = opened(of(server))
    (file,) = location.fetch(location.deliveries()[0], tmp_path / "staging")
    assert pq.read_table(file.path).to_pylist() == [
        {"active_on": "2026-07-21", "active_at": "2026-07-21T04:00:00Z", "product": "neet", "state": "Bihar",
         "metric": "concurrent", "active_users": "42"}
    ]  # fmt: skip


def test_a_query_that_fails_on_data_is_told_without_the_labels_of_the_data(server):
    server.answers = [(422, json.dumps({"status": "error", "errorType": "execution", "error": DOUBLED}).encode())]
    with pytest.raises(LocationUnreachable, match="422: found duplicate series") as caught:
        asked(opened(of(server)))
    assert "Asha" not in str(caught.value)
    assert not caught.value.transient


def test_a_server_that_sends_elsewhere_is_not_followed(server):
    server.answers = [(302, b"")]
    with pytest.raises(LocationUnreachable, match=r"302 and sends elsewhere.*moved to"):
        asked(opened(of(server)))
    assert len(server.asked) == 1


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
        asked(opened(of(server)))


def test_a_week_that_stays_out_of_reach_is_told_and_leaves_the_others(server, tmp_path):
    server.answers = [(503, b""), (503, b"")]
    location = opened(of(server))
    first, second = location.deliveries()
    with pytest.raises(LocationUnreachable, match="503") as caught:
        location.fetch(first, tmp_path / "first")
    assert location.fetch(second, tmp_path / "second") == [], "it was asked, and nobody was there"
    assert caught.value.transient
    assert f"127.0.0.1:{server.server_port}" in caught.value.where


def test_a_token_that_was_read_from_a_file_may_end_with_a_new_line(server, monkeypatch):
    monkeypatch.setenv("PROM_TOKEN", "s3cret\n")
    asked(opened(of(server), token_env="PROM_TOKEN"))
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
    now = datetime.now(UTC)
    since = (now - timedelta(days=15)).date()
    with running_prometheus(tmp_path) as address:
        query = 'label_replace(vector(41.6), "product", "neet", "", "")'
        found = asked(opened(f"prometheus+http://{address}", now, query=query, since=since))
        rows = [row for week in found.values() for row in week]
        monday = since - timedelta(days=since.weekday())
        assert len(rows) == (now - datetime(monday.year, monday.month, monday.day, tzinfo=UTC)) // timedelta(hours=1)
        assert {(row["product"], row["metric"], row["active_users"]) for row in rows} == {("neet", "concurrent", "42")}
        with pytest.raises(LocationUnreachable, match=r"400: .*parse error"):
            asked(opened(f"prometheus+http://{address}", now, query="sum by (", since=since))
