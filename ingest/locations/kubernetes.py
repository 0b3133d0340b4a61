"""Kubernetes by its Prometheus: what pods of each deployment ask for and use, by the hour, as the feed `utilization`.

    location = "kubernetes+https://prometheus.example.in/?cluster=pragati-eks"

Names are those of kube-state-metrics and cAdvisor. A pod is its deployment's by kube_pod_owner and
kube_replicaset_owner; pods of jobs, daemons and stateful sets are left out. `cluster` is what the bill calls the
cluster; series that have a label `cluster` (several clusters in one store) go by that. The server adds up, so that an
answer has one series for each deployment, however many pods came and went; scrapes must be two minutes apart at most.

Of a pod, by windows of five minutes of the hour: `average` is the mean over pods and windows, `maximum` the busiest
window of the busiest pod, `p95` the 95th percentile of its windows, of the pod where that is highest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core import ConfigError, ExportConfig, LocationUnreachable
from ingest.locations import Location, Reading, Say
from ingest.locations._answers import split_address
from ingest.locations._prometheus import HOUR, PrometheusPull, address_faults
from ingest.pull import Part, Probe

SCHEMES = ("kubernetes+http", "kubernetes+https")

_GIB: Final = float(1 << 30)
_POD: Final = "cluster, namespace, pod"
_REPLICASET: Final = "cluster, namespace, replicaset"
_DEPLOYMENT: Final = "cluster, namespace, deployment"
#: Windows of five minutes that lie within the hour, whether a server counts the beginning of a range or not.
_WINDOWS: Final = "[59m:5m]"
#: Pods of the hour with their deployment; of a pod or replica set that changed hands within it, one owner.
_OWNERS: Final = (
    f"max by ({_POD}, deployment) ("
    'label_replace(max_over_time(kube_pod_owner{owner_kind="ReplicaSet"}[1h]),'
    ' "replicaset", "$1", "owner_name", "(.+)")'
    f" * on ({_REPLICASET}) group_left (deployment) topk by ({_REPLICASET}) (1, max by ({_REPLICASET}, deployment) ("
    'label_replace(max_over_time(kube_replicaset_owner{owner_kind="Deployment"}[1h]),'
    ' "deployment", "$1", "owner_name", "(.+)"))))'
)
_SERIES: Final = (
    "kube_pod_owner", "kube_replicaset_owner", "kube_pod_container_resource_requests", "kube_deployment_spec_replicas",
    "container_cpu_usage_seconds_total", "container_memory_working_set_bytes",
)  # fmt: skip
_CONTAINER: Final = 'container!="", container!="POD"'
_USED: Final = {"average": "avg_over_time(", "maximum": "max_over_time(", "p95": "quantile_over_time(0.95, "}
_ASKED: Final = {"average": "avg_over_time("}


@dataclass(frozen=True)
class _Metric:
    """One metric of the feed: its value for each pod or deployment at an instant, in `scale` units of the feed."""

    unit: str
    value: str
    ways: dict[str, str]
    of_pods: bool = True
    scale: float = 1.0

    def query(self, statistic: str) -> str:
        """By deployment: the statistic of an hour, the mean or the most over its pods."""
        over = f"{self.ways[statistic]}({self.value}){_WINDOWS})"
        if not self.of_pods:
            return over
        among = "avg" if statistic == "average" else "max"
        return (
            f"{among} by ({_DEPLOYMENT}) ({over} * on ({_POD}) group_left (deployment) topk by ({_POD}) (1, {_OWNERS}))"
        )


def _requests(resource: str) -> str:
    return (
        f'sum by ({_POD}) (max by ({_POD}, container) (kube_pod_container_resource_requests{{resource="{resource}"}}))'
    )


_METRICS: Final = {
    "cpu_request": _Metric("cores", _requests("cpu"), _ASKED),
    "cpu_used": _Metric(
        "cores", f"sum by ({_POD}) (rate(container_cpu_usage_seconds_total{{{_CONTAINER}}}[5m]))", _USED
    ),
    "memory_request": _Metric("GiB", _requests("memory"), _ASKED, scale=_GIB),
    "memory_used": _Metric(
        "GiB", f"sum by ({_POD}) (container_memory_working_set_bytes{{{_CONTAINER}}})", _USED, scale=_GIB
    ),
    "replicas": _Metric(
        "count", f"max by ({_DEPLOYMENT}) (kube_deployment_spec_replicas)",
        {"average": "avg_over_time(", "maximum": "max_over_time("}, of_pods=False,
    ),
    "hpa": _Metric(
        "count", f'count by ({_DEPLOYMENT}) (label_replace(kube_horizontalpodautoscaler_info{{scaletargetref_kind='
        '"Deployment"}, "deployment", "$1", "scaletargetref_name", "(.+)"))',
        {"average": "max_over_time("}, of_pods=False,
    ),
}  # fmt: skip


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The Prometheus of a cluster. Raises ConfigError if the address holds a secret or more than `cluster`."""
    address = split_address(export)
    faults = address_faults(export)
    if address.fragment or (address.query and [name for name, _ in parse_qsl(address.query)] != ["cluster"]):
        faults.append(
            f"exports.{export.name}.location: after the server's address only ?cluster=… may stand, the cluster's name"
            " in the bill"
        )
    faults += [
        f"exports.{export.name}.{name} has no meaning for {address.scheme}://; take it out"
        for name in ("query", "metric", "endpoint", "profile", "region", "password_env")
        if name in export.model_fields_set
    ]
    if faults:
        raise ConfigError(faults)
    return KubernetesLocation(export, reading, dict(parse_qsl(address.query)).get("cluster", ""))


