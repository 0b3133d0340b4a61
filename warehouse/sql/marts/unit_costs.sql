/*
description = "Cost in INR per monthly active user by invoice month, provider, service, product and part: base, peak, shared, unused, tax, other, and prepayments, which tie the effective cost to the bill."
grain = ["x_BillingMonth", "ProviderName", "x_Service", "x_Product", "x_CostPart"]
needs = ["cost_owned", "cost_allocated", "users_monthly"]
*/
WITH days AS (
    SELECT
        x_ChargeOn,
        x_BillingMonth,
        ProviderName,
        x_Service,
        x_Product,
        SUM(x_EffectiveCostInr) AS cost
    FROM cost_owned
    WHERE x_CostPart = 'usage' AND x_SharedRule IS NULL
    GROUP BY ALL
),

months AS (
    SELECT DISTINCT
        x_BillingMonth,
        ProviderName,
        x_Service,
        x_Product
    FROM days
),

-- always on: what the service costs on its quietest days (the lowest tenth) of the year up to the month
floors AS (
    SELECT
        months.x_BillingMonth,
        months.ProviderName,
        months.x_Service,
        months.x_Product,
        GREATEST(QUANTILE_DISC(days.cost, 0.1), 0) AS floor
    FROM months
    JOIN days
        ON months.ProviderName = days.ProviderName
        AND months.x_Service IS NOT DISTINCT FROM days.x_Service
        AND months.x_Product IS NOT DISTINCT FROM days.x_Product
        AND days.x_ChargeOn < CAST(months.x_BillingMonth + INTERVAL 1 MONTH AS DATE)
        AND days.x_ChargeOn >= CAST(months.x_BillingMonth + INTERVAL 1 MONTH AS DATE) - 365
    GROUP BY ALL
),

split AS (
    SELECT
        days.x_BillingMonth,
        days.ProviderName,
        days.x_Service,
        days.x_Product,
        SUM(LEAST(days.cost, floors.floor)) AS base,
        SUM(days.cost) - SUM(LEAST(days.cost, floors.floor)) AS peak
    FROM days
    JOIN floors
        ON days.x_BillingMonth = floors.x_BillingMonth
        AND days.ProviderName = floors.ProviderName
        AND days.x_Service IS NOT DISTINCT FROM floors.x_Service
        AND days.x_Product IS NOT DISTINCT FROM floors.x_Product
    GROUP BY ALL
),

parts AS (
    SELECT * EXCLUDE (base, peak), 'base' AS x_CostPart, base AS x_CostInr FROM split
    UNION ALL BY NAME
    SELECT * EXCLUDE (base, peak), 'peak' AS x_CostPart, peak AS x_CostInr FROM split
    UNION ALL BY NAME
    -- the rest by its part; usage that a rule has distributed is zero here, and what nobody could take stays
    SELECT
        x_BillingMonth,
        ProviderName,
        x_Service,
        x_Product,
        CASE WHEN x_CostPart = 'usage' THEN 'shared' ELSE x_CostPart END AS x_CostPart,
        SUM(x_EffectiveCostInr) AS x_CostInr
    FROM cost_allocated
    WHERE x_CostPart <> 'usage' OR x_SharedRule IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        x_BillingMonth,
        ProviderName,
        CAST(NULL AS VARCHAR) AS x_Service,
        CAST(NULL AS VARCHAR) AS x_Product,
        'prepayments' AS x_CostPart,
        SUM(x_BilledCostInr) - SUM(x_EffectiveCostInr) AS x_CostInr
    FROM cost_owned
    GROUP BY ALL
),

summed AS (
    SELECT
        x_BillingMonth,
        ProviderName,
        x_Service,
        x_Product,
        x_CostPart,
        SUM(x_CostInr) AS x_CostInr
    FROM parts
    GROUP BY ALL
    HAVING SUM(x_CostInr) <> 0
)

SELECT
    summed.*,
    users.mau AS x_ActiveUsers,
    CASE WHEN users.mau > 0 THEN CAST(CAST(summed.x_CostInr AS DOUBLE) / users.mau AS DECIMAL(38, 12)) END AS x_CostPerUserInr,
    CASE
        WHEN users.mau IS NULL THEN 'no monthly active users are counted for this month'
        WHEN users.mau = 0 THEN 'no user was active in this month'
    END AS x_UsersReason
FROM summed
LEFT JOIN users_monthly AS users ON summed.x_BillingMonth = users.month AND users.product = 'all'
ORDER BY summed.x_BillingMonth, summed.ProviderName, summed.x_Service, summed.x_Product, summed.x_CostPart
