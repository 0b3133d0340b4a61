"""Bills that are found by asking for the exports: three layouts, several accounts, buckets that are denied."""

from __future__ import annotations

import gzip
import itertools
import json

import aws_server
import pytest
from aws_server import Refusal
from bills import csv_text, cur_line

from core import ConfigError, ConnectionConfig, ExportConfig, LocationUnreachable
from ingest.aws import exports
from ingest.aws._clients import action_of
from ingest.deliveries import Delivery, Refused
from ingest.run import ingest_exports
from warehouse import recent_pulls

HOME, OTHER = "123456789012", "222233334444"
MONTH = {"start": "20260701T000000.000Z", "end": "20260801T000000.000Z"}
NUMBERS = itertools.count(1)


class Company:
    """What the accounts have set up; each test has a bucket of its own."""

    def __init__(self, server) -> None:
        self.server = server
        self.bucket = f"bills-{next(NUMBERS)}"
        self.s3 = server.client()
        self.s3.create_bucket(Bucket=self.bucket)
        self.reports: dict[str, list[dict]] = {}
        self.data_exports: dict[str, list[dict]] = {}
        self.payers: dict[str, str] = {}
        server.answers |= {
            "cur:DescribeReportDefinitions": lambda asked: self._page(asked, self.reports, "ReportDefinitions"),
            "bcm-data-exports:ListExports": lambda asked: self._page(asked, self.data_exports, "Exports"),
            "bcm-data-exports:GetExport": lambda asked: {"Export": next(
                one for one in self.data_exports[self._account(asked)] if one["ExportArn"] == asked.body["ExportArn"])},
            "organizations:DescribeOrganization": self._organization,
        }  # fmt: skip

    def _account(self, asked) -> str:
        return HOME if asked.key == "AKIAEXAMPLE" else OTHER

    def _page(self, asked, of: dict, key: str) -> dict:
        """One item a page."""
        found = of.get(self._account(asked), [])
        at = int((asked.body or {}).get("NextToken", 0))
        return {key: found[at : at + 1]} | ({"NextToken": str(at + 1)} if at + 1 < len(found) else {})

    def _organization(self, asked) -> dict:
        payer = self.payers.get(self._account(asked))
        if payer is None:
            raise Refusal("AWSOrganizationsNotInUseException")
        return {"Organization": {"MasterAccountId": payer}}

    def report(self, name: str, account: str = HOME, *, bucket: str = "", resources: bool = True) -> None:
        self.reports.setdefault(account, []).append({
            "ReportName": name, "TimeUnit": "HOURLY", "Format": "textORcsv", "Compression": "GZIP",
            "AdditionalSchemaElements": ["RESOURCES"] if resources else [], "S3Bucket": bucket or self.bucket,
            "S3Prefix": "cur", "S3Region": "ap-south-1",
        })  # fmt: skip

    def export(self, name: str, account: str = HOME, *, query: str = "SELECT * FROM COST_AND_USAGE_REPORT") -> None:
        place = {"S3Bucket": self.bucket, "S3Prefix": f"out-{account}", "S3Region": "ap-south-1",
                 "S3OutputConfigurations": {}}  # fmt: skip
        self.data_exports.setdefault(account, []).append({
            "ExportArn": f"arn:aws:bcm-data-exports:us-east-1:{account}:export/{name}", "Name": name,
            "DataQuery": {"QueryStatement": query, "TableConfigurations": {}},
            "DestinationConfigurations": {"S3Destination": place}, "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        })  # fmt: skip

    def deliver_report(self, name: str, cost: str = "1.00", payer: str = HOME) -> None:
        folder = f"cur/{name}/20260701-20260801"
        key = f"{folder}/{name}-1.csv.gz"
        self._put(key, gzip.compress(csv_text([cur_line(cost=cost, bill_payer_account_id=payer)]).encode(), mtime=0))
        manifest = {"assemblyId": name, "bucket": self.bucket, "billingPeriod": MONTH, "reportKeys": [key]}
        self._put(f"{folder}/{name}-Manifest.json", json.dumps(manifest).encode())

    def deliver_export(self, name: str, account: str = HOME, *, month: str = "2026-07", payer: str = "") -> None:
        key = f"out-{account}/{name}/data/BILLING_PERIOD={month}/{name}-1.csv.gz"
        text = csv_text([cur_line(cost="2.00", bill_payer_account_id=payer or account)])
        self._put(key, gzip.compress(text.encode(), mtime=0))
        manifest = {"dataFiles": [f"s3://{self.bucket}/{key}"], "executionId": f"e-{name}"}
        self._put(f"out-{account}/{name}/metadata/BILLING_PERIOD={month}/{name}-Manifest.json",
                  json.dumps(manifest).encode())  # fmt: skip

    def _put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)


@pytest.fixture
def company(server) -> Company:
    return Company(server)


def groups(found) -> list[str]:
    return [item.group for item in found if isinstance(item, Delivery)]


def refusals(found) -> dict[str, str]:
    return {item.where: str(item.error) for item in found if isinstance(item, Refused)}


def test_exports_are_found_page_by_page_and_read_where_they_lie(company, server, open_aws, tmp_path):
    company.report("daily")
    company.export("carbon", query="SELECT * FROM CARBON_EMISSIONS")
    company.export("bill")
    company.deliver_report("daily")
    company.deliver_export("bill", month="2026-08")
    location = open_aws("exports")
    found = location.deliveries()
    assert sorted(groups(found)) == [
        f"{HOME}/cost_and_usage_report/bill/bill/2026-08",
        f"{HOME}/cur/daily/daily/2026-07",
    ]
    before, expected = location.meter.usage, location.estimate(found)
    origins = {location.fetch(item, tmp_path / str(n))[0].origin for n, item in enumerate(found)}
    assert origins == {
        f"s3://{company.bucket}/cur/daily/20260701-20260801/daily-1.csv.gz",
        f"s3://{company.bucket}/out-{HOME}/bill/data/BILLING_PERIOD=2026-08/bill-1.csv.gz",
    }
    assert before + expected == location.meter.usage, "the estimate is what was measured"
    called = {action_of(one.service, one.operation) for one in server.asked}
    assert called == set(location.meter.calls)
    organizations = {"organizations:DescribeOrganization", "organizations:ListAccounts"}
    assert called == set(exports.ACTIONS) - organizations, "nobody else's bill is in question"


def test_of_two_exports_of_one_bill_the_better_one_counts_in_every_month_it_has(company, open_aws):
    company.report("old")
    company.report("poor", resources=False)
    company.export("new")
    company.deliver_report("old")
    company.deliver_report("poor")
    company.deliver_export("new", month="2026-08")
    assert set(groups(open_aws("exports").deliveries())) == {
        f"{HOME}/cur/old/old/2026-07", f"{HOME}/cost_and_usage_report/new/new/2026-08",
    }  # fmt: skip
    company.deliver_export("new", month="2026-07")
    assert set(groups(open_aws("exports").deliveries())) == {
        f"{HOME}/cost_and_usage_report/new/new/2026-07", f"{HOME}/cost_and_usage_report/new/new/2026-08",
    }  # fmt: skip


def test_a_part_of_a_bill_is_not_taken_for_the_bill(company, open_aws):
    query = "SELECT * FROM COST_AND_USAGE_REPORT WHERE line_item_usage_account_id = '1'"
    company.export("part", query=query)
    company.deliver_export("part")
    found = open_aws("exports").deliveries()
    assert groups(found) == []
    assert "a part of the bill" in refusals(found)[f"{HOME}/cost_and_usage_report/part"]
    company.export("whole")
    company.deliver_export("whole")
    found = open_aws("exports").deliveries()
    assert groups(found) == [f"{HOME}/cost_and_usage_report/whole/whole/2026-07"]
    assert not refusals(found)


def test_a_bucket_that_is_denied_leaves_the_other_exports(company, server, open_aws):
    company.report("good")
    company.report("locked", bucket="somebody-elses")
    company.deliver_report("good")
    server.fail("somebody-elses", aws_server.answer("403 Forbidden", "AccessDenied"))
    found = open_aws("exports").deliveries()
    assert groups(found) == [f"{HOME}/cur/good/good/2026-07"]
    reason = refusals(found)[f"{HOME}/cur/locked"]
    assert "allow s3:ListBucket" in reason
    assert "secret" not in reason


def test_an_api_that_is_denied_leaves_the_other(company, server, open_aws):
    company.report("good")
    company.deliver_report("good")

    def refuse(_):
        raise Refusal("AccessDeniedException")

    server.answers["bcm-data-exports:ListExports"] = refuse
    found = open_aws("exports").deliveries()
    assert groups(found) == [f"{HOME}/cur/good/good/2026-07"]
    assert "allow bcm-data-exports:ListExports" in refusals(found)[f"{HOME}/data_exports"]


TWO = {"accounts": [OTHER], "role": "kifayat"}


def test_exports_of_the_same_name_in_two_accounts_never_collide(company, open_aws, tmp_path):
    for account in (HOME, OTHER):
        company.export("bill", account)
        company.deliver_export("bill", account)
    location = open_aws("exports", **TWO)
    found = location.deliveries()
    names = [f"{account}/cost_and_usage_report/bill/bill/2026-07" for account in (HOME, OTHER)]
    assert sorted(groups(found)) == names
    files = [location.fetch(item, tmp_path / str(n))[0] for n, item in enumerate(found)]
    assert len({file.origin for file in files}) == 2


def test_a_member_s_own_export_does_not_come_beside_its_payer_s(company, server, open_aws):
    company.payers = {HOME: HOME, OTHER: HOME}
    for account in (HOME, OTHER):
        company.export("bill", account)
        company.deliver_export("bill", account, payer=HOME)
    found = open_aws("exports", **TWO).deliveries()
    assert groups(found) == [f"{HOME}/cost_and_usage_report/bill/bill/2026-07"]
    assert not refusals(found)
    company.payers = {HOME: "999900001111", OTHER: "999900001111"}
    found = open_aws("exports", **TWO).deliveries()
    assert groups(found) == [f"{HOME}/cost_and_usage_report/bill/bill/2026-07"]
    assert "both billed to 999900001111" in refusals(found)[OTHER], "two halves of one bill would replace each other"
    called = {action_of(one.service, one.operation) for one in server.asked if one.operation != "AssumeRole"}
    assert called == set(exports.ACTIONS)
    server.asked.clear()
    server.answers["organizations:ListAccounts"] = lambda _: {"Accounts": [{"Id": HOME}, {"Id": OTHER}]}
    assert len(open_aws("exports", **TWO).deliveries()) == 1
    assert {one.key for one in server.asked} == {"AKIAEXAMPLE"}, "the organization knows: the member is not asked"


def test_bills_of_two_accounts_load_and_are_metered_and_what_is_known_is_not_read_again(company, server, store):
    company.report("daily")
    company.deliver_report("daily", "3.00")
    company.export("bill", OTHER)
    company.deliver_export("bill", OTHER)
    access = ConnectionConfig.model_validate(
        {"name": "india", "kind": "aws", "endpoints": {"*": server.url}, "requests_per_second": 100} | TWO
    )
    export = ExportConfig(name="bills", location="aws://exports", connection="india")
    report = ingest_exports(store.loader, [export], [access])
    assert [item.outcome for item in report.outcomes] == ["loaded", "loaded"]
    loads = store.warehouse.ledger.current_loads("charges")
    assert {load.payer: sum(one.billed_cost for one in load.totals) for load in loads} == {HOME: 3, OTHER: 2}
    report = ingest_exports(store.loader, [export], [access])
    assert (report.unchanged, report.outcomes) == (2, ())
    again, first = recent_pulls(store.warehouse.ledger)
    assert first.units == first.expected
    assert first.units["aws:s3:get"] == 2 + 2 * 3
    assert (again.parts, again.units["aws:s3:get"]) == (0, 2), "looking whether there is news costs requests too"


def test_an_s3_address_is_read_through_a_connection_too(company, server, open_aws):
    company.deliver_report("daily")
    address = {"location": f"s3://{company.bucket}/cur", "region": "us-east-1"}
    assert groups(open_aws("exports", export=address, **TWO).deliveries()) == ["daily/2026-07"]
    assert {one.region for one in server.asked} == {"us-east-1"}
    with pytest.raises(LocationUnreachable, match="more than 1 requests"):
        open_aws("exports", export=address, max_requests=1).deliveries()
    with pytest.raises(ConfigError, match="take them out"):
        open_aws("exports", export=address | {"profile": "p"})
