/*
title = "Advice of the providers themselves, to be compared with ours: never added to it"
into = "provider_advice"
formats = ["csv", "parquet", "json"]
detect = ["advice_id", "adviser", "action"]
notes = "`adviser`: compute-optimizer, cost-optimization-hub, cost-explorer, recommender. `action`: rightsize, stop, delete, upgrade, scale_in, buy_savings_plan, buy_reserved_instance, buy_committed_use, migrate_arm, other. `monthly_saving` is the provider's own figure in `currency`; `details` a JSON object. `proposed` names the new type as bills do (m6i.large, db.r6g.large, cache.r6g.large, n2-standard-4, gp3). Of commitments these are read of `details`, here or as the APIs write them: plan_type, hourly_commitment, term_years, payment, family, region, type, engine, count, upfront_cost, recurring_monthly_cost; of Google's series, vcpus, memory_gib. docs/plan.md tells what becomes of it."

[columns]
advice_id = "text required"
provider = "text required"
adviser = "text required"
account_id = "text"
region = "text"
resource_id = "text"
action = "text required"
current = "text"
proposed = "text"
monthly_saving = "decimal"
currency = "text"
lookback_days = "decimal"
finding = "text"
details = "json"
observed_at = "timestamp"
*/
SELECT
    raw.advice_id,
    raw.provider,
    raw.adviser,
    raw.account_id,
    raw.region,
    raw.resource_id,
    raw.action,
    raw.current,
    raw.proposed,
    raw.monthly_saving,
    raw.currency,
    CAST(raw.lookback_days AS BIGINT) AS lookback_days,
    raw.finding,
    raw.details,
    COALESCE(raw.observed_at, load.delivered_at) AS observed_at
FROM raw
CROSS JOIN load
