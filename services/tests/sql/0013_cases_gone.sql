-- The cases a suite had, by name: one that comes in the place of another takes over its baselines.
CREATE INDEX cases_gone_of_suite ON cases (suite_id, name) WHERE deleted_at IS NOT NULL AND suite_id IS NOT NULL;
