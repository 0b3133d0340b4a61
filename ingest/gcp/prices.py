"""gcp://prices: list prices in rupees of what is used in India, from the Cloud Billing Catalog.

API: ListServices, then ListSkus of each service in `SERVICES`, which every login may ask: no permission is needed, only
the API. A SKU with tiers has one row: the price of its first tier that is not free. Prices are exact (units and nanos),
per `unit` as the bills have it; commitments carry `term`, Spot `purchase_option`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

import pyarrow as pa

from core import ExportConfig
from ingest.gcp._clients import GcpClients
from ingest.gcp._topic import Topic
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

PERMISSIONS: Final[tuple[str, ...]] = ()
APIS: Final = ("cloudbilling.googleapis.com",)
#: Names as the bills have them; the catalogue lists more than a thousand, mostly of the marketplace.
SERVICES: Final = (
    "BigQuery", "Cloud Logging", "Cloud Memorystore for Redis", "Cloud Pub/Sub", "Cloud Run", "Cloud SQL",
    "Cloud Storage", "Compute Engine", "Kubernetes Engine", "Networking", "Vertex AI",
)  # fmt: skip
CURRENCY: Final = "INR"
_LIST_SERVICES, _LIST_SKUS = "cloudbilling.services.list", "cloudbilling.skus.list"
COLUMNS: Final = (
    "provider", "service", "sku", "region", "description", "term", "purchase_option", "unit", "currency", "price",
    "effective_on",
)  # fmt: skip
_TERMS: Final = {"Commit1Yr": ("1yr", "committed"), "Commit3Yr": ("3yr", "committed"), "Preemptible": ("", "spot")}


def open_at(export: ExportConfig, reading: Reading, clients: GcpClients) -> PullLocation:
    """Prices of the connection's regions, Mumbai if it names none, and of what is sold everywhere."""
    return Prices(export, reading, clients)


class Prices(Topic):
    """One part: a service."""

    topic = "prices"
    every: ClassVar[timedelta] = timedelta(days=7)

    def parts(self) -> Iterator[Part]:
        """The services that count, by their id."""
        for service in self._services():
            if service.display_name in SERVICES:
                yield Part(service.name, estimate=Usage(requests=1))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """A row per SKU and region."""
        from google.cloud.billing_v1 import ListSkusRequest

        request = ListSkusRequest(parent=part.group, currency_code=CURRENCY, page_size=5000)
        found = self.clients.pages(_LIST_SKUS, self._client().list_skus, request, "skus", where=part.group)
        return text_table(COLUMNS, [row for sku in found for row in _rows(sku, {*self.clients.regions, "global"})])

    def probes(self) -> Iterator[Probe]:
        """Listing the services: the API is enabled."""
        yield Probe(APIS[0], "the price list", lambda: next(self._services(), None))

    def _client(self) -> Any:
        from google.cloud.billing_v1 import CloudCatalogClient
        from google.cloud.billing_v1.services.cloud_catalog.transports import CloudCatalogGrpcTransport

        return self.clients.grpc("cloudbilling", CloudCatalogClient, CloudCatalogGrpcTransport)

    def _services(self) -> Iterator[Any]:
        from google.cloud.billing_v1 import ListServicesRequest

        request = ListServicesRequest(page_size=5000)
        return self.clients.pages(_LIST_SERVICES, self._client().list_services, request, "services")


def _rows(sku: Any, regions: set[str]) -> Iterator[tuple[Any, ...]]:
    if not sku.pricing_info:
        return
    pricing = sku.pricing_info[-1]  # in the order of time: the last holds now
    expression = pricing.pricing_expression
    tiers = [(tier.start_usage_amount, tier.unit_price) for tier in expression.tiered_rates]
    if not tiers:
        return
    tiers.sort(key=lambda tier: tier[0])
    money = next((price for _, price in tiers if price.units or price.nanos), tiers[0][1])
    price = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    term, option = _TERMS.get(sku.category.usage_type, ("", ""))
    since = pricing.effective_time
    for region in sorted(regions.intersection(sku.service_regions)):
        yield (
            "Google Cloud", sku.category.service_display_name, sku.sku_id, region, sku.description, term, option,
            expression.usage_unit_description or expression.usage_unit, money.currency_code or CURRENCY,
            f"{price:f}", since.date().isoformat() if since else None,
        )  # fmt: skip
