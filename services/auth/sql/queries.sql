-- name: users_exist
SELECT EXISTS (SELECT FROM users);

-- Held to the end of the transaction: first users are made one at a time.
-- name: setup_lock
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.setup', 0));

-- name: register_lock
SELECT pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '.setup', 0));

-- name: org_insert
WITH org AS (INSERT INTO organizations (name) VALUES ($1) RETURNING id),
     project AS (INSERT INTO projects (org_id, name, is_default) SELECT id, 'Default', true FROM org)
SELECT id FROM org;

-- name: org_lock
SELECT id FROM organizations WHERE id = $1 FOR UPDATE;

-- name: org_delete
DELETE FROM organizations WHERE id = $1;

-- name: user_insert
INSERT INTO users (org_id, email, role, password_phc, email_verified) VALUES ($1, $2, $3, $4, $5)
RETURNING id, created_at;

-- name: user_by_email
SELECT id, org_id, email, role, email_verified, created_at, password_phc
FROM users WHERE lower(email COLLATE "C") = lower($1 COLLATE "C");

-- name: user_get
SELECT id, org_id, email, role, email_verified, created_at, password_phc
FROM users WHERE id = $1 AND org_id = $2;

-- The stored hash, and nobody changes it until the transaction ends.
-- name: user_lock
SELECT password_phc FROM users WHERE id = $1 AND org_id = $2 FOR NO KEY UPDATE;

-- name: user_set_password
UPDATE users SET password_phc = $3 WHERE id = $1 AND org_id = $2;

-- name: users_gone
SELECT i FROM unnest($1::bigint[]) AS i WHERE NOT EXISTS (SELECT FROM users WHERE id = i);

-- name: user_delete
DELETE FROM users WHERE id = $1 AND org_id = $2;

-- name: members_count
SELECT count(*), count(*) FILTER (WHERE role = 3) FROM users WHERE org_id = $1 AND id <> $2;

-- name: org_get
SELECT id, name, created_at FROM organizations WHERE id = $1;

-- name: org_rename
WITH old AS (SELECT id, name FROM organizations WHERE id = $1 FOR UPDATE)
UPDATE organizations o SET name = $2 FROM old WHERE o.id = old.id RETURNING old.name;

-- name: users_of_org
SELECT id, org_id, email, role, email_verified, created_at, '', member_id
FROM users WHERE org_id = $1 ORDER BY created_at DESC, id DESC;

-- name: member_get
SELECT id, org_id, email, role, email_verified, created_at, '', member_id
FROM users WHERE org_id = $1 AND member_id = $2;

-- name: member_by_email
SELECT EXISTS (SELECT FROM users
               WHERE org_id = $1 AND lower(email COLLATE "C") = lower($2 COLLATE "C"));

-- name: session_defaults_get
SELECT session_timeout, session_permissions, allow_streaming_overage
FROM session_defaults WHERE org_id = $1;

-- Null leaves a value as it is.
-- name: session_defaults_set
INSERT INTO session_defaults AS d (org_id, session_timeout, session_permissions,
                                   allow_streaming_overage)
VALUES ($1, coalesce($2, '30m'), coalesce($3, 'full'), coalesce($4::boolean, false))
ON CONFLICT (org_id) DO UPDATE SET
    session_timeout = coalesce($2, d.session_timeout),
    session_permissions = coalesce($3, d.session_permissions),
    allow_streaming_overage = coalesce($4::boolean, d.allow_streaming_overage)
RETURNING session_timeout, session_permissions, allow_streaming_overage;

-- name: login_insert
INSERT INTO logins (jti, org_id, user_id, peer, expires_at) VALUES ($1::uuid, $2, $3, $4, $5);

-- The user as it is now, if the login still stands, and the epoch of that.
-- name: login_check
SELECT h.epoch, u.id, u.email, u.role, l.expires_at, p.id
FROM revocation_head h
LEFT JOIN logins l ON l.jti = $1::uuid AND l.user_id = $2 AND l.org_id = $3 AND l.expires_at > now()
LEFT JOIN users u ON u.id = l.user_id AND u.org_id = $3
LEFT JOIN projects p ON p.org_id = u.org_id AND p.is_default;

