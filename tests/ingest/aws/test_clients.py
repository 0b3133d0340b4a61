"""Access to AWS: roles of two accounts, logins that ran out, servers that throttle, lie and forbid; no secret told."""

from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aws_server
import pytest
from aws_server import Refusal
from moto.core import DEFAULT_ACCOUNT_ID as HOME

from core import ConnectionConfig, FixedClock, LocationUnreachable
from ingest.aws._clients import AwsClients
from ingest.aws._errors import AwsRefused
from ingest.locations import Reading, Retries

OTHER, THIRD = "222233334444", "333344445555"
NOW = datetime(2026, 8, 21, 3, tzinfo=UTC)
SECRETS = ("do-not-print-me", "AKIAEXAMPLE", "an-external-id-nobody-tells", "secret-in-message", "a-session-token")


@pytest.fixture
def clients(server, monkeypatch):
    monkeypatch.setenv("THE_EXTERNAL_ID", "an-external-id-nobody-tells")

    def make(attempts: int = 3, **connection) -> AwsClients:
        settings = {"name": "india", "kind": "aws", "endpoints": {"*": server.url}, "regions": ["ap-south-1"],
                    "requests_per_second": 100}  # fmt: skip
        retries = Retries(attempts=attempts, base_seconds=0.001, cap_seconds=0.002)
        return AwsClients(
            ConnectionConfig.model_validate(settings | connection), Reading(retries=retries, clock=FixedClock(NOW))
        )

    return make


ROLES = {"accounts": [OTHER, THIRD], "role": "kifayat", "external_id": {"env": "THE_EXTERNAL_ID"}}


def asked(server, operation: str) -> list:
    return [one for one in server.asked if one.operation == operation]


def credentials(server, key: str = "ASIA1", minutes: int = 60):
    """STS as it is, but with a key of our own choice that ends so soon."""
    end = datetime.now(UTC) + timedelta(minutes=minutes)
    made = {"AccessKeyId": key, "SecretAccessKey": "x", "SessionToken": "a-session-token", "Expiration": end}
    server.answers["sts:AssumeRole"] = lambda _: {"Credentials": made}
    return made


# Roles -----------------------------------------------------------------------------------------------------


def test_each_account_is_asked_as_its_own_role_with_the_external_id(clients, server):
    made = clients(**ROLES)
    assert made.accounts == (HOME, OTHER, THIRD)
    seen = [made.call("sts", "GetCallerIdentity", account=account)["Account"] for account in made.accounts]
    assert seen == [HOME, OTHER, THIRD]
    assumed = [one.body for one in asked(server, "AssumeRole")]
    assert [one["RoleArn"] for one in assumed] == [f"arn:aws:iam::{a}:role/kifayat" for a in (OTHER, THIRD)]
    assert {one["ExternalId"] for one in assumed} == {"an-external-id-nobody-tells"}
    made.call("ec2", "DescribeRegions", account=OTHER)
    assert len(asked(server, "AssumeRole")) == 2, "credentials of a role are kept while they hold"
    assert made.meter.calls["sts:AssumeRole"] == 2


def test_a_role_leads_on_to_the_roles_of_other_accounts(clients, server):
    made = clients(role_arn=f"arn:aws:iam::{OTHER}:role/entry", accounts=[THIRD], role="kifayat")
    assert made.accounts == (OTHER, THIRD)
    assert made.call("sts", "GetCallerIdentity", account=THIRD)["Account"] == THIRD
    first, second = asked(server, "AssumeRole")
    assert first.key == "AKIAEXAMPLE"
    assert second.key.startswith("ASIA"), "as the first role, not as the machine"
    assert "ExternalId" not in first.body


def test_an_account_s_own_role_is_not_assumed_in_it(clients, server):
    made = clients(accounts=[HOME], role="kifayat")
    assert made.accounts == (HOME,)
    made.call("ec2", "DescribeRegions", account=HOME)
    assert not asked(server, "AssumeRole")


def test_partition_is_that_of_the_region(clients, server):
    credentials(server)
    clients(accounts=[OTHER], role="kifayat", regions=["us-gov-west-1"]).call("ec2", "DescribeRegions", account=OTHER)
    assert asked(server, "AssumeRole")[0].body["RoleArn"] == f"arn:aws-us-gov:iam::{OTHER}:role/kifayat"


def test_a_role_that_does_not_trust_us_is_told_as_that(clients, server, caplog):
    def refuse(_):
        raise Refusal("AccessDenied", 403)

    server.answers["sts:AssumeRole"] = refuse
    with caplog.at_level(logging.INFO), pytest.raises(AwsRefused) as caught:
        clients(**ROLES).call("ec2", "DescribeVolumes", account=OTHER)
    assert "sts:AssumeRole" in str(caught.value)
    assert "trust policy" in str(caught.value)
    assert "allow ec2:" not in str(caught.value)
    assert not caught.value.transient
    assert len(server.asked) == 1
    assert not [secret for secret in SECRETS if secret in str(caught.value) + repr(caught.value) + caplog.text]


