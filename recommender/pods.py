"""What pods ask for of a Kubernetes node, as the bill splits it: a measure where no other is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from recommender.fleet import Hours, Metric
from warehouse import Snapshot

#: Namespaces of the cluster itself: their pods run on every node, so they say nothing of its use. Google writes the
#: part that no pod asked for as kube:unallocated, its own as kube:system-overhead.
_SYSTEM: Final = (
    "kube-system", "kube-public", "kube-node-lease", "gke-system", "gmp-system", "gke-managed-system",
    "amazon-cloudwatch", "amazon-guardduty", "kube:unallocated", "kube:system-overhead",
)  # fmt: skip


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
