/*
title = "Google Cloud Billing export to BigQuery, standard usage cost: JSON lines, Parquet, flattened CSV"
into = "charges"
provider = "Google Cloud"
# Late usage rolls into the next invoice and comes in newer files: a file that mentions a month does not replace it.
partition = "files"
formats = ["json", "parquet", "csv"]
detect = ["billing_account_id", "service.description", "sku.description", "usage_start_time", "cost", "credits", "invoice.month"]
reject = ["BilledCost", "line_item_line_item_type"]
cost = "cost"
lookups = ["gcp_services", "gcp_regions", "gcp_credit_types"]
notes = "Every credit is a row of its own, so that none is lost and none multiplies a cost. Months are invoice months (US Pacific). Fees of the spend-based model of 2025 show what is unused; fees of older models cannot, and keep their cost as effective cost."

[columns]
billing_account_id = "text required"
"service.id" = "text"
"service.description" = "text"
"sku.id" = "text"
"sku.description" = "text"
usage_start_time = "timestamp required"
usage_end_time = "timestamp"
"project.id" = "text"
"project.name" = "text"
"project.labels" = "json"
labels = "json"
tags = "json"
"location.region" = "text"
"location.zone" = "text"
"resource.name" = "text"
"resource.global_name" = "text"
"price.list_price" = "decimal"
"price.effective_price" = "decimal"
"subscription.instance_id" = "text"
seller_name = "text"
export_time = "timestamp"
cost = "decimal required"
cost_at_list = "decimal"
currency = "text required"
currency_conversion_rate = "decimal"
"usage.amount" = "decimal"
"usage.unit" = "text"
"usage.amount_in_pricing_units" = "decimal"
"usage.pricing_unit" = "text"
credits = "list(name text, amount decimal, full_name text, id text, type text)"
"invoice.month" = "text required"
cost_type = "text"
"adjustment_info.mode" = "text"
"adjustment_info.type" = "text"
"consumption_model.id" = "text"
"consumption_model.description" = "text"
"consumption_model.applied_subscription_instance_id" = "text"
*/
WITH lines AS (
    SELECT
        raw.*,
        CAST(concat(substr(invoice_month, 1, 4), '-', substr(invoice_month, 5, 2), '-01') AS DATE) AS month,
        COALESCE(sku_description LIKE 'Commitment%' OR credit_sum(credits, 'FEE_UTILIZATION_OFFSET') <> 0, FALSE) AS is_fee,
        -- Since 2025 the fee of a spend-based commitment is offset by a credit as it is used: fee + offset = unused.
        COALESCE(
            credit_sum(credits, 'FEE_UTILIZATION_OFFSET') <> 0
            OR (consumption_model_id IS NOT NULL AND sku_description LIKE 'Commitment%dollar%'),
            FALSE
        ) AS is_offset_fee,
        COALESCE(consumption_model_description, 'Default') <> 'Default' AS is_discounted
    FROM raw
),

pieces AS (
    SELECT
        lines.*,
        'row' AS origin,
        cost AS amount,
        cost_type AS type,
        CAST(NULL AS VARCHAR) AS credit_id,
        CAST(NULL AS VARCHAR) AS credit_name
    FROM lines
    UNION ALL
    SELECT
        lines.*,
        'credit' AS origin,
        COALESCE(credit.amount, 0) AS amount,
        -- older exports and hand-made files have names only
        COALESCE(
            credit.type,
            CASE
                WHEN credit.name LIKE 'Sustained%' THEN 'SUSTAINED_USAGE_DISCOUNT'
                WHEN credit.name LIKE 'Committed%' THEN 'COMMITTED_USAGE_DISCOUNT'
                ELSE credit.name
            END
        ) AS type,
        credit.id AS credit_id,
        COALESCE(credit.full_name, credit.name) AS credit_name
    FROM lines
    CROSS JOIN UNNEST(lines.credits) AS unnested (credit)
)

