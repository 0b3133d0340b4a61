"""Rupees along the users' paths: groups add up, parts add up, and what moves alone appears alone."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from season import calendar, crowd, days, exam, first_sunday_of_may

from models.cost_forecast import USUAL_FX_SPREAD, CostModel, Pool, UserPaths, fx_spread, months_of
from models.design import Floats
from models.forecasters.event_ridge import EventRidge

pytestmark = pytest.mark.pure

DAYS = days(date(2023, 9, 1), date(2025, 8, 31))
AHEAD = days(date(2025, 9, 1), date(2026, 8, 31))
EXAMS = calendar([exam(first_sunday_of_may(year)) for year in range(2022, 2027)])
USERS = crowd(DAYS, EXAMS)


def pool(service: str, cost: Floats, currency: str = "INR", saved: float = 0.0) -> Pool:
    return Pool({"ServiceName": service, "ProviderName": "AWS"}, currency, cost, cost - saved)


def user_paths(n_paths: int = 200) -> UserPaths:
    ridge = EventRidge(EXAMS).fit(DAYS, USERS)
    told, plain = ridge.predict(AHEAD), ridge.without_events(AHEAD)
    noise = np.exp(np.random.default_rng(1).normal(0, 0.05, (n_paths, 1)))
    return UserPaths((told * noise).astype(np.float32), told, plain, float(ridge.without_events(DAYS[-28:]).mean()))


ELASTIC = 1000 * USERS / USERS.mean()
RATES = {"INR": 1.0, "USD": 90.0}


def test_groups_add_up_to_the_total() -> None:
    model = CostModel().fit(DAYS, USERS, [pool("EC2", ELASTIC), pool("S3", np.full(len(DAYS), 300.0), "USD")])
    groups = [("total", "all"), ("ServiceName", "EC2"), ("ServiceName", "S3"), ("ProviderName", "AWS")]
    found = model.forecast(AHEAD, user_paths(), RATES, groups)
    whole = found["total", "all"].paths
    np.testing.assert_allclose(found["ServiceName", "EC2"].paths + found["ServiceName", "S3"].paths, whole, rtol=1e-5)
    np.testing.assert_allclose(found["ProviderName", "AWS"].paths, whole, rtol=1e-5)


def test_parts_add_up_to_the_mean_of_every_month() -> None:
    model = CostModel().fit(DAYS, USERS, [pool("EC2", ELASTIC), pool("S3", np.full(len(DAYS), 300.0), "USD")])
    cost = model.forecast(AHEAD, user_paths(), RATES, [("total", "all")])["total", "all"]
    for start, end in months_of(AHEAD):
        sums, parts = cost.between(start, end)
        assert sum(parts.values()) == pytest.approx(sums.mean(), rel=1e-9)
        assert set(parts) == {"base", "growth", "season", "fx", "unknown"}


def test_season_is_in_the_months_of_the_season_and_growth_in_all() -> None:
    cost = CostModel().fit(DAYS, USERS, [pool("EC2", ELASTIC)]).forecast(AHEAD, user_paths(), RATES, [("total", "all")])
    april = cost["total", "all"].between(date(2026, 4, 1), date(2026, 5, 1))[1]
    october = cost["total", "all"].between(date(2025, 10, 1), date(2025, 11, 1))[1]
    assert april["season"] > 0.3 * april["base"]
    assert abs(october["season"]) < 0.1 * october["base"]
    assert april["growth"] > 0


def test_rupee_pools_know_no_exchange_rate() -> None:
    groups = [("ServiceName", "inr"), ("ServiceName", "usd")]
    fixed = np.full(len(DAYS), 300.0)
    model = CostModel().fit(DAYS, USERS, [pool("inr", fixed), pool("usd", fixed, "USD")])
    calm = model.forecast(AHEAD, user_paths(), RATES, groups, fx_spread=1e-9)
    wild = model.forecast(AHEAD, user_paths(), RATES, groups, fx_spread=0.02)
    np.testing.assert_allclose(calm[groups[0]].paths, wild[groups[0]].paths)
    assert wild[groups[1]].paths[:, -1].std() > 3 * calm[groups[1]].paths[:, -1].std()
    assert not calm[groups[0]].parts["fx"].any()


def test_what_a_commitment_takes_off_stays_an_amount() -> None:
    """Twice the crowd is paid at list price: the saving does not double."""
    model = CostModel().fit(DAYS, USERS, [pool("EC2", ELASTIC, saved=200.0)])
    assert model.saved_[0] == pytest.approx(200)
    users = user_paths()
    once = model.forecast(AHEAD, users, RATES, [("total", "all")])["total", "all"].paths.mean()
    twice = model.forecast(
        AHEAD, UserPaths(2 * users.given, users.expected, users.without_season, users.now), RATES, [("total", "all")]
    )["total", "all"].paths.mean()
    assert twice == pytest.approx(2 * (once + 200) - 200, rel=0.03)


def test_same_seed_same_rupees() -> None:
    first, second = (
        CostModel(3)
        .fit(DAYS, USERS, [pool("EC2", ELASTIC, "USD")])
        .forecast(AHEAD, user_paths(), RATES, [("total", "all")])
        for _ in range(2)
    )
    np.testing.assert_array_equal(first["total", "all"].paths, second["total", "all"].paths)


def test_currency_without_a_rate_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        CostModel().fit(DAYS, USERS, [pool("EC2", ELASTIC, "SGD")]).forecast(
            AHEAD, user_paths(), RATES, [("total", "all")]
        )


def test_spread_of_the_rate_is_that_of_its_days() -> None:
    walk = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.004, 500)))
    rates = [(date.fromordinal(739000 + at), float(90 * value)) for at, value in enumerate(walk)]
    assert fx_spread(rates) == pytest.approx(0.004, rel=0.1)
    assert fx_spread(rates[:10]) == USUAL_FX_SPREAD
