"""What is no bill: exchange rates (real), invoices as finance files them, and how many were active."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from maker import aws_india, gcp
from maker.files import Totals, csv_text, places, write_text
from maker.fleet import PAYER
from maker.season import DAY, FIRST, LAST, Dollar, load_on, next_month, noise

#: Rates before this day would only make the samples bigger.
RATES_FROM = "2025-01-01"
#: Finance has filed invoices since the new year; those of July are not there yet.
INVOICES = (date(2026, 1, 1), date(2026, 6, 1))
#: What AWS's rate lay above the bank's selling rate; invented.
MARGIN = Decimal("0.35")

_STATES = (
    ("Uttar Pradesh", 0.24),
    ("Rajasthan", 0.21),
    ("Bihar", 0.18),
    ("Maharashtra", 0.15),
    ("Tamil Nadu", 0.09),
    ("Other", 0.13),
)  # fmt: skip
#: Students active on a day at load 1, by what they used; everybody who came counts once under user.
_PRODUCTS = (("user", 145_000, 1.0), ("content", 118_000, 0.9), ("assessment", 61_000, 1.3))


def cut_rates(source: Path, target: Path) -> int:
    """Copy a rate file from RATES_FROM on, lines unchanged."""
    header, *lines = source.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line >= RATES_FROM]
    write_text(target, "\n".join([header, *kept]) + "\n")
    return len(kept)


def write_invoices(
    target: Path, aws: Iterable[aws_india.Invoice], google: Mapping[str, tuple[Decimal, Decimal]], dollar: Dollar
) -> int:
    """The file finance keeps: amounts before tax and tax to the cent, and the rate the invoice was converted at."""
    first, last = INVOICES
    rows: list[dict[str, object]] = []
    for invoice in aws:
        if first <= invoice.month <= last:
            issued = next_month(invoice.month).replace(day=3)
            rows.append(
                {
                    "billing_account_id": PAYER,
                    "invoice_id": invoice.invoice_id,
                    "billing_month": invoice.month,
                    "currency": "USD",
                    "amount": invoice.amount,
                    "tax": invoice.tax,
                    "inr_per_unit": places(dollar.sell(issued) + MARGIN, 4),
                    "issued_on": issued,
                }
            )
    for name, (amount, tax) in sorted(google.items()):
        month = date(int(name[:4]), int(name[4:]), 1)
        if first <= month <= last:
            rows.append(
                {
                    "billing_account_id": gcp.ACCOUNT,
                    "invoice_id": f"5{int(name) * 7919:09d}"[:10],
                    "billing_month": month,
                    "currency": "INR",
                    "amount": places(amount, 2),
                    "tax": places(tax, 2),
                    "inr_per_unit": "",
                    "issued_on": next_month(month).replace(day=2),
                }
            )
    header = [
        "billing_account_id",
        "invoice_id",
        "billing_month",
        "currency",
        "amount",
        "tax",
        "inr_per_unit",
        "issued_on",
    ]
    write_text(target, csv_text(header, rows))
    return len(rows)


def write_users(target: Path) -> int:
    """Daily counts by product and state, nothing about anybody; one state has no count on one day."""
    rows = []
    day = FIRST
    while day <= LAST:
        for product, base, bend in _PRODUCTS:
            for state, share in _STATES:
                if (state, day) == ("Bihar", date(2025, 11, 6)):  # the counter was down
                    continue
                active = base * share * load_on(day, product) ** bend * noise(product + state, day, 0.06)
                rows.append(
                    {
                        "active_on": day,
                        "product": product,
                        "state": state,
                        "metric": "dau",
                        "active_users": round(active),
                    }
                )
        day += DAY
    write_text(target, csv_text(["active_on", "product", "state", "metric", "active_users"], rows))
    return len(rows)


def write_all(
    folder: Path,
    rates: Path,
    aws: Iterable[aws_india.Invoice],
    google: Mapping[str, tuple[Decimal, Decimal]],
    dollar: Dollar,
    totals: Totals,
) -> None:
    """All feeds, with their row counts noted."""
    for name, file in (("sbi", "usd_inr_sbi_tt_daily.csv"), ("ecb", "usd_inr_ecb_cross_daily.csv")):
        totals.feeds[f"fx-{name}"] = cut_rates(rates / file, folder / "fx" / name / file)
    totals.feeds["invoices"] = write_invoices(folder / "invoices" / "invoices.csv", aws, google, dollar)
    totals.feeds["users"] = write_users(folder / "users" / "active_users.csv")
