"""The cards of the cost per user: the figure against its target, users, days, peaks and one more lakh."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import streamlit as st

from core import compact_inr, format_inr
from dashboard import widgets
from dashboard.context import Context
from dashboard.unit_cost import (
    Month,
    Story,
    daily_means,
    is_upper_bound,
    marginal_rows,
    month_reason,
    people,
    people_short,
    rupees_each,
    rupees_short,
)


def figures(context: Context, story: Story) -> None:
    """The cost per user against its target on the left, what explains it on the right."""
    st.html(
        "<style>.st-key-metric-cost-per-user [data-testid=stMetricValue]{font-size:3rem;line-height:1.15}"
        ".st-key-metric-cost-per-user [data-testid=stMetricLabel] p{font-size:1rem}</style>"
    )
    month = None if story.last is None else story.months.get(story.last)
    left, right = st.columns([5, 7], gap="small")
    with left:
        _hero(context, story, month)
    with right, st.container(key="figures"):
        for cards in ((_users_card, _daily_card), (_peak_card, _lakh_card)):
            for column, card in zip(st.columns(2, gap="small"), cards, strict=True):
                with column:
                    card(context, story)


def _hero(context: Context, story: Story, month: Month | None) -> None:
    name = "last whole month" if story.last is None else widgets.month_text(story.last)
    with st.container(border=True, key="metric-cost-per-user", height="stretch"):
        each = None if month is None else month.per_user_inr
        st.metric(f"Per monthly active user, {name}", widgets.escape(rupees_short(each)))
        if month is None or each is None:
            st.markdown(f"Not known: {widgets.escape(month_reason(story, story.last))}.")
            return
        _target(context, story, month)
        for comparison in ("month", "year"):
            st.markdown(_against(story, month, comparison))
        st.caption(
            f"{widgets.escape(format_inr(month.cost_inr))} ÷ {people(month.users)} users"
            f" = {widgets.escape(rupees_each(each))}  \nunrounded {widgets.escape(f'₹{each:f}')}"
        )
        if month.month in story.unpriced:
            st.caption("A part of the cost has no exchange rate and is not in the figure.")
        if is_upper_bound(context, month.month):
            st.caption(
                "The users are the sum of the products: who uses two is counted twice, so a user costs at least this. "
                "Bring a count for the product `all`."
            )


def _target(context: Context, story: Story, month: Month) -> None:
    """Whether the target is met, as the mart says; it is set without GST."""
    if story.target_inr is None:
        return
    state = context.value(
        "SELECT state FROM scores WHERE metric = 'cost_per_user_inr' AND x_BillingMonth = $month",
        {"month": month.month},
    )
    words = f"target {rupees_short(story.target_inr)}" + (", which is without GST" if story.with_tax else "")
    if state == "met":
        st.badge(widgets.escape(f"Within the {words}"), icon=":material/check_circle:", color="green")
    elif state == "missed":
        st.badge(widgets.escape(f"Above the {words}"), icon=":material/error:", color="red")


def _against(story: Story, month: Month, comparison: str) -> str:
    """The change to another month in a line, or why there is none."""
    earlier = story.before(month.month, comparison)
    what = widgets.month_text(earlier) + ("" if comparison == "month" else ", as far from its exam")
    before = story.months.get(earlier)
    each = None if before is None else before.per_user_inr
    if month.per_user_inr is None or each is None:
        return (
            f"Not compared with {what}: {'no charges are loaded' if before is None else widgets.escape(before.reason)}."
        )
    if {month.month, earlier} & story.unpriced:
        return f"Not compared with {what}: a part of the cost has no exchange rate."
    amount = month.per_user_inr - each
    share = widgets.change_text(month.per_user_inr, each)
    signed = widgets.escape(("+" if amount > 0 else "") + rupees_short(amount))
    colour = "red" if amount > 0 else "green"
    text = f"{widgets.escape(share)} ({signed})" if share else signed
    return f":{colour}[**{text}**] against {what}, {widgets.escape(rupees_short(each))}"


def _users_card(context: Context, story: Story) -> None:
    month = None if story.last is None else story.months.get(story.last)
    label, users = "Monthly active users", None if month is None else month.users
    if month is None or users is None:
        widgets.figure("users", label, "—", "not counted", note=widgets.escape(month_reason(story, story.last)))
        return
    before = story.months.get(story.before(month.month, "month"))
    count = None if before is None or not before.users else Decimal(before.users)
    change = widgets.change_text(Decimal(users), count)
    note = f"{change} against {widgets.month_text(before.month)}" if change and before else "as counted"
    widgets.figure(
        "users", label, people_short(users), people(users), note=widgets.escape(note),
        help="As the feed counts them; never a sum of days.",
    )  # fmt: skip


def _daily_card(context: Context, story: Story) -> None:
    label = "Per daily user a day"
    means = _means(context, story)
    if means.get("per_user") is None:
        widgets.figure("daily", label, "—", "not known", note=_daily_reason(means))
        return
    note = f"usage on {means['user_days']} of {means['days']} days of {widgets.month_text(story.last)}"
    widgets.figure(
        "daily", label, rupees_short(means["per_user"]), rupees_each(means["per_user"]), note=note,
        help="Cost of usage ÷ daily active users, over the days on which they are counted. Without GST and fees.",
    )  # fmt: skip


def _peak_card(context: Context, story: Story) -> None:
    label = "Per peak user-hour"
    means = _means(context, story)
    if means.get("per_peak_hour") is None:
        widgets.figure("peak", label, "—", "not known", note="no users at the same time are counted")
        return
    note = f"usage on {means['peak_days']} of {means['days']} days of {widgets.month_text(story.last)}"
    widgets.figure(
        "peak", label, rupees_short(means["per_peak_hour"]), rupees_each(means["per_peak_hour"]), note=note,
        help="Cost of usage of an hour ÷ the most users of the day at the same time: the platform is built to carry "
        "them.",
    )  # fmt: skip


def _lakh_card(context: Context, story: Story) -> None:
    label = "One lakh more users"
    row = next((row for row in marginal_rows(context) if row["x_Service"] == "all"), None)
    if row is None or row["lakh_inr"] is None:
        reason = "no usage is known" if row is None else row["reason"]
        widgets.figure("lakh", label, "—", "not known", note=widgets.escape(reason))
        return
    band = f"{compact_inr(row['lakh_low_inr'])} to {compact_inr(row['lakh_high_inr'])}"
    widgets.figure(
        "lakh", label, compact_inr(row["lakh_inr"]), f"{band}, 4 times of 5",
        note=widgets.escape(f"a month, of daily users; the average lakh: {compact_inr(row['lakh_average_inr'])}"),
        help="What one lakh more daily active users would add in 30 days, learnt from the last year of days. The "
        "average is dearer, because it carries what is always on.",
    )  # fmt: skip


def _means(context: Context, story: Story) -> dict[str, Any]:
    return {} if story.last is None else daily_means(context, story.last)


def _daily_reason(means: Mapping[str, Any]) -> str:
    return "no month is over yet" if not means else widgets.escape(means["reason"] or "no usage is known")
