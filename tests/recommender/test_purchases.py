"""Purchases close a gap once, wait where nothing is proven, and know when they can be taken back."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core import BadValue
from recommender.purchases import online_levels, purchase, return_by

pytestmark = pytest.mark.pure


def test_only_the_gap_is_bought_and_never_twice() -> None:
    target, active = np.array([6.0, 2.0]), np.array([4.0, 5.0])
    bought = purchase(target, active)
    assert bought.tolist() == [2, 0]
    assert purchase(target, active + bought).tolist() == [0, 0]


def test_a_cap_reaches_the_target_in_steps() -> None:
    active, months = np.zeros(1), 0
    while (step := purchase([6.0], active, 1 / 6))[0] > 1e-9:
        assert step[0] <= 1 + 1e-9
        active, months = active + step, months + 1
    assert (active[0], months) == (pytest.approx(6), 6)


def test_the_online_rule_waits_until_on_demand_has_cost_as_much() -> None:
    price, term = np.array([0.63]), 1000
    assert online_levels(np.full((1, 629), 3.0), price, term).tolist() == [0]
    assert online_levels(np.full((1, 630), 3.0), price, term).tolist() == [3]
    assert online_levels(np.zeros((1, 0)), price, term).tolist() == [0]


@pytest.mark.parametrize("seed", range(20))
def test_the_online_rule_costs_at_most_twice_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    term, price = 200, 0.6
    # one unit that is in use or not, for one term: the best is the cheaper of never and at once
    demand = (rng.random(term) < rng.uniform(0, 1)).astype(float)
    cost, bought = 0.0, False
    for hour in range(term):
        if not bought and online_levels(demand[None, :hour], [price], term)[0] >= 1:
            bought = True
            cost += price * term
        if not bought:
            cost += demand[hour]
    assert cost <= 2 * min(demand.sum(), price * term) + 1e-9


def test_a_plan_can_be_returned_within_seven_days_of_the_same_month() -> None:
    assert return_by(10, datetime(2026, 6, 3, 12, tzinfo=UTC)) == datetime(2026, 6, 10, 12, tzinfo=UTC)
    assert return_by(10, datetime(2026, 6, 28, 12, tzinfo=UTC)) == datetime(2026, 7, 1, tzinfo=UTC)
    assert return_by(101, datetime(2026, 6, 3, tzinfo=UTC)) is None
    with pytest.raises(BadValue, match="zone"):
        return_by(10, datetime(2026, 6, 3))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(BadValue, match="cap"):
        purchase([1.0], [0.0], 0.0)
    with pytest.raises(BadValue, match="below zero"):
        purchase([-1.0], [0.0])
    with pytest.raises(BadValue, match="term"):
        online_levels(np.ones((1, 3)), [0.5], 0)
