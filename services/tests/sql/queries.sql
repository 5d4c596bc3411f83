-- Statements of the tests service. $n in order; names become Q_<NAME>.
-- A key that may be a public id, a uuid or a number is compared in each form's own type, so that each
-- has its index: `uuid::text = $2` would read the table.

-- ---- apps ----------------------------------------------------------------------------------

-- name: app_remember
INSERT INTO apps (id, org_id, public_id, name, platform, url, package_name)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, url = excluded.url;

-- Suites and cases of the app stay, unlinked.
-- name: app_forget
DELETE FROM apps WHERE id = $1;

-- ---- suites --------------------------------------------------------------------------------

-- name: suite_list
SELECT s.id, s.public_id, s.uuid, s.name, s.description, s.app_id, a.public_id, a.name, s.platform,
       s.case_count, s.reset_strategy, s.context, s.variables, s.visual_regression_warn_pct,
       s.visual_regression_fail_pct, s.last_run_status, s.last_run_at, s.created_at, s.updated_at,
       s.tag_names, s.tag_displays
FROM suites s LEFT JOIN apps a ON a.id = s.app_id
WHERE s.org_id = $1 AND s.deleted_at IS NULL
ORDER BY s.id DESC;

-- name: suite_list_filtered
SELECT s.id, s.public_id, s.uuid, s.name, s.description, s.app_id, a.public_id, a.name, s.platform,
       s.case_count, s.reset_strategy, s.context, s.variables, s.visual_regression_warn_pct,
       s.visual_regression_fail_pct, s.last_run_status, s.last_run_at, s.created_at, s.updated_at,
       s.tag_names, s.tag_displays
FROM suites s LEFT JOIN apps a ON a.id = s.app_id
WHERE s.org_id = $1 AND s.deleted_at IS NULL
  AND ($2::text IS NULL OR a.public_id = $2)
  AND (cardinality($3::text[]) = 0
       OR CASE WHEN $4::boolean THEN s.tag_names @> $3 ELSE s.tag_names && $3 END)
ORDER BY s.id DESC;

-- name: suite_get
SELECT s.id, s.public_id, s.uuid, s.name, s.description, s.app_id, a.public_id, a.name, s.platform,
       s.case_count, s.reset_strategy, s.context, s.variables, s.visual_regression_warn_pct,
       s.visual_regression_fail_pct, s.last_run_status, s.last_run_at, s.created_at, s.updated_at,
       s.tag_names, s.tag_displays
FROM suites s LEFT JOIN apps a ON a.id = s.app_id
WHERE s.org_id = $1 AND s.deleted_at IS NULL
  AND (s.public_id = $2 OR s.uuid = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END OR s.id = $3);

-- name: suite_insert
INSERT INTO suites (public_id, org_id, name, description, app_id, platform, tag_names, tag_displays)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: suite_update
UPDATE suites SET
    name = coalesce($3, name),
    description = CASE WHEN $4::boolean THEN $5 ELSE description END,
    reset_strategy = coalesce($6, reset_strategy),
    context = CASE WHEN $7::boolean THEN $8 ELSE context END,
    variables = coalesce($9::json, variables),
    visual_regression_warn_pct = CASE WHEN $10::boolean THEN $11 ELSE visual_regression_warn_pct END,
    visual_regression_fail_pct = CASE WHEN $12::boolean THEN $13 ELSE visual_regression_fail_pct END,
    tag_names = coalesce($14, tag_names),
    tag_displays = coalesce($15, tag_displays),
    updated_at = now()
WHERE org_id = $1 AND id = $2;

-- name: suite_delete
WITH gone AS (
    UPDATE suites SET deleted_at = now()
    WHERE org_id = $1 AND public_id = $2 AND deleted_at IS NULL
    RETURNING id, name
), cases_gone AS (
    UPDATE cases SET deleted_at = now() FROM gone WHERE suite_id = gone.id AND deleted_at IS NULL
)
SELECT id, name FROM gone;

-- name: tags_remember
INSERT INTO tags (org_id, name, display_name)
SELECT $1, t.name, t.display FROM unnest($2::text[], $3::text[]) AS t (name, display)
ON CONFLICT (org_id, name) DO NOTHING;

-- name: tags_displays
SELECT array_agg(t.display_name ORDER BY n.at)
FROM unnest($2::text[]) WITH ORDINALITY AS n (name, at)
JOIN tags t ON t.org_id = $1 AND t.name = n.name;

-- ---- cases ---------------------------------------------------------------------------------

-- name: case_get
SELECT c.id, c.public_id, c.uuid, c.suite_id, a.public_id, c.name, c.mode, c.steps, c.assertions,
       c.step_count, c.source_recording, c.recording_summary, c.step_mappings, c.source_device_width,
       c.source_device_height, c.source_platform, c.fuzzy_match, c.is_reusable, c.sub_flow_ids,
       c.context, c.created_at, c.updated_at, c.app_id
FROM cases c LEFT JOIN apps a ON a.id = c.app_id
WHERE c.org_id = $1 AND c.deleted_at IS NULL
  AND (c.public_id = $2 OR c.uuid = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END OR c.id = $3);

-- name: case_list_of_suite
SELECT c.id, c.public_id, c.uuid, c.suite_id, a.public_id, c.name, c.mode, c.steps, c.assertions,
       c.step_count, c.source_recording, c.recording_summary, c.step_mappings, c.source_device_width,
       c.source_device_height, c.source_platform, c.fuzzy_match, c.is_reusable, c.sub_flow_ids,
       c.context, c.created_at, c.updated_at, c.app_id
FROM cases c LEFT JOIN apps a ON a.id = c.app_id
WHERE c.org_id = $1 AND c.suite_id = $2 AND c.deleted_at IS NULL
ORDER BY c.id;

-- name: case_list_standalone
SELECT c.id, c.public_id, c.uuid, c.suite_id, a.public_id, c.name, c.mode, c.steps, c.assertions,
       c.step_count, c.source_recording, c.recording_summary, c.step_mappings, c.source_device_width,
       c.source_device_height, c.source_platform, c.fuzzy_match, c.is_reusable, c.sub_flow_ids,
       c.context, c.created_at, c.updated_at, c.app_id,
       coalesce((SELECT array_agg(r.status ORDER BY r.id DESC)
                 FROM (SELECT id, status FROM case_runs WHERE case_id = c.id
                       ORDER BY id DESC LIMIT 10) r), '{}')
FROM cases c LEFT JOIN apps a ON a.id = c.app_id
WHERE c.org_id = $1 AND c.suite_id IS NULL AND c.deleted_at IS NULL
  AND ($2::boolean IS NULL OR c.is_reusable = $2)
ORDER BY c.id DESC;

-- name: case_insert
WITH made AS (
    INSERT INTO cases (public_id, org_id, suite_id, app_id, name, mode, steps, assertions, step_count,
                       source_recording, recording_summary, source_device_width,
                       source_device_height, source_platform, fuzzy_match, context)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    RETURNING id, suite_id
), counted AS (
    UPDATE suites SET case_count = case_count + 1, updated_at = now() FROM made
    WHERE suites.id = made.suite_id
)
SELECT id FROM made;

-- name: case_upsert_standalone
INSERT INTO cases (public_id, org_id, app_id, name, mode, steps, assertions, step_count,
                   source_recording, recording_summary, source_device_width, source_device_height,
                   source_platform, fuzzy_match, context)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (org_id, app_id, name) WHERE suite_id IS NULL AND deleted_at IS NULL AND app_id IS NOT NULL
DO UPDATE SET mode = excluded.mode, steps = excluded.steps, assertions = excluded.assertions,
    step_count = excluded.step_count, source_recording = excluded.source_recording,
    recording_summary = excluded.recording_summary,
    source_device_width = excluded.source_device_width,
    source_device_height = excluded.source_device_height,
    source_platform = excluded.source_platform, fuzzy_match = excluded.fuzzy_match,
    context = excluded.context, updated_at = now()
RETURNING id;

-- name: case_update
UPDATE cases SET
    name = coalesce($3, name),
    steps = coalesce($4::json, steps),
    step_count = coalesce($5, step_count),
    assertions = coalesce($6::json, assertions),
    context = CASE WHEN $7::boolean THEN $8 ELSE context END,
    app_id = coalesce($9, app_id),
    sub_flow_ids = coalesce($10, sub_flow_ids),
    source_recording = coalesce($11::json, source_recording),
    recording_summary = coalesce($12::json, recording_summary),
    fuzzy_match = coalesce($13, fuzzy_match),
    is_reusable = coalesce($14, is_reusable),
    updated_at = now()
WHERE org_id = $1 AND id = $2;

-- name: case_delete
WITH gone AS (
    UPDATE cases SET deleted_at = now()
    WHERE org_id = $1 AND public_id = $2 AND deleted_at IS NULL
    RETURNING id, name, suite_id
), counted AS (
    UPDATE suites SET case_count = case_count - 1, updated_at = now() FROM gone
    WHERE suites.id = gone.suite_id
)
SELECT id, name FROM gone;

-- One change of sub-flows at a time in an organization: two that are free of cycles each may close
-- one together.
-- name: sub_flows_lock
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.sub_flows', $1::bigint));

-- Reusable cases among the ids, and what they themselves run first.
-- name: sub_flows
SELECT public_id, is_reusable, sub_flow_ids FROM cases
WHERE org_id = $1 AND public_id = ANY ($2::text[]) AND deleted_at IS NULL;

-- ---- runs ----------------------------------------------------------------------------------

