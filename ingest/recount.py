"""The second opinion: sum the provider's files again with Python's own csv, json and Decimal, no engine involved.

Slow on purpose and independent on purpose: an error in the conversion cannot hide in the check of it. Only files
that still lie where they were loaded from, byte for byte, can be counted.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

from isal import igzip

from core import BadValue
from ingest.source import Source, sources, squeeze
from warehouse import Ledger, Load

#: Amounts are stored with 18 decimals, rounded half up; a file may have more (floats of a few nanodollars).
_UNIT = Decimal(1).scaleb(-18)
#: Digits of a sum: more than any DECIMAL(38,18) column can add up to, so that Python never rounds one.
_DIGITS = 76
#: As long as a value may be that was loaded; csv's own limit is 128 KiB.
_FIELD_BYTES = 64 << 20


@dataclass(frozen=True)
class Recount:
    """One load, counted from its files: rows and the sum of the provider's own amounts, credits included.

    A load of several currencies (`currency` names them all) is compared as one plain sum of figures on both sides.
    """

    export: str
    payer: str
    partition: str
    currency: str
    files_rows: int | None
    files_cost: Decimal | None
    loaded_rows: int
    loaded_cost: Decimal
    note: str = ""

    @property
    def is_reconciled(self) -> bool | None:
        """Whether the files say what was loaded; None if that cannot be known, for the reason in `note`."""
        if self.files_rows is None:
            return None
        return (self.files_rows, self.files_cost) == (self.loaded_rows, self.loaded_cost)


def recount(ledger: Ledger) -> Iterator[Recount]:
    """Count the files of every current delivery again; several loads of one delivery are one figure."""
    deliveries: dict[tuple[str, str], list[Load]] = {}
    for load in ledger.current_loads("charges"):
        deliveries.setdefault((load.export, load.content), []).append(load)
    for loads in deliveries.values():
        first = loads[0]
        rows, cost, note = _count_again(ledger, loads)
        with localcontext(prec=_DIGITS):
            loaded_cost = sum((total.file_cost for load in loads for total in load.totals), Decimal(0))
        yield Recount(
            first.export,
            first.payer if len(loads) == 1 else f"{len(loads)} loads",
            first.partition if len(loads) == 1 else "",
            ", ".join(sorted({total.currency for load in loads for total in load.totals})),
            rows,
            cost,
            sum(load.row_rows for load in loads),
            loaded_cost,
            note,
        )


def _count_again(ledger: Ledger, loads: Sequence[Load]) -> tuple[int | None, Decimal | None, str]:
    """Rows and cost of the files of one delivery; None and the reason if they cannot be compared any more."""
    first = loads[0]
    parts = ledger.rows(
        "SELECT COUNT(DISTINCT payer || char(0) || partition) AS n FROM loads WHERE export = ? AND content = ?",
        (first.export, first.content),
    )
    if parts[0]["n"] != len(loads):
        return None, None, "part of the delivery has been replaced"
    marks = ", ".join("?" for _ in loads)
    files = ledger.rows(
        f"SELECT DISTINCT path, sha256, rows FROM load_files WHERE load_id IN ({marks})",
        [load.load_id for load in loads],
    )
    if sum(file["rows"] for file in files) > sum(load.row_rows for load in loads):
        return None, None, "part of the delivery was older than what is loaded, and was not taken"
    rows, cost = 0, Decimal(0)
    for file in files:
        path = Path(file["path"])
        if not path.is_file() or _sha256(path) != file["sha256"]:
            return None, None, f"{path.name} is no longer what was loaded"
        file_rows, file_cost = count_file(path, sources()[first.source])
        with localcontext(prec=_DIGITS):
            rows, cost = rows + file_rows, cost + file_cost
    return rows, cost, ""


def count_file(path: Path, source: Source) -> tuple[int, Decimal]:
    """Rows of a file and the sum of the source's cost column, plus its credits where it has any."""
    cost_name = squeeze(source.cost)
    credits_name = next((c.path for c in source.columns if c.kind == "list" and c.path == "credits"), None)
    rows, total = 0, Decimal(0)
    for record in _records(path):
        with localcontext(prec=_DIGITS):
            rows += 1
            total += _amount(record.get(cost_name))
            if credits_name is not None:
                total += _credits(record.get(credits_name))
    return rows, total


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    """Rows by squeezed column name."""
    with path.open("rb") as raw:
        magic = raw.read(4)
    if magic == b"PAR1":
        yield from _parquet_records(path)
        return
    with _text(path, magic) as text:
        start = text.read(4096).lstrip()[:1]
        text.seek(0)
        if start in ("{", "["):
            for record in _json_records(text.read()):
                yield {squeeze(key): value for key, value in record.items()}
            return
        csv.field_size_limit(_FIELD_BYTES)
        reader = csv.reader(text)
        names = [squeeze(name) for name in next(reader)]
        for row in reader:
            if row:
                yield dict(zip(names, row, strict=True))


@contextmanager
def _text(path: Path, magic: bytes) -> Iterator[IO[str]]:
    if magic[:2] == b"PK":
        with ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
            yield io.StringIO(member.read().decode("utf-8-sig"))
        return
    opener = igzip.open if magic[:2] == b"\x1f\x8b" else open
    with opener(path, "rb") as stream:
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _json_records(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(parse_float=Decimal)
    at = 0
    while at < len(text):
        if text[at] in " \t\r\n,[]":
            at += 1
            continue
        record, at = decoder.raw_decode(text, at)
        yield record


def _parquet_records(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow.parquet

    for batch in pyarrow.parquet.ParquetFile(path).iter_batches():
        for record in batch.to_pylist():
            yield {squeeze(key): value for key, value in record.items()}


def _amount(value: Any) -> Decimal:
    """A figure as the provider wrote it, to 18 decimals; a float is its shortest text."""
    if value in (None, "", "NULL"):
        return Decimal(0)
    try:
        return (value if isinstance(value, Decimal) else Decimal(str(value))).quantize(_UNIT, ROUND_HALF_UP)
    except ArithmeticError as error:
        raise BadValue(f"{str(value)[:40]!r} is not a number") from error


def _credits(value: Any) -> Decimal:
    if isinstance(value, str):
        value = json.loads(value, parse_float=Decimal) if value.strip() else []
    return sum((_amount(credit.get("amount")) for credit in value or ()), Decimal(0))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
