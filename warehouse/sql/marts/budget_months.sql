/*
description = "Budgets of Indian financial years by month in INR: planned by the season of the year before (or evenly), spent, and both up to the month."
grain = ["x_Budget", "x_FinancialYear", "month"]
needs = ["budgets", "cost_allocated", "exam_phases"]
*/
WITH spent AS (
    -- every month of every budget's cost, also those of other years: they are its history
    SELECT
        budgets.name AS x_Budget,
        budgets.financial_year AS x_FinancialYear,
        costs.x_BillingMonth AS month,
        SUM(costs.x_EffectiveCostInr) AS cost
    FROM budgets
    JOIN cost_allocated AS costs
        ON COALESCE(budgets.provider, costs.ProviderName) = costs.ProviderName
        AND (budgets.team IS NULL OR budgets.team IS NOT DISTINCT FROM costs.x_Team)
        AND (budgets.environment IS NULL OR budgets.environment IS NOT DISTINCT FROM costs.x_Environment)
        AND (budgets.product IS NULL OR budgets.product IS NOT DISTINCT FROM costs.x_Product)
        AND (budgets.service IS NULL OR budgets.service IS NOT DISTINCT FROM costs.x_Service)
        AND (budgets.with_tax OR costs.x_CostPart <> 'tax')
    GROUP BY ALL
),

months AS (
    SELECT
        budgets.*,
        steps.step,
        CAST(MAKE_DATE(budgets.financial_year, 4, 1) + steps.step * INTERVAL 1 MONTH AS DATE) AS month
    FROM budgets
    CROSS JOIN (SELECT UNNEST(RANGE(12)) AS step) AS steps
),

reference AS (
    SELECT
        months.*,
        COALESCE(phases.same_phase_month, CAST(months.month - INTERVAL 1 YEAR AS DATE)) AS same_phase
    FROM months
    LEFT JOIN exam_phases AS phases ON months.month = phases.month
),

shaped AS (
    SELECT
        reference.name AS x_Budget,
        reference.financial_year AS x_FinancialYear,
        reference.month,
        reference.step,
        reference.amount_inr,
        -- a year without twelve months of history is spent evenly
        CASE
            WHEN reference.shape = 'season'
                AND COUNT(before.cost) FILTER (before.cost > 0) OVER year = 12
            THEN CAST(before.cost AS DOUBLE) / CAST(SUM(before.cost) OVER year AS DOUBLE)
            ELSE 1.0 / 12
        END AS share,
        spent.cost
    FROM reference
    LEFT JOIN spent
        ON reference.name = spent.x_Budget AND reference.financial_year = spent.x_FinancialYear AND reference.month = spent.month
    LEFT JOIN spent AS before
        ON reference.name = before.x_Budget AND reference.financial_year = before.x_FinancialYear AND reference.same_phase = before.month
    WINDOW year AS (PARTITION BY reference.name, reference.financial_year)
),

planned AS (
    SELECT
        *,
        CAST(CAST(amount_inr AS DOUBLE) * share AS DECIMAL(38, 2)) AS piece
    FROM shaped
),

whole AS (
    SELECT
        * EXCLUDE (piece),
        -- the last month takes what rounding leaves
        CASE WHEN step = 11 THEN amount_inr - SUM(piece) OVER year + piece ELSE piece END AS piece
    FROM planned
    WINDOW year AS (PARTITION BY x_Budget, x_FinancialYear)
)

SELECT
    x_Budget,
    x_FinancialYear,
    month,
    amount_inr AS x_BudgetInr,
    piece AS x_PlannedInr,
    cost AS x_SpentInr,
    SUM(piece) OVER to_date AS x_PlannedToDateInr,
    SUM(cost) OVER to_date AS x_SpentToDateInr
FROM whole
WINDOW to_date AS (PARTITION BY x_Budget, x_FinancialYear ORDER BY month)
ORDER BY x_Budget, x_FinancialYear, month