class KubernetesLocation(PrometheusPull):
    """The deployments that one server knows."""

    every: ClassVar[timedelta] = timedelta(hours=24)
    queries: ClassVar[int] = sum(len(metric.ways) for metric in _METRICS.values())

    def __init__(self, export: ExportConfig, reading: Reading, cluster: str) -> None:
        super().__init__(export, reading)
        self._cluster = cluster

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row for each metric, deployment and hour of a week, in this order."""
        start, end = self.hours(part)
        tables = [
            _table(resource, name, columns, start)
            for name in sorted(_METRICS)
            for resource, columns in self._measured(name, start, end)
        ]
        if not tables:
            return None
        return pa.concat_tables(tables).unify_dictionaries()

    def probes(self) -> Iterator[Probe]:
        """Each series that is needed has a sample; without autoscalers there is none of theirs."""
        for name in _SERIES:
            yield Probe(name, self.origin, partial(self._need, name))

    def _need(self, name: str) -> None:
        now = self.reading.clock.now()
        if not list(self.series(f"count({name})", now - HOUR, now)):
            raise LocationUnreachable(
                f"there is no sample of {name}", where=self.origin, expected="kube-state-metrics and cAdvisor",
                fix=f"let this Prometheus scrape what gives {name}",
            )  # fmt: skip

    def _measured(self, name: str, start: datetime, end: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
        """Deployments in order, each with an array (hours,) for each statistic; NaN where nothing was measured."""
        metric, length = _METRICS[name], (end - start) // HOUR
        found: dict[str, dict[str, Any]] = {}
        for statistic in metric.ways:
            for labels, samples in self.series(metric.query(statistic), start, end):
                columns = found.setdefault(self._resource(labels), {})
                values = columns.setdefault(statistic, np.full(length, np.nan))
                for at, value in samples:
                    values[(at - start) // HOUR] = value / metric.scale
        for resource in sorted(found):
            yield resource, found[resource]

    def _resource(self, labels: Mapping[str, str]) -> str:
        cluster = labels.get("cluster") or self._cluster
        if not cluster:
            raise LocationUnreachable(
                "its series have no label cluster", where=self.origin, expected="the cluster's name in the bill",
                fix=f"write location = \"{self.export.location.rstrip('/')}/?cluster=…\"",
            )  # fmt: skip
        return f"k8s/{cluster}/{labels.get('namespace', '')}/{labels.get('deployment', '')}"


def _table(resource: str, metric: str, columns: dict[str, Any], start: datetime) -> pa.Table:
    length = len(next(iter(columns.values())))
    nothing = np.full(length, np.nan)
    measured = np.flatnonzero(np.any([np.isfinite(values) for values in columns.values()], axis=0))
    hours = np.datetime64(start.replace(tzinfo=None), "ms") + measured * np.timedelta64(HOUR)

    def text(value: str) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(measured), np.int32)), [value])

    return pa.table({
        "resource_id": text(resource), "metric": text(metric), "measured_at": pa.array(hours, pa.timestamp("ms")),
        **{
            name: pc.round(pa.array(columns.get(name, nothing)[measured], from_pandas=True), 6)
            for name in ("average", "maximum", "p95")
        },
        "unit": text(_METRICS[metric].unit),
    })  # fmt: skip
