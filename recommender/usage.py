"""What is used on every path while a plan changes it: lines as they are metered now, and their bill.

Immutable but for caches of the bill: applying an action gives a new usage that shares what did not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Self

import numpy as np

from models.design import Floats
from recommender.action import Action
from recommender.bill import Bill, Commitment, Kind, Pool, simulate
from recommender.book import Book
from recommender.fleet import Fleet, Hours, Line, Provider
from recommender.horizon import Horizon, Key

#: A line as it is metered now, and its units for each unit of the original in each hour, (n_hours,) or one number.
Metered = tuple[Line, Floats | float]


@dataclass(frozen=True, eq=False)
class Usage:
    """The lines of a fleet under the actions applied so far. `parts`: what became of each line of the horizon."""

    fleet: Fleet
    horizon: Horizon
    book: Book
    parts: Mapping[Key, tuple[Metered, ...]] = field(repr=False)
    _pools: Mapping[str, tuple[Pool, Floats]] = field(repr=False)
    _plain: Floats = field(repr=False)
    #: What commitments can reach, billed under commitments: shared by usages that differ in nothing of it.
    _reached: dict[tuple[Commitment, ...], Floats] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, fleet: Fleet, horizon: Horizon, book: Book) -> Self:
        """As forecast, before any action."""
        parts: dict[Key, tuple[Metered, ...]] = {}
        for workload in fleet.workloads:
            for at, line in enumerate(workload.lines):
                if (workload.id, at) in horizon.units and line.currency in fleet.inr:
                    parts[workload.id, at] = ((line, 1.0),)
        empty = cls(fleet, horizon, book, {}, {}, np.zeros(len(horizon.columns)))
        return empty._with(parts)

    def on_paths(self, n_paths: int) -> Self:
        """As forecast, on the first so many paths only."""
        few = self.horizon.first(n_paths)
        return type(self).of(self.fleet, few, Book(self.fleet, self.book.rates, few.columns))

    def reached_by(self) -> dict[tuple[Kind, str], set[str]]:
        """Workloads by what commitments could pay for them as they are metered now: (kind, scope) -> ids."""
        found: dict[tuple[Kind, str], set[str]] = {}
        for (id, _), parts in self.parts.items():
            for line, factor in parts:
                if np.any(factor):
                    pool = self.book.pool(self.fleet[id], line)
                    for key in (*pool.rates, *pool.units):
                        found.setdefault(key, set()).add(id)
        return found

    def is_reached(self, workload: str) -> bool:
        """Whether a commitment could pay for any line of a workload as it is metered now."""
        pools = (
            self.book.pool(self.fleet[id], line)
            for (id, _), parts in self.parts.items()
            if id == workload
            for line, _ in parts
        )
        return any(pool.rates or pool.units for pool in pools)

    def apply_all(self, actions: Iterable[Action], not_before: date) -> Self:
        """With actions, one on what the other leaves."""
        usage = self
        for action in actions:
            usage = usage.apply(action, not_before)
        return usage

    def apply(self, action: Action, not_before: date) -> Self:
        """With an action; from its own day, but never before `not_before`."""
        starts = max(action.starts_on or not_before, not_before)
        days = (self.horizon.hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]")
        runs = (days >= np.datetime64(starts, "D")).astype(np.float64)
        changed: dict[Key, tuple[Metered, ...]] = {}
        for key, metered in self.parts.items():
            if key[0] != action.workload:
                continue
            found: list[Metered] = []
            for line, factor in metered:
                new = action.change.apply(line, self.horizon.hours)
                if len(new) == 1 and new[0][0] is line and np.all(np.asarray(new[0][1]) == 1.0):
                    found.append((line, factor))
                    continue
                found += [(other, factor * np.asarray(share) * runs) for other, share in new]
                if not runs.all():
                    found.append((line, factor * (1.0 - runs)))
            changed[key] = tuple(found)
        return self._with(changed)

    def of_provider(self, provider: Provider) -> Self:
        """Only what is used of a provider."""
        empty = type(self)(self.fleet, self.horizon, self.book, {}, {}, np.zeros(len(self.horizon.columns)))
        return empty._with({key: parts for key, parts in self.parts.items() if self.fleet[key[0]].provider == provider})

    def _with(self, changed: Mapping[Key, tuple[Metered, ...]]) -> Self:
        pools, plain = dict(self._pools), self._plain
        touched: set[str] = set()
        for key, metered in changed.items():
            workload = self.fleet[key[0]]
            units = self.horizon.units[key]
            for sign, parts in ((-1.0, self.parts.get(key, ())), (1.0, metered)):
                for line, factor in parts:
                    pool = self.book.pool(workload, line)
                    amount = (sign * units * factor).ravel()
                    if not (pool.rates or pool.units):
                        plain = plain + pool.on_demand * amount
                    elif pool.name in touched:
                        pools[pool.name][1].__iadd__(amount)
                    else:
                        before = pools[pool.name][1] if pool.name in pools else 0.0
                        pools[pool.name] = pool, before + amount
                        touched.add(pool.name)
        for name in touched:
            np.maximum(pools[name][1], 0.0, out=pools[name][1])  # rounding of differences
        return type(self)(self.fleet, self.horizon, self.book, {**self.parts, **changed}, pools, plain,
                          {} if touched else self._reached)  # fmt: skip

    @cached_property
    def pools(self) -> tuple[list[Pool], Floats]:
        """What commitments can reach, and its units, (n_pools, n_columns)."""
        names = sorted(self._pools)
        n = len(self.horizon.columns)
        units = np.stack([self._pools[name][1] for name in names]) if names else np.zeros((0, n))
        return [self._pools[name][0] for name in names], units

    def bill(self, held: Sequence[Commitment]) -> Bill:
        """The simulated bill of what commitments can reach."""
        pools, units = self.pools
        return simulate(self._columns, pools, units, held)

    def cost(self, held: Sequence[Commitment]) -> Floats:
        """INR of the first year under the commitments `held`, on each path, (n_paths,)."""
        key = tuple(held)
        if key not in self._reached:
            self._reached[key] = self.bill(held).cost
        return self.horizon.yearly(self._plain + self._reached[key])

    @cached_property
    def _columns(self) -> Hours:
        return self.horizon.columns
