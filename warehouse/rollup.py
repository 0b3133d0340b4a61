"""Rollups: one load's rows by day and dimension, beside its charges. One pass over the rows serves marts and proof.

Which tag names the team is configuration, so a rollup carries the fingerprint of the rules it was made with; a
rollup of other rules is made anew from the charges.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core import SqlFile, discover_sql
from warehouse.codes import coded, coded_table, replaced
from warehouse.engine import Engine, literal, path_list
from warehouse.store import charge_files, sync_file

SQL = Path(__file__).parent / "sql"


@cache
def rollup_file() -> SqlFile:
    """The SQL of the daily rollup."""
    return discover_sql(SQL / "rollups")["daily"]


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
        """Changes when the rules, or the rollup's SQL, change."""
        return hashlib.sha256(json.dumps([self.columns(), rollup_file().sql]).encode()).hexdigest()[:12]


def _first_tag(keys: Sequence[str]) -> str:
    if not keys:
        return "CAST(NULL AS VARCHAR)"
    pointers = [literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys]
    found = f"json_extract_string(Tags, [{', '.join(pointers)}])"
    return "COALESCE(" + ", ".join(f"NULLIF({found}[{i + 1}], '')" for i in range(len(keys))) + ")"


def write_rollup(engine: Engine, parts: Sequence[Path], target: Path, allocation: Allocation) -> None:
    """Roll up charge files into the new file `target`."""
    charges = f"read_parquet({path_list(parts)})"
    codes = coded(engine, parts, rollup_file().header["grain"])
    # A bill has few different tag sets: reading the JSON once per set halves the work.
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE tag_sets AS SELECT Tags, {allocation.columns()}"
        f" FROM (SELECT DISTINCT Tags FROM {charges} WHERE Tags IS NOT NULL)"
    )
    tags = coded_table(engine, "tag_sets", ("x_Team", "x_Environment", "x_Product"))
    engine.execute(f"CREATE OR REPLACE TEMP TABLE tag_sets AS SELECT {replaced(tags)} FROM tag_sets")
    engine.execute(
        f"CREATE OR REPLACE TEMP VIEW allocated AS SELECT charges.{replaced(codes)}, x_Team, x_Environment, x_Product"
        f" FROM {charges} AS charges LEFT JOIN tag_sets USING (Tags)"
    )
    engine.copy_file(rollup_file().sql, target)
    sync_file(target)


def rollup_name(allocation: Allocation, part: str) -> str:
    """File name of a rollup: of which part of a load ("rows", "derived", "all"), by which rules."""
    return f"rollup_{allocation.fingerprint()}-{part}.parquet"


def rollups(folder: Path, allocation: Allocation) -> list[Path]:
    """The rollups of a load made by these rules; together they are all its rows. Empty if there are none yet."""
    return sorted(folder.glob(f"rollup_{allocation.fingerprint()}-*.parquet"))


def ensure_rollup(engine: Engine, folder: Path, staging: Path, allocation: Allocation) -> list[Path]:
    """The rollups of a load, made from its charges if the rules have changed. Losing one costs time, not numbers."""
    found = rollups(folder, allocation)
    if found:
        return found
    name = rollup_name(allocation, "all")
    write_rollup(engine, charge_files(folder), staging / name, allocation)
    (staging / name).rename(folder / name)
    for stale in folder.glob("rollup_*.parquet"):
        if stale.name != name:
            stale.unlink()
    return [folder / name]


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
