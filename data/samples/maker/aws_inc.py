"""The second payer, an account of AWS Inc.: CUR 2.0 as Data Exports delivers it, Parquet with map columns, in USD."""

# ruff: noqa: E501 - the table of meters reads best with few breaks

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from maker.files import ZERO, Totals, code, hexadecimal, places, write_json
from maker.season import DAY, LAST, days, load_on, midnight, months, next_month, noise

EXPORT = "aws-inc"
NAME = "pragati-global-cur2"
PREFIX = "exports"
BUCKET = "pragati-global-billing"
PAYER, LINKED = "123456789012", "210987654321"
SELLER = "Amazon Web Services, Inc."

_TEXT, _NUMBER, _INSTANT = pa.string(), pa.float64(), pa.timestamp("ms")
_MAP = pa.map_(pa.string(), pa.string())
#: A selection of the 115 columns of the usual export query, with its types; map columns as Data Exports has them.
_TEXTS = """
    bill_bill_type bill_billing_entity bill_invoice_id bill_invoicing_entity bill_payer_account_id
    bill_payer_account_name identity_line_item_id identity_time_interval line_item_availability_zone
    line_item_currency_code line_item_legal_entity line_item_line_item_description line_item_line_item_type
    line_item_operation line_item_product_code line_item_resource_id line_item_tax_type line_item_unblended_rate
    line_item_usage_account_id line_item_usage_account_name line_item_usage_type pricing_currency
    pricing_public_on_demand_rate pricing_rate_code pricing_term pricing_unit product_instance_type
    product_product_family product_region_code product_servicecode product_sku reservation_reservation_a_r_n
    savings_plan_savings_plan_a_r_n
"""
_NUMBERS = """
    line_item_blended_cost line_item_unblended_cost line_item_usage_amount pricing_public_on_demand_cost
    reservation_effective_cost savings_plan_savings_plan_effective_cost
"""
_INSTANTS = """
    bill_billing_period_end_date bill_billing_period_start_date line_item_usage_end_date line_item_usage_start_date
"""
_SCHEMA: dict[str, pa.DataType] = {
    **dict.fromkeys(_TEXTS.split(), _TEXT),
    **dict.fromkeys(_NUMBERS.split(), _NUMBER),
    **dict.fromkeys(_INSTANTS.split(), _INSTANT),
    "product": _MAP,
    "resource_tags": _MAP,
    "cost_category": _MAP,
    "discount": pa.map_(pa.string(), pa.float64()),
}
SCHEMA = pa.schema(sorted(_SCHEMA.items()))


@dataclass(frozen=True)
class Line:
    """A metered line of the foreign regions."""

    product: str
    name: str
    usage_type: str
    operation: str
    resource: str
    unit: str
    rate: str
    daily: float
    region: str
    service: str
    team: str
    env: str
    bend: float = 0.0
    width: float = 0.04
    first: date = date(2025, 7, 1)
    account: str = LINKED


LINES = (
    Line("AmazonS3", "Amazon Simple Storage Service", "APS1-TimedStorage-GlacierIRByteHrs", "GlacierInstantRetrievalStorage",
         "pragati-dr-copies", "GB-Mo", "0.005", 2600, "ap-southeast-1", "content", "content-platform", "prod", width=0.002),
    Line("AmazonEC2", "Amazon Elastic Compute Cloud", "APS1-BoxUsage:m6g.xlarge", "RunInstances", "i-" + hexadecimal("dr"), "Hrs",
         "0.192", 24, "ap-southeast-1", "user", "platform", "prod", width=0),
    Line("AmazonRDS", "Amazon Relational Database Service", "APS1-InstanceUsage:db.r6g.large", "CreateDBInstance:0014",
         "arn:aws:rds:ap-southeast-1:210987654321:db:dr-replica", "Hrs", "0.27", 24, "ap-southeast-1", "payment", "payments", "prod", width=0),
    Line("AmazonBedrock", "Amazon Bedrock", "USE1-Claude-input-tokens", "InvokeModelInference",
         "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/doubts", "1K tokens", "0.003", 13_000, "us-east-1",
         "assessment", "assessment", "prod", bend=1.1, width=0.12, first=date(2025, 11, 3)),
    Line("AmazonBedrock", "Amazon Bedrock", "USE1-Claude-output-tokens", "InvokeModelInference",
         "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/doubts", "1K tokens", "0.015", 1_900, "us-east-1",
         "assessment", "assessment", "prod", bend=1.1, width=0.12, first=date(2025, 11, 3)),
    Line("AmazonCloudFront", "Amazon CloudFront", "US-DataTransfer-Out-Bytes", "GET",
         "arn:aws:cloudfront::210987654321:distribution/E1ABROAD", "GB", "0.085", 95, "", "content", "content-platform", "prod", bend=0.6),
    Line("AmazonRoute53", "Amazon Route 53", "DNS-Queries", "A", "Z0PRAGATI", "Queries", "0.0000004", 4_200_000, "", "", "", "",
         bend=0.8, account=PAYER),
)  # fmt: skip


