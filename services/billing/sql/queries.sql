-- Statements of the billing service. Accounts are locked in the order of their organization.

-- ---- usage -----------------------------------------------------------------------------------

-- A run or session counts once, whatever arrives.
-- name: usage_add
INSERT INTO usage_events (event_id, org_id, type, meter, resource_id, status, quantity_micro,
                          billable_micro, actor_user_id, at)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING;

-- A start that arrives after its end is over already.
-- name: live_add
INSERT INTO live_sessions (org_id, session_id, since)
SELECT $1, $2, $3 WHERE NOT EXISTS (
    SELECT 1 FROM usage_events WHERE org_id = $1 AND meter = 'session_seconds' AND resource_id = $2)
ON CONFLICT DO NOTHING;

-- name: live_end
DELETE FROM live_sessions WHERE org_id = $1 AND session_id = $2;

-- name: stream_add
INSERT INTO stream_months (org_id, month, used_us, sessions)
VALUES ($1, ($2::timestamptz AT TIME ZONE 'UTC')::date, $3, $4)
ON CONFLICT (org_id, month) DO UPDATE SET used_us = stream_months.used_us + excluded.used_us,
    sessions = stream_months.sessions + excluded.sessions;

-- The cost is what was deducted ($7), or, on a plan that refuses nothing, all of it ($10).
-- name: ai_call_add
WITH added AS (
    INSERT INTO ai_calls (org_id, call_id, model, is_byok, input_tokens, output_tokens, cost_micro,
                          test_run_id, at)
    SELECT $1, $2, $3, $4, $5, $6, CASE WHEN coalesce(
        (SELECT p.is_enforced FROM accounts a JOIN plans p ON p.plan_id = a.plan_id WHERE a.org_id = $1),
        true) THEN $7::bigint ELSE $10::bigint END, $8, $9
    ON CONFLICT DO NOTHING
    RETURNING org_id, model, is_byok, input_tokens, output_tokens, cost_micro, at
)
INSERT INTO ai_months (org_id, month, model, is_byok, calls, input_tokens, output_tokens, cost_micro)
SELECT org_id, date_trunc('month', at AT TIME ZONE 'UTC')::date, model, is_byok, 1, input_tokens,
    output_tokens, cost_micro FROM added
ON CONFLICT (org_id, month, model, is_byok) DO UPDATE SET calls = ai_months.calls + 1,
    input_tokens = ai_months.input_tokens + excluded.input_tokens,
    output_tokens = ai_months.output_tokens + excluded.output_tokens,
    cost_micro = ai_months.cost_micro + excluded.cost_micro;

-- name: ai_call_known
SELECT EXISTS (SELECT 1 FROM ai_calls WHERE org_id = $1 AND call_id = $2);

-- From a month on; by model, the dearest first.
-- name: ai_sums
SELECT model, is_byok, sum(calls)::bigint, sum(input_tokens)::bigint, sum(output_tokens)::bigint,
    sum(cost_micro)::bigint
FROM ai_months WHERE org_id = $1 AND month >= ($2::timestamptz AT TIME ZONE 'UTC')::date
GROUP BY model, is_byok ORDER BY sum(cost_micro) DESC, model, is_byok;

-- ---- accounts and the ledger -------------------------------------------------------------------

-- name: account_add
INSERT INTO accounts (org_id, plan_id, period)
SELECT $1, plan_id, '-infinity'::date FROM plans WHERE plan_id = $2 ON CONFLICT DO NOTHING;

-- $2: the first instant of this month.
-- name: account_lock
SELECT a.allowance_micro, a.prepaid_micro,
    a.period < ($2::timestamptz AT TIME ZONE 'UTC')::date, p.credit_micro, p.is_enforced
FROM accounts a JOIN plans p ON p.plan_id = a.plan_id WHERE a.org_id = $1 FOR UPDATE OF a;

-- name: account_set_period
UPDATE accounts SET period = ($2::timestamptz AT TIME ZONE 'UTC')::date WHERE org_id = $1;

-- What an organization has and has used in the month that begins at $2, at the time $3.
-- name: account_get
SELECT a.plan_id, p.name, p.price_cents, p.concurrent_sessions, p.streaming_minutes, p.credit_micro,
    p.max_session_seconds, p.overage_micro, p.is_enforced, a.allowance_micro, a.prepaid_micro,
    a.entries, a.overage, a.period < ($2::timestamptz AT TIME ZONE 'UTC')::date,
    coalesce(m.used_us, 0), coalesce(m.sessions, 0), coalesce(m.overage_minutes, 0), l.us, l.n,
    coalesce(m.overage_micro, 0)
