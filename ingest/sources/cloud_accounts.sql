/*
title = "Accounts and projects by name, as the organisation lists them; no addresses of persons"
into = "cloud_accounts"
formats = ["csv", "parquet", "json"]
detect = ["account_id", "provider", "parent"]
reject = ["commitment_id", "advice_id"]
notes = "`kind`: account, project, billing_account. `parent` is the organisational unit or folder."

[columns]
account_id = "text required"
provider = "text required"
kind = "text"
name = "text"
parent = "text"
state = "text"
tags = "json"
observed_at = "timestamp"
*/
SELECT
    raw.account_id,
    raw.provider,
    raw.kind,
    raw.name,
    raw.parent,
    raw.state,
    raw.tags,
    COALESCE(raw.observed_at, load.delivered_at) AS observed_at
FROM raw
CROSS JOIN load
