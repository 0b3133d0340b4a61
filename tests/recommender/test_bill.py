"""Commitments are applied as providers apply them, and what they promise is used or lost, to the last dollar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import BadValue
from recommender.bill import Bill, Commitment, Kind, Pool, normalisation_factor, simulate, size_of

pytestmark = pytest.mark.pure

HOURS = np.arange(np.datetime64("2026-05-01T00", "h"), np.datetime64("2026-05-02T00", "h"))
COMPUTE = (Kind.COMPUTE_PLAN, "")


def hour(pools: list[Pool], units: list[float], *held: Commitment) -> Bill:
    return simulate(HOURS[:1], pools, np.array(units, dtype=float)[:, None], held)


#: The usage and illustrative rates of AWS, "Understanding how Savings Plans apply" (edition with c5).
C5 = "c5/us-east-1"
EXAMPLE = [
    Pool("c5.9xlarge Linux", 4.0, rates={COMPUTE: 2.0, (Kind.INSTANCE_PLAN, C5): 1.0}),
    Pool("c5.24xlarge Windows", 10.0, rates={COMPUTE: 8.0, (Kind.INSTANCE_PLAN, C5): 6.0}),
    Pool("Fargate vCPU", 1.5, rates={COMPUTE: 1.0}),
    Pool("Fargate GB", 2.0, rates={COMPUTE: 1.0}),
]
USED = [1, 1, 10, 5]


#: The newer edition, with r5, Fargate and Lambda: a million requests of half a GB for three seconds, and their 0.20.
R5 = "r5/us-east-1"
NEWER = [
    Pool("r5.4xlarge Linux", 1.0, rates={COMPUTE: 0.7, (Kind.INSTANCE_PLAN, R5): 0.6},
         units={(Kind.REGIONAL_RESERVATION, R5): 32}),
    Pool("m5.24xlarge Windows", 10.0, rates={COMPUTE: 8.2, (Kind.INSTANCE_PLAN, "m5/us-east-1"): 7.8}),
    Pool("Fargate vCPU", 0.04, rates={COMPUTE: 0.03}),
    Pool("Fargate GB", 0.004, rates={COMPUTE: 0.003}),
    Pool("Lambda GB-second", 0.000015, rates={COMPUTE: 0.00001275}),
    Pool("Lambda requests", 0.0000002, rates={COMPUTE: 0.0000002}),
]  # fmt: skip
NEWER_USED = [4, 1, 400, 1600, 1_500_000, 1_000_000]


def test_the_newer_example_scenario_1_all_usage_is_covered() -> None:
    assert hour(NEWER, NEWER_USED).cost[0] == pytest.approx(59.10, abs=0.01)
    bill = hour(NEWER, NEWER_USED, Commitment("p", Kind.COMPUTE_PLAN, 50))
    assert bill.left.sum() == pytest.approx(0)
    assert bill.used[0, 0] == pytest.approx(47.13, abs=0.01)
    assert bill.cost[0] == pytest.approx(50)


def test_the_newer_example_scenario_2_some_usage_is_covered() -> None:
    bill = hour(NEWER, NEWER_USED, Commitment("p", Kind.COMPUTE_PLAN, 2))
    assert 4 - bill.left[0, 0] == pytest.approx(2.9, abs=0.05)
    assert bill.left[0, 0] * 1.0 == pytest.approx(1.14, abs=0.01)
    assert bill.on_demand_cost[0] == pytest.approx(56.24, abs=0.01)


def test_the_newer_example_scenario_3_reservations_go_first() -> None:
    reserved = Commitment("ri", Kind.REGIONAL_RESERVATION, 2 * 32, R5, fee=0.5 / 32)
    bill = hour(NEWER, NEWER_USED, reserved, Commitment("p", Kind.COMPUTE_PLAN, 18.20))
    assert bill.unused.sum() == pytest.approx(0, abs=0.01), "the rest of r5 and all of Fargate use it up"
    assert bill.left[:, 0] == pytest.approx([0, 1, 0, 0, 1_500_000, 1_000_000])
    assert bill.on_demand_cost[0] == pytest.approx(10 + 22.5 + 0.2, abs=0.01)


def test_the_newer_example_scenario_4_the_familys_plan_goes_first() -> None:
    family, compute = Commitment("r5", Kind.INSTANCE_PLAN, 3, R5), Commitment("c", Kind.COMPUTE_PLAN, 16.80)
    bill = hour(NEWER, NEWER_USED, compute, family)
    assert bill.used[:, 0] == pytest.approx([16.80, 2.40], abs=0.01)
    assert bill.left[:, 0] == pytest.approx([0, 1, 0, 0, 1_500_000, 1_000_000])


def test_a_sagemaker_plan_reaches_sagemaker_only() -> None:
    sagemaker = (Kind.SAGEMAKER_PLAN, "")
    pools = [Pool("ml.m5.xlarge notebook", 0.23, rates={sagemaker: 0.15}), *NEWER[:1]]
    bill = hour(pools, [2, 4], Commitment("ml", sagemaker[0], 0.4))
    assert bill.left[:, 0] == pytest.approx([0, 4])
    assert bill.cost[0] == pytest.approx(0.4 + 4)
    assert bill.unused[0, 0] == pytest.approx(0.1)


def test_of_plans_of_one_kind_the_lower_rates_go_first() -> None:
    held = [
        Commitment("1y", Kind.INSTANCE_PLAN, 0.6, R5),
        Commitment("3y", Kind.INSTANCE_PLAN, 0.8, R5, rate_ratio=2 / 3),
    ]
    bill = hour(NEWER[:1], [4], *held)
    assert bill.left[0, 0] == pytest.approx(4 - 0.8 / 0.4 - 0.6 / 0.6)


def test_a_plan_of_25_dollars_covers_the_example_whole() -> None:
    bill = hour(EXAMPLE, USED, Commitment("p", Kind.COMPUTE_PLAN, 25))
    assert bill.cost[0] == pytest.approx(25, abs=0.01)
    assert bill.left.sum() == pytest.approx(0)


def test_the_highest_saving_comes_first_and_of_equal_ones_the_lowest_rate() -> None:
    bill = hour(EXAMPLE, USED, Commitment("p", Kind.COMPUTE_PLAN, 9))
    # 50 %: five GB for 5, then the instance for 2; 33 %: two of ten vCPU for the 2 that remain
    assert bill.left[:, 0] == pytest.approx([0, 1, 8, 0])
    assert bill.cost[0] == pytest.approx(9 + 10 + 8 * 1.5, abs=0.01)


def test_a_family_plan_goes_before_a_compute_plan() -> None:
    bill = hour(EXAMPLE, USED, Commitment("c", Kind.COMPUTE_PLAN, 15), Commitment("i", Kind.INSTANCE_PLAN, 7, C5))
    assert bill.left.sum() == pytest.approx(0)
    assert bill.cost[0] == pytest.approx(22, abs=0.01)
    assert bill.unused.sum() == pytest.approx(0)


def test_unused_commitment_of_an_hour_is_lost_with_it() -> None:
    usage = np.array([[0.0, 2.0]])
    bill = simulate(HOURS[:2], EXAMPLE[:1], usage, [Commitment("p", Kind.COMPUTE_PLAN, 2)])
    assert bill.unused.tolist() == [[2.0, 0.0]]
    assert bill.cost.tolist() == [2.0, 6.0]


def test_a_regional_reservation_is_flexible_in_size_and_a_zonal_one_is_not() -> None:
    zonal, regional = (Kind.ZONAL_RESERVATION, "m6i.xlarge/ap-south-1a"), (Kind.REGIONAL_RESERVATION, "m6i/ap-south-1")
    pools = [
        Pool("m6i.large", 0.1, units={regional: normalisation_factor("large")}),
        Pool("m6i.xlarge", 0.2, units={regional: normalisation_factor("xlarge"), zonal: 1}),
        Pool("m6i.4xlarge", 0.8, units={regional: normalisation_factor("4xlarge")}),
    ]
    bill = hour(
        pools, [2, 3, 1],
        Commitment("regional", regional[0], 32, regional[1], fee=0.015),
        Commitment("zonal", zonal[0], 2, zonal[1], fee=0.12),
    )  # fmt: skip
    # two xlarge by the zonal one; 32 units: two large (8), the last xlarge (8), half of the 4xlarge (16)
    assert bill.left[:, 0] == pytest.approx([0, 0, 0.5])
    assert bill.cost[0] == pytest.approx(32 * 0.015 + 2 * 0.12 + 0.4)


def test_the_owner_comes_first_and_sharing_gives_the_others_the_rest() -> None:
    pools = [Pool(a, 1.0, account=a, rates={COMPUTE: 0.5}) for a in ("owner", "other")]
    shared = hour(pools, [1, 4], Commitment("p", Kind.COMPUTE_PLAN, 1, owner="owner"))
    assert shared.left[:, 0] == pytest.approx([0, 3])
    alone = hour(pools, [1, 4], Commitment("p", Kind.COMPUTE_PLAN, 1, owner="owner", is_shared=False))
    assert alone.left[:, 0] == pytest.approx([0, 4])
    assert alone.unused.sum() == pytest.approx(0.5)


def test_google_resource_commitments_go_before_flexible_ones() -> None:
    cud = (Kind.RESOURCE_COMMITMENT, "e2.vcpu/asia-south1")
    pools = [Pool("e2 vCPU", 0.03, rates={(Kind.FLEXIBLE_COMMITMENT, ""): 0.0216}, units={cud: 1})]
    bill = hour(
        pools, [10],
        Commitment("flex", Kind.FLEXIBLE_COMMITMENT, 0.0432), Commitment("cud", cud[0], 6, cud[1], fee=0.0189),
    )  # fmt: skip
    assert bill.left[0, 0] == pytest.approx(2)
    assert bill.cost[0] == pytest.approx(6 * 0.0189 + 0.0432 + 2 * 0.03)


def test_two_reservations_of_the_same_usage_leave_the_second_unused() -> None:
    family = (Kind.REGIONAL_RESERVATION, R5)
    held = [Commitment(name, family[0], 128, R5, fee=0.018) for name in ("first", "second")]
    bill = hour(NEWER[:1], [4], *held)
    assert bill.utilization_ratio.tolist() == [1, 0]
    assert bill.cost[0] == pytest.approx(2 * 128 * 0.018)


def test_a_plan_over_reserved_usage_is_unused_and_both_are_paid() -> None:
    held = [
        Commitment("plan", Kind.INSTANCE_PLAN, 2.4, R5),
        Commitment("ri", Kind.REGIONAL_RESERVATION, 128, R5, 0.018),
    ]
    bill = hour(NEWER[:1], [4], *held)
    assert bill.utilization_ratio.tolist() == [0, 1]
    assert bill.cost[0] == pytest.approx(2.4 + 128 * 0.018)


def test_a_size_is_found_for_units() -> None:
    assert size_of(8) == ("xlarge", 8)
    assert size_of(3.2) == ("large", 4)
    assert size_of(20) == ("3xlarge", 24)


def test_a_term_is_half_open() -> None:
    held = Commitment("p", Kind.COMPUTE_PLAN, 2, starts=HOURS[1], ends=HOURS[3])
    bill = simulate(HOURS[:4], EXAMPLE[:1], np.ones((1, 4)), [held])
    assert bill.cost.tolist() == [4, 2, 2, 4]


N1 = Pool("n1 vCPU", 0.0475, units={(Kind.RESOURCE_COMMITMENT, "n1.core"): 1.0}, sustained=("n1", "n1.core"))
APRIL = np.arange(np.datetime64("2026-04-01T08", "h"), np.datetime64("2026-05-01T08", "h"))  # midnights of the Pacific


def month(units: object, *held: Commitment, pool: Pool = N1, hours: np.ndarray = APRIL) -> Bill:
    return simulate(hours, [pool], np.broadcast_to(np.asarray(units, dtype=float), hours.shape)[None, :].copy(), held)


def test_sustained_use_climbs_googles_tiers() -> None:
    # Google's table for n1-standard-1: 0.0475 an hour, then 0.0380, 0.0285 and 0.0190, a quarter of the month each
    for quarters, hourly in ((1, 0.0475), (2, 0.0475 + 0.0380), (3, 0.0475 + 0.0380 + 0.0285), (4, 0.133)):
        bill = month(np.arange(720) < 180 * quarters)
        assert bill.cost.sum() == pytest.approx(180 * hourly, abs=0.01)


@pytest.mark.parametrize(("series", "whole_month"), [("n1", 0.70), ("n2", 0.80)])
def test_sustained_use_of_a_whole_month(series: str, whole_month: float) -> None:
    bill = month(3.0, pool=Pool(series, 1.0, sustained=(series, "")))
    assert bill.cost.sum() == pytest.approx(3 * 720 * whole_month, rel=1e-3)


def test_sustained_use_counts_by_layer_and_machines_that_follow_each_other_as_one() -> None:
    half = np.where(np.arange(720) < 360, 1.0, 0.0)
    assert month(half + 1).cost.sum() == pytest.approx(0.0475 * (360 * 0.9 + 720 * 0.7))
    pools = [Pool("a", 1.0, sustained=("n1", "x")), Pool("b", 1.0, sustained=("n1", "x"))]
    assert simulate(APRIL, pools, np.stack([half, 1 - half]), []).cost.sum() == pytest.approx(720 * 0.7)
    apart = [Pool("a", 1.0, sustained=("n1", "x")), Pool("b", 1.0, sustained=("n1", "y"))]
    assert simulate(APRIL, apart, np.stack([half, 1 - half]), []).cost.sum() == pytest.approx(720 * 0.9)


def test_sustained_use_is_of_what_commitments_leave_and_each_month_begins_anew() -> None:
    bill = month(5.0, Commitment("cud", Kind.RESOURCE_COMMITMENT, 4, "n1.core", 0.03))
    assert bill.cost.sum() == pytest.approx(720 * (4 * 0.03 + 0.0475 * 0.7))
    year = np.arange(np.datetime64("2026-01-01T08", "h"), np.datetime64("2027-01-01T08", "h"))
    assert month(1.0, hours=year).cost.sum() == pytest.approx(8760 * 0.0475 * 0.7)
    one_month = month(np.where(year < APRIL[0], 1.0, 0.0), hours=year)
    assert one_month.cost.sum() == pytest.approx(90 * 24 * 0.0475 * 0.7), "January, February and March whole"


def test_thinned_hours_of_many_stories_have_the_sustained_use_of_all_hours() -> None:
    rng = np.random.default_rng(5)
    year = np.arange(np.datetime64("2026-01-01T08", "h"), np.datetime64("2027-01-01T08", "h"))
    week = 3 + 2 * np.sin(np.arange(len(year)) * 2 * np.pi / 168) + rng.uniform(0, 1, len(year))
    every = month(week, hours=year).cost.mean()
    thin = month(np.tile(week[::23], 3), hours=np.tile(year[::23], 3)).cost.reshape(3, -1).mean(axis=1)
    assert thin == pytest.approx([every] * 3, rel=0.01)


AMOUNTS = st.floats(0, 50, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(
    usage=st.lists(st.lists(AMOUNTS, min_size=3, max_size=3), min_size=4, max_size=4),
    amounts=st.lists(AMOUNTS, min_size=4, max_size=4),
    shared=st.booleans(),
)
def test_covered_and_unused_are_the_commitment_and_nothing_costs_less_than_nothing(
    usage: list[list[float]], amounts: list[float], shared: bool
) -> None:
    regional = (Kind.REGIONAL_RESERVATION, C5)
    pools = [
        Pool("a", 4, "x", {COMPUTE: 2.0, (Kind.INSTANCE_PLAN, C5): 1.0}, {regional: 8}),
        Pool("b", 8, "y", {COMPUTE: 5.0, (Kind.INSTANCE_PLAN, C5): 2.0}, {regional: 16}),
        Pool("c", 1.5, "x", {COMPUTE: 1.0}),
        Pool("d", 2.5, "y"),
    ]
    held = [
        Commitment("1", Kind.COMPUTE_PLAN, amounts[0], owner="x", is_shared=shared),
        Commitment("2", Kind.COMPUTE_PLAN, amounts[1], owner="y"),
        Commitment("3", Kind.INSTANCE_PLAN, amounts[2], C5),
        Commitment("4", regional[0], amounts[3], C5, fee=0.2),
    ]
    wanted = np.array(usage)
    bill = simulate(HOURS[:3], pools, wanted, held)
    np.testing.assert_allclose(bill.used + bill.unused, np.array(amounts)[:, None] * np.ones(3), atol=1e-9)
    assert (bill.used >= -1e-9).all()
    assert (bill.unused >= -1e-9).all()
    assert (bill.left >= -1e-9).all()
    assert (bill.left <= wanted + 1e-9).all()
    again = simulate(HOURS[:3], pools, wanted, held[::-1])
    np.testing.assert_allclose(again.cost, bill.cost, atol=1e-9)


def test_what_cannot_be_is_said() -> None:
    plan = Commitment("p", Kind.COMPUTE_PLAN, 1)
    with pytest.raises(BadValue, match="one id"):
        hour(EXAMPLE, USED, plan, plan)
    with pytest.raises(BadValue, match="Fargate GB"):
        hour(EXAMPLE, [1, 1, 1, -1])
    with pytest.raises(BadValue, match="shape"):
        hour(EXAMPLE, [1, 1])
    with pytest.raises(BadValue, match="ends at"):
        Commitment("p", Kind.COMPUTE_PLAN, 1, starts=HOURS[1], ends=HOURS[1])
    with pytest.raises(BadValue, match="no owner"):
        Commitment("p", Kind.COMPUTE_PLAN, 1, is_shared=False)
    with pytest.raises(BadValue, match="normalised"):
        normalisation_factor("metal")
    with pytest.raises(BadValue, match="on_demand"):
        Pool("free", 0.0)


def test_what_commitments_paid_for_is_what_was_used_of_them() -> None:
    rng = np.random.default_rng(4)
    hours = np.arange(np.datetime64("2026-01-01", "h"), np.datetime64("2026-01-08", "h"))
    pools = [
        Pool(f"p{n - 1}", n, "", {(Kind.COMPUTE_PLAN, ""): 0.7 * n}, {(Kind.REGIONAL_RESERVATION, "r"): float(n)})
        for n in (1, 2, 3)
    ]
    held = [
        Commitment("a", Kind.REGIONAL_RESERVATION, 2.0, "r", 0.5),
        Commitment("b", Kind.REGIONAL_RESERVATION, 1.0, "r", 0.8),
        Commitment("c", Kind.COMPUTE_PLAN, 1.5),
    ]
    bill = simulate(hours, pools, rng.uniform(0, 3, (3, len(hours))), held)
    fees = np.array([one.fee for one in held])
    np.testing.assert_allclose(bill.covered_cost.sum(axis=0), fees @ bill.used, atol=1e-9)
    np.testing.assert_allclose(bill.cost, bill.on_demand_cost + fees @ (bill.used + bill.unused))
