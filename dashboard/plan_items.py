"""Items of the plan as pages show them: the table, and one item with its evidence, artefacts and a decision."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from core import KifayatError
from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr, whole_inr
from recommender.action import Recipe
from recommender.artefacts import artefacts, formats, render
from warehouse import CHOICES, Ledger, decide, decisions

Row = Mapping[str, Any]
NOTHING: Final = "No plan has been made yet. Run `kifayat recommend` and come back."
LEVERS: Final = {
    "remove": "Remove",
    "schedule": "Schedule",
    "resize": "Resize",
    "modernise": "Modernise",
    "spot": "Spot",
    "commit": "Commit",
    "keep order": "In order",
}


def read_run(context: Context) -> Row | None:
    """The plan in force, None before the first one."""
    rows = context.query("SELECT * FROM plan_runs").to_dicts()
    return rows[0] if rows else None


def read_items(context: Context, where: str = "TRUE") -> list[dict[str, Any]]:
    """Items of the plan in force, with what was decided about them since it was made."""
    rows = context.query(f"SELECT * FROM plan_items WHERE {where} ORDER BY position").to_dicts()
    with closing(Ledger(context.snapshot.storage / "ledger.sqlite", readonly=True)) as ledger:
        decided = decisions(ledger)
    for row in rows:
        if (decision := decided.get(row["id"])) is not None:
            row |= {"status": decision.state, "reason": decision.reason, "decided_on": decision.decided_on}
    return rows


def caption(run: Row) -> str:
    """From when the figures are and what they leave out."""
    rate = f"; $1 = ₹{run['inr_per_usd']:.2f} on {run['rate_on']}" if run["inr_per_usd"] else ""
    return (
        f"INR of the year from {run['starts_on']:%d %B %Y}, without GST, expected over {run['n_paths']} courses of the"
        f" season{rate}. What is known ends on {run['known_through']:%d %B %Y}."
    )


def table(rows: Sequence[Row], *, key: str, alt_text: str) -> int | None:
    """Items that sort; returns the chosen one's index."""
    return widgets.table(
        [
            {
                "What": row["title"],
                "Lever": LEVERS.get(row["operator"], row["operator"]),
                "A year": row["saving_inr"],
                "A month": None if row["saving_inr"] is None else row["saving_inr"] / 12,
                "Alone": row["alone_inr"],
                "P10": row["saving_p10_inr"],
                "Loss": row["loss_ratio"],
                "Confidence": row["confidence"] + ("" if row["is_calibrated"] else ", uncalibrated"),
                "Effort": row["effort"],
                "Team": row["team"] or "",
                "Status": row["status"],
                "In the plan": row["state"] + (f": {row['why']}" if row["why"] else ""),
                "Id": row["id"],
            }
            for row in rows
        ],
        money=dict.fromkeys(("A year", "A month", "Alone", "P10"), whole_inr),
        percent=("Loss",),
        alt=alt_text,
        key=key,
        select=True,
    )


def drawer(context: Context, row: Row) -> None:
    """Everything about one item."""
    with st.container(border=True, key="drawer"):
        st.subheader(widgets.escape(row["title"]))
        if row["saving_inr"] is None:
            st.info(widgets.escape(row["why"] or "This item claims no saving."), icon=":material/info:")
        else:
            _money(row)
        left, right = st.columns([3, 2])
        with left:
            _evidence(row)
        with right:
            _risk(row)
        _life(row)
        _apply(row)
        _decide(context, row)


def _money(row: Row) -> None:
    columns = st.columns(4)
    with columns[0]:
        band = f"P10 to P90: {short_inr(row['saving_p10_inr'])} to {short_inr(row['saving_p90_inr'])}"
        widgets.figure("item-year", "Saves a year", short_inr(row["saving_inr"]), band)
    with columns[1]:
        usd = "—" if row["saving_usd"] is None else f"${row['saving_usd']:,.0f} a year"
        widgets.figure("item-month", "A month", short_inr(row["saving_inr"] / 12), usd)
    with columns[2]:
        widgets.figure("item-alone", "If it were alone", short_inr(row["alone_inr"]), "never to be added up")
    with columns[3]:
        locked = "nothing is locked in"
        if row["locked_inr"] is not None:
            locked = f"locked in: {short_inr(row['locked_inr'])} over {row['locked_months']} months"
        drop = row["break_even_drop"]
        note = "" if drop is None else f"pays until demand falls by {drop:.0%}"
        widgets.figure("item-worst", "Worst twentieth", short_inr(row["cvar5_inr"]), locked, note=note)


def _evidence(row: Row) -> None:
    st.markdown(f"**Evidence**, {row['window_start']:%d %b %Y} to {row['window_end']:%d %b %Y}")
    figures = json.loads(row["figures"])
    for label, value in figures.items():
        st.markdown(f"- {widgets.escape(label)}: {widgets.escape(value)}")
    chart: Mapping[str, Sequence[tuple[str, float]]] = json.loads(row["chart"])
    if set(chart) >= {"Mon", "Sun"}:
        heat_map(chart, alt_text=f"Share of days on which {row['name']} was active, by weekday and hour")
    elif chart:
        _lines(chart, str(row["title"]))


