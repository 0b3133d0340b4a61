"""Which company is made: seed, scale, how strong its season is, and the months of its life that are written.

Everything random hangs on a name and the seed, never on the order of writing: `company.rng("users", "neet")`.
"""

from __future__ import annotations

import csv
import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from core import Period, next_month

FACTS = Path(__file__).parent / "facts"
#: The last whole day that is known: the published exchange rates end a day later, and August is an open month.
LAST = date(2026, 8, 20)
DAY = timedelta(days=1)
#: The six services of the company, and what they share.
SERVICES = ("user", "content", "analytics", "assessment", "communication", "payment")
PLATFORM = "platform"
TEAMS = {
    "user": "identity", "content": "content-platform", "analytics": "data", "assessment": "assessment",
    "communication": "engagement", "payment": "payments", PLATFORM: "platform",
}  # fmt: skip

Strength = Literal["base", "strong"]


@dataclass(frozen=True)
class Company:
    """One company. `scale` multiplies its users and its fleet, `months` counts back from August 2026.

    With `strength` "strong" the exam season rises much higher above the rest of the year.
    """

    seed: int = 7
    scale: int = 1
    months: int = 36
    strength: Strength = "base"

    def __post_init__(self) -> None:
        if self.scale < 1 or self.months < 1:
            raise ValueError("scale and months are at least 1")

    @cached_property
    def first(self) -> date:
        """The first day of the first month."""
        index = LAST.year * 12 + LAST.month - self.months
        return date(index // 12, index % 12 + 1, 1)

    @property
    def billing_months(self) -> list[date]:
        """First days of the months, oldest first; the last one is open."""
        found, month = [], self.first
        while month <= LAST:
            found.append(month)
            month = next_month(month)
        return found

    def is_open(self, month: date) -> bool:
        """Whether a month had not ended when the files were written."""
        return next_month(month) > LAST

    @cached_property
    def hours(self) -> np.ndarray:
        """UTC starts of all hours from the first to the end of the last day, shape (n_hours,), datetime64[h]."""
        return np.arange(np.datetime64(self.first, "h"), np.datetime64(LAST + DAY, "h"))

    @cached_property
    def days(self) -> np.ndarray:
        """All days, shape (n_days,), datetime64[D]; hours are `days` times 24."""
        return np.arange(np.datetime64(self.first, "D"), np.datetime64(LAST + DAY, "D"))

    def hours_of(self, start: date, end: date) -> slice:
        """Where the hours of the UTC days [start, end) lie in `hours`, as far as they are known."""
        low, high = ((day - self.first).days * 24 for day in (max(start, self.first), min(end, LAST + DAY)))
        return slice(low, max(low, high))

    def rng(self, *names: object) -> np.random.Generator:
        """A generator of its own for each name."""
        text = "|".join(map(str, (self.seed, *names)))
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))

    def code(self, *names: object, length: int, alphabet: str = "0123456789abcdef") -> str:
        """An identifier that hangs on its names and the seed."""
        picked = self.rng("code", *names).integers(len(alphabet), size=length)
        return "".join(alphabet[index] for index in picked)


def midnight(day: date) -> datetime:
    """The start of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def month_period(month: date) -> Period:
    """A calendar month in UTC: the billing period of AWS."""
    return Period(midnight(month), midnight(next_month(month)))


class Dollar:
    """The published INR per USD of a bank: what an invoice and Google's own conversion go by."""

    def __init__(self) -> None:
        self._rates: dict[date, tuple[Decimal, Decimal]] = {}
        with (FACTS / "usd_inr_sbi_tt_daily.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                buy, sell = Decimal(row["tt_buy"]), Decimal(row["tt_sell"])
                if buy and sell:  # a zero stands for a rate that was not published
                    self._rates[date.fromisoformat(row["published_at"][:10])] = (buy, sell)
        self._days = sorted(self._rates)

    def sell(self, on: date) -> Decimal:
        """What a buyer of dollars paid on the first day with a rate from `on`."""
        return self._first(on)[1]

    def mid(self, on: date) -> Decimal:
        """Half way between buying and selling on the first day with a rate from `on`."""
        return (sum(self._first(on), Decimal(0)) / 2).quantize(Decimal("0.0001"))

    def _first(self, on: date) -> tuple[Decimal, Decimal]:
        return self._rates[self._days[min(bisect_left(self._days, on), len(self._days) - 1)]]
