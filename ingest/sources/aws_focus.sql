/*
title = "AWS Data Exports: FOCUS 1.0 and 1.2 with AWS columns"
extends = "focus"
provider = "AWS"
detect = ["BilledCost", "BillingPeriodStart", "ChargePeriodStart", "ChargeCategory", "x_ServiceCode", "x_Operation"]
notes = "AWS leaves unit prices, SKU and publisher empty on some rows and counts charged, not consumed, quantity; the legacy report stays the finer truth."
*/
