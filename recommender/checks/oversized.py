"""Machines that are larger than a whole year needs, exam season included: one size, or others by the calendar.

By `recommender/sizing.py` over CPU, memory, network and disk, as far as they are measured. What scales by itself is the
business of `oversized_group`, what lives on CPU credits that of `burstable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Recipe
from recommender.checks import _sizes
from recommender.checks._activity import IDLE_CPU_PCT, evidence, target
from recommender.fleet import Fleet, Workload
from recommender.machines import UnknownMachine, is_burstable, machine
from recommender.prices import MissingPrice
from recommender.sizing import Candidate, Demand, by_calendar, peak

TITLE = "Machines larger than the year needs"
OPERATOR = Operator.RESIZE
_NAME: Final = "oversized"


def propose(fleet: Fleet) -> Iterator[Action]:
    """Cheaper sizes for each machine whose peaks allow it; a reason where a measure, a season or a type is missing."""
    year = np.ones(len(fleet.hours), dtype=np.bool_)
    for workload in fleet.of("machine"):
        if not _sizes.is_measured_whole(workload) or any(line.is_spot for line in workload.lines):
            continue
        # what never did anything is idle, what lives on credits is burstable: the business of other checks
        cpu = workload.metrics["cpu"]
        if workload.type is None or peak(cpu, year) < IDLE_CPU_PCT or is_burstable(workload.type):
            continue
        found = _machine(fleet, workload)
        if found is not None and (found.reason is None or _sizes.is_suspect(fleet, workload)):
            yield found


def _machine(fleet: Fleet, workload: Workload) -> Action | None:
    try:
        known = machine(str(workload.type))
        own = _sizes.candidate(fleet, workload, known)
    except (UnknownMachine, MissingPrice) as error:
        return _sizes.reason(_NAME, OPERATOR, fleet, workload, str(error))
    if not _sizes.saw_an_exam(fleet, workload.metrics["cpu"]):
        return _sizes.reason(_NAME, OPERATOR, fleet, workload, _sizes.NO_EXAM)
    asked = _sizes.demand(fleet, workload, own)
    others = _sizes.machine_candidates(fleet, workload, known)
    if "memory" not in asked.used:
        # one step only, for half of what decides is not known
        others = [one for one in others if one.capacity["cpu"] * 2 >= own.capacity["cpu"]]
    sizes = by_calendar(fleet, asked, others)
    if sizes.cost > own.price * (1 - _sizes.LEAST_RATIO):
        return None if "memory" in asked.used else _without_memory(fleet, workload, asked, others)
    new = machine(sizes.base.type)
    season = ", ".join(sorted({one.type for _, _, one in sizes.seasons}))
    figures = {
        "Now": f"{own.type}, {known.vcpus:g} vCPU, {known.memory_gib:g} GiB",
        "New": f"{new.type}, {new.vcpus:g} vCPU, {new.memory_gib:g} GiB",
        **_sizes.figures(fleet, workload, asked, sizes),
    }
    measured = "memory" in asked.used
    values = {"from": own.type, "to": new.type, "windows": _sizes.season_values(fleet, sizes)}
    return Action(
        _NAME, OPERATOR, workload.id,
        f"{workload.name}: {own.type} to {new.type}" + (f", {season} in the exam season" if season else ""),
        _sizes.swap(fleet, workload, own, sizes),
        evidence(fleet, figures, _sizes.charts(fleet, workload)),
        Recipe("resize", target(workload), values), "medium" if measured else "low",
        "CPU and memory were measured through an exam window" if measured else "memory is not measured, so it stays",
        "hours", True, f"stop it, set the type back to {own.type}, start it",
        "a restart" + ("" if "Not measured" not in figures else f"; not measured: {figures['Not measured']}"),
        saturated_hours=sizes.saturated_hours, price_source="list price against your own bill",
        price_on=fleet.catalogue.price(_sizes.offer(workload, new.type)).as_of,
    )  # fmt: skip


def _without_memory(fleet: Fleet, workload: Workload, asked: Demand, others: list[Candidate]) -> Action | None:
    """The reason, and what a measure may be worth at most: what CPU alone would allow. None where that is nothing."""
    blind = [replace(one, capacity={**one.capacity, "memory": asked.own.capacity["memory"]}) for one in others]
    found = by_calendar(fleet, asked, blind)
    if found.cost > asked.own.price * (1 - _sizes.LEAST_RATIO):
        return None
    said = _sizes.reason(_NAME, OPERATOR, fleet, workload, _sizes.NO_MEMORY)
    worth = f"{found.base.type} would carry its CPU at {found.cost / asked.own.price:.0%} of the price, at most"
    return replace(
        said, evidence=replace(said.evidence, figures={**said.evidence.figures, "What a measure may be worth": worth})
    )
