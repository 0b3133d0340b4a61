"""Charts of the season plan: the crowd by hour, what services need beside what they bore, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import charts
from dashboard.forecast_charts import grouped, people_expression, short_inr
from dashboard.widgets import visible

_LIMIT: Final = "#b3261e"

Row = Mapping[str, Any]


def busy_hours(rows: Sequence[Row], *, alt_text: str) -> None:
    """Students at the same time by day and hour of the season (median) as a heat map."""
    frame = pd.DataFrame(
        [
            {
                "day": pd.Timestamp(row["starts_at"]).normalize(),
                "Hour": row["starts_at"].hour,
                "users": row["p50"],
                "P50": grouped(row["p50"]),
                "P90": grouped(row["p90"]),
                "P99": grouped(row["p99"]),
            }
            for row in rows
        ]
    )
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("yearmonthdate(day):T", title=None, axis=alt.Axis(format="%d %b", labelOverlap=True, grid=False)),
            y=alt.Y("Hour:O", title="Hour (IST)", sort="descending", axis=alt.Axis(values=[0, 6, 12, 18, 23])),
            color=alt.Color(
                "users:Q", scale=alt.Scale(scheme="teals"), legend=alt.Legend(title=None, labelExpr=people_expression())
            ),
            tooltip=[alt.Tooltip("day:T", title="Day", format="%a %d %b %Y"), "Hour:O", "P50:N", "P90:N", "P99:N"],
        )
    )
    charts.show(chart, alt_text=alt_text, height=300)


def capacity(rows: Sequence[Row], crowds: Mapping[str, str], *, alt_text: str) -> None:
    """Capacity needed by service and crowd beside what it bore, both in times of today's; what is unknown has no bar.

    `rows` of season_services; `crowds`: how the crowds are called, in their order.
    """
    frame = pd.DataFrame(
        [
            {
                "Service": visible(row["service"]),
                "Crowd": crowds.get(row["crowd"], visible(row["crowd"])),
                "needed": row["capacity_needed"],
                "borne": row["capacity_now"],
                "Needed": times(row["capacity_needed"]),
                "Borne": times(row["capacity_now"]),
            }
            for row in rows
        ]
    ).astype({"needed": float, "borne": float})
    base = _services(frame, ["Service:N", "Crowd:N", "Needed:N", "Borne:N"])
    bars = _by_crowd(base.mark_bar(cornerRadiusEnd=2), frame).encode(
        x=alt.X("needed:Q", title="times today's capacity", axis=alt.Axis(domain=False, ticks=False, tickCount=6))
    )
    borne = base.mark_tick(color=_LIMIT, thickness=2.5, height={"band": 0.95}).encode(x="borne:Q")
    charts.show(alt.LayerChart(layer=[bars, borne]), alt_text=alt_text, height=_height(frame))


def season_cost(rows: Sequence[Row], crowds: Mapping[str, str], *, alt_text: str) -> None:
    """Cost of the season by service and crowd, with the middle 80 % as a whisker; what is unknown has no bar."""
    frame = pd.DataFrame(
        [
            {
                "Service": visible(row["service"]),
                "Crowd": crowds.get(row["crowd"], visible(row["crowd"])),
                "cost": row["season_cost_inr"],
                "low": row["season_cost_low_inr"],
                "high": row["season_cost_high_inr"],
                "Expected": short_inr(row["season_cost_inr"]),
                "80 %": " to ".join(short_inr(row[f"season_cost_{end}_inr"]) for end in ("low", "high")),
            }
            for row in rows
        ]
    ).astype(dict.fromkeys(("cost", "low", "high"), float))
    base = _services(frame, ["Service:N", "Crowd:N", "Expected:N", "80 %:N"])
    bars = _by_crowd(base.mark_bar(cornerRadiusEnd=2), frame).encode(
        x=alt.X("cost:Q", title=None, axis=charts.amount_axis("INR"))
    )
    whiskers = base.mark_rule(color=charts.DARK, strokeWidth=1.3).encode(
        x="low:Q", x2="high:Q", yOffset=alt.YOffset("Crowd:N", sort=list(dict.fromkeys(frame["Crowd"])))
    )
    charts.show(alt.LayerChart(layer=[bars, whiskers]), alt_text=alt_text, height=_height(frame))


def times(capacity: float | None) -> str:
    """How much of today's capacity: 1.32 ×."""
    return "—" if capacity is None else f"{capacity:.2f} ×"


def _services(frame: pd.DataFrame, tooltip: list[str]) -> alt.Chart:
    axis = alt.Axis(ticks=False, domain=False, labelLimit=150)
    return alt.Chart(frame).encode(y=alt.Y("Service:N", sort=None, title=None, axis=axis), tooltip=tooltip)


def _by_crowd(chart: alt.Chart, frame: pd.DataFrame) -> alt.Chart:
    order = list(dict.fromkeys(frame["Crowd"]))
    return chart.encode(
        yOffset=alt.YOffset("Crowd:N", sort=order),
        color=alt.Color(
            "Crowd:N",
            sort=order,
            legend=charts.legend(),
            scale=alt.Scale(domain=order, range=[charts.PALETTE[at % len(charts.PALETTE)] for at in range(len(order))]),
        ),
    )


def _height(frame: pd.DataFrame) -> int:
    return max(160, 64 * int(frame["Service"].nunique()))
