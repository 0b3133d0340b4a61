"""The polars peer: CUR -> FOCUS-like zstd Parquet plus a daily roll-up, in one streaming pass.

Written as a polars user would write it for speed: lazy scan, only the 42 needed columns, one
`collect_all` for both sinks so that the files are read once. The amortised cost follows the same
table per line item type as Kifayat's CUR source. polars rounds ties of the 11th decimal
differently (half to even, not half up), so its sums may differ from Kifayat's in the last digit.
"""

from pathlib import Path

import polars as pl

from benchmarks.cur_columns import NEEDED, athena_name

MONEY = pl.Decimal(38, 10)
TIMESTAMP = pl.Datetime("us")
DECIMALS = {
    "UsageAmount": "lineItem/UsageAmount",
    "UnblendedCost": "lineItem/UnblendedCost",
    "ListCost": "pricing/publicOnDemandCost",
    "RiEffective": "reservation/EffectiveCost",
    "RiUnusedUpfront": "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "RiUnusedRecurring": "reservation/UnusedRecurringFee",
    "SpEffective": "savingsPlan/SavingsPlanEffectiveCost",
    "SpTotal": "savingsPlan/TotalCommitmentToDate",
    "SpUsed": "savingsPlan/UsedCommitment",
    "UnblendedRate": "lineItem/UnblendedRate",
    "ListRate": "pricing/publicOnDemandRate",
}
INSTANTS = {
    "ChargePeriodStart": "lineItem/UsageStartDate",
    "ChargePeriodEnd": "lineItem/UsageEndDate",
    "BillingPeriodStart": "bill/BillingPeriodStartDate",
    "BillingPeriodEnd": "bill/BillingPeriodEndDate",
}
CATEGORY = {
    "AmazonEC2": "Compute",
    "AWSLambda": "Compute",
    "AmazonECS": "Compute",
    "ComputeSavingsPlans": "Compute",
    "AmazonRDS": "Databases",
    "AmazonDynamoDB": "Databases",
    "AmazonElastiCache": "Databases",
    "AmazonES": "Analytics",
    "AmazonS3": "Storage",
    "AmazonCloudFront": "Networking",
    "AWSELB": "Networking",
    "AmazonCloudWatch": "Management and Governance",
}
DISCOUNTS = [
    "EdpDiscount",
    "PrivateRateDiscount",
    "BundledDiscount",
    "SppDiscount",
    "DistributorDiscount",
]
PURCHASES = ["RIFee", "Fee", "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee"]
ROLLUP_KEYS = [
    "ChargeOn",
    "BillingAccountId",
    "SubAccountId",
    "ServiceName",
    "RegionId",
    "x_LineItemType",
    "x_Team",
    "x_Environment",
]


def scan(files: list[Path], csv: bool) -> pl.LazyFrame:
    """The 42 raw columns under their slash names: all text from CSV, typed from Parquet."""
    if csv:
        return pl.scan_csv(files, infer_schema=False).select(NEEDED)
    return pl.scan_parquet(files).select(pl.col(athena_name(name)).alias(name) for name in NEEDED)


def typed(raw: pl.LazyFrame, csv: bool) -> pl.LazyFrame:
    """Numbers to Decimal(38, 10) and instants to microseconds, under short names."""
    instants = [
        (
            pl.col(source).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us")
            if csv
            else pl.col(source).cast(TIMESTAMP)
        ).alias(name)
        for name, source in INSTANTS.items()
    ]
    decimals = [pl.col(source).cast(MONEY).alias(name) for name, source in DECIMALS.items()]
    return raw.with_columns(*decimals, *instants)


