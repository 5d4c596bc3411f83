-- Suites, cases, runs and the queue. Every table carries org_id; row-level security is the second
-- wall behind the filter of every query.

-- What this service knows of the apps of `sessions`: copied when one is first named, unlinked when
-- the event of its deletion arrives.
CREATE TABLE apps (
    id           bigint PRIMARY KEY,
    org_id       bigint NOT NULL,
    public_id    text NOT NULL UNIQUE,
    name         text NOT NULL,
    platform     text NOT NULL,
    url          text,
    package_name text
);

CREATE TABLE suites (
    id                         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id                  text NOT NULL UNIQUE,
    uuid                       uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    org_id                     bigint NOT NULL,
    name                       text NOT NULL,
    description                text,
    app_id                     bigint REFERENCES apps ON DELETE SET NULL,
    platform                   text,
    reset_strategy             text NOT NULL DEFAULT 'clear_data',
    context                    text,
    variables                  json NOT NULL DEFAULT '{}',
    visual_regression_warn_pct integer,
    visual_regression_fail_pct integer,
    tag_names                  text[] NOT NULL DEFAULT '{}',
    tag_displays               text[] NOT NULL DEFAULT '{}',
    case_count                 bigint NOT NULL DEFAULT 0,
    last_run_status            text,
    last_run_at                timestamptz,
    created_at                 timestamptz NOT NULL DEFAULT now(),
    updated_at                 timestamptz NOT NULL DEFAULT now(),
    deleted_at                 timestamptz
);
CREATE INDEX suites_of_org ON suites (org_id, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX suites_of_app ON suites (app_id) WHERE app_id IS NOT NULL;
CREATE INDEX suites_by_tag ON suites USING gin (tag_names) WHERE deleted_at IS NULL;

-- The first spelling of a tag is its display name for good.
CREATE TABLE tags (
    org_id       bigint NOT NULL,
    name         text NOT NULL,
    display_name text NOT NULL,
    PRIMARY KEY (org_id, name)
);

CREATE TABLE cases (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id            text NOT NULL UNIQUE,
    uuid                 uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    org_id               bigint NOT NULL,
    suite_id             bigint REFERENCES suites,
    app_id               bigint REFERENCES apps ON DELETE SET NULL,
    name                 text NOT NULL,
    mode                 text NOT NULL DEFAULT 'recorded',
    steps                json NOT NULL,
    assertions           json NOT NULL DEFAULT '[]',
    step_count           bigint NOT NULL DEFAULT 0,
    source_recording     json,
    recording_summary    json,
    step_mappings        json,
    source_device_width  bigint,
    source_device_height bigint,
    source_platform      text,
    fuzzy_match          boolean NOT NULL DEFAULT true,
    is_reusable          boolean NOT NULL DEFAULT false,
    sub_flow_ids         text[] NOT NULL DEFAULT '{}',
    context              text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    deleted_at           timestamptz
);
CREATE INDEX cases_of_suite ON cases (suite_id, id) WHERE deleted_at IS NULL;
CREATE INDEX cases_of_org ON cases (org_id, id DESC) WHERE deleted_at IS NULL AND suite_id IS NULL;
CREATE UNIQUE INDEX standalone_case_name ON cases (org_id, app_id, name)
    WHERE suite_id IS NULL AND deleted_at IS NULL AND app_id IS NOT NULL;

CREATE TABLE suite_runs (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id         text NOT NULL UNIQUE,
    uuid              uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    org_id            bigint NOT NULL,
    suite_id          bigint NOT NULL REFERENCES suites,
    suite_name        text NOT NULL,
    session_id        uuid,
    status            text NOT NULL DEFAULT 'pending',
    reset_strategy    text,
    mode              text NOT NULL,
    commit_sha        text,
    metadata          json,
    run_url           text NOT NULL,
    user_id           bigint,
    visual_status     text,
    passed            bigint NOT NULL DEFAULT 0,
    failed            bigint NOT NULL DEFAULT 0,
    error_message     text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    finished_at       timestamptz
);
CREATE INDEX suite_runs_of_suite ON suite_runs (suite_id, id DESC);

-- The queue: one row is one hand-out of cases to one device. Claimed in the order of `rank`, which
-- is dealt so that organizations take turns (see job_rank in queries.sql).
CREATE TABLE jobs (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id          bigint NOT NULL,
    suite_run_id    bigint REFERENCES suite_runs,
    state           text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'waiting', 'allocating', 'running', 'releasing', 'done')),
    rank            bigint NOT NULL,
    fence           bigint NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    next_at         timestamptz NOT NULL DEFAULT now(),
    platform        text NOT NULL,
    category        text,
    device_id       text,          -- asked for
    session_id      uuid,          -- given (live session), or acquired
    own_session     boolean NOT NULL DEFAULT true,
    device_key      text,          -- what sessions knows our claim by
    worker_addr     text,
    on_device_id    text,          -- acquired
    queue_position  bigint,
    queue_entry_id  bigint,
    url             text,
    reset_strategy  text NOT NULL,
    variables       json NOT NULL DEFAULT '{}',
    context         text,
    mode            text NOT NULL,
    user_id         bigint,
    cancel          boolean NOT NULL DEFAULT false,
    cancel_sent     boolean NOT NULL DEFAULT false,
    error_message   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz
) WITH (fillfactor = 70);
CREATE INDEX jobs_to_claim ON jobs (rank, id) WHERE state = 'queued';
CREATE INDEX jobs_waiting ON jobs (next_at) WHERE state = 'waiting';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state IN ('allocating', 'running');
CREATE INDEX jobs_releasing ON jobs (next_at) WHERE state = 'releasing';
CREATE INDEX jobs_of_suite_run ON jobs (suite_run_id);

