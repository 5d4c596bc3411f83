/* SPDX-License-Identifier: Apache-2.0
 *
 * Credit as its callers see it, on a real Postgres: allowance, purchases, deductions, limits. */
#include <pthread.h>
#include <stdatomic.h>

#include "billing/billing_lab.h"
#include "billing/bil_post.h"
#include "sec/hash.h"

#define ORG 7
#define USD INT64_C(1000000)

static Assay__GetBalanceResponse
balance(struct call *c)
{
    Assay__GetBalanceRequest req = ASSAY__GET_BALANCE_REQUEST__INIT;
    Assay__GetBalanceResponse resp = ASSAY__GET_BALANCE_RESPONSE__INIT;

    assert_int_equal(billing_get_balance(&billing, &c->ctx, &req, &resp), RC_OK);
    return resp;
}

static int64_t
balance_micro(void)
{
    struct call c = call_begin(ORG);
    Assay__GetBalanceResponse b = balance(&c);

    arena_free(c.arena);
    return b.allowance_micro + b.prepaid_micro;
}

static struct bil_op
post(enum bil_kind kind, const char *event, int64_t amount)
{
    struct call c = call_begin(0);
    struct bil_op op = {.kind = kind, .event_id = str_z(event), .amount_micro = amount};

    assert_int_equal(bil_writer_post(billing.writer, &c.ctx, ORG, &op, 1), RC_OK);
    arena_free(c.arena);
    return op;
}

static enum rc
deduct(const char *event, int64_t amount, const char **out_reason)
{
    struct call c = call_begin(0);
    Assay__DeductRequest req = ASSAY__DEDUCT_REQUEST__INIT;
    Assay__DeductResponse resp = ASSAY__DEDUCT_RESPONSE__INIT;

    req.org_id = ORG;
    req.event_id = (char *)(uintptr_t)event;
    req.amount_micro = amount;
    enum rc rc = billing_deduct(&billing, &c.ctx, &req, &resp);
    *out_reason = c.ctx.err.reason;
    arena_free(c.arena);
    return rc;
}

static void
add_up(void)
{
    struct call c = call_begin(0);
    int64_t *orgs = NULL;
    size_t n = 99;

    assert_int_equal(bil_ledger_faults(db, &c.ctx, &orgs, &n), RC_OK);
    assert_int_equal(n, 0);
    arena_free(c.arena);
}

static void
a_new_organization_has_its_first_allowance_as_an_entry(void **state)
{
    struct call c = call_begin(ORG);

    (void)state;
    for (int i = 0; i < 2; i++) {
        Assay__GetBalanceResponse b = balance(&c);
        assert_int_equal(b.allowance_micro, USD);
        assert_int_equal(b.prepaid_micro, 0);
        assert_int_equal(b.plan_allowance_micro, USD);
        assert_false(b.has_plan_period_end); /* the plan costs nothing */
        assert_false(b.low_balance);
        assert_int_equal(b.n_bundles, 2);
        assert_string_equal(b.bundles[1]->bundle_key, "bundle_25");
    }
    Assay__ListLedgerRequest req = ASSAY__LIST_LEDGER_REQUEST__INIT;
    Assay__ListLedgerResponse resp = ASSAY__LIST_LEDGER_RESPONSE__INIT;
    assert_int_equal(billing_list_ledger(&billing, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.total, 1);
    assert_int_equal(resp.n_entries, 1);
    assert_string_equal(resp.entries[0]->entry_type, "subscription_refill");
    assert_string_equal(resp.entries[0]->balance_bucket, "allowance");
    assert_int_equal(resp.entries[0]->amount_micro, USD);
    arena_free(c.arena);
}

static void
a_month_ends_the_allowance_and_keeps_what_was_bought(void **state)
{
    (void)state;
    post(BIL_TOPUP, "t1", 5 * USD);
    post(BIL_DEDUCT, "d1", USD / 4);
    pg_support_exec("UPDATE billing.accounts SET period = period - interval '1 month';"
                    "ALTER TABLE billing.ledger DISABLE TRIGGER USER;"
                    "UPDATE billing.ledger SET event_id = 'refill/2001-01' WHERE debit = 'plan';"
                    "ALTER TABLE billing.ledger ENABLE TRIGGER USER");
    struct call c = call_begin(ORG);
    Assay__GetBalanceResponse b = balance(&c);
    assert_int_equal(b.allowance_micro, USD);
    assert_int_equal(b.prepaid_micro, 5 * USD);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.ledger"
                                    " WHERE entry_type = 'subscription_expiry'"),
                     1);
    arena_free(c.arena);
    add_up();
}

