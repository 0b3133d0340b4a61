"""Budgets of Indian financial years: planned by the season, spent, pace and what is left."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import compact_inr, format_inr
from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.status import Calendar, read_calendar, status
from dashboard.view import View

#: Up to which pace (spent of what was planned to date) a budget is on track, and up to which to be watched.
ON_TRACK, WATCH = 1.0, 1.1
EXAMPLE: Final = """[[budgets]]
name = "Infrastructure"
financial_year = 2026        # April 2026 to March 2027
amount_inr = 5_00_00_000
# service = "content"        # or team, product, environment, provider: of what; nothing means everything
# shape = "even"             # a twelfth a month instead of the season of the year before
# with_tax = true"""

Row = Mapping[str, Any]


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Budgets")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    rows = context.query("SELECT * FROM budget_months ORDER BY x_FinancialYear DESC, x_Budget, month").to_dicts()
    if not rows:
        st.info("No budget is configured. Write one into kifayat.toml and run `kifayat ingest`:")
        st.code(EXAMPLE, language="toml")
        return
    told = {
        (row["name"], row["financial_year"]): row
        for row in context.query("SELECT * FROM budget_curves ORDER BY month").to_dicts()
        if row["month"].month == 3  # the last one of its year: at completion
    }
    taxed = set(context.query("SELECT name, financial_year FROM budgets WHERE with_tax").rows)
    for year in sorted({row["x_FinancialYear"] for row in rows}, reverse=True):
        st.subheader(f"April {year} to March {year + 1}")
        names = sorted({row["x_Budget"] for row in rows if row["x_FinancialYear"] == year})
        for index, name in enumerate(names):
            _budget(
                [row for row in rows if (row["x_Budget"], row["x_FinancialYear"]) == (name, year)],
                calendar, f"{year}-{index}", told.get((name, year)), (name, year) in taxed,
            )  # fmt: skip
    st.caption(
        "Planned: the budget divided among months as the year before was spent, each month as far from the exam as the "
        'one it follows; evenly where there is no whole year of history, or with shape = "even". Spent: effective cost '
        "after distribution, without GST unless with_tax = true. Of an open month only the part of the days that are "
        "known is counted as planned."
    )


def _budget(rows: Sequence[Row], calendar: Calendar, key: str, told: Row | None, with_tax: bool) -> None:
    name, amount = rows[0]["x_Budget"], rows[0]["x_BudgetInr"]
    spent = sum((row["x_SpentInr"] or Decimal(0) for row in rows), Decimal(0))
    planned = sum((planned_to_date(row, calendar) for row in rows), Decimal(0))
    pace = widgets.ratio(spent, planned)
    is_over = calendar.whole_through >= date(rows[0]["x_FinancialYear"] + 1, 3, 31)
    state, icon = result_of(spent, amount) if is_over and planned else state_of(pace)
    with st.container(border=True, key=f"budget-{key}"):
        st.markdown(f"**{widgets.escape(name)}** — {icon} {state}")
        columns = st.columns(4)
        pace_text = "—" if pace is None else f"{100 * pace:.1f} %"
        cards = (
            ("Budget", compact_inr(amount), format_inr(amount)),
            ("Spent", compact_inr(spent), format_inr(spent)),
            ("Pace", pace_text, f"of {format_inr(planned)} planned to date"),
            ("Left", compact_inr(amount - spent), format_inr(amount - spent)),
        )
        for column, (label, text, exact) in zip(columns, cards, strict=True):
            with column:
                widgets.figure(f"budget-{key}-{label.lower()}", label, text, exact)
        if told is not None and not is_over:
            _at_completion(told, with_tax)
        charts.against_plan(
            [(row["month"], row["x_PlannedToDateInr"], _to_date(row)) for row in rows],
            alt_text=f"Planned and spent to date; spent {compact_inr(spent)} of {compact_inr(amount)}",
        )  # fmt: skip
        with st.expander("By month"):
            widgets.table(
                [
                    {"Month": f"{row['month']:%b %Y}", "Planned": row["x_PlannedInr"], "Spent": row["x_SpentInr"],
                     "Planned to date": row["x_PlannedToDateInr"], "Spent to date": _to_date(row)}
                    for row in rows
                ],
                money=dict.fromkeys(("Planned", "Spent", "Planned to date", "Spent to date"), format_inr),
                alt="Budget by month", key=f"budget-table-{key}",
            )  # fmt: skip


def _at_completion(told: Row, with_tax: bool) -> None:
    """What the forecast says of the end of the year: usage only, before tax and fees."""
    low, middle, high = (compact_inr(Decimal(str(round(told[name], 2)))) for name in ("q10", "q50", "q90"))
    text = f"Forecast for the whole year: {middle} of usage (80 %: {low} to {high})"
    if with_tax and told["q50"] <= told["budget_inr"]:
        st.caption(f"{text}; GST, which the budget includes, comes on top, so whether it holds cannot be told.")
        return
    chance = "holds in most cases" if told["q90"] <= told["budget_inr"] else (
        "is more likely to be exceeded than not" if told["q50"] > told["budget_inr"] else "may be exceeded"
    )  # fmt: skip
    st.caption(f"{text}; the budget {chance}.")


def _to_date(row: Row) -> Decimal | None:
    """What was spent up to a month; nothing for months to come."""
    return None if row["x_SpentInr"] is None else row["x_SpentToDateInr"]


def planned_to_date(row: Row, calendar: Calendar) -> Decimal:
    """What was planned for a month as far as its days are known: nothing for months to come."""
    if row["x_SpentInr"] is None:  # no bill of it is loaded: nothing is known, and nothing was saved
        return Decimal(0)
    month: date = row["month"]
    planned: Decimal = row["x_PlannedInr"]
    days = monthrange(month.year, month.month)[1]
    known = (calendar.whole_through - month).days + 1
    if known >= days or known <= 0:
        return planned if known > 0 else Decimal(0)
    return (planned * known / days).quantize(Decimal("0.01"))


def result_of(spent: Decimal, amount: Decimal) -> tuple[str, str]:
    """The word for a year that has ended."""
    return ("kept", ":material/check_circle:") if spent <= amount else ("over", ":material/error:")


def state_of(pace: float | None) -> tuple[str, str]:
    """The word for a pace, and its icon: never colour alone."""
    if pace is None:
        return "no bills are loaded for it", ":material/remove:"
    if pace <= ON_TRACK:
        return "on track", ":material/check_circle:"
    return ("to be watched", ":material/warning:") if pace <= WATCH else ("over", ":material/error:")


VIEW = View("Budgets", "Costs", 16, ":material/savings:", render)
