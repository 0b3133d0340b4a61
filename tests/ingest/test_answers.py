"""Locations that are asked: Prometheus over HTTP, PostgreSQL, DuckDB and SQLite files; all real ones."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from core import ConfigError, ExportConfig, FixedClock, LocationUnreachable
from ingest.deliveries import Delivery
from ingest.locations import Reading, Retries, open_location
from ingest.pull import Part, PullLocation
from warehouse import Engine

NOW = datetime(2026, 8, 2, 10, 30, tzinfo=UTC)
READING = Reading(retries=Retries(attempts=3, sleep=lambda _: None), clock=FixedClock(NOW))


class Prometheus(HTTPServer):
    """Answers range queries of a curve; `failures` are status codes that come first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str | None] = []
        self.failures: list[int] = []
        self.body: bytes | None = None

    @property
    def address(self) -> str:
        """As an export names it."""
        return f"prometheus+http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        params = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.server.asked.append(params)
        self.server.tokens.append(self.headers.get("Authorization"))
        if self.server.failures:
            self._send(self.server.failures.pop(0), {"status": "error", "error": "too busy or too wrong"})
            return
        if self.server.body is not None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.body)
            return
        assert parts.path == "/api/v1/query_range"
        start, end, step = (float(params[name]) for name in ("start", "end", "step"))
        values = [[at, "NaN" if at % 7200 else str(1000 + at % 86400 / 100)] for at in _steps(start, end, step)]
        series = [
            {"metric": {"product": product, "instance": "10.0.0.7"}, "values": values} for product in ("neet", "tests")
        ]
        self._send(200, {"status": "success", "data": {"resultType": "matrix", "result": series}})

    def _send(self, code: int, answer: Any) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _steps(start: float, end: float, step: float) -> Iterator[float]:
    while start <= end:
        yield start
        start += step


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    server = Prometheus()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def export(location: str, **more: Any) -> ExportConfig:
    """An export of users."""
    options = {"query": "max by (product) (active_sessions)"} | more
    return ExportConfig(name="users", location=location, **options)


def answers(config: ExportConfig, folder: Path) -> dict[str, list[str]]:
    """The lines of every delivery, by group."""
    location = open_location(config, READING)
    found = {}
    for number, delivery in enumerate(location.deliveries()):
        assert isinstance(delivery, Delivery)
        files = location.fetch(delivery, folder / str(number))
        found[delivery.group] = files[0].path.read_text().splitlines()
        location.confirm(delivery)
    return found


# -- Prometheus -----------------------------------------------------------------------------------------------------


def weeks(config: ExportConfig) -> dict[str, list[dict[str, Any]]]:
    """The rows of every week that a Prometheus is asked for."""
    location = open_location(config, READING)
    assert isinstance(location, PullLocation)
    found = {part.group: location.pull(part, print) for part in location.parts() if isinstance(part, Part)}
    return {group: [] if table is None else table.to_pylist() for group, table in found.items()}


def test_concurrent_users_come_by_the_hour_and_week_and_only_hours_that_are_over(prometheus):
    found = weeks(export(prometheus.address, since=date(2026, 7, 22)))
    assert list(found) == ["2026-W30", "2026-W31"]
    rows = found["2026-W31"]
    # six days and ten whole hours are over, every second one has a sample, for two products; instance is not kept
    assert len(rows) == 2 * (6 * 12 + 5)
    assert rows[0] == {
        "active_on": "2026-07-27", "active_at": "2026-07-27T01:00:00Z", "product": "neet", "state": "all",
        "metric": "concurrent", "active_users": "1072",
    }  # fmt: skip
    assert (rows[-1]["active_at"], rows[-1]["product"]) == ("2026-08-02T09:00:00Z", "tests")
    assert prometheus.asked[0]["query"] == "max by (product) (active_sessions)"


def test_an_hour_in_the_evening_of_utc_is_the_next_day_in_india(prometheus):
    rows = weeks(export(prometheus.address, since=date(2026, 8, 1)))["2026-W31"]
    assert {(row["active_on"], row["active_users"]) for row in rows if row["active_at"] == "2026-08-01T19:00:00Z"} == {
        ("2026-08-02", "1720")
    }


def test_the_same_answer_is_the_same_file(prometheus, tmp_path):
    config = export(prometheus.address, since=date(2026, 8, 1))
    files = []
    for name in ("first", "second"):
        location = open_location(config, READING)
        files += location.fetch(location.deliveries()[0], tmp_path / name)
    assert files[0].sha256 == files[1].sha256


def test_the_token_comes_from_the_environment_and_goes_only_to_the_server(prometheus, monkeypatch):
    monkeypatch.setenv("PROM_TOKEN", "s3cret")
    weeks(export(prometheus.address, since=date(2026, 8, 1), token_env="PROM_TOKEN"))
    assert set(prometheus.tokens) == {"Bearer s3cret"}
    prometheus.failures = [400]
    with pytest.raises(LocationUnreachable) as caught:
        weeks(export(prometheus.address, token_env="PROM_TOKEN"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("failures", [[503], [429, 500]])
def test_a_busy_server_is_asked_again(prometheus, failures):
    prometheus.failures = list(failures)
    assert weeks(export(prometheus.address, since=date(2026, 8, 1)))
    assert len(prometheus.asked) == 1 + len(failures)


def test_a_server_that_stays_busy_is_out_of_reach(prometheus):
    prometheus.failures = [503] * 10
    with pytest.raises(LocationUnreachable, match="503: too busy") as caught:
        weeks(export(prometheus.address))
    assert caught.value.transient
    assert len(prometheus.asked) == 3


def test_a_wrong_query_is_told_with_the_servers_words_and_not_repeated(prometheus):
    prometheus.failures = [400]
    with pytest.raises(LocationUnreachable, match="400: too busy or too wrong"):
        weeks(export(prometheus.address))
    assert len(prometheus.asked) == 1


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"data": {"resultType": "vector", "result": []}}', b'{"data": 7}']
)
def test_what_is_no_prometheus_is_told(prometheus, body):
    prometheus.body = body
    with pytest.raises(LocationUnreachable, match=r"is not JSON|no range of samples"):
        weeks(export(prometheus.address))


