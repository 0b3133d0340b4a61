/*
description = "Cost in INR by IST day and owner (team, environment, product, service), containers moved to whoever owns the pods; x_SharedRule names the cost that is still to be distributed."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "ServiceName", "x_Team", "x_Environment", "x_Product", "x_Service", "x_CostPart", "x_AllocationStep", "x_SharedRule"]
needs = ["cost_daily", "rollup_kubernetes", "inr_rates", "shared_rules"]
*/
WITH direct AS (
    SELECT
        x_ChargeOn,
        x_BillingMonth,
        ProviderName,
        ServiceName,
        x_Team,
        x_Environment,
        x_Product,
        x_Service,
        ChargeCategory,
        x_ChargeSubcategory,
        CASE
            WHEN ChargeCategory = 'Tax' THEN 'tax'
            WHEN CommitmentDiscountStatus = 'Unused' THEN 'unused'
            WHEN ChargeCategory = 'Usage' AND COALESCE(x_ChargeSubcategory, '') <> 'Support' THEN 'usage'
            -- discounts, and what commitments cost for the usage that they cover
            WHEN CommitmentDiscountId IS NOT NULL
                OR x_ChargeSubcategory IN ('Discount', 'Savings Plan Negation', 'Commitment Offset') THEN 'usage'
            ELSE 'other'
        END AS x_CostPart,
        'direct' AS x_AllocationStep,
        SUM(x_EffectiveCostInr) AS x_EffectiveCostInr,
        SUM(x_BilledCostInr) AS x_BilledCostInr
    FROM cost_daily
    WHERE x_InrReason IS NULL
    GROUP BY ALL
),

containers AS (
    SELECT
        moved.x_ChargeOn,
        moved.x_BillingMonth,
        moved.ProviderName,
        moved.ServiceName,
        moved.x_Team,
        moved.x_Environment,
        moved.x_Product,
        moved.x_Service,
        'Usage' AS ChargeCategory,
        CAST(NULL AS VARCHAR) AS x_ChargeSubcategory,
        'usage' AS x_CostPart,
        moved.x_AllocationStep,
        SUM(moved.EffectiveCost * rates.rate) AS x_EffectiveCostInr,
        SUM(moved.BilledCost * rates.rate) AS x_BilledCostInr
    FROM rollup_kubernetes AS moved
    JOIN inr_rates AS rates
        ON moved.BillingAccountId = rates.BillingAccountId
        AND moved.BillingCurrency = rates.BillingCurrency
        AND moved.x_BillingMonth = rates.x_BillingMonth
        AND COALESCE(moved.InvoiceId, '') = rates.InvoiceId
    WHERE rates.reason IS NULL
    GROUP BY ALL
),

owned AS (
    SELECT * FROM direct
    UNION ALL BY NAME
    SELECT * FROM containers
),

-- which rule takes what: the first whose conditions all hold
kinds AS (
    SELECT DISTINCT
        ProviderName,
        ServiceName,
        x_Team,
        x_Environment,
        x_Product,
        x_Service,
        ChargeCategory,
        x_ChargeSubcategory,
        x_CostPart
    FROM owned
),

ruled AS (
    SELECT
        kinds.*,
        rules.name AS x_SharedRule
    FROM kinds
    JOIN shared_rules AS rules
        ON COALESCE(rules.part, kinds.x_CostPart) = kinds.x_CostPart
        AND COALESCE(rules.provider, kinds.ProviderName) = kinds.ProviderName
        AND (rules.service_name IS NULL OR regexp_matches(kinds.ServiceName, rules.service_name))
        AND COALESCE(rules.charge_category, kinds.ChargeCategory) = kinds.ChargeCategory
        AND (rules.charge_subcategory IS NULL OR rules.charge_subcategory IS NOT DISTINCT FROM kinds.x_ChargeSubcategory)
        AND (rules.team IS NULL OR rules.team IS NOT DISTINCT FROM kinds.x_Team)
        AND (rules.environment IS NULL OR rules.environment IS NOT DISTINCT FROM kinds.x_Environment)
        AND (rules.product IS NULL OR rules.product IS NOT DISTINCT FROM kinds.x_Product)
        AND (rules.service IS NULL OR rules.service IS NOT DISTINCT FROM kinds.x_Service)
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY kinds.ProviderName, kinds.ServiceName, kinds.x_Team, kinds.x_Environment, kinds.x_Product,
            kinds.x_Service, kinds.ChargeCategory, kinds.x_ChargeSubcategory, kinds.x_CostPart
        ORDER BY rules.position
    ) = 1
)

SELECT
    owned.x_ChargeOn,
    owned.x_BillingMonth,
    owned.ProviderName,
    owned.ServiceName,
    owned.x_Team,
    owned.x_Environment,
    owned.x_Product,
    owned.x_Service,
    owned.x_CostPart,
    owned.x_AllocationStep,
    ruled.x_SharedRule,
    SUM(owned.x_EffectiveCostInr) AS x_EffectiveCostInr,
    SUM(owned.x_BilledCostInr) AS x_BilledCostInr
FROM owned
LEFT JOIN ruled
    ON owned.ProviderName = ruled.ProviderName
    AND owned.ServiceName = ruled.ServiceName
    AND owned.ChargeCategory = ruled.ChargeCategory
    AND owned.x_CostPart = ruled.x_CostPart
    AND owned.x_Team IS NOT DISTINCT FROM ruled.x_Team
    AND owned.x_Environment IS NOT DISTINCT FROM ruled.x_Environment
    AND owned.x_Product IS NOT DISTINCT FROM ruled.x_Product
    AND owned.x_Service IS NOT DISTINCT FROM ruled.x_Service
    AND owned.x_ChargeSubcategory IS NOT DISTINCT FROM ruled.x_ChargeSubcategory
GROUP BY ALL
