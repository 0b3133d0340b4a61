/*
description = "Active users by IST day and product: daily active users and the most at the same time. Never a sum of products where a total (all) is counted."
grain = ["active_on", "product"]
needs = ["active_users"]
*/
WITH counted AS (
    -- the same cell in two files is one cell
    SELECT
        active_on,
        active_at,
        product,
        state,
        metric,
        MAX(active_users) AS active_users
    FROM active_users
    WHERE metric IN ('dau', 'concurrent', 'peak_concurrent', 'exams_taken')
    GROUP BY ALL
),

-- states are disjoint, so they add up, unless their total is stated
india AS (
    SELECT
        active_on,
        active_at,
        product,
        metric,
        COALESCE(MAX(active_users) FILTER (state = 'all'), SUM(active_users)) AS active_users
    FROM counted
    GROUP BY ALL
),

-- an hourly count and a stated peak are the same figure
by_product AS (
    SELECT
        active_on,
        product,
        CASE WHEN metric = 'concurrent' THEN 'peak_concurrent' ELSE metric END AS metric,
        MAX(active_users) AS active_users,
        FALSE AS is_upper_bound
    FROM india
    GROUP BY ALL
),

complete AS (
    SELECT * FROM by_product
    UNION ALL
    -- who uses two products is counted in both: without a total of its own the sum is the most it can be
    SELECT
        active_on,
        'all' AS product,
        metric,
        SUM(active_users) AS active_users,
        COUNT(*) > 1 AS is_upper_bound
    FROM by_product
    GROUP BY active_on, metric
    HAVING COUNT(*) FILTER (product = 'all') = 0
)

SELECT
    active_on,
    product,
    CAST(MAX(active_users) FILTER (metric = 'dau') AS BIGINT) AS dau,
    CAST(MAX(active_users) FILTER (metric = 'peak_concurrent') AS BIGINT) AS peak_concurrent,
    CAST(MAX(active_users) FILTER (metric = 'exams_taken') AS BIGINT) AS exams_taken,
    BOOL_OR(is_upper_bound) AS is_upper_bound
FROM complete
GROUP BY ALL
ORDER BY active_on, product
