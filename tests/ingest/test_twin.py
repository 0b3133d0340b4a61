"""The company behind the APIs of its clouds is the company in its files: marts to the last byte, also after faults.

What a whole run asks is held against the policies that `kifayat connect` prints, in both directions.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import twin_compare
from aws_server import Refusal, answer, spoil
from moto.iam.models import get_account_id_from
from rest_server import refuse
from twin import ENVIRONMENT, Twin
from twin_aws import MEMBERS, PAYER

from core import FixedClock
from demo.company import Company
from demo.write import write_company
from ingest import IngestReport
from ingest.aws._clients import action_of
from ingest.gcp.advice import RECOMMENDERS
from kifayat import App
from kifayat.connect import member_policy, reading_policy
from kifayat.connect.gcp_roles import roles
from kifayat.connect.values import AwsAccess, GcpAccess, aws_topics, gcp_topics
from warehouse import Pull, open_warehouse, recent_pulls

pytestmark = [pytest.mark.company, pytest.mark.slow]

AT = datetime.fromisoformat("2026-08-21T03:00:00Z")
DAY = timedelta(days=1)


@dataclass
class Both:
    """The company from its files, and from its clouds: what these were asked, and the report of each run."""

    twin: Twin
    files: App
    clouds: App
    asked: Asked
    reports: list[IngestReport]


@dataclass
class Asked:
    """Requests since the last look, by server. `aws`: account, action, region of each."""

    aws: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    bigquery: Counter[str] = field(default_factory=Counter)
    google: Counter[tuple[str, str]] = field(default_factory=Counter)
    others: int = 0

    @property
    def count(self) -> int:
        return self.aws.total() + self.bigquery.total() + self.google.total() + self.others


@pytest.fixture(scope="session")
def environment() -> Iterator[None]:
    """Credentials that only the test's server takes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory, environment: None) -> Iterator[Twin]:
    folder = tmp_path_factory.mktemp("twin")
    write_company(folder / "company", Company(months=2), lambda _: None)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with Twin(folder / "company", folder / "work", since="2026-08-03") as made:
        yield made


@pytest.fixture(scope="session")
def both(twin: Twin) -> Both:
    """The clouds' store is filled by a run that is killed, one with faults and denials, and one without."""
    files = App.from_toml(twin.config("files"), FixedClock(AT))
    assert not files.ingest().report.refused
    config = twin.config("clouds")
    taken(twin)
    with spoiled(twin):
        killed_at(config, "aws-metrics: reading 222233334444/ap-south-1/2026-08-10")
        denied = App.from_toml(config, FixedClock(AT)).ingest().report
    clouds = App.from_toml(config, FixedClock(AT))
    report = clouds.ingest().report
    return Both(twin, files, clouds, taken(twin), [denied, report])


def taken(twin: Twin) -> Asked:
    """What was asked since the last call."""
    aws = Counter(
        (get_account_id_from(one.key), action_of(SERVICES.get(one.service, one.service), one.operation), one.region)
        for one in twin.aws.asked
    )
    google = Counter((one.method, getattr(one.request, "parent", "")) for one in twin.google.asked)
    bigquery = Counter([*map(bigquery_permission, twin.bigquery.requests), *(READS[call] for call in twin.reads.calls)])
    found = Asked(aws, bigquery, google, len(twin.users.requests))
    for kept in (twin.aws.asked, twin.aws.requests, twin.bigquery.requests, twin.reads.calls, twin.google.asked,
                 twin.users.requests):  # fmt: skip
        kept.clear()
    return found


#: Services that sign by another name than the library has for them.
SERVICES = {"monitoring": "cloudwatch", "elasticloadbalancing": "elbv2", "tagging": "resourcegroupstaggingapi",
            "es": "opensearch"}  # fmt: skip


READS = {"CreateReadSession": "bigquery.readsessions.create", "ReadRows": "bigquery.readsessions.getData"}


def bigquery_permission(request: str) -> str:
    """What a request of BigQuery's REST API needs ("BigQuery API methods, required permissions")."""
    path = request.partition("?")[0]
    if "/jobs" in path:
        return "bigquery.jobs.create"
    if path.endswith("/data"):
        return "bigquery.tables.getData"
    return "bigquery.tables.list" if path.endswith("/tables") else "bigquery.tables.get"


# -- the same company ------------------------------------------------------------------------------------------------


