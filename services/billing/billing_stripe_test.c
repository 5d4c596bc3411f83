/* SPDX-License-Identifier: Apache-2.0
 *
 * Purchases: from a wish to the ledger, whatever Stripe says, how often and in which order. */
#include <pthread.h>
#include <stdatomic.h>

#include "billing/billing_lab.h"
#include "sec/hash.h"

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

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define S(name) cmocka_unit_test_setup_teardown(name, with_stripe, without_stripe)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_fault_of_a_purchase_comes_before_the_provider),
        S(a_payment_is_granted_once_whatever_is_repeated),
        S(the_order_of_events_does_not_matter),
        S(a_refund_takes_what_is_left_and_nothing_more),
        S(a_dispute_that_comes_before_the_payment_is_not_lost),
        S(payments_told_of_at_once_grant_once),
        S(what_was_not_offered_is_not_granted),
        S(an_unsigned_event_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
