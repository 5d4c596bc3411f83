-- Statements of the tests service. Baselines of cases.

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
