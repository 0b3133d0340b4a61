"""Why the cost of a month changed: a waterfall of causes that add up exactly, then by provider and service."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final

import streamlit as st

from core import compact_inr, format_inr
from dashboard import waterfall, widgets
from dashboard.context import Context
from dashboard.unit_cost import Story

#: Column of cost_changes -> words, in the order in which the causes are taken off one by one.
EFFECTS: Final = {
    "users": "Users",
    "usage_per_user": "Usage per user",
    "mix": "Mix",
    "list_price": "List price",
    "rate": "Rate",
    "fx": "Exchange rate",
    "other": "Other",
    "tax": "GST",
}
EXPLAINED: Final = {
    "users": "more or fewer monthly active users, each using what a user used before.",
    "usage_per_user": "each user used more or less, all services together, at the prices before.",
    "mix": "usage moved between dearer and cheaper services, regions and types.",
    "list_price": "the providers changed their public prices.",
    "rate": "discounts and commitments: how much of the list price is paid, and what was committed but not used.",
    "fx": "the rupee moved against the currency of the bill.",
    "other": "what comes once: support, credits, refunds and marketplace.",
    "tax": "GST, which also moves with the cost that it is levied on.",
}
COMPARISONS: Final = {"month": "Month before", "year": "Same phase, a year earlier"}

_SUMS: Final = ", ".join(f'SUM("{effect}") AS "{effect}"' for effect in EFFECTS)


def changes(context: Context, story: Story, month: date) -> None:
    """The comparison that is chosen, or why there is none."""
    st.subheader(f"Why did {widgets.month_text(month)} change?")
    comparison: str = st.segmented_control(
        "Compared with", list(COMPARISONS), default="month", format_func=COMPARISONS.__getitem__, key="comparison",
        required=True,
    )  # fmt: skip
    params = {"month": month, "comparison": comparison}
    sums = context.query(
        f"SELECT compared_with, SUM(before_inr) AS before, SUM(after_inr) AS after, {_SUMS}, MAX(reason) AS reason"
        " FROM cost_changes WHERE x_BillingMonth = $month AND comparison = $comparison GROUP BY 1",
        params,
    ).to_dicts()
    if not sums:
        st.info(_why_nothing(story, month, comparison), icon=":material/info:")
        return
    whole = sums[0]
    earlier = whole["compared_with"]
    _headline(month, earlier, whole["before"], whole["after"])
    left, right = st.columns([3, 2], gap="medium")
    with left:
        steps = [
            waterfall.Step(f"{earlier:%b %Y}", whole["before"], is_total=True),
            *(waterfall.Step(name, whole[effect]) for effect, name in EFFECTS.items()),
            waterfall.Step(f"{month:%b %Y}", whole["after"], is_total=True),
        ]
        moves = ", ".join(f"{name} {compact_inr(whole[effect])}" for effect, name in EFFECTS.items() if whole[effect])
        waterfall.draw(
            steps,
            compact_inr,
            alt_text=f"From {compact_inr(whole['before'])} to {compact_inr(whole['after'])}: {moves or 'no change'}",
        )
        st.caption("Effective cost with GST. The steps add up exactly.")
    with right:
        lines = [f"- **{name}** {_signed(whole[effect])}: {EXPLAINED[effect]}" for effect, name in EFFECTS.items()]
        st.markdown("\n".join(lines))
        if whole["reason"]:
            st.caption(f"Not told apart: {widgets.escape(whole['reason'])}.")
    _by_service(context, params)


def _headline(month: date, earlier: date, before: Decimal, after: Decimal) -> None:
    share = widgets.change_text(after, before)
    percent = f", {widgets.escape(share)}" if share else ""
    st.markdown(
        f"{widgets.month_text(earlier)} **{widgets.escape(compact_inr(before))}** → {widgets.month_text(month)} "
        f"**{widgets.escape(compact_inr(after))}**: {_signed(after - before)}{percent}"
    )


def _signed(amount: Decimal) -> str:
    return widgets.escape(("+" if amount > 0 else "") + compact_inr(amount))


def _why_nothing(story: Story, month: date, comparison: str) -> str:
    """Why a month is not compared; what to do, where anything can be done."""
    name, earlier = widgets.month_text(month), story.before(month, comparison)
    known = story.months.get(month)
    if known is not None and known.is_open:
        return f"{name} is not over: a part of a month explains nothing beside a whole one."
    first = min(story.months, default=month)
    if earlier < first:
        phase = "" if comparison == "month" else f", the month as far from its exam as {name}"
        return (
            f"There is nothing to compare {name} with: it would be {widgets.month_text(earlier)}{phase}, and the data "
            f"begins in {widgets.month_text(first)}. Older exports would fill it."
        )
    return f"{widgets.month_text(earlier)} or {name} has no cost in rupees that could be compared."


def _by_service(context: Context, params: dict[str, object]) -> None:
    names = ", ".join(f'"{effect}"' for effect in EFFECTS)
    result = context.query(
        f"SELECT ProviderName, ServiceName, before_inr, after_inr, after_inr - before_inr AS change_inr, {names}"
        " FROM cost_changes WHERE x_BillingMonth = $month AND comparison = $comparison"
        " ORDER BY ABS(after_inr - before_inr) DESC, ProviderName, ServiceName",
        params,
    )
    columns = {"before_inr": "Before", "after_inr": "After", "change_inr": "Change", **EFFECTS}
    widgets.table(
        [
            {
                "Provider": widgets.plain(row["ProviderName"]),
                "Service": widgets.plain(row["ServiceName"]),
                **{title: row[column] for column, title in columns.items()},
            }
            for row in result.to_dicts()
        ],
        money=dict.fromkeys(columns.values(), partial(format_inr, decimals=0)),
        alt="Change of cost by provider and service, the largest first",
        key="changes",
        height=390,
    )
    st.caption(
        "The largest change first, in whole rupees; the download has them exactly. For a single service, usage per "
        "user and mix may be large and opposite: usage per user takes every service to grow alike, and mix corrects "
        "it by what this one did. Read them as one."
    )
    widgets.download(result, "cost-changes", key="download-changes")