-- name: run_get
SELECT r.id, r.public_id, r.case_id, shown_status(r.status, r.id), r.started_at, r.finished_at, r.result,
       r.reasoning_log, r.error_message, r.duration_ms, r.model_used, r.tokens_used, r.cost_micro,
       r.case_name, r.commit_sha, r.metadata, r.run_url, r.visual_status, c.public_id, r.job_id,
       r.suite_run_id
FROM case_runs r JOIN cases c ON c.id = r.case_id
WHERE r.org_id = $1 AND r.public_id = $2;

-- name: run_list_of_case
SELECT r.id, r.public_id, r.case_id, shown_status(r.status, r.id), r.started_at, r.finished_at, r.result,
       r.reasoning_log, r.error_message, r.duration_ms, r.model_used, r.tokens_used, r.cost_micro
FROM case_runs r JOIN cases c ON c.id = r.case_id
WHERE r.org_id = $1 AND c.public_id = $2 AND c.deleted_at IS NULL
ORDER BY r.id DESC;

-- name: run_insert
INSERT INTO case_runs (public_id, org_id, case_id, case_name, suite_run_id, job_id, position, mode,
                       commit_sha, metadata, run_url)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING id;

-- name: run_set_outcome
UPDATE case_runs SET status = $3, result = coalesce($4::json, result),
    error_message = coalesce($5, error_message), duration_ms = coalesce($6, duration_ms),
    started_at = CASE WHEN $3 <> 'pending' THEN coalesce(started_at, now()) ELSE started_at END,
    finished_at = CASE WHEN $3 IN ('passed', 'failed', 'error') THEN now() ELSE NULL END
WHERE org_id = $1 AND id = $2;

-- name: suite_run_get
SELECT r.id, r.public_id, r.suite_id, r.session_id, r.status, r.reset_strategy, r.started_at,
       r.finished_at, r.error_message, r.suite_name, r.commit_sha, r.metadata, r.run_url,
       r.visual_status, r.passed, r.failed, s.public_id,
       (SELECT max(j.id) FROM jobs j WHERE j.suite_run_id = r.id)
FROM suite_runs r JOIN suites s ON s.id = r.suite_id
WHERE r.org_id = $1 AND (r.public_id = $2 OR r.id = $3);

-- name: run_list_of_suite_run
SELECT r.id, r.public_id, r.case_id, shown_status(r.status, r.id), r.duration_ms, r.error_message,
       r.case_name, c.public_id, r.visual_status
FROM case_runs r JOIN cases c ON c.id = r.case_id
WHERE r.org_id = $1 AND r.suite_run_id = $2
ORDER BY r.position;

