/*
title = "Active users: aggregated counts per IST day, product and state"
into = "active_users"
formats = ["csv", "parquet", "json"]
detect = ["active_on", "active_users"]
forbidden = ["email", "e_mail", "phone", "mobile", "student_id", "user_id", "userid", "name", "first_name", "last_name", "full_name", "user_name", "student_name", "father_name", "mother_name", "guardian_name", "phone_number", "mobile_number", "contact_number", "email_id", "aadhaar", "aadhaar_number", "aadhar", "pan", "address", "dob", "date_of_birth", "birth_date", "roll_number", "roll_no", "application_number", "registration_number", "ip", "ip_address", "device_id"]
notes = "`metric`: dau, mau (each month once), peak_concurrent, exams_taken, or concurrent with the UTC hour in active_at. Counts only: cells below 20 are merged. A file with a column about persons is refused whole: most NEET aspirants are minors, and no identity is ever stored."

[columns]
active_on = "date required alias=date,day"
active_users = "integer required alias=users,count"
product = "text"
state = "text"
metric = "text"
active_at = "timestamp"
*/
SELECT
    -- a day in India, five and a half hours ahead of UTC
    COALESCE(active_on, CAST(active_at + INTERVAL '330' MINUTE AS DATE)) AS active_on,
    active_at,
    -- totals and what was merged have one spelling
    CASE
        WHEN lower(trim(product)) IN ('all', 'other') THEN lower(trim(product))
        ELSE COALESCE(NULLIF(trim(product), ''), 'all')
    END AS product,
    CASE
        WHEN lower(trim(state)) IN ('all', 'other') THEN lower(trim(state))
        ELSE COALESCE(NULLIF(trim(state), ''), 'all')
    END AS state,
    active_users,
    COALESCE(NULLIF(lower(trim(metric)), ''), CASE WHEN active_at IS NULL THEN 'dau' ELSE 'concurrent' END) AS metric
FROM raw