FROM accounts a JOIN plans p ON p.plan_id = a.plan_id
LEFT JOIN stream_months m
    ON m.org_id = a.org_id AND m.month = ($2::timestamptz AT TIME ZONE 'UTC')::date
CROSS JOIN LATERAL (
    SELECT count(*) AS n, coalesce(sum(greatest(0,
        extract(epoch FROM $3::timestamptz - greatest(since, $2)) * 1000000)), 0)::bigint AS us
    FROM live_sessions WHERE org_id = a.org_id) l
WHERE a.org_id = $1;

-- One look into the index per id: for a list of ids the planner may read all rows of the account instead.
-- name: ledger_known
SELECT e.id, l.entry_type, l.asked, l.allowance, l.prepaid FROM unnest($2::text[]) AS e (id)
CROSS JOIN LATERAL (
    SELECT min(entry_type) AS entry_type, max(asked_micro) AS asked,
        coalesce(sum(amount_micro) FILTER (WHERE 'allowance' IN (debit, credit)), 0)::bigint AS allowance,
        coalesce(sum(amount_micro) FILTER (WHERE 'prepaid' IN (debit, credit)), 0)::bigint AS prepaid
    FROM ledger WHERE org_id = $1 AND event_id = e.id HAVING count(*) > 0) l;

-- name: ledger_add
INSERT INTO ledger (org_id, event_id, leg, entry_type, debit, credit, amount_micro, asked_micro,
                    after_micro, model, test_run_id, is_streaming)
SELECT $1, e.event_id, e.leg, e.entry_type, e.debit, e.credit, e.amount, e.asked, e.after,
    nullif(e.model, ''), nullif(e.run, 0), e.streaming <> 0
FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::text[], $11::bigint[], $12::smallint[])
    AS e (event_id, leg, entry_type, debit, credit, amount, asked, after, model, run, streaming);

-- name: ledger_list
SELECT id, created_at, entry_type, CASE WHEN debit IN ('allowance', 'prepaid') THEN debit ELSE credit END,
    CASE WHEN debit IN ('allowance', 'prepaid') THEN -amount_micro ELSE amount_micro END, model,
    test_run_id, is_streaming
FROM ledger WHERE org_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3;

-- Accounts whose balance is not the sum of their entries, whose entries do not follow each other or
-- are not all counted: none, ever.
-- name: ledger_faults
WITH moves AS (
    SELECT org_id, id, CASE WHEN debit IN ('allowance', 'prepaid') THEN debit ELSE credit END AS bucket,
        CASE WHEN debit IN ('allowance', 'prepaid') THEN -amount_micro ELSE amount_micro END AS amount,
        after_micro FROM ledger
), steps AS (
    SELECT *, sum(amount) OVER (PARTITION BY org_id, bucket ORDER BY id) AS running FROM moves
), sums AS (
    SELECT org_id, coalesce(sum(amount) FILTER (WHERE bucket = 'allowance'), 0) AS allowance,
        coalesce(sum(amount) FILTER (WHERE bucket = 'prepaid'), 0) AS prepaid, count(*) AS n,
        count(*) FILTER (WHERE running <> after_micro) AS broken
    FROM steps GROUP BY org_id
)
SELECT a.org_id FROM accounts a LEFT JOIN sums s ON s.org_id = a.org_id
WHERE a.allowance_micro <> coalesce(s.allowance, 0) OR a.prepaid_micro <> coalesce(s.prepaid, 0)
   OR a.entries <> coalesce(s.n, 0) OR coalesce(s.broken, 0) > 0
LIMIT 100;

-- name: overage_set
UPDATE accounts SET overage = $2, overage_at = $3 WHERE org_id = $1 AND overage_at < $3;

-- Months, this one and the one before, with whole minutes beyond the plan that are not paid yet and
-- that the credit can pay: who cannot holds nobody up. $1, $2: the first instants of the two; $3: now.
-- name: overage_due
SELECT a.org_id, b.month, p.overage_micro, coalesce(m.overage_minutes, 0), u.minutes
FROM accounts a
JOIN plans p ON p.plan_id = a.plan_id AND p.streaming_minutes IS NOT NULL AND p.overage_micro > 0
CROSS JOIN (VALUES ($1::timestamptz, $2::timestamptz), ($2, 'infinity')) AS b (month, ends)
LEFT JOIN stream_months m
    ON m.org_id = a.org_id AND m.month = (b.month AT TIME ZONE 'UTC')::date
