"""The columns of a legacy AWS Cost and Usage Report, which of them a month has, and its manifest.

Column names follow AWS's dictionary and a real manifest of 2019 (tests/data/aws-cur).
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from maker.files import csv_text, write_gzip, write_json

BUCKET = "pragati-billing"
PREFIX = "cur"
REPORT = "pragati-daily"

_COLUMNS = {
    "identity": "LineItemId TimeInterval",
    "bill": "InvoiceId InvoicingEntity BillingEntity BillType PayerAccountId BillingPeriodStartDate"
    " BillingPeriodEndDate",
    "lineItem": "UsageAccountId LineItemType UsageStartDate UsageEndDate ProductCode UsageType Operation"
    " AvailabilityZone ResourceId UsageAmount NormalizationFactor NormalizedUsageAmount CurrencyCode UnblendedRate"
    " UnblendedCost BlendedRate BlendedCost LineItemDescription TaxType LegalEntity",
    "product": "ProductName fromLocation instanceFamily instanceType location operatingSystem operation"
    " preInstalledSw productFamily region servicecode sku tenancy toLocation transferType usagetype volumeApiName",
    "pricing": "LeaseContractLength OfferingClass PurchaseOption RateCode RateId currency publicOnDemandCost"
    " publicOnDemandRate term unit",
    "reservation": "AmortizedUpfrontCostForUsage AmortizedUpfrontFeeForBillingPeriod EffectiveCost EndTime"
    " ModificationStatus NormalizedUnitsPerReservation NumberOfReservations RecurringFeeForUsage ReservationARN"
    " StartTime SubscriptionId TotalReservedNormalizedUnits TotalReservedUnits UnitsPerReservation"
    " UnusedAmortizedUpfrontFeeForBillingPeriod UnusedNormalizedUnitQuantity UnusedQuantity UnusedRecurringFee"
    " UpfrontValue",
    "savingsPlan": "TotalCommitmentToDate SavingsPlanARN SavingsPlanRate UsedCommitment SavingsPlanEffectiveCost"
    " AmortizedUpfrontCommitmentForBillingPeriod RecurringCommitmentForBillingPeriod Region PurchaseTerm"
    " PaymentOption EndTime StartTime OfferingType InstanceTypeFamily",
    "resourceTags": "aws:createdBy user:Name user:Team user:env user:service user:team",
}
#: The net columns exist only in periods with a discount.
_NET = {
    "lineItem": "NetUnblendedRate NetUnblendedCost",
    "discount": "EdpDiscount TotalDiscount",
    "reservation": "NetAmortizedUpfrontCostForUsage NetAmortizedUpfrontFeeForBillingPeriod NetEffectiveCost"
    " NetRecurringFeeForUsage NetUnusedAmortizedUpfrontFeeForBillingPeriod NetUnusedRecurringFee",
    "savingsPlan": "NetSavingsPlanEffectiveCost",
}
#: Split cost allocation, from the month it was switched on.
_SPLIT = {
    "splitLineItem": "ParentResourceId ReservedUsage ActualUsage SplitUsage SplitUsageRatio SplitCost UnusedCost"
    " PublicOnDemandSplitCost PublicOnDemandUnusedCost",
}
_NUMBERS = ("Cost", "Amount", "Commitment", "Discount", "Fee", "Usage", "Quantity")


def header(*, has_net: bool, has_split: bool) -> list[str]:
    """The header of a month's files; it changes with what the account has, as AWS's does."""
    names = []
    for category, columns in _COLUMNS.items():
        names += [f"{category}/{name}" for name in columns.split()]
        names += [f"{category}/{name}" for name in _NET.get(category, "").split() if has_net]
    names += [f"discount/{name}" for name in _NET["discount"].split() if has_net]
    names += [f"splitLineItem/{name}" for name in _SPLIT["splitLineItem"].split() if has_split]
    return names


def deliver(
    folder: Path,
    month: date,
    after: date,
    delivered_at: datetime,
    names: list[str],
    rows: list[dict[str, str]],
    *,
    is_newest: bool,
) -> None:
    """Write one assembly of a month in the create-new layout: an execution folder, its manifest, the copy above."""
    assembly = f"{delivered_at:%Y%m%dT%H%M%SZ}"
    period = f"{month:%Y%m%d}-{after:%Y%m%d}"
    root = folder / PREFIX / REPORT / period
    write_gzip(root / assembly / f"{REPORT}-00001.csv.gz", csv_text(names, rows))
    manifest = {
        "assemblyId": assembly,
        "account": rows[0]["bill/PayerAccountId"],
        "columns": [_column(name) for name in names],
        "charset": "UTF-8",
        "compression": "GZIP",
        "contentType": "text/csv",
        "reportId": "8f2c9d3e5b7a41c6a0e4d1b2c3f4a5b6c7d8e9f00112233445566778899aabbc",
        "reportName": REPORT,
        "billingPeriod": {"start": f"{month:%Y%m%d}T000000.000Z", "end": f"{after:%Y%m%d}T000000.000Z"},
        "bucket": BUCKET,
        "reportKeys": [f"{PREFIX}/{REPORT}/{period}/{assembly}/{REPORT}-00001.csv.gz"],
        "additionalArtifactKeys": [],
    }
    write_json(root / assembly / f"{REPORT}-Manifest.json", manifest)
    if is_newest:
        write_json(root / f"{REPORT}-Manifest.json", manifest)


def _column(name: str) -> dict[str, str]:
    category, _, column = name.partition("/")
    if category == "resourceTags":
        kind = "String"
    elif column == "TimeInterval":
        kind = "Interval"
    elif column.endswith("Date"):
        kind = "DateTime"
    elif column in ("UnblendedCost", "UsageAmount", "BlendedCost"):
        kind = "BigDecimal"
    else:
        kind = "OptionalBigDecimal" if column.endswith(_NUMBERS) else "OptionalString"
    return {"category": category, "name": column, "type": kind}
