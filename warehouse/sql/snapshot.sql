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
    with_tax BOOLEAN,
    owner VARCHAR
);
-- Credits that were granted, in the currency of the bill, and their last days.
CREATE TABLE credits (
    name VARCHAR,
    amount DECIMAL(38, 2),
    expires_on DATE
);
-- The days of the exam.
CREATE TABLE exams (
    exam_on DATE
);
-- Services whose data the company itself names as regulated: it stays in India.
CREATE TABLE regulated_services (
    x_Service VARCHAR
);
-- First and last days of releases.
CREATE TABLE release_days (
    first_day DATE,
    last_day DATE
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

-- The forecast in force, a single row: made when, from what was known through which day (IST), for how many days ahead.
CREATE TABLE forecast_runs (
    made_at TIMESTAMP NOT NULL,
    known_through DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    n_paths INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    series INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,
    inputs VARCHAR NOT NULL
);

-- Users ahead by IST day: daily active users (dau) and the most at the same time (peak_concurrent); bands given the calendar, and over its mixture.
CREATE TABLE forecast_daily (
    metric VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    day DATE NOT NULL,
    calendar VARCHAR NOT NULL,
    mean DOUBLE NOT NULL,
    q025 DOUBLE NOT NULL,
    q05 DOUBLE NOT NULL,
    q10 DOUBLE NOT NULL,
    q25 DOUBLE NOT NULL,
    q50 DOUBLE NOT NULL,
    q75 DOUBLE NOT NULL,
    q90 DOUBLE NOT NULL,
    q95 DOUBLE NOT NULL,
    q975 DOUBLE NOT NULL
);

-- Users ahead by calendar month (IST): the mean of the days (dau), monthly active users (mau), the most at the same time (peak_concurrent).
CREATE TABLE forecast_monthly (
    metric VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    month DATE NOT NULL,
    calendar VARCHAR NOT NULL,
    known_days INTEGER NOT NULL,
    mean DOUBLE NOT NULL,
    q025 DOUBLE NOT NULL,
    q05 DOUBLE NOT NULL,
    q10 DOUBLE NOT NULL,
    q25 DOUBLE NOT NULL,
    q50 DOUBLE NOT NULL,
    q75 DOUBLE NOT NULL,
    q90 DOUBLE NOT NULL,
    q95 DOUBLE NOT NULL,
    q975 DOUBLE NOT NULL
);

-- Stories of daily active users ahead, over the mixture of calendars: what plans are sized on. Not a forecast by itself.
CREATE TABLE forecast_paths (
    path INTEGER NOT NULL,
    day DATE NOT NULL,
    dau DOUBLE NOT NULL
);

-- The calendar that the forecast was given: events from a year back to its end, with what was then announced or only expected.
CREATE TABLE forecast_events (
    event VARCHAR NOT NULL,
    first_day DATE NOT NULL,
    last_day DATE NOT NULL,
    status VARCHAR NOT NULL,
    known_from DATE
);

-- The calendars that are possible, most probable first: what each says of the exam.
CREATE TABLE forecast_futures (
    label VARCHAR NOT NULL,
    probability DOUBLE NOT NULL,
    exams VARCHAR NOT NULL
);

-- How wrong each candidate was on rolling origins of a series, by days ahead; errors as ratios, peak_days in days. The candidate "champion" is what is believed.
CREATE TABLE forecast_scores (
    metric VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    candidate VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,
    origins INTEGER NOT NULL,
    wape DOUBLE,
    mase DOUBLE,
    bias DOUBLE,
    event_wape DOUBLE,
    peak_error DOUBLE,
    peak_days DOUBLE,
    pinball DOUBLE,
    cover80 DOUBLE,
    cover95 DOUBLE,
    is_champion BOOLEAN NOT NULL
);

-- What one should know about a series before one believes its forecast.
CREATE TABLE forecast_notes (
    metric VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    note VARCHAR NOT NULL
);

-- Usage cost ahead in INR without tax, by a dimension and its value ("total" has one value, "all"): months, exam seasons and financial years, with what is already known in them.
CREATE TABLE cost_forecasts (
    dimension VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    calendar VARCHAR NOT NULL,
    known_inr DOUBLE NOT NULL,
    mean DOUBLE NOT NULL,
    q025 DOUBLE NOT NULL,
    q05 DOUBLE NOT NULL,
    q10 DOUBLE NOT NULL,
    q25 DOUBLE NOT NULL,
    q50 DOUBLE NOT NULL,
    q75 DOUBLE NOT NULL,
    q90 DOUBLE NOT NULL,
    q95 DOUBLE NOT NULL,
    q975 DOUBLE NOT NULL,
    base_inr DOUBLE,
    growth_inr DOUBLE,
    season_inr DOUBLE,
    fx_inr DOUBLE,
    unknown_inr DOUBLE
);

-- Usage cost by IST day in INR without tax: what was billed, and the band in which the model expects it, past and ahead.
CREATE TABLE cost_bands (
    dimension VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    day DATE NOT NULL,
    actual_inr DOUBLE,
    q025 DOUBLE NOT NULL,
    q10 DOUBLE NOT NULL,
    q50 DOUBLE NOT NULL,
    q90 DOUBLE NOT NULL,
    q975 DOUBLE NOT NULL
);

-- How the cost of a service follows the users, from its history: fixed share, elasticity with the middle 80 %, lag.
CREATE TABLE cost_drivers (
    dimension VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    fixed_share DOUBLE,
    elasticity DOUBLE,
    elasticity_low DOUBLE,
    elasticity_high DOUBLE,
    lag_days INTEGER,
    n_days INTEGER NOT NULL,
    reason VARCHAR
);

-- Students at the same time by the hour of the coming exam season (starts of IST hours).
CREATE TABLE season_hours (
    starts_at TIMESTAMP NOT NULL,
    p50 DOUBLE NOT NULL,
    p90 DOUBLE NOT NULL,
    p99 DOUBLE NOT NULL
);

-- What each service needs and costs in the coming exam season: as forecast (1x), at two and three times that crowd, and at 2 lakh at the same time.
CREATE TABLE season_services (
    service VARCHAR NOT NULL,
    crowd VARCHAR NOT NULL,
    concurrent DOUBLE NOT NULL,
    capacity_now DOUBLE,
    capacity_needed DOUBLE,
    capacity_unit VARCHAR,
    season_cost_inr DOUBLE,
    season_cost_low_inr DOUBLE,
    season_cost_high_inr DOUBLE,
    limit_passed_on DATE,
    ready_by DATE,
    reason VARCHAR
);

-- Budgets against the forecast, cumulated over the months of the financial year, INR.
CREATE TABLE budget_curves (
    name VARCHAR NOT NULL,
    financial_year INTEGER NOT NULL,
    month DATE NOT NULL,
    budget_inr DOUBLE NOT NULL,
    known_inr DOUBLE NOT NULL,
    q10 DOUBLE NOT NULL,
    q50 DOUBLE NOT NULL,
    q90 DOUBLE NOT NULL
);
