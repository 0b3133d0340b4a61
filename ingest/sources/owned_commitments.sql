/*
title = "Owned commitments: reservations, savings plans and committed use discounts, with the day they end"
into = "owned_commitments"
formats = ["csv", "parquet", "json"]
detect = ["commitment_id", "kind", "start_at", "end_at"]
notes = "`kind`: reserved_instance, savings_plan, committed_use_resource, committed_use_spend. `scope` is what it covers: an instance type, a family, or empty for anything. `quantity` in `unit` (instances, vCPU, GiB); `hourly_commitment` and `upfront` are of the whole purchase, in `currency`. The newest row of a commitment (and `unit`) counts. Its term replaces the one that is taken from the bill, where the last part of `commitment_id` is that of the bill's CommitmentDiscountId; Google's resource commitments are told apart by region, series and unit."

[columns]
commitment_id = "text required"
provider = "text required"
kind = "text required"
account_id = "text"
region = "text"
service = "text"
scope = "text"
quantity = "decimal"
unit = "text"
hourly_commitment = "decimal"
upfront = "decimal"
currency = "text"
purchase_option = "text"
term_months = "decimal"
start_at = "timestamp required"
end_at = "timestamp required"
state = "text"
observed_at = "timestamp"
*/
SELECT
    raw.commitment_id,
    raw.provider,
    raw.kind,
    raw.account_id,
    raw.region,
    raw.service,
    raw.scope,
    raw.quantity,
    raw.unit,
    raw.hourly_commitment,
    raw.upfront,
    raw.currency,
    raw.purchase_option,
    CAST(raw.term_months AS BIGINT) AS term_months,
    raw.start_at,
    raw.end_at,
    raw.state,
    COALESCE(raw.observed_at, load.delivered_at) AS observed_at
FROM raw
CROSS JOIN load
