"""Rows of Google's billing export before they become a file, and the clock by which Google cuts and exports them.

Money is an integer of a millionth of a rupee and a quantity a millionth of a unit: the shortest text of the double in
the file is then that decimal, and sums are exact. Windows, export and invoice months as in "Structure of Detailed data
export" (Google Cloud documentation): days end at US Pacific midnight, what is late goes to the next invoice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property

import numpy as np

from core import PACIFIC, next_month
from demo.company import DAY, LAST, Company, Dollar

ACCOUNT = "01A2B3-C4D5E6-F7A8B9"
MICRO = 10**6
#: Usage that is exported from the 4th of the next month on is on the next invoice.
CLOSING_DAY = 4
#: How many months at the end have hourly rows of machines, and Kubernetes namespaces.
HOURLY_MONTHS, NAMESPACE_MONTHS = 13, 18
#: Google moved the account to the new data model of spend-based commitments here.
NEW_MODEL = date(2026, 1, 1)

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sku:
    """A thing with a list price: `usd` per `unit`; `per_unit` of the `base` unit make one pricing unit."""

    service: str
    name: str
    unit: str
    usd: float
    base: str
    per_unit: float = 1.0


@dataclass(frozen=True)
class Resource:
    """What the detailed export names; `path` is the global name without //."""

    name: str
    path: str
    zone: str = ""


@dataclass(frozen=True)
class Credit:
    """A kind of credit; the amounts are beside it."""

    name: str
    id: str
    type: str


@dataclass(frozen=True)
class Adjustment:
    """Why a correction was made."""

    id: str
    description: str
    mode: str
    type: str


@dataclass(frozen=True)
class Line:
    """Rows that differ only in time, quantity and money; all arrays have the same length, times are datetime64[s]."""

    sku: Sku
    #: Empty for what belongs to no project.
    project: str
    start: np.ndarray
    end: np.ndarray
    exported: np.ndarray
    #: Invoice month, datetime64[M].
    month: np.ndarray
    amount: np.ndarray
    cost: np.ndarray
    #: INR per USD of the usage's month.
    rate: np.ndarray
    credits: tuple[tuple[Credit, np.ndarray], ...] = ()
    labels: Labels = ()
    system_labels: Labels = ()
    tags: Labels = ()
    resource: Resource | None = None
    kind: str = "regular"
    adjustment: Adjustment | None = None
    #: Consumption model of the data model of 2026; empty before.
    model: str = ""
    subscription: str = ""
    #: Effective price as a part of the list price.
    discount: float = 1.0

    def net(self) -> np.ndarray:
        """Cost plus credits of each row."""
        return sum((amount for _, amount in self.credits), self.cost)

    def pick(self, which: np.ndarray) -> Line:
        """Some of the rows, by mask or index."""
        arrays = ("start", "end", "exported", "month", "amount", "cost", "rate")
        credits = tuple((credit, amount[which]) for credit, amount in self.credits)
        return replace(self, credits=credits, **{name: getattr(self, name)[which] for name in arrays})

    def __len__(self) -> int:
        return len(self.cost)


@dataclass(frozen=True)
class Windows:
    """Consecutive intervals of usage, [start, end), and the hours of `Clock.hours` in them."""

    start: np.ndarray
    end: np.ndarray
    #: Index of the first hour of each, for np.add.reduceat.
    first: np.ndarray
    #: Number of the Pacific day, and Pacific month (datetime64[M]), of each.
    day: np.ndarray
    month: np.ndarray
    rate: np.ndarray

    def total(self, hourly: np.ndarray) -> np.ndarray:
        """The sum of an hourly quantity over each window."""
        last = self.first[-1] + int((self.end[-1] - self.start[-1]) / np.timedelta64(3600, "s"))
        return np.add.reduceat(hourly[:last], self.first)


