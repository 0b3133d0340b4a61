"""Parts that nothing uses: unattached disks, snapshots, idle addresses, balancers and NAT gateways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from recommender.action import Action, Confidence, Operator, Recipe, Remove
from recommender.checks._activity import evidence, exam_windows, is_kept_for_a_day, is_running, target
from recommender.fleet import Fleet, Kind, Workload

TITLE = "Disks, snapshots, addresses, balancers and gateways that nothing uses"
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
            if is_kept_for_a_day(workload) and exam_windows(fleet):
                confidence = "low"
                why += "; its name or tags speak of an exam or a standby: ask first"
            figures = {
                "Why": why, "State": workload.state or "not known",
                "Billed for": f"{int((workload.hourly > 0).sum() // 24)} days of the last year",
            }  # fmt: skip
            back = "restore it from the snapshot that is taken first" if snapshot_first else "create it again"
            yield Action(
                "unused_parts", OPERATOR, workload.id, f"Delete the {noun} {workload.name}", Remove(),
                evidence(fleet, figures), Recipe("delete", target(workload), {"snapshot_first": snapshot_first}),
                confidence, why, "minutes", False, back, "small: nothing uses it",
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
    return "no capacity unit was used in 30 days and it has no target", "high"


def _nat(fleet: Fleet, workload: Workload) -> Found | None:
    del fleet
    has_bytes = any(
        ("Bytes" in line.meter or "processing" in line.meter) and line.hourly[-_QUIET_HOURS:].any()
        for line in workload.lines
    )
    return None if has_bytes else ("not a byte went through it in 30 days", "high")


Rule = Callable[[Fleet, Workload], Found | None]
_RULES: Final[dict[Kind, tuple[Rule, str, bool]]] = {
    "disk": (_disk, "unattached disk", True), "snapshot": (_snapshot, "snapshot", False),
    "address": (_address, "idle address", False), "balancer": (_balancer, "idle load balancer", False),
    "nat": (_nat, "idle NAT gateway", False),
}  # fmt: skip