-- name: suite_run_insert
INSERT INTO suite_runs (public_id, org_id, suite_id, suite_name, session_id, reset_strategy, mode,
                        commit_sha, metadata, run_url, user_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING id;

-- name: runs_insert_of_suite
INSERT INTO case_runs (public_id, org_id, case_id, case_name, suite_run_id, job_id, position, mode)
SELECT p.public_id, $1, c.id, c.name, $4, $5, c.at, $6
FROM (SELECT id, name, row_number() OVER (ORDER BY id) AS at FROM cases
      WHERE org_id = $1 AND suite_id = $2 AND deleted_at IS NULL) c
JOIN unnest($3::text[]) WITH ORDINALITY AS p (public_id, at) ON p.at = c.at;

-- name: run_events_of_suite_run
SELECT e.type, e.at, e.message, e.id, e.status, e.idx, e.duration_ms, r.public_id, r.case_name
FROM run_events e LEFT JOIN case_runs r ON r.id = e.case_run_id
WHERE e.org_id = $1 AND e.suite_run_id = $2
ORDER BY e.id DESC LIMIT 200;

-- name: run_events_of_case_run
SELECT e.type, e.at, e.message, e.id, e.status, e.idx, e.duration_ms, r.public_id, r.case_name
FROM run_events e LEFT JOIN case_runs r ON r.id = e.case_run_id
WHERE e.org_id = $1 AND e.case_run_id = $2
ORDER BY e.id DESC LIMIT 200;

-- name: run_event_insert
INSERT INTO run_events (org_id, suite_run_id, case_run_id, type, message, status, idx, duration_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- What happened to a job as a whole: seen by whoever polls its suite run, or its single case.
-- name: job_event_insert
INSERT INTO run_events (org_id, suite_run_id, case_run_id, type, message)
SELECT j.org_id, j.suite_run_id, r.id, $2, $3
FROM jobs j LEFT JOIN case_runs r ON r.job_id = j.id AND j.suite_run_id IS NULL
WHERE j.id = $1;

-- name: steps_of_run
SELECT s.idx, s.text, s.status, s.duration_us, s.message, k.verdict, k.diff_percentage
FROM steps s LEFT JOIN step_checks k ON k.case_run_id = s.case_run_id AND k.step_index = s.idx
WHERE s.org_id = $1 AND s.case_run_id = $2 ORDER BY s.idx;

-- name: artifact_key
SELECT s.screenshot_key, s.screenshot_type
FROM steps s JOIN case_runs r ON r.id = s.case_run_id
WHERE s.org_id = $1 AND r.public_id = $2 AND s.idx = $3 AND s.screenshot_key IS NOT NULL;

-- ---- queue ---------------------------------------------------------------------------------

-- Deals the rank of a new job: behind the organization's own last one, but never before what is
-- claimed next, so that an organization that was idle joins at the head and two that are busy take
-- turns. With nothing queued all that was dealt has been claimed, so the highest rank dealt stands
-- for the head: what an organization ran in the past is no debt.
-- name: job_insert
WITH head AS (
    SELECT coalesce(queue_head(), queue_last(), 0) AS rank
), dealt AS (
    INSERT INTO queue_ranks AS q (org_id, last_rank) SELECT $1, head.rank + 1 FROM head
    ON CONFLICT (org_id) DO UPDATE
        SET last_rank = greatest(q.last_rank + 1, (SELECT rank FROM head))
    RETURNING last_rank
)
INSERT INTO jobs (org_id, suite_run_id, rank, platform, category, device_id, session_id, own_session,
                  url, reset_strategy, variables, context, mode, user_id, warn_pct, fail_pct)
SELECT $1, $2, dealt.last_rank, $3, $4, $5, $6::uuid, $6 IS NULL, $7, $8, $9, $10, $11, $12, $13, $14
FROM dealt
RETURNING id;

-- Takes up to $2 jobs; each gets a new fence and a lease of $1 microseconds. Of one kind of device (or
-- one live session) only $3 wait at a time: that many ask, more would only ask more, and jobs that
-- want something else must not stand behind them.
-- What a claim costs does not grow with the queue.
-- name: job_claim
UPDATE jobs SET state = 'allocating', fence = fence + 1, cancel_sent = false,
    lease_until = now() + $1 * interval '1 microsecond'
WHERE id = ANY (ARRAY(SELECT queue_due($2, $3)))
RETURNING jobs.id, jobs.org_id, jobs.fence, jobs.platform, jobs.category, jobs.device_id,
    jobs.session_id, jobs.own_session, jobs.url, jobs.reset_strategy, jobs.variables, jobs.context,
    jobs.mode, jobs.user_id, jobs.cancel, jobs.suite_run_id, jobs.worker_addr, jobs.on_device_id;

-- Jobs that wait for a device and are due to ask again; the fence stays, nobody else has it.
-- name: job_claim_waiting
WITH due AS MATERIALIZED (
    SELECT id FROM jobs WHERE state = 'waiting' AND next_at <= now()
    ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET state = 'allocating', lease_until = now() + $1 * interval '1 microsecond'
FROM due WHERE jobs.id = due.id
RETURNING jobs.id, jobs.org_id, jobs.fence, jobs.platform, jobs.category, jobs.device_id,
    jobs.session_id, jobs.own_session, jobs.url, jobs.reset_strategy, jobs.variables, jobs.context,
    jobs.mode, jobs.user_id, jobs.cancel, jobs.suite_run_id, jobs.worker_addr, jobs.on_device_id;

-- $6: a device of the kind is connected.
-- name: job_wait
WITH told AS (
    UPDATE jobs SET state = 'waiting', next_at = now() + $3 * interval '1 microsecond',
        queue_position = $4, queue_entry_id = $5, lease_until = NULL
    WHERE id = $1 AND fence = $2 AND state = 'allocating'
    RETURNING kind
)
DELETE FROM absent_kinds a USING told WHERE $6::boolean AND a.kind = told.kind;

-- No device of the job's kind is connected. For how long that is so and the job waits, in microseconds.
-- name: job_kind_absent
WITH j AS (
    SELECT kind, created_at FROM jobs WHERE id = $1
), noted AS (
    INSERT INTO absent_kinds (kind) SELECT kind FROM j ON CONFLICT DO NOTHING
)
SELECT (extract(epoch FROM now() - greatest(j.created_at, coalesce(a.since, now()))) * 1000000)::bigint
FROM j LEFT JOIN absent_kinds a ON a.kind = j.kind;

-- A device that may be free makes everybody who waits ask again.
-- name: job_wake_waiting
UPDATE jobs SET next_at = now() WHERE state = 'waiting' AND next_at > now();

-- The job has a device and is marked as running before its worker hears of it. $4 to $7 are the
-- device's; a live session ($7 null) keeps its own.
-- name: job_running
WITH started AS (
    UPDATE jobs SET state = 'running', attempts = attempts + 1,
        lease_until = now() + $3 * interval '1 microsecond', session_id = $4::uuid,
        on_device_id = $5, worker_addr = $6, device_key = $7, queue_position = NULL,
        queue_entry_id = NULL
    WHERE id = $1 AND fence = $2 AND state = 'allocating'
    RETURNING kind
), here AS (
    DELETE FROM absent_kinds a USING started WHERE a.kind = started.kind
)
SELECT kind FROM started;

-- The worker refused before it began: this hand-out does not count.
-- name: job_back_to_waiting
UPDATE jobs SET state = 'waiting', attempts = attempts - 1, lease_until = NULL,
    next_at = now() + $3 * interval '1 microsecond'
WHERE id = $1 AND fence = $2 AND state = 'running';

-- name: job_suite_run_started
UPDATE suite_runs SET status = 'running', started_at = coalesce(started_at, now()), session_id = $2::uuid
WHERE id = $1 AND status IN ('pending', 'running');

-- Locks the job for a report; the fence tells whether the reporter still owns it, and a lease that is
-- still young ($2 microseconds left) need not be written again.
-- name: job_lock
SELECT id, org_id, fence, state, cancel, suite_run_id,
       coalesce(lease_until > now() + $2 * interval '1 microsecond', false),
       warn_pct IS NOT NULL OR fail_pct IS NOT NULL, error_message
FROM jobs WHERE id = $1 FOR UPDATE;

-- name: job_extend
UPDATE jobs SET lease_until = now() + $2 * interval '1 microsecond' WHERE id = $1;

-- Leases that ran out: the caller puts the job back or ends it.
-- name: job_expired
SELECT id, org_id, fence, attempts, state, suite_run_id FROM jobs
WHERE state IN ('allocating', 'running') AND lease_until < now()
ORDER BY lease_until LIMIT 20 FOR UPDATE SKIP LOCKED;

-- The device that the lost hand-out may hold stays on record until sessions has taken it back.
-- name: job_requeue
UPDATE jobs SET state = 'queued', fence = fence + 1, lease_until = NULL, worker_addr = NULL,
    stale_keys = CASE WHEN own_session THEN stale_keys || (id || '.' || fence) ELSE stale_keys END,
    on_device_id = NULL, device_key = NULL, session_id = CASE WHEN own_session THEN NULL ELSE session_id END
WHERE id = $1;

-- name: runs_back_to_pending
UPDATE case_runs SET status = 'pending', started_at = NULL
WHERE job_id = $1 AND status = 'running';

-- name: job_release
UPDATE jobs SET state = 'releasing', next_at = now(), finished_at = coalesce(finished_at, now()),
    lease_until = NULL, error_message = coalesce($2, error_message)
WHERE id = $1 AND state NOT IN ('releasing', 'done')
RETURNING warn_pct IS NOT NULL OR fail_pct IS NOT NULL;

-- name: job_to_release
WITH due AS MATERIALIZED (
    SELECT id FROM jobs WHERE state = 'releasing' AND next_at <= now()
    ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET next_at = now() + interval '5 seconds' FROM due WHERE jobs.id = due.id
RETURNING jobs.id, jobs.own_session, jobs.id || '.' || jobs.fence;

-- name: jobs_done
UPDATE jobs SET state = 'done' WHERE id = ANY ($1::bigint[]) AND state = 'releasing';

-- Devices that earlier hand-outs of jobs may still hold.
-- name: stale_keys
SELECT id, unnest(stale_keys) FROM jobs WHERE cardinality(stale_keys) > 0 ORDER BY id LIMIT 20;

-- name: stale_key_done
UPDATE jobs SET stale_keys = array_remove(stale_keys, $2) WHERE id = $1;

-- name: job_get
SELECT j.id, j.state, j.queue_position, j.queue_entry_id, j.platform, j.category, j.device_id,
       j.own_session, a.since, CASE WHEN j.queue_position IS NULL THEN queue_ahead(j.rank, j.id) END
FROM jobs j LEFT JOIN absent_kinds a ON a.kind = j.kind
WHERE j.org_id = $1 AND j.id = $2;

-- name: job_cancel
UPDATE jobs SET cancel = true WHERE org_id = $1 AND id = $2
RETURNING state, suite_run_id;

-- name: jobs_of_suite_run
SELECT id, state FROM jobs WHERE org_id = $1 AND suite_run_id = $2 AND state NOT IN ('releasing', 'done')
FOR UPDATE;

-- name: jobs_to_cancel
UPDATE jobs SET cancel_sent = true
WHERE cancel AND NOT cancel_sent AND state = 'running'
RETURNING id, worker_addr;

-- name: cases_of_job
WITH r AS MATERIALIZED (
    SELECT id, public_id, case_id, position, mode FROM case_runs
    WHERE job_id = $1 AND status IN ('pending', 'running')
)
SELECT r.id, r.public_id, c.name, c.steps, c.assertions, c.source_recording, c.mode, c.fuzzy_match,
       c.context, c.sub_flow_ids, c.step_mappings, r.mode
FROM r JOIN cases c ON c.id = r.case_id
ORDER BY r.position;

-- name: cases_by_public_ids
SELECT c.public_id, c.name, c.steps, c.source_recording, c.mode, c.fuzzy_match, c.context,
       c.sub_flow_ids, c.step_mappings, c.is_reusable
FROM cases c WHERE c.org_id = $1 AND c.public_id = ANY ($2::text[]) AND c.deleted_at IS NULL;

-- ---- reports -------------------------------------------------------------------------------

-- name: run_start
UPDATE case_runs SET status = 'running', started_at = to_timestamp($3 / 1000000.0), starts = starts + 1
WHERE id = $1 AND job_id = $2 AND status = 'pending'
RETURNING public_id, case_name, starts;

-- The open transaction need not be on disk when it is answered: whatever is built on it will be, and
-- takes it along.
-- name: commit_soon
SELECT set_config('synchronous_commit', 'off', true);

-- A case that starts anew on another device drops what the lost one had reported.
-- name: steps_forget
DELETE FROM steps WHERE case_run_id = $1 AND fence < $2;

-- The first verdict stands.
-- name: run_finish
UPDATE case_runs SET status = $3, error_message = $4,
    started_at = coalesce(started_at, to_timestamp($5 / 1000000.0)),
    finished_at = to_timestamp($6 / 1000000.0), duration_ms = greatest(0, ($6 - $5) / 1000),
    result = $7
WHERE id = $1 AND job_id = $2 AND status IN ('pending', 'running')
RETURNING public_id, case_name, case_id, suite_run_id,
    (SELECT s.public_id FROM suite_runs s WHERE s.id = suite_run_id);

-- name: step_insert
INSERT INTO steps (org_id, case_run_id, idx, fence, text, kind, status, started_at, duration_us,
                   own_us, message, reason, evidence, actions, healed, screenshot_key,
                   screenshot_type)
SELECT r.org_id, r.id, $3, $4, $5, $6, $7, to_timestamp($8 / 1000000.0), $9, $10, $11, $12, $13,
       $14, $15, $16, $17
FROM case_runs r WHERE r.id = $1 AND r.job_id = $2
ON CONFLICT (case_run_id, idx) DO NOTHING;

-- name: runs_end_open
UPDATE case_runs SET status = $2, finished_at = now(),
    error_message = coalesce($3, 'the run ended before this case did'),
    duration_ms = CASE WHEN started_at IS NULL THEN NULL
                  ELSE (extract(epoch FROM now() - started_at) * 1000)::bigint END
WHERE job_id = $1 AND status IN ('pending', 'running')
RETURNING id, public_id, case_name;

-- The verdict over all cases: error over cancelled over failed over passed.
-- name: suite_run_finish
WITH tally AS (
    SELECT count(*) FILTER (WHERE status = 'passed') AS passed,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'error') AS errors,
           count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
           count(*) AS total
    FROM case_runs WHERE suite_run_id = $1
), ended AS (
    UPDATE suite_runs SET
        status = CASE WHEN tally.total = 0 OR tally.errors > 0 THEN 'error'
                      WHEN tally.cancelled > 0 THEN 'cancelled'
                      WHEN tally.failed > 0 THEN 'failed' ELSE 'passed' END,
        passed = tally.passed, failed = tally.failed,
        error_message = CASE WHEN tally.total = 0 THEN coalesce($2, 'the suite has no cases')
                             WHEN tally.errors + tally.cancelled > 0 THEN $2 END,
        finished_at = now(), started_at = coalesce(suite_runs.started_at, now())
    FROM tally WHERE suite_runs.id = $1 AND suite_runs.status IN ('pending', 'running')
    RETURNING suite_runs.id, suite_runs.public_id, suite_runs.status, suite_runs.suite_id,
        suite_runs.suite_name, suite_runs.commit_sha, suite_runs.metadata, suite_runs.run_url,
        suite_runs.started_at, suite_runs.finished_at
), noted AS (
    UPDATE suites SET last_run_status = ended.status, last_run_at = ended.finished_at
    FROM ended WHERE suites.id = ended.suite_id
)
SELECT e.id, e.public_id, e.status, s.public_id, e.suite_name, e.commit_sha, e.metadata, e.run_url,
       (extract(epoch FROM e.finished_at - e.started_at) * 1000)::bigint
FROM ended e JOIN suites s ON s.id = e.suite_id;

-- name: run_of_job_ended
WITH r AS MATERIALIZED (
    SELECT id, public_id, status, case_id, case_name, commit_sha, metadata, run_url, duration_ms
    FROM case_runs WHERE job_id = $1 AND suite_run_id IS NULL
)
SELECT r.public_id, r.status, c.public_id, r.case_name, r.commit_sha, r.metadata, r.run_url,
       r.duration_ms, r.id
FROM r JOIN cases c ON c.id = r.case_id;

-- What is odd about the verdicts of a job's cases: a step that was healed; a verdict that differs from the
-- one before and is not the first to do so ($2 times among the last eleven); a pass that took more than
-- twice the median of the passes before it ($3 of them at least) and a second longer.
-- name: run_warnings
SELECT c.public_id, r.case_name, r.public_id, w.healed, w.flaky, w.slow, h.usual_ms::bigint,
       r.duration_ms
FROM case_runs r
JOIN cases c ON c.id = r.case_id
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v.duration_ms)
               FILTER (WHERE v.status = 'passed' AND v.id <> r.id) AS usual_ms,
           count(*) FILTER (WHERE v.status = 'passed' AND v.id <> r.id) AS passes,
           count(*) FILTER (WHERE v.status <> v.before) AS turns,
           bool_or(v.id = r.id AND v.status <> v.before) AS turned
    FROM (SELECT o.id, o.status, o.duration_ms, lag(o.status) OVER (ORDER BY o.id) AS before
          FROM (SELECT id, status, duration_ms FROM case_runs
                WHERE case_id = r.case_id AND id <= r.id AND status IN ('passed', 'failed')
                ORDER BY id DESC LIMIT 11) o) v
) h
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM steps s WHERE s.case_run_id = r.id AND s.healed) AS healed,
           coalesce(h.turned AND h.turns >= $2::bigint, false) AS flaky,
           coalesce(r.status = 'passed' AND h.passes >= $3::bigint
                    AND r.duration_ms > 2 * h.usual_ms
                    AND r.duration_ms > h.usual_ms + 1000, false) AS slow
) w
WHERE r.job_id = $1 AND r.status IN ('passed', 'failed') AND (w.healed OR w.flaky OR w.slow)
ORDER BY r.id;

