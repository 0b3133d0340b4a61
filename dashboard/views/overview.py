"""The first page: what this month costs so far, what the last one cost, and where it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import Money, ist_date, next_month
from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.measure import Measure, choose_measure
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


@dataclass(frozen=True)
class Calendar:
    """Which month is the open one and up to which day its data is whole."""

    current: date
    complete_through: datetime | None

    @property
    def last(self) -> date:
        """The invoice month before the current one."""
        return (self.current - timedelta(days=1)).replace(day=1)

    @property
    def before_last(self) -> date:
        """The one before that."""
        return (self.last - timedelta(days=1)).replace(day=1)

    @property
    def first(self) -> date:
        """The oldest month on the page, a year before the current one."""
        return self.current.replace(year=self.current.year - 1)

    @property
    def whole_through(self) -> date:
        """The last day in India that is known from beginning to end."""
        if self.complete_through is None:
            return next_month(self.current) - timedelta(days=1)
        return ist_date(self.complete_through.replace(tzinfo=UTC)) - timedelta(days=1)

    @property
    def is_open(self) -> bool:
        """Whether charges of the current month are still to come."""
        # invoice months end at midnight in UTC or in California: both are on the first of the next month in India
        return self.whole_through < next_month(self.current) - timedelta(days=1)


def read_calendar(context: Context) -> Calendar | None:
    """The calendar of the store, or None if it holds no charges."""
    rows = context.query(
        "SELECT MAX(last_month), MIN(complete_through) FILTER (last_month = newest) FROM"
        " (SELECT last_month, complete_through, MAX(last_month) OVER () AS newest FROM freshness"
        " WHERE x_ExportName IN (SELECT x_ExportName FROM periods))"
    ).rows
    return Calendar(rows[0][0], rows[0][1]) if rows and rows[0][0] else None


def render(context: Context) -> None:
    """Draw the page."""
    st.title(widgets.escape(context.company))
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    _status(context, calendar)
    _laggards(context, calendar)
    measure = choose_measure()
    months = _months(context, measure, calendar)
    _figures(months, measure, calendar)
    _unpriced(context, measure, calendar)
    _month_chart(months, measure, calendar)
    _trend(context, measure, calendar)
    _breakdown(context, measure, calendar, months)


def _status(context: Context, calendar: Calendar) -> None:
    """The badge, and how far the data reaches."""
    with st.container(horizontal=True, vertical_alignment="center", key="status", gap="small"):
        reconciled_badge(context)
        st.caption(
            f"Complete through **{widgets.instant_text(calendar.complete_through)}** · "
            f"published {widgets.instant_text(context.snapshot.published_at)} · "
            f"generation {context.snapshot.generation}"
        )


def _laggards(context: Context, calendar: Calendar) -> None:
    """Exports that ended days before the newest one: the months on the cards lack what they would have brought."""
    rows = context.query(
        "SELECT x_ExportName, BillingAccountId, complete_through FROM"
        " (SELECT *, MAX(complete_through) OVER () AS newest FROM freshness"
        "  WHERE x_ExportName IN (SELECT x_ExportName FROM periods))"
        " WHERE complete_through < newest - INTERVAL 72 HOUR AND last_month >= $first ORDER BY complete_through",
        {"first": calendar.before_last},
    ).rows
    if rows:
        lines = [
            f"- {widgets.escape(export)}, account {widgets.escape(account)}: nothing after {widgets.instant_text(end)}"
            for export, account, end in rows
        ]
        st.warning("These exports have stopped; the figures lack their later days:\n" + "\n".join(lines))


def reconciled_badge(context: Context) -> None:
    """Green when files = rows = marts = invoices for every bill, else red with what differs."""
    rows = context.query(
        "SELECT BillingCurrency, SUM(COALESCE(invoice_difference, difference)), COUNT(*) FROM reconciliation"
        " WHERE NOT is_reconciled GROUP BY 1 ORDER BY 1"
    ).rows
    with st.container(key="badge-reconciled", width="content"):
        if not rows:
            st.badge("Every rupee reconciled", icon=":material/verified:", color="green")
            return
        parts = [
            f"{Money(amount or Decimal(0), currency)} in {count} {'bill' if count == 1 else 'bills'}"
            for currency, amount, count in rows
        ]
        text = widgets.escape("Not reconciled: " + ", ".join(parts))
        st.badge(text, icon=":material/error:", color="red", help="See the data health page.")


Months = dict[date, dict[str, Any]]


def _months(context: Context, measure: Measure, calendar: Calendar) -> Months:
    """Total, credits, tax and the first days of each invoice month."""
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
            SUM({measure.amount}) FILTER ({measure.condition} AND x_ChargeOn < x_BillingMonth + $days) AS same_days,
            COUNT(*) FILTER ({measure.condition} AND ({measure.amount}) IS NULL AND {measure.native} <> 0) AS unpriced
        FROM cost_daily
        WHERE x_BillingMonth >= $first AND x_BillingMonth <= $current
        GROUP BY 1 ORDER BY 1
        """,
        {
            "first": calendar.first,
            "current": calendar.current,
            "days": (calendar.whole_through - calendar.current).days + 1,
        },
    )
    return {row["month"]: row for row in result.to_dicts()}


