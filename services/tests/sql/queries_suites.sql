-- Statements of the tests service. Apps, suites, cases; whether one exists.
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

-- A case that comes in the place of one that was deleted (a suite brought anew from its file) looks like it.
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
), inherited AS (
    UPDATE baselines SET case_id = made.id FROM made
    WHERE case_id = (
        SELECT gone.id FROM cases gone
        WHERE gone.org_id = $2 AND gone.suite_id = $3 AND gone.name = $5 AND gone.deleted_at IS NOT NULL
          AND EXISTS (SELECT 1 FROM baselines b WHERE b.case_id = gone.id)
        ORDER BY gone.id LIMIT 1)
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
