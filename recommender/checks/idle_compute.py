"""Machines, databases and caches that nobody uses: removed if idle, stopped until the exam if dormant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from recommender.action import Action, Operator, Recipe, Remove, Run
from recommender.checks._activity import (
    IDLE_CPU_PCT,
    active_hours,
    evidence,
    exam_windows,
    is_kept_for_a_day,
    is_running,
    known_days,
    last_active,
    target,
    weekly,
)
from recommender.fleet import Fleet, Workload

TITLE = "Idle machines, databases and caches"
OPERATOR = Operator.REMOVE
#: AWS Compute Optimizer and Google's recommender look at 14 days; a month holds a month's end too.
QUIET_DAYS: Final = 30
#: Meters that go on while a machine or database is stopped.
_STORAGE: Final = ("Storage", "storage", "Backup")


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each machine without any activity in 30 days: removed, or stopped until the exam it waits for."""
    for workload in fleet.of("machine", "database", "cache", "search", "node_pool", "group"):
        if not is_running(workload):
            continue
        active = active_hours(workload)
        if active is None or known_days(workload) < QUIET_DAYS or active[-QUIET_DAYS * 24 :].any():
            continue
        in_exam = bool((active & fleet.in_exam_window).any())
        if in_exam or is_kept_for_a_day(workload) or not fleet.in_exam_window.any():
            yield _dormant(fleet, workload, active, in_exam)
        else:
            yield _idle(fleet, workload, active)


#: Tags that name the cluster and the pool of a node, small letters and dashes.
_CLUSTER_TAGS: Final = ("goog-k8s-cluster-name", "eks-cluster-name", "aws-eks-cluster-name")
_POOL_TAGS: Final = ("goog-k8s-node-pool-name", "eks-nodegroup-name")


def _figures(fleet: Fleet, workload: Workload, active: np.ndarray) -> dict[str, str]:
    figures = {"Last active": last_active(fleet, active), "Quiet for": f"{_quiet_days(active)} days"}
    if (cpu := workload.metrics.get("cpu")) is not None:
        recent = cpu.maximum[-QUIET_DAYS * 24 :]
        figures["Highest CPU in 30 days"] = f"{np.nanmax(recent):.1f} % (idle below {IDLE_CPU_PCT:g} %)"
        if np.isfinite(cpu.maximum[fleet.in_exam_window]).any():
            figures["Highest CPU in the exam window"] = f"{np.nanmax(cpu.maximum[fleet.in_exam_window]):.1f} %"
    if (pods := workload.metrics.get("pods")) is not None:
        most = float(np.nanmax(pods.average[-QUIET_DAYS * 24 :]))
        figures["Pods in 30 days"] = f"asked for {most:.1%} of the nodes at the most (cost allocation of the bill)"
    if "connections" in workload.metrics:
        most = np.nanmax(workload.metrics["connections"].maximum[-QUIET_DAYS * 24 :])
        figures["Connections in 30 days"] = f"{most:.0f}"
    return figures


def _quiet_days(active: np.ndarray) -> int:
    when = np.flatnonzero(active)
    return (len(active) - 1 - int(when[-1])) // 24 if len(when) else len(active) // 24


def _chart(fleet: Fleet, workload: Workload) -> dict[str, tuple[tuple[str, float], ...]]:
    cpu = workload.metrics.get("cpu")
    return {} if cpu is None else {"Highest CPU of the week, %": weekly(fleet, cpu.maximum)}


def _is_nodes(workload: Workload) -> bool:
    """Nodes of Kubernetes or a group of machines: they are scaled to none, not deleted."""
    return workload.kind in ("node_pool", "group")


def _recipe(workload: Workload, verb: str, values: dict[str, Any]) -> Recipe:
    """A verb and its values; of nodes that they are scaled to none, cluster and pool as their tags name them."""
    if not _is_nodes(workload):
        return Recipe(verb, target(workload), values)
    tags = {key.lower().replace("_", "-").replace(":", "-"): value for key, value in workload.tags.items()}
    cluster = next((tags[key] for key in _CLUSTER_TAGS if tags.get(key)), "")
    pool = next((tags[key] for key in _POOL_TAGS if tags.get(key)), workload.name)
    return Recipe("empty_pool", target(workload), {"cluster": cluster, "pool": pool})


def _idle(fleet: Fleet, workload: Workload, active: np.ndarray) -> Action:
    noun = "database" if workload.kind == "database" else "machine" if workload.kind == "machine" else workload.kind
    return Action(
        "idle_compute", OPERATOR, workload.id, f"Remove the idle {noun} {workload.name}", Remove(),
        evidence(fleet, _figures(fleet, workload, active), _chart(fleet, workload)),
        _recipe(workload, "delete", {"snapshot_first": True}), "high",
        f"no activity in {_quiet_days(active)} days, an exam window among them", "minutes", False,
        "scale it up again" if _is_nodes(workload) else "a snapshot is taken first: create it again from there",
        "somebody may use it in a way that no metric shows",
    )  # fmt: skip


def _dormant(fleet: Fleet, workload: Workload, active: np.ndarray, in_exam: bool) -> Action:
    windows = exam_windows(fleet)
    runs = frozenset(line.meter for line in workload.lines if not any(word in line.meter for word in _STORAGE))
    again = windows[0][0].isoformat() if windows else None
    why = (
        "it was used in the last exam window"
        if in_exam
        else "its name or tags say that it waits for a day that may come"
    )
    if not fleet.in_exam_window.any():
        why = "its history holds no exam window, so nobody knows what it is for"
    return Action(
        "idle_compute", OPERATOR, workload.id, f"Stop {workload.name} until it is needed",
        Run((0.0,) * 168, windows, runs),
        evidence(fleet, _figures(fleet, workload, active) | {"Dormant, not idle": why}, _chart(fleet, workload)),
        _recipe(workload, "stop_and_snapshot", {"start_again": again}), "high" if in_exam else "medium", why, "minutes",
        True, "start it again: its disks are kept", "it starts cold: start it days before the window",
    )  # fmt: skip
