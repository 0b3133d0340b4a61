/*
description = "One load's usage by IST day, place, owner and meter, at the price that no commitment takes anything off: what anomalies are looked for in."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "InvoiceId", "SubAccountId", "ServiceName", "RegionId", "x_Service", "SkuMeter"]
needs = ["allocated"]
*/
SELECT
    ist_date(ChargePeriodStart) AS x_ChargeOn,
    x_BillingMonth,
    ProviderName,
    BillingAccountId,
    BillingCurrency,
    InvoiceId,
    SubAccountId,
    ServiceName,
    RegionId,
    x_Service,
    SkuMeter,
    SUM(PricingQuantity) AS PricingQuantity,
    -- a purchase of a commitment changes nothing here
    SUM(CASE WHEN CommitmentDiscountStatus = 'Used' THEN GREATEST(ListCost, ContractedCost) ELSE ContractedCost END)
        AS x_OnDemandCost
FROM allocated
WHERE
    x_SplitCost IS NULL
    AND ChargeCategory = 'Usage'
    AND ChargeClass IS NULL
    AND COALESCE(x_ChargeSubcategory, '') <> 'Support'
    AND COALESCE(CommitmentDiscountStatus, '') <> 'Unused'
GROUP BY ALL
