"""What is for sale: the ways to pay for a commitment, from the customer's own bill, price lists, or priors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from models.design import Floats
from recommender.bill import Kind, Pool
from recommender.holdings import Holding, Rates
from recommender.prices import Catalogue
from recommender.purchases import Provider
from recommender.terms import Way, cheapest, listed_ways

PRIOR: Final = "prior: no plan of this kind on the bill"
_UPFRONT: Final = {"No Upfront": 0.0, "Partial Upfront": 0.5, "All Upfront": 1.0}


class Offers:
    """Ways to pay, by what a commitment reaches; `inr` of one unit of each currency."""

    def __init__(
        self, pools: Sequence[Pool], holdings: Sequence[Holding], rates: Rates, catalogue: Catalogue,
        inr: Mapping[str, float],
    ) -> None:  # fmt: skip
        self._rates, self._catalogue = rates, catalogue
        self._of_units = _ways_of_units(pools, holdings, inr)

    def own(self, provider: Provider, kind: Kind, scope: str, rate: float, cost_of_capital: float) -> list[Way]:
        """The ways for what reaches one group, the cheapest first; `rate` is its price in the simulation."""
        ways = (way for way in self._ways(provider, kind, scope, rate) if way.share < 1)
        return cheapest(ways, cost_of_capital)

    def shared(self, shared: Kind, reached: Sequence[str], rates: Floats) -> Way:
        """How a plan over these scopes is paid, at the middle of its rates (n_groups,): by bill, list or prior."""
        years, payment = self._rates.terms.get(shared, (1, "No Upfront"))
        learnt = any(kind is shared for kind, _, _ in self._rates.learnt)
        listed = {region for kind, region, _ in self._rates.listed if kind is shared}
        source = "rates of the bill" if learnt else PRIOR
        regions = {scope.rpartition("/")[2] for scope in reached}
        days = [day for region in regions if (day := self._rates.pulled_on(shared, region))]
        if not learnt and days and len(days) == len(regions):
            source = f"AWS, pulled {min(days)}"
        elif not learnt and reached and listed:
            is_here = regions <= listed
            source = "AWS price list of 22 April 2026" if is_here else "prior: what AWS takes off in Hyderabad"
        share = median(rate for rate in rates if rate < 1) if reached else 1.0
        return Way(years, _UPFRONT[payment], float(share), source, learnt)

    def _ways(self, provider: Provider, kind: Kind, scope: str, rate: float) -> Iterator[Way]:
        """How a scope can be paid for: as the own bill shows it, else a prior, and what the catalogue sells besides."""
        own: Way | None = self._of_units.get(scope)
        if kind is Kind.INSTANCE_PLAN:
            family = scope.partition("/")[0] + "."
            learnt = any(k is kind and sku.startswith(family) for k, _, sku in self._rates.learnt)
            years, payment = self._rates.terms.get(kind, (1, "No Upfront"))
            on = self._rates.pulled_on(kind, scope.rpartition("/")[2])
            source = "rates of the bill" if learnt else f"AWS, pulled {on}" if on else PRIOR
            own = Way(years, _UPFRONT[payment], rate, source, learnt)
        listed = listed_ways(self._catalogue, provider, kind, scope)
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


def _ways_of_units(pools: Sequence[Pool], holdings: Sequence[Holding], inr: Mapping[str, float]) -> dict[str, Way]:
    """Scope -> how what is held there is paid and what it costs, where such usage is there to compare with."""
    prices: dict[str, list[float]] = defaultdict(list)
    for pool in pools:
        for (_, scope), weight in pool.units.items():
            prices[scope.partition(":")[2]].append(pool.on_demand / weight)
    return {
        one.scope: Way(
            one.years, _UPFRONT.get(one.payment or "", 0.0),
            one.fee * inr[one.currency] / median(prices[one.scope]), "rates of the bill", True,
        )
        for one in holdings
        if one.kind.is_in_units and one.scope in prices
    }  # fmt: skip
