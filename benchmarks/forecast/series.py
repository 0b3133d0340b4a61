"""The series of the benchmark: days, numbers, events, and the origins from which each is forecast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from demo.company import Company
from demo.users import OVERLAP, Users
from models.calendar import Calendar
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


@dataclass(frozen=True)
class Origin:
    """The first day that is forecast, and the main event ahead of it."""

    day: np.datetime64
    event: np.datetime64
    lead: int


@dataclass(frozen=True)
class Series:
    """Days without holes, numbers (NaN unknown), and the events; `truth` is the noise-free curve where it is known."""

    name: str
    days: Days
    values: Floats
    calendar: Calendar
    mains: tuple[str, ...]
    is_dip: bool
    truth: Floats | None = field(default=None, repr=False)

    def origins(self) -> Iterator[Origin]:
        """330, 75 and 21 days before each of the last main events whose neighbourhood is known."""
        first, last = self.days[0] + MIN_TRAIN_DAYS * DAY, self.days[-1] - 18 * DAY
        for name in self.mains:
            events = sorted({np.datetime64(event.on, "D") for event in self.calendar.of(name)})
            whole = [event for event in events if first <= event - LEADS[-1] * DAY and event <= last]
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
    mains, is_dip = REAL[name]
    table = pd.read_csv(DATA / f"{name}.csv", parse_dates=["date"]).set_index("date")["y"].asfreq("D")
    return Series(
        name, table.index.to_numpy().astype("datetime64[D]"), table.to_numpy(float),
        Calendar.read_csv(DATA / f"{name}.events.csv"), mains, is_dip,
    )  # fmt: skip


def _demo(name: str) -> Series:
    users = Users(Company(strength="strong" if name.endswith("strong") else "base"))
    values = np.sum([counts for (product, _), counts in users.dau.items() if product == "all"], axis=0)
    truth = np.sum(list(users.expected.values()), axis=0) * (1 - OVERLAP)
    end: date = users.company.days[-1].astype(object)
    calendar = central(neet_calendar(), end, end + timedelta(days=HORIZON))
    return Series(name, users.company.days, values.astype(float), calendar, ("exam",), False, truth)
