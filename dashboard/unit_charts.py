"""Charts of what a user costs: by month in parts with the target, by name in parts, by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import altair as alt
import pandas as pd

from dashboard import charts
from dashboard.unit_cost import COLOURS, PARTS, rupees_each, rupees_short
from dashboard.widgets import visible

_TARGET = "#b3261e"
_PALE = "#eceae2"
#: Words for single bars need room that a telephone does not have.
_ON_A_DESK = alt.ExprRef("width < 640 ? 0 : 1")


def parts_scale(parts: Sequence[str]) -> alt.Scale:
    """Each part in its own colour, on every chart the same."""
    return alt.Scale(domain=[PARTS[part] for part in parts], range=[charts.PALETTE[COLOURS[part]] for part in parts])


def by_month(
    rows: Sequence[tuple[date, str, Decimal | None, bool]],
    totals: Mapping[date, Decimal],
    target: Decimal | None,
    exams: Mapping[date, date],
    *,
    alt_text: str,
) -> None:
    """INR per user by month: (month, part, amount, open) stacked, the sum as a line across, months of exams behind."""
    months = sorted({month for month, *_ in rows})
    names = [f"{month:%b %y}" for month in months]
    parts = [part for part in PARTS if any(row[1] == part for row in rows)]
    x = alt.X("Month:N", sort=names, title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False))
    stacked = pd.DataFrame(
        [
            {
                "Month": f"{month:%b %y}", "Part": PARTS[part], "amount": float(amount or 0), "rank": parts.index(part),
                "₹ per user": rupees_each(amount), "State": "open, to date" if is_open else "whole month",
                "Total": rupees_each(totals.get(month)),
            }
            for month, part, amount, is_open in rows
        ]
    )  # fmt: skip
    above = stacked[stacked["amount"] > 0].groupby("Month")["amount"].sum()
    below = stacked[stacked["amount"] < 0].groupby("Month")["amount"].sum()
    room = max([*above, float(target or 0)], default=0.0) * 1.15  # for the words over the bars
    height = alt.Scale(domain=[min([*below, 0.0]), room or 1.0], nice=False)
    bars = (
        alt.Chart(stacked)
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("sum(amount):Q", axis=charts.amount_axis("INR"), scale=height),
            color=alt.Color("Part:N", scale=parts_scale(parts), sort=[PARTS[p] for p in parts], legend=charts.legend()),
            order=alt.Order("rank:Q"),
            opacity=alt.Opacity(
                "State:N",
                sort=["whole month", "open, to date"],
                scale=alt.Scale(domain=["whole month", "open, to date"], range=[1, 0.42]),
                legend=None,
            ),
            tooltip=["Month:N", "Part:N", "₹ per user:N", "Total:N", "State:N"],
        )
    )
    sums = pd.DataFrame(
        [
            {"Month": name, "total": float(total), "top": max(float(above.get(name, 0)), float(total)),
             "Total": rupees_each(total), "short": rupees_short(total)}
            for month, name in zip(months, names, strict=True) if (total := totals.get(month)) is not None
        ]
    )  # fmt: skip
    layers: list[alt.Chart] = [*_exam_layers(exams, months, x), bars]
    if len(sums):
        line = alt.Chart(sums).encode(x=x, tooltip=["Month:N", "Total:N"])
        layers.append(line.mark_tick(orient="horizontal", color=charts.DARK, thickness=2.5).encode(y="total:Q"))
        layers.append(
            line.mark_text(dy=-8, fontSize=11, fontWeight="bold", color=charts.DARK, opacity=_ON_A_DESK).encode(
                y="top:Q", text="short:N"
            )
        )
    if target is not None:
        layers += _target_layers(target)
    charts.show(alt.LayerChart(layer=layers), alt_text=alt_text, height=340)


def _exam_layers(exams: Mapping[date, date], months: Sequence[date], x: alt.X) -> list[alt.Chart]:
    marked = [{"Month": f"{month:%b %y}", "Exam": f"exam {exams[month].day} {exams[month]:%b}"}
              for month in months if month in exams]  # fmt: skip
    if not marked:
        return []
    base = alt.Chart(pd.DataFrame(marked)).encode(x=x, tooltip=["Exam:N"])
    return [
        base.mark_bar(color=_PALE, width={"band": 1.0}).encode(y=alt.value(0), y2=alt.value("height")),
        base.mark_text(baseline="top", fontSize=11, color=charts.INK, dy=3).encode(y=alt.value(0), text="Exam:N"),
    ]


def _target_layers(target: Decimal) -> list[alt.Chart]:
    base = alt.Chart(pd.DataFrame([{"target": float(target), "words": f"target {rupees_short(target)}"}])).encode(
        y="target:Q"
    )
    style: dict[str, Any] = {"align": "left", "dx": 4, "dy": -8, "fontSize": 12, "fontWeight": "bold"}
    words = base.encode(x=alt.value(0), text="words:N")
    return [
        base.mark_rule(color=_TARGET, strokeDash=[6, 4], strokeWidth=1.5),
        words.mark_text(stroke="white", strokeWidth=4, strokeJoin="round", color="white", **style),
        words.mark_text(color=_TARGET, **style),
    ]


def by_name(rows: Sequence[tuple[str, str, Decimal]], *, alt_text: str) -> None:
    """INR per user by name: (name, part, amount) stacked, names in the given order."""
    parts = [part for part in PARTS if any(row[1] == part for row in rows)]
    frame = pd.DataFrame(
        [
            {
                "Name": visible(name), "Part": PARTS[part], "amount": float(amount), "₹ per user": rupees_each(amount),
                "rank": parts.index(part),
            }
            for name, part, amount in rows
        ]
    )  # fmt: skip
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y("Name:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, ticks=False, domain=False)),
            x=alt.X("sum(amount):Q", axis=charts.amount_axis("INR")),
            color=alt.Color("Part:N", scale=parts_scale(parts), sort=[PARTS[p] for p in parts], legend=charts.legend()),
            order=alt.Order("rank:Q"),
            tooltip=["Name:N", "Part:N", "₹ per user:N"],
        )
    )
    charts.show(chart, alt_text=alt_text, height=max(110, 30 * frame["Name"].nunique() + 50))


def by_day(rows: Sequence[tuple[date, Decimal | None, str]], exams: Sequence[date], *, alt_text: str) -> None:
    """A figure in INR by day: (day, amount or None, users as text); a day without one is a gap in the line."""
    frame = pd.DataFrame(
        [
            {
                "at": pd.Timestamp(at), "amount": None if amount is None else float(amount),
                "Cost": rupees_each(amount), "Users": users,
            }
            for at, amount, users in rows
        ]
    )  # fmt: skip
    base = alt.Chart(frame).encode(
        x=alt.X("yearmonthdate(at):T", title=None, axis=alt.Axis(format="%d %b", labelOverlap=True, grid=False)),
        y=alt.Y("amount:Q", axis=charts.amount_axis("INR")),
        tooltip=[alt.Tooltip("at:T", title="Day", format="%a %d %b %Y"), "Cost:N", "Users:N"],
    )
    layers: list[alt.Chart] = [
        base.mark_area(color=charts.PALETTE[0], opacity=0.12),
        base.mark_line(color=charts.PALETTE[0], strokeWidth=2),
        base.mark_circle(color=charts.PALETTE[0], size=18),
    ]
    if exams:
        marked = pd.DataFrame([{"at": pd.Timestamp(day), "Exam": f"exam {day.day} {day:%b}"} for day in exams])
        mark = alt.Chart(marked).encode(x="yearmonthdate(at):T", tooltip=["Exam:N"])
        layers.append(mark.mark_rule(color=_TARGET, strokeDash=[4, 4]))
        layers.append(mark.mark_text(align="left", dx=5, dy=6, color=_TARGET).encode(y=alt.value(0), text="Exam:N"))
    charts.show(alt.LayerChart(layer=layers), alt_text=alt_text, height=280)
