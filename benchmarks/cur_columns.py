"""The 120 columns of the benchmark's legacy Cost and Usage Report.

This file knows names and manifest types only; the values come from `cur_lines.sql`.
Names and types are those of a real legacy manifest (`category/name`, `String`,
`BigDecimal`, ...); the Athena form is the one AWS uses in Parquet deliveries.
"""

import re
from dataclasses import dataclass

_NAMES = {
    "identity": "LineItemId TimeInterval",
    "bill": ("InvoiceId BillingEntity BillType PayerAccountId BillingPeriodStartDate BillingPeriodEndDate"),
    "lineItem": (
        "UsageAccountId LineItemType UsageStartDate UsageEndDate ProductCode UsageType Operation "
        "AvailabilityZone ResourceId UsageAmount NormalizationFactor NormalizedUsageAmount "
        "CurrencyCode UnblendedRate UnblendedCost BlendedRate BlendedCost LineItemDescription "
        "TaxType LegalEntity"
    ),
    "product": (
        "ProductName availability capacitystatus clockSpeed currentGeneration databaseEngine "
        "dedicatedEbsThroughput deploymentOption durability ecu enhancedNetworkingSupported "
        "fromLocation fromLocationType group groupDescription instanceFamily instanceType "
        "instanceTypeFamily licenseModel location locationType maxIopsvolume "
        "maxThroughputvolume memory networkPerformance normalizationSizeFactor operatingSystem "
        "operation physicalProcessor processorArchitecture productFamily region servicecode sku "
        "storageClass tenancy toLocation transferType usagetype vcpu"
    ),
    "pricing": (
        "LeaseContractLength OfferingClass PurchaseOption RateCode RateId currency "
        "publicOnDemandCost publicOnDemandRate term unit"
    ),
    "reservation": (
        "AmortizedUpfrontCostForUsage AmortizedUpfrontFeeForBillingPeriod AvailabilityZone "
        "EffectiveCost EndTime ModificationStatus NormalizedUnitsPerReservation "
        "NumberOfReservations RecurringFeeForUsage ReservationARN StartTime SubscriptionId "
        "TotalReservedNormalizedUnits TotalReservedUnits UnitsPerReservation "
        "UnusedAmortizedUpfrontFeeForBillingPeriod UnusedNormalizedUnitQuantity UnusedQuantity "
        "UnusedRecurringFee UpfrontValue"
    ),
    "savingsPlan": (
        "TotalCommitmentToDate SavingsPlanARN SavingsPlanRate UsedCommitment "
        "SavingsPlanEffectiveCost AmortizedUpfrontCommitmentForBillingPeriod "
        "RecurringCommitmentForBillingPeriod Region PurchaseTerm PaymentOption EndTime StartTime "
        "OfferingType InstanceTypeFamily"
    ),
    "resourceTags": (
        "aws:autoscaling:groupName aws:createdBy user:Name user:cost-centre user:env user:owner user:service user:team"
    ),
}

_BIG_DECIMALS = {
    "lineItem/UsageAmount",
    "lineItem/UnblendedCost",
    "lineItem/BlendedCost",
    "pricing/publicOnDemandCost",
}
_OPTIONAL_BIG_DECIMALS = {
    "lineItem/NormalizationFactor",
    "lineItem/NormalizedUsageAmount",
    "reservation/AmortizedUpfrontCostForUsage",
    "reservation/AmortizedUpfrontFeeForBillingPeriod",
    "reservation/EffectiveCost",
    "reservation/RecurringFeeForUsage",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation/UnusedNormalizedUnitQuantity",
    "reservation/UnusedQuantity",
    "reservation/UnusedRecurringFee",
    "reservation/UpfrontValue",
    "savingsPlan/TotalCommitmentToDate",
    "savingsPlan/SavingsPlanRate",
    "savingsPlan/UsedCommitment",
    "savingsPlan/SavingsPlanEffectiveCost",
    "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
    "savingsPlan/RecurringCommitmentForBillingPeriod",
}
_DATE_TIMES = {
    "bill/BillingPeriodStartDate",
    "bill/BillingPeriodEndDate",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
}


@dataclass(frozen=True)
class Column:
    """One report column: `category` and `name` as in the manifest, `type` as AWS writes it."""

    category: str
    name: str
    type: str

    @property
    def slash(self) -> str:
        """The header of the CSV delivery, `lineItem/UnblendedCost`."""
        return f"{self.category}/{self.name}"

    @property
    def athena(self) -> str:
        """The name in the Parquet delivery, `line_item_unblended_cost`."""
        return athena_name(self.slash)

    @property
    def is_decimal(self) -> bool:
        """True where Parquet deliveries hold a DOUBLE."""
        return self.type.endswith("BigDecimal")


def athena_name(slash: str) -> str:
    """AWS's rule: `_` before every capital, anything odd to `_`, runs of `_` to one, lower case."""
    spaced = re.sub(r"(?=[A-Z])", "_", slash)
    return re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", spaced)).strip("_").lower()


def _type_of(slash: str) -> str:
    if slash in _BIG_DECIMALS:
        return "BigDecimal"
    if slash in _OPTIONAL_BIG_DECIMALS:
        return "OptionalBigDecimal"
    if slash in _DATE_TIMES:
        return "DateTime"
    return "Interval" if slash == "identity/TimeInterval" else "String"


COLUMNS: tuple[Column, ...] = tuple(
    Column(category, name, _type_of(f"{category}/{name}"))
    for category, names in _NAMES.items()
    for name in names.split()
)

_NEEDED = """
    identity/LineItemId bill/InvoiceId bill/BillingEntity bill/BillType bill/PayerAccountId
    bill/BillingPeriodStartDate bill/BillingPeriodEndDate lineItem/UsageAccountId
    lineItem/LineItemType lineItem/UsageStartDate lineItem/UsageEndDate lineItem/ProductCode
    lineItem/UsageType lineItem/Operation lineItem/AvailabilityZone lineItem/ResourceId
    lineItem/UsageAmount lineItem/CurrencyCode lineItem/UnblendedRate lineItem/UnblendedCost
    lineItem/LineItemDescription lineItem/LegalEntity product/ProductName product/productFamily
    product/region product/servicecode product/sku pricing/publicOnDemandCost
    pricing/publicOnDemandRate pricing/unit reservation/EffectiveCost reservation/ReservationARN
    reservation/UnusedAmortizedUpfrontFeeForBillingPeriod reservation/UnusedRecurringFee
    savingsPlan/SavingsPlanARN savingsPlan/SavingsPlanEffectiveCost
    savingsPlan/TotalCommitmentToDate savingsPlan/UsedCommitment resourceTags/user:team
    resourceTags/user:env resourceTags/user:service resourceTags/user:Name
"""

NEEDED: list[str] = _NEEDED.split()
"""The 42 raw columns a FOCUS table needs: what the baselines read."""