static void
an_event_is_booked_once_and_never_with_another_amount(void **state)
{
    const char *reason = NULL;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(deduct("e1", 1000, &reason), RC_OK);
        assert_int_equal(balance_micro(), USD - 1000);
    }
    assert_int_equal(deduct("e1", 1001, &reason), RC_ALREADY_EXISTS);
    assert_string_equal(reason, "EVENT_REUSED");
    assert_int_equal(post(BIL_TOPUP, "e1", 1000).result, BIL_REUSED);
    assert_int_equal(deduct("e2", USD, &reason), RC_FAILED_PRECONDITION);
    assert_string_equal(reason, "CREDIT_EXHAUSTED");
    assert_int_equal(balance_micro(), USD - 1000);
    /* A refusal is no event: with credit the same deduction is possible. */
    post(BIL_TOPUP, "t1", 10 * USD);
    assert_int_equal(deduct("e2", USD, &reason), RC_OK);
    static const int64_t BAD[] = {0, -5, BIL_AMOUNT_MAX + 1};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(deduct("e3", BAD[i], &reason), RC_INVALID_ARGUMENT);
    }
    assert_int_equal(deduct("", 5, &reason), RC_INVALID_ARGUMENT);
    add_up();
}

static void
the_ledger_is_never_changed_and_no_balance_moves_without_it(void **state)
{
    static const char *const SQL[] = {
        "UPDATE billing.ledger SET amount_micro = 1",
        "DELETE FROM billing.ledger",
        "TRUNCATE billing.ledger",
        "UPDATE billing.accounts SET prepaid_micro = 5",
        "UPDATE billing.accounts SET entries = 5",
        "DELETE FROM billing.accounts",
        "INSERT INTO billing.ledger (org_id, event_id, leg, entry_type, debit, credit, "
        "amount_micro,"
        " asked_micro, after_micro) VALUES (7, 'x', 0, 'x', 'prepaid', 'revenue', 1, 1, 0)",
        "INSERT INTO billing.ledger (org_id, event_id, leg, entry_type, debit, credit, "
        "amount_micro,"
        " asked_micro, after_micro) VALUES (8, 'x', 0, 'x', 'grants', 'prepaid', 1, 1, 1)",
        "INSERT INTO billing.ledger (org_id, event_id, leg, entry_type, debit, credit, "
        "amount_micro,"
        " asked_micro, after_micro) VALUES (7, 'x', 0, 'x', 'prepaid', 'allowance', 1, 1, 1)",
    };

    (void)state;
    post(BIL_DEDUCT, "d1", USD / 4);
    for (size_t i = 0; i < ARRAY_LEN(SQL); i++) {
        must_be_refused(SQL[i]);
    }
    assert_int_equal(balance_micro(), USD - USD / 4);
    add_up();
}

/* The check is worth something only if it finds what it looks for. */
static void
a_ledger_that_does_not_add_up_is_found(void **state)
{
    struct call c = call_begin(0);
    int64_t *orgs = NULL;
    size_t n = 0;

    (void)state;
    post(BIL_TOPUP, "t1", 5 * USD);
    pg_support_exec("ALTER TABLE billing.accounts DISABLE TRIGGER balance_needs_entry;"
                    "UPDATE billing.accounts SET prepaid_micro = prepaid_micro - 1;"
                    "ALTER TABLE billing.accounts ENABLE TRIGGER balance_needs_entry");
    assert_int_equal(bil_ledger_faults(db, &c.ctx, &orgs, &n), RC_OK);
    assert_int_equal(n, 1);
    assert_int_equal(orgs[0], ORG);
    arena_free(c.arena);
}

