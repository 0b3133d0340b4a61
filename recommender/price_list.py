"""List prices that were pulled from a provider: as offers of the catalogue, newer than the shipped ones SKU by SKU, and
as the rates of plans.

Only what bears the catalogue's own names, in dollars, becomes an offer; the rest of the feed `prices` is for people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from recommender.bill import Kind
from recommender.prices import Catalogue, ListPrice, Offer, Option
from warehouse import Snapshot

#: Term and purchase option of the feed -> what the catalogue calls them. Plans have rates of their own.
_OPTIONS: Final[Mapping[tuple[str, str], Option]] = {
    ("", ""): "on_demand", ("", "Spot"): "spot",
    ("1yr", "No Upfront"): "1y_no_upfront", ("1yr", "Partial Upfront"): "1y_partial_upfront",
    ("1yr", "All Upfront"): "1y_all_upfront", ("3yr", "No Upfront"): "3y_no_upfront",
    ("3yr", "Partial Upfront"): "3y_partial_upfront", ("3yr", "All Upfront"): "3y_all_upfront",
}  # fmt: skip
_PLANS: Final = {
    "Compute Savings Plan, No Upfront": Kind.COMPUTE_PLAN, "EC2 Instance Savings Plan, No Upfront": Kind.INSTANCE_PLAN,
    "Database Savings Plan, No Upfront": Kind.DATABASE_PLAN,
}  # fmt: skip
_VOLUMES: Final = ("gp2", "gp3", "io1", "io2", "st1", "sc1", "standard")


def read_catalogue(snapshot: Snapshot) -> Catalogue:
    """The shipped catalogue, with what was pulled since; the shipped one itself where nothing was."""
    if not _has_pulls(snapshot):
        return Catalogue.shipped()
    rows = snapshot.query(
        "SELECT region, sku, COALESCE(term, ''), COALESCE(purchase_option, ''), unit, price, observed_at::DATE"
        " FROM prices WHERE provider = 'AWS' AND currency = 'USD' AND price > 0 AND region IS NOT NULL"
        " AND sku IS NOT NULL AND observed_at IS NOT NULL ORDER BY ALL"
    ).rows
    found: dict[Offer, list[tuple[date, Decimal, str]]] = defaultdict(list)
    for region, sku, term, purchase, unit, price, on in rows:
        option = _OPTIONS.get((term, purchase))
        if option is not None and _is_ours(sku):
            found[Offer("aws", region, sku, option)].append((on, price, unit or ""))
    return Catalogue.shipped().with_prices((offer, _newest(prices)) for offer, prices in found.items())


def read_plan_shares(snapshot: Snapshot) -> dict[tuple[Kind, str, str], tuple[float, date]]:
    """(kind, region, sku) -> what an hour under a Savings Plan of one year without upfront costs as a share of on
    demand, both as they were pulled, and the day of the pull."""
    if not _has_pulls(snapshot):
        return {}
    rows = snapshot.query(
        "SELECT plan.purchase_option, region, sku, MAX(plan.price / usual.price)::DOUBLE, MAX(plan.observed_at)::DATE"
        " FROM prices AS plan JOIN prices AS usual USING (provider, region, sku, currency)"
        " WHERE provider = 'AWS' AND plan.term = '1yr' AND COALESCE(usual.term, '') = ''"
        " AND COALESCE(usual.purchase_option, '') = '' AND usual.price > 0 AND plan.price > 0"
        " GROUP BY ALL ORDER BY ALL"
    ).rows
    return {
        (_PLANS[purchase], region, sku): (share, on) for purchase, region, sku, share, on in rows if purchase in _PLANS
    }


def _has_pulls(snapshot: Snapshot) -> bool:
    """Whether the generation is of a version that keeps the day of a pull."""
    columns = snapshot.query("SELECT column_name FROM duckdb_columns() WHERE table_name = 'prices'").rows
    return ("observed_at",) in columns


def _newest(prices: list[tuple[date, Decimal, str]]) -> ListPrice:
    """The price of the last pull; of several (the zones of Spot) their mean."""
    on = max(day for day, _, _ in prices)
    last = [(price, unit) for day, price, unit in prices if day == on]
    return ListPrice(sum((price for price, _ in last), Decimal(0)) / len(last), last[0][1], on, f"AWS, pulled {on}")


def _is_ours(sku: str) -> bool:
    return "/" in sku or sku in _VOLUMES or sku.startswith("Lambda-GB-Second")
