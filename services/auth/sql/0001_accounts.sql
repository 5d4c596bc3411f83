-- Who there is and what may act for them. A user belongs to one organization.

CREATE TABLE organizations (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid       uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid           uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    org_id         bigint NOT NULL REFERENCES organizations,
    email          text NOT NULL,
    role           smallint NOT NULL CHECK (role BETWEEN 1 AND 3), -- enum role
    password_phc   text NOT NULL,
    email_verified boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE INDEX users_of_org ON users (org_id, id);

-- One row per JWT given out: no row, no access. Ending a login is deleting its row.
CREATE TABLE logins (
    jti        uuid PRIMARY KEY,
    org_id     bigint NOT NULL,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    peer       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX logins_of_user ON logins (user_id);
CREATE INDEX logins_expired ON logins (expires_at);

-- What an SDK token is bound to.
CREATE TABLE projects (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid       uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    org_id     bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name       text NOT NULL,
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX projects_name ON projects (org_id, lower(name));
CREATE UNIQUE INDEX projects_default ON projects (org_id) WHERE is_default;

-- Opaque tokens: only their digest is kept. Those of an organization go with their creator, for
-- whom they act.
CREATE TABLE tokens (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid         uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    kind         smallint NOT NULL CHECK (kind IN (2, 3, 4)), -- enum token_kind
    org_id       bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    project_id   bigint REFERENCES projects ON DELETE CASCADE,
    role         smallint CHECK (role BETWEEN 1 AND 3), -- null: that of the user
    name         text,
    shown        text NOT NULL, -- prefix and first characters
    sha256       bytea NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX tokens_of_org ON tokens (org_id, id DESC) WHERE kind IN (2, 4);
CREATE INDEX tokens_of_user ON tokens (user_id, id DESC);

CREATE TABLE invites (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id      bigint NOT NULL REFERENCES organizations ON DELETE CASCADE,
    email       text,          -- null: open to anybody who has the link
    role        smallint NOT NULL CHECK (role BETWEEN 1 AND 3),
    sha256      bytea NOT NULL UNIQUE,
    invited_by  bigint REFERENCES users ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    replaced_at timestamptz
);
CREATE INDEX invites_of_org ON invites (org_id, id DESC);

SELECT tenant_table('users'), tenant_table('logins'), tenant_table('projects'),
       tenant_table('tokens'), tenant_table('invites');

-- Failed sign-ins by account and address; survives restarts.
CREATE TABLE throttle (
    key           text PRIMARY KEY,
    failures      integer NOT NULL,
    blocked_until timestamptz NOT NULL,
    last_at       timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX throttle_last ON throttle (last_at);

-- Keys that sign JWTs, private halves sealed. Published from the first moment, signing from
-- sign_from, gone after retire_at.
CREATE TABLE signing_keys (
    kid        text PRIMARY KEY,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sign_from  timestamptz NOT NULL,
    retire_at  timestamptz
);

-- Revocations are numbered without gaps in the order of their commits: the head's row is locked
-- from the number's birth to the commit.
CREATE TABLE revocation_head (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL
);
INSERT INTO revocation_head (epoch) VALUES (0);
CREATE TABLE revocations (
    epoch    bigint PRIMARY KEY,
    user_id  bigint,
    token_id bigint,
    org_id   bigint,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revocations_at ON revocations (at);

-- Gateways that cache verified tokens, and up to where they have applied revocations.
CREATE TABLE gateway_watch (
    gateway_id  text PRIMARY KEY,
    acked_epoch bigint NOT NULL,
    lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);
