"""Which commitments to buy, when and how much: for what is left after every other lever, under those already held.

Sized on the paths of the year that a purchase would run for, by `recommender/portfolio.py`; held commitments end when
they end, and what their end leaves is bought then, not now: waiting is free. Spot is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median
from typing import Final, Literal

import numpy as np

from models.design import Floats
from recommender.bill import Commitment, Kind
from recommender.holdings import Holding, Rates
from recommender.horizon import YEAR_HOURS
from recommender.portfolio import optimise
from recommender.prices import MissingPrice, Offer
from recommender.usage import Usage

Provider = Literal["aws", "gcp"]
#: Purchases further ahead than this are not sized today.
LADDER_DAYS: Final = 190
PRIOR: Final = "prior: no plan of this kind on the bill"


@dataclass(frozen=True)
class Purchase:
    """One commitment to buy on `buy_on` for a year: `amount` in units, or USD an hour at plan rates; `fee_inr` is the
    INR an hour of one unit (or dollar). `share` of on demand is `learnt` from the bill, or a prior with its source."""

    kind: Kind
    provider: Provider
    payer: str
    scope: str
    amount: float
    fee_inr: float
    buy_on: date
    share: float
    is_learnt: bool
    source: str

    @property
    def workload(self) -> str:
        """What it is about, as a stable name."""
        return f"{self.payer}:{self.kind.name.lower()}:{self.scope}:{self.buy_on.isoformat()[:7]}"

    @property
    def commitment(self) -> Commitment:
        """As the simulator wants it."""
        amount = self.amount if self.kind.is_in_units else self.amount * self.fee_inr
        ends = self.buy_on + timedelta(days=365)
        return Commitment(
            f"new {self.workload}", self.kind, amount, f"{self.payer}:{self.scope}",
            self.fee_inr if self.kind.is_in_units else 1.0, "", True,
            np.datetime64(self.buy_on, "h"), np.datetime64(ends, "h"),
        )  # fmt: skip

    @property
    def hourly_inr(self) -> float:
        """What it costs an hour, used or not."""
        return self.amount * self.fee_inr


@dataclass(frozen=True)
class _Group:
    """Pools that one commitment in units, or one plan of a family, reaches."""

    kind: Kind
    scope: str
    share: float
    is_learnt: bool
    source: str
    pools: tuple[int, ...]


class Committing:
    """Buys for a usage: `buy(day)` sizes what to buy on a day, `ladder()` that and what follows in the half year."""

    def __init__(self, usage: Usage, holdings: Sequence[Holding], rates: Rates) -> None:
        self.usage, self.rates = usage, rates
        self.inr = usage.fleet.inr
        self.holdings = [one for one in holdings if one.currency in self.inr]
        self.held = [one.commitment(self.inr[one.currency]) for one in self.holdings]
        self.pools, _ = usage.pools
        self._of_units = self._shares_of_units()

    def ladder(self, buy_on: date) -> list[Purchase]:
        """What to buy on `buy_on` and at the ends of terms in the half year after it, in order of day, kind and scope.

        Every purchase is of one year without upfront: other terms and ways of paying are compared where it is shown.
        """
        until = buy_on + timedelta(days=LADDER_DAYS)
        found: list[Purchase] = []
        for day in sorted({buy_on, *(one.ends_on for one in self.holdings if buy_on < one.ends_on <= until)}):
            found += self.buy(day, [*self.held, *(one.commitment for one in found)])
        return found

    def buy(self, day: date, held: Sequence[Commitment], thin: int = 1) -> list[Purchase]:
        """What to buy on a day beside `held`, for the year from then as far as the horizon goes; sized on every
        `thin`-th column."""
        hours = self.usage.horizon.hours
        start = np.datetime64(day, "h")
        inside = (hours >= start) & (hours < start + np.timedelta64(YEAR_HOURS, "h"))
        if not inside.any():
            return []
        # what is active counts as if it went on: what its end leaves is bought at its end, not before
        active = [
            replace(one, ends=max(one.ends, start + np.timedelta64(YEAR_HOURS, "h")))
            for one in held
            if one.starts <= start < one.ends
        ]
        left = self.usage.bill(active).left[:, np.tile(inside, self.usage.horizon.n_paths)][:, ::thin]
        payers: dict[tuple[Provider, str], list[int]] = defaultdict(list)
        for at, pool in enumerate(self.pools):
            provider: Provider = "gcp" if pool.name.startswith("gcp ") else "aws"
            payers[provider, next(iter((*pool.rates, *pool.units)))[1].partition(":")[0]].append(at)
        return [one for key, mine in sorted(payers.items()) for one in self._of_payer(*key, mine, left, day)]

    def _of_payer(self, provider: Provider, payer: str, mine: Sequence[int], left: Floats, day: date) -> list[Purchase]:
        groups = list(self._groups(provider, mine))
        if not groups:
            return []
        shared = Kind.COMPUTE_PLAN if provider == "aws" else Kind.FLEXIBLE_COMMITMENT
        demand = np.stack([
            np.sum([self.pools[at].on_demand * left[at] for at in group.pools], axis=0) for group in groups
        ])  # fmt: skip
        planned = np.array([self._shared_share(group, payer, shared) for group in groups])
        best = optimise(
            demand.astype(np.float32), np.array([group.share for group in groups]),
            planned if (planned < 1).any() else None,
        )  # fmt: skip
        found = [self._purchase(provider, payer, *pair, day) for pair in zip(groups, best.levels, strict=True)]
        dollars = float(np.floor(best.plan / self.inr.get("USD", 1.0) * 100) / 100)
        learnt = any(kind is shared for kind, _, _ in self.rates.learnt)
        share, source = self.rates.priors[shared], "rates of the bill" if learnt else PRIOR
        whole = Purchase(shared, provider, payer, "", dollars, self.inr.get("USD", 1.0), day, share, learnt, source)
        return [one for one in (*found, whole) if one is not None and one.amount > 0]

    def _purchase(self, provider: Provider, payer: str, group: _Group, level_inr: float, day: date) -> Purchase | None:
        """In whole cents an hour or whole units: less than the best rather than more."""
        usd = self.inr.get("USD", 1.0)
        if group.kind.is_in_units:
            pool = self.pools[group.pools[0]]
            weight = pool.units[group.kind, f"{payer}:{group.scope}"]
            amount, fee = level_inr / pool.on_demand * weight, pool.on_demand / weight * group.share
            amount = float(np.floor(amount + 1e-9))
        else:
            amount, fee = float(np.floor(level_inr * group.share / usd * 100) / 100), usd
        if amount <= 0:
            return None
        return Purchase(
            group.kind, provider, payer, group.scope, amount, fee, day, group.share, group.is_learnt, group.source
        )

    def _groups(self, provider: Provider, mine: Sequence[int]) -> Iterator[_Group]:
        """A family for plans of AWS; a type of databases and caches; vCPU or memory of a Google series. What has no
        price is no group, and is not bought."""
        members: dict[tuple[Kind, str], list[int]] = defaultdict(list)
        for at in mine:
            pool = self.pools[at]
            keys = [key for key in pool.rates if key[0] is Kind.INSTANCE_PLAN] or list(pool.units)
            for kind, scope in keys[:1]:
                members[kind, scope.partition(":")[2]].append(at)
        for (kind, scope), chosen in sorted(members.items()):
            if kind is Kind.INSTANCE_PLAN:
                pools = [self.pools[at] for at in chosen]
                share = median(
                    next(r for (k, _), r in pool.rates.items() if k is kind) / pool.on_demand for pool in pools
                )
                learnt = any(
                    k is kind and sku.startswith(scope.partition("/")[0] + ".") for k, _, sku in self.rates.learnt
                )
                source = "rates of the bill" if learnt else PRIOR
            else:
                share, learnt, source = self._unit_share(provider, scope)
            if 0 < share < 1:
                yield _Group(kind, scope, share, learnt, source, tuple(chosen))

    def _unit_share(self, provider: Provider, scope: str) -> tuple[float, bool, str]:
        """Price of a reserved unit as a share of on demand, whether the bill shows it, and where it is from."""
        if scope in self._of_units:
            return self._of_units[scope], True, "rates of the bill"
        what, _, region = scope.rpartition("/")
        if provider == "gcp":
            sku, told = f"{what.partition('.')[0]}-standard-4", "list price, 1 year"
        elif what.startswith("cache."):
            sku, told = f"{what}/redis", "list price, 1 year without upfront"
        else:
            others = [
                share for name, share in self._of_units.items() if name.startswith("db.") and what.startswith("db.")
            ]
            return (
                (median(others), False, "prior: other database reservations of the bill")
                if others
                else (1.0, False, "")
            )
        catalogue = self.usage.fleet.catalogue
        try:
            reserved = catalogue.price(Offer(provider, region, sku, "1y_no_upfront")).usd
            return float(reserved / catalogue.price(Offer(provider, region, sku)).usd), False, told
        except MissingPrice:
            return 1.0, False, ""

    def _shares_of_units(self) -> dict[str, float]:
        """Scope -> what a held unit costs as a share of on demand, where such usage is there to compare with."""
        prices = {
            scope.partition(":")[2]: pool.on_demand / weight
            for pool in self.pools
            for (_, scope), weight in pool.units.items()
        }
        return {
            one.scope: one.fee * self.inr[one.currency] / prices[one.scope]
            for one in self.holdings
            if one.kind.is_in_units and one.scope in prices
        }

    def _shared_share(self, group: _Group, payer: str, shared: Kind) -> float:
        """The plan's rate for a group as a share of on demand; 1 where the plan does not reach it."""
        found = [
            self.pools[at].rates[shared, f"{payer}:"] / self.pools[at].on_demand for at in group.pools
            if (shared, f"{payer}:") in self.pools[at].rates
        ]  # fmt: skip
        return median(found) if len(found) == len(group.pools) else 1.0
