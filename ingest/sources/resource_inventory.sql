/*
title = "Resource inventory: what exists, its state, attributes and tags"
into = "resource_inventory"
formats = ["csv", "parquet", "json"]
detect = ["resource_id", "resource_type", "state"]
reject = ["metric"]
notes = "One row per resource as it was seen at `observed_at`; attributes and tags are JSON objects."

[columns]
resource_id = "text required"
resource_type = "text required"
region = "text"
service = "text"
state = "text"
created_at = "timestamp"
attributes = "json"
tags = "json"
observed_at = "timestamp"
*/
SELECT
    raw.resource_id,
    raw.resource_type,
    raw.region,
    raw.service,
    raw.state,
    raw.created_at,
    raw.attributes,
    raw.tags,
    COALESCE(raw.observed_at, load.delivered_at) AS observed_at
FROM raw
CROSS JOIN load
