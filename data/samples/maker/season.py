"""How busy the company is on a day, and what a dollar is worth: what all the exports have in common."""

from __future__ import annotations

import bisect
import csv
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

SEED = "pragati-2026"
FIRST = date(2025, 7, 1)
#: The last day with usage: the real exchange rates end a day later.
LAST = date(2026, 8, 20)
DAY = timedelta(days=1)

# Load around 1.0. Dates are real: Diwali 2025, class-12 boards 2026-02-17 to 04-09, NEET on 2026-05-03, cancelled on
# 05-12, its second date known on 05-15, held on 06-21. How high the company's own curve rises is invented.
_LOAD = (
    (date(2025, 7, 1), 0.60), (date(2025, 7, 21), 0.68), (date(2025, 8, 15), 0.70), (date(2025, 10, 1), 0.78),
    (date(2025, 10, 18), 0.80), (date(2025, 10, 20), 0.55), (date(2025, 10, 23), 0.58), (date(2025, 10, 27), 0.82),
    (date(2025, 12, 1), 0.92), (date(2026, 1, 10), 1.02), (date(2026, 2, 16), 1.06), (date(2026, 2, 17), 0.94),
    (date(2026, 4, 9), 1.15), (date(2026, 4, 10), 1.45), (date(2026, 4, 25), 1.90), (date(2026, 5, 2), 2.25),
    (date(2026, 5, 3), 1.30), (date(2026, 5, 5), 0.85), (date(2026, 5, 12), 0.90), (date(2026, 5, 15), 1.35),
    (date(2026, 6, 10), 1.75), (date(2026, 6, 20), 2.15), (date(2026, 6, 21), 1.20), (date(2026, 6, 24), 0.80),
    (date(2026, 7, 20), 0.74), (date(2026, 8, 20), 0.82),
)  # fmt: skip
_DAYS = [day for day, _ in _LOAD]

#: Share of a day's traffic in each hour of the Indian clock: a small wave before school, a big one in the evening.
_EVENING = (2, 1, 1, 1, 2, 4, 6, 6, 5, 4, 4, 4, 4, 4, 4, 5, 6, 8, 10, 12, 13, 12, 9, 5)


def load_on(day: date, service: str = "") -> float:
    """How busy a service is: the season, higher on Sundays when the mock tests are held."""
    at = bisect.bisect_right(_DAYS, day) - 1
    before, low = _LOAD[at]
    if at + 1 < len(_LOAD):
        after, high = _LOAD[at + 1]
        low += (high - low) * (day - before) / (after - before)
    if day.weekday() == 6:
        low *= {"assessment": 1.35, "analytics": 1.12, "payment": 0.9}.get(service, 1.05)
    return low


def noise(key: str, day: date, width: float = 0.05) -> float:
    """A factor around 1 that depends on the key and the day alone, so that the order of writing never matters."""
    return 1 + width * (2 * random.Random(f"{SEED}|{key}|{day}").random() - 1)  # repeatable on purpose, no secret


def hour_shares(day: date) -> list[tuple[datetime, Decimal]]:
    """The 24 UTC hours of a day with their share of the day's traffic, by the Indian clock; they sum to 1 exactly."""
    whole = sum(_EVENING)
    instants = [midnight(day) + timedelta(hours=hour) for hour in range(24)]
    weights = [_EVENING[(instant + timedelta(hours=5, minutes=30)).hour] for instant in instants]
    shares = [(Decimal(weight) / whole).quantize(Decimal("0.000001")) for weight in weights]
    shares[-1] += 1 - sum(shares)
    return list(zip(instants, shares, strict=True))


def midnight(day: date) -> datetime:
    """The start of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def months() -> Iterator[date]:
    """The first days of all months of the samples."""
    month = FIRST
    while month <= LAST:
        yield month
        month = next_month(month)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def days(month: date, through: date = LAST) -> Iterator[date]:
    """The days of a month, at most to `through`."""
    day = month
    while day < next_month(month) and day <= through:
        yield day
        day += DAY


class Dollar:
    """The published USD/INR rates of a bank: what invoices and a cloud's own conversion go by."""

    def __init__(self, sbi_csv: Path) -> None:
        self._mid: dict[date, tuple[Decimal, Decimal]] = {}
        with sbi_csv.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                buy, sell = Decimal(row["tt_buy"]), Decimal(row["tt_sell"])
                if buy and sell:  # a zero stands for a rate that was not published
                    self._mid[date.fromisoformat(row["published_at"][:10])] = (buy, sell)

    def sell(self, on: date) -> Decimal:
        """The bank's selling rate of the first day with a rate from `on`."""
        return self._first(on)[1]

    def mid(self, on: date) -> Decimal:
        """Half way between buying and selling on the first day with a rate from `on`."""
        return (sum(self._first(on), Decimal(0)) / 2).quantize(Decimal("0.0001"))

    def _first(self, on: date) -> tuple[Decimal, Decimal]:
        return self._mid[min(day for day in self._mid if day >= on)]