static void
low_credit_is_told_once_when_it_is_crossed(void **state)
{
    const char *count = "SELECT count(*) FROM billing.outbox WHERE type = 'billing.low_balance'";

    (void)state;
    post(BIL_DEDUCT, "d1", USD / 2);
    assert_int_equal(pg_support_i64(count), 0);
    post(BIL_DEDUCT, "d2", USD / 2 - 1000);
    assert_int_equal(pg_support_i64(count), 1);
    post(BIL_DEDUCT, "d3", 500);
    assert_int_equal(pg_support_i64(count), 1);
    struct call c = call_begin(ORG);
    assert_true(balance(&c).low_balance);
    arena_free(c.arena);
}

/* --- purchases ----------------------------------------------------------------------------- */

static enum rc
topup(const char *bundle, const char *amount, const char **out_reason)
{
    struct call c = call_begin(ORG);
    Assay__CreateTopupRequest req = ASSAY__CREATE_TOPUP_REQUEST__INIT;
    Assay__CreateTopupResponse resp = ASSAY__CREATE_TOPUP_RESPONSE__INIT;

    if (bundle != NULL) {
        PB_SET(&req, bundle_key, pb_bytes(c.arena, str_z(bundle)));
    }
    if (amount != NULL) {
        PB_SET(&req, amount_usd, pb_bytes(c.arena, str_z(amount)));
    }
    enum rc rc = billing_create_topup(&billing, &c.ctx, &req, &resp);
    *out_reason = c.ctx.err.reason;
    arena_free(c.arena);
    return rc;
}

static void
every_fault_of_a_purchase_comes_before_the_provider(void **state)
{
    static const struct {
        const char *bundle, *amount;
    } BAD[] = {{NULL, NULL},
               {"\"bundle_10\"", "10"},
               {"\"bundle_11\"", NULL},
               {"5", NULL},
               {NULL, "\"10\""},
               {NULL, "10.5"},
               {NULL, "4"},
               {NULL, "501"},
               {NULL, "-10"},
               {NULL, "1e400"},
               {NULL, "true"},
               {"null", "null"},
               {NULL, "[]"},
               {NULL, "99999999999999999999"}};
    const char *reason = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(topup(BAD[i].bundle, BAD[i].amount, &reason), RC_FAILED_PRECONDITION);
    }
    assert_int_equal(topup("\"bundle_10\"", NULL, &reason), RC_UNAVAILABLE);
    assert_string_equal(reason, "NOT_CONFIGURED");
    assert_int_equal(topup("null", "10", &reason), RC_UNAVAILABLE);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.topups"), 0);
}

#define SECRET "whsec_lab"
#define TOPUP_ID "11111111-2222-4333-8444-555555555555"

static int
with_stripe(void **state)
{
    lab_cfg.stripe_key = "sk_test";
    lab_cfg.stripe_webhook_secret = SECRET;
    int rc = set_up(state);
    pg_support_exec(
        "INSERT INTO billing.topups (topup_id, org_id, user_id, user_email, amount_micro)"
        " VALUES ('" TOPUP_ID "', 7, 3, 'ada@example.com', 10000000)");
    return rc;
}

static int
without_stripe(void **state)
{
    lab_cfg.stripe_key = "";
    lab_cfg.stripe_webhook_secret = "";
    return tear_down(state);
}