def _figures(months: Months, measure: Measure, calendar: Calendar) -> None:
    current = months.get(calendar.current, {})
    last = months.get(calendar.last, {})
    before = months.get(calendar.before_last, {})
    names = [widgets.month_text(month) for month in (calendar.current, calendar.last, calendar.before_last)]
    day = f"{calendar.whole_through.day} {calendar.whole_through:%b}"
    pace, more = _change(current, last, "same_days", measure) if calendar.is_open else (None, "")
    change, more_than_before = _change(last, before, "total", measure)
    with st.container(key="figures"):
        first, second, third, fourth = st.columns(4, gap="small")
    with first:
        label = f"{names[0]} to date" if calendar.is_open else names[0]
        note = "so far" if calendar.is_open else "complete"
        if pace:
            note = f"{more} vs the same days of {calendar.last:%B}, to {day}"
        _card("month-to-date", label, current.get("total"), measure, pace, note)
    with second:
        note = f"{more_than_before} vs {names[2]}" if change else "last full month"
        _card("last-month", names[1], last.get("total"), measure, change, note)
    with third:
        _card("credits", f"Credits in {calendar.last:%B}", last.get("credits"), measure, None, "counted in the total")
    with fourth:
        note = "counted in the total" if measure.with_tax else "not in the total"
        _card("tax", f"GST in {calendar.last:%B}", last.get("tax"), measure, None, note)


def _change(now: Mapping[str, Any], before: Mapping[str, Any], of: str, measure: Measure) -> tuple[str | None, str]:
    """Per cent, and the amount as Markdown; nothing when a part of either has no rate: it would be no change."""
    share = widgets.change_text(now.get(of), before.get(of))
    if share is None or now["unpriced"] or before["unpriced"]:
        return None, ""
    amount = now[of] - before[of]
    return share, widgets.escape(("+" if amount > 0 else "") + measure.compact(amount))


def _card(key: str, label: str, amount: Decimal | None, measure: Measure, delta: str | None, note: str) -> None:
    widgets.figure(key, label, measure.compact(amount), measure.exact(amount), delta=delta, note=note)


def _unpriced(context: Context, measure: Measure, calendar: Calendar) -> None:
    """What has no rate is shown in its own currency, never counted as zero."""
    rows = context.query(
        f"""
        SELECT BillingCurrency, x_BillingMonth, SUM({measure.native}), MAX(COALESCE(x_InrReason, 'no dollar rate'))
        FROM cost_daily
        WHERE x_BillingMonth >= $first AND {measure.condition} AND ({measure.amount}) IS NULL AND {measure.native} <> 0
        GROUP BY 1, 2 ORDER BY 2, 1
        """,
        {"first": calendar.first},
    ).rows
    widgets.unpriced(rows)


def _month_chart(months: Months, measure: Measure, calendar: Calendar) -> None:
    st.subheader("By month")
    points = [
        (month, row["total"], calendar.is_open and month == calendar.current)
        for month, row in sorted(months.items())[-MONTHS:]
    ]
    charts.month_bars(points, measure.exact, measure.currency)


def _trend(context: Context, measure: Measure, calendar: Calendar) -> None:
    st.subheader(f"By day and service, {TREND_DAYS} days to {calendar.whole_through:%d %B %Y}")
    rows = context.query(
        f"""
        WITH days AS (
            SELECT x_ChargeOn, ServiceName, SUM({measure.amount}) AS amount
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
            MIN(place) AS place
        FROM days JOIN ranked ON days.ServiceName IS NOT DISTINCT FROM ranked.ServiceName
        GROUP BY 1, 2 ORDER BY 1, place
        """,
        {
            "first": calendar.whole_through - timedelta(days=TREND_DAYS), "last": calendar.whole_through,
            "largest": LARGEST, "other": charts.OTHER, "nothing": widgets.NOTHING,
        },
    ).rows  # fmt: skip
    if not rows:
        st.caption("No charges in these days.")
        return
    places: dict[str, int] = {}
    for _, name, _, place in rows:
        places[name] = min(place, places.get(name, place))
    order = sorted(places, key=places.__getitem__)
    charts.stacked_days(
        [(day, name, amount) for day, name, amount, _ in rows], order, measure.exact, measure.currency,
        alt_text="Cost by day, stacked by service",
    )  # fmt: skip


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
    days = (calendar.whole_through - calendar.current).days + 1 if month == calendar.current else 31
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
                    SUM({measure.amount}) FILTER (x_BillingMonth = $before) AS before
                FROM cost_daily
                WHERE x_BillingMonth IN ($month, $before) AND {measure.condition}
                    AND x_ChargeOn < x_BillingMonth + $days
                GROUP BY 1 ORDER BY amount DESC NULLS LAST, name
                """,
                {"month": month, "before": before, "days": days},
            ).rows
            _shares(label, rows, measure, before, partly=month == calendar.current and calendar.is_open)


def _shares(label: str, rows: Sequence[tuple[Any, ...]], measure: Measure, before: date, *, partly: bool) -> None:
    total = sum((amount for _, amount, _ in rows if amount is not None), Decimal(0))
    if not rows:
        st.caption("No charges in this month.")
        return
    now_name = "Whole days" if partly else "Cost"
    earlier = f"{before:%b %Y}" + (", same days" if partly else "")
    left, right = st.columns([2, 3])
    with left:
        top = [(str(widgets.plain(name)), amount) for name, amount, _ in rows if amount][:12]
        charts.bars(top, measure.exact, measure.currency, alt_text=f"Cost by {label.lower()}")
    with right:
        widgets.table(
            [
                {
                    label: widgets.plain(name),
                    now_name: amount,
                    "Share": widgets.ratio(amount, total),
                    earlier: previous,
                    "Change": None if (part := widgets.ratio(amount, previous)) is None else part - 1,
                }
                for name, amount, previous in rows
            ],
            money={now_name: measure.exact, earlier: measure.exact},
            percent=("Share", "Change"),
            key=f"shares-{label}",
        )


VIEW = View("Overview", "Costs", 10, ":material/dashboard:", render)
