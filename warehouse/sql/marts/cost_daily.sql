/*
description = "What the pages show: cost by IST day and dimension, native currency and INR side by side with the rate."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "SubAccountId", "SubAccountName", "ServiceCategory", "ServiceName", "RegionId", "ChargeCategory", "x_ChargeSubcategory", "PricingCategory", "CommitmentDiscountId", "CommitmentDiscountType", "CommitmentDiscountStatus", "InvoiceId", "x_Team", "x_Environment", "x_Product", "x_Service", "x_ExportName", "x_InrPerUsd"]
needs = ["rollup_daily", "inr_rates", "account_names"]
*/
WITH named AS (
    -- what the bill calls an account, else what its organisation does
    SELECT
        rollup_daily.* REPLACE (COALESCE(rollup_daily.SubAccountName, account_names.x_AccountName) AS SubAccountName)
    FROM rollup_daily
    LEFT JOIN account_names
        ON rollup_daily.ProviderName = account_names.ProviderName
        AND rollup_daily.SubAccountId = account_names.SubAccountId
),

daily AS (
    -- several loads may hold a part of one day: derived rows, late GCP rows
    SELECT
        * EXCLUDE (
            x_Charges, BilledCost, EffectiveCost, ListCost, ContractedCost, x_NetBilledCost, x_NetEffectiveCost,
            x_CommitmentPeriodCost, CommitmentDiscountQuantity, x_SourceCost, x_Rows, x_Rounded, x_Fees, x_UsageEnd
        ),
        CAST(SUM(x_Charges) AS BIGINT) AS x_Charges,
        SUM(BilledCost) AS BilledCost,
        SUM(EffectiveCost) AS EffectiveCost,
        SUM(ListCost) AS ListCost,
        SUM(ContractedCost) AS ContractedCost,
        SUM(x_NetBilledCost) AS x_NetBilledCost,
        SUM(x_NetEffectiveCost) AS x_NetEffectiveCost,
        SUM(x_CommitmentPeriodCost) AS x_CommitmentPeriodCost,
        SUM(CommitmentDiscountQuantity) AS CommitmentDiscountQuantity
    FROM named
    GROUP BY ALL
)

SELECT
    daily.* EXCLUDE (x_RowInrPerUsd),
    -- DECIMAL(38,18) x DECIMAL(12,6) is exact at 24 decimals: the sum of the products is the product of the sum.
    daily.BilledCost * rates.rate AS x_BilledCostInr,
    daily.EffectiveCost * rates.rate AS x_EffectiveCostInr,
    daily.ListCost * rates.rate AS x_ListCostInr,
    daily.ContractedCost * rates.rate AS x_ContractedCostInr,
    daily.x_NetBilledCost * rates.rate AS x_NetBilledCostInr,
    daily.x_NetEffectiveCost * rates.rate AS x_NetEffectiveCostInr,
    rates.rate AS x_InrPerUnit,
    COALESCE(daily.x_RowInrPerUsd, rates.inr_per_usd) AS x_InrPerUsd,
    rates.rate_on AS x_InrRateOn,
    rates.rate_source AS x_InrRateSource,
    rates.rate_state AS x_InrRateState,
    rates.reason AS x_InrReason
FROM daily
JOIN inr_rates AS rates
    ON daily.BillingAccountId = rates.BillingAccountId
    AND daily.BillingCurrency = rates.BillingCurrency
    AND daily.x_BillingMonth = rates.x_BillingMonth
    AND COALESCE(daily.InvoiceId, '') = rates.InvoiceId
ORDER BY daily.x_BillingMonth, daily.x_ChargeOn
