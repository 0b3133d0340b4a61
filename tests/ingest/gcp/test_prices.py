"""List prices in rupees from a Cloud Billing Catalog over gRPC, exact to the nano."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest
from google.cloud.billing_v1 import Category, PricingExpression, PricingInfo, Service, Sku
from google_server import rows_of

from core import LocationUnreachable
from ingest.gcp import prices

COMPUTE = Service(name="services/6F81-5844-456A", service_id="6F81-5844-456A", display_name="Compute Engine")
STORAGE = Service(name="services/95FF-2EF5-5EA1", service_id="95FF-2EF5-5EA1", display_name="Cloud Storage")
OTHER = Service(name="services/0000-0000-0001", display_name="Somebody's Marketplace Image")
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def info(*tiers, unit="hour", since=MAY):
    """Pricing from a day: tiers of (from how much, rupees, nanos)."""
    return PricingInfo(effective_time=since, pricing_expression=PricingExpression(
        usage_unit="h", usage_unit_description=unit, tiered_rates=[
            {"start_usage_amount": start, "unit_price": {"currency_code": "INR", "units": units, "nanos": nanos}}
            for start, units, nanos in tiers
        ]))  # fmt: skip


def sku(id, *pricing, usage="OnDemand", regions=("asia-south1",), description="N2 Core in Mumbai", service=COMPUTE):
    return Sku(name=f"{service.name}/skus/{id}", sku_id=id, description=description, service_regions=list(regions),
               category=Category(service_display_name=service.display_name, usage_type=usage),
               pricing_info=list(pricing))  # fmt: skip


@pytest.fixture
def catalogue(server):
    """catalogue["services/…"] = SKUs."""
    known = {}
    server.answers["ListServices"] = lambda _: [OTHER, COMPUTE, STORAGE]
    server.answers["ListSkus"] = lambda request: known.get(request.parent, [])
    return known


def test_a_price_is_exact_and_asked_for_in_rupees(server, catalogue, open_gcp):
    catalogue[COMPUTE.name] = [sku("AA", info((0, 3, 141592653)))]
    (row,) = rows_of(open_gcp("prices"))
    assert row == {
        "provider": "Google Cloud", "service": "Compute Engine", "sku": "AA", "region": "asia-south1",
        "description": "N2 Core in Mumbai", "term": None, "purchase_option": None, "unit": "hour", "currency": "INR",
        "price": "3.141592653", "effective_on": "2026-05-01",
    }  # fmt: skip
    assert {one.request.currency_code for one in server.asked if one.method == "ListSkus"} == {"INR"}


def test_the_first_tier_that_is_paid_for_is_the_price_whatever_the_order(catalogue, open_gcp):
    catalogue[STORAGE.name] = [
        sku("TIERED", info((1024, 1, 0), (0, 0, 0), (5, 1, 900000000)), service=STORAGE),
        sku("FREE", info((0, 0, 0)), service=STORAGE),
        sku("WITHOUT", service=STORAGE),
        sku("TINY", info((0, 0, 1)), service=STORAGE),
    ]
    found = {row["sku"]: row["price"] for row in rows_of(open_gcp("prices"))}
    assert found == {"TIERED": "1.900000000", "FREE": "0.000000000", "TINY": "0.000000001"}


def test_the_newest_price_counts(catalogue, open_gcp):
    catalogue[COMPUTE.name] = [sku("AA", info((0, 1, 0), since=datetime(2020, 1, 1, tzinfo=UTC)), info((0, 2, 0)))]
    assert [row["price"] for row in rows_of(open_gcp("prices"))] == ["2.000000000"]


def test_commitments_and_spot_are_told_apart(catalogue, open_gcp):
    catalogue[COMPUTE.name] = [
        sku(usage, info((0, 1, 0)), usage=usage) for usage in ("OnDemand", "Preemptible", "Commit1Yr", "Commit3Yr")
    ]
    found = {row["sku"]: (row["term"], row["purchase_option"]) for row in rows_of(open_gcp("prices"))}
    assert found == {"OnDemand": (None, None), "Preemptible": (None, "spot"), "Commit1Yr": ("1yr", "committed"),
                     "Commit3Yr": ("3yr", "committed")}  # fmt: skip


def test_only_the_regions_of_the_connection_and_what_is_sold_everywhere_count(catalogue, open_gcp):
    catalogue[COMPUTE.name] = [sku(regions[0], info((0, 1, 0)), regions=regions) for regions in (
        ("asia-south1", "us-east1"), ("us-central1",), ("global",), ("asia-south2",))]  # fmt: skip

    def regions(**connection):
        return {row["region"] for row in rows_of(open_gcp("prices", **connection))}

    assert regions() == {"asia-south1", "global"}
    assert regions(regions=["asia-south2"]) == {"asia-south2", "global"}


def test_services_that_nobody_uses_are_not_asked_and_pages_are_joined(server, catalogue, open_gcp):
    catalogue[COMPUTE.name] = [sku(f"S{number}", info((0, 1, 0))) for number in range(5)]
    server.page_size = 2
    location = open_gcp("prices")
    assert len(rows_of(location)) == 5
    assert location.meter.calls == {"cloudbilling.services.list": 2, "cloudbilling.skus.list": 3 + 1}
    assert OTHER.name not in {one.request.parent for one in server.asked if one.method == "ListSkus"}


def test_no_permission_is_needed_but_the_api(server, open_gcp):
    (probe,) = open_gcp("prices").probes()
    probe.call()
    assert (prices.PERMISSIONS, probe.permission) == ((), "cloudbilling.googleapis.com")
    server.fail("ListServices", grpc.StatusCode.PERMISSION_DENIED, reason="SERVICE_DISABLED")
    with pytest.raises(LocationUnreachable, match=r"gcloud services enable cloudbilling\.googleapis\.com"):
        probe.call()
