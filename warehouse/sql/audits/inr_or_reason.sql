/*
description = "A cost has a rupee figure or the reason why not, never neither and never both."
needs = ["cost_daily"]
*/
SELECT x_ChargeOn, BillingAccountId, BillingCurrency, x_InrReason
FROM cost_daily
WHERE (x_BilledCostInr IS NULL) = (x_InrReason IS NULL)
