/*
description = "Active users by calendar month (IST) and product: monthly active users as counted, never a sum of days, beside the mean and the peak of the days."
grain = ["month", "product"]
needs = ["active_users", "users_daily"]
*/
WITH counted AS (
    SELECT
        CAST(DATE_TRUNC('month', active_on) AS DATE) AS month,
        product,
        state,
        MAX(active_users) AS active_users
    FROM active_users
    WHERE metric = 'mau'
    GROUP BY ALL
),

-- states are disjoint, so they add up, unless their total is stated
by_product AS (
    SELECT
        month,
        product,
        COALESCE(MAX(active_users) FILTER (state = 'all'), SUM(active_users)) AS mau
    FROM counted
    GROUP BY ALL
),

india AS (
    SELECT
        *,
        FALSE AS is_upper_bound
    FROM by_product
    UNION ALL
    -- who uses two products is counted in both
    SELECT
        month,
        'all' AS product,
        SUM(mau) AS mau,
        COUNT(*) > 1 AS is_upper_bound
    FROM by_product
    GROUP BY month
    HAVING COUNT(*) FILTER (product = 'all') = 0
),

days AS (
    SELECT
        CAST(DATE_TRUNC('month', active_on) AS DATE) AS month,
        product,
        AVG(dau) AS dau_mean,
        MAX(dau) AS dau_peak,
        MAX(peak_concurrent) AS peak_concurrent,
        SUM(exams_taken) AS exams_taken,
        COUNT(dau) AS days_counted
    FROM users_daily
    GROUP BY ALL
)

SELECT
    COALESCE(india.month, days.month) AS month,
    COALESCE(india.product, days.product) AS product,
    CAST(india.mau AS BIGINT) AS mau,
    COALESCE(india.is_upper_bound, FALSE) AS is_upper_bound,
    CAST(ROUND(days.dau_mean) AS BIGINT) AS dau_mean,
    days.dau_peak,
    days.peak_concurrent,
    CAST(days.exams_taken AS BIGINT) AS exams_taken,
    days.days_counted
FROM india
FULL JOIN days ON india.month = days.month AND india.product = days.product
ORDER BY 1, 2
