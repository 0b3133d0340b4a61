"""Rows of a query as a table, CSV, JSON or Parquet."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core import IST, Money, WrongUsage, format_inr
from warehouse import Result, require_folder, write_parquet


def chosen_format(given: str | None, to: Path | None, known: Sequence[str], default: str | None = None) -> str:
    """The format that was asked for, by name or by the ending of the file. Raises WrongUsage if the two differ."""
    ending = to.suffix.lower().removeprefix(".") if to is not None else ""
    by_name = ending if ending in known else None
    if given and by_name and given != by_name:
        raise WrongUsage(
            f"--format {given} contradicts the name of the file", where=str(to), fix="leave out --format, or rename"
        )
    found = given or by_name or default
    if found is None:
        raise WrongUsage(
            "the name of the file does not tell its format", where=str(to), expected="an ending of "
            + " or ".join(f".{name}" for name in known), fix="rename the file, or give --format",
        )  # fmt: skip
    return found


def show(
    result: Result, file_format: str | None, to: Path | None = None, short: Mapping[str, str] | None = None
) -> None:
    """Print the rows to stdout, or write them into a file.

    `short` names the columns, and their headings, that a table shows instead of all: money, months and instants as
    people read them. The other formats always hold everything.
    """
    file_format = chosen_format(file_format, to, ("csv", "json", "parquet"), "table")
    if to is not None:
        require_folder(to)
    if file_format == "parquet":
        if to is None:
            raise WrongUsage("Parquet cannot be printed", fix="name a file with --to")
        write_parquet(result, to)
        return
    if file_format == "table" and short is not None:
        result = _readable(result, short)
    text = {"table": _table, "csv": _csv, "json": _json}[file_format](result)
    if to is None:
        sys.stdout.write(text)
    else:
        to.write_text(text, encoding="utf-8", newline="")


def _readable(result: Result, short: Mapping[str, str]) -> Result:
    """Only some columns, as text; the types stay, since they align."""
    at = [result.columns.index(name) for name in short]
    rows = []
    for row, facts in zip(result.rows, result.to_dicts(), strict=True):
        rows.append(tuple(_read(result.columns[index], row[index], facts) for index in at))
    return Result(tuple(short.values()), tuple(result.types[index] for index in at), tuple(rows))


def _read(name: str, value: Any, facts: Mapping[str, Any]) -> Any:
    if name == "is_reconciled":
        return {True: "yes", False: "no", None: "not checked"}[value]
    if isinstance(value, Decimal) and name.endswith("inr"):
        return format_inr(value)
    if isinstance(value, Decimal) and name.endswith("usd"):
        return f"${value:,.4f}"
    if isinstance(value, Decimal):
        currency = facts["invoice_currency"] if name == "invoice_difference" else facts["BillingCurrency"]
        return str(Money(value, "INR" if name.endswith("Inr") else currency))
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=UTC).astimezone(IST):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{value:%Y-%m}"
    if isinstance(value, float):
        return f"{value:.1f}"
    # the end tells accounts with the long names of Azure apart
    return f"…{value[-19:]}" if name == "BillingAccountId" and len(value) > 20 else value


def _csv(result: Result) -> str:
    stream = io.StringIO()
    result.to_csv(stream)
    return stream.getvalue()


def _json(result: Result) -> str:
    """Money as text: a JSON number would be read back as a float."""
    rows = _finite(result.to_dicts())
    return json.dumps(rows, default=_plain, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no word for infinity or for what is no number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _table(result: Result) -> str:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for name, kind in zip(result.columns, result.types, strict=True):
        is_number = kind.startswith(("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "DOUBLE"))
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(_cell(value) for value in row))
    stream = io.StringIO()
    width = None if sys.stdout.isatty() else max(120, min(40 * len(result.columns), 4000))
    Console(file=stream, width=width, force_terminal=False, highlight=False).print(table)
    return stream.getvalue()


def _cell(value: Any) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return Text(text.rstrip("0").rstrip(".") if "." in text else text)
    # control characters and escape sequences of a tag value do nothing in a terminal
    return Text("".join(c if c.isprintable() else "�" for c in str(value)))
