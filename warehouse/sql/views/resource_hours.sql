/*
description = "Usage by resource and UTC hour: the raw material of schedules; ask with a period and resources."
needs = ["charges_inr"]
*/
SELECT
    DATE_TRUNC('hour', ChargePeriodStart) AS hour_at,
    BillingAccountId,
    SubAccountId,
    ServiceName,
    RegionId,
    ResourceId,
    SkuMeter,
    PricingCategory,
    BillingCurrency,
    x_Team,
    x_Environment,
    SUM(ConsumedQuantity) AS ConsumedQuantity,
    ANY_VALUE(ConsumedUnit) AS ConsumedUnit,
    SUM(ListCost) AS ListCost,
    SUM(EffectiveCost) AS EffectiveCost,
    SUM(x_EffectiveCostInr) AS x_EffectiveCostInr
FROM charges_inr
WHERE ChargeCategory = 'Usage' AND ResourceId IS NOT NULL
GROUP BY ALL
