/*
title = "Utilization: a metric of a resource over time (CPU, memory, network, connections, requests)"
into = "utilization"
formats = ["csv", "parquet", "json"]
detect = ["resource_id", "metric", "measured_at"]
notes = "Any period; `average`, `maximum` and `p95` of it, in `unit`."

[columns]
resource_id = "text required"
metric = "text required"
measured_at = "timestamp required alias=timestamp"
average = "decimal alias=avg,value"
maximum = "decimal alias=max"
p95 = "decimal"
unit = "text"
*/
SELECT
    resource_id,
    metric,
    measured_at,
    average,
    maximum,
    p95,
    unit
FROM raw
