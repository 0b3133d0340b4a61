"""What the checks of sizes share: candidates of machines at their prices, what was used of each dimension, the change
from one type to another, and the evidence. No check by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.design import Floats
from recommender.action import Action, Nothing, Operator, Replacement, Swap
from recommender.checks._activity import evidence, is_running, weekly
from recommender.fleet import Fleet, Metric, Workload
from recommender.machines import Machine, machine, sizes
from recommender.prices import MissingPrice, Offer
from recommender.sizing import MEASURED, Candidate, Demand, Dimension, Sizes, is_measured, peak

#: What a size must save to be worth a restart.
LEAST_RATIO: Final = 0.05
_SUSPECT_PCT: Final = 45.0
#: Unit of a measure of bytes in an hour -> GB.
_GB: Final = {"gb": 1.0, "gib": 1.073741824, "mb": 1e-3, "mib": 1.048576e-3, "bytes": 1e-9, "b": 1e-9}
NO_EXAM: Final = "no exam window was measured: its size for the season is not known"
NO_MEMORY: Final = "no memory is measured, so none may be taken away: install the agent"
_DIMENSIONS: Final[tuple[Dimension, ...]] = ("cpu", "memory", "network", "disk")


def is_measured_whole(workload: Workload) -> bool:
    """Whether it runs and its CPU was measured long enough to say anything."""
    return is_running(workload) and is_measured(workload.metrics.get("cpu"))


def is_suspect(fleet: Fleet, workload: Workload) -> bool:
    """Whether CPU outside exam windows is so low that one expects a smaller size: else what is missing is no item."""
    return peak(workload.metrics["cpu"], ~fleet.in_exam_window) < _SUSPECT_PCT


def saw_an_exam(fleet: Fleet, metric: Metric) -> bool:
    """Whether it was measured in exam windows, as often as counts."""
    inside = np.isfinite(metric.average[fleet.in_exam_window])
    return bool(len(inside) and inside.mean() >= MEASURED)


def scales(workload: Workload) -> bool:
    """Whether its number of machines moved in the year: something scales it."""
    units = np.asarray(sum(line.hourly for line in workload.lines))
    running = units[units > 0]
    return bool(len(running) and np.ptp(running) > 0.01 * running.max())


def demand(fleet: Fleet, workload: Workload, own: Candidate) -> Demand:
    """What was used of each dimension of a type: per cent of its CPU and memory, Gbit/s, MB/s."""
    used: dict[Dimension, Floats] = {}
    for dimension in _DIMENSIONS:
        metric = workload.metrics.get(dimension)
        if metric is None or not is_measured(metric):
            continue
        if dimension in ("cpu", "memory"):
            used[dimension] = metric.maximum / 100 * own.capacity[dimension]
        elif (gb := gb_an_hour(metric)) is not None:
            used[dimension] = gb * 8 / 3600 if dimension == "network" else gb * 1000 / 3600
    return Demand.of(fleet, own, used)


def gb_an_hour(metric: Metric) -> Floats | None:
    """None where the unit is unknown: not measured."""
    factor = _GB.get(metric.unit.strip().lower())
    return None if factor is None else metric.maximum * factor


def candidate(fleet: Fleet, workload: Workload, one: Machine) -> Candidate:
    """A machine at its list price. Raises MissingPrice."""
    capacity: dict[Dimension, float] = {"cpu": one.throughput, "memory": one.memory_gib}
    if one.network_gbps:
        capacity["network"] = one.network_gbps
    if one.disk_mbps:
        capacity["disk"] = one.disk_mbps
    return Candidate(one.type, float(fleet.catalogue.price(offer(workload, one.type)).usd), capacity)


def machine_candidates(fleet: Fleet, workload: Workload, own: Machine) -> list[Candidate]:
    """Types of the same generation with at most as many vCPUs, that have a price here."""
    found = []
    for other in sizes(own.type):
        if other.vcpus <= own.vcpus:
            try:
                found.append(candidate(fleet, workload, other))
            except MissingPrice:
                continue
    return found


def offer(workload: Workload, type_: str) -> Offer:
    """What the catalogue calls a machine type on the workload's system."""
    return Offer("gcp" if workload.provider == "gcp" else "aws", workload.region, _sku(workload, type_))


def _sku(workload: Workload, type_: str) -> str:
    system = workload.lines[0].sku.rpartition("/")[2] if workload.provider == "aws" else ""
    return f"{type_}/{system}" if system else type_


