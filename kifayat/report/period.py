"""Which week and month a report is of: IST weeks from Monday to Sunday (ISO 8601), whole days only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from core import BadValue

_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Week:
    """A week by its Monday."""

    first: date

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)

    @property
    def before(self) -> Week:
        """The week before."""
        return Week(self.first - timedelta(days=7))

    @property
    def label(self) -> str:
        """2026-W33, by ISO 8601: its year is the year of its Thursday."""
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02}"

    @property
    def text(self) -> str:
        """10–16 August 2026."""
        return days_text(self.first, self.last)


def parse_week(text: str) -> Week:
    """The week written "2026-W30". Raises BadValue."""
    if found := _WEEK.fullmatch(text.strip()):
        try:
            return Week(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        except ValueError:
            pass
    raise BadValue(f"{text!r} is not a week", expected="a year and an ISO week, such as 2026-W30")


def last_week(known_through: date) -> Week:
    """The newest week of which every day is known; `known_through` is the last whole day in India."""
    return Week(known_through - timedelta(days=(known_through.weekday() + 1) % 7 + 6))


def days_text(first: date, last: date) -> str:
    """Days as people write them: 10–16 August 2026, 27 July – 2 August 2026, 29 December 2025 – 4 January 2026."""
    end = f"{last.day} {last:%B %Y}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    return f"{first.day} {first:%B}" + ("" if first.year == last.year else f" {first.year}") + f" – {end}"


def month_before(month: date) -> date:
    """The first day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)
