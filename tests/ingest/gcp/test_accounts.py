"""Billing accounts and projects from a Cloud Billing API over gRPC."""

from __future__ import annotations

import grpc
import pytest
from google.cloud.billing_v1 import BillingAccount, ProjectBillingInfo
from google_server import rows_of

from core import LocationUnreachable
from ingest.gcp import accounts

INDIA, OLD = "01A2B3-C4D5E6-F7A8B9", "0F0F0F-0F0F0F-0F0F0F"


@pytest.fixture
def billed(server):
    """Two billing accounts; three projects belong to the first."""
    server.answers["ListBillingAccounts"] = lambda _: [
        BillingAccount(name=f"billingAccounts/{INDIA}", open_=True, display_name="Pragati <India> \"=1+1\"",
                       parent="organizations/42"),
        BillingAccount(name=f"billingAccounts/{OLD}", display_name="old",
                       master_billing_account=f"billingAccounts/{INDIA}"),
    ]  # fmt: skip
    server.answers["ListProjectBillingInfo"] = lambda request: [
        ProjectBillingInfo(project_id=id, billing_enabled=id != "pragati-off")
        for id in ("pragati-content", "pragati-dev", "pragati-off")
        if request.name.endswith(INDIA)
    ]
    return server


def test_accounts_and_their_projects_have_name_parent_and_state(billed, open_gcp):
    rows = {row["account_id"]: (row["kind"], row["name"], row["parent"], row["state"])
            for row in rows_of(open_gcp("accounts"))}  # fmt: skip
    assert rows == {
        INDIA: ("billing_account", 'Pragati <India> "=1+1"', "42", "OPEN"),
        OLD: ("billing_account", "old", INDIA, "CLOSED"),
        "pragati-content": ("project", "pragati-content", INDIA, "ACTIVE"),
        "pragati-dev": ("project", "pragati-dev", INDIA, "ACTIVE"),
        "pragati-off": ("project", "pragati-off", INDIA, "BILLING_DISABLED"),
    }


def test_only_the_configured_account_is_asked_for_projects(billed, open_gcp):
    rows_of(open_gcp("accounts", billing_account=OLD))
    assert [one.request.name for one in billed.asked if one.method != "ListBillingAccounts"] == [
        f"billingAccounts/{OLD}"
    ]


def test_an_account_that_may_not_be_seen_is_told(billed, open_gcp):
    with pytest.raises(LocationUnreachable, match="000000-000000-000000 is not listed"):
        list(open_gcp("accounts", billing_account="000000-000000-000000").parts())


def test_an_account_that_is_denied_leaves_the_other(billed, open_gcp, tmp_path):
    billed.fail("ListProjectBillingInfo", grpc.StatusCode.PERMISSION_DENIED, where=OLD)
    location = open_gcp("accounts")
    good, denied = location.deliveries()
    with pytest.raises(LocationUnreachable, match=r"grant billing\.resourceAssociations\.list"):
        location.fetch(denied, tmp_path / "1")
    assert len(location.fetch(good, tmp_path / "2")) == 1


def test_exactly_the_declared_permissions_are_used(billed, open_gcp):
    location = open_gcp("accounts")
    rows_of(location)
    assert set(location.meter.calls) == set(accounts.PERMISSIONS)
    assert [probe.permission for probe in location.probes()] == list(accounts.PERMISSIONS)
    assert billed.methods() == {"ListBillingAccounts", "ListProjectBillingInfo"}
    for probe in location.probes():
        probe.call()
