/* SPDX-License-Identifier: Apache-2.0
 *
 * Deductions of one hot account: through the ledger's writer, with 128 callers at once, beside the
 * same operation with a transaction of its own each, by 16 connections.
 *
 *     ledger_bench URI
 *
 * URI: an empty database of an ordinary role. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "billing/bil_post.h"
#include "billing/bil_writer.h"
#include "billing_sql.h"
#include "tests/support/db_lab.h"

#define CALLERS 128
#define SINGLES 16
#define MEASURE_US (5 * ASSAY_US_PER_S)
#define ORG 7

static struct db *db;
static struct bil_writer *writer; /* NULL: each operation by itself */
static atomic_llong done;
static atomic_llong next_event;
static atomic_bool stop;

static enum rc
post_alone(struct ctx *ctx, struct bil_op *op)
{
    enum rc rc = db_begin(db, ctx);

    rc = rc == RC_OK ? bil_post(db, ctx, "free", ORG, op, 1) : rc;
    return rc == RC_OK ? db_commit(db, ctx) : rc;
}

static void
post(struct arena *arena, enum bil_kind kind, int64_t amount)
{
    struct ctx ctx;
    char id[40];

    arena_reset(arena);
    ctx_init(&ctx, arena);
    ctx.who.kind = TOKEN_SERVICE;
    ctx.deadline_us = clk_wall_us() + 30 * ASSAY_US_PER_S;
    (void)snprintf(id, sizeof(id), "e%lld", (long long)atomic_fetch_add(&next_event, 1));
    struct bil_op op = {.kind = kind, .event_id = str_z(id), .amount_micro = amount};
    enum rc rc =
        writer == NULL ? post_alone(&ctx, &op) : bil_writer_post(writer, &ctx, ORG, &op, 1);
    if (rc != RC_OK || op.result != BIL_POSTED) {
        (void)fprintf(stderr, "ledger_bench: %s %.*s\n", rc_name(rc), STR_ARG(ctx.err.msg));
        exit(1);
    }
}

static void *
call(void *arg)
{
    struct arena *arena = arena_new((size_t)1 << 20);

    (void)arg;
    while (!atomic_load(&stop)) {
        post(arena, BIL_DEDUCT, 1);
        atomic_fetch_add(&done, 1);
    }
    arena_free(arena);
    return NULL;
}

static double
measure(int callers)
{
    pthread_t threads[CALLERS];
    struct timespec pause = {.tv_sec = MEASURE_US / ASSAY_US_PER_S};

    atomic_store(&stop, false);
    for (int i = 0; i < callers; i++) {
        ASSERT(pthread_create(&threads[i], NULL, call, NULL) == 0);
    }
    int64_t before = atomic_load(&done);
    int64_t began_us = clk_mono_us();
    (void)nanosleep(&pause, NULL);
    double rate = (double)(atomic_load(&done) - before) * 1e6 / (double)(clk_mono_us() - began_us);
    atomic_store(&stop, true);
    for (int i = 0; i < callers; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return rate;
}

int
main(int argc, char **argv)
{
    struct arena *arena = arena_new((size_t)8 << 20);
    struct ctx ctx;
    struct bil_writer_stats stats;

    if (argc != 2) {
        (void)fputs("usage: ledger_bench URI\n", stderr);
        return 3;
    }
    struct db_cfg cfg = DB_LAB_CFG(billing, argv[1]);
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    if (db_open(&cfg, &db) != RC_OK || db_migrate(db, &ctx) != RC_OK) {
        (void)fprintf(stderr, "ledger_bench: %.*s\n", STR_ARG(ctx.err.detail));
        return 1;
    }
    post(arena, BIL_GRANT_PREPAID, BIL_AMOUNT_MAX);
    double alone = measure(SINGLES);
    if (bil_writer_new(db, "free", 2, &writer) != RC_OK) {
        return 1;
    }
    double batched = measure(CALLERS);
    bil_writer_stats(writer, &stats);
    (void)printf("BENCH ledger_one_by_one %.0f ops/s\nBENCH ledger_batched %.0f ops/s\n"
                 "BENCH ledger_gain %.1f x\nBENCH ledger_batch %.1f ops\n",
                 alone, batched, batched / alone, (double)stats.ops / (double)stats.batches);
    bil_writer_free(writer);
    arena_free(arena);
    db_close(db);
    return 0;
}
