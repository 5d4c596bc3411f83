/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the tests service. */
#include <stdlib.h>

#include "tests/baselines/bsl.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define ROW(member) .offset = offsetof(struct tests_cfg, member)

const struct cfg_row TESTS_CFG_ROWS[] = {
    {.name = "ASSAY_RUN_LEASE",
     .type = CFG_DURATION,
     .def = "30s",
     .min = 1000000,
     .max = 600000000,
     .text = "how long a run's worker may be silent before the run moves on",
     ROW(lease_us)},
    {.name = "ASSAY_STEP_TIMEOUT",
     .type = CFG_DURATION,
     .def = "10s",
     .min = 100000,
     .max = 600000000,
     .text = "how long a step waits for what it needs",
     ROW(step_timeout_us)},
    {.name = "ASSAY_CASE_TIMEOUT",
     .type = CFG_DURATION,
     .def = "10m",
     .min = 1000000,
     .max = 7200000000,
     .text = "how long a case may take",
     ROW(case_timeout_us)},
    {.name = "ASSAY_DEVICE_WAIT",
     .type = CFG_DURATION,
     .def = "6h",
     .min = 1000000,
     .max = 604800000000,
     .text = "how long a run waits for a kind of device none of which is "
             "connected, before it ends error",
     ROW(device_wait_us)},
    BLOB_CFG_ROWS(struct tests_cfg, blob),
    {.name = "ASSAY_STORAGE_QUOTA_BYTES",
     .type = CFG_INT,
     .def = "0",
     .min = 0,
     .max = INT64_MAX,
     .text = "bytes of screenshots and previews an organization may keep; 0: no limit",
     ROW(storage_quota)},
    {.name = "ASSAY_PREVIEW_TTL",
     .type = CFG_DURATION,
     .def = "30d",
     .min = ASSAY_US_PER_S,
     .max = 31536000 * ASSAY_US_PER_S,
     .text = "how long a static preview is shown",
     ROW(preview_us)},
    {.name = "ASSAY_COMPARE_THREADS",
     .type = CFG_INT,
     .def = "2",
     .min = 0,
     .max = 64,
     .text = "screenshots compared at once; 0: other replicas do it",
     ROW(compare_threads)},
    {.name = "ASSAY_DYNAMIC_FILTER",
     .type = CFG_BOOL,
     .def = "on",
     .text = "differences in confirmed dynamic regions and hotspots are approved by themselves",
     ROW(dynamic_filter)},
};
const size_t TESTS_CFG_COUNT = ARRAY_LEN(TESTS_CFG_ROWS);

#define LOOP_BUDGET_US (60 * ASSAY_US_PER_S)

static struct tests_cfg cfg;

static const struct {
    const char *name;
    bool (*fn)(void *state, struct ctx *ctx);
    int64_t period_us;
} LOOPS[] = {
    {LOOP_DISPATCH, tst_dispatch, 250 * ASSAY_US_PER_MS},
    {LOOP_RELEASE, tst_release, 2 * ASSAY_US_PER_S},
    {LOOP_CANCEL, tst_cancel, 2 * ASSAY_US_PER_S},
    {LOOP_BASELINES, bsl_compare_some, 5 * ASSAY_US_PER_S},
    {LOOP_PREVIEWS, viz_preview_sweep, 30 * ASSAY_US_PER_S},
    {LOOP_MEASURE, tst_measure, 15 * ASSAY_US_PER_S},
};

static enum rc
tests_start(struct svc *svc, void **out_state)
{
    struct tests *t = calloc(1, sizeof(*t));
    enum rc rc = t == NULL ? RC_RESOURCE_EXHAUSTED : RC_OK;

    if (rc == RC_OK) {
        t->svc = svc;
        t->db = svc_db(svc);
        t->cfg = &cfg;
        t->gauges = tst_gauges_make(svc_met(svc));
        *out_state = t;
        t->engine = visual_new();
        rc = t->engine == NULL ? RC_RESOURCE_EXHAUSTED : viz_new(t, &t->viz);
    }
    if (rc == RC_OK) {
        t->blobs = viz_blobs(t->viz);
        rc = svc_limits_new(svc_client(svc, SVC_BILLING), &t->limits);
    }
    for (size_t i = 0; rc == RC_OK && i < ARRAY_LEN(LOOPS); i++) {
        rc = svc_loop(svc, LOOPS[i].name, LOOPS[i].period_us, LOOP_BUDGET_US, LOOPS[i].fn, t);
    }
    if (rc == RC_OK) {
        rc = svc_loop(svc, LOOP_REAP, svc_lease_period_us(cfg.lease_us, ASSAY_US_PER_S),
                      LOOP_BUDGET_US, tst_reap, t);
    }
    return rc;
}

static void
tests_stop(void *state)
{
    struct tests *t = state;

    svc_limits_free(t->limits);
    visual_free(t->engine);
    viz_free(t->viz);
    free(t);
}

int
main(int argc, char **argv)
{
    struct svc_def def = {
        .name = "tests",
        .peers = SVC_USES(SVC_AUTH) | SVC_USES(SVC_SESSIONS) | SVC_USES(SVC_BILLING) |
                 SVC_USES(SVC_WEBHOOKS),
        .cfg_rows = TESTS_CFG_ROWS,
        .cfg_count = TESTS_CFG_COUNT,
        .cfg = &cfg,
        .tables = tests_tables,
        .table_lens = tests_table_lens,
        .table_count = TESTS_TABLE_COUNT,
        .queries = tests_queries,
        .query_count = tests_query_count,
        .migrations = tests_migrations,
        .migration_count = tests_migration_count,
        .start = tests_start,
        .stop = tests_stop,
    };
    return svc_main(&def, argc, argv);
}
