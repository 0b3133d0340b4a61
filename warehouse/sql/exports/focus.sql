/*
description = "Charges as a FOCUS 1.2 data set: every column, null only where the specification allows it."
needs = ["charges"]
*/
WITH services AS (
    -- FOCUS wants one category and subcategory per service name
    SELECT
        ServiceName AS name,
        MIN(ServiceCategory) AS category,
        arg_min(ServiceSubcategory, ServiceCategory) AS subcategory
    FROM charges
    WHERE {where}
    GROUP BY ALL
),

priced AS (
    SELECT
        charges.*,
        services.category,
        services.subcategory,
        COALESCE(ChargeCategory IN ('Usage', 'Purchase') AND ChargeClass IS NULL, FALSE) AS is_priced,
        -- a unit price is never negative: the sign is the quantity's
        CASE
            WHEN COALESCE(PricingQuantity, 0) = 0 THEN CASE WHEN ListCost < 0 OR ContractedCost < 0 THEN -1 ELSE 1 END
            WHEN ListCost < 0 OR (ListCost = 0 AND ContractedCost < 0) THEN -ABS(PricingQuantity)
            ELSE ABS(PricingQuantity)
        END AS quantity,
        COALESCE(focus_text(SkuId), focus_text(SkuMeter), focus_text(ServiceName)) AS sku
    FROM charges
    JOIN services ON charges.ServiceName = services.name
    WHERE {where}
)

