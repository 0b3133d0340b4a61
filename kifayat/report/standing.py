"""How far each bill reaches: which week is whole, which bills are late, and what no exchange rate turns into rupees.

A bill that is late is said, never silently short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from core import Money, ist_date
from kifayat.report.parts import Column, Table, clean, written
from kifayat.report.reading import Answer, Reading

#: Hours behind the newest bill after which one is late, as on the pages.
LATE_HOURS: Final = 72
#: Days without anything after which a bill has moved to another export or has ended: nobody waits for it.
ENDED_DAYS: Final = 45
#: Warnings of one kind; the rest is under Missing exchange rates.
_LINES: Final = 6
#: Days after the newest whole day from which on a report says that it is old.
OLD_DAYS: Final = 10
_BILLS: Final = """
WITH bills AS (
    SELECT x_ExportName, BillingAccountId, ProviderName, delivered_at, last_month,
        COALESCE(complete_through, CAST(last_month AS TIMESTAMP) + INTERVAL 1 MONTH) AS complete_through
    FROM freshness WHERE x_ExportName IN (SELECT x_ExportName FROM periods)
)
SELECT ProviderName, x_ExportName, BillingAccountId, complete_through, last_month,
    CAST(delivered_at + INTERVAL 330 MINUTE AS DATE) AS delivered_on,
    -- the last day in India that is whole: it is 5:30 there when it is midnight in UTC
    CAST(complete_through + INTERVAL 330 MINUTE AS DATE) - 1 AS whole_through,
    complete_through < MAX(complete_through) OVER () - $late_hours * INTERVAL 1 HOUR AS is_late
FROM bills QUALIFY complete_through >= MAX(complete_through) OVER () - $ended_days * INTERVAL 1 DAY
ORDER BY complete_through, x_ExportName, BillingAccountId
"""
_UNPRICED: Final = """
SELECT x_BillingMonth, BillingCurrency, SUM(EffectiveCost) AS amount,
    MAX(COALESCE(x_InrReason, 'no rate is known')) AS reason
FROM cost_daily
WHERE x_EffectiveCostInr IS NULL AND EffectiveCost <> 0 AND x_BillingMonth >= $first AND x_BillingMonth <= $last
GROUP BY 1, 2 ORDER BY 1 DESC, 2
"""


@dataclass(frozen=True)
class Standing:
    """The bills that are waited for, oldest end first, and the last day in India that all punctual ones know whole."""

    answer: Answer
    known_through: date
    newest: date

    @property
    def bills(self) -> tuple[Mapping[str, Any], ...]:
        """One row per bill."""
        return self.answer.rows

    def short(self, last: date) -> list[Mapping[str, Any]]:
        """The bills that do not know a day whole."""
        return [bill for bill in self.bills if bill["whole_through"] < last]

    def age(self, now: datetime) -> str:
        """How old the newest whole day is."""
        end = min(bill["complete_through"] for bill in self.bills if not bill["is_late"])
        hours = (now.replace(tzinfo=None) - end).total_seconds() / 3600
        return f"{max(hours, 0):.0f} hours" if hours < LATE_HOURS else f"{hours / 24:.0f} days"

    def table(self) -> Table:
        """How far each bill reaches."""
        return self.answer.table(
            "How far the bills reach",
            Column("ProviderName", "Provider"),
            Column("x_ExportName", "Export"),
            Column("whole_through", "Whole to", "day"),
            Column("delivered_on", "Delivered", "day"),
        )


def read_standing(reading: Reading) -> Standing | None:
    """The bills of the store, None if it holds no charges."""
    answer = reading.ask("bills", _BILLS, late_hours=LATE_HOURS, ended_days=ENDED_DAYS)
    if not answer.rows:
        return None
    known = min(bill["whole_through"] for bill in answer.rows if not bill["is_late"])
    return Standing(answer, known, max(bill["whole_through"] for bill in answer.rows))


def old_warnings(standing: Standing, now: datetime) -> tuple[str, ...]:
    """A sentence if nothing new has come for longer than a weekly report bears."""
    days = (ist_date(now) - standing.newest).days
    if days <= OLD_DAYS:
        return ()
    return (f"The bills are old: the newest whole day is {written(standing.newest, 'day')}, {days} days ago.",)


def late_warnings(standing: Standing, first: date, last: date) -> tuple[str, ...]:
    """A sentence for each bill that lacks a day of a period."""
    told = []
    for bill in standing.short(last):
        days = (last - max(bill["whole_through"], first - timedelta(days=1))).days
        missing = "the whole period" if days > (last - first).days else f"{days} {'day' if days == 1 else 'days'}"
        told.append(
            f"{clean(bill['ProviderName'])} ({clean(bill['x_ExportName'])}) is late: it is whole only to "
            f"{written(bill['whole_through'], 'day')}, so {missing} of it {'is' if days == 1 else 'are'} not in the "
            "figures yet."
        )
    return tuple(told)


def unpriced_warnings(reading: Reading, first: date, last: date) -> tuple[str, ...]:
    """A sentence for each currency and month of which a part has no exchange rate; months by their first days."""
    rows = reading.ask("unpriced", _UNPRICED, first=first, last=last).rows[:_LINES]
    return tuple(
        f"{Money(row['amount'], row['BillingCurrency'])} of {row['x_BillingMonth']:%B %Y} is in no figure: "
        f"{clean(row['reason'])}."
        for row in rows
    )