-- ---- baselines -----------------------------------------------------------------------------

-- The screenshot of a step of a job that compares.
-- name: check_insert
INSERT INTO step_checks (org_id, job_id, case_run_id, case_id, step_index, image_key, image_type,
                         warn_pct, fail_pct)
SELECT r.org_id, j.id, r.id, r.case_id, s.idx, s.screenshot_key,
       coalesce(s.screenshot_type, 'image/jpeg'), j.warn_pct, j.fail_pct
FROM case_runs r
JOIN jobs j ON j.id = r.job_id
JOIN steps s ON s.case_run_id = r.id AND s.idx = $3
WHERE r.id = $1 AND r.job_id = $2 AND s.status = 'passed' AND s.screenshot_key IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: check_claim
UPDATE step_checks SET attempts = attempts + 1, lease_until = now() + $1 * interval '1 microsecond'
WHERE id = ANY (ARRAY(
    SELECT id FROM step_checks
    WHERE state = 'queued' AND (lease_until IS NULL OR lease_until < now())
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED))
RETURNING id, org_id, job_id, case_id, step_index, image_key, warn_pct, fail_pct, attempts;

-- name: baseline_find
SELECT image_key FROM baselines
WHERE case_id = $1 AND step_index = $2 AND width = $3 AND height = $4;

-- A comparison that was claimed anew since ($2) changes nothing.
-- name: check_done
UPDATE step_checks SET state = 'done', lease_until = NULL, width = $3, height = $4,
    baseline_key = $5, diff_percentage = $6, verdict = $7, diff_key = $8, error = $9
WHERE id = $1 AND attempts = $2 AND state = 'queued'
RETURNING id;

-- What webhooks are told of a step that looks different.
-- name: check_told
SELECT coalesce(sr.public_id, r.public_id), sr.status, su.public_id, c.public_id, r.case_name,
       coalesce(r.run_url, sr.run_url), coalesce(r.commit_sha, sr.commit_sha),
       coalesce(r.metadata, sr.metadata), r.public_id, k.step_index, s.text, k.diff_percentage
FROM step_checks k
JOIN case_runs r ON r.id = k.case_run_id
JOIN cases c ON c.id = r.case_id
JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
LEFT JOIN suite_runs sr ON sr.id = r.suite_run_id
LEFT JOIN suites su ON su.id = sr.suite_id
WHERE k.id = $1;

-- name: checks_open
SELECT 1 FROM step_checks WHERE job_id = $1 AND state = 'queued' LIMIT 1;

-- The verdicts of a job's screenshots become those of its steps, cases and suite run.
-- name: checks_settle_steps
UPDATE steps s SET status = 'failed', reason = 'VISUAL_REGRESSION',
    message = coalesce(k.error, round(k.diff_percentage::numeric, 2) || ' % differ from the baseline')
FROM step_checks k
WHERE k.job_id = $1 AND k.verdict = 'fail' AND s.case_run_id = k.case_run_id
  AND s.idx = k.step_index AND s.status = 'passed';

-- name: checks_settle_runs
WITH seen AS (
    SELECT k.case_run_id, max(visual_level(k.verdict)) AS level,
           min(k.step_index) FILTER (WHERE k.verdict = 'fail') AS at
    FROM step_checks k WHERE k.job_id = $1 GROUP BY k.case_run_id
), judged AS (
    SELECT seen.*, r.status = 'passed' AND level = 3 AS fails
    FROM seen JOIN case_runs r ON r.id = seen.case_run_id
)
UPDATE case_runs r SET visual_status = visual_word(j.level),
    status = CASE WHEN j.fails THEN 'failed' ELSE r.status END,
    error_message = CASE WHEN j.fails
        THEN 'step ' || j.at + 1 || ' looks different from its baseline' ELSE r.error_message END
FROM judged j WHERE r.id = j.case_run_id
RETURNING r.public_id, r.case_name, r.error_message, j.fails, j.level,
    (SELECT s.public_id FROM suite_runs s WHERE s.id = r.suite_run_id);

-- name: checks_settle_suite_run
UPDATE suite_runs SET visual_status = (
    SELECT visual_word(max(visual_level(visual_status))) FROM case_runs WHERE suite_run_id = $1)
WHERE id = $1
RETURNING visual_status;

-- A case's first passing run makes its baselines.
-- name: baselines_seed
INSERT INTO baselines (org_id, case_id, step_index, width, height, image_key, image_type, case_run_id)
SELECT k.org_id, k.case_id, k.step_index, k.width, k.height, k.image_key, k.image_type, r.id
FROM step_checks k JOIN case_runs r ON r.id = k.case_run_id
WHERE k.job_id = $1 AND k.baseline_key IS NULL AND k.width IS NOT NULL AND r.status = 'passed'
ON CONFLICT DO NOTHING;

-- name: baseline_list
SELECT b.id, b.case_id, b.step_index, b.width, b.height, b.created_at, b.updated_at,
       row_number() OVER (PARTITION BY b.step_index ORDER BY b.updated_at DESC, b.id DESC) = 1
FROM baselines b JOIN cases c ON c.id = b.case_id
WHERE b.org_id = $1 AND c.public_id = $2
ORDER BY b.step_index, b.updated_at DESC, b.id DESC;

-- name: baseline_image
SELECT b.image_key, b.image_type
FROM baselines b JOIN cases c ON c.id = b.case_id
WHERE b.org_id = $1 AND c.public_id = $2 AND b.step_index = $3 AND ($4::integer IS NULL OR b.width = $4)
ORDER BY b.updated_at DESC, b.id DESC LIMIT 1;

-- The screenshots of a run, or of one step of it, become the baselines; what they were told to differ
-- is resolved.
-- name: baselines_accept
WITH taken AS (
    SELECT k.*, c.public_id AS case_public_id, c.name AS case_name
    FROM step_checks k
    JOIN case_runs r ON r.id = k.case_run_id
    JOIN cases c ON c.id = k.case_id
    LEFT JOIN suite_runs sr ON sr.id = r.suite_run_id
    WHERE k.org_id = $1 AND (r.public_id = $2 OR sr.public_id = $2)
      AND ($3::integer IS NULL OR k.step_index = $3) AND k.width IS NOT NULL
), kept AS (
    INSERT INTO baselines AS b (org_id, case_id, step_index, width, height, image_key, image_type,
                                case_run_id)
    SELECT DISTINCT ON (case_id, step_index, width, height) org_id, case_id, step_index, width,
           height, image_key, image_type, case_run_id
    FROM taken ORDER BY case_id, step_index, width, height, id DESC
    ON CONFLICT (case_id, step_index, width, height) DO UPDATE
        SET image_key = excluded.image_key, image_type = excluded.image_type,
            case_run_id = excluded.case_run_id, updated_at = now()
    RETURNING b.case_id
), resolved AS (
    UPDATE step_checks k SET verdict = 'ok', error = NULL FROM taken
    WHERE k.id = taken.id AND k.verdict IN ('warn', 'fail')
)
SELECT case_public_id, case_name, array_agg(step_index ORDER BY step_index)::text,
       (SELECT count(*) FROM kept)
FROM taken GROUP BY case_public_id, case_name ORDER BY case_public_id;

-- name: visual_status_again
WITH seen AS (
    SELECT k.case_run_id, r.suite_run_id, max(visual_level(k.verdict)) AS level
    FROM step_checks k JOIN case_runs r ON r.id = k.case_run_id
    LEFT JOIN suite_runs sr ON sr.id = r.suite_run_id
    WHERE k.org_id = $1 AND (r.public_id = $2 OR sr.public_id = $2)
    GROUP BY k.case_run_id, r.suite_run_id
)
UPDATE case_runs r SET visual_status = visual_word(seen.level) FROM seen WHERE r.id = seen.case_run_id
RETURNING r.suite_run_id;

-- name: run_is_open
SELECT status IN ('pending', 'running') OR EXISTS (
    SELECT 1 FROM step_checks k WHERE k.case_run_id = r.id AND k.state = 'queued')
