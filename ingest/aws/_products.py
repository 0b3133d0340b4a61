"""What is read of AWS's price lists: which products, what we call them, and what an hour of each term costs.

A product of GetProducts is a JSON text: attributes, and terms "OnDemand" and "Reserved" with price dimensions per hour
("Hrs", "GB-Mo") and, where something is paid at once, per "Quantity" (AWS, "Using the AWS Price List Bulk API").
Names are the recommender's: "m7g.large/linux", "gp3", "db.r7g.large/postgresql", "cache.r7g.large/valkey".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from core import LocationUnreachable

#: Columns of a row of prices.
Row = tuple[str, str, str, str, str, str, str, str, str, str, str]
_YEARS: Final = {"1yr": 1, "3yr": 3}
_YEAR_HOURS: Final = 365 * 24
_DIGITS: Final = Decimal("0.0000000001")
#: Last part of an operation -> engine of a database; licensed engines have no price of ours.
_ENGINES: Final = {
    "0002": "mysql", "0014": "postgresql", "0016": "aurora-mysql", "0018": "mariadb", "0021": "aurora-postgresql",
}  # fmt: skip
_CACHES: Final = {"0001": "memcached", "0002": "redis", "valkey": "valkey"}
_REGION_CODE: Final = re.compile(r"^[A-Z]{2,4}\d?-")
Attributes = Mapping[str, str]


@dataclass(frozen=True)
class ProductList:
    """One kind of product: what is asked of which service, in which unit, and about how many pages a region has."""

    service: str
    unit: str
    pages: int
    filters: tuple[tuple[str, str], ...] = ()

    def asked(self, region: str) -> list[dict[str, str]]:
        """Filters of a question."""
        return [
            {"Type": "TERM_MATCH", "Field": field, "Value": value}
            for field, value in (("regionCode", region), *self.filters)
        ]


_IN_REGION: Final = ("locationType", "AWS Region")
LISTS: Final[Mapping[str, ProductList]] = {
    "machines": ProductList("AmazonEC2", "Hour", 8, (
        _IN_REGION, ("operatingSystem", "Linux"), ("preInstalledSw", "NA"), ("tenancy", "Shared"),
        ("capacitystatus", "Used"),
    )),
    "volumes": ProductList("AmazonEC2", "GB-Month", 1, (_IN_REGION, ("productFamily", "Storage"))),
    "databases": ProductList("AmazonRDS", "Hour", 30, (_IN_REGION, ("productFamily", "Database Instance"))),
    "caches": ProductList("AmazonElastiCache", "Hour", 3, (_IN_REGION, ("productFamily", "Cache Instance"))),
    "search": ProductList("AmazonES", "Hour", 4),
    "functions": ProductList("AWSLambda", "GB-second", 1),
}  # fmt: skip


def name_of(usage_type: str, operation: str, product: Attributes) -> str:
    """The catalogue's name of what a usage type and operation mean; empty for what has none."""
    what, _, type_ = _REGION_CODE.sub("", usage_type).partition(":")
    code = operation.rpartition(":")[2].lower()
    if what == "BoxUsage" and operation in ("", "RunInstances"):
        return f"{product.get('instanceType', type_)}/linux"
    if what == "EBS" and type_.startswith("VolumeUsage"):
        return product.get("volumeApiName", "")
    if what in ("InstanceUsage", "Multi-AZUsage") and code in _ENGINES:
        machine = product.get("instanceType") or re.sub(r"xl$", "xlarge", type_)
        return f"{machine}/{_ENGINES[code]}" + ("/multi-az" if what == "Multi-AZUsage" else "")
    if what == "NodeUsage" and code in _CACHES:
        return f"{product.get('instanceType', type_)}/{_CACHES[code]}"
    if what == "ESInstance" and product.get("instanceType", type_).endswith(".search"):
        return f"{product.get('instanceType', type_)}/opensearch"
    return what if what.startswith("Lambda-GB-Second") else ""


def prices_of(text: str, kind: ProductList, region: str) -> Iterator[Row]:
    """Rows of one product: on demand, and each reservation with what is paid at once spread over its hours.

    Nothing for a product that has no name of ours. Raises LocationUnreachable for what is no product.
    """
    try:
        found = json.loads(text)
        product = found["product"]["attributes"]
        name = name_of(product.get("usagetype", ""), product.get("operation", ""), product)
        if not name:
            return
        for which in ("OnDemand", "Reserved"):
            for term in found["terms"].get(which, {}).values():
                yield from _price(term, kind, region, name, product.get("usagetype", ""))
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation):
        raise LocationUnreachable(
            "what AWS answers is no price list", where=f"pricing:GetProducts, {kind.service}, {region}",
            expected="products with attributes and terms", fix="nothing was loaded; ask again later",
        ) from None  # fmt: skip


def _price(term: dict[str, Any], kind: ProductList, region: str, name: str, usage_type: str) -> Iterator[Row]:
    about = term.get("termAttributes", {})
    if about.get("OfferingClass", "standard") != "standard":
        return
    length = about.get("LeaseContractLength", "")
    hourly, upfront, currency = Decimal(0), Decimal(0), ""
    for dimension in term["priceDimensions"].values():
        if dimension.get("beginRange", "0") not in ("0", ""):
            continue  # what is used above a first tier
        ((currency, price),) = dimension["pricePerUnit"].items()
        if dimension["unit"] == "Quantity":
            upfront += Decimal(price)
        else:
            hourly += Decimal(price)
    if upfront:
        hourly += (upfront / (_YEAR_HOURS * _YEARS[length])).quantize(_DIGITS)
    if hourly > 0:
        yield (
            "AWS", kind.service, name, region, usage_type, length, about.get("PurchaseOption", ""), kind.unit, currency,
            f"{hourly.normalize():f}", term["effectiveDate"][:10],
        )  # fmt: skip
