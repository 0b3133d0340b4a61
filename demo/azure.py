"""The Azure subscription of the company in rupees: a FOCUS 1.0 file a month, as a Cost Management export writes it.

Columns: the 43 of FOCUS 1.0 (focus.finops.org) and some of Azure's own. Days are UTC; prices are dollars of the size of
the public list price in Central India, at the rate of the first of the month, not checked against it.
"""

# ruff: noqa: E501 - the table of meters reads best with one row a line

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np

from core import next_month
from demo.company import DAY, LAST, TEAMS, Company, Dollar
from demo.files import write_gzip
from demo.truth import Truth
from demo.users import Users

__all__ = ["ACCOUNT", "write_azure"]

EXPORT = "azure"
ACCOUNT = "/providers/Microsoft.Billing/billingAccounts/7c1e0d2a:5b4f_2019-05-31"
SUBSCRIPTION = "/subscriptions/0f2a9c44-6f1d-4c8e-9a51-3b7d2e8c1a90"
_HEADER = """
    BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency BillingPeriodEnd
    BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd
    ChargePeriodStart CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName
    CommitmentDiscountStatus CommitmentDiscountType ConsumedQuantity ConsumedUnit ContractedCost
    ContractedUnitPrice EffectiveCost InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingQuantity
    PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName ResourceType
    ServiceCategory ServiceName SkuId SkuPriceId SubAccountId SubAccountName SubAccountType Tags
    x_BilledCostInUsd x_BillingExchangeRate x_BillingExchangeRateDate x_InvoiceId x_PricingCurrency
    x_ResourceGroupName x_SkuMeterCategory x_SkuMeterName
"""
HEADER = _HEADER.split()
#: Tags of Azure may hold anything, and here they do.
_STRANGE = (
    ("owner", 'टीम, "CRM"'),
    ("note", "\u202etxt.live\u202c\n=cmd|' /C calc'!A0"),
    ("env", "prod"),
    ("service", "communication"),
)


def _tags(service: str, env: str = "prod") -> tuple[tuple[str, str], ...]:
    return (("env", env), ("service", service), ("team", TEAMS[service]))


@dataclass(frozen=True)
class Meter:
    """So many units a day at load 1 and scale 1; `days`: all, or weekdays alone."""

    name: str
    service: str
    category: str
    resource: str
    kind: str
    group: str
    unit: str
    usd: str
    daily: float
    tags: tuple[tuple[str, str], ...]
    load: str = ""
    noise: float = 0.0
    growth: float = 0.0
    weekdays: bool = False


_AI = (
    "Azure OpenAI Service",
    "AI and Machine Learning",
    "oai-hints",
    "Microsoft.CognitiveServices/accounts",
    "rg-hints",
)
_VM, _DISK = ("Virtual Machines", "Compute"), ("Microsoft.Compute/virtualMachines", "rg-authors")
METERS = (
    Meter("gpt-4o mini Input Regional Tokens", *_AI, "1K Tokens", "0.000165", 17_500, _tags("assessment"), "assessment", 0.1, 0.15),
    Meter("gpt-4o mini Output Regional Tokens", *_AI, "1K Tokens", "0.00066", 5_200, _tags("assessment"), "assessment", 0.1, 0.15),
    Meter("D4s v5", *_VM, "avd-authors-1", *_DISK, "1 Hour", "0.244", 22, _tags("content"), noise=0.08, weekdays=True),
    Meter("D4s v5", *_VM, "avd-authors-2", *_DISK, "1 Hour", "0.244", 22, _tags("content"), noise=0.08, weekdays=True),
    Meter("B2ms", *_VM, "vm-license-server", "Microsoft.Compute/virtualMachines", "rg-legacy", "1 Hour", "0.0936", 24, ()),
    Meter("P10 LRS Disk", "Storage Accounts", "Storage", "disk-authors", "Microsoft.Compute/disks", "rg-authors", "1/Month", "21.68", 2 / 30, _tags("content")),
    Meter("Hot LRS Data Stored", "Storage Accounts", "Storage", "stpragatiauthors", "Microsoft.Storage/storageAccounts", "rg-authors", "1 GB/Month", "0.0208", 60, _tags("content"), growth=0.2),
    Meter("Standard Data Transfer Out", "Bandwidth", "Networking", "stpragatiauthors", "Microsoft.Storage/storageAccounts", "rg-authors", "1 GB", "0.12", 9, _tags("content"), "content", 0.2),
    Meter("S2 DTUs", "SQL Database", "Databases", "sql-crm", "Microsoft.Sql/servers/databases", "rg-crm", "1/Day", "2.42", 1, _STRANGE),
)  # fmt: skip


