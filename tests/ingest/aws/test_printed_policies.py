"""Whatever a topic asks, in its probes or in a pull, the policies that `connect aws` prints allow, there and then."""

from __future__ import annotations

from typing import Any

import pytest
from aws_server import Asked

from core import DeliveryError, WrongUsage
from ingest.aws._clients import action_of
from ingest.deliveries import Delivery
from ingest.pull import PullLocation
from kifayat.connect.aws_policies import member_policy, reading_policy
from kifayat.connect.values import AwsAccess, aws_topics

HOME, MEMBER = "123456789012", "222233334444"
#: Services that sign under another name than IAM's.
_SIGNS = {"cloudwatch": "monitoring", "tag": "tagging"}
_SIGNED = {signed: service for service, signed in _SIGNS.items()}


def is_allowed(policy: dict[str, Any], asked: Asked) -> bool:
    """As IAM decides it, by action and region."""
    action = action_of(_SIGNED.get(asked.service, asked.service), asked.operation)
    if action == "sts:GetCallerIdentity":
        return True
    return any(
        action in one["Action"]
        and asked.region in one.get("Condition", {}).get("StringEquals", {}).get("aws:RequestedRegion", [asked.region])
        for one in policy["Statement"]
    )


def ask_everything(location: Any, staging: Any) -> None:
    """Every probe and every part, whatever an empty account answers."""
    probes = list(location.probes()) if isinstance(location, PullLocation) else []
    for call in [*(probe.call for probe in probes), lambda: pull_all(location, staging)]:
        try:
            call()
        except (DeliveryError, LookupError):  # an answer that is empty beyond what AWS sends
            continue


def pull_all(location: Any, staging: Any) -> None:
    for number, delivery in enumerate(location.deliveries()):
        if isinstance(delivery, Delivery):
            try:
                location.fetch(delivery, staging / str(number))
            except (DeliveryError, LookupError):
                continue


@pytest.mark.parametrize("topic", aws_topics())
def test_what_is_asked_is_allowed_by_the_printed_policies_of_its_account_and_region(topic, server, open_aws, tmp_path):
    listed = [{"Id": account, "Name": account, "Status": "ACTIVE"} for account in (HOME, MEMBER)]
    for action in aws_topics()[topic]:
        service, _, operation = action.partition(":")
        if service not in ("sts", "s3"):
            server.answers[f"{_SIGNS.get(service, service)}:{operation}"] = lambda _: {}
    server.answers["organizations:ListAccounts"] = lambda _: {"Accounts": listed}
    location = open_aws(
        topic, accounts=[MEMBER], role="kifayat-read", regions=["ap-south-1", "ap-southeast-1"],
        export={"since": "2026-08-20"},
    )  # fmt: skip
    ask_everything(location, tmp_path)
    access = AwsAccess(HOME, "pragati-bills", accounts=(MEMBER,), topics=(topic,))
    try:
        of_member = member_policy(access)
    except WrongUsage:
        of_member = {"Statement": []}
    assert server.asked
    refused = {
        (one.service, one.operation, one.region, one.key)
        for one in server.asked
        if not is_allowed(reading_policy(access) if one.key == "AKIAEXAMPLE" else of_member, one)
    }
    assert refused == set()
