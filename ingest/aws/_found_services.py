"""Databases, caches, functions, clusters and log groups of one region.

API: RDS, ElastiCache and Logs, Describe…; Lambda, ListFunctions; EKS, List… and Describe….
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ingest.aws._found import Asking, Found, in_use, tags_of

ACTIONS: Final = (
    "eks:DescribeCluster", "eks:DescribeNodegroup", "eks:ListClusters", "eks:ListNodegroups",
    "elasticache:DescribeCacheClusters", "lambda:ListFunctions", "logs:DescribeLogGroups",
    "rds:DescribeDBClusterSnapshots", "rds:DescribeDBClusters", "rds:DescribeDBInstances", "rds:DescribeDBSnapshots",
)  # fmt: skip
_RUNNING: Final = {"available": "running"}


def _state(status: Any) -> str:
    """In the words that are used of machines: a database that is available runs, a volume that is has no machine."""
    return _RUNNING.get(status, status or "")


def databases(asking: Asking) -> Iterator[Found]:
    """Instances, clusters and their snapshots."""
    for one in asking.all("rds", "DescribeDBInstances", "DBInstances", "Marker", MaxRecords=100):
        yield Found(
            one["DBInstanceArn"], "AWS::RDS::DBInstance", _state(one.get("DBInstanceStatus")),
            one.get("InstanceCreateTime"), {
                "type": one.get("DBInstanceClass"), "name": one["DBInstanceIdentifier"], "engine": one.get("Engine"),
                "version": one.get("EngineVersion"), "size_gib": one.get("AllocatedStorage"),
                "storage": one.get("StorageType"), "multi_az": one.get("MultiAZ"),
                "cluster": one.get("DBClusterIdentifier"),
            },
            tags_of(one.get("TagList")),
        )  # fmt: skip
    for one in asking.all("rds", "DescribeDBClusters", "DBClusters", "Marker", MaxRecords=100):
        yield Found(
            one["DBClusterArn"], "AWS::RDS::DBCluster", _state(one.get("Status")), one.get("ClusterCreateTime"), {
                "name": one["DBClusterIdentifier"], "engine": one.get("Engine"), "version": one.get("EngineVersion"),
                **in_use(each.get("DBInstanceIdentifier") for each in one.get("DBClusterMembers", ())),
            },
            tags_of(one.get("TagList")),
        )  # fmt: skip
    for what in ("DB", "DBCluster"):
        for one in asking.all("rds", f"Describe{what}Snapshots", f"{what}Snapshots", "Marker", MaxRecords=100):
            yield _snapshot(one, what)


def _snapshot(one: Mapping[str, Any], what: str) -> Found:
    source = "DBInstanceIdentifier" if what == "DB" else "DBClusterIdentifier"
    return Found(
        one[f"{what}SnapshotArn"], f"AWS::RDS::{what}Snapshot", one.get("Status", ""), one.get("SnapshotCreateTime"), {
            "name": one[f"{what}SnapshotIdentifier"], "source": one.get(source), "made": one.get("SnapshotType"),
            "size_gib": one.get("AllocatedStorage"),
        },
        tags_of(one.get("TagList")),
    )  # fmt: skip


def caches(asking: Asking) -> Iterator[Found]:
    """ElastiCache clusters: each node of Redis or Valkey is one."""
    for one in asking.all("elasticache", "DescribeCacheClusters", "CacheClusters", "Marker", MaxRecords=100):
        yield Found(
            one["ARN"], "AWS::ElastiCache::CacheCluster", _state(one.get("CacheClusterStatus")),
            one.get("CacheClusterCreateTime"), {
                "type": one.get("CacheNodeType"), "name": one["CacheClusterId"], "engine": one.get("Engine"),
                "version": one.get("EngineVersion"), "nodes": one.get("NumCacheNodes"),
                "group": one.get("ReplicationGroupId"),
            },
        )  # fmt: skip


def functions(asking: Asking) -> Iterator[Found]:
    """Lambda functions."""
    for one in asking.all("lambda", "ListFunctions", "Functions", ("Marker", "NextMarker"), MaxItems=50):
        yield Found(
            one["FunctionArn"], "AWS::Lambda::Function", one.get("State", ""), None, {
                "name": one["FunctionName"], "runtime": one.get("Runtime"), "memory_mib": one.get("MemorySize"),
                "architecture": next(iter(one.get("Architectures", ())), None), "timeout_seconds": one.get("Timeout"),
            },
        )  # fmt: skip


def clusters(asking: Asking) -> Iterator[Found]:
    """EKS clusters and their node groups."""
    pages = "nextToken"
    for name in asking.all("eks", "ListClusters", "clusters", pages, maxResults=100):
        one = asking.one("eks", "DescribeCluster", name=name)["cluster"]
        yield Found(
            one["arn"], "AWS::EKS::Cluster", one.get("status", ""), one.get("createdAt"),
            {"name": name, "version": one.get("version")}, one.get("tags") or {},
        )  # fmt: skip
        for group in asking.all("eks", "ListNodegroups", "nodegroups", pages, clusterName=name, maxResults=100):
            node = asking.one("eks", "DescribeNodegroup", clusterName=name, nodegroupName=group)["nodegroup"]
            size = node.get("scalingConfig", {})
            yield Found(
                node["nodegroupArn"], "AWS::EKS::Nodegroup", node.get("status", ""), node.get("createdAt"), {
                    "name": group, "cluster": name, "types": sorted(node.get("instanceTypes") or ()) or None,
                    "capacity": node.get("capacityType"), "least": size.get("minSize"), "most": size.get("maxSize"),
                    "desired": size.get("desiredSize"),
                    **in_use(f"asg/{each['name']}" for each in node.get("resources", {}).get("autoScalingGroups", ())),
                },
                node.get("tags") or {},
            )  # fmt: skip


def logs(asking: Asking) -> Iterator[Found]:
    """Log groups; one without retention_days keeps its logs for ever."""
    for one in asking.all("logs", "DescribeLogGroups", "logGroups", "nextToken", limit=50):
        made = one.get("creationTime")
        yield Found(
            one["arn"].removesuffix(":*"), "AWS::Logs::LogGroup", "active",
            None if made is None else datetime.fromtimestamp(made / 1000, UTC), {
                "name": one["logGroupName"], "retention_days": one.get("retentionInDays"),
                "size_bytes": one.get("storedBytes"),
            },
        )  # fmt: skip


FINDERS: Final = (databases, caches, functions, clusters, logs)