def test_credentials_that_end_soon_are_renewed_before_they_end(clients, server):
    credentials(server, minutes=5)
    made = clients(**ROLES)
    made.call("ec2", "DescribeRegions", account=OTHER)
    credentials(server, "ASIA2")
    made.call("ec2", "DescribeRegions", account=OTHER)
    assert [one.key for one in asked(server, "DescribeRegions")] == ["ASIA1", "ASIA2"]


def test_credentials_that_expired_in_mid_pull_are_renewed_once(clients, server):
    credentials(server)
    made = clients(**ROLES)
    made.call("ec2", "DescribeRegions", account=OTHER)

    def expired(one):
        if one.key == "ASIA1":
            raise Refusal("ExpiredTokenException")
        return {"Regions": []}

    server.answers["ec2:DescribeRegions"] = expired
    credentials(server, "ASIA2")
    assert made.call("ec2", "DescribeRegions", account=OTHER)["Regions"] == []
    credentials(server, "ASIA1")
    with pytest.raises(AwsRefused, match=r"ExpiredTokenException.*renew the credentials"):
        clients(**ROLES).call("ec2", "DescribeRegions", account=OTHER)


def test_expired_credentials_of_which_there_are_no_others_are_told_at_once(clients, server):
    def expired(_):
        raise Refusal("ExpiredToken")

    server.answers["ec2:DescribeRegions"] = expired
    with pytest.raises(AwsRefused, match="renew the credentials"):
        clients().call("ec2", "DescribeRegions")
    assert len(server.asked) == 1


