"""Five fields of a cron as instants: 0 and 7 are Sunday, the time is India's; APScheduler does the sums."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from core import IST, BadValue, unknown_name

OFF: Final = "off"
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: How far back the last instant is looked for, shortest first: what is rare is not looked for minute by minute.
_BACK: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=8), timedelta(days=32), timedelta(days=1470))


@lru_cache(maxsize=64)
def cron(text: str) -> Cron:
    """The cron of a text. Raises BadValue."""
    return Cron(text)


class Cron:
    """When a job is due. Raises BadValue for what is no cron."""

    def __init__(self, text: str) -> None:
        self._found: tuple[datetime, datetime] | None = None  # of the last question: most ask about the same span
        fields = text.split()
        if len(fields) != 5:
            raise BadValue(f"{text!r} is no cron", expected='five fields, as "0 9 * * mon", or "off"')
        if fields[2] != "*" and fields[4] != "*":
            raise BadValue(f"{text!r} names a day of the month and of the week", expected="only one of them")
        minute, hour, day, month, weekday = fields
        try:
            self.trigger = CronTrigger(
                minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=IST
            )
        except (ValueError, TypeError) as error:
            raise BadValue(f"{text!r} is no cron: {error}", expected='five fields, as "0 9 * * mon"') from error

    def next_after(self, instant: datetime) -> datetime | None:
        """The first instant after this one (UTC)."""
        found = self.trigger.get_next_fire_time(None, (instant + timedelta(microseconds=1)).astimezone(IST))
        return None if found is None else found.astimezone(UTC)

    def last_before(self, instant: datetime) -> datetime | None:
        """The last instant up to and with this one (UTC); None if there was none within four years."""
        if self._found is None or not self._found[0] <= instant < self._found[1]:
            last = self._look_back(instant)
            if last is None:
                return None
            self._found = last, self.next_after(last) or datetime.max.replace(tzinfo=UTC)
        return self._found[0]

    def _look_back(self, instant: datetime) -> datetime | None:
        for back in _BACK:
            last, at = None, self.next_after(instant - back)
            while at is not None and at <= instant:
                last, at = at, self.next_after(at)
            if last is not None:
                return last
        return None


def _weekdays(field: str) -> str:
    """Numbers and names of days as names: APScheduler counts from Monday, everybody else's cron from Sunday."""
    chosen: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (0, 6) if span == "*" else (_weekday(first), _weekday(last or first))
        if last == "7" or (last and end < start):  # a week may also end on Sunday
            end = 7 if end == 0 else end + 7
        chosen |= {day % 7 for day in range(start, end + 1, int(step or 1))}
    return ",".join(_DAYS[day] for day in sorted(chosen)) if len(chosen) < 7 else "*"


def _weekday(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if not text.isdecimal() or int(text) > 7:
        raise ValueError(f"{text!r} is no day of the week")
    return int(text) % 7


def faults_of(jobs: Mapping[str, str], known: Mapping[str, object]) -> list[str]:
    """What is wrong with the crons of [service] jobs."""
    faults = [f"[service] jobs: {unknown_name('job', name, known)}" for name in jobs if name not in known]
    for name, text in jobs.items():
        if text != OFF:
            try:
                Cron(text)
            except BadValue as error:
                faults.append(f"[service] jobs: {name}: {error}")
    return faults
