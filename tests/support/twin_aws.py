"""AWS of the demo company: its files in S3; metrics, inventory, invoices and what was made up behind the APIs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from aws_estate import serve_inventory, serve_utilization
from aws_server import Asked, AwsServer, Refusal
from cloudwatch import CloudWatch
from moto.iam.models import get_account_id_from

from demo.aws_fleet import ACCOUNTS

PAYER, PROD, INC = "111122223333", "222233334444", "123456789012"
MEMBERS: Final = tuple(sorted(set(ACCOUNTS) - {PAYER}))
#: Folder of the company -> bucket.
BUCKETS: Final = {"aws-india": "pragati-billing", "aws-india-2": "pragati-billing",
                  "aws-inc": "pragati-global-billing"}  # fmt: skip
_UNIT: Final = "Workloads"
_PLAN: Final = {
    "savingsPlanArn": f"arn:aws:savingsplans::{PAYER}:savingsplan/sp-1", "savingsPlanId": "sp-1", "state": "active",
    "start": "2026-01-10T06:00:00.000Z", "end": "2029-01-09T06:00:00.000Z", "savingsPlanType": "Compute",
    "paymentOption": "No Upfront", "currency": "USD", "commitment": "1.2345678", "upfrontPaymentAmount": "0",
    "termDurationInSeconds": 3 * 365 * 86400,
}  # fmt: skip
#: Made up, as rows of a file and behind the APIs.
ACCOUNT_ROWS: Final = [
    {"account_id": account, "provider": "AWS", "kind": "account", "name": name, "state": "ACTIVE",
     "parent": "" if account == PAYER else _UNIT}
    for account, name in ACCOUNTS.items()
]  # fmt: skip
COMMITMENT_ROWS: Final = [{
    "commitment_id": _PLAN["savingsPlanArn"], "provider": "AWS", "kind": "savings_plan", "account_id": PAYER,
    "service": "Savings Plans for AWS Compute usage", "hourly_commitment": "1.2345678", "upfront": "0",
    "currency": "USD", "purchase_option": "No Upfront", "term_months": 36, "start_at": "2026-01-10T06:00:00Z",
    "end_at": "2029-01-09T06:00:00Z", "state": "active",
}]  # fmt: skip
#: What nobody has: operation -> the empty list of its answer.
_NOTHING: Final = {
    "cur:DescribeReportDefinitions": "ReportDefinitions", "ec2:DescribeReservedInstances": "ReservedInstances",
    "rds:DescribeReservedDBInstances": "ReservedDBInstances",
    "elasticache:DescribeReservedCacheNodes": "ReservedCacheNodes", "es:DescribeReservedInstances": "ReservedInstances",
    "memorydb:DescribeReservedNodes": "ReservedNodes", "pricing:GetProducts": "PriceList",
    "savingsplans:DescribeSavingsPlansOfferingRates": "searchResults",
    "ec2:DescribeSpotPriceHistory": "SpotPriceHistory",
    "compute-optimizer:GetEC2InstanceRecommendations": "instanceRecommendations",
    "compute-optimizer:GetAutoScalingGroupRecommendations": "autoScalingGroupRecommendations",
    "compute-optimizer:GetEBSVolumeRecommendations": "volumeRecommendations",
    "compute-optimizer:GetLambdaFunctionRecommendations": "lambdaFunctionRecommendations",
    "compute-optimizer:GetRDSDatabaseRecommendations": "rdsDBRecommendations",
    "cost-optimization-hub:ListRecommendations": "items", "ce:GetReservationPurchaseRecommendation": "Recommendations",
    "ce:GetSavingsPlansPurchaseRecommendation": "Metadata",
}  # fmt: skip


class AwsCompany:
    """Two payers: AWS India's organisation, and the company's account with AWS Inc., which the credentials are of."""

    payer, members = PAYER, MEMBERS

    def __init__(self, server: AwsServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.cloudwatch = CloudWatch(server)
        self._upload()
        with (folder / "inventory" / "aws_inventory.csv").open(encoding="utf-8", newline="") as file:
            serve_inventory(server, list(csv.DictReader(file)), PROD)
        serve_utilization(self.cloudwatch, pq.read_table(folder / "utilization" / "aws.parquet"), PROD)
        for operation, key in _NOTHING.items():
            empty: Any = {} if key == "Metadata" else []
            server.answers[operation] = _always({key: empty})
        server.answers |= {
            "bcm-data-exports:ListExports": self._exports,
            "bcm-data-exports:GetExport": lambda asked: {"Export": self._exports(asked)["Exports"][0]},
            "invoicing:ListInvoiceSummaries": self._invoices,
            "organizations:ListAccounts": _accounts,
            "organizations:ListParents": _parents,
            "organizations:DescribeOrganizationalUnit": _always({"OrganizationalUnit": {"Name": _UNIT}}),
            "savingsplans:DescribeSavingsPlans": lambda asked: {"savingsPlans": [_PLAN] if _is(asked, PAYER) else []},
            "cost-optimization-hub:ListEnrollmentStatuses": _always({"items": [{"status": "Active"}]}),
        }

    def _upload(self) -> None:
        """Every file under its key; a provider writes the manifest last."""
        s3 = self.server.client()
        for bucket in sorted(set(BUCKETS.values())):
            s3.create_bucket(Bucket=bucket)
        for name, bucket in BUCKETS.items():
            files = [path for path in (self.folder / name).rglob("*") if path.is_file()]
            for path in sorted(files, key=lambda path: (path.name.endswith("Manifest.json"), str(path))):
                s3.put_object(Bucket=bucket, Key=str(path.relative_to(self.folder / name)), Body=path.read_bytes())

    def _exports(self, asked: Asked) -> dict[str, Any]:
        """Those of AWS Inc.; India's are read by their addresses."""
        if not _is(asked, INC):
            return {"Exports": []}
        name = "pragati-global-focus"
        place = {"S3Bucket": BUCKETS["aws-inc"], "S3Prefix": "exports", "S3Region": "us-east-1",
                 "S3OutputConfigurations": {}}  # fmt: skip
        return {"Exports": [{
            "ExportArn": f"arn:aws:bcm-data-exports:us-east-1:{INC}:export/{name}", "Name": name, "ExportName": name,
            "DataQuery": {"QueryStatement": "SELECT * FROM FOCUS_1_2_AWS", "TableConfigurations": {}},
            "DestinationConfigurations": {"S3Destination": place}, "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }]}  # fmt: skip

    def _invoices(self, asked: Asked) -> dict[str, Any]:
        """The rows of one account and month, as the API tells them."""
        period, account = asked.body["Filter"]["BillingPeriod"], asked.body["Selector"]["Value"]
        month = f"{period['Year']}-{period['Month']:02d}-01"
        found = []
        for path in sorted((self.folder / "invoices").glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                found += [row for row in csv.DictReader(file)
                          if (row["billing_account_id"], row["billing_month"]) == (account, month)]  # fmt: skip
        return {"InvoiceSummaries": [_invoice(row) for row in found]}


def _is(asked: Asked, account: str) -> bool:
    return bool(get_account_id_from(asked.key) == account)


def _always(answer: dict[str, Any]) -> Callable[[Asked], dict[str, Any]]:
    return lambda _: answer


def _accounts(asked: Asked) -> dict[str, Any]:
    if not _is(asked, PAYER):
        raise Refusal("AWSOrganizationsNotInUseException")
    return {"Accounts": [{"Id": row["account_id"], "Name": row["name"], "Status": row["state"]}
                         for row in ACCOUNT_ROWS]}  # fmt: skip


def _parents(asked: Asked) -> dict[str, Any]:
    is_below = asked.body["ChildId"] in MEMBERS
    return {"Parents": [{"Id": "ou-1", "Type": "ORGANIZATIONAL_UNIT"} if is_below else {"Id": "r-1", "Type": "ROOT"}]}


def _invoice(row: Mapping[str, str]) -> dict[str, Any]:
    amount, tax, rate = Decimal(row["amount"]), Decimal(row["tax"]), row["inr_per_unit"]
    base = {"CurrencyCode": row["currency"], "TotalAmountBeforeTax": row["amount"], "TotalAmount": str(amount + tax)}
    paid: dict[str, Any] = dict(base)
    if rate:
        paid = {"CurrencyCode": "INR", "CurrencyExchangeDetails": {
            "SourceCurrencyCode": row["currency"], "TargetCurrencyCode": "INR", "Rate": rate}}  # fmt: skip
    issued = datetime.fromisoformat(row["issued_on"]).replace(hour=6, tzinfo=UTC)
    year, month, _ = row["billing_month"].split("-")
    return {
        "AccountId": row["billing_account_id"], "InvoiceId": row["invoice_id"], "IssuedDate": issued.timestamp(),
        "BillingPeriod": {"Year": int(year), "Month": int(month)}, "InvoiceType": "INVOICE",
        "BaseCurrencyAmount": base, "PaymentCurrencyAmount": paid,
    }  # fmt: skip
