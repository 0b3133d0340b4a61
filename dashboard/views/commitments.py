"""Commitments: how much they cover, how well they are used, when they end, what to buy, and what is at risk."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import charts, plan_items, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr, whole_inr
from dashboard.plan_items import Row
from dashboard.status import read_calendar, status
from dashboard.view import View

_ON_DEMAND, _USED, _UNUSED = "On demand", "Commitments, used", "Commitments, unused"
_KINDS = {
    "instance_plan": "EC2 Instance Savings Plan",
    "compute_plan": "Compute Savings Plan",
    "database_plan": "Database Savings Plan",
    "regional_reservation": "Reservation",
    "resource_commitment": "Committed use",
    "flexible_commitment": "Flexible committed use",
}


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Commitments")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    run = plan_items.read_run(context)
    if run is None:
        st.info(plan_items.NOTHING, icon=":material/lightbulb:")
        return
    months = context.query("SELECT * FROM plan_coverage ORDER BY month, provider").to_dicts()
    _figures(months)
    if months:
        _months(months)
    _held(context)
    _ladder(context)
    _curve(context)
    st.caption(plan_items.caption(run))


def _figures(months: Sequence[Row]) -> None:
    past, ahead = ([row for row in months if row["is_ahead"] is side] for side in (False, True))
    with st.container(key="figures"):
        columns = st.columns(3)
        names = (
            ("coverage", "Coverage", "of eligible usage at list price"),
            ("utilisation", "Utilisation", "of what was promised"),
            ("esr", "Effective savings rate", "off the list price of it all"),
        )
        for column, (key, label, what) in zip(columns, names, strict=True):
            now, then = _rate(past, key), _rate(ahead, key)
            with column:
                note = f"the year ahead under the plan: {then:.1%}" if then is not None else ""
                widgets.figure(key, label, "—" if now is None else f"{now:.1%}", f"{what}, last 90 days", note=note)


def _rate(rows: Sequence[Row], what: str) -> float | None:
    sums = {
        name: sum(row[name] for row in rows)
        for name in ("list_inr", "covered_list_inr", "on_demand_inr", "commitment_inr", "unused_inr")
    }
    if what == "coverage":
        return sums["covered_list_inr"] / sums["list_inr"] if sums["list_inr"] else None
    if what == "utilisation":
        return 1 - sums["unused_inr"] / sums["commitment_inr"] if sums["commitment_inr"] else None
    paid = sums["on_demand_inr"] + sums["commitment_inr"]
    return 1 - paid / sums["list_inr"] if sums["list_inr"] else None


def _months(rows: Sequence[Row]) -> None:
    st.subheader("What eligible compute costs, by month")
    frame = pd.DataFrame(
        [
            {
                "Month": pd.Timestamp(row["month"]),
                "Part": part,
                "inr": amount,
                "Cost": short_inr(amount),
                "When": "as planned" if row["is_ahead"] else "as billed",
            }
            for row in rows
            for part, amount in (
                (_ON_DEMAND, row["on_demand_inr"]),
                (_USED, row["commitment_inr"] - row["unused_inr"]),
                (_UNUSED, row["unused_inr"]),
            )
        ]
    )
    drawn = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("yearmonth(Month):T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True)),
            y=alt.Y("sum(inr):Q", axis=charts.amount_axis("INR")),
            color=alt.Color(
                "Part:N",
                scale=alt.Scale(domain=[_ON_DEMAND, _USED, _UNUSED], range=charts.PALETTE[:3]),
                legend=charts.legend(),
            ),
            opacity=alt.Opacity(
                "When:N", scale=alt.Scale(domain=["as billed", "as planned"], range=[1.0, 0.65]), legend=None
            ),
            tooltip=["Part:N", "When:N", alt.Tooltip("yearmonth(Month):T", title="Month", format="%b %Y"), "Cost:N"],
        )
    )
    top = max(rows, key=lambda row: row["on_demand_inr"] + row["commitment_inr"])
    charts.show(drawn, alt_text=f"Cost of eligible compute by month; the dearest is {top['month']:%B %Y}", height=280)
    st.caption("Paler months lie ahead: under what is held until it ends, and what the plan buys.")


def _held(context: Context) -> None:
    rows = context.query("SELECT * FROM plan_holdings ORDER BY ends_on, id").to_dicts()
    st.subheader("Held, and when it ends")
    if not rows:
        st.caption("No commitment is billed.")
        return
    # sizes of a family are exchanged: several reservations may reach the same
    labels = [f"{_KINDS.get(row['kind'], row['kind'])} {row['scope'] or round(row['amount'], 2)}" for row in rows]
    frame = pd.DataFrame(
        [
            {
                "What": label if labels.count(label) == 1 else f"{label} until {row['ends_on']:%-d %b %Y}",
                "start": pd.Timestamp(row["starts_on"]),
                "end": pd.Timestamp(row["ends_on"]),
                "Used": row["utilization_ratio"],
                "id": row["id"],
                "Ends": f"{row['ends_on']:%d %b %Y}",
            }
            for label, row in zip(labels, rows, strict=True)
        ]
    )
    drawn = (
        alt.Chart(frame)
        .mark_bar(height={"band": 0.6}, cornerRadius=2)
        .encode(
            x=alt.X("start:T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True)),
            x2="end:T",
            y=alt.Y("What:N", sort=alt.SortField("end"), title=None, axis=alt.Axis(labelLimit=190)),
            color=alt.value(charts.PALETTE[0]),
            tooltip=["What:N", "Ends:N", alt.Tooltip("Used:Q", format=".0%")],
        )
    )
    first = rows[0]
    charts.show(
        drawn, alt_text=f"{len(rows)} commitments; the first ends on {first['ends_on']}", height=34 * len(rows) + 40
    )
    widgets.table(
        [
            {
                "Kind": _KINDS.get(row["kind"], row["kind"]),
                "Of": row["scope"] or "all compute",
                "Amount": f"{row['amount']:.2f} {row['unit']}",
                "A month": row["hourly_inr"] * 730,
                "Used in 30 days": row["utilization_ratio"],
                "Ends": row["ends_on"],
                "End told by": row.get("term_source"),
                "Disagreement": row.get("disagreement"),
                "Id": row["id"],
            }
            for row in rows
        ],
        money={"A month": whole_inr},
        percent=("Used in 30 days",),
        alt="Commitments in force",
        key="holdings",
    )


def _ladder(context: Context) -> None:
    rows = context.query(
        "SELECT * FROM plan_items WHERE operator = 'commit' AND state = 'planned' ORDER BY starts_on, position"
    ).to_dicts()
    st.subheader("To buy, and when")
    if not rows:
        st.caption("Nothing is missing to what the plan wants to hold.")
        return
    picked = plan_items.table(rows, key="ladder", alt_text="Purchases of the plan by day")
    st.caption(
        "A purchase only closes the gap between what is held and what the year needs; what ends later is bought when it"
        " ends. Buy between the 1st and the 20th of a month: a Savings Plan can be returned for seven days of it."
    )
    if picked is not None:
        plan_items.drawer(context, rows[picked])


def _curve(context: Context) -> None:
    rows = context.query("SELECT * FROM plan_curve ORDER BY multiple").to_dicts()
    if not rows:
        return
    st.subheader("If you bought less, or more, today")
    frame = pd.DataFrame(
        [
            {
                "Bought": row["multiple"],
                "mean": row["saving_inr"],
                "low": row["saving_p10_inr"],
                "high": row["saving_p90_inr"],
                "Saves": short_inr(row["saving_inr"]),
                "Costs": f"{short_inr(row['hourly_inr'] * 730)} a month",
                "Loses": f"on {row['loss_ratio']:.0%} of the courses",
            }
            for row in rows
        ]
    )
    base = alt.Chart(frame).encode(
        x=alt.X("Bought:Q", title="times what the plan buys today", axis=alt.Axis(format=".2~f")),
        tooltip=["Bought:Q", "Saves:N", "Costs:N", "Loses:N"],
    )
    band = base.mark_area(opacity=0.2, color=charts.PALETTE[0]).encode(
        y=alt.Y("low:Q", axis=charts.amount_axis("INR")), y2="high:Q"
    )
    line = base.mark_line(color=charts.PALETTE[0], point=True).encode(y="mean:Q")
    best = max(rows, key=lambda row: row["saving_inr"])
    charts.show(
        band + line, alt_text=f"Saving by amount bought; most at {best['multiple']:g} times the plan", height=240
    )
    st.caption("INR a year; the band is the middle 80 % of the courses.")


VIEW = View("Commitments", "Savings", 23, ":material/handshake:", render)
