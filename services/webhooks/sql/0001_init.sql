-- Endpoints of organizations and what is on its way to them.

CREATE TABLE endpoints (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id          bigint NOT NULL CHECK (org_id > 0),
    name            text,
    url             text NOT NULL,
    secret          bytea,                           -- sealed; null only until the row has its id
    event_types     text[] NOT NULL,
    enabled         boolean NOT NULL DEFAULT true,
    disabled_reason text,                            -- gone, failing
    failing_since   timestamptz,                     -- first failure since the last success
    busy_until      timestamptz NOT NULL DEFAULT '-infinity', -- lease; then: when last served
    turn            bigint NOT NULL DEFAULT 0,       -- fences the one who holds the lease
    created_by      bigint,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX endpoints_of_org ON endpoints (org_id, id DESC);
CREATE INDEX endpoints_turn ON endpoints (busy_until) WHERE enabled;
SELECT tenant_table('endpoints');

CREATE TABLE deliveries (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id           bigint NOT NULL,
    endpoint_id      bigint NOT NULL REFERENCES endpoints ON DELETE CASCADE,
    event_id         uuid NOT NULL,
    event_type       text NOT NULL,
    payload          text NOT NULL,                  -- the bytes that are signed and sent
    replay           integer NOT NULL DEFAULT 0,     -- 0: the event itself; above: sent again
    state            text NOT NULL DEFAULT 'pending'
                     CHECK (state IN ('pending', 'delivered', 'failed')),
    attempt          integer NOT NULL DEFAULT 0,     -- number of the last one, counted before it
    next_at          timestamptz NOT NULL DEFAULT now(), -- pending: not before
    response_status  integer,
    response_excerpt text CHECK (octet_length(response_excerpt) <= 2048),
    error            text,
    took_ms          bigint,
    created_at       timestamptz NOT NULL DEFAULT now(),
    delivered_at     timestamptz,
    CONSTRAINT deliveries_once UNIQUE (endpoint_id, event_id, replay)
);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_created ON deliveries (created_at);
SELECT tenant_table('deliveries');
