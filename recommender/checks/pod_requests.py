"""Pods that ask for more than they use: new requests, and the nodes that may go when they are set.

A node is paid for, not a request: what is freed saves only where the group of nodes follows, and only in whole nodes
that have room in CPU and in memory. Deployments whose number an autoscaler owns are left alone: it scales by the share
of their request, so another request is another number of pods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks import _sizes
from recommender.checks._activity import evidence, is_running, target
from recommender.fleet import Fleet, Pods, Workload
from recommender.machines import UnknownMachine, machine
from recommender.pods import pods_id
from recommender.sizing import Candidate, Demand, Dimension, is_measured, one_size

TITLE = "Pods that ask for more than they use"
OPERATOR = Operator.RESIZE
_NAME: Final = "pod_requests"
_METRICS: Final = ("cpu_request", "cpu_used", "memory_request", "memory_used", "replicas")
_DIMENSIONS: Final[tuple[tuple[Dimension, str, float], ...]] = (("cpu", "cores", 0.05), ("memory", "GiB", 0.0625))
#: Deployments that are named one by one.
_MOST_NAMED: Final = 12


@dataclass(frozen=True)
class _Request:
    """A deployment's requests by the pod, as they are and as they would do; `replicas` on average lately."""

    pods: Pods
    replicas: float
    now: Mapping[Dimension, float]
    new: Mapping[Dimension, float]
    saturated_hours: float

    def freed(self, dimension: Dimension) -> float:
        """Of all its pods."""
        return (self.now[dimension] - self.new[dimension]) * self.replicas


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each group of nodes; a reason where requests or usage are not fed, or where no node would go."""
    for workload in fleet.of("group", "node_pool"):
        pods = [one for one in fleet.pods if one.nodes == workload.id]
        if pods and is_running(workload) and not any(line.is_spot for line in workload.lines):
            yield _nodes(fleet, workload, pods)


def _nodes(fleet: Fleet, workload: Workload, pods: list[Pods]) -> Action:
    fed = [one for one in pods if all(is_measured(one.metrics.get(name)) for name in _METRICS)]
    if not fed:
        largest = max(pods, key=lambda one: one.share)
        return _reason(
            fleet, workload, "what is loaded of the bill tells what its pods cost, not what they asked for and used"
            " (split_line_item_reserved_usage and _actual_usage are not read, and are means):"
            f" feed {', '.join(_METRICS)} of {pods_id(largest)} and so on",
        )  # fmt: skip
    seen = [one for one in fed if _sizes.saw_an_exam(fleet, one.metrics["cpu_used"])]
    if not seen:
        return _reason(fleet, workload, _sizes.NO_EXAM)
    try:
        node = machine(str(workload.type))
    except UnknownMachine as error:
        return _reason(fleet, workload, str(error))
    found = [request for one in seen if not _is_scaled(one) and (request := _request(fleet, one)) is not None]
    if not found:
        return _reason(fleet, workload, "its pods use what they ask for, or an autoscaler owns their number")
    found.sort(key=lambda one: -one.freed("cpu"))
    cores, gib = (sum(one.freed(dimension) for one in found) for dimension in ("cpu", "memory"))
    units = np.asarray(sum(line.hourly for line in workload.lines))
    count = float(units[-30 * 24 :].mean())
    nodes = int(min(cores / node.vcpus, gib / node.memory_gib, count - 1))
    size = f"{node.type} ({node.vcpus:g} vCPU, {node.memory_gib:g} GiB)"
    if nodes < 1:
        return _reason(
            fleet, workload, f"lower requests free {cores:.1f} cores and {gib:.1f} GiB on {count:.1f} {size}:"
            " no whole node can go",
        )  # fmt: skip
    if not _sizes.scales(workload):
        return _reason(
            fleet, workload, f"lower requests would free {nodes} of {count:.0f} nodes, but their number is fixed: that"
            " saves when the group scales by itself",
        )  # fmt: skip
    figures = {
        "Freed": f"{cores:.1f} cores and {gib:.1f} GiB by {len(found)} deployments",
        "Nodes": f"{nodes} of {count:.1f} {size}",
        "Left alone": f"{len(pods) - len(found)} of {len(pods)}: scaled, used or not measured",
        **{
            f"{one.pods.namespace}/{one.pods.name}": f"{one.replicas:.3g} pods, "
            + ", ".join(f"{one.now[name]:.3g} to {one.new[name]:.3g} {unit}" for name, unit, _ in _DIMENSIONS)
            for one in found[:_MOST_NAMED]
        },
    }
    values = [
        {"namespace": one.pods.namespace, "name": one.pods.name, "cpu": f"{one.new['cpu'] * 1000:.0f}m",
         "memory": f"{one.new['memory'] * 1024:.0f}Mi"}
        for one in found
    ]  # fmt: skip
    return Action(
        _NAME, OPERATOR, workload.id, f"{workload.name}: {nodes} nodes fewer by requests of {len(found)} deployments",
        Swap({line.sku: Replacement(line.sku, line.price, 1 - nodes / count) for line in workload.lines}),
        evidence(fleet, figures), Recipe("set_requests", target(workload), {"requests": values}), "medium",
        "requests and usage were measured through an exam window; the nodes follow if their autoscaler packs them",
        "hours", True, "set the old requests again", "a rollout of each deployment; pods are packed closer",
        saturated_hours=max(one.saturated_hours for one in found), price_source="your own bill",
    )  # fmt: skip


def _is_scaled(pods: Pods) -> bool:
    return "hpa" in pods.metrics and bool((np.nan_to_num(pods.metrics["hpa"].maximum) > 0).any())


def _request(fleet: Fleet, pods: Pods) -> _Request | None:
    """What one pod needs; None where a twentieth of neither request would go."""
    now = {name: _lately(pods, f"{name}_request") for name, _, _ in _DIMENSIONS}
    used = {name: pods.metrics[f"{name}_used"].maximum for name in now}
    demand = Demand.of(fleet, Candidate("now", 1.0, now), used)
    needs = demand.needs(np.ones(len(fleet.hours), dtype=np.bool_))
    new = {name: min(float(np.ceil(needs[name] / step - 1e-9)) * step, now[name]) for name, _, step in _DIMENSIONS}
    if all(new[name] > now[name] * (1 - _sizes.LEAST_RATIO) for name in now):
        return None
    risk = one_size(fleet, demand, [Candidate("new", 0.0, new)])
    return _Request(pods, _lately(pods, "replicas"), now, new, risk.saturated_hours)


def _lately(pods: Pods, name: str) -> float:
    """The middle of the last two weeks that were measured."""
    values = pods.metrics[name].average
    return float(np.median(values[np.isfinite(values)][-14 * 24 :]))


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return _sizes.reason(_NAME, OPERATOR, fleet, workload, why, "Lower requests on")
