"""One invoice month of the published charges as a FOCUS 1.2 file, for other tools and for the official validator.

The SQL is `sql/exports/focus.sql`; what it must satisfy, and which findings of the validator are false alarms, is
in `docs/focus-conformance.md`.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from core import COLUMNS, KifayatError, discover_sql
from warehouse.engine import Engine, Limits, literal
from warehouse.rollup import SQL
from warehouse.snapshot import attach_generation, read_pointer

# FOCUS strings are ASCII. Its units are words of letters and digits, a count may stand before them ("1000 Requests"),
# and a plural time behind a dash ("GB-Months"); AWS writes GB-Mo, LCU-Hrs, 1M requests.
_MACROS = r"""
CREATE MACRO focus_text(t) AS NULLIF(trim(regexp_replace(t, '[^\x20-\x7E]', '?', 'g')), '');
CREATE MACRO focus_unit_words(t) AS trim(regexp_replace(regexp_replace(regexp_replace(
    t, '^([0-9]+)M[ -]', '\1000000 '), '^([0-9]+)K[ -]', '\1000 '), '[^A-Za-z0-9]+', ' ', 'g'));
CREATE MACRO focus_unit(t) AS CASE
    WHEN t IS NULL THEN NULL
    WHEN regexp_full_match(t, '[A-Za-z][A-Za-z0-9]*(-(Hours|Days|Months|Seconds|Minutes|Years))?') THEN t
    WHEN regexp_full_match(t, '[A-Za-z][A-Za-z0-9]*-Mo(nth)?') THEN regexp_replace(t, '-Mo(nth)?$', '-Months')
    WHEN regexp_full_match(t, '[A-Za-z][A-Za-z0-9]*-Hrs') THEN regexp_replace(t, '-Hrs$', '-Hours')
    WHEN regexp_full_match(focus_unit_words(t), '([0-9]+ )?[A-Za-z][A-Za-z0-9]*( [A-Za-z][A-Za-z0-9]*)*')
    THEN focus_unit_words(t)
    ELSE 'Units'
END;
"""


def export_focus(
    storage: Path, month: date, to: Path, *, file_format: str = "parquet", payer: str | None = None,
    limits: Limits | None = None,
) -> int:  # fmt: skip
    """Write the charges of an invoice month to `to`; returns how many rows.

    Raises KifayatError if the month (of that billing account) has no charge, SnapshotMissing if nothing is published.
    """
    where = f"x_SplitCost IS NULL AND x_BillingMonth = DATE {literal(month.isoformat())}"
    if payer is not None:
        where += f" AND BillingAccountId = {literal(payer)}"
    temporary = to.with_name(to.name + ".part")
    with Engine(limits) as engine:
        attach_generation(engine, storage, read_pointer(storage / "snapshots"))
        engine.execute(_MACROS)
        count = int(engine.rows(f"SELECT COUNT(*) FROM charges WHERE {where}")[0][0])
        if not count:
            raise KifayatError(
                "there is no charge to export", where=f"{month:%Y-%m}" + (f", {payer}" if payer else ""),
                expected="a month that `kifayat status` lists",
            )  # fmt: skip
        select = discover_sql(SQL / "exports")["focus"].sql.replace("{where}", where)
        options = "FORMAT parquet, COMPRESSION zstd"
        if file_format == "csv":
            select, options = _iso(select), "FORMAT csv, HEADER"
        engine.copy_file(select, temporary, options)
    temporary.replace(to)
    return count


def _iso(select: str) -> str:
    """In text, an instant is ISO 8601 with its Z."""
    instants = [column.id for column in COLUMNS.values() if column.data_type == "Date/Time"]
    columns = ", ".join(f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ') AS {name}" for name in instants)
    return f"SELECT * REPLACE ({columns}) FROM ({select})"
