"""Tags by commands of the AWS CLI. No format by itself."""

from __future__ import annotations

from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import Commands, on_aws

#: Kind -> service and type of resource in its ARN.
_ARNS: Final = {
    "machine": "ec2:instance/", "disk": "ec2:volume/", "snapshot": "ec2:snapshot/", "address": "ec2:elastic-ip/",
    "nat": "ec2:natgateway/", "endpoint": "ec2:vpc-endpoint/",
}  # fmt: skip


def _arn(recipe: Recipe) -> str:
    """The target's ARN: bills name machines and disks by their ids, buckets by their names."""
    target = recipe.target
    kind, id_ = target["kind"], target["id"]
    if kind == "bucket" and not id_.startswith("arn:"):
        return f"arn:aws:s3:::{id_}"
    if kind not in _ARNS or id_.startswith("arn:"):
        return id_
    service, _, type_ = _ARNS[kind].partition(":")
    return f"arn:aws:{service}:{target.get('region') or 'ap-south-1'}:{target.get('account', '')}:{type_}{id_}"


def set_tags(recipe: Recipe) -> Commands:
    """Tags by the target's ARN."""
    tags = ",".join(f"{key}={value}" for key, value in recipe.values["tags"].items())
    return (
        "Say whose it is",
        "untag-resources",
        [
            on_aws(
                recipe,
                "resourcegroupstaggingapi",
                "tag-resources",
                "--resource-arn-list",
                _arn(recipe),
                "--tags",
                tags,
            )
        ],
    )
