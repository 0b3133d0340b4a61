"""Logs that are kept for ever though nobody reads them: a retention that the law and the season allow.

That nothing is deleted shows in the bill: what is stored only grows. What a retention leaves is then what was added
in it, so it is read from the bill too. CERT-In demands logs of 180 days (directions of 28 April 2022); what speaks
of exams, students or money keeps a year, so that a result can be disputed until the next exam.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import evidence, is_kept_for_a_day, is_running, target
from recommender.checks._transfer import LEAST_INR, ask, monthly_inr
from recommender.fleet import Fleet, Line, Workload
from recommender.residency import speaks_of_students

TITLE = "Logs that are kept for ever"
OPERATOR = Operator.REMOVE
#: Days of a retention: as CERT-In demands at least, and of what speaks of exams, students or money.
DAYS, LONG_DAYS = 180, 365
#: What grows by less than that a month is not kept for ever, or is not worth a rule.
_LEAST_GROWTH: Final = 0.005
#: A retention that leaves more than that saves too little.
_MOST_LEFT: Final = 0.9


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each log group that only grows and is not read, a question where reads are not measured."""
    for workload in fleet.of("log"):
        line = next((x for x in workload.lines if "TimedStorage" in x.meter), None)
        has_retention = any(workload.attributes.get(key) for key in ("retention_days", "retentionInDays"))
        if line is None or not is_running(workload) or has_retention:
            continue
        yield from _group(fleet, workload, line)


def kept_share(line: Line, days: int) -> float | None:
    """What a retention leaves of a store that only grew, by what was added in those days; None if it shrank in the year
    or its history is too short to tell."""
    level = line.hourly.reshape(-1, 24).mean(axis=1) if len(line.hourly) % 24 == 0 else line.hourly[::24]
    if len(level) < days or level[-1] <= 0:
        return None
    weeks = level[len(level) % 7 :].reshape(-1, 7).mean(axis=1)
    grows = np.diff(weeks) >= -0.01 * weeks[1:]
    monthly = (weeks[-1] / max(weeks[-5], 1e-12) - 1) if len(weeks) > 5 else 0.0
    if not grows.all() or monthly < _LEAST_GROWTH:
        return None
    return float(1 - level[len(level) - days] / level[-1])


def _group(fleet: Fleet, workload: Workload, line: Line) -> Iterator[Action]:
    long = is_kept_for_a_day(workload) or speaks_of_students(workload) is not None
    days = LONG_DAYS if long else DAYS
    left = kept_share(line, days)
    if left is None or left > _MOST_LEFT:
        return
    gb = float(line.hourly[-24:].mean() * 730)
    figures = {
        "Stored": f"{gb:,.0f} GB, never less than the week before in a year",
        "Added in the retention": f"{left * gb:,.0f} GB in {days} days",
        "Why so long": "it speaks of exams, students or money: until the next exam" if long
        else "CERT-In demands 180 days of logs in India",
    }  # fmt: skip
    queries = workload.metrics.get("queries")
    if queries is None:
        if monthly_inr(fleet, line) >= LEAST_INR:
            figures["Measure"] = "queries: how often somebody searched it"
            yield ask(fleet, "log_retention", workload, f"{workload.name}: keep logs for {days} days?", figures,
                      "whether somebody reads old logs is not measured (metric queries)",
                      Recipe("retention", target(workload), {"days": days}), OPERATOR)  # fmt: skip
        return
    known = np.isfinite(queries.average)
    in_season = fleet.in_exam_window & known
    if not in_season.any() or (queries.average[known] > 0).any():
        return
    yield Action(
        "log_retention", OPERATOR, workload.id, f"{workload.name}: keep logs for {days} days",
        Swap({line.sku: Replacement(line.sku, line.price, left)}),
        evidence(fleet, figures | {"Searched": f"never on {int(known.sum() // 24)} days, an exam window among them"}),
        Recipe("retention", target(workload), {"days": days}), "high" if not long else "medium",
        "it only grew, and nobody searched it", "minutes", False, "none: what is deleted is gone; export it first",
        "an inquiry into something older finds nothing", price_source="your own bill",
    )  # fmt: skip
