"""IAM documents for AWS: what the reading role may do, who may take it, and who may write into the bucket.

Resources are narrowed where IAM allows it: the bills to bucket and prefix, roles to their ARNs, keys to their key.
Describing and listing knows no resources; calls to services of regions are held to the regions that are asked.
Rules: IAM, "Actions, resources, and condition keys"; Data Exports, "Setting up an Amazon S3 bucket".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from core import WrongUsage
from kifayat.connect.values import AwsAccess

Document = dict[str, Any]
#: Reading the files of bills, whatever lists them.
BILLS: Final = ("s3:GetObject", "s3:ListBucket")
#: Every identity may call it: no policy can allow or deny it.
_ALWAYS: Final = "sts:GetCallerIdentity"
#: Services that are asked in the connection's regions only. Buckets, their tags and metrics are where they are.
_REGIONAL: Final = frozenset(
    ("application-autoscaling", "autoscaling", "compute-optimizer", "ec2", "eks", "elasticache",
     "elasticloadbalancing", "es", "lambda", "logs", "memorydb", "rds", "redshift")
)  # fmt: skip
#: Compute Optimizer answers only whom may also list what it advises on ("Dependent actions" of IAM's reference).
NEEDED_WITH: Final[Mapping[str, tuple[str, ...]]] = {
    "compute-optimizer:GetAutoScalingGroupRecommendations": ("autoscaling:DescribeAutoScalingGroups",),
    "compute-optimizer:GetEBSVolumeRecommendations": ("ec2:DescribeVolumes",),
    "compute-optimizer:GetEC2InstanceRecommendations": ("ec2:DescribeInstances",),
    "compute-optimizer:GetLambdaFunctionRecommendations": (
        "lambda:ListFunctions", "lambda:ListProvisionedConcurrencyConfigs",
    ),
    "compute-optimizer:GetRDSDatabaseRecommendations": ("rds:DescribeDBClusters", "rds:DescribeDBInstances"),
}  # fmt: skip
#: What only the account that pays can answer, and what is the same in every account.
_PAYER_ONLY: Final = frozenset(
    ("bcm-data-exports", "ce", "cost-optimization-hub", "cur", "invoicing", "organizations", "pricing", "sts")
)
#: Prices, the same: asked with the actions of services that members are asked too.
_PRICES: Final = frozenset(("ec2:DescribeSpotPriceHistory", "savingsplans:DescribeSavingsPlansOfferingRates"))


def as_json(document: Document) -> str:
    """A document as people read it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def reading_policy(access: AwsAccess) -> Document:
    """What the role in the account that pays may do."""
    bucket = f"arn:aws:s3:::{access.bucket}"
    within = {"StringLike": {"s3:prefix": [access.prefix, f"{access.prefix}/*"]}}
    statements = [
        _allow("ListBills", ["s3:ListBucket"], bucket, within),
        _allow("ReadBills", ["s3:GetObject"], f"{bucket}/{access.prefix}/*"),
    ]
    if access.kms_key:
        by_s3 = {"StringEquals": {"kms:ViaService": f"s3.{access.region}.amazonaws.com"}}
        statements.append(_allow("OpenBills", ["kms:Decrypt"], access.kms_key, by_s3))
    statements += _asking(access, access.actions)
    if access.accounts:
        roles = [f"arn:aws:iam::{account}:role/{access.role}" for account in access.accounts]
        statements.append(_allow("ReadMembers", _taking(access), roles))
    return _document(statements)


def member_policy(access: AwsAccess) -> Document:
    """What the role in each of the other accounts may do. Raises WrongUsage where no topic asks another account."""
    statements = _asking(
        access, (one for one in access.actions if one.partition(":")[0] not in _PAYER_ONLY and one not in _PRICES)
    )
    if not statements:
        raise WrongUsage(f"{', '.join(access.topics)} asks only the account that pays", fix="choose other --topics")
    return _document(statements)


def _asking(access: AwsAccess, actions: Iterable[str]) -> list[Document]:
    groups: dict[str, list[str]] = {"AskRegions": [], "AskBuckets": [], "AskAccount": []}
    asked = set(actions)
    for action in sorted(asked.union(*(NEEDED_WITH.get(one, ()) for one in asked))):
        service = action.partition(":")[0]
        if action in BILLS or action == _ALWAYS:
            continue
        if service == "s3" and action != "s3:ListAllMyBuckets":
            groups["AskBuckets"].append(action)
        else:
            groups["AskRegions" if service in _REGIONAL else "AskAccount"].append(action)
    here = {"StringEquals": {"aws:RequestedRegion": [*access.regions]}}
    statements = [
        _allow("AskRegions", groups["AskRegions"], "*", here),
        _allow("AskBuckets", groups["AskBuckets"], "arn:aws:s3:::*"),
        _allow("AskAccount", groups["AskAccount"], "*"),
    ]
    return [statement for statement in statements if statement["Action"]]


def reading_trust(access: AwsAccess) -> Document:
    """Who may take the role in the account that pays."""
    trust = access.trust or access.account
    if trust == "ec2":
        return _document([_trust({"Service": "ec2.amazonaws.com"}, ["sts:AssumeRole"])])
    if trust == "eks":
        mine = {"StringEquals": {"aws:SourceAccount": access.account}}
        return _document([_trust({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"], mine)])
    who = trust if trust.startswith("arn:") else f"arn:aws:iam::{trust}:root"
    return _document([_trust({"AWS": who}, ["sts:AssumeRole"], _external(access))])


def member_trust(access: AwsAccess) -> Document:
    """Who may take the role in each of the other accounts: only the reading role."""
    return _document([_trust({"AWS": access.role_arn}, _taking(access), _external(access))])


def bucket_policy(access: AwsAccess) -> Document:
    """Who may write into the bucket of bills: AWS's own exporters, for exports of this account; all by TLS."""
    bucket = f"arn:aws:s3:::{access.bucket}"
    return _document([
        {
            "Sid": "DeliverBills", "Effect": "Allow",
            "Principal": {"Service": ["bcm-data-exports.amazonaws.com", "billingreports.amazonaws.com"]},
            "Action": ["s3:PutObject", "s3:GetBucketPolicy"], "Resource": [bucket, f"{bucket}/*"],
            "Condition": {
                "StringEquals": {"aws:SourceAccount": access.account},
                "ArnLike": {"aws:SourceArn": [
                    f"arn:aws:bcm-data-exports:us-east-1:{access.account}:export/*",
                    f"arn:aws:cur:us-east-1:{access.account}:definition/*",
                ]},
            },
        },
        {
            "Sid": "OnlyByTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [bucket, f"{bucket}/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ])  # fmt: skip


def _taking(access: AwsAccess) -> list[str]:
    """What taking a member's role takes: a pod's session has tags that go with it into the next role."""
    return ["sts:AssumeRole", *(["sts:TagSession"] if access.trust == "eks" else [])]


def _external(access: AwsAccess) -> Document | None:
    return {"StringEquals": {"sts:ExternalId": access.external_id}} if access.external_id else None


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(name: str, actions: list[str], resource: str | list[str], condition: Document | None = None) -> Document:
    made: Document = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


def _trust(principal: Document, actions: list[str], condition: Document | None = None) -> Document:
    made: Document = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return made | ({"Condition": condition} if condition else {})