def test_without_credentials_a_role_cannot_be_assumed_either(clients, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(AwsRefused, match="NoCredentialsError"):
        clients(**ROLES).call("ec2", "DescribeRegions", account=OTHER)


# Profiles --------------------------------------------------------------------------------------------------


def test_an_sso_login_that_ran_out_names_the_command_that_renews_it(clients, server, monkeypatch, tmp_path):
    (tmp_path / "config").write_text(
        "[profile people]\nsso_session = us\nsso_account_id = 123456789012\nsso_role_name = reader\n"
        "[sso-session us]\nsso_region = ap-south-1\nsso_start_url = https://example.invalid/start\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(AwsRefused, match="aws sso login --profile") as caught:
        clients(profile="people").call("sts", "GetCallerIdentity")
    assert not caught.value.transient
    assert "example.invalid" not in str(caught.value)
    assert not server.asked
    with pytest.raises(AwsRefused, match="ProfileNotFound"):
        clients(profile="nobody").call("sts", "GetCallerIdentity")


class Metadata(BaseHTTPRequestHandler):
    """The metadata service of a machine with a role."""

    def do_PUT(self) -> None:
        self._answer(b"a-session-token")

    def do_GET(self) -> None:
        end = f"{datetime.now(UTC) + timedelta(hours=6):%Y-%m-%dT%H:%M:%SZ}"
        made = {"Code": "Success", "AccessKeyId": "ASIAMACHINE", "SecretAccessKey": "do-not-print-me",
                "Token": "a-session-token", "Expiration": end}  # fmt: skip
        self._answer(json.dumps(made).encode() if self.path.endswith("reader") else b"reader")

    def _answer(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def test_a_machine_s_own_role_leads_on_to_the_roles_of_accounts(clients, server, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as metadata:
        threading.Thread(target=metadata.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{metadata.server_port}/")
        clients(**ROLES).call("ec2", "DescribeRegions", account=OTHER)
        metadata.shutdown()
    first, second = server.asked
    assert (first.operation, first.key) == ("AssumeRole", "ASIAMACHINE")
    assert second.key not in ("", "ASIAMACHINE")


# Servers that fail -----------------------------------------------------------------------------------------

TROUBLES = {
    "throttled": ("ec2:DescribeRegions", Refusal("RequestLimitExceeded", 503)),
    "throttled with a 400": ("ec2:DescribeRegions", Refusal("Throttling")),
    "unavailable": ("ec2:DescribeRegions", Refusal("Unavailable", 503)),
    "a service's own fault": ("ec2:DescribeRegions", Refusal("InternalError", 500)),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_request_that_fails_for_a_while_is_repeated(clients, server, trouble):
    name, error = TROUBLES[trouble]
    times = iter([error, error])

    def troubled(_):
        for one in times:
            raise one
        return {"Regions": [{"RegionName": "ap-south-1"}]}

    server.answers[name] = troubled
    made = clients()
    assert made.call("ec2", "DescribeRegions")["Regions"]
    assert made.meter.calls == {"ec2:DescribeRegions": 3}, "repetitions count, and the library makes none of its own"


CUTS = {
    "cut short": aws_server.spoil(lambda body: body[: len(body) // 2]),
    "cut short, and the length with it": aws_server.spoil(lambda body: body[: len(body) // 2], keep_length=False),
    "cut to nothing": aws_server.spoil(lambda body: b"", keep_length=False),
    "a proxy's page": aws_server.spoil(lambda body: b"<html>come back later</html>", keep_length=False),
}
READ = {
    "organizations:ListAccounts": lambda made: made.call("organizations", "ListAccounts"),  # JSON
    "ec2:DescribeRegions": lambda made: made.call("ec2", "DescribeRegions"),  # XML
    "lambda:ListFunctions": lambda made: made.call("lambda", "ListFunctions"),  # REST
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", READ)
def test_an_answer_that_was_cut_short_is_never_taken_for_an_empty_one(clients, server, name, cut):
    method = "GET" if name.startswith("lambda") else "POST"
    if name.startswith("organizations"):
        import boto3

        boto3.client("organizations", endpoint_url=server.url, region_name="us-east-1").create_organization()
    fault = server.fail(name, CUTS[cut], method=method, times=1)
    whole = READ[name](clients())
    assert fault.seen == 2
    assert len(whole) > 1
    server.fail(name, CUTS[cut], method=method)
    with pytest.raises(AwsRefused, match="2 attempts") as caught:
        READ[name](clients(attempts=2))
    assert caught.value.transient


def test_a_region_that_is_not_enabled_says_so_beside_the_credentials(clients, server):
    def unknown(_):
        raise Refusal("AuthFailure", 401)

    server.answers["ec2:DescribeVolumes"] = unknown
    with pytest.raises(AwsRefused, match="enable it for the account or take it out of regions") as caught:
        clients().call("ec2", "DescribeVolumes", region="ap-south-2")
    assert "ap-south-2" in caught.value.where


def test_a_missing_permission_is_named_once_and_nothing_of_the_answer_is_repeated(clients, server, caplog):
    def refuse(_):
        raise Refusal("UnauthorizedOperation", 403)

    server.answers["ec2:DescribeVolumes"] = refuse
    with caplog.at_level(logging.INFO), pytest.raises(AwsRefused, match="allow ec2:DescribeVolumes") as caught:
        clients(**ROLES).call("ec2", "DescribeVolumes", account=OTHER)
    assert caught.value.code == "UnauthorizedOperation"
    assert len(asked(server, "DescribeVolumes")) == 1
    assert not [secret for secret in SECRETS if secret in str(caught.value) + repr(caught.value) + caplog.text]


# Limits ----------------------------------------------------------------------------------------------------


def pages(server, count: int):
    """So many pages of one account each."""

    def answer(one):
        at = int((one.body or {}).get("NextToken", 1))
        return {"Accounts": [{"Id": str(at)}]} | ({"NextToken": str(at + 1)} if at < count else {})

    server.answers["organizations:ListAccounts"] = answer


def test_every_page_is_asked_for_and_one_that_fails_is_repeated_by_itself(clients, server):
    pages(server, 5)
    fault = server.fail("ListAccounts", aws_server.answer("503 Slow Down", "SlowDown"), after=2, times=1, method="POST")
    found = list(clients().pages("organizations", "ListAccounts", "Accounts"))
    assert [one["Id"] for one in found] == ["1", "2", "3", "4", "5"]
    assert fault.seen == 6


def test_a_half_list_is_never_taken_for_a_whole_one(clients, server):
    pages(server, 5)
    with pytest.raises(LocationUnreachable, match="more than 3 pages"):
        list(clients().pages("organizations", "ListAccounts", "Accounts", max_pages=3))
    server.answers["organizations:ListAccounts"] = lambda _: {"Accounts": [], "NextToken": "again"}
    with pytest.raises(LocationUnreachable, match="the same page"):
        list(clients().pages("organizations", "ListAccounts", "Accounts"))


def test_a_pull_ends_at_its_limit_of_requests(clients, server):
    pages(server, 50)
    made = clients(max_requests=7)
    with pytest.raises(LocationUnreachable, match="more than 7 requests in one pull"):
        list(made.pages("organizations", "ListAccounts", "Accounts"))
    assert len(server.asked) == 7


def test_requests_of_a_service_keep_their_distance(server):
    waits: list[float] = []
    access = ConnectionConfig.model_validate(
        {"name": "india", "kind": "aws", "endpoints": {"*": server.url}, "requests_per_second": 0.5}
    )
    made = AwsClients(access, Reading(retries=Retries(attempts=1, sleep=waits.append), clock=FixedClock(NOW)))
    pages(server, 3)
    list(made.pages("organizations", "ListAccounts", "Accounts"))
    assert [round(wait) for wait in waits] == [2, 4], "the sleep that is recorded here did not pass"


def test_what_is_billed_is_counted(clients, server):
    server.answers["ce:GetSavingsPlansPurchaseRecommendation"] = lambda _: {}
    made = clients()
    made.call("ce", "GetSavingsPlansPurchaseRecommendation", SavingsPlansType="COMPUTE_SP", TermInYears="ONE_YEAR",
              PaymentOption="NO_UPFRONT", LookbackPeriodInDays="SIXTY_DAYS")  # fmt: skip
    assert made.meter.usage.units == {"aws:ce:request": 1}
    assert made.meter.usage.usd == pytest.approx(0.01)


def test_nothing_of_a_connection_that_is_shown_is_secret(clients):
    made = clients(**ROLES)
    shown = repr(made.connection) + json.dumps(made.connection.model_dump(mode="json"))
    assert not [secret for secret in SECRETS if secret in shown]
