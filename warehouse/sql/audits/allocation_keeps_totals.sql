/*
description = "Whose a cost is changes no total: what allocation moves adds up to zero, and all of the mart is in it."
needs = ["cost_allocated", "cost_daily"]
*/
WITH allocated AS (
    SELECT
        x_BillingMonth,
        ProviderName,
        SUM(x_EffectiveCostInr) AS effective,
        SUM(x_BilledCostInr) AS billed,
        SUM(x_EffectiveCostInr) FILTER (x_AllocationStep <> 'direct') AS moved
    FROM cost_allocated
    GROUP BY ALL
),

mart AS (
    SELECT
        x_BillingMonth,
        ProviderName,
        SUM(x_EffectiveCostInr) AS effective,
        SUM(x_BilledCostInr) AS billed
    FROM cost_daily
    WHERE x_InrReason IS NULL
    GROUP BY ALL
)

SELECT
    COALESCE(mart.x_BillingMonth, allocated.x_BillingMonth) AS x_BillingMonth,
    COALESCE(mart.ProviderName, allocated.ProviderName) AS ProviderName,
    mart.effective AS mart_cost,
    allocated.effective AS allocated_cost,
    allocated.moved
FROM mart
FULL JOIN allocated ON mart.x_BillingMonth = allocated.x_BillingMonth AND mart.ProviderName = allocated.ProviderName
WHERE mart.effective IS DISTINCT FROM allocated.effective
    OR mart.billed IS DISTINCT FROM allocated.billed
    OR COALESCE(allocated.moved, 0) <> 0
