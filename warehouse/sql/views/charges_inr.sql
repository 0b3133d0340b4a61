/*
description = "Every charge with its costs in INR, the rate beside it, and team, environment and product."
needs = ["allocated", "inr_rates"]
*/
SELECT
    charges.* EXCLUDE (x_InrPerUsd),
    charges.BilledCost * rates.rate AS x_BilledCostInr,
    charges.EffectiveCost * rates.rate AS x_EffectiveCostInr,
    charges.ListCost * rates.rate AS x_ListCostInr,
    charges.ContractedCost * rates.rate AS x_ContractedCostInr,
    COALESCE(charges.x_NetBilledCost, charges.BilledCost) * rates.rate AS x_NetBilledCostInr,
    COALESCE(charges.x_NetEffectiveCost, charges.EffectiveCost) * rates.rate AS x_NetEffectiveCostInr,
    rates.rate AS x_InrPerUnit,
    COALESCE(charges.x_InrPerUsd, rates.inr_per_usd) AS x_InrPerUsd,
    rates.rate_on AS x_InrRateOn,
    rates.rate_source AS x_InrRateSource,
    rates.rate_state AS x_InrRateState,
    rates.reason AS x_InrReason
FROM allocated AS charges
JOIN inr_rates AS rates
    ON charges.BillingAccountId = rates.BillingAccountId
    AND charges.BillingCurrency = rates.BillingCurrency
    AND charges.x_BillingMonth = rates.x_BillingMonth
    AND COALESCE(charges.InvoiceId, '') = rates.InvoiceId
WHERE charges.x_SplitCost IS NULL
