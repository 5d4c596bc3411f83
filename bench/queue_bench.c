/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue with an executor that does nothing: what the tests service does for a run of one case,
 * from the queue to its end, with its own statements and handlers in its own transactions: claim,
 * hand-out, case started, verdict, end with its event, release. Devices and RPC are left out.
 *
 *     queue_bench URI [JOBS [EXECUTORS]]
 *
 * URI: an empty database of an ordinary role. Prints runs per second in and out of the queue, with
 * JOBS (100,000) queued when the claiming begins. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/id.h"
#include "tests/tests.h"
#include "tests_sql.h"
#include "tests/support/db_lab.h"

#define ORGS 16
#define CLAIM 8 /* as many as tst_dispatch.c takes at once */
#define BATCH 200
#define EXECUTORS_MAX 16
#define MEASURE_US (10 * ASSAY_US_PER_S)
#define LEASE_US (30 * ASSAY_US_PER_S)

static const struct tests_cfg config = {.lease_us = LEASE_US};
static struct tests tests = {.cfg = &config};
static int64_t cases[ORGS];
static atomic_llong ended;
static atomic_bool stop;

static void
begin(struct ctx *ctx, struct arena *arena, int64_t org_id)
{
    arena_reset(arena);
    ctx_init(ctx, arena);
    ctx->who.kind = TOKEN_SERVICE;
    ctx->who.org_id = org_id;
    ctx->deadline_us = clk_wall_us() + 120 * ASSAY_US_PER_S;
}

static void
must(enum rc rc, const struct ctx *ctx, const char *what)
{
    if (rc != RC_OK) {
        (void)fprintf(stderr, "queue_bench: %s: %s %.*s %.*s\n", what, rc_name(rc),
                      STR_ARG(ctx->err.msg), STR_ARG(ctx->err.detail));
        exit(1);
    }
}

/* --- filling ------------------------------------------------------------------------------- */

static void
add_case(struct ctx *ctx, int org)
{
    const struct db_result *res = NULL;
    char id[32];

    id_public("case", id);
    must(DB_QUERY(tests.db, ctx, Q_CASE_INSERT, &res, DB_ARG_Z(id), DB_ARG_I64(org + 1),
                  DB_ARG_NULL, DB_ARG_NULL, DB_ARG_Z("nothing"), DB_ARG_Z("hybrid"),
                  DB_ARG_Z("[\"Open '/'\"]"), DB_ARG_Z("[]"), DB_ARG_I64(1), DB_ARG_NULL,
                  DB_ARG_NULL, DB_ARG_NULL, DB_ARG_NULL, DB_ARG_NULL, DB_ARG_BOOL(true),
                  DB_ARG_NULL),
         ctx, "case");
    cases[org] = db_i64(res, 0, 0);
}

static void
add_run(struct ctx *ctx, int org)
{
    struct tst_job job = {.platform = "web",
                          .url = "http://127.0.0.1/",
                          .reset_strategy = "clear_data",
                          .mode = "hybrid"};
    const struct db_result *res = NULL;
    char id[32];
    int64_t job_id = 0;

    must(tst_queue_add(&tests, ctx, &job, &job_id), ctx, "job");
    id_public("tr", id);
    must(DB_QUERY(tests.db, ctx, Q_RUN_INSERT, &res, DB_ARG_Z(id), DB_ARG_I64(org + 1),
                  DB_ARG_I64(cases[org]), DB_ARG_Z("nothing"), DB_ARG_NULL, DB_ARG_I64(job_id),
                  DB_ARG_I64(0), DB_ARG_Z("hybrid"), DB_ARG_NULL, DB_ARG_NULL, DB_ARG_NULL),
         ctx, "run");
}

static void
fill(struct arena *arena, int64_t jobs)
{
    struct ctx ctx;

    for (int org = 0; org < ORGS; org++) {
        begin(&ctx, arena, org + 1);
        add_case(&ctx, org);
    }
    for (int64_t n = 0; n < jobs; n += BATCH) {
        int org = (int)(n / BATCH % ORGS);
        begin(&ctx, arena, org + 1);
        must(db_begin(tests.db, &ctx), &ctx, "begin");
        for (int64_t i = n; i < jobs && i < n + BATCH; i++) {
            add_run(&ctx, org);
        }
        must(db_commit(tests.db, &ctx), &ctx, "commit");
    }
}

/* --- executing ----------------------------------------------------------------------------- */

