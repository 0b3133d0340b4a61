"""The series of the benchmark: days, numbers, events, and the origins from which each is forecast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from demo.company import Company
from demo.users import OVERLAP, Users
from models.calendar import Calendar, Event
from models.design import DAY, Days, Floats
from models.neet import central, neet_calendar

DATA = Path(__file__).parent / "data"
HORIZON = 365
TRAIN_DAYS = 1095
MIN_TRAIN_DAYS = 730
LEADS = (330, 75, 21)
EVENTS_PER_SERIES = 4
#: Series -> its main events, and whether they are dips.
REAL = {
    "peyton_wiki_views": (("superbowl",), False),
    "turkey_electricity": (("eid_fitr", "eid_adha"), True),
    "germany_electricity": (("easter", "christmas"), True),
    "disney_wait_index": (("easter", "christmas"), False),
}
DEMO = ("demo_base", "demo_strong")
#: Made-up crowds whose exam was on the first Sunday of May in every year of training, and then so many days later.
MOVED = {"exam_moved_21": 21, "exam_moved_60": 60, "exam_moved_133": 133}


@dataclass(frozen=True)
class Origin:
    """The first day that is forecast, and the main event ahead of it."""

    day: np.datetime64
    event: np.datetime64
    lead: int


@dataclass(frozen=True)
class Series:
    """Days without holes, numbers (NaN unknown), and the events; `truth` is the noise-free curve where it is known.

    `only`: the one main event that is forecast, else the last ones.
    """

    name: str
    days: Days
    values: Floats
    calendar: Calendar
    mains: tuple[str, ...]
    is_dip: bool
    truth: Floats | None = field(default=None, repr=False)
    only: np.datetime64 | None = None

    def origins(self) -> Iterator[Origin]:
        """330, 75 and 21 days before each of the last main events whose neighbourhood is known."""
        first, last = self.days[0] + MIN_TRAIN_DAYS * DAY, self.days[-1] - 18 * DAY
        for name in self.mains:
            events = sorted({np.datetime64(event.on, "D") for event in self.calendar.of(name)})
            whole = [event for event in events if first <= event - LEADS[-1] * DAY and event <= last]
            whole = [event for event in whole if self.only in (None, event)]
            for event in whole[-EVENTS_PER_SERIES:]:
                yield from (Origin(event - lead * DAY, event, lead) for lead in LEADS if event - lead * DAY >= first)

    def split(self, origin: Origin) -> tuple[Days, Floats, Days, Floats]:
        """Three years before the origin, and the year after it; NaN where the future is not known either."""
        at = int((origin.day - self.days[0]) / DAY)
        ahead = origin.day + np.arange(HORIZON) * DAY
        actual = np.full(HORIZON, np.nan)
        known = self.values[at : at + HORIZON]
        actual[: len(known)] = known
        start = max(at - TRAIN_DAYS, 0)
        return self.days[start:at], self.values[start:at], ahead, actual


def load(name: str) -> Series:
    """A series by name. Raises FileNotFoundError for one that is not there."""
    if name in DEMO:
        return _demo(name)
    if name in MOVED:
        return _moved(name)
    mains, is_dip = REAL[name]
    table = pd.read_csv(DATA / f"{name}.csv", parse_dates=["date"]).set_index("date")["y"].asfreq("D")
    return Series(
        name, table.index.to_numpy().astype("datetime64[D]"), table.to_numpy(float),
        Calendar.read_csv(DATA / f"{name}.events.csv"), mains, is_dip,
    )  # fmt: skip


def _moved(name: str) -> Series:
    days = np.arange(np.datetime64("2021-09-01"), np.datetime64("2026-07-01"))
    exams = []
    for year in range(2021, 2026):
        first = date(year, 5, 1)
        exams.append(first + timedelta(days=(6 - first.weekday()) % 7 + (MOVED[name] if year == 2025 else 0)))
    diwali = (date(2021, 11, 4), date(2022, 10, 24), date(2023, 11, 12), date(2024, 11, 1), date(2025, 10, 20))
    since = ((days - days[0]) / DAY).astype(float)
    logs = np.log(100_000) + np.log(1.16) * since / 365.25
    logs += np.array([0.02, 0.03, 0.03, 0.02, -0.02, -0.04, -0.04])[(days.astype(int) + 3) % 7]
    for exam in exams:
        away = (days - np.datetime64(exam)) / DAY
        climb, fall = 0.9 * np.exp(np.minimum(away, 0) / 30), -0.3 * np.exp(-np.maximum(away, 0) / 16)
        logs += np.where(away <= 0, climb, fall)
    for day in diwali:
        logs -= 0.5 * np.exp(-0.5 * (((days - np.datetime64(day)) / DAY) / 1.8) ** 2)
    noise = np.random.default_rng(MOVED[name]).normal(0, 0.03, len(days))
    events = [Event(day, "exam", lo=-300, hi=90) for day in exams] + [
        Event(day, "diwali", lo=-5, hi=4) for day in diwali
    ]
    series = Series(name, days, np.exp(logs + noise), Calendar(events), ("exam",), False, np.exp(logs))
    return replace(series, only=np.datetime64(exams[-1]))


def _demo(name: str) -> Series:
    users = Users(Company(strength="strong" if name.endswith("strong") else "base"))
    values = np.sum([counts for (product, _), counts in users.dau.items() if product == "all"], axis=0)
    truth = np.sum(list(users.expected.values()), axis=0) * (1 - OVERLAP)
    end: date = users.company.days[-1].astype(object)
    calendar = central(neet_calendar(), end, end + timedelta(days=HORIZON))
    return Series(name, users.company.days, values.astype(float), calendar, ("exam",), False, truth)
