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
