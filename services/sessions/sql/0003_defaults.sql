-- What the organization's defaults were when the session was started; null: the service's own
-- setting, and anybody of the organization may use it (sessions of runs, sessions from before).
ALTER TABLE sessions
    ADD COLUMN idle_us bigint CHECK (idle_us > 0),
    ADD COLUMN permissions text CHECK (permissions IN ('full', 'control', 'view'));
