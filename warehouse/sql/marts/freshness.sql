/*
description = "How old every number is: last delivery, last load, and the instant up to which usage is known."
grain = ["x_ExportName", "BillingAccountId"]
needs = ["load_totals"]
*/
SELECT
    x_ExportName,
    ANY_VALUE(x_Source) AS x_Source,
    ANY_VALUE(ProviderName) AS ProviderName,
    BillingAccountId,
    MAX(delivered_at) AS delivered_at,
    MAX(loaded_at) AS loaded_at,
    MAX(complete_through) AS complete_through,
    COUNT(DISTINCT x_BillingMonth) AS billing_months,
    MAX(x_BillingMonth) AS last_month
FROM load_totals
GROUP BY x_ExportName, BillingAccountId
ORDER BY x_ExportName, BillingAccountId
