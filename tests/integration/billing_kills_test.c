/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger under random operations of 16 clients, while the billing process is killed and
 * Postgres crashes in between: what clients were told is what is stored, once, and the balances
 * are the sums of the entries. BILLING_KILLS_OPS (20000) says how many operations there are:
 *
 *     BILLING_KILLS_OPS=1000000 build/test/tests/integration/billing_kills */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "billing_client.h"
#include "sec/hash.h"
#include "tests/support/processes.h"

#define CLIENTS 16
#define ORGS 4
#define TROUBLES 6 /* at least; of a long run one for every EVERY operations */
#define EVERY 40000
#define CALL_US (3 * ASSAY_US_PER_S) /* a call whose process died is given up */
#define PATIENCE_US (60 * ASSAY_US_PER_S)
#define TOPUP_MICRO INT64_C(500000)
#define SECRET "whsec_kills"

static const struct setting SETTINGS[] = {{"ASSAY_BILLING_PLAN", "free"},
                                          {"ASSAY_STRIPE_SECRET_KEY", "sk_test"},
                                          {"ASSAY_STRIPE_WEBHOOK_SECRET", SECRET},
                                          {"ASSAY_LOG_LEVEL", "error"},
                                          {NULL, NULL}};

enum kind { DEDUCT, TOPUP };

struct op {
    enum kind kind;
    int64_t amount;
    bool is_booked;
};

struct client {
    struct caller caller;
    int number;
    int64_t org_id;
    uint32_t seed;
    int n;
    struct op *ops;
    int64_t again;   /* calls that were made once more */
    const char *why; /* NULL: all went as it must */
};

static atomic_llong done;
static atomic_int running;
static int64_t trouble_every;
static sem_t turn;  /* it is time for trouble */
static sem_t begun; /* trouble has begun: who called for it goes on */

/* --- calls --------------------------------------------------------------------------------- */

static enum rc
call_deduct(struct client *c, int i)
{
    struct ctx *ctx = &c->caller.ctx;
    Assay__DeductRequest req = ASSAY__DEDUCT_REQUEST__INIT;
    Assay__DeductResponse *resp = NULL;

    req.org_id = c->org_id;
    req.event_id = pb_strz(ctx->arena, arena_printf(ctx->arena, "c%d/%d", c->number, i));
    req.amount_micro = c->ops[i].amount;
    return billing_call_deduct(c->caller.client, ctx, &req, &resp);
}

/* What Stripe sends when a top-up is paid. */
static enum rc
call_topup(struct client *c, int i)
{
    struct ctx *ctx = &c->caller.ctx;
    Assay__StripeWebhookRequest req = ASSAY__STRIPE_WEBHOOK_REQUEST__INIT;
    Assay__StripeWebhookResponse *resp = NULL;
    char hex[HASH_SHA256_HEX_LEN + 1];
    long long now = (long long)(clk_wall_us() / ASSAY_US_PER_S);
    struct str body = arena_printf(
        ctx->arena,
        "{\"id\":\"evt_%d_%d\",\"type\":\"checkout.session.completed\",\"data\":{\"object\":"
        "{\"payment_status\":\"paid\",\"amount_total\":50,\"currency\":\"usd\",\"metadata\":"
        "{\"topup_id\":\"%08x-0000-4000-8000-%012x\"}}}}",
        c->number, i, (unsigned)c->number, (unsigned)i);

    hash_hmac_sha256_hex(STR(SECRET), arena_printf(ctx->arena, "%lld.%.*s", now, STR_ARG(body)),
                         hex);
    PB_SET(&req, body, pb_bytes(ctx->arena, body));
    req.signature = pb_strz(ctx->arena, arena_printf(ctx->arena, "t=%lld,v1=%s", now, hex));
    ctx->who.kind = TOKEN_NONE;
    return billing_call_stripe_webhook(c->caller.client, ctx, &req, &resp);
}

/* The outcome is not known: only the same again tells. */
static bool
is_unknown(enum rc rc)
{
    return rc == RC_UNAVAILABLE || rc == RC_UNKNOWN || rc == RC_DEADLINE_EXCEEDED ||
           rc == RC_RESOURCE_EXHAUSTED || rc == RC_ABORTED || rc == RC_INTERNAL;
}

