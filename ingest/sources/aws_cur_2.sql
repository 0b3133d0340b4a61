/*
title = "AWS CUR 2.0 (Data Exports): csv.gz or Parquet, map columns product, resource_tags, cost_category, discount"
extends = "aws_cur"
detect = ["line_item_line_item_type", "line_item_unblended_cost", "bill_payer_account_id", "line_item_usage_start_date", "product"]
reject = ["BilledCost"]
notes = "The same lines as the legacy report with tags, product attributes and discounts as maps; amortised cost follows AWS's Cloud Intelligence Dashboards summary_view (2026-08)."
*/
