"""What was pulled replaces what was shipped, price by price, and says when it was pulled."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.bill import Kind
from recommender.checks.storage import propose
from recommender.holdings import PRIORS, Rates
from recommender.price_list import read_catalogue, read_plan_shares
from recommender.prices import Catalogue, MissingPrice, Offer
from warehouse import Engine, schema

PULLED = datetime(2026, 8, 20, 3)
M7G = "m7g.large/linux"


def snapshot(*rows: dict[str, Any]) -> Any:
    """A generation with these prices."""
    engine = Engine()
    columns = schema("prices")
    engine.execute(f"CREATE TABLE prices ({', '.join(' '.join(column) for column in columns)})")
    usual = {"provider": "AWS", "region": "ap-south-1", "sku": M7G, "currency": "USD", "unit": "Hour",
             "observed_at": PULLED}  # fmt: skip
    if rows:
        engine.insert("prices", [tuple((usual | row).get(name) for name, _ in columns) for row in rows])
    return SimpleNamespace(query=lambda sql, params=None: SimpleNamespace(rows=engine.rows(sql, params)))


def offer(option: Any = "on_demand", sku: str = M7G, region: str = "ap-south-1") -> Offer:
    return Offer("aws", region, sku, option)


def test_where_nothing_was_pulled_the_catalogue_is_the_shipped_one() -> None:
    shipped, found = Catalogue.shipped(), read_catalogue(snapshot())
    assert list(found) == list(shipped)
    assert all(found.price(one) == shipped.price(one) for one in shipped)


def test_a_pulled_price_counts_from_its_day_on_and_the_others_stay() -> None:
    found = read_catalogue(snapshot({"price": Decimal("0.05")}))
    price = found.price(offer())
    assert (price.usd, price.as_of, price.source) == (Decimal("0.05"), date(2026, 8, 20), "AWS, pulled 2026-08-20")
    other = offer(sku="m6i.large/linux")
    assert found.price(other) == Catalogue.shipped().price(other)


def test_an_old_pull_does_not_replace_newer_facts() -> None:
    old = {"price": Decimal("0.05"), "observed_at": datetime(2024, 1, 1)}
    assert read_catalogue(snapshot(old)).price(offer()) == Catalogue.shipped().price(offer())


def test_terms_are_offers_and_plans_are_not() -> None:
    found = read_catalogue(snapshot(
        {"term": "3yr", "purchase_option": "No Upfront", "price": Decimal("0.025")},
        {"term": "1yr", "purchase_option": "Compute Savings Plan, No Upfront", "price": Decimal("0.001")},
    ))  # fmt: skip
    assert found.price(offer("3y_no_upfront")).usd == Decimal("0.025")
    with pytest.raises(MissingPrice):
        found.price(offer("1y_no_upfront"))


def test_spot_is_the_mean_of_its_zones() -> None:
    zones = [{"purchase_option": "Spot", "description": f"ap-south-1{zone}", "price": Decimal(price)}
             for zone, price in (("a", "0.02"), ("b", "0.03"))]  # fmt: skip
    assert read_catalogue(snapshot(*zones)).price(offer("spot")).usd == Decimal("0.025")


@pytest.mark.parametrize(
    "row",
    [{"currency": "INR"}, {"provider": "Google Cloud"}, {"sku": "ABCDEF123456"}, {"price": Decimal(0)}, {"sku": None}],
)
def test_what_is_no_offer_of_ours_changes_nothing(row: dict[str, Any]) -> None:
    found = read_catalogue(snapshot({"price": Decimal("0.01")} | row))
    assert set(found) == set(Catalogue.shipped())
    assert found.price(offer()) == Catalogue.shipped().price(offer())


def test_a_generation_of_an_older_version_has_the_shipped_prices() -> None:
    engine = Engine()
    engine.execute("CREATE TABLE prices (sku VARCHAR, price DECIMAL(38, 18))")
    made: Any = SimpleNamespace(query=lambda sql, params=None: SimpleNamespace(rows=engine.rows(sql, params)))
    assert set(read_catalogue(made)) == set(Catalogue.shipped())


def test_advice_says_that_its_price_was_pulled(build) -> None:
    pulled = [
        {"sku": sku, "unit": "GB-Month", "price": Decimal(usd)} for sku, usd in (("gp2", "0.114"), ("gp3", "0.08"))
    ]
    volume = build.workload(
        "vol-1", kind="disk", type=None, lines=[build.line("vol-1", "gp2", 0.114, 1000 / 730, unit="GB-Mo")]
    )
    (action,) = propose(build.fleet(volume, catalogue=read_catalogue(snapshot(*pulled))))
    assert (action.price_source, action.price_on) == ("AWS, pulled 2026-08-20", date(2026, 8, 20))


def plan_rows(*, plan: str = "Compute Savings Plan, No Upfront", rate: str = "0.045") -> list[dict[str, Any]]:
    return [{"price": Decimal("0.06")}, {"term": "1yr", "purchase_option": plan, "price": Decimal(rate)}]


def test_a_plan_costs_its_pulled_share_of_on_demand_in_any_currency(build) -> None:
    shares = read_plan_shares(snapshot(*plan_rows()))
    assert shares == {(Kind.COMPUTE_PLAN, "ap-south-1", M7G): (0.75, date(2026, 8, 20))}
    rates = Rates({}, PRIORS, pulled=shares)
    in_rupees = build.line(sku=M7G, price=5.0, currency="INR")
    assert rates.plan_price(Kind.COMPUTE_PLAN, "ap-south-1", in_rupees) == pytest.approx(3.75)
    assert rates.plan_price(Kind.COMPUTE_PLAN, "ap-south-2", in_rupees) == pytest.approx(
        5.0 * PRIORS[Kind.COMPUTE_PLAN]
    )


def test_the_rates_of_the_bill_go_before_what_was_pulled(build) -> None:
    key = (Kind.COMPUTE_PLAN, "ap-south-1", M7G)
    rates = Rates({key: 0.7}, PRIORS, pulled=read_plan_shares(snapshot(*plan_rows())))
    assert rates.plan_price(*key[:2], build.line(sku=M7G, price=10.0)) == pytest.approx(7.0)


def test_a_rate_without_a_price_on_demand_is_no_share() -> None:
    assert read_plan_shares(snapshot(plan_rows()[1])) == {}
    assert read_plan_shares(snapshot(plan_rows()[0])) == {}