static enum rc
call_until_known(struct client *c, int i)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int64_t until_us = clk_mono_us() + PATIENCE_US;

    for (;;) {
        fresh(&c->caller, 0);
        c->caller.ctx.deadline_us = clk_wall_us() + CALL_US;
        enum rc rc = c->ops[i].kind == DEDUCT ? call_deduct(c, i) : call_topup(c, i);
        if (!is_unknown(rc) || clk_mono_us() > until_us) {
            return rc;
        }
        c->again++;
        (void)nanosleep(&pause, NULL);
    }
}

static void
do_op(struct client *c, int i)
{
    struct op *op = &c->ops[i];
    enum rc rc = call_until_known(c, i);
    bool is_short = rc == RC_FAILED_PRECONDITION && op->kind == DEDUCT &&
                    strcmp(c->caller.ctx.err.reason, "CREDIT_EXHAUSTED") == 0;

    if (rc != RC_OK && !is_short) {
        c->why = "a call failed for good";
        (void)fprintf(stderr, "%s %.*s\n", rc_name(rc), STR_ARG(c->caller.ctx.err.msg));
    } else if (op->is_booked && is_short) {
        c->why = "what was booked is refused when it is repeated";
    }
    op->is_booked = rc == RC_OK;
}

static void *
run_client(void *arg)
{
    struct client *c = arg;

    for (int i = 0; i < c->n && c->why == NULL; i++) {
        c->seed = c->seed * 1664525 + 1013904223;
        unsigned dice = (c->seed >> 16) % 100;
        c->ops[i].kind = dice < 85 ? DEDUCT : TOPUP;
        c->ops[i].amount = c->ops[i].kind == TOPUP ? TOPUP_MICRO : 1 + (c->seed >> 8) % 200000;
        do_op(c, i);
        if (i > 0 && dice % 10 == 0) { /* a copy of something earlier */
            do_op(c, (int)((c->seed >> 4) % (unsigned)i));
        }
        if ((atomic_fetch_add(&done, 1) + 1) % trouble_every == 0) {
            (void)sem_post(&turn);
            (void)sem_wait(&begun);
        }
    }
    if (atomic_fetch_sub(&running, 1) == 1) {
        (void)sem_post(&turn);
    }
    return NULL;
}

/* --- trouble ------------------------------------------------------------------------------- */

/* By the thread that made the processes: they end with the thread that started them. */
static void
make_trouble(pid_t *billing, int kills[2])
{
    int round = 0;

    for (;;) {
        (void)sem_wait(&turn);
        if (atomic_load(&running) == 0) {
            break;
        }
        int which = round++ % 3 == 1;
        if (which == 1) {
            pg_support_stop();
        } else {
            assert_int_equal(end_with(*billing, SIGKILL), SIGKILL);
        }
        (void)sem_post(&begun);
        if (which == 1) {
            pg_support_start();
        } else {
            *billing = spawn("billing", SETTINGS);
        }
        kills[which]++;
    }
}

/* --- what is left -------------------------------------------------------------------------- */

static int64_t
number(const char *what, int64_t org_id)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql, "SELECT coalesce((SELECT %s AND org_id = %lld), 0)", what,
                   (long long)org_id);
    return pg_support_i64(sql);
}

static void
check_org(const struct client *clients, int64_t org_id)
{
    int64_t told[2] = {0};
    int64_t sum = number("sum(amount_micro) FROM billing.ledger WHERE"
                         " entry_type = 'subscription_refill'",
                         org_id);

    for (int c = 0; c < CLIENTS; c++) {
        for (int i = 0; clients[c].org_id == org_id && i < clients[c].n; i++) {
            const struct op *op = &clients[c].ops[i];
            told[op->kind] += op->is_booked;
            sum += !op->is_booked ? 0 : op->kind == TOPUP ? op->amount : -op->amount;
        }
    }
    assert_int_equal(number("count(DISTINCT event_id) FROM billing.ledger WHERE"
                            " event_id LIKE 'c%'",
                            org_id),
                     told[DEDUCT]);
    assert_int_equal(number("count(*) FROM billing.topups WHERE state = 'paid'", org_id),
                     told[TOPUP]);
    assert_int_equal(
        number("allowance_micro + prepaid_micro FROM billing.accounts WHERE true", org_id), sum);
    assert_int_equal(number("count(*) FROM billing.ledger WHERE after_micro < 0", org_id), 0);
}

