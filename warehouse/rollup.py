"""Rollups: one load's rows by day or month and dimension, beside its charges, so that marts never read charges.

The daily one is made when a load is made, for its sums prove it; the others at the first publishing. Whose a charge
is is configuration, so rollups carry the fingerprint of the rules they were made with; a rollup of other rules is made
anew from the charges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from core import Registry, SqlFile, discover_sql
from warehouse.allocation import DIMENSIONS, Allocation
from warehouse.codes import coded, coded_table, replaced
from warehouse.engine import Engine, literal, path_list
from warehouse.store import charge_files, sync_file

SQL = Path(__file__).parent / "sql"
DAILY = "daily"
#: The tag sets of a load with what the rules read from them: made with the other rollups, but not by a SQL file.
TAGS = "tags"
TAG_COLUMNS = (
    ("Tags", "VARCHAR"),
    *((column, "VARCHAR") for column in DIMENSIONS.values()),
    ("x_Namespace", "VARCHAR"),
)
_ALL = "all"


@cache
def rollup_files() -> Registry[SqlFile]:
    """The SQL of the rollups by name."""
    return discover_sql(SQL / "rollups", kind="rollup")


def fingerprint(allocation: Allocation) -> str:
    """Changes when the rules, or the rollups' SQL, change."""
    return allocation.fingerprint(*(file.sql for file in rollup_files().values()))


def write_rollup(engine: Engine, parts: Sequence[Path], target: Path, allocation: Allocation) -> None:
    """Roll up charge files by day into the new file `target`."""
    _allocate(engine, parts, allocation, [rollup_files()[DAILY]])
    engine.copy_file(rollup_files()[DAILY].sql, target)
    sync_file(target)


def _allocate(engine: Engine, parts: Sequence[Path], allocation: Allocation, files: Sequence[SqlFile]) -> None:
    """The table read_tags and the view allocated over charge files, with the columns that `files` group by as codes."""
    charges = f"read_parquet({path_list(parts)})"
    codes = coded(engine, parts, {column for file in files for column in file.header["grain"]})
    _tag_sets(engine, charges, allocation)
    tags = coded_table(engine, "read_tags", tuple(DIMENSIONS.values()))
    engine.execute(f"CREATE OR REPLACE TEMP TABLE read_tags AS SELECT {replaced(tags)} FROM read_tags")
    engine.execute(
        f"CREATE OR REPLACE TEMP VIEW allocated AS SELECT charges.{replaced(codes)}, {allocation.row_columns()}"
        f" FROM {charges} AS charges LEFT JOIN read_tags AS tag_sets USING (Tags)"
    )


def _tag_sets(engine: Engine, charges: str, allocation: Allocation) -> None:
    """A bill has few different tag sets: reading the JSON once per set halves the work."""
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE read_tags AS"
        f" SELECT DISTINCT Tags FROM {charges} WHERE Tags IS NOT NULL ORDER BY Tags"
    )
    keys = [key for (key,) in engine.rows("SELECT DISTINCT UNNEST(json_keys(Tags)) FROM read_tags ORDER BY 1")]
    engine.execute(f"CREATE OR REPLACE TEMP TABLE read_tags AS SELECT Tags, {allocation.tag_sets(keys)} FROM read_tags")
    engine.execute("CREATE OR REPLACE TEMP TABLE spellings (x_Dimension VARCHAR, found VARCHAR, meant VARCHAR)")
    for name, column in DIMENSIONS.items():
        values = [
            value for (value,) in engine.rows(f"SELECT DISTINCT {column} FROM read_tags WHERE {column} IS NOT NULL")
        ]
        meant = [(name, value, allocation.canonical(name, value)) for value in values]
        if other := [row for row in meant if row[1] != row[2]]:
            engine.insert("spellings", other)
            engine.execute(
                f"UPDATE read_tags SET {column} = spellings.meant FROM spellings"
                f" WHERE spellings.x_Dimension = {literal(name)} AND read_tags.{column} = spellings.found"
            )


def rollup_name(allocation: Allocation, part: str, name: str = DAILY) -> str:
    """File name of a rollup: of which part of a load ("rows", "derived", "all"), by which rules."""
    return f"rollup_{fingerprint(allocation)}-{name}-{part}.parquet"


def rollups(folder: Path, allocation: Allocation, name: str = DAILY) -> list[Path]:
    """A load's rollups of a name made by these rules; together they are all its rows. Empty if there are none yet."""
    return sorted(folder.glob(rollup_name(allocation, "*", name)))


def ensure_rollups(engine: Engine, folder: Path, staging: Path, allocation: Allocation) -> dict[str, list[Path]]:
    """All rollups of a load by name, made from its charges where missing. Losing one costs time, not numbers."""
    found = {name: rollups(folder, allocation, name) for name in (*rollup_files(), TAGS)}
    if all(found.values()):
        return found
    files = {name: file for name, file in rollup_files().items() if not found[name]}
    _allocate(engine, charge_files(folder), allocation, list(files.values()))
    columns = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in TAG_COLUMNS)
    selects = {name: file.sql for name, file in files.items()} | {TAGS: f"SELECT {columns} FROM read_tags"}
    for name, select in selects.items():
        target = folder / rollup_name(allocation, _ALL, name)
        engine.copy_file(select, staging / target.name)
        sync_file(staging / target.name)
        (staging / target.name).rename(target)
        found[name] = [target]
    kept = {path.name for paths in found.values() for path in paths}
    for stale in folder.glob("rollup_*.parquet"):
        if stale.name not in kept:
            stale.unlink()
    return found


def load_totals(engine: Engine, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Sums of a load from its rollups, one row per account, invoice month and currency."""
    return engine.dicts(
        f"""
        SELECT
            BillingAccountId AS payer,
            x_BillingMonth AS billing_month,
            BillingCurrency AS currency,
            ANY_VALUE(ProviderName) AS provider,
            CAST(SUM(x_Charges) AS BIGINT) AS charges,
            CAST(SUM(x_Rows) AS BIGINT) AS row_rows,
            SUM(x_SourceCost) AS file_cost,
            SUM(BilledCost) AS billed_cost,
            SUM(EffectiveCost) AS effective_cost,
            CAST(COALESCE(SUM(x_Rows) FILTER (WHERE InvoiceId IS NULL), 0) AS BIGINT) AS uninvoiced,
            COUNT(DISTINCT InvoiceId) AS invoices,
            MAX(x_UsageEnd) AS complete_through,
            CAST(SUM(x_Rounded) AS BIGINT) AS rounded,
            CAST(SUM(x_Fees) AS BIGINT) AS fees,
            CAST(COALESCE(SUM(x_Charges) FILTER (WHERE x_ChargeSubcategory = 'Unclassified'), 0) AS BIGINT)
                AS unclassified
        FROM read_parquet({path_list(files)})
        GROUP BY BillingAccountId, x_BillingMonth, BillingCurrency
        ORDER BY BillingAccountId, x_BillingMonth, BillingCurrency
        """
    )


def select_rollup(engine: Engine, source: Path, target: Path, keys: Mapping[str, str]) -> None:
    """Write the rows of a rollup that match `keys` (column -> SQL literal) into a file of their own."""
    where = " AND ".join(f"{column} = {value}" for column, value in keys.items())
    engine.copy_file(f"SELECT * FROM read_parquet({path_list([source])}) WHERE {where}", target)
    sync_file(target)
