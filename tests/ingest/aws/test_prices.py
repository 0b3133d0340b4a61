"""List prices, plans and Spot, from what AWS answers; moto knows none of the first two."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from aws_server import AwsServer, Refusal, answer

from core import LocationUnreachable
from ingest.aws import prices
from ingest.aws._clients import action_of

NOW = datetime(2026, 8, 21, 3, tzinfo=UTC)


def price(usd: str, unit: str = "Hrs", begin: str = "0") -> dict[str, Any]:
    return {"unit": unit, "pricePerUnit": {"USD": usd}, "beginRange": begin}


def product(
    usage_type: str, usd: str, *, operation: str = "RunInstances", reserved: Any = (), **attributes: str
) -> str:
    """A product as GetProducts gives it, a JSON text. `reserved`: (length, option, class, upfront, hourly)."""
    terms: dict[str, Any] = {
        "OnDemand": {"S.1": {
            "priceDimensions": {"S.1.1": price(usd), "S.1.2": price("0.0000001", begin="1000")},
            "effectiveDate": "2026-08-01T00:00:00Z", "termAttributes": {},
        }}
    }  # fmt: skip
    for number, (length, option, kind, upfront, hourly) in enumerate(reserved):
        terms.setdefault("Reserved", {})[f"S.{number}"] = {
            "priceDimensions": {"h": price(hourly), "q": {"unit": "Quantity", "pricePerUnit": {"USD": upfront}}},
            "effectiveDate": "2026-07-01T00:00:00Z",
            "termAttributes": {"LeaseContractLength": length, "PurchaseOption": option, "OfferingClass": kind},
        }
    about = {"usagetype": usage_type, "operation": operation} | attributes
    return json.dumps({"product": {"attributes": about, "sku": "S"}, "terms": terms})


MACHINES = [
    product("APS3-BoxUsage:m7g.large", "0.0583000000", instanceType="m7g.large", reserved=[
        ("1yr", "All Upfront", "standard", "306.6", "0.0000000000"), ("3yr", "No Upfront", "standard", "0", "0.025"),
        ("1yr", "All Upfront", "convertible", "350.4", "0"),
    ]),
    product("APS3-UnusedBox:m7g.large", "0.06", instanceType="m7g.large"),
    product("APS3-BoxUsage:t4g.small", "0.0112", instanceType="t4g.small"),
]  # fmt: skip
OTHERS = {
    "AmazonRDS": [
        product(
            f"APS3-{what}:db.r7g.large", usd, operation=f"CreateDBInstance:{engine}", instanceType="db.r7g.large"
        )
        for what, engine, usd in (("Multi-AZUsage", "0014", "0.5"), ("InstanceUsage", "0015", "0.9"))
    ],
    "AmazonElastiCache": [
        product("APS3-NodeUsage:cache.r7g.large", "0.2", operation="CreateCacheCluster:Valkey",
                instanceType="cache.r7g.large"),
    ],
    "AmazonES": [
        product("APS3-ESInstance:r6g.large", "0.19", operation="ESDomain", instanceType="r6g.large.search"),
        product("APS3-ES:GP3-Storage", "0.1", operation="ESDomain"),
    ],
    "AWSLambda": [product("APS3-Lambda-GB-Second-ARM", "0.0000133334", operation="")],
}  # fmt: skip


def rate(plan: str, usage_type: str, usd: str, operation: str, years: int = 1) -> dict[str, Any]:
    return {
        "savingsPlanOffering": {"offeringId": "o", "paymentOption": "No Upfront", "planType": plan,
                                "durationSeconds": years * 31536000, "currency": "USD"},
        "rate": usd, "unit": "Hrs", "productType": "EC2", "serviceCode": "AmazonEC2", "usageType": usage_type,
        "operation": operation, "properties": [],
    }  # fmt: skip


def spot(asked: Any) -> Any:
    """A price on each page."""
    page = int(asked.body.get("NextToken", "0"))
    type_, zone, usd, at = SPOT[page]
    found = {"InstanceType": type_, "AvailabilityZone": zone, "SpotPrice": usd, "Timestamp": at,
             "ProductDescription": "Linux/UNIX"}  # fmt: skip
    return {"SpotPriceHistory": [found], "NextToken": str(page + 1) if page + 1 < len(SPOT) else ""}


SPOT = [
    ("m7g.large", "ap-south-1a", "0.030000", NOW - timedelta(days=3)),
    ("m7g.large", "ap-south-1b", "0.025000", NOW - timedelta(days=40)),
    ("m7g.large", "ap-south-1a", "0.020000", NOW - timedelta(days=33)),
]


@pytest.fixture
def priced(server: AwsServer) -> AwsServer:
    """A price list of two pages, plans of two pages, and Spot prices on three."""

    def products(asked: Any) -> Any:
        if asked.body["ServiceCode"] != "AmazonEC2":
            return {"FormatVersion": "aws_v1", "PriceList": OTHERS[asked.body["ServiceCode"]]}
        fields = {one["Field"]: one["Value"] for one in asked.body["Filters"]}
        if fields.get("productFamily") == "Storage":
            volume = product("APS3-EBS:VolumeUsage.gp3", "0.0912", operation="", volumeApiName="gp3")
            return {"PriceList": [volume.replace('"Hrs"', '"GB-Mo"')]}
        if asked.body.get("NextToken") == "two":
            return {"PriceList": MACHINES[2:]}
        return {"PriceList": MACHINES[:2], "NextToken": "two"}

    def plans(asked: Any) -> Any:
        if asked.body.get("savingsPlanTypes") == ["Database"]:
            found = [rate("Database", "APS3-InstanceUsage:db.r7g.2xl", "1.1", "CreateDBInstance:0014")]
        elif asked.body.get("nextToken") == "two":
            found = [rate("Compute", "APS3-BoxUsage:m7g.large", "0.045", "RunInstances", 3)]
        else:
            found = [rate("EC2Instance", "APS3-BoxUsage:m7g.large", "0.0399", "RunInstances")]
            return {"searchResults": found, "nextToken": "two"}
        return {"searchResults": found}

    server.answers |= {"pricing:GetProducts": products, "savingsplans:DescribeSavingsPlansOfferingRates": plans,
                       "ec2:DescribeSpotPriceHistory": spot}  # fmt: skip
    return server


def rows(location: Any, kind: str, region: str = "ap-south-1") -> dict[tuple[str, str, str], dict[str, Any]]:
    """By name, term and option (and zone)."""
    (part,) = (part for part in location.parts() if part.group == f"{region}/{kind}")
    table = location.pull(part, print)
    return {
        (row["sku"], row["term"] or "", row["purchase_option"] or row["description"]): row
        for row in (table.to_pylist() if table else ())
    }


def test_machines_have_their_price_on_demand_and_reserved_with_what_is_paid_at_once(priced, open_aws):
    found = rows(open_aws("prices"), "machines")
    assert {key: row["price"] for key, row in found.items()} == {
        ("m7g.large/linux", "", "APS3-BoxUsage:m7g.large"): "0.0583",
        ("m7g.large/linux", "1yr", "All Upfront"): "0.035",
        ("m7g.large/linux", "3yr", "No Upfront"): "0.025",
        ("t4g.small/linux", "", "APS3-BoxUsage:t4g.small"): "0.0112",
    }  # fmt: skip
    assert found["m7g.large/linux", "1yr", "All Upfront"]["effective_on"] == "2026-07-01"


def test_what_is_pulled_is_loaded_with_the_day_of_the_pull(priced, open_aws, store, tmp_path):
    location = open_aws("prices")
    delivery = next(one for one in location.deliveries() if one.group == "ap-south-1/machines")
    files = location.fetch(delivery, tmp_path / "staging")
    store.loader.load(location.export, delivery, files, tmp_path / "staging")
    found = store.rows("sku, price, observed_at", "term = '1yr'", kind="prices")
    assert [(row["sku"], row["price"], row["observed_at"]) for row in found] == [
        ("m7g.large/linux", Decimal("0.035"), NOW.replace(tzinfo=None))
    ]


@pytest.mark.parametrize(
    ("kind", "name", "unit", "usd"),
    [
        ("volumes", "gp3", "GB-Month", "0.0912"),
        ("databases", "db.r7g.large/postgresql/multi-az", "Hour", "0.5"),
        ("caches", "cache.r7g.large/valkey", "Hour", "0.2"),
        ("search", "r6g.large.search/opensearch", "Hour", "0.19"),
        ("functions", "Lambda-GB-Second-ARM", "GB-second", "0.0000133334"),
    ],
)
def test_everything_bears_the_name_of_the_catalogue_and_the_rest_is_left_out(priced, open_aws, kind, name, unit, usd):
    ((key, row),) = rows(open_aws("prices"), kind).items()
    assert (key[0], row["unit"], row["price"], row["currency"]) == (name, unit, usd, "USD")


def test_plans_have_their_rates_by_what_they_cover(priced, open_aws):
    found = rows(open_aws("prices"), "savings-plans")
    assert {key: row["price"] for key, row in found.items()} == {
        ("m7g.large/linux", "1yr", "EC2 Instance Savings Plan, No Upfront"): "0.0399",
        ("m7g.large/linux", "3yr", "Compute Savings Plan, No Upfront"): "0.045",
        ("db.r7g.2xlarge/postgresql", "1yr", "Database Savings Plan, No Upfront"): "1.1",
    }


def test_spot_is_the_mean_of_thirty_days_by_time_in_each_zone(priced, open_aws):
    (part,) = (part for part in open_aws("prices").parts() if part.group == "ap-south-1/spot")
    found = {row["description"]: row["price"] for row in open_aws("prices").pull(part, print).to_pylist()}
    # 27 days at two cents and three at three; the other zone has not changed since before
    assert found == {"ap-south-1a": "0.021", "ap-south-1b": "0.025"}


def test_exactly_the_declared_actions_are_called(priced, open_aws, tmp_path):
    location = open_aws("prices")
    for number, delivery in enumerate(location.deliveries()):
        assert location.fetch(delivery, tmp_path / str(number))
    called = {action_of(one.service, one.operation) for one in priced.asked}
    assert called == set(prices.ACTIONS) == set(location.meter.calls)
    assert {one.region for one in priced.asked if one.service == "pricing"} == {"ap-south-1"}
    priced.asked.clear()
    for probe in open_aws("prices").probes():
        probe.call()
    assert {action_of(one.service, one.operation) for one in priced.asked} == set(prices.ACTIONS)


def test_a_region_that_is_denied_leaves_the_other(priced, open_aws, tmp_path):
    real = priced.answers["pricing:GetProducts"]

    def products(asked: Any) -> Any:
        if {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "ap-southeast-1"} in asked.body["Filters"]:
            raise Refusal("AccessDeniedException")
        return real(asked)

    priced.answers["pricing:GetProducts"] = products
    location = open_aws("prices", regions=["ap-south-1", "ap-southeast-1"])
    assert rows(location, "machines")
    with pytest.raises(LocationUnreachable, match="allow pricing:GetProducts") as caught:
        rows(location, "machines", "ap-southeast-1")
    assert "secret" not in str(caught.value)


def test_throttling_and_a_server_that_is_down_are_asked_again_page_by_page(priced, open_aws):
    real, failures = (
        priced.answers["pricing:GetProducts"],
        [("ThrottlingException", 400), ("InternalErrorException", 503)],
    )

    def products(asked: Any) -> Any:
        if asked.body.get("NextToken") and failures:
            raise Refusal(*failures.pop())
        return real(asked)

    priced.answers["pricing:GetProducts"] = products
    assert len(rows(open_aws("prices"), "machines")) == 4
    assert [one.operation for one in priced.asked] == ["GetProducts"] * 4


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", MACHINES[0].replace("0.0583000000", "cheap"), MACHINES[0].replace("terms", "t")]
)
def test_what_is_no_price_list_is_told_and_nothing_of_it_is_taken(priced, open_aws, text):
    priced.answers["pricing:GetProducts"] = lambda _: {"PriceList": [MACHINES[2], text]}
    with pytest.raises(LocationUnreachable, match="no price list"):
        rows(open_aws("prices"), "machines")


def test_credentials_that_have_expired_are_told_at_once(server, open_aws):
    body = b'{"__type": "ExpiredTokenException", "message": "secret-in-message"}'
    server.fail("/", answer("400 Bad", "ExpiredTokenException", body), method="POST")
    with pytest.raises(LocationUnreachable, match="renew the credentials") as caught:
        rows(open_aws("prices"), "machines")
    assert len(server.asked) == 1
    assert "secret" not in str(caught.value)


def test_prices_are_asked_once_a_week(priced, open_aws):
    assert open_aws("prices", seen=lambda *_: NOW - timedelta(days=6)).deliveries() == []
    groups = [one.group for one in open_aws("prices", seen=lambda *_: NOW - timedelta(days=7)).deliveries()]
    assert len(groups) == 8
    assert all(one < other for one, other in pairwise(sorted(groups)))
    assert priced.asked == [], "what is due is known without asking"
