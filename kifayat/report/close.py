"""What a month closes with: the bills beside their invoices, the final exchange rates, what it cost and for whom."""

from __future__ import annotations

from datetime import date
from typing import Final

from core import financial_year
from kifayat.report.health import restatement_table
from kifayat.report.parts import Column, Figure, Section, written
from kifayat.report.reading import Answer, Reading

_BILLS: Final = """
SELECT p.ProviderName, p.x_ExportName, p.BillingAccountId, p.state, p.BillingCurrency, r.files_cost, r.mart_cost,
    r.invoice_currency, r.invoice_amount, r.invoice_difference, r.is_reconciled, p.x_BilledCostInr
FROM periods AS p
LEFT JOIN reconciliation AS r USING (x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency)
WHERE p.x_BillingMonth = $month ORDER BY p.ProviderName, p.x_ExportName, p.BillingAccountId, p.BillingCurrency
"""
_SUMS: Final = """
SELECT SUM(x_BilledCostInr) AS billed, SUM(x_EffectiveCostInr) AS effective,
    SUM(x_EffectiveCostInr) FILTER (ChargeCategory IS DISTINCT FROM 'Tax') AS without_tax,
    SUM(x_BilledCostInr) FILTER (ChargeCategory = 'Tax') AS tax,
    SUM(x_BilledCostInr) FILTER (ChargeCategory = 'Credit') AS credits
FROM cost_daily WHERE x_BillingMonth = $month
"""
_BY: Final = """
WITH lines AS (
    SELECT COALESCE({column}, '(none)') AS name, x_BilledCostInr AS billed, x_EffectiveCostInr AS effective,
        CASE WHEN ChargeCategory = 'Tax' THEN x_BilledCostInr END AS tax
    FROM cost_daily WHERE x_BillingMonth = $month
),
sums AS (
    SELECT 0 AS is_total, name, SUM(billed) AS billed, SUM(effective) AS effective, SUM(tax) AS tax
    FROM lines GROUP BY 2
    UNION ALL
    SELECT 1, 'Total', SUM(billed), SUM(effective), SUM(tax) FROM lines HAVING COUNT(*) > 0
)
SELECT name, billed, effective, tax FROM sums ORDER BY is_total, billed DESC NULLS LAST, name
"""
_RATES: Final = """
SELECT BillingAccountId, BillingCurrency, InvoiceId, rate, rate_on, rate_source, rate_state, reason
FROM inr_rates WHERE x_BillingMonth = $month AND (BillingCurrency <> 'INR' OR reason IS NOT NULL)
ORDER BY BillingAccountId, BillingCurrency, InvoiceId
"""
_FIXED: Final = """
SELECT noted_at, x_ExportName, message, amount, currency FROM events
WHERE kind = 'rate fixed' AND partition LIKE $label || '%' ORDER BY noted_at DESC, message
"""
_FIXED_SUM: Final = """
SELECT SUM(amount) AS moved, COUNT(*) AS fixed FROM events WHERE kind = 'rate fixed' AND partition LIKE $label || '%'
"""
_BUDGETS: Final = """
SELECT x_Budget, x_PlannedInr AS planned, x_SpentInr AS spent, x_SpentInr - x_PlannedInr AS over,
    x_PlannedToDateInr AS planned_to_date, x_SpentToDateInr AS spent_to_date
FROM budget_months WHERE month = $month AND x_FinancialYear = $year ORDER BY x_BudgetInr DESC, x_Budget
"""
_RESTATED: Final = """
SELECT noted_at, x_ExportName, BillingAccountId, x_BillingMonth AS month, BillingCurrency, before_cost, after_cost,
    difference, was_invoiced
FROM restatements WHERE x_BillingMonth = $month OR noted_at >= $after
ORDER BY was_invoiced DESC, noted_at DESC, x_ExportName, month
"""

_NOTES: Final = {"x_ExportName": "Export", "BillingAccountId": "Account", "state": "State"}


def bills(reading: Reading, month: date) -> tuple[Section, Answer]:
    """Each bill beside its files and its invoice, in its own currency."""
    answer = reading.ask("close", _BILLS, month=month)
    if not answer.rows:
        return Section("close", "Bills and invoices", reason=f"no bill of {month:%B %Y} is loaded."), answer
    open_ones = sorted({row["state"] for row in answer.rows} - {"invoiced", "restated"})
    table = answer.table(
        "Each bill and its invoice",
        Column("ProviderName", "Bill"),
        Column("files_cost", "Files", "native", currency="BillingCurrency"),
        Column("invoice_amount", "Invoice", "native", currency="invoice_currency"),
        Column("invoice_difference", "Difference", "native", currency="invoice_currency"),
        *(Column(name, title, is_note=True) for name, title in _NOTES.items()),
        Column("is_reconciled", "Result", "ties", is_note=True),
    )
    notes = ("Files = rows = marts to the last digit; an invoice is printed in whole paise per line.",)
    lead = ""
    if open_ones:
        lead = f"The month is not closed: some bills are {' or '.join(open_ones)}, so their figures may still move."
    return Section("close", "Bills and invoices", tables=(table,), notes=notes, lead=lead), answer


