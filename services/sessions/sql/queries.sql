-- Statements of the sessions service.
-- Locks are taken in the order worker, session, queue entry, device. An id that a client wrote is
-- compared as a uuid, which has an index; `session_id::text = $2` would read the table.

-- ---- apps ----------------------------------------------------------------------------------

-- name: app_insert
INSERT INTO apps (public_id, org_id, name, platform, url) VALUES ($1, $2, $3, $4, $5)
RETURNING id, public_id, name, package_name, platform, url, icon_url, created_at;

-- name: app_list
SELECT id, public_id, name, package_name, platform, url, icon_url, created_at, last_started_at,
       updated_at
FROM apps WHERE org_id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR platform = $2)
ORDER BY id DESC;

-- name: app_get
SELECT id, public_id, name, package_name, platform, url, icon_url, created_at, last_started_at
FROM apps WHERE org_id = $1 AND deleted_at IS NULL AND (public_id = $2 OR id = $3);

-- name: builds_of_app
SELECT id, version, build_number, file_size, uploaded_by, uploaded_at, tags, min_sdk_version,
       target_sdk_version, permissions, metadata, note
FROM builds WHERE org_id = $1 AND app_id = $2 ORDER BY id DESC;

-- name: app_delete
UPDATE apps SET deleted_at = now()
WHERE org_id = $1 AND deleted_at IS NULL AND (public_id = $2 OR id = $3)
RETURNING id, public_id, name;

-- name: build_check
SELECT app_id = $2 AND org_id = $3 FROM builds WHERE id = $1;

-- ---- devices -------------------------------------------------------------------------------

-- name: device_list
SELECT d.id, d.device_id, d.worker_id, d.name, d.platform, d.category, d.os_version,
       d.session_id IS NOT NULL
FROM devices d JOIN workers w ON w.worker_id = d.worker_id AND w.lease_until > now()
WHERE d.offered AND ($1::text IS NULL OR d.platform = $1) AND ($2::text IS NULL OR d.category = $2)
  AND ($3::text IS NULL OR d.device_id = $3)
ORDER BY d.id;

-- name: device_pools
SELECT d.platform || '|' || d.category || '|' || d.model || '|' || d.os_version, d.model,
       d.os_version, d.platform, d.category, count(*), count(*) FILTER (WHERE d.session_id IS NULL)
FROM devices d JOIN workers w ON w.worker_id = d.worker_id AND w.lease_until > now()
WHERE d.offered
GROUP BY d.platform, d.category, d.model, d.os_version
ORDER BY 1;

-- ---- sessions ------------------------------------------------------------------------------

-- name: session_insert
INSERT INTO sessions (org_id, user_id, user_email, device_type, device_category, specific_device_id)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING session_id;

-- name: session_get
SELECT id, session_id, device_type, device_category, status, device_id, device_name, os_version,
       user_email, start_time, end_time, specific_device_id, worker_addr,
       user_id, permissions, ending_at, ending_reason
FROM sessions WHERE org_id = $1
  AND session_id = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END;

-- name: session_view
SELECT status, worker_addr, ending_at, ending_reason FROM sessions WHERE org_id = $1
  AND session_id = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END;

-- name: session_lock
SELECT id, session_id, device_type, device_category, status, device_id, device_name, os_version,
       user_email, start_time, end_time, specific_device_id, worker_addr
FROM sessions WHERE org_id = $1
  AND session_id = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END FOR UPDATE;

-- name: session_list
SELECT id, session_id, device_type, device_category, status, device_id, device_name, os_version,
       user_email, start_time, end_time, specific_device_id, worker_addr
FROM sessions
WHERE org_id = $1 AND job_key IS NULL
  AND ($2::text IS NULL OR status = $2)
  AND ($3::text IS NULL OR device_type = $3)
  AND ($4::bigint IS NULL OR user_id = $4)
  AND ($5::bigint IS NULL OR created_at > now() - $5 * interval '1 second')
  AND ($6::text IS NULL OR position(lower($6) IN lower(coalesce(device_name, '') || ' ' ||
       coalesce(user_email, '') || ' ' || session_id::text)) > 0)
ORDER BY id DESC LIMIT $7 OFFSET $8;

