"""Hourly usage of anybody's, products and commitments as plain tables: what `kifayat commitments` and `simulate` read.

usage:       hour (UTC), pool, on_demand (USD of that hour at list price)
products:    pool ("*": every pool), kind, rate (price as a share of on demand)
commitments: id, kind, pool ("*"), amount (USD an hour at plan rates; of reservations USD on demand), starts, ends

Kinds are `instance_plan` or `regional_reservation` (one pool) and `compute_plan` (all pools that it names a rate for).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from core import BadValue
from models.design import Floats
from recommender.bill import Bill, Commitment, Kind, Pool, simulate
from recommender.fleet import Fleet, Hours, Line, Workload
from recommender.prices import Catalogue
from warehouse import Engine, path_list

ALL: Final = "*"
#: Kinds that a table may name: of one pool, and over all.
OWN: Final = (Kind.INSTANCE_PLAN, Kind.REGIONAL_RESERVATION, Kind.DATABASE_PLAN, Kind.RESOURCE_COMMITMENT)
SHARED: Final = (Kind.COMPUTE_PLAN, Kind.FLEXIBLE_COMMITMENT)
_NAMES: Final = {kind.name.lower(): kind for kind in (*OWN, *SHARED)}


@dataclass(frozen=True, eq=False)
class Demand:
    """`hours` (n_hours,) UTC without holes, `pools` by name in order, `usd` (n_pools, n_hours) at list price."""

    hours: Hours = field(repr=False)
    pools: tuple[str, ...]
    usd: Floats = field(repr=False)

    def before(self, day: date) -> Demand:
        """Only the hours before a day (UTC). Raises BadValue if there is none."""
        known = self.hours < np.datetime64(day, "h")
        if not known.any():
            raise BadValue(f"no hour before {day}", where="usage", fix="name a later day with --as-of")
        return Demand(self.hours[known], self.pools, self.usd[:, known])

    def fleet(self, exams: Sequence[date]) -> Fleet:
        """As a fleet of one workload a pool at one dollar, of the last year, so that one forecast serves both."""
        year = slice(max(0, len(self.hours) - 8760), None)
        hours = self.hours[year]
        workloads = [
            Workload(pool, pool, "other", "aws", "", "", "", (Line(pool, pool, "", "USD", "USD", 1.0, usd[year]),))
            for pool, usd in zip(self.pools, self.usd, strict=True)
        ]
        now = datetime.fromtimestamp(int(hours[-1].astype("datetime64[s]").astype(int)) + 3600, UTC)
        return Fleet(hours, tuple(workloads), tuple(exams), {"USD": 1.0}, now.date(), now, Catalogue({}))


@dataclass(frozen=True)
class Products:
    """Rates as shares of on demand, by pool: of what reaches one pool, and of the plan that all share."""

    own: Mapping[str, tuple[Kind, float]]
    shared: Mapping[str, tuple[Kind, float]]

    def own_rates(self, pools: Sequence[str]) -> Floats:
        """(n_pools,); 1 where nothing is for sale."""
        return np.array([self.own.get(pool, self.own.get(ALL, (Kind.INSTANCE_PLAN, 1.0)))[1] for pool in pools])

    def shared_rates(self, pools: Sequence[str]) -> Floats | None:
        """(n_pools,), or None where no such plan is for sale."""
        if not self.shared:
            return None
        return np.array([self.shared.get(pool, self.shared.get(ALL, (Kind.COMPUTE_PLAN, 1.0)))[1] for pool in pools])


def read_demand(path: Path) -> Demand:
    """Read hourly usage (CSV or Parquet). Missing hours of a pool are 0.

    Raises BadValue for missing columns, usage below zero, and an hour of a pool that is told twice.
    """
    rows = _rows(path, "usage", {"hour": "TIMESTAMP", "pool": "VARCHAR", "on_demand": "DOUBLE"})
    if not rows:
        raise BadValue("the file has no row", where=str(path), expected="hour, pool, on_demand")
    names = tuple(sorted({row["pool"] for row in rows}))
    index = {name: at for at, name in enumerate(names)}
    when = np.array([row["hour"] for row in rows], dtype="datetime64[h]")
    hours = np.arange(when.min(), when.max() + np.timedelta64(1, "h"))
    usd = np.zeros((len(names), len(hours)))
    seen = np.zeros_like(usd, dtype=bool)
    for row, hour in zip(rows, when, strict=True):
        at = index[row["pool"]], int((hour - hours[0]).astype(int))
        if seen[at]:
            raise BadValue(f"pool {row['pool']!r} has two rows for {hour}", where=str(path), fix="add them up first")
        if row["on_demand"] < 0:
            raise BadValue(f"pool {row['pool']!r}: {row['on_demand']} in {hour}", where=str(path), expected="0 or more")
        seen[at], usd[at] = True, row["on_demand"]
    return Demand(hours, names, usd)


def read_products(path: Path) -> Products:
    """Read what is for sale. Raises BadValue for an unknown kind or a rate that is not above 0."""
    own: dict[str, tuple[Kind, float]] = {}
    shared: dict[str, tuple[Kind, float]] = {}
    for row in _rows(path, "products", {"pool": "VARCHAR", "kind": "VARCHAR", "rate": "DOUBLE"}):
        kind = _kind(row["kind"], path)
        if not 0 < row["rate"] < 10:
            raise BadValue(
                f"rate {row['rate']} of {row['pool']}", where=str(path), expected="a share of on demand, as 0.63"
            )
        (shared if kind in SHARED else own)[row["pool"]] = kind, row["rate"]
    if not own and not shared:
        raise BadValue("nothing is for sale", where=str(path), expected="pool, kind, rate")
    return Products(own, shared)


def read_commitments(path: Path) -> list[Commitment]:
    """Read what is held. Raises BadValue for an unknown kind, and as Commitment does."""
    columns = {
        "id": "VARCHAR",
        "kind": "VARCHAR",
        "pool": "VARCHAR",
        "amount": "DOUBLE",
        "starts": "TIMESTAMP",
        "ends": "TIMESTAMP",
    }
    found = []
    for row in _rows(path, "commitments", columns):
        kind = _kind(row["kind"], path)
        scope = "" if row["pool"] == ALL or kind in SHARED else row["pool"]
        starts, ends = np.datetime64(row["starts"], "h"), np.datetime64(row["ends"], "h")
        found.append(Commitment(row["id"], kind, row["amount"], scope, starts=starts, ends=ends))
    return found


def bill_of(demand: Demand, products: Products, held: Sequence[Commitment]) -> Bill:
    """The demand billed under commitments, USD; a reservation's unit is a dollar an hour on demand."""
    pools = []
    for name in demand.pools:
        rates: dict[tuple[Kind, str], float] = {}
        units: dict[tuple[Kind, str], float] = {}
        own = products.own.get(name, products.own.get(ALL))
        if own is not None and own[0].is_in_units:
            units[own[0], name] = 1.0
        elif own is not None:
            rates[own[0], name] = own[1]
        shared = products.shared.get(name, products.shared.get(ALL))
        if shared is not None:
            rates[shared[0], ""] = shared[1]
        pools.append(Pool(name, 1.0, "", rates, units))
    fees = {name: rate for name, (_, rate) in products.own.items()}
    priced = [
        replace(one, fee=fees.get(one.scope, fees.get(ALL, 1.0))) if one.kind.is_in_units else one for one in held
    ]
    return simulate(demand.hours, pools, demand.usd, priced)


def _kind(name: str, path: Path) -> Kind:
    try:
        return _NAMES[name.strip().lower()]
    except KeyError:
        raise BadValue(f"no such kind: {name!r}", where=str(path), expected=", ".join(_NAMES)) from None


def _rows(path: Path, what: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    if not path.is_file():
        raise BadValue("there is no such file", where=str(path), fix=f"name the table of {what}, CSV or Parquet")
    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    with Engine() as engine:
        source = f"{reader}({path_list([path])})"
        known = {name.lower() for name, _ in engine.describe(f"SELECT * FROM {source}")}
        if missing := [name for name in columns if name not in known]:
            raise BadValue(f"no column {', '.join(missing)}", where=str(path), expected=", ".join(columns))
        select = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in columns.items())
        rows = engine.dicts(f"SELECT {select} FROM {source}")
    for at, row in enumerate(rows, start=2):
        if empty := [name for name, value in row.items() if value is None]:
            raise BadValue(f"row {at} has no {', '.join(empty)}", where=str(path), expected=", ".join(columns))
    return rows
