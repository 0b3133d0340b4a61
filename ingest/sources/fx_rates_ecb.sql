/*
title = "European Central Bank reference rates: the USD/INR cross of EUR/USD and EUR/INR"
into = "fx_rates"
formats = ["csv"]
detect = ["date", "eur_usd", "eur_inr", "usd_inr_cross"]
drop_null = "rate"
notes = "Published on ECB working days; gaps of up to five days are normal."

[columns]
date = "date required"
usd_inr_cross = "decimal required"
*/
SELECT
    date AS rate_on,
    'USD' AS base_currency,
    'INR' AS quote_currency,
    NULLIF(usd_inr_cross, 0) AS rate,
    'reference' AS kind,
    'ECB' AS source
FROM raw
