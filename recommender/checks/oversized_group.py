"""Groups whose machines have another shape than their work: the template changes, the count stays the group's own.

How many machines run is decided by the group's own scaling and is never touched. What scales by CPU keeps its vCPUs
times their speed: of smaller machines there are more, of another shape as many. Memory is judged by the machine, for
each carries the same programs: a type with less of it is taken only if no machine ever needed more. Nodes of Kubernetes
are filled by what pods ask for, not by what they use: their shape is not judged by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Recipe, Swap
from recommender.checks import _sizes
from recommender.checks._activity import IDLE_CPU_PCT, evidence, target
from recommender.fleet import Fleet, Workload
from recommender.machines import Machine, UnknownMachine, machine
from recommender.prices import MissingPrice
from recommender.sizing import Candidate, Demand, one_size, peak

TITLE = "Groups whose machines have the wrong shape"
OPERATOR = Operator.RESIZE
_NAME: Final = "oversized_group"
#: Machines this much larger or smaller than now: beyond it the group would scale in steps too coarse, or in a crowd.
_MOST_RATIO: Final = 2.0
_KUBERNETES: Final = re.compile(r"(?<![a-z])(eks|kubernetes|k8s|karpenter)(?![a-z])", re.IGNORECASE)


def propose(fleet: Fleet) -> Iterator[Action]:
    """Another type for each group that has too much memory for its CPU; a reason where a measure is missing."""
    year = np.ones(len(fleet.hours), dtype=np.bool_)
    for workload in fleet.of("group", "node_pool"):
        if not _sizes.is_measured_whole(workload) or any(line.is_spot for line in workload.lines):
            continue
        if peak(workload.metrics["cpu"], year) < IDLE_CPU_PCT:
            continue
        if any(one.nodes == workload.id for one in fleet.pods):
            continue  # the check of requests speaks of them
        if workload.kind == "node_pool" or any(_KUBERNETES.search(key) for key in workload.tags):
            yield _reason(fleet, workload, "pods fill its nodes by what they ask for, and that is not known")
            continue
        yield from _group(fleet, workload)


def _group(fleet: Fleet, workload: Workload) -> Iterator[Action]:
    try:
        known = machine(str(workload.type))
        own = _sizes.candidate(fleet, workload, known)
    except (UnknownMachine, MissingPrice) as error:
        yield _reason(fleet, workload, str(error))
        return
    if not _sizes.saw_an_exam(fleet, workload.metrics["cpu"]):
        yield _reason(fleet, workload, _sizes.NO_EXAM)
        return
    asked = _sizes.demand(fleet, workload, own)
    if "memory" not in asked.used:
        yield _reason(fleet, workload, "the memory of its machines is not measured, so none may be taken away")
        return
    scales = _sizes.scales(workload)
    if scales:
        # more users are more machines, not busier ones: the scaling holds its target
        asked = replace(asked, courses={name: np.ones_like(values) for name, values in asked.courses.items()})
    found = one_size(fleet, asked, list(_others(fleet, workload, known, asked, scales)))
    if found.cost > own.price * (1 - _sizes.LEAST_RATIO):
        return
    new = machine(found.base.type)
    units = known.throughput / new.throughput if scales else 1.0
    listed = _sizes.candidate(fleet, workload, new)
    figures = {
        "Now": f"{own.type}, {known.vcpus:g} vCPU, {known.memory_gib:g} GiB each",
        "New": f"{new.type}, {new.vcpus:g} vCPU, {new.memory_gib:g} GiB each",
        "Machines": f"{units:.3g} for each of today, by vCPUs times speed" if scales else "as many as today",
        **_sizes.figures(fleet, workload, asked, found),
        **({"Room": "a fifth of the new machine stays free; growth brings more machines"} if scales else {}),
    }  # fmt: skip
    price = fleet.catalogue.price(_sizes.offer(workload, new.type))
    yield Action(
        _NAME, OPERATOR, workload.id, f"{workload.name}: template from {own.type} to {new.type}",
        Swap(_sizes.replacements(workload, own, listed, units)),
        evidence(fleet, figures, _sizes.charts(fleet, workload)),
        Recipe("resize_template", target(workload), {"from": own.type, "to": new.type, "units": round(units, 3)}),
        "medium", "CPU and memory of its machines were measured through an exam window", "hours", False,
        f"set the template back to {own.type} and refresh again",
        "a rolling refresh; new machines must start well before a crowd", saturated_hours=found.saturated_hours,
        price_source=price.source, price_on=price.as_of,
    )  # fmt: skip


def _others(fleet: Fleet, workload: Workload, known: Machine, asked: Demand, scales: bool) -> Iterator[Candidate]:
    """Types of the same generation at the price of the work of one machine of today. Where the number scales, CPU per
    machine stays what it is, for there are as many more; memory never shrinks with the machine."""
    for other in _sizes.machine_candidates(fleet, workload, known):
        ratio = known.throughput / machine(other.type).throughput
        if not scales:
            yield other
        elif 1 <= ratio <= _MOST_RATIO:
            yield replace(
                other, price=other.price * ratio, capacity={**other.capacity, "cpu": asked.own.capacity["cpu"]}
            )


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return _sizes.reason(_NAME, OPERATOR, fleet, workload, why, "Another shape for the machines of")
