/*
description = "One load's charges by IST day and every dimension a page groups by; native currency, exact."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "SubAccountId", "SubAccountName", "ServiceCategory", "ServiceName", "RegionId", "ChargeCategory", "x_ChargeSubcategory", "PricingCategory", "CommitmentDiscountStatus", "InvoiceId", "x_Team", "x_Environment", "x_Product", "x_ExportName", "x_RowInrPerUsd"]
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
    CommitmentDiscountStatus,
    InvoiceId,
    x_Team,
    x_Environment,
    x_Product,
    x_ExportName,
    x_InrPerUsd AS x_RowInrPerUsd,
    COUNT(*) AS x_Charges,
    SUM(BilledCost) AS BilledCost,
    SUM(EffectiveCost) AS EffectiveCost,
    SUM(ListCost) AS ListCost,
    SUM(ContractedCost) AS ContractedCost,
    SUM(COALESCE(x_NetBilledCost, BilledCost)) AS x_NetBilledCost,
    SUM(COALESCE(x_NetEffectiveCost, EffectiveCost)) AS x_NetEffectiveCost
FROM allocated
WHERE x_SplitCost IS NULL -- pod and task rows are an allocation key, not charges
GROUP BY ALL
