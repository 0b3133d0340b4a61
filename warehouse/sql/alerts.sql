-- Budgets as they stand on the last whole day (IST), one row per budget and financial year: what pages, alerts, mails and queries read.
CREATE TABLE budget_states (
    name VARCHAR NOT NULL,
    financial_year INTEGER NOT NULL,
    owner VARCHAR,
    amount_inr DECIMAL(38, 2) NOT NULL,
    known_through DATE NOT NULL,
    spent_inr DECIMAL(38, 6) NOT NULL,
    planned_to_date_inr DECIMAL(38, 6) NOT NULL,
    spent_pct DOUBLE NOT NULL,
    pace_pct DOUBLE,
    forecast_q10_inr DOUBLE,
    forecast_q50_inr DOUBLE,
    forecast_q90_inr DOUBLE,
    forecast_pct DOUBLE,
    exhausted_on DATE,
    days_left INTEGER,
    reason VARCHAR
);

-- Days on which something cost more or less than users, calendar and its own past explain, in the order of detection; impact_inr is actual less expected, at prices without commitments.
CREATE TABLE anomalies (
    anomaly_id VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    ProviderName VARCHAR NOT NULL,
    x_Service VARCHAR,
    ServiceName VARCHAR,
    SubAccountId VARCHAR,
    RegionId VARCHAR,
    first_day DATE NOT NULL,
    last_day DATE NOT NULL,
    detected_on DATE NOT NULL,
    is_open BOOLEAN NOT NULL,
    expected_inr DOUBLE NOT NULL,
    actual_inr DOUBLE NOT NULL,
    impact_inr DOUBLE NOT NULL,
    score DOUBLE NOT NULL,
    explanation VARCHAR NOT NULL
);

-- What an anomaly is made of, by account, service, region, owner, meter, resource and tag: the parts of each dimension, with a "rest", add up to it; what explains most comes first.
CREATE TABLE anomaly_causes (
    anomaly_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    dimension VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    expected_inr DOUBLE NOT NULL,
    actual_inr DOUBLE NOT NULL,
    impact_inr DOUBLE NOT NULL
);

-- How anomalies were looked for, a single row: up to which IST day, in how many series, from which impact on; why there is nothing (more) to be told.
CREATE TABLE anomaly_runs (
    judged_through DATE,
    series INTEGER NOT NULL,
    least_inr DOUBLE NOT NULL,
    reason VARCHAR
);
