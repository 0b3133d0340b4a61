"""Advice as the providers write it: read, found in the bill, made an action or a purchase of ours, or told why not."""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.action import Action, Operator, Remove, Run, Swap
from recommender.ahead import look_ahead
from recommender.bill import Kind
from recommender.book import Book
from recommender.fleet import Fleet
from recommender.holdings import Rates
from recommender.offers import Offers
from recommender.provider_advice import Advice, Resources, inr_of, read_advice
from recommender.purchases import Purchase
from recommender.their_levers import lever_of
from recommender.their_purchases import UNKNOWN_TERM, TheirPurchases
from recommender.usage import Usage
from warehouse import FEEDS, Engine

pytestmark = pytest.mark.pure

RATES = Rates({}, {Kind.INSTANCE_PLAN: 0.63, Kind.COMPUTE_PLAN: 0.77, Kind.FLEXIBLE_COMMITMENT: 0.72})


def advice(action: str, proposed: str = "", **more: Any) -> Advice:
    """Of AWS about i-1, unless it says otherwise."""
    given: dict[str, Any] = {"resource": "i-1", "account": "222233334444", "region": "ap-south-1"} | more
    return Advice("1", given.pop("provider", "aws"), "adviser", action, proposed=proposed, **given)


def lever(fleet: Fleet, told: Advice) -> Action | str:
    """What becomes of it."""
    workload = Resources(fleet).find(told)
    assert workload is not None
    return lever_of(told, fleet, workload)


def purchase(fleet: Fleet, told: Advice) -> Purchase | str:
    """What would be bought."""
    horizon = look_ahead(fleet, None, n_paths=1, stride=911)
    usage = Usage.of(fleet, horizon, Book(fleet, RATES, horizon.columns))
    offers = Offers(usage.pools[0], [], RATES, fleet.catalogue, fleet.inr)
    return TheirPurchases(usage, offers, 0.11).of(told)


