"""Ways to make one commitment: for one year or three, paid at once or by the month, compared at today's value.

What a way costs is put as a share of on demand for an hour in which the commitment is needed: money that is paid early
is dearer at a stated cost of capital, and three years are dearer by the hours in which nobody needs them any more. The
cheapest is bought, and levels are sized at that price; the bill shows the price itself, spread over the term. Three
years without upfront are thus bought only if the share of the 36 months that a layer is expected to live exceeds their
price as a share of one year's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from core import BadValue
from recommender.bill import Kind
from recommender.prices import Catalogue, MissingPrice, Offer, Option

#: Share of what is in use that a year makes useless for its commitment: ended, moved to another type or generation. A
#: prior: AWS brings a generation about every two years, and of fleets that were looked at 4 % a year ended for good.
LOSS_PER_YEAR: Final = 0.25

#: So little dearer in effect, a year without upfront is as good: rates that are priors are not known any better.
NEUTRAL: Final = 0.02

#: Option of the catalogue -> (years, share that is paid at once).
_OPTIONS: Final[Mapping[Option, tuple[int, float]]] = {
    "1y_no_upfront": (1, 0.0), "1y_partial_upfront": (1, 0.5), "1y_all_upfront": (1, 1.0),
    "3y_no_upfront": (3, 0.0), "3y_partial_upfront": (3, 0.5), "3y_all_upfront": (3, 1.0),
}  # fmt: skip


def lives(years: int, loss_per_year: float = LOSS_PER_YEAR) -> float:
    """The share of a term of so many years in which its layer is expected to be of use; the first year's paths hold
    what is lost in it, so one year is 1."""
    if years == 1 or loss_per_year <= 0:
        return 1.0
    return (1 - (1 - loss_per_year) ** years) / (-years * math.log(1 - loss_per_year))


@dataclass(frozen=True)
class Payment:
    """A way of paying for a commitment of `years`: `upfront_usd` at once, then `hourly_usd` in every hour."""

    name: str
    years: int
    upfront_usd: float
    hourly_usd: float

    def present_value_usd(self, cost_of_capital: float) -> float:
        """What it costs today in USD, months paid at their end; `cost_of_capital` a year (0.11 is 11 %)."""
        if cost_of_capital <= -1:
            raise BadValue(f"a cost of capital of {cost_of_capital}", expected="a share a year, as 0.11")
        months = np.arange(1, 12 * self.years + 1)
        worth = (1 + cost_of_capital) ** (-months / 12)
        return float(self.upfront_usd + self.hourly_usd * (8760 / 12) * worth.sum())


@dataclass(frozen=True)
class Way:
    """A term of `years` with `upfront` (share of the whole paid at once); `share` of on demand that an hour costs,
    upfront spread over the term, as told by `source`, the customer's own bill if `is_learnt`."""

    years: int
    upfront: float
    share: float
    source: str
    is_learnt: bool = False

    @property
    def payment(self) -> Literal["No Upfront", "Partial Upfront", "All Upfront"]:
        """As AWS calls it."""
        return "No Upfront" if self.upfront <= 0 else "All Upfront" if self.upfront >= 1 else "Partial Upfront"

    @property
    def name(self) -> str:
        """For people: "3 years, all upfront"."""
        return f"{self.years} year{'s' if self.years > 1 else ''}, {self.payment.lower()}"

    def present_value(self, cost_of_capital: float) -> float:
        """Of all that is paid for one dollar an hour on demand over the term, in dollars of today."""
        hours = 8760 * self.years
        payment = Payment(self.name, self.years, self.upfront * self.share * hours, (1 - self.upfront) * self.share)
        return payment.present_value_usd(cost_of_capital)

    def effective(self, cost_of_capital: float) -> float:
        """Share of on demand that an hour of use costs when time and what is lost are counted: what ways compare by."""
        every_hour = Payment(self.name, self.years, 0.0, 1.0).present_value_usd(cost_of_capital)
        return self.present_value(cost_of_capital) / every_hour / lives(self.years)


def cheapest(ways: Iterable[Way], cost_of_capital: float) -> list[Way]:
    """The ways in order of what they cost in effect, but for a year without upfront that is neutral to the cheapest:
    it comes first, for it binds least."""
    ordered = sorted(ways, key=lambda way: (way.effective(cost_of_capital), way.years, way.upfront))
    plain = next((way for way in ordered if (way.years, way.upfront) == (1, 0.0)), None)
    if plain and plain.effective(cost_of_capital) <= (1 + NEUTRAL) * ordered[0].effective(cost_of_capital):
        return [plain, *(way for way in ordered if way is not plain)]
    return ordered


def listed_ways(catalogue: Catalogue, provider: Literal["aws", "gcp"], kind: Kind, scope: str) -> list[Way]:
    """What the catalogue sells for a scope; [] where it knows no price. An EC2 Instance plan has the rates of standard
    reservations of its family."""
    what, _, region = scope.rpartition("/")
    if kind is Kind.INSTANCE_PLAN:
        sku, told = f"{what}.xlarge/linux", "list price of a standard reservation"
    elif kind is Kind.RESOURCE_COMMITMENT:
        sku, told = f"{what.partition('.')[0]}-standard-4", "list price"
    elif what.startswith("cache."):
        family, _, engine = what.partition("/")
        sku, told = f"{family}.xlarge/{engine}", "list price"
    else:
        return []
    try:
        on_demand = catalogue.price(Offer(provider, region, sku)).usd
    except MissingPrice:
        return []
    found = []
    for option, (years, upfront) in _OPTIONS.items():
        try:
            price = catalogue.price(Offer(provider, region, sku, option))
        except MissingPrice:
            continue
        found.append(Way(years, upfront, float(price.usd / on_demand), f"{told} of {price.as_of}"))
    return found


def compared(chosen: Way, others: Iterable[Way], cost_of_capital: float) -> dict[str, str]:
    """Name -> what another way would cost beside the chosen one, in words."""
    found = {}
    for way in others:
        more = way.effective(cost_of_capital) / chosen.effective(cost_of_capital) - 1
        text = f"{way.share:.1%} of on demand; {more:+.1%} when the time of payment is counted"
        if way.years > chosen.years:
            text += f", and that {1 - lives(way.years):.0%} of the term is lost (prior)"
        found[way.name] = text
    return found
