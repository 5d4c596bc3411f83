-- Statements of the webhooks service.

-- ---- endpoints -----------------------------------------------------------------------------

-- name: endpoint_insert
INSERT INTO endpoints (org_id, name, url, event_types, created_by) VALUES ($1, $2, $3, $4::text[], $5)
RETURNING id, name, url, event_types, enabled, created_at, disabled_reason, failing_since;

-- name: endpoint_set_secret
UPDATE endpoints SET secret = $3::bytea WHERE org_id = $1 AND id = $2;

-- What signed until now signs beside the new one for a while ($4, microseconds; 0: not at all). One
-- that was rotated before is forgotten.
-- name: endpoint_rotate_secret
UPDATE endpoints SET secret = $3::bytea,
    old_secret = CASE WHEN $4::bigint > 0 THEN secret END,
    old_secret_until = CASE WHEN $4::bigint > 0 THEN now() + $4::bigint * interval '1 microsecond' END
WHERE org_id = $1 AND id = $2 AND kind = 'webhook'
RETURNING id, name, url;

-- name: endpoint_list
SELECT id, name, url, event_types, enabled, created_at, disabled_reason, failing_since
FROM endpoints WHERE org_id = $1 AND kind = 'webhook' ORDER BY id DESC;

-- name: endpoint_get
SELECT id, name, url, event_types, enabled, created_at, disabled_reason, failing_since
FROM endpoints WHERE org_id = $1 AND id = $2 AND kind = 'webhook';

-- Serializes the creations of an organization, so that the count holds. A statement of its own: the
-- count must see what those committed who held the lock before.
-- name: endpoints_lock
SELECT pg_advisory_xact_lock(hashtextextended('webhooks.endpoints', $1::bigint));

-- name: endpoint_count
SELECT count(*) FROM endpoints WHERE org_id = $1 AND kind = 'webhook';

-- $3..$5: null leaves alone; $6: the name is cleared. Switched on (again), it begins anew.
-- name: endpoint_update
UPDATE endpoints SET url = coalesce($3, url),
    name = CASE WHEN $6::boolean THEN NULL ELSE coalesce($4, name) END,
    enabled = coalesce($5::boolean, enabled),
    disabled_reason = CASE WHEN $5::boolean THEN NULL ELSE disabled_reason END,
    failing_since = CASE WHEN $5::boolean AND NOT enabled THEN NULL ELSE failing_since END
WHERE org_id = $1 AND id = $2 AND kind = 'webhook'
RETURNING id, name, url, event_types, enabled, created_at, disabled_reason, failing_since;

-- name: endpoint_subscribe
UPDATE endpoints SET event_types = $3::text[] WHERE org_id = $1 AND id = $2 AND kind = 'webhook'
RETURNING id, name, url;

-- name: endpoint_delete
DELETE FROM endpoints WHERE org_id = $1 AND id = $2 AND kind = 'webhook' RETURNING id, name, url;

-- ---- endpoints of the settings -------------------------------------------------------------

-- Makes the endpoint of this kind, or begins it anew; its sealed address follows by
-- endpoint_set_secret, because it is sealed for the row's id.
-- name: endpoint_of_kind
INSERT INTO endpoints (org_id, kind, url, event_types) VALUES ($1, $2, '', $3::text[])
ON CONFLICT (org_id, kind) WHERE kind <> 'webhook' DO UPDATE SET event_types = excluded.event_types,
    enabled = true, disabled_reason = NULL, failing_since = NULL
RETURNING id;

-- Switches on again what was switched off by itself.
-- name: endpoints_revive
UPDATE endpoints SET enabled = true, disabled_reason = NULL, failing_since = NULL
WHERE org_id = $1 AND kind = ANY ($2::text[]) AND NOT enabled;

-- name: endpoint_drop_kind
DELETE FROM endpoints WHERE org_id = $1 AND kind = $2;

-- ---- settings ------------------------------------------------------------------------------

-- name: settings_list
SELECT name, value, sealed FROM settings WHERE org_id = $1;

-- name: setting_put
INSERT INTO settings (org_id, name, value, sealed) VALUES ($1, $2, $3, $4::bytea)
ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value, sealed = excluded.sealed,
    updated_at = now();

-- name: setting_clear
DELETE FROM settings WHERE org_id = $1 AND name = $2;

-- Writers of one organization's settings take turns: what they read is what they change.
-- name: settings_lock
SELECT pg_advisory_xact_lock(hashtextextended('webhooks.settings', $1::bigint));

-- ---- deliveries ----------------------------------------------------------------------------