def totals(reading: Reading, month: date) -> tuple[Section, Figure, Figure]:
    """What the month cost: billed, effective, GST and credits, by provider and team."""
    answer = reading.ask("month_sums", _SUMS, month=month)
    reason = f"no cost of {month:%B %Y} is known in rupees"
    billed = answer.figure(
        "billed", f"Billed in {month:%B %Y}", "inr", note="with GST, credits taken off", reason=reason
    )
    effective = answer.figure("without_tax", "Effective cost", "inr", note="without GST", reason=reason)
    columns = (
        Column("billed", "Billed", "inr"),
        Column("effective", "Effective", "inr"),
        Column("tax", "GST", "inr"),
    )
    tables = tuple(
        reading.ask(f"month_by.{column}", _BY.format(column=column), month=month).table(
            f"By {title.lower()}, with GST", Column("name", title), *columns, has_total=True, shown=12,
            note=note, reason="nothing was charged",
        )
        for title, column, note in (
            ("Provider", "ProviderName", ""), ("Team", "x_Team", "As owned, before shared cost is distributed."),
        )
    )  # fmt: skip
    section = Section(
        "totals",
        f"What {month:%B %Y} cost",
        figures=(
            billed,
            effective,
            answer.figure("effective", "Effective, with GST", "inr", reason=reason),
            answer.figure("tax", "GST", "inr", reason="none was charged"),
            answer.figure("credits", "Credits", "inr", reason="there were none"),
        ),
        tables=tables,
    )
    return section, billed, effective


def rates(reading: Reading, month: date) -> Section:
    """The rates that turned the bills into rupees, which invoices fixed them, and what that moved."""
    title = "Exchange rates"
    answer = reading.ask("rates", _RATES, month=month)
    if not answer.rows:
        return Section("rates", title, reason="nothing needed a rate: every bill of the month is in rupees.")
    label = f"{month:%Y-%m}"
    fixed = reading.ask("fixed", _FIXED, label=label)
    sums = reading.ask("fixed_sum", _FIXED_SUM, label=label)
    states = {row["rate_state"] for row in answer.rows}
    provisional = (
        "" if "provisional" not in states else "Provisional rates will be replaced when an invoice names its own."
    )
    return Section(
        "rates",
        title,
        figures=(
            sums.figure(
                "moved", "Moved by final rates", "exact_change", note="against the provisional rates before",
                reason="no provisional rate was replaced",
            ),
            sums.figure("fixed", "Rates that invoices fixed", "count"),
        ),
        tables=(
            answer.table(
                "Rupees per unit of the bill", Column("BillingCurrency", "Currency"), Column("rate", "Rate", "rate"),
                Column("rate_on", "Of", "day"), Column("rate_state", "State"), Column("rate_source", "From"),
                Column("reason", "Why none", is_note=True), shown=8,
            ),
            fixed.table(
                "What fixed them", Column("message", "What"), Column("amount", "Moved", "exact_change"), shown=4,
                reason="no invoice fixed a rate",
            ),
        ),
        lead=provisional,
    )  # fmt: skip


def budget_month(reading: Reading, month: date) -> Section:
    """Planned and spent in the month and up to it."""
    title, year = "Budgets", financial_year(month)[0].year
    answer = reading.ask("budget_month", _BUDGETS, month=month, year=year)
    if not answer.rows:
        reason = f"no budget is set for April {year} to March {year + 1}: write [[budgets]] into kifayat.toml."
        return Section("budgets", title, reason=reason)
    return Section(
        "budgets",
        title,
        tables=(
            answer.table(
                f"{month:%B %Y} against its plan", Column("x_Budget", "Budget"), Column("planned", "Planned", "inr"),
                Column("spent", "Spent", "inr"), Column("over", "Over", "change"),
            ),
            answer.table(
                "Up to the month", Column("x_Budget", "Budget"), Column("planned_to_date", "Planned to date", "inr"),
                Column("spent_to_date", "Spent to date", "inr"),
            ),
        ),
        notes=("Planned by the season of the year before. Spent: after distribution, without GST as a rule.",),
    )  # fmt: skip


def restated(reading: Reading, month: date) -> Section:
    """What providers wrote anew: of the month, or since it ended."""
    title = "What was restated"
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    answer = reading.ask("restated", _RESTATED, month=month, after=after)
    if not answer.rows:
        return Section("restated", title, reason="nothing: no delivery replaced an earlier one with other figures.")
    late = sum(1 for row in answer.rows if row["was_invoiced"])
    lead = f"{late} of them after the invoice." if late else ""
    since = written(after, "day")
    return Section(
        "restated", title, tables=(restatement_table(answer, shown=8),), lead=lead,
        notes=(f"Of {month:%B %Y}, or of any month since {since}.",),
    )  # fmt: skip
