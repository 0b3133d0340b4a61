"""Machines, volumes, addresses, gateways, snapshots, images, groups and load balancers of one region.

API: EC2, EC2 Auto Scaling, Elastic Load Balancing (both versions): Describe… only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from ingest.aws._found import Asking, Found, in_use, tags_of

ACTIONS: Final = (
    "autoscaling:DescribeAutoScalingGroups", "ec2:DescribeAddresses", "ec2:DescribeImages", "ec2:DescribeInstances",
    "ec2:DescribeNatGateways", "ec2:DescribeSnapshots", "ec2:DescribeVolumes",
    "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)  # fmt: skip
_GONE: Final = ("terminated", "shutting-down", "deleted", "deleting")
#: Health of a target that can take no request ("TargetHealth").
_NO_USE: Final = ("unhealthy", "unused")


def machines(asking: Asking) -> Iterator[Found]:
    """EC2 instances that are not gone."""
    for reservation in asking.all("ec2", "DescribeInstances", "Reservations", MaxResults=1000):
        for one in reservation["Instances"]:
            if (state := one["State"]["Name"]) in _GONE:
                continue
            yield Found(
                one["InstanceId"], "AWS::EC2::Instance", state, one.get("LaunchTime"), {
                    "type": one["InstanceType"], "zone": one.get("Placement", {}).get("AvailabilityZone"),
                    "platform": one.get("PlatformDetails"), "lifecycle": one.get("InstanceLifecycle"),
                    "image": one.get("ImageId"),
                },
                tags_of(one.get("Tags")), asking.arn("ec2", f"instance/{one['InstanceId']}"),
            )  # fmt: skip


def volumes_and_snapshots(asking: Asking) -> Iterator[Found]:
    """Volumes, own snapshots and own images. A snapshot is used by the images made of it, and by its volume while that
    exists: its backup."""
    volumes = asking.all("ec2", "DescribeVolumes", "Volumes", MaxResults=500)
    images = asking.all("ec2", "DescribeImages", "Images", Owners=["self"], MaxResults=1000)
    snapshots = asking.all("ec2", "DescribeSnapshots", "Snapshots", OwnerIds=["self"], MaxResults=1000)
    for one in volumes:
        yield Found(
            one["VolumeId"], "AWS::EC2::Volume", one["State"], one.get("CreateTime"), {
                "type": one.get("VolumeType"), "size_gib": one.get("Size"), "iops": one.get("Iops"),
                "throughput_mibps": one.get("Throughput"),
                **in_use(each.get("InstanceId") for each in one.get("Attachments", ())),
            },
            tags_of(one.get("Tags")), asking.arn("ec2", f"volume/{one['VolumeId']}"),
        )  # fmt: skip
    users: dict[str, list[str]] = defaultdict(list)
    for image in images:
        parts = [each["Ebs"]["SnapshotId"] for each in image.get("BlockDeviceMappings", ())
                 if each.get("Ebs", {}).get("SnapshotId")]  # fmt: skip
        for snapshot in parts:
            users[snapshot].append(image["ImageId"])
        yield Found(
            asking.arn("ec2", f"image/{image['ImageId']}"), "AWS::EC2::Image", image.get("State", ""), None,
            {"name": image.get("Name"), "snapshots": sorted(parts)}, tags_of(image.get("Tags")),
        )  # fmt: skip
    there = {one["VolumeId"] for one in volumes}
    for one in snapshots:
        source = [one["VolumeId"]] if one.get("VolumeId") in there else []
        yield Found(
            asking.arn("ec2", f"snapshot/{one['SnapshotId']}"), "AWS::EC2::Snapshot", one.get("State", ""),
            one.get("StartTime"), {
                "size_gib": one.get("VolumeSize"), "volume": one.get("VolumeId"), "tier": one.get("StorageTier"),
                **in_use([*users[one["SnapshotId"]], *source]),
            },
            tags_of(one.get("Tags")),
        )  # fmt: skip


def addresses(asking: Asking) -> Iterator[Found]:
    """Elastic IP addresses: available if nothing has them."""
    for one in asking.one("ec2", "DescribeAddresses").get("Addresses", ()):
        users = in_use([one.get("InstanceId") or one.get("NetworkInterfaceId") or one.get("AssociationId")])
        yield Found(
            asking.arn("ec2", f"eip-allocation/{one['AllocationId']}"), "AWS::EC2::EIP",
            "in-use" if users["users"] else "available", None, {"address": one.get("PublicIp"), **users},
            tags_of(one.get("Tags")), asking.arn("ec2", f"elastic-ip/{one['AllocationId']}"),
        )  # fmt: skip


def gateways(asking: Asking) -> Iterator[Found]:
    """NAT gateways. Available is how AWS calls one that works; whether it is used its bytes tell."""
    for one in asking.all("ec2", "DescribeNatGateways", "NatGateways", MaxResults=1000):
        if one["State"] not in _GONE:
            yield Found(
                asking.arn("ec2", f"natgateway/{one['NatGatewayId']}"), "AWS::EC2::NatGateway", one["State"],
                one.get("CreateTime"), {"subnet": one.get("SubnetId"), "vpc": one.get("VpcId")},
                tags_of(one.get("Tags")),
            )  # fmt: skip


def groups(asking: Asking) -> Iterator[Found]:
    """Auto Scaling groups, as asg/<name>."""
    for one in asking.all("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups", MaxRecords=100):
        members = one.get("Instances", ())
        yield Found(
            f"asg/{one['AutoScalingGroupName']}", "AWS::AutoScaling::AutoScalingGroup", one.get("Status") or "active",
            one.get("CreatedTime"), {
                "name": one["AutoScalingGroupName"], "least": one.get("MinSize"), "most": one.get("MaxSize"),
                "desired": one.get("DesiredCapacity"),
                "types": sorted({each["InstanceType"] for each in members if each.get("InstanceType")}) or None,
                **in_use(each["InstanceId"] for each in members),
            },
            tags_of(one.get("Tags")), one.get("AutoScalingGroupARN", ""),
        )  # fmt: skip


def balancers(asking: Asking) -> Iterator[Found]:
    """Load balancers of both versions. Their users are the targets that can take a request; of classic ones what is
    registered."""
    users: dict[str, list[str]] = defaultdict(list)
    pages = ("Marker", "NextMarker")
    for group in asking.all("elbv2", "DescribeTargetGroups", "TargetGroups", pages, PageSize=400):
        if not group.get("LoadBalancerArns"):
            continue
        health = asking.one("elbv2", "DescribeTargetHealth", TargetGroupArn=group["TargetGroupArn"])
        for one in health["TargetHealthDescriptions"]:
            if one.get("TargetHealth", {}).get("State") not in _NO_USE:
                for balancer in group["LoadBalancerArns"]:
                    users[balancer].append(one["Target"]["Id"])
    for one in asking.all("elbv2", "DescribeLoadBalancers", "LoadBalancers", pages, PageSize=400):
        yield Found(
            one["LoadBalancerArn"], "AWS::ElasticLoadBalancingV2::LoadBalancer", one.get("State", {}).get("Code", ""),
            one.get("CreatedTime"), {
                "name": one.get("LoadBalancerName"), "kind": one.get("Type"), "scheme": one.get("Scheme"),
                **in_use(users[one["LoadBalancerArn"]]),
            },
        )  # fmt: skip
    for one in asking.all("elb", "DescribeLoadBalancers", "LoadBalancerDescriptions", pages, PageSize=400):
        yield Found(
            asking.arn("elasticloadbalancing", f"loadbalancer/{one['LoadBalancerName']}"),
            "AWS::ElasticLoadBalancing::LoadBalancer", "active", one.get("CreatedTime"), {
                "name": one["LoadBalancerName"], "kind": "classic", "scheme": one.get("Scheme"),
                **in_use(each["InstanceId"] for each in one.get("Instances", ())),
            },
        )  # fmt: skip


FINDERS: Final = (machines, volumes_and_snapshots, addresses, gateways, groups, balancers)