-- Sign-ins end, those of command lines with them.
-- name: logins_end_others
WITH cli AS (DELETE FROM tokens WHERE user_id = $1 AND expires_at IS NOT NULL)
DELETE FROM logins WHERE user_id = $1 AND jti <> $2::uuid;

-- name: logins_end_all
WITH cli AS (DELETE FROM tokens WHERE user_id = $1 AND expires_at IS NOT NULL)
DELETE FROM logins WHERE user_id = $1;

-- name: logins_sweep
DELETE FROM logins WHERE jti IN (
    SELECT jti FROM logins WHERE expires_at < now() - interval '1 day' LIMIT 1000);

-- name: token_insert
INSERT INTO tokens (kind, org_id, user_id, project_id, role, name, shown, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::bytea)
RETURNING id, created_at;

-- name: personal_tokens
SELECT id, name, shown, created_at, last_used_at FROM tokens
WHERE org_id = $1 AND user_id = $2 AND kind = 3 ORDER BY id DESC;

-- name: personal_token_delete
DELETE FROM tokens WHERE org_id = $1 AND user_id = $2 AND id = $3 AND kind = 3
RETURNING id, name, shown;

-- name: org_tokens
SELECT t.id, t.name, t.shown, u.email, t.role, t.last_used_at, t.created_at, p.name
FROM tokens t JOIN users u ON u.id = t.user_id LEFT JOIN projects p ON p.id = t.project_id
WHERE t.org_id = $1 AND t.kind IN (2, 4) AND ($2 = 0 OR t.kind = 4 AND t.project_id = $2) ORDER BY t.id DESC;

-- name: org_token_delete
DELETE FROM tokens WHERE org_id = $1 AND id = $2 AND kind IN (2, 4) RETURNING id, name, shown;

-- name: org_token_exists
SELECT EXISTS (SELECT FROM tokens WHERE org_id = $1 AND id = $2 AND kind IN (2, 4));

-- name: personal_token_exists
SELECT EXISTS (SELECT FROM tokens WHERE org_id = $1 AND user_id = $2 AND id = $3 AND kind = 3);

-- Whom a token stands for, and the epoch of that.
-- name: token_check
SELECT h.epoch, t.id, t.kind, t.org_id, t.user_id, coalesce(t.project_id, p.id),
       coalesce(t.role, u.role), u.email, t.shown,
       coalesce(t.last_used_at < now() - interval '1 minute', true), t.expires_at
FROM revocation_head h
LEFT JOIN tokens t ON t.sha256 = $1::bytea AND (t.expires_at IS NULL OR t.expires_at > now())
LEFT JOIN users u ON u.id = t.user_id
LEFT JOIN projects p ON p.org_id = t.org_id AND p.is_default;

-- What a principal's numbers stand for. Token 0: a JWT.
-- name: token_context
SELECT t.uuid, coalesce(nullif(t.name, ''), t.shown), o.uuid, o.name, slug_of(o.name, o.id),
       p.uuid, p.name, slug_of(p.name, p.id), u.uuid, split_part(u.email, '@', 1)
FROM organizations o
JOIN projects p ON p.org_id = o.id AND p.id = $2
JOIN users u ON u.org_id = o.id AND u.id = $4
LEFT JOIN tokens t ON t.id = $3 AND t.org_id = o.id
WHERE o.id = $1;

-- name: member_named
SELECT uuid, split_part(email, '@', 1) FROM users WHERE org_id = $1 AND lower(email) = lower($2);

-- Projects of an organization, or one of them.
-- name: projects_of_org
SELECT p.id, p.uuid, p.name, slug_of(p.name, p.id), p.created_at, o.uuid, o.name,
       slug_of(o.name, o.id), o.created_at
