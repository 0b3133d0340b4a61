"""Burstable machines (the t family) by their CPU credits: a smaller size if it would never have run out of them.

A credit is one vCPU for a minute. The last year is run again on the smaller size, hour by hour, grown: what it earns,
what it spends, at most a day's earnings kept. The measured balance shows that the credits are the customer's own story:
without it nothing is claimed. Cores that Google shares (e2-medium and smaller) have no such measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from models.design import Floats
from recommender.action import Action, Operator, Recipe, Swap
from recommender.checks import _sizes
from recommender.checks._activity import IDLE_CPU_PCT, evidence, target
from recommender.fleet import Fleet, Workload
from recommender.machines import Machine, UnknownMachine, is_burstable, machine
from recommender.prices import MissingPrice
from recommender.sizing import HEADROOM, Candidate, is_measured, one_size, peak

TITLE = "Burstable machines with more CPU credits than they use"
OPERATOR = Operator.RESIZE
_NAME: Final = "burstable"
#: Credits an hour by size (AWS, "Key concepts for burstable performance instances"); t3, t3a and t4g earn alike.
_EARNED: Final[Mapping[str, Mapping[str, float]]] = {
    "t3": {"nano": 6, "micro": 12, "small": 24, "medium": 24, "large": 36, "xlarge": 96, "2xlarge": 192},
    "t2": {"nano": 3, "micro": 6, "small": 12, "medium": 24, "large": 36, "xlarge": 54, "2xlarge": 81.6},
}  # fmt: skip
#: Hours of earnings that a balance holds, and the share of it that must always be left.
_HELD_HOURS: Final = 24
_LEAST_LEFT: Final = 0.2


def propose(fleet: Fleet) -> Iterator[Action]:
    """A smaller size of the family for each machine whose credits allow it; a reason where they are not measured."""
    year = np.ones(len(fleet.hours), dtype=np.bool_)
    for workload in fleet.of("machine"):
        if workload.type is None or not is_burstable(workload.type) or not _sizes.is_measured_whole(workload):
            continue
        if peak(workload.metrics["cpu"], year) >= IDLE_CPU_PCT:
            yield from (
                one for one in _machine(fleet, workload) if one.reason is None or _sizes.is_suspect(fleet, workload)
            )


def _machine(fleet: Fleet, workload: Workload) -> Iterator[Action]:
    if workload.provider != "aws":
        yield _reason(fleet, workload, "a shared core is sized by its bursts, which Google does not measure")
        return
    balance = workload.metrics.get("cpu_credit_balance")
    if balance is None or not is_measured(balance):
        yield _reason(fleet, workload, "a burstable machine is sized by its CPU credits, which are not measured")
        return
    if not _sizes.saw_an_exam(fleet, workload.metrics["cpu"]):
        yield _reason(fleet, workload, _sizes.NO_EXAM)
        return
    surplus = workload.metrics.get("cpu_surplus_credits_charged")
    if surplus is not None and (charged := float(np.nan_to_num(surplus.maximum).sum())) > 0:
        yield _reason(fleet, workload, f"it paid for {charged:,.0f} surplus credits: it is too small, not too large")
        return
    try:
        known = machine(str(workload.type))
        own = _sizes.candidate(fleet, workload, known)
    except (UnknownMachine, MissingPrice) as error:
        yield _reason(fleet, workload, str(error))
        return
    asked = _sizes.demand(fleet, workload, own)
    vcpus = np.nan_to_num(workload.metrics["cpu"].average, nan=0.0) / 100 * known.vcpus * asked.growth["cpu"]
    least: dict[str, float] = {}
    smaller: list[Candidate] = []
    for size, earned in _sizes_of(known.family).items():
        try:
            other = machine(f"{known.family}.{size}")
            found = _sizes.candidate(fleet, workload, other)
        except (UnknownMachine, MissingPrice):
            continue
        least[other.type] = _least_share(vcpus, other, earned)
        if other.vcpus <= known.vcpus and least[other.type] >= _LEAST_LEFT:
            smaller.append(replace(found, capacity={**found.capacity, "cpu": own.capacity["cpu"]}))
    chosen = one_size(fleet, asked, smaller)
    if chosen.cost > own.price * (1 - _sizes.LEAST_RATIO):
        if "memory" not in asked.used:
            yield _reason(fleet, workload, _sizes.NO_MEMORY)
        return
    new = machine(chosen.base.type)
    lowest = float(np.nanmin(balance.average))
    figures = {
        "Now": f"{own.type}, {known.vcpus:g} vCPU, {known.memory_gib:g} GiB",
        "New": f"{new.type}, {new.vcpus:g} vCPU, {new.memory_gib:g} GiB",
        "Credits": f"never fewer than {lowest:,.0f} in the year",
        "On the new size": f"never below {least[new.type]:.0%} of a full balance, with growth of CPU",
        **_sizes.figures(fleet, workload, asked, chosen),
    }
    yield Action(
        _NAME, OPERATOR, workload.id, f"{workload.name}: {own.type} to {new.type}",
        Swap(_sizes.replacements(workload, own, chosen.base)),
        evidence(fleet, figures, _sizes.charts(fleet, workload)),
        Recipe("resize", target(workload), {"from": own.type, "to": new.type, "windows": []}), "medium",
        "credits, CPU and memory were measured through an exam window", "hours", True,
        f"stop it, set the type back to {own.type}, start it",
        "a restart; it begins without the credits that it had saved", saturated_hours=chosen.saturated_hours,
        price_source="list price against your own bill",
        price_on=fleet.catalogue.price(_sizes.offer(workload, new.type)).as_of,
    )  # fmt: skip


def _sizes_of(family: str) -> dict[str, float]:
    return dict(_EARNED["t2" if family == "t2" else "t3"])


def _least_share(vcpus: Floats, other: Machine, earned: float) -> float:
    """The lowest balance of the year as a share of a full one, full at its beginning; -1 where an hour needs more than
    its vCPUs have with room. `vcpus` (n_hours,): how many were busy on average."""
    if float(vcpus.max(initial=0.0)) > other.vcpus * HEADROOM:
        return -1.0
    level = lowest = full = earned * _HELD_HOURS
    for step in (earned - vcpus * 60).tolist():
        level = min(level + step, full)
        lowest = min(lowest, level)
    return lowest / full


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return _sizes.reason(_NAME, OPERATOR, fleet, workload, why)
