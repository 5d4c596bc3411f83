/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the webhooks service. */
#include <stdio.h>
#include <stdlib.h>

#include "webhooks/webhooks.h"
#include "webhooks/whk_engine.h"
#include "webhooks_sql.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define SWEEP_US (30 * ASSAY_US_PER_S)
#define BUDGET_US (30 * ASSAY_US_PER_S)
#define DRAIN_MORE_US (5 * ASSAY_US_PER_S)

static struct webhooks_cfg cfg; /* filled once, before anything runs */

static enum rc
start_loops(struct svc *svc, struct webhooks *w)
{
    /* Of GitHub's, several requests; of the others, statements alone. */
    int64_t github_us = 6 * cfg.timeout_us + BUDGET_US;
    enum rc rc = svc_loop(svc, WHK_LOOP_SWEEP, SWEEP_US, SWEEP_US, whk_sweep, w);

    if (rc == RC_OK) {
        rc = svc_loop(svc, WHK_LOOP_DELIVER, ASSAY_US_PER_S, BUDGET_US, whk_deliver, w);
    }
    if (rc == RC_OK) {
        rc = svc_loop(svc, WHK_LOOP_FAILING, ASSAY_US_PER_S, BUDGET_US, whk_deliver_failing, w);
    }
    return rc == RC_OK ? svc_loop(svc, WHK_LOOP_GITHUB, ASSAY_US_PER_S, github_us, whk_github, w)
                       : rc;
}

static enum rc
start(struct svc *svc, void **out_state)
{
    struct webhooks *w = calloc(1, sizeof(*w));
    struct arena *arena = arena_new(ARENA_BYTES);
    struct ctx ctx;

    if (w == NULL || arena == NULL) {
        free(w);
        arena_free(arena);
        return RC_RESOURCE_EXHAUSTED;
    }
    ctx_init(&ctx, arena);
    enum rc rc = whk_open(w, &ctx, svc, svc_db(svc), &cfg);
    if (rc == RC_OK) {
        *out_state = w;
        rc = start_loops(svc, w);
    } else {
        (void)fprintf(stderr, "assay-webhooks: %.*s\n", STR_ARG(ctx.err.msg));
        free(w);
    }
    arena_free(arena);
    return rc;
}

/* What is under way is waited for, so that nothing has to be sent again. */
static void
drain(struct webhooks *w)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct ctx ctx;

    if (arena == NULL) {
        return;
    }
    ctx_init(&ctx, arena);
    ctx.who.kind = TOKEN_SERVICE;
    ctx.deadline_us = clk_wall_us() + cfg.timeout_us + DRAIN_MORE_US;
    if (!whk_engine_drain(w->engine, &ctx, cfg.timeout_us)) {
        log_line(LOG_WARN_LEVEL, &ctx, "webhook_drain", "attempts were cut off and come back");
    }
    arena_free(arena);
}

static void
stop(void *state)
{
    drain(state);
    whk_close(state);
    free(state);
}

static int
command(struct svc *svc, struct ctx *ctx, int argc, char **argv)
{
    struct webhooks w = {.db = svc_db(svc), .cfg = &cfg};

    return webhooks_command(&w, ctx, argc, argv);
}

int
main(int argc, char **argv)
{
    static const char *const COMMANDS[] = {"stuck", "reseal", NULL};
    const struct svc_def def = {
        .name = "webhooks",
        .peers = SVC_USES(SVC_AUTH),
        .cfg_rows = WEBHOOKS_CFG_ROWS,
        .cfg_count = WEBHOOKS_CFG_COUNT,
        .cfg = &cfg,
        .tables = webhooks_tables,
        .table_lens = webhooks_table_lens,
        .table_count = WEBHOOKS_TABLE_COUNT,
        .queries = webhooks_queries,
        .query_count = webhooks_query_count,
        .migrations = webhooks_migrations,
        .migration_count = webhooks_migration_count,
        .start = start,
        .stop = stop,
        .command = command,
        .commands = COMMANDS,
        .usage = WEBHOOKS_USAGE,
    };
    return svc_main(&def, argc, argv);
}
