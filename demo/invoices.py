"""Invoices as finance keeps them, one CSV per Indian financial year: what they say before tax, the tax, the rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from core import financial_year
from demo.aws_line import MONEY, Bill
from demo.company import Dollar
from demo.files import write_csv

HEADER = ("billing_account_id", "invoice_id", "billing_month", "currency", "amount", "tax", "inr_per_unit", "issued_on")
#: One row of the file, in the order of HEADER; without a rate (None or empty) it is paid in its own currency.
Invoice = tuple[str, str, date, str, Decimal, Decimal, Decimal | str | None, date]
_CENT = Decimal("0.01")


def invoices_of(bill: Bill, issued_on: dict[str, date], dollar: Dollar | None) -> list[Invoice]:
    """The invoices of a final bill, in USD; `issued_on` by kind of seller, `dollar` if they are paid in rupees."""
    sums: dict[str, list[int]] = {}
    for line in bill.lines:
        pair = sums.setdefault(bill.seller_of(line), [0, 0])
        pair[line.kind == "Tax"] += int(line.cost.sum())
    found: list[Invoice] = []
    for seller, (amount, tax) in sorted(sums.items()):
        on = issued_on[seller]
        rate = dollar.sell(on).quantize(Decimal("0.0001")) if dollar else None
        cents = [(Decimal(value) / MONEY).quantize(_CENT) for value in (amount, tax)]
        found.append((bill.payer, bill.invoices[seller], bill.month, "USD", cents[0], cents[1], rate, on))
    return found


def write_invoices(folder: Path, rows: Iterable[Invoice]) -> list[Path]:
    """Write `invoices/invoices_2025-26.csv` and so on, by the financial year of the billing month."""
    years: dict[str, list[Invoice]] = {}
    for row in rows:
        start, end = financial_year(row[2])
        years.setdefault(f"{start:%Y}-{end:%y}", []).append(row)
    return [
        write_csv(
            folder / "invoices" / f"invoices_{year}.csv",
            HEADER,
            sorted((["" if value is None else str(value) for value in row] for row in found), key=_order),
        )
        for year, found in sorted(years.items())
    ]


def _order(row: Sequence[Any]) -> tuple[Any, ...]:
    return row[2], row[0], row[1]
