/*
description = "One load's containers by IST day: each node's cost taken off whoever owns the node and given to whoever owns the pods, the idle part apart. Its sums are zero."
grain = ["x_ChargeOn", "x_BillingMonth", "ProviderName", "BillingAccountId", "BillingCurrency", "InvoiceId", "ServiceName", "x_Team", "x_Environment", "x_Product", "x_Service", "x_AllocationStep"]
needs = ["allocated"]
*/
-- texts are read as texts: their codes do not survive the joins below
WITH pods AS (
    SELECT
        ist_date(ChargePeriodStart) AS day,
        x_ParentResourceId AS node,
        CAST(x_Team AS VARCHAR) AS x_Team,
        CAST(x_Environment AS VARCHAR) AS x_Environment,
        CAST(x_Product AS VARCHAR) AS x_Product,
        CAST(x_Service AS VARCHAR) AS x_Service,
        CAST(SUM(x_SplitCost) AS DOUBLE) AS used,
        SUM(x_SplitCost) + SUM(x_SplitUnusedCost) AS whole
    FROM allocated
    WHERE x_SplitCost IS NOT NULL AND x_ParentResourceId IS NOT NULL
    GROUP BY ALL
),

-- the provider's split adds up to about the node's cost: shares of it give the exact cost away
shares AS (
    -- summed up exactly: the order of a sum of DOUBLEs would show in the last digit
    SELECT * EXCLUDE (whole), used / CAST(SUM(whole) OVER (PARTITION BY day, node) AS DOUBLE) AS share
    FROM pods
    QUALIFY SUM(whole) OVER (PARTITION BY day, node) > 0
),

nodes AS (
    SELECT
        ist_date(ChargePeriodStart) AS day,
        ResourceId AS node,
        x_BillingMonth,
        CAST(ProviderName AS VARCHAR) AS ProviderName,
        CAST(BillingAccountId AS VARCHAR) AS BillingAccountId,
        CAST(BillingCurrency AS VARCHAR) AS BillingCurrency,
        CAST(InvoiceId AS VARCHAR) AS InvoiceId,
        CAST(ServiceName AS VARCHAR) AS ServiceName,
        CAST(x_Team AS VARCHAR) AS x_Team,
        CAST(x_Environment AS VARCHAR) AS x_Environment,
        CAST(x_Product AS VARCHAR) AS x_Product,
        CAST(x_Service AS VARCHAR) AS x_Service,
        SUM(EffectiveCost) AS EffectiveCost,
        SUM(BilledCost) AS BilledCost
    FROM allocated
    WHERE x_SplitCost IS NULL AND ChargeCategory = 'Usage' AND ResourceId IN (SELECT node FROM shares)
    GROUP BY ALL
),

given AS (
    SELECT
        nodes.day AS x_ChargeOn,
        nodes.node,
        nodes.x_BillingMonth,
        nodes.ProviderName,
        nodes.BillingAccountId,
        nodes.BillingCurrency,
        nodes.InvoiceId,
        nodes.ServiceName,
        nodes.x_Team AS node_team,
        nodes.x_Environment AS node_environment,
        nodes.x_Product AS node_product,
        nodes.x_Service AS node_service,
        shares.x_Team,
        shares.x_Environment,
        shares.x_Product,
        shares.x_Service,
        CAST(CAST(CAST(nodes.EffectiveCost AS DOUBLE) * shares.share AS DECIMAL(38, 9)) AS DECIMAL(38, 18)) AS EffectiveCost,
        CAST(CAST(CAST(nodes.BilledCost AS DOUBLE) * shares.share AS DECIMAL(38, 9)) AS DECIMAL(38, 18)) AS BilledCost
    FROM nodes
    JOIN shares ON nodes.day = shares.day AND nodes.node = shares.node
),

-- what no pod used or asked for
idle AS (
    SELECT
        nodes.day AS x_ChargeOn,
        nodes.* EXCLUDE (day, node, EffectiveCost, BilledCost),
        nodes.EffectiveCost - used.EffectiveCost AS EffectiveCost,
        nodes.BilledCost - used.BilledCost AS BilledCost
    FROM nodes
    JOIN (
        SELECT
            x_ChargeOn,
            node,
            x_BillingMonth,
            BillingCurrency,
            InvoiceId,
            node_team,
            node_environment,
            node_product,
            node_service,
            ServiceName,
            SUM(EffectiveCost) AS EffectiveCost,
            SUM(BilledCost) AS BilledCost
        FROM given
        GROUP BY ALL
    ) AS used
        ON nodes.day = used.x_ChargeOn
        AND nodes.node = used.node
        AND nodes.x_BillingMonth = used.x_BillingMonth
        AND nodes.BillingCurrency = used.BillingCurrency
        AND nodes.ServiceName = used.ServiceName
        AND nodes.InvoiceId IS NOT DISTINCT FROM used.InvoiceId
        AND nodes.x_Team IS NOT DISTINCT FROM used.node_team
        AND nodes.x_Environment IS NOT DISTINCT FROM used.node_environment
        AND nodes.x_Product IS NOT DISTINCT FROM used.node_product
        AND nodes.x_Service IS NOT DISTINCT FROM used.node_service
    UNION ALL BY NAME
    -- GKE writes it as a namespace of its own
    SELECT
        ist_date(ChargePeriodStart) AS x_ChargeOn,
        x_BillingMonth,
        CAST(ProviderName AS VARCHAR) AS ProviderName,
        CAST(BillingAccountId AS VARCHAR) AS BillingAccountId,
        CAST(BillingCurrency AS VARCHAR) AS BillingCurrency,
        CAST(InvoiceId AS VARCHAR) AS InvoiceId,
        CAST(ServiceName AS VARCHAR) AS ServiceName,
        CAST(x_Team AS VARCHAR) AS x_Team,
        CAST(x_Environment AS VARCHAR) AS x_Environment,
        CAST(x_Product AS VARCHAR) AS x_Product,
        CAST(x_Service AS VARCHAR) AS x_Service,
        EffectiveCost,
        BilledCost
    FROM allocated
    WHERE x_Namespace = 'kube:unallocated' AND x_SplitCost IS NULL
),

moved AS (
    SELECT
        * EXCLUDE (node, node_team, node_environment, node_product, node_service),
        'pods' AS x_AllocationStep
    FROM given
    UNION ALL BY NAME
    SELECT
        *,
        'idle' AS x_AllocationStep
    FROM idle
    UNION ALL BY NAME
    -- what goes to the pods and to idle is taken off the node's owner
    SELECT
        * EXCLUDE (node, node_team, node_environment, node_product, node_service)
            REPLACE (
                node_team AS x_Team, node_environment AS x_Environment, node_product AS x_Product, node_service AS x_Service,
                -EffectiveCost AS EffectiveCost, -BilledCost AS BilledCost
            ),
        'nodes' AS x_AllocationStep
    FROM given
    UNION ALL BY NAME
    SELECT
        * REPLACE (-EffectiveCost AS EffectiveCost, -BilledCost AS BilledCost),
        'nodes' AS x_AllocationStep
    FROM idle
)

SELECT
    x_ChargeOn,
    x_BillingMonth,
    ProviderName,
    BillingAccountId,
    BillingCurrency,
    InvoiceId,
    ServiceName,
    x_Team,
    x_Environment,
    x_Product,
    x_Service,
    x_AllocationStep,
    SUM(EffectiveCost) AS EffectiveCost,
    SUM(BilledCost) AS BilledCost
FROM moved
GROUP BY ALL
