-- The tables of a generation that come from the ledger, not from charges. Instants are UTC without a zone.
-- The line above a table is its entry in the catalogue.

-- What is true of the generation as a whole: company, version, number, time of publishing.
CREATE TABLE meta (
    key VARCHAR,
    value VARCHAR
);
-- What was loaded, per delivery, invoice month and currency: rows and sums of files and charges.
CREATE TABLE load_totals (
    x_ExportName VARCHAR,
    x_Source VARCHAR,
    ProviderName VARCHAR,
    BillingAccountId VARCHAR,
    partition VARCHAR,
    delivered_at TIMESTAMP,
    loaded_at TIMESTAMP,
    complete_through TIMESTAMP,
    deliveries BIGINT,
    x_BillingMonth DATE,
    BillingCurrency VARCHAR,
    charges BIGINT,
    file_rows BIGINT,
    row_rows BIGINT,
    file_cost DECIMAL(38, 18),
    billed_cost DECIMAL(38, 18),
    effective_cost DECIMAL(38, 18),
    uninvoiced BIGINT,
    invoices BIGINT
);
-- By how much a delivery changed a month that was loaded before.
CREATE TABLE restatements (
    noted_at TIMESTAMP,
    x_ExportName VARCHAR,
    BillingAccountId VARCHAR,
    partition VARCHAR,
    x_BillingMonth DATE,
    BillingCurrency VARCHAR,
    before_cost DECIMAL(38, 18),
    after_cost DECIMAL(38, 18),
    difference DECIMAL(38, 18),
    was_invoiced BOOLEAN
);
-- What a person should know though nothing was lost: new columns, rounded figures, rates that an invoice fixed.
CREATE TABLE events (
    noted_at TIMESTAMP,
    kind VARCHAR,
    x_ExportName VARCHAR,
    BillingAccountId VARCHAR,
    partition VARCHAR,
    message VARCHAR,
    amount DECIMAL(38, 18),
    currency VARCHAR
);
-- Files that are refused at present, each with its reason.
CREATE TABLE quarantine (
    noted_at TIMESTAMP,
    x_ExportName VARCHAR,
    file VARCHAR,
    sha256 VARCHAR,
    reason VARCHAR
);
-- INR per unit of the billing currency, one row per account, month and invoice ('' = charges without one).
CREATE TABLE inr_rates (
    BillingAccountId VARCHAR,
    BillingCurrency VARCHAR,
    x_BillingMonth DATE,
    InvoiceId VARCHAR,
    rate DECIMAL(12, 6),
    rate_on DATE,
    rate_source VARCHAR,
    rate_state VARCHAR,
    reason VARCHAR,
    inr_per_usd DECIMAL(12, 6)
);
-- The charge files of this generation, relative to the store.
CREATE TABLE generation_files (
    path VARCHAR,
    bytes BIGINT
);
-- The views that a reader lays over the charge files.
CREATE TABLE generation_views (
    position INTEGER,
    name VARCHAR,
    sql VARCHAR
);
-- What the rules of [allocation] read from each set of tags.
CREATE TABLE tag_sets (
    Tags VARCHAR,
    x_Team VARCHAR,
    x_Environment VARCHAR,
    x_Product VARCHAR,
    x_Service VARCHAR,
    x_Namespace VARCHAR
);
-- Which tag keys tell team, environment, product and service, and how they were matched: exact, spelling or near miss.
CREATE TABLE tag_keys (
    x_Dimension VARCHAR,
    key VARCHAR,
    configured VARCHAR,
    match VARCHAR,
    tag_sets BIGINT
);
-- How shared cost is distributed, in order: the first rule whose conditions all hold takes a cost.
CREATE TABLE shared_rules (
    position INTEGER,
    name VARCHAR,
    part VARCHAR,
    provider VARCHAR,
    service_name VARCHAR,
    charge_category VARCHAR,
    charge_subcategory VARCHAR,
    team VARCHAR,
    environment VARCHAR,
    product VARCHAR,
    service VARCHAR,
    dimension VARCHAR,
    method VARCHAR
);
-- The shares of the rules with method fixed.
CREATE TABLE shared_shares (
    name VARCHAR,
    value VARCHAR,
    share DECIMAL(18, 6)
);
-- What the company wants to reach.
CREATE TABLE targets (
    metric VARCHAR,
    target DOUBLE,
    at_most BOOLEAN
);
-- Budgets in INR by Indian financial year (2026: April 2026 to March 2027).
CREATE TABLE budgets (
    name VARCHAR,
    financial_year INTEGER,
    amount_inr DECIMAL(38, 2),
    provider VARCHAR,
    team VARCHAR,
    environment VARCHAR,
    product VARCHAR,
    service VARCHAR,
    shape VARCHAR,
    with_tax BOOLEAN
);
-- The days of the exam.
CREATE TABLE exams (
    exam_on DATE
);
-- Why the cost of an invoice month changed, month on month and year on year, split exactly into effects in INR.
CREATE TABLE cost_changes (
    x_BillingMonth DATE,
    compared_with DATE,
    comparison VARCHAR,
    ProviderName VARCHAR,
    ServiceName VARCHAR,
    before_inr DECIMAL(38, 6),
    after_inr DECIMAL(38, 6),
    users DECIMAL(38, 6),
    usage_per_user DECIMAL(38, 6),
    mix DECIMAL(38, 6),
    list_price DECIMAL(38, 6),
    rate DECIMAL(38, 6),
    fx DECIMAL(38, 6),
    other DECIMAL(38, 6),
    tax DECIMAL(38, 6),
    reason VARCHAR
);
-- What usage costs a day without users and by each daily active user, by service, learnt from the last year of days.
CREATE TABLE marginal_costs (
    x_Service VARCHAR,
    days BIGINT,
    fixed_inr_per_day DOUBLE,
    inr_per_user_day DOUBLE,
    low_inr_per_user_day DOUBLE,
    high_inr_per_user_day DOUBLE,
    lakh_users_month_inr DECIMAL(38, 2),
    average_inr_per_user_day DOUBLE,
    reason VARCHAR
);
