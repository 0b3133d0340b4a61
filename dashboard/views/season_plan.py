"""The coming exam season for engineers: the crowd by the hour, what each service needs and costs, and by when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import ist_date
from dashboard import season_charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import day_range, grouped, short_inr, whole_inr
from dashboard.status import read_calendar, status
from dashboard.view import View

NOTHING: Final = "No season is planned yet. Run `kifayat forecast` and come back; it needs daily active users."
BUSIEST: Final = 12
CROWDS: Final = {"1x": "as forecast", "2x": "twice that", "3x": "three times", "2 lakh": "2 lakh at once"}

Row = Mapping[str, Any]


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Season plan")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    hours = context.query("SELECT * FROM season_hours ORDER BY starts_at")
    services = context.query("SELECT * FROM season_services ORDER BY service, crowd").to_dicts()
    if not hours.rows and not services:
        st.info(NOTHING, icon=":material/calendar_month:")
        return
    rows = hours.to_dicts()
    _figures(context, rows)
    if rows:
        _hours(rows)
        widgets.download(hours, "season-hours", key="download-season-hours")
    else:
        st.caption("Users at the same time are not counted by the hour, so hours cannot be planned.")
    if services:
        _services(context, services)
    else:
        st.caption(
            "What services need cannot be told: there is no cost by service, or nobody at the same time is counted."
        )


def _figures(context: Context, hours: Sequence[Row]) -> None:
    bills = context.query(
        "SELECT calendar, starts_on, ends_on, mean, q10, q90, season_inr FROM cost_forecasts WHERE dimension = 'total'"
        " AND period = 'season' AND calendar IN ('given', 'mixture') ORDER BY starts_on, calendar"
    ).to_dicts()
    bill = next((row for row in bills if row["calendar"] == "given"), None)
    with st.container(key="figures"):
        columns = st.columns(4)
        with columns[0]:
            _days_card(bill, hours)
        with columns[1]:
            _crowd_card(hours)
        with columns[2]:
            if bill is None:
                widgets.figure("bill", "Usage of the season", "—", "no cost is forecast")
            else:
                band = f"80 %: {short_inr(bill['q10'])} to {short_inr(bill['q90'])}"
                whole = [row for row in bills if row["calendar"] == "mixture" and row["starts_on"] == bill["starts_on"]]
                text = [f"over all calendars {short_inr(r['q10'])} to {short_inr(r['q90'])}" for r in whole]
                widgets.figure("bill", "Usage of the season", short_inr(bill["mean"]), band, note="".join(text))
        with columns[3]:
            extra = None if bill is None else bill["season_inr"]
            widgets.figure("extra", "Of it for the season", short_inr(extra), "what exams, boards and festivals add")


def _days_card(bill: Row | None, hours: Sequence[Row]) -> None:
    """The days of the season: those of its bill, or where there is none, those whose hours are planned."""
    if bill is not None:
        first, last = bill["starts_on"], bill["ends_on"] - timedelta(days=1)
    elif hours:
        first, last = hours[0]["starts_at"].date(), hours[-1]["starts_at"].date()
    else:
        widgets.figure("season", "Season", "—", "no exam within the days that are forecast")
        return
    widgets.figure("season", "Season", day_range(first, last), f"{last:%Y}: 90 days before the exam, 14 after")


def _crowd_card(hours: Sequence[Row]) -> None:
    if not hours:
        widgets.figure("crowd", "Busiest hour", "—", "users at the same time are not counted")
        return
    top = max(hours, key=lambda row: row["p50"])
    widgets.figure(
        "crowd",
        "Busiest hour",
        grouped(top["p50"]),
        f"{top['starts_at']:%d %b, %H:00}; 1 in 10: over {grouped(top['p90'])}; 1 in 100: over {grouped(top['p99'])}",
    )


def _hours(rows: Sequence[Row]) -> None:
    st.subheader("Students at the same time, by the hour")
    top = max(rows, key=lambda row: row["p50"])
    season_charts.busy_hours(
        rows,
        alt_text=f"Busiest hour {top['starts_at']:%d %B %H:00} with {grouped(top['p50'])}, 1 in 100:"
        f" {grouped(top['p99'])}",
    )
    st.caption(
        "Map: the median over all calendars that are possible. Table: the busiest hours, by what 1 season in 10 passes."
        " Hours of the Indian clock."
    )
    busiest = sorted(rows, key=lambda row: -row["p90"])[:BUSIEST]
    widgets.table(
        [
            {
                "Hour": f"{row['starts_at']:%a %d %b, %H:00}",
                "Median": round(row["p50"]),
                "1 in 10": round(row["p90"]),
                "1 in 100": round(row["p99"]),
            }
            for row in busiest
        ],
        money=dict.fromkeys(("Median", "1 in 10", "1 in 100"), _count),
        alt="The busiest hours of the season",
        key="busiest-hours",
    )


def _services(context: Context, rows: Sequence[Row]) -> None:
    st.subheader("What each service needs")
    _deadlines(rows, ist_date(context.clock.now()))
    names = list(CROWDS)
    rows = sorted(rows, key=lambda row: (row["service"], names.index(row["crowd"]) if row["crowd"] in CROWDS else 9))
    _chart(rows)
    widgets.table(
        [
            {
                "Service": row["service"],
                "Crowd": CROWDS.get(row["crowd"], row["crowd"]),
                "At once": round(row["concurrent"]),
                "Needs": row["capacity_needed"],
                "Has borne": row["capacity_now"],
                "Passed on": row["limit_passed_on"],
                "Ready by": row["ready_by"],
                "Season": row["season_cost_inr"],
                "80 % from": row["season_cost_low_inr"],
                "80 % to": row["season_cost_high_inr"],
                "Reason": row["reason"] or "",
            }
            for row in rows
        ],
        money={
            **dict.fromkeys(("Season", "80 % from", "80 % to"), whole_inr),
            "At once": _count,
            **dict.fromkeys(("Needs", "Has borne"), _times),
        },
        alt="Capacity and cost of each service by crowd",
        key="season-services",
    )
    result = context.query("SELECT * FROM season_services ORDER BY service, crowd")
    widgets.download(result, "season-services", key="download-season-services")
    st.caption(
        "At once: as forecast it is the median of the season's highest moment. Passed on: the first day on which, in"
        " one case of ten, the service needs more than it has ever borne. Ready by: two weeks before. Cost at list"
        " prices, before what commitments take off."
    )
    for reason in dict.fromkeys(row["reason"] for row in rows if row["reason"]):
        of = ", ".join(dict.fromkeys(row["service"] for row in rows if row["reason"] == reason))
        st.caption(f":material/info: {widgets.escape(of)}: {widgets.escape(reason)}")


@st.fragment
def _chart(rows: Sequence[Row]) -> None:
    shown = st.segmented_control("Show", ["Capacity", "Cost"], default="Capacity", key="season-shown", required=True)
    if shown == "Cost":
        top = max(rows, key=lambda row: row["season_cost_inr"] or 0.0)
        season_charts.season_cost(
            rows,
            CROWDS,
            alt_text=f"Cost of the season by service and crowd; the most: {top['service']},"
            f" {CROWDS.get(top['crowd'], top['crowd'])}, {short_inr(top['season_cost_inr'])}",
        )
        st.caption("The line is the middle 80 %. What has no bar is not known.")
        return
    top = max(rows, key=lambda row: row["capacity_needed"] or 0.0)
    season_charts.capacity(
        rows,
        CROWDS,
        alt_text=f"Capacity needed against what was borne; the most: {top['service']},"
        f" {CROWDS.get(top['crowd'], top['crowd'])}, {season_charts.times(top['capacity_needed'])}",
    )
    st.caption(
        "1.0 is the mean of the last four weeks. The red mark is the most that the service has borne within a year; a"
        " bar beyond it needs more than has ever been there. Learnt from what each service costs as users come and go."
    )


def _deadlines(rows: Sequence[Row], today: date) -> None:
    """The services that pass their limit at the crowd that is forecast, in the order in which they must be ready."""
    due = sorted(
        (row for row in rows if row["crowd"] == "1x" and row["limit_passed_on"]),
        key=lambda row: (row["limit_passed_on"], row["service"]),
    )
    if not due:
        if any(row["crowd"] == "1x" and row["capacity_needed"] is not None for row in rows):
            st.success("At the crowd that is forecast no service needs more than it has borne.")
        return
    lines = []
    for row in due:
        line = f"- **{widgets.escape(row['service'])}** passes its limit on {_day(row['limit_passed_on'])}"
        if row["ready_by"]:
            late = ", which is over" if row["ready_by"] < today else ""
            line += f": ready by {_day(row['ready_by'])}{late}"
        lines.append(line)
    st.warning("At the crowd that is forecast these need more than they have ever borne:\n" + "\n".join(lines))


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _times(capacity: Decimal | None) -> str:
    return season_charts.times(None if capacity is None else float(capacity))


def _count(users: Decimal | None) -> str:
    return grouped(None if users is None else float(users))


VIEW = View("Season plan", "Costs", 13, ":material/calendar_month:", render)
