"""Which metrics of CloudWatch say how busy a resource is, and under which id and name of ours. No request is made here.

Source: the metrics and dimensions that each service documents ("CloudWatch metrics for …"); ids are those of the bill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

#: level: the hour's average, maximum and 95th percentile. count: what the hour adds up to. burst: that, and the pace of
#: its busiest five minutes. free: bytes of memory that are left, as per cent that are used. daily: once a day.
Kind = Literal["level", "count", "burst", "free", "daily"]
STATISTICS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "level": ("Average", "Maximum", "p95"), "count": ("Sum",), "burst": ("Sum",),
    "free": ("Average", "Minimum", "p5"), "daily": ("Average",),
}  # fmt: skip
PERIOD_SECONDS: Final[Mapping[Kind, int]] = {"level": 3600, "count": 3600, "burst": 300, "free": 3600, "daily": 86400}

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Measure:
    """One of our metrics: the sum of CloudWatch's `names`, each divided by `divisor` (of a count: by the hour).

    A metric of CloudWatch belongs to it if it has the `dimensions`, and of others only those in `also`. `resource` is
    the id, with {region}, {account} and the dimensions' values in it.
    """

    metric: str
    unit: str
    namespace: str
    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    resource: str
    kind: Kind = "level"
    divisor: float = 1.0
    also: frozenset[str] = frozenset()


@dataclass(frozen=True, order=True)
class Asked:
    """One metric of CloudWatch."""

    namespace: str
    name: str
    dimensions: Dimensions
    kind: Kind


@dataclass(frozen=True)
class Target:
    """What is measured of a resource: each of `members` is a sum of metrics. Of several members (the machines of a
    group) the hour's average is the mean, its maximum and percentile the highest."""

    resource: str
    measure: Measure
    members: tuple[tuple[Asked, ...], ...]

    @property
    def asked(self) -> Iterator[Asked]:
        """The metrics that it needs."""
        for member in self.members:
            yield from member


_EC2, _GB = "arn:aws:ec2:{region}:{account}:", 1e9
_RDS = "arn:aws:rds:{region}:{account}:db:{DBInstanceIdentifier}"
_CACHE = "arn:aws:elasticache:{region}:{account}:cluster:{CacheClusterId}"
_BALANCER = "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/"
_CLUSTER = "arn:aws:eks:{region}:{account}:cluster/{ClusterName}"
_CDN = "arn:aws:cloudfront::{account}:distribution/{DistributionId}"
_AGENT: Final = frozenset({"ImageId", "InstanceType", "AutoScalingGroupName", "objectname"})
_MEMORY: Final = ("mem_used_percent", "Memory % Committed Bytes In Use")
_I, _G, _D, _C = ("InstanceId",), ("AutoScalingGroupName",), ("DBInstanceIdentifier",), ("CacheClusterId",)
_NODE: Final = frozenset({"CacheNodeId"})


def _ec2() -> Iterator[Measure]:
    yield Measure("cpu", "percent", "AWS/EC2", ("CPUUtilization",), _I, "{InstanceId}")
    yield Measure("cpu", "percent", "AWS/EC2", ("CPUUtilization",), _G, "asg/{AutoScalingGroupName}")
    for metric, names, kind in (("network", ("NetworkIn", "NetworkOut"), "burst"),
                                ("disk", ("EBSReadBytes", "EBSWriteBytes"), "burst")):  # fmt: skip
        yield Measure(metric, "GB", "AWS/EC2", names, _I, "{InstanceId}", kind, _GB)  # type: ignore[arg-type]
    yield Measure("cpu_credit_balance", "count", "AWS/EC2", ("CPUCreditBalance",), _I, "{InstanceId}")
    yield Measure(
        "cpu_surplus_credits_charged", "count", "AWS/EC2", ("CPUSurplusCreditsCharged",), _I, "{InstanceId}", "count"
    )
    for name in _MEMORY:
        # of a group: as the agent adds it up, else from its machines
        yield Measure("memory", "percent", "CWAgent", (name,), _I, "{InstanceId}", also=_AGENT)
        yield Measure(
            "memory", "percent", "CWAgent", (name,), _G, "asg/{AutoScalingGroupName}", also=frozenset({"objectname"})
        )
        yield Measure(
            "memory", "percent", "CWAgent", (name,), (*_G, *_I), "asg/{AutoScalingGroupName}",
            also=_AGENT - {"AutoScalingGroupName"},
        )  # fmt: skip
    insights = "ContainerInsights"
    yield Measure(
        "memory", "percent", insights, ("node_memory_utilization",), _I, "{InstanceId}",
        also=frozenset({"ClusterName", "NodeName"}),
    )  # fmt: skip
    for metric in ("cpu", "memory"):
        yield Measure(metric, "percent", insights, (f"node_{metric}_utilization",), ("ClusterName",), _CLUSTER)
    yield Measure(
        "disk_ops", "ops/s", "AWS/EBS", ("VolumeReadOps", "VolumeWriteOps"), ("VolumeId",), "{VolumeId}", "burst", 3600
    )


