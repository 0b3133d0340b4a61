"""What one user costs: the figure against its target, its parts, why it changed, and what more users would cost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from core import format_inr
from dashboard import unit_charts, widgets
from dashboard.context import Context
from dashboard.measure import Measure, tell_unpriced
from dashboard.status import Calendar, read_calendar, status
from dashboard.unit_changes import changes
from dashboard.unit_cost import (
    ADVICE,
    COUNTED,
    EXPLAINED,
    PARTS,
    Story,
    marginal_rows,
    people,
    read_story,
    rupees_each,
)
from dashboard.unit_figures import figures
from dashboard.unit_split import UNALLOCATED, split
from dashboard.view import View

MONTHS: Final = 14
DAYS: Final = 120
DAILY: Final = {"user": "Per daily active user", "peak": "Per hour of a user at the peak"}


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Cost per active user")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    story = read_story(context, with_tax=_choose_tax())
    _unpriced(context, calendar)
    if not story.has_users:
        st.info(
            f"No monthly active users are counted, so no cost can be divided by them. {ADVICE}", icon=":material/group:"
        )
    figures(context, story)
    if not story.months:
        return  # charts of nothing explain nothing: the reason stands above
    _trend(context, story)
    _one_month(context, story)
    _daily(context, calendar, story)
    _marginal(context)


def _choose_tax() -> bool:
    # the same switch as on the other pages: Streamlit forgets a widget that the last page did not draw
    st.session_state["with-tax"] = st.session_state.get("with-tax") or False
    with_tax = st.toggle("Include GST", key="with-tax", help="GST and other taxes; left out unless switched on.")
    st.caption(
        "Effective cost of the invoice month ÷ monthly active users; upfront fees are spread over their term."
        + ("" if with_tax else " GST is not included.")
    )
    return bool(with_tax)


def _unpriced(context: Context, calendar: Calendar) -> None:
    rows = context.query(
        "SELECT BillingCurrency, x_BillingMonth, SUM(EffectiveCost), MAX(x_InrReason) FROM cost_daily"
        " WHERE x_BillingMonth >= $first AND x_EffectiveCostInr IS NULL AND EffectiveCost <> 0"
        " GROUP BY 1, 2 ORDER BY 2 DESC, 1",
        {"first": calendar.first},
    ).rows
    tell_unpriced(Measure(currency="USD"), rows)  # this page has rupees only, so it offers no switch to dollars


def _trend(context: Context, story: Story) -> None:
    st.subheader("By month")
    rows = context.query(
        f"""
        SELECT x_BillingMonth, x_CostPart,
            CAST(CAST(SUM(x_CostInr) AS DOUBLE) / MAX(x_ActiveUsers) AS DECIMAL(38, 12))
        FROM unit_costs
        WHERE x_ActiveUsers > 0 AND {COUNTED}
        GROUP BY 1, 2 ORDER BY 1
        """,
        {"with_tax": story.with_tax},
    ).rows
    newest = sorted({month for month, _, _ in rows})[-MONTHS:]
    if not newest:
        st.caption("No month has counted users, so there is nothing to draw. " + ADVICE)
        return
    drawn = [(month, part, each, story.months[month].is_open) for month, part, each in rows if month in newest]
    totals = {month: each for month in newest if (each := story.months[month].per_user_inr) is not None}
    ends = [f"{widgets.month_text(month)} {rupees_each(totals[month])}" for month in (newest[0], newest[-1])]
    unit_charts.by_month(
        drawn, totals, story.target_inr, story.exams,
        alt_text=f"₹ per monthly active user by month in parts, from {' to '.join(ends)}",
    )  # fmt: skip
    parts = [part for part in PARTS if any(row[1] == part for row in drawn)]
    st.caption(" ".join(f"**{PARTS[part]}**: {EXPLAINED[part]}." for part in parts))
    notes = ["The line across a bar is the sum; what is below zero lowers it."]
    if any(is_open for *_, is_open in drawn):
        notes.append("Paler: the month is not over, its cost and its users are still to come.")
    if story.with_tax and story.target_inr is not None:
        notes.append("The target is set without GST.")
    missing = [month for month in story.months if month not in newest and month > newest[0]]
    if missing:
        names = ", ".join(widgets.month_text(month) for month in missing)
        notes.append(f"No users are counted for {names}.")
    st.caption(" ".join(notes))


@st.fragment
def _one_month(context: Context, story: Story) -> None:
    st.subheader("Where it goes")
    options = sorted(story.months, reverse=True)
    index = options.index(story.last) if story.last in options else 0
    month: date = st.selectbox("Month", options, index=index, format_func=widgets.month_text, key="month", width=220)
    if story.months[month].is_open:
        st.caption("The month is not over: a part of its cost over a part of its users is no figure of either yet.")
    elif story.months[month].per_user_inr is None:
        st.caption(f"No ₹ per user: {widgets.escape(story.months[month].reason)}. {ADVICE}")
    split(context, story, month)
    changes(context, story, month)


@st.fragment
def _daily(context: Context, calendar: Calendar, story: Story) -> None:
    last = calendar.whole_through
    first = last - timedelta(days=DAYS - 1)
    st.subheader(f"By day, {DAYS} days to {last:%d %B %Y}")
    rows = context.query(
        "SELECT x_ChargeOn, x_CostPerDailyUserInr, x_DailyUsers, x_CostPerPeakUserHourInr, x_PeakConcurrentUsers,"
        " x_UsersReason FROM unit_costs_daily WHERE x_ChargeOn BETWEEN $first AND $last ORDER BY 1",
        {"first": first, "last": last},
    ).to_dicts()
    if not rows:
        st.caption("No usage is known in these days.")
        return
    figure, users, reason = "x_CostPerDailyUserInr", "x_DailyUsers", "no daily active users are counted"
    chosen = st.segmented_control(
        "Figure", list(DAILY), default="user", format_func=DAILY.__getitem__, key="daily-figure", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if chosen == "peak":
        figure, users = "x_CostPerPeakUserHourInr", "x_PeakConcurrentUsers"
        reason = "no users at the same time are counted"
    known = [row for row in rows if row[figure] is not None]
    if not known:
        st.info(f"Not known: {reason} in these days. {ADVICE}", icon=":material/group:")
        return
    exams = [exam for exam in story.exams.values() if first <= exam <= last]
    unit_charts.by_day(
        [(row["x_ChargeOn"], row[figure], people(row[users])) for row in rows],
        exams,
        alt_text=f"{DAILY[chosen]} by day: {rupees_each(known[0][figure])} on {known[0]['x_ChargeOn']}, "
        f"{rupees_each(known[-1][figure])} on {known[-1]['x_ChargeOn']}",
    )
    explained = {
        "user": "Cost of usage of the day ÷ daily active users.",
        "peak": "Cost of usage of the day ÷ 24 hours ÷ the most users at the same time on that day.",
    }
    gaps = len(rows) - len(known)
    gap = f" {gaps} of {len(rows)} days have no figure: {_gap_reasons(rows, figure, reason)}." if gaps else ""
    st.caption(f"{explained[chosen]} Usage only: no fees, no unused commitments, no GST.{gap}")


def _gap_reasons(rows: list[dict[str, Any]], figure: str, otherwise: str) -> str:
    """The different reasons of the days without a figure."""
    of_users = figure == "x_CostPerDailyUserInr"
    found = {(row["x_UsersReason"] if of_users else None) or otherwise for row in rows if row[figure] is None}
    return widgets.escape("; ".join(sorted(found)))


def _marginal(context: Context) -> None:
    st.subheader("What one more user costs")
    rows = marginal_rows(context)
    if all(row["inr_per_user_day"] is None for row in rows):
        reasons = sorted({row["reason"] for row in rows if row["reason"]}) or ["no usage is known"]
        st.info(f"Not known: {widgets.escape('; '.join(reasons))}. {ADVICE}", icon=":material/group:")
        return
    names = {"all": "All services", None: UNALLOCATED}
    has_reasons = any(row["reason"] for row in rows)
    money = {
        "Fixed a day": format_inr,
        "Per user-day": rupees_each,
        "From": rupees_each,
        "To": rupees_each,
        "A lakh more": format_inr,
        "A lakh on average": format_inr,
    }
    widgets.table(
        [
            {
                "Service": widgets.plain(names.get(row["x_Service"], row["x_Service"])),
                "Fixed a day": row["fixed_inr_per_day"],
                "Per user-day": row["inr_per_user_day"],
                "From": row["low_inr_per_user_day"],
                "To": row["high_inr_per_user_day"],
                "A lakh more": row["lakh_inr"],
                "A lakh on average": row["lakh_average_inr"],
                "Days": row["days"],
                **({"Reason": row["reason"]} if has_reasons else {}),
            }
            for row in rows
        ],
        money=money,
        alt="Fixed cost, cost of a user-day and of one more lakh users by service",
        key="marginal",
    )
    st.caption(
        "Learnt from the last year of days: what a service costs however few users come, and what each daily active "
        "user adds. From and To hold the true figure 4 times of 5. A lakh more: one lakh more daily users for 30 "
        "days; beside it what a lakh costs on average, fixed cost included. What grew along with the users for other "
        "reasons is counted as theirs. Services learn one by one, so they need not add up to all services."
    )


VIEW = View("Cost per active user", "Costs", 12, ":material/person:", render)