def test_every_table_is_the_same_to_the_last_byte_after_a_kill_faults_and_denials(both):
    assert both.reports[-1].refused == () == both.reports[-1].unreachable
    found = twin_compare.digests(both.clouds)
    assert found.keys() | twin_compare.TABLES.keys() == twin_compare.tables_of(both.clouds).keys()
    assert found == twin_compare.digests(both.files), twin_compare.differences(both.files, both.clouds)
    never_empty = ("charges", "cost_daily", "utilization", "resource_inventory", "invoices", "active_users", "fx_rates",
                   "cloud_accounts", "owned_commitments", "prices", "unit_costs", "reconciliation")  # fmt: skip
    assert [table for table in never_empty if not found[table][0]] == []


def test_nothing_is_left_out_but_what_is_named_with_a_reason(both):
    tables = twin_compare.tables_of(both.clouds)
    assert tables == twin_compare.tables_of(both.files)
    assert twin_compare.TABLES.keys() <= tables.keys()
    assert [t for t, columns in twin_compare.COLUMNS.items() if not columns.keys() <= set(tables[t])] == []


# -- asked as rarely as can be ---------------------------------------------------------------------------------------


def pulls_of(app: App, since: datetime) -> dict[str, Pull]:
    with open_warehouse(app.storage) as warehouse:
        return {pull.export: pull for pull in recent_pulls(warehouse.ledger) if pull.started_at >= since}


def test_a_second_run_looks_for_news_and_asks_for_nothing_again(both):
    taken(both.twin)
    again = App.from_toml(both.clouds.storage.parent / "kifayat.toml", FixedClock(AT))
    assert not again.ingest().published.is_new
    asked = taken(both.twin)
    assert asked.count < 0.05 * both.asked.count
    assert {action for _, action, _ in asked.aws} <= {
        "sts:GetCallerIdentity", "sts:AssumeRole", "s3:ListBucket", "s3:GetObject",
        "organizations:ListAccounts",
        "bcm-data-exports:ListExports", "bcm-data-exports:GetExport", "cur:DescribeReportDefinitions",
    }  # fmt: skip
    assert {method for method, _ in asked.google} <= {"ListBillingAccounts", "ListServices"}


def test_the_next_day_asks_what_is_due_and_no_settled_week_or_month(both, tmp_path):
    home = shutil.copytree(both.clouds.storage.parent, tmp_path / "clouds")
    tomorrow = App.from_toml(home / "kifayat.toml", FixedClock(AT + DAY))
    taken(both.twin)
    tomorrow.ingest()
    asked, pulls = taken(both.twin), pulls_of(tomorrow, AT + DAY)
    places = {(account, region) for account, action, region in both.asked.aws if action == "cloudwatch:ListMetrics"}
    assert pulls["aws-metrics"].parts == len(places)  # this week of each account and region
    assert pulls["gcp-metrics"].parts == len(both.twin.gcp_company.projects)  # this month
    assert pulls["concurrent"].parts == 1
    assert {"aws-prices", "aws-accounts"}.isdisjoint(pulls)  # asked once a week
    assert [pulls[name].parts for name in ("aws-india", "aws-india-2", "aws-inc", "gcp-standard", "gcp")] == [0] * 5
    assert asked.count < both.asked.count
    assert not any(pull.failed for pull in pulls.values())


# -- faults on the way -----------------------------------------------------------------------------------------------


def test_what_is_denied_is_refused_by_itself_and_faults_that_pass_are_not_told(both):
    refused = both.reports[0].refused
    assert {(one.export, one.group) for one in refused} == {
        ("aws-inventory", "555566667777/ap-southeast-1"), ("gcp-inventory", "pragati-dev"),
        ("gcp-commitments", "pragati-dev"), ("gcp-advice", "pragati-dev"),
    }  # fmt: skip
    assert all("secret-in-message" not in one.reason for one in refused)


