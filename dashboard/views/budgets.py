"""Budgets of Indian financial years: planned by the season, spent, pace and what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import compact_inr, format_inr, month_of
from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr
from dashboard.status import read_calendar, status
from dashboard.view import View
from models.budgets import chance_text, lasts_text

#: Up to which pace (per cent of what was planned to date) a budget is on track, and up to which to be watched.
ON_TRACK, WATCH = 100.0, 110.0
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
    states = {
        (row["name"], row["financial_year"]): row for row in context.query("SELECT * FROM budget_states").to_dicts()
    }
    for year in sorted({year for _, year in states}, reverse=True):
        st.subheader(f"April {year} to March {year + 1}")
        for index, name in enumerate(sorted(name for name, of in states if of == year)):
            months = [row for row in rows if (row["x_Budget"], row["x_FinancialYear"]) == (name, year)]
            _budget(states[name, year], months, f"{year}-{index}")
    st.caption(
        "Planned: the budget divided among months as the year before was spent, each month as far from the exam as the "
        'one it follows; evenly where there is no whole year of history, or with shape = "even". Spent: effective cost '
        "after distribution, without GST unless with_tax = true. Of an open month only the part of the days that are "
        "known is counted as planned. Lasts: as billed, then by the median of the forecast. The forecast is of usage; "
        "what a budget counts beside it is taken in proportion, as it was in the last whole months."
    )


def _budget(state: Row, rows: Sequence[Row], key: str) -> None:
    amount, spent, pace = state["amount_inr"], state["spent_inr"], state["pace_pct"]
    word, icon = word_of(state)
    with st.container(border=True, key=f"budget-{key}"):
        st.markdown(f"**{widgets.escape(state['name'])}** — {icon} {word}")
        pace_text = "—" if pace is None else f"{pace:.1f} %"
        cards = (
            ("Budget", compact_inr(amount), format_inr(amount), f"left: {compact_inr(amount - spent)}"),
            ("Spent", compact_inr(spent), format_inr(spent), f"{state['spent_pct']:.1f} % of the budget"),
            ("Pace", pace_text, f"of {format_inr(state['planned_to_date_inr'])} planned to date", ""),
            ("Lasts", _lasts(state), lasts_text(state), ""),
        )  # fmt: skip
        with st.container(key=f"figures-{key}"):
            for column, (label, text, exact, note) in zip(st.columns(4), cards, strict=True):
                with column:
                    widgets.figure(f"budget-{key}-{label.lower()}", label, text, exact, note=widgets.escape(note))
        _at_completion(state)
        charts.against_plan(
            [(row["month"], _planned(row, state), _to_date(row)) for row in rows],
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


def _at_completion(state: Row) -> None:
    """What the forecast says of the end of the year, in the scope of the budget; or why it cannot."""
    if state["forecast_q50_inr"] is not None:
        low, middle, high = (short_inr(state[f"forecast_{name}_inr"]) for name in ("q10", "q50", "q90"))
        st.caption(widgets.escape(
            f"Forecast for the whole year: {middle}, {state['forecast_pct']:.1f} % of the budget (80 %: {low} to"
            f" {high}). The chance that the budget is exceeded: {chance_text(state)}."
        ))  # fmt: skip
    elif state["known_through"] < date(state["financial_year"] + 1, 3, 31):
        st.caption(widgets.escape(f"The end of the year is not told: {state['reason']}."))


def _lasts(state: Row) -> str:
    if state["days_left"]:
        return f"{state['days_left']} days"
    if state["exhausted_on"] is not None:
        return "exceeded"
    return "—" if lasts_text(state) == "not known" else "all year"


def _planned(row: Row, state: Row) -> Decimal:
    """What was planned up to the end of a month, of the month of the last day known up to that day, as was spent."""
    is_open = row["month"] == month_of(state["known_through"])
    planned: Decimal = state["planned_to_date_inr"] if is_open else row["x_PlannedToDateInr"]
    return planned


def _to_date(row: Row) -> Decimal | None:
    """What was spent up to a month; nothing for months to come."""
    return None if row["x_SpentInr"] is None else row["x_SpentToDateInr"]


def word_of(state: Row) -> tuple[str, str]:
    """How a budget stands in a word with its icon; a year that is over is judged by its result."""
    if state["known_through"] >= date(state["financial_year"] + 1, 3, 31) and state["planned_to_date_inr"]:
        return result_of(state["spent_inr"], state["amount_inr"])
    return state_of(state["pace_pct"])


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
