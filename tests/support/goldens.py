"""Goldens: a small file of every source and the rows it must become, both readable.

`tests/goldens/<source>/input.*` and `expected.csv`. The header of `expected.csv` chooses the columns that are
compared; the order of rows does not matter. Amounts are written without trailing zeros, times as ISO text in UTC.
"""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from stores import Store, open_store

from ingest import Source, sources
from warehouse import Engine

GOLDENS = Path(__file__).parent.parent / "goldens"

Row = dict[str, str]


def golden_input(name: str) -> Path:
    """The one input of a source's golden. Raises AssertionError if there is none."""
    found = sorted((GOLDENS / name).glob("input.*"))
    assert len(found) == 1, f"tests/goldens/{name} needs one input.csv (or .json, .csv.gz, .parquet), has {found}"
    return found[0]


def expected_rows(name: str) -> tuple[list[str], list[Row]]:
    """Columns and rows of `expected.csv`."""
    with (GOLDENS / name / "expected.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or ()), list(reader)


def loaded_rows(name: str, folder: Path, engine: Engine) -> list[Row]:
    """What the input becomes on its whole way in: verified, recognised, converted, proved, derived."""
    source: Source = sources()[name]
    with open_store(folder, engine) as store:
        store.load(golden_input(name), export="golden")
        assert {load.source for load in store.current(source.into)} == {name}, "another source took the file"
        return shown_rows(store, source.into)


def shown_rows(store: Store, kind: str) -> list[Row]:
    """All rows as the texts that `expected.csv` has."""
    return [{name: shown(value) for name, value in row.items()} for row in store.rows(kind=kind)]


def shown(value: Any) -> str:
    """A value as people write it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
