/*
title = "US Federal Reserve (FRED) monthly average of INR per US dollar"
into = "fx_rates"
formats = ["csv"]
detect = ["month_start", "inr_per_usd"]
drop_null = "rate"
notes = "A month's average is dated on the month's last day and used only where no daily rate is."

[columns]
month_start = "date required"
inr_per_usd = "decimal required"
*/
SELECT
    CAST(CAST(month_start AS TIMESTAMP) + INTERVAL 1 MONTH - INTERVAL 1 DAY AS DATE) AS rate_on,
    'USD' AS base_currency,
    'INR' AS quote_currency,
    NULLIF(inr_per_usd, 0) AS rate,
    'month_average' AS kind,
    'FRED' AS source
FROM raw
