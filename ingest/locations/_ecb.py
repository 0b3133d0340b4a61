"""The European Central Bank's own file (eurofxref-hist.csv, in a zip of that name) as the layout `fx_rates_ecb`.

A column for each currency, per euro; N/A where there was no rate. A quotient of two of its rates is made here because
decimals are not divided in a source.
"""

from __future__ import annotations

import csv
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from core import BadValue

_HEADER: Final = ("date", "eur_usd", "eur_inr", "usd_inr_cross")
_CROSS_DIGITS: Final = Decimal("0.000001")


def is_of_ecb(path: Path) -> bool:
    """Whether a text is that file."""
    with path.open("rb") as stream:
        names = [name.strip() for name in stream.readline(4096).split(b",")]
    return names[:2] == [b"Date", b"USD"] and b"INR" in names


def cross_rates(path: Path, target: Path) -> None:
    """Write the days on which both rates are known, with rupees per dollar to six digits. Raises BadValue."""
    with path.open(encoding="ascii", errors="replace", newline="") as stream, target.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_HEADER)
        rows = csv.DictReader(stream, skipinitialspace=True)
        for row in rows:
            usd, inr = row.get("USD") or "N/A", row.get("INR") or "N/A"
            if "N/A" in (usd, inr):
                continue
            try:
                cross = (Decimal(inr) / Decimal(usd)).quantize(_CROSS_DIGITS)
            except (InvalidOperation, ZeroDivisionError):
                raise BadValue(
                    "a rate of the European Central Bank is no number", where=f"line {rows.line_num}",
                    expected="rates per euro, or N/A", fix="nothing was loaded; ask again later",
                ) from None  # fmt: skip
            writer.writerow((row["Date"], usd, inr, cross))
