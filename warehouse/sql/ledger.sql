-- The ledger's tables (SQLite). Sums of money are decimal text, instants ISO text in UTC.
CREATE TABLE IF NOT EXISTS loads (
    load_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                 -- charges, fx_rates, active_users, ...
    export TEXT NOT NULL,
    source TEXT NOT NULL,
    provider TEXT NOT NULL,
    payer TEXT NOT NULL,
    partition TEXT NOT NULL,
    file_group TEXT NOT NULL,           -- the name under which the next delivery of the same files comes
    execution TEXT NOT NULL,
    content TEXT NOT NULL,              -- hash over the hashes of the files
    delivered_at TEXT NOT NULL,
    loaded_at TEXT NOT NULL,
    folder TEXT NOT NULL,               -- relative to the storage directory
    file_rows INTEGER NOT NULL,
    row_rows INTEGER NOT NULL,
    is_invoiced INTEGER NOT NULL,
    complete_through TEXT,
    is_current INTEGER NOT NULL,
    UNIQUE (kind, export, payer, partition, execution)
);
-- Two first loads of one partition cannot both commit.
CREATE UNIQUE INDEX IF NOT EXISTS one_current_load ON loads (kind, export, payer, partition) WHERE is_current;
CREATE TABLE IF NOT EXISTS load_totals (
    load_id INTEGER NOT NULL REFERENCES loads ON DELETE CASCADE,
    billing_month TEXT NOT NULL,
    currency TEXT NOT NULL,
    rows INTEGER NOT NULL,              -- of the files
    charges INTEGER NOT NULL,
    file_cost TEXT NOT NULL,            -- sum of the provider's own amounts
    billed_cost TEXT NOT NULL,
    effective_cost TEXT NOT NULL,
    uninvoiced INTEGER NOT NULL,        -- rows without an invoice id
    invoices INTEGER NOT NULL,
    PRIMARY KEY (load_id, billing_month, currency)
);
CREATE TABLE IF NOT EXISTS load_files (
    load_id INTEGER NOT NULL REFERENCES loads ON DELETE CASCADE,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (load_id, name)
);
-- What was seen at a location, by fingerprint: an unchanged delivery is not read again.
CREATE TABLE IF NOT EXISTS deliveries (
    export TEXT NOT NULL,
    file_group TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    outcome TEXT NOT NULL,              -- loaded, same, superseded, refused, empty (nothing is there)
    seen_at TEXT NOT NULL,
    PRIMARY KEY (export, file_group, fingerprint)
);
CREATE TABLE IF NOT EXISTS restatements (
    at TEXT NOT NULL,
    load_id INTEGER NOT NULL,
    export TEXT NOT NULL,
    payer TEXT NOT NULL,
    partition TEXT NOT NULL,
    billing_month TEXT NOT NULL,
    currency TEXT NOT NULL,
    before_cost TEXT NOT NULL,
    after_cost TEXT NOT NULL,
    was_invoiced INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    export TEXT NOT NULL,
    payer TEXT NOT NULL,
    partition TEXT NOT NULL,
    message TEXT NOT NULL,
    amount TEXT,
    currency TEXT
);
CREATE TABLE IF NOT EXISTS quarantine (
    export TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (export, file)
);
-- The rate a closed month was locked at: a later change of the rate file does not move a closed month.
CREATE TABLE IF NOT EXISTS rate_locks (
    payer TEXT NOT NULL,
    currency TEXT NOT NULL,
    billing_month TEXT NOT NULL,
    invoice_id TEXT NOT NULL,           -- '' = every charge of the month
    rate TEXT NOT NULL,
    rate_on TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,                -- month-locked or invoice
    locked_at TEXT NOT NULL,
    PRIMARY KEY (payer, currency, billing_month, invoice_id)
);
CREATE TABLE IF NOT EXISTS generations (
    generation INTEGER PRIMARY KEY,
    published_at TEXT NOT NULL,
    inputs TEXT NOT NULL                -- hash of what it was built from
);
-- Every proposal that a plan ever made, by its stable id: when it was first and last made, and what it was expected to save a year.
CREATE TABLE IF NOT EXISTS proposals (
    item TEXT PRIMARY KEY,
    check_name TEXT NOT NULL,
    workload TEXT NOT NULL,
    title TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    expected_inr REAL NOT NULL          -- a year, as last planned
);
-- What people decided about proposals, newest last; the last one of an item holds.
CREATE TABLE IF NOT EXISTS decisions (
    decision_id INTEGER PRIMARY KEY,
    item TEXT NOT NULL,
    state TEXT NOT NULL,                -- accepted, applied, dismissed, excluded, pinned, reopened
    reason TEXT NOT NULL,
    decided_on TEXT NOT NULL,           -- the day from which it holds: of applied, when it was done
    at TEXT NOT NULL,
    expected_inr REAL                   -- a year, as planned when it was applied
);
-- What is to be told, once each: the message as JSON (notify.Message), written in the transaction that decided it. A row stays
-- when its body is pruned: it is the memory that the event was told.
CREATE TABLE IF NOT EXISTS messages (
    event_id TEXT PRIMARY KEY,          -- deterministic: the same event is the same message, however often it is found
    kind TEXT NOT NULL,                 -- budget, anomaly, health, weekly, monthly, test
    severity TEXT NOT NULL,
    key TEXT NOT NULL,                  -- what trigger and resolve of one incident share, or ''
    title TEXT NOT NULL,
    body TEXT NOT NULL,                 -- '' once everybody was told long ago
    made_at TEXT NOT NULL
);
-- To whom: one row per message, channel and recipient, each with a state of its own.
CREATE TABLE IF NOT EXISTS outbox (
    event_id TEXT NOT NULL REFERENCES messages ON DELETE CASCADE,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,            -- an address, or '' where the channel is the recipient
    topic TEXT NOT NULL,                -- alerts of one topic may travel together; '' = always alone
    is_urgent INTEGER NOT NULL,         -- waits for neither the end of quiet hours nor company
    parcel TEXT NOT NULL DEFAULT '',    -- what it travels in, settled when it is first sent: a repetition bears the same id
    state TEXT NOT NULL,                -- waiting, sent, dead
    attempts INTEGER NOT NULL DEFAULT 0, -- how often it was begun
    failures INTEGER NOT NULL DEFAULT 0, -- how often that was answered, or known to have failed; the others were cut off
    next_at TEXT NOT NULL,              -- not before
    lease_until TEXT,                   -- a sender has it until then
    last_error TEXT NOT NULL DEFAULT '',
    sent_at TEXT,
    PRIMARY KEY (event_id, channel, recipient)
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (channel, next_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS messages_of_key ON messages (key) WHERE key <> '';
-- What was alarming and whether it still is: told once when it opens and once when it ends.
CREATE TABLE IF NOT EXISTS alerts (
    alert_id TEXT PRIMARY KEY,          -- budget:<name>:<year>:<kind>:<threshold>, anomaly:<id>, health:<what>:<since>
    kind TEXT NOT NULL,                 -- budget, anomaly, health
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    facts TEXT NOT NULL,                -- JSON: label -> text, as told
    opened_at TEXT NOT NULL,
    resolved_at TEXT,
    resolution TEXT NOT NULL DEFAULT ''
);
-- What people said of an anomaly, newest last.
CREATE TABLE IF NOT EXISTS anomaly_feedback (
    feedback_id INTEGER PRIMARY KEY,
    anomaly_id TEXT NOT NULL,
    verdict TEXT NOT NULL,              -- real, expected, noise
    reason TEXT NOT NULL,
    at TEXT NOT NULL
);
-- Every run of a job.
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    scheduled_for TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,                -- running, done, failed, crashed, stopped
    started_at TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL,
    ended_at TEXT,
    pid INTEGER NOT NULL,
    result TEXT NOT NULL DEFAULT '',    -- one line: what it did
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS runs_of_job ON runs (job, started_at);
-- Every pull from a provider's API: expected before, measured after. Units and calls are JSON: name -> count.
CREATE TABLE IF NOT EXISTS pulls (
    pull_id INTEGER PRIMARY KEY,
    export TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    parts INTEGER NOT NULL,             -- that were due
    failed INTEGER NOT NULL DEFAULT 0,
    expected TEXT NOT NULL,
    units TEXT NOT NULL DEFAULT '{}',
    calls TEXT NOT NULL DEFAULT '{}',   -- IAM action or API method -> requests
    expected_usd REAL NOT NULL,
    usd REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS pulls_of_export ON pulls (export, pull_id);
CREATE INDEX IF NOT EXISTS deliveries_seen ON deliveries (export, file_group, seen_at);
