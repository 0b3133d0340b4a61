/*
title = "FOCUS 1.0 to 1.3 of any provider (Azure, OCI, others): csv, csv.gz, Parquet"
into = "charges"
# What the file says is kept; only its own columns tell the provider.
provider = ""
partition = "month"
formats = ["csv", "parquet", "json"]
detect = ["BilledCost", "BillingPeriodStart", "ChargePeriodStart", "ChargeCategory"]
cost = "BilledCost"
null_words = ["NULL", "null"]
notes = "Files older or smaller than FOCUS 1.2 load too: a missing account is the export's payer, a missing currency is XXX (ISO 4217: none) and has no rupee figure."

[columns]
AvailabilityZone = "text"
BilledCost = "decimal required"
BillingAccountId = "text"
BillingAccountName = "text"
BillingAccountType = "text"
BillingCurrency = "text"
BillingPeriodEnd = "timestamp"
BillingPeriodStart = "timestamp required"
CapacityReservationId = "text"
CapacityReservationStatus = "text"
ChargeCategory = "text required"
ChargeClass = "text"
ChargeDescription = "text"
ChargeFrequency = "text"
ChargePeriodEnd = "timestamp"
ChargePeriodStart = "timestamp required"
CommitmentDiscountCategory = "text"
CommitmentDiscountId = "text"
CommitmentDiscountName = "text"
CommitmentDiscountQuantity = "decimal"
CommitmentDiscountStatus = "text"
CommitmentDiscountType = "text"
CommitmentDiscountUnit = "text"
ConsumedQuantity = "decimal"
ConsumedUnit = "text"
ContractedCost = "decimal"
ContractedUnitPrice = "decimal"
EffectiveCost = "decimal"
InvoiceId = "text alias=x_InvoiceId"
InvoiceIssuerName = "text"
ListCost = "decimal"
ListUnitPrice = "decimal"
PricingCategory = "text"
PricingCurrency = "text"
PricingCurrencyContractedUnitPrice = "decimal"
PricingCurrencyEffectiveCost = "decimal"
PricingCurrencyListUnitPrice = "decimal"
PricingQuantity = "decimal"
PricingUnit = "text"
ProviderName = "text alias=ServiceProviderName"
PublisherName = "text alias=HostProviderName"
RegionId = "text"
RegionName = "text"
ResourceId = "text"
ResourceName = "text"
ResourceType = "text"
ServiceCategory = "text"
ServiceName = "text"
ServiceSubcategory = "text"
SkuId = "text"
SkuMeter = "text"
SkuPriceDetails = "json"
SkuPriceId = "text"
SubAccountId = "text"
SubAccountName = "text"
SubAccountType = "text"
Tags = "json"
x_ServiceCode = "text"
x_UsageType = "text"
x_Operation = "text"
x_CostCategories = "json"
x_Discounts = "json"
x_ChargeSubcategory = "text"
*/
SELECT
    raw.AvailabilityZone,
    raw.BilledCost,
    COALESCE(raw.BillingAccountId, load.payer) AS BillingAccountId,
    raw.BillingAccountName,
    raw.BillingAccountType,
    COALESCE(raw.BillingCurrency, 'XXX') AS BillingCurrency,
    COALESCE(raw.BillingPeriodEnd, raw.BillingPeriodStart) AS BillingPeriodEnd,
    raw.BillingPeriodStart,
    raw.CapacityReservationId,
    raw.CapacityReservationStatus,
    raw.ChargeCategory,
    raw.ChargeClass,
    raw.ChargeDescription,
    raw.ChargeFrequency,
    COALESCE(raw.ChargePeriodEnd, raw.ChargePeriodStart) AS ChargePeriodEnd,
    raw.ChargePeriodStart,
    raw.CommitmentDiscountCategory,
    raw.CommitmentDiscountId,
    raw.CommitmentDiscountName,
    raw.CommitmentDiscountQuantity,
    raw.CommitmentDiscountStatus,
    raw.CommitmentDiscountType,
    raw.CommitmentDiscountUnit,
    raw.ConsumedQuantity,
    raw.ConsumedUnit,
    COALESCE(raw.ContractedCost, raw.BilledCost) AS ContractedCost,
    raw.ContractedUnitPrice,
    COALESCE(raw.EffectiveCost, raw.BilledCost) AS EffectiveCost,
    raw.InvoiceId,
    raw.InvoiceIssuerName,
    COALESCE(raw.ListCost, raw.ContractedCost, raw.BilledCost) AS ListCost,
    raw.ListUnitPrice,
    raw.PricingCategory,
    raw.PricingCurrency,
    raw.PricingCurrencyContractedUnitPrice,
    raw.PricingCurrencyEffectiveCost,
    raw.PricingCurrencyListUnitPrice,
    raw.PricingQuantity,
    raw.PricingUnit,
    COALESCE(raw.ProviderName, raw.InvoiceIssuerName, '(none)') AS ProviderName,
    raw.PublisherName,
    raw.RegionId,
    raw.RegionName,
    raw.ResourceId,
    raw.ResourceName,
    raw.ResourceType,
    COALESCE(raw.ServiceCategory, 'Other') AS ServiceCategory,
    COALESCE(raw.ServiceName, '(none)') AS ServiceName,
    raw.ServiceSubcategory,
    raw.SkuId,
    raw.SkuMeter,
    raw.SkuPriceDetails,
    raw.SkuPriceId,
    raw.SubAccountId,
    raw.SubAccountName,
    raw.SubAccountType,
    raw.Tags,
    -- A provider may cut its months in a zone of its own: half a day later it is that month in every zone.
    CAST(DATE_TRUNC('month', raw.BillingPeriodStart + INTERVAL 12 HOUR) AS DATE) AS x_BillingMonth,
    raw.BilledCost AS x_SourceCost,
    'row' AS x_RowOrigin,
    raw.ChargeCategory AS x_ChargeType,
    CASE
        WHEN raw.x_ChargeSubcategory IS NOT NULL THEN raw.x_ChargeSubcategory
        WHEN raw.ChargeCategory NOT IN ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment') THEN 'Unclassified'
        WHEN raw.ChargeCategory = 'Tax' AND raw.ChargeDescription LIKE '%IGST%' THEN 'IGST'
        WHEN raw.ChargeCategory = 'Tax' AND raw.ChargeDescription LIKE '%CGST%' THEN 'CGST'
        WHEN raw.ChargeCategory = 'Tax' AND raw.ChargeDescription LIKE '%SGST%' THEN 'SGST'
    END AS x_ChargeSubcategory,
    raw.x_ServiceCode,
    raw.x_UsageType,
    raw.x_Operation,
    raw.x_CostCategories,
    raw.x_Discounts,
    raw.x_is_rounded AS x_IsRounded
FROM raw
CROSS JOIN load