FROM case_runs r WHERE r.org_id = $1 AND r.public_id = $2
UNION ALL
SELECT status IN ('pending', 'running') FROM suite_runs WHERE org_id = $1 AND public_id = $2;

-- ---- existence -----------------------------------------------------------------------------

-- name: exists_suite
SELECT 1 FROM suites WHERE org_id = $1 AND deleted_at IS NULL AND (public_id = $2 OR uuid = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END);
-- name: exists_case
SELECT 1 FROM cases WHERE org_id = $1 AND deleted_at IS NULL AND (public_id = $2 OR uuid = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END);
-- name: exists_run
SELECT 1 FROM case_runs WHERE org_id = $1 AND public_id = $2
UNION ALL SELECT 1 FROM suite_runs WHERE org_id = $1 AND public_id = $2;
-- name: exists_suite_run
SELECT 1 FROM suite_runs WHERE org_id = $1 AND (public_id = $2 OR id = CASE WHEN $2 ~ '^[0-9]{1,18}$' THEN $2::bigint END);

-- ---- visual builds (SDK) ---------------------------------------------------------------------

-- $3: the project a token is bound to; NULL: any of the organization.
-- name: exists_viz_build
SELECT 1 FROM viz_builds WHERE org_id = $1 AND ($3::bigint IS NULL OR project_id = $3)
  AND id = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END;
-- name: exists_viz_comparison
SELECT 1 FROM viz_comparisons WHERE org_id = $1 AND ($3::bigint IS NULL OR project_id = $3)
  AND id = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END;

-- name: viz_storage
SELECT coalesce((SELECT bytes FROM viz_storage WHERE org_id = $1), 0);

-- A build of its own, or the one that another shard has made.
-- name: viz_build_insert
INSERT INTO viz_builds (org_id, project_id, name, branch, environment, commit_sha, commit_message,
    common_ancestor_sha, pull_request, parallel_id, threshold, colour_delta, cluster_min, metadata,
    user_agent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::integer, $14, $15)
ON CONFLICT (project_id, parallel_id) WHERE parallel_id IS NOT NULL
DO UPDATE SET updated_at = now()
RETURNING id, name, branch, environment, status, created_at, xmax = 0;

-- What adding to a build needs to know of it.
-- name: viz_build_head
SELECT id, project_id, name, status, parallel_id FROM viz_builds
WHERE org_id = $1 AND id = $2::uuid AND ($3::bigint IS NULL OR project_id = $3);

-- name: viz_build_get
SELECT * FROM viz_build_rows WHERE org_id = $1 AND id = $2::uuid AND ($3::bigint IS NULL OR project_id = $3);

-- One page, and as the last column of each row how many there are in all; beyond the last page that alone.
-- `passed`: complete, and nothing is left to decide.
-- name: viz_build_list
WITH fit AS (
    SELECT b.id, b.seq FROM viz_builds b
    WHERE b.org_id = $1 AND b.project_id = $2 AND ($3::text IS NULL OR b.branch = $3)
      AND ($4::text IS NULL OR b.environment = $4)
      AND ($5::text IS NULL OR viz_status(b) = CASE $5 WHEN 'passed' THEN 'completed' ELSE $5 END)
      AND ($5 IS DISTINCT FROM 'passed' OR NOT EXISTS (SELECT FROM viz_comparisons c
           WHERE c.build_id = b.id AND c.approval_status IN ('pending', 'rejected')))
), page AS (
    SELECT id FROM fit ORDER BY seq DESC LIMIT $6 OFFSET $7
)
SELECT r.*, n.total FROM (SELECT count(*) AS total FROM fit) n
LEFT JOIN (page JOIN viz_build_rows r ON r.id = page.id) ON true
ORDER BY r.seq DESC;

-- A parallel build is completed by finalize alone.
-- name: viz_build_set_status
UPDATE viz_builds SET
    status = CASE WHEN $3 = 'completed' AND parallel_id IS NOT NULL
                  THEN CASE WHEN status = 'created' THEN 'processing' ELSE status END ELSE $3 END,
    completed_at = CASE WHEN $3 IN ('completed', 'failed') AND (parallel_id IS NULL OR $3 = 'failed')
                        THEN now() WHEN $3 IN ('completed', 'failed') THEN completed_at END,
    execution_time_ms = coalesce($4, execution_time_ms), updated_at = now()
WHERE org_id = $1 AND id = $2::uuid AND ($5::bigint IS NULL OR project_id = $5)
RETURNING id, status, execution_time_ms, parallel_id, name;

-- name: viz_build_finalize
UPDATE viz_builds SET status = 'completed', updated_at = now(),
    completed_at = CASE WHEN status = 'completed' THEN completed_at ELSE now() END
WHERE org_id = $1 AND project_id = $2 AND parallel_id = $3
RETURNING id, status, parallel_id, name;

-- Builds of which everything is compared and nobody has been told: told now. Their rows are locked
-- first (viz_builds_lock), so that of several who finish last one tells.
-- name: viz_builds_lock
SELECT id FROM viz_builds WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE;
-- name: viz_builds_tell
UPDATE viz_builds b SET told = true
WHERE b.id = ANY($1::uuid[]) AND b.status = 'completed' AND NOT b.told
  AND NOT EXISTS (SELECT FROM viz_comparisons c WHERE c.build_id = b.id AND c.status = 'pending')
RETURNING b.id, b.org_id, b.name, b.branch, b.commit_sha, b.screenshots,
    (SELECT count(*) FROM viz_comparisons c WHERE c.build_id = b.id),
    (SELECT count(*) FROM viz_comparisons c WHERE c.build_id = b.id AND c.has_diff
         AND c.approval_status NOT IN ('approved', 'auto_approved'));

-- name: viz_projects
SELECT project_id, count(*), max(updated_at) FROM viz_builds WHERE org_id = $1 GROUP BY project_id;

-- ---- screenshots

-- Of these hashes, the pictures that the organization has.
-- name: viz_images_known
SELECT sha256, pixels, width, height, content_type FROM viz_images
WHERE org_id = $1 AND sha256 = ANY($2::text[]);

-- Whoever stores pictures with these pixels takes turns with us, and finds ours or we find theirs.
-- name: viz_pixels_lock
SELECT count(pg_advisory_xact_lock(hashtextextended(k.pixels, $1)))
FROM (SELECT DISTINCT r.pixels FROM json_to_recordset($2::json) AS r(pixels text) ORDER BY 1) k;

-- Stores what is new of [{sha256, pixels, blob_key, file_key, content_type, width, height,
-- size_bytes}] and counts its bytes, all or nothing by the quota $3 (0: none). Of files with the same
-- pixels one is kept, and the others are other digests of it. Tells whether they fit, the bytes that are
-- new, those that were there, and how many of the files nobody needs.
-- name: viz_images_add
WITH come AS (
    SELECT DISTINCT ON (r.sha256) r.* FROM json_to_recordset($2::json) AS r(sha256 text, pixels text,
        blob_key text, file_key text, content_type text, width bigint, height bigint,
        size_bytes bigint)
    ORDER BY r.sha256
), kept AS (
    SELECT DISTINCT ON (i.pixels) i.pixels, i.blob_key, i.content_type, i.size_bytes
    FROM viz_images i WHERE i.org_id = $1 AND i.pixels IN (SELECT pixels FROM come)
    ORDER BY i.pixels, i.created_at, i.sha256
), fresh AS (
    SELECT DISTINCT ON (r.pixels) r.pixels, r.blob_key, r.content_type, r.size_bytes FROM come r
    WHERE r.pixels NOT IN (SELECT pixels FROM kept) ORDER BY r.pixels, r.sha256
), need AS (
    SELECT coalesce(sum(size_bytes), 0)::bigint AS bytes FROM fresh
), took AS (
    INSERT INTO viz_storage AS s (org_id, bytes)
    SELECT $1, bytes FROM need WHERE bytes > 0 AND ($3 = 0 OR bytes <= $3)
    ON CONFLICT (org_id) DO UPDATE SET bytes = s.bytes + excluded.bytes
        WHERE $3 = 0 OR s.bytes + excluded.bytes <= $3
    RETURNING bytes
), fits AS (
    SELECT bytes = 0 OR EXISTS (SELECT FROM took) AS yes FROM need
), made AS (
    INSERT INTO viz_images (org_id, sha256, pixels, blob_key, file_key, content_type, width, height,
        size_bytes)
    SELECT $1, r.sha256, r.pixels, k.blob_key, r.file_key, k.content_type, r.width, r.height,
           k.size_bytes
    FROM come r JOIN (SELECT * FROM kept UNION ALL SELECT * FROM fresh) k ON k.pixels = r.pixels
    WHERE (SELECT yes FROM fits)
    ORDER BY r.sha256
    ON CONFLICT (org_id, sha256) DO NOTHING
)
SELECT (SELECT yes FROM fits), (SELECT bytes FROM need),
       coalesce((SELECT bytes FROM viz_storage WHERE org_id = $1), 0),
       (SELECT count(*) FROM come r WHERE r.blob_key NOT IN (SELECT blob_key FROM fresh)
            AND NOT EXISTS (SELECT FROM viz_images i WHERE i.org_id = $1 AND i.sha256 = r.sha256
                                AND i.blob_key = r.blob_key));

-- Screenshots of the project that show these pictures under the same signature: what a build may
-- take over. [{n, sha256, name, browser, viewport_width}]; without a signature (legacy) any.
-- name: viz_screenshots_reusable
SELECT DISTINCT ON (r.n) r.n, s.sha256, s.name, s.browser, s.viewport_width, s.viewport_height,
       s.url, s.properties
