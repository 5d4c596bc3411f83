-- Sign-ins of command lines by the device flow (RFC 8628). The line holds the device code, of which only the
-- digest is kept; a person signs in on a page, names the user code, sees who asks, and decides with a ticket.
CREATE TABLE device_requests (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_sha256 bytea NOT NULL UNIQUE,
    user_code     text NOT NULL UNIQUE,
    state         smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3), -- enum aut_device_state
    agent         text NOT NULL,
    peer          text NOT NULL,
    ticket_sha256 bytea UNIQUE,
    org_id        bigint,
    user_id       bigint REFERENCES users ON DELETE CASCADE, -- who signed in last, or decided
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL
);
CREATE INDEX device_requests_of_user ON device_requests (user_id);
CREATE INDEX device_requests_expired ON device_requests (expires_at);

-- What such a sign-in gets is a personal token that expires, and a secret that renews it once. A secret that
-- comes a second time was stolen, from one side or the other: the token ends.
ALTER TABLE tokens ADD COLUMN expires_at timestamptz;
CREATE INDEX tokens_expired ON tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE cli_refreshes (
    sha256     bytea PRIMARY KEY,
    org_id     bigint NOT NULL,
    token_id   bigint NOT NULL REFERENCES tokens ON DELETE CASCADE,
    used_at    timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE INDEX cli_refreshes_of_token ON cli_refreshes (token_id);
CREATE INDEX cli_refreshes_expired ON cli_refreshes (expires_at);
SELECT tenant_table('cli_refreshes');
