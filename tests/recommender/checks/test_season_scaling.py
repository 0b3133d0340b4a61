"""Capacity for the exam by the clock: last season's machines by day, grown as the crowd is; a high floor is lowered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action, Nothing, Operator, Run
from recommender.ahead import Users, look_ahead
from recommender.checks import season_scaling
from recommender.holdings import Rates
from recommender.plan import make_plan

pytestmark = pytest.mark.pure

LAST, COMING = date(2026, 5, 3), date(2027, 5, 2)


def only(found: Iterable[Action]) -> Action:
    """The only action."""
    actions = list(found)
    assert len(actions) == 1, [action.title for action in actions]
    return actions[0]


def apart(build: SimpleNamespace, exam: date = LAST) -> Any:
    """Days from an exam of each hour, in IST."""
    days = (build.hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]")
    return (days - np.datetime64(exam, "D")).astype(int)


def web(build: SimpleNamespace, units: Any, **more: Any) -> Any:
    """A production group with so many machines by the hour."""
    return build.workload("group/1/web", name="web", kind="group", lines=[build.line(hourly=units)], **more)


def seasonal(build: SimpleNamespace, peak: float = 20.0) -> Any:
    """Four machines; in the three weeks before the exam by day more and more, half of them at night."""
    day = (build.ist_hour >= 6) & (build.ist_hour < 23)
    rise = np.clip((apart(build) + 21) / 21, 0, 1) * (apart(build) <= 1)
    return np.maximum(4.0, np.round(peak * rise * np.where(day, 1.0, 0.5)))


def users(growth: Iterable[float]) -> Users:
    """A crowd of 900,000 on 3 May 2026, and on each path that much more on 2 May 2027."""
    days = np.arange(np.datetime64("2025-08-21"), np.datetime64("2026-08-21"))
    ahead = np.arange(np.datetime64("2026-08-21"), np.datetime64("2028-02-01"))

    def wave(when: Any, exam: date) -> Any:
        return 1e5 + 8e5 * np.exp(-((((when - np.datetime64(exam, "D")).astype(int)) / 15.0) ** 2))

    return Users(days, wave(days, LAST), ahead, np.array([wave(ahead, COMING) * one for one in growth]))


def counts(action: Action) -> dict[str, int]:
    """What the recipe sets as the floor, by the instant in IST without its year."""
    assert action.recipe is not None
    return {step["at"][5:16]: step["min"] for step in action.recipe.values["steps"]}


def test_machines_stand_before_the_crowd_of_each_day_and_are_gone_after_it(build: SimpleNamespace) -> None:
    found = only(season_scaling.propose(build.fleet(web(build, seasonal(build)), users=users([1.0] * 10))))
    floor = counts(found)
    assert (floor["05-02T05:30"], floor["05-02T23:00"], floor["05-05T00:00"]) == (20, 10, 4)
    assert floor["04-18T05:30"] < 12, "two weeks before the exam a part of them"
    assert min(floor) == f"{COMING - timedelta(days=21):%m-%d}T05:30"
    assert isinstance(found.change, Nothing)
    assert found.reason is not None


def test_the_crowd_grows_as_on_the_highest_of_ten_courses(build: SimpleNamespace) -> None:
    growth = np.linspace(1.0, 2.0, 11)
    found = only(season_scaling.propose(build.fleet(web(build, seasonal(build)), users=users(growth))))
    assert counts(found)["05-02T05:30"] == 38, "20 machines, 1.9 times"
    assert found.evidence.figures["The crowd"].startswith("1.50 times the last one in the middle, 1.90")


def test_without_a_forecast_of_users_it_says_so_and_grows_nothing(build: SimpleNamespace) -> None:
    found = only(season_scaling.propose(build.fleet(web(build, seasonal(build)))))
    assert counts(found)["05-02T05:30"] == 20
    assert found.confidence == "low"
    assert "not forecast" in found.evidence.figures["The crowd"]


def test_of_an_exam_that_was_held_twice_the_larger_crowd_counts(build: SimpleNamespace) -> None:
    again = date(2026, 6, 21)
    units = np.maximum(seasonal(build), np.where(np.abs(apart(build, again)) <= 5, 8.0, 0.0))
    found = only(season_scaling.propose(build.fleet(web(build, units), exams=(LAST, again, COMING))))
    assert counts(found)["05-02T05:30"] == 20


def kept_high(build: SimpleNamespace, quiet_pct: float, **more: Any) -> Any:
    """Twenty machines all year, busy around the exam, else as told."""
    cpu = np.where((apart(build) >= -45) & (apart(build) < 3), 70.0, quiet_pct)
    return build.fleet(web(build, 20.0, metrics={"cpu": build.metric(cpu)}), **more)


def test_a_floor_kept_high_all_year_is_lowered_outside_the_season_and_that_saves(build: SimpleNamespace) -> None:
    fleet = kept_high(build, 20.0, users=users([1.2] * 10))
    found = only(season_scaling.propose(fleet))
    assert (found.operator, found.reason) == (Operator.RESIZE, None)
    assert isinstance(found.change, Run)
    # 20 machines x 20 % / 80 % x 1.2
    hours = np.array(["2026-11-11T06", "2027-04-20T06"], dtype="datetime64[h]")
    assert list(found.change.factors(hours)) == pytest.approx([0.3, 1.0])
    floor = counts(found)
    assert (floor["08-22T00:00"], floor["03-18T00:00"], floor["05-02T05:30"], floor["05-05T00:00"]) == (6, 20, 24, 6)
    plan = make_plan(fleet, look_ahead(fleet, None, n_paths=3, stride=131), [], Rates({}, {}), [found])
    (item,) = plan.planned
    assert item.saving is not None
    assert item.saving.mean() == pytest.approx(0.7 * plan.before.mean() * 317 / 365, rel=0.05)


@pytest.mark.parametrize("quiet_pct", [62.0, 78.0])
def test_a_floor_that_is_used_all_year_stays(build: SimpleNamespace, quiet_pct: float) -> None:
    assert list(season_scaling.propose(kept_high(build, quiet_pct))) == []


def test_a_floor_without_a_measure_of_cpu_is_never_lowered(build: SimpleNamespace) -> None:
    assert list(season_scaling.propose(build.fleet(web(build, 20.0)))) == []
