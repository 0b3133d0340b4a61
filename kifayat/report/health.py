"""Whether the figures can be trusted: how far the bills reach, whether they tie, what was refused or has no rate."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from core import Money
from kifayat.report.parts import Column, Section, Table, clean
from kifayat.report.reading import Answer, Reading
from kifayat.report.standing import Standing

_TIES: Final = """
SELECT COUNT(*) AS bills, COUNT(*) FILTER (is_reconciled) AS reconciled,
    COUNT(*) FILTER (NOT is_reconciled) AS differ FROM reconciliation
"""
_DIFFERS: Final = """
SELECT BillingCurrency, SUM(COALESCE(invoice_difference, difference)) AS amount, COUNT(*) AS bills
FROM reconciliation WHERE NOT is_reconciled GROUP BY 1 ORDER BY 1
"""
_REFUSED: Final = """
SELECT noted_at, x_ExportName, file, reason FROM quarantine ORDER BY noted_at DESC, x_ExportName, file
"""
_RATES: Final = """
SELECT x_BillingMonth AS month, BillingAccountId, BillingCurrency, reason FROM inr_rates
WHERE reason IS NOT NULL ORDER BY x_BillingMonth DESC, BillingAccountId, BillingCurrency
"""
_RESTATED: Final = """
SELECT noted_at, x_ExportName, BillingAccountId, x_BillingMonth AS month, BillingCurrency, before_cost, after_cost,
    difference, was_invoiced
FROM restatements WHERE noted_at >= $since ORDER BY was_invoiced DESC, noted_at DESC, x_ExportName, month
"""
_UNKNOWN: Final = """
SELECT SUM(x_Charges) AS charges, SUM(x_BilledCostInr) AS billed FROM unclassified
"""


def health(reading: Reading, standing: Standing, since: date) -> Section:
    """Freshness, the reconciliation badge, and everything that a person should see; restatements since a day."""
    ties, refused, rates = (
        reading.ask(name, sql) for name, sql in (("ties", _TIES), ("refused", _REFUSED), ("missing_rates", _RATES))
    )
    unknown = reading.ask("unclassified", _UNKNOWN)
    restated = restatements(reading, since)
    notes = [badge(reading)]
    if refused.rows:
        notes.append(f"{_count(len(refused.rows), 'file or part', 'files or parts')} refused; they changed no figure.")
    if rates.rows:
        notes.append(f"{_count(len(rates.rows), 'exchange rate')} missing; what they would convert is in no total.")
    if reading.dead_messages:
        notes.append(
            f"{_count(reading.dead_messages, 'message')} could not be delivered: `kifayat notify list` shows them."
        )
    if restated.rows:
        notes.append(f"{_count(len(restated.rows), 'restatement')} since {since:%d %B}, in the workbook.")
    return Section(
        "health",
        "Health of the data",
        figures=(
            ties.figure("reconciled", "Bills reconciled", "count", note="files = rows = marts = invoice"),
            ties.figure("differ", "Bills that differ", "count", is_shown=bool(ties.first["differ"])),
            unknown.figure("billed", "Of unknown kind", "inr", reason="none: every line type is known"),
        ),
        tables=(
            standing.table(),
            refused.table(
                "Refused files and parts", Column("x_ExportName", "Export"), Column("file", "File or part"),
                Column("reason", "Reason", is_note=True), shown=5, reason="none",
            ),
            rates.table(
                "Missing exchange rates", Column("month", "Month", "month"), Column("BillingCurrency", "Currency"),
                Column("BillingAccountId", "Account"), Column("reason", "Reason", is_note=True), shown=3, reason="none",
            ),
            restatement_table(restated, shown=0),
        ),
        notes=tuple(notes),
    )  # fmt: skip


def restatements(reading: Reading, since: date) -> Answer:
    """Months that a provider wrote anew since a day in India."""
    return reading.ask("restatements", _RESTATED, since=since)


def restatement_table(answer: Answer, *, shown: int) -> Table:
    """Their table, each amount in the currency of its bill."""
    return answer.table(
        "Restatements",
        Column("month", "Month", "month"),
        Column("x_ExportName", "Export"),
        *(
            Column(name, title, "native", currency="BillingCurrency")
            for name, title in (("before_cost", "Before"), ("after_cost", "After"), ("difference", "Difference"))
        ),
        shown=shown,
        reason="none",
    )


def badge(reading: Reading) -> str:
    """The badge of the pages in words."""
    if not reading.value("SELECT COUNT(*) FROM reconciliation"):
        return "There is no bill to reconcile yet."
    rows = reading.ask("differs", _DIFFERS).rows
    if not rows:
        return "Every rupee reconciled: files = rows = marts, and = invoices where they are given."
    parts = [
        f"{Money(row['amount'] or Decimal(0), row['BillingCurrency'])} in {_count(row['bills'], 'bill')}"
        for row in rows
    ]
    return clean("Not reconciled: " + ", ".join(parts)) + "."


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