CROSS JOIN LATERAL (
    SELECT (coalesce(m.used_us, 0) + coalesce(sum(greatest(0,
        extract(epoch FROM least($3::timestamptz, b.ends) - greatest(since, b.month)) * 1000000)), 0)::bigint)
        / 60000000 - p.streaming_minutes AS minutes
    FROM live_sessions WHERE org_id = a.org_id) u
WHERE a.overage AND u.minutes > coalesce(m.overage_minutes, 0)
  AND (a.allowance_micro + a.prepaid_micro >= p.overage_micro
       OR a.period < ($2::timestamptz AT TIME ZONE 'UTC')::date)
ORDER BY a.org_id LIMIT 200;

-- name: overage_paid
INSERT INTO stream_months (org_id, month, overage_minutes, overage_micro)
VALUES ($1, ($2::timestamptz AT TIME ZONE 'UTC')::date, $3, $4)
ON CONFLICT (org_id, month) DO UPDATE
    SET overage_minutes = greatest(stream_months.overage_minutes, excluded.overage_minutes),
        overage_micro = stream_months.overage_micro + excluded.overage_micro;

-- ---- plans -------------------------------------------------------------------------------------

-- name: plan_list
SELECT plan_id, name, price_cents, concurrent_sessions, streaming_minutes, credit_micro,
    max_session_seconds, overage_micro, is_enforced FROM plans ORDER BY price_cents, plan_id;

-- name: plan_put
INSERT INTO plans (plan_id, name, price_cents, concurrent_sessions, streaming_minutes, credit_micro,
                   max_session_seconds, overage_micro, is_enforced)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (plan_id) DO UPDATE SET name = excluded.name, price_cents = excluded.price_cents,
    concurrent_sessions = excluded.concurrent_sessions,
    streaming_minutes = excluded.streaming_minutes, credit_micro = excluded.credit_micro,
    max_session_seconds = excluded.max_session_seconds, overage_micro = excluded.overage_micro,
    is_enforced = excluded.is_enforced;

-- The second column: what the allowance grows by at once.
-- name: account_set_plan
UPDATE accounts a SET plan_id = p.plan_id
FROM plans p, plans old
WHERE a.org_id = $1 AND p.plan_id = $2 AND old.plan_id = a.plan_id
RETURNING old.plan_id, greatest(0, p.credit_micro - old.credit_micro);

-- ---- purchases ---------------------------------------------------------------------------------

-- name: topup_add
INSERT INTO topups (org_id, user_id, user_email, amount_micro) VALUES ($1, $2, $3, $4) RETURNING topup_id;

-- name: topup_opened
UPDATE topups SET checkout_id = $2 WHERE topup_id = $1::uuid;

-- By our own number, or by Stripe's payment.
-- name: topup_lock
SELECT topup_id, org_id, amount_micro, state, refunded_micro, taken_micro, user_id, user_email,
    payment_intent, disputed_micro
FROM topups WHERE topup_id = $1::uuid OR payment_intent = $2
ORDER BY topup_id = $1::uuid DESC NULLS LAST LIMIT 1 FOR UPDATE;

-- name: topup_set
UPDATE topups SET state = $2, refunded_micro = $3, taken_micro = $4, payment_intent = $5,
    disputed_micro = $6
WHERE topup_id = $1::uuid;

-- Events about one payment take turns.
-- name: payment_lock
SELECT pg_advisory_xact_lock(hashtextextended('stripe_payment', hashtext($1)));

-- name: loss_add
INSERT INTO stripe_losses AS l (payment_intent, refunded_micro, disputed_micro) VALUES ($1, $2, $3)
ON CONFLICT (payment_intent) DO UPDATE SET
    refunded_micro = greatest(l.refunded_micro, excluded.refunded_micro),
    disputed_micro = greatest(l.disputed_micro, excluded.disputed_micro), at = now();

-- name: loss_get
SELECT refunded_micro, disputed_micro FROM stripe_losses WHERE payment_intent = $1;

-- name: stripe_event_add
INSERT INTO stripe_events (event_id, type) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- Stripe sends an event again for three days at most.
-- name: stripe_event_sweep
WITH events AS (
    DELETE FROM stripe_events WHERE event_id IN (
        SELECT event_id FROM stripe_events WHERE at < now() - interval '90 days' LIMIT 1000)
)
DELETE FROM stripe_losses WHERE payment_intent IN (
    SELECT payment_intent FROM stripe_losses WHERE at < now() - interval '90 days' LIMIT 1000);
