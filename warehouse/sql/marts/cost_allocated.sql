/*
description = "Every rupee of an invoice month by whose it is: direct, then what containers and shared rules move, each move with its reversal, so that before and after have one total."
grain = ["x_BillingMonth", "ProviderName", "ServiceName", "x_Team", "x_Environment", "x_Product", "x_Service", "x_CostPart", "x_AllocationStep", "x_SharedRule"]
needs = ["cost_owned", "shared_rules", "shared_shares", "users_monthly"]
*/
WITH monthly AS (
    SELECT
        * EXCLUDE (x_ChargeOn, x_EffectiveCostInr, x_BilledCostInr),
        SUM(x_EffectiveCostInr) AS x_EffectiveCostInr,
        SUM(x_BilledCostInr) AS x_BilledCostInr
    FROM cost_owned
    GROUP BY ALL
),

-- who takes a share, and by how much own cost: the unallocated row takes its own, it is not passed on to the others
owners AS (
    SELECT
        x_BillingMonth,
        x_Team,
        x_Environment,
        x_Product,
        x_Service,
        CAST(SUM(x_EffectiveCostInr) AS DOUBLE) AS own_cost
    FROM monthly
    WHERE x_CostPart = 'usage' AND x_SharedRule IS NULL
    GROUP BY ALL
    HAVING SUM(x_EffectiveCostInr) > 0
),

-- along the rule's dimension each value has a weight, and within it owners share by their own cost
along AS (
    SELECT
        owners.*,
        rules.name AS x_SharedRule,
        rules.method,
        CASE rules.dimension
            WHEN 'team' THEN owners.x_Team
            WHEN 'environment' THEN owners.x_Environment
            WHEN 'product' THEN owners.x_Product
            ELSE owners.x_Service
        END AS value
    FROM owners
    CROSS JOIN shared_rules AS rules
),

valued AS (
    SELECT
        along.*,
        CASE along.method
            WHEN 'proportional' THEN SUM(along.own_cost) OVER same
            WHEN 'even' THEN CASE WHEN along.value IS NOT NULL THEN 1.0 END
            WHEN 'fixed' THEN CAST(shares.share AS DOUBLE)
            WHEN 'users' THEN CAST(users.mau AS DOUBLE)
        END AS value_weight,
        along.own_cost / SUM(along.own_cost) OVER same AS share_of_value,
        ROW_NUMBER() OVER same_by_cost AS place
    FROM along
    LEFT JOIN shared_shares AS shares ON along.x_SharedRule = shares.name AND along.value = shares.value
    LEFT JOIN users_monthly AS users ON along.x_BillingMonth = users.month AND along.value = users.product
    WINDOW
        same AS (PARTITION BY along.x_BillingMonth, along.x_SharedRule, along.value),
        same_by_cost AS (PARTITION BY along.x_BillingMonth, along.x_SharedRule, along.value ORDER BY along.own_cost DESC)
),

weights AS (
    SELECT
        x_BillingMonth,
        x_SharedRule,
        x_Team,
        x_Environment,
        x_Product,
        x_Service,
        value_weight * share_of_value
            / SUM(value_weight * share_of_value) OVER (PARTITION BY x_BillingMonth, x_SharedRule) AS weight
    FROM valued
    WHERE value_weight > 0
),

sources AS (
    SELECT *
    FROM monthly
    WHERE x_SharedRule IS NOT NULL
        -- a rule that nobody can take a share of in this month leaves the cost where it is
        AND EXISTS (
            SELECT 1
            FROM weights
            WHERE weights.x_BillingMonth = monthly.x_BillingMonth AND weights.x_SharedRule = monthly.x_SharedRule
        )
),

totals AS (
    SELECT
        x_BillingMonth,
        ProviderName,
        ServiceName,
        x_SharedRule,
        CASE WHEN x_CostPart IN ('tax', 'unused') THEN x_CostPart ELSE 'shared' END AS x_CostPart,
        SUM(x_EffectiveCostInr) AS x_EffectiveCostInr,
        SUM(x_BilledCostInr) AS x_BilledCostInr
    FROM sources
    GROUP BY ALL
),

-- rounded to 6 decimals, kept at the 24 that rupees have here: DuckDB would otherwise take the smaller scale for both
pieces AS (
    SELECT
        totals.x_BillingMonth,
        totals.ProviderName,
        totals.ServiceName,
        weights.x_Team,
        weights.x_Environment,
        weights.x_Product,
        weights.x_Service,
        totals.x_CostPart,
        totals.x_SharedRule,
        totals.x_EffectiveCostInr AS whole,
        totals.x_BilledCostInr AS whole_billed,
        CAST(CAST(CAST(totals.x_EffectiveCostInr AS DOUBLE) * weights.weight AS DECIMAL(38, 6)) AS DECIMAL(38, 24)) AS piece,
        CAST(CAST(CAST(totals.x_BilledCostInr AS DOUBLE) * weights.weight AS DECIMAL(38, 6)) AS DECIMAL(38, 24)) AS piece_billed,
        ROW_NUMBER() OVER (
            PARTITION BY totals.x_BillingMonth, totals.ProviderName, totals.ServiceName, totals.x_SharedRule, totals.x_CostPart
            ORDER BY weights.weight DESC, weights.x_Team, weights.x_Environment, weights.x_Product, weights.x_Service
        ) AS place
    FROM totals
    JOIN weights ON totals.x_BillingMonth = weights.x_BillingMonth AND totals.x_SharedRule = weights.x_SharedRule
),

-- the largest share takes what rounding leaves, so the pieces are the whole to the last digit
given AS (
    SELECT
        * EXCLUDE (whole, whole_billed, piece, piece_billed, place),
        CASE WHEN place = 1 THEN whole - SUM(piece) OVER source + piece ELSE piece END AS x_EffectiveCostInr,
        CASE WHEN place = 1 THEN whole_billed - SUM(piece_billed) OVER source + piece_billed ELSE piece_billed END AS x_BilledCostInr
    FROM pieces
    WINDOW source AS (PARTITION BY x_BillingMonth, ProviderName, ServiceName, x_SharedRule, x_CostPart)
),

rows_of_all AS (
    SELECT * FROM monthly
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (x_AllocationStep) REPLACE (-x_EffectiveCostInr AS x_EffectiveCostInr, -x_BilledCostInr AS x_BilledCostInr),
        'shared' AS x_AllocationStep
    FROM sources
    UNION ALL BY NAME
    SELECT
        *,
        'shared' AS x_AllocationStep
    FROM given
)

SELECT
    x_BillingMonth,
    ProviderName,
    ServiceName,
    x_Team,
    x_Environment,
    x_Product,
    x_Service,
    x_CostPart,
    x_AllocationStep,
    x_SharedRule,
    SUM(x_EffectiveCostInr) AS x_EffectiveCostInr,
    SUM(x_BilledCostInr) AS x_BilledCostInr
FROM rows_of_all
GROUP BY ALL
ORDER BY x_BillingMonth, ProviderName, ServiceName
