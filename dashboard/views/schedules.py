"""When non-production is used in a week, and the hours in which it could sleep."""

from __future__ import annotations

import json

import streamlit as st

from dashboard import plan_items, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr
from dashboard.status import read_calendar, status
from dashboard.view import View


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Schedules")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    run = plan_items.read_run(context)
    if run is None:
        st.info(plan_items.NOTHING, icon=":material/lightbulb:")
        return
    rows = plan_items.read_items(context, "operator = 'schedule'")
    sleeping = [row for row in rows if row["check"] == "off_hours" and row["recipe"] is not None]
    others = [row for row in rows if row not in sleeping]
    if sleeping:
        saved = sum(row["saving_inr"] or 0.0 for row in sleeping)
        st.markdown(
            f"**{len(sleeping)}** could sleep in hours in which nobody ever used them: {short_inr(saved)} a year."
        )
        names = {row["id"]: f"{row['name']} ({row['environment'] or 'no environment'})" for row in sleeping}
        chosen = st.selectbox(
            "Show", list(names), format_func=lambda item: widgets.visible(names[item]), key="schedule-item"
        )
        row = next(row for row in sleeping if row["id"] == chosen)
        figures = json.loads(row["figures"])
        st.markdown(
            f"On: **{widgets.escape(figures.get('On (IST)', ''))}** IST. Off: {widgets.escape(figures.get('Off', ''))}."
        )
        plan_items.drawer(context, row)
        plan_items.table(sleeping, key="schedules", alt_text="Schedules with what they save")
    else:
        st.caption("Nothing that is not production runs in hours in which it is not used.")
    if others:
        st.subheader("Others")
        st.caption("Without a schedule, and why; and capacity by the clock for the exam season.")
        plan_items.table(others, key="other-schedules", alt_text="Without a schedule, and why")
    st.caption(plan_items.caption(run))


VIEW = View("Schedules", "Savings", 24, ":material/schedule:", render)
