-- Statements of the tests service. Builds of the SDK and their screenshots.

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

-- Of the $3 comparisons of a build that are not done, those that somebody works on.
-- name: viz_build_active
SELECT least($3, count(*)) FROM viz_comparisons c JOIN viz_pairs p ON p.id = c.pair_id
WHERE c.org_id = $1 AND c.build_id = $2::uuid AND c.status = 'pending' AND p.lease_until > now();

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
SELECT b.id FROM (SELECT DISTINCT id FROM unnest($1::uuid[]) AS id ORDER BY id) n
CROSS JOIN LATERAL (SELECT o.id FROM viz_builds o WHERE o.id = n.id LIMIT 1 FOR NO KEY UPDATE) b;
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
    SELECT k.* FROM (SELECT DISTINCT pixels FROM come) c
    CROSS JOIN LATERAL (SELECT i.pixels, i.blob_key, i.content_type, i.size_bytes FROM viz_images i
        WHERE i.org_id = $1 AND i.pixels = c.pixels ORDER BY i.created_at, i.sha256 LIMIT 1) k
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

-- The signatures asked for by [{n, sha256, name, browser, viewport_width}], and under which the project has
-- shown the picture last; null: never.
-- name: viz_signatures
SELECT r.n, viz_signature(r.name, r.viewport_width, r.browser),
       (SELECT s.signature FROM viz_screenshots s WHERE s.org_id = $1 AND s.project_id = $2
            AND s.sha256 = r.sha256 ORDER BY s.build_seq DESC, s.created_at DESC LIMIT 1)
FROM json_to_recordset($3::json) AS r(n bigint, sha256 text, name text, browser text, viewport_width bigint);

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
-- Content that a person has approved is approved here too. All is looked up one by one (LIMIT, sub-selects),
-- and baselines in the very order of their index: a planner without figures, which it is during the first
-- minute of a table, read all pictures and screenshots of a project for every new one.
-- name: viz_compare
WITH chosen AS (
    SELECT s.id, s.signature, s.build_id, b.project_id, b.threshold, b.colour_delta, b.cluster_min,
           i.pixels, i.blob_key, base.id AS base_id, base.why, bi.pixels AS base_pixels,
           bi.blob_key AS base_blob
    FROM viz_builds b
    CROSS JOIN unnest($3::uuid[]) AS n(id)
    CROSS JOIN LATERAL (SELECT o.* FROM viz_screenshots o WHERE o.id = n.id LIMIT 1) s
    CROSS JOIN LATERAL (SELECT o.pixels, o.blob_key FROM viz_images o
        WHERE o.org_id = s.org_id AND o.sha256 = s.sha256 LIMIT 1) i
    CROSS JOIN LATERAL (
        SELECT c.* FROM (
            (SELECT p.id, p.sha256, 'common_ancestor' AS why, 1 AS rank, p.build_seq
             FROM viz_builds o JOIN viz_screenshots p ON p.build_id = o.id
             WHERE o.project_id = b.project_id AND o.commit_sha = b.common_ancestor_sha AND o.id <> b.id
               AND o.status <> 'failed' AND p.signature = s.signature AND NOT p.rejected
             ORDER BY o.status = 'completed' DESC, p.build_seq DESC, p.created_at DESC LIMIT 1)
            UNION ALL
            (SELECT p.id, p.sha256, 'branch', 2, p.build_seq
             FROM viz_screenshots p
             WHERE p.project_id = b.project_id AND p.signature = s.signature AND p.branch = b.branch
               AND NOT p.rejected AND p.build_id <> b.id
               AND (SELECT o.status FROM viz_builds o WHERE o.id = p.build_id) = 'completed'
             ORDER BY p.build_seq DESC, p.created_at DESC LIMIT 1)
            UNION ALL
            (SELECT p.id, p.sha256, 'default_branch', 3, p.build_seq
             FROM viz_screenshots p
             WHERE p.project_id = b.project_id AND p.signature = s.signature AND p.branch = 'main'
               AND NOT p.rejected AND p.build_id <> b.id
               AND (SELECT o.status FROM viz_builds o WHERE o.id = p.build_id) = 'completed'
             ORDER BY p.build_seq DESC, p.created_at DESC LIMIT 1)
            UNION ALL
            (SELECT p.id, p.sha256, 'default_branch', 3, p.build_seq
             FROM viz_screenshots p
             WHERE p.project_id = b.project_id AND p.signature = s.signature AND p.branch = 'master'
               AND NOT p.rejected AND p.build_id <> b.id
               AND (SELECT o.status FROM viz_builds o WHERE o.id = p.build_id) = 'completed'
             ORDER BY p.build_seq DESC, p.created_at DESC LIMIT 1)
        ) c ORDER BY c.rank, c.build_seq DESC LIMIT 1
    ) base
    CROSS JOIN LATERAL (SELECT o.pixels, o.blob_key FROM viz_images o
        WHERE o.org_id = s.org_id AND o.sha256 = base.sha256 LIMIT 1) bi
    WHERE b.org_id = $1 AND b.id = $2::uuid AND s.build_id = b.id
), pairs AS (
    INSERT INTO viz_pairs (org_id, base_pixels, current_pixels, colour_delta, cluster_min, base_blob,
        current_blob)
    SELECT DISTINCT ON (base_pixels, pixels) $1, base_pixels, pixels, colour_delta, cluster_min,
           base_blob, blob_key
    FROM chosen WHERE base_pixels <> pixels
    ORDER BY base_pixels, pixels
    -- The row is locked and read as it is now: whoever finishes the pair sees our comparison or we
    -- see the result.
    -- What could not be compared before is tried again.
    ON CONFLICT (org_id, base_pixels, current_pixels, colour_delta, cluster_min)
    DO UPDATE SET wanted = viz_pairs.wanted + 1,
        state = CASE viz_pairs.state WHEN 'failed' THEN 'pending' ELSE viz_pairs.state END,
        attempts = CASE viz_pairs.state WHEN 'failed' THEN 0 ELSE viz_pairs.attempts END,
        base_blob = CASE viz_pairs.state WHEN 'failed' THEN excluded.base_blob ELSE viz_pairs.base_blob END,
        current_blob = CASE viz_pairs.state WHEN 'failed' THEN excluded.current_blob
                       ELSE viz_pairs.current_blob END
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
    LEFT JOIN LATERAL (SELECT o.comparison_id, o.comment, o.approved_by, o.approved_at FROM viz_approved o
        WHERE o.project_id = c.project_id AND o.signature = c.signature AND o.pixels = c.pixels
        LIMIT 1) a ON true
    LEFT JOIN LATERAL (SELECT a.* WHERE coalesce(r.percentage > c.threshold, true)) k ON true
    RETURNING *
)
SELECT m.build_id, m.org_id, m.id, coalesce(m.has_diff AND m.approval_status = 'pending', false),
       (SELECT s.name FROM viz_screenshots s WHERE s.id = m.screenshot_id), m.diff_percentage, m.status
FROM made m;

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
    url, properties)
SELECT $1, $2::uuid, r.sha256, r.name, r.browser, r.viewport_width, r.viewport_height, r.url, r.properties
FROM json_to_recordset($3::json) AS r(sha256 text, name text, browser text, viewport_width bigint,
    viewport_height bigint, url text, properties json)
ON CONFLICT DO NOTHING;

-- name: viz_announced
SELECT sha256, name, browser, viewport_width, viewport_height, url, properties FROM viz_announced
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
