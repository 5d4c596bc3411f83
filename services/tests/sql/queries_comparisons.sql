-- Statements of the tests service. Comparisons, what people say of them, hotspots, the queue of pairs;
-- previews.

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

-- All comparisons that a decision on one may change, held before the first is changed: in the order in which
-- whoever finishes pairs holds them, so that neither waits for the other.
-- name: viz_content_hold
WITH mine AS (
    SELECT s.project_id, s.signature, i.pixels
    FROM viz_comparisons c JOIN viz_screenshots s ON s.id = c.screenshot_id
    JOIN viz_images i ON i.org_id = s.org_id AND i.sha256 = s.sha256
    WHERE c.org_id = $1 AND c.id = $2::uuid
)
SELECT c.id FROM viz_comparisons c
WHERE c.id IN (
    SELECT $2::uuid
    UNION SELECT f.id FROM viz_comparisons f WHERE f.org_id = $1 AND f.approved_from = $2::uuid
    UNION SELECT o.id FROM mine m
        JOIN viz_screenshots s ON s.project_id = m.project_id AND s.signature = m.signature
        JOIN viz_comparisons o ON o.screenshot_id = s.id AND o.approval_status = 'pending'
        WHERE s.org_id = $1 AND EXISTS (SELECT FROM viz_images i WHERE i.org_id = $1
            AND i.sha256 = s.sha256 AND i.pixels = m.pixels))
  AND c.org_id = $1
ORDER BY c.id FOR NO KEY UPDATE;

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
-- People whose last word on a build is a rejection.
-- name: viz_comments_unresolved
SELECT count(*) FROM (
    SELECT DISTINCT ON (user_id) type FROM viz_comments
    WHERE org_id = $1 AND build_id = $2::uuid AND type <> 'general' ORDER BY user_id, seq DESC) last
WHERE type = 'rejection';
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

-- ---- what is known to change

-- Differences that nobody has decided, with their places and the confirmed regions of the screenshot; held.
-- Each is looked up by itself (LIMIT), as in viz_compare.
-- name: viz_doubts
SELECT c.id, c.project_id, s.name, s.signature, s.build_seq, q.ssim, q.regions, cardinality(q.bands) / 2,
       (SELECT string_agg(concat_ws(',', r.x1, r.y1, r.x2, r.y2), ',') FROM viz_regions r
        WHERE r.project_id = c.project_id AND r.name = s.name)
FROM (SELECT DISTINCT id FROM unnest($1::uuid[]) AS id ORDER BY id) n
CROSS JOIN LATERAL (SELECT o.id, o.project_id, o.screenshot_id, o.pair_id FROM viz_comparisons o
    WHERE o.id = n.id AND o.has_diff AND o.approval_status = 'pending' LIMIT 1 FOR NO KEY UPDATE) c
CROSS JOIN LATERAL (SELECT o.name, o.signature, o.build_seq FROM viz_screenshots o
    WHERE o.id = c.screenshot_id LIMIT 1) s
CROSS JOIN LATERAL (SELECT o.ssim, o.regions, o.bands FROM viz_pairs o WHERE o.id = c.pair_id LIMIT 1) q;
-- name: viz_doubts_named
SELECT c.id FROM viz_screenshots s JOIN viz_comparisons c ON c.screenshot_id = s.id
WHERE s.org_id = $1 AND s.project_id = $2 AND s.name = $3 AND c.has_diff AND c.approval_status = 'pending'
ORDER BY s.build_seq DESC LIMIT 500;
-- Of each screenshot what the newest builds before $4 saw of it as far as it is approved: the rows and the
-- columns that differed. The same two pictures count once, however often they were held against each other:
-- what changes by itself looks different each time. What a hotspot passed does not count: nobody has looked.
-- name: viz_judged_before
SELECT n.i - 1, h.rows, h.columns
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
    AS n(project_id, name, signature, seq, i)
CROSS JOIN LATERAL (
    SELECT d.build_seq, CASE WHEN d.has_diff THEN array_to_string(d.bands, ',') END AS rows,
           CASE WHEN d.has_diff THEN (SELECT string_agg(concat_ws(',', r ->> 'x1', r ->> 'x2'), ',')
               FROM json_array_elements(d.regions) AS r) END AS columns
    FROM (SELECT DISTINCT ON (coalesce(k.pair_id, -k.build_seq)) k.*
          FROM (SELECT s.build_seq, c.pair_id, c.has_diff, q.bands, q.regions
                FROM viz_screenshots s
                CROSS JOIN LATERAL (SELECT o.* FROM viz_comparisons o WHERE o.screenshot_id = s.id LIMIT 1) c
                LEFT JOIN viz_pairs q ON q.id = c.pair_id
                WHERE s.project_id = n.project_id AND s.name = n.name AND s.signature = n.signature
                  AND s.build_seq < n.seq
                  AND (SELECT o.status FROM viz_builds o WHERE o.id = s.build_id) = 'completed'
                  AND c.status = 'completed' AND c.approval_status IN ('approved', 'auto_approved')
                  AND c.approved_from IS NULL AND c.filter IS DISTINCT FROM 'hotspot-filtered'
                ORDER BY s.build_seq DESC LIMIT 60) k
          ORDER BY coalesce(k.pair_id, -k.build_seq), k.build_seq DESC) d
    ORDER BY d.build_seq DESC LIMIT 20) h