def write(folder: Path, totals: Totals) -> None:
    """Write every month in the overwrite layout: one data file and one manifest a month."""
    for month in months():
        rows = _rows(month)
        period = f"BILLING_PERIOD={month:%Y-%m}"
        data = f"{PREFIX}/{NAME}/data/{period}/{NAME}-00001.snappy.parquet"
        path = folder / data
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        # No statistics: they double a small file, and nothing prunes by them.
        pq.write_table(table, path, compression="snappy", write_statistics=False, store_schema=False)
        write_json(
            folder / PREFIX / NAME / "metadata" / period / f"{NAME}-Manifest.json",
            {
                "executionId": f"{hexadecimal('execution', month, length=8)}-0000-4000-8000-{hexadecimal('run', month, length=12)}",
                "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/{NAME}-1f0e2d3c",
                "billingPeriod": {"start": f"{month}T00:00:00.000Z", "end": f"{next_month(month)}T00:00:00.000Z"},
                "compression": "PARQUET",
                "contentType": "PARQUET",
                "columns": [{"name": field.name, "type": _glue(field.type)} for field in SCHEMA],
                "dataFiles": [f"s3://{BUCKET}/{data}"],
            },
        )
        for row in rows:
            totals.add(EXPORT, PAYER, month, "USD", Decimal(repr(row["line_item_unblended_cost"])))


def _glue(kind: pa.DataType) -> str:
    names = {_TEXT: "string", _NUMBER: "double", _INSTANT: "timestamp", _MAP: "map<string,string>"}
    return names.get(kind, "map<string,double>")


def _rows(month: date) -> list[dict[str, Any]]:
    rows = []
    after = next_month(month)
    closed = after <= LAST
    bill = {
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS",
        "bill_invoicing_entity": SELLER,
        "bill_invoice_id": code("inc", month, alphabet="0123456789", length=10) if closed else "",
        "bill_payer_account_id": PAYER,
        "bill_payer_account_name": "Pragati Global",
        "bill_billing_period_start_date": midnight(month).replace(tzinfo=None),
        "bill_billing_period_end_date": midnight(after).replace(tzinfo=None),
        "line_item_currency_code": "USD",
        "line_item_legal_entity": SELLER,
        "pricing_currency": "USD",
        "line_item_tax_type": "",
        "reservation_reservation_a_r_n": "",
        "savings_plan_savings_plan_a_r_n": "",
        "reservation_effective_cost": 0.0,
        "savings_plan_savings_plan_effective_cost": 0.0,
        "cost_category": {},
        "discount": {},
    }
    for line in LINES:
        for day in days(month):
            if day < line.first:
                continue
            amount = (
                line.daily
                * load_on(day, line.service) ** line.bend
                * noise(line.resource + line.usage_type, day, line.width)
            )
            # Doubles with the dust that doubles have: the sum of a file is that of their shortest decimal texts.
            amount = round(amount, 7) if line.width else float(line.daily)
            rows.append({**bill, **_line(line, day, amount, amount * float(line.rate))})
    if month == date(2026, 6, 1):
        rows += _oddities(bill, month)
    return rows


def _line(line: Line, day: date, amount: float, cost: float) -> dict[str, Any]:
    start, end = midnight(day), midnight(day + DAY)
    sku = code("sku", line.product, line.usage_type)
    tags = {"user_team": line.team, "user_env": line.env, "user_service": line.service}
    return {
        "identity_line_item_id": hexadecimal(line.resource, line.usage_type, f"{day:%Y-%m}", length=52),
        "identity_time_interval": f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
        "line_item_line_item_type": "Usage",
        "line_item_usage_account_id": line.account,
        "line_item_usage_account_name": "Pragati Global" if line.account == PAYER else "Pragati DR",
        "line_item_usage_start_date": start.replace(tzinfo=None),
        "line_item_usage_end_date": end.replace(tzinfo=None),
        "line_item_product_code": line.product,
        "line_item_usage_type": line.usage_type,
        "line_item_operation": line.operation,
        "line_item_availability_zone": f"{line.region}a" if line.product == "AmazonEC2" else "",
        "line_item_resource_id": line.resource,
        "line_item_usage_amount": amount,
        "line_item_unblended_rate": line.rate,
        "line_item_unblended_cost": cost,
        "line_item_blended_cost": cost,
        "line_item_line_item_description": f"${line.rate} per {line.unit}",
        "pricing_public_on_demand_cost": cost,
        "pricing_public_on_demand_rate": line.rate,
        "pricing_term": "OnDemand",
        "pricing_unit": line.unit,
        "pricing_rate_code": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "product_sku": sku,
        "product_region_code": line.region,
        "product_servicecode": line.product,
        "product_product_family": "",
        "product_instance_type": line.usage_type.partition(":")[2],
        "product": {"product_name": line.name, "region": line.region, "servicename": line.name},
        "resource_tags": {key: value for key, value in tags.items() if value},
    }


def _oddities(bill: dict[str, Any], month: date) -> list[dict[str, Any]]:
    """A discount as a line of its own, and a line type that nobody has documented: it must count and be shown."""
    rows = []
    front = next(line for line in LINES if line.product == "AmazonCloudFront")
    for kind, cost, what in (
        ("BundledDiscount", Decimal("-41.25"), "CloudFront Security Savings Bundle"),
        ("PartnerMarginAdjustment", Decimal("-6.75"), "Partner margin adjustment"),
    ):
        row = {**bill, **_line(front, month + timedelta(days=14), 0.0, float(places(cost, 2)))}
        row.update(
            {
                "line_item_line_item_type": kind,
                "line_item_line_item_description": what,
                "line_item_resource_id": "",
                "line_item_operation": "",
                "pricing_term": "",
                "pricing_unit": "",
                "pricing_public_on_demand_cost": float(ZERO),
                "line_item_unblended_rate": "",
                "pricing_public_on_demand_rate": "",
                "pricing_rate_code": "",
                "product_sku": "",
                "resource_tags": {},
            }
        )
        rows.append(row)
    return rows
