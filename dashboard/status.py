"""How far the data reaches and whether it ties: what every figure on the pages depends on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

import streamlit as st

from core import Money, next_month
from dashboard import widgets
from dashboard.context import Context
from warehouse import REACH, whole_through

#: Providers take a day or two to bill usage; a week without any means that something has stopped.
AMBER_HOURS: Final = 48.0
RED_HOURS: Final = 7 * 24.0


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
    def same_days(self) -> int:
        """How many whole days the current month has that the last one has too: 28 March days against February."""
        return max(0, min((self.whole_through - self.current).days + 1, (self.current - self.last).days))

    def days_of(self, month: date) -> tuple[date, date]:
        """First and last of the `same_days` of a month."""
        return month, month + timedelta(days=self.same_days - 1)

    @property
    def first(self) -> date:
        """The oldest month on the page, a year before the current one."""
        return self.current.replace(year=self.current.year - 1)

    @property
    def whole_through(self) -> date:
        """The last day in India that is known from beginning to end."""
        return whole_through(self.current, self.complete_through)

    @property
    def is_open(self) -> bool:
        """Whether charges of the current month are still to come."""
        # invoice months end at midnight in UTC or in California: both are on the first of the next month in India
        return self.whole_through < next_month(self.current) - timedelta(days=1)


def read_calendar(context: Context) -> Calendar | None:
    """The calendar of the store, or None if it holds no charges."""
    rows = context.query(REACH).rows
    return Calendar(rows[0][0], rows[0][1]) if rows and rows[0][0] else None


def status(context: Context, calendar: Calendar) -> None:
    """How old the data is, whether it ties, and what was published when."""
    with st.container(horizontal=True, vertical_alignment="center", key="status", gap="small"):
        age_badge(calendar.complete_through, context.clock.now())
        reconciled_badge(context)
        published = widgets.instant_text(context.snapshot.published_at)
        st.caption(f"Published {published} · generation {context.snapshot.generation}")
    _laggards(context, calendar)


def light(hours: float | None) -> Literal["green", "orange", "red"]:
    """The colour of data of this age."""
    if hours is None or hours > RED_HOURS:
        return "red"
    return "orange" if hours > AMBER_HOURS else "green"


def age_text(hours: float | None) -> str:
    """31 h; after three days 4 days."""
    if hours is None:
        return "unknown"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def age_badge(complete_through: datetime | None, now: datetime) -> None:
    """Up to when the data is known and how long ago that was; red when something must have stopped."""
    hours = widgets.age_hours(complete_through, now)
    text = "It is not known how far the data reaches"
    if hours is not None:
        text = f"Data to {widgets.instant_text(complete_through)}, {age_text(max(hours, 0))} ago"
    with st.container(key="badge-age", width="content"):
        st.badge(text, icon=":material/schedule:", color=light(hours), help="See the data health page.")


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
