"""The company's targets in one row: what was reached, what was wanted, and the reason where it cannot be said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import streamlit as st

from dashboard import widgets
from dashboard.context import Context
from dashboard.status import Calendar, age_text

MONTHS: Final = 12


@dataclass(frozen=True)
class Goal:
    """One tile: a metric of `scores`, its name, how its value and its target are written."""

    metric: str
    label: str
    write: Callable[[float], str]
    target: str
    help: str


def _percent(value: float) -> str:
    return f"{value:.1f} %"


def _reduction(value: float) -> str:
    return f"{-value:+.1f} %"


GOALS: Final = (
    Goal("cost_per_user_inr", "₹ per active user", lambda value: f"₹{value:.2f}", "below ₹{target:g}",
         "Effective cost of the month without GST, by monthly active users."),
    Goal("yearly_reduction_per_user_pct", "Per user, yearly", _reduction, "{target:g} % less",
         "Against the month that was as far from its exam a cycle earlier."),
    Goal("yearly_reduction_pct", "Total, yearly", _reduction, "{target:g} % less",
         "Effective cost without GST, against the month that was as far from its exam a cycle earlier."),
    Goal("tag_coverage_pct", "Cost with a team", _percent, "at least {target:g} %",
         "Share of the cost of usage that tags or rules give to a team."),
    Goal("effective_savings_rate_pct", "Savings rate", _percent, "at least {target:g} %",
         "What commitments, Spot and discounts take off the list price of usage (FinOps: effective savings rate)."),
    Goal("waste_share_pct", "Waste", _percent, "at most {target:g} %",
         "Commitments that nobody used and the idle part of Kubernetes nodes; idle machines are not looked for yet."),
)  # fmt: skip
_ICONS: Final = {"met": "✓", "missed": "✗", "unknown": "?"}


def scoreboard(context: Context, calendar: Calendar) -> None:
    """Draw the tiles of the last whole month."""
    rows = context.query(
        "SELECT metric, x_BillingMonth, value, target, state, reason FROM scores WHERE x_BillingMonth <= $last"
        " ORDER BY x_BillingMonth",
        {"last": calendar.last if calendar.is_open else calendar.current},
    ).to_dicts()
    history: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        history.setdefault(row["metric"], []).append(row)
    month: date | None = max((row["x_BillingMonth"] for row in rows), default=None)
    st.subheader(f"Targets, {widgets.month_text(month)}")
    with st.container(horizontal=True, key="scoreboard", gap="small"):
        for goal in GOALS:
            _tile(goal, history.get(goal.metric, []))
        _freshness(context, calendar)
        _forecast(context)


def _tile(goal: Goal, rows: Sequence[Mapping[str, Any]]) -> None:
    now = rows[-1] if rows else None
    if now is None or now["value"] is None:
        reason = "nothing is known" if now is None else now["reason"]
        _card(goal.metric, goal.label, "—", f"? {reason}", goal.help)
        return
    text = goal.target.format(target=now["target"]) if now["target"] is not None else "no target"
    known = [row["value"] for row in rows[-MONTHS:] if row["value"] is not None]
    note = f"{_ICONS[now['state']]} {now['state']}: {text}"
    _card(goal.metric, goal.label, goal.write(now["value"]), note, goal.help, known if len(known) > 1 else None)


def _freshness(context: Context, calendar: Calendar) -> None:
    target = context.value("SELECT target FROM targets WHERE metric = 'freshness_hours'")
    hours = widgets.age_hours(calendar.complete_through, context.clock.now())
    label, help_text = "Age of the data", "Hours since the last usage that is known from beginning to end."
    if hours is None:
        _card("freshness", label, "—", "? it is not known how far the data reaches", help_text)
        return
    state = "unknown" if target is None else "met" if hours <= target else "missed"
    wanted = "no target" if target is None else f"at most {target:g} h"
    _card("freshness", label, age_text(max(hours, 0)), f"{_ICONS[state]} {state}: {wanted}", help_text)


def _forecast(context: Context) -> None:
    """How far a forecast of all users 90 days ahead was off, beside last year repeated: measured on rolling origins."""
    label, help_text = (
        "Forecast, 90 days",
        "Mean error of the daily users of all, made from earlier days; 100 % is right.",
    )
    errors = dict(
        context.query(
            "SELECT candidate, wape FROM forecast_scores WHERE metric = 'dau' AND product = 'all' AND state = 'all'"
            " AND horizon_days = 90 AND candidate IN ('champion', 'seasonal_naive') AND wape IS NOT NULL"
        ).rows
    )
    if "champion" not in errors:
        _card("forecast", label, "—", "? no forecast is made yet: run kifayat forecast", help_text)
        return
    beside = f"last year repeated: {100 - 100 * errors['seasonal_naive']:.1f} %" if "seasonal_naive" in errors else ""
    _card("forecast", label, _percent(100 - 100 * errors["champion"]), beside, help_text)


def _card(key: str, label: str, value: str, note: str, help_text: str, history: Sequence[float] | None = None) -> None:
    with st.container(border=True, key=f"score-{key}", width=165):
        st.metric(
            label, widgets.escape(value), help=help_text, chart_data=list(history) if history else None,
            chart_type="line",
        )  # fmt: skip
        st.caption(widgets.escape(note))
