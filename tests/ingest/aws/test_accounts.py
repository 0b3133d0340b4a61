"""Accounts by name, from a real Organizations API."""

from __future__ import annotations

import boto3
import pytest
from aws_server import Refusal

from core import LocationUnreachable
from ingest.aws import accounts
from ingest.aws._clients import action_of


@pytest.fixture
def organization(server):
    client = boto3.client("organizations", endpoint_url=server.url, region_name="us-east-1")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"]["Id"]
    inner = client.create_organizational_unit(ParentId=unit, Name="Prod")["OrganizationalUnit"]["Id"]
    made = client.create_account(Email="somebody@example.invalid", AccountName="pragati-prod")["CreateAccountStatus"]
    client.move_account(AccountId=made["AccountId"], SourceParentId=root, DestinationParentId=inner)
    server.asked.clear()
    return server


def test_accounts_have_their_name_and_the_path_of_their_unit(organization, open_aws, tmp_path):
    location = open_aws("accounts")
    (delivery,) = location.deliveries()
    (file,) = location.fetch(delivery, tmp_path / "staging")
    rows = location.pull(next(iter(location.parts())), print).to_pylist()
    assert ("pragati-prod", "Workloads/Prod", "ACTIVE") in {(r["name"], r["parent"], r["state"]) for r in rows}
    assert b"example.invalid" not in file.path.read_bytes(), "addresses of persons are not kept"


def test_exactly_the_declared_actions_are_called(organization, open_aws, tmp_path):
    location = open_aws("accounts")
    location.fetch(location.deliveries()[0], tmp_path / "staging")
    assert {action_of(one.service, one.operation) for one in organization.asked} == set(accounts.ACTIONS)
    assert set(location.meter.calls) == set(accounts.ACTIONS)


def test_a_missing_permission_is_named_and_the_server_s_words_are_not_repeated(server, open_aws):
    def refuse(_):
        raise Refusal("AccessDeniedException")

    server.answers["organizations:ListAccounts"] = refuse
    (probe,) = open_aws("accounts").probes()
    with pytest.raises(LocationUnreachable, match="allow organizations:ListAccounts") as caught:
        probe.call()
    assert "secret" not in str(caught.value)
    assert not caught.value.transient
    assert len(server.asked) == 1, "what is denied is not asked again"


def test_what_was_asked_today_is_not_asked_again_before_its_time(organization, open_aws):
    from datetime import timedelta

    now = open_aws("accounts").reading.clock.now()
    assert open_aws("accounts", seen=lambda *_: now - timedelta(days=6)).deliveries() == []
    assert len(open_aws("accounts", seen=lambda *_: now - timedelta(days=7)).deliveries()) == 1
    assert (
        len(open_aws("accounts", seen=lambda *_: now - timedelta(hours=1), export={"every_hours": 1}).deliveries()) == 1
    )
