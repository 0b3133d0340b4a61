/*
title = "Active users: aggregated counts per IST day, product and state"
into = "active_users"
formats = ["csv", "parquet", "json"]
detect = ["active_on", "active_users"]
forbidden = ["email", "e_mail", "phone", "mobile", "student_id", "user_id", "userid", "name", "first_name", "last_name", "full_name", "aadhaar", "address", "dob", "date_of_birth", "roll_number", "ip", "ip_address", "device_id"]
notes = "Counts only. A file with a column about persons is refused whole: most NEET aspirants are minors, and no identity is ever stored."

[columns]
active_on = "date required alias=date,day"
active_users = "integer required alias=users,count"
product = "text"
state = "text"
metric = "text"
*/
SELECT
    active_on,
    COALESCE(product, 'all') AS product,
    COALESCE(state, 'all') AS state,
    active_users,
    COALESCE(metric, 'dau') AS metric
FROM raw
