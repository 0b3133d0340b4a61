/*
description = "Each calendar month, the exam it prepares for, and the month of the cycle before that was as far from its exam: what a year-on-year comparison is made with."
grain = ["month"]
needs = ["exams"]
*/
WITH months AS (
    SELECT CAST(UNNEST(GENERATE_SERIES(
        CAST(DATE_TRUNC('month', MIN(exam_on)) AS TIMESTAMP), CAST(MAX(exam_on) AS TIMESTAMP) + INTERVAL 3 YEAR, INTERVAL 1 MONTH
    )) AS DATE) AS month
    FROM exams
),

cycles AS (
    SELECT
        months.month,
        MIN(exams.exam_on) FILTER (exams.exam_on >= months.month) AS exam_on,
        MAX(exams.exam_on) FILTER (exams.exam_on < months.month) AS exam_before
    FROM months
    CROSS JOIN exams
    GROUP BY months.month
)

SELECT
    month,
    exam_on,
    DATE_DIFF('month', month, exam_on) AS months_to_exam,
    -- without an announced exam it is the same month of the year before
    CAST(month - COALESCE(DATE_DIFF('month', exam_before, exam_on), 12) * INTERVAL 1 MONTH AS DATE) AS same_phase_month
FROM cycles
ORDER BY month
