"""Hourly usage of anybody's, products and commitments as plain tables: what `kifayat commitments` and `simulate` read.

usage:       hour (UTC), pool, on_demand (USD of that hour at list price)
products:    pool ("*": every pool), kind, rate (price as a share of on demand, upfront spread over the term);
             and, if they are there, term_years (1 if not said) and upfront (share of the whole paid at once, 0)
commitments: id, kind, pool ("*"), amount (USD an hour at plan rates; of reservations USD on demand), starts, ends

Kinds are `instance_plan` or `regional_reservation` (one pool) and `compute_plan` (all pools that it names a rate for).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core import BadValue
from models.design import Floats
from recommender.bill import Bill, Commitment, Kind, Pool, simulate
from recommender.fleet import Fleet, Hours, Line, Workload
from recommender.prices import Catalogue
from recommender.terms import Way, cheapest
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
class Product:
    """One kind of commitment, in one way to pay for it."""

    kind: Kind
    way: Way


@dataclass(frozen=True)
class Products:
    """What is for sale, by pool: of what reaches one pool, and of the plan that all share."""

    own: Mapping[str, tuple[Product, ...]]
    shared: Mapping[str, tuple[Product, ...]]

    def own_of(self, pool: str) -> tuple[Product, ...]:
        """What is for sale for one pool."""
        return self.own.get(pool, self.own.get(ALL, ()))

    def shared_of(self, pool: str) -> tuple[Product, ...]:
        """What a shared plan takes of one pool, a row for each way to pay for it."""
        return self.shared.get(pool, self.shared.get(ALL, ()))

    def own_ways(self, pools: Sequence[str], cost_of_capital: float) -> list[Way | None]:
        """The cheapest way for each pool (`terms.cheapest`); None where nothing is for sale."""
        ways = ([one.way for one in self.own_of(pool)] for pool in pools)
        return [cheapest(found, cost_of_capital)[0] if found else None for found in ways]

    def shared_ways(self, demand: Demand, cost_of_capital: float) -> list[Way | None] | None:
        """The one way of a plan that is the cheapest for all of the demand, with its rate for each pool; None where no
        such plan is for sale."""
        terms = sorted({(one.way.years, one.way.upfront) for found in self.shared.values() for one in found})
        if not terms:
            return None
        spent = demand.usd.sum(axis=1)

        def ways(term: tuple[int, float]) -> list[Way | None]:
            return [
                next((one.way for one in self.shared_of(pool) if (one.way.years, one.way.upfront) == term), None)
                for pool in demand.pools
            ]

        return min((ways(term) for term in terms), key=lambda found: float(effective(found, cost_of_capital) @ spent))


def shares(ways: Sequence[Way | None]) -> Floats:
    """Prices as shares of on demand, (n_pools,); 1 where nothing is for sale."""
    return np.array([1.0 if way is None else way.share for way in ways])


def effective(ways: Sequence[Way | None], cost_of_capital: float) -> Floats:
    """The same as sizing reckons with them, time of payment and length of term counted."""
    return np.array([1.0 if way is None else way.effective(cost_of_capital) for way in ways])


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
        if not 0 <= row["on_demand"] < np.inf:
            raise BadValue(f"pool {row['pool']!r}: {row['on_demand']} in {hour}", where=str(path), expected="0 or more")
        seen[at], usd[at] = True, row["on_demand"]
    return Demand(hours, names, usd)


def read_products(path: Path) -> Products:
    """Read what is for sale.

    Raises BadValue for an unknown kind, a rate that is not above 0, and a term or upfront that no provider sells.
    """
    own: dict[str, tuple[Product, ...]] = {}
    shared: dict[str, tuple[Product, ...]] = {}
    columns = {"pool": "VARCHAR", "kind": "VARCHAR", "rate": "DOUBLE"}
    for row in _rows(path, "products", columns, {"term_years": "DOUBLE", "upfront": "DOUBLE"}):
        kind = _kind(row["kind"], path)
        years, upfront = row.get("term_years") or 1, row.get("upfront") or 0.0
        if not 0 < row["rate"] < 10:
            raise BadValue(
                f"rate {row['rate']} of {row['pool']}", where=str(path), expected="a share of on demand, as 0.63"
            )
        if years not in (1, 3) or not 0 <= upfront <= 1:
            raise BadValue(
                f"term_years {years}, upfront {upfront} of {row['pool']}", where=str(path),
                expected="1 or 3 years, and the share of the whole that is paid at once, from 0 to 1",
            )  # fmt: skip
        product = Product(kind, Way(int(years), float(upfront), row["rate"], path.name))
        into = shared if kind in SHARED else own
        into[row["pool"]] = (*into.get(row["pool"], ()), product)
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
    """The demand billed under commitments, USD; a reservation's unit is a dollar an hour on demand.

    A commitment has the rate of the product of its kind with its length of term, else of the first of its kind.
    """
    pools = []
    for name in demand.pools:
        rates: dict[tuple[Kind, str], float] = {}
        units: dict[tuple[Kind, str], float] = {}
        for one in (*products.own_of(name), *products.shared_of(name)):
            if one.kind.is_in_units:
                units[one.kind, name] = 1.0
            else:
                rates.setdefault((one.kind, "" if one.kind in SHARED else name), one.way.share)
        pools.append(Pool(name, 1.0, "", rates, units))
    return simulate(demand.hours, pools, demand.usd, [_priced(one, products) for one in held])


def _priced(one: Commitment, products: Products) -> Commitment:
    table = products.shared if one.kind in SHARED else products.own
    sold = [what.way for what in table.get(one.scope, table.get(ALL, ())) if what.kind is one.kind]
    if one.kind in SHARED:
        sold = [what.way for found in table.values() for what in found if what.kind is one.kind]
    years = round(float((one.ends - one.starts).astype("timedelta64[D]").astype(int)) / 365)
    way = next((way for way in sold if way.years == years), sold[0] if sold else None)
    if way is None:
        return one
    return replace(one, fee=way.share) if one.kind.is_in_units else replace(one, rate_ratio=way.share / sold[0].share)


def _kind(name: str, path: Path) -> Kind:
    try:
        return _NAMES[name.strip().lower()]
    except KeyError:
        raise BadValue(f"no such kind: {name!r}", where=str(path), expected=", ".join(_NAMES)) from None


def _rows(
    path: Path, what: str, columns: Mapping[str, str], optional: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    if not path.is_file():
        raise BadValue("there is no such file", where=str(path), fix=f"name the table of {what}, CSV or Parquet")
    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    with Engine() as engine:
        source = f"{reader}({path_list([path])})"
        known = {name.lower() for name, _ in engine.describe(f"SELECT * FROM {source}")}
        if missing := [name for name in columns if name not in known]:
            raise BadValue(f"no column {', '.join(missing)}", where=str(path), expected=", ".join(columns))
        wanted = {**columns, **{name: kind for name, kind in optional.items() if name in known}}
        select = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in wanted.items())
        try:
            rows = engine.dicts(f"SELECT {select} FROM {source}")
        except BadValue as error:
            raise BadValue(error.what, where=str(path), expected=", ".join(columns)) from error
    for at, row in enumerate(rows, start=2):
        if empty := [name for name in columns if row[name] is None]:
            raise BadValue(f"row {at} has no {', '.join(empty)}", where=str(path), expected=", ".join(columns))
    return rows
