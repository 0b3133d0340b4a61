/*
description = "Cost per active user times users, over all services and parts, is the bill in INR to the paisa, every month."
needs = ["unit_costs", "cost_daily"]
*/
WITH units AS (
    SELECT
        x_BillingMonth,
        SUM(x_CostInr) AS cost,
        SUM(x_CostPerUserInr * x_ActiveUsers) AS per_user_times_users,
        COUNT(x_UsersReason) AS without_users
    FROM unit_costs
    GROUP BY ALL
),

bill AS (
    SELECT
        x_BillingMonth,
        SUM(x_BilledCostInr) AS cost
    FROM cost_daily
    WHERE x_InrReason IS NULL
    GROUP BY ALL
)

SELECT
    bill.x_BillingMonth,
    bill.cost AS bill_cost,
    units.cost AS unit_cost,
    units.per_user_times_users
FROM bill
LEFT JOIN units ON bill.x_BillingMonth = units.x_BillingMonth
WHERE (bill.cost <> 0 AND bill.cost IS DISTINCT FROM units.cost)
    OR (units.without_users = 0 AND ABS(units.per_user_times_users - bill.cost) >= 0.005)
