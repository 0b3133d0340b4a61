"""Capacity for the exam season by the clock: machines before the crowd comes, and gone when it has left.

A group that scales by itself reacts in minutes; on an exam day that is too late. Its floor is raised to what the last
season needed, hour by hour, and lowered after it. Where the floor is kept high all year, lowering it saves; elsewhere
it costs little and is no saving.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from recommender.action import Action, Nothing, Operator, Recipe
from recommender.checks._activity import evidence, is_running, target
from recommender.fleet import Fleet, Workload

TITLE = "Capacity of production by the clock of the exam season"
OPERATOR = Operator.SCHEDULE
_IST: Final = ZoneInfo("Asia/Kolkata")
#: The hours of a day in which the crowd is there, IST, and how long before it capacity has to stand.
_DAY: Final = (6, 23)
_LEAD_MINUTES: Final = 30
#: Days of the season that are planned: before and after the exam.
_SEASON: Final = (21, 2)
_LEAST_RATIO: Final = 1.3


def propose(fleet: Fleet) -> Iterator[Action]:
    """Steps of the floor for each production group that was clearly larger in the last exam season than now."""
    coming = next((exam for exam in fleet.exams if exam > fleet.today), None)
    past = [
        exam for exam in fleet.exams if fleet.ist_days[0] <= np.datetime64(exam, "D") < np.datetime64(fleet.today, "D")
    ]
    if coming is None or not past:
        return
    for workload in fleet.of("group"):
        if workload.is_production and is_running(workload):
            found = _steps(fleet, workload, past[0], coming)
            if found is not None:
                yield found


def capacity(fleet: Fleet, workload: Workload, exam: date, growth: float = 1.0) -> tuple[int, int, int]:
    """Machines at the busiest hour in a hundred of the days around a past exam, by day and at night, grown; and the
    floor of the last eight weeks."""
    units = np.asarray(sum(line.hourly for line in workload.lines))
    day = np.datetime64(exam, "D")
    season = (fleet.ist_days >= day - _SEASON[0]) & (fleet.ist_days <= day + _SEASON[1])
    hour = fleet.ist_hours.astype("datetime64[h]").astype(np.int64) % 24
    busy = season & (hour >= _DAY[0]) & (hour < _DAY[1])
    night = season & ~((hour >= _DAY[0]) & (hour < _DAY[1]))
    top = (float(np.quantile(units[part], 0.99)) if part.any() else 0.0 for part in (busy, night))
    high, low = (int(np.ceil(value * growth - 1e-9)) for value in top)
    return high, low, int(np.ceil(np.quantile(units[-56 * 24 :], 0.05) - 1e-9))


def _steps(fleet: Fleet, workload: Workload, past: date, coming: date) -> Action | None:
    high, low, floor = capacity(fleet, workload, past)
    if high < _LEAST_RATIO * max(floor, 1):
        return None
    most = max(2 * high, high + 4)
    steps = []
    day = coming - timedelta(days=_SEASON[0])
    while day <= coming + timedelta(days=_SEASON[1]):
        up = datetime.combine(day, time(_DAY[0]), _IST) - timedelta(minutes=_LEAD_MINUTES)
        steps.append({"at": up.isoformat(), "min": high, "max": most, "desired": high})
        down = datetime.combine(day, time(_DAY[1]), _IST)
        steps.append({"at": down.isoformat(), "min": low, "max": most, "desired": low})
        day += timedelta(days=1)
    steps.append({"at": datetime.combine(day, time(0), _IST).isoformat(), "min": floor, "max": most, "desired": floor})
    figures = {
        "Last season": f"{high} machines at its busiest by day, {low} at night (99 % of hours, exam on {past})",
        "Now": f"{floor} at its quietest",
        "Season": f"{coming - timedelta(days=_SEASON[0])} to {coming + timedelta(days=_SEASON[1])}",
        "Up and down": f"{_DAY[0]:02d}:00 less {_LEAD_MINUTES} minutes, and {_DAY[1]:02d}:00, IST",
    }
    units = np.asarray(sum(line.hourly for line in workload.lines))
    weeks = len(units) // 168
    chart = {
        "Most machines of the week": tuple(
            (str(fleet.ist_days[-(weeks - at) * 168]), float(units[len(units) - (weeks - at) * 168 :][:168].max()))
            for at in range(weeks)
        )
    }
    return Action(
        "season_scaling",
        OPERATOR,
        workload.id,
        f"{workload.name}: {high} machines before the crowd of {coming:%-d %B %Y}, {floor} after it",
        Nothing(),
        evidence(fleet, figures, chart),
        Recipe("scale", target(workload), {"steps": steps, "timezone": "Asia/Kolkata"}),
        "medium",
        "last season's machines; the season plan says how the crowd has grown",
        "hours",
        False,
        "delete the scheduled actions",
        "none: the floor only rises",
        starts_on=coming - timedelta(days=_SEASON[0]),
        reason="it protects the exam day; it saves nothing where the group is not kept large all year",
    )
