"""Every mart, view, audit and rollup: its header tells the truth, its grain is unique, good data leaves it silent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from bills import Line, cur_line, monthly_line, ri_fee, sp_covered, sp_fee, write_cur, write_text
from goldens import GOLDENS
from portable_sql import statement, tables
from stores import AFTER_JULY, TEAM_TAGS, Store, open_store

from core import SqlFile, discover_sql
from ingest.source import sources
from models import unit_cost
from warehouse import (
    FEEDS,
    Engine,
    Limits,
    Snapshot,
    audit_files,
    mart_files,
    publish,
    quote,
    read_pointer,
    view_files,
)
from warehouse.rollup import SQL, rollup_files
from warehouse.tables import snapshot_sql

#: Configuration as the program hands it over: every table of it has a row.
SETTINGS = {
    "shared_rules": [
        (0, "surcharges", None, None, None, "Adjustment", None, None, None, None, None, "team", "fixed"),
        (1, "tax", "tax", None, None, None, None, None, None, None, None, "service", "proportional"),
        (2, "unused", "unused", None, None, None, None, None, None, None, None, "service", "proportional"),
    ],
    "shared_shares": [("surcharges", "Physics", Decimal(1)), ("surcharges", "Biology", Decimal(3))],
    "targets": [("cost_per_user_inr", 5.0, True), ("tag_coverage_pct", 95.0, False)],
    "budgets": [("all", 2026, Decimal(120000), None, None, None, None, None, "season", True, None)],
    "exams": [(date(2025, 5, 4),), (date(2026, 5, 3),)],
    "regulated_services": [("user",)],
}  # fmt: skip
USERS = "active_on,product,state,metric,active_users\n" + "".join(
    f"{day},{product},Bihar,{metric},{count}\n"
    for day in ("2026-07-01", "2026-08-01")
    for product, count in (("neet", 900), ("tests", 300), ("all", 1000))
    for metric in ("mau", "dau", "peak_concurrent")
)
EXPORTS = discover_sql(SQL / "exports")
KEYS = {
    "mart": {"description", "grain", "needs"},
    "view": {"description", "needs"},
    "audit": {"description", "needs", "severity"},
    "rollup": {"description", "grain", "needs"},
    "export": {"description", "needs"},
}
FILES = [
    *(("mart", file) for file in mart_files().values()),
    *(("view", file) for file in view_files().values()),
    *(("audit", file) for file in audit_files().values()),
    *(("rollup", file) for file in rollup_files().values()),
    *(("export", file) for file in EXPORTS.values()),
]
EVERY = pytest.mark.parametrize(("kind", "file"), FILES, ids=[f"{kind} {file.name}" for kind, file in FILES])
MARTS = pytest.mark.parametrize("file", mart_files().values(), ids=list(mart_files()))
VIEWS = pytest.mark.parametrize("file", view_files().values(), ids=list(view_files()))
AUDITS = pytest.mark.parametrize("file", audit_files().values(), ids=list(audit_files()))


def sql_of(file: SqlFile) -> str:
    """The statement with its blanks filled."""
    return re.sub(r"\{\w+\}", "TRUE", file.sql)


def ground() -> set[str]:
    """Tables that are there before any mart: those of the ledger, the feeds, the rollups and the charges."""
    made = re.findall(r"CREATE TABLE (\w+)", snapshot_sql())
    return {*made, *FEEDS, *(f"rollup_{name}" for name in rollup_files()), "charges", "allocated"}


@EVERY
def test_a_header_has_the_keys_of_its_kind(kind: str, file: SqlFile):
    assert set(file.header) <= KEYS[kind]
    assert KEYS[kind] - {"severity"} <= set(file.header)
    assert str(file.header["description"]).strip().endswith(".")
    assert file.header.get("severity", "error") in ("error", "warning")


@EVERY
def test_needs_are_the_tables_that_the_statement_reads(kind: str, file: SqlFile):
    assert set(file.header["needs"]) == tables(sql_of(file))
    assert len(set(file.header["needs"])) == len(file.header["needs"])


@EVERY
def test_what_is_needed_is_there_when_it_is_built(kind: str, file: SqlFile):
    known = ground() | set(mart_files())
    if kind in ("view", "export"):
        known |= set(view_files())
    if kind == "mart":
        order = list(mart_files())
        known = ground() | set(order[: order.index(file.name)])
    assert set(file.header["needs"]) <= known


def test_no_two_relations_have_one_name():
    names = [*mart_files(), *view_files(), *ground()]
    assert len(names) == len(set(names))


@EVERY
def test_a_statement_is_one_select(kind: str, file: SqlFile):
    assert statement(sql_of(file)).key in ("select", "union")


# -- on a small store ---------------------------------------------------------------------------------------------


def august_lines() -> list[Line]:
    """An open month beside the closed one, with two accounts, two currencies and hours around midnight in India."""
    evening = datetime(2026, 8, 1, 18)
    lines = [
        cur_line(cost="1.5", at=evening + timedelta(minutes=30 * step), resource_tags_user_team=team)
        for step in range(4)
        for team in ("Physics", "Biology", "")
    ]
    lines += [cur_line(cost="250", at=evening, line_item_currency_code="INR", bill_payer_account_id="000000000009")]
    lines += [*sp_covered("3", "2", at=evening), sp_fee("2.5", commitment="2.5", used="2", at=evening)]
    lines += [ri_fee("31", unused_recurring="31", at=evening), monthly_line("Tax", "9", at=evening)]
    lines += [cur_line("OrbitalSurcharge", "1", at=evening), cur_line("Credit", "-4", at=evening)]
    return lines


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """All goldens of bills, an open month, rates and an invoice, loaded."""
    folder = tmp_path_factory.mktemp("store")
    with Engine(Limits(threads=1)) as engine, open_store(folder, engine) as store:
        for golden in sorted(GOLDENS.glob("*/input.*")):
            source = sources()[golden.parent.name]
            if source.into == "charges":
                store.load(golden, export=f"golden_{source.name}")
        store.load(write_cur(folder / "august.csv", august_lines()), export="open")
        days = [date(2026, 6, 1) + timedelta(days=n) for n in range(63)]
        rates = "date,currency,inr_per_unit\n" + "".join(f"{day},USD,86.25\n" for day in days)
        store.load(write_text(folder / "rates.csv", rates), export="fx")
        invoice = "billing_account_id,invoice_id,billing_month,currency,inr_per_unit,issued_on\n"
        invoice += "111122223333,IN-2607,2026-07-01,USD,86.5,2026-08-02\n"
        store.load(write_text(folder / "invoices.csv", invoice), export="invoices")
        store.load(write_text(folder / "users.csv", USERS), export="users")
        accounts = "account_id,provider,kind,name,parent\n444455556666,AWS,account,lab,Workloads\n"
        store.load(write_text(folder / "accounts.csv", accounts), export="accounts")
        yield store


@pytest.fixture(scope="module")
def snapshot(store: Store) -> Iterator[Snapshot]:
    """The generation published from it."""
    publish(
        store.warehouse, store.engine, TEAM_TAGS, now=AFTER_JULY.replace(tzinfo=UTC), settings=SETTINGS,
        models=unit_cost.build,
    )  # fmt: skip
    directory = store.warehouse.directory
    opened = Snapshot(directory, read_pointer(directory / "snapshots"), Limits(threads=1))
    yield opened
    opened.close()


@MARTS
def test_the_grain_of_a_mart_is_unique(file: SqlFile, snapshot: Snapshot):
    grain = ", ".join(quote(column) for column in file.header["grain"])
    doubled = snapshot.query(f"SELECT {grain}, COUNT(*) FROM {quote(file.name)} GROUP BY ALL HAVING COUNT(*) > 1")
    assert doubled.rows == ()


@MARTS
def test_a_mart_holds_something(file: SqlFile, snapshot: Snapshot):
    assert snapshot.query(f"SELECT COUNT(*) FROM {quote(file.name)}").rows[0][0] > 0


@pytest.mark.parametrize("file", rollup_files().values(), ids=list(rollup_files()))
def test_the_grain_of_a_rollup_is_unique(file: SqlFile, store: Store, snapshot: Snapshot):
    grain = ", ".join(quote(column) for column in file.header["grain"])
    for load in store.current():
        paths = list(store.warehouse.folder(load).glob(f"rollup_*-{file.name}-*.parquet"))
        assert paths
        for path in paths:
            found = store.engine.rows(
                f"SELECT {grain}, COUNT(*) FROM read_parquet('{path}') GROUP BY ALL HAVING COUNT(*) > 1"
            )
            assert found == []


@VIEWS
def test_a_view_can_be_read(file: SqlFile, snapshot: Snapshot):
    assert snapshot.query(f"SELECT * FROM {quote(file.name)} LIMIT 1").columns


@AUDITS
def test_an_audit_is_silent_on_good_data(file: SqlFile, snapshot: Snapshot):
    assert snapshot.query(f"SELECT * FROM ({file.sql})").rows == ()


@MARTS
def test_sums_of_money_are_decimals(file: SqlFile, snapshot: Snapshot):
    found = snapshot.query(f"SELECT * FROM {quote(file.name)} LIMIT 0")
    floats = [name for name, kind in zip(found.columns, found.types, strict=True) if kind in ("DOUBLE", "FLOAT")]
    assert [name for name in floats if re.search(r"(?i)cost|amount|inr", name)] == []


def test_marts_and_charges_hold_the_same_money(snapshot: Snapshot):
    per_currency = "SELECT BillingCurrency, SUM(BilledCost), SUM(EffectiveCost) FROM {} GROUP BY 1 ORDER BY 1"
    charges = snapshot.query(per_currency.format("charges")).rows
    assert len(charges) >= 2
    for table in ("cost_daily", "charges_inr", "cost_by_resource"):
        assert snapshot.query(per_currency.format(table)).rows == charges


def test_a_row_around_midnight_belongs_to_the_day_it_starts_in_india(snapshot: Snapshot):
    days = snapshot.query(
        "SELECT x_ChargeOn, SUM(x_Charges) FROM cost_daily WHERE x_ExportName = 'open' AND ChargeCategory = 'Usage'"
        " AND x_Team = 'Physics' GROUP BY 1 ORDER BY 1"
    ).rows
    assert days == ((date(2026, 8, 1), 1), (date(2026, 8, 2), 3))


def test_currencies_stand_apart_in_every_mart_that_adds_costs(snapshot: Snapshot):
    for name in mart_files():
        found = snapshot.query(f"SELECT * FROM {quote(name)} LIMIT 0")
        if any(column.endswith("Cost") for column in found.columns):
            assert "BillingCurrency" in found.columns, name


def test_a_store_without_a_charge_has_every_mart_too(tmp_path: Path):
    with Engine(Limits(threads=1)) as engine, open_store(tmp_path, engine) as store:
        publish(store.warehouse, engine, TEAM_TAGS, now=AFTER_JULY)
        directory = store.warehouse.directory
        snapshot = Snapshot(directory, read_pointer(directory / "snapshots"), Limits(threads=1))
        for name in (*mart_files(), *view_files()):
            assert snapshot.query(f"SELECT COUNT(*) FROM {quote(name)}").rows == ((0,),)
        snapshot.close()