static void
check_all(const struct client *clients)
{
    char command[1200];

    for (int c = 0; c < CLIENTS; c++) {
        if (clients[c].why != NULL) {
            fail_msg("client %d: %s", c, clients[c].why);
        }
    }
    for (int64_t org = 1; org <= ORGS; org++) {
        check_org(clients, org);
    }
    (void)snprintf(command, sizeof command,
                   "ASSAY_DATABASE_URL='%s' ASSAY_LOG_LEVEL=error '%s/assay-billing' ledger check",
                   pg_support_uri(), place_bin());
    assert_int_equal(system(command), 0);
}

/* --- the test ------------------------------------------------------------------------------ */

/* A client can pay whatever it chooses to. */
static void
offer_topups(const struct client *c)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO billing.topups (topup_id, org_id, amount_micro)"
                   " SELECT ('%08x-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, %lld, %lld"
                   " FROM generate_series(0, %d) i",
                   (unsigned)c->number, (long long)c->org_id, (long long)TOPUP_MICRO, c->n);
    pg_support_exec(sql);
}

static void
make_clients(struct client *clients, int64_t total)
{
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.caller = caller_new("billing"),
                                     .number = i,
                                     .org_id = 1 + i % ORGS,
                                     .seed = (uint32_t)(20261122 + i * 7919),
                                     .n = (int)(total / CLIENTS),
                                     .ops = calloc((size_t)(total / CLIENTS), sizeof(struct op))};
        assert_non_null(clients[i].ops);
        offer_topups(&clients[i]);
    }
}

static void
what_clients_were_told_is_what_the_ledger_says(void **state)
{
    static struct client clients[CLIENTS];
    const char *asked = getenv("BILLING_KILLS_OPS");
    pthread_t threads[CLIENTS];
    int64_t total = 20000;
    int64_t again = 0;
    int kills[2] = {0};

    (void)state;
    assert_true(asked == NULL || str_to_i64(str_z(asked), 1000, 2000000, &total) == RC_OK);
    trouble_every = total / (TROUBLES + 1) < EVERY ? total / (TROUBLES + 1) : EVERY;
    pg_support_exec("DROP SCHEMA IF EXISTS billing CASCADE");
    pid_t billing = spawn("billing", SETTINGS);
    assert_true(comes_to("pg_class WHERE oid = to_regclass('billing.topups')", 1, PATIENCE_US));
    make_clients(clients, total);
    atomic_store(&running, CLIENTS);
    int64_t start_us = clk_mono_us();
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    }
    make_trouble(&billing, kills);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        again += clients[i].again;
    }
    (void)printf("%lld operations (%lld calls made again), %d kills of billing, %d of Postgres, "
                 "%.1f s\n",
                 (long long)total, (long long)again, kills[0], kills[1],
                 (double)(clk_mono_us() - start_us) / 1e6);
    check_all(clients);
    assert_true(kills[0] >= 4 && kills[1] >= 2);
    assert_true(again > 0);
    /* The last kill may have been the end: a process that answers takes a SIGTERM well. */
    assert_int_equal(call_until_known(&clients[0], 0) == RC_OK, clients[0].ops[0].is_booked);
    for (int i = 0; i < CLIENTS; i++) {
        caller_free(&clients[i].caller);
        free(clients[i].ops);
    }
    assert_int_equal(end_with(billing, SIGTERM), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_clients_were_told_is_what_the_ledger_says, end_all),
    };

    if (sem_init(&turn, 0, 0) != 0 || sem_init(&begun, 0, 0) != 0) {
        return 1;
    }
    processes_begin();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    processes_end(failed);
    return failed;
}
