-- Baselines in the order in which they are chosen, with nothing left to sort.
CREATE INDEX viz_screenshots_newest ON viz_screenshots
    (project_id, signature, branch, build_seq DESC, created_at DESC) WHERE NOT rejected;
DROP INDEX viz_screenshots_baseline;
