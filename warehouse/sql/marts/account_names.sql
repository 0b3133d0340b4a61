/*
description = "Names of accounts and projects as their organisation lists them, for bills that have none."
grain = ["ProviderName", "SubAccountId"]
needs = ["cloud_accounts"]
*/
SELECT
    provider AS ProviderName,
    account_id AS SubAccountId,
    ARG_MAX(name, observed_at) AS x_AccountName
FROM cloud_accounts
WHERE TRIM(name) <> ''
GROUP BY ALL
ORDER BY ALL
