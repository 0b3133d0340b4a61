-- One month: its hours, the rule that turns a position into a priced line, and the fees.
-- Position in 0..lines-1 -> kind of line -> meter, hour, quantity, all by hashing. A
-- SavingsPlanNegation shares its key with the SavingsPlanCoveredUsage it cancels, hence every
-- field but the sign.
-- Needs: meter, pool, and the variables seed, month_starts, month_ends, lines and
-- until_1 .. until_9 (positions where each special kind of line ends; the rest is Usage).

CREATE OR REPLACE TEMP TABLE hour AS
WITH spans AS (
    SELECT
        range AS hour_no,
        getvariable('month_starts') + to_hours(range) AS starts,
        getvariable('month_starts') + to_hours(range + 1) AS ends
    FROM range(date_diff('hour', getvariable('month_starts'), getvariable('month_ends')))
    UNION ALL
    SELECT -1, getvariable('month_starts'), getvariable('month_ends')
)

SELECT
    *,
    strftime(starts, '%Y-%m-%dT%H:%M:%SZ') || '/' || strftime(ends, '%Y-%m-%dT%H:%M:%SZ') AS span
FROM spans;

-- What every line is worth before fees are known. Reads `places`, so that the same rules serve the
-- lines of one file and the sums over a month.
CREATE OR REPLACE TEMP VIEW places AS SELECT 0::BIGINT AS place LIMIT 0;

CREATE OR REPLACE TEMP VIEW priced AS
WITH sorted_out AS (
    SELECT
        place,
        CASE
            WHEN place >= getvariable('until_9') THEN 0
            WHEN place < getvariable('until_1') THEN 1
            WHEN place < getvariable('until_2') THEN 2
            WHEN place < getvariable('until_3') THEN 3
            WHEN place < getvariable('until_4') THEN 4
            WHEN place < getvariable('until_5') THEN 5
            WHEN place < getvariable('until_6') THEN 6
            WHEN place < getvariable('until_7') THEN 7
            WHEN place < getvariable('until_8') THEN 8
            ELSE 9
        END AS kind_no,
        CASE WHEN kind_no = 2 THEN place - getvariable('until_1') ELSE place END AS key,
        hash(key, getvariable('seed'), getvariable('month_starts')) AS luck,
        hash(luck) AS more_luck
    FROM places
),

drawn AS (
    SELECT
        sorted_out.*,
        pool.line_item_type,
        -- Fees take their turn: every plan and every reservation is billed.
        pool.first_meter + CASE
            WHEN kind_no = 4 THEN place - getvariable('until_3')
            WHEN kind_no = 5 THEN place - getvariable('until_4')
            ELSE (luck % (1::UBIGINT << 62))::BIGINT
        END % pool.meters AS meter_no,
        CASE
            WHEN kind_no IN (5, 6, 7, 9) THEN -1
            ELSE (more_luck % date_diff('hour', getvariable('month_starts'), getvariable('month_ends'))::UBIGINT)::BIGINT
        END AS hour_no,
        ((more_luck >> 20) % 1000000) / 1e6 AS share
    FROM sorted_out
    INNER JOIN pool USING (kind_no)
)

SELECT
    drawn.* EXCLUDE (luck, more_luck),
    meter.* EXCLUDE (meter_no),
    hour.* EXCLUDE (hour_no),
    CASE
        WHEN kind_no >= 4 THEN 1
        WHEN most = 1 AND share < 0.9 THEN 1
        WHEN most = 1 THEN share
        ELSE most * share * share * share
    END::DECIMAL(18, 8) AS quantity,
    (quantity::DOUBLE * unit_rate::DOUBLE)::DECIMAL(18, 10) AS list_cost,
    CASE
        WHEN kind_no <= 1 THEN list_cost
        WHEN kind_no = 2 THEN -list_cost
        WHEN kind_no = 3 THEN 0
        WHEN kind_no IN (4, 5) THEN 0 -- the fee is what was used and a little more: see `billed`
        WHEN kind_no = 6 THEN share * 100
        WHEN kind_no = 7 THEN share * -25
        WHEN kind_no = 8 THEN share * share * -0.4
        ELSE share * -60
    END::DECIMAL(18, 10) AS own_cost,
    CASE
        WHEN kind_no = 1 THEN list_cost::DOUBLE * 0.7
        WHEN kind_no = 3 THEN list_cost::DOUBLE * 0.62
    END::DECIMAL(18, 10) AS committed_cost,
    CASE WHEN kind_no IN (1, 4) THEN sp_arn WHEN kind_no IN (3, 5) THEN ri_arn END AS paid_by
FROM drawn
INNER JOIN meter USING (meter_no)
INNER JOIN hour USING (hour_no);

-- The month's use of each commitment, shared equally among its fee lines: used and unused of a
-- commitment add up to its fees, so the month's amortised cost is its billed cost.
CREATE OR REPLACE TEMP VIEW places AS
SELECT range AS place FROM range(0, getvariable('until_1'))
UNION ALL
SELECT range FROM range(getvariable('until_2'), getvariable('until_5'));

CREATE OR REPLACE TEMP TABLE fee_share AS
SELECT
    paid_by,
    (coalesce(sum(committed_cost), 0)::DOUBLE / count(*) FILTER (kind_no IN (4, 5)))::DECIMAL(18, 10)
        AS used_cost
FROM priced
GROUP BY paid_by;

