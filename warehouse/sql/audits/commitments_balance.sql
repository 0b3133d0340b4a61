/*
description = "Used and unused of a commitment in a closed, invoiced month add up to what the month of it costs."
needs = ["commitment_usage"]
severity = "warning"
*/
WITH balance AS (
    SELECT
        BillingAccountId,
        CommitmentDiscountId,
        x_BillingMonth,
        SUM(EffectiveCost) AS effective,
        SUM(x_CommitmentPeriodCost) AS purchase
    FROM commitment_usage
    WHERE ProviderName = 'AWS' AND InvoiceId IS NOT NULL
    GROUP BY ALL
)

SELECT *
FROM balance
WHERE purchase IS NOT NULL AND ABS(effective - purchase) > 0.01
