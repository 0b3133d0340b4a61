/*
description = "Cost of usage in INR by IST day per daily active user, and per hour of a user that the platform must be able to carry at the same time; a reason where it cannot be said."
grain = ["x_ChargeOn"]
needs = ["cost_owned", "users_daily"]
*/
WITH days AS (
    SELECT
        x_ChargeOn,
        SUM(x_EffectiveCostInr) AS x_UsageCostInr
    FROM cost_owned
    WHERE x_CostPart = 'usage'
    GROUP BY ALL
)

SELECT
    days.x_ChargeOn,
    days.x_UsageCostInr,
    users.dau AS x_DailyUsers,
    users.peak_concurrent AS x_PeakConcurrentUsers,
    CASE WHEN users.dau > 0 THEN CAST(CAST(days.x_UsageCostInr AS DOUBLE) / users.dau AS DECIMAL(38, 12)) END AS x_CostPerDailyUserInr,
    CASE
        WHEN users.peak_concurrent > 0 THEN CAST(CAST(days.x_UsageCostInr AS DOUBLE) / 24 / users.peak_concurrent AS DECIMAL(38, 12))
    END AS x_CostPerPeakUserHourInr,
    CASE
        WHEN users.dau IS NULL THEN 'no daily active users are counted for this day'
        WHEN users.dau = 0 THEN 'no user was active on this day'
    END AS x_UsersReason
FROM days
LEFT JOIN users_daily AS users ON days.x_ChargeOn = users.active_on AND users.product = 'all'
ORDER BY days.x_ChargeOn
