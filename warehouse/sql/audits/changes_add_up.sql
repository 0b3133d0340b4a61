/*
description = "The effects that explain a change add up to it, to the last digit."
needs = ["cost_changes"]
*/
SELECT
    x_BillingMonth,
    comparison,
    ProviderName,
    ServiceName,
    after_inr - before_inr AS difference,
    users + usage_per_user + mix + list_price + rate + fx + other + tax AS effects
FROM cost_changes
WHERE after_inr - before_inr <> users + usage_per_user + mix + list_price + rate + fx + other + tax
