"""Google's price list in BigQuery becomes `prices`: the newest whole day, the contract's price first, exact."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bigquery_server import BigQueryServer
from gcp_export import TABLE as BILLS
from gcp_export import at, row, rows

from core import ConnectionConfig, ExportConfig, FixedClock, LocationUnreachable
from ingest.gcp._pricing_export import newest_whole
from ingest.locations import Reading, Retries, never_seen, open_location

NOW = at("2026-08-21 03:00")
TABLE = "pragati-billing.billing.cloud_pricing_export"
PLACE = "bigquery://pragati-billing/billing/cloud_pricing_export"
_TEXT, _TIME = pa.string(), pa.timestamp("us", "UTC")
_MONEY = pa.decimal128(38, 9)
_NAMED = pa.struct([("id", _TEXT), ("description", _TEXT)])
_TIERS = pa.list_(pa.struct([
    ("pricing_unit_quantity", pa.float64()), ("start_usage_amount", pa.float64()), ("usd_amount", _MONEY),
    ("account_currency_amount", _MONEY),
]))  # fmt: skip
_PRICE = pa.struct([("aggregation_info", pa.struct([("aggregation_level", _TEXT)])), ("tiered_rates", _TIERS)])
SCHEMA = pa.schema([
    ("export_time", _TIME), ("pricing_as_of_time", _TIME), ("billing_account_id", _TEXT), ("service", _NAMED),
    ("sku", _NAMED), ("product_taxonomy", pa.list_(_TEXT)),
    ("geo_taxonomy", pa.struct([("type", _TEXT), ("regions", pa.list_(_TEXT))])), ("pricing_unit_description", _TEXT),
    ("account_currency_code", _TEXT), ("list_price", _PRICE), ("billing_account_price", _PRICE),
])  # fmt: skip


def tiers(*found, quantity=1.0):
    return [
        {
            "pricing_unit_quantity": quantity,
            "start_usage_amount": float(start),
            "account_currency_amount": Decimal(text),
        }
        for start, text in found
    ]


def sku(
    id="AA",
    listed=((0, "3.141592653"),),
    agreed=(),
    made_at="2026-08-20 02:00",
    service="Compute Engine",
    description="N2 Core running in Mumbai",
    regions=("asia-south1",),
    quantity=1.0,
):
    return {
        "export_time": at(made_at), "pricing_as_of_time": at(made_at), "billing_account_id": "01A2B3-C4D5E6-F7A8B9",
        "service": {"id": "6F81-5844-456A", "description": service}, "sku": {"id": id, "description": description},
        "geo_taxonomy": {"type": "REGIONAL" if regions else "GLOBAL", "regions": list(regions)},
        "pricing_unit_description": "hour", "account_currency_code": "INR",
        "list_price": {"tiered_rates": tiers(*listed, quantity=quantity)},
        "billing_account_price": {"tiered_rates": tiers(*agreed, quantity=quantity)} if agreed else None,
    }  # fmt: skip


@pytest.fixture(scope="module")
def running():
    server = BigQueryServer()
    yield server
    server.close()


@pytest.fixture
def server(running):
    running.clear()
    return running


@pytest.fixture
def opened(server):
    def open_at(location=PLACE, seen=never_seen, now=NOW, **connection):
        access = ConnectionConfig.model_validate(
            {"name": "g", "kind": "gcp", "endpoints": {"*": server.url}, "requests_per_second": 100} | connection
        )
        quick = Retries(attempts=2, base_seconds=0.001, cap_seconds=0.002, sleep=lambda _: None)
        reading = Reading(retries=quick, clock=FixedClock(now), connections={"g": access}, seen=seen)
        return open_location(ExportConfig(name="gcp-prices", location=location, connection="g"), reading)

    return open_at


def fill(server, day, *found):
    server.append(TABLE, date.fromisoformat(day), pa.Table.from_pylist(list(found), SCHEMA))


def take(location, folder):
    (delivery,) = location.deliveries()
    (file,) = location.fetch(delivery, folder / "staging")
    return pq.read_table(file.path).to_pylist()


def test_list_price_has_the_columns_of_the_catalogue_and_every_decimal(server, opened, tmp_path):
    fill(server, "2026-08-20", sku())
    assert take(opened(), tmp_path) == [{
        "provider": "Google Cloud", "service": "Compute Engine", "sku": "AA", "region": "asia-south1",
        "description": "N2 Core running in Mumbai", "term": None, "purchase_option": None, "unit": "hour",
        "currency": "INR", "price": "3.141592653", "effective_on": None,
    }]  # fmt: skip


def test_price_of_the_contract_counts_before_the_list_and_says_so(server, opened, tmp_path):
    fill(server, "2026-08-20", sku("CUT", agreed=[(0, "2.5")]), sku("SAME", agreed=[(0, "3.141592653")]), sku("LIST"))
    found = {one["sku"]: (one["price"], one["description"]) for one in take(opened(), tmp_path)}
    assert found == {
        "CUT": ("2.5", "N2 Core running in Mumbai (contract price)"),
        "SAME": ("3.141592653", "N2 Core running in Mumbai"), "LIST": ("3.141592653", "N2 Core running in Mumbai"),
    }  # fmt: skip


def test_price_is_of_one_unit_in_the_first_tier_that_is_paid_for(server, opened, tmp_path):
    fill(
        server, "2026-08-20", sku("TIERED", [(1024, "1"), (0, "0"), (5, "1.9")]), sku("FREE", [(0, "0")]),
        sku("MILLION", [(0, "33.5")], quantity=1e6), sku("WITHOUT", []),
    )  # fmt: skip
    found = {one["sku"]: one["price"] for one in take(opened(), tmp_path)}
    assert found == {"TIERED": "1.9", "FREE": "0", "MILLION": "0.0000335"}


def test_services_and_regions_are_those_that_count(server, opened, tmp_path):
    fill(
        server, "2026-08-20", sku("MUMBAI"), sku("IOWA", regions=["us-central1"]), sku("EVERYWHERE", regions=[]),
        sku("BOTH", regions=["us-central1", "asia-south1"]), sku("OTHER", service="Somebody's Image'; DROP TABLE x"),
    )  # fmt: skip
    found = {(one["sku"], one["region"]) for one in take(opened(), tmp_path)}
    assert found == {("MUMBAI", "asia-south1"), ("EVERYWHERE", "global"), ("BOTH", "asia-south1")}


def test_commitments_and_spot_are_told_apart_by_their_description(server, opened, tmp_path):
    fill(
        server, "2026-08-20", sku("YEAR", description="Commitment v1: N2 Cpu in Mumbai for 1 Year"),
        sku("THREE", description="Commitment - dollar based v1: GCE for 3 years"), sku("USUAL"),
        sku("SPOT", description="Spot Preemptible N2 Instance Core running in Mumbai"),
    )  # fmt: skip
    found = {one["sku"]: (one["term"], one["purchase_option"]) for one in take(opened(), tmp_path)}
    assert found == {
        "YEAR": ("1yr", "committed"), "THREE": ("3yr", "committed"), "SPOT": (None, "spot"), "USUAL": (None, None),
    }  # fmt: skip


def test_newest_day_that_is_over_and_whole_is_read_and_in_it_the_newest_list(server, opened, tmp_path):
    names = [f"S{number}" for number in range(10)]
    fill(server, "2026-08-18", *(sku(name, [(0, "1")]) for name in names))
    fill(server, "2026-08-19", *(sku(name, [(0, "2")], made_at="2026-08-19 02:00") for name in names))
    fill(server, "2026-08-19", *(sku(name, [(0, "3")], made_at="2026-08-19 09:00") for name in names[1:]))
    fill(server, "2026-08-20", *(sku(name, [(0, "4")]) for name in names[:5]))
    fill(server, "2026-08-21", *(sku(name, [(0, "5")]) for name in names))
    server.append(BILLS, date(2026, 8, 20), rows([row(NOW, NOW, 1)] * 40))
    found = take(opened(), tmp_path)
    assert {one["price"] for one in found} == {"3"}
    assert len(found) == 9
    assert newest_whole([], NOW.date()) is None


def test_list_is_asked_once_a_day_and_replaced_by_a_newer_one(server, opened):
    fill(server, "2026-08-19", sku())
    (first,) = opened().deliveries()
    server.requests.clear()
    assert opened(seen=lambda *_: at("2026-08-20 23:00")).deliveries() == []
    assert server.requests == []
    fill(server, "2026-08-20", sku())
    (second,) = opened(seen=lambda *_: at("2026-08-20 02:00")).deliveries()
    assert first.group == second.group
    assert first.fingerprint != second.fingerprint


def test_estimate_is_what_is_measured_and_columns_that_are_not_needed_cost_nothing(server, opened, tmp_path):
    fill(server, "2026-08-20", sku())
    server.bytes_per_value = 3 << 20
    location = opened()
    deliveries = location.deliveries()
    expected = location.meter.usage + location.estimate(deliveries)
    location.fetch(deliveries[0], tmp_path)
    assert location.meter.usage.units == expected.units
    assert location.meter.usage.requests == len(server.requests) == expected.requests
    assert server.bytes_billed == (10 << 20) + 9 * server.bytes_per_value, "the listing, and nine of eleven columns"


def test_list_beyond_max_gib_billed_is_refused_unbilled(server, opened, tmp_path):
    fill(server, "2026-08-20", sku())
    server.bytes_per_value = 3 << 20
    location = opened(max_gib_billed=0.015)
    (delivery,) = location.deliveries()
    with pytest.raises(LocationUnreachable, match="raise max_gib_billed"):
        location.fetch(delivery, tmp_path)
    assert server.bytes_billed == 10 << 20


def test_rows_are_loaded_as_prices(store, server, opened, tmp_path):
    fill(server, "2026-08-20", sku("AA", agreed=[(0, "2.718281828")]))
    location = opened()
    (delivery,) = location.deliveries()
    files = location.fetch(delivery, tmp_path / "staging")
    assert store.loader.load(location.export, delivery, files, tmp_path / "load").outcome == "loaded"
    (load,) = store.warehouse.ledger.current_loads("prices")
    assert load.row_rows == 1
    assert delivery.delivered_at == datetime(2026, 8, 21, 3, tzinfo=UTC)


def test_dataset_without_a_table_is_read_for_its_bills_only(server, opened):
    fill(server, "2026-08-20", sku())
    with pytest.raises(LocationUnreachable, match="no table gcp_billing_export"):
        opened("bigquery://pragati-billing/billing").deliveries()
    server.append(BILLS, date(2026, 8, 20), rows([row(NOW, NOW, 1)]))
    (found,) = opened("bigquery://pragati-billing/billing").deliveries()
    assert "cloud_pricing_export" not in found.group


def test_every_permission_is_proven_without_billing(server, opened):
    fill(server, "2026-08-20", sku())
    for probe in opened().probes():
        if probe.permission != "bigquery.readsessions.create":  # gRPC: tests/ingest/test_bigquery.py
            probe.call()
    assert server.bytes_billed == 0
