"""What more users cost: known elasticities are found again in days with weekdays, spikes and noise."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from core import BadValue, NotEnoughHistory
from models.marginal import MarginalCost, marginal_lakh

FIXED, PER_USER = 40_000.0, 0.35


def days(
    seed: int = 0,
    n_days: int = 180,
    *,
    fixed: float = FIXED,
    per_user: float = PER_USER,
    noise: float = 0.03,
    spikes: float = 0.05,
    weekend_saving: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Users that grow, swing and like weekends; cost with noise, weekends of its own, and spikes of 1.5 to 4 times."""
    random, day = np.random.default_rng(seed), np.arange(n_days)
    weekend = np.isin(day % 7, [5, 6])
    users = 200_000 * (1 + 0.4 * day / n_days + 0.1 * np.sin(day / 20)) * (1 + 0.15 * weekend)
    users *= 1 + 0.03 * random.standard_normal(n_days)
    cost = (fixed + per_user * users) * (1 + noise * random.standard_normal(n_days)) - weekend_saving * weekend
    hit = random.random(n_days) < spikes
    cost[hit] *= random.uniform(1.5, 4, hit.sum())
    return users, cost


def test_without_noise_the_line_is_found_exactly():
    model = MarginalCost().fit(*days(noise=0, spikes=0))
    assert model.fixed_ == pytest.approx(FIXED)
    assert model.per_user_ == pytest.approx(PER_USER)
    assert model.interval_ == pytest.approx((PER_USER, PER_USER))
    assert model.r2_ == pytest.approx(1)
    assert model.n_days_ == 180


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n_days", "tolerance"), [(60, 0.2), (180, 0.1), (730, 0.05)])
def test_a_known_elasticity_is_found_among_weekdays_spikes_and_noise(seed, n_days, tolerance):
    model = MarginalCost().fit(*days(seed, n_days))
    assert model.per_user_ == pytest.approx(PER_USER, rel=tolerance)
    assert model.interval_[0] <= model.per_user_ <= model.interval_[1]


def test_spikes_on_one_day_in_seven_hardly_move_the_line():
    assert MarginalCost().fit(*days(1, 365, spikes=1 / 7)).per_user_ == pytest.approx(PER_USER, rel=0.1)


def test_machines_switched_off_at_weekends_are_not_taken_for_users_who_cost_less():
    model = MarginalCost().fit(*days(noise=0, spikes=0, weekend_saving=21_000))
    assert model.per_user_ == pytest.approx(PER_USER)
    assert model.fixed_ == pytest.approx(FIXED - 21_000 * 2 / 7, rel=0.01)


def test_a_few_wrong_user_counts_do_not_carry_the_line():
    users, cost = days(2, 365)
    users[[40, 150, 290]] *= 10
    assert MarginalCost().fit(users, cost).per_user_ == pytest.approx(PER_USER, rel=0.1)


def test_the_band_holds_the_truth_about_four_times_in_five():
    bands = [MarginalCost(n_bootstrap=100).fit(*days(seed)).interval_ for seed in range(60)]
    assert 0.65 <= np.mean([low <= PER_USER <= high for low, high in bands]) <= 0.95


def test_cost_that_users_do_not_move_has_no_price_per_user_and_keeps_its_level():
    users, cost = days(per_user=0)
    falling = MarginalCost().fit(users, cost - 0.02 * users)
    assert falling.per_user_ == 0
    assert falling.interval_ == (0, 0)
    assert falling.fixed_ == pytest.approx(np.median(cost - 0.02 * users), rel=0.02)
    assert marginal_lakh(falling) == 0


def test_a_line_that_would_start_below_zero_starts_at_zero_and_gets_a_new_slope():
    users, cost = days(fixed=0, spikes=0.02)
    model = MarginalCost().fit(users, cost - 15_000)
    assert model.fixed_ == 0
    assert model.per_user_ == pytest.approx(np.median((cost - 15_000) / users), rel=0.02)


