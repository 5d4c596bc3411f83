-- Statements of the billing service.

-- A run or session counts once, whatever arrives.
-- name: usage_add
INSERT INTO usage_events (event_id, org_id, type, meter, resource_id, status, quantity_micro,
                          billable_micro, actor_user_id, at)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING;

-- name: usage_sum
SELECT coalesce(sum(quantity_micro), 0)::bigint, coalesce(sum(billable_micro), 0)::bigint, count(*)
FROM usage_events WHERE org_id = $1 AND meter = $2 AND at >= $3 AND at < $4;
