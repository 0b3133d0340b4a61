/*
title = "AWS Cost and Usage Report (legacy): slash or Athena names, csv, csv.gz, zip, Parquet"
into = "charges"
provider = "AWS"
partition = "month"
formats = ["csv", "parquet"]
detect = ["line_item_line_item_type", "line_item_unblended_cost", "bill_payer_account_id", "line_item_usage_start_date"]
# CUR 2.0 carries its maps as columns; FOCUS exports have BilledCost.
reject = ["product", "BilledCost"]
cost = "line_item_unblended_cost"
lookups = ["aws_services", "aws_regions", "aws_line_types"]
notes = "Amortised cost follows AWS's Cloud Intelligence Dashboards summary_view (2026-08); unused commitment is a row of its own."

[columns]
bill_payer_account_id = "text required"
bill_payer_account_name = "text"
bill_billing_period_start_date = "timestamp required"
bill_billing_period_end_date = "timestamp required"
bill_invoice_id = "text"
bill_invoicing_entity = "text"
bill_billing_entity = "text"
bill_bill_type = "text"
line_item_usage_account_id = "text"
line_item_usage_account_name = "text"
line_item_line_item_type = "text required"
line_item_usage_start_date = "timestamp required"
line_item_usage_end_date = "timestamp required"
line_item_product_code = "text"
line_item_usage_type = "text"
line_item_operation = "text"
line_item_availability_zone = "text"
line_item_resource_id = "text"
line_item_usage_amount = "decimal"
line_item_currency_code = "text"
line_item_unblended_rate = "decimal"
line_item_unblended_cost = "decimal required"
line_item_net_unblended_cost = "decimal"
line_item_line_item_description = "text"
line_item_tax_type = "text"
line_item_legal_entity = "text"
product_product_name = "text in=product.product_name"
product_region_code = "text alias=product_region"
product_sku = "text"
product_product_family = "text"
pricing_public_on_demand_cost = "decimal"
pricing_public_on_demand_rate = "decimal"
pricing_rate_code = "text alias=pricing_rate_id"
pricing_term = "text"
pricing_unit = "text"
reservation_reservation_a_r_n = "text"
reservation_effective_cost = "decimal"
reservation_net_effective_cost = "decimal"
reservation_amortized_upfront_fee_for_billing_period = "decimal"
reservation_unused_amortized_upfront_fee_for_billing_period = "decimal"
reservation_unused_recurring_fee = "decimal"
savings_plan_savings_plan_a_r_n = "text"
savings_plan_savings_plan_effective_cost = "decimal"
savings_plan_net_savings_plan_effective_cost = "decimal"
savings_plan_total_commitment_to_date = "decimal"
savings_plan_used_commitment = "decimal"
split_line_item_split_cost = "decimal"
split_line_item_unused_cost = "decimal"
split_line_item_parent_resource_id = "text"
resource_tags = "json"
cost_category = "json"
discount = "json"

[prefixes]
resource_tags = ["resourceTags/user:", "resourceTags/", "resource_tags_user_", "resource_tags_"]
cost_category = ["costCategory/", "cost_category_"]
discount = ["discount/", "discount_"]
*/
WITH lines AS (
    SELECT
        raw.*,
        types.charge_category,
        types.charge_frequency,
        types.subcategory,
        -- how the amortised cost of a line comes about; unknown types count at their unblended cost
        COALESCE(types.rule, 'unblended') AS rule,
        types.line_item_type IS NULL AS is_unknown,
        -- Pod and task rows repeat what the instance's row already bills: kept for allocation, never in totals.
        COALESCE(raw.line_item_operation IN ('EKSPod-EC2', 'ECSTask-EC2'), FALSE) AS is_split,
        COALESCE(raw.savings_plan_savings_plan_a_r_n, raw.reservation_reservation_a_r_n) AS commitment_id
    FROM raw
    LEFT JOIN aws_line_types AS types ON raw.line_item_line_item_type = types.line_item_type
)

