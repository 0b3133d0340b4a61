"""From current loads to the tables of a snapshot: rollups beside the charges, marts, audits.

Rollups are made once per load and allocation rules; marts are rebuilt whole for every generation, which is
cheap because they read only rollups. Nothing here decides when; `warehouse.publish` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from core import AuditFailed, SqlFile, discover_sql
from warehouse.allocation import DIMENSIONS, Allocation
from warehouse.engine import Engine, literal, path_list, quote
from warehouse.ledger import Load
from warehouse.rates import Rate, Rates, resolve
from warehouse.rollup import SQL, TAGS, ensure_rollups, rollup_files
from warehouse.store import Warehouse
from warehouse.tables import FEEDS, empty_charges, snapshot_sql

Say = Callable[[str], None]
#: Rows of the tables of sql/snapshot.sql that hold what was configured, by table.
Settings = Mapping[str, Sequence[Sequence[Any]]]
#: Reads marts and fills tables of snapshot.sql and plan.sql: what is estimated rather than summed.
Model = Callable[[Engine, Say], None]


@cache
def mart_files() -> Mapping[str, SqlFile]:
    """Marts by name, in the order in which they can be built."""
    return _ordered(discover_sql(SQL / "marts"))


@cache
def view_files() -> Mapping[str, SqlFile]:
    """Views over the charge files by name, in order of need."""
    return _ordered(discover_sql(SQL / "views"))


@cache
def audit_files() -> Mapping[str, SqlFile]:
    """Audits by name."""
    return discover_sql(SQL / "audits")


def _ordered(files: Mapping[str, SqlFile]) -> dict[str, SqlFile]:
    graph = {name: [need for need in file.header["needs"] if need in files] for name, file in files.items()}
    return {name: files[name] for name in TopologicalSorter(graph).static_order()}


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
    settings: Settings,
    models: Model,
) -> list[str]:
    """Build all tables of a generation into the new database file `target`; returns warnings of audits.

    `settings` are rows of the tables that hold configuration; `models` fills tables from the marts, before the audits.
    Raises AuditFailed, naming the audit and the first rows, if a number would not be right.
    """
    loads = warehouse.ledger.current_loads("charges")
    files: dict[str, list[Path]] = {name: [] for name in (*rollup_files(), TAGS)}
    for load in loads:
        for name, paths in ensure_rollups(engine, warehouse.folder(load), warehouse.staging, allocation).items():
            files[name] += paths
    _sources_of_marts(engine, files, allocation)
    # small row groups: even a modest mart keeps all cores busy, when it is written and when it is read
    engine.execute(f"ATTACH {literal(str(target))} AS snapshot (STORAGE_VERSION 'v1.4.0', ROW_GROUP_SIZE 30720)")
    try:
        engine.execute("USE snapshot")
        engine.execute(snapshot_sql())
        for name, rows in settings.items():
            engine.insert(name, rows)
        _tag_tables(engine, files[TAGS], allocation)
        _feed_tables(warehouse, engine)
        _rates(warehouse, engine, Rates(warehouse, engine, fx_priority, fx_max_gap_days), now)
        # after the rates: taking an invoice's rate is itself an event
        _ledger_tables(warehouse, engine, loads, meta)
        for name, file in mart_files().items():
            say(f"building {name}")
            engine.execute(f"CREATE TABLE {quote(name)} AS {file.sql}")
        _files_and_views(warehouse, engine, loads, allocation)
        models(engine, say)
        warnings = _audit(engine)
        engine.execute("CHECKPOINT snapshot")
    finally:
        engine.execute("USE memory")
        engine.execute("DETACH snapshot")
    return warnings


def _ledger_tables(warehouse: Warehouse, engine: Engine, loads: Sequence[Load], meta: Mapping[str, str]) -> None:
    engine.insert("meta", list(meta.items()))
    engine.insert("load_totals", list(_totals(warehouse, loads)))
    engine.insert("restatements", [
        (_naive(r["at"]), r["export"], r["payer"], r["partition"], r["billing_month"], r["currency"], r["before_cost"],
         r["after_cost"], None, bool(r["was_invoiced"]))
        for r in warehouse.ledger.rows("SELECT * FROM restatements ORDER BY at")
    ])  # fmt: skip
    engine.execute("UPDATE restatements SET difference = after_cost - before_cost")
    engine.insert("events", [
        (_naive(r["at"]), r["kind"], r["export"], r["payer"], r["partition"], r["message"], r["amount"], r["currency"])
        for r in warehouse.ledger.rows("SELECT * FROM events ORDER BY at DESC LIMIT 1000")
    ])  # fmt: skip
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
            # all rows of a load's files were found in it, or it would not be there
            file_rows = t.rows if load.file_rows == load.row_rows else 0
            yield (
                load.export, load.source, load.provider, load.payer, load.partition,
                _plain(load.delivered_at), _plain(load.loaded_at), _plain(load.complete_through),
                deliveries[load.export, load.payer, load.partition] if index == 0 else 0,
                t.billing_month, t.currency, t.charges, file_rows, t.rows, t.file_cost, t.billed_cost, t.effective_cost,
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
            # by name: a file that was loaded before a column came to be has none of it
            rows = f"SELECT * FROM read_parquet({path_list(files)}, union_by_name = true)"
            engine.execute(f"INSERT INTO {quote(name)} BY NAME {rows}")


def _sources_of_marts(engine: Engine, files: Mapping[str, Sequence[Path]], allocation: Allocation) -> None:
    if not files[TAGS]:
        engine.execute(f"CREATE OR REPLACE TEMP VIEW read_tags AS {_empty((*_TAG_SET, 'x_Namespace'))}")
        engine.execute(
            f"CREATE OR REPLACE TEMP VIEW allocated AS SELECT charges.*, {allocation.row_columns()}"
            f" FROM ({empty_charges()}) AS charges LEFT JOIN read_tags AS tag_sets USING (Tags)"
        )
    for name, file in rollup_files().items():
        if files[name]:
            select = f"SELECT * FROM read_parquet({path_list(files[name])})"
        else:
            # without the rollup's macros, which are not to be found from within the snapshot
            columns = [f"CAST(NULL AS {kind}) AS {quote(column)}" for column, kind in engine.describe(file.sql)]
            select = f"SELECT {', '.join(columns)} WHERE FALSE"
        engine.execute(f"CREATE OR REPLACE TEMP VIEW rollup_{name} AS {select}")


_TAG_SET = ("Tags", *DIMENSIONS.values())


def _empty(columns: Sequence[str]) -> str:
    return f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {column}' for column in columns)} WHERE FALSE"


def _tag_tables(engine: Engine, files: Sequence[Path], allocation: Allocation) -> None:
    """What a reader needs to see whose a charge is, and which tag keys it was read from."""
    if not files:
        return
    engine.execute(f"INSERT INTO tag_sets SELECT DISTINCT * FROM read_parquet({path_list(files)}) ORDER BY Tags")
    counts = dict(
        engine.rows("SELECT key, COUNT(*) FROM (SELECT UNNEST(json_keys(Tags)) AS key FROM tag_sets) GROUP BY key")
    )
    engine.insert("tag_keys", [
        (name, key, configured, how, counts[key])
        for name in DIMENSIONS
        for key, configured, how in allocation.matches(name, counts)
    ])  # fmt: skip


def _rates(warehouse: Warehouse, engine: Engine, rates: Rates, now: datetime) -> None:
    needs = engine.dicts(
        "SELECT BillingAccountId AS payer, BillingCurrency AS currency, x_BillingMonth AS billing_month,"
        " COALESCE(InvoiceId, '') AS invoice_id, MIN(x_ExportName) AS export, SUM(BilledCost) AS billed_cost"
        " FROM rollup_daily GROUP BY ALL ORDER BY ALL"
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
    """What a reader needs to see the charges of this generation: files relative to the store, and the views' SQL.

    Models see the first two too, by the same names.
    """
    files = [path for load in loads for path in warehouse.parquet(load)]
    engine.insert(
        "generation_files", [(str(path.relative_to(warehouse.directory)), path.stat().st_size) for path in files]
    )
    views = [
        ("charges", "SELECT * FROM {files}"),
        (
            "allocated",
            f"SELECT charges.*, {allocation.row_columns()} FROM charges LEFT JOIN tag_sets USING (Tags)",
        ),
        *((name, file.sql) for name, file in view_files().items()),
    ]
    engine.insert("generation_views", [(index, name, sql) for index, (name, sql) in enumerate(views)])
    source = f"read_parquet({path_list(files)})" if files else f"({empty_charges()})"
    for name, sql in views[:2]:  # the others need macros, which are not to be found from within the snapshot
        engine.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS {sql.replace('{files}', source)}")


def _audit(engine: Engine) -> list[str]:
    warnings = []
    for name, file in audit_files().items():
        rows = engine.dicts(f"SELECT * FROM ({file.sql}) LIMIT 5")
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