FROM organizations o JOIN projects p ON p.org_id = o.id AND ($2::bigint IS NULL OR p.id = $2)
WHERE o.id = $1 ORDER BY p.id;

-- By slug; $2: that of the organization, $4: the project a token is bound to, or NULL.
-- name: project_slugged
SELECT p.id FROM projects p JOIN organizations o ON o.id = p.org_id
WHERE p.org_id = $1 AND slug_of(p.name, p.id) = $3 AND ($2::text IS NULL OR slug_of(o.name, o.id) = $2)
  AND ($4::bigint IS NULL OR p.id = $4);

-- name: project_token_owner
SELECT user_id FROM tokens WHERE org_id = $1 AND project_id = $2 AND id = $3 AND kind = 4;

-- name: token_used
UPDATE tokens SET last_used_at = now() WHERE id = $1;

-- name: project_upsert
WITH known AS (
    SELECT id FROM projects WHERE org_id = $1 AND lower(name) = lower($2)
), made AS ( -- one that somebody makes now is waited for
    INSERT INTO projects (org_id, name) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (org_id, lower(name)) DO UPDATE SET name = projects.name RETURNING id
)
SELECT id FROM known UNION ALL SELECT id FROM made;

-- name: project_default
SELECT id FROM projects WHERE org_id = $1 AND is_default;

-- name: invite_take
UPDATE invites SET used_at = now()
WHERE sha256 = $1::bytea AND used_at IS NULL AND replaced_at IS NULL AND expires_at > now()
  AND (email IS NULL OR lower(email COLLATE "C") = lower($2 COLLATE "C"))
RETURNING org_id, role;

-- name: invites_replace
UPDATE invites SET replaced_at = now()
WHERE org_id = $1 AND lower(email COLLATE "C") = lower($2 COLLATE "C")
  AND used_at IS NULL AND replaced_at IS NULL;

-- name: invite_insert
INSERT INTO invites (org_id, email, role, sha256, invited_by, expires_at)
VALUES ($1, $2, $3, $4::bytea, $5, now() + interval '7 days')
RETURNING id, expires_at;

-- What the mail of an invite says, while the invite is good.
-- name: invite_mail
SELECT o.name, i.role, u.email
FROM invites i JOIN organizations o ON o.id = i.org_id LEFT JOIN users u ON u.id = i.invited_by
WHERE i.id = $1 AND i.used_at IS NULL AND i.replaced_at IS NULL AND i.expires_at > now();

-- name: links_recent
SELECT count(*) FROM links
WHERE user_id = $1 AND kind = $2 AND created_at > now() - interval '1 hour';

-- name: links_void
UPDATE links SET void_at = now() WHERE user_id = $1 AND kind = $2 AND void_at IS NULL;

-- name: link_insert
INSERT INTO links (kind, org_id, user_id, sha256, expires_at)
VALUES ($1, $2, $3, $4::bytea, now() + $5::bigint * interval '1 microsecond');

-- The life of a link is counted from when it is sent.
-- name: link_extend
UPDATE links SET expires_at = now() + $2::bigint * interval '1 microsecond'
WHERE sha256 = $1::bytea AND void_at IS NULL;

-- name: link_exists
SELECT EXISTS (SELECT FROM links
               WHERE sha256 = $1::bytea AND kind = $2 AND void_at IS NULL AND expires_at > now());

-- name: link_take
UPDATE links SET void_at = now()
WHERE sha256 = $1::bytea AND kind = $2 AND void_at IS NULL AND expires_at > now()
RETURNING user_id, org_id;

-- name: links_sweep
DELETE FROM links WHERE id IN (
    SELECT id FROM links WHERE expires_at < now() - interval '1 day' LIMIT 1000);

-- name: user_verify
UPDATE users SET email_verified = true WHERE id = $1 AND org_id = $2;

-- name: mail_insert
INSERT INTO mails (message_id, kind, org_id, email, invite_id, sealed, request_id, peer)
VALUES ($1::uuid, $2, $3, $4, $5, $6::bytea, $7, $8);

