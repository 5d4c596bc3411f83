/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a hand-out: devices go back, workers hear of cancelling, leases run out. */
#include "log/log.h"
#include "sessions_client.h"
#include "tests/runs/tst_dispatch.h"
#include "tests_sql.h"

#define ATTEMPTS_MAX 2
#define RELEASE_MAX 20

enum rc
tst_give_back(struct tests *t, struct ctx *ctx, struct str key)
{
    Assay__ReleaseDeviceRequest req = ASSAY__RELEASE_DEVICE_REQUEST__INIT;
    Assay__Empty *resp = NULL;

    req.job_id = pb_strz(ctx->arena, key);
    return sessions_call_release_device(svc_client(t->svc, SVC_SESSIONS), ctx, &req, &resp);
}

/* --- devices go back ----------------------------------------------------------------------- */

/* What lost hand-outs held. */
static void
give_back_stale(struct tests *t, struct ctx *ctx)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY0(t->db, ctx, Q_STALE_KEYS, &res);
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = tst_give_back(t, ctx, db_str(res, i, 1));
        rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_STALE_KEY_DONE, NULL,
                                    DB_ARG_I64(db_i64(res, i, 0)), DB_ARG_STR(db_str(res, i, 1)))
                         : rc;
    }
    if (rc != RC_OK) {
        log_line(LOG_WARN_LEVEL, ctx, "release_failed", "a lost device could not be given back");
        ctx_recover(ctx); /* they stay on record */
    }
}

/* Also a job that never had a device may have a place in the queue for one. */
static enum rc
give_back_listed(struct tests *t, struct ctx *ctx, const struct db_result *res)
{
    int64_t *done = ARENA_ARRAY(ctx->arena, (size_t)db_rows(res) + 1, int64_t);
    size_t n = 0;

    for (int i = 0; done != NULL && i < db_rows(res); i++) {
        bool own = db_bool(res, i, 1);
        if (own && tst_give_back(t, ctx, db_str(res, i, 2)) != RC_OK) {
            log_line(LOG_WARN_LEVEL, ctx, "release_failed", "a device could not be given back",
                     LOG_I64("job", db_i64(res, i, 0)));
            ctx_recover(ctx); /* it is due again later */
        } else {
            done[n++] = db_i64(res, i, 0);
        }
    }
    if (n == 0) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_JOBS_DONE, NULL, DB_ARG_I64S(done, n));
    if (rc == RC_OK) { /* whoever waits may find these devices free */
        rc = DB_QUERY0(t->db, ctx, Q_JOB_WAKE_WAITING, NULL);
    }
    return rc == RC_OK ? tst_wake(t, ctx, LOOP_DISPATCH) : rc;
}

bool
tst_release(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    const struct db_result *res = NULL;

    give_back_stale(t, ctx);
    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_TO_RELEASE, &res, DB_ARG_I64(RELEASE_MAX));
    rc = rc == RC_OK ? give_back_listed(t, ctx, res) : rc;
    return rc == RC_OK && db_rows(res) == RELEASE_MAX;
}

/* --- cancelling at the worker -------------------------------------------------------------- */

bool
tst_cancel(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY0(t->db, ctx, Q_JOBS_TO_CANCEL, &res);
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        Assay__CancelJobRequest req = ASSAY__CANCEL_JOB_REQUEST__INIT;
        Assay__Empty *resp = NULL;
        char *addr = db_strz(res, i, 1);
        req.job_id = pb_strz(ctx->arena, db_str(res, i, 0));
        /* Only a shortcut: the worker learns of it with its next report in any case. */
        if (addr != NULL &&
            worker_call_cancel_job(svc_peers(t->svc), addr, ctx, &req, &resp) != RC_OK) {
            ctx_recover(ctx);
        }
    }
    return false;
}

/* --- leases that ran out ------------------------------------------------------------------- */

static enum rc
reap_one(struct tests *t, struct ctx *ctx, const struct db_result *res, int row)
{
    bool was_running = str_eqz(db_str(res, row, 4), "running");
    struct tst_job_ref ref = {db_i64(res, row, 0), db_i64(res, row, 1), db_i64(res, row, 5)};
    int64_t attempts = db_i64(res, row, 3);

    if (attempts >= ATTEMPTS_MAX) {
        return tst_job_end(t, ctx, &ref, ST_ERROR,
                           "the device's worker was lost twice while running");
    }
    /* Before it ran nothing of it was seen. */
    return tst_job_requeue(t, ctx, ref.id, 0,
                           was_running ? "the device's worker was lost; the run goes on elsewhere"
                                       : NULL);
}

enum rc
tst_job_lost(struct tests *t, struct ctx *ctx, int64_t job_id, int64_t fence)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(t->db, ctx, Q_JOB_OF_LOST_WORKER, &res, DB_ARG_I64(job_id), DB_ARG_I64(fence));
    return rc == RC_OK && db_rows(res) > 0 ? reap_one(t, ctx, res, 0) : rc;
}

bool
tst_reap(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    const struct db_result *res = NULL;
    bool ripe = false;

    if (svc_leases_ripe(t->db, ctx, t->cfg->lease_us, &ripe) != RC_OK || !ripe ||
        db_begin(t->db, ctx) != RC_OK) {
        return false;
    }
    enum rc rc = DB_QUERY0(t->db, ctx, Q_JOB_EXPIRED, &res);
    int n = rc == RC_OK ? db_rows(res) : 0;
    for (int i = 0; rc == RC_OK && i < n; i++) {
        rc = reap_one(t, ctx, res, i);
    }
    if (rc != RC_OK) {
        db_rollback(t->db, ctx);
        return false;
    }
    if (db_commit(t->db, ctx) != RC_OK) {
        return false;
    }
    if (n > 0) {
        log_line(LOG_WARN_LEVEL, ctx, "lease_lost", "runs of lost workers were put back",
                 LOG_I64("jobs", n));
    }
    return false;
}
