/*
description = "The company's targets by invoice month: what was reached, what was wanted, and the reason where it cannot be said. Tax and prepayments are left out."
grain = ["x_BillingMonth", "metric"]
needs = ["unit_costs", "users_monthly", "exam_phases", "tag_coverage", "cost_daily", "cost_allocated", "periods", "targets"]
*/
WITH open_months AS (
    SELECT DISTINCT x_BillingMonth AS month
    FROM periods
    WHERE state = 'open'
),

totals AS (
    SELECT
        costs.x_BillingMonth AS month,
        SUM(costs.x_CostInr) FILTER (costs.x_CostPart NOT IN ('tax', 'prepayments')) AS cost,
        SUM(costs.x_CostInr) FILTER (costs.x_CostPart = 'unused') AS unused,
        ANY_VALUE(costs.x_UsersReason) AS users_reason,
        MAX(users.mau) AS mau
    FROM unit_costs AS costs
    LEFT JOIN users_monthly AS users ON costs.x_BillingMonth = users.month AND users.product = 'all'
    GROUP BY ALL
),

idle AS (
    SELECT
        x_BillingMonth AS month,
        SUM(x_EffectiveCostInr) AS cost
    FROM cost_allocated
    WHERE x_AllocationStep = 'idle'
    GROUP BY ALL
),

rates AS (
    -- effective savings rate of the FinOps Foundation: what was paid for usage against its list price
    SELECT
        x_BillingMonth AS month,
        SUM(x_ListCostInr) FILTER (ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused') AS list,
        SUM(x_EffectiveCostInr) FILTER (
            ChargeCategory = 'Usage' OR CommitmentDiscountId IS NOT NULL
            OR x_ChargeSubcategory IN ('Discount', 'Savings Plan Negation', 'Commitment Offset')
        ) AS paid
    FROM cost_daily
    WHERE ChargeCategory <> 'Tax' AND COALESCE(x_ChargeSubcategory, '') <> 'Support'
    GROUP BY ALL
),

coverage AS (
    SELECT
        x_BillingMonth AS month,
        SUM(x_OwnedCostInr) AS owned,
        SUM(x_UsageCostInr) AS usage
    FROM tag_coverage
    WHERE x_Dimension = 'team'
    GROUP BY ALL
),

measured AS (
    SELECT
        month,
        'cost_per_user_inr' AS metric,
        CASE WHEN mau > 0 THEN CAST(cost AS DOUBLE) / mau END AS value,
        users_reason AS reason
    FROM totals
    UNION ALL
    SELECT
        totals.month,
        'yearly_reduction_per_user_pct' AS metric,
        CASE
            WHEN totals.mau > 0 AND before.mau > 0 AND before.cost > 0
            THEN 100 * (1 - (CAST(totals.cost AS DOUBLE) / totals.mau) / (CAST(before.cost AS DOUBLE) / before.mau))
        END AS value,
        COALESCE(totals.users_reason, before.users_reason, 'no month as far from the exam a cycle earlier') AS reason
    FROM totals
    LEFT JOIN exam_phases AS phases ON totals.month = phases.month
    LEFT JOIN totals AS before ON phases.same_phase_month = before.month
    UNION ALL
    SELECT
        totals.month,
        'yearly_reduction_pct' AS metric,
        CASE WHEN before.cost > 0 THEN 100 * (1 - CAST(totals.cost AS DOUBLE) / CAST(before.cost AS DOUBLE)) END AS value,
        'no month as far from the exam a cycle earlier' AS reason
    FROM totals
    LEFT JOIN exam_phases AS phases ON totals.month = phases.month
    LEFT JOIN totals AS before ON phases.same_phase_month = before.month
    UNION ALL
    SELECT
        month,
        'tag_coverage_pct' AS metric,
        CASE WHEN usage > 0 THEN 100 * CAST(owned AS DOUBLE) / CAST(usage AS DOUBLE) END AS value,
        'no usage was charged' AS reason
    FROM coverage
    UNION ALL
    SELECT
        month,
        'effective_savings_rate_pct' AS metric,
        CASE WHEN list > 0 THEN 100 * (1 - CAST(paid AS DOUBLE) / CAST(list AS DOUBLE)) END AS value,
        'no usage has a list price' AS reason
    FROM rates
    UNION ALL
    SELECT
        totals.month,
        'waste_share_pct' AS metric,
        CASE
            WHEN totals.cost > 0
            THEN 100 * (COALESCE(CAST(totals.unused AS DOUBLE), 0) + COALESCE(CAST(idle.cost AS DOUBLE), 0)) / CAST(totals.cost AS DOUBLE)
        END AS value,
        'nothing was charged' AS reason
    FROM totals
    LEFT JOIN idle ON totals.month = idle.month
),

-- a part of a month over a part of its users is no figure of either
whole AS (
    SELECT
        measured.month,
        measured.metric,
        CASE WHEN open_months.month IS NULL OR measured.metric LIKE '%_pct' AND measured.metric NOT LIKE 'yearly%' THEN measured.value END AS value,
        CASE WHEN open_months.month IS NULL THEN measured.reason ELSE 'the month is not over' END AS reason
    FROM measured
    LEFT JOIN open_months ON measured.month = open_months.month
)

SELECT
    whole.month AS x_BillingMonth,
    whole.metric,
    whole.value,
    targets.target,
    CASE
        WHEN whole.value IS NULL OR targets.target IS NULL THEN 'unknown'
        WHEN targets.at_most AND whole.value <= targets.target THEN 'met'
        WHEN NOT targets.at_most AND whole.value >= targets.target THEN 'met'
        ELSE 'missed'
    END AS state,
    CASE WHEN whole.value IS NULL THEN whole.reason END AS reason
FROM whole
LEFT JOIN targets ON whole.metric = targets.metric
ORDER BY whole.month, whole.metric
