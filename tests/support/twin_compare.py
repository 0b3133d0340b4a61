"""What a published generation says, as digests of its tables: two that say the same have the same digests.

Left out is only what tells how and when something was delivered, by name and with the reason; nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from kifayat import App

#: Tables that are about deliveries as a whole.
TABLES: Final = {
    "generation_files": "names and sizes of the store's own files",
    "generation_views": "the views over those files, by their paths",
    "events": "what was told of single deliveries: older ones beside them, columns that nobody reads",
}
#: Columns, by table, of those that are compared.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "freshness": {"delivered_at": "when it was delivered", "loaded_at": "when it was loaded"},
    "periods": {"delivered_at": "when it was delivered", "deliveries": "a month is one file, or days of BigQuery"},
    "resource_inventory": {"observed_at": "files say when it was seen; asking is seeing"},
    "cloud_accounts": {"observed_at": "asking is seeing"}, "owned_commitments": {"observed_at": "asking is seeing"},
    "prices": {"observed_at": "asking is seeing"},
    "load_totals": {
        "delivered_at": "when it was delivered", "loaded_at": "when it was loaded",
        "deliveries": "a month is one file, or days of BigQuery", "partition": "as deliveries",
        "complete_through": "of a single delivery; freshness has it of the account",
    },
}  # fmt: skip
#: A row of these is a part of what one account's month is made of: they are added up.
_ADDED: Final = {"load_totals": ("charges", "file_rows", "row_rows", "file_cost", "billed_cost", "effective_cost",
                                 "uninvoiced", "invoices")}  # fmt: skip
#: Keys of `meta` that number and date a publication.
_META: Final = "SELECT * FROM meta WHERE key NOT IN ('generation', 'published_at')"


def tables_of(app: App) -> dict[str, list[str]]:
    """Every table and view of the published generation with its columns."""
    rows = app.query(
        "SELECT DISTINCT table_name, column_name, ordinal_position FROM information_schema.columns"
        " WHERE table_schema = 'main' ORDER BY table_name, ordinal_position"
    ).rows
    found: dict[str, list[str]] = {}
    for table, column, _ in rows:
        found.setdefault(table, []).append(column)
    return found


def select_of(table: str, columns: list[str]) -> str:
    """What is compared of a table: all rows in an order of their own."""
    if table == "meta":
        return _META
    kept = [column for column in columns if column not in COLUMNS.get(table, {})]
    added = _ADDED.get(table, ())
    picked = ", ".join(f'SUM("{name}") AS "{name}"' if name in added else f'"{name}"' for name in kept)
    return f'SELECT {picked} FROM "{table}"' + (" GROUP BY ALL" if added else "")


def digests(app: App) -> dict[str, tuple[int, str]]:
    """Rows, and a digest of them all, for each table of the generation."""
    found = {}
    for table, columns in tables_of(app).items():
        if table not in TABLES:
            # of a row the hash of all its values, of a table the sum over its rows: in whatever order they lie
            select = select_of(table, columns)
            rows, digest = app.query(f"SELECT COUNT(*), SUM(CAST(hash(t) AS HUGEINT)) FROM ({select}) AS t").rows[0]
            found[table] = rows, str(digest)
    return found


def differences(one: App, other: App) -> dict[str, tuple[list[str], list[str]]]:
    """Of every table that differs some rows that only one or the other has."""
    mine, theirs = digests(one), digests(other)
    found = {}
    for table in sorted(mine.keys() | theirs.keys()):
        if mine.get(table) != theirs.get(table):
            select = select_of(table, tables_of(one).get(table, []))
            both = [
                Counter(row[0] for row in app.query(f"SELECT CAST(t AS VARCHAR) FROM ({select}) AS t").rows)
                for app in (one, other)
            ]
            found[table] = sorted(both[0] - both[1])[:3], sorted(both[1] - both[0])[:3]
    return found
