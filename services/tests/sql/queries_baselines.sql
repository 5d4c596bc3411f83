-- Statements of the tests service. Baselines of cases.

-- ---- baselines -----------------------------------------------------------------------------

-- A passed step of a job that compares. $4: the sub-flow it belongs to, $5: how many steps before it in
-- the run are not of the case whose it is.
-- name: check_insert
INSERT INTO step_checks (org_id, job_id, case_run_id, case_id, step_index, steps_before, image_key,
                         image_type, warn_pct, fail_pct)
SELECT r.org_id, j.id, r.id,
       coalesce((SELECT c.id FROM cases c WHERE c.org_id = r.org_id AND c.public_id = $4), r.case_id),
       s.idx, $5, s.screenshot_key, coalesce(s.screenshot_type, 'image/jpeg'), j.warn_pct, j.fail_pct
FROM case_runs r
JOIN jobs j ON j.id = r.job_id
JOIN steps s ON s.case_run_id = r.id AND s.idx = $3
WHERE r.id = $1 AND r.job_id = $2 AND s.status = 'passed'
ON CONFLICT DO NOTHING;

-- name: check_claim
UPDATE step_checks SET attempts = attempts + 1, lease_until = now() + $1 * interval '1 microsecond'
WHERE id = ANY (ARRAY(
    SELECT k.id FROM step_checks k
    WHERE k.state = 'queued' AND (k.lease_until IS NULL OR k.lease_until < now())
      AND (NOT k.awaits_case OR EXISTS (
          SELECT 1 FROM case_runs r
          WHERE r.id = k.case_run_id AND r.status NOT IN ('pending', 'running')))
    ORDER BY k.id LIMIT 1 FOR UPDATE OF k SKIP LOCKED))
RETURNING id, org_id, job_id, image_key, warn_pct, fail_pct, attempts, step_index;

-- Back until its case is over; that was no attempt.
-- name: check_await_case
UPDATE step_checks SET awaits_case = true, lease_until = NULL, attempts = attempts - 1
WHERE id = $1 AND attempts = $2 AND state = 'queued';

-- The baseline of a screenshot of this size ($2, $3), found by its step. Without one: whether the case
-- has others, and its status.
-- name: baseline_find
SELECT b.id, b.image_key, r.status,
       b.id IS NULL AND EXISTS (
           SELECT 1 FROM baselines o
           WHERE o.case_id = k.case_id AND o.width = $2 AND o.height = $3 AND o.step_index >= 0)
FROM step_checks k
JOIN case_runs r ON r.id = k.case_run_id
JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
LEFT JOIN baselines b ON b.id = step_baseline(k.case_run_id, k.case_id, k.own_index, s.text, $2, $3)
WHERE k.id = $1;

-- That of a step with a new text: what stands in its place behind the last step that is known, unless it
-- belongs to another step of the run.
-- name: baseline_in_place
WITH k AS (
    SELECT case_run_id, case_id, own_index FROM step_checks WHERE id = $1
), known AS MATERIALIZED (
    SELECT e.own_index, b.id, b.step_index
    FROM k
    JOIN step_checks e ON e.case_run_id = k.case_run_id AND e.case_id = k.case_id
    JOIN steps s ON s.case_run_id = e.case_run_id AND s.idx = e.step_index
    JOIN baselines b ON b.id = step_baseline(e.case_run_id, e.case_id, e.own_index, s.text, $2, $3)
), shift AS (
    SELECT known.step_index - known.own_index AS by FROM known, k
    WHERE known.own_index < k.own_index AND known.step_index >= 0
    ORDER BY known.own_index DESC LIMIT 1
)
SELECT b.id, b.image_key
FROM k JOIN baselines b ON b.case_id = k.case_id AND b.width = $2 AND b.height = $3
WHERE b.step_index = k.own_index + coalesce((SELECT by FROM shift), 0)
  AND NOT EXISTS (SELECT 1 FROM known WHERE known.id = b.id);

-- A baseline, of any size, of a step that has no screenshot.
-- name: baseline_missed
SELECT b.id, b.image_key
FROM step_checks k
JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
JOIN baselines b ON b.case_id = k.case_id AND b.step = s.text
WHERE k.id = $1
ORDER BY abs(b.step_index - k.own_index), b.updated_at DESC LIMIT 1;