/* One call of the webhook, in the dispatcher's transaction. */
static enum rc
hook(const char *event_id, const char *type, const char *object)
{
    struct call c = call_begin(0);
    Assay__StripeWebhookRequest req = ASSAY__STRIPE_WEBHOOK_REQUEST__INIT;
    Assay__StripeWebhookResponse resp = ASSAY__STRIPE_WEBHOOK_RESPONSE__INIT;
    char hex[HASH_SHA256_HEX_LEN + 1];
    long long now = (long long)(clk_wall_us() / ASSAY_US_PER_S);
    struct str body =
        arena_printf(c.arena, "{\"id\":\"%s\",\"type\":\"%s\",\"data\":{\"object\":%s}}", event_id,
                     type, object);

    c.ctx.who.kind = TOKEN_NONE;
    hash_hmac_sha256_hex(STR(SECRET), arena_printf(c.arena, "%lld.%.*s", now, STR_ARG(body)), hex);
    PB_SET(&req, body, pb_bytes(c.arena, body));
    req.signature = pb_strz(c.arena, arena_printf(c.arena, "t=%lld,v1=%s", now, hex));
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = billing_stripe_webhook(&billing, &c.ctx, &req, &resp);
    if (rc == RC_OK) {
        rc = db_commit(db, &c.ctx);
    } else {
        db_rollback(db, &c.ctx);
    }
    arena_free(c.arena);
    return rc;
}

#define META "\"metadata\":{\"topup_id\":\"" TOPUP_ID "\"}"
#define PAID(cents)                                                                                \
    "{\"payment_status\":\"paid\",\"amount_total\":" #cents                                        \
    ",\"currency\":\"usd\",\"payment_intent\":\"pi_1\"," META "}"
#define UNPAID "{\"payment_status\":\"unpaid\",\"amount_total\":1000,\"currency\":\"usd\"," META "}"
#define REFUNDED(cents)                                                                            \
    "{\"amount\":1000,\"amount_refunded\":" #cents ",\"payment_intent\":\"pi_1\"," META "}"

static void
a_payment_is_granted_once_whatever_is_repeated(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hook("evt_1", "checkout.session.completed", PAID(1000)), RC_OK);
    }
    assert_int_equal(hook("evt_2", "checkout.session.completed", PAID(1000)), RC_OK);
    assert_int_equal(hook("evt_3", "checkout.session.async_payment_succeeded", PAID(1000)), RC_OK);
    assert_int_equal(balance_micro(), 11 * USD);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.outbox"
                                    " WHERE type = 'billing.topup_completed' AND target = 4"),
                     1);
    add_up();
}

/* All orders of what can come, copies among them, end the same. */
static void
the_order_of_events_does_not_matter(void **state)
{
    static const struct {
        const char *type, *object;
    } EVENTS[] = {{"checkout.session.completed", UNPAID},
                  {"checkout.session.expired", UNPAID},
                  {"charge.refunded", REFUNDED(400)},
                  {"checkout.session.async_payment_succeeded", PAID(1000)},
                  {"charge.refunded", REFUNDED(250)}};
    enum { N = ARRAY_LEN(EVENTS) };

    (void)state;
    for (size_t order = 0; order < 5 * 4 * 3 * 2; order++) {
        size_t left[N] = {0, 1, 2, 3, 4};
        size_t rest = order;
        pg_support_exec("DELETE FROM billing.topups; DELETE FROM billing.stripe_events;"
                        "ALTER TABLE billing.ledger DISABLE TRIGGER USER;"
                        "ALTER TABLE billing.accounts DISABLE TRIGGER USER;"
                        "DELETE FROM billing.ledger; DELETE FROM billing.accounts;"
                        "ALTER TABLE billing.ledger ENABLE TRIGGER USER;"
                        "ALTER TABLE billing.accounts ENABLE TRIGGER USER;"
                        "INSERT INTO billing.topups (topup_id, org_id, amount_micro)"
                        " VALUES ('" TOPUP_ID "', 7, 10000000)");
        for (size_t n = N; n > 0; n--) {
            size_t pick = rest % n;
            rest /= n;
            size_t e = left[pick];
            memmove(&left[pick], &left[pick + 1], (n - pick - 1) * sizeof(left[0]));
            char id[16];
            (void)snprintf(id, sizeof(id), "evt_%zu", e);
            assert_int_equal(hook(id, EVENTS[e].type, EVENTS[e].object), RC_OK);
            assert_int_equal(hook(id, EVENTS[e].type, EVENTS[e].object), RC_OK);
        }
        assert_int_equal(balance_micro(), USD + 6 * USD);
    }
    add_up();
}

