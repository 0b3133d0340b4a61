"""The year ahead: last year's hours moved with the exam, a level that June does not move, nothing from what is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from recommender.ahead import PRIOR_GROWTH, Users, growth_ahead, look_ahead
from recommender.fleet import Fleet, exam_mask
from recommender.horizon import Horizon
from recommender.levels import elasticity_of

pytestmark = pytest.mark.pure

DAY = np.timedelta64(1, "D")


def hump(hours: np.ndarray, exam: str, height: float = 2.0) -> np.ndarray:
    """1 off season, `1 + height` on the day of the exam."""
    days = (hours - np.datetime64(exam, "h")).astype(float) / 24
    return 1 + height * np.exp(-((days / 16) ** 2))


def expected(horizon: Horizon, workload: str = "i-1") -> np.ndarray:
    """The mean over the courses by hour."""
    return horizon.units[workload, 0].mean(axis=0)


def test_every_hour_of_the_week_is_seen(build: SimpleNamespace) -> None:
    horizon = look_ahead(build.fleet(build.workload()), None, n_paths=2)
    assert len(np.unique(horizon.hours.astype(int) % 168)) == 168
    assert horizon.first_year.sum() * 23 == pytest.approx(8760, abs=23)


def test_what_june_was_is_not_what_the_year_will_be(build: SimpleNamespace) -> None:
    hours = np.arange(np.datetime64("2025-06-10", "h"), np.datetime64("2026-06-10", "h"))
    units = 10 * hump(hours, "2026-05-03")
    line = replace(build.line(), hourly=units)
    fleet: Fleet = build.fleet(build.workload(lines=[line]), hours=hours)
    ahead = look_ahead(fleet, None, n_paths=24)
    course = expected(ahead)
    autumn = (ahead.hours > np.datetime64("2026-09-01")) & (ahead.hours < np.datetime64("2027-01-01"))
    assert course[autumn].mean() == pytest.approx(10, rel=0.06), "May is season, not level"
    day = ahead.hours[np.argmax(course)].astype("datetime64[D]")
    assert abs((day - np.datetime64("2027-05-02")).astype(int)) <= 4, "the hump comes with the next exam"


def test_the_hump_moves_with_the_exam(build: SimpleNamespace) -> None:
    line = replace(build.line(), hourly=10 * hump(build.hours, "2026-05-03"))
    exams = (date(2026, 5, 3), date(2027, 6, 13))
    ahead = look_ahead(build.fleet(build.workload(lines=[line]), exams=exams), None, n_paths=24)
    day = ahead.hours[np.argmax(expected(ahead))].astype("datetime64[D]")
    assert abs((day - np.datetime64("2027-06-13")).astype(int)) <= 4


def test_a_machine_that_runs_steadily_runs_on(build: SimpleNamespace) -> None:
    ahead = look_ahead(build.fleet(build.workload()), None, n_paths=5)
    np.testing.assert_array_equal(ahead.units["i-1", 0], 1.0)


def test_what_has_stopped_comes_back_only_with_an_exam(build: SimpleNamespace) -> None:
    window = exam_mask(build.hours, (date(2026, 5, 3),))
    proctor = build.workload("proctor", lines=[build.line("proctor", hourly=window * 3.0)])
    gone = build.workload("gone", lines=[build.line("gone", hourly=(build.hours < np.datetime64("2026-01-01")) * 1.0)])
    ahead = look_ahead(build.fleet(proctor, gone), None, n_paths=3)
    assert ("gone", 0) not in ahead.units
    course = expected(ahead, "proctor")
    inside = exam_mask(ahead.hours, (date(2027, 5, 2),))
    assert course[inside].mean() == pytest.approx(3, rel=0.15)
    assert course[~inside].max() == pytest.approx(0, abs=1e-9)


def test_what_is_new_goes_on_as_in_its_last_weeks(build: SimpleNamespace) -> None:
    hourly = np.where(build.hours >= np.datetime64("2026-07-20"), 4.0 + (build.ist_hour < 12), 0.0)
    ahead = look_ahead(build.fleet(build.workload(lines=[build.line(hourly=hourly)])), None, n_paths=8)
    assert expected(ahead).mean() == pytest.approx(4.5, rel=0.05)


def test_a_line_follows_the_users_paths_as_far_as_it_followed_them(build: SimpleNamespace) -> None:
    past = np.arange(np.datetime64("2025-08-01"), np.datetime64("2026-08-21"))
    known = 1e5 * hump(past.astype("datetime64[h]"), "2026-05-03")
    ahead = past[-1] + np.arange(1, 550) * DAY
    future = 1e5 * hump(ahead.astype("datetime64[h]"), "2027-05-02")
    users = Users(past, known, ahead, np.repeat(np.stack([future, 2 * future]), 12, axis=0))
    log_users = np.interp(build.hours.astype(float), past.astype("datetime64[h]").astype(float), np.log(known))
    follower = build.line("web", hourly=5 * np.exp(0.8 * (log_users - log_users.mean())))
    fleet = build.fleet(build.workload("web", lines=[follower]), build.workload("steady"))
    assert elasticity_of(follower.hourly, log_users) == pytest.approx(0.8, abs=0.05)
    course = look_ahead(fleet, users, n_paths=24, seed=3)
    low, high = course.units["web", 0][:12].mean(), course.units["web", 0][12:].mean()
    assert high / low == pytest.approx(2**0.8, rel=0.12)
    np.testing.assert_array_equal(course.units["steady", 0], 1.0)


def test_stated_growth_takes_the_place_of_what_the_paths_hold(build: SimpleNamespace) -> None:
    past = np.arange(np.datetime64("2025-08-01"), np.datetime64("2026-08-21"))
    known = 1e5 * hump(past.astype("datetime64[h]"), "2026-05-03")
    ahead = past[-1] + np.arange(1, 550) * DAY
    users = Users(past, known, ahead, 3e5 * hump(ahead.astype("datetime64[h]"), "2027-05-02")[None, :])
    log_users = np.interp(build.hours.astype(float), past.astype("datetime64[h]").astype(float), np.log(known))
    fleet = build.fleet(build.workload("web", lines=[build.line("web", hourly=5 * np.exp(log_users - 11.5))]))
    tripled, fifth = (
        expected(look_ahead(fleet, users, n_paths=1, growth_per_year=growth), "web").mean() for growth in (None, 0.2)
    )
    assert tripled / fifth == pytest.approx(3 / 1.2, rel=0.05)


def test_what_goes_round_with_the_year_stays_as_its_last_year_was(build: SimpleNamespace) -> None:
    days = (build.hours - build.hours[0]).astype(float) / 24
    units = 10 * (1 + 0.3 * np.cos(2 * np.pi * days / 365))  # the year begins and ends high
    fleet = build.fleet(build.workload(lines=[build.line(hourly=units)]), exams=())
    course = expected(look_ahead(fleet, None, n_paths=24))
    year = look_ahead(fleet, None, n_paths=24).first_year
    assert course[year].max() == pytest.approx(13, rel=0.06)
    assert course[year].min() == pytest.approx(7, rel=0.06), "not flattened to today's level"


def test_growth_for_sizes_is_the_highest_day_of_each_path_over_the_last_years() -> None:
    days = np.arange(np.datetime64("2025-08-21"), np.datetime64("2026-08-21"))
    known = np.where(days == np.datetime64("2026-05-02"), 2000.0, 1000.0)
    paths = np.full((3, 545), 1100.0)
    paths[:, 200] = (2000.0, 2400.0, 3000.0)
    paths[:, 500] = 9000.0  # beyond the year
    users = Users(days, known, np.arange(545) + days[-1], paths)
    assert growth_ahead(users) == pytest.approx((1.0, 1.2, 1.5))
    assert growth_ahead(users, 0.5) == pytest.approx((1.25, 1.5, 1.875)), "the middle is what the business states"
    assert growth_ahead(None) == ()
    assert np.quantile(growth_ahead(None, 0.5), 0.9, method="hazen") == pytest.approx(1.5 * 1.2)
    assert np.quantile(PRIOR_GROWTH, 0.9, method="hazen") == pytest.approx(1.2)
