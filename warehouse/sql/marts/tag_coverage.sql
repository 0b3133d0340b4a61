/*
description = "How much of the cost of usage, in INR, has an owner before anything is distributed: by invoice month, provider and dimension."
grain = ["x_BillingMonth", "ProviderName", "x_Dimension"]
needs = ["cost_daily"]
*/
WITH usage AS (
    SELECT
        x_BillingMonth,
        ProviderName,
        x_Team,
        x_Environment,
        x_Product,
        x_Service,
        -- a credit does not make a machine less untagged
        SUM(x_EffectiveCostInr) FILTER (x_EffectiveCostInr > 0) AS cost
    FROM cost_daily
    WHERE ChargeCategory = 'Usage'
        AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
        AND COALESCE(x_ChargeSubcategory, '') <> 'Support'
        AND x_InrReason IS NULL
    GROUP BY ALL
),

dimensions AS (
    SELECT x_BillingMonth, ProviderName, 'team' AS x_Dimension, x_Team AS value, cost FROM usage
    UNION ALL
    SELECT x_BillingMonth, ProviderName, 'environment' AS x_Dimension, x_Environment AS value, cost FROM usage
    UNION ALL
    SELECT x_BillingMonth, ProviderName, 'service' AS x_Dimension, x_Service AS value, cost FROM usage
    UNION ALL
    SELECT x_BillingMonth, ProviderName, 'product' AS x_Dimension, x_Product AS value, cost FROM usage
)

SELECT
    x_BillingMonth,
    ProviderName,
    x_Dimension,
    COALESCE(SUM(cost), 0) AS x_UsageCostInr,
    COALESCE(SUM(cost) FILTER (value IS NOT NULL), 0) AS x_OwnedCostInr
FROM dimensions
GROUP BY ALL
ORDER BY x_BillingMonth, ProviderName, x_Dimension