def read(*rows: dict[str, Any]) -> list[Advice]:
    """Rows of the feed, as they come back."""
    engine = Engine()
    columns = dict(FEEDS["provider_advice"])
    engine.execute(f"CREATE TABLE provider_advice ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    given = {"advice_id": "1", "provider": "AWS", "adviser": "a", "action": "stop"}
    engine.insert("provider_advice", [tuple((given | row).get(name) for name in columns) for row in rows])
    snapshot: Any = SimpleNamespace(query=lambda sql: SimpleNamespace(to_dicts=lambda: engine.dicts(sql)))
    return read_advice(snapshot)


def test_the_newest_of_each_is_read_the_dearest_first() -> None:
    found = read(
        {"monthly_saving": 5, "currency": "usd", "observed_at": datetime(2026, 8, 2)},
        {"monthly_saving": 9, "observed_at": datetime(2026, 8, 1)},
        {"advice_id": "2", "provider": "Google Cloud", "monthly_saving": 7, "currency": "inr", "details": "not json"},
        {"advice_id": "3"},
    )  # fmt: skip
    assert [(one.id, one.provider, one.monthly, one.currency) for one in found] == [
        ("2", "gcp", 7.0, "INR"), ("1", "aws", 5.0, "USD"), ("3", "aws", None, ""),
    ]  # fmt: skip
    assert found[0].yearly_inr({"INR": 1.0}) == 84.0
    assert found[1].yearly_inr({"INR": 1.0}) is None, "no rate, no figure"


def test_a_figure_without_a_currency_is_none(build: SimpleNamespace) -> None:
    (found,) = read({"monthly_saving": 5})
    assert found.yearly_inr(inr_of(build.fleet())) is None
    rupees = build.fleet(inr={"INR": 1.0}, usd_inr=((date(2026, 8, 1), 90.0), (date(2026, 8, 20), 95.0)))
    assert inr_of(rupees) == {"INR": 1.0, "USD": 95.0}, "bills in rupees, advice in dollars"


def test_texts_without_end_are_cut_and_json_without_end_is_left() -> None:
    (found,) = read({"proposed": "x" * 100_000, "details": '{"a":' * 900 + "1" + "}" * 900})
    assert len(found.proposed) < 200
    assert found.detail("hourlycommitment") == ""


@pytest.mark.parametrize(
    "resource",
    ["i-1", "arn:aws:ec2:ap-south-1:222233334444:instance/i-1"],
)
def test_a_machine_is_found_by_id_and_by_arn(build: SimpleNamespace, resource: str) -> None:
    fleet = build.fleet(build.workload("i-1"))
    assert Resources(fleet).find(advice("stop", resource=resource)) is fleet["i-1"]
    assert Resources(fleet).find(advice("stop", resource=resource, provider="gcp")) is None


def test_a_group_is_found_by_its_name_in_its_account(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload("group/222233334444/web", name="web", kind="group", members=("i-7",)))
    arn = "arn:aws:autoscaling:ap-south-1:222233334444:autoScalingGroup:0-1:autoScalingGroupName/web"
    for resource in ("asg/web", arn, "i-7"):
        assert Resources(fleet).find(advice("rightsize", resource=resource)) is not None
    assert Resources(fleet).find(advice("rightsize", resource=arn, account="1")) is None


def test_deleting_takes_all_and_stopping_leaves_the_storage(build: SimpleNamespace) -> None:
    lines = [build.line(sku="db.r6g.large/mysql", meter="InstanceUsage:db.r6g.large"),
             build.line(sku="gp3", meter="RDS:GP3-Storage", price=0.1)]  # fmt: skip
    fleet = build.fleet(build.workload(kind="database", type="db.r6g.large", lines=lines))
    deleted, stopped = (lever(fleet, advice(action)) for action in ("delete", "stop"))
    assert isinstance(deleted, Action)
    assert isinstance(deleted.change, Remove)
    assert deleted.operator is Operator.REMOVE
    assert isinstance(stopped, Action)
    assert isinstance(stopped.change, Run)
    assert stopped.change.meters == {"InstanceUsage:db.r6g.large"}


def test_a_database_costs_in_proportion_and_another_family_has_no_price(build: SimpleNamespace) -> None:
    line = build.line(sku="db.r6g.2xlarge/postgresql", price=1.0)
    fleet = build.fleet(build.workload(kind="database", type="db.r6g.2xlarge", lines=[line]))
    found = lever(fleet, advice("rightsize", "db.r6g.large"))
    assert isinstance(found, Action)
    assert isinstance(found.change, Swap)
    assert found.change.to["db.r6g.2xlarge/postgresql"].price == pytest.approx(0.25)
    assert lever(fleet, advice("rightsize", "db.m7g.large")) == (
        "no list price of db.m7g.large is known here: its family is another than that of db.r6g.2xlarge"
    )


def test_a_google_machine_moves_at_the_ratio_of_list_prices(build: SimpleNamespace) -> None:
    lines = [build.line(sku="n2.core", price=3.0, hourly=8.0), build.line(sku="n2.ram", price=0.4, hourly=32.0)]
    fleet = build.fleet(build.workload(provider="gcp", region="asia-south1", type="n2-standard-8", lines=lines))
    found = lever(fleet, advice("rightsize", "n2d-highmem-4", provider="gcp"))
    assert isinstance(found, Action)
    assert isinstance(found.change, Swap)
    core, ram = found.change.to["n2.core"], found.change.to["n2.ram"]
    assert (core.sku, core.units, ram.sku, ram.units) == ("n2d.core", 0.5, "n2d.ram", 1.0)
    before = sum(line.price * line.hourly[0] for line in lines)
    after = core.price * core.units * 8 + ram.price * ram.units * 32
    prices = [fleet.catalogue.price(offer).usd for offer in fleet.catalogue
              if offer.region == "asia-south1" and offer.option == "on_demand"
              and offer.sku in ("n2-standard-8", "n2d-highmem-4")]  # fmt: skip
    assert after / before == pytest.approx(float(min(prices) / max(prices)), rel=1e-6)


def test_gp2_becomes_gp3_as_our_own_check_prices_it(build: SimpleNamespace) -> None:
    fleet = build.fleet(
        build.workload(kind="disk", type="gp2", lines=[build.line(sku="gp2", price=0.114, hourly=0.137)])
    )
    found = lever(fleet, advice("upgrade", "gp3"))
    assert isinstance(found, Action)
    assert found.operator is Operator.MODERNISE
    assert lever(fleet, advice("rightsize", "io2, 4000 IOPS")) == "only a move from gp2 to gp3 is priced here"


#: As Cost Explorer, Cost Optimization Hub and a file of one's own write one and the same plan.
PLANS = [
    {"details": {"SavingsPlansType": "EC2_INSTANCE_SP", "TermInYears": "THREE_YEARS", "PaymentOption": "ALL_UPFRONT",
                 "SavingsPlansDetails": {"Region": "ap-south-1", "InstanceFamily": "m6i"},
                 "HourlyCommitmentToPurchase": "1.25"}},
    {"details": {"ec2InstanceSavingsPlans": {"configuration": {
        "term": "ThreeYears", "paymentOption": "AllUpfront", "instanceFamily": "m6i",
        "savingsPlansRegion": "ap-south-1", "hourlyCommitment": "1.25"}}}},
    {"proposed": "EC2 Instance Savings Plan of m6i, 3 years, all upfront, $1.25 an hour"},
    {"details": {"plan_type": "EC2Instance", "family": "m6i", "hourly_commitment": 1.25, "term_years": 3,
                 "payment": "All Upfront"}},
]  # fmt: skip


@pytest.mark.parametrize("told", PLANS)
def test_a_plan_is_read_however_it_is_written(build: SimpleNamespace, told: dict[str, Any]) -> None:
    found = purchase(build.fleet(build.workload()), advice("buy_savings_plan", resource="", **told))
    assert isinstance(found, Purchase), found
    assert (found.kind, found.scope, found.way.years, found.way.upfront) == (
        Kind.INSTANCE_PLAN, "m6i/ap-south-1", 3, 1.0,
    )  # fmt: skip
    assert found.hourly_inr == pytest.approx(1.25 * 95)
    assert found.rate_ratio < 1, "three years at once are cheaper than what is billed for one"


def test_a_term_whose_rates_nobody_knows_is_billed_at_those_of_another_and_says_so(build: SimpleNamespace) -> None:
    told = advice("buy_savings_plan", "Compute Savings Plan, 3 years, $1 an hour", resource="")
    found = purchase(build.fleet(build.workload()), told)
    assert isinstance(found, Purchase)
    assert UNKNOWN_TERM in found.way.source


def test_reservations_cost_what_their_provider_asks(build: SimpleNamespace) -> None:
    line = build.line(sku="db.r6g.large/postgresql", price=0.25)
    fleet = build.fleet(build.workload(kind="database", type="db.r6g.large", lines=[line]))
    details = {
        "InstanceDetails": {
            "RDSInstanceDetails": {
                "InstanceType": "db.r6g.large", "Region": "ap-south-1", "DatabaseEngine": "PostgreSQL"
            }
        },
        "RecommendedNumberOfInstancesToPurchase": "2", "UpfrontCost": "876", "RecurringStandardMonthlyCost": "146",
        "TermInYears": "ONE_YEAR", "PaymentOption": "PARTIAL_UPFRONT",
    }  # fmt: skip
    found = purchase(fleet, advice("buy_reserved_instance", resource="", details=details))
    assert isinstance(found, Purchase)
    assert (found.scope, found.count, found.parts[0].amount) == ("db.r6g/postgresql/ap-south-1", 2, 8.0)
    assert found.hourly_inr == pytest.approx((146 / 730 + 876 / 8760) * 95)


def test_committed_use_is_vcpu_with_memory(build: SimpleNamespace) -> None:
    lines = [build.line(sku="n2.core", price=0.04, hourly=8.0), build.line(sku="n2.ram", price=0.005, hourly=32.0)]
    fleet = build.fleet(build.workload(provider="gcp", region="asia-south1", type="n2-standard-8", lines=lines))
    details = {"vcpus": 4, "memory_gib": 16, "series": "N2", "term_years": 1}
    told = advice("buy_committed_use", resource="", provider="gcp", region="asia-south1", details=details)
    found = purchase(fleet, told)
    assert isinstance(found, Purchase)
    assert [(part.scope, part.amount) for part in found.parts] == [
        ("n2.core/asia-south1", 4.0),
        ("n2.ram/asia-south1", 16.0),
    ]
    assert found.way.share < 1
