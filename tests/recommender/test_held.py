"""Commitments under each other are told, and a plan that was just bought can go back while it is not used."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from recommender.action import Action
from recommender.ahead import look_ahead
from recommender.bill import Kind
from recommender.fleet import Fleet
from recommender.held import overlaps, returns
from recommender.holdings import PRIORS, Holding, Rates
from warehouse import Decision, Proposal

pytestmark = pytest.mark.pure

RATES = Rates({}, PRIORS)


def holding(id: str, kind: Kind, amount: float, scope: str = "m6i/ap-south-1", fee: float = 1.0,
            starts_on: date = date(2026, 1, 1)) -> Holding:  # fmt: skip
    return Holding(id, "aws", kind, scope, amount, fee, "USD", "", starts_on, date(2027, 8, 1), 1, "No Upfront", "")


def test_a_plan_under_a_reservation_is_told_with_what_covers_it(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload("i-1"))
    plan, reserved = holding("sp", Kind.INSTANCE_PLAN, 0.13), holding("ri", Kind.REGIONAL_RESERVATION, 8, fee=0.016)
    (found,) = overlaps(fleet, [plan, reserved], RATES)
    assert found.title == "EC2 Instance Savings Plan m6i/ap-south-1 is covered by Reservation m6i/ap-south-1"
    assert found.reason is not None
    assert "100% of it is paid for nothing until 1 Aug 2027" in found.reason
    assert found.evidence.figures["Used"] == "0% in 30 days; 100% if it were alone"
    assert not list(overlaps(fleet, [plan], RATES))


def test_a_commitment_that_nothing_needs_is_no_overlap(build: SimpleNamespace) -> None:
    other = holding("sp", Kind.INSTANCE_PLAN, 1.0, "c5/ap-south-1")
    reserved = holding("ri", Kind.REGIONAL_RESERVATION, 8, fee=0.016)
    assert not list(overlaps(build.fleet(build.workload("i-1")), [other, reserved], RATES))


def advice(fleet: Fleet, *holdings: Holding, on: date = date(2026, 8, 17), returned: int = 0) -> list[Action]:
    """After a purchase of an EC2 plan was applied, and so many returns before."""
    known = [Proposal("p", "commit", ":instance_plan:m6i/ap-south-1:2026-08", "", on, on, 1.0)]
    decided = {"p": Decision("p", "applied", "", on, 1.0)}
    for at in range(returned):
        known.append(Proposal(f"r{at}", "plan_return", f":instance_plan:x{at}/y:2026-05", "", on, on, 0.0))
        decided[f"r{at}"] = Decision(f"r{at}", "applied", "", date(2026, 5, 2), 0.0)
    horizon = look_ahead(fleet, None, n_paths=3, stride=59)
    return list(returns(fleet, horizon, holdings, RATES, decided, known))


def bought(amount: float) -> Holding:
    return holding("arn:aws:savingsplans::1:savingsplan/abc", Kind.INSTANCE_PLAN, amount, starts_on=date(2026, 8, 17))


def test_a_plan_that_is_used_is_kept(build: SimpleNamespace) -> None:
    (found,) = advice(build.fleet(build.workload("i-1")), bought(0.13))
    assert found.title == "Keep the EC2 Instance Savings Plan of m6i/ap-south-1 of 17 Aug 2026"
    assert found.recipe is None
    assert found.evidence.figures["Can be returned"] == "until 24 Aug 2026 00:00 UTC"
    assert found.evidence.figures["Used"] == "100% in 96 hours"


def test_a_plan_that_is_too_large_is_returned_with_the_command(build: SimpleNamespace) -> None:
    (found,) = advice(build.fleet(build.workload("i-1")), bought(1.3))
    assert found.title.startswith("Return the EC2 Instance Savings Plan")
    assert found.recipe is not None
    assert found.recipe.verb == "return_plan"
    assert "lose INR" in (found.reason or "")


def test_a_plan_above_another_is_judged_by_what_it_adds(build: SimpleNamespace) -> None:
    other = holding("a", Kind.INSTANCE_PLAN, 0.202 * 0.66)
    (found,) = advice(build.fleet(build.workload("i-1")), bought(0.13), other)
    assert found.title.startswith("Return")


def test_ten_returns_a_year_are_all(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload("i-1"))
    assert advice(fleet, bought(1.3), returned=9)[0].title.startswith("Return")
    (found,) = advice(fleet, bought(1.3), returned=10)
    assert found.title.startswith("Keep")
    assert "not allowed" in (found.reason or "")


def test_after_seven_days_or_the_month_nothing_is_said(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload("i-1"))
    assert not advice(fleet, bought(1.3), on=date(2026, 8, 13))
    september = build.fleet(build.workload("i-1"), now=datetime(2026, 9, 1, 3, tzinfo=UTC))
    assert not advice(september, bought(1.3), on=date(2026, 8, 30))


def test_what_is_not_on_the_bill_yet_is_said_so(build: SimpleNamespace) -> None:
    (found,) = advice(build.fleet(build.workload("i-1")))
    assert found.reason == "it is not on the bill yet; its use cannot be told"
