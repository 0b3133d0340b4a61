"""From current loads to the tables of a snapshot: rollups beside the charges, marts, audits.

Rollups are made once per load and allocation rules; marts are rebuilt whole for every generation, which is
cheap because they read only rollups. Nothing here decides when; `warehouse.publish` does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from core import AuditFailed, SqlFile, discover_sql
from warehouse.engine import Engine, literal, path_list, quote
from warehouse.ledger import Load
from warehouse.rates import Rate, Rates, resolve
from warehouse.store import Warehouse, sync_file
from warehouse.tables import FEEDS, empty_charges

SQL = Path(__file__).parent / "sql"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Allocation:
    """Tag keys that name the team, environment and product of a charge, first match wins."""

    team: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    product: tuple[str, ...] = ()

    def columns(self) -> str:
        """SQL of x_Team, x_Environment, x_Product from the Tags JSON text."""
        return ", ".join(
            f"{_first_tag(keys)} AS {name}"
            for name, keys in (("x_Team", self.team), ("x_Environment", self.environment), ("x_Product", self.product))
        )

    def fingerprint(self) -> str:
        """Changes when the rules, or the rollups' SQL, change."""
        texts = [file.sql for file in rollup_files().values()]
        return hashlib.sha256(json.dumps([self.columns(), texts]).encode()).hexdigest()[:12]


def _first_tag(keys: Sequence[str]) -> str:
    if not keys:
        return "CAST(NULL AS VARCHAR)"
    pointers = [literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys]
    found = f"json_extract_string(Tags, [{', '.join(pointers)}])"
    return "COALESCE(" + ", ".join(f"NULLIF({found}[{i + 1}], '')" for i in range(len(keys))) + ")"


@cache
def rollup_files() -> dict[str, SqlFile]:
    """Rollups by name."""
    return discover_sql(SQL / "rollups")


@cache
def mart_files() -> dict[str, SqlFile]:
    """Marts by name, in the order in which they can be built."""
    return _ordered(discover_sql(SQL / "marts"))


@cache
def view_files() -> dict[str, SqlFile]:
    """Views over the charge files by name, in order of need."""
    return _ordered(discover_sql(SQL / "views"))


@cache
def audit_files() -> dict[str, SqlFile]:
    """Audits by name."""
    return discover_sql(SQL / "audits")


def _ordered(files: Mapping[str, SqlFile]) -> dict[str, SqlFile]:
    graph = {name: [need for need in file.header["needs"] if need in files] for name, file in files.items()}
    return {name: files[name] for name in TopologicalSorter(graph).static_order()}


def ensure_rollups(warehouse: Warehouse, engine: Engine, loads: Sequence[Load], allocation: Allocation, say: Say) -> None:
    """Write the rollups that a load lacks. A rollup is derived: losing one costs time, not numbers."""
    mark = allocation.fingerprint()
    for load in loads:
        folder = warehouse.folder(load)
        missing = [name for name in rollup_files() if not _rollup(folder, name, mark).exists()]
        if not missing:
            continue
        say(f"rolling up {load.export} {load.partition}")
        engine.execute(
            f"CREATE OR REPLACE TEMP VIEW allocated AS SELECT *, {allocation.columns()}"  # noqa: S608
            f" FROM read_parquet({path_list(warehouse.parquet(load))})"
        )
        for name in missing:
            target = _rollup(folder, name, mark)
            staged = warehouse.staging / f"{mark}-{name}.parquet"
            engine.copy_file(rollup_files()[name].sql, staged)
            sync_file(staged)
            staged.rename(target)
        for stale in folder.glob("rollup_*.parquet"):
            if mark not in stale.name:
                stale.unlink()


def _rollup(folder: Path, name: str, mark: str) -> Path:
    return folder / f"rollup_{name}-{mark}.parquet"


def build_snapshot(
    warehouse: Warehouse,
    engine: Engine,
    target: Path,
    allocation: Allocation,
    *,
    fx_priority: Sequence[str],
    fx_max_gap_days: int,
    meta: Mapping[str, str],
    now: datetime,
    say: Say,
) -> list[str]:
    """Build all tables of a generation into the new database file `target`; returns warnings of audits.

    Raises AuditFailed, naming the audit and the first rows, if a number would not be right.
    """
    loads = warehouse.ledger.current_loads("charges")
    ensure_rollups(warehouse, engine, loads, allocation, say)
    engine.execute(f"ATTACH {literal(str(target))} AS snapshot (STORAGE_VERSION 'v1.4.0')")
    try:
        engine.execute("USE snapshot")
        _ledger_tables(warehouse, engine, loads, meta)
        _feed_tables(warehouse, engine)
        _sources_of_marts(warehouse, engine, loads, allocation)
        _rates(warehouse, engine, Rates(warehouse, engine, fx_priority, fx_max_gap_days), now)
        for name, file in mart_files().items():
            say(f"building {name}")
            engine.execute(f"CREATE TABLE {quote(name)} AS {file.sql}")
        _files_and_views(warehouse, engine, loads, allocation)
        warnings = _audit(engine)
        engine.execute("CHECKPOINT snapshot")
    finally:
        engine.execute("USE memory")
        engine.execute("DETACH snapshot")
    return warnings


