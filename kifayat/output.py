"""Rows of a query as a table, CSV, JSON or Parquet."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core import KifayatError
from warehouse import Result, write_parquet


def show(result: Result, file_format: str, to: Path | None = None) -> None:
    """Print the rows to stdout, or write them into a file."""
    if file_format == "parquet":
        if to is None:
            raise KifayatError("Parquet cannot be printed", fix="name a file with --to")
        write_parquet(result, to)
        return
    text = {"table": _table, "csv": _csv, "json": _json}[file_format](result)
    if to is None:
        sys.stdout.write(text)
    else:
        to.write_text(text, encoding="utf-8", newline="")


def _csv(result: Result) -> str:
    stream = io.StringIO()
    result.to_csv(stream)
    return stream.getvalue()


def _json(result: Result) -> str:
    """Money as text: a JSON number would be read back as a float."""
    return json.dumps(result.to_dicts(), default=_plain, ensure_ascii=False, indent=1) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _table(result: Result) -> str:
    table = Table(show_edge=False, pad_edge=False)
    for name, kind in zip(result.columns, result.types, strict=True):
        is_number = kind.startswith(("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "DOUBLE"))
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(_cell(value) for value in row))
    stream = io.StringIO()
    width = None if sys.stdout.isatty() else max(80, min(40 * len(result.columns), 4000))
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