CREATE TABLE queue_ranks (
    org_id    bigint PRIMARY KEY,
    last_rank bigint NOT NULL
);

CREATE TABLE case_runs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     text NOT NULL UNIQUE,
    uuid          uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    org_id        bigint NOT NULL,
    case_id       bigint NOT NULL REFERENCES cases,
    case_name     text NOT NULL,
    suite_run_id  bigint REFERENCES suite_runs,
    job_id        bigint REFERENCES jobs,
    position      integer NOT NULL DEFAULT 0,
    status        text NOT NULL DEFAULT 'pending',
    mode          text,
    commit_sha    text,
    metadata      json,
    run_url       text,
    result        json,
    reasoning_log json,
    error_message text,
    duration_ms   bigint,
    model_used    text,
    tokens_used   bigint,
    cost_micro    bigint,
    visual_status text,
    starts        integer NOT NULL DEFAULT 0, -- how often a device began it
    created_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    finished_at   timestamptz
);
CREATE INDEX case_runs_of_case ON case_runs (case_id, id DESC);
CREATE INDEX case_runs_of_suite_run ON case_runs (suite_run_id, position) WHERE suite_run_id IS NOT NULL;
CREATE INDEX case_runs_of_job ON case_runs (job_id, position) WHERE job_id IS NOT NULL;

CREATE TABLE steps (
    org_id          bigint NOT NULL,
    case_run_id     bigint NOT NULL REFERENCES case_runs ON DELETE CASCADE,
    idx             integer NOT NULL,
    fence           bigint NOT NULL,
    text            text NOT NULL,
    kind            text NOT NULL,
    status          text NOT NULL,
    started_at      timestamptz NOT NULL,
    duration_us     bigint NOT NULL,
    own_us          bigint,
    message         text,
    reason          text,
    evidence        json,
    actions         json,
    healed          boolean NOT NULL DEFAULT false,
    screenshot_key  text,
    screenshot_type text,
    PRIMARY KEY (case_run_id, idx)
);

-- What a poller sees while a run is under way.
CREATE TABLE run_events (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id       bigint NOT NULL,
    suite_run_id bigint,
    case_run_id  bigint,
    type         text NOT NULL, -- case_start, step, case_end, device, requeued
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    message      text,
    status       text,
    idx          integer,
    duration_ms  bigint
);
CREATE INDEX run_events_of_suite_run ON run_events (suite_run_id, id) WHERE suite_run_id IS NOT NULL;
CREATE INDEX run_events_of_case_run ON run_events (case_run_id, id) WHERE case_run_id IS NOT NULL;

SELECT tenant_table(t) FROM unnest(ARRAY['apps', 'suites', 'tags', 'cases', 'suite_runs', 'jobs',
    'queue_ranks', 'case_runs', 'steps', 'run_events']) AS t;

-- The queue is one for all organizations: these two look over the wall, and tell numbers only.
CREATE FUNCTION queue_head() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    mine text := coalesce(current_setting('assay.org_id', true), '');
    head bigint;
BEGIN
    PERFORM set_config('assay.org_id', '0', true);
    SELECT rank INTO head FROM jobs WHERE state = 'queued' ORDER BY rank, id LIMIT 1;
    PERFORM set_config('assay.org_id', mine, true);
    RETURN head;
END
$$;
CREATE FUNCTION queue_ahead(r bigint, i bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    mine text := coalesce(current_setting('assay.org_id', true), '');
    ahead bigint;
BEGIN
    PERFORM set_config('assay.org_id', '0', true);
    SELECT count(*) INTO ahead FROM jobs WHERE state = 'queued' AND (rank, id) < (r, i);
    PERFORM set_config('assay.org_id', mine, true);
    RETURN ahead;
END
$$;
