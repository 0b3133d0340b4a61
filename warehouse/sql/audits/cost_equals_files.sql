/*
description = "The sum of BilledCost is the sum of the provider's own amounts, and the mart holds all of it."
needs = ["reconciliation"]
*/
SELECT x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency, files_cost, billed_cost, mart_cost
FROM reconciliation
WHERE files_cost <> billed_cost OR mart_cost IS NULL OR billed_cost <> mart_cost