static void
a_refund_takes_what_is_left_and_nothing_more(void **state)
{
    (void)state;
    assert_int_equal(hook("evt_1", "checkout.session.completed", PAID(1000)), RC_OK);
    post(BIL_DEDUCT, "d1", 9 * USD); /* one of the allowance, eight of what was bought */
    assert_int_equal(
        hook("evt_2", "charge.dispute.created", "{\"amount\":1000,\"payment_intent\":\"pi_1\"}"),
        RC_OK);
    assert_int_equal(balance_micro(), 0);
    assert_int_equal(hook("evt_3", "charge.refunded", REFUNDED(1000)), RC_OK);
    assert_int_equal(balance_micro(), 0);
    add_up();
}

/* A dispute names nothing but the payment, and Stripe promises no order. */
static void
a_dispute_that_comes_before_the_payment_is_not_lost(void **state)
{
    static const char DISPUTE[] = "{\"amount\":600,\"payment_intent\":\"pi_1\"}";
    static const char OTHER[] = "{\"amount\":700,\"payment_intent\":\"pi_other\"}";
    static const char REFUND[] = "{\"amount\":1000,\"amount_refunded\":300,"
                                 "\"payment_intent\":\"pi_1\",\"metadata\":{}}";

    (void)state;
    assert_int_equal(hook("evt_1", "charge.dispute.created", DISPUTE), RC_OK);
    assert_int_equal(hook("evt_2", "charge.dispute.created", OTHER), RC_OK);
    assert_int_equal(hook("evt_3", "charge.refunded", REFUND), RC_OK);
    assert_int_equal(balance_micro(), USD);
    assert_int_equal(hook("evt_4", "checkout.session.completed", PAID(1000)), RC_OK);
    assert_int_equal(balance_micro(), USD + USD);
    assert_int_equal(hook("evt_5", "charge.refunded", REFUNDED(400)), RC_OK);
    assert_int_equal(balance_micro(), USD);
    assert_int_equal(hook("evt_6", "charge.refunded", REFUNDED(1000)), RC_OK);
    assert_int_equal(balance_micro(), USD); /* no more than was bought */
    add_up();
}

static void *
hook_thread(void *arg)
{
    static atomic_int number;
    char id[24];

    (void)snprintf(id, sizeof(id), "evt_%d", atomic_fetch_add(&number, 1) / 2);
    return hook(id, "checkout.session.completed", PAID(1000)) == RC_OK ? arg : NULL;
}

static void
payments_told_of_at_once_grant_once(void **state)
{
    pthread_t threads[8];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hook_thread, state), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *ok = NULL;
        assert_int_equal(pthread_join(threads[i], &ok), 0);
        assert_non_null(ok);
    }
    assert_int_equal(balance_micro(), 11 * USD);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.stripe_events"), 4);
    add_up();
}

static void
what_was_not_offered_is_not_granted(void **state)
{
    (void)state;
    assert_int_equal(hook("evt_1", "checkout.session.completed", PAID(999)), RC_OK);
    assert_int_equal(
        hook("evt_2", "checkout.session.completed",
             "{\"payment_status\":\"paid\",\"amount_total\":1000,\"currency\":\"jpy\"," META "}"),
        RC_OK);
    assert_int_equal(
        hook("evt_3", "checkout.session.completed",
             "{\"payment_status\":\"paid\",\"amount_total\":1000,\"currency\":\"usd\"}"),
        RC_OK);
    assert_int_equal(balance_micro(), USD);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.outbox"
                                    " WHERE type = 'billing.topup_mismatch'"),
                     2);
}

static void
an_unsigned_event_changes_nothing(void **state)
{
    struct call c = call_begin(0);
    Assay__StripeWebhookRequest req = ASSAY__STRIPE_WEBHOOK_REQUEST__INIT;
    Assay__StripeWebhookResponse resp = ASSAY__STRIPE_WEBHOOK_RESPONSE__INIT;

    (void)state;
    PB_SET(&req, body,
           pb_bytes(c.arena, STR("{\"id\":\"evt_1\",\"type\":\"checkout.session.completed\","
                                 "\"data\":{\"object\":" PAID(1000) "}}")));
    assert_int_equal(billing_stripe_webhook(&billing, &c.ctx, &req, &resp), RC_FAILED_PRECONDITION);
    arena_free(c.arena);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.stripe_events"), 0);
}

