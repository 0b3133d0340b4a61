/*
title = "Active users by the hour: the UTC hour in active_at and no day of its own"
extends = "active_users"
detect = ["active_at", "active_users"]
reject = ["active_on", "date", "day"]
notes = "The day is that of the hour in India. `metric` is concurrent unless it is given. Counts only, as in active_users."

[columns]
active_on = "date"
active_at = "timestamp required"
*/
