"""Which commitments to buy, when and how much: for what is left after every other lever, under those already held.

Sized on the paths of the year that a purchase would run for, by `recommender/portfolio.py`, at the price of the
cheapest way to pay for it (`recommender/terms.py`); held commitments end when they end, and what their end leaves is
bought then, not now: waiting is free. Spot is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from statistics import median
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core import next_month
from models.design import Floats
from recommender.bill import Bill, Commitment, Kind, size_of
from recommender.holdings import Holding, Rates
from recommender.horizon import YEAR_HOURS
from recommender.offers import Offers
from recommender.portfolio import optimise
from recommender.purchases import Part, Provider, Purchase, purchase
from recommender.sustained import SUSTAINED_TIERS, billing_months, sustained_rates
from recommender.terms import Way
from recommender.usage import Usage

#: Usage that is known for fewer days is not trusted with the whole target at once.
_KNOWN_DAYS: Final = 330
#: What one month may buy of a target that is not trusted.
CAP_A_MONTH: Final = 1 / 6
#: Units that single precision may lose of a level.
_ROUNDING: Final = 1e-3
#: GiB that a resource commitment of Google may have for each vCPU, by series (predefined machines of the series).
_GIB_PER_VCPU: Final = {"n1": (0.9, 6.5)}
_GIB_PER_VCPU_ELSE: Final = (0.5, 8.0)
#: Series whose vCPUs Google commits only together with their GPUs (cloud.google.com, "Resource-based commitments").
_WITH_GPU: Final = frozenset({"a2", "a3", "a4", "g2", "g4"})


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
        self._offers = Offers(self.pools, self.holdings, rates, usage.fleet.catalogue, self.inr)

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
            for one in self.buy(day, held):
                is_another = any(one.workload == other.workload for other in found)
                found.append(replace(self._capped(one, held, found, share), is_another=is_another))
        return [one for one in found if one.hourly_inr > 0]

    def buy(self, day: date, held: Sequence[Commitment]) -> list[Purchase]:
        """What to buy on a day beside `held`, sized on the year from then, or on the last year that is looked ahead
        at."""
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
        columns = np.flatnonzero(np.tile(inside, self.usage.horizon.n_paths))
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
        way = self._offers.shared(
            shared, [one.scope for one, rate in zip(groups, rates, strict=True) if rate < 1], rates
        )
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
        if not rest or series in _WITH_GPU:
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
            ways = self._offers.own(provider, kind, scope, rate, self.cost_of_capital)
            if ways or any(key[0] is shared for at in chosen for key in self.pools[at].rates):
                found.append(_Group(kind, scope, tuple(ways), tuple(chosen), rate))
        return found

    def _shared_rate(self, group: _Group, payer: str, shared: Kind) -> float:
        """The plan's rate for a group as a share of on demand; 1 where the plan does not reach it."""
        found = [
            self.pools[at].rates[shared, f"{payer}:"] / self.pools[at].on_demand for at in group.pools
            if (shared, f"{payer}:") in self.pools[at].rates
        ]  # fmt: skip
        return median(found) if len(found) == len(group.pools) else 1.0


#: Plans that many pools share; each is sized with the pools that it may reach.
_SHARED: Final = {"aws": (Kind.COMPUTE_PLAN, Kind.DATABASE_PLAN), "gcp": (Kind.FLEXIBLE_COMMITMENT,)}