/* --- model calls and live sessions ------------------------------------------------------------ */

static int
deliver_now(const char *type, const char *data, int64_t ago_us)
{
    struct event *e = event(type, ORG, data);

    e->msg.at_us = clk_wall_us() - ago_us;
    int accepted = deliver(&e, 1);
    free(e);
    return accepted;
}

static Assay__UsageDashboard
dashboard(struct call *c)
{
    Assay__GetUsageDashboardRequest req = ASSAY__GET_USAGE_DASHBOARD_REQUEST__INIT;
    Assay__UsageDashboard resp = ASSAY__USAGE_DASHBOARD__INIT;

    assert_int_equal(billing_get_usage_dashboard(&billing, &c->ctx, &req, &resp), RC_OK);
    return resp;
}

#define CALL(id, model, byok, cost)                                                                \
    "{\"call_id\":\"" id "\",\"model\":\"" model "\",\"byok\":" byok                               \
    ",\"input_tokens\":100,\"output_tokens\":20,\"cost_micro\":" #cost ",\"test_run_id\":5}"

static void
model_calls_are_counted_by_model_and_paid_once(void **state)
{
    struct call c = call_begin(ORG);
    Assay__GetAiUsageRequest req = ASSAY__GET_AI_USAGE_REQUEST__INIT;
    Assay__AiUsage u = ASSAY__AI_USAGE__INIT;

    (void)state;
    for (int i = 0; i < 2; i++) { /* other events may tell of the same call */
        assert_int_equal(deliver_now("model.called", CALL("c1", "m1", "false", 300000), 0), 1);
    }
    assert_int_equal(deliver_now("model.called", CALL("c2", "m1", "true", 50000), 0), 1);
    assert_int_equal(deliver_now("model.called", CALL("c3", "m2", "false", 100000), 0), 1);
    assert_int_equal(billing_get_ai_usage(&billing, &c.ctx, &req, &u), RC_OK);
    assert_int_equal(u.total->runs_count, 3);
    assert_int_equal(u.total->input_tokens, 300);
    assert_int_equal(u.vibeview->cost_micro, 400000);
    assert_int_equal(u.byok->cost_micro, 50000);
    assert_int_equal(u.byok->runs_count, 1);
    assert_int_equal(u.n_by_model, 2);
    assert_string_equal(u.by_model[0]->model, "m1");
    assert_int_equal(u.by_model[0]->runs, 2);
    assert_int_equal(u.by_model[0]->cost_micro, 350000);
    assert_int_equal(balance_micro(), USD - 400000);
    Assay__UsageDashboard d = dashboard(&c);
    assert_int_equal(d.ai_runs, 2);
    assert_int_equal(d.byok_runs, 1);
    assert_true(d.ai_credit_vibeview->current > 0.399 && d.ai_credit_vibeview->current < 0.401);
    assert_true(d.ai_tokens_byok->current > 119.5 && d.ai_tokens_byok->current < 120.5);
    /* More than there is: the rest is taken, and no run may start. */
    assert_int_equal(deliver_now("model.called", CALL("c4", "m2", "false", 5000000), 0), 1);
    assert_int_equal(balance_micro(), 0);
    Assay__GetEntitlementRequest ask = ASSAY__GET_ENTITLEMENT_REQUEST__INIT;
    Assay__Entitlement may = ASSAY__ENTITLEMENT__INIT;
    ask.org_id = ORG;
    assert_int_equal(billing_get_entitlement(&billing, &c.ctx, &ask, &may), RC_OK);
    assert_false(may.credit_left);
    assert_int_equal(may.concurrent_sessions, 2);
    assert_int_equal(deliver_now("model.called", "{\"call_id\":\"x\"}", 0), 0);
    arena_free(c.arena);
    add_up();
}

