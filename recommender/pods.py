"""Which pods run on which nodes, from the provider's split of the nodes' cost, and what they ask for and use.

The split tells cost, not requests: those come with the utilization feed, under k8s/<cluster>/<namespace>/<deployment>.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from recommender.fleet import Metric, Pods, Workload
from warehouse import Snapshot

#: A pod's ARN as AWS writes it: …:pod/<cluster>/<namespace>/<deployment>/<uid>.
_POD: Final = re.compile(r":pod/(?P<cluster>[^/]+)/(?P<namespace>[^/]+)/(?P<name>[^/]+)")
_RECENT_DAYS: Final = 30


def pods_id(pods: Pods) -> str:
    """The resource id under which a deployment's metrics are fed."""
    return f"k8s/{pods.cluster}/{pods.namespace}/{pods.name}"


def read_pods(
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
