"""Capacity for the exam season by the clock: machines before the crowd comes, and gone when it has left.

A group that scales by itself reacts in minutes; on an exam day that is too late. Its floor is raised, day by day, to
what the same day before the last exam needed, grown as the forecast says that the crowd has grown (the highest of ten
courses), and lowered after it. Where the floor is kept high all year although little of it is used, a lower floor
outside the season saves; elsewhere raising it costs little and is no saving.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.design import Days, Floats
from recommender.action import Action, Change, Nothing, Operator, Recipe, Run
from recommender.checks._activity import evidence, exam_windows, is_running, target
from recommender.fleet import Fleet, Workload

TITLE = "Capacity of production by the clock of the exam season"
OPERATOR = Operator.SCHEDULE
_IST: Final = ZoneInfo("Asia/Kolkata")
#: The hours of a day in which the crowd is there, IST, and how long before it capacity has to stand.
_DAY: Final = (6, 23)
_LEAD_MINUTES: Final = 30
#: Days of the season that are planned: before and after the exam.
_SEASON: Final = (21, 2)
#: Days around the coming exam in which its crowd is looked for: on some courses the exam is moved.
_CROWD: Final = (60, 45)
_LEAST_RATIO: Final = 1.3
#: A floor within so much of the season's machines is that of a season.
_HELD_HIGH: Final = 0.8
#: Share of its CPU that a machine may use at the busiest hour in a thousand, and least machines of production.
_HEADROOM: Final = 0.8
_LEAST_MACHINES: Final = 2
#: The most that a lower floor may be of the one that is kept.
_WORTH_IT: Final = 0.75


@dataclass(frozen=True)
class Growth:
    """What the coming season's crowd is beside the last one: in the middle, and on the highest of ten courses."""

    middle: float
    high: float


def propose(fleet: Fleet) -> Iterator[Action]:
    """Steps of the floor for each production group that is larger in the exam season, or is kept large all year."""
    coming = next((exam for exam in fleet.exams if exam > fleet.today), None)
    first, today = fleet.ist_days[0], np.datetime64(fleet.today, "D")
    past = [exam for exam in fleet.exams if first <= np.datetime64(exam, "D") < today]
    if coming is None or not past:
        return
    groups = [one for one in fleet.of("group") if one.is_production and is_running(one)]
    # an exam that is repeated draws a smaller crowd: the season is the one that needed the most machines
    last = max(past, key=lambda exam: sum(max(high for _, high, _ in machines(fleet, one, exam)) for one in groups))
    growth = crowd(fleet, last, coming)
    for workload in groups:
        found = _held_high(fleet, workload, last, coming, growth) or _steps(fleet, workload, last, coming, growth)
        if found is not None:
            yield found


def crowd(fleet: Fleet, past: date, coming: date) -> Growth | None:
    """How the crowd grows from a past exam to the coming one, by the most users of a day around each, on every path;
    None where nobody is counted or the season is not forecast."""
    users = fleet.users
    if users is None:
        return None
    before = _around(users.days, past, *_SEASON)
    ahead = _around(users.ahead, coming, *_CROWD)
    if not before.any() or not ahead.any():
        return None
    ratio = users.paths[:, ahead].max(axis=1) / users.known[before].max()
    middle, high = np.quantile(ratio, (0.5, 0.9))
    return Growth(float(middle), float(high))


def _around(days: Days, exam: date, before: int, after: int) -> NDArray[np.bool_]:
    on = np.datetime64(exam, "D")
    return np.asarray((days >= on - before) & (days <= on + after))


def machines(fleet: Fleet, workload: Workload, exam: date) -> list[tuple[int, float, float]]:
    """For each day of a past season its distance from the exam, and how many machines its busiest hours needed by day
    and at night; a neighbouring day counts too, for no two years are alike to the day."""
    units = units_of(workload)
    hour = fleet.ist_hours.astype("datetime64[h]").astype(np.int64) % 24
    by_day = (hour >= _DAY[0]) & (hour < _DAY[1])
    found = []
    for apart in range(-_SEASON[0], _SEASON[1] + 1):
        day = np.datetime64(exam, "D") + apart
        near = (fleet.ist_days >= day - 1) & (fleet.ist_days <= day + 1)
        high, low = (
            float(np.quantile(units[near & part], 0.99)) if (near & part).any() else 0.0 for part in (by_day, ~by_day)
        )
        found.append((apart, high, low))
    return found


def units_of(workload: Workload) -> Floats:
    """Machines in each hour, (n_hours,)."""
    return np.asarray(sum(line.hourly for line in workload.lines))


def _floor(workload: Workload) -> int:
    """Of the last eight weeks."""
    return int(np.ceil(np.quantile(units_of(workload)[-56 * 24 :], 0.05) - 1e-9))


def _steps(fleet: Fleet, workload: Workload, past: date, coming: date, growth: Growth | None) -> Action | None:
    floor = _floor(workload)
    season = machines(fleet, workload, past)
    before = max(high for _, high, _ in season)
    if before < _LEAST_RATIO * max(floor, 1):
        return None
    steps = _recipe_steps(season, coming, growth, floor)
    most = max(step["min"] for step in steps)
    figures = {
        "Last season": f"{before:g} machines at its busiest (99 % of hours, exam on {past})",
        "The crowd": _told(growth),
        "Now": f"{floor} at its quietest",
        **_when(coming),
    }
    return _action(
        fleet, workload, coming,
        f"{workload.name}: up to {most} machines before the crowd of {coming:%-d %B %Y}, {floor} after it",
        Nothing(), figures, steps, growth,
        reason="it protects the exam day; it saves nothing where the group is not kept large all year",
    )  # fmt: skip