-- A comparison that was claimed anew since ($2) changes nothing.
-- name: check_done
UPDATE step_checks SET state = 'done', lease_until = NULL, width = $3, height = $4,
    baseline_key = $5, diff_percentage = $6, verdict = $7, diff_key = $8, error = $9, baseline_id = $10
WHERE id = $1 AND attempts = $2 AND state = 'queued'
RETURNING id;

-- What webhooks are told of a step that looks different.
-- name: check_told
SELECT coalesce(sr.public_id, r.public_id), sr.status, su.public_id, c.public_id, r.case_name,
       coalesce(r.run_url, sr.run_url), coalesce(r.commit_sha, sr.commit_sha),
       coalesce(r.metadata, sr.metadata), r.public_id, s.text
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
           min(k.step_index) FILTER (WHERE k.verdict = 'fail') AS at,
           (array_agg(k.error ORDER BY k.step_index) FILTER (WHERE k.verdict = 'fail'))[1] AS error
    FROM step_checks k WHERE k.job_id = $1 GROUP BY k.case_run_id
), judged AS (
    SELECT seen.*, r.status = 'passed' AND level = 3 AS fails
    FROM seen JOIN case_runs r ON r.id = seen.case_run_id
)
UPDATE case_runs r SET visual_status = visual_word(j.level),
    status = CASE WHEN j.fails THEN 'failed' ELSE r.status END,
    error_message = CASE WHEN j.fails
        THEN 'step ' || j.at + 1 || coalesce(' could not be compared with its baseline: ' || j.error,
                                             ' looks different from its baseline')
        ELSE r.error_message END
FROM judged j WHERE r.id = j.case_run_id
RETURNING r.public_id, r.case_name, r.error_message, j.fails, j.level,
    (SELECT s.public_id FROM suite_runs s WHERE s.id = r.suite_run_id);

-- name: checks_settle_suite_run
UPDATE suite_runs SET visual_status = (
    SELECT visual_word(max(visual_level(visual_status))) FROM case_runs WHERE suite_run_id = $1)
WHERE id = $1
RETURNING visual_status;

-- A case's first passing run makes its baselines; and a passing run says where its steps stand now.
-- name: baselines_place
SELECT place_baselines(array_agg(id)) FROM case_runs WHERE job_id = $1 AND status = 'passed'
HAVING count(*) > 0;

-- name: baselines_seed
INSERT INTO baselines (org_id, case_id, step_index, width, height, image_key, image_type, case_run_id, step)
SELECT k.org_id, k.case_id, k.own_index, k.width, k.height, k.image_key, k.image_type, r.id, s.text
FROM step_checks k
JOIN case_runs r ON r.id = k.case_run_id
JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
WHERE k.job_id = $1 AND k.baseline_key IS NULL AND k.width IS NOT NULL AND r.status = 'passed'
ORDER BY k.id
ON CONFLICT DO NOTHING;

-- name: baseline_list
SELECT b.id, b.case_id, b.step_index, b.width, b.height, b.created_at, b.updated_at,
       row_number() OVER (PARTITION BY b.step_index ORDER BY b.updated_at DESC, b.id DESC) = 1,
       b.step, r.public_id
FROM baselines b JOIN case_runs r ON r.id = b.case_run_id
WHERE b.org_id = $1 AND b.case_id = $2 AND b.step_index >= 0
ORDER BY b.step_index, b.updated_at DESC, b.id DESC;

-- name: baseline_image
SELECT b.image_key, b.image_type
FROM baselines b
WHERE b.org_id = $1 AND b.case_id = $2 AND b.step_index = $3 AND ($4::integer IS NULL OR b.width = $4)
ORDER BY b.updated_at DESC, b.id DESC LIMIT 1;

-- With $3 null all of the case, also those whose steps are gone.
-- name: baselines_delete
DELETE FROM baselines
WHERE org_id = $1 AND case_id = $2 AND ($3::integer IS NULL OR step_index = $3)
RETURNING step_index;

