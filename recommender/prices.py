"""What things cost at list price, with the day and the origin of every figure; a reason where nothing is known.

A shipped snapshot (facts/SOURCES.md) that newer prices may replace. Never a percentage off: an option that is not in
the catalogue has no price. Not for what a customer pays: rates learnt from the bill are another thing.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Final, Literal

from core import KifayatError
from recommender.databases import database_sku

FACTS: Final = Path(__file__).parent / "facts"
#: A list price that was read longer ago is marked.
FRESH_FOR: Final = timedelta(hours=24)
MONTH_HOURS: Final = 730

Option = Literal[
    "on_demand", "spot", "1y_no_upfront", "1y_partial_upfront", "1y_all_upfront", "3y_no_upfront",
    "3y_partial_upfront", "3y_all_upfront",
]  # fmt: skip


class MissingPrice(KifayatError):
    """The catalogue has no such price: a reason on the item, never a guess."""


@dataclass(frozen=True)
class Offer:
    """What is for sale. `sku`: instance type ("m7g.large/linux", "cache.r6g.large/redis", "n2d-standard-4") or volume
    type ("gp3"). `option` on demand, Spot, or a commitment's term and payment, upfront spread over its hours."""

    provider: Literal["aws", "gcp"]
    region: str
    sku: str
    option: Option = "on_demand"

    def __str__(self) -> str:
        return f"{self.provider} {self.region} {self.sku} {self.option}"


@dataclass(frozen=True)
class ListPrice:
    """`usd` for one `unit` ("Hour", "GB-Month") before tax, as it was published on `as_of` by `source`."""

    usd: Decimal
    unit: str
    as_of: date
    source: str

    def is_stale(self, now: datetime) -> bool:
        """Whether it was read more than a day before `now` (with a zone)."""
        return now - datetime(self.as_of.year, self.as_of.month, self.as_of.day, tzinfo=now.tzinfo) > FRESH_FOR


class Catalogue:
    """Offers and their prices. `with_prices` puts newer ones over the shipped; the newest of an offer counts."""

    def __init__(self, prices: Mapping[Offer, ListPrice]) -> None:
        self._prices = dict(prices)

    @classmethod
    def shipped(cls) -> Catalogue:
        """The snapshot that comes with the product."""
        return cls(_shipped())

    def with_prices(self, newer: Iterable[tuple[Offer, ListPrice]]) -> Catalogue:
        """A catalogue with these prices too; an older one never replaces a newer one."""
        found = dict(self._prices)
        for offer, price in newer:
            if offer not in found or price.as_of >= found[offer].as_of:
                found[offer] = price
        return Catalogue(found)

    def price(self, offer: Offer) -> ListPrice:
        """The price of an offer. Raises MissingPrice, which names what is near, where there is none."""
        if (found := self._prices.get(offer)) is not None:
            return found
        alike = self._by_sku.get((offer.provider, offer.sku), ())
        options = sorted({o.option for o in alike if o.region == offer.region})
        if options:
            raise MissingPrice(f"no list price for {offer}", expected=f"one of {', '.join(options)}")
        regions = sorted({o.region for o in alike})
        if regions:
            raise MissingPrice(f"no list price for {offer}", expected=f"one of the regions {', '.join(regions)}")
        # of its own family, so to say: to compare it with each of some thousand names takes a tenth of a second
        family = [sku for provider, sku in self._by_sku if provider == offer.provider and sku[:2] == offer.sku[:2]]
        near = get_close_matches(offer.sku, family, 3)
        raise MissingPrice(f"no list price for {offer}", expected=" or ".join(near))

    @cached_property
    def _by_sku(self) -> Mapping[tuple[str, str], list[Offer]]:
        found: dict[tuple[str, str], list[Offer]] = {}
        for offer in self._prices:
            found.setdefault((offer.provider, offer.sku), []).append(offer)
        return found

    def __iter__(self) -> Iterator[Offer]:
        return iter(self._prices)


@cache
def _shipped() -> Mapping[Offer, ListPrice]:
    return {offer: price for offer, price in _read_all() if price.usd > 0}