-- Events, one per index: $1 id, $2 organization, $3 type, $4 body, $5 order key ('': none), $6 1: it may
-- name a commit; without one there is nothing to tell a repository. In their order, so that the ids
-- of deliveries keep it.
-- name: deliveries_fan_out
INSERT INTO deliveries (org_id, endpoint_id, event_id, event_type, payload, order_key)
SELECT e.org_id, e.id, v.id::uuid, v.type, v.body, nullif(v.order_key, '')
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[])
     WITH ORDINALITY AS v (id, org_id, type, body, order_key, has_commit, place)
JOIN endpoints e ON e.org_id = v.org_id
WHERE e.enabled AND v.type = ANY (e.event_types) AND (e.kind <> 'github' OR v.has_commit = 1)
ORDER BY v.place
ON CONFLICT DO NOTHING;

-- One event for one endpoint, whatever it is subscribed to.
-- name: delivery_force
INSERT INTO deliveries (org_id, endpoint_id, event_id, event_type, payload, forced)
SELECT e.org_id, e.id, $3::uuid, $4::text, $5, true FROM endpoints e
WHERE e.org_id = $1 AND e.id = $2 AND e.kind = 'webhook'
RETURNING id;

-- Those who send the same again take turns at the endpoint's row, so that each gets a number.
-- name: endpoint_lock
SELECT id FROM endpoints WHERE org_id = $1 AND id = $2 AND kind = 'webhook' FOR NO KEY UPDATE;

-- name: delivery_again
INSERT INTO deliveries (org_id, endpoint_id, event_id, event_type, payload, forced, replay)
SELECT d.org_id, d.endpoint_id, d.event_id, d.event_type, d.payload, true,
    (SELECT max(replay) + 1 FROM deliveries o
     WHERE o.endpoint_id = d.endpoint_id AND o.event_id = d.event_id)
FROM deliveries d WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.id = $3
RETURNING id;

-- Newest first; cut where the payloads together would be too long for one answer.
-- name: delivery_list
SELECT id, event_id, event_type, state, greatest(attempt, 1), response_status, payload,
    response_excerpt, created_at, delivered_at, error, took_ms,
    CASE WHEN state = 'pending' AND attempt > 0 THEN next_at END, replay > 0
FROM (SELECT d.*, sum(octet_length(payload) + 3000) OVER (ORDER BY id DESC) AS bytes
      FROM deliveries d
      WHERE org_id = $1 AND endpoint_id = $2 AND id < $3
        AND created_at >= now() - interval '30 days'
      ORDER BY id DESC LIMIT $4) l
WHERE bytes <= $5::bigint OR id = (SELECT max(id) FROM deliveries
    WHERE org_id = $1 AND endpoint_id = $2 AND id < $3)
ORDER BY id DESC;

-- name: delivery_exists
SELECT 1 FROM deliveries WHERE org_id = $1 AND endpoint_id = $2 AND id = $3;

-- ---- sending -------------------------------------------------------------------------------

-- For the transaction of a claim ($1 'on') or of outcomes that are stored ($1 'off'), before the first
-- of the two statements: row-level security makes the planner expect few rows where there are many, and it may
-- know nothing of a table that was empty a minute ago. It would read and sort a whole backlog to find its
-- first row, or compare every outcome with every delivery. A claim is a loop over endpoints and has its
-- orders in the index deliveries_due; outcomes are found by the primary key and joined by hash, whatever
-- the statistics say. What is said here is lost with the transaction.
--
-- Its commit waits for no disk: the claim and the outcome of an attempt that a crash of the database
-- forgets are made again, under the delivery's number, as after a crash of this process. What people
-- and other services write is not here.
-- name: plan_for
SELECT set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true),
    set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('enable_nestloop', $1, true),
    set_config('synchronous_commit', 'off', true);

-- Claims attempts of endpoints that wait: a skip scan finds those, so the cost is theirs and not
-- that of a backlog. A claim counts the attempt and plans its successor before anything is sent: a
-- process that dies leaves deliveries that come back by themselves. Rows that another replica
-- claims are skipped. An event whose predecessor of the same thing is not through waits for it,
-- three attempts long.
-- $1: endpoints above this one. $2, $3: of endpoints with requests under way, how many more may
-- begin; of the others one. $4: this many at most. $5: endpoints that fail. $6: kinds. $7: the waits
-- between attempts. $8: the lease. All times are microseconds.
-- name: deliveries_claim
WITH RECURSIVE waiting (endpoint_id) AS (
    (SELECT d.endpoint_id FROM deliveries d WHERE d.state = 'pending' AND d.endpoint_id > $1
     ORDER BY d.endpoint_id, d.next_at, d.id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM deliveries d
            WHERE d.state = 'pending' AND d.endpoint_id > w.endpoint_id
            ORDER BY d.endpoint_id, d.next_at, d.id LIMIT 1)
    FROM waiting w WHERE w.endpoint_id IS NOT NULL
), picked AS MATERIALIZED (
    SELECT due.id FROM waiting w
    JOIN endpoints e ON e.id = w.endpoint_id
    LEFT JOIN unnest($2::bigint[], $3::bigint[]) AS known (id, room) ON known.id = e.id
    CROSS JOIN LATERAL (
        SELECT d.id FROM deliveries d
        WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.next_at <= now()
          AND d.attempt <= cardinality($7::bigint[]) AND (e.enabled OR d.forced)
          AND (d.order_key IS NULL OR NOT EXISTS (
               SELECT FROM deliveries b
               WHERE b.endpoint_id = d.endpoint_id AND b.state = 'pending'
                 AND b.order_key = d.order_key AND b.id < d.id AND b.attempt < 3))
        ORDER BY d.next_at, d.id LIMIT coalesce(known.room, 1) FOR UPDATE OF d SKIP LOCKED) due
    WHERE (e.failing_since IS NOT NULL) = $5::boolean AND e.kind = ANY ($6::text[])
    LIMIT $4
)
UPDATE deliveries d SET attempt = d.attempt + 1,
    next_at = now() + greatest($8::bigint,
        coalesce(($7::bigint[])[d.attempt + 1] * (1 + random() / 10), 0)) * interval '1 microsecond'
