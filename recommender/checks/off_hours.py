"""Non-production that runs day and night though it is used in working hours: a schedule, learnt from its activity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import NotEnoughHistory
from recommender.action import Action, Nothing, Operator, Recipe, Run
from recommender.checks._activity import active_hours, evidence, exam_windows, is_running, target
from recommender.fleet import Fleet, Workload
from recommender.schedule import EARLY_MINUTES, WEEKDAYS, Schedule, Window, activity, learn

TITLE = "Non-production that could sleep at night and on days off"
OPERATOR = Operator.SCHEDULE
#: What tells that something is used.
MEASURES: Final = ("cpu", "connections", "requests", "network")
#: Hours a week below which a schedule is not worth its trouble.
LEAST_OFF_HOURS = 20.0


def propose(fleet: Fleet) -> Iterator[Action]:
    """A schedule for each non-production machine, group, pool or database that has a rhythm and does not follow it."""
    for workload in fleet.of("machine", "group", "node_pool", "database"):
        if workload.is_production or not is_running(workload) or any(line.is_spot for line in workload.lines):
            continue
        if _sleeps_already(workload):
            continue
        active = _activity(workload)
        if active is None:
            measured = {"cpu", "connections", "requests"} & set(workload.metrics)
            busy = active_hours(workload)
            if measured and busy is not None and not busy[-30 * 24 :].any():
                continue  # idle: another check's business
            why = "its activity has no rhythm" if measured else "nothing is measured that tells when it is used"
            yield _reason(fleet, workload, why)
            continue
        try:
            found = _one_window(learn(active, fleet.hours, _unusual(fleet, workload), fleet.holidays))
        except NotEnoughHistory as error:
            yield _reason(fleet, workload, f"{error.have} quiet days are known, {error.need} are needed")
            continue
        if found.off_hours >= LEAST_OFF_HOURS:
            yield _schedule(fleet, workload, found)


def _scheduled(workload: Workload) -> str | None:
    """The schedule that its tag names, as the inventory or the bill has it."""
    of_bill = (value for key, value in workload.tags.items() if key.lower() in ("schedule", "user_schedule"))
    told = workload.attributes.get("schedule") or next(of_bill, None)
    return str(told) if told else None


def _sleeps_already(workload: Workload) -> bool:
    """Whether it ran in less than three quarters of the last four weeks."""
    recent = workload.hourly[-28 * 24 :]
    return bool((recent > 0).mean() < 0.75)


def _activity(workload: Workload) -> NDArray[np.bool_] | None:
    """Active in an hour by any of its measures."""
    found: NDArray[np.bool_] | None = None
    for name in MEASURES:
        if (metric := workload.metrics.get(name)) is None:
            continue
        one = activity(metric.average)
        if one is not None:
            found = one if found is None else found | one
    return found


def _one_window(found: Schedule) -> Schedule:
    """One window for all days with any, which is what schedulers take: as long as the longest needs, never shorter."""
    windows = [window for window in found.windows if window is not None]
    if len(set(windows)) < 2:
        return found
    whole = Window(min(window.start for window in windows), max(window.end for window in windows))
    return replace(found, windows=tuple(None if window is None else whole for window in found.windows))


def _unusual(fleet: Fleet, workload: Workload) -> NDArray[np.bool_]:
    """Hours that teach nothing: around exams, of releases, of days on which nobody measured."""
    found = fleet.in_exam_window.copy()
    for start, end in fleet.releases:
        found |= (fleet.ist_days >= np.datetime64(start, "D")) & (fleet.ist_days < np.datetime64(end, "D"))
    known = np.zeros(len(found), dtype=np.bool_)
    for name in MEASURES:
        if (metric := workload.metrics.get(name)) is not None:
            known |= np.isfinite(metric.average)
    return found | ~np.isin(fleet.ist_days, np.unique(fleet.ist_days[known]))


def _days_off(fleet: Fleet, found: Schedule, always: Iterable[tuple[date, date]]) -> tuple[date, ...]:
    """Holidays to come on working days, of those that were quiet when they last came."""
    names = {fleet.holidays[day] for day in found.days_off}
    return tuple(
        day for day, name in sorted(fleet.holidays.items())
        if name in names and day >= fleet.today and day.weekday() < 5 and found.windows[day.weekday()] is not None
        and not any(start <= day < end for start, end in always)
    )  # fmt: skip


def _schedule(fleet: Fleet, workload: Workload, found: Schedule) -> Action:
    releases = tuple((start, end) for start, end in fleet.releases if end > fleet.today)
    windows = tuple(sorted((*exam_windows(fleet), *releases)))
    off = _days_off(fleet, found, windows)
    days = found.days()
    told = "; ".join(f"{_named(names)} {window}" for window, names in days.items()) or "off all week"
    stays = ("Storage", "storage", "Backup")
    runs = frozenset(line.meter for line in workload.lines if not any(word in line.meter for word in stays))
    widest = max(days, key=lambda window: len(days[window]), default=None)
    # a window that ends after midnight is ended on the days after
    late = widest is not None and widest.end > 1440
    stop_days = [WEEKDAYS[(WEEKDAYS.index(day) + late) % 7] for day in (days[widest] if widest else ())]
    values = {
        "days": days[widest] if widest else [],
        "stop_days": stop_days, "start": str(widest).split(" to ")[0] if widest else "00:00",
        "end": str(widest).split(" to ")[1] if widest else "00:00", "timezone": "Asia/Kolkata",
        "exceptions": [[start.isoformat(), end.isoformat()] for start, end in windows],
        "days_off": [day.isoformat() for day in off], "made_on": fleet.today.isoformat(),
        "early_minutes": EARLY_MINUTES, "members": list(workload.members),
    }  # fmt: skip
    figures = {
        "On (IST)": told, "Off": f"{found.off_hours:.0f} of 168 hours a week",
        "Days looked at": f"{sum(sorted(set(found.observed)))} outside exam windows",
        "Active outside": ", ".join(map(str, found.rare)) or "on no day", "Exam windows": "never stopped in them",
        "Release weeks": "; ".join(f"{start} to {end - timedelta(days=1)}, never stopped" for start, end in releases)
        or "none to come in [season] release_days", "Public holidays": _told_holidays(fleet, found, off),
    }  # fmt: skip
    if tag := _scheduled(workload):
        figures["Schedule"] = f"it bears {tag} of the Instance Scheduler and runs day and night: see whether that works"
    if workload.kind == "node_pool" or any("nodegroup" in tag.lower() for tag in workload.tags):
        figures["Nodes"] = "are billed, not pods: scale the pool to none with the pods, or nothing is saved"
    if workload.kind == "database" and workload.provider == "aws":
        figures["Restarts by itself"] = "after 7 days: the schedule stops it every night"
    chart = {
        WEEKDAYS[d]: tuple((f"{hour:02d}:30", round(float(found.shares[d, hour]), 3)) for hour in range(24))
        for d in range(7)
    }
    return Action(
        "off_hours", OPERATOR, workload.id, f"Run {workload.name} {told} only", Run(found.week, windows, runs, off),
        evidence(fleet, figures, chart), Recipe("schedule", target(workload), values),
        "high" if not found.rare else "medium",
        "nobody used it outside these hours" if not found.rare else "used outside these hours on single days",
        "hours", True, "one command wakes it (plan export … --as wake); remove the schedule and it runs on",
        "somebody who works late waits until it is started",
    )  # fmt: skip


def _told_holidays(fleet: Fleet, found: Schedule, off: tuple[date, ...]) -> str:
    if not found.days_off:
        return "not seen to be quiet, so they are working days"
    quiet = ", ".join(sorted({fleet.holidays[day] for day in found.days_off}))
    skipped = f"off on {', '.join(map(str, off))} (Cloud Custodian skips them; other formats start it)" if off else ""
    return f"quiet on {quiet}; {skipped or 'none of them comes on a working day'}"


def _named(days: list[str]) -> str:
    """Mon-Fri, or the days one by one."""
    at = [WEEKDAYS.index(day) for day in days]
    if len(at) > 2 and at == list(range(at[0], at[-1] + 1)):
        return f"{days[0]}-{days[-1]}"
    return ", ".join(days)


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return Action(
        "off_hours", OPERATOR, workload.id, f"A schedule for {workload.name}", Nothing(),
        evidence(fleet, {"Why not": why}),
        confidence="low", effort="hours", reason=f"no schedule can be learnt: {why}",
    )  # fmt: skip
