-- Memberships, session defaults, mailed links, and the mails on their way.

-- The number under which an organization knows a member; of its own kind, so that it is never taken
-- for the user's.
ALTER TABLE users ADD COLUMN member_id bigint GENERATED ALWAYS AS IDENTITY (START 1000) UNIQUE;

CREATE TABLE session_defaults (
    org_id                  bigint PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    session_timeout         text NOT NULL DEFAULT '30m',
    session_permissions     text NOT NULL DEFAULT 'full',
    allow_streaming_overage boolean NOT NULL DEFAULT false
);

-- Links that verify an address or reset a password: only the digest is kept. Used and replaced ones
-- are void.
CREATE TABLE links (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       smallint NOT NULL CHECK (kind IN (1, 2)), -- enum aut_mail_kind
    org_id     bigint NOT NULL,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    sha256     bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    void_at    timestamptz
);
CREATE INDEX links_of_user ON links (user_id, kind, created_at);
CREATE INDEX links_expired ON links (expires_at);

-- Mails on their way: a row per mail, gone when a server has taken it. What is asked of an address
-- (verify, reset) names no user: whether there is one is found out when the mail is written, so that
-- asking costs the same either way.
CREATE TABLE mails (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL UNIQUE,
    kind       smallint NOT NULL, -- enum aut_mail_kind
    org_id     bigint NOT NULL,   -- 0: not known yet
    email      text NOT NULL,
    invite_id  bigint REFERENCES invites ON DELETE CASCADE,
    sealed     bytea,             -- the link's token
    request_id text,
    peer       text,
    attempts   integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL DEFAULT now(), -- not before; claimed rows: end of the lease
    created_at timestamptz NOT NULL DEFAULT now(),
    dead       boolean NOT NULL DEFAULT false,     -- given up: kept for people
    cause      text
) WITH (fillfactor = 70);
CREATE INDEX mails_due ON mails (next_at, id) WHERE NOT dead;

SELECT tenant_table('session_defaults'), tenant_table('links'), tenant_table('mails');

CREATE INDEX invites_open ON invites (org_id, lower(email))
    WHERE used_at IS NULL AND replaced_at IS NULL;
CREATE INDEX audit_by_time ON audit_events (org_id, at_us DESC, id DESC);
