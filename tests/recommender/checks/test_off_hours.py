"""Schedules of non-production: releases and exams are not touched, quiet holidays are days off, nodes are told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action, Run
from recommender.checks import off_hours

pytestmark = pytest.mark.pure

HOLIDAYS = {
    date(2025, 10, 2): "Mahatma Gandhi's Birthday", date(2025, 10, 20): "Diwali", date(2025, 12, 25): "Christmas",
    date(2026, 1, 26): "Republic Day", date(2026, 2, 16): "Holi", date(2026, 10, 2): "Mahatma Gandhi's Birthday",
    date(2026, 11, 9): "Diwali", date(2026, 12, 26): "Christmas", date(2027, 1, 26): "Republic Day",
}  # fmt: skip


def only(found: Iterable[Action]) -> Action:
    """The only action."""
    actions = list(found)
    assert len(actions) == 1, [action.title for action in actions]
    return actions[0]


def staging(build: SimpleNamespace, closed: Iterable[str] = (), nights: Iterable[str] = (), **more: Any) -> Any:
    """Busy Mon-Fri 09:30 to 21:30 in India, not on days that are `closed`, and all day and night on `nights`."""
    days = (build.hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]")
    busy = (build.ist_weekday < 5) & (build.ist_hour >= 9) & (build.ist_hour < 21)
    busy &= ~np.isin(days, np.array(list(closed), dtype="datetime64[D]"))
    busy |= np.isin(days, np.array(list(nights), dtype="datetime64[D]"))
    return build.workload(environment="staging", metrics={"cpu": build.metric(np.where(busy, 30.0, 1.0))}, **more)


def factors(action: Action, *instants: str) -> list[float]:
    """Whether it runs in these UTC hours."""
    assert isinstance(action.change, Run)
    return list(action.change.factors(np.array(instants, dtype="datetime64[h]")))


def test_in_a_release_week_nothing_is_stopped_and_its_nights_teach_nothing(build: SimpleNamespace) -> None:
    late = [f"2026-07-{day:02d}" for day in range(6, 11)]
    releases = ((date(2026, 7, 6), date(2026, 7, 11)), (date(2026, 9, 7), date(2026, 9, 12)))
    workload = staging(build, nights=late)
    unknown = off_hours.propose(build.fleet(workload))
    assert "09:00 to 21:30" not in " ".join(action.title for action in unknown), "five nights widen the window"
    action = only(off_hours.propose(build.fleet(workload, releases=releases)))
    assert "Mon-Fri 09:00 to 21:30" in action.title
    assert factors(action, "2026-09-09T20", "2026-09-16T20") == [1, 0]
    assert action.recipe is not None
    assert action.recipe.values["exceptions"] == [["2026-09-07", "2026-09-12"], ["2027-03-18", "2027-05-05"]]
    assert action.evidence.figures["Release weeks"] == "2026-09-07 to 2026-09-11, never stopped"


def test_holidays_that_were_quiet_are_days_off_when_they_come_again_on_a_working_day(build: SimpleNamespace) -> None:
    closed = ["2025-10-02", "2025-10-20", "2025-12-25", "2026-01-26"]
    action = only(off_hours.propose(build.fleet(staging(build, closed), holidays=HOLIDAYS)))
    assert action.recipe is not None
    # Christmas falls on a Saturday; Holi was a working day
    assert action.recipe.values["days_off"] == ["2026-10-02", "2026-11-09", "2027-01-26"]
    assert factors(action, "2026-10-01T06", "2026-10-02T06", "2026-10-05T06") == [1, 0, 1]
    assert "Holi" not in action.evidence.figures["Public holidays"].replace("Holiday", "")


def test_holidays_that_were_worked_are_working_days(build: SimpleNamespace) -> None:
    action = only(off_hours.propose(build.fleet(staging(build), holidays=HOLIDAYS)))
    assert action.recipe is not None
    assert action.recipe.values["days_off"] == []
    assert factors(action, "2026-10-02T06") == [1]


def test_a_few_measured_weeks_give_a_reason_and_no_schedule(build: SimpleNamespace) -> None:
    workload = staging(build)
    average = workload.metrics["cpu"].average
    average[: -40 * 24] = np.nan
    action = only(off_hours.propose(build.fleet(workload)))
    assert action.reason is not None
    assert "quiet days are known, 60 are needed" in action.reason


def test_a_node_pool_is_told_to_lose_its_nodes(build: SimpleNamespace) -> None:
    pool = staging(build, kind="node_pool", provider="gcp")
    assert "nothing is saved" in only(off_hours.propose(build.fleet(pool))).evidence.figures["Nodes"]


def test_a_machine_that_bears_a_schedule_and_runs_all_the_same_is_told_so(build: SimpleNamespace) -> None:
    for more in ({"attributes": {"schedule": "office-hours"}}, {"tags": {"Schedule": "office-hours"}}):
        figures = only(off_hours.propose(build.fleet(staging(build, **more)))).evidence.figures
        assert figures["Schedule"].startswith("it bears office-hours of the Instance Scheduler and runs day and night")
    assert "Schedule" not in only(off_hours.propose(build.fleet(staging(build)))).evidence.figures


def test_who_works_on_saturdays_finds_it_running_in_every_format(build: SimpleNamespace) -> None:
    busy = (build.ist_weekday < 5) & (build.ist_hour >= 9) & (build.ist_hour < 21)
    busy |= (build.ist_weekday == 5) & (build.ist_hour >= 7) & (build.ist_hour < 12)
    workload = build.workload(environment="staging", metrics={"cpu": build.metric(np.where(busy, 30.0, 1.0))})
    action = only(off_hours.propose(build.fleet(workload)))
    assert action.recipe is not None
    values = action.recipe.values
    assert (values["days"][-1], len(values["days"]), values["start"], values["end"]) == ("Sat", 6, "07:00", "21:30")
    # what is priced is what is written: Saturday evening runs too
    assert factors(action, "2026-10-10T02", "2026-10-10T12", "2026-10-11T06") == [1, 1, 0]
