"""What exists, as a row of the inventory: ids are those of the bill, types those of CloudFormation.

Not for how it is asked: that is `_found_*`, a generator for each kind of resource.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ingest.aws._clients import AwsClients

COLUMNS: Final = ("resource_id", "resource_type", "region", "service", "state", "created_at", "attributes", "tags")

#: Service and kind in an ARN -> type of CloudFormation; the kind is "" where the ARN has none.
_TYPES: Final[Mapping[tuple[str, str], str]] = {
    ("apigateway", "apis"): "AWS::ApiGatewayV2::Api", ("apigateway", "restapis"): "AWS::ApiGateway::RestApi",
    ("athena", "workgroup"): "AWS::Athena::WorkGroup", ("backup", "backup-vault"): "AWS::Backup::BackupVault",
    ("cloudfront", "distribution"): "AWS::CloudFront::Distribution",
    ("cognito-idp", "userpool"): "AWS::Cognito::UserPool", ("dynamodb", "table"): "AWS::DynamoDB::Table",
    ("ec2", "transit-gateway"): "AWS::EC2::TransitGateway", ("ec2", "vpc"): "AWS::EC2::VPC",
    ("ec2", "vpc-endpoint"): "AWS::EC2::VPCEndpoint", ("ecr", "repository"): "AWS::ECR::Repository",
    ("ecs", "cluster"): "AWS::ECS::Cluster", ("ecs", "service"): "AWS::ECS::Service",
    ("elasticfilesystem", "file-system"): "AWS::EFS::FileSystem", ("es", "domain"): "AWS::OpenSearchService::Domain",
    ("firehose", "deliverystream"): "AWS::KinesisFirehose::DeliveryStream",
    ("fsx", "file-system"): "AWS::FSx::FileSystem", ("glue", "job"): "AWS::Glue::Job",
    ("kafka", "cluster"): "AWS::MSK::Cluster",
    ("kinesis", "stream"): "AWS::Kinesis::Stream", ("kms", "key"): "AWS::KMS::Key",
    ("mediaconvert", "queues"): "AWS::MediaConvert::Queue", ("redshift", "cluster"): "AWS::Redshift::Cluster",
    ("route53", "hostedzone"): "AWS::Route53::HostedZone", ("sagemaker", "endpoint"): "AWS::SageMaker::Endpoint",
    ("secretsmanager", "secret"): "AWS::SecretsManager::Secret", ("ses", "identity"): "AWS::SES::EmailIdentity",
    ("sns", ""): "AWS::SNS::Topic", ("sqs", ""): "AWS::SQS::Queue",
    ("states", "stateMachine"): "AWS::StepFunctions::StateMachine", ("wafv2", "regional"): "AWS::WAFv2::WebACL",
    ("wafv2", "webacl"): "AWS::WAFv2::WebACL",
}  # fmt: skip


def type_of(arn: str) -> str:
    """The type of what an ARN names; where it is not known the ARN's own words, as AWS::kendra::index."""
    service, kind = kind_of(arn)
    return _TYPES.get((service, kind), f"AWS::{service}::{kind or 'resource'}")


def kind_of(arn: str) -> tuple[str, str]:
    """Service and kind: ("ec2", "volume"); of what has no kind ("sqs", "")."""
    service, rest = arn.split(":", 5)[2::3]
    words = rest.lstrip("/").replace(":", "/").split("/")
    return service, words[0] if len(words) > 1 else ""


@dataclass(frozen=True)
class Found:
    """A resource. `attributes` without a value are left out; an empty list of `users` says that nothing uses it.

    `arn` where it is not the id: the tagging API knows it by that name.
    """

    id: str
    type: str
    state: str = ""
    created_at: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    arn: str = ""

    def row(self, region: str, tags: Mapping[str, str]) -> tuple[str, ...]:
        """As in COLUMNS. `tags` are what the tagging API says beside its own."""
        tags = {**tags, **self.tags}
        kept = {
            "name": tags.get("Name"), "schedule": tags.get("Schedule"),  # of the Instance Scheduler on AWS
            **self.attributes,
        }  # fmt: skip
        kept = {key: value for key, value in kept.items() if value not in (None, "", {})}
        created = self.created_at.isoformat() if self.created_at else ""
        return (
            self.id, self.type, region, self.type.split("::")[1], self.state, created, _json(kept), _json(tags),
        )  # fmt: skip


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True)
class Asking:
    """One account's region as it is asked."""

    clients: AwsClients
    account: str
    region: str

    def all(
        self, service: str, operation: str, key: str, token: str | tuple[str, str] = "NextToken", **params: Any
    ) -> list[Any]:
        """Every item of every page."""
        names = (token, token) if isinstance(token, str) else token
        return list(self.clients.pages(
            service, operation, key, token=names, account=self.account, region=self.region, **params
        ))  # fmt: skip

    def one(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One answer."""
        return self.clients.call(service, operation, account=self.account, region=self.region, **params)

    def arn(self, service: str, resource: str) -> str:
        """arn:aws:ec2:ap-south-1:222233334444:natgateway/nat-0a1"""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def tags_of(listed: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """[{Key, Value}] as a mapping."""
    return {one["Key"]: one.get("Value", "") for one in listed or ()}


def in_use(users: Iterable[str | None]) -> dict[str, list[str]]:
    """The attribute `users`."""
    return {"users": sorted({user for user in users if user})}


def tagged(asking: Asking) -> Iterator[tuple[str, dict[str, str]]]:
    """ARN and tags of everything in the region that has or had any."""
    for one in asking.all(
        "resourcegroupstaggingapi", "GetResources", "ResourceTagMappingList", "PaginationToken", ResourcesPerPage=100
    ):
        yield one["ResourceARN"], tags_of(one.get("Tags"))
