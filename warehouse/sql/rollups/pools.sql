/*
description = "One load's usage by invoice month and pool (what is metered the same way at one place), with quantities: why a cost changed is read from it."
grain = ["x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "InvoiceId", "ServiceName", "RegionId", "SkuMeter", "PricingUnit", "x_PoolKind"]
needs = ["allocated"]
*/
SELECT
    x_BillingMonth,
    ProviderName,
    BillingAccountId,
    BillingCurrency,
    InvoiceId,
    ServiceName,
    RegionId,
    SkuMeter,
    PricingUnit,
    CASE
        WHEN ChargeCategory = 'Tax' THEN 'tax'
        WHEN ChargeCategory = 'Usage' AND PricingQuantity IS NOT NULL AND COALESCE(x_ChargeSubcategory, '') <> 'Support' THEN 'usage'
        -- commitments, what of them is unused, and discounts: they change the rate of usage, not how much of it there is
        WHEN CommitmentDiscountId IS NOT NULL
            OR x_ChargeSubcategory IN ('Discount', 'Savings Plan Negation', 'Commitment Offset', 'Residue') THEN 'commitment'
        ELSE 'other'
    END AS x_PoolKind,
    SUM(PricingQuantity) AS PricingQuantity,
    SUM(ListCost) AS ListCost,
    SUM(EffectiveCost) AS EffectiveCost
FROM allocated
WHERE x_SplitCost IS NULL
GROUP BY ALL
