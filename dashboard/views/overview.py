"""The first page: what this month costs so far, what the last one cost, and where it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.measure import USAGE, Measure, choose_measure, tell_unpriced
from dashboard.scoreboard import scoreboard
from dashboard.status import Calendar, read_calendar, status
from dashboard.view import View

DIMENSIONS: Final = {
    "Provider": "ProviderName",
    "Service": "ServiceName",
    "Account": "COALESCE(SubAccountName, SubAccountId)",
    "Team": "x_Team",
}
TREND_DAYS: Final = 60
MONTHS: Final = 13
LARGEST: Final = 8
TO_DATE: Final = (
    "Every charge of the invoice month so far, also of the day that is not over yet, and fees that come once."
)
USAGE_EXPLAINED: Final = (
    "Only what is charged by the day: usage and the discounts on it, on days in India that are complete. Support and "
    "other monthly fees, purchases, credits, corrections and tax come all at once and would make two months differ."
)


def render(context: Context) -> None:
    """Draw the page."""
    st.title(widgets.escape(context.company))
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    measure = choose_measure()
    months = _months(context, measure, calendar)
    _figures(months, measure, calendar)
    if any(row["unpriced"] for row in months.values()):
        _unpriced(context, measure, calendar)
    if all(row["total"] is None for row in months.values()):
        return  # charts of nothing explain nothing: the reason stands above
    scoreboard(context, calendar)
    _month_chart(months, measure, calendar)
    _trend(context, measure, calendar)
    _breakdown(context, measure, calendar, months)


Months = dict[date, dict[str, Any]]


def _months(context: Context, measure: Measure, calendar: Calendar) -> Months:
    """Total, credits, tax and the usage of the compared days of each invoice month."""
    result = context.query(
        f"""
        SELECT
            x_BillingMonth AS month,
            SUM({measure.amount}) FILTER ({measure.condition}) AS total,
            -- none is zero; some without a rate is unknown
            CASE WHEN COUNT(*) FILTER (ChargeCategory = 'Credit') = 0 THEN 0
                ELSE SUM({measure.amount}) FILTER (ChargeCategory = 'Credit') END AS credits,
            CASE WHEN COUNT(*) FILTER (ChargeCategory = 'Tax') = 0 THEN 0
                ELSE SUM({measure.amount}) FILTER (ChargeCategory = 'Tax') END AS tax,
            -- by day, whatever month invoices it: late rows of July on the bill of August are usage of July
            SUM({measure.amount}) FILTER ({USAGE} AND x_ChargeOn BETWEEN $now_from AND $now_to) AS usage,
            SUM({measure.amount}) FILTER ({USAGE} AND x_ChargeOn BETWEEN $before_from AND $before_to) AS usage_before,
            COUNT(*) FILTER ({measure.condition} AND ({measure.amount}) IS NULL AND {measure.native} <> 0) AS unpriced
        FROM cost_daily
        WHERE x_BillingMonth >= $first AND x_BillingMonth <= $current
        GROUP BY 1 ORDER BY 1
        """,
        {"first": calendar.first, "current": calendar.current, **_same_days(calendar)},
    )
    return {row["month"]: row for row in result.to_dicts()}


def _same_days(calendar: Calendar) -> dict[str, date]:
    """The whole days of the open month and those of the month before, as parameters."""
    names = ("now_from", "now_to", "before_from", "before_to")
    return dict(zip(names, (*calendar.days_of(calendar.current), *calendar.days_of(calendar.last)), strict=True))


def _figures(months: Months, measure: Measure, calendar: Calendar) -> None:
    current = months.get(calendar.current, {})
    last = months.get(calendar.last, {})
    before = months.get(calendar.before_last, {})
    names = [widgets.month_text(month) for month in (calendar.current, calendar.last, calendar.before_last)]
    has_usage = calendar.is_open and calendar.same_days > 0
    with st.container(key="figures"):
        columns = iter(st.columns(5 if has_usage else 4, gap="small"))
    with next(columns):
        if calendar.is_open:
            label, note = f"{calendar.current:%b %Y} to date", "all charges so far, fees included"
            _card("month-to-date", label, current.get("total"), measure, None, note, TO_DATE)
        else:
            change, more = _change(current, last, "total", measure)
            note = f"{more} vs {names[1]}" if change else "complete"
            _card("month-to-date", names[0], current.get("total"), measure, change, note)
    if has_usage:
        with next(columns):
            _usage_card(months, measure, calendar)
    with next(columns):
        change, more = _change(last, before, "total", measure)
        note = f"{more} vs {names[2]}" if change else "last full month"
        _card("last-month", names[1], last.get("total"), measure, change, note)
    with next(columns):
        _card("credits", f"Credits in {calendar.last:%B}", last.get("credits"), measure, None, "counted in the total")
    with next(columns):
        note = "counted in the total" if measure.with_tax else "not in the total"
        _card("tax", f"GST in {calendar.last:%B}", last.get("tax"), measure, None, note)


def _usage_card(months: Months, measure: Measure, calendar: Calendar) -> None:
    """The same whole days of two months, of what is charged by the day."""
    rows = [row for month, row in months.items() if month >= calendar.last]
    unpriced = any(row["unpriced"] for row in rows)
    usage = _sum(rows, "usage")
    before = {"usage": _sum(rows, "usage_before"), "unpriced": unpriced}
    change, more = _change({"usage": usage, "unpriced": unpriced}, before, "usage", measure)
    earlier = widgets.days_text(*calendar.days_of(calendar.last))
    note = f"{more} vs {earlier}" if change else "whole days"
    label = f"Usage {widgets.days_text(*calendar.days_of(calendar.current), month='%b')}"
    _card("usage", label, usage, measure, change, note, f"{USAGE_EXPLAINED} Compared with {earlier}.")


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> Decimal | None:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known, Decimal(0)) if known else None


def _change(now: Mapping[str, Any], before: Mapping[str, Any], of: str, measure: Measure) -> tuple[str | None, str]:
    """Per cent, and the amount as Markdown; nothing when a part of either has no rate: it would be no change."""
    share = widgets.change_text(now.get(of), before.get(of))
    if share is None or now["unpriced"] or before["unpriced"]:
        return None, ""
    amount = now[of] - before[of]
    return share, widgets.escape(("+" if amount > 0 else "") + measure.compact(amount))


def _card(
    key: str,
    label: str,
    amount: Decimal | None,
    measure: Measure,
    delta: str | None,
    note: str,
    help: str | None = None,
) -> None:
    widgets.figure(key, label, measure.compact(amount), measure.exact(amount), delta=delta, note=note, help=help)


def _unpriced(context: Context, measure: Measure, calendar: Calendar) -> None:
    """What has no rate is shown in its own currency, never counted as zero."""
    rows = context.query(
        f"""
        SELECT BillingCurrency, x_BillingMonth, SUM({measure.native}), MAX(COALESCE(x_InrReason, 'no dollar rate'))
        FROM cost_daily
        WHERE x_BillingMonth >= $first AND {measure.condition} AND ({measure.amount}) IS NULL AND {measure.native} <> 0
        GROUP BY 1, 2 ORDER BY 2 DESC, 1
        """,
        {"first": calendar.first},
    ).rows
    tell_unpriced(measure, rows)


def _month_chart(months: Months, measure: Measure, calendar: Calendar) -> None:
    st.subheader("By month")
    points = [
        (month, row["total"], calendar.is_open and month == calendar.current)
        for month, row in sorted(months.items())[-MONTHS:]
    ]
    charts.month_bars(points, measure.exact, measure.currency)


def _trend(context: Context, measure: Measure, calendar: Calendar) -> None:
    st.subheader(f"Usage by day and service, {TREND_DAYS} days to {calendar.whole_through:%d %B %Y}")
    rows = context.query(
        f"""
        WITH days AS (
            SELECT x_ChargeOn, ServiceName,
                SUM({measure.amount}) FILTER ({USAGE}) AS amount,
                SUM({measure.amount}) FILTER ({USAGE} IS NOT TRUE) AS undrawn
            FROM cost_daily
            WHERE x_ChargeOn > $first AND x_ChargeOn <= $last AND {measure.condition}
            GROUP BY 1, 2
        ),
        ranked AS (
            SELECT ServiceName, ROW_NUMBER() OVER (ORDER BY SUM(amount) DESC NULLS LAST, ServiceName) AS place
            FROM days GROUP BY 1
        )
        SELECT
            x_ChargeOn,
            CASE WHEN place <= $largest THEN COALESCE(days.ServiceName, $nothing) ELSE $other END AS name,
            SUM(amount) AS amount,
            SUM(undrawn) AS undrawn,
            MIN(place) AS place
        FROM days JOIN ranked ON days.ServiceName IS NOT DISTINCT FROM ranked.ServiceName
        GROUP BY 1, 2 ORDER BY 1, place
        """,
        {
            "first": calendar.whole_through - timedelta(days=TREND_DAYS), "last": calendar.whole_through,
            "largest": LARGEST, "other": charts.OTHER, "nothing": widgets.NOTHING,
        },
    ).rows  # fmt: skip
    drawn = [(day, name, amount) for day, name, amount, _, _ in rows if amount is not None]
    if not drawn:
        st.caption("No usage is known in these days.")
        return
    places: dict[str, int] = {}
    for _, name, amount, _, place in rows:
        if amount is not None:
            places[name] = min(place, places.get(name, place))
    order = sorted(places, key=places.__getitem__)
    charts.stacked_days(
        drawn, order, measure.exact, measure.currency, alt_text="Cost of usage by day, stacked by service"
    )
    kinds = "fees, purchases, credits, adjustments" + (" and tax" if measure.with_tax else "")
    undrawn = sum((amount for _, _, _, amount, _ in rows if amount is not None), Decimal(0))
    st.caption(
        "Usage and the discounts on it. "
        f"Not drawn: {widgets.escape(measure.compact(undrawn))} of {kinds}, which come all at once; "
        "the explorer has them."
    )


@st.fragment
def _breakdown(context: Context, measure: Measure, calendar: Calendar, months: Months) -> None:
    st.subheader("Where it goes")
    options = [month for month in (calendar.last, calendar.current) if month in months]
    if not options:
        return
    month: date = st.segmented_control(
        "Month", options, default=options[0], format_func=widgets.month_text, key="breakdown-month", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    before = (month - timedelta(days=1)).replace(day=1)
    partly = month == calendar.current and calendar.is_open
    params: dict[str, Any] = {"month": month, "before": before}
    compared = ["x_BillingMonth = $month", "x_BillingMonth = $before"]
    if partly:
        compared = [f"{USAGE} AND x_ChargeOn BETWEEN ${name}_from AND ${name}_to" for name in ("now", "before")]
        params |= _same_days(calendar)
        st.caption(_compared_text(calendar))
    tabs = st.tabs(list(DIMENSIONS), key="breakdown", on_change="rerun")
    for tab, (label, column) in zip(tabs, DIMENSIONS.items(), strict=True):
        if not tab.open:
            continue
        with tab:
            rows = context.query(
                f"""
                SELECT
                    {column} AS name,
                    SUM({measure.amount}) FILTER (x_BillingMonth = $month) AS amount,
                    SUM({measure.amount}) FILTER ({compared[0]}) AS now,
                    SUM({measure.amount}) FILTER ({compared[1]}) AS before
                FROM cost_daily
                WHERE x_BillingMonth IN ($month, $before) AND {measure.condition}
                GROUP BY 1 ORDER BY amount DESC NULLS LAST, name
                """,
                params,
            ).rows
            _shares(label, rows, measure, before, partly=partly)


def _compared_text(calendar: Calendar) -> str:
    if calendar.same_days == 0:
        return "The month has no whole day yet that could be compared."
    now, before = (widgets.days_text(*calendar.days_of(month)) for month in (calendar.current, calendar.last))
    return f"Usage change: usage and the discounts on it, {now} against {before}. To date: everything, fees included."


def _shares(label: str, rows: Sequence[tuple[Any, ...]], measure: Measure, before: date, *, partly: bool) -> None:
    known = [amount for _, amount, _, _ in rows if amount is not None]
    if not known:
        st.caption("No cost is known in this month." if rows else "No charges in this month.")
        return
    total = sum(known, Decimal(0))
    cost, change = ("To date", "Usage change") if partly else ("Cost", "Change")
    earlier = f"{before:%b %Y}"
    left, right = st.columns([2, 3])
    with left:
        top = [(str(widgets.plain(name)), amount) for name, amount, _, _ in rows if amount][:12]
        charts.bars(top, measure.exact, measure.currency, alt_text=f"Cost by {label.lower()}")
    with right:
        widgets.table(
            [
                {
                    label: widgets.plain(name),
                    cost: amount,
                    change: None if (part := widgets.ratio(now, previous)) is None else part - 1,
                    "Share": widgets.ratio(amount, total),
                    **({} if partly else {earlier: previous}),
                }
                for name, amount, now, previous in rows
            ],
            money={cost: measure.exact, earlier: measure.exact},
            percent=("Share", change),
            alt=f"Cost by {label.lower()}",
            key=f"shares-{label}",
        )


VIEW = View("Overview", "Costs", 10, ":material/dashboard:", render)
