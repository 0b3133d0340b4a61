/*
title = "Prices: one list or commitment price per provider, SKU, region, term and purchase option"
into = "prices"
formats = ["csv", "parquet", "json"]
detect = ["provider", "sku", "price", "currency"]
notes = "`term` and `purchase_option` are empty for on-demand prices; `effective_on` is the day from which the price holds, `observed_at` when it was read. The plan takes those of AWS in USD, with `sku` as m7g.large/linux, gp3 or cache.r7g.large/valkey, `term` 1yr or 3yr, `purchase_option` No Upfront, Partial Upfront, All Upfront or Spot."

[columns]
provider = "text required"
service = "text"
sku = "text required"
region = "text"
description = "text"
term = "text"
purchase_option = "text"
unit = "text"
currency = "text required"
price = "decimal required"
effective_on = "date"
observed_at = "timestamp"
*/
SELECT
    raw.provider,
    raw.service,
    raw.sku,
    raw.region,
    raw.description,
    raw.term,
    raw.purchase_option,
    raw.unit,
    raw.currency,
    raw.price,
    raw.effective_on,
    COALESCE(raw.observed_at, load.delivered_at) AS observed_at
FROM raw
CROSS JOIN load