def replacements(workload: Workload, own: Candidate, new: Candidate, units: float = 1.0) -> dict[str, Replacement]:
    """Of AWS a type for a type, at the ratio of their list prices on what the bill charges; of Google fewer cores and
    GiB at the price of the bill. `units` of the new type for one of the old; {} where it is the same."""
    if new.type == own.type:
        return {}
    if workload.provider == "gcp":
        parts = {
            ".core": machine(new.type).vcpus / machine(own.type).vcpus,
            ".ram": new.capacity["memory"] / own.capacity["memory"],
        }
        return {
            line.sku: Replacement(line.sku, line.price, ratio * units)
            for line in workload.lines for ending, ratio in parts.items() if line.sku.endswith(ending)
        }  # fmt: skip
    return {
        line.sku: Replacement(_sku(workload, new.type), line.price * new.price / own.price, units)
        for line in workload.lines if line.sku == _sku(workload, own.type)
    }  # fmt: skip


def swap(fleet: Fleet, workload: Workload, own: Candidate, sizes_: Sizes) -> Swap:
    """The change to sizes by the calendar."""
    return Swap(
        replacements(workload, own, sizes_.base),
        tuple((start, end, replacements(workload, own, one)) for start, end, one in sizes_.windows(fleet)),
    )


def season_values(fleet: Fleet, sizes_: Sizes) -> list[dict[str, str]]:
    """The seasons as a recipe tells them."""
    return [
        {"start": start.isoformat(), "end": end.isoformat(), "type": one.type}
        for start, end, one in sizes_.windows(fleet)
    ]


def figures(fleet: Fleet, workload: Workload, asked: Demand, sizes_: Sizes) -> dict[str, str]:
    """Peaks, room and risk in words."""
    cpu = workload.metrics["cpu"]
    year = np.ones(len(fleet.hours), dtype=np.bool_)
    found = {
        "CPU at its peak": f"{peak(cpu, fleet.in_exam_window):.0f} % in exam windows,"
        f" {peak(cpu, ~fleet.in_exam_window):.0f} % else (99.9 % of hours)",
        "Memory": f"{peak(workload.metrics['memory'], year):.0f} % at its peak"
        if "memory" in asked.used else "not measured: never less",
    }  # fmt: skip
    needs = asked.needs(year)
    units: Mapping[Dimension, str] = {"network": "Gbit/s", "disk": "MB/s"}
    missing = []
    for dimension, unit in units.items():
        if dimension in asked.used:
            have = sizes_.base.capacity.get(dimension)
            room = "what the type has is not known" if have is None else f"the new size has {have:.3g} all the time"
            found[dimension.capitalize()] = f"{needs[dimension]:.3g} {unit} with room; {room}"
        else:
            missing.append(dimension)
    source = "the users' forecast and a prior" if fleet.growth else "a prior"
    times = ", ".join(f"{dimension} x {asked.growth[dimension]:.2f}" for dimension in asked.used)
    found["Room"] = f"growth of {times} (the highest of ten courses, {source}), and a fifth of the new size stays free"
    tight = [one for one in asked.used if needs.get(one, 0.0) >= asked.own.capacity.get(one, np.inf)]
    if tight and not sizes_.seasons:
        found["Room"] += f", but for {' and '.join(tight)}, of which it has no less than now"
    if sizes_.seasons:
        found["Seasons"] = "; ".join(f"{one.type} on {a} to {b}" for a, b, one in sizes_.windows(fleet))
    found["Too small"] = (
        f"{sizes_.saturated_hours:.2f} hours a year; more than one hour of an exam window on"
        f" {sizes_.exam_risk:.0%} of courses"
    )
    if missing:
        found["Not measured"] = f"{' and '.join(missing)}: look before you resize"
    return found


def charts(fleet: Fleet, workload: Workload) -> dict[str, tuple[tuple[str, float], ...]]:
    """The highest of each week."""
    return {
        f"Highest {name} of the week, %": weekly(fleet, metric.maximum)
        for name, metric in workload.metrics.items() if name in ("cpu", "memory")
    }  # fmt: skip


def reason(
    check: str, operator: Operator, fleet: Fleet, workload: Workload, why: str, what: str = "A smaller size for"
) -> Action:
    """An item without a figure."""
    return Action(
        check, operator, workload.id, f"{what} {workload.name}", Nothing(),
        evidence(fleet, {"Type": str(workload.type), "Why not": why}), confidence="low", reason=why,
    )  # fmt: skip
