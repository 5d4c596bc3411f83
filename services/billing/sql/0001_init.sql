-- What was used, as the producers told it: one row per run and per session, never changed. The
-- ledger posts from these rows.

CREATE TABLE usage_events (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id       uuid NOT NULL UNIQUE,                    -- the producer's; unique for ever
    org_id         bigint NOT NULL CHECK (org_id > 0),
    type           text NOT NULL,                           -- run.passed, session.stopped, ...
    meter          text NOT NULL CHECK (meter IN ('run_seconds', 'session_seconds')),
    resource_id    text NOT NULL,
    status         text NOT NULL,
    quantity_micro bigint NOT NULL CHECK (quantity_micro BETWEEN 0 AND 2678400000000), -- 31 days
    billable_micro bigint NOT NULL,                         -- what the ledger counts
    actor_user_id  bigint,
    at             timestamptz NOT NULL,                    -- when it happened
    received_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT usage_billable CHECK (billable_micro IN (0, quantity_micro)),
    CONSTRAINT usage_once UNIQUE (org_id, meter, resource_id)
);
CREATE INDEX usage_of_org ON usage_events (org_id, at);
SELECT tenant_table('usage_events');

CREATE FUNCTION usage_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'usage is append-only' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER usage_is_kept BEFORE UPDATE OR DELETE ON usage_events
    FOR EACH ROW EXECUTE FUNCTION usage_is_kept();
CREATE TRIGGER usage_is_kept_whole BEFORE TRUNCATE ON usage_events
    FOR EACH STATEMENT EXECUTE FUNCTION usage_is_kept();
