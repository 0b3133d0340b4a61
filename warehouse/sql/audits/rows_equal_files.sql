/*
description = "Every row of every file is a row here."
needs = ["reconciliation"]
*/
SELECT x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency, files_rows, row_rows
FROM reconciliation
WHERE files_rows <> row_rows