-- Claims the mail that is due for longest by pushing it into the future; a replica that dies gives
-- it back that way.
-- name: mail_claim
UPDATE mails SET next_at = now() + $1::bigint * interval '1 microsecond', attempts = attempts + 1
WHERE id = (SELECT id FROM mails WHERE NOT dead AND next_at <= now()
            ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, message_id, kind, org_id, email, invite_id, sealed, request_id, peer, attempts,
    created_at, about;

-- One mail of kind $2 about $3 for each admin of the organization, and for the user $4 while he is
-- a member.
-- name: mail_notice
INSERT INTO mails (message_id, kind, org_id, email, about)
SELECT gen_random_uuid(), $2, u.org_id, u.email, $3::json
FROM users u WHERE u.org_id = $1 AND (u.role = 3 OR u.id = $4);

-- name: mail_seal
UPDATE mails SET sealed = $2::bytea WHERE id = $1;

-- name: mail_done
DELETE FROM mails WHERE id = $1;

-- name: mail_later
UPDATE mails SET next_at = now() + $2::bigint * interval '1 microsecond', cause = $3 WHERE id = $1;

-- name: mail_dead
UPDATE mails SET dead = true, sealed = NULL, cause = $2 WHERE id = $1;

-- name: mails_sweep
DELETE FROM mails WHERE id IN (
    SELECT id FROM mails WHERE created_at < now() - interval '30 days' LIMIT 1000);

-- name: throttle_check
SELECT coalesce(extract(epoch FROM max(blocked_until) - now()) * 1000000, 0)::bigint
FROM throttle WHERE key = ANY($1::text[]) AND blocked_until > now();

-- Counts an attempt under each key: free up to its allowance ($2), then a delay that doubles from one
-- second up to a cap ($3, seconds). An hour without an attempt forgives. Keys that are blocked change
-- nothing: fewer rows than keys. Rows are always locked in the order of their keys.
-- name: throttle_take
INSERT INTO throttle AS t (key, failures, blocked_until, last_at)
SELECT k, 1, clock_timestamp(), clock_timestamp() FROM unnest($1::text[]) AS k ORDER BY k
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN t.last_at < clock_timestamp() - interval '1 hour' THEN 1
        ELSE t.failures + 1 END,
    blocked_until = CASE
        WHEN t.last_at < clock_timestamp() - interval '1 hour'
          OR t.failures + 1 <= ($2::bigint[])[array_position($1::text[], t.key)]
        THEN clock_timestamp()
        ELSE clock_timestamp() + least(($3::bigint[])[array_position($1::text[], t.key)],
            power(2, least(t.failures - ($2::bigint[])[array_position($1::text[], t.key)], 20)))
            * interval '1 second' END,
    last_at = clock_timestamp()
WHERE t.blocked_until <= clock_timestamp();

-- Attempts that were no failures: uncounted again, with the delay they began.
-- name: throttle_give_back
UPDATE throttle SET failures = greatest(failures - 1, 0), blocked_until = clock_timestamp()
WHERE key IN (SELECT key FROM throttle WHERE key = ANY($1::text[]) ORDER BY key FOR UPDATE);

-- name: throttle_clear
DELETE FROM throttle
WHERE key IN (SELECT key FROM throttle WHERE key = ANY($1::text[]) ORDER BY key FOR UPDATE);

-- name: throttle_sweep
DELETE FROM throttle WHERE key IN (
    SELECT key FROM throttle WHERE last_at < now() - interval '1 day' LIMIT 1000);

-- name: keys_lock
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.keys', 0));

-- name: keys_live
SELECT kid, sealed, sign_from <= now() FROM signing_keys
WHERE retire_at IS NULL OR retire_at > now() ORDER BY sign_from DESC, kid;

-- name: key_insert
INSERT INTO signing_keys (kid, sealed, sign_from)
VALUES ($1, $2::bytea, now() + $3::bigint * interval '1 microsecond');

-- The others go once the newest signs and all they signed has expired.
-- name: keys_retire_others
UPDATE signing_keys SET retire_at = now() + $2::bigint * interval '1 microsecond'
WHERE kid <> $1 AND retire_at IS NULL;

-- name: keys_sweep
DELETE FROM signing_keys WHERE retire_at < now() - interval '1 day';

-- name: revoke
WITH head AS (UPDATE revocation_head SET epoch = epoch + 1 RETURNING epoch)
INSERT INTO revocations (epoch, user_id, token_id, org_id) SELECT epoch, $1, $2, $3 FROM head
RETURNING epoch;

-- name: revocations_since
SELECT h.epoch, r.epoch, r.user_id, r.token_id, r.org_id
FROM revocation_head h LEFT JOIN revocations r ON r.epoch > $1 AND r.epoch <= h.epoch
ORDER BY r.epoch LIMIT $2;

-- True when the gateway has acked something new: those who wait for that are told.
-- name: watch_renew
WITH old AS (SELECT acked_epoch FROM gateway_watch WHERE gateway_id = $1),
     now_ AS (
    INSERT INTO gateway_watch (gateway_id, acked_epoch, lease_until)
    VALUES ($1, $2, now() + $3::bigint * interval '1 microsecond')
    ON CONFLICT (gateway_id) DO UPDATE
        SET acked_epoch = excluded.acked_epoch, lease_until = excluded.lease_until
    RETURNING acked_epoch)
SELECT old.acked_epoch IS DISTINCT FROM now_.acked_epoch FROM now_ LEFT JOIN old ON true;

-- name: watch_behind
SELECT count(*) FROM gateway_watch WHERE lease_until > now() AND acked_epoch < $1;

-- name: watch_sweep
DELETE FROM gateway_watch WHERE lease_until < now() - interval '1 hour';

-- name: revocations_sweep
DELETE FROM revocations WHERE at < now() - interval '1 hour';

-- name: audit_head_lock
INSERT INTO audit_heads (org_id, seq, hash) VALUES ($1, 0, ''::bytea)
ON CONFLICT (org_id) DO UPDATE SET seq = audit_heads.seq
RETURNING seq, hash;

-- name: audit_insert
INSERT INTO audit_events (org_id, seq, event_id, type, at_us, user_id, email, resource_type,
    resource_id, resource_name, details, peer, request_id, hash)
VALUES ($1, $2, $3::uuid, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::bytea);

-- name: audit_head_set
UPDATE audit_heads SET seq = $2, hash = $3::bytea WHERE org_id = $1;

-- A page of a chain, and its head as it stands with it: entries may come while one reads.
-- name: audit_chain
SELECT e.seq, e.event_id, e.type, e.at_us, e.user_id, e.email, e.resource_type, e.resource_id,
    e.resource_name, e.details, e.peer, e.request_id, e.hash, coalesce(h.seq, 0), h.hash
FROM (VALUES ($1::bigint)) AS o (org_id) LEFT JOIN audit_heads h ON h.org_id = o.org_id
LEFT JOIN LATERAL (SELECT * FROM audit_events WHERE org_id = o.org_id AND seq > $2 ORDER BY seq LIMIT $3)
    AS e ON true
ORDER BY e.seq;

-- name: audit_orgs
SELECT org_id FROM audit_heads UNION SELECT org_id FROM audit_events ORDER BY org_id;

-- name: audit_page
SELECT id, seq, email, type, resource_type, resource_id, coalesce(details, resource_name), at_us,
    peer, request_id
FROM audit_events
WHERE org_id = $1 AND ($2::text IS NULL OR strpos(type, lower($2)) > 0)
  AND ($3::text IS NULL OR lower(email) = lower($3))
  AND ($4::text IS NULL OR resource_type = $4) AND ($5::bigint IS NULL OR at_us >= $5)
ORDER BY at_us DESC, id DESC LIMIT $6 OFFSET $7;

-- name: audit_count
SELECT count(*)
FROM audit_events
WHERE org_id = $1 AND ($2::text IS NULL OR strpos(type, lower($2)) > 0)
  AND ($3::text IS NULL OR lower(email) = lower($3))
  AND ($4::text IS NULL OR resource_type = $4) AND ($5::bigint IS NULL OR at_us >= $5);

-- ---- sign-ins of command lines

-- No row: the user code is taken.
-- name: device_insert
INSERT INTO device_requests (device_sha256, user_code, agent, peer, expires_at)
VALUES ($1::bytea, $2, $3, $4, now() + $5::bigint * interval '1 microsecond')
ON CONFLICT (user_code) DO NOTHING RETURNING id;
-- How it stands, and whether it is too late. What was approved is given out once.
-- name: device_poll
WITH was AS (
    SELECT id, state, expires_at <= now() AS over, org_id, user_id FROM device_requests
    WHERE device_sha256 = $1::bytea FOR UPDATE
), took AS (
    UPDATE device_requests d SET state = 3 FROM was
    WHERE d.id = was.id AND was.state = 1 AND NOT was.over
)
SELECT state, over, org_id, user_id FROM was;
-- Who asks, for a person who has signed in and holds the ticket from now on.
-- name: device_look
UPDATE device_requests SET ticket_sha256 = $2::bytea, org_id = $3, user_id = $4
WHERE user_code = $1 AND state = 0 AND expires_at > now()
RETURNING agent, peer, created_at;
-- name: device_decide
UPDATE device_requests SET state = $2, ticket_sha256 = NULL
WHERE ticket_sha256 = $1::bytea AND state = 0 AND expires_at > now() RETURNING org_id, user_id;
-- name: devices_sweep
DELETE FROM device_requests WHERE id IN (
    SELECT id FROM device_requests WHERE expires_at < now() - interval '1 day' LIMIT 1000);

-- name: cli_token_lasts
UPDATE tokens SET expires_at = now() + $2::bigint * interval '1 microsecond' WHERE id = $1
RETURNING expires_at;
-- name: cli_token_renew
UPDATE tokens SET sha256 = $2::bytea, shown = $3, expires_at = now() + $4::bigint * interval '1 microsecond'
WHERE id = $1 RETURNING expires_at;
-- name: cli_token_end
DELETE FROM tokens WHERE id = $1 RETURNING name;
-- name: cli_refresh_insert
INSERT INTO cli_refreshes (sha256, org_id, token_id, expires_at)
VALUES ($1::bytea, $2, $3, now() + $4::bigint * interval '1 microsecond');
-- What the secret renews: how long ago it was used (NULL: never, but it is now), whether it is too late.
-- name: cli_refresh_take
WITH was AS (
    SELECT r.sha256, r.token_id, r.org_id, t.user_id, r.used_at, r.expires_at <= now() AS over
    FROM cli_refreshes r JOIN tokens t ON t.id = r.token_id
    WHERE r.sha256 = $1::bytea FOR UPDATE OF r, t
), took AS (
    UPDATE cli_refreshes r SET used_at = now() FROM was
    WHERE r.sha256 = was.sha256 AND was.used_at IS NULL AND NOT was.over
)
SELECT token_id, org_id, user_id, over,
       (extract(epoch FROM now() - used_at) * 1000000)::bigint FROM was;
-- name: cli_tokens_sweep
DELETE FROM tokens WHERE id IN (
    SELECT id FROM tokens t WHERE t.expires_at < now() - interval '1 day'
      AND NOT EXISTS (SELECT FROM cli_refreshes r WHERE r.token_id = t.id AND r.used_at IS NULL
                          AND r.expires_at > now()) LIMIT 1000);
-- name: cli_refreshes_sweep
DELETE FROM cli_refreshes WHERE sha256 IN (
    SELECT sha256 FROM cli_refreshes WHERE expires_at < now() - interval '1 day' LIMIT 1000);
-- name: cli_user
SELECT uuid, split_part(email, '@', 1), email FROM users WHERE id = $1 AND org_id = $2;
