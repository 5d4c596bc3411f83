-- Tables that every service with a schema has.

-- Is a row of organization `o` visible to the connection? 0 is one of our processes: everything.
CREATE FUNCTION org_ok(o bigint) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(nullif(current_setting('assay.org_id', true), ''), '0')::bigint IN (0, o)
$$;

-- Puts a table with a column org_id behind the wall, for its owner too.
CREATE FUNCTION tenant_table(t text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (org_ok(org_id)) WITH CHECK (org_ok(org_id))', t);
END
$$;

-- Events on their way: one row per event and target, gone when the target has it.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    target smallint NOT NULL,                        -- enum svc_tell
    type text NOT NULL,
    order_key text,                                  -- told in order of id
    event bytea NOT NULL,                            -- assay.Event
    attempts integer NOT NULL DEFAULT 0,             -- refusals by the target
    next_at timestamptz NOT NULL DEFAULT now(),      -- not before; claimed rows: end of the lease
    created_at timestamptz NOT NULL DEFAULT now(),
    dead boolean NOT NULL DEFAULT false,             -- refused too often: kept for people
    cause text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX outbox_due ON outbox (target, id) WHERE NOT dead;
CREATE INDEX outbox_order ON outbox (target, order_key, id) WHERE NOT dead AND order_key IS NOT NULL;

-- Events that arrived.
CREATE TABLE inbox (
    event_id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_at ON inbox (at);

-- Answers of calls that carried a key, stored with what they changed.
CREATE TABLE idempotency (
    principal text NOT NULL,
    method text NOT NULL,
    key text NOT NULL,
    request_sha256 bytea NOT NULL,
    response bytea,                                  -- null: still running, until ...
    running_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, method, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);
