/*
description = "Only rupees are worth one rupee: a foreign bill at a rate of 1 is a missing rate in disguise."
needs = ["inr_rates"]
*/
SELECT BillingAccountId, BillingCurrency, x_BillingMonth, rate
FROM inr_rates
WHERE BillingCurrency <> 'INR' AND rate = 1
