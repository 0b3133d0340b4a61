/*
description = "One load's commitment discounts by IST day: purchase, used and unused."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "InvoiceId", "CommitmentDiscountId", "CommitmentDiscountType", "CommitmentDiscountStatus", "ChargeCategory", "ServiceName", "RegionId", "x_ExportName"]
needs = ["allocated"]
*/
SELECT
    ist_date(ChargePeriodStart) AS x_ChargeOn,
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
    SUM(CommitmentDiscountQuantity) AS CommitmentDiscountQuantity
FROM allocated
WHERE CommitmentDiscountId IS NOT NULL
GROUP BY ALL
