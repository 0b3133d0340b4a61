/*
description = "Commitment discounts by IST day: purchase, used, unused, in native currency and INR."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "InvoiceId", "CommitmentDiscountId", "CommitmentDiscountType", "CommitmentDiscountStatus", "ChargeCategory", "ServiceName", "RegionId", "x_ExportName"]
needs = ["cost_daily"]
*/
SELECT
    x_ChargeOn,
    x_BillingMonth,
    ProviderName,
    BillingAccountId,
    BillingCurrency,
    InvoiceId,
    CommitmentDiscountId,
    CommitmentDiscountType,
    CommitmentDiscountStatus,
    ChargeCategory,
    ServiceName,
    RegionId,
    x_ExportName,
    SUM(BilledCost) AS BilledCost,
    SUM(EffectiveCost) AS EffectiveCost,
    SUM(ContractedCost) AS ContractedCost,
    SUM(x_CommitmentPeriodCost) AS x_CommitmentPeriodCost,
    SUM(CommitmentDiscountQuantity) AS CommitmentDiscountQuantity,
    CASE WHEN COUNT(x_InrReason) = 0 THEN SUM(x_BilledCostInr) END AS x_BilledCostInr,
    CASE WHEN COUNT(x_InrReason) = 0 THEN SUM(x_EffectiveCostInr) END AS x_EffectiveCostInr,
    MAX(x_InrReason) AS x_InrReason
FROM cost_daily
WHERE CommitmentDiscountId IS NOT NULL
GROUP BY ALL
ORDER BY ALL
