/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger's writer under 16 clients on hot accounts, while connections are cut and Postgres
 * crashes: what clients were told is what is stored, once. BIL_WRITER_OPS sets how many operations
 * there are in all. */
#include <pthread.h>
#include <stdatomic.h>

#include "billing/bil_post.h"
#include "billing/billing_lab.h"

#define CLIENTS 16
#define ORGS 2
#define PATIENCE_US (60 * ASSAY_US_PER_S)

struct told {
    enum bil_kind kind;
    int64_t amount;
    bool is_posted;
};

struct client {
    int number;
    int64_t org_id;
    int n;
    struct told *told;
    const char *why; /* NULL: all went as it must */
};

static atomic_int running;

static bool
post_until_known(struct client *c, struct arena *arena, int i, enum bil_result *out)
{
    int64_t until_us = clk_mono_us() + PATIENCE_US;
    char id[48];

    (void)snprintf(id, sizeof(id), "c%d/%d", c->number, i);
    while (clk_mono_us() < until_us) {
        struct ctx ctx;
        struct bil_op op = {
            .kind = c->told[i].kind, .event_id = str_z(id), .amount_micro = c->told[i].amount};
        arena_reset(arena);
        ctx_init(&ctx, arena);
        ctx.deadline_us = clk_wall_us() + 10 * ASSAY_US_PER_S;
        if (bil_writer_post(billing.writer, &ctx, c->org_id, &op, 1) == RC_OK) {
            *out = op.result;
            return true;
        }
    }
    return false;
}

static void
post_one(struct client *c, struct arena *arena, int i)
{
    enum bil_result result = BIL_FULL;
    struct told *t = &c->told[i];

    if (!post_until_known(c, arena, i, &result)) {
        c->why = "no answer";
    } else if (t->is_posted && result != BIL_REPLAYED) {
        c->why = "what was booked is not known any more";
    } else if (result != BIL_POSTED && result != BIL_REPLAYED && result != BIL_SHORT) {
        c->why = "an outcome that cannot be";
    }
    t->is_posted = result == BIL_POSTED || result == BIL_REPLAYED;
}

static void *
run_client(void *arg)
{
    struct client *c = arg;
    struct arena *arena = arena_new((size_t)1 << 20);
    uint32_t seed = (uint32_t)(20261122 + c->number * 7919);

    for (int i = 0; i < c->n && c->why == NULL; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned dice = (seed >> 16) % 100;
        c->told[i] = (struct told){.kind = dice < 80 ? BIL_DEDUCT : BIL_TOPUP,
                                   .amount = 1 + (seed >> 8) % 200000};
        post_one(c, arena, i);
        if (i > 0 && dice % 10 == 0) { /* a copy of something earlier */
            post_one(c, arena, (int)((seed >> 4) % (unsigned)i));
        }
    }
    arena_free(arena);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static void
run_clients(struct client *clients, int total, bool with_trouble)
{
    pthread_t threads[CLIENTS];

    atomic_store(&running, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] =
            (struct client){.number = i,
                            .org_id = 1 + i % ORGS,
                            .n = total / CLIENTS,
                            .told = calloc((size_t)(total / CLIENTS), sizeof(struct told))};
        assert_non_null(clients[i].told);
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    }
    for (int n = 0; with_trouble && atomic_load(&running) > 0; n++) {
        if (n % 4 == 3) {
            pg_support_stop(); /* as a crash would */
            pg_support_start();
        } else {
            (void)pg_support_terminate_all();
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static int64_t
number(const char *what, int64_t org_id)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql), "SELECT coalesce((%s WHERE org_id = %lld), 0)", what,
                   (long long)org_id);
    return pg_support_i64(sql);
}

static void
check_org(const struct client *clients, int64_t org_id)
{
    int64_t count = 0;
    int64_t sum =
        number("SELECT sum(amount_micro) FILTER (WHERE entry_type = 'subscription_refill')"
               " FROM billing.ledger",
               org_id);

    for (int c = 0; c < CLIENTS; c++) {
        for (int i = 0; clients[c].org_id == org_id && i < clients[c].n; i++) {
            const struct told *t = &clients[c].told[i];
            count += t->is_posted;
            sum += !t->is_posted ? 0 : t->kind == BIL_TOPUP ? t->amount : -t->amount;
        }
    }
    assert_int_equal(number("SELECT count(DISTINCT event_id) FILTER (WHERE event_id LIKE 'c%')"
                            " FROM billing.ledger",
                            org_id),
                     count);
    assert_int_equal(number("SELECT allowance_micro + prepaid_micro FROM billing.accounts", org_id),
                     sum);
    assert_int_equal(
        number("SELECT count(*) FILTER (WHERE after_micro < 0) FROM billing.ledger", org_id), 0);
}

static void
check_all(struct client *clients)
{
    struct call c = call_begin(0);
    int64_t *orgs = NULL;
    size_t n = 99;

    for (int i = 0; i < CLIENTS; i++) {
        assert_null(clients[i].why);
    }
    for (int64_t org = 1; org <= ORGS; org++) {
        check_org(clients, org);
    }
    assert_int_equal(bil_ledger_faults(db, &c.ctx, &orgs, &n), RC_OK);
    assert_int_equal(n, 0);
    for (int i = 0; i < CLIENTS; i++) {
        free(clients[i].told);
    }
    arena_free(c.arena);
}

static void
those_who_come_together_share_a_transaction(void **state)
{
    static struct client clients[CLIENTS];
    struct bil_writer_stats stats;

    (void)state;
    run_clients(clients, 4000, false);
    bil_writer_stats(billing.writer, &stats);
    assert_in_range(stats.ops, 4000, 4800);
    assert_true(stats.batches < stats.ops / 2);
    check_all(clients);
}

static void
what_clients_were_told_is_what_is_stored_whatever_breaks(void **state)
{
    static struct client clients[CLIENTS];
    const char *asked = getenv("BIL_WRITER_OPS");
    int64_t total = 3200;

    (void)state;
    assert_true(asked == NULL || str_to_i64(str_z(asked), CLIENTS, 100000000, &total) == RC_OK);
    run_clients(clients, (int)total, true);
    check_all(clients);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(those_who_come_together_share_a_transaction),
        T(what_clients_were_told_is_what_is_stored_whatever_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