SELECT
    lines.bill_payer_account_id AS BillingAccountId,
    lines.bill_payer_account_name AS BillingAccountName,
    'Payer' AS BillingAccountType,
    lines.bill_billing_period_start_date AS BillingPeriodStart,
    lines.bill_billing_period_end_date AS BillingPeriodEnd,
    CAST(lines.bill_billing_period_start_date AS DATE) AS x_BillingMonth,
    lines.bill_invoice_id AS InvoiceId,
    COALESCE(lines.bill_invoicing_entity, lines.line_item_legal_entity, 'Amazon Web Services, Inc.') AS InvoiceIssuerName,
    'AWS' AS ProviderName,
    COALESCE(lines.line_item_legal_entity, 'Amazon Web Services, Inc.') AS PublisherName,
    lines.line_item_currency_code AS BillingCurrency,
    COALESCE(lines.line_item_usage_account_id, lines.bill_payer_account_id) AS SubAccountId,
    lines.line_item_usage_account_name AS SubAccountName,
    'Linked Account' AS SubAccountType,
    lines.line_item_usage_start_date AS ChargePeriodStart,
    lines.line_item_usage_end_date AS ChargePeriodEnd,

    -- charge
    lines.line_item_line_item_type AS x_ChargeType,
    COALESCE(lines.charge_category, 'Adjustment') AS ChargeCategory,
    CASE
        WHEN lines.is_unknown THEN 'Unclassified'
        WHEN lines.rule = 'tax'
        THEN CASE
            WHEN upper(lines.line_item_tax_type) IN ('IGST', 'CGST', 'SGST') THEN upper(lines.line_item_tax_type)
            WHEN lines.line_item_line_item_description LIKE '%IGST%' THEN 'IGST'
            WHEN lines.line_item_line_item_description LIKE '%CGST%' THEN 'CGST'
            WHEN lines.line_item_line_item_description LIKE '%SGST%' THEN 'SGST'
            ELSE lines.line_item_tax_type
        END
        WHEN lines.subcategory IS NOT NULL THEN lines.subcategory
        WHEN lines.bill_billing_entity = 'AWS Marketplace' THEN 'Marketplace'
        WHEN lines.rule = 'fee' AND (lines.line_item_product_code LIKE 'AWSSupport%' OR lines.line_item_product_code LIKE '%PremiumSupport%') THEN 'Support'
    END AS x_ChargeSubcategory,
    COALESCE(lines.charge_frequency, 'One-Time') AS ChargeFrequency,
    lines.line_item_line_item_description AS ChargeDescription,
    'row' AS x_RowOrigin,
    lines.x_is_rounded AS x_IsRounded,

    -- the four costs
    CASE WHEN lines.is_split THEN 0 ELSE lines.line_item_unblended_cost END AS x_SourceCost,
    CASE WHEN lines.is_split OR lines.rule IN ('sp_covered', 'sp_negation') THEN 0 ELSE lines.line_item_unblended_cost END AS BilledCost,
    CASE
        WHEN lines.is_split THEN 0
        WHEN lines.rule = 'sp_covered' THEN COALESCE(lines.savings_plan_savings_plan_effective_cost, 0)
        WHEN lines.rule = 'ri_covered' THEN COALESCE(lines.reservation_effective_cost, 0)
        WHEN lines.rule IN ('sp_negation', 'sp_upfront', 'sp_fee', 'ri_fee') THEN 0
        WHEN lines.rule = 'fee' AND lines.reservation_reservation_a_r_n IS NOT NULL THEN 0
        WHEN lines.rule = 'refund' AND lines.line_item_product_code = 'ComputeSavingsPlans'
            AND lines.line_item_line_item_description LIKE 'Refund for one-time fee for Savings Plan ID%' THEN 0
        ELSE lines.line_item_unblended_cost
    END AS EffectiveCost,
    CASE
        WHEN lines.is_split OR lines.rule = 'sp_negation' THEN 0
        WHEN lines.rule = 'ri_covered' THEN COALESCE(lines.pricing_public_on_demand_cost, lines.reservation_effective_cost, 0)
        ELSE lines.line_item_unblended_cost
    END AS ContractedCost,
    CASE
        -- a discount is not part of the list price
        WHEN lines.is_split OR lines.rule = 'sp_negation' OR lines.subcategory = 'Discount' THEN 0
        WHEN lines.rule IN ('usage', 'ri_covered', 'sp_covered') THEN COALESCE(lines.pricing_public_on_demand_cost, lines.line_item_unblended_cost)
        ELSE lines.line_item_unblended_cost
    END AS ListCost,
    CASE
        WHEN lines.line_item_net_unblended_cost IS NULL THEN NULL
        WHEN lines.is_split OR lines.rule IN ('sp_covered', 'sp_negation') THEN 0
        ELSE lines.line_item_net_unblended_cost
    END AS x_NetBilledCost,
    CASE
        WHEN lines.line_item_net_unblended_cost IS NULL THEN NULL
        WHEN lines.is_split THEN 0
        WHEN lines.rule = 'sp_covered' THEN COALESCE(lines.savings_plan_net_savings_plan_effective_cost, lines.savings_plan_savings_plan_effective_cost, 0)
        WHEN lines.rule = 'ri_covered' THEN COALESCE(lines.reservation_net_effective_cost, lines.reservation_effective_cost, 0)
        WHEN lines.rule IN ('sp_negation', 'sp_upfront', 'sp_fee', 'ri_fee') THEN 0
        WHEN lines.rule = 'fee' AND lines.reservation_reservation_a_r_n IS NOT NULL THEN 0
        WHEN lines.rule = 'refund' AND lines.line_item_product_code = 'ComputeSavingsPlans'
            AND lines.line_item_line_item_description LIKE 'Refund for one-time fee for Savings Plan ID%' THEN 0
        ELSE lines.line_item_net_unblended_cost
    END AS x_NetEffectiveCost,
    lines.pricing_public_on_demand_rate AS ListUnitPrice,
    lines.line_item_unblended_rate AS ContractedUnitPrice,

    -- commitment
    lines.commitment_id AS CommitmentDiscountId,
    CASE
        WHEN lines.savings_plan_savings_plan_a_r_n IS NOT NULL THEN 'Spend'
        WHEN lines.reservation_reservation_a_r_n IS NOT NULL THEN 'Usage'
    END AS CommitmentDiscountCategory,
    CASE
        WHEN lines.savings_plan_savings_plan_a_r_n IS NOT NULL THEN 'Savings Plan'
        WHEN lines.reservation_reservation_a_r_n IS NOT NULL THEN 'Reserved Instance'
    END AS CommitmentDiscountType,
    CASE WHEN lines.rule IN ('ri_covered', 'sp_covered') AND lines.commitment_id IS NOT NULL THEN 'Used' END AS CommitmentDiscountStatus,
    CASE
        WHEN lines.rule = 'sp_fee' THEN COALESCE(lines.savings_plan_total_commitment_to_date, 0) - COALESCE(lines.savings_plan_used_commitment, 0)
        WHEN lines.rule = 'ri_fee' THEN COALESCE(lines.reservation_unused_amortized_upfront_fee_for_billing_period, 0) + COALESCE(lines.reservation_unused_recurring_fee, 0)
    END AS x_UnusedCost,
    CASE
        WHEN lines.rule = 'sp_fee' THEN lines.savings_plan_total_commitment_to_date
        WHEN lines.rule = 'ri_fee' THEN COALESCE(lines.reservation_amortized_upfront_fee_for_billing_period, 0) + lines.line_item_unblended_cost
    END AS x_CommitmentPeriodCost,
    CASE
        WHEN lines.rule = 'sp_covered' THEN COALESCE(lines.savings_plan_savings_plan_effective_cost, 0)
        WHEN lines.rule = 'sp_fee' THEN lines.savings_plan_total_commitment_to_date
        WHEN lines.rule = 'sp_upfront' THEN lines.line_item_unblended_cost
        WHEN lines.rule IN ('ri_covered', 'ri_fee') THEN lines.line_item_usage_amount
    END AS CommitmentDiscountQuantity,
    CASE
        WHEN lines.rule IN ('sp_covered', 'sp_fee', 'sp_upfront') THEN lines.line_item_currency_code
        WHEN lines.rule IN ('ri_covered', 'ri_fee') THEN 'Hours'
    END AS CommitmentDiscountUnit,
    CASE
        WHEN lines.rule IN ('ri_covered', 'sp_covered') THEN 'Committed'
        WHEN lines.rule = 'usage' AND (lines.pricing_term = 'Spot' OR lines.line_item_usage_type LIKE '%SpotUsage%') THEN 'Dynamic'
        WHEN lines.charge_category IN ('Usage', 'Purchase') THEN 'Standard'
    END AS PricingCategory,

    -- quantities: a negation row repeats the usage of the row it cancels
    CASE WHEN lines.charge_category = 'Usage' AND NOT lines.is_split THEN lines.line_item_usage_amount END AS ConsumedQuantity,
    CASE WHEN lines.charge_category = 'Usage' AND NOT lines.is_split THEN lines.pricing_unit END AS ConsumedUnit,
    CASE WHEN lines.charge_category IN ('Usage', 'Purchase') AND NOT lines.is_split THEN lines.line_item_usage_amount END AS PricingQuantity,
    CASE WHEN lines.charge_category IN ('Usage', 'Purchase') AND NOT lines.is_split THEN lines.pricing_unit END AS PricingUnit,

    -- what and where
    COALESCE(services.service_name, lines.product_product_name, lines.line_item_product_code, 'AWS') AS ServiceName,
    COALESCE(services.service_category, 'Other') AS ServiceCategory,
    COALESCE(services.service_subcategory, 'Other (Other)') AS ServiceSubcategory,
    lines.line_item_product_code AS x_ServiceCode,
    lines.line_item_usage_type AS x_UsageType,
    lines.line_item_operation AS x_Operation,
    COALESCE(lines.product_region_code, regions.region_id) AS RegionId,
    regions.region_name AS RegionName,
    lines.line_item_availability_zone AS AvailabilityZone,
    lines.line_item_resource_id AS ResourceId,
    lines.product_product_family AS ResourceType,
    lines.product_sku AS SkuId,
    lines.pricing_rate_code AS SkuPriceId,
    lines.line_item_usage_type AS SkuMeter,
    lines.resource_tags AS Tags,
    lines.cost_category AS x_CostCategories,
    lines.discount AS x_Discounts,

    -- split cost allocation
    CASE WHEN lines.is_split THEN COALESCE(lines.split_line_item_split_cost, 0) END AS x_SplitCost,
    CASE WHEN lines.is_split THEN COALESCE(lines.split_line_item_unused_cost, 0) END AS x_SplitUnusedCost,
    CASE WHEN lines.is_split THEN lines.split_line_item_parent_resource_id END AS x_ParentResourceId
FROM lines
LEFT JOIN aws_services AS services ON lines.line_item_product_code = services.product_code
LEFT JOIN aws_regions AS regions ON lines.product_region_code = regions.region_id
