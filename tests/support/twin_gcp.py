"""Google Cloud of the demo company: its billing export in BigQuery, everything else behind the gRPC services."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import google_company
import pyarrow.parquet as pq
from bigquery_server import BigQueryServer
from gcp_export import days_of_files
from google.cloud import billing_v1
from google_server import GoogleServer

DATASET, ACCOUNT = "pragati-billing.billing", "01A2B3-C4D5E6-F7A8B9"
_SKU: Final = {
    "provider": "Google Cloud", "service": "Compute Engine", "sku": "0001-2222-3333", "region": "asia-south1",
    "description": "N2 Instance Core running in Mumbai", "unit": "hour", "currency": "INR", "price": "2.75",
    "effective_on": "2026-08-01",
}  # fmt: skip
PRICE_ROWS: Final = [_SKU]


class GcpCompany:
    """`tables`: export -> table, or dataset, whose detailed table counts; `projects`: those that have something."""

    def __init__(self, bigquery: BigQueryServer, google: GoogleServer, folder: Path) -> None:
        self.bigquery, self.google = bigquery, google
        self.tables = {name: _load(bigquery, folder / name) for name in ("gcp-standard", "gcp")
                       if (folder / name).is_dir()}  # fmt: skip
        if "gcp" in self.tables:
            self.tables["gcp"] = DATASET
        with (folder / "inventory" / "gcp_inventory.csv").open(encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        for row in rows:
            row["created_at"] = datetime.fromisoformat(row["created_at"])
        self.projects = sorted({json.loads(row["attributes"])["project"] for row in rows})
        google_company.serve(google, rows, pq.read_table(folder / "utilization" / "gcp.parquet"))
        google.answers |= {
            "ListBillingAccounts": lambda _: [billing_v1.BillingAccount(
                name=f"billingAccounts/{ACCOUNT}", open_=True, display_name="Pragati")],
            "ListProjectBillingInfo": lambda _: [billing_v1.ProjectBillingInfo(
                name=f"projects/{project}/billingInfo", project_id=project, billing_enabled=True)
                for project in self.projects],
            "ListServices": lambda _: [billing_v1.Service(
                name="services/6F81-5844-456A", service_id="6F81-5844-456A", display_name="Compute Engine")],
            "ListSkus": lambda _: [_sku()],
        }  # fmt: skip

    @property
    def account_rows(self) -> list[dict[str, Any]]:
        """The billing account and its projects."""
        common = {"provider": "Google Cloud"}
        return [
            common | {"account_id": ACCOUNT, "kind": "billing_account", "name": "Pragati", "state": "OPEN"},
            *(common | {"account_id": project, "kind": "project", "name": project, "parent": ACCOUNT,
                        "state": "ACTIVE"} for project in self.projects),
        ]  # fmt: skip


def _sku() -> billing_v1.Sku:
    money = {"currency_code": "INR", "units": 2, "nanos": 750_000_000}
    return billing_v1.Sku(
        sku_id=_SKU["sku"], description=_SKU["description"], service_regions=[_SKU["region"]],
        category={"service_display_name": _SKU["service"], "usage_type": "OnDemand"},
        pricing_info=[{"effective_time": datetime(2026, 8, 1, tzinfo=UTC), "pricing_expression": {
            "usage_unit_description": "hour", "tiered_rates": [{"start_usage_amount": 0, "unit_price": money}]}}],
    )  # fmt: skip


def _load(server: BigQueryServer, folder: Path) -> str:
    """The files of an export as days of when Google wrote their rows; returns the table."""
    file = next(folder.glob("*.parquet"))
    name = f"{DATASET}.{re.sub(r'-20.*', '', file.name).replace('-', '_')}"
    for day, rows in days_of_files(folder).items():
        server.append(name, day, rows)
    return name
