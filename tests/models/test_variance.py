"""Why the cost changed: what is built to have one cause comes out in one effect, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core import BadValue
from models import EFFECTS, PoolCost, Variance, split

USERS = Decimal(200_000)


def pool(name: str = "m7g", kind: str = "usage", **numbers: str | int) -> PoolCost:
    """100 hours at a list price of 10 USD, paid in full, at ₹80, unless told otherwise."""
    figures = {"quantity": 100, "list_cost": 1000, "cost": 1000, "inr_per_unit": 80} | numbers
    figures = {key: Decimal(value) for key, value in figures.items()}
    return PoolCost(("aws", "1111", "EC2", "ap-south-1", name, "Hrs"), kind, "USD", **figures)


def flat(name: str, kind: str, cost: str | int, rate: str | int = 80) -> PoolCost:
    """Cost that has neither a quantity nor a list cost."""
    return pool(name, kind, quantity=0, list_cost=0, cost=cost, inr_per_unit=rate)


def change(before: list[PoolCost], after: list[PoolCost], growth: str = "1") -> Variance:
    """The split with 2,00,000 users before and `growth` times as many after, its sums proved on the way."""
    variance = split(before, after, USERS, USERS * Decimal(growth))
    prove(variance, before, after)
    return variance


def prove(variance: Variance, before: list[PoolCost], after: list[PoolCost]) -> None:
    """Every sum holds to the last digit."""
    assert variance.cost_before_inr == sum(row.cost * row.inr_per_unit for row in before)
    assert variance.cost_after_inr == sum(row.cost * row.inr_per_unit for row in after)
    assert variance.effects.total == variance.cost_after_inr - variance.cost_before_inr
    for name in EFFECTS:
        parts = [getattr(each.effects, name) for each in variance.by_pool]
        assert sum(parts) == getattr(variance.effects, name)
    for each in variance.by_pool:
        assert each.effects.total == each.cost_after_inr - each.cost_before_inr
    assert sum(each.cost_before_inr for each in variance.by_pool) == variance.cost_before_inr
    assert sum(each.cost_after_inr for each in variance.by_pool) == variance.cost_after_inr


def causes(variance: Variance) -> dict[str, Decimal]:
    """The effects that are not zero."""
    return {name: amount for name, amount in variance.effects.items() if amount}


EVERYTHING = [
    pool(),
    pool("c7g", cost=700, quantity=30),
    flat("savings plan", "commitment", 55),
    flat("support", "other", 33),
    flat("gst", "tax", 180),
]


def test_nothing_moved_is_all_zeros_in_every_pool():
    variance = change(EVERYTHING, EVERYTHING)
    assert causes(variance) == {}
    assert [causes(each) for each in variance.by_pool] == [{}] * 5
    assert variance.reason == ""


def test_only_the_exchange_rate_moves_for_cost_of_every_kind():
    after = [replace(row, inr_per_unit=Decimal("83.125")) for row in EVERYTHING]
    assert causes(change(EVERYTHING, after)) == {"fx": Decimal(1968) * Decimal("3.125")}


def test_only_the_users_move_and_usage_moves_with_them():
    before = [pool(), pool("c7g", cost=700, quantity=30)]
    after = [replace(row, quantity=row.quantity * 3, list_cost=row.list_cost * 3, cost=row.cost * 3) for row in before]
    assert causes(change(before, after, growth="3")) == {"users": Decimal(1700) * 2 * 80}


def test_only_the_usage_of_each_user_moves():
    before = [pool(), pool("c7g", cost=700, quantity=30)]
    after = [replace(row, quantity=row.quantity / 2, list_cost=row.list_cost / 2, cost=row.cost / 2) for row in before]
    assert causes(change(before, after)) == {"usage_per_user": Decimal(-850) * 80}


def test_more_users_who_use_less_each_leave_the_cost_as_it_was():
    variance = change([pool()], [pool()], growth="1.25")
    assert causes(variance) == {"users": Decimal(20_000), "usage_per_user": Decimal(-20_000)}


def test_only_a_list_price_moves():
    variance = change([pool(cost=500)], [pool(list_cost=1100, cost=550)])
    assert causes(variance) == {"list_price": Decimal(50 * 80)}


def test_a_commitment_that_makes_usage_cheaper_and_is_partly_unused_is_the_rate():
    after = [
        pool(quantity=40, list_cost=400, cost=400),
        pool(quantity=60, list_cost=600, cost=420),
        flat("savings plan", "commitment", 30),
    ]
    assert causes(change([pool()], after)) == {"rate": Decimal(-150 * 80)}


def test_a_discount_that_starts_is_the_rate():
    assert causes(change([pool()], [pool(), flat("edp", "commitment", -90)])) == {"rate": Decimal(-90 * 80)}


def test_the_same_list_value_shifted_to_a_cheaper_rate_is_the_mix():
    before = [pool(), pool("spot", cost=300)]
    after = [pool(quantity=50, list_cost=500, cost=500), pool("spot", quantity=150, list_cost=1500, cost=450)]
    variance = change(before, after)
    assert causes(variance) == {"mix": Decimal(-350 * 80)}
    assert [each.effects.mix for each in variance.by_pool] == [Decimal(-500 * 80), Decimal(150 * 80)]


@pytest.mark.parametrize(("kind", "before", "after"), [("other", -400, 0), ("other", 0, 120), ("tax", 180, 280)])
def test_a_credit_that_ends_a_support_fee_and_a_tax_are_effects_of_their_own(kind, before, after):
    rows = [[pool(), flat("line", kind, cost)] if cost else [pool()] for cost in (before, after)]
    assert causes(change(*rows)) == {kind: Decimal((after - before) * 80)}


def test_a_new_service_and_one_that_ends_at_the_average_rate_are_usage_alone():
    without = [pool(cost=700)]
    both = [*without, pool("opensearch", quantity=7, list_cost=300, cost=210)]
    assert causes(change(without, both)) == {"usage_per_user": Decimal(210 * 80)}
    assert causes(change(both, without)) == {"usage_per_user": Decimal(-210 * 80)}


def test_a_new_service_at_a_rate_of_its_own_is_usage_at_the_average_rate_and_mix():
    variance = change([pool()], [pool(), pool("opensearch", list_cost=300, cost=210)])
    assert causes(variance) == {"usage_per_user": Decimal(300 * 80), "mix": Decimal(-90 * 80)}


def test_a_new_service_enters_at_the_earlier_exchange_rate_of_its_currency():
    variance = change([pool()], [pool(), pool("opensearch", inr_per_unit=85)])
    assert causes(variance) == {"usage_per_user": Decimal(80_000), "fx": Decimal(5000)}


def test_a_new_currency_brings_no_exchange_effect():
    rupees = replace(pool("gcp", inr_per_unit=1), currency="INR")
    assert causes(change([pool()], [pool(), rupees])) == {"usage_per_user": Decimal(1000)}


@pytest.mark.parametrize("users", [None, Decimal(0)])
def test_without_users_usage_takes_the_whole_effect_and_the_reason_names_the_month(users):
    after = [pool(quantity=150, list_cost=1500, cost=1500)]
    variance = split([pool()], after, users, USERS, names=("2026-01", "2026-02"))
    assert causes(variance) == {"usage_per_user": Decimal(40_000)}
    assert variance.reason == "no user count for 2026-01"
    assert split([pool()], after, None, users, names=("2026-01", "2026-02")).reason.endswith("2026-01 and 2026-02")


def test_the_first_month_is_usage_and_says_that_there_was_none_before():
    variance = change([], [pool(), flat("gst", "tax", 180)], growth="2")
    assert causes(variance) == {"usage_per_user": Decimal(80_000), "tax": Decimal(180 * 80)}
    assert variance.reason.startswith("no usage at list prices")
    assert causes(change([], [])) == {}


@pytest.mark.parametrize(
    ("before", "after", "effect", "dollars"),
    [
        (pool(list_cost=0), pool(list_cost=0, cost=1200), "rate", 200),  # no list price on either side
        (pool(), pool(list_cost=0, cost=1200), "rate", 200),  # the list price got lost
        (pool(quantity=0), pool(quantity=5, cost=1200), "rate", 200),  # a list cost without a quantity
        (pool(list_cost=0, cost=0), pool(), "list_price", 1000),  # free of charge, until now
        (pool(), pool(list_cost=0, cost=0), "list_price", -1000),  # free of charge, from now on
        (pool(cost=0), pool(), "rate", 1000),  # covered in full, until now
        (pool(quantity=0, list_cost=0, cost=0), pool(), "usage_per_user", 1000),  # a row of zeros is no row
        (pool(list_cost=0, cost=0), pool(quantity=900, list_cost=0, cost=0), "rate", 0),
    ],
)
def test_what_has_no_unit_price_lands_where_the_rules_say(before, after, effect, dollars):
    others = [pool("c7g")] if effect != "usage_per_user" else []
    expected = {effect: Decimal(dollars * 80)} if dollars else {}
    assert causes(change([before, *others], [after, *others])) == expected


def test_cost_without_any_quantity_after_is_usage_that_ended_and_a_rate():
    variance = change([pool()], [pool(quantity=0, list_cost=7, cost=5)])
    assert causes(variance) == {"usage_per_user": Decimal(-80_000), "rate": Decimal(400)}


def test_several_invoices_of_one_pool_are_summed_before_their_rate_is_taken():
    before = [pool(inr_per_unit=80), pool(inr_per_unit=84)]
    after = [pool(quantity=200, list_cost=2000, cost=2000, inr_per_unit=85)]
    assert causes(change(before, after)) == {"fx": Decimal(6000)}


def test_a_refund_at_another_rate_that_nearly_cancels_does_not_make_an_absurd_exchange_rate():
    before = [pool("big"), pool(), pool(cost="-999.99", quantity=0, list_cost=0, inr_per_unit=85)]
    variance = change(before, before[:2])
    # The quotient of its rows would be -499,915 ₹ for a dollar; the currency's rate is taken instead.
    assert abs(variance.effects.rate / Decimal("999.99") - Decimal("81.67")) < Decimal("0.01")
    assert set(causes(variance)) == {"rate", "fx"}


def test_the_largest_change_comes_first_whatever_its_direction():
    before = [pool("a"), pool("b"), pool("c")]
    after = [pool("a", cost=1100), pool("b", cost=400), pool("c")]
    assert [each.pool[4] for each in change(before, after).by_pool] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (replace(pool(), cost=1.5), "cost is 1.5"),
        (pool(quantity="NaN"), "quantity is Decimal('NaN')"),
        (pool(inr_per_unit=0), "inr_per_unit is 0"),
        (pool(kind="fee"), "'fee' is no kind of cost"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_place(row, words):
    with pytest.raises(BadValue) as refused:
        split([pool()], [pool(), row], None, None, names=("2026-01", "2026-02"))
    assert refused.value.what == words
    assert refused.value.where == "row 2 of 2026-02, pool aws / 1111 / EC2 / ap-south-1 / m7g / Hrs"
    assert refused.value.expected
    assert refused.value.fix


def test_a_negative_number_of_users_is_refused():
    with pytest.raises(BadValue, match="is no number of users"):
        split([], [], Decimal(-1), None)
