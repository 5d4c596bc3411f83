-- Statements of the tests service. Runs, their queue and what is reported of them.

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
SELECT s.idx, s.text, s.status, s.duration_us, s.message, k.verdict, k.diff_percentage,
       CASE WHEN k.state = 'done' THEN coalesce(k.error, CASE WHEN k.baseline_key IS NULL
           THEN 'new: there was no baseline to compare it with' END) END,
       s.screenshot_key IS NOT NULL, k.state = 'done' AND k.baseline_key IS NOT NULL,
       k.diff_key IS NOT NULL
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
    jobs.mode, jobs.user_id, jobs.cancel, jobs.suite_run_id, jobs.worker_addr, jobs.on_device_id,
    jobs.warn_pct IS NOT NULL OR jobs.fail_pct IS NOT NULL;

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
    jobs.mode, jobs.user_id, jobs.cancel, jobs.suite_run_id, jobs.worker_addr, jobs.on_device_id,
    jobs.warn_pct IS NOT NULL OR jobs.fail_pct IS NOT NULL;

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

-- Jobs that are under way, for the gauges: of those who wait the age in seconds, of those who have a
-- lease how long ago the oldest ran out. State by state, as there is an index for each; the table
-- keeps all that ever ran.
-- name: job_depth
SELECT 'queued', count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint, 0::bigint
FROM jobs WHERE state = 'queued'
UNION ALL
SELECT 'waiting', count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint, 0
FROM jobs WHERE state = 'waiting'
UNION ALL
SELECT state, count(*), 0, greatest(extract(epoch FROM now() - min(lease_until)), 0)::bigint
FROM jobs WHERE state IN ('allocating', 'running') GROUP BY state
UNION ALL
SELECT 'releasing', count(*), 0, 0 FROM jobs WHERE state = 'releasing';

-- A hand-out whose worker is known to be gone, whatever its lease says.
-- name: job_of_lost_worker
SELECT id, org_id, fence, attempts, state, suite_run_id FROM jobs
WHERE id = $1 AND fence = $2 AND state = 'running' FOR UPDATE;

-- Leases that ran out: the caller puts the job back or ends it.
-- name: job_expired
SELECT id, org_id, fence, attempts, state, suite_run_id FROM jobs
WHERE state IN ('allocating', 'running') AND lease_until < now()
ORDER BY lease_until LIMIT 20 FOR UPDATE SKIP LOCKED;

-- The device that the hand-out may hold stays on record until sessions has taken it back. $2: hand-outs
-- that do not count, because nobody was lost.
-- name: job_requeue
UPDATE jobs SET state = 'queued', fence = fence + 1, lease_until = NULL, worker_addr = NULL,
    attempts = attempts - $2,
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
        suite_runs.started_at, suite_runs.finished_at, suite_runs.visual_status
), noted AS (
    UPDATE suites SET last_run_status = ended.status, last_run_at = ended.finished_at
    FROM ended WHERE suites.id = ended.suite_id
)
SELECT e.id, e.public_id, e.status, s.public_id, e.suite_name, e.commit_sha, e.metadata, e.run_url,
       (extract(epoch FROM e.finished_at - e.started_at) * 1000)::bigint, e.visual_status
FROM ended e JOIN suites s ON s.id = e.suite_id;

-- name: run_of_job_ended
WITH r AS MATERIALIZED (
    SELECT id, public_id, status, case_id, case_name, commit_sha, metadata, run_url, duration_ms,
           visual_status
    FROM case_runs WHERE job_id = $1 AND suite_run_id IS NULL
)
SELECT r.public_id, r.status, c.public_id, r.case_name, r.commit_sha, r.metadata, r.run_url,
       r.duration_ms, r.visual_status
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
