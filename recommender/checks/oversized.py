"""Machines and databases that are larger than a whole year needs, exam season included: one size, or two by calendar.

Sized so that the busiest hour in a thousand, grown as the highest of ten years would, takes four fifths of the new
size, in CPU and in memory; without a measure of memory never less memory. What scales by itself is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.action import Action, Nothing, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import IDLE_CPU_PCT, evidence, exam_windows, is_running, target, weekly
from recommender.fleet import Fleet, Metric, Workload
from recommender.machines import Machine, UnknownMachine, machine, sizes
from recommender.prices import MissingPrice, Offer

TITLE = "Machines and databases larger than the year needs"
OPERATOR = Operator.RESIZE
_PEAK: Final = 0.999
HEADROOM: Final = 0.8
#: Growth of demand in the highest of ten years, where nobody states one: a prior.
GROWTH_P90: Final = 1.2
#: Resized that long before the exam window begins.
BEFORE_DAYS: Final = 14
#: Below this peak a machine is worth a look at all.
_SUSPECT_PCT: Final = 45.0
_LEAST_DAYS: Final = 60


def propose(fleet: Fleet) -> Iterator[Action]:
    """A smaller type for each machine whose peak allows it; a reason where a measure, a season or a type is missing."""
    for workload in fleet.of("machine", "database"):
        cpu = workload.metrics.get("cpu")
        if not is_running(workload) or cpu is None or workload.type is None or any(x.is_spot for x in workload.lines):
            continue
        peak = _peak(cpu, np.ones(len(fleet.hours), dtype=np.bool_))
        # below the least it is idle: another check's business
        if cpu.known * len(fleet.hours) < _LEAST_DAYS * 24 or not IDLE_CPU_PCT <= peak < _SUSPECT_PCT:
            continue
        if not (np.isfinite(cpu.average) & fleet.in_exam_window).any():
            yield _reason(fleet, workload, "no exam window was measured: its size for the season is not known")
            continue
        found = _cloud_sql(fleet, workload) if workload.type.startswith("db-custom") else _machine(fleet, workload)
        if found is not None:
            yield found


def _peak(metric: Metric, hours: NDArray[np.bool_]) -> float:
    """The highest hour in a thousand of the hours, by the maximum within hours; NaN if none was measured."""
    values = metric.maximum[hours & np.isfinite(metric.maximum)]
    return float(np.quantile(values, _PEAK)) if len(values) else float("nan")


def _needs(fleet: Fleet, workload: Workload, capacity: float, name: str) -> tuple[float, float] | None:
    """What is needed of a capacity in exam windows and outside them, with growth and headroom; None if not measured."""
    metric = workload.metrics.get(name)
    if metric is None or metric.known < 0.2:
        return None
    window = fleet.in_exam_window
    found = [_peak(metric, window), _peak(metric, ~window)]
    # growth beyond what it has today is another question: it is not made larger here
    exam, base = (min(value / 100 * GROWTH_P90 / HEADROOM, 1.0) * capacity for value in found)
    return exam, base


def _machine(fleet: Fleet, workload: Workload) -> Action | None:
    try:
        own = machine(str(workload.type))
    except UnknownMachine as error:
        return _reason(fleet, workload, str(error))
    if own.is_burstable:
        return _reason(fleet, workload, "a burstable machine is sized by its CPU credits, which are not measured")
    cpu, memory = _needs(fleet, workload, own.throughput, "cpu"), _needs(fleet, workload, own.memory_gib, "memory")
    if cpu is None:
        return None
    chosen = [
        _cheapest(fleet, workload, own, cpu[at], own.memory_gib if memory is None else memory[at]) for at in (0, 1)
    ]
    exam, base = chosen
    if base is None or base.type == own.type:
        why = "no memory is measured, so none may be taken away: install the agent" if memory is None else ""
        return _reason(fleet, workload, why) if why else None
    windows: tuple[tuple[date, date], ...] = ()
    stays = own if exam is None else exam
    if stays.type != base.type:
        # larger only for the season: no change inside the window, which the lead before it belongs to
        windows = tuple((start - timedelta(days=BEFORE_DAYS), end) for start, end in exam_windows(fleet))
    try:
        swap = _swap(fleet, workload, own, base, windows)
    except MissingPrice as error:
        return _reason(fleet, workload, str(error))
    figures = {
        "Now": f"{own.type}, {own.vcpus:g} vCPU, {own.memory_gib:g} GiB",
        "CPU at its peak": f"{_peak(workload.metrics['cpu'], fleet.in_exam_window):.0f} % in exam windows,"
        f" {_peak(workload.metrics['cpu'], ~fleet.in_exam_window):.0f} % else (99.9 % of hours)",
        "Needed with growth and headroom": f"{max(cpu) / own.speed:.1f} vCPU of its kind"
        + (f", {max(memory):.1f} GiB" if memory else ", memory not measured: never less"),
        "New": f"{base.type}, {base.vcpus:g} vCPU, {base.memory_gib:g} GiB",
        "Not measured": "network and disk of this machine: look before you resize",
    }  # fmt: skip
    season_sizes = [{"start": s.isoformat(), "end": e.isoformat(), "type": own.type} for s, e in windows]
    values = {"from": own.type, "to": base.type, "windows": season_sizes}
    season = " outside the exam season" if windows else ""
    return Action(
        "oversized", OPERATOR, workload.id, f"{workload.name}: {own.type} to {base.type}{season}", swap,
        evidence(fleet, figures, {f"Highest {name} of the week, %": weekly(fleet, metric.maximum)
                                  for name, metric in workload.metrics.items() if name in ("cpu", "memory")}),
        Recipe("resize", target(workload), values), "medium" if memory else "low",
        "CPU and memory were measured through an exam window" if memory else "memory is not measured, so it stays",
        "hours", True, f"stop it, set the type back to {own.type}, start it",
        "a restart; network and disk were not measured", saturated_hours=0.0,
        price_source="list price against your own bill", price_on=fleet.catalogue.price(_offer(workload, base)).as_of,
    )  # fmt: skip


def _cheapest(fleet: Fleet, workload: Workload, own: Machine, throughput: float, memory: float) -> Machine | None:
    """The cheapest type of the same generation that holds both; one's own is one of them."""
    best: tuple[float, Machine] | None = None
    for other in sizes(own.type):
        if other.throughput < throughput or other.memory_gib < memory or other.vcpus > own.vcpus:
            continue
        try:
            price = float(fleet.catalogue.price(_offer(workload, other)).usd)
        except MissingPrice:
            continue
        if best is None or price < best[0]:
            best = price, other
    return None if best is None else best[1]


