/*
description = "Line types we do not know: counted in every total, shown here until somebody maps them."
grain = ["x_ExportName", "BillingAccountId", "x_BillingMonth", "BillingCurrency", "ServiceName"]
needs = ["cost_daily"]
*/
SELECT
    x_ExportName,
    BillingAccountId,
    x_BillingMonth,
    BillingCurrency,
    ServiceName,
    SUM(x_Charges) AS x_Charges,
    SUM(BilledCost) AS BilledCost,
    SUM(x_BilledCostInr) AS x_BilledCostInr
FROM cost_daily
WHERE x_ChargeSubcategory = 'Unclassified'
GROUP BY ALL
ORDER BY ALL