def _read_all() -> Iterator[tuple[Offer, ListPrice]]:
    ec2: dict[Option, str] = {
        "on_demand": "ondemand_usd_hr", "spot": "spot_avg_usd_hr",
        "1y_all_upfront": "ri_std_1y_allupfront_usd_hr", "3y_all_upfront": "ri_std_3y_allupfront_usd_hr",
    }  # fmt: skip
    name = "aws_ec2_prices.csv.gz"
    for row in _rows(name):
        sku = f"{row['instance_type']}/{row['os']}"
        yield from _offers("aws", row, sku, ec2, Decimal(1), date(2026, 7, 5), name)
    terms: dict[Option, str] = {"on_demand": "ondemand_usd_hr"}
    terms |= {
        "1y_no_upfront": "ri_1y_noupfront", "1y_partial_upfront": "ri_1y_partial", "1y_all_upfront": "ri_1y_allupfront",
        "3y_no_upfront": "ri_3y_noupfront", "3y_partial_upfront": "ri_3y_partial", "3y_all_upfront": "ri_3y_allupfront",
    }  # fmt: skip
    name = "aws_elasticache_opensearch_prices.csv.gz"
    for row in _rows(name):
        sku = f"{row['instance_type']}/{(row['engine'] or row['service']).lower()}"
        yield from _offers("aws", row, sku, terms, Decimal(1), date(2025, 4, 24), name)
    name = "gcp_compute_prices.csv.gz"
    hourly: dict[Option, str] = {"on_demand": "hour_usd", "spot": "hour_spot_usd"}
    monthly: dict[Option, str] = {"1y_no_upfront": "month_1y_cud_usd", "3y_no_upfront": "month_3y_cud_usd"}
    for row in _rows(name):
        for columns, hours in ((hourly, 1), (monthly, MONTH_HOURS)):
            yield from _offers("gcp", row, row["machine_type"], columns, Decimal(hours), date(2026, 7, 30), name)
    name = "aws_ebs_prices.csv"
    for row in _rows(name):
        offer = Offer("aws", row["region"], row["volume_type"])
        # gathered from tables of 2021 to 2026: as old as the oldest of them may be
        price = Decimal(row["usd_per_gb_month"])
        yield offer, ListPrice(price, "GB-Month", date(2021, 1, 1), f"{name} ({row['confidence']})")

    name = "aws_lambda_prices.csv"
    for row in _rows(name):
        as_of = date.fromisoformat(row["as_of"])
        yield Offer("aws", row["region"], row["meter"]), ListPrice(Decimal(row["usd"]), row["unit"], as_of, name)


@cache
def database_plan_prices() -> Mapping[tuple[str, str], float]:
    """(region, sku) -> USD an hour under a Database Savings Plan (one year, without upfront) by AWS's price list of
    22 April 2026; it is shipped for Hyderabad (ap-south-2) only."""
    text = gzip.decompress((FACTS / "aws_database_savings_plans_ap-south-2.csv.gz").read_bytes()).decode("utf-8")
    found = {}
    for row in csv.DictReader(io.StringIO(text.split("\n", 5)[5])):
        what, _, type_ = row["DiscountedUsageType"].partition(":")
        if type_.startswith(("db.", "cache.")) and what.endswith(("InstanceUsage", "Multi-AZUsage", "NodeUsage")):
            sku = database_sku(type_, row["DiscountedOperation"], is_multi_az="Multi-AZ" in what)
            found[row["DiscountedRegionCode"], sku] = float(row["DiscountedRate"])
    return found


def _offers(
    provider: Literal["aws", "gcp"], row: Mapping[str, str], sku: str, columns: Mapping[Option, str], hours: Decimal,
    as_of: date, source: str,
) -> Iterator[tuple[Offer, ListPrice]]:  # fmt: skip
    for option, column in columns.items():
        # the tables repeat the on-demand price where a type has no Spot
        if row[column] and not (option == "spot" and row[column] == row[columns["on_demand"]]):
            yield (
                Offer(provider, row["region"], sku, option),
                ListPrice(Decimal(row[column]) / hours, "Hour", as_of, source),
            )


def _rows(name: str) -> Iterator[dict[str, str]]:
    raw = (FACTS / name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8")
    yield from csv.DictReader(io.StringIO(text))
