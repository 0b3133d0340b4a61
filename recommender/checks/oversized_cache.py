"""Nodes of ElastiCache with more memory than a whole year's data need: one size, for a change of node loses or copies
what is in it. Memory decides; a node that evicts is full, whatever it says, and without its measure it stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks import _sizes
from recommender.checks._activity import IDLE_CPU_PCT, evidence, target
from recommender.fleet import Fleet, Line, Workload
from recommender.machines import Machine, UnknownMachine, cache_node, cache_sizes
from recommender.prices import MissingPrice, Offer
from recommender.sizing import Candidate, is_measured, one_size, peak

TITLE = "Caches larger than their data"
OPERATOR = Operator.RESIZE
_NAME: Final = "oversized_cache"
#: Above this peak of memory no smaller node would do: a reason is not worth an item.
_SUSPECT_PCT: Final = 60.0


def propose(fleet: Fleet) -> Iterator[Action]:
    """A smaller node for each cache whose memory and CPU allow it; a reason where it could be but is not known."""
    year = np.ones(len(fleet.hours), dtype=np.bool_)
    for workload in fleet.of("cache"):
        line = next((x for x in workload.lines if x.sku.startswith(f"{workload.type}/")), None)
        if line is None or not _sizes.is_measured_whole(workload) or peak(workload.metrics["cpu"], year) < IDLE_CPU_PCT:
            continue
        memory = workload.metrics.get("memory")
        if not is_measured(memory):
            yield _reason(fleet, workload, "its memory is not measured, so none may be taken away")
        elif peak(memory, year) < _SUSPECT_PCT:  # type: ignore[arg-type]
            yield from _node(fleet, workload, line)


def _node(fleet: Fleet, workload: Workload, line: Line) -> Iterator[Action]:
    if not _sizes.saw_an_exam(fleet, workload.metrics["cpu"]):
        yield _reason(fleet, workload, _sizes.NO_EXAM)
        return
    evicted = workload.metrics.get("evictions")
    if evicted is not None and float(np.nan_to_num(evicted.maximum).max()) > 0:
        yield _reason(fleet, workload, "it evicted data in the year: it is full, however much it says is free")
        return
    try:
        known = cache_node(str(workload.type))
        listed = _price(fleet, workload, line, known)
    except (UnknownMachine, MissingPrice) as error:
        yield _reason(fleet, workload, str(error))
        return
    own = _candidate(known, line.price)
    smaller = []
    for other in cache_sizes(known.type):
        try:
            # the ratio of the list prices on what the bill charges: both may have moved since they were read
            smaller.append(_candidate(other, line.price * _price(fleet, workload, line, other) / listed))
        except MissingPrice:
            continue
    asked = _sizes.demand(fleet, workload, own)
    found = one_size(fleet, asked, smaller)
    if found.cost > own.price * (1 - _sizes.LEAST_RATIO):
        return
    new = cache_node(found.base.type)
    figures = {
        "Now": f"{own.type}, {known.vcpus:g} vCPU, {known.memory_gib:g} GiB for data",
        "New": f"{new.type}, {new.vcpus:g} vCPU, {new.memory_gib:g} GiB for data",
        "Evictions": "none in the year" if evicted is not None else "not measured: look that there were none",
        **_sizes.figures(fleet, workload, asked, found),
    }
    engine = line.sku.partition("/")[2]
    offer = fleet.catalogue.price(Offer("aws", workload.region, f"{new.type}/{engine}"))
    yield Action(
        _NAME, OPERATOR, workload.id, f"{workload.name}: {own.type} to {new.type}",
        Swap({line.sku: Replacement(f"{new.type}/{engine}", found.base.price)}),
        evidence(fleet, figures, _sizes.charts(fleet, workload)),
        Recipe("resize", target(workload), {"from": own.type, "to": new.type, "windows": []}),
        "medium" if evicted is not None else "low",
        "memory was measured through an exam window" + ("" if evicted is not None else "; evictions were not"),
        "hours", True, f"set the node type back to {own.type}",
        "connections are lost for a moment; a node without a replica loses its data",
        saturated_hours=found.saturated_hours, price_source=f"your own bill, in the ratio of {offer.source}",
        price_on=offer.as_of,
    )  # fmt: skip


def _candidate(one: Machine, price: float) -> Candidate:
    return Candidate(one.type, price, {"cpu": one.throughput, "memory": one.memory_gib})


def _price(fleet: Fleet, workload: Workload, line: Line, one: Machine) -> float:
    sku = f"{one.type}/{line.sku.partition('/')[2]}"
    return float(fleet.catalogue.price(Offer("aws", workload.region, sku)).usd)


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return _sizes.reason(_NAME, OPERATOR, fleet, workload, why)