def _ledger_tables(warehouse: Warehouse, engine: Engine, loads: Sequence[Load], meta: Mapping[str, str]) -> None:
    engine.execute("CREATE TABLE meta (key VARCHAR, value VARCHAR)")
    engine.insert("meta", list(meta.items()))
    engine.execute(
        "CREATE TABLE load_totals (x_ExportName VARCHAR, x_Source VARCHAR, ProviderName VARCHAR, BillingAccountId VARCHAR,"
        " partition VARCHAR, delivered_at TIMESTAMP, loaded_at TIMESTAMP, complete_through TIMESTAMP, deliveries BIGINT,"
        " x_BillingMonth DATE, BillingCurrency VARCHAR, charges BIGINT, file_rows BIGINT, row_rows BIGINT,"
        " file_cost DECIMAL(38,18), billed_cost DECIMAL(38,18), effective_cost DECIMAL(38,18), uninvoiced BIGINT,"
        " invoices BIGINT)"
    )
    engine.insert("load_totals", list(_totals(warehouse, loads)))
    engine.execute(
        "CREATE TABLE restatements (noted_at TIMESTAMP, x_ExportName VARCHAR, BillingAccountId VARCHAR, partition VARCHAR,"
        " x_BillingMonth DATE, BillingCurrency VARCHAR, before_cost DECIMAL(38,18), after_cost DECIMAL(38,18),"
        " difference DECIMAL(38,18), was_invoiced BOOLEAN)"
    )
    engine.insert("restatements", [
        (_naive(r["at"]), r["export"], r["payer"], r["partition"], r["billing_month"], r["currency"], r["before_cost"],
         r["after_cost"], None, bool(r["was_invoiced"]))
        for r in warehouse.ledger.rows("SELECT * FROM restatements ORDER BY at")
    ])  # fmt: skip
    engine.execute("UPDATE restatements SET difference = after_cost - before_cost")
    engine.execute(
        "CREATE TABLE events (noted_at TIMESTAMP, kind VARCHAR, x_ExportName VARCHAR, BillingAccountId VARCHAR,"
        " partition VARCHAR, message VARCHAR, amount DECIMAL(38,18), currency VARCHAR)"
    )
    engine.insert("events", [
        (_naive(r["at"]), r["kind"], r["export"], r["payer"], r["partition"], r["message"], r["amount"], r["currency"])
        for r in warehouse.ledger.rows("SELECT * FROM events ORDER BY at DESC LIMIT 1000")
    ])  # fmt: skip
    engine.execute("CREATE TABLE quarantine (noted_at TIMESTAMP, x_ExportName VARCHAR, file VARCHAR, sha256 VARCHAR, reason VARCHAR)")
    engine.insert("quarantine", [
        (_naive(r["at"]), r["export"], r["file"], r["sha256"], r["reason"])
        for r in warehouse.ledger.rows("SELECT * FROM quarantine ORDER BY at DESC")
    ])  # fmt: skip


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _totals(warehouse: Warehouse, loads: Sequence[Load]) -> Iterator[tuple[Any, ...]]:
    deliveries = {
        (r["export"], r["payer"], r["partition"]): r["n"]
        for r in warehouse.ledger.rows(
            "SELECT export, payer, partition, COUNT(*) AS n FROM loads WHERE kind = 'charges' GROUP BY 1, 2, 3"
        )
    }
    for load in loads:
        for index, t in enumerate(load.totals):
            # rows of a file are counted per load; they are told once, at the load's first total
            rows = (load.file_rows, load.row_rows) if index == 0 else (0, 0)
            yield (
                load.export, load.source, load.provider, load.payer, load.partition,
                _plain(load.delivered_at), _plain(load.loaded_at), _plain(load.complete_through),
                deliveries[load.export, load.payer, load.partition] if index == 0 else 0,
                t.billing_month, t.currency, t.charges, *rows, t.file_cost, t.billed_cost, t.effective_cost,
                t.uninvoiced, t.invoices,
            )  # fmt: skip


def _plain(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None)


