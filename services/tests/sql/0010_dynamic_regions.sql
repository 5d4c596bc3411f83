-- Parts of a screenshot that change by themselves (a clock, an advert), as people confirmed them.
CREATE TABLE viz_regions (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id       bigint NOT NULL,
    project_id   bigint NOT NULL,
    name         text NOT NULL, -- of the screenshot, whatever its viewport
    label        text,
    x1           bigint NOT NULL,
    y1           bigint NOT NULL,
    x2           bigint NOT NULL,
    y2           bigint NOT NULL,
    confirmed_by uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (project_id, name, x1, y1, x2, y2)
);
SELECT tenant_table('viz_regions');

-- Why a difference needs nobody to look at it: it lies where the screenshot is known to change. And how much
-- of it does, 0 to 1, where something is known.
ALTER TABLE viz_comparisons ADD COLUMN filter text CHECK (filter IN ('region-filtered', 'hotspot-filtered')),
    ADD COLUMN region_coverage float8, ADD COLUMN hotspot_coverage float8;

CREATE OR REPLACE VIEW viz_comparison_rows WITH (security_invoker = true) AS
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
       c.project_id, c.org_id, c.filter, c.region_coverage, c.hotspot_coverage
FROM viz_comparisons c
JOIN viz_builds b ON b.id = c.build_id
JOIN viz_screenshots s ON s.id = c.screenshot_id
JOIN viz_images i ON i.org_id = s.org_id AND i.sha256 = s.sha256
JOIN viz_screenshots p ON p.id = c.baseline_id
JOIN viz_builds pb ON pb.id = p.build_id
JOIN viz_images pi ON pi.org_id = p.org_id AND pi.sha256 = p.sha256
LEFT JOIN viz_pairs q ON q.id = c.pair_id;

-- `accepted`: nobody needs to look, or somebody has and said yes, also to what could not be compared.
CREATE OR REPLACE VIEW viz_build_rows WITH (security_invoker = true) AS
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
        count(*) FILTER (WHERE status <> 'pending' AND (NOT has_diff
            OR approval_status IN ('approved', 'auto_approved'))) AS accepted,
        avg(diff_percentage) AS average,
        count(*) FILTER (WHERE approval_status = 'auto_approved') AS auto_approved
    FROM viz_comparisons WHERE build_id = b.id) c;