FROM json_to_recordset($3::json) AS r(n bigint, sha256 text, name text, browser text,
    viewport_width bigint)
JOIN viz_screenshots s ON s.org_id = $1 AND s.project_id = $2 AND s.sha256 = r.sha256
    AND (r.name IS NULL OR s.signature = viz_signature(r.name, r.viewport_width, r.browser))
ORDER BY r.n, s.build_seq DESC, s.created_at DESC;

-- Adds [{name, browser, viewport_width, viewport_height, sha256, url, properties}] to a build.
-- name: viz_screenshots_add
INSERT INTO viz_screenshots (org_id, project_id, build_id, build_seq, branch, name, browser,
    viewport_width, viewport_height, signature, sha256, url, properties)
SELECT b.org_id, b.project_id, b.id, b.seq, b.branch, r.name, r.browser, r.viewport_width,
       r.viewport_height, viz_signature(r.name, r.viewport_width, r.browser), r.sha256, r.url,
       coalesce(r.properties, '{}')
FROM viz_builds b, json_to_recordset($3::json) AS r(name text, browser text, viewport_width bigint,
    viewport_height bigint, sha256 text, url text, properties json)
WHERE b.org_id = $1 AND b.id = $2::uuid
ORDER BY r.name, r.sha256
ON CONFLICT (build_id, signature, sha256) DO NOTHING
RETURNING id;

-- The same list, as it stands in the build now.
-- name: viz_screenshots_find
SELECT r.n, s.id, s.name, s.sha256, s.created_at, s.id = ANY($4::uuid[])
FROM json_to_recordset($3::json) AS r(n bigint, name text, browser text, viewport_width bigint,
    sha256 text)
JOIN viz_screenshots s ON s.org_id = $1 AND s.build_id = $2::uuid AND s.sha256 = r.sha256
    AND s.signature = viz_signature(r.name, r.viewport_width, r.browser)
ORDER BY r.n;

-- People's decisions on a project's content and new screenshots of it take turns: whoever comes second
-- sees what the first one did.
-- name: viz_content_watch
SELECT pg_advisory_xact_lock_shared(hashtextextended('viz_content', project_id)) FROM viz_builds
WHERE org_id = $1 AND id = $2::uuid;
-- name: viz_content_lock
SELECT pg_advisory_xact_lock(hashtextextended('viz_content', project_id)) FROM viz_comparisons
WHERE org_id = $1 AND id = $2::uuid AND ($3::bigint IS NULL OR project_id = $3);

-- Compares new screenshots with their baselines: the same signature in the build of the common
-- ancestor, else in the last complete build of the branch, else of the main branch. Same pixels need
-- no comparison; a pair that was compared before brings its result along; the rest is queued.
-- Content that a person has approved is approved here too.
-- name: viz_compare
WITH chosen AS (
    SELECT s.id, s.signature, s.build_id, b.project_id, b.threshold, b.colour_delta, b.cluster_min,
           i.pixels, i.blob_key, base.id AS base_id, base.why, bi.pixels AS base_pixels,
           bi.blob_key AS base_blob
    FROM viz_builds b
    JOIN viz_screenshots s ON s.build_id = b.id AND s.id = ANY($3::uuid[])
    JOIN viz_images i ON i.org_id = s.org_id AND i.sha256 = s.sha256
    CROSS JOIN LATERAL (
        SELECT c.* FROM (
            (SELECT p.id, p.sha256, 'common_ancestor' AS why, 1 AS rank
             FROM viz_screenshots p JOIN viz_builds o ON o.id = p.build_id
             WHERE p.project_id = b.project_id AND p.signature = s.signature AND NOT p.rejected
               AND p.build_id <> b.id AND o.commit_sha = b.common_ancestor_sha
               AND o.status <> 'failed'
             ORDER BY o.status = 'completed' DESC, p.build_seq DESC, p.created_at DESC LIMIT 1)
            UNION ALL
            (SELECT p.id, p.sha256, 'branch', 2
             FROM viz_screenshots p JOIN viz_builds o ON o.id = p.build_id
             WHERE p.project_id = b.project_id AND p.signature = s.signature AND NOT p.rejected
               AND p.build_id <> b.id AND p.branch = b.branch AND o.status = 'completed'
             ORDER BY p.build_seq DESC, p.created_at DESC LIMIT 1)
            UNION ALL
            (SELECT p.id, p.sha256, 'default_branch', 3
             FROM viz_screenshots p JOIN viz_builds o ON o.id = p.build_id
             WHERE p.project_id = b.project_id AND p.signature = s.signature AND NOT p.rejected
               AND p.build_id <> b.id AND p.branch IN ('main', 'master') AND o.status = 'completed'
             ORDER BY p.build_seq DESC, p.created_at DESC LIMIT 1)
        ) c ORDER BY c.rank LIMIT 1
    ) base
    JOIN viz_images bi ON bi.org_id = s.org_id AND bi.sha256 = base.sha256
    WHERE b.org_id = $1 AND b.id = $2::uuid
), pairs AS (
    INSERT INTO viz_pairs (org_id, base_pixels, current_pixels, colour_delta, cluster_min, base_blob,
        current_blob)
    SELECT DISTINCT ON (base_pixels, pixels) $1, base_pixels, pixels, colour_delta, cluster_min,
           base_blob, blob_key
    FROM chosen WHERE base_pixels <> pixels
    ORDER BY base_pixels, pixels
    -- The row is locked and read as it is now: whoever finishes the pair sees our comparison or we
    -- see the result.
    ON CONFLICT (org_id, base_pixels, current_pixels, colour_delta, cluster_min)
    DO UPDATE SET wanted = viz_pairs.wanted + 1
    RETURNING id, base_pixels, current_pixels, state, diff_percentage
), made AS (
    INSERT INTO viz_comparisons (org_id, project_id, build_id, screenshot_id, baseline_id,
        baseline_why, pair_id, threshold, status, diff_percentage, has_diff, approval_status,
        approval_comment, approved_by, approved_at, approved_from, completed_at)
    SELECT $1, c.project_id, c.build_id, c.id, c.base_id, c.why, p.id, c.threshold, r.status,
           r.percentage, r.percentage > c.threshold,
           CASE WHEN r.percentage <= c.threshold THEN 'auto_approved'
                WHEN a.comparison_id IS NOT NULL THEN 'approved' ELSE 'pending' END,
           k.comment, k.approved_by, k.approved_at, k.comparison_id,
           CASE WHEN r.status <> 'pending' THEN now() END
    FROM chosen c
    LEFT JOIN pairs p ON p.base_pixels = c.base_pixels AND p.current_pixels = c.pixels
    CROSS JOIN LATERAL (SELECT
        CASE WHEN p.id IS NULL OR p.state = 'done' THEN 'completed' ELSE p.state END AS status,
        CASE WHEN p.id IS NULL THEN 0 ELSE p.diff_percentage END AS percentage) r
    LEFT JOIN viz_approved a ON a.project_id = c.project_id AND a.signature = c.signature
        AND a.pixels = c.pixels
    LEFT JOIN viz_approved k ON k.comparison_id = a.comparison_id AND k.signature = a.signature
        AND k.pixels = a.pixels AND coalesce(r.percentage > c.threshold, true)
    RETURNING status
)
SELECT count(*), count(*) FILTER (WHERE status = 'pending') FROM made;

-- Last, because the row is shared by all who add to the build.
-- name: viz_build_grown
UPDATE viz_builds SET screenshots = screenshots + $3, updated_at = now(),
    status = CASE WHEN $3 > 0 AND status IN ('created', 'completed') THEN 'processing'
                  ELSE status END,
    told = told AND $3 = 0
WHERE org_id = $1 AND id = $2::uuid
RETURNING screenshots, status, name;

-- name: viz_announce
INSERT INTO viz_announced (org_id, build_id, sha256, name, browser, viewport_width, viewport_height,
    url)
SELECT $1, $2::uuid, r.sha256, r.name, r.browser, r.viewport_width, r.viewport_height, r.url
FROM json_to_recordset($3::json) AS r(sha256 text, name text, browser text, viewport_width bigint,
    viewport_height bigint, url text)
ON CONFLICT DO NOTHING;

-- name: viz_announced
SELECT sha256, name, browser, viewport_width, viewport_height, url FROM viz_announced
WHERE org_id = $1 AND build_id = $2::uuid AND sha256 = ANY($3::text[]) ORDER BY name;

-- name: viz_screenshots_of_build
SELECT s.id, s.name, s.build_id, s.browser, s.viewport_width, s.viewport_height, s.url, s.sha256,
       coalesce(c.status, 'completed'), i.file_key, i.size_bytes, i.width, i.height, s.created_at,
       s.properties
FROM viz_screenshots s
JOIN viz_images i ON i.org_id = s.org_id AND i.sha256 = s.sha256
LEFT JOIN viz_comparisons c ON c.screenshot_id = s.id
WHERE s.org_id = $1 AND s.build_id = $2::uuid
ORDER BY s.name, s.created_at, s.id;

-- Pictures are served to whoever knows their name.
-- name: viz_file
SELECT blob_key, content_type FROM viz_images WHERE file_key = $1
UNION ALL SELECT diff_blob, 'image/png' FROM viz_pairs WHERE diff_key = $1
LIMIT 1;

-- ---- comparisons

-- name: viz_comparison_get
SELECT * FROM viz_comparison_rows WHERE org_id = $1 AND id = $2::uuid
  AND ($3::bigint IS NULL OR project_id = $3);
