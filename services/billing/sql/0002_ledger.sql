-- Plans, credit, and what is metered against it.

-- What an organization may use. Rows, so that an operator adds and changes them; null: no limit.
CREATE TABLE plans (
    plan_id             text PRIMARY KEY CHECK (plan_id ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    name                text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    price_cents         bigint NOT NULL CHECK (price_cents >= 0),        -- a month, for people
    concurrent_sessions bigint CHECK (concurrent_sessions >= 0),
    streaming_minutes   bigint CHECK (streaming_minutes BETWEEN 0 AND 1000000),  -- a month
    credit_micro        bigint NOT NULL CHECK (credit_micro BETWEEN 0 AND 1000000000000), -- a month
    max_session_seconds bigint CHECK (max_session_seconds > 0),
    overage_micro       bigint NOT NULL CHECK (overage_micro >= 0),      -- per whole minute
    -- false: the credit is a budget that is shown; at zero nothing is refused
    is_enforced         boolean NOT NULL DEFAULT true
);
INSERT INTO plans (plan_id, name, price_cents, concurrent_sessions, streaming_minutes, credit_micro,
                   max_session_seconds, overage_micro, is_enforced) VALUES
    ('free',         'Free',             0,    2,   30,  1000000,  300, 60000, true),
    ('starter',      'Starter',       4900,    5,  500, 15000000, NULL, 60000, true),
    ('professional', 'Professional', 24900,   20, 2500, 75000000, NULL, 60000, true),
    ('self_hosted',  'Self-hosted',      0, NULL, NULL, 10000000, NULL,     0, false);

-- The two buckets are a cache of the ledger: only its trigger writes them.
CREATE TABLE accounts (
    org_id          bigint PRIMARY KEY CHECK (org_id > 0),
    plan_id         text NOT NULL REFERENCES plans,
    period          date NOT NULL,                       -- month the allowance was last given for
    allowance_micro bigint NOT NULL DEFAULT 0 CONSTRAINT allowance_not_negative CHECK (allowance_micro >= 0),
    prepaid_micro   bigint NOT NULL DEFAULT 0 CONSTRAINT prepaid_not_negative CHECK (prepaid_micro >= 0),
    entries         bigint NOT NULL DEFAULT 0,           -- rows of the ledger
    overage         boolean NOT NULL DEFAULT false,      -- go on streaming on credit
    overage_at      timestamptz NOT NULL DEFAULT '-infinity', -- when that was last said
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT starts_empty CHECK (entries > 0 OR (allowance_micro = 0 AND prepaid_micro = 0))
) WITH (fillfactor = 50);
CREATE INDEX accounts_overage ON accounts (org_id) WHERE overage;
SELECT tenant_table('accounts');

-- Double entry: every row moves amount_micro from the account it debits to the one it credits (both
-- liabilities to the customer shrink by a debit), so every row sums to zero. Exactly one of the two
-- is a bucket of the customer. The legs of one event share its id, which is unique for ever.
CREATE TABLE ledger (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    org_id       bigint NOT NULL,
    event_id     text COLLATE "C" NOT NULL CHECK (length(event_id) BETWEEN 1 AND 200),
    leg          smallint NOT NULL,
    entry_type   text NOT NULL,
    debit        text NOT NULL,
    credit       text NOT NULL,
    amount_micro bigint NOT NULL CHECK (amount_micro BETWEEN 1 AND 1000000000000000),
    asked_micro  bigint NOT NULL,                        -- what the event asked for, all legs together
    after_micro  bigint NOT NULL CHECK (after_micro >= 0), -- the bucket, after this row
    model        text,
    test_run_id  bigint,
    is_streaming boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT ledger_once UNIQUE (org_id, event_id, leg),
    CONSTRAINT ledger_one_bucket CHECK
        ((debit IN ('allowance', 'prepaid')) <> (credit IN ('allowance', 'prepaid'))),
    CONSTRAINT ledger_accounts CHECK
        (debit IN ('allowance', 'prepaid', 'plan', 'payments', 'grants')
         AND credit IN ('allowance', 'prepaid', 'revenue', 'expired', 'payments', 'grants'))
);
SELECT tenant_table('ledger');

CREATE FUNCTION ledger_moves_balances() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    moved bigint;
    orgs bigint;
BEGIN
    WITH sums AS (
        SELECT org_id, count(*) AS n,
            sum(CASE 'allowance' WHEN credit THEN amount_micro WHEN debit THEN -amount_micro ELSE 0 END) AS allowance,
            sum(CASE 'prepaid' WHEN credit THEN amount_micro WHEN debit THEN -amount_micro ELSE 0 END) AS prepaid
        FROM added GROUP BY org_id
    ), done AS (
        UPDATE accounts a SET allowance_micro = a.allowance_micro + s.allowance,
            prepaid_micro = a.prepaid_micro + s.prepaid, entries = a.entries + s.n
        FROM sums s WHERE a.org_id = s.org_id RETURNING 1
    )
    SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM sums) INTO moved, orgs;
    IF moved <> orgs THEN
        RAISE EXCEPTION 'an entry without an account' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER ledger_moves_balances AFTER INSERT ON ledger
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_moves_balances();

