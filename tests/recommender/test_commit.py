"""What is bought, when and in which way: net of sustained use, whole machines, vCPU with memory, gaps only."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.ahead import look_ahead
from recommender.bill import Kind
from recommender.fleet import Fleet, Workload
from recommender.holdings import PRIORS, Holding, Rates
from recommender.plan import Item, Plan, break_even_drop, break_even_month, make_plan
from recommender.prices import Catalogue, database_plan_prices

pytestmark = pytest.mark.pure

TODAY = date(2026, 8, 21)
SELF_SERVE = Rates({}, PRIORS, sustained=frozenset({""}))
LISTED = Rates({}, PRIORS, listed={(Kind.DATABASE_PLAN, *key): usd for key, usd in database_plan_prices().items()})


def plan(fleet: Fleet, rates: Rates, *holdings: Holding, **more: Any) -> Plan:
    """No lever but commitments, on a few courses of thinned hours."""
    return make_plan(fleet, look_ahead(fleet, None, n_paths=4, stride=59), holdings, rates, [], **more)


def bought(made: Plan) -> list[Item]:
    """Purchases of the plan in order."""
    return [item for item in made.planned if item.purchase is not None]


def google(build: SimpleNamespace, series: str = "n1", vcpus: float = 8, gib: float = 30) -> Workload:
    """A machine that always runs."""
    lines = [
        build.line("vm", f"{series}.core", 0.0331, vcpus, meter="Core"),
        build.line("vm", f"{series}.ram", 0.0044, gib, meter="Ram"),
    ]
    found: Workload = build.workload("vm", provider="gcp", region="asia-south1", lines=lines)
    return found


def database(build: SimpleNamespace, n: int, sku: str = "db.r7g.large/postgresql", **more: Any) -> list[Workload]:
    """So many databases in Hyderabad at 0.272 USD an hour."""
    return [
        build.workload(
            f"db-{at}", kind="database", region="ap-south-2",
            lines=[build.line(f"db-{at}", sku, 0.272, meter="InstanceUsage", **more)],
        )
        for at in range(n)
    ]  # fmt: skip


def reservation(units: float, fee: float, ends_on: date = date(2028, 1, 1)) -> Holding:
    """Reserved units of db.r7g for PostgreSQL in Hyderabad."""
    return Holding("ri", "aws", Kind.REGIONAL_RESERVATION, "db.r7g/postgresql/ap-south-2", units, fee, "USD", "",
                   date(2026, 1, 1), ends_on, 1, "No Upfront")  # fmt: skip


def test_a_year_of_flexible_commitment_never_pays_for_n1_with_sustained_use(build: SimpleNamespace) -> None:
    fleet = build.fleet(google(build), catalogue=Catalogue({}))
    assert not bought(plan(fleet, SELF_SERVE)), "0.72 of the list price, where a month of N1 costs 0.70"
    invoiced = bought(plan(fleet, replace(SELF_SERVE, sustained=frozenset())))
    assert [item.purchase.kind for item in invoiced if item.purchase] == [Kind.FLEXIBLE_COMMITMENT]


def test_a_commitment_saves_only_what_sustained_use_would_not(build: SimpleNamespace) -> None:
    fleet = build.fleet(google(build))
    (with_it,), (without,) = (
        bought(plan(fleet, SELF_SERVE)),
        bought(plan(fleet, replace(SELF_SERVE, sustained=frozenset()))),
    )
    assert with_it.purchase is not None
    assert with_it.saving is not None
    assert without.saving is not None
    year = (8 * 0.0331 + 30 * 0.0044) * 95 * 8760
    share = with_it.purchase.way.share
    assert with_it.saving.mean() == pytest.approx((0.70 - share) * year, rel=0.01)
    assert without.saving.mean() == pytest.approx((1 - share) * year, rel=0.01)


def test_vcpu_and_memory_are_one_purchase_in_googles_proportions(build: SimpleNamespace) -> None:
    (item,) = bought(plan(build.fleet(google(build, "e2", 8, 32)), SELF_SERVE))
    assert item.purchase is not None
    assert [(part.scope, part.amount) for part in item.purchase.parts] == [
        ("e2.core/asia-south1", 8), ("e2.ram/asia-south1", 32),
    ]  # fmt: skip
    assert item.action.title.startswith("Committed use: 8 vCPU and 32 GiB of e2 in asia-south1, one year")
    assert item.action.recipe is not None
    assert item.action.recipe.values | {"vcpus": 8, "memory_gib": 32} == item.action.recipe.values
    (much,) = bought(plan(build.fleet(google(build, "n1", 4, 60)), SELF_SERVE))
    assert much.purchase is not None
    assert [part.amount for part in much.purchase.parts] == [4, 26], "6.5 GiB a vCPU at the most"


def test_databases_without_a_price_of_reservations_take_a_database_plan(build: SimpleNamespace) -> None:
    (item,) = bought(plan(build.fleet(*database(build, 5)), LISTED))
    assert item.purchase is not None
    rate = database_plan_prices()["ap-south-2", "db.r7g.large/postgresql"]
    assert item.purchase.kind is Kind.DATABASE_PLAN
    assert item.purchase.parts[0].amount == pytest.approx(5 * rate, abs=0.011)
    assert item.purchase.way.share == pytest.approx(rate / 0.272)
    assert item.purchase.way.source == "AWS price list of 22 April 2026"
    mumbai = build.fleet(*(replace(one, region="ap-south-1") for one in database(build, 5)))
    (prior,) = bought(plan(mumbai, LISTED))
    assert prior.purchase is not None
    assert prior.purchase.way.source == "prior: what AWS takes off in Hyderabad"
    key = Kind.DATABASE_PLAN, "ap-south-1", "db.r7g.large/postgresql"
    (pulled,) = bought(plan(mumbai, replace(LISTED, pulled={key: (0.7, date(2026, 8, 20))})))
    assert pulled.purchase is not None
    assert (pulled.purchase.way.source, pulled.purchase.way.share) == ("AWS, pulled 2026-08-20", pytest.approx(0.7))


def test_a_deeper_reservation_takes_the_same_hours_from_the_plan(build: SimpleNamespace) -> None:
    made = plan(build.fleet(*database(build, 5)), LISTED, reservation(4, 0.65 * 0.272 / 4))
    (item,) = bought(made)
    assert item.purchase is not None
    assert (item.purchase.kind, item.purchase.machine) == (Kind.REGIONAL_RESERVATION, "db.r7g.large/postgresql")
    assert item.purchase.count == 4, "five machines less the one that is reserved"
    assert item.purchase.way.is_learnt
    dear = reservation(4, 0.9 * 0.272 / 4)
    (other,) = bought(plan(build.fleet(*database(build, 5)), LISTED, dear))
    assert other.purchase is not None
    assert other.purchase.kind is Kind.DATABASE_PLAN, "0.8 beside 0.9"


def test_reservations_are_bought_in_machines_of_the_smallest_size(build: SimpleNamespace) -> None:
    fleet = build.fleet(*database(build, 3, "db.r7g.2xlarge/postgresql"), *database(build, 0))
    (item,) = bought(plan(fleet, LISTED, reservation(0.5, 0.65 * 0.272 / 16)))
    assert item.purchase is not None
    assert (item.purchase.machine, item.purchase.count, item.purchase.parts[0].amount) == (
        "db.r7g.2xlarge/postgresql", 2, 32,
    )  # fmt: skip


@pytest.mark.parametrize("days", [40, 300])
def test_what_ends_in_the_plans_year_is_bought_on_the_day_it_ends(build: SimpleNamespace, days: int) -> None:
    ends_on = TODAY + timedelta(days=days)
    made = plan(build.fleet(*database(build, 5)), LISTED, reservation(20, 0.65 * 0.272 / 4, ends_on))
    (item,) = bought(made)
    assert item.purchase is not None
    assert (item.purchase.buy_on, item.purchase.count) == (ends_on, 5)
    assert item.action.evidence.figures["Ends that day"] == "Reservation db.r7g/postgresql/ap-south-2"
    assert "cannot be queued" in item.action.evidence.figures["Order"]


def test_two_ends_in_one_month_are_two_purchases(build: SimpleNamespace) -> None:
    first, second = (replace(reservation(8, 0.65 * 0.272 / 4, date(2026, 10, day)), id=f"ri-{day}") for day in (3, 20))
    items = bought(plan(build.fleet(*database(build, 4)), LISTED, first, second))
    assert [(item.purchase.buy_on.day, item.purchase.count) for item in items if item.purchase] == [(3, 2), (20, 2)]
    assert len({item.id for item in items}) == 2


def test_a_plan_for_a_day_to_come_is_queued(build: SimpleNamespace) -> None:
    held = Holding("sp", "aws", Kind.INSTANCE_PLAN, "m6i/ap-south-1", 0.202 * 0.66, 1.0, "USD", "", date(2025, 11, 1),
                   date(2026, 11, 1), 1, "No Upfront")  # fmt: skip
    (item,) = bought(plan(build.fleet(build.workload("i-1"), catalogue=Catalogue({})), SELF_SERVE, held))
    assert item.action.recipe is not None
    assert item.action.recipe.values["starts_at"] == "2026-11-01T00:00:00Z"
    assert "queued" in item.action.evidence.figures["Order"]
    assert item.action.evidence.figures["Return"] == "until 8 Nov 2026 00:00 UTC, at most ten a year"


@pytest.mark.parametrize(("every_months", "first"), [(1, 1), (3, 2)])
def test_what_has_been_used_for_months_only_is_bought_in_steps(
    build: SimpleNamespace, every_months: Any, first: int
) -> None:
    lately = np.where(np.arange(8760) >= 8760 - 24 * 100, 1.0, 0.0)
    old = build.workload("disk", kind="disk", lines=[build.line("disk", "gp3", 0.1, meter="EBS:VolumeUsage.gp3")])
    made = plan(build.fleet(old, *database(build, 6, hourly=lately)), LISTED, reservation(0.5, 0.65 * 0.272 / 4),
                every_months=every_months)  # fmt: skip
    counts = [item.purchase.count for item in bought(made) if item.purchase]
    assert counts[0] == first
    assert 5 <= sum(counts) <= 6
    item = bought(made)[0]
    assert (item.action.confidence, item.action.confidence_why) == (
        "low",
        "what it covers has been used for 100 days only",
    )


def test_the_cost_of_capital_moves_the_choice_and_the_years_figure_stays_what_is_paid_for_the_year(
    build: SimpleNamespace,
) -> None:
    fleet = build.fleet(*(build.workload(f"i-{n}") for n in range(20)))
    cheap, dear = (bought(plan(fleet, SELF_SERVE, cost_of_capital=rate))[0] for rate in (0.0, 0.3))
    assert cheap.purchase is not None
    assert dear.purchase is not None
    assert cheap.purchase.way.upfront == 1
    assert (dear.purchase.way.years, dear.purchase.way.upfront) == (1, 0)
    for item in (cheap, dear):
        assert item.saving is not None
        assert item.purchase is not None
        year, way = 20 * 0.202 * 95 * 8760, item.purchase.way
        assert item.saving.mean() == pytest.approx((1 - way.share) * year, rel=0.01)
        assert item.purchase.locked_inr == pytest.approx(way.share * year * way.years, rel=0.01)
        assert break_even_drop(item, TODAY) == pytest.approx(1 - way.share, abs=0.01)
        assert break_even_month(item, TODAY) == int(np.ceil(12 * way.years * way.share))
    assert cheap.action.evidence.figures["Paid at once"] != "nothing"
    assert "when the time of payment is counted" in dear.action.evidence.figures["1 year, all upfront"]