FROM picked p, endpoints e
WHERE d.id = p.id AND e.id = d.endpoint_id
RETURNING d.id, d.endpoint_id, d.org_id, e.kind, e.url, e.secret,
    CASE WHEN e.old_secret_until > now() THEN e.old_secret END,
    d.event_id, d.event_type, d.payload, d.attempt;

-- What became of attempts: $1 deliveries, $2 their attempts, $3 1: it succeeded, 2: no more of it,
-- $4 statuses (0: no answer), $5 excerpts, $6 errors, $7 milliseconds, $8 wait at least; $9 the waits. The
-- number of the attempt is the fence: who comes too late changes nothing. The ids as a list, and pending
-- said without saying it, leave no index to a plan but the primary key: any other is the whole backlog.
-- At its end loops are allowed again: a claim may follow (plan_for).
-- name: deliveries_record
WITH recorded AS (UPDATE deliveries d SET
    state = CASE WHEN r.ended = 1 THEN 'delivered'
                 WHEN r.ended = 2 OR d.attempt > cardinality($9::bigint[]) THEN 'failed'
                 ELSE 'pending' END,
    delivered_at = CASE WHEN r.ended = 1 THEN now() END,
    response_status = nullif(r.status, 0),
    response_excerpt = CASE WHEN r.status > 0 THEN r.excerpt END,
    error = CASE WHEN r.ended = 1 THEN NULL ELSE r.error END,
    took_ms = r.took_ms,
    next_at = CASE WHEN r.ended = 1 THEN d.next_at ELSE now() + greatest(
        coalesce(($9::bigint[])[d.attempt], 0) * (1 + random() / 10), r.wait_us)
        * interval '1 microsecond' END
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
            $7::bigint[], $8::bigint[])
     AS r (id, attempt, ended, status, excerpt, error, took_ms, wait_us)
WHERE d.id = ANY ($1::bigint[]) AND d.id = r.id AND d.attempt = r.attempt
  AND d.state NOT IN ('delivered', 'failed'))
SELECT set_config('enable_nestloop', 'on', true);

-- name: endpoints_well
UPDATE endpoints SET failing_since = NULL WHERE id IN (
    SELECT id FROM endpoints WHERE id = ANY ($1::bigint[]) AND failing_since IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE);

-- name: endpoints_failing
UPDATE endpoints SET failing_since = now() WHERE id IN (
    SELECT id FROM endpoints WHERE id = ANY ($1::bigint[]) AND failing_since IS NULL
    ORDER BY id FOR NO KEY UPDATE);

-- Which of them have had their time: $2, or at once ($3).
-- name: endpoints_hopeless
SELECT id, id = ANY ($3::bigint[]) FROM endpoints
WHERE enabled AND (id = ANY ($3::bigint[]) OR (id = ANY ($1::bigint[])
      AND failing_since <= now() - $2::bigint * interval '1 microsecond'))
ORDER BY id;

-- People are told of it, once: this commit waits for the disk, unlike others of outcomes (plan_for).
-- name: endpoint_disable
UPDATE endpoints SET enabled = false, disabled_reason = $2 WHERE id = $1 AND enabled
RETURNING org_id, name, url, kind, created_by,
    set_config('synchronous_commit', 'on', true);

-- Nothing more is sent to an endpoint that was disabled; what waited can be sent again by hand.
-- name: deliveries_give_up
UPDATE deliveries SET state = 'failed', error = coalesce(error, 'the endpoint was disabled')
WHERE endpoint_id = $1 AND state = 'pending';

