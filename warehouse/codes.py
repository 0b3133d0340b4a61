"""Texts of few different values as codes: grouping and writing them costs a fraction of the work.

A Parquet file keeps such a column as a dictionary of its values. DuckDB evaluates a function of that column once
per value of the dictionary instead of once per row (a CAST it does not), so a lookup in a constant list turns the
texts into an ENUM almost for nothing; ENUMs are grouped as integers and written back as text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from warehouse.engine import Engine, literal, path_list, quote

#: More different values than this, and a column stays text.
_MAX_VALUES = 1000


def coded(
    engine: Engine, files: Sequence[Path], columns: Collection[str], null_words: Collection[str] = ()
) -> dict[str, str]:
    """SQL that reads each of the text columns of Parquet files that can be an ENUM as one; `null_words` become NULL.

    A column that the files do not keep as dictionaries, or with too many values, is left out.
    """
    source = path_list(files)
    short = [
        name
        for (name,) in engine.rows(
            f"SELECT path_in_schema FROM parquet_metadata({source}) WHERE type = 'BYTE_ARRAY' GROUP BY 1"
            # tiny row groups may do without a dictionary; a long one is looked up too slowly
            " HAVING SUM(num_values) FILTER (WHERE dictionary_page_offset IS NOT NULL) >= 0.9 * SUM(num_values)"
            " AND MAX(data_page_offset - dictionary_page_offset) <= 65536 ORDER BY 1"
        )
        if name in columns
    ]
    if not short:
        return {}
    return _enums(engine, f"read_parquet({source})", short, null_words)


def coded_table(engine: Engine, table: str, columns: Sequence[str]) -> dict[str, str]:
    """The same of text columns of a small table."""
    return _enums(engine, quote(table), columns)


def replaced(codes: Mapping[str, str]) -> str:
    """All columns of a SELECT, the coded ones as ENUMs."""
    listed = ", ".join(f"{sql} AS {quote(name)}" for name, sql in codes.items())
    return f"* REPLACE ({listed})" if codes else "*"


def _enums(engine: Engine, source: str, columns: Sequence[str], null_words: Collection[str] = ()) -> dict[str, str]:
    each = " UNION ALL ".join(
        f"SELECT {literal(name)} AS name, list(value ORDER BY value) AS found FROM (SELECT DISTINCT {quote(name)}"
        f" AS value FROM {source} WHERE {quote(name)} IS NOT NULL LIMIT 1001)"
        for name in columns
    )
    codes = {}
    for name, found in engine.rows(each):
        values = [value for value in found or () if value not in null_words]
        if values and len(found) <= _MAX_VALUES and not any("\0" in value for value in values):  # SQL text ends there
            codes[name] = _enum_of(quote(name), values)
    return codes


def _enum_of(text: str, values: Sequence[str]) -> str:
    """SQL that turns a text, whose values are known, into an ENUM; any other text into NULL."""
    listed = ", ".join(literal(value) for value in values)
    return f"list_extract([{listed}]::ENUM({listed})[], list_position([{listed}]::VARCHAR[], {text}))"
