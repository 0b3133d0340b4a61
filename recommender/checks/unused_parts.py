"""Parts that nothing uses: disks, snapshots, addresses, balancers, gateways, endpoints, log groups.

What was used in the last exam window is dormant, not idle: it stays, with the day on which it was last used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.action import Action, Confidence, Nothing, Operator, Recipe, Remove
from recommender.checks._activity import evidence, exam_windows, is_kept_for_a_day, is_running, last_active, target
from recommender.fleet import Fleet, Kind, Workload

TITLE = "Disks, snapshots, addresses, balancers, gateways, endpoints and log groups that nothing uses"
OPERATOR = Operator.REMOVE
_UNUSED_STATES: Final = frozenset({"available", "reserved", "unattached"})
_QUIET_HOURS: Final = 30 * 24


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each part that is billed though nothing uses it, as far as bill and inventory can say."""
    for kind, (rule, noun, snapshot_first) in _RULES.items():
        for workload in fleet.of(kind):
            if not is_running(workload):
                continue
            found = rule(fleet, workload)
            if found is None:
                continue
            why, confidence = found
            used = _used(workload)
            if (used & fleet.in_exam_window).any():
                yield _dormant(fleet, workload, noun, used)
                continue
            if is_kept_for_a_day(workload) and exam_windows(fleet):
                confidence = "low"
                why += "; its name or tags speak of an exam or a standby: ask first"
            figures = {
                "Why": why, "State": workload.state or "not known",
                "Billed for": f"{int((workload.hourly > 0).sum() // 24)} days of the last year",
            }  # fmt: skip
            back = "restore it from the snapshot that is taken first" if snapshot_first else "create it again"
            if kind in ("snapshot", "log"):
                back = "none: what it held is gone"
            yield Action(
                "unused_parts", OPERATOR, workload.id, f"Delete the {noun} {workload.name}", Remove(),
                evidence(fleet, figures), Recipe("delete", target(workload), {"snapshot_first": snapshot_first}),
                confidence, why, "minutes", False, back, "small: nothing uses it",
            )  # fmt: skip


#: Parts of meters that count use, not existence.
_USE: Final = ("Bytes", "processing", "LCU")


def _used(workload: Workload) -> NDArray[np.bool_]:
    """For each hour whether a meter or a measure says that it was used, (n_hours,)."""
    found = np.zeros(len(workload.hourly), dtype=np.bool_)
    for line in workload.lines:
        if any(word in line.meter for word in _USE) and "TimedStorage" not in line.meter:
            found |= line.hourly > 0
    for name in ("requests", "network"):
        if name in workload.metrics:
            found |= np.nan_to_num(workload.metrics[name].average) > 0
    return found


def _dormant(fleet: Fleet, workload: Workload, noun: str, used: NDArray[np.bool_]) -> Action:
    why = "it was used in the last exam window: dormant, not idle"
    figures = {"Last used": last_active(fleet, used), "Dormant, not idle": why}
    return Action(
        "unused_parts", OPERATOR, workload.id, f"Keep the {noun} {workload.name} for the exam", Nothing(),
        evidence(fleet, figures), None, "low", why, "minutes", reason=f"{why}; delete and create it anew only by hand",
    )  # fmt: skip


Found = tuple[str, Confidence]


def _is_unused(workload: Workload) -> bool:
    users = workload.attributes.get("users")
    return (workload.state or "").lower() in _UNUSED_STATES or (isinstance(users, list) and not users)


def _disk(fleet: Fleet, workload: Workload) -> Found | None:
    del fleet
    return ("it is attached to nothing", "high") if _is_unused(workload) else None


def _snapshot(fleet: Fleet, workload: Workload) -> Found | None:
    del fleet
    # age alone proves nothing: a snapshot of before a migration may be the only copy, so it takes the inventory's word
    return ("no machine image and no volume refers to it", "medium") if _is_unused(workload) else None


def _address(fleet: Fleet, workload: Workload) -> Found | None:
    del fleet
    is_idle = any("Idle" in line.meter for line in workload.lines)
    return ("no running machine has it", "high") if is_idle or _is_unused(workload) else None


def _balancer(fleet: Fleet, workload: Workload) -> Found | None:
    del fleet
    requests = workload.metrics.get("requests")
    if requests is not None:
        return None if (requests.average[-_QUIET_HOURS:] > 0).any() else ("no request in 30 days", "high")
    has_units = any("LCU" in line.meter and line.hourly[-_QUIET_HOURS:].any() for line in workload.lines)
    if has_units or not _is_unused(workload):
        return None
    return "no capacity unit was used in 30 days and it has no healthy target", "high"


def _way(fleet: Fleet, workload: Workload) -> Found | None:
    """NAT gateways and endpoints: where hours are billed, bytes would be too (as Custodian)."""
    del fleet
    return None if _used(workload)[-_QUIET_HOURS:].any() else ("not a byte went through it in 30 days", "high")


def _log(fleet: Fleet, workload: Workload) -> Found | None:
    # all of the year, an exam window in it: what is written once a season is no zombie
    stores = any("TimedStorage" in line.meter for line in workload.lines)
    if not stores or _used(workload).any() or not fleet.in_exam_window.any():
        return None
    return "nothing was written to it in a year, an exam window in it", "medium"


Rule = Callable[[Fleet, Workload], Found | None]
_RULES: Final[dict[Kind, tuple[Rule, str, bool]]] = {
    "disk": (_disk, "unattached disk", True), "snapshot": (_snapshot, "snapshot", False),
    "address": (_address, "idle address", False), "balancer": (_balancer, "idle load balancer", False),
    "nat": (_way, "idle NAT gateway", False), "endpoint": (_way, "idle VPC endpoint", False),
    "log": (_log, "log group that nothing writes to", False),
}  # fmt: skip