-- name: viz_comparisons_of_build
SELECT * FROM viz_comparison_rows WHERE org_id = $1 AND build_id = $2::uuid ORDER BY name, id DESC;
-- Those of a project by name, the newest first. OFFSET 0: each row of the page is looked up by itself, also
-- where the planner does not know how short the page is.
-- name: viz_comparisons_named
WITH page AS (
    SELECT c.id FROM viz_comparisons c JOIN viz_screenshots s ON s.id = c.screenshot_id
    JOIN viz_builds b ON b.id = c.build_id
    WHERE c.org_id = $1 AND c.project_id = $2 AND s.name ILIKE $3 AND ($4::text IS NULL OR b.branch = $4)
    ORDER BY c.created_at DESC, s.name, c.id DESC LIMIT $5 OFFSET $6
)
SELECT r.* FROM page CROSS JOIN LATERAL (SELECT * FROM viz_comparison_rows v WHERE v.id = page.id OFFSET 0) r
ORDER BY r.created_at DESC, r.name, r.id DESC;
-- name: viz_comparisons_count
SELECT count(*) FROM viz_comparisons c JOIN viz_screenshots s ON s.id = c.screenshot_id
JOIN viz_builds b ON b.id = c.build_id
WHERE c.org_id = $1 AND c.project_id = $2 AND s.name ILIKE $3 AND ($4::text IS NULL OR b.branch = $4);
-- Of the same screenshot, in the newest builds.
-- name: viz_comparisons_recent
WITH page AS (
    SELECT c.id, s.build_seq FROM viz_screenshots s JOIN viz_comparisons c ON c.screenshot_id = s.id
    WHERE s.org_id = $1 AND s.project_id = $2 AND s.name = $3 AND c.id IS DISTINCT FROM $4::uuid
    ORDER BY s.build_seq DESC, c.id DESC LIMIT $5
)
SELECT r.* FROM page CROSS JOIN LATERAL (SELECT * FROM viz_comparison_rows v WHERE v.id = page.id OFFSET 0) r
ORDER BY page.build_seq DESC, r.id DESC;
-- Where the same change was seen.
-- name: viz_comparisons_similar
SELECT * FROM viz_comparison_rows WHERE org_id = $1 AND project_id = $2 AND fingerprint = $3
  AND id IS DISTINCT FROM $4::uuid
ORDER BY created_at DESC, id DESC LIMIT $5;
-- What waits for people.
-- name: viz_comparisons_undecided
SELECT * FROM viz_comparison_rows WHERE org_id = $1 AND project_id = $2
  AND approval_status = 'pending' AND status <> 'pending'
ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4;
-- name: viz_undecided_count
SELECT count(*), count(*) FILTER (WHERE has_diff), count(*) FILTER (WHERE status = 'failed')
FROM viz_comparisons WHERE org_id = $1 AND project_id = $2 AND approval_status = 'pending'
  AND status <> 'pending';
-- What a person looks at first: what could not be compared, then what is not decided, by how much it
-- differs; of each screenshot one variant before the others.
-- name: viz_evidence
SELECT * FROM viz_comparison_rows WHERE org_id = $1 AND build_id = $2::uuid
ORDER BY status = 'failed' DESC, row_number() OVER (PARTITION BY name ORDER BY
             approval_status = 'pending' DESC, diff_percentage DESC NULLS LAST, id),
         approval_status = 'pending' DESC, diff_percentage DESC NULLS LAST, name, id
LIMIT $3 OFFSET $4;
-- The baselines of a build: each with why it was chosen, the most used first.
-- name: viz_baselines_of_build
SELECT pb.id, pb.name, c.baseline_why,
       CASE WHEN bool_or(x.approval_status = 'rejected') THEN 'rejected'
            WHEN bool_or(x.approval_status = 'pending') THEN 'pending' ELSE 'approved' END
FROM viz_comparisons c JOIN viz_screenshots p ON p.id = c.baseline_id
JOIN viz_builds pb ON pb.id = p.build_id
LEFT JOIN viz_comparisons x ON x.build_id = pb.id
WHERE c.org_id = $1 AND c.build_id = $2::uuid
GROUP BY pb.id, pb.name, c.baseline_why ORDER BY count(DISTINCT c.id) DESC, pb.seq DESC;

-- A decision: of the comparison, of its screenshot as a baseline, and of its content everywhere.
-- name: viz_decide
UPDATE viz_comparisons SET approval_status = $3, approval_comment = $4, approved_from = NULL,
    approved_by = CASE WHEN $3 <> 'pending' THEN $5::uuid END,
    approved_at = CASE WHEN $3 <> 'pending' THEN now() END
WHERE org_id = $1 AND id = $2::uuid AND ($6::bigint IS NULL OR project_id = $6)
RETURNING id, approval_status, approval_comment, approved_by, approved_at, screenshot_id, build_id;
-- What was approved because this was is to be decided again.
-- name: viz_content_unspread
UPDATE viz_comparisons SET approval_status = 'pending', approval_comment = NULL, approved_by = NULL,
    approved_at = NULL, approved_from = NULL
WHERE org_id = $1 AND approved_from = $2::uuid;
-- name: viz_decide_screenshot
UPDATE viz_screenshots SET rejected = $3 WHERE org_id = $1 AND id = $2::uuid
RETURNING name, project_id, signature,
    (SELECT pixels FROM viz_images i WHERE i.org_id = viz_screenshots.org_id
         AND i.sha256 = viz_screenshots.sha256);
-- name: viz_content_forget
DELETE FROM viz_approved WHERE org_id = $1 AND project_id = $2 AND signature = $3 AND pixels = $4;
-- name: viz_content_approve
INSERT INTO viz_approved (org_id, project_id, signature, pixels, comparison_id, comment, approved_by,
    approved_at)
VALUES ($1, $2, $3, $4, $5::uuid, $6, $7::uuid, now())
ON CONFLICT (project_id, signature, pixels) DO UPDATE SET comparison_id = excluded.comparison_id,
    comment = excluded.comment, approved_by = excluded.approved_by, approved_at = excluded.approved_at;
-- Undecided comparisons of the same content, on whatever branch.
-- name: viz_content_spread
UPDATE viz_comparisons c SET approval_status = 'approved', approval_comment = $6,
    approved_by = $7::uuid, approved_at = now(), approved_from = $5::uuid
FROM viz_screenshots s JOIN viz_images i ON i.org_id = s.org_id AND i.sha256 = s.sha256
WHERE c.org_id = $1 AND s.id = c.screenshot_id AND s.project_id = $2 AND s.signature = $3
  AND i.pixels = $4 AND c.approval_status = 'pending' AND c.id <> $5::uuid;

-- ---- comments and reviewers

-- name: viz_comment_insert
INSERT INTO viz_comments (org_id, build_id, parent_id, user_id, author_name, content, type)
SELECT $1, $2::uuid, coalesce(p.parent_id, p.id), $4::uuid, $5, $6, $7
FROM (SELECT 1) one LEFT JOIN viz_comments p ON p.id = $3::uuid AND p.build_id = $2::uuid
WHERE $3::uuid IS NULL OR p.id IS NOT NULL
RETURNING id, build_id, user_id, author_name, content, type, created_at, updated_at;
-- name: viz_comments
SELECT id, build_id, user_id, author_name, content, type, created_at, updated_at, parent_id
FROM viz_comments WHERE org_id = $1 AND build_id = $2::uuid ORDER BY seq;
-- Somebody who is assigned already gets the new date, no second assignment.
-- name: viz_assign
INSERT INTO viz_assignments (org_id, build_id, user_id, user_name, due_at)
VALUES ($1, $2::uuid, $3::uuid, $4, $5)
ON CONFLICT (build_id, user_id) DO UPDATE SET due_at = excluded.due_at, user_name = excluded.user_name
RETURNING id, user_id, user_name, status, assigned_at, completed_at, due_at;
-- name: viz_unassign
DELETE FROM viz_assignments WHERE org_id = $1 AND build_id = $2::uuid AND id = $3::uuid
RETURNING user_name;
-- name: viz_assignment_decide
UPDATE viz_assignments SET status = $4, completed_at = now()
WHERE org_id = $1 AND build_id = $2::uuid AND user_id = $3::uuid;
-- name: viz_assignments
SELECT id, user_id, user_name, status, assigned_at, completed_at, due_at FROM viz_assignments
WHERE org_id = $1 AND build_id = $2::uuid ORDER BY assigned_at, id;

-- ---- hotspots

-- Of each name the newest complete builds in which it had a baseline, and the rows that differed.
-- name: viz_history
SELECT n.name, h.build_seq, h.approved, h.bands
FROM unnest($3::text[]) AS n(name)
CROSS JOIN LATERAL (
    SELECT s.build_seq,
           bool_and(c.approval_status IN ('approved', 'auto_approved')) AS approved,
           array_to_string(array_agg(array_to_string(q.bands, ',')) FILTER (WHERE c.has_diff), ',')
               AS bands
    FROM viz_screenshots s
    JOIN viz_builds b ON b.id = s.build_id AND b.status = 'completed'
    JOIN viz_comparisons c ON c.screenshot_id = s.id AND c.status = 'completed'
    LEFT JOIN viz_pairs q ON q.id = c.pair_id
    WHERE s.org_id = $1 AND s.project_id = $2 AND s.name = n.name
    GROUP BY s.build_seq ORDER BY s.build_seq DESC LIMIT $4) h
ORDER BY n.name, h.build_seq DESC;

-- ---- the queue of pairs

-- name: viz_pairs_claim
UPDATE viz_pairs SET lease_until = now() + $2 * interval '1 microsecond', attempts = attempts + 1,
    fence = fence + 1
