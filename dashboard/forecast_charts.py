"""Charts of what is to come: a fan of users with the events that move them, calendars by probability, cost in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import altair as alt
import pandas as pd

from core import compact_inr, format_inr
from dashboard import charts
from dashboard.widgets import visible

#: Events worth a word on the chart, the weightiest first; the others are marks below it, told on hover.
FLAGS: Final = {
    "exam": "exam",
    "result": "result",
    "boards": "boards",
    "counselling_start": "counselling",
    "diwali": "Diwali",
}
PARTS: Final = {
    "known": "Known already",
    "base": "Always there",
    "growth": "Growth",
    "season": "Season",
    "fx": "Exchange rate",
    "unknown": "Unexplained",
}
_EXAM: Final = "#b3261e"
_KNOWN: Final = "#3b4a4f"
#: The page's own colour, around words that lines pass through.
_PAPER: Final = "#fcfcfa"
#: Words are laid out twice, in pixels of the chart: for a desk, and for a telephone, which has no room for all of them.
_DESK_WIDTH, _PHONE_WIDTH, _WORD_ROWS = 640, 270, 3
_BANDS: Final = (("95 %", "q025", "q975", 0.14), ("80 %", "q10", "q90", 0.20), ("50 %", "q25", "q75", 0.28))

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Flag:
    """An event on the axis of days: its name as the tables have it, first and last day, and how sure it is."""

    name: str
    first: date
    last: date
    status: str

    @property
    def word(self) -> str:
        """What stands beside its rule, or its name in plain words."""
        return FLAGS.get(self.name, visible(self.name.replace("_", " ")))

    @property
    def rank(self) -> int:
        """Who gets room first."""
        return list(FLAGS).index(self.name) if self.name in FLAGS else len(FLAGS)


def fan(
    known: Sequence[tuple[date, float]],
    ahead: Sequence[Row],
    flags: Sequence[Flag],
    *,
    behind: Sequence[Row] = (),
    today: date,
    alt_text: str,
) -> None:
    """Counts by day: what was counted, then the median with bands of 50, 80 and 95 %, flags of events, today.

    `behind`: rows of another calendar, whose middle 80 % is drawn below the bands.
    """
    first, last = known[0][0] if known else ahead[0]["day"], ahead[-1]["day"]
    x = _days(first, last)
    axis = alt.Axis(title=None, labelExpr=people_expression(), tickCount=5, domain=False, ticks=False)
    day = alt.Tooltip("day:T", title="Day", format="%a %d %b %Y")
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
    layers: list[alt.Chart] = []
    if behind:
        wide = pd.DataFrame([{"day": pd.Timestamp(row["day"]), "q10": row["q10"], "q90": row["q90"]} for row in behind])
        other = alt.Chart(wide).mark_area(color=charts.PALETTE[1], opacity=0.45)
        layers.append(other.encode(x=x, y=alt.Y("q10:Q", axis=axis), y2="q90:Q"))
    base = alt.Chart(told).encode(x=x, tooltip=[day, "Median:N", "80 %:N", "95 %:N"])
    layers += [
        base.mark_area(color=charts.PALETTE[0], opacity=opacity).encode(y=alt.Y(f"{low}:Q", axis=axis), y2=f"{high}:Q")
        for _, low, high, opacity in _BANDS
    ]
    layers.append(base.mark_line(color=charts.PALETTE[0], strokeWidth=2).encode(y=alt.Y("q50:Q", axis=axis)))
    if known:
        past = pd.DataFrame(
            [{"day": pd.Timestamp(on), "users": users, "Counted": grouped(users)} for on, users in known]
        )
        line = alt.Chart(past).mark_line(color=_KNOWN, strokeWidth=1.3)
        layers.append(line.encode(x=x, y=alt.Y("users:Q", axis=axis), tooltip=[day, "Counted:N"]))
    if first <= today <= last:
        layers += _today(today, x)
    layers += _flags([flag for flag in flags if first <= flag.first <= last], first, last)
    charts.show(alt.LayerChart(layer=layers), alt_text=alt_text, height=360)


def _days(first: date, last: date) -> alt.X:
    """The axis of days from one to another: words at its end do not stretch it."""
    ends = [alt.DateTime(year=day.year, month=day.month, date=day.day) for day in (first, last + timedelta(days=1))]
    return alt.X(
        "yearmonthdate(day):T",
        title=None,
        scale=alt.Scale(domain=ends),
        axis=alt.Axis(format="%b %y", labelOverlap=True, grid=False),
    )


def _today(today: date, x: alt.X) -> list[alt.Chart]:
    """A rule at today, with its word at the foot, where no event has one."""
    base = alt.Chart(pd.DataFrame([{"day": pd.Timestamp(today), "Day": f"Today, {today:%d %b %Y}"}])).encode(
        x=x, tooltip=["Day:N"]
    )
    word = base.mark_text(align="left", dx=4, dy=-16, fontSize=11, color=charts.DARK)
    return [
        base.mark_rule(color=charts.DARK, strokeWidth=1.2),
        word.encode(y=alt.value("height"), text=alt.value("today")),
    ]


def _flags(flags: Sequence[Flag], first: date, last: date) -> list[alt.Chart]:
    """A rule and, where there is room, a word for each event worth one; a mark at the foot for every event."""
    if not flags:
        return []
    desk, phone = (place(flags, first, last, width) for width in (_DESK_WIDTH, _PHONE_WIDTH))
    frame = pd.DataFrame(
        [
            {
                "day": pd.Timestamp(flag.first),
                "Event": flag.word,
                "When": f"{flag.first:%d %b %Y}" + ("" if flag.first == flag.last else f" to {flag.last:%d %b %Y}"),
                "Status": visible(flag.status.replace("_", " ")),
                "is_exam": flag.name == "exam",
                "is_main": flag.name in FLAGS,
                "desk": desk[at][0],
                "desk_side": desk[at][1],
                "phone": phone[at][0],
                "phone_side": phone[at][1],
            }
            for at, flag in enumerate(flags)
        ]
    )
    base = alt.Chart(frame).encode(x=_days(first, last), tooltip=["Event:N", "When:N", "Status:N"])
    main = base.transform_filter(alt.datum.is_main)
    row = f"(width < {_DESK_WIDTH} ? datum.phone : datum.desk)"
    side = f"(width < {_DESK_WIDTH} ? datum.phone_side : datum.desk_side)"
    style: dict[str, Any] = {
        # a word without room has no size either: what is unseen would still push the chart aside
        "fontSize": alt.ExprRef(f"{row} < 0 ? 0 : 11"),
        "align": alt.ExprRef(side),
        "dx": alt.ExprRef(f"{side} === 'left' ? 4 : -4"),
        "dy": alt.ExprRef(f"8 + 13 * max({row}, 0)"),
    }
    halo = main.mark_text(**style, stroke=_PAPER, strokeWidth=4, strokeJoin="round")
    words = main.mark_text(**style)
    return [
        main.mark_rule(strokeDash=[4, 4]).encode(color=_red_if_exam(charts.GREY)),
        halo.encode(y=alt.value(0), text="Event:N"),
        words.encode(y=alt.value(0), text="Event:N", color=_red_if_exam(charts.INK)),
        base.mark_point(shape="triangle-up", filled=True, size=42, opacity=1, yOffset=-4).encode(
            y=alt.value("height"), color=_red_if_exam(charts.GREY)
        ),
    ]


def _red_if_exam(other: str) -> Any:
    return alt.condition(alt.datum.is_exam, alt.value(_EXAM), alt.value(other))


def place(flags: Sequence[Flag], first: date, last: date, width: int) -> list[tuple[int, str]]:
    """Row and side of the rule of each flag's word on a chart of so many pixels, so that none covers another.

    The weightiest events take their room first; a word without any is in row -1.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(_WORD_ROWS)]
    found = [(-1, "left")] * len(flags)
    each = width / max((last - first).days + 1, 1)
    for at, flag in sorted(enumerate(flags), key=lambda one: (one[1].rank, one[1].first)):
        if flag.name not in FLAGS:
            continue
        start, long = (flag.first - first).days * each, 8 + 6.5 * len(flag.word)
        sides = (("left", start, start + long), ("right", start - long, start))
        fitting = (
            (row, side, low, high)
            for side, low, high in sides
            if low >= 0 and high <= width
            for row in range(_WORD_ROWS)
            if all(high <= a or low >= b for a, b in taken[row])
        )
        if room := next(fitting, None):
            row, side, low, high = room
            taken[row].append((low, high))
            found[at] = (row, side)
    return found


