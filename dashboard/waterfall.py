"""A waterfall: from one amount to another, step by step. Lying down, so that its words fit on a telephone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import altair as alt
import pandas as pd

from dashboard import charts

_TOTAL, _MORE, _LESS = "Total", "Costs more", "Costs less"
_RANGE = [charts.PALETTE[0], charts.PALETTE[3], charts.PALETTE[4]]


@dataclass(frozen=True)
class Step:
    """A bar: an amount as it stands (`is_total`), or by how much it moves."""

    name: str
    amount: Decimal
    is_total: bool = False


def draw(steps: Sequence[Step], write: charts.Write, *, alt_text: str) -> None:
    """Draw the steps from top to bottom; what costs more goes right, what costs less goes left."""
    frame = pd.DataFrame(bars(steps, write))
    low, high = float(frame[["start", "end"]].min().min()), float(frame[["start", "end"]].max().max())
    room = (high - low) * 0.3 or 1.0  # for the words beside the bars
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "Step:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=130, labelPadding=6)
        )
    )
    drawn = base.mark_bar(cornerRadius=2, height={"band": 0.72}).encode(
        x=alt.X("start:Q", title=None, scale=alt.Scale(domain=[low, high + room], nice=False), axis=_axis()),
        x2="end:Q",
        color=alt.Color("Kind:N", scale=alt.Scale(domain=[_TOTAL, _MORE, _LESS], range=_RANGE), legend=charts.legend()),
        tooltip=["Step:N", "Cost:N"],
    )
    words = base.mark_text(align="left", dx=6, fontSize=12, color=charts.INK).encode(x="right:Q", text="Cost:N")
    charts.show(drawn + words, alt_text=alt_text, height=34 * len(frame) + 30)


def _axis() -> alt.Axis:
    return alt.Axis(labelExpr=charts.axis_expression("INR"), tickCount=4, domain=False, ticks=False, title=None)


def bars(steps: Sequence[Step], write: charts.Write) -> list[dict[str, object]]:
    """Where each bar begins and ends, and what is written beside it."""
    at = Decimal(0)
    laid: list[dict[str, object]] = []
    for step in steps:
        start = Decimal(0) if step.is_total else at
        at = start + step.amount
        kind = _TOTAL if step.is_total else _MORE if step.amount > 0 else _LESS
        sign = "+" if step.amount > 0 and not step.is_total else ""
        laid.append(
            {
                "Step": step.name,
                "start": float(start),
                "end": float(at),
                "right": float(max(start, at)),
                "Kind": kind,
                "Cost": sign + write(step.amount),
            }
        )
    return laid
