"""Charts in one style. Amounts become floats only here, to be drawn; what is read is text written exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.widgets import visible

PALETTE = ["#0f6e6e", "#e0a458", "#4f7cac", "#b5546a", "#7a9e4f", "#8d6fb0", "#c9783c", "#5aa9a3", "#9a8c6e"]
OTHER = "Other"
GREY = "#b9c0bd"
_INK = "#5c686b"
#: Words and lines that other modules draw: quiet and plain.
INK, DARK = _INK, "#1f2a2e"

Write = Callable[[Decimal | None], str]


def axis_expression(currency: str) -> str:
    """How Vega writes an axis: lakh and crore for rupees, k and M for dollars."""
    if currency == "INR":
        steps = [("1e7", " cr"), ("1e5", " lakh"), ("1e3", "k")]
        sign = "₹"
    else:
        steps = [("1e6", "M"), ("1e3", "k")]
        sign = "$"
    text = f"'{sign}' + format(abs(datum.value), ',.2~f')"
    for size, unit in reversed(steps):
        text = (
            f"abs(datum.value) >= {size} ? '{sign}' + format(abs(datum.value) / {size}, ',.2~f') + '{unit}' : ({text})"
        )
    return f"(datum.value < 0 ? '-' : '') + ({text})"


def _finish(chart: alt.Chart | alt.LayerChart, *, alt_text: str, height: int, key: str | None) -> None:
    styled = (
        chart.properties(height=height, width="container")
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelColor=_INK, titleColor=_INK, gridColor="#e8ece9", domainColor="#cfd6d2", tickColor="#cfd6d2",
            labelFontSize=12,
        )
        .configure_legend(
            orient="bottom", offset=4, labelFontSize=12, labelColor=_INK, rowPadding=4, symbolType="circle"
        )
    )  # fmt: skip
    st.altair_chart(styled, width="stretch", theme=None, key=key, alt=alt_text)


def _amount_axis(currency: str) -> alt.Axis:
    return alt.Axis(title=None, labelExpr=axis_expression(currency), tickCount=5, domain=False, ticks=False)


def month_bars(months: Sequence[tuple[date, Decimal | None, bool]], write: Write, currency: str) -> None:
    """Thirteen months; one whose data is not complete is lighter."""
    frame = pd.DataFrame(
        [
            {
                "Month": f"{month:%b %y}",
                "amount": None if amount is None else float(amount),  # no bar is not a bar of zero
                "Cost": write(amount),
                "State": "open, to date" if is_open else "complete",
            }
            for month, amount, is_open in months
        ]
    )
    chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3)
        .encode(
            x=alt.X("Month:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False)),
            y=alt.Y("amount:Q", axis=_amount_axis(currency)),
            color=alt.Color(
                "State:N",
                scale=alt.Scale(domain=["complete", "open, to date"], range=[PALETTE[0], "#a9cdc9"]),
                legend=_legend(),
            ),
            tooltip=["Month:N", "Cost:N", "State:N"],
        )
    )
    _finish(chart, alt_text="Cost by month", height=260, key=None)


def stacked_days(
    rows: Sequence[tuple[date, str, Decimal | None]],
    order: Sequence[str],
    write: Write,
    currency: str,
    *,
    alt_text: str,
) -> None:
    """Cost by day, one colour per name; names in `order` from the largest, the rest is `OTHER`."""
    frame = _named(rows, order, write)
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(at):T", title=None, axis=alt.Axis(format="%d %b", labelOverlap=True, grid=False)),
            y=alt.Y("sum(amount):Q", axis=_amount_axis(currency)),
            color=_colour(order),
            order=alt.Order("rank:Q"),
            tooltip=[alt.Tooltip("at:T", title="Day", format="%a %d %b %Y"), "Name:N", "Cost:N"],
        )
    )
    _finish(chart, alt_text=alt_text, height=320, key=None)


def stacked_months(
    rows: Sequence[tuple[date, str, Decimal | None]],
    order: Sequence[str],
    write: Write,
    currency: str,
    *,
    alt_text: str,
) -> None:
    """Cost by month, one colour per name; the order of the rows is that of the months."""
    frame = _named(rows, order, write)
    frame["Month"] = [f"{month:%b %y}" for month in frame["at"]]
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("Month:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False)),
            y=alt.Y("sum(amount):Q", axis=_amount_axis(currency)),
            color=_colour(order),
            order=alt.Order("rank:Q"),
            tooltip=["Month:N", "Name:N", "Cost:N"],
        )
    )
    _finish(chart, alt_text=alt_text, height=320, key=None)


def _named(rows: Sequence[tuple[date, str, Decimal | None]], order: Sequence[str], write: Write) -> pd.DataFrame:
    frame = pd.DataFrame(
        [
            {"at": pd.Timestamp(at), "Name": visible(name), "amount": float(amount or 0), "Cost": write(amount)}
            for at, name, amount in rows
        ]
    )
    frame["rank"] = frame["Name"].map({visible(name): index for index, name in enumerate(order)})
    return frame


def _colour(order: Sequence[str]) -> alt.Color:
    names = list(dict.fromkeys(visible(name) for name in order))
    return alt.Color("Name:N", scale=colours(names), sort=names, legend=_legend())


def _legend() -> alt.Legend:
    """Two short columns on a telephone, five on a desk."""
    return alt.Legend(
        title=None,
        columns=alt.ExprRef("width < 500 ? 2 : width < 800 ? 3 : 5"),
        labelLimit=alt.ExprRef("width < 500 ? 120 : 170"),
    )


def colours(order: Sequence[str]) -> alt.Scale:
    """A colour per name, grey for the rest."""
    taken = [GREY if name == OTHER else PALETTE[index % len(PALETTE)] for index, name in enumerate(order)]
    return alt.Scale(domain=list(order), range=taken)


def bars(rows: Sequence[tuple[str, Decimal | None]], write: Write, currency: str, *, alt_text: str) -> None:
    """Names against amounts, largest first, in the given order."""
    frame = pd.DataFrame([{"Name": name, "amount": float(amount or 0), "Cost": write(amount)} for name, amount in rows])
    base = alt.Chart(frame).encode(
        y=alt.Y("Name:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, ticks=False, domain=False)),
        x=alt.X("amount:Q", axis=_amount_axis(currency)),
        tooltip=["Name:N", "Cost:N"],
    )
    chart = base.mark_bar(color=PALETTE[0], cornerRadiusEnd=3)
    _finish(chart, alt_text=alt_text, height=max(90, 30 * len(frame) + 30), key=None)


def show(chart: alt.Chart | alt.LayerChart, *, alt_text: str, height: int) -> None:
    """Draw a chart that another module has made, in the style of these."""
    _finish(chart, alt_text=alt_text, height=height, key=None)


def amount_axis(currency: str) -> alt.Axis:
    """The axis of amounts, without a title: the amounts say what they are."""
    return _amount_axis(currency)


def legend() -> alt.Legend:
    """The legend under a chart."""
    return _legend()


def line(points: Sequence[tuple[date, float]], target: float | None, unit: str, *, alt_text: str) -> None:
    """A figure by month with its target as a dashed line."""
    frame = pd.DataFrame(
        [{"at": pd.Timestamp(at), "value": value, "Value": f"{value:.1f} {unit}"} for at, value in points]
    )
    base = alt.Chart(frame).encode(
        x=alt.X("yearmonth(at):T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True, grid=False)),
        y=alt.Y(
            "value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(labelExpr=f"datum.value + ' {unit}'")
        ),
        tooltip=[alt.Tooltip("at:T", title="Month", format="%B %Y"), "Value:N"],
    )
    layers: list[alt.Chart] = [
        base.mark_line(color=PALETTE[0], strokeWidth=2), base.mark_circle(color=PALETTE[0], size=40)
    ]  # fmt: skip
    if target is not None:
        rule = alt.Chart(pd.DataFrame([{"target": target}])).encode(y="target:Q")
        layers.append(rule.mark_rule(color="#b3261e", strokeDash=[6, 4]))
    _finish(alt.LayerChart(layer=layers), alt_text=alt_text, height=200, key=None)


def against_plan(rows: Sequence[tuple[date, Decimal | None, Decimal | None]], *, alt_text: str) -> None:
    """Cumulated rupees by month: (month, planned, spent or None while it is to come)."""
    frame = pd.DataFrame(
        [
            {"at": pd.Timestamp(at), "What": what, "amount": float(amount), "Cost": write}
            for at, planned, spent in rows
            for what, amount, write in (("Planned", planned, f"{planned:,.2f}"), ("Spent", spent, f"{spent or 0:,.2f}"))
            if amount is not None
        ]
    )
    chart = (
        alt.Chart(frame)
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=alt.X("yearmonth(at):T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True, grid=False)),
            y=alt.Y("amount:Q", axis=_amount_axis("INR")),
            color=alt.Color("What:N", scale=alt.Scale(domain=["Planned", "Spent"], range=[GREY, PALETTE[0]]),
                            legend=_legend()),
            tooltip=[alt.Tooltip("at:T", title="Month", format="%B %Y"), "What:N", "Cost:N"],
        )
    )  # fmt: skip
    _finish(chart, alt_text=alt_text, height=260, key=None)