static int64_t
hand_out(struct ctx *ctx, const struct tst_claim *job)
{
    const struct db_result *res = NULL;

    must(DB_QUERY(tests.db, ctx, Q_JOB_RUNNING, NULL, DB_ARG_I64(job->id), DB_ARG_I64(job->fence),
                  DB_ARG_I64(LEASE_US), DB_ARG_NULL, DB_ARG_Z("device"), DB_ARG_Z("ipc:///nowhere"),
                  DB_ARG_Z("key")),
         ctx, "running");
    must(DB_QUERY(tests.db, ctx, Q_CASES_OF_JOB, &res, DB_ARG_I64(job->id)), ctx, "cases");
    return db_i64(res, 0, 0);
}

/* The calls a worker makes, each a transaction as its rpc is. */
static void
report(struct ctx *ctx, const struct tst_claim *job, int64_t run_id)
{
    char passed[] = ST_PASSED;
    char id[24];
    Assay__ReportResponse resp = ASSAY__REPORT_RESPONSE__INIT;
    Assay__ReportCaseRequest req = ASSAY__REPORT_CASE_REQUEST__INIT;
    Assay__FinishJobRequest end = ASSAY__FINISH_JOB_REQUEST__INIT;

    (void)snprintf(id, sizeof id, "%lld", (long long)job->id);
    req.job_id = end.job_id = id;
    req.fence = end.fence = job->fence;
    req.run_id = run_id;
    PB_SET(&req, started_us, clk_wall_us());
    for (int step = 0; step < 3; step++) {
        must(db_begin(tests.db, ctx), ctx, "begin");
        enum rc rc = step < 2 ? tests_report_case(&tests, ctx, &req, &resp)
                              : tests_finish_job(&tests, ctx, &end, &resp);
        must(rc, ctx, "report");
        must(db_commit(tests.db, ctx), ctx, "commit");
        req.status = passed;
        PB_SET(&req, finished_us, clk_wall_us());
    }
    must(resp.lost ? RC_ABORTED : RC_OK, ctx, "lost");
}

static void *
executor(void *arg)
{
    struct arena *arena = arena_new(16 << 20);
    struct tst_claim *jobs = NULL;
    int64_t done[CLAIM];
    struct ctx ctx;
    int n = 1;

    (void)arg;
    while (n > 0 && !atomic_load(&stop)) {
        begin(&ctx, arena, 0);
        must(tst_queue_claim(&tests, &ctx, LEASE_US, CLAIM, false, &jobs, &n), &ctx, "claim");
        for (int i = 0; i < n; i++) {
            report(&ctx, &jobs[i], hand_out(&ctx, &jobs[i]));
            done[i] = jobs[i].id;
        }
        must(DB_QUERY(tests.db, &ctx, Q_JOBS_DONE, NULL, DB_ARG_I64S(done, n)), &ctx, "done");
        atomic_fetch_add(&ended, n);
    }
    arena_free(arena);
    return NULL;
}

static double
drain(int executors, int64_t jobs)
{
    pthread_t threads[EXECUTORS_MAX];
    int64_t begun_us = clk_mono_us();

    for (int i = 0; i < executors; i++) {
        if (pthread_create(&threads[i], NULL, executor, NULL) != 0) {
            exit(1);
        }
    }
    while (atomic_load(&ended) < jobs && clk_mono_us() - begun_us < MEASURE_US) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    double rate = (double)atomic_load(&ended) * 1e6 / (double)(clk_mono_us() - begun_us);
    atomic_store(&stop, true);
    for (int i = 0; i < executors; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return rate;
}

int
main(int argc, char **argv)
{
    struct arena *arena = arena_new(64 << 20);
    int64_t jobs = 100000;
    int64_t executors = EXECUTORS_MAX;
    struct ctx ctx;
    bool ok = argc > 1 && (argc < 3 || str_to_i64(str_z(argv[2]), 1, 10000000, &jobs) == RC_OK) &&
              (argc < 4 || str_to_i64(str_z(argv[3]), 1, EXECUTORS_MAX, &executors) == RC_OK);

    if (!ok || arena == NULL) {
        (void)fprintf(stderr, "usage: queue_bench URI [JOBS [EXECUTORS 1-%d]]\n", EXECUTORS_MAX);
        return 3;
    }
    struct db_cfg cfg = DB_LAB_CFG(tests, argv[1]);
    begin(&ctx, arena, 0);
    must(db_open(&cfg, &tests.db), &ctx, "open");
    must(db_migrate(tests.db, &ctx), &ctx, "migrate");
    int64_t begun_us = clk_mono_us();
    fill(arena, jobs);
    (void)printf("BENCH queue_queued_rps %.0f runs/s\n",
                 (double)jobs * 1e6 / (double)(clk_mono_us() - begun_us));
    (void)printf("BENCH queue_runs_rps %.0f runs/s\n", drain((int)executors, jobs));
    db_close(tests.db);
    arena_free(arena);
    return 0;
}
