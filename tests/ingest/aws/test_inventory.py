"""The inventory of an account, with tags from everywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import boto3
import pytest
from aws_server import Refusal
from cloudwatch import CloudWatch

from core import LocationUnreachable
from ingest.aws import inventory
from ingest.aws._clients import action_of
from ingest.aws._cloudwatch import UNIT
from ingest.deliveries import Refused

HOME, REGION = "123456789012", "ap-south-1"
HOSTILE = '=HYPERLINK("http://evil.example")'
#: How services sign -> what IAM calls them.
_SIGNED = {"monitoring": "cloudwatch", "tagging": "tag"}
_EMPTY = {
    "autoscaling:DescribeAutoScalingGroups": {"AutoScalingGroups": []}, "ec2:DescribeAddresses": {"Addresses": []},
    "ec2:DescribeImages": {"Images": []}, "ec2:DescribeInstances": {"Reservations": []},
    "ec2:DescribeNatGateways": {"NatGateways": []}, "ec2:DescribeSnapshots": {"Snapshots": []},
    "ec2:DescribeVolumes": {"Volumes": []}, "eks:ListClusters": {"clusters": []},
    "elasticache:DescribeCacheClusters": {"CacheClusters": []},
    "elasticloadbalancing:DescribeTargetGroups": {"TargetGroups": []}, "lambda:ListFunctions": {"Functions": []},
    "logs:DescribeLogGroups": {"logGroups": []}, "rds:DescribeDBClusterSnapshots": {"DBClusterSnapshots": []},
    "rds:DescribeDBClusters": {"DBClusters": []}, "rds:DescribeDBInstances": {"DBInstances": []},
    "rds:DescribeDBSnapshots": {"DBSnapshots": []}, "s3:ListBuckets": {"Buckets": []},
    "tagging:GetResources": {"ResourceTagMappingList": []},
}  # fmt: skip


def is_classic(asked) -> bool:
    return asked.body["Version"] == "2012-06-01"


@pytest.fixture
def aws(server):
    """An account with nothing in it; aws({"ec2:DescribeVolumes": {…}}) puts something there."""

    def put(more: dict) -> None:
        for call, answer in more.items():
            server.answers[call] = answer if callable(answer) else lambda _, answer=answer: answer

    put(_EMPTY)
    put({"elasticloadbalancing:DescribeLoadBalancers": lambda asked: {
        "LoadBalancerDescriptions" if is_classic(asked) else "LoadBalancers": []
    }})  # fmt: skip
    CloudWatch(server)
    return put


def rows_of(location) -> dict[str, dict]:
    found = {}
    for part in location.parts():
        table = location.pull(part, lambda _: None)
        for row in table.to_pylist() if table is not None else ():
            row["attributes"], row["tags"] = json.loads(row["attributes"]), json.loads(row["tags"])
            found[row["resource_id"]] = row
    return found


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{HOME}:{resource}"


def test_a_machine_says_its_type_state_name_and_schedule(aws, open_aws):
    made = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    aws({"ec2:DescribeInstances": {"Reservations": [{"Instances": [
        {"InstanceId": "i-1", "InstanceType": "m5.large", "State": {"Name": "stopped"}, "LaunchTime": made,
         "Tags": tags(Name=HOSTILE, Schedule="office-hours", team="core")},
        {"InstanceId": "i-2", "InstanceType": "m5.large", "State": {"Name": "terminated"}},
    ]}]}})  # fmt: skip
    assert rows_of(open_aws("inventory")) == {"i-1": {
        "resource_id": "i-1", "resource_type": "AWS::EC2::Instance", "region": REGION, "service": "EC2",
        "state": "stopped", "created_at": "2026-01-02T03:04:00+00:00",
        "attributes": {"type": "m5.large", "name": HOSTILE, "schedule": "office-hours"},
        "tags": {"Name": HOSTILE, "Schedule": "office-hours", "team": "core"},
    }}  # fmt: skip


def test_parts_that_nothing_uses_have_no_users(aws, open_aws):
    aws({
        "ec2:DescribeVolumes": {"Volumes": [
            {"VolumeId": "vol-1", "State": "in-use", "VolumeType": "gp3", "Attachments": [{"InstanceId": "i-1"}]},
            {"VolumeId": "vol-2", "State": "available", "VolumeType": "gp2", "Attachments": []},
        ]},
        "ec2:DescribeImages": {"Images": [
            {"ImageId": "ami-1", "State": "available", "BlockDeviceMappings": [{"Ebs": {"SnapshotId": "snap-image"}}]}
        ]},
        "ec2:DescribeSnapshots": {"Snapshots": [
            {"SnapshotId": "snap-image", "VolumeId": "vol-9", "State": "completed"},
            {"SnapshotId": "snap-backup", "VolumeId": "vol-1", "State": "completed"},
            {"SnapshotId": "snap-left", "VolumeId": "vol-9", "State": "completed"},
        ]},
        "ec2:DescribeAddresses": {"Addresses": [
            {"AllocationId": "eipalloc-1", "NetworkInterfaceId": "eni-1"}, {"AllocationId": "eipalloc-2"},
        ]},
    })  # fmt: skip
    found = rows_of(open_aws("inventory"))
    users = {id_.rpartition("/")[2]: row["attributes"].get("users") for id_, row in found.items()}
    assert users == {
        "vol-1": ["i-1"], "vol-2": [], "ami-1": None, "snap-image": ["ami-1"], "snap-backup": ["vol-1"],
        "snap-left": [], "eipalloc-1": ["eni-1"], "eipalloc-2": [],
    }  # fmt: skip
    assert found[arn("ec2", "eip-allocation/eipalloc-2")]["state"] == "available"
    assert found[arn("ec2", "snapshot/snap-left")]["resource_type"] == "AWS::EC2::Snapshot"


def test_a_load_balancer_is_used_by_targets_that_can_take_a_request(aws, open_aws):
    one, two = (arn("elasticloadbalancing", f"loadbalancer/app/{name}/1") for name in ("used", "not"))

    def balancers(asked):
        if is_classic(asked):
            return {"LoadBalancerDescriptions": [{"LoadBalancerName": "old", "Instances": [{"InstanceId": "i-9"}]}]}
        return {"LoadBalancers": [{"LoadBalancerArn": each, "State": {"Code": "active"}} for each in (one, two)]}

    def health(asked):
        is_one = asked.body["TargetGroupArn"] == "group-1"
        states = [("i-1", "healthy"), ("i-2", "unhealthy")] if is_one else [("i-3", "unused")]
        return {"TargetHealthDescriptions": [
            {"Target": {"Id": id_}, "TargetHealth": {"State": state}} for id_, state in states
        ]}  # fmt: skip

    aws({
        "elasticloadbalancing:DescribeLoadBalancers": balancers, "elasticloadbalancing:DescribeTargetHealth": health,
        "elasticloadbalancing:DescribeTargetGroups": {"TargetGroups": [
            {"TargetGroupArn": "group-1", "LoadBalancerArns": [one]},
            {"TargetGroupArn": "group-2", "LoadBalancerArns": [two]}, {"TargetGroupArn": "nobody's"},
        ]},
    })  # fmt: skip
    found = rows_of(open_aws("inventory"))
    assert {id_.split("/")[-2 if "/app/" in id_ else -1]: row["attributes"]["users"] for id_, row in found.items()} == {
        "used": ["i-1"], "not": [], "old": ["i-9"],
    }  # fmt: skip


def test_databases_and_caches_that_are_available_run(aws, open_aws):
    aws({
        "rds:DescribeDBInstances": {"DBInstances": [
            {"DBInstanceArn": arn("rds", "db:a"), "DBInstanceIdentifier": "a", "DBInstanceClass": "db.r6g.large",
             "DBInstanceStatus": "available", "TagList": tags(team="core")},
            {"DBInstanceArn": arn("rds", "db:b"), "DBInstanceIdentifier": "b", "DBInstanceStatus": "stopped"},
        ]},
        "elasticache:DescribeCacheClusters": {"CacheClusters": [
            {"ARN": arn("elasticache", "cluster:c"), "CacheClusterId": "c", "CacheNodeType": "cache.r6g.large",
             "CacheClusterStatus": "available"},
        ]},
        "tagging:GetResources": {"ResourceTagMappingList": [
            {"ResourceARN": arn("elasticache", "cluster:c"), "Tags": tags(team="data")}
        ]},
    })  # fmt: skip
    found = rows_of(open_aws("inventory"))
    assert {row["attributes"]["name"]: row["state"] for row in found.values()} == {
        "a": "running", "b": "stopped", "c": "running",
    }  # fmt: skip
    assert found[arn("elasticache", "cluster:c")]["tags"] == {"team": "data"}
    assert found[arn("rds", "db:a")]["attributes"]["type"] == "db.r6g.large"


def test_log_groups_clusters_functions_and_groups_are_told(aws, open_aws):
    aws({
        "logs:DescribeLogGroups": {"logGroups": [
            {"logGroupName": "/a", "arn": arn("logs", "log-group:/a:*"), "retentionInDays": 30, "creationTime": 0},
            {"logGroupName": "/b", "arn": arn("logs", "log-group:/b:*")},
        ]},
        "eks:ListClusters": {"clusters": ["k"]},
        "eks:DescribeCluster": {"cluster": {"arn": arn("eks", "cluster/k"), "status": "ACTIVE", "tags": {"team": "k"}}},
        "eks:ListNodegroups": {"nodegroups": ["n"]},
        "eks:DescribeNodegroup": {"nodegroup": {
            "nodegroupArn": arn("eks", "nodegroup/k/n/1"), "status": "ACTIVE", "instanceTypes": ["m6i.large"],
            "scalingConfig": {"minSize": 0, "maxSize": 9, "desiredSize": 3},
            "resources": {"autoScalingGroups": [{"name": "eks-n"}]},
        }},
        "lambda:ListFunctions": {"Functions": [
            {"FunctionArn": arn("lambda", "function:f"), "FunctionName": "f", "Architectures": ["arm64"],
             "MemorySize": 512},
        ]},
        "autoscaling:DescribeAutoScalingGroups": {"AutoScalingGroups": [
            {"AutoScalingGroupName": "web", "MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2,
             "Instances": [{"InstanceId": "i-1", "InstanceType": "m5.large"}], "Tags": tags(team="web")},
        ]},
    })  # fmt: skip
    found = rows_of(open_aws("inventory"))
    told = {id_: row["attributes"] for id_, row in found.items()}
    assert told[arn("logs", "log-group:/a")] == {"name": "/a", "retention_days": 30}
    assert "retention_days" not in told[arn("logs", "log-group:/b")]
    assert told[arn("eks", "nodegroup/k/n/1")] == {
        "name": "n", "cluster": "k", "types": ["m6i.large"], "least": 0, "most": 9, "desired": 3,
        "users": ["asg/eks-n"],
    }  # fmt: skip
    assert told[arn("lambda", "function:f")] == {"name": "f", "memory_mib": 512, "architecture": "arm64"}
    assert told["asg/web"]["users"] == ["i-1"]
    assert found[arn("eks", "cluster/k")]["tags"] == {"team": "k"}


def test_whatever_else_bears_tags_is_there_once(aws, open_aws):
    aws({
        "ec2:DescribeVolumes": {"Volumes": [{"VolumeId": "vol-1", "State": "in-use", "Attachments": []}]},
        "tagging:GetResources": lambda asked: {"ResourceTagMappingList": [
            {"ResourceARN": one, "Tags": tags(team=HOSTILE)} for one in (
                arn("ec2", "volume/vol-1"), arn("ec2", "instance/i-gone"), arn("sqs", "submissions"),
                arn("kendra", "index/1"), "arn:aws:s3:::bucket", "arn:aws:cloudfront::1:distribution/E1",
            )
        ]},
    })  # fmt: skip
    found = rows_of(open_aws("inventory"))
    assert {id_: (row["resource_type"], row["region"]) for id_, row in found.items()} == {
        "vol-1": ("AWS::EC2::Volume", REGION), arn("sqs", "submissions"): ("AWS::SQS::Queue", REGION),
        arn("kendra", "index/1"): ("AWS::kendra::index", REGION),
        "arn:aws:cloudfront::1:distribution/E1": ("AWS::CloudFront::Distribution", "global"),
    }  # fmt: skip
    assert found["vol-1"]["tags"] == {"team": HOSTILE}


def test_buckets_have_their_size_their_rules_and_their_tags(aws, server, open_aws):
    cloudwatch = CloudWatch(server)
    at = [datetime(2026, 8, day, tzinfo=UTC).timestamp() for day in (18, 19)]
    for name, kind, values in (("BucketSizeBytes", "StandardStorage", [1.0, 2e12]),
                               ("NumberOfObjects", "AllStorageTypes", [5.0, 6.0])):  # fmt: skip
        dimensions = {"BucketName": "lake", "StorageType": kind}
        cloudwatch.put(HOME, "ap-southeast-1", "AWS/S3", name, dimensions, at, Average=values)

    def rules(asked):
        if "lake" not in server.requests[-1][1]:
            raise Refusal("NoSuchLifecycleConfiguration", 404)
        return {"Rules": [
            {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
            {"Status": "Enabled", "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}]},
            {"Status": "Disabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        ]}  # fmt: skip

    aws({
        "s3:ListBuckets": {"Buckets": [{"Name": "lake", "BucketRegion": "ap-southeast-1"}, {"Name": "old"}]},
        "s3:GetBucketLifecycleConfiguration": rules,
        "tagging:GetResources": lambda asked: {"ResourceTagMappingList": [
            {"ResourceARN": "arn:aws:s3:::lake", "Tags": tags(team="data")}
        ] if asked.region == "ap-southeast-1" else []},
    })  # fmt: skip
    location = open_aws("inventory")
    found = rows_of(location)
    assert found["lake"]["attributes"] == {
        "name": "lake", "objects": 6, "size_bytes": {"StandardStorage": 2 * 10**12}, "rules": 2,
        "abort_uploads_days": 7, "moves": ["GLACIER after 90 days"],
    }  # fmt: skip
    assert (found["lake"]["region"], found["lake"]["tags"]) == ("ap-southeast-1", {"team": "data"})
    assert (found["old"]["region"], found["old"]["attributes"]) == ("us-east-1", {"name": "old"})
    whole = next(part for part in location.parts() if part.group.endswith("/global"))
    assert whole.estimate.units == location.meter.units == {UNIT: 2}


def test_every_page_is_read(aws, server, open_aws):
    def pages(asked):
        at = int(asked.body.get("NextToken", 0))
        return {"Volumes": [{"VolumeId": f"vol-{at}", "State": "available", "Attachments": []}]} | (
            {"NextToken": str(at + 1)} if at < 4 else {}
        )

    aws({"ec2:DescribeVolumes": pages})
    assert list(rows_of(open_aws("inventory"))) == [f"vol-{n}" for n in range(5)]


def test_a_region_that_is_denied_leaves_the_others(aws, open_aws, tmp_path):
    def refuse(asked):
        if asked.region == "ap-southeast-1":
            raise Refusal("UnauthorizedOperation", 403)
        return {"Volumes": [{"VolumeId": "vol-1", "State": "available", "Attachments": []}]}

    aws({"ec2:DescribeVolumes": refuse})
    location = open_aws("inventory", regions=["ap-southeast-1", REGION])
    denied, open_, whole = location.deliveries()
    with pytest.raises(LocationUnreachable, match="allow ec2:DescribeVolumes") as caught:
        location.fetch(denied, tmp_path / "denied")
    assert "ap-southeast-1" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(location.fetch(open_, tmp_path / "open")) == 1
    assert location.fetch(whole, tmp_path / "whole") == []


def test_buckets_that_may_not_be_listed_leave_the_regions(aws, open_aws):
    def refuse(_):
        raise Refusal("AccessDenied", 403)

    aws({"s3:ListBuckets": refuse})
    region, whole = open_aws("inventory").deliveries()
    assert isinstance(whole, Refused)
    assert whole.where == f"{HOME}/global"
    assert "s3:ListAllMyBuckets" in str(whole.error)
    assert region.group == f"{HOME}/{REGION}"


def test_throttling_passes_and_a_broken_answer_is_none(aws, server, open_aws):
    left = [1, 1]

    def throttled(_):
        if left:
            left.pop()
            raise Refusal("RequestLimitExceeded", 503)
        return {"Volumes": [{"VolumeId": "vol-1", "State": "available", "Attachments": []}]}

    aws({"ec2:DescribeVolumes": throttled})
    assert list(rows_of(open_aws("inventory"))) == ["vol-1"]
    aws({"logs:DescribeLogGroups": lambda _: b'{"logGroups": [{"logGro'})
    with pytest.raises(LocationUnreachable, match="3 attempts"):
        rows_of(open_aws("inventory"))


def test_exactly_the_declared_actions_are_called_and_each_is_proven(aws, server, open_aws):
    CloudWatch(server).put(HOME, REGION, "AWS/S3", "NumberOfObjects", {"BucketName": "b", "StorageType": "AllStorage"},
                           [datetime(2026, 8, 20, tzinfo=UTC).timestamp()], Average=[1.0])  # fmt: skip

    def nobody(_):
        raise Refusal("ResourceNotFoundException", 404)

    balancer = arn("elasticloadbalancing", "loadbalancer/app/a/1")
    aws({
        "elasticloadbalancing:DescribeTargetGroups": {"TargetGroups": [
            {"TargetGroupArn": "g", "LoadBalancerArns": [balancer]}
        ]},
        "elasticloadbalancing:DescribeTargetHealth": {"TargetHealthDescriptions": []},
        "eks:ListClusters": {"clusters": ["k"]}, "eks:ListNodegroups": {"nodegroups": ["n"]},
        "eks:DescribeCluster": {"cluster": {"arn": arn("eks", "cluster/k")}},
        "eks:DescribeNodegroup": {"nodegroup": {"nodegroupArn": arn("eks", "nodegroup/k/n/1")}},
        "s3:ListBuckets": {"Buckets": [{"Name": "b", "BucketRegion": REGION}]},
        "s3:GetBucketLifecycleConfiguration": {"Rules": []},
    })  # fmt: skip
    location = open_aws("inventory")
    rows_of(location)
    assert {action_of(_SIGNED.get(one.service, one.service), one.operation) for one in server.asked} == set(
        inventory.ACTIONS
    )
    assert set(location.meter.calls) == set(inventory.ACTIONS)
    # a question about something that is not there is an answer
    aws({"eks:DescribeCluster": nobody, "eks:DescribeNodegroup": nobody, "eks:ListNodegroups": nobody})
    location = open_aws("inventory")
    probes = list(location.probes())
    for probe in probes:
        before = location.meter.calls[probe.permission]
        probe.call()
        assert location.meter.calls[probe.permission] > before
    assert {probe.permission for probe in probes} == set(inventory.ACTIONS) - {"sts:GetCallerIdentity"}


def test_the_tagging_api_of_moto_is_understood(aws, server, open_aws):
    del server.answers["tagging:GetResources"]
    boto3.client("sqs", endpoint_url=server.url, region_name=REGION).create_queue(QueueName="q", tags={"team": "exams"})
    location = open_aws("inventory")
    assert rows_of(location)[arn("sqs", "q")]["tags"] == {"team": "exams"}


def test_an_empty_region_takes_what_was_estimated(aws, server, open_aws):
    location = open_aws("inventory")
    region, _ = location.parts()
    before = location.meter.usage.requests
    assert location.pull(region, lambda _: None) is None
    assert location.meter.usage.requests - before == region.estimate.requests
