"""Databases that are larger than a whole year needs: one size for the year, for a change of size is a restart.

Cloud SQL is sold by vCPU and GiB, so any size can be had at the prices of the own bill. Of RDS and Aurora no list price
is known here, but AWS prices the sizes of a family in proportion to their normalisation factor (in the price list of
Database Savings Plans of ap-south-2, 22 April 2026, that holds for each of the 38 pairs of family and engine, single
and Multi-AZ), so the own bill tells the other sizes of the same family, engine, deployment and region.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.bill import normalisation_factor
from recommender.checks import _sizes
from recommender.checks._activity import IDLE_CPU_PCT, evidence, target
from recommender.fleet import Fleet, Workload
from recommender.machines import Machine, UnknownMachine, is_burstable, machine, sizes
from recommender.sizing import HEADROOM, PEAK, Candidate, Demand, Sizes, one_size, peak

TITLE = "Databases larger than the year needs"
OPERATOR = Operator.RESIZE
_NAME: Final = "oversized_database"
#: Connections that a GiB carries by default: memory / 12,582,880 bytes of MySQL, the lower of the common engines (AWS,
#: "Quotas and constraints for Amazon RDS"; PostgreSQL divides by 9,531,392).
_CONNECTIONS_PER_GIB: Final = 2**30 / 12_582_880

#: Least and most of Cloud SQL (cloud.google.com, "Instance settings").
_GIB_PER_VCPU: Final = (0.9, 6.5)


def propose(fleet: Fleet) -> Iterator[Action]:
    """A smaller size for each database whose peaks allow it; a reason where a measure or a season is missing."""
    year = np.ones(len(fleet.hours), dtype=np.bool_)
    for workload in fleet.of("database"):
        if workload.type is None or not _sizes.is_measured_whole(workload):
            continue
        if peak(workload.metrics["cpu"], year) < IDLE_CPU_PCT or not _sizes.is_suspect(fleet, workload):
            continue  # idle, or busy enough
        found = _database(fleet, workload)
        if found is not None:
            yield found


def _database(fleet: Fleet, workload: Workload) -> Action | None:
    type_ = str(workload.type)
    if not _sizes.saw_an_exam(fleet, workload.metrics["cpu"]):
        return _reason(fleet, workload, _sizes.NO_EXAM)
    if type_.startswith("db-custom-"):
        return _cloud_sql(fleet, workload)
    if is_burstable(type_):
        return _reason(fleet, workload, "a burstable database is sized by its CPU credits: see the balance before")
    try:
        return _rds(fleet, workload, machine(type_.removeprefix("db.")))
    except UnknownMachine as error:
        return _reason(fleet, workload, str(error))


def _rds(fleet: Fleet, workload: Workload, known: Machine) -> Action | None:
    line = next((x for x in workload.lines if x.sku.split("/")[0] == workload.type), None)
    if line is None:
        return _reason(fleet, workload, "its hours are not on the bill by size, so no price of another can be derived")
    factor = normalisation_factor(known.type.partition(".")[2])
    own = _candidate(known, line.price)
    smaller = [
        _candidate(other, line.price * normalisation_factor(other.type.partition(".")[2]) / factor)
        for other in sizes(known.type) if other.family == known.family and other.vcpus < known.vcpus
    ]  # fmt: skip
    asked = _sizes.demand(fleet, workload, own)
    if "memory" not in asked.used:
        return _reason(fleet, workload, "no memory is measured, and a smaller size of its family has less of it")
    connections = _connections(workload, asked)
    found = one_size(fleet, asked, [one for one in smaller if connections <= _most_connections(one)])
    if found.base.type == own.type:
        return None
    new = machine(found.base.type.removeprefix("db."))
    figures = {
        "Now": f"{own.type}, {known.vcpus:g} vCPU, {known.memory_gib:g} GiB",
        "New": f"{found.base.type}, {new.vcpus:g} vCPU, {new.memory_gib:g} GiB",
        "Connections": f"{connections:,.0f} with room of {_most_connections(found.base):,.0f} by default"
        if "connections" in workload.metrics else "not measured: look at its highest number before",
        "Price": f"{line.price:.4f} {line.currency} an hour on the own bill, in proportion to the size",
        **_sizes.figures(fleet, workload, asked, found),
    }  # fmt: skip
    suffix = line.sku.removeprefix(str(workload.type))
    return _action(
        fleet, workload, found.base.type, figures, found,
        Swap({line.sku: Replacement(f"{found.base.type}{suffix}", found.base.price)}),
        "derived from your own bill: sizes of a family cost in proportion to their normalisation factor",
    )  # fmt: skip


def _candidate(one: Machine, price: float) -> Candidate:
    found = {"cpu": one.throughput, "memory": one.memory_gib, "network": one.network_gbps, "disk": one.disk_mbps}
    return Candidate(f"db.{one.type}", price, {name: value for name, value in found.items() if value})  # type: ignore[misc]


def _connections(workload: Workload, asked: Demand) -> float:
    """The most, grown as CPU is, with a fifth of room; 0 where nobody counted."""
    metric = workload.metrics.get("connections")
    values = np.zeros(0) if metric is None else metric.maximum[np.isfinite(metric.maximum)]
    return float(np.quantile(values, PEAK)) * asked.growth["cpu"] / HEADROOM if len(values) else 0.0


def _most_connections(one: Candidate) -> float:
    return one.capacity["memory"] * _CONNECTIONS_PER_GIB


def _cloud_sql(fleet: Fleet, workload: Workload) -> Action | None:
    """Even vCPUs, memory in steps of 256 MiB."""
    _, _, cores, mib = str(workload.type).split("-")
    own = _sql_size(float(cores), float(mib) / 1024)
    asked = _sizes.demand(fleet, workload, own)
    if "memory" not in asked.used:
        return _reason(fleet, workload, "memory is not measured")
    needs = asked.needs(np.ones(len(fleet.hours), dtype=np.bool_))
    least = max(needs["cpu"], needs["memory"] / _GIB_PER_VCPU[1])
    vcpus = min(max(2.0, 2 * float(np.ceil(least / 2))), own.capacity["cpu"])
    gib = max(float(np.ceil(needs["memory"] * 4) / 4), _GIB_PER_VCPU[0] * vcpus)
    new = _sql_size(vcpus, min(gib, own.capacity["memory"]))
    if vcpus >= own.capacity["cpu"] and new.capacity["memory"] >= 0.9 * own.capacity["memory"]:
        return None
    found = one_size(fleet, asked, [new])
    parts: tuple[tuple[str, str], ...] = (("vCPU", "cpu"), ("RAM", "memory"))
    swap = Swap({
        line.sku: Replacement(line.sku, line.price, new.capacity[name] / own.capacity[name])  # type: ignore[index]
        for line in workload.lines for word, name in parts if word in line.sku
    })  # fmt: skip
    figures = {
        "Now": f"{own.capacity['cpu']:g} vCPU, {own.capacity['memory']:g} GiB",
        "New": f"{new.capacity['cpu']:g} vCPU, {new.capacity['memory']:g} GiB",
        "Needed with room": f"{needs['cpu']:.1f} vCPU, {needs['memory']:.1f} GiB",
        **_sizes.figures(fleet, workload, asked, found),
    }
    return _action(fleet, workload, new.type, figures, found, swap, "your own bill: it is sold by vCPU and GiB")


def _sql_size(vcpus: float, gib: float) -> Candidate:
    return Candidate(f"db-custom-{vcpus:.0f}-{gib * 1024:.0f}", vcpus + gib / 1000, {"cpu": vcpus, "memory": gib})


def _action(
    fleet: Fleet, workload: Workload, new: str, figures: dict[str, str], found: Sizes, swap: Swap, source: str
) -> Action:
    return Action(
        _NAME, OPERATOR, workload.id, f"{workload.name}: {workload.type} to {new}", swap,
        evidence(fleet, figures, _sizes.charts(fleet, workload)),
        Recipe("resize", target(workload), {"from": workload.type, "to": new, "windows": []}), "medium",
        "CPU and memory were measured through an exam window", "hours", True,
        f"set the class back to {workload.type}, in a maintenance window",
        "a restart of some minutes; connections are lost, caches are cold after it",
        saturated_hours=found.saturated_hours, price_source=source,
    )  # fmt: skip


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return _sizes.reason(_NAME, OPERATOR, fleet, workload, why)
