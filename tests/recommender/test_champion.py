"""The forecast that a purchase trusts is the one whose purchases would have paid: pool by pool."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from recommender.champion import CANDIDATES, backtest, candidates, choose, demand_ahead
from recommender.tables import Demand

pytestmark = pytest.mark.pure

RATE = np.array([0.63])
EXAMS = (date(2024, 5, 5), date(2025, 5, 4), date(2026, 5, 3), date(2027, 5, 2))


def demand(usd: np.ndarray, first: str = "2023-07-01") -> Demand:
    """Pools by the hour."""
    start = np.datetime64(first, "h")
    return Demand(np.arange(start, start + usd.shape[1]), tuple(f"p{n}" for n in range(len(usd))), usd)


def jumping(years: float = 3) -> np.ndarray:
    """A level that lasts some weeks and then is another: nothing that was a year ago tells of it."""
    rng = np.random.default_rng(3)
    levels = np.repeat(rng.lognormal(1, 0.8, int(years * 365) // 30 + 1), 30 * 24)
    return levels[: int(years * 8760)][None, :]


def test_where_a_year_tells_nothing_the_model_is_not_trusted() -> None:
    found = demand_ahead(demand(jumping()), RATE, EXAMS, n_paths=6)
    assert found.chosen[0] != "model"
    assert found.record[0, CANDIDATES.index(found.chosen[0])] > found.record[0, 0] + 0.05


def test_a_season_that_grows_is_the_models() -> None:
    hours = np.arange(3 * 8760)
    day = hours / 24
    exam = np.sum([np.exp(-(((day - 309 - 364 * year) / 16) ** 2) / 2) for year in range(4)], axis=0)
    usd = np.exp(0.5 * hours / 8760) * (1 + 3 * exam) * (1 + 0.2 * np.sin(hours / 24 * 2 * np.pi))
    found = demand_ahead(demand(usd[None, :]), RATE, EXAMS, n_paths=6)
    assert found.chosen == ("model",)
    assert found.record[0, 0] > 0.9


def test_a_challenger_needs_a_record_and_must_be_clearly_better() -> None:
    assert choose(np.zeros((2, len(CANDIDATES), 2)), 0.0).tolist() == [0, 0], "no record: the model"
    alike = np.array([[[90.0, 100], [90.5, 100], [80, 100], [70, 100]]])
    assert choose(alike, 5.0).tolist() == [0], "half a point is no reason"
    better = np.array([[[90.0, 100], [97, 100], [80, 100], [70, 100]]])
    assert choose(better, 5.0).tolist() == [1]


def test_a_pools_own_record_counts_by_the_years_that_it_spans() -> None:
    all_others = np.tile([[[95.0, 100], [50, 100], [50, 100], [50, 100]]], (19, 1, 1))
    odd = np.array([[[60.0, 100], [80, 100], [50, 100], [50, 100]]])
    record = np.concatenate([odd, all_others])
    assert choose(record, 0.5)[0] == 0, "half a year of one pool is luck"
    assert choose(record, 8.0)[0] == 1


def test_with_less_than_two_years_nothing_is_judged() -> None:
    short = demand(jumping(1.9))
    assert not backtest(short, RATE, EXAMS).any()
    found = demand_ahead(short, RATE, EXAMS, n_paths=6)
    assert found.chosen == ("model",)
    assert np.isnan(found.record).all()


def test_stated_growth_is_known_to_the_model_only() -> None:
    assert demand_ahead(demand(jumping()), RATE, EXAMS, growth_per_year=0.3, n_paths=6).chosen == ("model",)


def test_candidates_are_the_same_hours_of_the_week() -> None:
    hours = np.arange(2 * 8760)
    week = np.where(hours % 168 < 100, 5.0, 1.0)[None, :]
    model, last_year, last_weeks, blend = candidates(demand(week), EXAMS, n_paths=6)
    np.testing.assert_array_equal(last_year, last_weeks)
    np.testing.assert_allclose(np.sort(np.unique(last_year)), [1, 5])
    assert model.shape == last_year.shape == last_weeks.shape == blend.shape
