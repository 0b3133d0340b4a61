"""The coming exam season as engineers need it: the crowd by the hour, what each service needs and costs, and by when.

Capacity is counted in what the service pays for on a usual day: 1.0 is the mean of the last four weeks, and what a
service could bear without change is the most that it has borne in the last year (its cost follows the users, so its
largest day was served). Costs come from the same drivers as the forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from models.calendar import Calendar
from models.cost_drivers import CostDriver
from models.design import Days, Floats

#: The season around an exam: from so many days before its first day to so many after its last.
BEFORE_DAYS, AFTER_DAYS = 90, 14
#: What must be ready is ready so many days before it is needed.
READY_DAYS: Final = 14
TWO_LAKH: Final = 200_000.0
_CROWDS: Final = (("1x", 1.0), ("2x", 2.0), ("3x", 3.0))


@dataclass(frozen=True)
class Season:
    """Days [start, end) around the exams of one cycle."""

    start: date
    end: date

    def holds(self, days: Days) -> Any:
        """Whether each day lies in it, (n_days,)."""
        return (days >= np.datetime64(self.start, "D")) & (days < np.datetime64(self.end, "D"))


def seasons(calendar: Calendar, after: date, until: date) -> list[Season]:
    """The seasons of the exams after a day, as far as they end by another; exams of one cycle are one season."""
    found: list[Season] = []
    for exam in calendar.of("exam"):
        start, end = exam.on - timedelta(days=BEFORE_DAYS), exam.last + timedelta(days=AFTER_DAYS + 1)
        if end <= after or end > until:
            continue
        if found and start <= found[-1].end:
            found[-1] = Season(found[-1].start, end)
        else:
            found.append(Season(start, end))
    return found


def hours(peaks: Any, shape: Floats, days: Days) -> list[tuple[Any, ...]]:
    """Rows (start of the IST hour, P50, P90, P99) from paths of daily peaks (n_paths, n_days) and the hours of each day
    as shares of its peak (n_days, 24)."""
    told = np.quantile(peaks, (0.5, 0.9, 0.99), axis=0)
    rows = []
    for at, day in enumerate(days):
        midnight = day.astype("datetime64[m]")
        for hour in range(24):
            start = (midnight + np.timedelta64(hour * 60, "m")).astype(object)
            rows.append((start, *(float(told[q, at] * shape[at, hour]) for q in range(3))))
    return rows


def services(
    history: Mapping[str, Floats],
    days: Days,
    users: Floats,
    ahead: Days,
    paths: Any,
    at_once: float,
    inside: Any,
) -> list[tuple[Any, ...]]:
    """Rows of `season_services` by service: `history` daily list cost in INR (n_days,) by service, `users` those days'.

    `paths` (n_paths, n_ahead): daily users ahead; `at_once`: the most at the same time that is expected;
    `inside` (n_ahead,): days of the season.
    """
    rows: list[tuple[Any, ...]] = []
    for service, cost in sorted(history.items()):
        driver = CostDriver().fit(days, users, cost)
        now = float(np.nanmean(cost[-28:]))
        bearable = float(np.nanquantile(cost[-365:], 0.995))
        if now <= 0 or driver.kind_ in ("ended", "rare"):
            continue
        for name, times in (*_CROWDS, ("2 lakh", TWO_LAKH / max(at_once, 1.0))):
            grown = (paths * times).astype(np.float32)
            told = driver.sample(ahead, grown)
            season = told[:, inside].sum(axis=1, dtype=np.float64)
            middle = np.quantile(told, 0.9, axis=0)
            over = np.flatnonzero(inside & (middle > bearable))
            passed = ahead[over[0]].astype(object) if len(over) else None
            low, mid, high = np.quantile(season, (0.1, 0.5, 0.9))
            reason = (
                None
                if driver.kind_ == "elastic"
                else "its cost does not follow the users: " + (driver.reason_ or driver.kind_)
            )
            rows.append(
                (service, name, at_once * times, bearable / now, float(middle[inside].max()) / now,
                 "days as of the last 4 weeks", float(mid), float(low), float(high), passed,
                 passed - timedelta(days=READY_DAYS) if passed else None, reason)
            )  # fmt: skip
    return rows


def exam_rows(calendar: Calendar, names: Sequence[str] = ("exam",)) -> str:
    """The exams of a calendar in words."""
    return ", ".join(
        f"{event.on}" if event.days == 1 else f"{event.on} to {event.last}" for event in calendar if event.name in names
    )
