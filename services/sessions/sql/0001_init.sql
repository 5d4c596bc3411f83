-- Workers, devices, sessions, the device queue, apps. Devices belong to the server, not to an
-- organization; sessions and apps carry org_id and row-level security.

CREATE TABLE apps (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id       text NOT NULL UNIQUE,
    org_id          bigint NOT NULL,
    name            text NOT NULL,
    platform        text NOT NULL,
    package_name    text,
    url             text,
    icon_url        text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    last_started_at timestamptz,
    deleted_at      timestamptz
);
CREATE INDEX apps_of_org ON apps (org_id, id DESC) WHERE deleted_at IS NULL;

CREATE TABLE builds (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id             bigint NOT NULL,
    app_id             bigint NOT NULL REFERENCES apps,
    version            text,
    build_number       text,
    file_size          bigint NOT NULL,
    blob_key           text NOT NULL,
    uploaded_by        text,
    uploaded_at        timestamptz NOT NULL DEFAULT now(),
    tags               json NOT NULL DEFAULT '[]',
    min_sdk_version    text,
    target_sdk_version text,
    permissions        text[] NOT NULL DEFAULT '{}',
    metadata           json NOT NULL DEFAULT '{}',
    note               text
);
CREATE INDEX builds_of_app ON builds (app_id, id DESC);

CREATE TABLE workers (
    worker_id   text PRIMARY KEY,
    incarnation text NOT NULL,
    rpc_addr    text NOT NULL,
    lease_until timestamptz NOT NULL
);

CREATE TABLE devices (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id  text NOT NULL UNIQUE,
    worker_id  text NOT NULL REFERENCES workers ON DELETE CASCADE,
    name       text NOT NULL,
    platform   text NOT NULL,
    category   text NOT NULL,
    os_version text NOT NULL,
    model      text NOT NULL,
    width      integer,
    height     integer,
    session_id uuid,                                   -- who holds it; null: free
    freed_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX devices_free ON devices (platform, category, freed_at) WHERE session_id IS NULL;

CREATE TABLE sessions (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id         uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    org_id             bigint NOT NULL,
    user_id            bigint,
    user_email         text,
    job_key            text UNIQUE,                    -- of a run: what AcquireDevice was asked with
    device_type        text NOT NULL,
    device_category    text,
    specific_device_id text,
    status             text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'queued', 'starting', 'active', 'stopped', 'failed')),
    device_id          text,
    device_name        text,
    os_version         text,
    worker_id          text,
    worker_addr        text,
    incarnation        text,
    opening_until      timestamptz,                    -- somebody opens it at the worker now
    created_at         timestamptz NOT NULL DEFAULT now(),
    start_time         timestamptz,
    end_time           timestamptz,
    used_at            timestamptz NOT NULL DEFAULT now(),
    end_reason         text
);
CREATE INDEX sessions_of_org ON sessions (org_id, id DESC) WHERE job_key IS NULL;
CREATE INDEX sessions_live ON sessions (worker_id) WHERE status IN ('starting', 'active');
CREATE INDEX sessions_starting ON sessions (id) WHERE status = 'starting';

-- Who waits for a device, people and runs alike, in order of arrival.
CREATE TABLE device_queue (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id     bigint NOT NULL,
    session_id uuid UNIQUE,                            -- of a person
    job_key    text UNIQUE,                            -- of a run
    user_id    bigint,
    platform   text NOT NULL,
    category   text,
    device_id  text,
    created_at timestamptz NOT NULL DEFAULT now(),
    asked_at   timestamptz NOT NULL DEFAULT now(),     -- a run that no longer asks is dropped
    CHECK ((session_id IS NULL) <> (job_key IS NULL))
);

-- device_queue and builds stay outside the wall: the order of the queue and whether a build exists at
-- all are facts about the server. Their statements show a caller its own rows only.
SELECT tenant_table('apps'), tenant_table('sessions');
