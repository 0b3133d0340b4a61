"""aws://prices: what AWS asks for today in the connection's regions: on demand, reserved, under Savings Plans, on Spot.

Of EC2 all types with Linux on shared hardware, of RDS the engines without a licence, ElastiCache, OpenSearch, Lambda by
the second, volumes by the month; the term is empty on demand. A zone's Spot price is the mean of the last 30 days by
time (`description` names the zone). APIs: Price List Query (in three regions only, of which Mumbai is one), Savings
Plans, EC2; all free of charge.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

import pyarrow as pa

from core import ExportConfig
from ingest.aws._clients import AwsClients
from ingest.aws._products import LISTS, Row, name_of, prices_of
from ingest.aws._topic import Topic
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

ACTIONS: Final = (
    "ec2:DescribeSpotPriceHistory", "pricing:GetProducts", "savingsplans:DescribeSavingsPlansOfferingRates",
)  # fmt: skip
_COLUMNS: Final = (
    "provider", "service", "sku", "region", "description", "term", "purchase_option", "unit", "currency", "price",
    "effective_on",
)  # fmt: skip
_PRICING_REGION, _PLANS_REGION = "ap-south-1", "us-east-1"
_PLANS, _SPOT = "savings-plans", "spot"
_LINUX: Final = "Linux/UNIX"
_SPOT_PERIOD: Final = timedelta(days=30)
#: Pages of a region with some 750 types in three zones, whose prices change about three times a day.
_PLAN_PAGES, _SPOT_PAGES = 10, 200
_MICRO: Final = 1_000_000
_YEAR_SECONDS: Final = 365 * 24 * 3600
_PLAN_QUESTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"savingsPlanTypes": ["Compute", "EC2Instance"], "products": ["EC2"],
     "filters": [("productDescription", _LINUX), ("tenancy", "shared")]},
    {"savingsPlanTypes": ["Database"], "products": ["RDS", "ElastiCache"], "filters": []},
)  # fmt: skip
_PLAN_NAMES: Final = {
    "Compute": "Compute Savings Plan", "EC2Instance": "EC2 Instance Savings Plan", "Database": "Database Savings Plan",
}  # fmt: skip


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """The prices of the connection's regions."""
    return Prices(export, reading, clients)


class Prices(Topic):
    """One part for each region and kind of product, as ap-south-1/machines."""

    topic = "prices"
    every: ClassVar[timedelta] = timedelta(days=7)

    def parts(self) -> Iterator[Part]:
        """Kinds of products, plans and Spot in each region."""
        pages = {kind: found.pages for kind, found in LISTS.items()} | {_PLANS: _PLAN_PAGES, _SPOT: _SPOT_PAGES}
        for region in self._clients.regions:
            for kind, requests in pages.items():
                yield Part(f"{region}/{kind}", estimate=Usage(requests=requests))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """The prices of a part; None where the region sells nothing of the kind."""
        region, _, kind = part.group.partition("/")
        rows = {_PLANS: self._plans, _SPOT: self._spot}.get(kind)
        return text_table(_COLUMNS, rows(region) if rows else self._products(kind, region))

    def probes(self) -> Iterator[Probe]:
        """One row of each API; of Spot in each region."""
        region = self._clients.regions[0]
        machines: dict[str, Any] = {"ServiceCode": "AmazonEC2", "Filters": LISTS["machines"].asked(region)}
        ask = self._clients.call
        yield Probe(
            ACTIONS[1], _PRICING_REGION,
            partial(ask, "pricing", "GetProducts", region=_PRICING_REGION, MaxResults=1, **machines),
        )  # fmt: skip
        yield Probe(
            ACTIONS[2], "everywhere",
            partial(ask, "savingsplans", "DescribeSavingsPlansOfferingRates", region=_PLANS_REGION, maxResults=1),
        )  # fmt: skip
        for one in self._clients.regions:
            yield Probe(ACTIONS[0], one, partial(ask, "ec2", "DescribeSpotPriceHistory", region=one, MaxResults=1))

    def _products(self, kind: str, region: str) -> Iterator[Row]:
        asked = LISTS[kind]
        for text in self._clients.pages(
            "pricing", "GetProducts", "PriceList", region=_PRICING_REGION, ServiceCode=asked.service,
            Filters=asked.asked(region), FormatVersion="aws_v1", MaxResults=100,
        ):  # fmt: skip
            yield from prices_of(text, asked, region)

    def _plans(self, region: str) -> Iterator[Row]:
        """Rates without upfront: what is paid at once lowers them by a known share."""
        for question in _PLAN_QUESTIONS:
            filters = [("region", region), *question["filters"]]
            for found in self._clients.pages(
                "savingsplans", "DescribeSavingsPlansOfferingRates", "searchResults",
                token=("nextToken", "nextToken"), region=_PLANS_REGION, maxResults=1000,
                savingsPlanPaymentOptions=["No Upfront"], savingsPlanTypes=question["savingsPlanTypes"],
                products=question["products"], filters=[{"name": name, "values": [value]} for name, value in filters],
            ):  # fmt: skip
                yield from _plan_price(found, region)

    def _spot(self, region: str) -> Iterator[Row]:
        now = self.reading.clock.now().astimezone(UTC)
        start = now - _SPOT_PERIOD
        #: (type, zone) -> seconds after the start and millionths of a dollar, as they come
        seen: dict[tuple[str, str], tuple[array[int], array[int]]] = defaultdict(lambda: (array("q"), array("q")))
        for found in self._clients.pages(
            "ec2", "DescribeSpotPriceHistory", "SpotPriceHistory", region=region, StartTime=start, EndTime=now,
            ProductDescriptions=[_LINUX], MaxResults=1000,
        ):  # fmt: skip
            seconds, prices = seen[found["InstanceType"], found["AvailabilityZone"]]
            seconds.append(max(int((found["Timestamp"] - start).total_seconds()), 0))
            prices.append(int(Decimal(found["SpotPrice"]) * _MICRO))
        for (type_, zone), (seconds, prices) in seen.items():
            mean = _mean(seconds, prices, int(_SPOT_PERIOD.total_seconds()))
            yield (
                "AWS", "AmazonEC2", f"{type_}/linux", region, zone, "", "Spot", "Hour", "USD",
                f"{mean / _MICRO:f}", now.date().isoformat(),
            )  # fmt: skip


def _mean(seconds: array[int], prices: array[int], end: int) -> Decimal:
    """Of prices that each hold until the next, by time until `end`; a price that held for no time counts if alone."""
    points = sorted(zip(seconds, prices, strict=True))
    until = [at for at, _ in points[1:]] + [max(end, points[-1][0] + 1)]
    held = [(after - at, price) for (at, price), after in zip(points, until, strict=True)]
    total = sum(length for length, _ in held)
    return (Decimal(sum(length * price for length, price in held)) / total).quantize(Decimal(1))


def _plan_price(found: dict[str, Any], region: str) -> Iterator[Row]:
    offering = found["savingsPlanOffering"]
    properties = {one["name"]: one["value"] for one in found.get("properties", ())}
    name = name_of(found.get("usageType", ""), found.get("operation", ""), properties)
    years = round(offering["durationSeconds"] / _YEAR_SECONDS)
    if name and offering["planType"] in _PLAN_NAMES:
        yield (
            "AWS", found.get("serviceCode", ""), name, region, found.get("usageType", ""), f"{years}yr",
            f"{_PLAN_NAMES[offering['planType']]}, {offering['paymentOption']}", "Hour", offering["currency"],
            found["rate"], "",
        )  # fmt: skip
