/*
description = "Every bill: account, invoice month and currency, its state (open, provisional, invoiced, restated) and its sums."
grain = ["x_ExportName", "BillingAccountId", "x_BillingMonth", "BillingCurrency"]
needs = ["load_totals", "cost_daily", "restatements", "invoices"]
*/
WITH loaded AS (
    SELECT
        x_ExportName,
        ANY_VALUE(ProviderName) AS ProviderName,
        BillingAccountId,
        x_BillingMonth,
        BillingCurrency,
        SUM(charges) AS x_Charges,
        SUM(uninvoiced) AS uninvoiced,
        SUM(invoices) AS invoices,
        MAX(delivered_at) AS delivered_at,
        MAX(complete_through) AS complete_through,
        SUM(deliveries) AS deliveries
    FROM load_totals
    GROUP BY ALL
),

costs AS (
    SELECT
        x_ExportName,
        BillingAccountId,
        x_BillingMonth,
        BillingCurrency,
        SUM(BilledCost) AS BilledCost,
        SUM(EffectiveCost) AS EffectiveCost,
        -- a sum that lacks a rate somewhere is no sum
        CASE WHEN COUNT(x_InrReason) = 0 THEN SUM(x_BilledCostInr) END AS x_BilledCostInr,
        CASE WHEN COUNT(x_InrReason) = 0 THEN SUM(x_EffectiveCostInr) END AS x_EffectiveCostInr,
        MAX(x_InrRateState) AS x_InrRateState,
        MAX(x_InrReason) AS x_InrReason
    FROM cost_daily
    GROUP BY ALL
)

SELECT
    loaded.x_ExportName,
    loaded.ProviderName,
    loaded.BillingAccountId,
    loaded.x_BillingMonth,
    loaded.BillingCurrency,
    CASE
        WHEN EXISTS (
            SELECT 1
            FROM restatements AS r
            WHERE r.was_invoiced AND r.x_ExportName = loaded.x_ExportName AND r.BillingAccountId = loaded.BillingAccountId
                AND r.x_BillingMonth = loaded.x_BillingMonth
        ) THEN 'restated'
        WHEN loaded.uninvoiced = 0 THEN 'invoiced'
        WHEN EXISTS (
            SELECT 1
            FROM invoices AS i
            WHERE i.billing_account_id = loaded.BillingAccountId AND i.billing_month = loaded.x_BillingMonth
        ) THEN 'invoiced'
        -- a copied file looks delivered today: usage that stops days before the month's end tells better
        WHEN LEAST(loaded.delivered_at, loaded.complete_through + INTERVAL 3 DAY)
            < CAST(loaded.x_BillingMonth AS TIMESTAMP) + INTERVAL 1 MONTH THEN 'open'
        ELSE 'provisional'
    END AS state,
    loaded.x_Charges,
    costs.BilledCost,
    costs.EffectiveCost,
    costs.x_BilledCostInr,
    costs.x_EffectiveCostInr,
    costs.x_InrRateState,
    costs.x_InrReason,
    loaded.invoices,
    loaded.deliveries,
    loaded.delivered_at
FROM loaded
LEFT JOIN costs USING (x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency)
ORDER BY loaded.x_BillingMonth DESC, loaded.x_ExportName, loaded.BillingAccountId
