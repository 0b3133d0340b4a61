/*
title = "Utilization: a metric of a resource over time (CPU, memory, network, connections, requests)"
into = "utilization"
formats = ["csv", "parquet", "json"]
detect = ["resource_id", "metric", "measured_at"]
notes = "Any period; `average`, `maximum` and `p95` of it, in `unit`. Read: cpu, memory (percent); network, disk (GB, MB or bytes an hour); disk_ops (ops/s); connections, requests, evictions (count); cpu_credit_balance, cpu_surplus_credits_charged; of pods, as k8s/<cluster>/<namespace>/<deployment>: cpu_request, cpu_used (cores), memory_request, memory_used (GiB), replicas, hpa."

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
