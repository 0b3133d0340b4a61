"""Why the cost of the last whole month changed: the exact split of `cost_changes`, whose parts add up to the change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from kifayat.report import charts
from kifayat.report.parts import Column, Edition, Section, Table, written
from kifayat.report.reading import Reading

_LAST: Final = """
SELECT MAX(x_BillingMonth) AS month FROM periods WHERE x_BillingMonth <= $month
    AND x_BillingMonth NOT IN (SELECT x_BillingMonth FROM periods WHERE state = 'open')
"""
_SUMS: Final = """
SELECT ANY_VALUE(compared_with) AS compared_with, SUM(before_inr) AS before, SUM(after_inr) AS after,
    SUM(after_inr) - SUM(before_inr) AS change,
    CASE WHEN SUM(before_inr) > 0 THEN
        100 * (CAST(SUM(after_inr) AS DOUBLE) / CAST(SUM(before_inr) AS DOUBLE) - 1) END AS change_pct,
    MAX(reason) AS reason
FROM cost_changes WHERE x_BillingMonth = $month AND comparison = $comparison HAVING COUNT(*) > 0
"""
#: The causes in the order in which they are taken off one by one, in the words of the page.
_STEPS: Final = """
WITH changes AS (SELECT * FROM cost_changes WHERE x_BillingMonth = $month AND comparison = $comparison),
steps AS (
    SELECT 1 AS place, 'Users' AS cause, 'more or fewer active users, each using what a user used before' AS meaning,
        SUM(users) AS amount FROM changes
    UNION ALL
    SELECT 2, 'Usage per user', 'each user used more or less, at the prices before', SUM(usage_per_user) FROM changes
    UNION ALL
    SELECT 3, 'Mix', 'usage moved between dearer and cheaper services and regions', SUM(mix) FROM changes
    UNION ALL
    SELECT 4, 'List price', 'the providers changed their public prices', SUM(list_price) FROM changes
    UNION ALL
    SELECT 5, 'Rate', 'discounts and commitments, also those that nobody used', SUM(rate) FROM changes
    UNION ALL
    SELECT 6, 'Exchange rate', 'the rupee moved against the currency of the bill', SUM(fx) FROM changes
    UNION ALL
    SELECT 7, 'Other', 'support, credits, refunds, marketplace: what comes once', SUM(other) FROM changes
    UNION ALL
    SELECT 8, 'GST', 'which also moves with the cost that it is levied on', SUM(tax) FROM changes
    UNION ALL
    SELECT 9, 'Change', '', SUM(after_inr) - SUM(before_inr) FROM changes
)
SELECT cause, amount, meaning FROM steps WHERE amount IS NOT NULL ORDER BY place
"""
_SERVICES: Final = """
WITH ranked AS (
    SELECT ProviderName || ' · ' || ServiceName AS name, before_inr, after_inr,
        ROW_NUMBER() OVER (ORDER BY ABS(after_inr - before_inr) DESC, ProviderName, ServiceName) AS place
    FROM cost_changes WHERE x_BillingMonth = $month AND comparison = $comparison
),
lines AS (
    SELECT LEAST(place, $lines + 1) AS place, CASE WHEN place <= $lines THEN name ELSE 'All others' END AS name,
        SUM(before_inr) AS before, SUM(after_inr) AS after
    FROM ranked GROUP BY ALL
    UNION ALL
    SELECT $lines + 2, 'Total', SUM(before_inr), SUM(after_inr) FROM ranked HAVING COUNT(*) > 0
)
SELECT name, before, after, after - before AS change FROM lines ORDER BY place
"""
_NO_STEP: Final = "there is nothing to compare it with: it or the month before has no cost in rupees"


def last_month(reading: Reading, upto: date) -> date | None:
    """The newest month that is not open, up to a month."""
    found: date | None = reading.value(_LAST, month=upto)
    return found


def why(reading: Reading, month: date | None, edition: Edition) -> Section:
    """The waterfall of the month, with its parts in words; engineers see the services as well."""
    title = "Why the cost changed"
    if month is None:
        return Section("why", title, reason="no month is over yet, and a part of a month explains nothing")
    name = f"{month:%B %Y}"
    title = f"Why {name} changed"
    answer = reading.ask("why", _SUMS, month=month, comparison="month")
    if not answer.rows:
        return Section("why", title, reason=f"{name} is not explained: {_NO_STEP}")
    earlier = answer.first["compared_with"]
    steps = _steps(reading, month, "month")
    yearly = reading.ask("why_year", _SUMS, month=month, comparison="year")
    phase = yearly.first.get("compared_with")
    against = f"Against {phase:%B %Y}" if phase else "Against the year before"
    lacking = "no month as far from its exam is loaded"
    shares = (
        answer.figure("change_pct", "Change, %", "percent_change", reason=_NO_STEP, is_shown=False),
        yearly.figure("change_pct", f"{against}, %", "percent_change", reason=lacking, is_shown=False),
    )
    return Section(
        "why",
        title,
        figures=(
            answer.figure("before", f"{earlier:%B %Y}", "inr", note="with GST"),
            answer.figure("after", name, "inr", note="with GST"),
            answer.figure("change", "Change", "change", note=shares[0].text),
            yearly.figure("change", against, "change", note=f"{shares[1].text}, as far from its exam", reason=lacking),
            *shares,
        ),
        lead=_largest(steps),
        tables=(steps, _services(reading, month, 10 if edition == "engineering" else 5)),
        charts=(charts.waterfall(_bars(answer.first, steps, month)),),
        notes=(
            "Effective cost with GST. The parts add up to the change exactly; what has no quantity is rate or other.",
            *((f"Not told apart: {answer.first['reason']}.",) if answer.first["reason"] else ()),
        ),
    )


def _largest(steps: Table) -> str:
    """The two causes that moved most, in words."""
    moved = sorted((row for row in steps.rows[:-1] if row["amount"]), key=lambda row: -abs(row["amount"]))[:2]
    told = [f"{row['cause']} {written(row['amount'], 'change')} ({row['meaning']})" for row in moved]
    return f"Most of it: {'; '.join(told)}." if told else ""


def _steps(reading: Reading, month: date, comparison: str) -> Table:
    answer = reading.ask("why.steps", _STEPS, month=month, comparison=comparison)
    return answer.table(
        "Cause by cause",
        Column("cause", "Cause"),
        Column("amount", "Amount", "change"),
        Column("meaning", "What it is", is_note=True),
        has_total=True,
        shown=0,  # the picture and its words hold them all
    )


def _bars(sums: Mapping[str, Any], steps: Table, month: date) -> list[charts.Step]:
    """The month before, the causes, the month."""
    causes = [charts.Step(row["cause"], row["amount"]) for row in steps.rows[:-1]]
    first = charts.Step(f"{sums['compared_with']:%b %Y}", sums["before"], is_total=True)
    return [first, *causes, charts.Step(f"{month:%b %Y}", sums["after"], is_total=True)]


def _services(reading: Reading, month: date, lines: int) -> Table:
    answer = reading.ask("why.services", _SERVICES, month=month, comparison="month", lines=lines)
    return answer.table(
        "By cloud service, with GST",
        Column("name", "Service"),
        Column("before", "Before", "inr"),
        Column("after", "After", "inr"),
        Column("change", "Change", "change"),
        has_total=True,
        shown=lines + 2,
    )
