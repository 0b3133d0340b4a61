/*
description = "Commitment discounts by IST day: purchase, used, unused, in native currency and INR."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "InvoiceId", "CommitmentDiscountId", "CommitmentDiscountType", "CommitmentDiscountStatus", "ChargeCategory", "ServiceName", "RegionId", "x_ExportName"]
needs = ["rollup_commitment", "inr_rates"]
*/
SELECT
    usage.*,
    usage.BilledCost * rates.rate AS x_BilledCostInr,
    usage.EffectiveCost * rates.rate AS x_EffectiveCostInr,
    rates.reason AS x_InrReason
FROM rollup_commitment AS usage
JOIN inr_rates AS rates
    ON usage.BillingAccountId = rates.BillingAccountId
    AND usage.BillingCurrency = rates.BillingCurrency
    AND usage.x_BillingMonth = rates.x_BillingMonth
    AND COALESCE(usage.InvoiceId, '') = rates.InvoiceId
ORDER BY usage.x_BillingMonth, usage.x_ChargeOn
