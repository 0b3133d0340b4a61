"""The pictures of a report: few, on an opaque light ground that survives a dark mail program, in one shipped font.

Amounts become floats only here, to be drawn; what is written beside them is text made exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from kifayat.report.parts import Chart, written
from kifayat.report.period import Week

FONT: Final = "Kifayat Sans"
FONTS: Final = Path(__file__).parent / "fonts"
#: Pixels of the drawing; the mail is 640 wide, the picture twice as fine.
WIDTH, HEIGHT, SCALE = 560, 190, 2
TEAL, SAND, RED, GREEN, GREY, INK = "#0f6e6e", "#e0a458", "#b5546a", "#5f8a3a", "#b9c0bd", "#3c484b"
_RUPEES: Final = (
    "(datum.value < 0 ? '-' : '') + '₹' + (abs(datum.value) >= 1e7 ? format(abs(datum.value) / 1e7, ',.2~f') + ' cr' : "
    "abs(datum.value) >= 1e5 ? format(abs(datum.value) / 1e5, ',.2~f') + ' lakh' : "
    "abs(datum.value) >= 1e3 ? format(abs(datum.value) / 1e3, ',.2~f') + 'k' : format(abs(datum.value), ',.2~f'))"
)
_CONFIG: Final = {
    "font": FONT,
    "background": "#ffffff",
    "padding": 12,
    "view": {"strokeWidth": 0},
    "axis": {
        "labelColor": INK, "titleColor": INK, "gridColor": "#e8ece9", "domainColor": "#cfd6d2", "tickColor": "#cfd6d2",
        "labelFontSize": 12, "labelFont": FONT, "titleFont": FONT,
    },
    "legend": {"labelFont": FONT, "labelColor": INK, "labelFontSize": 12, "orient": "top", "title": None},
    "text": {"font": FONT},
}  # fmt: skip
_AMOUNT: Final = {"labelExpr": _RUPEES, "title": None, "tickCount": 4, "domain": False, "ticks": False}
_DAYS: Final = {
    "format": "%d %b",
    "title": None,
    "grid": False,
    "labelOverlap": True,
    "labelSeparation": 10,
    "tickCount": 8,
}


@cache
def _ready() -> Any:
    import vl_convert

    vl_convert.register_font_directory(str(FONTS))
    return vl_convert


def png(chart: Chart) -> bytes:
    """The picture. Nothing is fetched: a specification that names an address is refused by the renderer."""
    drawn: bytes = _ready().vegalite_to_png(dict(chart.spec), scale=SCALE, allowed_base_urls=[])
    return drawn


def _spec(*layers: Mapping[str, Any], height: int = HEIGHT, **more: Any) -> dict[str, Any]:
    spec = {"width": WIDTH, "height": height, "autosize": {"type": "fit", "contains": "padding"}, "config": _CONFIG}
    return spec | {"layer": list(layers)} | more


def _day(field: str = "day") -> dict[str, Any]:
    return {"field": field, "type": "temporal", "axis": _DAYS, "scale": {"type": "utc"}, "timeUnit": "utcyearmonthdate"}


def expected_days(rows: Sequence[Mapping[str, Any]], week: Week) -> Chart:
    """Usage by day on the band in which the model expects it; the days of the week are marked."""
    values = [
        {"day": f"{row['day']}T00:00:00Z", "low": row["q10"], "high": row["q90"], "actual": row["actual_inr"],
         "band": "expected, 80 %", "line": "billed", "is_week": week.first <= row["day"] <= week.last}
        for row in rows
    ]  # fmt: skip
    known = [row for row in rows if row["actual_inr"] is not None and week.first <= row["day"] <= week.last]
    outside = sum(1 for row in known if not row["q10"] <= row["actual_inr"] <= row["q90"])
    colours = {"domain": ["billed", "expected, 80 %"], "range": [TEAL, "#cfe3e0"]}
    y = {"type": "quantitative", "axis": _AMOUNT, "scale": {"zero": False}}
    actual = {"x": _day(), "y": {"field": "actual", **y}}
    spec = _spec(
        {"mark": {"type": "area", "opacity": 0.9}, "encoding": {
            "x": _day(), "y": {"field": "low", **y}, "y2": {"field": "high"},
            "color": {"field": "band", "type": "nominal", "scale": colours}}},
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {
            **actual, "color": {"field": "line", "type": "nominal", "scale": colours}}},
        {"transform": [{"filter": "datum.is_week && datum.actual != null"}],
         "mark": {"type": "point", "filled": True, "size": 46, "color": TEAL, "opacity": 1}, "encoding": actual},
        data={"values": values},
    )  # fmt: skip
    days = "day" if outside == 1 else "days"
    ends = f", from {written(known[0]['actual_inr'], 'inr')} to {written(known[-1]['actual_inr'], 'inr')} a day"
    alt = (
        f"Usage by day over eight weeks on the band in which it was expected; of the {len(known)} days of "
        f"{week.text} that are known, {outside} {days} outside of it{ends if known else ''}"
    )
    return Chart("expected", alt, spec)


def per_user(rows: Sequence[Mapping[str, Any]], target: float | None) -> Chart:
    """Rupees per active user by month against the target."""
    values = [
        {"month": f"{row['month']:%b %y}", "each": float(row["per_user"]), "text": written(row["per_user"], "each"),
         "is_over": target is not None and row["per_user"] > target}
        for row in rows if row["per_user"] is not None
    ]  # fmt: skip
    x = {
        "field": "month",
        "type": "ordinal",
        "sort": None,
        "axis": {
            "title": None,
            "labelAngle": 0,
            "ticks": False,
            "labelExpr": "split(datum.label, ' ')",
            "labelFontSize": 11,
        },
    }
    y = {"field": "each", "type": "quantitative", "axis": _AMOUNT}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {
            "x": x, "y": y,
            "color": {"condition": {"test": "datum.is_over", "value": SAND}, "value": TEAL}}},
        {"mark": {"type": "text", "dy": -7, "fontSize": 11, "color": INK}, "encoding": {
            "x": x, "y": y, "text": {"field": "text"}}},
    ]  # fmt: skip
    against = ""
    if target is not None:
        goal = written(target, "each")
        layers.append(
            {"data": {"values": [{"target": target}]}, "mark": {"type": "rule", "color": RED, "strokeDash": [5, 4]},
             "encoding": {"y": {"field": "target", "type": "quantitative"}}}
        )  # fmt: skip
        against = f", against a target of {goal}: {sum(1 for one in values if one['is_over'])} months above it"
    told = "; ".join(f"{one['month']} {one['text']}" for one in values[-3:])
    return Chart(
        "per-user", f"Rupees per active user by month{against}; {told}", _spec(*layers, data={"values": values})
    )


@dataclass(frozen=True)
class Step:
    """A bar of a waterfall: an amount as it stands (`is_total`), or by how much it moves."""

    name: str
    amount: Decimal
    is_total: bool = False


def waterfall(steps: Sequence[Step]) -> Chart:
    """From one month to the next, cause by cause; the last bar is where the steps lead."""
    at = 0.0
    values: list[dict[str, Any]] = []
    for step in steps:
        amount = float(step.amount)
        start = 0.0 if step.is_total else at
        at = start + amount
        values.append(
            {"name": step.name, "start": start, "end": at, "right": max(start, at),
             "kind": "total" if step.is_total else "costs more" if amount > 0 else "costs less",
             "text": written(step.amount, "inr" if step.is_total else "change")}
        )  # fmt: skip
    low = min(min(one["start"], one["end"]) for one in values[1:-1])
    high = max(one["right"] for one in values)
    # totals are cut on the left, or the steps between two large months would be slivers
    floor = max(0.0, low - (high - low) * 0.6)
    for one in values:
        one["start"] = max(one["start"], floor)
    axis = _AMOUNT
    y = {"field": "name", "type": "nominal", "sort": None,
         "axis": {"title": None, "ticks": False, "domain": False, "labelLimit": 150}}  # fmt: skip
    scale = {"domain": [floor, high + (high - floor) * 0.22], "nice": False, "zero": False}
    kinds = {"domain": ["total", "costs more", "costs less"], "range": [TEAL, RED, GREEN]}
    spec = _spec(
        {"mark": {"type": "bar", "cornerRadius": 2, "height": {"band": 0.7}}, "encoding": {
            "y": y, "x": {"field": "start", "type": "quantitative", "scale": scale, "axis": axis},
            "x2": {"field": "end"}, "color": {"field": "kind", "type": "nominal", "scale": kinds}}},
        {"mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 12, "color": INK}, "encoding": {
            "y": y, "x": {"field": "right", "type": "quantitative", "scale": scale}, "text": {"field": "text"}}},
        data={"values": values}, height=27 * len(values) + 40,
    )  # fmt: skip
    moves = ", ".join(f"{one['name']} {one['text']}" for one in values[1:-1])
    return Chart(
        "why",
        f"From {values[0]['name']} {values[0]['text']} to {values[-1]['name']} {values[-1]['text']}: {moves}",
        spec,
    )


def budget_pace(name: str, rows: Sequence[Mapping[str, Any]], state: Mapping[str, Any], year: int, told: str) -> Chart:
    """What was planned to be spent up to each month, what was, and where the forecast ends."""
    lines = [
        {"month": f"{row['ends_on']}T00:00:00Z", "amount": float(row[column]), "line": line}
        for row in rows for column, line in (("planned", "planned"), ("spent", "spent")) if row[column] is not None
    ]  # fmt: skip
    colours = {"domain": ["planned", "spent", "forecast, 80 %"], "range": [GREY, TEAL, SAND]}
    x = {"field": "month", "type": "temporal", "scale": {"type": "utc"},
         "axis": {"format": "%b", "title": None, "grid": False, "tickCount": 12}}  # fmt: skip
    y = {"type": "quantitative", "axis": _AMOUNT}
    colour = {"field": "line", "type": "nominal", "scale": colours}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "line", "strokeWidth": 2.5}, "encoding": {
            "x": x, "y": {"field": "amount", **y}, "color": colour}},
    ]  # fmt: skip
    if state.get("forecast_q50_inr") is not None:
        end = [{"month": f"{year + 1}-03-31T00:00:00Z",
                "low": state["forecast_q10_inr"], "amount": state["forecast_q50_inr"],
                "high": state["forecast_q90_inr"], "line": "forecast, 80 %"}]  # fmt: skip
        layers += [
            {"data": {"values": end}, "mark": {"type": "rule", "strokeWidth": 5}, "encoding": {
                "x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}, "color": colour}},
            {"data": {"values": end}, "mark": {"type": "point", "filled": True, "size": 60}, "encoding": {
                "x": x, "y": {"field": "amount", **y}, "color": colour}},
        ]  # fmt: skip
    return Chart(
        "budget",
        f"Budget {name} by month, planned and spent to date: {told}",
        _spec(
            *layers,
            data={"values": lines},
            title={"text": name, "anchor": "start", "fontWeight": "normal", "fontSize": 13},
        ),
    )
