-- name: outbox_add
INSERT INTO outbox (event_id, target, type, order_key, event)
SELECT $1::uuid, target, $3, $4, $5::bytea FROM unnest($2::smallint[]) AS target;

-- One relay claims for a target at a time: the order of keys depends on it. Nobody waits until the claim is on
-- the disk: one that a crash of Postgres undoes is made again, and the receiver knows what it has.
-- name: outbox_lock
SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.outbox', $1::bigint)),
    set_config('synchronous_commit', 'off', true);

-- Claims rows by pushing them into the future; a relay that dies gives them back that way. A row
-- waits while an earlier one with its order_key is claimed or waits to be tried again.
-- name: outbox_claim
WITH due AS MATERIALIZED (
    SELECT id FROM outbox o
    WHERE target = $1::smallint AND NOT dead AND next_at <= now()
      AND NOT EXISTS (SELECT 1 FROM outbox e
                      WHERE e.target = o.target AND e.order_key = o.order_key AND e.id < o.id
                        AND NOT e.dead AND e.next_at > now())
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox o SET next_at = now() + $3::bigint * interval '1 microsecond'
    FROM due WHERE o.id = due.id
    RETURNING o.id, o.event, o.attempts, o.order_key
)
SELECT id, event, attempts, order_key FROM claimed ORDER BY id;

-- As lazily: what comes back is told again, and known.
-- name: outbox_done
WITH lazy AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
DELETE FROM outbox USING lazy WHERE id = ANY($1::bigint[]);

-- Not delivered through no fault of the event: try again soon.
-- name: outbox_release
UPDATE outbox SET next_at = now() + $2::bigint * interval '1 microsecond' WHERE id = ANY($1::bigint[]);

-- Refused: back off, and give up at some point.
-- name: outbox_refused
UPDATE outbox SET attempts = attempts + 1, cause = $2,
    next_at = now() + least(60, 0.2 * power(2, least(attempts, 12))) * (0.75 + random() / 2) * interval '1 second',
    dead = attempts + 1 >= $3::integer
WHERE id = $1;

-- name: outbox_depth
SELECT count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead),
    coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE NOT dead)), 0)::bigint
FROM outbox;

-- name: inbox_add
INSERT INTO inbox (event_id) VALUES ($1::uuid) ON CONFLICT DO NOTHING;

-- name: inbox_add_all
INSERT INTO inbox (event_id) SELECT DISTINCT id::uuid FROM unnest($1::text[]) AS id ORDER BY 1
ON CONFLICT DO NOTHING RETURNING event_id;

-- name: inbox_sweep
DELETE FROM inbox WHERE event_id IN (
    SELECT event_id FROM inbox WHERE at < now() - interval '30 days' LIMIT 1000);

-- The lock says whether another call with this key is running now.
-- name: idempotency_find
SELECT l.ok, i.request_sha256, i.response, i.running_until > now(), i.key IS NOT NULL
FROM (SELECT pg_try_advisory_xact_lock($1::bigint) AS ok) l
LEFT JOIN idempotency i ON i.principal = $2 AND i.method = $3 AND i.key = $4;

-- name: idempotency_add
INSERT INTO idempotency (principal, method, key, request_sha256, response)
VALUES ($1, $2, $3, $4::bytea, $5::bytea);

-- A call that opens transactions of its own announces itself first, and takes the place of one that is over
-- its time. No row: another holds the key, which the look-up's older snapshot did not show.
-- name: idempotency_start
INSERT INTO idempotency AS i (principal, method, key, request_sha256, running_until)
VALUES ($1, $2, $3, $4::bytea, now() + $5::bigint * interval '1 microsecond')
ON CONFLICT (principal, method, key) DO UPDATE SET running_until = excluded.running_until
    WHERE i.response IS NULL AND i.running_until <= now()
RETURNING running_until;

-- name: idempotency_finish
UPDATE idempotency SET response = $4::bytea, running_until = NULL
WHERE principal = $1 AND method = $2 AND key = $3;

-- name: idempotency_forget
DELETE FROM idempotency
WHERE principal = $1 AND method = $2 AND key = $3 AND response IS NULL AND running_until = $4::timestamptz;

-- name: idempotency_sweep
DELETE FROM idempotency WHERE (principal, method, key) IN (
    SELECT principal, method, key FROM idempotency
    WHERE created_at < now() - interval '25 hours' LIMIT 1000);

-- Touches the clock; a silence longer than $1 microseconds, or a clock that went back (another server
-- took over), begins it anew. Is it without a gap for $2 microseconds?
-- name: lease_clock_beat
INSERT INTO lease_clock AS c (beat_at, since) VALUES (clock_timestamp(), clock_timestamp())
ON CONFLICT (one) DO UPDATE SET
    since = CASE WHEN clock_timestamp() - c.beat_at
                      BETWEEN interval '-1 second' AND $1::bigint * interval '1 microsecond'
                 THEN c.since ELSE clock_timestamp() END,
    beat_at = clock_timestamp()
RETURNING clock_timestamp() - since >= $2::bigint * interval '1 microsecond';