ORDER BY n.i, h.build_seq DESC;
-- [{id, filter, region_coverage, hotspot_coverage}]
-- name: viz_judged
UPDATE viz_comparisons c SET filter = r.filter, region_coverage = r.region_coverage,
    hotspot_coverage = r.hotspot_coverage,
    approval_status = CASE WHEN r.filter IS NULL THEN c.approval_status ELSE 'auto_approved' END
FROM json_to_recordset($1::json) AS r(id uuid, filter text, region_coverage float8, hotspot_coverage float8)
WHERE c.id = r.id;

-- name: viz_regions_of
SELECT name, id, label, x1, y1, x2, y2 FROM viz_regions
WHERE org_id = $1 AND project_id = $2 AND name = ANY($3::text[]) ORDER BY name, created_at, id;
-- Of each name what differed in the newest complete builds.
-- name: viz_regions_seen
SELECT n.name, h.regions FROM (SELECT DISTINCT name FROM unnest($3::text[]) AS u(name)) n
CROSS JOIN LATERAL (
    SELECT s.build_seq, CASE WHEN c.has_diff THEN q.regions END AS regions
    FROM viz_screenshots s
    JOIN viz_builds b ON b.id = s.build_id AND b.status = 'completed'
    JOIN viz_comparisons c ON c.screenshot_id = s.id AND c.status = 'completed'
    LEFT JOIN viz_pairs q ON q.id = c.pair_id
    WHERE s.org_id = $1 AND s.project_id = $2 AND s.name = n.name
    ORDER BY s.build_seq DESC LIMIT $4) h
ORDER BY n.name, h.build_seq DESC;
-- name: viz_region_confirm
INSERT INTO viz_regions (org_id, project_id, name, label, x1, y1, x2, y2, confirmed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::uuid)
ON CONFLICT (project_id, name, x1, y1, x2, y2) DO UPDATE SET label = excluded.label
RETURNING id;
-- name: viz_region_remove
DELETE FROM viz_regions WHERE org_id = $1 AND project_id = $2 AND name = $3 AND id = $4::uuid RETURNING id;

-- ---- the queue of pairs

-- name: viz_pairs_claim
UPDATE viz_pairs SET lease_until = now() + $2 * interval '1 microsecond', attempts = attempts + 1,
    fence = fence + 1
WHERE id = ANY(ARRAY(SELECT id FROM viz_pairs WHERE state = 'pending'
                         AND (lease_until IS NULL OR lease_until < now())
                     ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id, org_id, fence, base_blob, current_blob, colour_delta, cluster_min, attempts;

-- The store was away: those of $1 that are still ours (fence $2) are tried again after $3, and say why ($4).
-- name: viz_pairs_give_back
UPDATE viz_pairs p SET attempts = attempts - 1, lease_until = now() + $3 * interval '1 microsecond',
    error = $4 || '; the comparison is tried again'
FROM unnest($1::bigint[], $2::bigint[]) AS g(id, fence)
WHERE p.id = g.id AND p.fence = g.fence AND p.state = 'pending';

-- Results of [{id, fence, state, error, verdict, diff_pixels, diff_percentage, ssim, fingerprint,
-- regions, bands, diff_blob, diff_key}]; of those whose claim has been lost, nothing.
-- name: viz_pairs_finish
WITH result AS (
    SELECT * FROM json_to_recordset($1::json) AS r(id bigint, fence bigint, state text, error text,
        verdict text, diff_pixels bigint, diff_percentage float8, ssim float8, fingerprint text,
        regions json, bands bigint[], diff_blob text, diff_key text)
), locked AS (
    SELECT p.id FROM viz_pairs p JOIN result r ON r.id = p.id AND r.fence = p.fence
    WHERE p.id = ANY(ARRAY(SELECT id FROM result)) AND p.state = 'pending'
    ORDER BY p.base_pixels, p.current_pixels FOR UPDATE OF p
)
UPDATE viz_pairs p SET state = r.state, error = r.error, verdict = r.verdict,
    diff_pixels = r.diff_pixels, diff_percentage = r.diff_percentage, ssim = r.ssim,
    fingerprint = r.fingerprint, regions = r.regions, bands = r.bands, diff_blob = r.diff_blob,
    diff_key = r.diff_key, done_at = now(), lease_until = NULL
FROM result r, locked l WHERE l.id = p.id AND r.id = p.id
RETURNING p.id;

-- Held in order first, as decisions do (viz_content_hold). What could not be compared before and now is, is
-- no longer failed. Asked for those that are pending, a planner reads all that are; and each is looked up by
-- itself (LIMIT), as in viz_compare.
-- name: viz_comparisons_finish
WITH meant AS (
    SELECT DISTINCT o.id FROM unnest($1::bigint[]) AS n(pair_id)
    CROSS JOIN LATERAL (SELECT c.id FROM viz_comparisons c WHERE c.pair_id = n.pair_id OFFSET 0) o
    ORDER BY o.id
), held AS (
    SELECT o.* FROM meant m CROSS JOIN LATERAL (SELECT c.id, c.pair_id, c.status FROM viz_comparisons c
        WHERE c.id = m.id LIMIT 1 FOR NO KEY UPDATE) o
)
UPDATE viz_comparisons c SET
    status = CASE p.state WHEN 'done' THEN 'completed' ELSE 'failed' END,
    diff_percentage = p.diff_percentage, has_diff = p.diff_percentage > c.threshold,
    approval_status = CASE WHEN c.approval_status = 'pending' AND p.diff_percentage <= c.threshold
                           THEN 'auto_approved' ELSE c.approval_status END,
    completed_at = now()
FROM held h JOIN viz_pairs p ON p.id = h.pair_id
WHERE c.id = h.id AND h.status IN ('pending', 'failed')
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
