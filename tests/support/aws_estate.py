"""An estate as AWS would answer for it: rows of `resource_inventory` and `utilization` back into API answers.

The reverse of `aws://inventory` and `aws://metrics`, so that a company that is known as files can be served, pulled
and compared. A row's account is that of its ARN; ids without one (machines, volumes, buckets, asg/…) are `home`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from aws_server import Asked, AwsServer, Refusal
from cloudwatch import CloudWatch
from moto.iam.models import get_account_id_from

#: Memory that every database is said to have, which makes bytes of per cent.
GIB = 2.0**30
_MEMORY_GIB = 64

Row = Mapping[str, Any]


def serve_inventory(server: AwsServer, rows: Iterable[Row], home: str) -> None:
    """Answer every call of aws://inventory from these rows (attributes and tags are JSON texts)."""
    estate = _Estate(list(rows), home)
    for call, answer in {
        "ec2:DescribeInstances": estate.instances, "ec2:DescribeVolumes": estate.volumes,
        "ec2:DescribeSnapshots": estate.snapshots, "ec2:DescribeImages": lambda _: {"Images": []},
        "ec2:DescribeAddresses": estate.addresses, "ec2:DescribeNatGateways": estate.gateways,
        "autoscaling:DescribeAutoScalingGroups": lambda _: {"AutoScalingGroups": []},
        "elasticloadbalancing:DescribeLoadBalancers": estate.balancers,
        "elasticloadbalancing:DescribeTargetGroups": estate.target_groups,
        "elasticloadbalancing:DescribeTargetHealth": estate.target_health,
        "rds:DescribeDBInstances": estate.databases, "rds:DescribeDBClusters": lambda _: {"DBClusters": []},
        "rds:DescribeDBSnapshots": lambda _: {"DBSnapshots": []},
        "rds:DescribeDBClusterSnapshots": estate.cluster_snapshots,
        "elasticache:DescribeCacheClusters": estate.caches, "lambda:ListFunctions": estate.functions,
        "eks:ListClusters": estate.cluster_names, "eks:DescribeCluster": estate.cluster,
        "eks:ListNodegroups": lambda _: {"nodegroups": []}, "logs:DescribeLogGroups": estate.log_groups,
        "s3:ListBuckets": estate.buckets, "s3:GetBucketLifecycleConfiguration": estate.rules,
        "tagging:GetResources": estate.tagged,
    }.items():  # fmt: skip
        server.answers[call] = answer


