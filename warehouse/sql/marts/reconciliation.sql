/*
description = "Files = rows = marts, and = invoice where one was given: per account, invoice month and currency, to the last digit."
grain = ["x_ExportName", "BillingAccountId", "x_BillingMonth", "BillingCurrency"]
needs = ["load_totals", "cost_daily", "invoices"]
*/
WITH loaded AS (
    SELECT
        x_ExportName,
        BillingAccountId,
        x_BillingMonth,
        BillingCurrency,
        SUM(file_rows) AS files_rows,
        SUM(row_rows) AS row_rows,
        SUM(file_cost) AS files_cost,
        SUM(billed_cost) AS billed_cost
    FROM load_totals
    GROUP BY ALL
),

mart AS (
    SELECT
        x_ExportName,
        BillingAccountId,
        x_BillingMonth,
        BillingCurrency,
        SUM(BilledCost) AS mart_cost,
        CASE WHEN COUNT(x_InrReason) = 0 THEN SUM(x_BilledCostInr) END AS mart_cost_inr
    FROM cost_daily
    GROUP BY ALL
),

billed AS (
    SELECT
        billing_account_id AS BillingAccountId,
        billing_month AS x_BillingMonth,
        ANY_VALUE(currency) AS invoice_currency,
        COUNT(DISTINCT currency) AS currencies,
        SUM(amount) + SUM(COALESCE(tax, 0)) AS invoice_amount
    FROM invoices
    WHERE amount IS NOT NULL
    GROUP BY ALL
),

compared AS (
    SELECT
        loaded.*,
        mart.mart_cost,
        billed.invoice_currency,
        billed.invoice_amount,
        -- in the month in which an account moves to another export, both hold a part of its invoice
        CASE
            WHEN billed.currencies > 1 THEN NULL
            WHEN billed.invoice_currency = loaded.BillingCurrency THEN SUM(mart.mart_cost) OVER account_month - billed.invoice_amount
            WHEN billed.invoice_currency = 'INR' THEN SUM(mart.mart_cost_inr) OVER account_month - billed.invoice_amount
        END AS invoice_difference
    FROM loaded
    LEFT JOIN mart USING (x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency)
    LEFT JOIN billed USING (BillingAccountId, x_BillingMonth)
    WINDOW account_month AS (PARTITION BY loaded.BillingAccountId, loaded.x_BillingMonth, loaded.BillingCurrency)
)

SELECT
    *,
    COALESCE(mart_cost, 0) - files_cost AS difference,
    COALESCE(
        files_rows = row_rows AND files_cost = billed_cost AND billed_cost = mart_cost
        -- an invoice is printed in whole paise per line: less than one unit is rounding
        AND COALESCE(ABS(invoice_difference) < 1, TRUE),
        FALSE
    ) AS is_reconciled
FROM compared
ORDER BY x_BillingMonth DESC, x_ExportName, BillingAccountId
