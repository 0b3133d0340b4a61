"""Charts of what is to come: a fan of users with the events that move them, cost in parts with its band, busy hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import altair as alt
import pandas as pd

from core import compact_inr
from dashboard import charts
from dashboard.widgets import visible

#: Events worth a word on the chart; the others stand in the table.
FLAGS: Final = {
    "exam": "exam",
    "result": "result",
    "boards": "boards",
    "counselling_start": "counselling",
    "diwali": "Diwali",
}
PARTS: Final = {
    "base": "Always there",
    "growth": "Growth",
    "season": "Season",
    "fx": "Exchange rate",
    "unknown": "Unexplained",
}
_EXAM: Final = "#b3261e"
_KNOWN: Final = "#3b4a4f"
#: Words beside words need room that a telephone does not have; a touch on the line tells them.
_ON_A_DESK: Final = alt.ExprRef("width < 640 ? 0 : 1")
_BANDS: Final = (("95 %", "q025", "q975", 0.14), ("80 %", "q10", "q90", 0.20), ("50 %", "q25", "q75", 0.28))

Row = Mapping[str, Any]


def fan(
    known: Sequence[tuple[date, float]],
    ahead: Sequence[Row],
    events: Sequence[tuple[date, date, str]],
    *,
    alt_text: str,
) -> None:
    """Counts by day: what was counted, then the median with bands of 50, 80 and 95 %, and flags of events."""
    x = alt.X("yearmonthdate(day):T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True, grid=False))
    axis = alt.Axis(title=None, labelExpr=people_expression(), tickCount=5, domain=False, ticks=False)
    told = pd.DataFrame(
        [
            {
                "day": pd.Timestamp(row["day"]),
                **{name: row[name] for name in ("q025", "q10", "q25", "q50", "q75", "q90", "q975")},
                "Median": grouped(row["q50"]),
                "80 %": f"{grouped(row['q10'])} to {grouped(row['q90'])}",
                "95 %": f"{grouped(row['q025'])} to {grouped(row['q975'])}",
            }
            for row in ahead
        ]
    )
    layers: list[alt.Chart] = _flags(events)
    base = alt.Chart(told).encode(
        x=x, tooltip=[alt.Tooltip("day:T", title="Day", format="%a %d %b %Y"), "Median:N", "80 %:N", "95 %:N"]
    )
    layers += [
        base.mark_area(color=charts.PALETTE[0], opacity=opacity).encode(y=alt.Y(f"{low}:Q", axis=axis), y2=f"{high}:Q")
        for _, low, high, opacity in _BANDS
    ]
    layers.append(base.mark_line(color=charts.PALETTE[0], strokeWidth=2).encode(y=alt.Y("q50:Q", axis=axis)))
    if known:
        past = pd.DataFrame(
            [{"day": pd.Timestamp(day), "users": users, "Counted": grouped(users)} for day, users in known]
        )
        layers.append(
            alt.Chart(past)
            .mark_line(color=_KNOWN, strokeWidth=1.3)
            .encode(
                x=x,
                y=alt.Y("users:Q", axis=axis),
                tooltip=[alt.Tooltip("day:T", title="Day", format="%a %d %b %Y"), "Counted:N"],
            )
        )
    charts.show(alt.LayerChart(layer=layers), alt_text=alt_text, height=360)


def _flags(events: Sequence[tuple[date, date, str]]) -> list[alt.Chart]:
    """A rule and a word for each event worth one; words in three rows, so that near ones do not cover each other."""
    marked = [
        {
            "day": pd.Timestamp(first),
            "end": pd.Timestamp(last) + pd.Timedelta(days=1),
            "Event": FLAGS[name],
            "row": index % 3,
            "is_exam": name == "exam",
            "When": f"{first:%d %b %Y}" + ("" if first == last else f" to {last:%d %b %Y}"),
        }
        for index, (first, last, name) in enumerate(e for e in events if e[2] in FLAGS)
    ]
    if not marked:
        return []
    base = alt.Chart(pd.DataFrame(marked)).encode(x="yearmonthdate(day):T", tooltip=["Event:N", "When:N"])
    colour = alt.condition(alt.datum.is_exam, alt.value(_EXAM), alt.value(charts.GREY))
    found: list[alt.Chart] = [base.mark_rule(strokeDash=[4, 4]).encode(color=colour)]
    for row in range(3):
        for is_exam, seen in ((True, 1), (False, _ON_A_DESK)):
            words = base.transform_filter((alt.datum.row == row) & (alt.datum.is_exam == is_exam))
            mark = words.mark_text(
                align="left", dx=4, dy=8 + 13 * row, fontSize=11, color=_EXAM if is_exam else charts.INK, opacity=seen
            )
            found.append(mark.encode(y=alt.value(0), text="Event:N"))
    return found


def cost_months(rows: Sequence[Row], *, alt_text: str) -> None:
    """Cost of months ahead: parts stacked, the median as a tick, the middle 80 % as a whisker."""
    parts = pd.DataFrame(
        [
            {
                "Month": f"{row['starts_on']:%b %y}",
                "Part": PARTS[name],
                "rank": rank,
                "amount": (row[f"{name}_inr"] or 0.0) + (row["known_inr"] if name == "base" else 0.0),
                "Cost": compact_inr(Decimal(str(round(row[f"{name}_inr"] or 0.0, 2)))),
            }
            for row in rows
            for rank, name in enumerate(PARTS)
        ]
    )
    band = pd.DataFrame(
        [
            {
                "Month": f"{row['starts_on']:%b %y}",
                "low": row["q10"],
                "high": row["q90"],
                "mean": row["mean"],
                "Expected": compact_inr(Decimal(str(round(row["mean"], 2)))),
                "80 %": " to ".join(compact_inr(Decimal(str(round(row[q], 2)))) for q in ("q10", "q90")),
            }
            for row in rows
        ]
    )
    x = alt.X("Month:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False))
    names = list(PARTS.values())
    bars = (
        alt.Chart(parts)
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("sum(amount):Q", axis=charts.amount_axis("INR")),
            color=alt.Color(
                "Part:N",
                scale=alt.Scale(domain=names, range=charts.PALETTE[: len(names)]),
                sort=names,
                legend=charts.legend(),
            ),
            order=alt.Order("rank:Q"),
            tooltip=["Month:N", "Part:N", "Cost:N"],
        )
    )
    whisker = alt.Chart(band).encode(x=x, tooltip=["Month:N", "Expected:N", "80 %:N"])
    charts.show(
        alt.LayerChart(
            layer=[
                bars,
                whisker.mark_rule(color=charts.DARK, strokeWidth=1.6).encode(y="low:Q", y2="high:Q"),
                whisker.mark_tick(color=charts.DARK, orient="horizontal", thickness=2.5).encode(y="mean:Q"),
            ]
        ),
        alt_text=alt_text,
        height=320,
    )


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


def capacity(rows: Sequence[tuple[str, str, float, float]], *, alt_text: str) -> None:
    """Capacity needed by service and crowd beside what it bore: (service, crowd, needed, borne), 1.0 is today's."""
    frame = pd.DataFrame(
        [
            {
                "Service": visible(service),
                "Crowd": crowd,
                "needed": needed,
                "borne": borne,
                "Needed": f"{needed:.2f} times today",
                "Borne": f"{borne:.2f} times today",
            }
            for service, crowd, needed, borne in rows
        ]
    )
    order = list(dict.fromkeys(frame["Crowd"]))
    base = alt.Chart(frame).encode(
        y=alt.Y("Service:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=150)),
        tooltip=["Service:N", "Crowd:N", "Needed:N", "Borne:N"],
    )
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        x=alt.X("needed:Q", title="times today's capacity"),
        yOffset=alt.YOffset("Crowd:N", sort=order),
        color=alt.Color(
            "Crowd:N",
            sort=order,
            legend=charts.legend(),
            scale=alt.Scale(domain=order, range=charts.PALETTE[: len(order)]),
        ),
    )
    borne = base.mark_tick(color=_EXAM, thickness=2.5, height={"band": 0.95}).encode(x="borne:Q")
    height = max(160, 64 * frame["Service"].nunique())
    charts.show(alt.LayerChart(layer=[bars, borne]), alt_text=alt_text, height=height)


def day_range(first: date, last: date) -> str:
    """2–11 May 2027, as short as it can be said."""
    if first == last:
        return f"{first.day} {first:%b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {last:%b %Y}"
    return f"{first.day} {first:%b} – {last.day} {last:%b}"


def grouped(count: float | None) -> str:
    """A count as Indians group it: 7,77,654."""
    if count is None:
        return "—"
    digits = f"{round(count):d}"
    if len(digits) <= 3:
        return digits
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(at - 2, 0) : at] for at in range(len(head), 0, -2)][::-1]
    return ",".join([*pairs, tail])


def people_expression() -> str:
    """How Vega writes an axis of counts: thousands and lakh."""
    return (
        "abs(datum.value) >= 1e5 ? format(datum.value / 1e5, ',.2~f') + ' lakh'"
        " : abs(datum.value) >= 1e3 ? format(datum.value / 1e3, ',.2~f') + 'k' : format(datum.value, ',.2~f')"
    )