static void
on_a_plan_that_refuses_nothing_costs_are_shown_beyond_the_budget(void **state)
{
    struct call c = call_begin(ORG);
    Assay__GetAiUsageRequest req = ASSAY__GET_AI_USAGE_REQUEST__INIT;
    Assay__AiUsage u = ASSAY__AI_USAGE__INIT;
    char *old = NULL;
    int64_t more = 0;

    (void)state;
    (void)balance_micro();
    assert_int_equal(bil_account_set_plan(db, &c.ctx, ORG, "self_hosted", &old, &more), RC_OK);
    assert_string_equal(old, "free");
    assert_int_equal(deliver_now("model.called", CALL("c1", "m1", "false", 7000000), 0), 1);
    assert_int_equal(billing_get_ai_usage(&billing, &c.ctx, &req, &u), RC_OK);
    assert_int_equal(u.vibeview->cost_micro, 7000000);
    Assay__GetEntitlementRequest ask = ASSAY__GET_ENTITLEMENT_REQUEST__INIT;
    Assay__Entitlement may = ASSAY__ENTITLEMENT__INIT;
    ask.org_id = ORG;
    assert_int_equal(billing_get_entitlement(&billing, &c.ctx, &ask, &may), RC_OK);
    assert_true(may.credit_left);
    assert_false(may.has_concurrent_sessions || may.has_streaming_left_us ||
                 may.has_max_session_us);
    arena_free(c.arena);
}

#define LIVE(id) "{\"session_id\":\"" id "\",\"status\":\"starting\"}"
#define ENDED(id, s) "{\"session_id\":\"" id "\",\"status\":\"stopped\",\"seconds\":" #s "}"
#define MINUTE_US (INT64_C(60) * 1000000)

/* The month may have begun a minute ago; what lies before it does not count. */
static double
since_month(double minutes)
{
    double of_month =
        (double)(clk_wall_us() - bil_month_of(clk_wall_us()).begin_us) / (double)MINUTE_US;

    return minutes < of_month ? minutes : of_month;
}

static void
the_dashboard_shows_the_minutes_of_sessions_under_way(void **state)
{
    struct call c = call_begin(ORG);

    (void)state;
    assert_int_equal(deliver_now("session.started", LIVE("s1"), 10 * MINUTE_US), 1);
    assert_int_equal(deliver_now("session.stopped", ENDED("s2", 120), 0), 1);
    assert_int_equal(deliver_now("session.started", LIVE("s2"), MINUTE_US), 1); /* late */
    Assay__UsageDashboard d = dashboard(&c);
    double wanted = since_month(10) + since_month(2);
    assert_true(d.streaming_minutes->current > wanted - 0.05 &&
                d.streaming_minutes->current < wanted + 0.5);
    assert_true(d.streaming_minutes->limit > 29.5 && d.streaming_minutes->limit < 30.5);
    assert_true(d.active_sessions->current > 0.5 && d.active_sessions->current < 1.5);
    assert_int_equal(d.monthly_sessions, 2);
    assert_int_equal(deliver_now("session.stopped", ENDED("s1", 600), 0), 1);
    d = dashboard(&c);
    assert_true(d.active_sessions->current < 0.5);
    assert_int_equal(d.monthly_sessions, 2);
    arena_free(c.arena);
}

static void
meter(void)
{
    struct call c = call_begin(0);

    (void)bil_meter_loop(&billing, &c.ctx);
    assert_int_equal(c.ctx.err.code, RC_OK);
    arena_free(c.arena);
}

