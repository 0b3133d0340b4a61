"""The coming exam season for engineers: the crowd by the hour, what each service needs and costs, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import compact_inr, format_inr
from dashboard import forecast_charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import day_range, grouped
from dashboard.status import read_calendar, status
from dashboard.view import View

NOTHING: Final = "No season is planned yet. Run `kifayat forecast` and come back; it needs daily active users."
BUSIEST: Final = 12

Row = Mapping[str, Any]


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Season plan")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    hours = context.query("SELECT * FROM season_hours ORDER BY starts_at").to_dicts()
    services = context.query("SELECT * FROM season_services ORDER BY service, crowd").to_dicts()
    if not hours and not services:
        st.info(NOTHING, icon=":material/calendar_month:")
        return
    _bill(context)
    if hours:
        _hours(hours)
    else:
        st.caption("Users at the same time are not counted by the hour, so hours cannot be planned.")
    if services:
        _services(context, services)
    else:
        st.caption(
            "What services need cannot be told: there is no cost by service, or nobody at the same time is counted."
        )


def _bill(context: Context) -> None:
    rows = context.query(
        "SELECT calendar, starts_on, ends_on, mean, q10, q90, season_inr FROM cost_forecasts WHERE dimension = 'total'"
        " AND period = 'season' AND calendar IN ('given', 'mixture') ORDER BY starts_on, calendar"
    ).to_dicts()
    if not rows:
        return
    first = rows[0]
    peak = context.query("SELECT MAX(p50), MAX(p90), MAX(p99) FROM season_hours").rows[0]
    with st.container(key="figures"):
        columns = st.columns(4)
        cards = (
            (
                "season",
                "Season",
                day_range(first["starts_on"], first["ends_on"] - timedelta(days=1)),
                "90 days before the exam, 14 after",
            ),
            (
                "crowd",
                "Most at the same time",
                grouped(peak[0]),
                f"1 in 10: {grouped(peak[1])}; 1 in 100: {grouped(peak[2])}",
            ),
            (
                "bill",
                "Usage of the season",
                _short(first["mean"]),
                f"80 %: {_short(first['q10'])} to {_short(first['q90'])}",
            ),
            ("extra", "of it for the season", _short(first["season_inr"]), "what exams, boards and festivals add"),
        )
        for column, card in zip(columns, cards, strict=True):
            with column:
                widgets.figure(*card)


def _hours(rows: list[dict[str, Any]]) -> None:
    st.subheader("Students at the same time, by the hour")
    top = max(rows, key=lambda row: row["p50"])
    forecast_charts.busy_hours(
        rows,
        alt_text=f"Busiest hour {top['starts_at']:%d %B %H:00} with {grouped(top['p50'])}, 1 in 100:"
        f" {grouped(top['p99'])}",
    )
    st.caption(
        "Median over all calendars that are possible; P90 and P99 stand in the table. Hours of the Indian clock."
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


def _services(context: Context, rows: list[dict[str, Any]]) -> None:
    st.subheader("What each service needs")
    order = {"1x": "as forecast", "2x": "twice that", "3x": "three times", "2 lakh": "2 lakh at once"}
    rows = sorted(
        rows, key=lambda row: (row["service"], list(order).index(row["crowd"]) if row["crowd"] in order else 9)
    )
    forecast_charts.capacity(
        [
            (
                row["service"],
                order.get(row["crowd"], row["crowd"]),
                row["capacity_needed"] or 0.0,
                row["capacity_now"] or 0.0,
            )
            for row in rows
        ],
        alt_text="Capacity needed against what was borne",
    )
    st.caption(
        "1.0 is the mean of the last four weeks. The red mark is the most that the service has borne within a year; a "
        "bar "
        "beyond it needs more than has ever been there. Learnt from what each service costs as users come and go."
    )
    result = context.query("SELECT * FROM season_services ORDER BY service, crowd")
    widgets.table(
        [
            {
                "Service": row["service"],
                "Crowd": order.get(row["crowd"], row["crowd"]),
                "At once": round(row["concurrent"]),
                "Needs": row["capacity_needed"],
                "Has borne": row["capacity_now"],
                "Season": row["season_cost_inr"],
                "80 % from": row["season_cost_low_inr"],
                "80 % to": row["season_cost_high_inr"],
                "Passed on": row["limit_passed_on"],
                "Ready by": row["ready_by"],
                "Reason": row["reason"] or "",
            }
            for row in rows
        ],
        money={
            **dict.fromkeys(("Season", "80 % from", "80 % to"), _whole),
            "At once": _count,
            **dict.fromkeys(("Needs", "Has borne"), lambda value: "—" if value is None else f"{value:.2f} ×"),
        },
        alt="Capacity and cost of each service by crowd",
        key="season-services",
    )
    widgets.download(result, "season-services", key="download-season-services")
    st.caption(
        "Passed on: the first day on which, in one case of ten, the service needs more than it has ever borne. Ready "
        "by: two weeks before. Cost at list prices, before what commitments take off."
    )


def _short(amount: float | None) -> str:
    return "—" if amount is None else compact_inr(Decimal(str(round(amount, 2))))


def _count(users: Decimal | None) -> str:
    return grouped(None if users is None else float(users))


def _whole(amount: Decimal | None) -> str:
    return format_inr(None if amount is None else Decimal(round(amount)))


VIEW = View("Season plan", "Costs", 13, ":material/calendar_month:", render)