-- Whoever changes baselines of these cases takes turns; in the order of their ids.
-- name: baselines_lock
SELECT id FROM cases WHERE id IN (
    SELECT k.case_id FROM step_checks k WHERE k.case_run_id IN (SELECT case_runs_named($1, $2)))
ORDER BY id FOR NO KEY UPDATE;

-- What would be accepted, and whether the baseline is another one by now than it was compared with.
-- name: baselines_proposed
SELECT step_index, step, coalesce(baseline_key <> image_key
           AND baseline_key IS DISTINCT FROM compared_key, false) AS conflicts
FROM checks_to_accept($1, $2, $3) ORDER BY conflicts DESC, case_run_id, step_index;

-- A step that has none gets its place, should another one stand there.
-- name: baselines_make_room
SELECT place_baselines(ARRAY(SELECT case_runs_named($1, $2)))
WHERE EXISTS (
    SELECT 1 FROM checks_to_accept($1, $2, $3) a
    JOIN baselines b ON b.case_id = a.case_id AND b.width = a.width AND b.height = a.height
                    AND b.step_index = a.own_index
    WHERE a.baseline_id IS NULL);

-- The screenshots of a run, or of one step of it, become the baselines.
-- name: baselines_accept
WITH taken AS MATERIALIZED (
    SELECT * FROM checks_to_accept($1, $2, $3)
), replaced AS (
    UPDATE baselines b SET image_key = t.image_key, image_type = t.image_type,
        case_run_id = t.case_run_id, step = t.step, updated_at = now()
    FROM taken t WHERE b.id = t.baseline_id AND b.image_key <> t.image_key
    RETURNING b.case_id, b.step_index
), added AS (
    INSERT INTO baselines (org_id, case_id, step_index, width, height, image_key, image_type,
                           case_run_id, step)
    SELECT $1, case_id, own_index, width, height, image_key, image_type, case_run_id, step
    FROM taken WHERE baseline_id IS NULL
    RETURNING case_id, step_index
)
SELECT c.public_id, c.name, array_agg(a.step_index ORDER BY a.step_index)::text
FROM (SELECT * FROM replaced UNION ALL SELECT * FROM added) a JOIN cases c ON c.id = a.case_id
GROUP BY c.public_id, c.name ORDER BY c.public_id;

-- What looks like the baseline that it now has is no difference any more.
-- name: checks_resolve
UPDATE step_checks k SET verdict = 'ok', error = NULL
FROM checks_to_accept($1, $2, $3) a
WHERE k.case_run_id IN (SELECT case_runs_named($1, $2)) AND k.case_id = a.case_id
  AND k.own_index = a.own_index AND k.width = a.width AND k.height = a.height
  AND k.image_key = a.image_key AND k.verdict IN ('warn', 'fail');

-- name: visual_status_again
WITH seen AS (
    SELECT k.case_run_id, max(visual_level(k.verdict)) AS level
    FROM step_checks k WHERE k.case_run_id IN (SELECT case_runs_named($1, $2))
    GROUP BY k.case_run_id
)
UPDATE case_runs r SET visual_status = visual_word(seen.level) FROM seen WHERE r.id = seen.case_run_id
RETURNING r.suite_run_id;

-- The picture that a step's screenshot was compared with, and that of what differs.
-- name: check_pictures
SELECT k.baseline_key, k.image_type, k.diff_key
FROM step_checks k JOIN case_runs r ON r.id = k.case_run_id
WHERE k.org_id = $1 AND r.public_id = $2 AND k.step_index = $3 AND k.state = 'done';

-- name: run_is_open
SELECT status IN ('pending', 'running') OR EXISTS (
    SELECT 1 FROM step_checks k WHERE k.case_run_id = r.id AND k.state = 'queued') OR EXISTS (
    SELECT 1 FROM suite_runs s WHERE s.id = r.suite_run_id AND s.status IN ('pending', 'running'))
FROM case_runs r WHERE r.org_id = $1 AND r.public_id = $2
UNION ALL
SELECT status IN ('pending', 'running') FROM suite_runs WHERE org_id = $1 AND public_id = $2;
