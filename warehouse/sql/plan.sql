-- What recommender/advice.py fills: the plan, and what belongs to it.

-- The plan in force, a single row: made when, from what, and what it saves in the year from starts_on, INR without tax.
CREATE TABLE plan_runs (
    made_at TIMESTAMP NOT NULL,
    known_through DATE NOT NULL,
    starts_on DATE NOT NULL,
    n_paths INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,
    cost_before_inr DOUBLE NOT NULL,
    cost_after_inr DOUBLE NOT NULL,
    saving_inr DOUBLE NOT NULL,
    saving_p10_inr DOUBLE NOT NULL,
    saving_p90_inr DOUBLE NOT NULL,
    saving_alone_inr DOUBLE NOT NULL,
    inr_per_usd DOUBLE,
    rate_on DATE,
    cost_of_capital DOUBLE NOT NULL,
    growth_per_year DOUBLE,
    generation INTEGER NOT NULL
);

-- Every proposal: what is in the plan in its order, then what is not and why. Savings are INR of the year from starts_on, without tax; NULL where there is no figure.
CREATE TABLE plan_items (
    position INTEGER NOT NULL,
    id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    why VARCHAR,
    "check" VARCHAR NOT NULL,
    operator VARCHAR NOT NULL,
    workload VARCHAR NOT NULL,
    name VARCHAR,
    kind VARCHAR,
    provider VARCHAR,
    account VARCHAR,
    region VARCHAR,
    team VARCHAR,
    service VARCHAR,
    environment VARCHAR,
    title VARCHAR NOT NULL,
    saving_inr DOUBLE,
    saving_p10_inr DOUBLE,
    saving_p90_inr DOUBLE,
    loss_ratio DOUBLE,
    cvar5_inr DOUBLE,
    alone_inr DOUBLE,
    saving_usd DOUBLE,
    locked_inr DOUBLE,
    locked_months INTEGER,
    break_even_month INTEGER,
    break_even_drop DOUBLE,
    saturated_hours DOUBLE,
    interruption VARCHAR,
    effort VARCHAR NOT NULL,
    needs_restart BOOLEAN NOT NULL,
    rollback VARCHAR,
    risk VARCHAR,
    confidence VARCHAR NOT NULL,
    confidence_why VARCHAR,
    is_calibrated BOOLEAN NOT NULL,
    realised_ratio DOUBLE,
    starts_on DATE,
    price_source VARCHAR,
    price_on DATE,
    window_start DATE NOT NULL,
    window_end DATE NOT NULL,
    figures VARCHAR NOT NULL,
    chart VARCHAR NOT NULL,
    recipe VARCHAR,
    first_seen DATE,
    is_pinned BOOLEAN NOT NULL,
    decided_on DATE,
    reason VARCHAR
);

-- The waterfall: what each operator saves on what the earlier ones left, INR a year; the steps add up to the plan.
CREATE TABLE plan_steps (
    position INTEGER NOT NULL,
    operator VARCHAR NOT NULL,
    items INTEGER NOT NULL,
    saving_inr DOUBLE NOT NULL,
    alone_inr DOUBLE NOT NULL
);

-- Commitments in force, and how much of each was used in the last 30 days of the bill. term_source: whether start and end are told by the provider or taken from the bill; disagreement between the two.
CREATE TABLE plan_holdings (
    id VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    amount DOUBLE NOT NULL,
    unit VARCHAR NOT NULL,
    currency VARCHAR NOT NULL,
    hourly_inr DOUBLE NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    payment VARCHAR,
    utilization_ratio DOUBLE,
    term_source VARCHAR,
    disagreement VARCHAR
);

-- Coverage, utilisation and effective savings rate of compute that commitments can reach, by month: of the bill (is_ahead false), and of the plan's year ahead.
CREATE TABLE plan_coverage (
    month DATE NOT NULL,
    provider VARCHAR NOT NULL,
    is_ahead BOOLEAN NOT NULL,
    list_inr DOUBLE NOT NULL,
    covered_list_inr DOUBLE NOT NULL,
    on_demand_inr DOUBLE NOT NULL,
    commitment_inr DOUBLE NOT NULL,
    unused_inr DOUBLE NOT NULL
);

-- The risk curve of buying today: what the year saves at multiples of the purchases that the plan proposes for its first day.
CREATE TABLE plan_curve (
    multiple DOUBLE NOT NULL,
    hourly_inr DOUBLE NOT NULL,
    saving_inr DOUBLE NOT NULL,
    saving_p10_inr DOUBLE NOT NULL,
    saving_p90_inr DOUBLE NOT NULL,
    loss_ratio DOUBLE NOT NULL
);

-- Is the simulator to be trusted: past months billed again with the commitments then held, beside the bill, INR.
CREATE TABLE plan_calibration (
    month DATE NOT NULL,
    provider VARCHAR NOT NULL,
    service_name VARCHAR NOT NULL,
    simulated_inr DOUBLE NOT NULL,
    billed_inr DOUBLE NOT NULL,
    basis_inr DOUBLE NOT NULL,
    is_calibrated BOOLEAN NOT NULL
);

-- What applied proposals really saved: later bills against the same bills without the action; expected for the same days.
CREATE TABLE plan_realised (
    id VARCHAR NOT NULL,
    "check" VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    applied_on DATE NOT NULL,
    days INTEGER NOT NULL,
    expected_inr DOUBLE NOT NULL,
    realised_inr DOUBLE,
    reason VARCHAR
);

-- The providers' own advice beside our plan: compared, never added. Amounts are INR of a year without tax: said_inr by the provider; list_inr of the same change at list price, alone_inr on the bill as the only one, bill_inr on what their other advice leaves, all by our simulator (is_counted: in the sum; is_risky: not known to carry the season, or waits for it); our_inr as the plan attributes it.
CREATE TABLE plan_comparison (
    position INTEGER NOT NULL,
    verdict VARCHAR NOT NULL,
    name VARCHAR,
    workload VARCHAR,
    provider VARCHAR,
    account VARCHAR,
    region VARCHAR,
    team VARCHAR,
    adviser VARCHAR,
    advice_id VARCHAR,
    action VARCHAR,
    their_title VARCHAR,
    said_monthly DOUBLE,
    said_currency VARCHAR,
    said_inr DOUBLE,
    list_inr DOUBLE,
    alone_inr DOUBLE,
    bill_inr DOUBLE,
    is_counted BOOLEAN NOT NULL,
    is_risky BOOLEAN NOT NULL,
    lookback_days INTEGER,
    observed_on DATE,
    finding VARCHAR,
    item VARCHAR,
    our_title VARCHAR,
    our_state VARCHAR,
    our_inr DOUBLE,
    why VARCHAR NOT NULL
);
