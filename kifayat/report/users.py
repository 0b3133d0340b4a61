"""What an active user costs against the target, by month: the mart `unit_costs`, as on the page."""

from __future__ import annotations

from datetime import date
from typing import Final

from kifayat.report import charts
from kifayat.report.parts import Column, Figure, Section
from kifayat.report.period import month_before
from kifayat.report.reading import Reading

MONTHS: Final = 13
_MONTH: Final = """
SELECT scores.x_BillingMonth AS month, scores.state, scores.target, scores.reason,
    -- summed first, divided once, as on the page
    (SELECT CASE WHEN MAX(x_ActiveUsers) > 0 THEN CAST(CAST(SUM(x_CostInr) AS DOUBLE) / MAX(x_ActiveUsers)
        AS DECIMAL(38, 12)) END FROM unit_costs
        WHERE x_BillingMonth = $month AND x_CostPart NOT IN ('prepayments', 'tax')) AS per_user,
    (SELECT SUM(x_CostInr) FROM unit_costs
        WHERE x_BillingMonth = $month AND x_CostPart NOT IN ('prepayments', 'tax')) AS spent,
    (SELECT MAX(x_ActiveUsers) FROM unit_costs WHERE x_BillingMonth = $month) AS users
FROM scores WHERE metric = 'cost_per_user_inr' AND x_BillingMonth = $month
"""
_MONTHS: Final = """
SELECT x_BillingMonth AS month,
    SUM(x_CostInr) FILTER (x_CostPart NOT IN ('prepayments', 'tax')) AS spent, MAX(x_ActiveUsers) AS users,
    CASE WHEN MAX(x_ActiveUsers) > 0 THEN CAST(
        CAST(SUM(x_CostInr) FILTER (x_CostPart NOT IN ('prepayments', 'tax')) AS DOUBLE) / MAX(x_ActiveUsers)
        AS DECIMAL(38, 12)) END AS per_user
FROM unit_costs
WHERE x_BillingMonth <= $month AND x_BillingMonth > CAST($month - INTERVAL 13 MONTH AS DATE)
GROUP BY 1 ORDER BY 1
"""
_LAKH: Final = """
SELECT lakh_users_month_inr AS lakh, reason FROM marginal_costs WHERE x_Service = 'all'
"""
_YEARLY: Final = """
SELECT -value AS change_pct, target, state, reason FROM scores
WHERE x_BillingMonth = $month AND metric = 'yearly_reduction_per_user_pct'
"""
_ICONS: Final = {"met": "within the target", "missed": "above the target", "unknown": "no target is set"}


def per_user(reading: Reading, month: date | None) -> tuple[Section, Figure]:
    """The section, and its figure that stands at the top."""
    shown = "the last whole month" if month is None else f"{month:%B %Y}"
    answer = reading.ask("per_user", _MONTH, month=month or date(1970, 1, 1))
    first = answer.first
    reason = "no month is over yet" if month is None else first.get("reason") or "no active users are counted"
    note = ""
    if first.get("per_user") is not None:
        goal = "" if first["target"] is None else f" of ₹{first['target']:g}"
        note = f"{_ICONS[first['state']]}{goal}, without GST"
    figure = answer.figure("per_user", f"Per active user, {shown}", "each", note=note, reason=reason)
    if figure.value is None or month is None:
        advice = "Bring a file with counts of users (`kifayat explain active_users`)." if month else ""
        return Section(
            "per-user", "₹ per active user", reason=f"not known: {reason}. {advice}".rstrip(". ") + "."
        ), figure
    before = reading.ask("per_user_before", _MONTH, month=month_before(month))
    lakh = reading.ask("marginal", _LAKH)
    yearly = reading.ask("per_user_yearly", _YEARLY, month=month)
    target = yearly.first.get("target")
    change = yearly.figure(
        "change_pct", "Per user, against the year before", "percent_change",
        note="as far from its exam" + ("" if target is None else f"; wanted: {target:g} % less"),
        reason=yearly.first.get("reason") or "not known",
    )  # fmt: skip
    months = reading.ask("per_user_months", _MONTHS, month=month)
    section = Section(
        "per-user",
        "₹ per active user",
        figures=(
            figure,
            before.figure("per_user", f"Per active user, {month_before(month):%B %Y}", "each", reason="not known"),
            answer.figure("users", f"Monthly active users, {shown}", "people", note="as counted, no sum of days"),
            answer.figure("spent", f"Cost, {shown}", "inr", note="without GST and prepayments"),
            change,
            lakh.figure(
                "lakh", "One lakh more users", "inr", note="a month, of daily users",
                reason=lakh.first.get("reason") or "no usage is known",
            ),
        ),
        tables=(
            months.table(
                "By month",
                Column("month", "Month", "month"),
                Column("spent", "Cost", "inr"),
                Column("users", "Active users", "people"),
                Column("per_user", "Per user", "each"),
                shown=0,
            ),
        ),
        charts=(charts.per_user(months.rows, first["target"]),),
    )  # fmt: skip
    return section, figure
