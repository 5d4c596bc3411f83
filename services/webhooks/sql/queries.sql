-- Statements of the webhooks service.

-- ---- endpoints -----------------------------------------------------------------------------

-- name: endpoint_insert
INSERT INTO endpoints (org_id, name, url, event_types, created_by) VALUES ($1, $2, $3, $4::text[], $5)
RETURNING id, name, url, event_types, enabled, created_at;

-- name: endpoint_set_secret
UPDATE endpoints SET secret = $3::bytea WHERE org_id = $1 AND id = $2;

-- name: endpoint_list
SELECT id, name, url, event_types, enabled, created_at FROM endpoints WHERE org_id = $1
ORDER BY id DESC;

-- name: endpoint_get
SELECT id, name, url, event_types, enabled, created_at FROM endpoints WHERE org_id = $1 AND id = $2;

-- name: endpoint_count
SELECT count(*) FROM endpoints WHERE org_id = $1;

-- name: endpoint_delete
DELETE FROM endpoints WHERE org_id = $1 AND id = $2 RETURNING id, name, url;

-- ---- deliveries ----------------------------------------------------------------------------

-- name: delivery_fan_out
INSERT INTO deliveries (org_id, endpoint_id, event_id, event_type, payload)
SELECT e.org_id, e.id, $2::uuid, $3::text, $4 FROM endpoints e
WHERE e.org_id = $1 AND e.enabled AND $3::text = ANY (e.event_types)
ON CONFLICT DO NOTHING;

-- Takes the endpoint whose turn it is: one request per endpoint is under way at any time, whatever
-- the number of replicas, because the row is locked and its lease is looked at again once it is.
-- Those that fail have threads of their own ($1) and so cannot hold up the others.
-- name: endpoint_take_turn
UPDATE endpoints SET busy_until = now() + $2::bigint * interval '1 microsecond', turn = turn + 1
WHERE id = (
    SELECT e.id FROM endpoints e
    WHERE e.enabled AND e.busy_until <= now() AND (e.failing_since IS NOT NULL) = $1::boolean
      AND EXISTS (SELECT FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = 'pending'
                  AND d.next_at <= now())
    ORDER BY e.busy_until LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, org_id, url, secret, turn;

-- In the same transaction: the attempt is counted and its successor planned before anything is
-- sent. $2: the waits between attempts in microseconds; $3: how long the last one is held, for
-- deliveries_spent to end it should this process die.
-- name: delivery_claim
UPDATE deliveries SET attempt = attempt + 1,
    next_at = now() + coalesce(($2::bigint[])[attempt + 1] * (1 + random() / 10), $3::bigint)
              * interval '1 microsecond'
WHERE id = (SELECT id FROM deliveries
            WHERE endpoint_id = $1 AND state = 'pending' AND next_at <= now()
              AND attempt <= cardinality($2::bigint[])
            ORDER BY next_at, id LIMIT 1)
RETURNING id, event_id, event_type, payload, attempt;

-- Frees the endpoint after an attempt, unless somebody else has its turn by now. $3: it succeeded.
-- $4: disable it now, $5: after failing for so long.
-- name: endpoint_end_turn
UPDATE endpoints SET busy_until = now(),
    failing_since = CASE WHEN $3::boolean THEN NULL ELSE coalesce(failing_since, now()) END,
    enabled = enabled AND ($3::boolean OR ($4::boolean
              OR failing_since <= now() - $5::bigint * interval '1 microsecond') IS NOT TRUE)
WHERE id = $1 AND turn = $2
RETURNING enabled;

-- name: endpoint_disable
UPDATE endpoints SET enabled = false, disabled_reason = $2 WHERE id = $1
RETURNING org_id, name, url;

-- Nothing more is sent to an endpoint that was disabled; what waited can be sent again by hand.
-- name: deliveries_give_up
UPDATE deliveries SET state = 'failed', error = coalesce(error, 'the endpoint was disabled')
WHERE endpoint_id = $1 AND state = 'pending';

-- name: delivery_delivered
UPDATE deliveries SET state = 'delivered', delivered_at = now(), response_status = $3,
    response_excerpt = $4, error = NULL, took_ms = $5
WHERE id = $1 AND attempt = $2 AND state = 'pending';

-- The wait counts from the end of the attempt; the receiver may ask for a longer one ($8).
-- name: delivery_failed
UPDATE deliveries SET response_status = $3, response_excerpt = $4, error = $5, took_ms = $6,
    state = CASE WHEN attempt > cardinality($7::bigint[]) THEN 'failed' ELSE 'pending' END,
    next_at = now() + greatest(coalesce(($7::bigint[])[attempt], 0) * (1 + random() / 10), $8::bigint)
              * interval '1 microsecond'
WHERE id = $1 AND attempt = $2 AND state = 'pending';

-- Last attempts of processes that died: $1 attempts were made, the lease is over when less than $2
-- is left of the hold.
-- name: deliveries_spent
UPDATE deliveries SET state = 'failed', error = coalesce(error, 'the last attempt was interrupted')
WHERE state = 'pending' AND attempt >= $1::bigint
  AND next_at <= now() + $2::bigint * interval '1 microsecond';

-- name: deliveries_sweep
DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries WHERE created_at < now() - interval '30 days' LIMIT 1000);
