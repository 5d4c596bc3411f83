-- Runs that wait because their organization has as many sessions as its plan allows: nobody waits
-- behind them.
ALTER TABLE device_queue ADD COLUMN held boolean NOT NULL DEFAULT false;

CREATE INDEX sessions_counted ON sessions (org_id) WHERE status IN ('queued', 'starting', 'active');
