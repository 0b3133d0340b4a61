"""All topics of gcp:// through the whole way in: recognised, loaded, asked no oftener than needed."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.cloud.billing_v1 import BillingAccount, Service, Sku
from google.cloud.monitoring_v3 import TimeSeries
from google.cloud.recommender_v1 import Recommendation
from google_server import NOW, asset, machine

from core import ConnectionConfig, ExportConfig, FixedClock, discover_modules
from ingest import ingest_exports

FEEDS = {
    "accounts": "cloud_accounts", "advice": "provider_advice", "commitments": "owned_commitments",
    "inventory": "resource_inventory", "metrics": "utilization", "prices": "prices",
}  # fmt: skip
TOPICS = discover_modules("ingest.gcp")


@pytest.fixture
def settings(server):
    """An export of each topic, and the connection; each topic has something to give in each project."""
    term = {"startTimestamp": "2025-09-01T00:00:00Z", "endTimestamp": "2026-09-01T00:00:00Z"}
    resources = [{"type": "VCPU", "amount": "20"}]
    server.answers["ListAssets"] = lambda asked: (
        [asset(f"//compute/{asked.parent}/c", asked.asset_types[0], "asia-south1", {**term, "resources": resources})]
        if asked.asset_types == ["compute.googleapis.com/Commitment"]
        else [machine(1, project=asked.parent.removeprefix("projects/"))]
    )
    point = {"interval": {"end_time": NOW - timedelta(hours=1)}, "value": {"double_value": 0.5}}
    server.answers["ListTimeSeries"] = lambda asked: [
        TimeSeries(resource={"type": "x", "labels": {"instance_id": "1", "zone": "z"}}, points=[point])
    ] if "/instance/cpu" in asked.filter else []  # fmt: skip
    server.answers["ListServices"] = lambda _: [Service(name="services/A", display_name="Compute Engine")]
    server.answers["ListSkus"] = lambda _: [
        Sku(sku_id="A", service_regions=["global"], category={"service_display_name": "Compute Engine"}, pricing_info=[
            {"pricing_expression": {"tiered_rates": [{"unit_price": {"currency_code": "INR", "nanos": 1}}]}}])
    ]  # fmt: skip
    server.answers["ListBillingAccounts"] = lambda _: [BillingAccount(name="billingAccounts/A", display_name="a")]
    server.answers["ListRecommendations"] = lambda asked: [Recommendation(name=f"{asked.parent}/r")]
    access = {"name": "india", "kind": "gcp", "projects": ["pragati-content", "pragati-dev"],
              "requests_per_second": 100, "endpoints": {"*": server.url}}  # fmt: skip
    exports = [ExportConfig(name=f"gcp-{topic}", location=f"gcp://{topic}", connection="india") for topic in TOPICS]
    return exports, [ConnectionConfig.model_validate(access)]


def ingest(store, settings, now):
    """A whole run, without publishing."""
    store.clock = FixedClock(now)
    return ingest_exports(store.loader, *settings)


def test_every_topic_is_recognised_and_loaded_and_each_day_asked_once(server, settings, store):
    first = ingest(store, settings, NOW)
    assert (first.refused, first.unreachable) == ((), ())
    assert set(TOPICS) == set(FEEDS)
    assert all(store.rows(kind=feed) for feed in FEEDS.values())
    assert len(store.rows(kind="resource_inventory")) == 2
    server.asked.clear()
    ingest(store, settings, NOW + timedelta(hours=1))
    assert server.methods() == {"ListServices", "ListBillingAccounts"}, "only lists of what there is to ask"

    server.fail("ListAssets", grpc.StatusCode.PERMISSION_DENIED, where="projects/pragati-dev")
    server.answers["ListAssets"] = lambda asked: [machine(2, project=asked.parent.removeprefix("projects/"))]
    report = ingest(store, settings, NOW + timedelta(days=2))
    assert "grant cloudasset.assets.listResource" in str(report.refused)
    assert "secret" not in str(report)
    ids = [row["resource_id"] for row in store.rows(kind="resource_inventory")]
    found = {id.split("/")[4]: id[-1] for id in ids}
    assert found == {"pragati-content": "2", "pragati-dev": "1"}, "who is denied keeps what was there"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_declares_only_apis_that_exist_and_permissions_without_a_star(topic):
    module = TOPICS[topic]
    assert all(api.endswith(".googleapis.com") for api in module.APIS)
    assert all(name.count(".") == 2 and name.endswith((".list", ".listResource")) for name in module.PERMISSIONS)