def _feed_tables(warehouse: Warehouse, engine: Engine) -> None:
    for name, columns in FEEDS.items():
        files = [path for load in warehouse.ledger.current_loads(name) for path in warehouse.parquet(load)]
        declared = ", ".join(f"{quote(column)} {kind}" for column, kind in columns)
        engine.execute(f"CREATE TABLE {quote(name)} ({declared})")
        if files:
            engine.execute(f"INSERT INTO {quote(name)} SELECT * FROM read_parquet({path_list(files)})")  # noqa: S608


def _sources_of_marts(warehouse: Warehouse, engine: Engine, loads: Sequence[Load], allocation: Allocation) -> None:
    for name, file in rollup_files().items():
        files = [_rollup(warehouse.folder(load), name, allocation.fingerprint()) for load in loads]
        if files:
            select = f"SELECT * FROM read_parquet({path_list(files)})"  # noqa: S608
        else:
            engine.execute(f"CREATE OR REPLACE TEMP VIEW allocated AS SELECT *, {allocation.columns()} FROM ({empty_charges()})"  # noqa: S608
           )
            select = file.sql
        engine.execute(f"CREATE OR REPLACE TEMP VIEW rollup_{name} AS {select}")


def _rates(warehouse: Warehouse, engine: Engine, rates: Rates, now: datetime) -> None:
    needs = engine.dicts(
        "SELECT BillingAccountId AS payer, BillingCurrency AS currency, x_BillingMonth AS billing_month,"
        " COALESCE(InvoiceId, '') AS invoice_id, MIN(x_ExportName) AS export, SUM(BilledCost) AS billed_cost"
        " FROM rollup_daily GROUP BY ALL ORDER BY ALL"
    )
    engine.execute(
        "CREATE TABLE inr_rates (BillingAccountId VARCHAR, BillingCurrency VARCHAR, x_BillingMonth DATE, InvoiceId VARCHAR,"
        " rate DECIMAL(12,6), rate_on DATE, rate_source VARCHAR, rate_state VARCHAR, reason VARCHAR,"
        " inr_per_usd DECIMAL(12,6))"
    )
    resolved = resolve(warehouse, engine, needs, rates, now)
    in_dollars = {rate.billing_month: None for rate in resolved}
    months = [{"payer": "", "currency": "USD", "billing_month": m, "invoice_id": "", "export": "", "billed_cost": 0}
              for m in in_dollars]  # fmt: skip
    per_usd = {rate.billing_month: rate.rate for rate in resolve(warehouse, engine, months, rates, now)}
    engine.insert("inr_rates", [_rate_row(rate, per_usd) for rate in resolved])


def _rate_row(rate: Rate, per_usd: Mapping[date, Any]) -> tuple[Any, ...]:
    dollar = rate.rate if rate.currency == "USD" else per_usd.get(rate.billing_month)
    return (
        rate.payer, rate.currency, rate.billing_month, rate.invoice_id, rate.rate, rate.rate_on, rate.source or None,
        rate.state or None, rate.reason or None, dollar,
    )  # fmt: skip


def _files_and_views(warehouse: Warehouse, engine: Engine, loads: Sequence[Load], allocation: Allocation) -> None:
    """What a reader needs to see the charges of this generation: files relative to the store, and the views' SQL."""
    engine.execute("CREATE TABLE generation_files (path VARCHAR, bytes BIGINT)")
    engine.insert("generation_files", [
        (str(path.relative_to(warehouse.directory)), path.stat().st_size)
        for load in loads
        for path in warehouse.parquet(load)
    ])  # fmt: skip
    engine.execute("CREATE TABLE generation_views (position INTEGER, name VARCHAR, sql VARCHAR)")
    views = [
        ("charges", "SELECT * FROM {files}"),
        ("allocated", f"SELECT *, {allocation.columns()} FROM charges"),  # noqa: S608
        *((name, file.sql) for name, file in view_files().items()),
    ]
    engine.insert("generation_views", [(index, name, sql) for index, (name, sql) in enumerate(views)])


def _audit(engine: Engine) -> list[str]:
    warnings = []
    for name, file in audit_files().items():
        rows = engine.dicts(f"SELECT * FROM ({file.sql}) LIMIT 5")  # noqa: S608
        if not rows:
            continue
        shown = "; ".join(", ".join(f"{key} {value}" for key, value in row.items()) for row in rows[:3])
        message = f"{file.header['description']} Not so for: {shown}"
        if file.header.get("severity") == "warning":
            warnings.append(f"{name}: {message}")
            continue
        raise AuditFailed(
            f"audit {name} failed", where=shown, expected=file.header["description"],
            fix="nothing was published; the last generation stays in force",
        )  # fmt: skip
    return warnings

