"""Which metrics of Cloud Monitoring become which of ours: how they are asked for and to whom they belong.

Source of types, units and labels: "Google Cloud metrics", "Ops Agent metrics" and "GKE system metrics" of Cloud
Monitoring's documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Literal

Aligner = Literal["ALIGN_MEAN", "ALIGN_MAX", "ALIGN_PERCENTILE_95", "ALIGN_SUM", "ALIGN_RATE"]
Column = Literal["average", "maximum", "p95"]
_SPREAD: Final[dict[Column, Aligner]] = {
    "average": "ALIGN_MEAN", "maximum": "ALIGN_MAX", "p95": "ALIGN_PERCENTILE_95",
}  # fmt: skip
_HOUR, _WINDOW = timedelta(hours=1), timedelta(minutes=5)
_INSTANCE: Final = "//compute.googleapis.com/projects/{project}/zones/{zone}/instances/{instance_id}"
_DATABASE: Final = "//cloudsql.googleapis.com/projects/{project}/instances/{database}"
_DEPLOYMENT: Final = "k8s/{cluster_name}/{namespace_name}/{top_level_controller_name}"
_IN_DEPLOYMENT: Final = ' AND metadata.system_labels.top_level_controller_type = "Deployment"'


@dataclass(frozen=True)
class Measure:
    """A metric of ours. `columns`: what is asked for each. `group_by`: labels of the resource, of which all series are
    added up. `parts`: what is added up first, by windows of five minutes: how, and the labels of a part of the resource
    (a pod); an hour then has the mean, or the busiest window, of all parts.

    `resource_id` is filled with the labels that are left; values are multiplied by `factor`.
    """

    metric: str
    unit: str
    type: str
    resource: str
    resource_id: str
    factor: Decimal = Decimal(1)
    columns: tuple[tuple[Column, Aligner], ...] = tuple(_SPREAD.items())
    group_by: tuple[str, ...] = ()
    parts: tuple[Aligner, tuple[str, ...]] | None = None
    more: str = ""

    @property
    def filter(self) -> str:
        """In the language of Cloud Monitoring."""
        return f'metric.type = "{self.type}" AND resource.type = "{self.resource}"{self.more}'

    def steps(self, aligner: Aligner) -> dict[str, Any]:
        """How an hour comes about, as ListTimeSeriesRequest has it."""
        if self.parts is None:
            return {
                "aggregation": _step(_HOUR, aligner, "REDUCE_SUM" if self.group_by else "REDUCE_NONE", self.group_by)
            }
        among = "REDUCE_NONE" if not self.group_by else "REDUCE_MAX" if aligner == "ALIGN_MAX" else "REDUCE_MEAN"
        return {"aggregation": _step(_WINDOW, self.parts[0], "REDUCE_SUM", self.parts[1]),
                "secondary_aggregation": _step(_HOUR, aligner, among, self.group_by)}  # fmt: skip


def _step(period: timedelta, aligner: Aligner, reducer: str, labels: tuple[str, ...]) -> dict[str, Any]:
    return {"alignment_period": period, "per_series_aligner": aligner, "cross_series_reducer": reducer,
            "group_by_fields": labels}  # fmt: skip


def _labels(*names: str) -> tuple[str, ...]:
    return tuple(f"resource.labels.{name}" for name in ("project_id", *names))


def _total(metric: str, unit: str, type_: str, resource: str, resource_id: str, *labels: str) -> Measure:
    """Of what counts up: how much there was in the hour, of all series of one resource together."""
    return Measure(metric, unit, type_, resource, resource_id, columns=(("average", "ALIGN_SUM"),),
                   group_by=_labels(*labels))  # fmt: skip


def _pods(
    metric: str, unit: str, type_: str, aligner: Aligner, columns: int, factor: str = "1", more: str = ""
) -> Measure:
    """Of a pod of a deployment, as kubernetes+https:// measures it: the containers of each together."""
    deployment = (*_labels("cluster_name", "namespace_name"), "metadata.system_labels.top_level_controller_name")
    return Measure(metric, unit, f"kubernetes.io/container/{type_}", "k8s_container", _DEPLOYMENT, Decimal(factor),
                   tuple(_SPREAD.items())[:columns], deployment, (aligner, (*deployment, "resource.labels.pod_name")),
                   _IN_DEPLOYMENT + more)  # fmt: skip


_PERCENT, _GIB = Decimal(100), str(Decimal(1) / 2**30)
MEASURES: Final = (
    Measure("cpu", "percent", "compute.googleapis.com/instance/cpu/utilization", "gce_instance", _INSTANCE, _PERCENT),
    Measure("memory", "percent", "agent.googleapis.com/memory/percent_used", "gce_instance", _INSTANCE,
            more=' AND metric.labels.state = "used"'),
    *(_total("network", "bytes", f"compute.googleapis.com/instance/network/{way}_bytes_count", "gce_instance",
             _INSTANCE, "instance_id", "zone") for way in ("received", "sent")),
    Measure("cpu", "percent", "cloudsql.googleapis.com/database/cpu/utilization", "cloudsql_database", _DATABASE,
            _PERCENT),
    Measure("memory", "percent", "cloudsql.googleapis.com/database/memory/utilization", "cloudsql_database",
            _DATABASE, _PERCENT),
    Measure("connections", "count", "cloudsql.googleapis.com/database/network/connections", "cloudsql_database",
            _DATABASE),  # of MySQL and SQL Server only; of PostgreSQL each database has its own
    Measure("connections", "count", "cloudsql.googleapis.com/database/postgresql/num_backends", "cloudsql_database",
            _DATABASE, parts=("ALIGN_MEAN", _labels("database_id"))),
    _pods("cpu_request", "cores", "cpu/request_cores", "ALIGN_MEAN", 1),
    _pods("cpu_used", "cores", "cpu/core_usage_time", "ALIGN_RATE", 2),
    _pods("memory_request", "GiB", "memory/request_bytes", "ALIGN_MEAN", 1, _GIB),
    _pods("memory_used", "GiB", "memory/used_bytes", "ALIGN_MEAN", 2, _GIB,
          ' AND metric.labels.memory_type = "non-evictable"'),
    _total("requests", "count", "loadbalancing.googleapis.com/https/request_count", "https_lb_rule",
           "//compute.googleapis.com/projects/{project}/global/forwardingRules/{forwarding_rule_name}",
           "forwarding_rule_name"),
    _total("requests", "count", "pubsub.googleapis.com/topic/send_message_operation_count", "pubsub_topic",
           "//pubsub.googleapis.com/projects/{project}/topics/{topic_id}", "topic_id"),
)  # fmt: skip
#: How many queries a part takes if there is something of everything.
QUERIES: Final = sum(len(measure.columns) for measure in MEASURES)