def _lines(chart: Mapping[str, Sequence[tuple[str, float]]], title: str) -> None:
    frame = pd.DataFrame(
        [
            {"at": pd.Timestamp(at), "value": value, "Measure": widgets.visible(name)}
            for name, points in chart.items()
            for at, value in points
        ]
    )
    drawn = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("at:T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True)),
            y=alt.Y("value:Q", title=None),
            color=alt.Color("Measure:N", legend=charts.legend()),
            tooltip=["Measure:N", alt.Tooltip("at:T", title="Week of"), "value:Q"],
        )
    )
    charts.show(drawn, alt_text=f"What was measured for: {title}", height=220)


def heat_map(chart: Mapping[str, Sequence[tuple[str, float]]], *, alt_text: str) -> None:
    """Share of days with activity by hour of the week; hours of UTC begin at :30 in India."""
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    frame = pd.DataFrame(
        [
            {"Day": day, "Hour": hour, "Share": share, "Active": f"{share:.0%} of days"}
            for day in days
            for hour, share in chart.get(day, ())
        ]
    )
    drawn = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("Hour:O", title="from (IST)", axis=alt.Axis(labelOverlap=True, labelAngle=0)),
            y=alt.Y("Day:O", sort=days, title=None),
            color=alt.Color("Share:Q", scale=alt.Scale(domain=[0, 1], scheme="teals"), legend=None),
            tooltip=["Day:O", "Hour:O", "Active:N"],
        )
    )
    charts.show(drawn, alt_text=alt_text, height=210)


def _risk(row: Row) -> None:
    st.markdown("**Before you do it**")
    lines = {
        "Effort": row["effort"],
        "Restart": "yes" if row["needs_restart"] else "no",
        "Undo": row["rollback"],
        "Risk": row["risk"],
        "Confidence": f"{row['confidence']}: {row['confidence_why']}" if row["confidence_why"] else row["confidence"],
        "Interrupted a month": row["interruption"],
        "Saturated hours a year": row["saturated_hours"],
        "Loses money": None if not row["loss_ratio"] else f"on {row['loss_ratio']:.0%} of the courses",
        "Price": row["price_source"],
        "Price of": row["price_on"] and f"{row['price_on']:%d %b %Y}, older than a day: look it up before you act",
        "Realised so far": None
        if row["realised_ratio"] is None
        else f"{row['realised_ratio']:.0%} of what such items were expected to save",
        "Simulator": None if row["is_calibrated"] else "uncalibrated: this service's bill is off by more than 1 %",
    }
    for label, value in lines.items():
        if value not in (None, ""):
            st.markdown(f"- {label}: {widgets.escape(str(value))}")


def _life(row: Row) -> None:
    told = str(row["status"])
    if row["decided_on"] is not None:
        told += f" on {row['decided_on']:%d %b %Y}" + (f" ({row['reason']})" if row["reason"] else "")
    if row["first_seen"] is not None:
        told += f", first proposed on {row['first_seen']:%d %b %Y}"
    if row["saving_inr"] is not None and row["why"]:
        told += f". {row['state']}: {row['why']}"
    st.markdown(f"**Its life**: {widgets.escape(told)}")


def _apply(row: Row) -> None:
    if row["recipe"] is None:
        return
    told = json.loads(row["recipe"])
    recipe = Recipe(told["verb"], told["target"], told["values"])
    known = formats(recipe)
    if not known:
        return
    with st.expander("Ready to apply (Kifayat itself changes nothing)"):
        chosen = st.segmented_control(
            "As",
            known,
            default=known[0],
            key=f"as-{row['id']}",
            format_func=lambda name: artefacts()[name].TITLE,
            required=True,
        )
        st.code(render(recipe, str(chosen)), language="bash" if chosen in ("cli", "gcloud") else None)


def _decide(context: Context, row: Row) -> None:
    with st.expander("Decide"), st.form(f"decide-{row['id']}"):
        state = st.selectbox("Decision", CHOICES, key=f"state-{row['id']}")
        on = st.date_input("On", value=context.clock.now().date(), key=f"on-{row['id']}")
        reason = st.text_input("Reason (needed to dismiss or exclude)", max_chars=400, key=f"reason-{row['id']}")
        if st.form_submit_button("Write it down"):
            ledger = Ledger(context.snapshot.storage / "ledger.sqlite")
            try:
                decide(ledger, row["id"], state, reason, on, context.clock.now())
                st.success("Written down. The next `kifayat recommend` keeps to it.")
            except KifayatError as error:
                st.error(widgets.escape(str(error)))
            finally:
                ledger.close()
