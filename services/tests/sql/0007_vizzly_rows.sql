-- Builds and comparisons as clients read them, each in one place; their first columns stand in the order
-- of the enums in viz_builds.c and viz_comparisons.c, and after them what statements filter by. The wall
-- of the tables below is that of whoever asks.
CREATE VIEW viz_build_rows WITH (security_invoker = true) AS
SELECT b.id, b.name, b.branch, b.environment, viz_status(b) AS status, b.screenshots, b.created_at,
       b.updated_at, b.completed_at, b.commit_sha, b.commit_message, b.common_ancestor_sha,
       b.pull_request, b.parallel_id, b.threshold, b.execution_time_ms, b.user_agent,
       c.total, c.open, c.failed, c.changed, c.identical, c.approved, c.rejected, c.undecided,
       c.accepted, c.average,
       b.status = 'completed' AND b.seq = (SELECT max(n.seq) FROM viz_builds n
           WHERE n.project_id = b.project_id AND n.branch = b.branch AND n.status = 'completed')
           AS is_baseline,
       c.auto_approved, b.project_id, b.org_id, b.seq
FROM viz_builds b
CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(*) FILTER (WHERE status = 'pending') AS open,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE has_diff) AS changed,
        count(*) FILTER (WHERE NOT has_diff) AS identical,
        count(*) FILTER (WHERE approval_status IN ('approved', 'auto_approved')) AS approved,
        count(*) FILTER (WHERE approval_status = 'rejected') AS rejected,
        count(*) FILTER (WHERE approval_status = 'pending') AS undecided,
        count(*) FILTER (WHERE NOT has_diff OR has_diff AND approval_status = 'approved') AS accepted,
        avg(diff_percentage) AS average,
        count(*) FILTER (WHERE approval_status = 'auto_approved') AS auto_approved
    FROM viz_comparisons WHERE build_id = b.id) c;

-- Does a build belong to a list? NULL: any. `passed`: complete, and nothing is left to decide.
CREATE FUNCTION viz_build_fits(b viz_builds, a_branch text, an_environment text, a_status text)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (a_branch IS NULL OR b.branch = a_branch)
       AND (an_environment IS NULL OR b.environment = an_environment)
       AND (a_status IS NULL
            OR viz_status(b) = CASE a_status WHEN 'passed' THEN 'completed' ELSE a_status END)
       AND (a_status IS DISTINCT FROM 'passed' OR NOT EXISTS (SELECT FROM viz_comparisons c
            WHERE c.build_id = b.id AND c.approval_status IN ('pending', 'rejected')))
$$;

CREATE VIEW viz_comparison_rows WITH (security_invoker = true) AS
SELECT c.id, c.build_id, b.name AS build_name, b.branch, b.commit_sha, b.commit_message,
       b.common_ancestor_sha, s.name, c.status, c.diff_percentage, c.threshold, c.has_diff,
       c.approval_status, c.approval_comment, c.approved_by, c.approved_at, c.approved_from,
       c.created_at, s.browser, s.viewport_width, s.viewport_height,
       p.build_id AS baseline_build_id, pb.name AS baseline_build_name, c.baseline_why,
       CASE WHEN c.pair_id IS NULL THEN 'same' ELSE q.verdict END AS verdict,
       CASE WHEN c.pair_id IS NULL THEN 0 ELSE q.diff_pixels END AS diff_pixels,
       CASE WHEN c.pair_id IS NULL THEN 1 ELSE q.ssim END AS ssim, q.fingerprint, q.regions,
       q.diff_key, q.error, s.id AS screenshot_id, s.sha256, i.file_key, i.width, i.height,
       p.id AS baseline_id, p.sha256 AS baseline_sha256, pi.file_key AS baseline_file_key,
       pi.width AS baseline_width, pi.height AS baseline_height, p.name AS baseline_name,
       c.project_id, c.org_id
FROM viz_comparisons c
JOIN viz_builds b ON b.id = c.build_id
JOIN viz_screenshots s ON s.id = c.screenshot_id
JOIN viz_images i ON i.org_id = s.org_id AND i.sha256 = s.sha256
JOIN viz_screenshots p ON p.id = c.baseline_id
JOIN viz_builds pb ON pb.id = p.build_id
JOIN viz_images pi ON pi.org_id = p.org_id AND pi.sha256 = p.sha256
LEFT JOIN viz_pairs q ON q.id = c.pair_id;

-- What waits for people, and what was approved because the same content was.
CREATE INDEX viz_comparisons_undecided ON viz_comparisons (project_id, created_at DESC, id DESC)
    WHERE approval_status = 'pending' AND status <> 'pending';
CREATE INDEX viz_comparisons_followers ON viz_comparisons (approved_from) WHERE approved_from IS NOT NULL;
CREATE INDEX viz_pairs_by_fingerprint ON viz_pairs (org_id, fingerprint) WHERE fingerprint IS NOT NULL;

-- Files in the store that no picture is made of, and that could not be removed at once because somebody
-- was looking at them.
CREATE TABLE viz_spare (
    org_id   bigint NOT NULL,
    blob_key text PRIMARY KEY
);
SELECT tenant_table('viz_spare');