def killed_at(config: Path, line: str) -> None:
    """A run that is killed when it says so."""
    code = (
        "import sys; from core import FixedClock; from datetime import datetime; from kifayat import App\n"
        f"App.from_toml({str(config)!r}, FixedClock(datetime.fromisoformat('2026-08-21T03:00:00Z')))"
        ".ingest(lambda text: print(text, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        seen = next((text for text in run.stdout if text.startswith(line)), None)
        run.kill()
    assert seen is not None


@contextmanager
def spoiled(twin: Twin) -> Iterator[None]:
    """A denied region and a denied project, throttling, 503s, a file that is cut short."""
    answers, good = twin.aws.answers, dict(twin.aws.answers)
    throttled: Counter[str] = Counter()

    def denied(asked: Any) -> Any:
        if (get_account_id_from(asked.key), asked.region) == ("555566667777", "ap-southeast-1"):
            raise Refusal("UnauthorizedOperation", 403)
        return good["ec2:DescribeInstances"](asked)

    def throttling(operation: str, code: str) -> Any:
        def ask(asked: Any) -> Any:
            throttled[operation] += 1
            if throttled[operation] <= 2:
                raise Refusal(code, 400)
            return good[operation](asked)

        return ask

    answers["ec2:DescribeInstances"] = denied
    for operation, code in (("ec2:DescribeVolumes", "RequestLimitExceeded"),
                            ("monitoring:GetMetricData", "ThrottlingException")):  # fmt: skip
        answers[operation] = throttling(operation, code)
    twin.aws.fail("/pragati-global-billing?", answer("503 Slow Down", "SlowDown"), times=1)
    twin.aws.fail("pragati-daily-00001", spoil(lambda body: body[: len(body) // 2]), times=1)
    twin.bigquery.fail("/jobs?", refuse(503, "backendError"), times=2)
    twin.google.fail("ListTimeSeries", grpc.StatusCode.UNAVAILABLE, times=2)
    twin.google.fail("ListAssets", grpc.StatusCode.PERMISSION_DENIED, where="pragati-dev")
    try:
        yield
    finally:
        assert all(throttled.values())
        assert all(fault.seen for fault in (*twin.aws.faults, *twin.bigquery.faults, *twin.google.faults))
        answers.clear()
        answers.update(good)
        for faults in (twin.aws.faults, twin.bigquery.faults, twin.google.faults):
            faults.clear()


# -- what is asked is what is granted --------------------------------------------------------------------------------

#: Granted and not asked in this company's run, and why.
RARE = {
    "organizations:DescribeOrganization": "asked where several accounts that pay have exports",
    "eks:DescribeNodegroup": "the cluster's machines are Auto Scaling groups of its own",
    "lambda:ListProvisionedConcurrencyConfigs": "asked by Compute Optimizer on its own, as whoever asks it",
}


def actions_of(policy: dict[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def allows(policy: dict[str, Any], action: str, region: str) -> bool:
    """Whether a statement allows it there, as far as it looks at regions."""
    return any(
        action in statement["Action"]
        and region in statement.get("Condition", {}).get("StringEquals", {}).get("aws:RequestedRegion", [region])
        for statement in policy["Statement"]
    )


def access() -> AwsAccess:
    return AwsAccess(PAYER, "pragati-billing", accounts=MEMBERS, topics=tuple(aws_topics()))


def test_the_printed_policies_allow_each_call_of_a_whole_run_and_grant_no_action_that_nothing_asks(both):
    payer, member = (policy(access()) for policy in (reading_policy, member_policy))
    asked = {one for one in both.asked.aws if one[1] != "sts:GetCallerIdentity"}  # which everybody may
    missing = [one for one in sorted(asked) if not allows(member if one[0] in MEMBERS else payer, *one[1:])]
    assert missing == []
    # what a payer without machines is never asked is granted to it all the same: it may get some
    by_all = {action for _, action, _ in asked}
    by_members = {action for account, action, _ in asked if account in MEMBERS}
    assert actions_of(payer) - by_all <= RARE.keys()
    assert actions_of(member) - by_members <= RARE.keys()
    assert by_all.isdisjoint(RARE)


def test_the_roles_of_google_grant_what_a_whole_run_asks_and_no_more(both):
    topics = tuple(name for name in gcp_topics() if name != "gs")  # nothing of this company lies in Cloud Storage
    granted = {
        permission
        for role in roles(GcpAccess("pragati-billing", "01A2B3-C4D5E6-F7A8B9", topics=topics)).values()
        for permission in role.permissions
    }
    by_recommender = {one.id: one.permission for one in RECOMMENDERS}
    needs = {"ListAssets": "cloudasset.assets.listResource", "ListTimeSeries": "monitoring.timeSeries.list",
             "ListBillingAccounts": "billing.accounts.list", "ListServices": "", "ListSkus": "",
             "ListProjectBillingInfo": "billing.resourceAssociations.list"}  # fmt: skip
    asked = {needs.get(method) or by_recommender.get(parent.rpartition("/")[2], "")
             for method, parent in both.asked.google}  # fmt: skip
    assert (asked | set(both.asked.bigquery)) - {""} == granted