-- Last attempts of processes that died: $1 attempts were made and their lease is over.
-- name: deliveries_spent
UPDATE deliveries SET state = 'failed', error = coalesce(error, 'the last attempt was interrupted')
WHERE state = 'pending' AND attempt >= $1::bigint AND next_at <= now();

-- name: deliveries_sweep
DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries WHERE created_at < now() - interval '30 days' LIMIT 1000);

-- ---- GitHub --------------------------------------------------------------------------------

-- Whoever writes the comment of a pull request holds its row until the comment is written, so that
-- two runs that end together make one comment.
-- name: github_comment_hold
INSERT INTO github_comments (org_id, repo, pull) VALUES ($1, $2, $3)
ON CONFLICT (org_id, repo, pull) DO UPDATE SET repo = excluded.repo
RETURNING comment_id;

-- name: github_comment_set
UPDATE github_comments SET comment_id = $4 WHERE org_id = $1 AND repo = $2 AND pull = $3;

-- An event that was overtaken by a later one of its suite changes nothing.
-- name: github_result_put
INSERT INTO github_results (org_id, repo, pull, name, run_id, status, sha, run_url, duration_ms, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (org_id, repo, pull, name) DO UPDATE SET run_id = excluded.run_id,
    status = excluded.status, sha = excluded.sha, run_url = excluded.run_url,
    duration_ms = excluded.duration_ms, at = excluded.at
WHERE github_results.at <= excluded.at;

-- name: github_results_of
SELECT name, status, sha, run_url, duration_ms FROM github_results
WHERE org_id = $1 AND repo = $2 AND pull = $3 ORDER BY name LIMIT 1000;

-- name: github_results_sweep
DELETE FROM github_results WHERE ctid IN (
    SELECT ctid FROM github_results WHERE at < now() - interval '90 days' LIMIT 1000);

-- ---- for operators -------------------------------------------------------------------------

-- How long the oldest delivery to an endpoint that is well is overdue, in seconds, and how many
-- endpoints fail. A skip scan over what waits: plan_for comes before it.
-- name: deliveries_health
WITH RECURSIVE waiting (endpoint_id, next_at) AS (
    (SELECT d.endpoint_id, d.next_at FROM deliveries d WHERE d.state = 'pending'
     ORDER BY d.endpoint_id, d.next_at, d.id LIMIT 1)
    UNION ALL
    SELECT n.endpoint_id, n.next_at FROM waiting w CROSS JOIN LATERAL (
        SELECT d.endpoint_id, d.next_at FROM deliveries d
        WHERE d.state = 'pending' AND d.endpoint_id > w.endpoint_id
        ORDER BY d.endpoint_id, d.next_at, d.id LIMIT 1) n
)
SELECT greatest(coalesce(max(extract(epoch FROM now() - w.next_at)), 0), 0)::bigint,
    (SELECT count(*) FROM endpoints WHERE enabled AND failing_since IS NOT NULL)
FROM waiting w JOIN endpoints e ON e.id = w.endpoint_id
WHERE e.enabled AND e.failing_since IS NULL;

-- Endpoints that fail, those first that do so for longest, and those that are well and get nothing.
-- name: endpoints_stuck
SELECT e.org_id, e.id, CASE WHEN e.kind = 'webhook' THEN coalesce(e.name, e.url) ELSE e.kind END,
    e.enabled, e.failing_since, w.n, w.next_at, l.attempt, l.error
FROM endpoints e
CROSS JOIN LATERAL (
    SELECT count(*) AS n, min(next_at) AS next_at FROM deliveries
    WHERE endpoint_id = e.id AND state = 'pending') w
LEFT JOIN LATERAL (
    SELECT attempt, error FROM deliveries WHERE endpoint_id = e.id AND error IS NOT NULL
    ORDER BY id DESC LIMIT 1) l ON true
WHERE e.failing_since IS NOT NULL OR (e.enabled AND w.next_at < now() - interval '1 minute')
ORDER BY e.failing_since, e.id LIMIT 1000;

-- What is sealed, in pages behind $1 (and $2); a secret that signs no more is none.
-- name: endpoints_sealed
SELECT id, secret, CASE WHEN old_secret_until > now() THEN old_secret END FROM endpoints
WHERE id > $1 AND secret IS NOT NULL ORDER BY id LIMIT 100 FOR NO KEY UPDATE;

-- name: endpoint_reseal
UPDATE endpoints SET secret = $2::bytea, old_secret = $3::bytea WHERE id = $1;

-- name: settings_sealed
SELECT org_id, name, sealed FROM settings WHERE sealed IS NOT NULL AND (org_id, name) > ($1, $2)
ORDER BY org_id, name LIMIT 100 FOR NO KEY UPDATE;

-- name: setting_reseal
UPDATE settings SET sealed = $3::bytea WHERE org_id = $1 AND name = $2;
