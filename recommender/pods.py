"""Which pods run on which nodes, from the provider's split of the nodes' cost, and what they ask for and use.

The split tells cost, and so the share of a node that pods asked for; what each deployment asks for and uses comes with
the utilization feed, under k8s/<cluster>/<namespace>/<deployment>.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from recommender.fleet import Hours, Metric, Pods, Workload
from warehouse import Snapshot

#: A pod's ARN as AWS writes it: …:pod/<cluster>/<namespace>/<deployment>/<uid>.
_POD: Final = re.compile(r":pod/(?P<cluster>[^/]+)/(?P<namespace>[^/]+)/(?P<name>[^/]+)")
_RECENT_DAYS: Final = 30
#: Namespaces of the cluster itself: their pods run on every node, so they say nothing of its use. Google writes the
#: part that no pod asked for as kube:unallocated, its own as kube:system-overhead.
_SYSTEM: Final = (
    "kube-system", "kube-public", "kube-node-lease", "gke-system", "gmp-system", "gke-managed-system",
    "amazon-cloudwatch", "amazon-guardduty", "kube:unallocated", "kube:system-overhead",
)  # fmt: skip


def pods_id(pods: Pods) -> str:
    """The resource id under which a deployment's metrics are fed."""
    return f"k8s/{pods.cluster}/{pods.namespace}/{pods.name}"


def read_deployments(
    snapshot: Snapshot, workloads: Sequence[Workload], metrics: Mapping[str, Mapping[str, Metric]]
) -> Iterator[Pods]:
    """Deployments of the last weeks by the nodes that they ran on, in order."""
    nodes = {member: workload.id for workload in workloads for member in (*workload.members, workload.id)}
    rows = snapshot.query(
        "SELECT ResourceId, x_ParentResourceId, SUM(x_SplitCost)::DOUBLE, SUM(x_SplitUnusedCost)::DOUBLE FROM charges"
        " WHERE x_SplitCost IS NOT NULL AND ResourceId IS NOT NULL AND ChargePeriodStart >= ("
        f"SELECT MAX(ChargePeriodStart) FROM charges WHERE x_SplitCost IS NOT NULL) - INTERVAL {_RECENT_DAYS} DAY"
        " GROUP BY ALL"
    ).rows
    used: dict[tuple[str, str, str, str], float] = defaultdict(float)
    whole: dict[str, float] = defaultdict(float)
    anywhere: dict[tuple[str, str, str], float] = defaultdict(float)
    for resource, parent, split, unused in rows:
        pod, on = _POD.search(resource), nodes.get(parent)
        if on is not None:
            whole[on] += split + (unused or 0.0)
        if pod is not None:
            what = pod["cluster"], pod["namespace"], pod["name"]
            anywhere[what] += split
            if on is not None:
                used[on, *what] += split
    for (on, *names), cost in sorted(used.items()):
        cluster, namespace, name = names
        if not cost:
            continue
        found = Pods(cluster, namespace, name, on, cost / whole[on], cost / anywhere[cluster, namespace, name])
        yield replace(found, metrics=metrics.get(pods_id(found), {}))


def read_pods(snapshot: Snapshot, hours: Hours) -> dict[str, Metric]:
    """By node (EKS) or node pool (GKE): the share of its cost that pods asked for, 0 to 1, by UTC day; hours of days
    without cost allocation are NaN."""
    rows = snapshot.query(
        "SELECT node, day, COALESCE(SUM(used), 0)::DOUBLE, SUM(whole)::DOUBLE FROM ("
        " SELECT x_ParentResourceId AS node, date_trunc('day', ChargePeriodStart) AS day,"
        " SUM(x_SplitCost) FILTER (NOT list_contains($system, COALESCE(x_Namespace, ''))) AS used,"
        " SUM(x_SplitCost + x_SplitUnusedCost) AS whole FROM allocated"
        " WHERE x_SplitCost IS NOT NULL AND x_ParentResourceId IS NOT NULL"
        " AND ChargePeriodStart >= $start AND ChargePeriodStart < $end GROUP BY ALL"
        " UNION ALL"
        " SELECT ResourceId AS node, date_trunc('day', ChargePeriodStart) AS day,"
        " SUM(ListCost) FILTER (NOT list_contains($system, x_Namespace)) AS used, SUM(ListCost) AS whole FROM allocated"
        " WHERE x_SplitCost IS NULL AND x_Namespace IS NOT NULL AND ResourceId IS NOT NULL"
        " AND ChargeCategory = 'Usage' AND ChargePeriodStart >= $start AND ChargePeriodStart < $end GROUP BY ALL"
        ") GROUP BY node, day HAVING SUM(whole) > 0 ORDER BY node, day",
        {"start": hours[0].astype(object), "end": (hours[-1] + 1).astype(object), "system": list(_SYSTEM)},
    ).rows
    found: dict[str, np.ndarray] = defaultdict(lambda: np.full(len(hours), np.nan))
    for node, day, used, whole in rows:
        at = int((np.datetime64(day, "h") - hours[0]).astype(int))
        found[node][max(at, 0) : at + 24] = used / whole
    return {node: Metric("ratio", values, values, values) for node, values in found.items()}


def pods_of(nodes: Sequence[str], metrics: Mapping[str, Mapping[str, Metric]]) -> Metric | None:
    """The mean of the nodes that ran in each hour; None where no node has the measure."""
    known = [metrics[node]["pods"].average for node in nodes if "pods" in metrics.get(node, {})]
    if not known:
        return None
    stacked = np.stack(known)
    count = np.isfinite(stacked).sum(axis=0)
    mean = np.where(count > 0, np.nansum(stacked, axis=0) / np.maximum(count, 1), np.nan)
    return Metric("ratio", mean, mean, mean)
