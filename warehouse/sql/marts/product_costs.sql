/*
description = "Cost in INR per monthly active user of each product: its own cost, and its share of what no product owns, by monthly active users."
grain = ["x_BillingMonth", "x_Product"]
needs = ["unit_costs", "users_monthly"]
*/
WITH months AS (
    SELECT
        x_BillingMonth,
        SUM(x_CostInr) FILTER (x_Product IS NULL) AS common,
        COUNT(*) AS n
    FROM unit_costs
    WHERE x_CostPart <> 'prepayments'
    GROUP BY ALL
),

own AS (
    SELECT
        x_BillingMonth,
        x_Product,
        SUM(x_CostInr) AS own
    FROM unit_costs
    WHERE x_Product IS NOT NULL AND x_CostPart <> 'prepayments'
    GROUP BY ALL
),

shares AS (
    SELECT
        months.x_BillingMonth,
        users.product AS x_Product,
        users.mau,
        months.common,
        CAST(CAST(CAST(months.common AS DOUBLE) * users.mau / SUM(users.mau) OVER month AS DECIMAL(38, 6)) AS DECIMAL(38, 24)) AS piece,
        ROW_NUMBER() OVER (PARTITION BY months.x_BillingMonth ORDER BY users.mau DESC, users.product) AS place
    FROM months
    JOIN users_monthly AS users ON months.x_BillingMonth = users.month
    WHERE users.product <> 'all' AND users.mau > 0
    WINDOW month AS (PARTITION BY months.x_BillingMonth)
),

given AS (
    SELECT
        x_BillingMonth,
        x_Product,
        mau,
        CASE WHEN place = 1 THEN common - SUM(piece) OVER (PARTITION BY x_BillingMonth) + piece ELSE piece END AS common_share
    FROM shares
),

-- products that are owned but not counted, and months without counted products, keep their row
joined AS (
    SELECT
        COALESCE(given.x_BillingMonth, own.x_BillingMonth) AS x_BillingMonth,
        COALESCE(given.x_Product, own.x_Product) AS x_Product,
        given.mau,
        COALESCE(own.own, 0) AS x_OwnCostInr,
        COALESCE(given.common_share, 0) AS x_CommonCostInr
    FROM given
    FULL JOIN own ON given.x_BillingMonth = own.x_BillingMonth AND given.x_Product = own.x_Product
    UNION ALL
    SELECT
        x_BillingMonth,
        CAST(NULL AS VARCHAR) AS x_Product,
        CAST(NULL AS BIGINT) AS mau,
        CAST(0 AS DECIMAL(38, 24)) AS x_OwnCostInr,
        common AS x_CommonCostInr
    FROM months
    WHERE common <> 0 AND x_BillingMonth NOT IN (SELECT x_BillingMonth FROM given)
)

SELECT
    *,
    x_OwnCostInr + x_CommonCostInr AS x_CostInr,
    CASE
        WHEN mau > 0 THEN CAST(CAST(x_OwnCostInr + x_CommonCostInr AS DOUBLE) / mau AS DECIMAL(38, 12))
    END AS x_CostPerUserInr
FROM joined
ORDER BY x_BillingMonth, x_Product
