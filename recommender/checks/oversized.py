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
from recommender.fleet import Fleet, Metric, Workload, exam_mask
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
#: Below this peak, outside exam windows, a machine is worth a look at all.
_SUSPECT_PCT: Final = 45.0
_LEAST_DAYS: Final = 60
#: Share of the hours that a measure must have to count.
_MEASURED: Final = 0.2
#: Days before and after an exam that a season may last; the cheapest pair of sizes says which.
_SEASONS: Final = ((45, 3), (45, 20), (60, 30), (60, 40), (75, 40), (90, 40))


def propose(fleet: Fleet) -> Iterator[Action]:
    """A smaller type for each machine whose peak allows it; a reason where a measure, a season or a type is missing."""
    for workload in fleet.of("machine", "database"):
        cpu = workload.metrics.get("cpu")
        if not is_running(workload) or cpu is None or workload.type is None or any(x.is_spot for x in workload.lines):
            continue
        whole, base = _peak(cpu, np.ones(len(fleet.hours), dtype=np.bool_)), _peak(cpu, ~fleet.in_exam_window)
        # below the least it is idle: another check's business; two sizes are for what is small outside the season only
        if cpu.known * len(fleet.hours) < _LEAST_DAYS * 24 or whole < IDLE_CPU_PCT or not base < _SUSPECT_PCT:
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
    if workload.kind == "database":
        return _reason(fleet, workload, "list prices of databases are not in the catalogue, so no size can be compared")
    try:
        own = machine(str(workload.type))
    except UnknownMachine as error:
        return _reason(fleet, workload, str(error))
    if own.is_burstable:
        return _reason(fleet, workload, "a burstable machine is sized by its CPU credits, which are not measured")
    cpu = workload.metrics["cpu"]
    best: tuple[float, Machine, Machine, tuple[int, int]] | None = None
    for around in _SEASONS:
        window = exam_mask(fleet.hours, fleet.exams, *around)
        exam, base = _fitting(fleet, workload, own, window), _fitting(fleet, workload, own, ~window)
        if exam is None or base is None:
            continue
        share = float(window.mean())
        cost = share * _price(fleet, workload, exam) + (1 - share) * _price(fleet, workload, base)
        if best is None or cost < best[0] * 0.995:
            best = cost, exam, base, around
    if best is None:
        return None
    _, exam, base, around = best
    memory = workload.metrics.get("memory")
    measured = memory is not None and memory.known >= _MEASURED
    if base.type == own.type:
        why = "" if measured else "no memory is measured, so none may be taken away: install the agent"
        return _reason(fleet, workload, why) if why else None
    windows: tuple[tuple[date, date], ...] = ()
    if exam.type != base.type:
        windows = tuple((start - timedelta(days=BEFORE_DAYS), end) for start, end in exam_windows(fleet, *around))
    swap = _swap(fleet, workload, own, base, exam, windows)
    figures = {
        "Now": f"{own.type}, {own.vcpus:g} vCPU, {own.memory_gib:g} GiB",
        "CPU at its peak": f"{_peak(cpu, fleet.in_exam_window):.0f} % in exam windows,"
        f" {_peak(cpu, ~fleet.in_exam_window):.0f} % else (99.9 % of hours)",
        "Memory": f"{_peak(memory, np.ones(len(fleet.hours), dtype=np.bool_)):.0f} % at its peak"
        if measured and memory is not None else "not measured: never less",
        "Room": f"growth x {GROWTH_P90}, and a fifth of the new size stays free",
        **({"In the season": f"{exam.type} from {around[0] + BEFORE_DAYS} days before an exam to {around[1]} after it"}
           if windows else {}),
        "New": f"{base.type}, {base.vcpus:g} vCPU, {base.memory_gib:g} GiB",
        "Not measured": "network and disk of this machine: look before you resize",
    }  # fmt: skip
    season_sizes = [{"start": s.isoformat(), "end": e.isoformat(), "type": exam.type} for s, e in windows]
    values = {"from": own.type, "to": base.type, "windows": season_sizes}
    season = f", {exam.type} for the exam season" if windows and exam.type != own.type else ""
    season = season or (" outside the exam season" if windows else "")
    return Action(
        "oversized", OPERATOR, workload.id, f"{workload.name}: {own.type} to {base.type}{season}", swap,
        evidence(fleet, figures, {f"Highest {name} of the week, %": weekly(fleet, metric.maximum)
                                  for name, metric in workload.metrics.items() if name in ("cpu", "memory")}),
        Recipe("resize", target(workload), values), "medium" if measured else "low",
        "CPU and memory were measured through an exam window" if measured else "memory is not measured, so it stays",
        "hours", True, f"stop it, set the type back to {own.type}, start it",
        "a restart; network and disk were not measured", saturated_hours=0.0,
        price_source="list price against your own bill", price_on=fleet.catalogue.price(_offer(workload, base)).as_of,
    )  # fmt: skip


def _fitting(fleet: Fleet, workload: Workload, own: Machine, hours: NDArray[np.bool_]) -> Machine | None:
    """The cheapest type of the same generation for what was needed in some hours, with growth and headroom; without a
    measure of memory it has as much as now. One's own is one of them, so it is never made larger."""

    def need(name: str, capacity: float) -> float:
        metric = workload.metrics.get(name)
        if metric is None or metric.known < _MEASURED:
            return capacity
        peak = _peak(metric, hours)
        return capacity if np.isnan(peak) else min(peak / 100 * GROWTH_P90 / HEADROOM, 1.0) * capacity

    throughput, memory = need("cpu", own.throughput), need("memory", own.memory_gib)
    best: tuple[float, Machine] | None = None
    for other in sizes(own.type):
        if other.throughput < throughput or other.memory_gib < memory or other.vcpus > own.vcpus:
            continue
        try:
            price = _price(fleet, workload, other)
        except MissingPrice:
            continue
        if best is None or price < best[0]:
            best = price, other
    return None if best is None else best[1]


def _price(fleet: Fleet, workload: Workload, one: Machine) -> float:
    return float(fleet.catalogue.price(_offer(workload, one)).usd)


def _offer(workload: Workload, one: Machine) -> Offer:
    return Offer("gcp" if workload.provider == "gcp" else "aws", workload.region, _sku(one, workload))


def _sku(one: Machine, workload: Workload) -> str:
    system = workload.lines[0].sku.rpartition("/")[2] if workload.provider == "aws" else ""
    return f"{one.type}/{system}" if system else one.type


def _swap(
    fleet: Fleet, workload: Workload, own: Machine, base: Machine, exam: Machine, windows: tuple[tuple[date, date], ...]
) -> Swap:
    """Of AWS a type for a type at its price; of Google fewer cores and GiB at the price of the own bill."""

    def to(new: Machine) -> dict[str, Replacement]:
        if new.type == own.type:
            return {}
        if workload.provider == "gcp":
            parts = {".core": new.vcpus / own.vcpus, ".ram": new.memory_gib / own.memory_gib}
            return {
                line.sku: Replacement(line.sku, line.price, ratio)
                for line in workload.lines for ending, ratio in parts.items() if line.sku.endswith(ending)
            }  # fmt: skip
        return {_sku(own, workload): Replacement(_sku(new, workload), _price(fleet, workload, new))}

    return Swap(to(base), windows, to(exam) if windows else {})


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
