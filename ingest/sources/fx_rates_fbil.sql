/*
title = "FBIL reference rates, which the Reserve Bank of India points to: rupees for one unit of a currency"
into = "fx_rates"
formats = ["csv", "json"]
detect = ["process_run_date", "sub_prod_name", "rate"]
drop_null = "rate"
notes = "Rows named INR / 1 USD and the like; those for 100 yen are left out. Published on working days in Mumbai."

[columns]
process_run_date = "timestamp required"
sub_prod_name = "text required"
rate = "decimal required"
*/
SELECT
    CAST(process_run_date AS DATE) AS rate_on,
    upper(SUBSTRING(sub_prod_name, 9)) AS base_currency,
    'INR' AS quote_currency,
    CASE WHEN sub_prod_name LIKE 'INR / 1 %' THEN NULLIF(rate, 0) END AS rate,
    'reference' AS kind,
    'FBIL' AS source
FROM raw
