"""A pool's cost made by a known law is told apart again: fixed part, bend, lag, stock, step, end."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from season import calendar, crowd, days, exam, first_sunday_of_may
from sklearn.base import clone

from core import BadValue
from models.cost_drivers import CostDriver
from models.design import Floats

pytestmark = pytest.mark.pure

DAYS = days(date(2023, 9, 1), date(2025, 8, 31))
AHEAD = days(date(2025, 9, 1), date(2026, 6, 30))
EXAMS = calendar([exam(first_sunday_of_may(year)) for year in range(2022, 2027)])
BOTH = crowd(np.concatenate([DAYS, AHEAD]), EXAMS)
USERS, LATER = BOTH[: len(DAYS)], BOTH[len(DAYS) :]
USUAL = USERS[-365:].mean()


def law(users: Floats, fixed: float, bend: float) -> Floats:
    """Cost with that fixed share at the usual crowd of the last year."""
    return np.asarray(1000 * (fixed + (1 - fixed) * (users / USUAL) ** bend))


def noisy(cost: Floats, seed: int = 0, spread: float = 0.02) -> Floats:
    return np.asarray(cost * np.exp(np.random.default_rng(seed).normal(0, spread, len(cost))))


@pytest.mark.parametrize(("fixed", "bend"), [(0.2, 0.95), (0.55, 0.7), (0.4, 0.75), (0.0, 1.0)])
def test_elasticity_is_found_and_its_band_holds_it(fixed: float, bend: float) -> None:
    driver = CostDriver().fit(DAYS, USERS, noisy(law(USERS, fixed, bend)))
    true = bend * (1 - fixed)
    assert driver.kind_ == "elastic"
    assert driver.elasticity_ == pytest.approx(true, abs=0.04)
    low, high = driver.interval_
    assert low - 0.02 <= true <= high + 0.02


def test_forecast_follows_the_users_that_come() -> None:
    driver = CostDriver().fit(DAYS, USERS, noisy(law(USERS, 0.3, 0.85)))
    truth = law(LATER, 0.3, 0.85)
    told = driver.predict(AHEAD, LATER)
    assert np.abs(told - truth).sum() / truth.sum() < 0.02
    three_times = driver.predict(AHEAD, 3 * LATER)
    np.testing.assert_allclose(three_times.mean(), law(3 * LATER, 0.3, 0.85).mean(), rtol=0.08)


def test_lag_of_some_days_is_found() -> None:
    late = np.convolve(np.pad(USERS, (6, 0), "edge"), np.ones(7) / 7, "valid")
    driver = CostDriver().fit(DAYS, USERS, noisy(law(late, 0.2, 0.85), spread=0.005))
    assert driver.smooth_days_ == 7


def test_leak_of_some_days_changes_little() -> None:
    cost = noisy(law(USERS, 0.3, 0.85))
    leak = cost.copy()
    leak[300:309] *= 6
    clean, hurt = (CostDriver().fit(DAYS, USERS, y).predict(AHEAD, LATER).sum() for y in (cost, leak))
    assert hurt == pytest.approx(clean, rel=0.02)


def test_only_the_level_after_the_last_step_counts() -> None:
    cost = noisy(law(USERS, 0.5, 0.85))
    cost[400:] += 800
    driver = CostDriver().fit(DAYS, USERS, cost)
    assert np.abs(driver.steps_ - DAYS[400]).min() <= np.timedelta64(4, "D")
    truth = law(LATER, 0.5, 0.85) + 800
    assert np.abs(driver.predict(AHEAD, LATER) - truth).sum() / truth.sum() < 0.06


def test_stock_goes_on_growing_from_its_last_level() -> None:
    stock = 500 + np.arange(len(DAYS)) * 1.0
    driver = CostDriver().fit(DAYS, USERS, noisy(stock, spread=0.003))
    assert driver.kind_ == "stock"
    told = driver.predict(AHEAD, LATER)
    assert told[0] == pytest.approx(stock[-1], rel=0.02)
    assert told[200] > told[0] + 60


@pytest.mark.parametrize(
    ("kind", "cost"),
    [
        ("fixed", np.full(len(DAYS), 700.0)),
        ("ended", np.where(np.arange(len(DAYS)) > len(DAYS) - 40, 0.0, 700.0)),
        ("ended", np.zeros(len(DAYS))),
        ("new", np.where(np.arange(len(DAYS)) > len(DAYS) - 20, 700.0, 0.0)),
        ("rare", np.where(np.arange(len(DAYS)) % 30 == 0, 900.0, 0.0)),
    ],
)
def test_pool_that_is_no_series_says_so_and_is_survived(kind: str, cost: Floats) -> None:
    driver = CostDriver().fit(DAYS, USERS, cost)
    assert driver.kind_ == kind
    assert bool(driver.reason_) == (kind != "fixed")
    told = driver.predict(AHEAD, LATER)
    paths = driver.sample(AHEAD, np.tile(LATER, (20, 1)))
    assert np.isfinite(told).all()
    assert np.isfinite(paths).all()
    if kind == "ended":
        assert not told.any()
    if kind == "rare":
        assert told.mean() == pytest.approx(cost[-365:].mean(), rel=0.1)


def test_paths_lie_about_the_expected_course_and_repeat_themselves() -> None:
    driver = CostDriver().fit(DAYS, USERS, noisy(law(USERS, 0.3, 0.85)))
    users = np.tile(LATER, (400, 1)).astype(np.float32)
    paths = driver.sample(AHEAD, users)
    np.testing.assert_allclose(paths.mean(axis=0), driver.predict(AHEAD, LATER), rtol=0.03)
    np.testing.assert_array_equal(paths, driver.sample(AHEAD, users))


def test_unknown_days_and_credits_are_left_out() -> None:
    cost = noisy(law(USERS, 0.3, 0.85))
    cost[100:110], cost[200] = np.nan, -5000
    users = USERS.copy()
    users[50:60] = np.nan
    driver = CostDriver().fit(DAYS, users, cost)
    assert driver.elasticity_ == pytest.approx(0.7 * 0.85, abs=0.05)


def test_bad_arrays_are_refused_and_parameters_can_be_cloned() -> None:
    with pytest.raises(BadValue, match="users"):
        CostDriver().fit(DAYS, USERS[1:], law(USERS, 0.3, 0.85))
    with pytest.raises(BadValue, match="users"):
        CostDriver().fit(DAYS, -USERS, law(USERS, 0.3, 0.85))
    assert clone(CostDriver(n_draws=7)).get_params() == {"n_draws": 7, "random_state": 0}
