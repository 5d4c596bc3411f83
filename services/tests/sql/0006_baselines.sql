-- Baselines of steps. A job carries the tiers of its suite as they were when it was started; without
-- one nothing is compared.
ALTER TABLE jobs ADD COLUMN warn_pct integer, ADD COLUMN fail_pct integer;

-- What a step of a case looks like. A phone and a desktop show a case differently: one for each size.
CREATE TABLE baselines (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id      bigint NOT NULL,
    case_id     bigint NOT NULL REFERENCES cases,
    step_index  integer NOT NULL,
    width       integer NOT NULL,
    height      integer NOT NULL,
    image_key   text NOT NULL,
    image_type  text NOT NULL,
    case_run_id bigint NOT NULL REFERENCES case_runs, -- whose screenshot it is
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (case_id, step_index, width, height)
);

-- Screenshots to compare, and what was found. Claimed like jobs: a lease, and `attempts` as the fence.
CREATE TABLE step_checks (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id          bigint NOT NULL,
    job_id          bigint NOT NULL REFERENCES jobs,
    case_run_id     bigint NOT NULL,
    case_id         bigint NOT NULL,
    step_index      integer NOT NULL,
    image_key       text NOT NULL,
    image_type      text NOT NULL,
    warn_pct        integer,
    fail_pct        integer,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done')),
    attempts        integer NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    width           integer,
    height          integer,
    baseline_key    text,              -- null: there was none
    diff_percentage double precision,
    verdict         text CHECK (verdict IN ('ok', 'warn', 'fail')),
    diff_key        text,              -- a picture of what differs
    error           text,              -- why it could not be compared
    UNIQUE (case_run_id, step_index),
    FOREIGN KEY (case_run_id, step_index) REFERENCES steps (case_run_id, idx) ON DELETE CASCADE
);
CREATE INDEX step_checks_queued ON step_checks (id) WHERE state = 'queued';
CREATE INDEX step_checks_of_job ON step_checks (job_id);
SELECT tenant_table('baselines'), tenant_table('step_checks');

-- A case that passed has not, before its screenshots are compared; nor when one looks wrong.
CREATE FUNCTION shown_status(status text, run bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN status <> 'passed' THEN status
        WHEN EXISTS (SELECT 1 FROM step_checks k WHERE k.case_run_id = run AND k.state = 'queued')
            THEN 'running'
        WHEN EXISTS (SELECT 1 FROM step_checks k WHERE k.case_run_id = run AND k.verdict = 'fail')
            THEN 'failed'
        ELSE status END
$$;

-- fail over warn over ok over null
CREATE FUNCTION visual_level(verdict text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE verdict WHEN 'fail' THEN 3 WHEN 'warn' THEN 2 WHEN 'ok' THEN 1 ELSE 0 END
$$;
CREATE FUNCTION visual_word(level integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['ok', 'warn', 'fail'])[level]
$$;