def _offer(workload: Workload, one: Machine) -> Offer:
    return Offer("gcp" if workload.provider == "gcp" else "aws", workload.region, _sku(one, workload))


def _sku(one: Machine, workload: Workload) -> str:
    system = workload.lines[0].sku.rpartition("/")[2] if workload.provider == "aws" else ""
    return f"{one.type}/{system}" if system else one.type


def _swap(fleet: Fleet, workload: Workload, own: Machine, new: Machine, windows: tuple[tuple[date, date], ...]) -> Swap:
    """Of AWS a type for a type at its price; of Google fewer cores and GiB at the price of the own bill."""
    if workload.provider == "gcp":
        parts = {".core": new.vcpus / own.vcpus, ".ram": new.memory_gib / own.memory_gib}
        return Swap({
            line.sku: Replacement(line.sku, line.price, ratio)
            for line in workload.lines for ending, ratio in parts.items() if line.sku.endswith(ending)
        }, windows)  # fmt: skip
    price = float(fleet.catalogue.price(_offer(workload, new)).usd)
    return Swap({_sku(own, workload): Replacement(_sku(new, workload), price)}, windows)


def _cloud_sql(fleet: Fleet, workload: Workload) -> Action | None:
    """Cloud SQL is sold by vCPU and GiB, so any size can be had (even vCPUs, memory in steps of 256 MiB)."""
    _, _, cores, mib = str(workload.type).split("-")
    vcpus, gib = float(cores), float(mib) / 1024
    cpu, memory = _needs(fleet, workload, vcpus, "cpu"), _needs(fleet, workload, gib, "memory")
    if cpu is None or memory is None:
        return _reason(fleet, workload, "CPU or memory is not measured")
    new_cpu = max(2.0, 2 * float(np.ceil(max(cpu) / 2)))
    # at least 0.9 GiB a vCPU, at most 6.5 (cloud.google.com, "Instance settings")
    new_gib = float(np.clip(np.ceil(max(memory) * 4) / 4, 0.9 * new_cpu, 6.5 * new_cpu))
    if new_cpu >= vcpus and new_gib >= 0.9 * gib:
        return None
    new_cpu, new_gib = min(new_cpu, vcpus), min(new_gib, gib)
    swap = Swap({
        line.sku: Replacement(line.sku, line.price, ratio)
        for line in workload.lines
        for word, ratio in (("vCPU", new_cpu / vcpus), ("RAM", new_gib / gib)) if word in line.sku
    })  # fmt: skip
    new = f"db-custom-{new_cpu:.0f}-{new_gib * 1024:.0f}"
    figures = {
        "Now": f"{vcpus:g} vCPU, {gib:g} GiB", "New": f"{new_cpu:g} vCPU, {new_gib:g} GiB",
        "Needed with growth and headroom": f"{max(cpu):.1f} vCPU, {max(memory):.1f} GiB",
    }  # fmt: skip
    return Action(
        "oversized", OPERATOR, workload.id, f"{workload.name}: {workload.type} to {new}", swap,
        evidence(fleet, figures),
        Recipe("resize", target(workload), {"from": workload.type, "to": new, "windows": []}), "medium",
        "CPU and memory were measured through an exam window", "hours", True, f"set the tier back to {workload.type}",
        "a restart of some minutes; connections are lost", saturated_hours=0.0, price_source="your own bill",
    )  # fmt: skip


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return Action(
        "oversized", OPERATOR, workload.id, f"A smaller size for {workload.name}", Nothing(),
        evidence(fleet, {"Type": str(workload.type), "Why not": why}), confidence="low", reason=why,
    )  # fmt: skip
