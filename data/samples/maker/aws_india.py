"""The bill of the Indian payer: usage and commitments, then discounts, credits, a refund, support and GST."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from maker.aws_layout import deliver
from maker.aws_reserved import add_databases
from maker.aws_rows import AWS_INC, PRODUCTS, Row, Rows, number, whole_day
from maker.aws_usage import add_usage
from maker.files import ZERO, Totals, places
from maker.fleet import PAYER, PROD
from maker.season import DAY, LAST, days, midnight, months, next_month

EXPORT = "aws-india"
GST = Decimal("0.18")
#: Migration credits of the first year; the bill rises on the day they end.
CREDIT_PER_DAY = Decimal("65")
CREDIT_LAST = date(2026, 3, 31)
REFUND_ON = date(2026, 5, 14)
REFUND = Decimal("-412.37")
#: July 2026 was delivered twice: on 1 August before the last day was complete, and final a week later.
EARLY_MONTH = date(2026, 7, 1)
EARLY_THROUGH = date(2026, 7, 30)
EARLY_AT = datetime(2026, 8, 1, 4, 15, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Invoice:
    """One invoice in USD: what it says before tax, and the tax, to the cent."""

    month: date
    invoice_id: str
    amount: Decimal
    tax: Decimal


def write(folder: Path, totals: Totals) -> list[Invoice]:
    """Write every month; returns the invoices of the closed ones."""
    invoices: list[Invoice] = []
    for month in months():
        after = next_month(month)
        if month == EARLY_MONTH:
            early = bill(month, EARLY_THROUGH, is_final=False)
            deliver(folder, month, after, EARLY_AT, early.header, early.written(), is_newest=False)
            totals.superseded.append(
                {
                    "export": EXPORT,
                    "payer": PAYER,
                    "month": f"{month:%Y-%m}",
                    "currency": "USD",
                    "delivered_at": EARLY_AT.isoformat(),
                    "rows": len(early.all),
                    "sum": f"{early.sum().normalize():f}",
                }
            )
        is_closed = after <= LAST
        rows = bill(month, LAST, is_final=is_closed)
        at = midnight(LAST + DAY) + timedelta(hours=3, minutes=15)
        if is_closed:
            at = midnight(after) + timedelta(days=6, hours=5, minutes=22)
            invoices += _invoices(rows)
        deliver(folder, month, after, at, rows.header, rows.written(), is_newest=True)
        totals.add(EXPORT, PAYER, month, "USD", rows.sum(), len(rows.all))
    return invoices


def bill(month: date, through: date, *, is_final: bool) -> Rows:
    """All lines of a month, tax last."""
    rows = Rows(month, through, is_final=is_final)
    add_usage(rows)
    add_databases(rows)
    _discounts(rows)
    for day in days(month, min(through, CREDIT_LAST)):
        what = f"AWS Migration Acceleration Program credits, valid to {CREDIT_LAST}"
        rows.add("Credit", PROD, "AmazonEC2", whole_day(day), -CREDIT_PER_DAY, what)
    if is_final:
        if month <= REFUND_ON < next_month(month):
            _refund(rows)
        _support(rows)
    _tax(rows)
    return rows


def _invoices(rows: Rows) -> list[Invoice]:
    sums: dict[str, list[Decimal]] = {}
    for row in rows.all:
        pair = sums.setdefault(row["bill/InvoiceId"], [ZERO, ZERO])
        pair[row["lineItem/LineItemType"] == "Tax"] += Decimal(row["lineItem/UnblendedCost"])
    return [Invoice(rows.month, name, places(net, 2), places(tax, 2)) for name, (net, tax) in sorted(sums.items())]


def _discounts(rows: Rows) -> None:
    for (day, account, product), discount in sorted(rows.discounts.items(), key=lambda item: item[0][1:] + item[0][:1]):
        what = "Enterprise Discount Program: 6 percent on usage"
        row = rows.add("EdpDiscount", account, product, whole_day(day), -discount, what)
        row["lineItem/NetUnblendedCost"] = number(ZERO)  # the usage lines' net cost has it already


def _refund(rows: Rows) -> None:
    row = rows.add(
        "Refund",
        PROD,
        "AmazonEC2",
        whole_day(REFUND_ON),
        REFUND,
        "Refund for NAT gateway data processing of February 2026",
        usage_type="APS3-NatGateway-Bytes",
        operation="NatGateway",
    )
    row |= {"bill/BillType": "Refund", "bill/InvoiceId": rows.invoices["refund"]}


def _support(rows: Rows) -> None:
    """Business support: 10 percent of the first 10,000 USD, 7 percent above; added on the 6th of the next month."""
    spend = sum(
        (Decimal(row["lineItem/UnblendedCost"]) for row in rows.all if row["bill/BillingEntity"] == "AWS"), ZERO
    )
    fee = min(spend, Decimal(10000)) * Decimal("0.10") + max(spend - 10000, ZERO) * Decimal("0.07")
    rows.add(
        "Fee",
        PAYER,
        "AWSSupportBusiness",
        rows.whole_month,
        places(fee, 2),
        "AWS Support (Business)",
        usage_type="Dollar",
        amount=Decimal(1),
    )


def _tax(rows: Rows) -> None:
    """IGST of 18 percent per account, product and invoice, in cents; a refund gives its tax back."""
    bases: dict[tuple[str, str, str, str, bool], Decimal] = defaultdict(Decimal)
    for row in rows.all:
        entity, account = row["bill/BillingEntity"], row["lineItem/UsageAccountId"]
        key = entity, account, row["lineItem/ProductCode"], row["bill/InvoiceId"], row["bill/BillType"] == "Refund"
        bases[key] += Decimal(row["lineItem/UnblendedCost"])
    for (entity, account, product, invoice, is_refund), base in sorted(bases.items()):
        tax = places(base * GST, 2)
        if not tax:
            continue
        what = f"IGST 18% on {PRODUCTS[product]}"
        line: Row = rows.add("Tax", account, product, rows.whole_month, tax, what, amount=Decimal(1))
        line |= {
            "bill/BillingEntity": entity,
            "bill/InvoiceId": invoice,
            "bill/BillType": "Refund" if is_refund else "Anniversary",
            "lineItem/TaxType": "IGST",
        }
        if entity == "AWS Marketplace":
            line |= {"bill/InvoicingEntity": AWS_INC, "lineItem/LegalEntity": AWS_INC}