def futures(rows: Sequence[tuple[str, float, str]], *, alt_text: str) -> None:
    """Possible calendars as bars of their probabilities: (label, probability, exams), the most probable first."""
    frame = pd.DataFrame(
        [
            {"Calendar": visible(label), "share": share, "Probability": f"{100 * share:.1f} %", "Exams": visible(exams)}
            for label, share, exams in rows
        ]
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("Calendar:N", sort=None, axis=None), tooltip=["Calendar:N", "Probability:N", "Exams:N"]
    )
    share = alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, max(1.25 * float(frame["share"].max()), 0.01)]))
    bars = base.mark_bar(color=charts.PALETTE[0], cornerRadiusEnd=3, height=10, yOffset=9).encode(x=share)
    words = base.mark_text(align="left", dx=5, dy=9, fontSize=12, color=charts.DARK).encode(
        x=share, text="Probability:N"
    )
    # above its bar: beside it a name of two exams would leave the bar no room
    names = base.mark_text(align="left", dy=-6, fontSize=12, color=charts.INK, limit=alt.ExprRef("width"))
    layers = [bars, words, names.encode(x=alt.value(0), text="Calendar:N")]
    charts.show(alt.LayerChart(layer=layers), alt_text=alt_text, height=44 * len(frame))


def cost_months(rows: Sequence[Row], *, alt_text: str) -> None:
    """Cost of months ahead: what is known and the expected parts stacked, their sum as a tick, 80 % as a whisker."""
    parts = pd.DataFrame(
        [
            {
                "Month": f"{row['starts_on']:%b %y}",
                "Part": PARTS[name],
                "rank": rank,
                "amount": row[f"{name}_inr"] or 0.0,
                "Cost": short_inr(row[f"{name}_inr"]),
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
                "Expected": short_inr(row["mean"]),
                "80 %": " to ".join(short_inr(row[q]) for q in ("q10", "q90")),
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
                scale=alt.Scale(domain=names, range=[_KNOWN, *charts.PALETTE[: len(names) - 1]]),
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


def short_inr(amount: float | None) -> str:
    """Rupees of an estimate as people say them: ₹6.51 crore."""
    return compact_inr(None if amount is None else Decimal(str(round(amount, 2))))


def whole_inr(amount: Decimal | float | None) -> str:
    """Rupees of an estimate in full; it knows no paise."""
    return format_inr(None if amount is None else Decimal(round(amount)), 0)
