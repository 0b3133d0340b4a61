"""What to change: every proposal with what it saves as part of one plan, its evidence, and how to do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard import plan_items, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr, whole_inr
from dashboard.plan_items import LEVERS, Row
from dashboard.status import read_calendar, status
from dashboard.view import View

_SHOWN: Final = {
    "In the plan": ("planned",),
    "Not in it": ("set aside", "excluded", "dismissed", "applied", "expired"),
    "Without a figure": ("no figure",),
}


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Recommendations")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    run = plan_items.read_run(context)
    if run is None:
        st.info(plan_items.NOTHING, icon=":material/lightbulb:")
        return
    rows = plan_items.read_items(context)
    _figures(context, run, rows)
    shown = st.segmented_control("Show", list(_SHOWN), default="In the plan", key="items-shown", required=True)
    levers = st.multiselect("Levers", list(LEVERS.values()), key="items-levers", placeholder="all levers")
    chosen = [
        row
        for row in rows
        if row["state"] in _SHOWN[str(shown)] and (not levers or LEVERS.get(row["operator"]) in levers)
    ]
    if chosen:
        picked = plan_items.table(chosen, key="items", alt_text="Proposals with what they save")
        st.caption("Choose a row to see why, how much is at risk, and how to do it. " + plan_items.caption(run))
        result = context.query("SELECT * FROM plan_items ORDER BY position")
        widgets.download(result, "recommendations", key="download-recommendations")
        plan_items.drawer(context, chosen[picked if picked is not None else 0])
    else:
        st.caption("Nothing here.")
    _trust(context)


def _figures(context: Context, run: Row, rows: Sequence[Row]) -> None:
    planned = [row for row in rows if row["state"] == "planned"]
    with st.container(key="figures"):
        columns = st.columns(4)
        with columns[0]:
            band = f"80 %: {short_inr(run['saving_p10_inr'])} to {short_inr(run['saving_p90_inr'])}"
            widgets.figure("plan", "The plan saves a year", short_inr(run["saving_inr"]), band)
        with columns[1]:
            part = run["saving_inr"] / run["cost_before_inr"] if run["cost_before_inr"] else 0.0
            before, after = short_inr(run["cost_before_inr"]), short_inr(run["cost_after_inr"])
            widgets.figure("part", "Of next year's usage", f"{part:.1%}", f"{before} becomes {after}")
        with columns[2]:
            over = run["saving_alone_inr"] / run["saving_inr"] if run["saving_inr"] else 0.0
            widgets.figure("items", "Items in it", str(len(planned)), f"added up alone they would claim ×{over:.2f}")
        with columns[3]:
            new = sum(1 for row in planned if row["status"] == "new")
            realised = context.query(
                "SELECT SUM(realised_inr), SUM(expected_inr) FROM plan_realised WHERE realised_inr IS NOT NULL"
            ).rows[0]
            told = (
                "nothing applied has been billed yet"
                if not realised[1]
                else (f"applied: {short_inr(realised[0])} saved of {short_inr(realised[1])} expected")
            )
            widgets.figure("new", "Proposed today for the first time", str(new), told)


def _trust(context: Context) -> None:
    rows = context.query(
        "SELECT month, SUM(simulated_inr) AS simulated, SUM(billed_inr) AS billed FROM plan_calibration"
        " GROUP BY month ORDER BY month DESC"
    ).to_dicts()
    if not rows:
        return
    with st.expander("Is the simulator to be trusted?"):
        st.caption("Past months billed again with the commitments then held. What is off by more than 1 % is marked.")
        widgets.table(
            [
                {
                    "Month": f"{row['month']:%b %Y}",
                    "Simulated": row["simulated"],
                    "Billed": row["billed"],
                    "Off by": (row["simulated"] - row["billed"]) / row["billed"] if row["billed"] else None,
                }
                for row in rows
            ],
            money=dict.fromkeys(("Simulated", "Billed"), whole_inr),
            percent=("Off by",),
            alt="Past months as simulated and as billed",
            key="calibration",
        )


VIEW = View("Recommendations", "Savings", 21, ":material/lightbulb:", render)
