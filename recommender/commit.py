"""Which commitments to buy, when and how much: for what is left after every other lever, under those already held.

Sized on the paths of the year that a purchase would run for, by `recommender/portfolio.py`, at the price of the
cheapest way to pay for it (`recommender/terms.py`); held commitments end when they end, and what their end leaves is
bought then, not now: waiting is free. Spot is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from statistics import median
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core import next_month
from models.design import Floats
from recommender.bill import SUSTAINED_TIERS, Bill, Commitment, Kind, billing_months, size_of, sustained_rates
from recommender.holdings import Holding, Rates
from recommender.horizon import YEAR_HOURS
from recommender.portfolio import optimise
from recommender.purchases import purchase
from recommender.terms import Way, cheapest, listed_ways
from recommender.usage import Usage

Provider = Literal["aws", "gcp"]
PRIOR: Final = "prior: no plan of this kind on the bill"
_UPFRONT: Final = {"No Upfront": 0.0, "Partial Upfront": 0.5, "All Upfront": 1.0}
#: Usage that is known for fewer days is not trusted with the whole target at once.
_KNOWN_DAYS: Final = 330
#: What one month may buy of a target that is not trusted.
CAP_A_MONTH: Final = 1 / 6
#: Units that single precision may lose of a level.
_ROUNDING: Final = 1e-3
#: GiB that a resource commitment of Google may have for each vCPU, by series (predefined machines of the series).
_GIB_PER_VCPU: Final = {"n1": (0.9, 6.5)}
_GIB_PER_VCPU_ELSE: Final = (0.5, 8.0)


@dataclass(frozen=True)
class Part:
    """What one meter of a purchase reserves: `amount` units of what `scope` reaches, or USD an hour at plan rates;
    `fee_inr` is the INR an hour of one unit (or dollar)."""

    scope: str
    amount: float
    fee_inr: float


@dataclass(frozen=True)
class Purchase:
    """One commitment to buy on `buy_on` in a `way`; `others` are ways that were dearer. `parts`: one, or vCPU and
    memory of a Google series. `machine` and `count` say which machines to reserve. `rate_ratio`: its rates as a
    multiple of those that pools have for its kind. `is_capped`: only a part of what is wanted is bought now, for what
    it covers has been used for `known_days` only."""

    kind: Kind
    provider: Provider
    payer: str
    scope: str
    parts: tuple[Part, ...]
    buy_on: date
    way: Way
    others: tuple[Way, ...] = ()
    rate_ratio: float = 1.0
    machine: str = ""
    count: int = 0
    is_capped: bool = False
    known_days: int = 365

    @property
    def workload(self) -> str:
        """What it is about, as a stable name."""
        return f"{self.payer}:{self.kind.name.lower()}:{self.scope}:{self.buy_on.isoformat()[:7]}"

    @property
    def ends_on(self) -> date:
        """The first day without it."""
        return self.buy_on + timedelta(days=365 * self.way.years)

    @property
    def commitments(self) -> tuple[Commitment, ...]:
        """As the simulator wants it."""
        is_money = not self.kind.is_in_units
        return tuple(
            Commitment(
                f"new {self.workload} {part.scope}", self.kind, part.amount * (part.fee_inr if is_money else 1.0),
                f"{self.payer}:{part.scope}", 1.0 if is_money else part.fee_inr, "", True,
                np.datetime64(self.buy_on, "h"), np.datetime64(self.ends_on, "h"), self.rate_ratio,
            )
            for part in self.parts
        )  # fmt: skip

    @property
    def hourly_inr(self) -> float:
        """What it costs an hour, used or not, upfront spread over the term."""
        return sum(part.amount * part.fee_inr for part in self.parts)

    @property
    def locked_inr(self) -> float:
        """What it costs over its term."""
        return self.hourly_inr * YEAR_HOURS * self.way.years

    def scaled(self, multiple: float) -> Purchase:
        """So many times as much."""
        return replace(self, parts=tuple(replace(part, amount=part.amount * multiple) for part in self.parts))


@dataclass(frozen=True)
class _Group:
    """Pools that one commitment in units, or one plan of a family, reaches, and the ways to pay, the cheapest first."""

    kind: Kind
    scope: str
    ways: tuple[Way, ...]
    pools: tuple[int, ...]
    rate: float


class Committing:
    """Buys for a usage: `buy(day)` sizes what to buy on a day, `ladder()` that and what follows in the plan's year."""

    def __init__(
        self, usage: Usage, holdings: Sequence[Holding], rates: Rates, cost_of_capital: float,
        every_months: Literal[1, 3] = 3,
    ) -> None:  # fmt: skip
        self.usage, self.rates, self.cost_of_capital, self.every_months = usage, rates, cost_of_capital, every_months
        self.inr = usage.fleet.inr
        self.usd = self.inr.get("USD", 1.0)
        self.holdings = [one for one in holdings if one.currency in self.inr]
        self.held = [one.commitment(self.inr[one.currency]) for one in self.holdings]
        self.pools, _ = usage.pools
        self._of_units = self._ways_of_units()

    def ladder(self, buy_on: date) -> list[Purchase]:
        """What to buy on `buy_on`, every month or quarter after it, and on the days in the year on which terms end, in
        order of day, kind and scope. Only the gap to what is held by then is bought (base-stock)."""
        until = buy_on + timedelta(days=365)
        days = {buy_on, *(one.ends_on for one in self.holdings if buy_on < one.ends_on < until)}
        month = next_month(buy_on.replace(day=1))
        for at in range(1, 12):
            days |= {month} if at % self.every_months == 0 else set()
            month = next_month(month)
        found: list[Purchase] = []
        for day in sorted(days):
            held = [*self.held, *(part for one in found for part in one.commitments)]
            months = (day.year - buy_on.year) * 12 + day.month - buy_on.month
            share = CAP_A_MONTH * self.every_months * (1 + months // self.every_months)
            found += [self._capped(one, held, found, share) for one in self.buy(day, held)]
        return [one for one in found if one.hourly_inr > 0]

    def buy(self, day: date, held: Sequence[Commitment], thin: int = 1) -> list[Purchase]:
        """What to buy on a day beside `held`, sized on every `thin`-th column of the year from then, or of the last
        year that is looked ahead at."""
        hours = self.usage.horizon.hours
        start = np.datetime64(day, "h")
        year = np.timedelta64(YEAR_HOURS, "h")
        first = max(min(start, hours[-1] + 1 - year), hours[0])
        inside = (hours >= first) & (hours < first + year)
        # what is active counts as if it went on: what its end leaves is bought at its end, not before
        active = [
            replace(one, starts=min(one.starts, first), ends=max(one.ends, first + year))
            for one in held
            if one.starts <= start < one.ends
        ]
        columns = np.flatnonzero(np.tile(inside, self.usage.horizon.n_paths))[::thin]
        bill = self.usage.bill(active)
        payers: dict[tuple[Provider, str], list[int]] = defaultdict(list)
        for at, pool in enumerate(self.pools):
            provider: Provider = "gcp" if pool.name.startswith("gcp ") else "aws"
            payers[provider, next(iter((*pool.rates, *pool.units)))[1].partition(":")[0]].append(at)
        found = []
        for (provider, payer), mine in sorted(payers.items()):
            for shared in _SHARED[provider]:
                found += self._of_payer(
                    provider, payer, shared, self._groups(provider, shared, mine), bill, columns, day
                )
        return found

    def _of_payer(
        self, provider: Provider, payer: str, shared: Kind, groups: Sequence[_Group], bill: Bill,
        columns: NDArray[np.int64], day: date,
    ) -> list[Purchase]:  # fmt: skip
        if not groups or not len(columns):
            return []
        demand = np.stack([
            np.sum([self.pools[at].on_demand * bill.left[at][columns] for at in group.pools], axis=0)
            for group in groups
        ])  # fmt: skip
        rates = np.array([self._shared_rate(group, payer, shared) for group in groups])
        way = self._shared_way(shared, [one for one, rate in zip(groups, rates, strict=True) if rate < 1], rates)
        dearer = way.effective(self.cost_of_capital) / way.share
        best = optimise(
            demand.astype(np.float32), np.array([self._price(group) for group in groups]),
            np.where(rates < 1, rates * dearer, 1.0) if (rates < 1).any() else None,
            self._uncovered(groups, demand, columns),
        )  # fmt: skip
        levels = dict(zip([(group.kind, group.scope) for group in groups], best.levels, strict=True))
        found = [self._purchase(provider, payer, group, levels, day) for group in groups]
        dollars = float(np.floor(best.plan / dearer / self.usd * 100) / 100)
        known = max((self._known_days.get(self.pools[at].name, 0) for g in groups for at in g.pools), default=365)
        whole = Purchase(shared, provider, payer, "", (Part("", dollars, self.usd),), day, way, known_days=known)
        return [one for one in (*found, whole) if one is not None and one.hourly_inr > 0]

    def _shared_way(self, shared: Kind, reached: Sequence[_Group], rates: Floats) -> Way:
        """How a plan over these groups is paid, at the middle of its rates: as the bill shows it, else listed or prior."""
        years, payment = self.rates.terms.get(shared, (1, "No Upfront"))
        learnt = any(kind is shared for kind, _, _ in self.rates.learnt)
        listed = {region for kind, region, _ in self.rates.listed if kind is shared}
        source = "rates of the bill" if learnt else PRIOR
        if not learnt and reached and listed:
            is_here = all(group.scope.rpartition("/")[2] in listed for group in reached)
            source = "AWS price list of 22 April 2026" if is_here else "prior: what AWS takes off in Hyderabad"
        share = median(rate for rate in rates if rate < 1) if reached else 1.0
        return Way(years, _UPFRONT[payment], float(share), source, learnt)

    def _uncovered(self, groups: Sequence[_Group], demand: Floats, columns: NDArray[np.int64]) -> Floats | None:
        """What the last dollar of each group is billed at, (n_groups, n_columns), where any has sustained use."""
        tiers = [self.pools[group.pools[0]].sustained for group in groups]
        if not any(tiers):
            return None
        months = billing_months(self.usage.horizon.columns[columns])
        return np.stack([
            np.ones_like(usd) if of is None else sustained_rates(usd, months, SUSTAINED_TIERS[of[0]])
            for of, usd in zip(tiers, demand, strict=True)
        ])  # fmt: skip

    def _price(self, group: _Group) -> float:
        """What sizing reckons with: the way's price with time and loss; 1, never bought, where none is known."""
        return group.ways[0].effective(self.cost_of_capital) if group.ways else 1.0

    def _purchase(
        self, provider: Provider, payer: str, group: _Group, levels: dict[tuple[Kind, str], float], day: date
    ) -> Purchase | None:
        """In whole cents an hour or whole machines: less than the best rather than more."""
        level = levels[group.kind, group.scope]
        if level <= 0 or not group.ways:
            return None
        way, others = group.ways[0], group.ways[1:]
        known = max(self._known_days.get(self.pools[at].name, 0) for at in group.pools)
        bought = Purchase(group.kind, provider, payer, group.scope, (), day, way, others, known_days=known)
        if group.kind is Kind.RESOURCE_COMMITMENT:
            return self._series(bought, group, levels)
        if not group.kind.is_in_units:
            dollars = float(np.floor(level * way.share / self.usd * 100) / 100)
            return replace(bought, parts=(Part(group.scope, dollars, self.usd),), rate_ratio=way.share / group.rate)
        weights = [self.pools[at].units[group.kind, f"{payer}:{group.scope}"] for at in group.pools]
        unit = median(self.pools[at].on_demand / weight for at, weight in zip(group.pools, weights, strict=True))
        what = group.scope.rpartition("/")[0]
        family, _, engine = what.partition("/")
        size, factor = size_of(min(weights)) if "." in family and family.count(".") == 1 else ("", 1.0)
        count = int(level / unit / factor + _ROUNDING)
        return replace(
            bought, parts=(Part(group.scope, count * factor, unit * way.share),), count=count,
            machine=f"{family}.{size}/{engine}" if size else what,
        )  # fmt: skip

    def _series(self, bought: Purchase, group: _Group, levels: dict[tuple[Kind, str], float]) -> Purchase | None:
        """vCPU and memory of a Google series, which are bought together, in the proportions that Google sells: told at
        the vCPU, with less of what is too much."""
        series, _, rest = group.scope.partition(".core/")
        if not rest:
            return None
        memory = f"{series}.ram/{rest}"
        prices = {}
        for pool in self.pools:
            for _, scope in pool.units:
                if scope in (f"{bought.payer}:{group.scope}", f"{bought.payer}:{memory}"):
                    prices[scope.partition(":")[2]] = pool.on_demand
        vcpus = levels[group.kind, group.scope] / prices[group.scope]
        gib = levels.get((group.kind, memory), 0.0) / prices.get(memory, np.inf)
        least, most = _GIB_PER_VCPU.get(series, _GIB_PER_VCPU_ELSE)
        vcpus = float(np.floor(min(vcpus, gib / least) + _ROUNDING))
        gib = float(np.floor(min(gib, vcpus * most) + _ROUNDING))
        if vcpus < 1 or gib < vcpus * least:
            return None
        share = bought.way.share
        return replace(
            bought, scope=f"{series}/{rest}",
            parts=(Part(group.scope, vcpus, prices[group.scope] * share), Part(memory, gib, prices[memory] * share)),
        )  # fmt: skip

    def _capped(
        self, wanted: Purchase, held: Sequence[Commitment], before: Sequence[Purchase], share: float
    ) -> Purchase:
        """At most so large a share of the target by then, where what it covers has been known for months only."""
        if wanted.known_days >= _KNOWN_DAYS or share >= 1:
            return wanted
        scopes = {(part.kind, part.scope) for part in wanted.commitments}
        day = np.datetime64(wanted.buy_on, "h")
        now = sum(one.amount * one.fee for one in held
                  if (one.kind, one.scope) in scopes and one.starts <= day < one.ends)  # fmt: skip
        bought = sum(one.hourly_inr for one in before if (one.kind, f"{one.payer}:{one.scope}") in {
            (wanted.kind, f"{wanted.payer}:{wanted.scope}")})  # fmt: skip
        target = now + wanted.hourly_inr
        step = float(purchase([target], [now], share)[0]) - bought
        if step >= wanted.hourly_inr:
            return wanted
        ratio = max(step, 0.0) / wanted.hourly_inr
        count = int(wanted.count * ratio + 1e-9)
        return replace(wanted.scaled(count / wanted.count if wanted.count else ratio), count=count, is_capped=True)

    @cached_property
    def _known_days(self) -> dict[str, int]:
        """Pool name -> for how many days of the last year its usage is known, the longest of its lines."""
        found: dict[str, int] = {}
        for (workload, _), metered in self.usage.parts.items():
            for line, _ in metered:
                name = self.usage.book.pool(self.usage.fleet[workload], line).name
                used = np.flatnonzero(line.hourly)
                if len(used):
                    found[name] = max(found.get(name, 0), int(len(line.hourly) - used[0]) // 24)
        return found

    def _groups(self, provider: Provider, shared: Kind, mine: Sequence[int]) -> list[_Group]:
        """A family for plans of AWS; a family and engine of databases and caches; vCPU or memory of a Google series.
        Those that a kind of shared plan is sized with: databases apart from machines. What has no price is no group."""
        members: dict[tuple[Kind, str], list[int]] = defaultdict(list)
        for at in mine:
            pool = self.pools[at]
            keys = [key for key in pool.rates if key[0] is Kind.INSTANCE_PLAN] or list(pool.units)
            is_database = ":db." in keys[0][1] or ":cache." in keys[0][1]
            is_sold = provider == "gcp" or is_database or keys[0][0] is Kind.INSTANCE_PLAN
            if is_sold and is_database == (shared is Kind.DATABASE_PLAN):
                members[keys[0][0], keys[0][1].partition(":")[2]].append(at)
        found = []
        for (kind, scope), chosen in sorted(members.items()):
            rate = 1.0
            if kind is Kind.INSTANCE_PLAN:
                pools = [self.pools[at] for at in chosen]
                rate = median(
                    next(r for (k, _), r in pool.rates.items() if k is kind) / pool.on_demand for pool in pools
                )
            ways = [way for way in self._ways(provider, kind, scope, rate) if way.share < 1]
            ways = cheapest(ways, self.cost_of_capital)
            if ways or any(key[0] is shared for at in chosen for key in self.pools[at].rates):
                found.append(_Group(kind, scope, tuple(ways), tuple(chosen), rate))
        return found

    def _ways(self, provider: Provider, kind: Kind, scope: str, rate: float) -> Iterator[Way]:
        """How a scope can be paid for: as the own bill shows it, else a prior, and what the catalogue sells besides."""
        own: Way | None = self._of_units.get(scope)
        if kind is Kind.INSTANCE_PLAN:
            family = scope.partition("/")[0] + "."
            learnt = any(k is kind and sku.startswith(family) for k, _, sku in self.rates.learnt)
            years, payment = self.rates.terms.get(kind, (1, "No Upfront"))
            own = Way(years, _UPFRONT[payment], rate, "rates of the bill" if learnt else PRIOR, learnt)
        listed = listed_ways(self.usage.fleet.catalogue, provider, kind, scope)
        if own is None and not listed and scope.startswith("db."):
            others = [way for name, way in self._of_units.items() if name.startswith("db.")]
            if others:
                share = median(way.share for way in others)
                own = replace(others[0], share=share, source="prior: other database reservations of the bill",
                              is_learnt=False)  # fmt: skip
        if own is not None:
            yield own
        for way in listed:
            if own is None or (way.years, way.payment) != (own.years, own.payment):
                yield way

    def _ways_of_units(self) -> dict[str, Way]:
        """Scope -> how what is held there is paid and what it costs, where such usage is there to compare with."""
        prices: dict[str, list[float]] = defaultdict(list)
        for pool in self.pools:
            for (_, scope), weight in pool.units.items():
                prices[scope.partition(":")[2]].append(pool.on_demand / weight)
        return {
            one.scope: Way(
                one.years, _UPFRONT.get(one.payment or "", 0.0),
                one.fee * self.inr[one.currency] / median(prices[one.scope]), "rates of the bill", True,
            )
            for one in self.holdings
            if one.kind.is_in_units and one.scope in prices
        }  # fmt: skip

    def _shared_rate(self, group: _Group, payer: str, shared: Kind) -> float:
        """The plan's rate for a group as a share of on demand; 1 where the plan does not reach it."""
        found = [
            self.pools[at].rates[shared, f"{payer}:"] / self.pools[at].on_demand for at in group.pools
            if (shared, f"{payer}:") in self.pools[at].rates
        ]  # fmt: skip
        return median(found) if len(found) == len(group.pools) else 1.0


#: Plans that many pools share; each is sized with the pools that it may reach.
_SHARED: Final = {"aws": (Kind.COMPUTE_PLAN, Kind.DATABASE_PLAN), "gcp": (Kind.FLEXIBLE_COMMITMENT,)}
