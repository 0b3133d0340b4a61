"""Files whose bytes depend on nothing but what is in them, and the sums of what was written."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

ZERO = Decimal(0)


def write_gzip(path: Path, text: str) -> None:
    """Text as gzip with neither a time nor a name in its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as packed:
        packed.write(text.encode())


def write_text(path: Path, text: str) -> None:
    """Text with newlines as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Indented JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def csv_text(header: Sequence[str], rows: Iterable[Mapping[str, object]], *, quote_all: bool = False) -> str:
    """CSV as providers write it; a key that the header lacks is an error."""
    buffer = io.StringIO()
    quoting: Literal[0, 1] = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(buffer, header, restval="", lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def code(*parts: object, length: int = 16, alphabet: str = "ABCDEFGHJKMNPQRSTUVWXYZ23456789") -> str:
    """An invented identifier that is always the same for the same thing."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest() * 4
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:length])


def hexadecimal(*parts: object, length: int = 17) -> str:
    """An invented identifier in hexadecimal."""
    return hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()[:length]


def places(value: Decimal, digits: int) -> Decimal:
    """Rounded half even to so many decimals."""
    return value.quantize(Decimal(1).scaleb(-digits))


@dataclass
class Totals:
    """Rows and sums of everything written, by export, payer, invoice month and currency: what a reader must find."""

    sums: dict[tuple[str, str, str, str], tuple[int, Decimal]] = field(default_factory=dict)
    superseded: list[dict[str, object]] = field(default_factory=list)
    feeds: dict[str, int] = field(default_factory=dict)

    def add(self, export: str, payer: str, month: date | str, currency: str, amount: Decimal, rows: int = 1) -> None:
        """Count rows and what they cost."""
        month = month if isinstance(month, str) else f"{month:%Y-%m}"
        key = (export, payer, month, currency)
        count, total = self.sums.get(key, (0, ZERO))
        self.sums[key] = (count + rows, total + amount)

    def sum_of(self, export: str, month: date | str) -> Decimal:
        """What an export wrote for a month (all its payers; an export has one currency)."""
        month = month if isinstance(month, str) else f"{month:%Y-%m}"
        return sum((total for key, (_, total) in self.sums.items() if (key[0], key[2]) == (export, month)), ZERO)

    def as_json(self) -> dict[str, object]:
        """Exact decimal text, sorted."""
        charges = [
            {"export": e, "payer": p, "month": m, "currency": c, "rows": rows, "sum": f"{total.normalize():f}"}
            for (e, p, m, c), (rows, total) in sorted(self.sums.items())
        ]
        return {
            "what": "rows of the files and the exact sum of the provider's own amounts (GCP: cost plus credits), "
            "as make_samples.py wrote them",
            "charges": charges,
            "superseded": self.superseded,
            "feeds": dict(sorted(self.feeds.items())),
        }
