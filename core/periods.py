"""Half-open periods and the three calendars of a bill: AWS months (UTC), Google months (Pacific), IST days.

Provider billing period, usage time and IST day are three separate facts; nothing here mixes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import BadValue

IST = ZoneInfo("Asia/Kolkata")
PACIFIC = ZoneInfo("America/Los_Angeles")

_MONTH = re.compile(r"(\d{4})-?(\d{2})", re.ASCII)
_APRIL = 4


@dataclass(frozen=True, order=True)
class Period:
    """[start, end) between two aware instants, kept in UTC. `end` may not be before `start`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for instant in (self.start, self.end):
            if instant.tzinfo is None:
                raise ValueError(f"a period needs aware instants, not {instant!r}: add tzinfo")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end < self.start:
            raise ValueError(f"a period ends before it starts: {self.start} … {self.end}")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def overlaps(self, other: Period) -> bool:
        """Whether an instant lies in both."""
        return max(self.start, other.start) < min(self.end, other.end)

    @property
    def duration(self) -> timedelta:
        """The length."""
        return self.end - self.start


def parse_month(text: str) -> date:
    """The first day of the month written "2026-07" or "202607". Raises BadValue."""
    found = _MONTH.fullmatch(text.strip())
    if found:
        try:
            return date(int(found[1]), int(found[2]), 1)
        except ValueError:
            pass
    raise BadValue(f"{text!r} is not a month", expected="a year and a month, such as 2026-07")


def month_of(day: date) -> date:
    """The first day of the month of a day (or of an instant's own date)."""
    return date(day.year, day.month, 1)


def next_month(day: date) -> date:
    """The first day of the month after a day."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def aws_billing_period(month: str) -> Period:
    """The AWS billing period of "2026-07": UTC midnights (AWS CUR guide: all intervals are UTC)."""
    first = parse_month(month)
    return Period(_midnight(first, ZoneInfo("UTC")), _midnight(next_month(first), ZoneInfo("UTC")))


def gcp_invoice_period(month: str) -> Period:
    """The Google invoice month of "202607": Pacific midnights, daylight saving included, as UTC instants."""
    first = parse_month(month)
    return Period(_midnight(first, PACIFIC), _midnight(next_month(first), PACIFIC))


def financial_year(day: date) -> tuple[date, date]:
    """The Indian financial year of a day: [1 April, 1 April of the next year)."""
    year = day.year if day.month >= _APRIL else day.year - 1
    return date(year, _APRIL, 1), date(year + 1, _APRIL, 1)


def ist_date(instant: datetime) -> date:
    """The day in India of an aware instant."""
    if instant.tzinfo is None:
        raise ValueError(f"an aware instant is needed, not {instant!r}: add tzinfo")
    return instant.astimezone(IST).date()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