def write_azure(folder: Path, company: Company, users: Users, truth: Truth, dollar: Dollar) -> None:
    """Write <folder>/azure: one gzipped CSV of a FOCUS month for every billing month."""
    quantities = [_quantities(company, users, number, meter) for number, meter in enumerate(METERS)]
    for month in company.billing_months:
        rate, end = dollar.mid(month), min(next_month(month), LAST + DAY)
        rows, total = [], Decimal(0)
        for meter, quantity in zip(METERS, quantities, strict=True):
            fixed = _fixed(company, meter, month, rate)
            for offset in range((month - company.first).days, (end - company.first).days):
                if quantity[offset]:
                    row = fixed | _changing(meter, company.first + offset * DAY, int(quantity[offset]), rate)
                    rows.append([row.get(name, "") for name in HEADER])
                    total += Decimal(row["BilledCost"])
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
        write_gzip(folder / EXPORT / f"pragati-focus_{month:%Y-%m}.csv.gz", text.getvalue().encode())
        truth.charge(EXPORT, ACCOUNT, month, "INR", len(rows), total)
    truth.resources.append({
        "resource_id": _resource_id(METERS[4]), "provider": "Microsoft", "account": SUBSCRIPTION,
        "service": "Virtual Machines", "state": "untagged", "since": "2022-06-01", "detail": "no tags",
        "owner": "content-platform/content",
    })  # fmt: skip


def _quantities(company: Company, users: Users, number: int, meter: Meter) -> np.ndarray:
    """Millionths of a unit on each day."""
    days = company.days
    load = users.daily_load(meter.load) if meter.load else np.ones(len(days))
    noise = np.exp(company.rng("azure", number).normal(0, meter.noise, len(days))) if meter.noise else 1.0
    years = (days - np.datetime64("2023-09-01")).astype(float) / 365.25
    units = meter.daily * company.scale * load * noise * (1 + meter.growth) ** years
    if meter.weekdays:
        units = np.where((days.astype(int) + 3) % 7 < 5, units, 0.0)
    return np.rint(units * 10**6).astype(np.int64)


def _resource_id(meter: Meter) -> str:
    return f"{SUBSCRIPTION}/resourcegroups/{meter.group}/providers/{meter.kind.lower()}/{meter.resource}"


def _fixed(company: Company, meter: Meter, month: date, rate: Decimal) -> dict[str, str]:
    """What all rows of a meter and month share."""
    sku = company.code("azure", meter.name, length=12, alphabet="ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    price = _text(Decimal(meter.usd) * rate)
    invoice = "" if company.is_open(month) else "E0800" + company.code("azure", month, length=5).upper()
    return {
        "BillingAccountId": ACCOUNT, "BillingAccountName": "Pragati Education", "BillingAccountType": "Billing Account",
        "BillingCurrency": "INR", "BillingPeriodStart": _instant(month), "BillingPeriodEnd": _instant(next_month(month)),
        "ChargeCategory": "Usage", "ChargeDescription": f"{meter.service} - {meter.name} - IN Central",
        "ChargeFrequency": "Usage-Based", "ConsumedUnit": meter.unit, "PricingUnit": meter.unit,
        "ContractedUnitPrice": price, "ListUnitPrice": price,
        "InvoiceIssuerName": "Microsoft Corporation (India) Pvt. Ltd.", "PricingCategory": "Standard",
        "ProviderName": "Microsoft", "PublisherName": "Microsoft", "RegionId": "centralindia",
        "RegionName": "Central India", "ResourceId": _resource_id(meter), "ResourceName": meter.resource,
        "ResourceType": meter.kind, "ServiceCategory": meter.category, "ServiceName": meter.service, "SkuId": sku,
        "SkuPriceId": f"{sku}_price", "SubAccountId": SUBSCRIPTION, "SubAccountName": "pragati-authoring",
        "SubAccountType": "Subscription",
        "Tags": json.dumps(dict(meter.tags), ensure_ascii=False, separators=(",", ":")),
        "x_BillingExchangeRate": _text(rate), "x_BillingExchangeRateDate": _instant(month), "x_InvoiceId": invoice,
        "x_PricingCurrency": "USD", "x_ResourceGroupName": meter.group, "x_SkuMeterCategory": meter.service,
        "x_SkuMeterName": meter.name,
    }  # fmt: skip


def _changing(meter: Meter, day: date, quantity: int, rate: Decimal) -> dict[str, str]:
    """What a day has of its own; quantity x price is exact, 6 + 8 + 4 decimals at most."""
    amount = Decimal(quantity).scaleb(-6)
    usd = amount * Decimal(meter.usd)
    cost, units = _text(usd * rate), _text(amount)
    return {
        "BilledCost": cost, "EffectiveCost": cost, "ListCost": cost, "ContractedCost": cost,
        "ChargePeriodStart": _instant(day), "ChargePeriodEnd": _instant(day + DAY),
        "ConsumedQuantity": units, "PricingQuantity": units, "x_BilledCostInUsd": _text(usd),
    }  # fmt: skip


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