SELECT
    focus_text(AvailabilityZone) AS AvailabilityZone,
    BilledCost,
    focus_text(BillingAccountId) AS BillingAccountId,
    focus_text(COALESCE(BillingAccountName, BillingAccountId)) AS BillingAccountName,
    COALESCE(BillingAccountType, 'Billing Account') AS BillingAccountType,
    BillingCurrency,
    BillingPeriodEnd,
    BillingPeriodStart,
    CapacityReservationId,
    CapacityReservationStatus,
    ChargeCategory,
    ChargeClass,
    focus_text(COALESCE(ChargeDescription, x_ChargeType, ServiceName)) AS ChargeDescription,
    CASE
        WHEN ChargeCategory = 'Purchase' AND COALESCE(ChargeFrequency, 'Usage-Based') = 'Usage-Based' THEN 'One-Time'
        ELSE COALESCE(ChargeFrequency, 'One-Time')
    END AS ChargeFrequency,
    ChargePeriodEnd,
    ChargePeriodStart,
    CASE WHEN CommitmentDiscountId IS NOT NULL THEN COALESCE(CommitmentDiscountCategory, 'Spend') END AS CommitmentDiscountCategory,
    focus_text(CommitmentDiscountId) AS CommitmentDiscountId,
    CASE WHEN CommitmentDiscountId IS NOT NULL THEN focus_text(CommitmentDiscountName) END AS CommitmentDiscountName,
    CASE WHEN CommitmentDiscountId IS NOT NULL AND is_priced THEN COALESCE(CommitmentDiscountQuantity, 0) END AS CommitmentDiscountQuantity,
    CASE WHEN CommitmentDiscountId IS NOT NULL AND ChargeCategory = 'Usage' THEN COALESCE(CommitmentDiscountStatus, 'Used') END AS CommitmentDiscountStatus,
    CASE WHEN CommitmentDiscountId IS NOT NULL THEN COALESCE(focus_text(CommitmentDiscountType), 'Commitment') END AS CommitmentDiscountType,
    CASE
        WHEN CommitmentDiscountId IS NOT NULL AND is_priced
        THEN CASE WHEN COALESCE(CommitmentDiscountCategory, 'Spend') = 'Spend' THEN BillingCurrency ELSE COALESCE(focus_unit(CommitmentDiscountUnit), 'Hours') END
    END AS CommitmentDiscountUnit,
    CASE WHEN is_priced AND ChargeCategory = 'Usage' AND COALESCE(CommitmentDiscountStatus, '') <> 'Unused' THEN COALESCE(ConsumedQuantity, quantity) END AS ConsumedQuantity,
    CASE WHEN is_priced AND ChargeCategory = 'Usage' AND COALESCE(CommitmentDiscountStatus, '') <> 'Unused' THEN COALESCE(focus_unit(ConsumedUnit), focus_unit(PricingUnit), 'Units') END AS ConsumedUnit,
    ContractedCost,
    CASE WHEN is_priced THEN ABS(CAST(ContractedCost AS DOUBLE) / CAST(quantity AS DOUBLE)) END AS ContractedUnitPrice,
    EffectiveCost,
    InvoiceId,
    -- FOCUS takes another issuer's name for a third party's bill; the name on the paper is x_InvoiceIssuerName
    focus_text(ProviderName) AS InvoiceIssuerName,
    ListCost,
    CASE WHEN is_priced THEN ABS(CAST(ListCost AS DOUBLE) / CAST(quantity AS DOUBLE)) END AS ListUnitPrice,
    CASE WHEN is_priced THEN COALESCE(PricingCategory, 'Standard') WHEN ChargeCategory <> 'Tax' THEN PricingCategory END AS PricingCategory,
    BillingCurrency AS PricingCurrency,
    CASE WHEN is_priced THEN ABS(CAST(ContractedCost AS DOUBLE) / CAST(quantity AS DOUBLE)) END AS PricingCurrencyContractedUnitPrice,
    EffectiveCost AS PricingCurrencyEffectiveCost,
    CASE WHEN is_priced THEN ABS(CAST(ListCost AS DOUBLE) / CAST(quantity AS DOUBLE)) END AS PricingCurrencyListUnitPrice,
    CASE WHEN is_priced THEN quantity END AS PricingQuantity,
    CASE WHEN is_priced THEN COALESCE(focus_unit(PricingUnit), 'Units') END AS PricingUnit,
    focus_text(ProviderName) AS ProviderName,
    focus_text(COALESCE(PublisherName, ProviderName)) AS PublisherName,
    focus_text(RegionId) AS RegionId,
    CASE WHEN RegionId IS NOT NULL THEN focus_text(COALESCE(RegionName, RegionId)) END AS RegionName,
    focus_text(ResourceId) AS ResourceId,
    CASE WHEN ResourceId IS NOT NULL THEN focus_text(ResourceName) END AS ResourceName,
    CASE WHEN ResourceId IS NOT NULL THEN focus_text(COALESCE(ResourceType, ServiceName)) END AS ResourceType,
    category AS ServiceCategory,
    focus_text(ServiceName) AS ServiceName,
    COALESCE(subcategory, CASE WHEN category = 'Other' THEN 'Other (Other)' ELSE 'Other (' || category || ')' END) AS ServiceSubcategory,
    CASE WHEN is_priced THEN sku END AS SkuId,
    CASE WHEN is_priced THEN COALESCE(focus_text(SkuMeter), focus_text(ServiceName)) END AS SkuMeter,
    CAST(NULL AS VARCHAR) AS SkuPriceDetails,
    -- a price belongs to one SKU: where the provider's id does not show it, the SKU stands before it
    CASE
        WHEN is_priced AND SkuPriceId IS NULL THEN sku
        WHEN is_priced AND starts_with(SkuPriceId, sku) THEN focus_text(SkuPriceId)
        WHEN is_priced THEN sku || '.' || focus_text(SkuPriceId)
    END AS SkuPriceId,
    focus_text(SubAccountId) AS SubAccountId,
    CASE WHEN SubAccountId IS NOT NULL THEN focus_text(COALESCE(SubAccountName, SubAccountId)) END AS SubAccountName,
    CASE WHEN SubAccountId IS NOT NULL THEN COALESCE(SubAccountType, 'Sub Account') END AS SubAccountType,
    Tags,
    x_BillingMonth,
    x_ChargeType,
    x_ChargeSubcategory,
    x_ExportName,
    InvoiceIssuerName AS x_InvoiceIssuerName,
    x_NetBilledCost,
    x_NetEffectiveCost,
    x_RowOrigin
FROM priced
