"""Any question to the charges: group and filter by every dimension or tag, down to one resource and day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import next_month
from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.measure import Measure, choose_measure, tell_unpriced
from dashboard.slices import DIMENSIONS, Dimension, Filter, Period, Slice
from dashboard.status import Calendar, read_calendar
from dashboard.view import View
from warehouse import Result

TAG: Final = "a tag"
LARGEST: Final = 8
#: Rows on a page and in its download; a longer answer is for `kifayat query`.
ROWS: Final = 1000
VALUES: Final = 300


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Explorer")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    measure = choose_measure()
    period = _period(context, calendar)
    if period is None:
        st.info("Choose the last day of the period.")
        return
    everything = Slice(measure, period)
    with st.container(horizontal=True, vertical_alignment="bottom", key="question"):
        by = _dimension(context, everything)
    filters = _filters(context, everything)
    if by is None:
        st.info("Choose a tag key.")
        return
    asked = everything.but(*filters)
    chosen = _answer(context, asked, by)
    if chosen is not None:
        _resources(context, asked.but(Filter(by, chosen)), by, chosen[0])


def _period(context: Context, calendar: Calendar) -> Period | None:
    """Invoice months, or days in India."""
    oldest = context.value("SELECT MIN(x_BillingMonth) FROM periods") or calendar.current
    with st.container(horizontal=True, vertical_alignment="bottom", key="period"):
        kind = st.segmented_control("Period", ["Months", "Days"], default="Months", required=True, key="period-kind")
        if kind == "Days":
            last = calendar.whole_through
            end = next_month(calendar.current) - timedelta(days=1)
            picked: Any = st.date_input(
                "Days, in India", (max(oldest, last - timedelta(days=29)), last), min_value=oldest, max_value=end,
                format="DD/MM/YYYY", key="period-days", width=260,
            )  # fmt: skip
            return Period(picked[0], picked[1], by_day=True) if len(picked) == 2 else None
        months = _months(oldest, calendar.current)
        at = max(len(months) - 2, 0)
        first = st.selectbox("From", months, at, format_func=widgets.month_text, key="period-from", width=160)
        last_month = st.selectbox("To", months, at, format_func=widgets.month_text, key="period-to", width=160)
    return Period(min(first, last_month), max(first, last_month))


def _months(first: date, last: date) -> list[date]:
    months = [first]
    while months[-1] < last:
        months.append(next_month(months[-1]))
    return months


def _dimension(context: Context, everything: Slice) -> Dimension | None:
    options = [*DIMENSIONS, TAG]
    labels = {**DIMENSIONS, TAG: "A tag …"}
    name = st.selectbox("Group by", options, format_func=labels.__getitem__, key="group-by", width=260)
    if name != TAG:
        return Dimension(name)
    key = st.selectbox(
        "Tag key", _tag_keys(context, everything), index=None, accept_new_options=True, key="group-tag", width=260
    )
    return Dimension(key, is_tag=True) if key else None


def _tag_keys(context: Context, everything: Slice) -> list[str]:
    return [row[0] for row in context.query(*everything.tag_keys(VALUES)).rows]


def _filters(context: Context, everything: Slice) -> list[Filter]:
    """One multiselect per dimension that is filtered on."""
    filters: list[Filter] = []
    with st.expander("Filters", icon=":material/filter_alt:"):
        names = st.multiselect(
            "Filter by", [*DIMENSIONS, TAG], format_func={**DIMENSIONS, TAG: "Tags …"}.__getitem__, key="filter-by"
        )
        dimensions = [Dimension(name) for name in names if name != TAG]
        if TAG in names:
            keys = st.multiselect(
                "Tag keys", _tag_keys(context, everything), accept_new_options=True, key="filter-tags"
            )
            dimensions += [Dimension(key, is_tag=True) for key in keys]
        for dimension in dimensions:
            known = [row[0] for row in context.query(*everything.values(dimension, VALUES)).rows]
            picked = st.multiselect(
                widgets.escape(dimension.label), known, format_func=widgets.shown, key=f"filter-{dimension}"
            )
            if picked:
                filters.append(Filter(dimension, tuple(picked)))
    return filters


def _answer(context: Context, asked: Slice, by: Dimension) -> tuple[str | None] | None:
    """Chart and table; the name that was chosen in the table (itself None for charges without one), or None."""
    measure = asked.measure
    result = context.query(*asked.totals(by, ROWS))
    rows = result.to_dicts()
    if not rows:
        st.info("No charges match.")
        return None
    is_cut = len(rows) == ROWS
    amounts = [row["amount"] for row in rows if row["amount"] is not None]
    total: Decimal | None = sum(amounts, Decimal(0)) if amounts else None
    groups = "1 group" if len(rows) == 1 else f"{len(rows)} groups"
    if is_cut:
        total = context.value(*asked.total())
        groups = f"all groups, of which the {ROWS} largest are listed"
    st.markdown(f"**{widgets.escape(measure.exact(total))}** in {groups}")
    if is_cut or any(row["unpriced"] for row in rows):
        tell_unpriced(measure, context.query(*asked.unpriced()).rows)
    if amounts:
        _chart(context, asked, by, [row["name"] for row in rows[:LARGEST]])
    st.caption("Choose a row to see its resources.")
    index = widgets.table(
        [
            {
                by.label: widgets.plain(row["name"]),
                "Cost": row["amount"],
                "Share": widgets.ratio(row["amount"], total),
                "Charges": row["charges"],
            }
            for row in rows
        ],
        money={"Cost": measure.exact},
        percent=("Share",),
        alt=f"Cost by {by.label}",
        key="groups",
        select=True,
    )
    _download(result, "kifayat-groups", measure)
    return None if index is None else (rows[index]["name"],)


def _chart(context: Context, asked: Slice, by: Dimension, top: Sequence[str | None]) -> None:
    measure = asked.measure
    points = context.query(*asked.over_time(by, top, charts.OTHER, widgets.NOTHING)).rows
    order = [widgets.shown(name) for name in top]
    if any(name == charts.OTHER for _, name, _ in points):
        order.append(charts.OTHER)
    title = f"Cost by {'day' if asked.is_short else 'month'} and {by.label}"
    if asked.is_short:
        charts.stacked_days(points, order, measure.exact, measure.currency, alt_text=title)
    else:
        charts.stacked_months(points, order, measure.exact, measure.currency, alt_text=title)


def _resources(context: Context, asked: Slice, by: Dimension, name: str | None) -> None:
    """The resources behind a row; choosing one shows its days."""
    measure = asked.measure
    st.subheader("Resources")
    st.caption(f"{widgets.escape(by.label)}: {widgets.escape(widgets.shown(name))}")
    result = context.query(*asked.resources(ROWS))
    rows = result.to_dicts()
    index = widgets.table(
        [
            {
                "Resource": widgets.plain(row["ResourceName"] or row["ResourceId"]),
                "Cost": row["amount"],
                "Service": row["ServiceName"],
                "Region": row["RegionId"],
                "Team": row["x_Team"],
                "Charges": row["charges"],
                "Identifier": row["ResourceId"],
            }
            for row in rows
        ],
        money={"Cost": measure.exact},
        alt="Cost by resource",
        key="resources",
        select=True,
    )
    _download(result, "kifayat-resources", measure)
    if index is None:
        st.caption("Choose a resource to see its days.")
        return
    identifier = rows[index]["ResourceId"]
    _days(context, asked.but(Filter(Dimension("ResourceId"), (identifier,))), identifier)


def _days(context: Context, asked: Slice, identifier: str | None) -> None:
    """One resource by day and usage type."""
    measure = asked.measure
    st.subheader("Days")
    st.caption(widgets.escape(widgets.shown(identifier)))
    result = context.query(*asked.days())
    rows = result.to_dicts()
    sums: dict[str, Decimal] = {}
    for row in rows:
        name = widgets.shown(row["meter"])
        sums[name] = sums.get(name, Decimal(0)) + (row["amount"] or 0)
    order = sorted(sums, key=lambda name: (-sums[name], name))
    points = [(row["day"], widgets.shown(row["meter"]), row["amount"]) for row in rows]
    charts.stacked_days(points, order, measure.exact, measure.currency, alt_text="Cost of the resource by day")
    widgets.table(
        [
            {
                "Day": row["day"],
                "Usage": row["meter"],
                "Pricing": row["PricingCategory"],
                "Quantity": row["quantity"],
                "Unit": row["unit"],
                "Cost": row["amount"],
            }
            for row in rows
        ],
        money={"Cost": measure.exact},
        alt="Cost of the resource by day and usage type",
        key="days",
    )
    _download(result, "kifayat-days", measure)


def _download(result: Result, name: str, measure: Measure) -> None:
    """The rows as queried; the column of the amount says which one it is."""
    title = f"{measure.basis.replace(' ', '')}Cost{measure.currency.title()}"
    columns = tuple(title if column == "amount" else column for column in result.columns)
    widgets.download(Result(columns, result.types, result.rows), name, key=f"download-{name}")


VIEW = View("Explorer", "Costs", 20, ":material/travel_explore:", render)