SELECT
    pieces.billing_account_id AS BillingAccountId,
    'Billing Account' AS BillingAccountType,
    gcp_month_start(pieces.invoice_month) AS BillingPeriodStart,
    gcp_month_end(pieces.invoice_month) AS BillingPeriodEnd,
    pieces.month AS x_BillingMonth,
    'Google Cloud' AS ProviderName,
    COALESCE(pieces.seller_name, 'Google Cloud') AS PublisherName,
    'Google Cloud' AS InvoiceIssuerName,
    pieces.currency AS BillingCurrency,
    CASE WHEN pieces.currency = 'INR' THEN CAST(pieces.currency_conversion_rate AS DECIMAL(12, 6)) END AS x_InrPerUsd,
    pieces.project_id AS SubAccountId,
    pieces.project_name AS SubAccountName,
    CASE WHEN pieces.project_id IS NOT NULL THEN 'Project' END AS SubAccountType,
    pieces.usage_start_time AS ChargePeriodStart,
    COALESCE(pieces.usage_end_time, pieces.usage_start_time) AS ChargePeriodEnd,
    pieces.export_time AS x_ExportedAt,

    -- charge
    pieces.origin AS x_RowOrigin,
    pieces.origin = 'row' AND pieces.x_is_rounded AS x_IsRounded,
    pieces.type AS x_ChargeType,
    CASE
        WHEN pieces.origin = 'credit' THEN COALESCE(types.charge_category, 'Credit')
        WHEN pieces.type = 'tax' THEN 'Tax'
        WHEN COALESCE(pieces.type, 'regular') <> 'regular' THEN 'Adjustment'
        WHEN pieces.is_fee THEN 'Purchase'
        ELSE 'Usage'
    END AS ChargeCategory,
    CASE
        WHEN pieces.origin = 'credit' THEN COALESCE(types.subcategory, 'Unclassified')
        WHEN pieces.type = 'tax' AND pieces.sku_description LIKE '%IGST%' THEN 'IGST'
        WHEN pieces.type = 'tax' AND pieces.sku_description LIKE '%CGST%' THEN 'CGST'
        WHEN pieces.type = 'tax' AND pieces.sku_description LIKE '%SGST%' THEN 'SGST'
        WHEN pieces.type = 'rounding_error' THEN 'Rounding'
        WHEN COALESCE(pieces.type, 'regular') = 'regular' AND pieces.service_description = 'Support' THEN 'Support'
        WHEN COALESCE(pieces.type, 'regular') IN ('regular', 'tax', 'adjustment') THEN NULL
        ELSE 'Unclassified'
    END AS x_ChargeSubcategory,
    -- a correction of usage of a month that is already invoiced
    CASE
        WHEN pieces.adjustment_info_type IS NOT NULL AND pieces.usage_start_time < gcp_month_start(pieces.invoice_month) THEN 'Correction'
    END AS ChargeClass,
    pieces.adjustment_info_type AS x_AdjustmentType,
    CASE
        WHEN pieces.origin = 'credit' OR COALESCE(pieces.type, 'regular') <> 'regular' THEN 'One-Time'
        WHEN pieces.is_fee THEN 'Recurring'
        ELSE 'Usage-Based'
    END AS ChargeFrequency,
    COALESCE(pieces.credit_name, pieces.sku_description) AS ChargeDescription,

    -- the four costs
    pieces.amount AS x_SourceCost,
    pieces.amount AS BilledCost,
    CASE
        WHEN pieces.is_offset_fee AND (pieces.origin = 'row' OR pieces.type = 'FEE_UTILIZATION_OFFSET') THEN 0
        ELSE pieces.amount
    END AS EffectiveCost,
    CASE
        WHEN pieces.origin = 'credit' AND types.charge_category = 'Adjustment' AND types.is_negotiated = 'no' THEN 0
        ELSE pieces.amount
    END AS ContractedCost,
    CASE
        WHEN pieces.origin = 'credit' AND types.charge_category = 'Adjustment' THEN 0
        WHEN pieces.origin = 'credit' THEN pieces.amount
        WHEN COALESCE(pieces.type, 'regular') = 'regular' AND NOT pieces.is_fee THEN COALESCE(pieces.cost_at_list, pieces.amount)
        ELSE pieces.amount
    END AS ListCost,
    CASE WHEN pieces.origin = 'row' THEN pieces.price_list_price END AS ListUnitPrice,
    CASE WHEN pieces.origin = 'row' THEN pieces.price_effective_price END AS ContractedUnitPrice,

    -- commitment
    CASE
        WHEN pieces.is_fee THEN COALESCE(pieces.subscription_instance_id, pieces.sku_id)
        WHEN pieces.type IN ('COMMITTED_USAGE_DISCOUNT', 'COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE') THEN COALESCE(pieces.credit_id, pieces.credit_name)
        WHEN pieces.is_discounted THEN COALESCE(pieces.consumption_model_applied_subscription_instance_id, pieces.subscription_instance_id, pieces.consumption_model_description)
    END AS CommitmentDiscountId,
    CASE
        WHEN pieces.is_offset_fee OR pieces.is_discounted OR pieces.type = 'COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE' OR (pieces.is_fee AND pieces.sku_description LIKE '%dollar%') THEN 'Spend'
        WHEN pieces.is_fee OR pieces.type = 'COMMITTED_USAGE_DISCOUNT' THEN 'Usage'
    END AS CommitmentDiscountCategory,
    CASE
        WHEN pieces.is_fee OR pieces.is_discounted OR pieces.type IN ('COMMITTED_USAGE_DISCOUNT', 'COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE') THEN 'Committed Use Discount'
    END AS CommitmentDiscountType,
    CASE WHEN pieces.is_discounted AND pieces.origin = 'row' AND NOT pieces.is_fee AND COALESCE(pieces.type, 'regular') = 'regular' THEN 'Used' END AS CommitmentDiscountStatus,
    CASE WHEN pieces.origin = 'row' AND (pieces.is_discounted OR pieces.is_offset_fee) THEN pieces.amount END AS CommitmentDiscountQuantity,
    CASE WHEN pieces.origin = 'row' AND (pieces.is_discounted OR pieces.is_offset_fee) THEN pieces.currency END AS CommitmentDiscountUnit,
    CASE WHEN pieces.is_offset_fee AND pieces.origin = 'row' THEN pieces.cost + credit_sum(pieces.credits, 'FEE_UTILIZATION_OFFSET') END AS x_UnusedCost,
    CASE WHEN pieces.is_offset_fee AND pieces.origin = 'row' THEN pieces.cost END AS x_CommitmentPeriodCost,
    CASE
        WHEN pieces.origin = 'credit' OR COALESCE(pieces.type, 'regular') <> 'regular' THEN NULL
        WHEN pieces.is_fee THEN 'Standard'
        WHEN pieces.is_discounted THEN 'Committed'
        WHEN pieces.sku_description LIKE '%Preemptible%' OR pieces.sku_description LIKE 'Spot %' THEN 'Dynamic'
        ELSE 'Standard'
    END AS PricingCategory,

    -- quantities: a credit repeats none
    CASE WHEN pieces.origin = 'row' AND COALESCE(pieces.type, 'regular') = 'regular' AND NOT pieces.is_fee THEN pieces.usage_amount END AS ConsumedQuantity,
    CASE WHEN pieces.origin = 'row' AND COALESCE(pieces.type, 'regular') = 'regular' AND NOT pieces.is_fee THEN pieces.usage_unit END AS ConsumedUnit,
    CASE WHEN pieces.origin = 'row' AND COALESCE(pieces.type, 'regular') = 'regular' THEN pieces.usage_amount_in_pricing_units END AS PricingQuantity,
    CASE WHEN pieces.origin = 'row' AND COALESCE(pieces.type, 'regular') = 'regular' THEN pieces.usage_pricing_unit END AS PricingUnit,

    -- what and where
    COALESCE(pieces.service_description, 'Google Cloud') AS ServiceName,
    COALESCE(services.service_category, 'Other') AS ServiceCategory,
    COALESCE(services.service_subcategory, 'Other (Other)') AS ServiceSubcategory,
    pieces.service_id AS x_ServiceCode,
    pieces.sku_id AS SkuId,
    pieces.sku_description AS SkuMeter,
    pieces.location_region AS RegionId,
    regions.region_name AS RegionName,
    pieces.location_zone AS AvailabilityZone,
    COALESCE(pieces.resource_global_name, pieces.resource_name) AS ResourceId,
    pieces.resource_name AS ResourceName,
    CASE WHEN pieces.resource_name IS NOT NULL OR pieces.resource_global_name IS NOT NULL THEN pieces.service_description END AS ResourceType,
    -- of a key that several levels set, the nearest to the resource counts
    tags_join(tags_join(pieces.project_labels, pieces.tags), pieces.labels) AS Tags
FROM pieces
LEFT JOIN gcp_credit_types AS types ON pieces.origin = 'credit' AND pieces.type = types.credit_type
LEFT JOIN gcp_services AS services ON pieces.service_description = services.service_description
LEFT JOIN gcp_regions AS regions ON pieces.location_region = regions.region_id
