/*
title = "State Bank of India card rates for the US dollar: telegraphic transfer selling (what a buyer of dollars pays)"
into = "fx_rates"
formats = ["csv"]
detect = ["published_at", "tt_buy", "tt_sell"]
drop_null = "rate"
notes = "0.00 stands for a rate that was not published."

[columns]
published_at = "timestamp required"
tt_sell = "decimal required"
*/
SELECT
    CAST(published_at AS DATE) AS rate_on,
    'USD' AS base_currency,
    'INR' AS quote_currency,
    NULLIF(tt_sell, 0) AS rate,
    'TT selling' AS kind,
    'SBI' AS source
FROM raw
