"""When something is used in a week, learnt from when it was active: at most three kinds of day, one window each.

A window holds every hour that was ever active on its kind of day, but for the rarest days; what lies outside must have
been quiet on sixty days at least (nothing in sixty tries is below 5 % with 95 % confidence, the rule of three). Days
around exams are no evidence and are never touched. Holidays that were quiet are days off, as a quiet Sunday is. Pure
arithmetic: no metrics, no resources.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import NotEnoughHistory

#: Quiet days that a stop needs as evidence.
LEAST_QUIET_DAYS: Final = 60
#: Days that may be active outside the window, as a share of the days of their kind.
_RARE: Final = 0.005
#: Share of ordinary working days that have to be active before a quiet holiday says anything, and how many quiet ones.
_ALMOST_ALWAYS: Final = 0.97
_LEAST_QUIET_HOLIDAYS: Final = 3
#: Started that long before the first hour in which it was ever needed.
EARLY_MINUTES: Final = 30
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Window:
    """On from `start` to `end`, minutes after midnight in IST; `end` may be 1470, half past the next midnight."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.start)} to {_clock(self.end)}"


@dataclass(frozen=True)
class Schedule:
    """`windows` by weekday (0 is Monday), None is off all day; `observed` days by weekday that were looked at, `rare`
    days that were active outside, `days_off` the holidays on working days that were quiet."""

    windows: tuple[Window | None, ...]
    observed: tuple[int, ...]
    rare: tuple[date, ...] = ()
    days_off: tuple[date, ...] = ()
    shares: NDArray[np.float64] = field(default_factory=lambda: np.zeros((7, 24)), repr=False)

    @property
    def week(self) -> tuple[float, ...]:
        """(336,) for `action.Run`: whether it runs in each half hour in IST, from Monday 00:00."""
        found = [0.0] * 336
        for day, window in enumerate(self.windows):
            if window is not None:
                for half in range(window.start // 30, -(-window.end // 30)):
                    found[(48 * day + half) % 336] = 1.0
        return tuple(found)

    @property
    def off_hours(self) -> float:
        """Hours a week in which it is off."""
        return 168 - sum(self.week) / 2

    def days(self) -> Mapping[Window, list[str]]:
        """Window -> names of the weekdays on which it holds."""
        found: dict[Window, list[str]] = {}
        for name, window in zip(WEEKDAYS, self.windows, strict=True):
            if window is not None:
                found.setdefault(window, []).append(name)
        return found


def learn(
    active: NDArray[np.bool_], hours: NDArray[np.datetime64], unusual: NDArray[np.bool_] | None = None,
    holidays: Collection[date] = (),
) -> Schedule:  # fmt: skip
    """The schedule of something that was `active` (n_hours,) in UTC `hours` (n_hours,) without holes; `unusual` hours
    (exam windows, releases, days that nobody measured) are left out.

    Working days are one kind of day, Saturdays and Sundays one if both are quiet alike, else two; quiet `holidays` are
    days off. Raises NotEnoughHistory where what would be stopped was quiet on less than sixty days and nights together.
    """
    days, table = _by_day(active, hours, unusual)
    weekday = (days.astype(np.int64) + 3) % 7
    off = _quiet_holidays(days, table, weekday, holidays)
    days_off = tuple(day.astype(object) for day in days[off])
    days, table, weekday = days[~off], table[~off], weekday[~off]
    shares = np.array([table[weekday == d].mean(axis=0) if (weekday == d).any() else np.zeros(24) for d in range(7)])
    groups = [[0, 1, 2, 3, 4], [5], [6]]
    saturday, sunday = (table[weekday == d].any() for d in (5, 6))
    if not saturday and not sunday:
        groups = [[0, 1, 2, 3, 4], [5, 6]]
    windows: list[Window | None] = [None] * 7
    observed, rare, quiet = [0] * 7, [], len(days_off)
    for group in groups:
        mine = np.isin(weekday, group)
        window, late = _window(table[mine], days[mine])
        # a window that is the whole day needs no evidence: nothing is stopped
        quiet += int(mine.sum()) if window != Window(0, 1440) else 0
        rare += late
        for d in group:
            windows[d], observed[d] = window, int(mine.sum())
    if quiet < LEAST_QUIET_DAYS and any(window != Window(0, 1440) for window in windows):
        raise NotEnoughHistory(quiet, LEAST_QUIET_DAYS, where="quiet days and nights")
    if any(window is not None and window.end > 1440 for window in windows):
        days_off = ()  # what is started on the eve of a holiday would be cut at midnight
    return Schedule(tuple(windows), tuple(observed), tuple(rare), days_off, shares)


def _quiet_holidays(
    days: NDArray[np.datetime64], table: NDArray[np.bool_], weekday: NDArray[np.int64], holidays: Collection[date]
) -> NDArray[np.bool_]:
    """Which days are holidays on working days without any activity, (n_days,): none where other working days are quiet
    too, for then a quiet holiday is chance."""
    works = weekday < 5
    on_holiday = np.asarray(works & np.isin(days, np.array(sorted(holidays), dtype="datetime64[D]")))
    some = table.any(axis=1)
    quiet = on_holiday & ~some
    n_usual = int((works & ~on_holiday).sum())
    n_active = int((works & ~on_holiday & some).sum())
    says_something = n_active >= _ALMOST_ALWAYS * n_usual and quiet.sum() >= _LEAST_QUIET_HOLIDAYS
    return np.asarray(quiet if says_something else np.zeros_like(quiet))


def activity(average: NDArray[np.float64], least_rise: float = 2.0) -> NDArray[np.bool_] | None:
    """When a measure (n_hours,), NaN unknown, is above its own idle floor: a quarter of the way from its quietest fifth
    to its busiest twentieth. None where it does not rise by `least_rise` or does not double: it has no rhythm. Unknown
    hours count as active: what was not seen is not stopped."""
    known = average[np.isfinite(average)]
    if len(known) < 24 * 14:
        return None
    floor, busy = np.quantile(known, (0.2, 0.97))
    if busy - floor < least_rise or busy < 2 * floor:
        return None
    return np.asarray(~(average <= floor + 0.25 * (busy - floor)))


def _by_day(
    active: NDArray[np.bool_], hours: NDArray[np.datetime64], unusual: NDArray[np.bool_] | None
) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Whole IST days that are not unusual, and whether each of 24 hours was active; a UTC hour begins at :30 in India
    and is put under the hour that it begins in."""
    begins = hours.astype("datetime64[m]") + np.timedelta64(330, "m")
    first = int(np.argmax(begins.astype("datetime64[h]").astype(np.int64) % 24 == 0))
    count = (len(hours) - first) // 24
    whole = slice(first, first + 24 * count)
    table = active[whole].reshape(count, 24)
    days = begins[whole].reshape(count, 24)[:, 0].astype("datetime64[D]")
    if unusual is not None:
        usual = ~unusual[whole].reshape(count, 24).any(axis=1)
        days, table = days[usual], table[usual]
    return days, table


def _window(table: NDArray[np.bool_], days: NDArray[np.datetime64]) -> tuple[Window | None, list[date]]:
    """The smallest window of all active hours but those of the rarest days, and these days."""
    some = table.any(axis=1)
    allowed = int(_RARE * len(table))
    if int(some.sum()) <= allowed:
        return None, [day.astype(object) for day in days[some]]
    first = np.where(some, table.argmax(axis=1), 24)
    last = np.where(some, 23 - table[:, ::-1].argmax(axis=1), -1)
    start = int(np.sort(first[some])[min(allowed, int(some.sum()) - 1)])
    end = int(np.sort(last[some])[::-1][min(allowed, int(some.sum()) - 1)])
    outside = some & ((first < start) | (last > end))
    # hours begin at :30; the last one ends at :30 of the next
    window = Window(60 * start + 30 - EARLY_MINUTES, 60 * end + 90)
    if window.start == 0 and window.end >= 1440:
        window = Window(0, 1440)
    return window, [day.astype(object) for day in days[outside]]


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
