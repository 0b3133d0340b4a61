"""CloudFormation for AWS: the bucket with the reading role, the export (a stack of us-east-1), the members' role."""

from __future__ import annotations

from typing import Any

from kifayat.connect import data_export
from kifayat.connect.aws_policies import (
    Document,
    as_json,
    bucket_policy,
    member_policy,
    member_trust,
    reading_policy,
    reading_trust,
)
from kifayat.connect.values import AwsAccess


def reading(access: AwsAccess) -> str:
    """The bucket of the bills and the role that reads; a stack of the bucket's region."""
    resources: dict[str, Any] = {
        "Bills": {
            "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketName": access.bucket,
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [_encryption(access)]},
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
            },
        },
        "BillsPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bills"}, "PolicyDocument": bucket_policy(access)},
        },
        "Reader": _role(access, reading_trust(access), reading_policy(access)),
    }  # fmt: skip
    outputs = {"ReaderArn": {"Value": {"Fn::GetAtt": ["Reader", "Arn"]}}}
    if access.trust == "ec2":
        resources["Machine"] = {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {"InstanceProfileName": access.role, "Roles": [{"Ref": "Reader"}]},
        }
    return _template(f"Kifayat: bucket of the bills and reading role; in {access.region}", resources, outputs)


def export(access: AwsAccess) -> str:
    """The data export. Its type is known only in us-east-1; the bucket with its policy must be there before."""
    where = {
        "S3Bucket": access.bucket, "S3Prefix": access.prefix, "S3Region": access.region,
        "S3OutputConfigurations": data_export.OUTPUT,
    }  # fmt: skip
    made = {
        "Name": access.export, "Description": "Hourly bills with resources, for Kifayat",
        "DataQuery": {
            "QueryStatement": data_export.query(),
            "TableConfigurations": {data_export.TABLE: data_export.CONFIGURATION},
        },
        "DestinationConfigurations": {"S3Destination": where},
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }  # fmt: skip
    resources = {"Export": {"Type": "AWS::BCMDataExports::Export", "Properties": {"Export": made}}}
    return _template("Kifayat: the export of the bills; in us-east-1, after the stack of the bucket", resources)


def member(access: AwsAccess) -> str:
    """The role in each of the other accounts; one stack set for all of them."""
    resources = {"Reader": _role(access, member_trust(access), member_policy(access))}
    return _template("Kifayat: reading role in an account that is asked; one region is enough", resources)


def _encryption(access: AwsAccess) -> dict[str, Any]:
    how = (
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": access.kms_key} if access.kms_key else {"SSEAlgorithm": "AES256"}
    )
    return {"ServerSideEncryptionByDefault": how, "BucketKeyEnabled": bool(access.kms_key)}


def _role(access: AwsAccess, trust: Document, policy: Document) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": access.role, "Description": "Kifayat reads bills, metrics and inventory; it changes nothing",
            "AssumeRolePolicyDocument": trust,
            "Policies": [{"PolicyName": "kifayat-read", "PolicyDocument": policy}],
        },
    }  # fmt: skip


def _template(description: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> str:
    made = {"AWSTemplateFormatVersion": "2010-09-09", "Description": description, "Resources": resources}
    return as_json(made | ({"Outputs": outputs} if outputs else {}))
