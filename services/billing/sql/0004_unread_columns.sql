-- When a usage event arrived: nothing reads it, and `id` has the same order.
ALTER TABLE usage_events DROP COLUMN received_at;
