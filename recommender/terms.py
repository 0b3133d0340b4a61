"""Other ways to make the same commitment: longer, or paid at once, each at its present value.

A purchase of the plan is one year without upfront; here it is compared with what else the catalogue sells for the same
thing, at a stated cost of capital. Three years are worth it only if what they cover lives long enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from recommender.bill import Kind
from recommender.commit import Purchase
from recommender.prices import Catalogue, MissingPrice, Offer, Option
from recommender.purchases import Payment

#: Option of the catalogue -> (what it is called, years, share that is paid at once).
_WAYS: Final[Mapping[Option, tuple[str, int, float]]] = {
    "1y_partial_upfront": ("1 year, half upfront", 1, 0.5), "1y_all_upfront": ("1 year, all upfront", 1, 1.0),
    "3y_no_upfront": ("3 years, no upfront", 3, 0.0), "3y_partial_upfront": ("3 years, half upfront", 3, 0.5),
    "3y_all_upfront": ("3 years, all upfront", 3, 1.0),
}  # fmt: skip


def alternatives(purchase: Purchase, catalogue: Catalogue, cost_of_capital: float) -> dict[str, str]:
    """Name -> what it costs beside the purchase, in words; {} where the catalogue sells nothing else."""
    what, _, region = purchase.scope.rpartition("/")
    sku = _sku(purchase, what)
    if sku is None:
        return {}
    provider = purchase.provider
    try:
        listed = float(catalogue.price(Offer(provider, region, sku)).usd)
    except MissingPrice:
        return {}
    yearly = Payment("", 1, 0.0, purchase.share).present_value_usd(cost_of_capital)
    found = {}
    for option, (name, years, upfront) in _WAYS.items():
        try:
            share = float(catalogue.price(Offer(provider, region, sku, option)).usd) / listed
        except MissingPrice:
            continue
        hours = 8760 * years
        value = Payment(name, years, upfront * share * hours, (1 - upfront) * share).present_value_usd(cost_of_capital)
        if years == 1:
            found[name] = f"{share:.1%} of on demand; today it is worth {value / yearly - 1:+.1%} beside no upfront"
        else:
            # renewed every year at the same price, paid later and later
            renewed = sum(yearly / (1 + cost_of_capital) ** year for year in range(years))
            lives = value / renewed
            found[name] = (
                f"{share:.1%} of on demand; cheaper if what it covers lives {lives:.0%} of three years"
                if lives < 1 else f"{share:.1%} of on demand; dearer than renewing every year"
            )  # fmt: skip
    return found


def _sku(purchase: Purchase, what: str) -> str | None:
    """A thing of the catalogue that stands for what a purchase reaches."""
    if purchase.kind is Kind.INSTANCE_PLAN:
        return f"{what}.xlarge/linux"
    if purchase.kind is Kind.RESOURCE_COMMITMENT:
        return f"{what.partition('.')[0]}-standard-4"
    return f"{what}/redis" if what.startswith("cache.") else None
