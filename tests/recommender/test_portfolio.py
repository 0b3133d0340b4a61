"""Levels and plan sized together are as cheap as the linear programme's, and never dearer than buying nothing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import portfolio as benchmark
from core import BadValue
from models.design import Floats
from recommender.bill import Commitment, Kind, Pool, simulate
from recommender.portfolio import bill_of, optimise

pytestmark = pytest.mark.pure


def fleet(seed: int) -> tuple[Floats, Floats, Floats]:
    demand, price, rate = benchmark.fleet(seed, 12, 168)
    return demand.astype(np.float64), price, rate


@pytest.mark.parametrize("seed", range(20))
def test_gap_to_the_linear_programme(seed: int) -> None:
    demand, price, rate = fleet(seed)
    found = optimise(demand, price, rate)
    best = benchmark.highs(demand, price, rate)
    assert found.cost >= best * (1 - 1e-9)
    assert found.cost <= best * 1.0001


def test_its_cost_is_the_simulated_bill() -> None:
    demand, price, rate = fleet(3)
    found = optimise(demand, price, rate)
    hours = np.arange(demand.shape[1]).astype("datetime64[h]")
    plan = (Kind.COMPUTE_PLAN, "")
    pools = [
        Pool(f"{at:02d}", 1.0, rates={plan: rate[at]}, units={(Kind.REGIONAL_RESERVATION, str(at)): 1.0})
        for at in range(len(demand))
    ]
    held = [
        Commitment(f"level {at}", Kind.REGIONAL_RESERVATION, found.levels[at], str(at), price[at])
        for at in range(len(demand))
    ]
    bill = simulate(hours, pools, demand, [*held, Commitment("plan", plan[0], found.plan)])
    assert bill.cost.sum() == pytest.approx(found.cost, rel=1e-9)


def test_worth_is_what_a_little_more_usage_adds_to_the_bill() -> None:
    demand, price, rate = fleet(7)
    found = optimise(demand, price, rate)
    before = bill_of(demand, price, rate, found.levels, found.plan)
    seen = set()
    for pool, hour in np.argwhere(demand > found.levels[:, None])[::7]:
        more = demand.copy()
        more[pool, hour] += 1e-6
        added = (bill_of(more, price, rate, found.levels, found.plan) - before) / 1e-6
        assert added == pytest.approx(found.worth[pool, hour], abs=2e-3)
        seen.add(round(float(found.worth[pool, hour])))
    assert seen == {0, 1}  # hours with slack and hours on demand were both among them


def test_one_product_is_the_quantile() -> None:
    demand = np.arange(1.0, 101.0)[None, :]
    found = optimise(demand, np.array([0.63]))
    # the 63 largest of 100 hours pay for it: the level is the 38th
    assert found.levels[0] == 38
    assert bill_of(demand, np.array([0.63]), None, found.levels, 0.0) == pytest.approx(found.cost)
    assert found.plan == 0


def test_a_level_that_is_dearer_than_the_plan_is_not_bought() -> None:
    found = optimise(np.full((1, 50), 4.0), np.array([0.9]), np.array([0.8]))
    assert found.levels.tolist() == [0]
    assert found.plan == pytest.approx(3.2)


def test_what_sustained_use_takes_off_by_itself_is_no_reason_to_buy() -> None:
    demand = np.full((2, 48), 5.0)
    uncovered = np.stack([np.full(48, 0.7), np.ones(48)])
    found = optimise(demand, np.array([1.0, 1.0]), np.array([0.72, 0.72]), uncovered)
    assert found.on_demand_cost == pytest.approx(48 * 5 * 1.7)
    # the plan pays for the second pool; in the first each of its dollars would replace 0.97
    assert found.cost >= 48 * 5 * (0.7 + 0.72) - 1e-6
    alone = optimise(demand[:1], np.array([0.75]), np.array([0.72]), uncovered[:1])
    assert alone.levels.tolist() == [0]
    assert alone.plan == pytest.approx(0, abs=1e-9)
    cheap = optimise(demand[:1], np.array([0.63]), None, uncovered[:1])
    assert cheap.levels.tolist() == [5]
    assert cheap.saving == pytest.approx(48 * 5 * 0.07)


def test_what_does_not_pay_is_not_bought() -> None:
    demand = np.zeros((2, 100))
    demand[0, :30] = 5
    found = optimise(demand, np.array([0.6, 0.6]), np.array([0.7, 0.7]))
    assert found.levels.tolist() == [0, 0]
    assert found.plan == pytest.approx(0)
    assert found.saving == 0
    assert optimise(np.ones((1, 10)), np.array([1.0]), np.array([1.0])).levels.tolist() == [0]


def test_order_of_the_pools_does_not_matter() -> None:
    demand, price, rate = fleet(5)
    found, turned = optimise(demand, price, rate), optimise(demand[::-1], price[::-1], rate[::-1])
    assert turned.cost == pytest.approx(found.cost)
    np.testing.assert_allclose(turned.levels[::-1], found.levels)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(BadValue, match="shape"):
        optimise(np.ones((2, 5)), np.array([0.5]))
    with pytest.raises(BadValue, match="not a number"):
        optimise(np.array([[np.nan]]), np.array([0.5]))
    with pytest.raises(BadValue, match="above 0"):
        optimise(np.ones((1, 5)), np.array([0.0]))