def test_the_same_state_gives_the_same_band_and_the_estimate_needs_none():
    first, second, other = (MarginalCost(random_state=state).fit(*days()) for state in (7, 7, 8))
    assert first.interval_ == second.interval_
    assert first.interval_ != other.interval_
    assert (first.fixed_, first.per_user_) == (other.fixed_, other.per_user_)


def test_days_without_a_figure_are_left_out_and_keep_the_weekdays_in_step():
    users, cost = days(noise=0, spikes=0, weekend_saving=21_000)
    users[10:13], cost[50] = np.nan, np.nan
    model = MarginalCost().fit(users, cost)
    assert model.n_days_ == 176
    assert model.per_user_ == pytest.approx(PER_USER)


def test_a_weekday_that_nobody_ever_counted_does_no_harm():
    users, cost = days(noise=0, spikes=0)
    users[6::7] = np.nan
    assert MarginalCost().fit(users, cost).per_user_ == pytest.approx(PER_USER)


def test_a_lakh_more_users_cost_thirty_days_of_their_price_each():
    model = MarginalCost().fit(*days(noise=0, spikes=0))
    assert marginal_lakh(model) == Decimal("1050000.00")
    assert model.predict([0, 100_000]) == pytest.approx([40_000, 75_000])


def test_clone_and_parameters_work_as_in_scikit_learn():
    # check_estimator hands over a matrix of features; here users are one figure a day, so it does not apply.
    model = MarginalCost(n_bootstrap=50, random_state=3)
    assert model.get_params() == {"n_bootstrap": 50, "random_state": 3}
    fitted = model.fit(*days())
    assert fitted is model
    fresh = clone(fitted).set_params(n_bootstrap=60)
    assert fresh.get_params() == {"n_bootstrap": 60, "random_state": 3}
    with pytest.raises(NotFittedError):
        fresh.predict([1.0])
    with pytest.raises(NotFittedError):
        marginal_lakh(fresh)
    users, cost = days(noise=0, spikes=0)
    assert fitted.fit(users, cost).score(users, cost) == pytest.approx(1)


def test_fewer_than_sixty_days_with_both_figures_are_not_enough():
    users, cost = days(n_days=65)
    cost[:6] = np.nan
    with pytest.raises(NotEnoughHistory, match="59 of 60 needed") as refused:
        MarginalCost().fit(users, cost)
    assert (refused.value.have, refused.value.need) == (59, 60)


def test_users_that_hardly_vary_are_refused_in_words():
    users, cost = days()
    steady = users.mean() + 0.1 * (users - users.mean())
    with pytest.raises(NotEnoughHistory, match="they hardly vary, so they cannot show") as refused:
        MarginalCost().fit(steady, cost)
    assert (refused.value.have, refused.value.need) == (1, 5)


def test_users_that_vary_by_weekday_alone_are_refused_because_cost_may_have_weekdays_of_its_own():
    users = np.where(np.isin(np.arange(180) % 7, [5, 6]), 300_000.0, 200_000.0)
    with pytest.raises(NotEnoughHistory, match="beyond their weekday pattern"):
        MarginalCost().fit(users, days()[1])


def test_no_users_at_all_are_refused():
    with pytest.raises(NotEnoughHistory, match="0 of 5 needed"):
        MarginalCost().fit(np.zeros(90), np.ones(90))


@pytest.mark.parametrize(
    ("users", "cost"),
    [
        (np.ones((60, 1)), np.ones(60)),
        (np.ones(61), np.ones(60)),
        (-np.ones(60), np.ones(60)),
        (np.ones(60), np.full(60, np.inf)),
    ],
)
def test_arrays_that_cannot_be_days_are_refused(users, cost):
    with pytest.raises(BadValue) as refused:
        MarginalCost().fit(users, cost)
    assert refused.value.expected
    assert refused.value.fix


def test_a_band_needs_samples():
    with pytest.raises(BadValue, match="n_bootstrap is 1"):
        MarginalCost(n_bootstrap=1).fit(*days())
