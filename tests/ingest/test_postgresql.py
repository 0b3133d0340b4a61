"""PostgreSQL, a real one: it is only read, by one SELECT, and neither a row's value nor a password is repeated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest

from core import ConfigError, ExportConfig, LocationUnreachable
from ingest import ingest_exports
from ingest.deliveries import Delivery
from ingest.locations import Reading, open_location

COUNTS = "SELECT active_on, 'mau' AS metric, COUNT(DISTINCT student) AS active_users FROM sessions GROUP BY 1"
BY_MONTH = COUNTS.replace("active_on,", "CAST(date_trunc('month', active_on) AS DATE) AS active_on,")
WITHOUT = (
    "no PostgreSQL here: the package pgserver brings one for Python 3.11 and 3.12; nobody looked at the way in from a"
    " real database"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own. Where there is none, CI fails and everybody else is told."""
    try:
        import pgserver
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail(WITHOUT)
        pytest.skip(WITHOUT)
    running = pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    yield running.get_uri()
    running.cleanup()


@pytest.fixture
def sessions(server: str) -> Iterator[Any]:
    """A connection to a table of 60 students on one day, and one of them with an e-mail."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS sessions")
        connection.execute("CREATE TABLE sessions (active_on DATE, student TEXT)")
        connection.execute("INSERT INTO sessions SELECT DATE '2026-07-01', 's' || n FROM generate_series(1, 59) AS n")
        connection.execute("INSERT INTO sessions VALUES ('2026-07-01', 'asha@example.in')")
        yield connection


def export(location: str, query: str = COUNTS, **more: Any) -> ExportConfig:
    """An export of users."""
    return ExportConfig(name="users", location=location, query=query, **more)


def delivery(location: str, query: str = COUNTS) -> Delivery:
    """The one delivery of a query."""
    (found,) = open_location(export(location, query), Reading()).deliveries()
    assert isinstance(found, Delivery)
    return found


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS a; COMMIT; DELETE FROM sessions; COMMIT",
        "COMMIT; BEGIN READ WRITE; DELETE FROM sessions; COMMIT; SELECT 1 AS a",
        "SET TRANSACTION READ WRITE",
        "WITH gone AS (DELETE FROM sessions RETURNING *) SELECT COUNT(*) FROM gone",
        "DO $$ BEGIN DELETE FROM sessions; END $$",
        "CREATE TABLE new AS SELECT * FROM sessions",
        "COPY sessions TO PROGRAM 'cat'",
    ],
)
def test_only_one_select_is_asked_and_nothing_is_written(server, sessions, query):
    with pytest.raises(LocationUnreachable, match="does not answer"):
        delivery(server, query)
    assert sessions.execute("SELECT COUNT(*) FROM sessions").fetchone() == (60,)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT CAST(student AS INT) AS n FROM sessions WHERE student LIKE 'asha%'",
        "SELECT CAST(student AS DATE) AS n FROM sessions WHERE student LIKE 'asha%'",
        "SELECT CAST('{' || student AS JSON) AS n FROM sessions WHERE student LIKE 'asha%'",
    ],
)
def test_a_value_that_does_not_fit_is_told_and_not_repeated(server, sessions, query):
    with pytest.raises(LocationUnreachable, match="does not fit what the query makes of it") as caught:
        delivery(server, query)
    assert "asha" not in str(caught.value)


def test_a_query_that_ends_with_a_semicolon_or_a_comment_is_one_query(server, sessions):
    assert delivery(server, COUNTS + ";").fingerprint == delivery(server, COUNTS + " -- by day").fingerprint


def test_the_same_rows_in_another_order_are_the_same_delivery(server, sessions):
    sessions.execute("INSERT INTO sessions VALUES ('2026-07-02', 's1')")
    assert (
        delivery(server, COUNTS + " ORDER BY 1").fingerprint
        == delivery(server, COUNTS + " ORDER BY 1 DESC").fingerprint
    )


def test_changed_counts_replace_the_old_ones_and_the_same_are_skipped(server, sessions, store):
    asked = [export(server, BY_MONTH)]
    assert ingest_exports(store.loader, asked).count("loaded") == 1
    assert ingest_exports(store.loader, asked).unchanged == 1
    sessions.execute("INSERT INTO sessions VALUES ('2026-07-09', 's100')")
    assert ingest_exports(store.loader, asked).count("loaded") == 1
    found = [tuple(row.values()) for row in store.rows("active_on, metric, active_users", kind="active_users")]
    assert found == [(date(2026, 7, 1), "mau", 61)]


def test_students_in_the_answer_refuse_it_whole_and_stay_nowhere(server, sessions, store, tmp_path):
    query = "SELECT active_on, student AS product, 50 AS active_users FROM sessions"
    (refused,) = ingest_exports(store.loader, [export(server, query)]).refused
    assert "product looks like a person" in refused.reason
    kept = [path.read_bytes() for path in (tmp_path / "storage").rglob("*") if path.is_file()]
    assert not [data for data in kept if b"asha@" in data]
    assert "asha" not in refused.reason


def test_a_password_comes_from_the_environment(server, sessions, monkeypatch):
    monkeypatch.setenv("READER_PASSWORD", "s3cret")
    (found,) = open_location(export(server, password_env="READER_PASSWORD"), Reading()).deliveries()
    assert isinstance(found, Delivery)


@pytest.mark.parametrize("address", ["postgresql://me@h/db?password=s3cret", "postgresql://h/db?sslpassword=s3cret"])
def test_a_password_in_the_query_of_an_address_is_refused_and_not_repeated(address):
    with pytest.raises(ConfigError, match="password_env") as caught:
        open_location(export(address), Reading())
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_with_its_address(server):
    with pytest.raises(LocationUnreachable, match="connection failed") as caught:
        delivery("postgresql://me@127.0.0.1:9/db")
    assert urlsplit(caught.value.where).hostname == "127.0.0.1"