WHERE id IN (SELECT id FROM viz_pairs WHERE state = 'pending'
                 AND (lease_until IS NULL OR lease_until < now())
             ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, org_id, fence, base_blob, current_blob, colour_delta, cluster_min, attempts;

-- Results of [{id, fence, state, error, verdict, diff_pixels, diff_percentage, ssim, fingerprint,
-- regions, bands, diff_blob, diff_key}]; of those whose claim has been lost, nothing.
-- name: viz_pairs_finish
WITH result AS (
    SELECT * FROM json_to_recordset($1::json) AS r(id bigint, fence bigint, state text, error text,
        verdict text, diff_pixels bigint, diff_percentage float8, ssim float8, fingerprint text,
        regions json, bands bigint[], diff_blob text, diff_key text)
), locked AS (
    SELECT p.id FROM viz_pairs p JOIN result r ON r.id = p.id AND r.fence = p.fence
    WHERE p.state = 'pending' ORDER BY p.base_pixels, p.current_pixels FOR UPDATE OF p
)
UPDATE viz_pairs p SET state = r.state, error = r.error, verdict = r.verdict,
    diff_pixels = r.diff_pixels, diff_percentage = r.diff_percentage, ssim = r.ssim,
    fingerprint = r.fingerprint, regions = r.regions, bands = r.bands, diff_blob = r.diff_blob,
    diff_key = r.diff_key, done_at = now(), lease_until = NULL
FROM result r, locked l WHERE l.id = p.id AND r.id = p.id
RETURNING p.id;

-- name: viz_comparisons_finish
UPDATE viz_comparisons c SET
    status = CASE p.state WHEN 'done' THEN 'completed' ELSE 'failed' END,
    diff_percentage = p.diff_percentage, has_diff = p.diff_percentage > c.threshold,
    approval_status = CASE WHEN c.approval_status = 'pending' AND p.diff_percentage <= c.threshold
                           THEN 'auto_approved' ELSE c.approval_status END,
    completed_at = now()
FROM viz_pairs p
WHERE p.id = ANY($1::bigint[]) AND c.pair_id = p.id AND c.status = 'pending'
RETURNING c.build_id, c.org_id, c.id, c.has_diff AND c.approval_status = 'pending',
    (SELECT s.name FROM viz_screenshots s WHERE s.id = c.screenshot_id), c.diff_percentage;

-- Nobody removes these uploads from the store while we look at them.
-- name: viz_blobs_hold
SELECT count(pg_advisory_xact_lock_shared(hashtextextended(k, 7)))
FROM (SELECT k FROM unnest($1::text[]) AS k ORDER BY k) keys;
-- Of these uploads, those that no picture is made of; second column: and nobody else is looking at, so
-- that they are ours to remove. A picture's file is named after the digest of the picture's own row.
-- name: viz_blobs_unused
SELECT k, pg_try_advisory_xact_lock(hashtextextended(k, 7)) FROM unnest($2::text[]) AS k
WHERE NOT EXISTS (SELECT FROM viz_images i WHERE i.org_id = $1 AND i.sha256 = split_part(k, '-', 1)
                      AND i.blob_key = k);
-- Uploads that somebody else was looking at, to be removed when nobody is.
-- name: viz_spare_add
INSERT INTO viz_spare (org_id, blob_key) SELECT $1, k FROM unnest($2::text[]) AS k
ON CONFLICT DO NOTHING;
-- name: viz_spare_take
DELETE FROM viz_spare s WHERE s.blob_key IN (
    SELECT blob_key FROM viz_spare WHERE pg_try_advisory_xact_lock(hashtextextended(blob_key, 7))
    ORDER BY blob_key LIMIT 100 FOR UPDATE SKIP LOCKED)
RETURNING s.blob_key, NOT EXISTS (SELECT FROM viz_images i WHERE i.org_id = s.org_id
    AND i.sha256 = split_part(s.blob_key, '-', 1) AND i.blob_key = s.blob_key);

-- ---- static previews

-- Changes of an organization's previews take turns.
-- name: viz_preview_lock
SELECT pg_advisory_xact_lock(hashtextextended('preview', $1));
-- Announces the contents [{sha256, size_bytes}] and counts those that are new, all or nothing by the quota
-- $3 (0: none): whether they fit, their bytes, those that were there, and which contents are not in the
-- store yet. They are safe from the sweep while they are stored.
-- name: viz_preview_announce
WITH come AS (
    SELECT r.sha256, r.size_bytes FROM json_to_recordset($2::json) AS r(sha256 text, size_bytes bigint)
), made AS (
    INSERT INTO viz_preview_blobs AS b (org_id, sha256, size_bytes, loose_at)
    SELECT $1, sha256, size_bytes, now() + interval '1 hour' FROM come ORDER BY sha256
    ON CONFLICT (org_id, sha256) DO UPDATE SET loose_at = excluded.loose_at
    RETURNING b.sha256, b.size_bytes, b.stored, xmax = 0 AS is_new
), need AS (
    SELECT coalesce(sum(size_bytes) FILTER (WHERE is_new), 0)::bigint AS bytes FROM made
), took AS (
    INSERT INTO viz_storage AS s (org_id, bytes)
    SELECT $1, bytes FROM need WHERE bytes > 0 AND ($3 = 0 OR bytes <= $3)
    ON CONFLICT (org_id) DO UPDATE SET bytes = s.bytes + excluded.bytes
        WHERE $3 = 0 OR s.bytes + excluded.bytes <= $3
    RETURNING bytes
)
SELECT need.bytes = 0 OR EXISTS (SELECT FROM took), need.bytes,
       coalesce((SELECT bytes FROM viz_storage WHERE org_id = $1), 0),
       ARRAY(SELECT sha256 FROM made WHERE NOT stored)
FROM need;
-- name: viz_preview_put
INSERT INTO viz_previews AS p (build_id, org_id, token, base, files, expires_at)
VALUES ($2::uuid, $1, $3, $4, $5, now() + $6 * interval '1 microsecond')
ON CONFLICT (build_id) DO UPDATE SET base = excluded.base, files = excluded.files, updated_at = now(),
    expires_at = excluded.expires_at,
    token = CASE WHEN p.expires_at > now() THEN p.token ELSE excluded.token END
RETURNING token, expires_at;
-- name: viz_preview_clear
DELETE FROM viz_preview_files WHERE org_id = $1 AND build_id = $2::uuid;
-- The files [{path, sha256}], whose contents are in the store.
-- name: viz_preview_fill
WITH come AS (
    SELECT r.path, r.sha256 FROM json_to_recordset($3::json) AS r(path text, sha256 text)
), there AS (
    UPDATE viz_preview_blobs SET stored = true
    WHERE org_id = $1 AND NOT stored AND sha256 IN (SELECT sha256 FROM come)
)
INSERT INTO viz_preview_files (org_id, build_id, path, sha256)
SELECT $1, $2::uuid, path, sha256 FROM come;
-- name: viz_preview_get
SELECT token, base, files, expires_at FROM viz_previews
WHERE org_id = $1 AND build_id = $2::uuid AND expires_at > now();
-- name: viz_preview_delete
DELETE FROM viz_previews WHERE org_id = $1 AND build_id = $2::uuid RETURNING expires_at > now();

-- Files are served to whoever knows the preview's token. $2: the paths that would do, the best first.
-- name: viz_preview_file
SELECT f.path, f.sha256, p.org_id FROM viz_previews p JOIN viz_preview_files f ON f.build_id = p.build_id
WHERE p.token = $1 AND p.expires_at > now() AND f.path = ANY($2::text[])
ORDER BY array_position($2::text[], f.path) LIMIT 1;

-- name: viz_previews_end
DELETE FROM viz_previews WHERE build_id IN (SELECT build_id FROM viz_previews WHERE expires_at <= now()
    ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED);
-- Contents whose time to be looked at has come: shown ones are left alone from now on, others are no
-- longer offered to uploads.
-- name: viz_preview_blobs_look
UPDATE viz_preview_blobs b SET
    stored = b.stored AND l.shown, loose_at = CASE WHEN l.shown THEN NULL ELSE b.loose_at END
FROM (SELECT org_id, sha256, EXISTS (SELECT FROM viz_preview_files f WHERE f.org_id = c.org_id
          AND f.sha256 = c.sha256) AS shown
      FROM viz_preview_blobs c WHERE loose_at <= now() AND stored ORDER BY loose_at LIMIT 200
      FOR UPDATE SKIP LOCKED) l
WHERE b.org_id = l.org_id AND b.sha256 = l.sha256;
-- Of those, some to remove; nobody announces them meanwhile.
-- name: viz_preview_blobs_take
SELECT org_id, sha256 FROM viz_preview_blobs c WHERE loose_at <= now() AND NOT stored
  AND NOT EXISTS (SELECT FROM viz_preview_files f WHERE f.org_id = c.org_id AND f.sha256 = c.sha256)
ORDER BY loose_at LIMIT 50 FOR UPDATE SKIP LOCKED;
-- name: viz_preview_blobs_remove
WITH gone AS (
    DELETE FROM viz_preview_blobs b USING unnest($1::bigint[], $2::text[]) AS g(org_id, sha256)
    WHERE b.org_id = g.org_id AND b.sha256 = g.sha256 RETURNING b.org_id, b.size_bytes
)
UPDATE viz_storage s SET bytes = s.bytes - g.bytes
FROM (SELECT org_id, sum(size_bytes)::bigint AS bytes FROM gone GROUP BY org_id) g WHERE s.org_id = g.org_id;