def _databases() -> Iterator[Measure]:
    yield Measure("cpu", "percent", "AWS/RDS", ("CPUUtilization",), _D, _RDS)
    yield Measure("memory", "percent", "AWS/RDS", ("FreeableMemory",), _D, _RDS, "free")
    yield Measure("connections", "count", "AWS/RDS", ("DatabaseConnections",), _D, _RDS)
    yield Measure("disk_ops", "ops/s", "AWS/RDS", ("ReadIOPS", "WriteIOPS"), _D, _RDS)
    cache = "AWS/ElastiCache"
    # one thread does the work of Redis: its own CPU says more than the machine's
    for name in ("EngineCPUUtilization", "CPUUtilization"):
        yield Measure("cpu", "percent", cache, (name,), _C, _CACHE, also=_NODE)
    yield Measure("memory", "percent", cache, ("DatabaseMemoryUsagePercentage",), _C, _CACHE, also=_NODE)
    yield Measure("connections", "count", cache, ("CurrConnections",), _C, _CACHE, also=_NODE)
    yield Measure("evictions", "count", cache, ("Evictions",), _C, _CACHE, "count", also=_NODE)


def _ways() -> Iterator[Measure]:
    yield Measure(
        "network", "GB", "AWS/NATGateway", ("BytesOutToDestination", "BytesOutToSource"), ("NatGatewayId",),
        _EC2 + "natgateway/{NatGatewayId}", "count", _GB,
    )  # fmt: skip
    v2, classic = ("LoadBalancer",), ("LoadBalancerName",)
    yield Measure("requests", "count", "AWS/ApplicationELB", ("RequestCount",), v2, _BALANCER + "{LoadBalancer}",
                  "count")  # fmt: skip
    yield Measure("requests", "count", "AWS/ELB", ("RequestCount",), classic, _BALANCER + "{LoadBalancerName}", "count")
    yield Measure("connections", "count", "AWS/NetworkELB", ("ActiveFlowCount",), v2, _BALANCER + "{LoadBalancer}")
    yield Measure("network", "GB", "AWS/NetworkELB", ("ProcessedBytes",), v2, _BALANCER + "{LoadBalancer}", "count",
                  _GB)  # fmt: skip
    bucket = ("BucketName", "StorageType")
    yield Measure("objects", "count", "AWS/S3", ("NumberOfObjects",), bucket, "{BucketName}", "daily")


def _cdn() -> Iterator[Measure]:
    dimensions = ("DistributionId", "Region")
    yield Measure("requests", "count", "AWS/CloudFront", ("Requests",), dimensions, _CDN, "count")
    yield Measure("network", "GB", "AWS/CloudFront", ("BytesDownloaded",), dimensions, _CDN, "count", _GB)


#: Namespaces that programs on the machines write, with far more in them than is read here.
AGENTS: Final = frozenset({"CWAgent", "ContainerInsights"})
#: Of several that tell the same of a resource the first counts.
MEASURES: Final = (*_ec2(), *_databases(), *_ways())
#: What only CloudFront's home region, us-east-1, has.
CDN_MEASURES: Final = tuple(_cdn())


def targets(
    measures: Sequence[Measure], listed: Mapping[tuple[str, str], Sequence[Dimensions]], account: str, region: str
) -> list[Target]:
    """What can be measured, in the order of resource and metric, if `listed` is there: (namespace, name) -> dimensions.

    Of metrics that tell the same those of the first measure count, and of these those with the fewest dimensions.
    """
    best: dict[tuple[str, str], tuple[int, int]] = {}
    members: dict[tuple[str, str], dict[Dimensions, list[Asked]]] = {}
    for rank, measure in enumerate(measures):
        for name in measure.names:
            for dimensions in listed.get((measure.namespace, name), ()):
                values = dict(dimensions)
                if not set(measure.dimensions) <= values.keys() <= {*measure.dimensions, *measure.also}:
                    continue
                key = measure.resource.format_map({**values, "account": account, "region": region}), measure.metric
                mine = rank, len(values)
                if key not in best or mine < best[key]:
                    best[key], members[key] = mine, defaultdict(list)
                if mine == best[key]:
                    one = Asked(measure.namespace, name, dimensions, measure.kind)
                    members[key][dimensions].append(one)
    return [
        Target(key[0], measures[best[key][0]], tuple(tuple(found) for _, found in sorted(members[key].items())))
        for key in sorted(best)
    ]