-- One free device that fits, the one that rested longest. Whoever waits for the same kind goes
-- first: as many free devices as wait ahead are left to them, but none for those who want a device
-- that is not free, nor for runs that have stopped asking. $5 is the caller's own place in the queue
-- (null: behind all).
-- name: device_claim
WITH ahead AS (
    SELECT count(*) AS n FROM device_queue q
    WHERE q.platform = $2 AND q.id < coalesce($5::bigint, 9223372036854775807) AND NOT q.held
      AND ($3::text IS NULL OR q.category IS NULL OR q.category = $3)
      AND ($4::text IS NULL OR q.device_id IS NULL OR q.device_id = $4)
      AND (q.job_key IS NULL OR q.asked_at > now() - interval '10 seconds')
      AND EXISTS (SELECT 1 FROM devices d
                  JOIN workers w ON w.worker_id = d.worker_id AND w.lease_until > now()
                  WHERE d.session_id IS NULL AND d.offered AND d.platform = q.platform
                    AND (q.category IS NULL OR d.category = q.category)
                    AND (q.device_id IS NULL OR d.device_id = q.device_id)
                    AND ($3::text IS NULL OR d.category = $3)
                    AND ($4::text IS NULL OR d.device_id = $4))
), free AS (
    SELECT d.id FROM devices d JOIN workers w ON w.worker_id = d.worker_id AND w.lease_until > now()
    WHERE d.session_id IS NULL AND d.offered AND d.platform = $2
      AND ($3::text IS NULL OR d.category = $3) AND ($4::text IS NULL OR d.device_id = $4)
    ORDER BY d.freed_at, d.id OFFSET (SELECT n FROM ahead) LIMIT 1
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE devices SET session_id = $1::uuid FROM free, workers w
WHERE devices.id = free.id AND w.worker_id = devices.worker_id
RETURNING devices.device_id, devices.name, devices.os_version, devices.worker_id, w.rpc_addr,
    w.incarnation, devices.category;

-- name: device_exists
SELECT d.session_id IS NOT NULL FROM devices d
JOIN workers w ON w.worker_id = d.worker_id AND w.lease_until > now()
WHERE d.offered AND d.platform = $1 AND ($2::text IS NULL OR d.category = $2)
  AND ($3::text IS NULL OR d.device_id = $3)
ORDER BY d.session_id IS NOT NULL LIMIT 1;

-- name: session_on_device
UPDATE sessions SET status = $2, device_id = $3, device_name = $4, os_version = $5, worker_id = $6,
    worker_addr = $7, incarnation = $8, device_category = coalesce(device_category, $9),
    start_time = now(), used_at = now()
WHERE session_id = $1::uuid;

-- name: session_set_defaults
UPDATE sessions SET idle_us = $2, permissions = $3 WHERE session_id = $1::uuid;

-- name: session_set_queued
UPDATE sessions SET status = 'queued' WHERE session_id = $1::uuid AND status = 'pending';

-- Calls with the same key go one after the other.
-- name: job_key_lock
SELECT pg_advisory_xact_lock(hashtextextended('job_key', 0) # hashtextextended($1, 0));

-- name: session_of_job
SELECT session_id, device_id, worker_addr, status FROM sessions WHERE job_key = $1;

-- name: session_insert_job
INSERT INTO sessions (org_id, user_id, job_key, device_type, device_category, specific_device_id,
                      session_id)
VALUES ($1, $2, $3, $4, $5, $6, $7::uuid);

-- name: session_end
UPDATE sessions SET status = $2, end_time = now(), end_reason = $3
WHERE session_id = $1::uuid AND status IN ('pending', 'queued', 'starting', 'active')
RETURNING org_id, worker_addr, device_id, user_email,
    coalesce(extract(epoch FROM now() - start_time), 0)::bigint, job_key, device_name;

-- name: device_free
UPDATE devices SET session_id = NULL, freed_at = now() WHERE session_id = $1::uuid;

-- name: session_touch
UPDATE sessions SET used_at = now() WHERE session_id = $1::uuid;

-- name: session_take_starting
WITH due AS MATERIALIZED (
    SELECT id FROM sessions
    WHERE status = 'starting' AND (opening_until IS NULL OR opening_until < now())
    ORDER BY id LIMIT 4 FOR UPDATE SKIP LOCKED
)
UPDATE sessions SET opening_until = now() + interval '30 seconds' FROM due
WHERE sessions.id = due.id
RETURNING sessions.session_id, sessions.device_id, sessions.worker_addr, sessions.org_id;

-- name: session_activate
UPDATE sessions SET status = 'active', opening_until = NULL, used_at = now()
WHERE session_id = $1::uuid AND status = 'starting'
RETURNING org_id, user_email, device_name;

-- name: sessions_idle
SELECT session_id FROM sessions
WHERE status = 'active' AND job_key IS NULL
  AND used_at < now() - coalesce(idle_us, $1) * interval '1 microsecond'
LIMIT 20;

-- Who has sessions that hold or wait for a device.
-- name: live_users
SELECT DISTINCT user_id FROM sessions
WHERE status IN ('queued', 'starting', 'active') AND job_key IS NULL AND user_id IS NOT NULL
LIMIT 10000;

-- name: sessions_of_users
SELECT session_id FROM sessions
WHERE status IN ('queued', 'starting', 'active') AND job_key IS NULL AND user_id = ANY ($1::bigint[]);

-- ---- limits of plans -----------------------------------------------------------------------

-- Those who count the sessions of an organization do it one after the other.
-- name: org_lock
SELECT pg_advisory_xact_lock(hashtextextended('org_sessions', $1::bigint));

-- name: org_live
SELECT count(*) FROM sessions WHERE org_id = $1 AND status IN ('queued', 'starting', 'active');

-- The third: some of its sessions are known to end, or are on a worker that does.
-- name: live_orgs
SELECT s.org_id, count(*), bool_or(s.ending_at IS NOT NULL OR w.ends_at IS NOT NULL)
FROM sessions s LEFT JOIN workers w ON w.worker_id = s.worker_id
WHERE s.status IN ('starting', 'active') AND s.job_key IS NULL GROUP BY s.org_id;

-- When the live sessions of people in an organization end, as far as that is within a minute: a
-- minute from now when the live time is short ($2, for the reason $3), with the longest session of
-- the plan ($4, null: none; for the reason $5), or with their worker (for the reason $6). What no longer
-- holds is taken back.
-- name: endings_set
WITH wanted AS (
    SELECT s.id, least(
        CASE WHEN $2::boolean THEN CASE WHEN ending_reason = $3 THEN ending_at
            ELSE now() + interval '1 minute' END END,
        CASE WHEN longest.at <= now() + interval '1 minute' THEN longest.at END,
        worker.ends_at) AS at, longest.at AS most, worker.ends_at AS stop
    FROM sessions s
    CROSS JOIN LATERAL (SELECT start_time + $4::bigint * interval '1 microsecond' AS at) AS longest
    LEFT JOIN workers worker ON worker.worker_id = s.worker_id
    WHERE s.org_id = $1 AND s.status IN ('starting', 'active') AND s.job_key IS NULL
)
UPDATE sessions s SET ending_at = w.at,
    ending_reason = CASE WHEN w.at = w.stop THEN $6::text WHEN w.at = w.most THEN $5::text
                         WHEN w.at IS NOT NULL THEN $3::text END
FROM wanted w WHERE s.id = w.id AND s.ending_at IS DISTINCT FROM w.at;

-- name: sessions_ending
SELECT session_id, ending_reason FROM sessions
WHERE org_id = $1 AND status IN ('starting', 'active') AND ending_at <= now();

-- ---- queue ---------------------------------------------------------------------------------

-- name: queue_insert_session
INSERT INTO device_queue (org_id, session_id, user_id, platform, category, device_id)
VALUES ($1, $2::uuid, $3, $4, $5, $6) RETURNING id;

-- name: queue_insert_job
INSERT INTO device_queue (org_id, job_key, user_id, platform, category, device_id)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (job_key) DO UPDATE SET asked_at = now()
RETURNING id;

-- name: queue_hold_job
UPDATE device_queue SET held = $2 WHERE job_key = $1 AND held <> $2;

-- name: queue_of_session
SELECT q.id, (SELECT count(*) FROM device_queue b
              WHERE b.platform = q.platform AND b.id <= q.id
                AND (b.category IS NULL OR q.category IS NULL OR b.category = q.category))
FROM device_queue q WHERE q.session_id = $1::uuid;

-- name: queue_of_job
UPDATE device_queue q SET asked_at = now() WHERE q.job_key = $1
RETURNING q.id, (SELECT count(*) FROM device_queue b
                 WHERE b.platform = q.platform AND b.id <= q.id
                   AND (b.category IS NULL OR q.category IS NULL OR b.category = q.category));

-- name: queue_leave
SELECT session_id FROM device_queue
WHERE org_id = $1 AND id = $2 AND user_id = $3 AND session_id IS NOT NULL;

-- name: queue_drop_session
DELETE FROM device_queue WHERE session_id = $1::uuid;

-- name: queue_drop_job
DELETE FROM device_queue WHERE job_key = $1;

-- People who wait, in order; runs ask for themselves.
-- name: queue_people
SELECT q.id, q.session_id, q.platform, q.category, q.device_id, q.org_id
FROM device_queue q JOIN sessions s ON s.session_id = q.session_id AND s.status = 'queued'
ORDER BY q.id LIMIT 50 FOR UPDATE OF s SKIP LOCKED;

-- name: queue_expire_jobs
DELETE FROM device_queue WHERE job_key IS NOT NULL AND asked_at < now() - interval '30 seconds';

-- ---- workers -------------------------------------------------------------------------------

-- name: worker_upsert
INSERT INTO workers (worker_id, incarnation, rpc_addr, lease_until)
VALUES ($1, $2, $3, now() + $4 * interval '1 microsecond')
ON CONFLICT (worker_id) DO UPDATE SET incarnation = excluded.incarnation,
    rpc_addr = excluded.rpc_addr, lease_until = excluded.lease_until, ends_at = NULL;

-- name: device_upsert
INSERT INTO devices (device_id, worker_id, name, platform, category, os_version, model, width, height)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (device_id) DO UPDATE SET worker_id = excluded.worker_id, name = excluded.name,
    platform = excluded.platform, category = excluded.category, os_version = excluded.os_version,
    model = excluded.model, width = excluded.width, height = excluded.height,
    offered = true;

-- name: devices_drop_others
DELETE FROM devices WHERE worker_id = $1 AND NOT (device_id = ANY ($2::text[]));

-- Sessions that an earlier life of the worker held.
-- name: sessions_of_old_worker
SELECT session_id, job_key, org_id FROM sessions
WHERE worker_id = $1 AND incarnation <> $2 AND status IN ('starting', 'active');

-- $4: microseconds until its last sessions of people end, null: it is not being stopped. The first word
-- stands.
-- name: worker_beat
UPDATE workers SET lease_until = now() + $3 * interval '1 microsecond',
    ends_at = CASE WHEN $4::bigint IS NOT NULL
                   THEN coalesce(ends_at, now() + $4 * interval '1 microsecond') END
WHERE worker_id = $1 AND incarnation = $2
RETURNING worker_id;

-- Waits for those who are about to take one of the devices: whoever counts afterwards counts them.
-- name: devices_offer
UPDATE devices SET offered = $2 WHERE worker_id = $1 AND offered <> $2;

-- name: sessions_on_worker
SELECT session_id FROM sessions WHERE worker_id = $1 AND status IN ('starting', 'active');

-- name: worker_lock
SELECT worker_id FROM workers WHERE worker_id = $1 AND incarnation = $2 FOR UPDATE;

-- Its devices stay on record, under their numbers, for its next life.
-- name: worker_leave
UPDATE workers SET lease_until = now() - interval '1 second' WHERE worker_id = $1;

-- Open on the worker, ended here. A session this table never saw is closed too.
-- name: sessions_to_close
SELECT s.id FROM unnest($1::text[]) AS s (id)
WHERE NOT EXISTS (SELECT 1 FROM sessions x
                  WHERE x.session_id = CASE WHEN s.id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN s.id::uuid END
                    AND x.status IN ('starting', 'active'));

-- Live here for a while, not open there: the worker lost it.
-- name: sessions_lost_by_worker
SELECT session_id FROM sessions
WHERE worker_id = $1 AND status = 'active' AND NOT (session_id::text = ANY ($2::text[]))
  AND used_at < now() - interval '10 seconds' AND job_key IS NULL;

-- Those who will not come back, and their devices: where workers have the names of their pods, each has a
-- name of its own.
-- name: workers_forget
DELETE FROM workers w WHERE lease_until < now() - interval '7 days'
  AND NOT EXISTS (SELECT 1 FROM sessions s
                  WHERE s.worker_id = w.worker_id AND s.status IN ('starting', 'active'));

-- name: sessions_of_dead_workers
SELECT s.session_id FROM sessions s LEFT JOIN workers w ON w.worker_id = s.worker_id
WHERE s.status IN ('starting', 'active') AND (w.worker_id IS NULL OR w.lease_until < now())
LIMIT 50;
