"""What `connect aws` prints is read by the parsers of the tools that it is for, and grants what is asked, no more."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import botocore.session
import cfnlint.data.AdditionalSpecs
import hcl2
import pytest
from cfnlint.api import lint
from cfnlint.core import get_rules
from cfnlint.helpers import load_resource
from typer.testing import CliRunner

from core import WrongUsage, load_config
from ingest.aws._clients import action_of
from kifayat.cli import cli
from kifayat.connect import AWS
from kifayat.connect.aws_policies import (
    NEEDED_WITH,
    bucket_policy,
    member_policy,
    member_trust,
    reading_policy,
    reading_trust,
)
from kifayat.connect.data_export import columns
from kifayat.connect.values import AwsAccess, aws_topics

MEMBERS = ("222233334444", "333344445555")
HOSTILE = ("x\"; rm -rf'", "$(id)", "${var.a}", "a\nb", "../../etc", "<script>", "%{if}", "x' or '1")


def access(**values: Any) -> AwsAccess:
    given = {"account": "111122223333", "bucket": "pragati-bills", "topics": tuple(aws_topics())} | values
    return AwsAccess(**given)


class Everything(AwsAccess):
    """As if topics asked all of this."""

    @property
    def actions(self) -> tuple[str, ...]:
        return (
            "bcm-data-exports:ListExports", "ce:GetReservationUtilization", "cloudwatch:GetMetricData",
            "compute-optimizer:GetLambdaFunctionRecommendations", "ec2:DescribeInstances",
            "organizations:ListAccounts", "rds:DescribeDBInstances", "s3:GetBucketTagging", "s3:GetObject",
            "s3:ListAllMyBuckets", "s3:ListBucket", "sts:GetCallerIdentity",
        )  # fmt: skip


def everything(**values: Any) -> AwsAccess:
    return Everything("111122223333", "pragati-bills", **values)


def actions_of(policy: dict[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("topic", aws_topics())
def test_every_action_that_is_granted_exists_and_is_declared_by_a_topic(topic):
    granted = actions_of(reading_policy(access(topics=(topic,)))) - {"s3:GetObject", "s3:ListBucket"}
    declared = set(aws_topics()[topic]) - {"s3:GetObject", "s3:ListBucket", "sts:GetCallerIdentity"}
    assert granted == declared.union(*(NEEDED_WITH.get(action, ()) for action in declared))
    session = botocore.session.get_session()
    prefixes = {action.partition(":")[0] for action in granted}
    services = [one for one in session.get_available_services() if action_of(one, "").rstrip(":") in prefixes]
    known = {
        action_of(service, name) for service in services for name in session.get_service_model(service).operation_names
    }
    assert granted <= known


def test_a_statement_that_names_resources_has_only_actions_that_know_them():
    """An action that knows no resources would be denied for ever by a statement that names one."""
    tables = load_resource(cfnlint.data.AdditionalSpecs, "Policies.json")
    policy = reading_policy(everything(accounts=MEMBERS, kms_key="arn:aws:kms:ap-south-1:111122223333:key/abc-1"))
    named = [one for one in policy["Statement"] if one["Resource"] != "*"]
    assert {one["Sid"] for one in named} == {"ListBills", "ReadBills", "OpenBills", "AskBuckets", "ReadMembers"}
    for action in actions_of({"Statement": named}):
        service, _, name = action.partition(":")
        assert tables[service]["Actions"][name.lower()]["Resources"], action


def test_bills_are_read_below_the_prefix_only_and_nothing_can_be_written():
    policy = reading_policy(access(prefix="cost/aws"))
    by_action = {action: statement for statement in policy["Statement"] for action in statement["Action"]}
    assert by_action["s3:GetObject"]["Resource"] == "arn:aws:s3:::pragati-bills/cost/aws/*"
    assert by_action["s3:ListBucket"]["Condition"] == {"StringLike": {"s3:prefix": ["cost/aws", "cost/aws/*"]}}
    verbs = {re.match(r"[A-Z][a-z]+", action.partition(":")[2]).group() for action in by_action}
    assert verbs <= {"Get", "List", "Describe", "Search", "Batch", "Lookup", "View"}


def test_each_kind_of_question_has_its_own_bounds():
    """Regions for services of regions, buckets by their ARN, the rest as a whole: metrics of buckets lie anywhere."""
    statements = {one["Sid"]: one for one in reading_policy(everything(regions=("ap-south-1",)))["Statement"]}
    assert statements["AskRegions"]["Action"] == [
        "compute-optimizer:GetLambdaFunctionRecommendations", "ec2:DescribeInstances", "lambda:ListFunctions",
        "lambda:ListProvisionedConcurrencyConfigs", "rds:DescribeDBInstances",
    ]  # fmt: skip
    assert statements["AskRegions"]["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["ap-south-1"]}}
    assert statements["AskBuckets"]["Resource"] == "arn:aws:s3:::*"
    assert "cloudwatch:GetMetricData" in statements["AskAccount"]["Action"]
    assert "Condition" not in statements["AskAccount"]
    assert "sts:GetCallerIdentity" not in actions_of({"Statement": list(statements.values())}), "it needs no permission"


def test_members_are_read_through_their_role_and_never_asked_what_only_the_payer_knows():
    asked = actions_of(member_policy(everything(accounts=MEMBERS)))
    assert asked.isdisjoint({"ce:GetReservationUtilization", "organizations:ListAccounts", "s3:GetObject"})
    assert {"ec2:DescribeInstances", "cloudwatch:GetMetricData", "s3:ListAllMyBuckets"} <= asked
    assume = reading_policy(everything(accounts=MEMBERS))["Statement"][-1]
    assert assume["Resource"] == [f"arn:aws:iam::{account}:role/kifayat-read" for account in MEMBERS]
    trust = member_trust(everything(external_id="abc-123"))["Statement"][0]
    assert trust["Principal"] == {"AWS": "arn:aws:iam::111122223333:role/kifayat-read"}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": "abc-123"}}


@pytest.mark.parametrize(
    ("trust", "principal"),
    [
        ("", {"AWS": "arn:aws:iam::111122223333:root"}),
        ("999988887777", {"AWS": "arn:aws:iam::999988887777:root"}),
        ("arn:aws:iam::999988887777:role/kifayat", {"AWS": "arn:aws:iam::999988887777:role/kifayat"}),
        ("ec2", {"Service": "ec2.amazonaws.com"}),
        ("eks", {"Service": "pods.eks.amazonaws.com"}),
    ],
)
def test_the_role_is_taken_only_by_whom_was_named(trust, principal):
    (statement,) = reading_trust(access(trust=trust, external_id="abc-123", accounts=MEMBERS))["Statement"]
    assert statement["Principal"] == principal
    assert ("sts:ExternalId" in json.dumps(statement)) == ("AWS" in principal)


@pytest.mark.parametrize("trust", ["", "ec2", "eks"])
def test_a_pod_s_tags_may_go_with_it_into_the_members_roles(trust):
    one = everything(accounts=MEMBERS, trust=trust)
    taking = ["sts:AssumeRole", *(["sts:TagSession"] if trust == "eks" else [])]
    (taken,) = member_trust(one)["Statement"]
    (take,) = [statement for statement in reading_policy(one)["Statement"] if statement["Sid"] == "ReadMembers"]
    assert taken["Action"] == take["Action"] == taking


def test_terraform_names_the_billing_view_that_aws_would_add():
    assert "arn:aws:billing::111122223333:billingview/primary" in AWS["terraform"](access())


def test_only_exports_of_the_payer_are_written_into_the_bucket_and_only_by_tls():
    deliver, tls = bucket_policy(access())["Statement"]
    assert deliver["Principal"]["Service"] == ["bcm-data-exports.amazonaws.com", "billingreports.amazonaws.com"]
    assert deliver["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}
    assert all(":111122223333:" in arn for arn in deliver["Condition"]["ArnLike"]["aws:SourceArn"])
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


@pytest.fixture(scope="module")
def rules():
    return get_rules([], [], ["I", "W", "E"], {}, False)


@pytest.mark.parametrize(
    ("form", "region"),
    [("cloudformation", "ap-south-1"), ("cloudformation-export", "us-east-1"), ("cloudformation-member", "ap-south-1")],
)
def test_cloudformation_has_no_fault_that_its_linter_knows(form, region, rules):
    for more in ({}, {"trust": "ec2"}, {"kms_key": "arn:aws:kms:ap-south-1:111122223333:key/abc-1"}):
        template = AWS[form](everything(accounts=MEMBERS, external_id="abc-123", **more))
        assert [str(match) for match in lint(template, rules, [region])] == []


def test_the_linter_would_have_told_an_action_or_a_type_that_there_is_not(rules):
    spoiled = AWS["cloudformation-member"](everything()).replace("ec2:DescribeInstances", "ec2:DescribeInstanses")
    assert lint(spoiled, rules, ["ap-south-1"])
    assert lint(AWS["cloudformation-export"](access()), rules, ["ap-south-1"]), "exports are known in us-east-1 only"


def test_terraform_makes_what_cloudformation_makes():
    one = access(accounts=MEMBERS, external_id="abc-123", trust="ec2")
    text = AWS["terraform"](one)
    found = hcl2.load(io.StringIO(text))
    resources = {
        kind.strip('"'): body
        for resource in found["resource"]
        for kind, labelled in resource.items()
        if not kind.startswith("__")
        for body in labelled.values()
        if isinstance(body, dict)
    }
    stack = json.loads(AWS["cloudformation"](one))["Resources"]
    export = json.loads(AWS["cloudformation-export"](one))["Resources"]["Export"]["Properties"]["Export"]
    assert resources["aws_s3_bucket"]["bucket"].strip('"') == stack["Bills"]["Properties"]["BucketName"]
    assert resources["aws_bcmdataexports_export"]["provider"].strip("${}") == "aws.billing"
    assert {"aws_s3_bucket_public_access_block", "aws_iam_role", "aws_iam_instance_profile"} <= set(resources)
    for word in (export["DataQuery"]["QueryStatement"], "INCLUDE_SPLIT_COST_ALLOCATION_DATA", "OVERWRITE_REPORT"):
        assert word in text
    documents = re.findall(r"jsonencode\((.*?)\n  \}\)", text, re.DOTALL)
    assert [_plain(document + "\n}") for document in documents] == [
        bucket_policy(one), reading_trust(one), reading_policy(one),
    ]  # fmt: skip


def _plain(code: str) -> Any:
    """An object of HCL as Python: with commas it is nearly JSON."""
    quoted = re.sub(r'^(\s*)("?)([\w:]+)\2 += ', r'\1"\3": ', code, flags=re.MULTILINE)
    with_commas = re.sub(r'(["\]}])\n(\s*")', r"\1,\n\2", quoted)
    found = re.sub(r",(\s*[\]}])", r"\1", re.sub(r"\[\{", "[{", with_commas))
    return json.loads(found)


def test_the_export_holds_what_is_read_and_nobody_s_name():
    assert {"line_item_resource_id", "split_line_item_split_cost", "resource_tags", "product"} <= set(columns())
    assert not {one for one in columns() if "principal" in one or "user_identifier" in one}


def test_the_configuration_is_one_that_is_taken(tmp_path):
    for number, one in enumerate((access(), access(accounts=MEMBERS, external_id="abc-123"), access(trust="ec2"))):
        path = tmp_path / f"{number}.toml"
        path.write_text('[storage]\ndirectory = "store"\n' + AWS["config"](one))
        config = load_config(path)
        assert [export.location for export in config.exports if export.connection == "aws"]
        assert config.connections[0].role_arn == (None if one.is_machine else one.role_arn)
        assert "abc-123" not in path.read_text(), "the external id is named, not written down"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("option", ["account", "bucket", "prefix", "export", "role", "trust", "external_id", "region"])
def test_what_is_no_name_is_refused_and_not_repeated(option, text):
    if option == "external_id" and "/" in text and "<" not in text:
        assert access(external_id=text).external_id == text, "AWS takes this one, and everything quotes it"
        return
    with pytest.raises(WrongUsage) as caught:
        access(**{option: text})
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"accounts": ("111122223333",)}, "--accounts names the account that pays"),
        ({"trust": "arn:aws:iam::111122223333:role/kifayat-read"}, "--trust names the role itself"),
        ({"kms_key": "arn:aws:kms:us-east-1:111122223333:key/abc-1"}, "a key of the bucket's --region"),
        ({"trust": "ec2", "external_id": "abc-123"}, "machines and pods assume none"),
    ],
)
def test_options_that_contradict_are_refused(more, told):
    with pytest.raises(WrongUsage, match=told):
        access(**more)


def test_the_command_prints_steps_whose_commands_print_the_artefacts():
    words = ["connect", "aws", "--account", "111122223333", "--bucket", "pragati-bills", "--regions", "ap-south-1"]
    told = CliRunner().invoke(cli, words)
    assert told.exit_code == 0
    lines = re.findall(r"kifayat (connect aws .*?--as [\w-]+)", told.stdout)
    assert len(lines) >= 4
    for line in lines:
        again = CliRunner().invoke(cli, line.split())
        assert again.exit_code == 0, line
        assert "ap-south-1" in again.stdout
    assert "--bucket" in str(CliRunner().invoke(cli, [*words[:5], "x;y"]).exception)
