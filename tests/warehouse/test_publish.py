"""Generations: what a reader sees, what it may ask, and what a failed audit or a damaged pointer does."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from apps import deliver, make_app, total
from bills import cur_line, write_cur

from core import AuditFailed, FixedClock, KifayatError, QueryRefused, SnapshotMissing, WarehouseError
from kifayat import App
from warehouse import Result, Snapshot, open_warehouse

HOSTILE = ["'; DROP TABLE charges; --", "<script>alert(1)</script>", "=cmd|'/c calc'!A1", "a\u202eb", '"}{', "x" * 5000]


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["4", "6"])
    app.ingest()
    return app


def test_a_reader_keeps_its_generation_while_the_next_is_published(app, tmp_path):
    with Snapshot.open(tmp_path / "store") as old:
        deliver(tmp_path / "cur", "2026-07.csv", ["5"])
        app.ingest()
        assert old.query("SELECT SUM(BilledCost) FROM cost_daily").rows == ((Decimal(10),),)
        assert old.query("SELECT SUM(BilledCost) FROM charges").rows == ((Decimal(10),),)
    assert total(app) == 5


def test_nothing_new_publishes_nothing_and_a_new_day_may(app, tmp_path):
    assert not app.ingest().published.is_new
    later = App(app.config, FixedClock(datetime(2026, 8, 11, 6, tzinfo=UTC)))
    assert later.ingest().published.is_new


def test_other_allocation_rules_make_the_marts_anew_from_the_same_loads(app, tmp_path):
    deliver(tmp_path / "cur", "2026-07.csv", ["4"], resource_tags_user_tribe="blue")
    app.ingest()
    assert app.query("SELECT DISTINCT x_Team FROM cost_daily").rows == ((None,),)
    config = tmp_path / "kifayat.toml"
    config.write_text(config.read_text() + '[allocation]\nteam = ["tribe"]\n')
    again = App.from_toml(config, app.clock)
    assert again.ingest().report.count("loaded") == 0
    assert again.query("SELECT DISTINCT x_Team FROM cost_daily").rows == (("blue",),)


def test_a_damaged_pointer_shows_the_last_good_generation_and_says_so(app, tmp_path):
    pointer = tmp_path / "store" / "snapshots" / "CURRENT"
    pointer.write_text("{half")
    with Snapshot.open(tmp_path / "store") as snapshot:
        assert snapshot.is_fallback
        assert snapshot.query("SELECT SUM(BilledCost) FROM cost_daily").rows == ((Decimal(10),),)
    app.ingest()
    assert json.loads(pointer.read_text())["generation"] >= 1


@pytest.mark.parametrize("damage", [b"", b"\0" * 4096, b"half"])
def test_a_damaged_snapshot_file_shows_the_last_good_generation_too(app, tmp_path, damage):
    deliver(tmp_path / "cur", "2026-07.csv", ["5"])
    app.ingest()
    newest = max((tmp_path / "store" / "snapshots").glob("*.duckdb"))
    newest.write_bytes(damage)
    with Snapshot.open(tmp_path / "store") as snapshot:
        assert snapshot.is_fallback
        assert snapshot.query("SELECT SUM(BilledCost) FROM cost_daily").rows == ((Decimal(10),),)


def test_an_empty_store_has_no_snapshot_and_says_what_to_do(tmp_path):
    with pytest.raises(SnapshotMissing, match="kifayat ingest"):
        make_app(tmp_path).query("SELECT 1")


def test_an_ingest_of_nothing_publishes_nothing(tmp_path):
    app = make_app(tmp_path)
    done = app.ingest()
    assert (done.published.generation, done.published.is_new) == (0, False)
    with pytest.raises(SnapshotMissing):
        app.query("SELECT 1")


def test_feeds_without_a_bill_publish_empty_marts_not_zero(tmp_path):
    app = make_app(tmp_path)
    (tmp_path / "cur" / "rates.csv").write_text("date,currency,inr_per_unit\n2026-07-31,USD,95\n")
    app.ingest()
    assert app.query("SELECT COUNT(*) FROM cost_daily").rows == ((0,),)
    assert app.query("SELECT SUM(BilledCost) FROM charges").rows == ((None,),)


def test_a_share_of_nothing_is_null_and_not_infinite(app):
    assert app.query("SELECT 1 / 0, 0.0 / 0, 1e0 / 0").rows == ((None, None, None),)


def test_a_ledger_total_that_does_not_fit_stops_publishing(app, tmp_path):
    with open_warehouse(tmp_path / "store") as warehouse, warehouse.ledger.transaction() as db:
        db.execute("UPDATE load_totals SET billed_cost = '11'")
    with pytest.raises(AuditFailed, match="cost_equals_files"):
        app.refresh()
    assert total(app) == 10


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO 'x.csv'",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "SET memory_limit = '1GB'",
        "CREATE TABLE t (a INTEGER)",
        "DROP VIEW charges",
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
        "explain analyze COPY (SELECT 1) TO 'x.csv'",
        "EXPLAIN (ANALYZE) DROP VIEW charges",
        "EXPLAIN SELECT 1; DROP VIEW charges",
        "SELECT 1; SELECT 2",
        "PRAGMA enable_profiling",
        "",
        "SELEC 1",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('*')",
        "SELECT * FROM app",
        "FROM query('COPY (SELECT 1) TO ''x.csv''')",
    ],
)
def test_a_query_can_only_read_the_snapshot(app, sql):
    with pytest.raises((QueryRefused, KifayatError)):
        app.query(sql)
    assert total(app) == 10


def test_a_query_may_be_explained(app):
    for sql in ("EXPLAIN SELECT * FROM charges", "EXPLAIN ANALYZE SELECT COUNT(*) FROM charges"):
        assert app.query(sql).rows


def test_hostile_tag_values_come_back_as_they_are_and_run_nowhere(tmp_path):
    app = make_app(tmp_path)
    lines = [cur_line(cost="1", resource_tags_user_team=value) for value in HOSTILE]
    write_cur(tmp_path / "cur" / "2026-07.csv", lines)
    app.ingest()
    rows = app.query("SELECT x_Team FROM cost_daily ORDER BY 1").rows
    assert sorted(row[0] for row in rows) == sorted(HOSTILE)
    stream = io.StringIO()
    app.query("SELECT x_Team, -BilledCost AS minus FROM cost_daily").to_csv(stream)
    assert "'=cmd" in stream.getvalue()
    assert ",-1." in stream.getvalue()


def test_a_number_that_is_negative_stays_a_number_in_csv():
    stream = io.StringIO(newline="")
    Result(("a", "b"), ("DECIMAL", "VARCHAR"), ((Decimal("-1.5"), "-1.5"),)).to_csv(stream)
    assert stream.getvalue() == "a,b\r\n-1.5,'-1.5\r\n"


def test_old_executions_and_months_go_and_what_counts_stays(tmp_path):
    app = make_app(tmp_path)
    for number in range(6):
        deliver(tmp_path / "cur", "2026-07.csv", [f"{number + 1}"])
        app.ingest()
    deliver(tmp_path / "cur", "2020-01.csv", ["100"], at=datetime(2020, 1, 1))
    app.ingest()
    assert total(app) == 6
    assert app.query("SELECT SUM(BilledCost) FROM charges").rows == ((Decimal(6),),)
    assert app.ingest().report.count("loaded") == 0
    folders = list((tmp_path / "store" / "charges").glob("*/*/*/*"))
    assert len(folders) <= app.config.storage.keep_generations
    assert len(list((tmp_path / "store" / "snapshots").glob("*.duckdb"))) <= app.config.storage.keep_generations


def test_a_backup_restored_elsewhere_gives_the_same_answers(app, tmp_path):
    archive = app.backup(tmp_path / "backup.tar")
    config = tmp_path / "other.toml"
    config.write_text(app.config.path.read_text().replace('"store"', '"elsewhere"'))
    other = App.from_toml(config, app.clock)
    other.restore(archive)
    for sql in ("SELECT * FROM cost_daily ORDER BY ALL", "SELECT SUM(BilledCost) FROM charges"):
        assert other.query(sql).rows == app.query(sql).rows
    assert not other.ingest().report.count("loaded")
    with pytest.raises(WarehouseError, match="not empty"):
        other.restore(archive)
    with pytest.raises(WarehouseError, match="exists already"):
        app.backup(archive)


def test_a_ledger_of_a_newer_version_is_refused_with_what_to_do(app, tmp_path):
    with open_warehouse(tmp_path / "store") as warehouse:
        warehouse.ledger._db.execute("PRAGMA user_version = 99")
    with pytest.raises(WarehouseError, match="newer Kifayat"):
        app.ingest()


def test_an_ist_day_is_five_and_a_half_hours_ahead(tmp_path):
    app = make_app(tmp_path)
    lines = [cur_line(cost="1", at=datetime(2026, 7, 3, 18)), cur_line(cost="2", at=datetime(2026, 7, 3, 19))]
    write_cur(tmp_path / "cur" / "2026-07.csv", lines)
    app.ingest()
    rows = app.query("SELECT x_ChargeOn, BilledCost FROM cost_daily ORDER BY 1").rows
    assert rows == ((date(2026, 7, 3), Decimal(1)), (date(2026, 7, 4), Decimal(2)))