def focus(lines: pl.LazyFrame) -> pl.LazyFrame:
    """48 FOCUS-like columns."""
    kind = pl.col("lineItem/LineItemType")
    product = pl.col("lineItem/ProductCode")
    zero = pl.lit(0).cast(MONEY)
    money = pl.col("UnblendedCost")
    reservation = pl.col("reservation/ReservationARN")
    plan = pl.col("savingsPlan/SavingsPlanARN")
    covered = kind.is_in(["DiscountedUsage", "SavingsPlanCoveredUsage"])
    is_usage = kind.is_in(["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"])
    is_sp_refund = (product == "ComputeSavingsPlans") & pl.col("lineItem/LineItemDescription").str.starts_with(
        "Refund for one-time fee for Savings Plan ID"
    )
    effective = (
        pl.when(kind == "SavingsPlanCoveredUsage").then(pl.col("SpEffective"))
        .when(kind.is_in(["SavingsPlanNegation", "SavingsPlanUpfrontFee"])).then(zero)
        .when(kind == "SavingsPlanRecurringFee").then(pl.col("SpTotal") - pl.col("SpUsed"))
        .when(kind == "DiscountedUsage").then(pl.col("RiEffective"))
        .when(kind == "RIFee").then(pl.col("RiUnusedUpfront") + pl.col("RiUnusedRecurring"))
        .when((kind == "Fee") & (reservation != "")).then(zero)
        .when((kind == "Refund") & is_sp_refund).then(zero)
        .otherwise(money)
    )  # fmt: skip
    category = (
        pl.when(kind == "Tax").then(pl.lit("Tax"))
        .when(kind.is_in(["Credit", "Refund"])).then(pl.lit("Credit"))
        .when(kind.is_in(DISCOUNTS)).then(pl.lit("Adjustment"))
        .when(kind.is_in(PURCHASES)).then(pl.lit("Purchase"))
        .otherwise(pl.lit("Usage"))
    )  # fmt: skip
    quantity = pl.when(is_usage).then(pl.col("UsageAmount"))
    return lines.select(
        AvailabilityZone="lineItem/AvailabilityZone",
        BilledCost=money,
        BillingAccountId="bill/PayerAccountId",
        BillingCurrency="lineItem/CurrencyCode",
        BillingPeriodStart="BillingPeriodStart",
        BillingPeriodEnd="BillingPeriodEnd",
        ChargeCategory=category,
        ChargeClass=pl.when(kind == "Refund").then(pl.lit("Correction")),
        ChargeDescription="lineItem/LineItemDescription",
        ChargeFrequency=pl.when(is_usage).then(pl.lit("Usage-Based"))
        .when(kind.is_in(PURCHASES)).then(pl.lit("Recurring")).otherwise(pl.lit("One-Time")),
        ChargePeriodStart="ChargePeriodStart",
        ChargePeriodEnd="ChargePeriodEnd",
        CommitmentDiscountCategory=pl.when(plan.is_not_null()).then(pl.lit("Spend"))
        .when(reservation.is_not_null()).then(pl.lit("Usage")),
        CommitmentDiscountId=pl.coalesce(plan, reservation),
        CommitmentDiscountStatus=pl.when(covered).then(pl.lit("Used"))
        .when(kind.is_in(["RIFee", "SavingsPlanRecurringFee"])).then(pl.lit("Unused")),
        CommitmentDiscountType=pl.when(plan.is_not_null()).then(pl.lit("Savings Plan"))
        .when(reservation.is_not_null()).then(pl.lit("Reserved Instance")),
        ConsumedQuantity=quantity,
        ConsumedUnit=pl.when(is_usage).then(pl.col("pricing/unit")),
        ContractedCost=pl.when(covered).then(pl.col("ListCost")).otherwise(money),
        ContractedUnitPrice="UnblendedRate",
        EffectiveCost=effective,
        InvoiceId="bill/InvoiceId",
        InvoiceIssuerName="lineItem/LegalEntity",
        ListCost=pl.coalesce("ListCost", money),
        ListUnitPrice="ListRate",
        PricingCategory=pl.when(covered).then(pl.lit("Committed")).when(is_usage).then(pl.lit("Standard")),
        PricingQuantity=quantity,
        PricingUnit="pricing/unit",
        ProviderName=pl.lit("AWS"),
        PublisherName=pl.coalesce("bill/BillingEntity", pl.lit("AWS")),
        RegionId="product/region",
        ResourceId="lineItem/ResourceId",
        ResourceName="resourceTags/user:Name",
        ServiceCategory=product.replace_strict(CATEGORY, default="Other", return_dtype=pl.String),
        ServiceName=pl.coalesce("product/ProductName", "lineItem/ProductCode"),
        ServiceSubcategory="product/productFamily",
        SkuId="product/sku",
        SubAccountId="lineItem/UsageAccountId",
        x_BillType="bill/BillType",
        x_LineItemId="identity/LineItemId",
        x_LineItemType=kind,
        x_Operation="lineItem/Operation",
        x_ProductCode=product,
        x_ServiceCode="product/servicecode",
        x_UsageType="lineItem/UsageType",
        x_Team="resourceTags/user:team",
        x_Environment="resourceTags/user:env",
        x_Service="resourceTags/user:service",
    )  # fmt: skip


def daily(charges: pl.LazyFrame) -> pl.LazyFrame:
    """One row per day and eight dimensions, as a dashboard mart has it."""
    return (
        charges.with_columns(ChargeOn=pl.col("ChargePeriodStart").dt.date())
        .group_by(ROLLUP_KEYS)
        .agg(
            pl.col("BilledCost").sum(),
            pl.col("EffectiveCost").sum(),
            pl.col("ListCost").sum(),
            pl.len().alias("Charges"),
        )
    )


def normalise(files: list[Path], csv: bool, out: Path) -> int:
    """Write `charges.parquet` and `daily.parquet` under `out`; return the lines read."""
    charges = focus(typed(scan(files, csv), csv))
    target = out / "daily.parquet"
    pl.collect_all(
        [
            charges.sink_parquet(
                out / "charges.parquet",
                compression="zstd",
                maintain_order=False,
                lazy=True,
            ),
            daily(charges).sink_parquet(target, compression="zstd", maintain_order=False, lazy=True),
        ],
        engine="streaming",
    )
    return int(pl.scan_parquet(target).select(pl.col("Charges").sum()).collect().item())
