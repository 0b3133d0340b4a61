/*
description = "The costs of the products are the cost of the month, prepayments left out."
needs = ["product_costs", "unit_costs"]
*/
WITH products AS (
    SELECT
        x_BillingMonth,
        SUM(x_CostInr) AS cost
    FROM product_costs
    GROUP BY ALL
),

units AS (
    SELECT
        x_BillingMonth,
        SUM(x_CostInr) AS cost
    FROM unit_costs
    WHERE x_CostPart <> 'prepayments'
    GROUP BY ALL
)

SELECT
    units.x_BillingMonth,
    units.cost AS unit_cost,
    products.cost AS product_cost
FROM units
LEFT JOIN products ON units.x_BillingMonth = products.x_BillingMonth
WHERE units.cost <> 0 AND units.cost IS DISTINCT FROM products.cost
