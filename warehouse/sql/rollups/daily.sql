/*
description = "One load's rows by IST day and every dimension a page groups by; native currency, exact. Its sums are also the load's proof."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "SubAccountId", "SubAccountName", "ServiceCategory", "ServiceName", "RegionId", "ChargeCategory", "x_ChargeSubcategory", "PricingCategory", "CommitmentDiscountId", "CommitmentDiscountType", "CommitmentDiscountStatus", "InvoiceId", "x_Team", "x_Environment", "x_Product", "x_Service", "x_ExportName", "x_RowInrPerUsd"]
needs = ["allocated"]
*/
SELECT
    ist_date(ChargePeriodStart) AS x_ChargeOn, -- a row belongs to the IST day it starts in
    x_BillingMonth,
    ProviderName,
    BillingAccountId,
    BillingCurrency,
    SubAccountId,
    SubAccountName,
    ServiceCategory,
    ServiceName,
    RegionId,
    ChargeCategory,
    x_ChargeSubcategory,
    PricingCategory,
    CommitmentDiscountId,
    CommitmentDiscountType,
    CommitmentDiscountStatus,
    InvoiceId,
    x_Team,
    x_Environment,
    x_Product,
    x_Service,
    x_ExportName,
    x_InrPerUsd AS x_RowInrPerUsd,
    -- pod and task rows (split cost allocation) are an allocation key at zero cost, not charges
    COUNT(*) FILTER (WHERE x_SplitCost IS NULL) AS x_Charges,
    SUM(BilledCost) AS BilledCost,
    SUM(EffectiveCost) AS EffectiveCost,
    SUM(ListCost) AS ListCost,
    SUM(ContractedCost) AS ContractedCost,
    SUM(COALESCE(x_NetBilledCost, BilledCost)) AS x_NetBilledCost,
    SUM(COALESCE(x_NetEffectiveCost, EffectiveCost)) AS x_NetEffectiveCost,
    SUM(x_CommitmentPeriodCost) AS x_CommitmentPeriodCost,
    SUM(CommitmentDiscountQuantity) AS CommitmentDiscountQuantity,
    SUM(x_SourceCost) AS x_SourceCost,
    COUNT(*) FILTER (WHERE x_RowOrigin = 'row') AS x_Rows,
    COUNT(*) FILTER (WHERE x_IsRounded) AS x_Rounded,
    COUNT(x_UnusedCost) AS x_Fees,
    MAX(CASE WHEN ChargeCategory = 'Usage' THEN ChargePeriodEnd END) AS x_UsageEnd
FROM allocated
GROUP BY ALL
