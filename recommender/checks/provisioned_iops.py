"""EBS volumes that pay for more IOPS or throughput than they use: io1, io2, and gp3 above what its price holds.

What is provisioned is what the bill charges, what is used is what was measured through an exam window; the rest is
given back at the prices of the own bill. A volume is changed while it is in use, but at most every six hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from models.design import Floats
from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks import _sizes
from recommender.checks._activity import evidence, is_running, target, weekly
from recommender.fleet import Fleet, Line, Workload
from recommender.sizing import Candidate, Demand, is_measured

TITLE = "Volumes with more IOPS or throughput than they use"
OPERATOR = Operator.RESIZE
_NAME: Final = "provisioned_iops"
#: What a volume has at least, by its kind: IOPS, and MiB/s where they are sold (AWS, "Amazon EBS volume types").
_LEAST_IOPS: Final = {"gp3": 3000.0, "io1": 100.0, "io2": 100.0}
_LEAST_MIBPS: Final = 125.0
#: Bought in such steps.
_STEP_IOPS, _STEP_MIBPS = 100.0, 5.0
_A_SECOND: Final = ("iops", "ops/s", "1/s", "count/second")
_MIB_A_GB: Final = 1e9 / 2**20


def propose(fleet: Fleet) -> Iterator[Action]:
    """Fewer IOPS or MiB/s for each volume that has a measure of them; a reason for those that have none."""
    for workload in fleet.of("disk"):
        if not is_running(workload):
            continue
        kinds = {line.sku.split(".")[0] for line in workload.lines} & set(_LEAST_IOPS)
        bought = [x for x in workload.lines if ".iops" in x.sku or x.sku.endswith(".throughput") if _units(x) > 0]
        if len(kinds) == 1 and bought:
            yield _volume(fleet, workload, kinds.pop(), bought)


def _volume(fleet: Fleet, workload: Workload, kind: str, bought: list[Line]) -> Action:
    ops = workload.metrics.get("disk_ops") or workload.metrics.get("iops")
    iops = sorted((line for line in bought if ".iops" in line.sku), key=lambda line: line.sku)
    speed = [line for line in bought if line.sku.endswith(".throughput")]
    figures: dict[str, str] = {}
    values: dict[str, object] = {"type": kind, "from": kind, "size_gib": round(_size_gib(workload, kind), 1)}
    # what gp3 has in its price is not on the bill
    free = _LEAST_IOPS[kind] if kind == "gp3" else 0.0
    have = free + sum(_units(line) for line in iops)
    if ops is not None and ops.unit.strip().lower() not in _A_SECOND:
        return _reason(fleet, workload, f"its operations are measured in {ops.unit or 'no unit'}, not a second")
    if not is_measured(ops) or ops is None:
        return _reason(fleet, workload, "its operations a second are not measured (metric disk_ops)")
    if not _sizes.saw_an_exam(fleet, ops):
        return _reason(fleet, workload, _sizes.NO_EXAM)
    need = _need(fleet, have, ops.maximum, _STEP_IOPS, _LEAST_IOPS[kind])
    fewer = _fewer(iops, need - free)
    values["iops"] = round(need if fewer else have)
    figures["IOPS"] = f"{have:,.0f} provisioned, {float(np.nanmax(ops.maximum)):,.0f} at most used; {need:,.0f} needed"
    swap = fewer
    moved = workload.metrics.get("disk")
    gb = None if moved is None or not is_measured(moved) else _sizes.gb_an_hour(moved)
    if kind == "gp3":
        # the bill counts GiB/s and month
        now = _LEAST_MIBPS + sum(_units(line) * 1024 for line in speed)
        wanted = now if gb is None else _need(fleet, now, gb * _MIB_A_GB / 3600, _STEP_MIBPS, _LEAST_MIBPS)
        slower = _fewer(speed, (wanted - _LEAST_MIBPS) / 1024)
        values["throughput_mibps"] = round(wanted if slower else now)
        figures["Throughput"] = f"{now:,.0f} MiB/s provisioned, {wanted:,.0f} needed" + (
            "" if gb is not None else ": not measured, so it stays"
        )
        swap = fewer | slower
    if not swap:
        return _reason(fleet, workload, f"what is provisioned is needed: {figures['IOPS']}")
    return Action(
        _NAME, OPERATOR, workload.id,
        f"{workload.name}: {have:,.0f} to {need:,.0f} IOPS" if fewer else f"{workload.name}: less throughput",
        Swap(swap), evidence(fleet, figures, {"Most operations a second of the week": weekly(fleet, ops.maximum)}),
        Recipe("change_volume", target(workload), values), "medium",
        "operations were measured through an exam window, as means of an hour or less", "minutes", False,
        f"set {have:,.0f} IOPS again, six hours later at the earliest",
        "short bursts above the measure wait; the volume stays attached", price_source="your own bill",
    )  # fmt: skip


def _units(line: Line) -> float:
    """What is provisioned: units of a month, as an hour of the last 30 days is billed."""
    return float(line.hourly[-30 * 24 :].mean() * 730)


def _size_gib(workload: Workload, kind: str) -> float:
    return sum(_units(line) for line in workload.lines if line.sku == kind)


def _need(fleet: Fleet, have: float, used: Floats, step: float, least: float) -> float:
    """With growth and room, in whole steps, at most what there is."""
    demand = Demand.of(fleet, Candidate("volume", 0.0, {"disk": have}), {"disk": used})
    need = demand.needs(np.ones(len(fleet.hours), dtype=np.bool_))["disk"]
    return min(max(float(np.ceil(need / step - 1e-9)) * step, least), have)


def _fewer(lines: list[Line], left: float) -> dict[str, Replacement]:
    """So many units in all, the first tiers first; nothing where less than a twentieth would go."""
    whole = sum(_units(line) for line in lines)
    if not whole or left > whole * (1 - _sizes.LEAST_RATIO):
        return {}
    found = {}
    for line in lines:
        kept = min(_units(line), max(left, 0.0))
        left -= kept
        found[line.sku] = Replacement(line.sku, line.price, kept / _units(line))
    return found


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return _sizes.reason(_NAME, OPERATOR, fleet, workload, why, "Fewer IOPS for")