def test_nobody_there_is_a_sentence():
    with pytest.raises(LocationUnreachable, match="cannot be asked"):
        weeks(export("prometheus+http://127.0.0.1:9"))


def test_prometheus_feeds_the_cost_of_a_peak_user(prometheus, store, tmp_path):
    config = export(prometheus.address, since=date(2026, 7, 20))
    location = open_location(config, READING)
    delivery = location.deliveries()[0]
    files = location.fetch(delivery, tmp_path / "staging")
    store.loader.load(config, delivery, files, tmp_path / "staging")
    rows = store.rows("metric, COUNT(*) AS n, MIN(active_users) AS least", "TRUE GROUP BY 1", kind="active_users")
    assert rows == [{"metric": "concurrent", "n": 168, "least": 1000}]


# -- configuration --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "more", "fault"),
    [
        ("prometheus+http://host:9090", {"query": None}, "query is missing"),
        ("prometheus+http://me:pw@host:9090", {}, "token_env"),
        ("prometheus+http://host:9090", {"token_env": "NOT_SET_ANYWHERE"}, "not set"),
        ("postgresql://me:pw@host/db", {}, "holds a password"),
        ("postgresql://me@host/db", {"password_env": "NOT_SET_ANYWHERE"}, "not set"),
        ("duckdb://", {}, "three slashes"),
    ],
)
def test_faults_of_the_configuration_are_told_and_hold_no_password(location, more, fault):
    with pytest.raises(ConfigError) as caught:
        open_location(export(location, **more), READING)
    assert fault in str(caught.value)
    assert "pw" not in str(caught.value)


# -- databases ------------------------------------------------------------------------------------------------------

QUERY = "SELECT active_on, 'dau' AS metric, COUNT(*) AS active_users FROM sessions GROUP BY active_on ORDER BY 1"
DAYS = ["active_on,metric,active_users", "2026-07-01,dau,3", "2026-07-02,dau,1"]
MAKE = (
    "CREATE TABLE sessions (active_on DATE, student VARCHAR(20))",
    "INSERT INTO sessions VALUES ('2026-07-01','a'),('2026-07-01','b'),('2026-07-01','c'),('2026-07-02','a')",
)


@pytest.fixture
def databases(tmp_path) -> dict[str, str]:
    """A DuckDB and a SQLite file with sessions of students."""
    with Engine(database=str(tmp_path / "app.duckdb")) as engine:
        for statement in MAKE:
            engine.execute(statement)
    connection = sqlite3.connect(tmp_path / "app.sqlite")
    for statement in MAKE:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return {"duckdb": f"duckdb://{tmp_path}/app.duckdb", "sqlite": f"sqlite://{tmp_path}/app.sqlite"}


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_database_file_is_asked_and_only_counts_leave_it(databases, tmp_path, kind):
    assert answers(export(databases[kind], query=QUERY), tmp_path / "out") == {"query": DAYS}


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
@pytest.mark.parametrize("query", ["DELETE FROM sessions", "DROP TABLE sessions", "SELECT nothing FROM sessions"])
def test_a_database_file_is_never_written_and_a_wrong_query_is_a_sentence(databases, tmp_path, kind, query):
    with pytest.raises(LocationUnreachable, match="does not answer"):
        open_location(export(databases[kind], query=query), READING).deliveries()
    assert answers(export(databases[kind], query=QUERY), tmp_path / "out") == {"query": DAYS}


def test_a_query_of_a_duckdb_file_reads_no_other_file(databases, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    query = f"SELECT * FROM read_csv('{tmp_path}/secret.csv')"
    location = open_location(export(databases["duckdb"], query=query), READING)
    with pytest.raises(LocationUnreachable, match="does not answer"):
        location.deliveries()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_missing_file_is_a_sentence(tmp_path, kind):
    with pytest.raises(LocationUnreachable, match="no such file"):
        open_location(export(f"{kind}://{tmp_path}/none.db"), READING).deliveries()


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with sessions of students."""
    if sys.version_info >= (3, 13):
        pytest.skip("the server that comes as a package has no build for this Python")
    import pgserver
    import psycopg

    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    with psycopg.connect(server.get_uri()) as connection:
        for statement in MAKE:
            connection.execute(statement)
    yield server.get_uri()
    server.cleanup()


def test_postgresql_is_asked(postgresql, tmp_path):
    assert answers(export(postgresql, query=QUERY), tmp_path) == {"query": DAYS}


@pytest.mark.parametrize("query", ["DELETE FROM sessions RETURNING *", "SELECT nothing FROM sessions", "SELEC"])
def test_postgresql_is_never_written_and_a_wrong_query_is_a_sentence(postgresql, tmp_path, query):
    with pytest.raises(LocationUnreachable, match="does not answer"):
        open_location(export(postgresql, query=query), READING).deliveries()
    assert answers(export(postgresql, query=QUERY), tmp_path) == {"query": DAYS}


def test_a_postgresql_that_is_not_there_is_a_sentence():
    with pytest.raises(LocationUnreachable, match="does not answer"):
        open_location(export("postgresql://me@127.0.0.1:9/db", query=QUERY), READING).deliveries()
