-- When a session will be ended though it is in use, and why: told a minute before.
ALTER TABLE sessions ADD COLUMN ending_at timestamptz, ADD COLUMN ending_reason text;
