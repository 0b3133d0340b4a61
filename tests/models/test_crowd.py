"""Products, days, months and hours of one crowd agree on every path."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from core import NotEnoughHistory
from demo.company import Company
from demo.users import Users
from models.crowd import ALL, CrowdHistory, CrowdModel, MonthlyReach
from models.demand import OURS
from models.design import DAY
from models.neet import central, futures, neet_calendar

pytestmark = pytest.mark.pure

FACTS = neet_calendar()


@pytest.fixture(scope="module")
def history() -> CrowdHistory:
    users = Users(Company())
    days = users.company.days
    states = sorted({state for _, state in users.dau})
    products = sorted({product for product, _ in users.dau})
    dau = {p: np.sum([users.dau[p, s] for s in states], axis=0).astype(float) for p in products}
    start = users.company.hours.astype("datetime64[m]") + np.timedelta64(330, "m")
    hour = ((start - start.astype("datetime64[D]")) / np.timedelta64(60, "m")).astype(int)
    at = ((start.astype("datetime64[D]") - days[0]) / DAY).astype(int)
    peak, hourly = {}, np.full((len(days) + 1, 24), np.nan)
    for product in products:
        hourly[at, hour] = np.sum([users.concurrent[product, s] for s in states], axis=0)
        peak[product] = np.nanmax(hourly[: len(days)], axis=1)
    hourly[at, hour] = np.sum([users.concurrent[ALL, s] for s in states], axis=0)
    by_state = {("neet", s): users.dau["neet", s].astype(float) for s in states}
    months = [date(2024 + m // 12, m % 12 + 1, 1) for m in range(30)]
    mau = {ALL: {month: sum(n for (p, _), n in users.mau(month).items() if p == ALL) for month in months}}
    return CrowdHistory(days, dau, peak, by_state, hourly[: len(days)], mau)


@pytest.fixture(scope="module")
def model(history: CrowdHistory) -> CrowdModel:
    on = (history.days[-1] + DAY).astype(object)
    return CrowdModel(central(FACTS, on, on + timedelta(days=400)), candidates=(OURS,)).fit(history)


def test_everybody_is_the_sum_of_the_products_less_who_is_in_two(model: CrowdModel, history: CrowdHistory) -> None:
    paths = model.sample(history.days[-1] + np.arange(1, 301) * DAY, 50)
    whole = np.sum([paths.dau[p] for p in ("foundation", "neet", "test-series")], axis=0)
    np.testing.assert_allclose(paths.dau[ALL], model.overlap_ * whole, rtol=1e-5)
    assert model.overlap_ == pytest.approx(0.92, abs=0.005)


def test_states_are_shares_that_make_up_the_whole(model: CrowdModel) -> None:
    assert sum(share for (p, _), share in model.shares_.items() if p == "neet") == pytest.approx(1, abs=0.01)


def test_nobody_is_there_at_once_who_did_not_come_that_day(model: CrowdModel, history: CrowdHistory) -> None:
    paths = model.sample(history.days[-1] + np.arange(1, 301) * DAY, 50)
    for product in paths.dau:
        assert (paths.peak[product] <= paths.dau[product] * 1.0001).all()
        assert (paths.peak[product] > 0).all()


def test_hours_have_the_peak_of_their_day(model: CrowdModel, history: CrowdHistory) -> None:
    days = history.days[-1] + np.arange(1, 31) * DAY
    paths = model.sample(days, 10)
    hours = model.hours(days, paths.peak[ALL])
    assert hours.shape == (10, 30, 24)
    np.testing.assert_allclose(hours.max(axis=2), paths.peak[ALL], rtol=1e-6)
    quiet, evening = hours[:, :, 3].mean(), hours[:, :, 20].mean()
    assert quiet < 0.3 * evening


def test_possible_calendars_widen_the_season(model: CrowdModel, history: CrowdHistory) -> None:
    ahead = history.days[-1] + np.arange(1, 401) * DAY
    on = (history.days[-1] + DAY).astype(object)
    possible = [(f.probability, f.calendar) for f in futures(FACTS, on, on + timedelta(days=400))]
    given, mixture = model.sample(ahead, 300), model.sample_futures(ahead, possible, 300)
    assert mixture.n_paths == 300
    july = (ahead >= np.datetime64("2027-06-10")) & (ahead < np.datetime64("2027-07-10"))

    def width(paths: np.ndarray) -> float:
        return float(np.log(np.quantile(paths[:, july], 0.975) / np.quantile(paths[:, july], 0.025)))

    assert width(mixture.dau[ALL]) > 1.3 * width(given.dau[ALL])


def test_same_seed_same_crowd(model: CrowdModel, history: CrowdHistory) -> None:
    ahead = history.days[-1] + np.arange(1, 31) * DAY
    first, second = model.sample(ahead, 20), model.sample(ahead, 20)
    np.testing.assert_array_equal(first.dau[ALL], second.dau[ALL])
    np.testing.assert_array_equal(first.peak[ALL], second.peak[ALL])


def test_month_is_more_than_its_largest_day_and_less_than_the_sum(history: CrowdHistory) -> None:
    means, totals = [], []
    for month, users in history.mau[ALL].items():
        inside = history.days.astype("datetime64[M]") == np.datetime64(month, "M")
        means.append(history.dau[ALL][inside].mean())
        totals.append(users)
    reach = MonthlyReach().fit(np.array(means[:-6]), np.array(totals[:-6], dtype=float))
    rng = np.random.default_rng(0)
    for at in range(-6, 0):
        days = np.full((200, 30), means[at])
        told = reach.sample(days, float(np.mean(means[at - 12 : at])), rng)
        assert (told >= means[at]).all()
        assert (told <= 30 * means[at] + 1e-6).all()
        assert np.median(told) == pytest.approx(totals[at], rel=0.12)


def test_months_need_three_of_them() -> None:
    with pytest.raises(NotEnoughHistory):
        MonthlyReach().fit(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
