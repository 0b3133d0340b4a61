"""What asking a provider takes: requests, billed units, dollars. Not for what is asked: that is each location's."""

from __future__ import annotations

import csv
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from core import LocationUnreachable
from ingest.source import LOOKUPS


@cache
def api_prices() -> Mapping[str, float]:
    """US dollars per unit that a provider bills for being asked; what is not listed costs nothing.

    Units and their sources: `ingest/lookups/api_prices.csv`.
    """
    with (LOOKUPS / "api_prices.csv").open(newline="", encoding="utf-8") as file:
        return {row["unit"]: float(row["usd"]) for row in csv.DictReader(file)}


@dataclass(frozen=True)
class Usage:
    """What asking takes: `units` that are billed (unit -> count) and the number of `requests`."""

    units: Mapping[str, float] = field(default_factory=dict)
    requests: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(dict(Counter(self.units) + Counter(other.units)), self.requests + other.requests)

    @property
    def usd(self) -> float:
        """What the provider bills for it, without its free tier, in US dollars."""
        return sum(count * api_prices().get(unit, 0.0) for unit, count in self.units.items())


class Meter:
    """Counts what is asked, from any thread. `calls`: IAM action or API method -> requests, repetitions included."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.units: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def count(self, call: str, limit: int = 0, where: str = "") -> None:
        """One request. Raises LocationUnreachable if that is more than `limit` (0: no limit)."""
        with self._lock:
            self.calls[call] += 1
            total = self.calls.total()
        if limit and total > limit:
            raise LocationUnreachable(
                f"more than {limit:,} requests in one pull", where=where, expected="a pull within max_requests",
                fix="raise max_requests of the connection, or ask for less (regions, since)",
            )  # fmt: skip

    def bill(self, unit: str, count: float) -> None:
        """Units that the provider bills, as in `ingest/lookups/api_prices.csv`."""
        with self._lock:
            self.units[unit] += count  # type: ignore[assignment]  # Counter is of int only in its annotation

    @property
    def usage(self) -> Usage:
        """What was asked up to now."""
        with self._lock:
            return Usage(dict(self.units), self.calls.total())