class _Estate:
    def __init__(self, rows: list[Row], home: str) -> None:
        self.rows, self.home = rows, home

    def of(self, asked: Asked, type_: str) -> list[tuple[Row, dict[str, Any], dict[str, str]]]:
        """Row, attributes and tags of one type in the account and region that is asked."""
        account = get_account_id_from(asked.key)
        return [
            (row, json.loads(row["attributes"] or "{}"), json.loads(row["tags"] or "{}")) for row in self.rows
            if row["resource_type"] == type_ and self.account(row) == account
            and (row["region"] == asked.region or type_ == "AWS::S3::Bucket")
        ]  # fmt: skip

    def account(self, row: Row) -> str:
        id_ = row["resource_id"]
        return (id_.split(":")[4] if id_.startswith("arn:") else "") or self.home

    def instances(self, asked: Asked) -> dict[str, Any]:
        return {"Reservations": [{"Instances": [
            {"InstanceId": row["resource_id"], "InstanceType": is_["type"], "State": {"Name": row["state"]},
             "Tags": _listed(tags)}
            for row, is_, tags in self.of(asked, "AWS::EC2::Instance")
        ]}]}  # fmt: skip

    def volumes(self, asked: Asked) -> dict[str, Any]:
        return {"Volumes": [
            {"VolumeId": row["resource_id"], "State": row["state"], "VolumeType": is_.get("type"),
             "Tags": _listed(tags), "Attachments": [{"InstanceId": user} for user in is_["users"]]}
            for row, is_, tags in self.of(asked, "AWS::EC2::Volume")
        ]}  # fmt: skip

    def snapshots(self, asked: Asked) -> dict[str, Any]:
        return {"Snapshots": [
            {"SnapshotId": _last(row), "State": row["state"], "Tags": _listed(tags)}
            for row, _, tags in self.of(asked, "AWS::EC2::Snapshot")
        ]}  # fmt: skip

    def addresses(self, asked: Asked) -> dict[str, Any]:
        return {"Addresses": [
            {"AllocationId": _last(row), "Tags": _listed(tags), "InstanceId": next(iter(is_["users"]), "")}
            for row, is_, tags in self.of(asked, "AWS::EC2::EIP")
        ]}  # fmt: skip

    def gateways(self, asked: Asked) -> dict[str, Any]:
        return {"NatGateways": [
            {"NatGatewayId": _last(row), "State": row["state"], "Tags": _listed(tags)}
            for row, _, tags in self.of(asked, "AWS::EC2::NatGateway")
        ]}  # fmt: skip

    def balancers(self, asked: Asked) -> dict[str, Any]:
        if "PageSize" in asked.body and asked.body.get("Version") == "2012-06-01":
            return {"LoadBalancerDescriptions": []}  # those of before 2015
        return {"LoadBalancers": [
            {"LoadBalancerArn": row["resource_id"], "LoadBalancerName": is_["name"], "State": {"Code": row["state"]},
             "Type": is_.get("kind")}
            for row, is_, _ in self.of(asked, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        ]}  # fmt: skip

    def target_groups(self, asked: Asked) -> dict[str, Any]:
        found = [row["resource_id"] for row, is_, _ in self.of(asked, "AWS::ElasticLoadBalancingV2::LoadBalancer")
                 if is_["users"]]  # fmt: skip
        return {"TargetGroups": [
            {"TargetGroupArn": one.replace("loadbalancer/app/", "targetgroup/"), "LoadBalancerArns": [one]}
            for one in found
        ]}  # fmt: skip

    def target_health(self, asked: Asked) -> dict[str, Any]:
        for row, is_, _ in self.of(asked, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
            if row["resource_id"].replace("loadbalancer/app/", "targetgroup/") == asked.body["TargetGroupArn"]:
                return {"TargetHealthDescriptions": [
                    {"Target": {"Id": user}, "TargetHealth": {"State": "healthy"}} for user in is_["users"]
                ]}  # fmt: skip
        raise Refusal("TargetGroupNotFound")

    def databases(self, asked: Asked) -> dict[str, Any]:
        return {"DBInstances": [
            {"DBInstanceArn": row["resource_id"], "DBInstanceIdentifier": is_["name"], "DBInstanceClass": is_["type"],
             "DBInstanceStatus": _status(row), "TagList": _listed(tags)}
            for row, is_, tags in self.of(asked, "AWS::RDS::DBInstance")
        ]}  # fmt: skip

    def cluster_snapshots(self, asked: Asked) -> dict[str, Any]:
        return {"DBClusterSnapshots": [
            {"DBClusterSnapshotArn": row["resource_id"], "DBClusterSnapshotIdentifier": is_["name"],
             "Status": row["state"], "TagList": _listed(tags)}
            for row, is_, tags in self.of(asked, "AWS::RDS::DBClusterSnapshot")
        ]}  # fmt: skip

    def caches(self, asked: Asked) -> dict[str, Any]:
        return {"CacheClusters": [
            {"ARN": row["resource_id"], "CacheClusterId": is_["name"], "CacheNodeType": is_["type"],
             "CacheClusterStatus": _status(row)}
            for row, is_, _ in self.of(asked, "AWS::ElastiCache::CacheCluster")
        ]}  # fmt: skip

    def functions(self, asked: Asked) -> dict[str, Any]:
        return {"Functions": [
            {"FunctionArn": row["resource_id"], "FunctionName": is_["name"], "State": row["state"]}
            for row, is_, _ in self.of(asked, "AWS::Lambda::Function")
        ]}  # fmt: skip

    def cluster_names(self, asked: Asked) -> dict[str, Any]:
        return {"clusters": [is_["name"] for _, is_, _ in self.of(asked, "AWS::EKS::Cluster")]}

    def cluster(self, asked: Asked) -> dict[str, Any]:
        for row, is_, tags in self.of(asked, "AWS::EKS::Cluster"):
            return {"cluster": {"name": is_["name"], "arn": row["resource_id"], "status": row["state"], "tags": tags}}
        raise Refusal("ResourceNotFoundException", 404)

    def log_groups(self, asked: Asked) -> dict[str, Any]:
        return {"logGroups": [
            {"logGroupName": is_["name"], "arn": f"{row['resource_id']}:*"}
            | ({"retentionInDays": is_["retention_days"]} if "retention_days" in is_ else {})
            for row, is_, _ in self.of(asked, "AWS::Logs::LogGroup")
        ]}  # fmt: skip

    def buckets(self, asked: Asked) -> dict[str, Any]:
        return {"Buckets": [
            {"Name": row["resource_id"], "BucketRegion": row["region"]}
            for row, _, _ in self.of(asked, "AWS::S3::Bucket")
        ]}  # fmt: skip

    def rules(self, asked: Asked) -> dict[str, Any]:
        raise Refusal("NoSuchLifecycleConfiguration", 404)

    def tagged(self, asked: Asked) -> dict[str, Any]:
        account, found = get_account_id_from(asked.key), {}
        for row in self.rows:
            is_here = row["region"] == asked.region or (row["region"] == "global" and asked.region == "us-east-1")
            if is_here and self.account(row) == account and not row["resource_id"].startswith("asg/"):
                found[_arn(row, account)] = json.loads(row["tags"] or "{}")
        return {"ResourceTagMappingList": [
            {"ResourceARN": arn, "Tags": _listed(tags)} for arn, tags in found.items() if tags
        ]}  # fmt: skip


def _arn(row: Row, account: str) -> str:
    id_, region = row["resource_id"], row["region"]
    if row["resource_type"] == "AWS::S3::Bucket":
        return f"arn:aws:s3:::{id_}"
    if id_.startswith("arn:"):
        return id_.replace("eip-allocation/", "elastic-ip/")
    noun = {"i": "instance", "vol": "volume"}[id_.partition("-")[0]]
    return f"arn:aws:ec2:{region}:{account}:{noun}/{id_}"


def _status(row: Row) -> str:
    return "available" if row["state"] == "running" else row["state"]


def _last(row: Row) -> str:
    return row["resource_id"].rpartition("/")[2]


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# -- what is measured -----------------------------------------------------------------------------------------------

#: Beginning of an id and metric -> namespace, name, name of the dimension.
_MEASURED: tuple[tuple[str, str, str, str, str], ...] = (
    (r"i-", "cpu", "AWS/EC2", "CPUUtilization", "InstanceId"),
    (r"i-", "memory", "CWAgent", "mem_used_percent", "InstanceId"),
    (r"asg/", "cpu", "AWS/EC2", "CPUUtilization", "AutoScalingGroupName"),
    (r"asg/", "memory", "CWAgent", "mem_used_percent", "AutoScalingGroupName"),
    (r"arn:aws:rds:.*:db:", "cpu", "AWS/RDS", "CPUUtilization", "DBInstanceIdentifier"),
    (r"arn:aws:rds:.*:db:", "memory", "AWS/RDS", "FreeableMemory", "DBInstanceIdentifier"),
    (r"arn:aws:rds:.*:db:", "connections", "AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier"),
    (r"arn:aws:elasticache:.*:cluster:", "cpu", "AWS/ElastiCache", "EngineCPUUtilization", "CacheClusterId"),
    (r"arn:aws:elasticache:.*:cluster:", "memory", "AWS/ElastiCache", "DatabaseMemoryUsagePercentage",
     "CacheClusterId"),
    (r"arn:aws:elasticloadbalancing:.*:loadbalancer/", "requests", "AWS/ApplicationELB", "RequestCount",
     "LoadBalancer"),
    (r"arn:aws:ec2:.*:natgateway/", "network", "AWS/NATGateway", "BytesOutToDestination", "NatGatewayId"),
)  # fmt: skip


def serve_utilization(cloudwatch: CloudWatch, table: pa.Table, home: str, region: str = "ap-south-1") -> None:
    """Put rows of `utilization` (resource_id, metric, measured_at, average, maximum, p95) into a CloudWatch.

    Every database is said to have the same memory, those that are gone too: `cloudwatch.server` answers for their
    class, to aws://metrics only if `serve_inventory` was called before. Raises LookupError for a
    metric that CloudWatch does not measure.
    """
    for column in ("resource_id", "metric"):
        if pa.types.is_dictionary(table[column].type):
            table = table.set_column(table.column_names.index(column), column, pc.cast(table[column], pa.string()))
    databases: dict[str, set[str]] = {}
    at = pc.cast(pc.cast(table["measured_at"], pa.timestamp("us")), pa.int64()).to_numpy() / 1e6
    values = {name: table[name].to_numpy() for name in ("average", "maximum", "p95")}
    keys = list(zip(table["resource_id"].to_pylist(), table["metric"].to_pylist(), strict=True))
    edges = [n for n in range(len(keys)) if n == 0 or keys[n] != keys[n - 1]]
    for start, end in zip(edges, [*edges[1:], len(keys)], strict=True):
        (resource, metric), some = keys[start], slice(start, end)
        found = next((one for one in _MEASURED if re.match(one[0], resource) and one[1] == metric), None)
        if found is None:
            raise LookupError(f"CloudWatch does not measure {metric} of {resource}")
        begin, _, namespace, name, dimension = found
        account = resource.split(":")[4] if resource.startswith("arn:") else home
        average, maximum, p95 = (np.asarray(values[key][some], float) for key in ("average", "maximum", "p95"))
        statistics: dict[str, Any] = {"Average": average, "Maximum": maximum, "p95": p95}
        if metric in ("requests", "network"):
            statistics = {"Sum": average * (1e9 if metric == "network" else 1)}
        if name == "FreeableMemory":
            databases.setdefault(account, set()).add(resource)
            free = _MEMORY_GIB * GIB / 100
            statistics = {
                "Average": (100 - average) * free,
                "Minimum": (100 - maximum) * free,
                "p5": (100 - p95) * free,
            }
        value = re.sub(f"^(?:{begin})", "", resource) if dimension != "InstanceId" else resource
        cloudwatch.put(account, region, namespace, name, {dimension: value}, at[some], **statistics)
    _serve_sizes(cloudwatch.server, databases)


def _serve_sizes(server: AwsServer, databases: Mapping[str, set[str]]) -> None:
    described = server.answers.get("rds:DescribeDBInstances")

    def classes(asked: Asked) -> dict[str, Any]:
        if described and "MaxRecords" in asked.body:  # the inventory asks
            return described(asked)
        known = sorted(databases.get(get_account_id_from(asked.key), ()))
        return {"DBInstances": [{"DBInstanceArn": arn, "DBInstanceClass": "db.r6g.2xlarge"} for arn in known]}

    server.answers["rds:DescribeDBInstances"] = classes

    def types(asked: Asked) -> dict[str, Any]:
        names = [value for name, value in sorted(asked.body.items()) if name.startswith("Filter.1.Value")]
        return {"InstanceTypes": [
            {"InstanceType": name, "MemoryInfo": {"SizeInMiB": _MEMORY_GIB * 1024}} for name in names
        ]}  # fmt: skip

    server.answers["ec2:DescribeInstanceTypes"] = types