static void
minutes_beyond_the_plan_cost_credit_once_when_that_is_wanted(void **state)
{
    struct call c = call_begin(ORG);

    (void)state;
    pg_support_exec("UPDATE billing.plans SET streaming_minutes = 0 WHERE plan_id = 'free'");
    (void)balance_micro();
    pg_support_exec("INSERT INTO billing.stream_months (org_id, month, used_us, sessions) VALUES"
                    " (7, date_trunc('month', now() AT TIME ZONE 'UTC')::date, 330000000, 1)");
    meter();
    assert_int_equal(balance_micro(), USD); /* off is off */
    assert_int_equal(
        deliver_now("session_defaults.updated", "{\"allow_streaming_overage\":true}", 0), 1);
    assert_int_equal(deliver_now("session_defaults.updated", "{\"allow_streaming_overage\":false}",
                                 MINUTE_US), /* older */
                     1);
    for (int i = 0; i < 3; i++) {
        meter();
        assert_int_equal(balance_micro(), USD - 5 * 60000); /* whole minutes only */
    }
    Assay__UsageDashboard d = dashboard(&c);
    assert_true(d.streaming_overage_minutes > 4.5 && d.streaming_overage_minutes < 5.5);
    assert_int_equal(d.streaming_overage_micro, 300000);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.ledger WHERE is_streaming"), 5);
    /* A replica that died between charge and note charges nothing again. */
    pg_support_exec("UPDATE billing.stream_months SET overage_minutes = 0");
    meter();
    assert_int_equal(balance_micro(), USD - 5 * 60000);
    /* Sixteen minutes are paid by a dollar; then it is over. */
    pg_support_exec("UPDATE billing.stream_months SET used_us = 3600000000");
    meter();
    assert_int_equal(balance_micro(), USD - 16 * 60000);
    arena_free(c.arena);
    add_up();
}

/* More organizations without credit than the loop takes at once. */
static void
who_cannot_pay_for_minutes_holds_nobody_up(void **state)
{
    (void)state;
    post(BIL_TOPUP, "t1", USD);
    pg_support_exec("UPDATE billing.plans SET streaming_minutes = 0 WHERE plan_id = 'free';"
                    "INSERT INTO billing.accounts (org_id, plan_id, period, overage)"
                    " SELECT i, 'free', date_trunc('month', now() AT TIME ZONE 'UTC')::date, true"
                    " FROM generate_series(100, 350) i;"
                    "UPDATE billing.accounts SET overage = true;"
                    "INSERT INTO billing.stream_months (org_id, month, used_us) SELECT org_id,"
                    " date_trunc('month', now() AT TIME ZONE 'UTC')::date, 120000000"
                    " FROM billing.accounts");
    struct call c = call_begin(0);
    struct bil_due *due = NULL;
    size_t n = 0;
    assert_int_equal(bil_overage_due(db, &c.ctx, clk_wall_us(), &due, &n), RC_OK);
    assert_int_equal(n, 1);
    assert_int_equal(due[0].org_id, ORG);
    arena_free(c.arena);
    meter();
    assert_int_equal(balance_micro(), 2 * USD - 2 * 60000);
    add_up();
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define S(name) cmocka_unit_test_setup_teardown(name, with_stripe, without_stripe)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_organization_has_its_first_allowance_as_an_entry),
        T(a_month_ends_the_allowance_and_keeps_what_was_bought),
        T(an_event_is_booked_once_and_never_with_another_amount),
        T(the_ledger_is_never_changed_and_no_balance_moves_without_it),
        T(a_ledger_that_does_not_add_up_is_found),
        T(low_credit_is_told_once_when_it_is_crossed),
        T(every_fault_of_a_purchase_comes_before_the_provider),
        S(a_payment_is_granted_once_whatever_is_repeated),
        S(the_order_of_events_does_not_matter),
        S(a_refund_takes_what_is_left_and_nothing_more),
        S(a_dispute_that_comes_before_the_payment_is_not_lost),
        S(payments_told_of_at_once_grant_once),
        S(what_was_not_offered_is_not_granted),
        S(an_unsigned_event_changes_nothing),
        T(model_calls_are_counted_by_model_and_paid_once),
        T(on_a_plan_that_refuses_nothing_costs_are_shown_beyond_the_budget),
        T(the_dashboard_shows_the_minutes_of_sessions_under_way),
        T(minutes_beyond_the_plan_cost_credit_once_when_that_is_wanted),
        T(who_cannot_pay_for_minutes_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