def _held_high(fleet: Fleet, workload: Workload, past: date, coming: date, growth: Growth | None) -> Action | None:
    """A group whose floor is that of the season although outside it far fewer machines would do, by their CPU."""
    units, cpu = units_of(workload), workload.metrics.get("cpu")
    floor, season = _floor(workload), machines(fleet, workload, past)
    most = max(high for _, high, _ in season)
    quiet = ~fleet.in_exam_window & (units > 0)
    if cpu is None or floor <= _LEAST_MACHINES or not most or floor < _HELD_HIGH * most:
        return None
    measured = quiet & np.isfinite(cpu.maximum)
    if measured.sum() < 0.5 * quiet.sum() or np.quantile(units[quiet], 0.05) < _HELD_HIGH * floor:
        return None
    grown = max(1.0, growth.high if growth is not None else 1.0)
    needed = np.ceil(units[measured] * cpu.maximum[measured] / 100 / _HEADROOM * grown - 1e-9)
    lower = max(_LEAST_MACHINES, int(np.quantile(needed, 0.999)))
    if lower > _WORTH_IT * floor:
        return None
    windows = exam_windows(fleet)
    ratio = float(np.minimum(np.maximum(needed, lower) / units[measured], 1.0).mean())
    busy = float(np.quantile(cpu.maximum[measured], 0.999))
    steps = _recipe_steps(season, coming, growth, lower)
    begins = datetime.combine(windows[0][0], time(0), _IST) if windows else datetime.combine(coming, time(0), _IST)
    now = datetime.combine(fleet.today + timedelta(days=1), time(0), _IST)
    steps = [_step(now, lower, 2 * int(most)), _step(begins, floor, 2 * int(most)), *steps]
    figures = {
        "Kept all year": f"{floor} machines; {most:g} at the busiest of the last season",
        "Used outside the season": f"{busy:.0f} % of their CPU at the busiest hour in a thousand",
        "Needed outside the season": f"{lower}: a fifth stays free, grown by {grown:.2f}",
        "The crowd": _told(growth),
        **_when(coming),
    }
    return _action(
        fleet, workload, coming, f"{workload.name}: {lower} machines outside the season instead of {floor}",
        Run((ratio,) * 168, windows), figures, steps, growth, operator=Operator.RESIZE,
        risk="sized by CPU: look at memory and connections before the floor is lowered",
    )  # fmt: skip


def _recipe_steps(
    season: Sequence[tuple[int, float, float]], coming: date, growth: Growth | None, after: int
) -> list[dict[str, Any]]:
    """Up before the crowd of each day, down for its night, and after the season the floor."""
    grown = growth.high if growth is not None else 1.0
    top = max(int(np.ceil(high * grown - 1e-9)) for _, high, _ in season)
    most = max(2 * top, top + 4)
    steps = []
    for apart, *needed in season:
        high, low = (max(int(np.ceil(value * grown - 1e-9)), after) for value in needed)
        day = coming + timedelta(days=apart)
        steps.append(_step(datetime.combine(day, time(_DAY[0]), _IST) - timedelta(minutes=_LEAD_MINUTES), high, most))
        steps.append(_step(datetime.combine(day, time(_DAY[1]), _IST), low, most))
    ends = coming + timedelta(days=_SEASON[1] + 1)
    return [*steps, _step(datetime.combine(ends, time(0), _IST), after, most)]


def _step(at: datetime, count: int, most: int) -> dict[str, Any]:
    return {"at": at.isoformat(), "min": count, "max": most, "desired": count}


def _told(growth: Growth | None) -> str:
    if growth is None:
        return "not forecast: the machines of the last season, without growth"
    return (
        f"{growth.middle:.2f} times the last one in the middle, {growth.high:.2f} times on the highest of ten courses"
    )


def _when(coming: date) -> dict[str, str]:
    return {
        "Season": f"{coming - timedelta(days=_SEASON[0])} to {coming + timedelta(days=_SEASON[1])}",
        "Up and down": f"{_DAY[0]:02d}:00 less {_LEAD_MINUTES} minutes, and {_DAY[1]:02d}:00, IST",
    }


def _action(
    fleet: Fleet, workload: Workload, coming: date, title: str, change: Change, figures: dict[str, str],
    steps: list[dict[str, Any]], growth: Growth | None, *, operator: Operator = OPERATOR, reason: str | None = None,
    risk: str = "none: the floor only rises",
) -> Action:  # fmt: skip
    units = units_of(workload)
    weeks = len(units) // 168
    first = len(units) - weeks * 168
    chart = {
        "Most machines of the week": tuple(
            (str(fleet.ist_days[first + at * 168]), float(units[first + at * 168 :][:168].max())) for at in range(weeks)
        ),
        "Machines of the coming season": tuple((step["at"][:10], float(step["min"])) for step in steps[::2]),
    }
    return Action(
        "season_scaling", operator, workload.id, title, change, evidence(fleet, figures, chart),
        Recipe("scale", target(workload), {"steps": steps, "timezone": "Asia/Kolkata"}),
        "medium" if growth is not None else "low",
        "last season's machines, grown as the crowd is forecast" if growth is not None else "no crowd is forecast",
        "hours", False, "delete the scheduled actions", risk,
        starts_on=None if reason is None else coming - timedelta(days=_SEASON[0]), reason=reason,
    )  # fmt: skip
