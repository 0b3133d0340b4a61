"""Whatever happens at once: the effects add up to the change to the last digit, in total and in every pool."""

from __future__ import annotations

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from models import EFFECTS, PoolCost, split

MICRO = Decimal("0.000001")


def numbers(low: str, high: str, places: int = 18) -> st.SearchStrategy[Decimal]:
    """Finite decimals as the store has them, with zeros among them."""
    drawn = st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)
    return st.one_of(st.just(Decimal(0)) if low.startswith("-") else drawn, st.integers(1, 9).map(Decimal), drawn)


rows = st.builds(
    PoolCost,
    pool=st.tuples(st.sampled_from("abcde")),
    kind=st.sampled_from(["usage", "usage", "usage", "commitment", "other", "tax"]),
    currency=st.sampled_from(["USD", "INR", "EUR"]),
    quantity=numbers("-10", "99999999999999999999"),
    list_cost=numbers("-1000", "99999999999999999999"),
    cost=numbers("-99999999999999999999", "99999999999999999999"),
    inr_per_unit=numbers("0.000001", "999999.999999", places=6),
)
periods = st.lists(rows, max_size=12)
users = st.one_of(st.none(), numbers("0", "1500000000", places=3))


def cost_inr(period: list[PoolCost]) -> Decimal:
    """Σ cost · rate, exactly."""
    return sum((row.cost * row.inr_per_unit for row in period), Decimal(0))


@given(periods, periods, users, users)
def test_effects_and_pools_add_up_to_the_difference_to_the_last_digit(before, after, users_before, users_after):
    variance = split(before, after, users_before, users_after)
    with localcontext(prec=100):
        assert abs(variance.cost_before_inr - cost_inr(before)) <= MICRO / 2
        assert abs(variance.cost_after_inr - cost_inr(after)) <= MICRO / 2
        assert variance.effects.total == variance.cost_after_inr - variance.cost_before_inr
        for name in EFFECTS:
            parts = [getattr(each.effects, name) for each in variance.by_pool]
            assert sum(parts) == getattr(variance.effects, name)
        assert sum(each.cost_before_inr for each in variance.by_pool) == variance.cost_before_inr
        assert sum(each.cost_after_inr for each in variance.by_pool) == variance.cost_after_inr
        for each in variance.by_pool:
            assert each.effects.total == each.cost_after_inr - each.cost_before_inr


@given(periods, periods, users, users)
def test_every_figure_has_six_decimals_and_a_pool_is_within_a_hundred_thousandth_of_its_own_sum(
    before, after, users_before, users_after
):
    variance = split(before, after, users_before, users_after)
    with localcontext(prec=100):
        for figures in (variance, *variance.by_pool):
            amounts = [amount for _, amount in figures.effects.items()]
            amounts += [figures.cost_before_inr, figures.cost_after_inr]
            assert all(amount.as_tuple().exponent == -6 for amount in amounts)
        for each in variance.by_pool:
            key = (each.pool, each.kind, each.currency)
            for period, cost in ((before, each.cost_before_inr), (after, each.cost_after_inr)):
                own = [row for row in period if (row.pool, row.kind, row.currency) == key]
                assert abs(cost - cost_inr(own)) <= 10 * MICRO


@given(periods, numbers("1", "1500000000", places=3))
def test_the_same_period_twice_is_all_zeros(period, count):
    variance = split(period, list(reversed(period)), count, count)
    assert not any(amount for _, amount in variance.effects.items())
    assert not any(amount for each in variance.by_pool for _, amount in each.effects.items())


@given(periods, periods, users, users)
def test_the_order_of_the_rows_changes_nothing(before, after, users_before, users_after):
    turned = split(before[::-1], after[::-1], users_before, users_after)
    assert split(before, after, users_before, users_after) == turned
