/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the webhooks service. */
#include <stdio.h>
#include <stdlib.h>

#include "webhooks/webhooks.h"
#include "webhooks_sql.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define SWEEP_US (30 * ASSAY_US_PER_S)

static struct webhooks_cfg cfg; /* filled once, before anything runs */

/* An attempt, and the statements around it. */
static int64_t
budget_us(void)
{
    return cfg.timeout_us + 30 * ASSAY_US_PER_S;
}

static enum rc
start_loops(struct svc *svc, struct webhooks *w)
{
    enum rc rc = svc_loop(svc, WHK_LOOP_SWEEP, SWEEP_US, SWEEP_US, whk_sweep, w);

    for (int64_t i = 0; rc == RC_OK && i < cfg.threads; i++) {
        rc = svc_loop(svc, WHK_LOOP_DELIVER, ASSAY_US_PER_S, budget_us(), whk_deliver_well, w);
    }
    for (int64_t i = 0; rc == RC_OK && i < (cfg.threads + 1) / 2; i++) {
        rc = svc_loop(svc, WHK_LOOP_FAILING, ASSAY_US_PER_S, budget_us(), whk_deliver_failing, w);
    }
    return rc;
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

static void
stop(void *state)
{
    whk_close(state);
    free(state);
}

int
main(int argc, char **argv)
{
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
    };
    return svc_main(&def, argc, argv);
}
