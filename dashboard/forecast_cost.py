"""The part of the forecast page that tells rupees: months in parts with their band, seasons, financial years."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import streamlit as st

from dashboard import forecast_charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr, whole_inr

DIMENSIONS: Final = {
    "total": "Everything",
    "x_Service": "Service",
    "x_Team": "Team",
    "x_Product": "Product",
    "x_Environment": "Environment",
    "ProviderName": "Provider",
    "ServiceName": "Cloud service",
    "RegionId": "Region",
    "SubAccountId": "Account",
}
CALENDARS: Final = {
    "given": "Given the calendar: the bands hold if every event is on its day.",
    "mixture": "Over all calendars: the exam may also be moved, or repeated; the bands hold that as well.",
}
OWN: Final = "A calendar of your own, from [season] scenarios."
_PERIODS: Final = {"financial_year": "Financial year", "season": "Season", "month": "Month"}


@st.fragment
def cost(context: Context) -> None:
    """Choices, the chart of months and the table of all periods."""
    st.subheader("Cost of usage")
    dimensions = [name for (name,) in context.query("SELECT DISTINCT dimension FROM cost_forecasts").rows]
    if not dimensions:
        st.caption("No cost is forecast.")
        return
    left, middle, right = st.columns(3)
    dimension = left.selectbox(
        "By",
        [name for name in DIMENSIONS if name in dimensions],
        format_func=DIMENSIONS.__getitem__,
        key="cost-dimension",
    )
    values = [
        value
        for value, _ in context.query(
            "SELECT value, SUM(mean) FROM cost_forecasts WHERE dimension = $dimension AND calendar = 'given'"
            " AND period = 'month' GROUP BY 1 ORDER BY 2 DESC, 1",
            {"dimension": dimension},
        ).rows
    ]
    value = middle.selectbox("Which", values, format_func=lambda name: widgets.shown(name or None), key="cost-value")
    chosen = {"dimension": dimension, "value": value}
    kept = {
        name
        for (name,) in context.query(
            "SELECT DISTINCT calendar FROM cost_forecasts WHERE dimension = $dimension AND value = $value", chosen
        ).rows
    }
    calendar = right.selectbox(
        "Calendar", in_order(kept), format_func=calendar_name, key="cost-calendar", help="  \n".join(CALENDARS.values())
    )
    result = context.query(
        "SELECT * FROM cost_forecasts WHERE dimension = $dimension AND value = $value AND calendar = $calendar"
        " ORDER BY period, starts_on",
        {**chosen, "calendar": calendar},
    )
    rows = result.to_dicts()
    months = [row for row in rows if row["period"] == "month"]
    if months:
        ends = [f"{row['starts_on']:%B %Y} {short_inr(row['mean'])}" for row in (months[0], months[-1])]
        forecast_charts.cost_months(months, alt_text=f"Cost by month in parts, from {' to '.join(ends)}")
    order = list(_PERIODS)
    widgets.table(
        [
            {
                "Period": _PERIODS[row["period"]],
                "From": row["starts_on"],
                "To": row["ends_on"] - timedelta(days=1),
                "Expected": row["mean"],
                "80 % from": row["q10"],
                "80 % to": row["q90"],
                "Known": row["known_inr"],
                "Season's part": row["season_inr"],
            }
            for row in sorted(rows, key=lambda row: (order.index(row["period"]), row["starts_on"]))
        ],
        money=dict.fromkeys(("Expected", "80 % from", "80 % to", "Known", "Season's part"), whole_inr),
        alt="Cost of periods ahead with bands",
        key="cost-table",
    )
    widgets.download(result, f"cost-forecast-{dimension.lower()}", key="download-cost-forecast")
    st.caption(
        "Usage in rupees, before tax and fees. **Known already**: billed. **Always there**: as today, without events."
        " **Growth**: what the trend of users and of stored data adds. **Season**: what exams, boards and festivals"
        " add. **Exchange rate**: the dollar is not expected to move, only its band is. Commitments keep taking off"
        " the amount that they take off now. The mark is what is expected, the line the middle 80 %."
    )


def in_order(calendars: set[str]) -> list[str]:
    """Calendars as they are offered: given, mixture, then those of scenarios."""
    return [*(name for name in CALENDARS if name in calendars), *sorted(calendars - set(CALENDARS))]


def calendar_name(name: str) -> str:
    """What a calendar is called in a choice."""
    return {"given": "As given", "mixture": "All that is possible"}.get(name, widgets.shown(name))
