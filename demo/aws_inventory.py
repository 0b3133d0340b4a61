"""What exists in the company's AWS accounts on the last day, as `aws://inventory` tells it: CloudFormation's types,
AWS's states, `users` of what may be unused; of what only bears tags nothing but these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from demo.aws_fleet import GROUPS, METERS, Meter, Tags
from demo.aws_usage import Usage, tags_of
from demo.company import LAST

_MACHINES = {"ec2": "AWS::EC2::Instance", "rds": "AWS::RDS::DBInstance", "cache": "AWS::ElastiCache::CacheCluster"}
#: Service and kind in an ARN -> type, and the state of what is described one by one ("" of what is known by tags only).
_TYPES = {
    ("apigateway", "apis"): ("ApiGatewayV2::Api", ""), ("athena", "workgroup"): ("Athena::WorkGroup", ""),
    ("cloudfront", "distribution"): ("CloudFront::Distribution", ""),
    ("cognito-idp", "userpool"): ("Cognito::UserPool", ""), ("dynamodb", "table"): ("DynamoDB::Table", ""),
    ("ec2", "eip-allocation"): ("EC2::EIP", "in-use"), ("ec2", "natgateway"): ("EC2::NatGateway", "available"),
    ("ec2", "snapshot"): ("EC2::Snapshot", "completed"), ("eks", "cluster"): ("EKS::Cluster", "ACTIVE"),
    ("elasticloadbalancing", "loadbalancer"): ("ElasticLoadBalancingV2::LoadBalancer", "active"),
    ("es", "domain"): ("OpenSearchService::Domain", ""), ("glue", "job"): ("Glue::Job", ""),
    ("kinesis", "stream"): ("Kinesis::Stream", ""), ("kms", "key"): ("KMS::Key", ""),
    ("lambda", "function"): ("Lambda::Function", "Active"), ("logs", "log-group"): ("Logs::LogGroup", "active"),
    ("mediaconvert", "queues"): ("MediaConvert::Queue", ""),
    ("rds", "cluster-snapshot"): ("RDS::DBClusterSnapshot", "available"),
    ("route53", "hostedzone"): ("Route53::HostedZone", ""), ("ses", "identity"): ("SES::EmailIdentity", ""),
    ("sns", ""): ("SNS::Topic", ""), ("sqs", ""): ("SQS::Queue", ""), ("wafv2", "webacl"): ("WAFv2::WebACL", ""),
}  # fmt: skip
_HAVE_USERS = ("EC2::EIP", "EC2::Snapshot", "ElasticLoadBalancingV2::LoadBalancer")
_NAMED = ("EKS::Cluster", "ElasticLoadBalancingV2::LoadBalancer", "Lambda::Function", "Logs::LogGroup",
          "RDS::DBClusterSnapshot")  # fmt: skip


def inventory(usage: Usage) -> list[dict[str, Any]]:
    """What ran on the last day, and what else existed."""
    rows = []
    for machine in usage.machines(usage.company.billing_months[-1], LAST):
        group, name = machine.group, f"{machine.group.name}-{machine.number + 1}"
        state = "running" if machine.on[-24:].any() else "stopped"
        tags = tags_of(group.account, group.service, group.tags, group.product, name)
        # a machine is called by its tag, and by none if nobody gave it one
        named = {"name": name} if group.kind != "ec2" or "Name" in dict(tags) else {}
        rows.append(_row(machine.id, _MACHINES[group.kind], state, {"type": group.type, **named}, tags))
    # a resource with several meters is there once; what only an accident brought is gone again
    seen = {"", *(row["resource_id"] for row in rows)}
    metered = {m.resource: m for m in reversed(METERS) if m.resource not in seen and m.daily > 1e-6}
    for meter in reversed(metered.values()):
        rows += _of_meter(usage, meter)
    return rows


def _of_meter(usage: Usage, meter: Meter) -> Iterator[dict[str, Any]]:
    id_ = f"arn:aws:route53:::hostedzone/{meter.resource}" if meter.product == "AmazonRoute53" else meter.resource
    tags = tags_of(meter.account, meter.service, meter.tags, meter.product_tag)
    is_unused = meter.state == "idle"
    users = [] if is_unused else [usage.machine_id(GROUPS[0], 0)]
    if id_.startswith("vol-"):
        attributes = {"type": meter.usage_type.rpartition(".")[2], "users": users}
        yield _row(id_, "AWS::EC2::Volume", "available" if is_unused else "in-use", attributes, tags)
    elif meter.product == "AmazonS3":
        yield _row(id_, "AWS::S3::Bucket", "active", {"name": id_}, tags)
    elif id_.startswith("arn:"):  # the rest is no resource of AWS, but of somebody who sells there
        service, region, _, path = id_.split(":", 5)[2:]
        words = path.lstrip("/").replace(":", "/").split("/", 1)
        kind, state = _TYPES[service, words[0] if len(words) > 1 else ""]
        attributes = {"users": users} if kind in _HAVE_USERS else {}
        if kind in _NAMED:
            attributes["name"] = words[1].split("/")[1] if service == "elasticloadbalancing" else words[1]
        if kind == "EC2::EIP" and is_unused:
            state = "available"
        yield _row(id_, f"AWS::{kind}", state, attributes, tags, region or "global")


def _row(
    resource: str, kind: str, state: str, attributes: Mapping[str, Any], tags: Tags, region: str = "ap-south-1"
) -> dict[str, Any]:
    return {
        "resource_id": resource, "resource_type": kind, "region": region, "service": kind.split("::")[1],
        "state": state, "created_at": "", "attributes": json.dumps(attributes, sort_keys=True),
        "tags": json.dumps(dict(tags), ensure_ascii=False, sort_keys=True), "observed_at": f"{LAST}T23:00:00Z",
    }  # fmt: skip
