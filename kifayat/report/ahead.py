"""What is to come: the month, the season and the financial year with their bands, and the pace of each budget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from core import financial_year
from kifayat.report import charts
from kifayat.report.parts import Chart, Column, Figure, Section, Table, clean, written
from kifayat.report.reading import Reading

_PERIODS: Final = """
WITH named AS (
    SELECT
        CASE period
            WHEN 'month' THEN STRFTIME(starts_on, '%B %Y')
            WHEN 'season' THEN 'Season, ' || STRFTIME(starts_on, '%b') || ' to ' || STRFTIME(ends_on - 1, '%b %Y')
            ELSE 'April ' || YEAR(starts_on) || ' to March ' || YEAR(ends_on)
        END AS name,
        period, starts_on, known_inr, mean, q10, q90,
        ROW_NUMBER() OVER (PARTITION BY period ORDER BY starts_on) AS place
    FROM cost_forecasts
    WHERE dimension = 'total' AND value = 'all' AND calendar = 'given' AND ends_on > $day
)
SELECT name, period, known_inr, mean, q10, q90 FROM named
WHERE period = 'month' AND place <= 3 OR place = 1
ORDER BY CASE period WHEN 'month' THEN 1 WHEN 'season' THEN 2 ELSE 3 END, starts_on
"""
_RUN: Final = "SELECT known_through, made_at FROM forecast_runs"
_STATES: Final = """
SELECT name, owner, amount_inr, spent_inr, planned_to_date_inr, spent_pct, pace_pct, known_through,
    forecast_q10_inr, forecast_q50_inr, forecast_q90_inr, forecast_pct, exhausted_on, days_left, reason
FROM budget_states WHERE financial_year = $year ORDER BY amount_inr DESC, name
"""
_MONTHS: Final = """
SELECT CAST(month + INTERVAL 1 MONTH AS DATE) - 1 AS ends_on, CAST(x_PlannedToDateInr AS DOUBLE) AS planned,
    CASE WHEN x_SpentInr IS NOT NULL AND month < $open THEN CAST(x_SpentToDateInr AS DOUBLE) END AS spent
FROM budget_months WHERE x_Budget = $budget AND x_FinancialYear = $year ORDER BY month
"""


def forecast(reading: Reading, day: date) -> tuple[Section, Figure]:
    """What the months, the season and the year ahead are expected to cost, and the figure of the month."""
    title = "What is to come"
    answer = reading.ask("forecast", _PERIODS, day=day)
    missing = "no forecast is made yet: run `kifayat forecast`"
    month = answer.figure("mean", "The month as forecast", "inr", reason=missing)
    if not answer.rows:
        return Section("forecast", title, reason=f"{missing}."), month
    first = answer.first
    run = reading.ask("forecast_run", _RUN).first
    notes = ["Usage in rupees, before GST and fees, if every event of the calendar is on its day."]
    if run:
        notes.append(f"Made from what was known through {written(run['known_through'], 'day')}.")
    section = Section(
        "forecast",
        title,
        figures=(
            answer.figure(
                "mean", f"{first['name']} as forecast", "inr", note="usage, before GST and fees", is_shown=False
            ),
            answer.figure("q10", "80 % from", "inr", is_shown=False),
            answer.figure("q90", "80 % to", "inr", is_shown=False),
        ),
        tables=(
            answer.table(
                "Forecast with its band",
                Column("name", "Period"),
                Column("mean", "Expected", "inr"),
                Column("q10", "80 % from", "inr"),
                Column("q90", "80 % to", "inr"),
            ),
        ),
        notes=tuple(notes),
    )
    return section, section.figures[0]


def budgets(reading: Reading, known_through: date) -> Section:
    """Each budget of the financial year: spent, pace, the year's end, and how long it lasts."""
    title, year = "Budgets", financial_year(known_through)[0].year
    answer = reading.ask("budgets", _STATES, year=year)
    if not answer.rows:
        has_any = reading.value("SELECT COUNT(*) FROM budgets WHERE financial_year = $year", year=year)
        reason = (
            "the budgets of this year are not reckoned yet: run `kifayat refresh`."
            if has_any
            else f"no budget is set for April {year} to March {year + 1}: write [[budgets]] into kifayat.toml."
        )
        return Section("budgets", title, reason=reason)
    # the one that needs to be seen
    worst = max(answer.rows, key=_pace)
    months, chart = _by_month(reading, worst, year, known_through)
    columns = (
        Column("name", "Budget"),
        Column("amount_inr", "Year", "inr"),
        Column("spent_inr", "Spent", "inr"),
        Column("pace_pct", "Pace", "percent"),
    )
    return Section(
        "budgets",
        f"{title}, April {year} to March {year + 1}",
        tables=(
            answer.table("Pace of the budgets", *columns, note="Pace: spent, of what was planned to this day."),
            answer.table(
                "Where the year ends",
                Column("name", "Budget"),
                Column("owner", "Owner"),
                Column("planned_to_date_inr", "Planned to date", "inr"),
                Column("spent_inr", "Spent", "inr"),
                Column("forecast_q10_inr", "80 % from", "inr"),
                Column("forecast_q50_inr", "Expected", "inr"),
                Column("forecast_q90_inr", "80 % to", "inr"),
                Column("exhausted_on", "Exhausted on", "day"),
                shown=0,
            ),
            months,
        ),
        charts=(chart,),
        notes=tuple(sentence(row) for row in sorted(answer.rows, key=_pace, reverse=True)),
    )


def _pace(row: Mapping[str, Any]) -> float:
    return row["pace_pct"] or 0.0


def sentence(row: Mapping[str, Any]) -> str:
    """What one should know of a budget, in one line."""
    name, told = clean(row["name"]), []
    if row["pace_pct"] is not None:
        word = "on track" if row["pace_pct"] <= 100 else "to be watched" if row["pace_pct"] <= 110 else "over its pace"
        told.append(f"{word}, {written(row['pace_pct'], 'percent')} of what was planned to date")
    if row["forecast_q50_inr"] is not None:
        band = f"{written(row['forecast_q10_inr'], 'inr')} and {written(row['forecast_q90_inr'], 'inr')}"
        told.append(f"the year is likely to end between {band}")
    if row["exhausted_on"] is not None:
        told.append(f"it is exhausted on {written(row['exhausted_on'], 'day')} at this pace")
    if row["reason"]:
        told.append(f"{written(row['spent_pct'], 'percent')} of the year's amount is spent; {clean(row['reason'])}")
    return f"{name}: {'; '.join(told) or 'nothing is known of it'}."


def _by_month(reading: Reading, state: Mapping[str, Any], year: int, known_through: date) -> tuple[Table, Chart]:
    # an open month's end would show a part of a month as if it were all
    is_whole = (known_through + timedelta(days=1)).day == 1
    closed = known_through + timedelta(days=1) if is_whole else known_through.replace(day=1)
    answer = reading.ask("budget_months", _MONTHS, budget=state["name"], year=year, open=closed)
    closed_rows = [row for row in answer.rows if row["spent"] is not None]
    last = closed_rows[-1] if closed_rows else None
    told = (
        "no month of it is closed yet"
        if last is None
        else f"{written(last['spent'], 'inr')} spent, {written(last['planned'], 'inr')} planned to"
        f" {written(last['ends_on'], 'day')}"
    )
    table = answer.table(
        "The budget by month",
        Column("ends_on", "To", "day"),
        Column("planned", "Planned", "inr"),
        Column("spent", "Spent", "inr"),
        shown=0,
    )
    return table, charts.budget_pace(clean(state["name"]), answer.rows, state, year, told)
