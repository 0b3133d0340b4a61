"""The bill of a fleet's lines: what commitments can reach goes through the simulator, the rest is units times price.

All money here is INR at one rate, floats of a simulation. Lines that differ in nothing that a bill looks at are one
pool, so a thousand machines of a type cost no more work than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.design import Floats
from recommender.bill import Bill, Commitment, Pool, simulate
from recommender.fleet import Fleet, Hours, Line, Workload
from recommender.holdings import Rates, pool_of

#: Units of a line in each column: (workload, line, (n_columns,)).
Use = tuple[Workload, Line, Floats]


@dataclass(frozen=True, eq=False)
class Booked:
    """Simulated columns. `cost` (n_columns,) INR; `bill` of the pools that commitments reach;
    `plain` (n_columns,) what no commitment reaches; `names` of the pools by line."""

    cost: Floats = field(repr=False)
    plain: Floats = field(repr=False)
    bill: Bill
    uses: tuple[Use, ...] = field(repr=False)
    pool_names: tuple[str, ...] = field(repr=False)


class Book:
    """Prices in INR and what reaches what; `bill` gives the cost of any usage under any commitments."""

    def __init__(self, fleet: Fleet, rates: Rates, hours: Hours) -> None:
        self.fleet, self.rates, self.hours = fleet, rates, hours
        self._pools: dict[tuple[object, ...], Pool] = {}

    def pool(self, workload: Workload, line: Line) -> Pool:
        """The pool of a line; its name is the same for all lines that are billed alike."""
        region = line.region or workload.region
        key = (
            workload.provider,
            workload.account,
            region,
            line.sku,
            line.meter,
            line.is_spot,
            line.price,
            line.currency,
        )
        if key not in self._pools:
            spot = " spot" if line.is_spot else ""
            name = f"{workload.provider} {workload.account} {region} {line.sku}{spot} {line.meter} {line.price!r}"
            self._pools[key] = pool_of(name, workload, line, self.rates, self.fleet.inr.get(line.currency, 0.0))
        return self._pools[key]

    def bill(self, uses: Iterable[Use], held: Sequence[Commitment]) -> Booked:
        """What the uses cost in each column under the commitments `held`."""
        n = len(self.hours)
        plain = np.zeros(n)
        usage: dict[str, Floats] = {}
        pools: dict[str, Pool] = {}
        listed = tuple(uses)
        names = []
        for workload, line, units in listed:
            pool = self.pool(workload, line)
            names.append(pool.name)
            if not (pool.rates or pool.units):
                plain += pool.on_demand * units
            elif pool.name in usage:
                usage[pool.name] = usage[pool.name] + units
            else:
                usage[pool.name], pools[pool.name] = units, pool
        ordered = sorted(pools)
        stacked = np.stack([usage[name] for name in ordered]) if ordered else np.zeros((0, n))
        found = simulate(self.hours, [pools[name] for name in ordered], np.maximum(stacked, 0), held)
        return Booked(plain + found.cost, plain, found, listed, tuple(names))
