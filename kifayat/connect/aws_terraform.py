"""Terraform for AWS: bucket, export and reading role together; the members' role by itself."""

from __future__ import annotations

from kifayat.connect import data_export
from kifayat.connect.aws_policies import (
    Document,
    bucket_policy,
    member_policy,
    member_trust,
    reading_policy,
    reading_trust,
)
from kifayat.connect.hcl import Nested, Ref, block, encoded
from kifayat.connect.values import AwsAccess

_BILLS = Ref("aws_s3_bucket.bills.id")


def reading(access: AwsAccess) -> str:
    """For the account that pays: the bucket of the bills, the export into it, the role that reads."""
    parts = [
        _provider(),
        block("provider", "aws", region=access.region),
        block("provider", "aws", alias="billing", region="us-east-1"),
        block("resource", "aws_s3_bucket", "bills", bucket=access.bucket, lifecycle=Nested({"prevent_destroy": True})),
        block("resource", "aws_s3_bucket_public_access_block", "bills", bucket=_BILLS, block_public_acls=True,
              block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True),
        block("resource", "aws_s3_bucket_ownership_controls", "bills", bucket=_BILLS,
              rule=Nested({"object_ownership": "BucketOwnerEnforced"})),
        block("resource", "aws_s3_bucket_server_side_encryption_configuration", "bills", bucket=_BILLS,
              rule=Nested({"apply_server_side_encryption_by_default": _encryption(access),
                           "bucket_key_enabled": bool(access.kms_key)})),
        block("resource", "aws_s3_bucket_policy", "bills", bucket=_BILLS, policy=encoded(bucket_policy(access)),
              depends_on=[Ref("aws_s3_bucket_public_access_block.bills")]),
        _export(access),
        *_role(access, reading_trust(access), reading_policy(access)),
    ]  # fmt: skip
    if access.trust == "ec2":
        parts.append(
            block(
                "resource", "aws_iam_instance_profile", "reader", name=access.role, role=Ref("aws_iam_role.reader.name")
            )
        )
    parts.append(block("output", "reader_arn", value=Ref("aws_iam_role.reader.arn")))
    return "\n".join(parts)


def member(access: AwsAccess) -> str:
    """For each of the other accounts: the role that the reading role takes."""
    return "\n".join([_provider(), *_role(access, member_trust(access), member_policy(access))])


def _provider() -> str:
    return block("terraform", required_providers=Nested({"aws": {"source": "hashicorp/aws", "version": ">= 5.48"}}))


def _export(access: AwsAccess) -> str:
    output = data_export.OUTPUT
    # What AWS adds by itself must be written down: a provider that finds more than was planned fails after making it.
    table = {"BILLING_VIEW_ARN": f"arn:aws:billing::{access.account}:billingview/primary", **data_export.CONFIGURATION}
    destination = {
        "s3_bucket": Ref("aws_s3_bucket.bills.bucket"), "s3_prefix": access.prefix, "s3_region": access.region,
        "s3_output_configurations": Nested({
            "output_type": output["OutputType"], "format": output["Format"], "compression": output["Compression"],
            "overwrite": output["Overwrite"],
        }),
    }  # fmt: skip
    return block(
        "resource", "aws_bcmdataexports_export", "bills", provider=Ref("aws.billing"),
        depends_on=[Ref("aws_s3_bucket_policy.bills")],
        export=Nested({
            "name": access.export,
            "data_query": Nested({
                "query_statement": data_export.query(),
                "table_configurations": {data_export.TABLE: table},
            }),
            "destination_configurations": Nested({"s3_destination": Nested(destination)}),
            "refresh_cadence": Nested({"frequency": "SYNCHRONOUS"}),
        }),
    )  # fmt: skip


def _encryption(access: AwsAccess) -> Nested:
    if access.kms_key:
        return Nested({"sse_algorithm": "aws:kms", "kms_master_key_id": access.kms_key})
    return Nested({"sse_algorithm": "AES256"})


def _role(access: AwsAccess, trust: Document, policy: Document) -> list[str]:
    return [
        block("resource", "aws_iam_role", "reader", name=access.role, assume_role_policy=encoded(trust),
              description="Kifayat reads bills, metrics and inventory; it changes nothing"),
        block("resource", "aws_iam_role_policy", "reader", name="kifayat-read", role=Ref("aws_iam_role.reader.id"),
              policy=encoded(policy)),
    ]  # fmt: skip
