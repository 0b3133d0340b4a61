"""All deliveries of the two AWS payers: legacy reports, then CUR 2.0, for AWS India; FOCUS for AWS Inc.

When what is delivered: a closed month for good on the 7th; the last closed month of each Indian export also too early,
one closed month again with a refund, the open month twice. Only the newest delivery of a month counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import numpy as np

from core import next_month
from demo.aws_cur1 import columns, shards
from demo.aws_cur2 import cur2_table
from demo.aws_focus import focus_table
from demo.aws_layout import DataExport, LegacyReport
from demo.aws_line import MONEY, QUANTITY, Bill, Line
from demo.aws_table import Table
from demo.company import DAY, LAST, Company, Dollar, midnight
from demo.invoices import Invoice, invoices_of
from demo.truth import Truth

#: The names of the exports: AWS India's legacy report, its CUR 2.0, and AWS Inc.'s FOCUS.
LEGACY, CUR2, FOCUS = "aws-india", "aws-india-2", "aws-inc"
_FINAL_AT = timedelta(days=6, hours=5, minutes=22)
_AT_NIGHT = timedelta(hours=3, minutes=15)
_OPEN_THROUGH = 14
_REFUND = Decimal("-318.46")
_GST = Decimal("0.18")


class Bills(Protocol):
    """What yields the bills of one payer."""

    def bill(self, month: date, through: date, *, is_final: bool) -> Bill:
        """The bill of a month as far as it was known at the end of a day."""
        ...


class Writer:
    """Writes deliveries of both payers below a folder and counts them."""

    def __init__(self, folder: Path, truth: Truth, say: Callable[[str], None]) -> None:
        self.folder, self.truth, self.say = folder, truth, say

    def legacy(self, bill: Bill, at: datetime, *, is_newest: bool) -> None:
        """A delivery of AWS India's legacy report."""
        report = LegacyReport(self.folder / LEGACY, "pragati-billing", "cur", "pragati-daily")
        table = Table(bill)
        names = columns(table)
        report.deliver(bill.payer, bill.month, at, names, shards(table, names), is_newest=is_newest)
        self._count(LEGACY, bill, at, table.rows, is_newest=is_newest)

    def cur2(self, bill: Bill, at: datetime, *, is_newest: bool) -> None:
        """A delivery of AWS India's CUR 2.0."""
        export = DataExport(
            self.folder / CUR2, "pragati-billing", "exports", "pragati-hourly", bill.payer, "create-new"
        )
        table = cur2_table(Table(bill))
        export.deliver(bill.month, at, table)
        self._count(CUR2, bill, at, table.num_rows, is_newest=is_newest)

    def focus(self, bill: Bill, at: datetime) -> None:
        """The one delivery of AWS Inc.'s FOCUS export: a later one would have overwritten it."""
        export = DataExport(
            self.folder / FOCUS, "pragati-global-billing", "exports", "pragati-global-focus", bill.payer, "overwrite"
        )
        table = focus_table(bill)
        export.deliver(bill.month, at, table)
        self._count(FOCUS, bill, at, table.num_rows, is_newest=True)

    def _count(self, export: str, bill: Bill, at: datetime, rows: int, *, is_newest: bool) -> None:
        total = bill.total()
        self.say(f"{export} {bill.month:%Y-%m}: {rows} rows, USD {total:.2f}{'' if is_newest else ' (superseded)'}")
        if is_newest:
            self.truth.charge(export, bill.payer, bill.month, "USD", rows, total)
            return
        self.truth.superseded.append(
            {
                "export": export,
                "payer": bill.payer,
                "month": f"{bill.month:%Y-%m}",
                "currency": "USD",
                "delivered_at": at.isoformat(),
                "rows": rows,
                "sum": f"{total.normalize():f}",
            }
        )


def write_aws(
    folder: Path,
    company: Company,
    india: Bills,
    inc: Bills,
    truth: Truth,
    dollar: Dollar,
    say: Callable[[str], None],
) -> list[Invoice]:
    """Write all exports of AWS; returns the invoices of the closed months."""
    writer = Writer(folder, truth, say)
    invoices: list[Invoice] = []
    months = company.billing_months
    half = len(months) // 2
    closed = [month for month in months if not company.is_open(month)]
    early = {part[-1] for part in (closed[:half], closed[half:]) if part}
    restated = closed[-3] if len(closed) > 2 else None
    for index, month in enumerate(months):
        write = writer.legacy if index < half else writer.cur2
        if company.is_open(month):
            write(india.bill(month, month + (_OPEN_THROUGH - 1) * DAY, is_final=False),
                  midnight(month + _OPEN_THROUGH * DAY) + _AT_NIGHT, is_newest=False)  # fmt: skip
            write(india.bill(month, LAST, is_final=False), midnight(LAST + DAY) + _AT_NIGHT, is_newest=True)
            writer.focus(inc.bill(month, LAST, is_final=False), midnight(LAST + DAY) + _AT_NIGHT)
            continue
        after = next_month(month)
        at, last = midnight(after) + _FINAL_AT, after - DAY
        issued = dict.fromkeys(("aws", "marketplace", "refund"), after + 2 * DAY)
        if month in early:
            write(india.bill(month, last - DAY, is_final=False), midnight(after) + _AT_NIGHT, is_newest=False)
        bill = india.bill(month, last, is_final=True)
        if month == restated:
            write(bill, at, is_newest=False)
            bill, at = with_refund(bill), at + 13 * DAY
            issued["refund"] = after + 17 * DAY
        write(bill, at, is_newest=True)
        invoices += invoices_of(bill, issued, dollar)
        bill = inc.bill(month, last, is_final=True)
        writer.focus(bill, at)
        invoices += invoices_of(bill, issued, None)
    return invoices


def with_refund(bill: Bill) -> Bill:
    """The bill with a refund that came after it was final, and the tax that goes back with it."""
    # the account that uses most of the product gets it
    product = "AmazonEC2"
    users = [line for line in bill.lines if line.product == product and line.kind == "Usage"]
    biggest = max(users, key=lambda line: int(line.cost.sum()), default=bill.lines[0])
    refund = _line(bill, biggest, "Refund", _REFUND, "Refund for NAT gateway data processing charged twice")
    refund = replace(refund, usage_type="APS3-NatGateway-Bytes", operation="NatGateway")
    tax = (_REFUND * _GST).quantize(Decimal("0.01"))
    returned = _line(bill, biggest, "Tax", tax, "IGST 18% on Amazon Elastic Compute Cloud", line_item_tax_type="IGST")
    return replace(bill, lines=(*bill.lines, refund, returned))


def _line(bill: Bill, model: Line, kind: str, cost: Decimal, what: str, **texts: str) -> Line:
    """One row over the whole month on the refund's invoice."""
    hours = (next_month(bill.month) - bill.month).days * 24
    return Line(
        kind=kind,
        account=model.account,
        product=model.product,
        usage_type="",
        operation="",
        resource="",
        description=what,
        start=np.array([np.datetime64(bill.month, "h")]),
        hours=hours,
        amount=np.array([QUANTITY]),
        cost=np.array([int(cost * MONEY)]),
        region=model.region,
        texts={"bill_bill_type": "Refund", **texts},
    )
