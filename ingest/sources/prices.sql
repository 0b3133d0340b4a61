/*
title = "Prices: one list or commitment price per provider, SKU, region, term and purchase option"
into = "prices"
formats = ["csv", "parquet", "json"]
detect = ["provider", "sku", "price", "currency"]
notes = "`term` and `purchase_option` are empty for on-demand prices; `effective_on` is the day from which the price holds."

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
*/
SELECT
    provider,
    service,
    sku,
    region,
    description,
    term,
    purchase_option,
    unit,
    currency,
    price,
    effective_on
FROM raw
