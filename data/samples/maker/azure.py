"""The Azure bill in rupees: a FOCUS 1.0 file a month, as a Cost Management export writes it."""

# ruff: noqa: E501 - the table of meters reads best with few breaks

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from maker.files import Totals, code, csv_text, hexadecimal, places, write_gzip
from maker.fleet import RIGHT_TO_LEFT, SCRIPT
from maker.season import DAY, LAST, Dollar, days, load_on, midnight, months, next_month, noise

EXPORT = "azure"
ACCOUNT = "/providers/Microsoft.Billing/billingAccounts/7c1e0d2a:5b4f_2019-05-31"
SUBSCRIPTION = "/subscriptions/0f2a9c44-6f1d-4c8e-9a51-3b7d2e8c1a90"
ISSUER = "Microsoft Corporation (India) Pvt. Ltd."

#: The 43 columns of FOCUS 1.0 in Azure's order, then some of Azure's own.
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


@dataclass(frozen=True)
class Meter:
    """A metered line: so many units a day at a price in USD that Azure converts at the month's rate."""

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
    bend: float = 0.0
    width: float = 0.0
    weekdays: bool = False


def _tags(team: str, service: str, env: str) -> tuple[tuple[str, str], ...]:
    return (("env", env), ("service", service), ("team", team))


METERS = (
    Meter("gpt-4o mini Input Regional Tokens", "Azure OpenAI Service", "AI and Machine Learning", "oai-hints",
          "Microsoft.CognitiveServices/accounts", "rg-hints", "1K Tokens", "0.000165", 62_000, _tags("assessment", "assessment", "prod"), 1.1, 0.1),
    Meter("gpt-4o mini Output Regional Tokens", "Azure OpenAI Service", "AI and Machine Learning", "oai-hints",
          "Microsoft.CognitiveServices/accounts", "rg-hints", "1K Tokens", "0.00066", 21_000, _tags("assessment", "assessment", "prod"), 1.1, 0.1),
    Meter("D4s v5", "Virtual Machines", "Compute", "avd-authors-1", "Microsoft.Compute/virtualMachines", "rg-authors",
          "1 Hour", "0.244", 60, _tags("content-platform", "content", "prod"), 0, 0.08, weekdays=True),
    Meter("Hot LRS Data Stored", "Storage Accounts", "Storage", "stpragatiauthors", "Microsoft.Storage/storageAccounts", "rg-authors",
          "1 GB/Month", "0.0208", 520, _tags("content-platform", "content", "prod"), 0, 0.002),
    # Tags of Azure may hold anything, and here they do.
    Meter("S2 DTUs", "SQL Database", "Databases", "sql-crm", "Microsoft.Sql/servers/databases", "rg-crm",
          "1/Day", "2.42", 1, (("owner", SCRIPT), ("env", "prod"), ("note", RIGHT_TO_LEFT), ("service", "communication"))),
)  # fmt: skip


def write(folder: Path, totals: Totals, dollar: Dollar) -> None:
    """Write a file for every month."""
    for month in months():
        rate = dollar.mid(month)
        rows = [
            _row(meter, day, month, rate)
            for meter in METERS
            for day in days(month)
            if not (meter.weekdays and day.weekday() >= 5)
        ]
        write_gzip(folder / f"pragati-focus_{month:%Y-%m}.csv.gz", csv_text(HEADER, rows, quote_all=True))
        for row in rows:
            totals.add(EXPORT, ACCOUNT, month, "INR", Decimal(row["BilledCost"]))


def _row(meter: Meter, day: date, month: date, rate: Decimal) -> dict[str, str]:
    service = dict(meter.tags)["service"]
    amount = places(Decimal(meter.daily * load_on(day, service) ** meter.bend * noise(meter.name, day, meter.width)), 6)
    price = places(Decimal(meter.usd) * rate, 12)
    cost = places(amount * price, 15)
    resource = f"{SUBSCRIPTION}/resourcegroups/{meter.group}/providers/{meter.kind.lower()}/{meter.resource}"
    sku = code("azure", meter.name, length=12)
    return {
        "BilledCost": _text(cost),
        "EffectiveCost": _text(cost),
        "ListCost": _text(cost),
        "ContractedCost": _text(cost),
        "BillingAccountId": ACCOUNT,
        "BillingAccountName": "Pragati Education",
        "BillingAccountType": "Billing Account",
        "BillingCurrency": "INR",
        "BillingPeriodStart": _instant(month),
        "BillingPeriodEnd": _instant(next_month(month)),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{meter.service} - {meter.name} - IN Central",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _instant(day),
        "ChargePeriodEnd": _instant(day + DAY),
        "ConsumedQuantity": _text(amount),
        "ConsumedUnit": meter.unit,
        "PricingQuantity": _text(amount),
        "PricingUnit": meter.unit,
        "ContractedUnitPrice": _text(price),
        "ListUnitPrice": _text(price),
        "InvoiceIssuerName": ISSUER,
        "PricingCategory": "Standard",
        "ProviderName": "Microsoft",
        "PublisherName": "Microsoft",
        "RegionId": "centralindia",
        "RegionName": "Central India",
        "ResourceId": resource,
        "ResourceName": meter.resource,
        "ResourceType": meter.kind,
        "ServiceCategory": meter.category,
        "ServiceName": meter.service,
        "SkuId": sku,
        "SkuPriceId": f"{sku}_price",
        "SubAccountId": SUBSCRIPTION,
        "SubAccountName": "pragati-authoring",
        "SubAccountType": "Subscription",
        "Tags": json.dumps(dict(meter.tags), ensure_ascii=False, separators=(",", ":")),
        "x_BilledCostInUsd": _text(places(amount * Decimal(meter.usd), 15)),
        "x_BillingExchangeRate": _text(rate),
        "x_BillingExchangeRateDate": _instant(month),
        "x_InvoiceId": f"E0800{hexadecimal('azure', month, length=5).upper()}" if next_month(month) <= LAST else "",
        "x_PricingCurrency": "USD",
        "x_ResourceGroupName": meter.group,
        "x_SkuMeterCategory": meter.service,
        "x_SkuMeterName": meter.name,
    }


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _instant(day: date) -> str:
    return f"{midnight(day):%Y-%m-%dT%H:%M:%SZ}"
