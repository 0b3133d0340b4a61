/*
title = "Exchange rates to INR: date, currency, rate, optional source and kind"
into = "fx_rates"
formats = ["csv", "parquet", "json"]
detect = ["date", "currency", "inr_per_unit"]
drop_null = "rate"
notes = "One row per day and currency. A rate of 0 or an empty one is an absent rate, never a value."

[columns]
date = "date required alias=rate_on"
currency = "text required alias=base_currency"
inr_per_unit = "decimal required alias=rate_inr"
source = "text"
kind = "text"
*/
SELECT
    date AS rate_on,
    upper(currency) AS base_currency,
    'INR' AS quote_currency,
    NULLIF(inr_per_unit, 0) AS rate,
    COALESCE(kind, 'spot') AS kind,
    source
FROM raw