class Clock:
    """The hours of an account from the first Pacific midnight on, and how they are cut into rows."""

    def __init__(self, company: Company, dollar: Dollar) -> None:
        self.company = company
        self._dollar = dollar
        self._days = [company.first + DAY * number for number in range((LAST - company.first).days + 1)]
        #: Pacific midnights as UTC instants; the last one begins a day that is not over.
        self.midnights = np.array([pacific_midnight(day) for day in self._days], "datetime64[s]")
        #: When the tables were dumped: nothing is known from here on.
        self.now = np.datetime64(LAST + DAY, "s")
        self.hours = np.arange(self.midnights[0], self.now, np.timedelta64(3600, "s"))

    @property
    def skipped(self) -> int:
        """How many UTC hours of the company lie before the first Pacific midnight."""
        return len(self.company.hours) - len(self.hours)

    def month_back(self, count: int) -> date:
        """The first day of the month `count` months before the end, or of the first month."""
        months = self.company.billing_months
        return months[max(0, len(months) - count)]

    def is_from(self, day: date) -> np.ndarray:
        """Which hours lie on or after a Pacific day."""
        return self.hours >= pacific_midnight(day)

    def between(self, start: date, end: date) -> np.ndarray:
        """Which hours lie in the Pacific days [start, end)."""
        return self.is_from(start) & ~self.is_from(end)

    @cached_property
    def ist_hour(self) -> np.ndarray:
        """Hour of the Indian clock, 0-23.5, of the start of each hour."""
        return ((self.hours.astype(np.int64) // 1800 + 11) % 48) / 2

    @cached_property
    def ist_weekday(self) -> np.ndarray:
        """0 is Monday, in India."""
        return ((self.hours.astype(np.int64) + 19800) // 86400 + 3) % 7

    @cached_property
    def years(self) -> np.ndarray:
        """Years since September 2023, hourly."""
        return (self.hours - np.datetime64("2023-09-01", "s")).astype(float) / (365.25 * 86400)

    @cached_property
    def daily(self) -> Windows:
        """Whole Pacific days."""
        return self._windows(self.midnights[:-1], self.midnights[1:])

    @cached_property
    def fine(self) -> Windows:
        """Pacific days until thirteen months before the end, hours from there."""
        switch = pacific_midnight(self.month_back(HOURLY_MONTHS))
        days = self.midnights[:-1] < switch
        hours = self.hours[self.hours >= switch]
        start = np.concatenate([self.midnights[:-1][days], hours])
        end = np.concatenate([self.midnights[1:][days], hours + np.timedelta64(3600, "s")])
        return self._windows(start, end)

    def rates(self, months: np.ndarray) -> np.ndarray:
        """INR per USD that Google fixed at the beginning of each month (datetime64[M])."""
        known, where = np.unique(months, return_inverse=True)
        return np.array([float(self._dollar.mid(month.astype("datetime64[D]").item())) for month in known])[where]

    def exported(self, windows: Windows, *names: object) -> np.ndarray:
        """When each window came into the table: some hours later; one day in eighty, one to nine days later."""
        rng = self.company.rng("gcp-export", *names)
        lag = rng.integers(2 * 3600, 9 * 3600, len(self._days))
        late = np.where(rng.random(len(self._days)) < 1 / 80, rng.integers(1, 10, len(self._days)), 0)
        batch = np.timedelta64(4 * 3600, "s")
        ends = windows.end + batch - (windows.end - np.datetime64(0, "s")) % batch
        return ends + (lag + late * 86400)[windows.day].astype("timedelta64[s]")

    def invoice_month(self, months: np.ndarray, exported: np.ndarray) -> np.ndarray:
        """The invoice that usage of a Pacific month is on when it was exported at a time."""
        closing = (months + 1).astype("datetime64[D]") + (CLOSING_DAY - 1)
        return np.where(exported >= closing, months + 1, months)

    def _windows(self, start: np.ndarray, end: np.ndarray) -> Windows:
        first = (start - self.hours[0]).astype(np.int64) // 3600
        day = np.searchsorted(self.midnights, start, "right") - 1
        months = np.array(self._days, "datetime64[M]")[day]
        return Windows(start, end, first, day, months, self.rates(months))


def pacific_midnight(day: date) -> np.datetime64:
    """The start of a day where Google's months begin, in UTC."""
    at = datetime(day.year, day.month, day.day, tzinfo=PACIFIC).astimezone(UTC)
    return np.datetime64(at.replace(tzinfo=None), "s")


def after_month(month: date, day: int, hour: int, minute: int = 0) -> np.datetime64:
    """An instant (UTC) in the month after a month."""
    later = next_month(month)
    return np.datetime64(datetime(later.year, later.month, day, hour, minute), "s")  # noqa: DTZ001 - numpy has no zones


def micro(values: np.ndarray) -> np.ndarray:
    """Millionths, as integers."""
    return np.rint(values * MICRO).astype(np.int64)