CREATE FUNCTION ledger_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER ledger_is_kept BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_is_kept();
CREATE TRIGGER ledger_is_kept_whole BEFORE TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_kept();

-- A balance changes by an entry, or not at all.
CREATE FUNCTION balance_needs_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'a balance changes by a ledger entry' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER balance_needs_entry BEFORE UPDATE OF allowance_micro, prepaid_micro, entries ON accounts
    FOR EACH ROW EXECUTE FUNCTION balance_needs_entry();
CREATE TRIGGER accounts_are_kept BEFORE DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_is_kept();

-- ---- model calls ---------------------------------------------------------------------------

CREATE TABLE ai_calls (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id        bigint NOT NULL,
    call_id       text NOT NULL,                         -- the caller's; once
    model         text NOT NULL,
    is_byok       boolean NOT NULL,                      -- with a key of the organization's own
    input_tokens  bigint NOT NULL CHECK (input_tokens >= 0),
    output_tokens bigint NOT NULL CHECK (output_tokens >= 0),
    cost_micro    bigint NOT NULL CHECK (cost_micro >= 0), -- deducted; byok: an estimate
    test_run_id   bigint,
    at            timestamptz NOT NULL,
    CONSTRAINT ai_calls_once UNIQUE (org_id, call_id)
);
SELECT tenant_table('ai_calls');
CREATE TRIGGER ai_calls_are_kept BEFORE UPDATE OR DELETE ON ai_calls
    FOR EACH ROW EXECUTE FUNCTION usage_is_kept();

-- Sums of them by month, so that no page reads a year of calls.
CREATE TABLE ai_months (
    org_id        bigint NOT NULL,
    month         date NOT NULL,
    model         text NOT NULL,
    is_byok       boolean NOT NULL,
    calls         bigint NOT NULL,
    input_tokens  bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost_micro    bigint NOT NULL,
    PRIMARY KEY (org_id, month, model, is_byok)
);
SELECT tenant_table('ai_months');

-- ---- live sessions of people ---------------------------------------------------------------

CREATE TABLE live_sessions (
    org_id     bigint NOT NULL,
    session_id text NOT NULL,
    since      timestamptz NOT NULL,
    PRIMARY KEY (org_id, session_id)
);
SELECT tenant_table('live_sessions');

CREATE TABLE stream_months (
    org_id          bigint NOT NULL,
    month           date NOT NULL,
    used_us         bigint NOT NULL DEFAULT 0,           -- of sessions that have ended
    sessions        bigint NOT NULL DEFAULT 0,           -- that have ended in it
    overage_minutes bigint NOT NULL DEFAULT 0,           -- beyond the plan, paid with credit
    overage_micro   bigint NOT NULL DEFAULT 0,           -- what they cost
    PRIMARY KEY (org_id, month)
);
SELECT tenant_table('stream_months');

-- ---- purchases -----------------------------------------------------------------------------

CREATE TABLE topups (
    topup_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(), -- Stripe's idempotency key, too
    org_id          bigint NOT NULL,
    user_id         bigint,
    user_email      text,
    amount_micro    bigint NOT NULL CHECK (amount_micro > 0),
    checkout_id     text,                                -- Stripe's, once it answered
    payment_intent  text,                                -- Stripe's, once it was paid
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'failed')),
    refunded_micro  bigint NOT NULL DEFAULT 0,           -- as Stripe said, in all
    taken_micro     bigint NOT NULL DEFAULT 0,           -- of that, booked
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX topups_of_org ON topups (org_id, created_at DESC);
CREATE UNIQUE INDEX topups_payment ON topups (payment_intent);
SELECT tenant_table('topups');

-- Stripe's events, once each.
CREATE TABLE stripe_events (
    event_id text PRIMARY KEY,
    type     text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
