/*
title = "Google Cloud Billing export to BigQuery, detailed usage cost (with resources): JSON lines, Parquet, flattened CSV"
extends = "gcp_billing_standard"
detect = ["billing_account_id", "service.description", "sku.description", "usage_start_time", "cost", "credits", "invoice.month", "resource.name"]
notes = "The standard export and the resource of every row."
*/
