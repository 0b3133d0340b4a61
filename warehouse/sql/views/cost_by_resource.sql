/*
description = "Cost by IST day and resource; ask with a period."
needs = ["charges_inr", "account_names"]
*/
SELECT
    ist_date(ChargePeriodStart) AS x_ChargeOn,
    x_BillingMonth,
    charges_inr.ProviderName,
    BillingAccountId,
    BillingCurrency,
    charges_inr.SubAccountId,
    COALESCE(SubAccountName, x_AccountName) AS SubAccountName,
    ServiceCategory,
    ServiceName,
    RegionId,
    ChargeCategory,
    ResourceId,
    ANY_VALUE(ResourceName) AS ResourceName,
    ANY_VALUE(ResourceType) AS ResourceType,
    x_Team,
    x_Environment,
    x_Product,
    x_Service,
    x_InrPerUsd,
    x_InrReason,
    COUNT(*) AS x_Charges,
    SUM(BilledCost) AS BilledCost,
    SUM(EffectiveCost) AS EffectiveCost,
    SUM(ListCost) AS ListCost,
    SUM(ContractedCost) AS ContractedCost,
    SUM(x_BilledCostInr) AS x_BilledCostInr,
    SUM(x_EffectiveCostInr) AS x_EffectiveCostInr,
    SUM(x_ListCostInr) AS x_ListCostInr,
    SUM(x_ContractedCostInr) AS x_ContractedCostInr,
    SUM(x_NetBilledCostInr) AS x_NetBilledCostInr,
    SUM(x_NetEffectiveCostInr) AS x_NetEffectiveCostInr
FROM charges_inr
LEFT JOIN account_names
    ON charges_inr.ProviderName = account_names.ProviderName
    AND charges_inr.SubAccountId = account_names.SubAccountId
GROUP BY ALL
