-- The lines [first_line, last_line) of one month's report, as a temporary view `line`, under the
-- report's own column names; columns that are always empty are left out. Line number -> position
-- by a permutation of 0..lines-1, so the file is shuffled.
-- Needs: what cur_month.sql leaves, and the variables lines, stride, shift, first_line, last_line.

CREATE OR REPLACE TEMP VIEW places AS
SELECT (range * getvariable('stride') + getvariable('shift')) % getvariable('lines') AS place
FROM range(getvariable('first_line'), getvariable('last_line'));

CREATE OR REPLACE TEMP VIEW line AS
WITH billed AS (
    SELECT
        priced.*,
        fee_share.used_cost,
        (used_cost::DOUBLE * (0.05 + share / 5) + 0.01)::DECIMAL(18, 10) AS unused_cost,
        CASE WHEN kind_no IN (4, 5) THEN used_cost + unused_cost ELSE own_cost END::DECIMAL(18, 10) AS cost
    FROM priced
    LEFT JOIN fee_share ON priced.paid_by = fee_share.paid_by AND priced.kind_no IN (4, 5)
)

SELECT
    left(md5(place || getvariable('month_starts')::VARCHAR) || md5(getvariable('seed') || 'b' || place
        || getvariable('month_starts')::VARCHAR), 50) AS "identity/LineItemId",
    span AS "identity/TimeInterval",
    CASE WHEN kind_no = 9 THEN '2600000917' ELSE '2600000' || (700 + month(getvariable('month_starts'))) END
        AS "bill/InvoiceId",
    'AWS' AS "bill/BillingEntity",
    CASE WHEN kind_no = 9 THEN 'Refund' ELSE 'Anniversary' END AS "bill/BillType",
    payer() AS "bill/PayerAccountId",
    getvariable('month_starts') AS "bill/BillingPeriodStartDate",
    getvariable('month_ends') AS "bill/BillingPeriodEndDate",
    line_item_type AS "lineItem/LineItemType",
    starts AS "lineItem/UsageStartDate",
    ends AS "lineItem/UsageEndDate",
    quantity AS "lineItem/UsageAmount",
    CASE WHEN kind_no <= 3 THEN factor END::DECIMAL(18, 8) AS "lineItem/NormalizationFactor",
    CASE WHEN kind_no <= 3 THEN (quantity::DOUBLE * factor) END::DECIMAL(18, 8) AS "lineItem/NormalizedUsageAmount",
    'USD' AS "lineItem/CurrencyCode",
    CASE WHEN kind_no <= 1 THEN unit_rate WHEN kind_no = 3 THEN 0 END::DECIMAL(18, 10) AS "lineItem/UnblendedRate",
    cost AS "lineItem/UnblendedCost",
    CASE WHEN kind_no <= 1 THEN unit_rate WHEN kind_no = 3 THEN 0 END::DECIMAL(18, 10) AS "lineItem/BlendedRate",
    CASE WHEN kind_no != 8 THEN cost END AS "lineItem/BlendedCost",
    CASE
        WHEN kind_no = 2 THEN 'SavingsPlanNegation used by AccountId : ' || "lineItem/UsageAccountId"
        WHEN kind_no = 3 THEN 'USD 0.0 hourly fee per ' || "lineItem/UsageType" || ' (reserved)'
        WHEN kind_no = 6 THEN 'Tax for product code ' || "lineItem/ProductCode"
        WHEN kind_no = 7 THEN 'AWS Activate credit, ' || "lineItem/ProductCode"
        WHEN kind_no = 8 THEN 'Enterprise Program Discount'
        WHEN kind_no = 9 THEN 'Refund for ' || "lineItem/ProductCode"
        ELSE description
    END AS "lineItem/LineItemDescription",
    CASE WHEN kind_no = 6 THEN 'GST' END AS "lineItem/TaxType",
    'Amazon Web Services India Private Limited' AS "lineItem/LegalEntity",
    CASE WHEN kind_no IN (3, 5) THEN '1yr' END AS "pricing/LeaseContractLength",
    CASE WHEN kind_no IN (3, 5) THEN 'standard' END AS "pricing/OfferingClass",
    CASE WHEN kind_no IN (3, 5) THEN 'No Upfront' END AS "pricing/PurchaseOption",
    'USD' AS "pricing/currency",
    CASE WHEN kind_no IN (0, 1, 3) THEN list_cost END AS "pricing/publicOnDemandCost",
    CASE WHEN kind_no IN (0, 1, 3) THEN unit_rate END AS "pricing/publicOnDemandRate",
    CASE WHEN kind_no <= 2 THEN 'OnDemand' WHEN kind_no = 3 THEN 'Reserved' END AS "pricing/term",
    CASE WHEN kind_no = 3 THEN 0 END::DECIMAL(18, 10) AS "reservation/AmortizedUpfrontCostForUsage",
    CASE WHEN kind_no = 5 THEN 0 END::DECIMAL(18, 10) AS "reservation/AmortizedUpfrontFeeForBillingPeriod",
    CASE WHEN kind_no = 3 THEN committed_cost END AS "reservation/EffectiveCost",
    CASE WHEN kind_no = 3 THEN committed_cost END AS "reservation/RecurringFeeForUsage",
    CASE WHEN kind_no IN (3, 5) THEN ri_arn END AS "reservation/ReservationARN",
    CASE WHEN kind_no IN (3, 5) THEN (9000000000 + hash(ri_arn) % 1000000000) END::VARCHAR
        AS "reservation/SubscriptionId",
    CASE WHEN kind_no = 5 THEN '1' END AS "reservation/NumberOfReservations",
    CASE WHEN kind_no = 5 THEN '744' END AS "reservation/TotalReservedUnits",
    CASE WHEN kind_no = 5 THEN 0 END::DECIMAL(18, 10)
        AS "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    CASE WHEN kind_no = 5 THEN share * 150 END::DECIMAL(18, 8) AS "reservation/UnusedQuantity",
    CASE WHEN kind_no = 5 THEN unused_cost END AS "reservation/UnusedRecurringFee",
    CASE WHEN kind_no = 4 THEN cost END AS "savingsPlan/TotalCommitmentToDate",
    CASE WHEN kind_no IN (1, 2, 4) THEN sp_arn END AS "savingsPlan/SavingsPlanARN",
    CASE WHEN kind_no = 1 THEN unit_rate::DOUBLE * 0.7 END::DECIMAL(18, 10) AS "savingsPlan/SavingsPlanRate",
    CASE WHEN kind_no = 4 THEN used_cost END AS "savingsPlan/UsedCommitment",
    CASE WHEN kind_no = 1 THEN committed_cost END AS "savingsPlan/SavingsPlanEffectiveCost",
    CASE WHEN kind_no = 4 THEN cost END AS "savingsPlan/RecurringCommitmentForBillingPeriod",
    CASE WHEN kind_no IN (1, 2, 4) THEN '1yr' END AS "savingsPlan/PurchaseTerm",
    CASE WHEN kind_no IN (1, 2, 4) THEN 'No Upfront' END AS "savingsPlan/PaymentOption",
    CASE WHEN kind_no IN (1, 2, 4) THEN 'ComputeSavingsPlans' END AS "savingsPlan/OfferingType",
    COLUMNS(billed.* EXCLUDE (
        place, kind_no, key, line_item_type, meter_no, hour_no, share, pool, unit_rate, most,
        factor, sp_arn, ri_arn, description, starts, ends, span, quantity, list_cost, own_cost,
        committed_cost, paid_by, used_cost, unused_cost, cost
    ))
FROM billed;
