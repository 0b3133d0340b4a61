/*
title = "Invoices: totals before tax, tax, and the rate that the invoice fixed"
into = "invoices"
formats = ["csv", "parquet", "json"]
detect = ["billing_account_id", "invoice_id", "billing_month"]
notes = "`inr_per_unit` is INR per unit of the currency of the bill's charges; it replaces the provisional rate of that invoice's charges. `amount` and `tax` are in `currency`."

[columns]
billing_account_id = "text required alias=payer"
invoice_id = "text required"
billing_month = "date required"
currency = "text required"
amount = "decimal"
tax = "decimal"
inr_per_unit = "decimal alias=rate"
issued_on = "date"
*/
SELECT
    billing_account_id,
    invoice_id,
    CAST(DATE_TRUNC('month', billing_month) AS DATE) AS billing_month,
    upper(currency) AS currency,
    amount,
    tax,
    inr_per_unit,
    issued_on
FROM raw
