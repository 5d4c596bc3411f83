/* SPDX-License-Identifier: Apache-2.0
 *
 * The dispatcher: claims jobs, asks sessions for a device, hands the job to the device's worker.
 *
 * Each hand-out has a fence; everything a hand-out does is guarded by it, so a dispatcher that was
 * paused, or a worker that came back, can do no harm. Nothing is locked while others are asked: the
 * state `allocating` and its lease mark the job as taken. */
#include <stdio.h>
#include <string.h>

#include "log/log.h"
#include "sessions_client.h"
#include "tests/runs/tst_dispatch.h"
#include "tests_sql.h"

#define CLAIM_MAX 8
#define WAIT_US (250 * ASSAY_US_PER_MS)
#define WAIT_ABSENT_US ASSAY_US_PER_S /* a worker has to come first */
#define ALLOCATE_LEASE_US (20 * ASSAY_US_PER_S)
#define CALL_US (10 * ASSAY_US_PER_S)

static char *
device_key(struct ctx *ctx, const struct tst_claim *job)
{
    return pb_strz(ctx->arena, arena_printf(ctx->arena, "%lld.%lld", (long long)job->id,
                                            (long long)job->fence));
}

/* Runs one statement as a transaction of its own. */
#define IN_TX(t, ctx, expr)                                                                        \
    (db_begin((t)->db, (ctx)) == RC_OK                                                             \
         ? ((expr) == RC_OK ? db_commit((t)->db, (ctx))                                            \
                            : (db_rollback((t)->db, (ctx)), (ctx)->err.code))                      \
         : (ctx)->err.code)

static enum rc
wait_for_device(struct tests *t, struct ctx *ctx, const struct tst_claim *job,
                const Assay__AcquireDeviceResponse *got)
{
    bool is_here = !got->has_none_connected || !got->none_connected;

    return DB_QUERY(t->db, ctx, Q_JOB_WAIT, NULL, DB_ARG_I64(job->id), DB_ARG_I64(job->fence),
                    DB_ARG_I64(is_here ? WAIT_US : WAIT_ABSENT_US),
                    got->has_queue_position ? DB_ARG_I64(got->queue_position) : DB_ARG_NULL,
                    got->has_queue_entry_id ? DB_ARG_I64(got->queue_entry_id) : DB_ARG_NULL,
                    DB_ARG_BOOL(is_here));
}

/* This hand-out is over: its lease ran out while we were slow, and the job may run elsewhere. */
static enum rc
lost(struct ctx *ctx)
{
    return fail(ctx, RC_ABORTED, "HAND_OUT_LOST", "the hand-out's lease ran out");
}

/* Locks the job; fails unless this hand-out still has it, in this state. */
static enum rc
hold(struct tests *t, struct ctx *ctx, const struct tst_claim *job, const char *state)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_LOCK, &res, DB_ARG_I64(job->id), DB_ARG_I64(0));
    if (rc != RC_OK) {
        return rc;
    }
    bool ours =
        db_rows(res) > 0 && db_i64(res, 0, 2) == job->fence && str_eqz(db_str(res, 0, 3), state);
    return ours ? RC_OK : lost(ctx);
}

static enum rc
end_held(struct tests *t, struct ctx *ctx, const struct tst_claim *job, const char *status,
         const char *message)
{
    struct tst_job_ref ref = {job->id, job->org_id, job->suite_run_id};

    enum rc rc = hold(t, ctx, job, "allocating");
    return rc == RC_OK ? tst_job_end(t, ctx, &ref, status, message) : rc;
}

static enum rc
end_job(struct tests *t, struct ctx *ctx, const struct tst_claim *job, const char *status,
        const char *message)
{
    return IN_TX(t, ctx, end_held(t, ctx, job, status, message));
}

/* --- a device ------------------------------------------------------------------------------ */

enum got { GOT_DEVICE, GOT_WAIT, GOT_NOTHING };

static const char *
given_up_text(struct ctx *ctx, const struct tst_claim *job)
{
    return arena_printf(ctx->arena, "gave up %s",
                        tst_wait_text(ctx, job->platform, job->category, job->device_id, true))
        .p;
}

/* None of the kind is connected. A worker that restarts comes back: the run waits, and says for
 * what, as long as the setting allows. */
static enum rc
wait_for_kind(struct tests *t, struct ctx *ctx, const struct tst_claim *job,
              const Assay__AcquireDeviceResponse *got)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_KIND_ABSENT, &res, DB_ARG_I64(job->id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) > 0 && db_i64(res, 0, 0) > t->cfg->device_wait_us) {
        return end_job(t, ctx, job, ST_ERROR, given_up_text(ctx, job));
    }
    return wait_for_device(t, ctx, job, got);
}

static enum rc
acquire(struct tests *t, struct ctx *ctx, struct tst_claim *job, enum got *out)
{
    Assay__AcquireDeviceRequest req = ASSAY__ACQUIRE_DEVICE_REQUEST__INIT;
    Assay__AcquireDeviceResponse *resp = NULL;

    req.job_id = device_key(ctx, job);
    req.org_id = job->org_id;
    req.platform = job->platform;
    req.category = job->category;
    req.device_id = job->device_id;
    if (job->user_id > 0) {
        PB_SET(&req, user_id, job->user_id);
    }
    enum rc rc = sessions_call_acquire_device(svc_client(t->svc, SVC_SESSIONS), ctx, &req, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    if (resp->session_id == NULL) {
        *out = GOT_WAIT;
        return resp->has_none_connected && resp->none_connected
                   ? wait_for_kind(t, ctx, job, resp)
                   : wait_for_device(t, ctx, job, resp);
    }
    job->session_id = resp->session_id;
    job->on_device_id = resp->device_id;
    job->worker_addr = resp->worker_addr;
    *out = GOT_DEVICE;
    return RC_OK;
}

static enum rc
locate(struct tests *t, struct ctx *ctx, struct tst_claim *job, enum got *out)
{
    Assay__LocateSessionRequest req = ASSAY__LOCATE_SESSION_REQUEST__INIT;
    Assay__LocateSessionResponse *resp = NULL;

    req.session_id = job->session_id;
    req.org_id = job->org_id;
    enum rc rc = sessions_call_locate_session(svc_client(t->svc, SVC_SESSIONS), ctx, &req, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    if (strcmp(resp->status, "active") != 0 || resp->worker_addr == NULL) {
        *out = GOT_NOTHING;
        return RC_OK;
    }
    job->on_device_id = resp->device_id;
    job->worker_addr = resp->worker_addr;
    *out = GOT_DEVICE;
    return RC_OK;
}

/* --- the hand-out -------------------------------------------------------------------------- */

static enum rc
start_on_worker(struct tests *t, struct ctx *ctx, const struct tst_claim *job)
{
    Assay__StartJobRequest req = ASSAY__START_JOB_REQUEST__INIT;
    Assay__Empty *resp = NULL;

    req.job_id = pb_strz(ctx->arena, arena_printf(ctx->arena, "%lld", (long long)job->id));
    req.fence = job->fence;
    req.org_id = job->org_id;
    req.session_id = job->session_id;
    req.device_id = job->on_device_id;
    req.url = job->url;
    req.reset_strategy = job->reset_strategy;
    PB_SET(&req, variables, pb_bytes(ctx->arena, job->variables));
    req.context = job->context;
    req.lease_us = t->cfg->lease_us;
    PB_SET(&req, compares, job->compares);
    PB_SET(&req, step_timeout_ms, t->cfg->step_timeout_us / ASSAY_US_PER_MS);
    enum rc rc = tst_job_cases(t, ctx, job, &req);
    if (rc == RC_OK) {
        rc = worker_call_start_job(svc_peers(t->svc), job->worker_addr, ctx, &req, &resp);
    }
    return rc;
}

static enum rc
mark_running(struct tests *t, struct ctx *ctx, const struct tst_claim *job)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(
        t->db, ctx, Q_JOB_RUNNING, &res, DB_ARG_I64(job->id), DB_ARG_I64(job->fence),
        DB_ARG_I64(t->cfg->lease_us), DB_ARG_Z(job->session_id), DB_ARG_Z(job->on_device_id),
        DB_ARG_Z(job->worker_addr), DB_ARG_Z(job->own_session ? device_key(ctx, job) : NULL));
    if (rc == RC_OK && db_rows(res) == 0) {
        return lost(ctx);
    }
    if (rc == RC_OK && job->suite_run_id > 0) {
        rc = DB_DEFER(t->db, ctx, Q_JOB_SUITE_RUN_STARTED, DB_ARG_I64(job->suite_run_id),
                      DB_ARG_Z(job->session_id));
    }
    return rc;
}

static bool
was_refused(const struct ctx *ctx, enum rc rc, const char *reason)
{
    return rc == RC_FAILED_PRECONDITION && ctx->err.reason != NULL &&
           strcmp(ctx->err.reason, reason) == 0;
}

/* The worker did not begin: the job is next in the queue again. */
static enum rc
take_back(struct tests *t, struct ctx *ctx, const struct tst_claim *job)
{
    enum rc rc = hold(t, ctx, job, "running");

    return rc == RC_OK ? tst_job_requeue(t, ctx, job->id, 1, NULL) : rc;
}

/* The job is marked as running before the worker hears of it: a worker may report at once. When the
 * worker refuses, the lease is left to run out unless we know that it did not start. */
static enum rc
hand_out(struct tests *t, struct ctx *ctx, const struct tst_claim *job)
{
    enum rc rc = IN_TX(t, ctx, mark_running(t, ctx, job));
    if (rc == RC_ABORTED && job->own_session) { /* nobody else knows of this device */
        ctx_recover(ctx);
        rc = tst_give_back(t, ctx, str_z(device_key(ctx, job)));
        return rc == RC_OK ? lost(ctx) : rc;
    }
    rc = rc == RC_OK ? start_on_worker(t, ctx, job) : rc;
    bool stops = was_refused(ctx, rc, "WORKER_STOPS");
    if (stops && job->own_session) { /* another device, at once */
        ctx_recover(ctx);
        return IN_TX(t, ctx, take_back(t, ctx, job));
    }
    if (stops || was_refused(ctx, rc, "SESSION_BUSY")) {
        /* The session runs another job, or ends: wait our turn. */
        ctx_recover(ctx);
        return DB_QUERY(t->db, ctx, Q_JOB_BACK_TO_WAITING, NULL, DB_ARG_I64(job->id),
                        DB_ARG_I64(job->fence), DB_ARG_I64(WAIT_US));
    }
    return rc;
}

static enum rc
dispatch_one(struct tests *t, struct ctx *ctx, struct tst_claim *job)
{
    enum got got = GOT_WAIT;

    if (job->cancel) {
        return end_job(t, ctx, job, ST_CANCELLED, "cancelled before it began");
    }
    enum rc rc = job->own_session ? acquire(t, ctx, job, &got) : locate(t, ctx, job, &got);
    if (rc == RC_NOT_FOUND && !job->own_session) {
        ctx_recover(ctx);
        rc = RC_OK;
        got = GOT_NOTHING;
    }
    if (rc != RC_OK || got == GOT_WAIT) {
        return rc;
    }
    if (got == GOT_NOTHING) {
        return end_job(t, ctx, job, ST_ERROR, "the session is not active any more");
    }
    return hand_out(t, ctx, job);
}

/* Claims some jobs and hands them out; true when there may be more. */
static bool
dispatch_some(struct tests *t, struct ctx *ctx, bool waiting)
{
    struct tst_claim *jobs = NULL;
    int64_t loop_deadline_us = ctx->deadline_us;
    int count = 0;

    enum rc rc = tst_queue_claim(t, ctx, ALLOCATE_LEASE_US, CLAIM_MAX, waiting, &jobs, &count);
    for (int i = 0; rc == RC_OK && i < count; i++) {
        ctx->deadline_us = clk_wall_us() + CALL_US;
        enum rc one = dispatch_one(t, ctx, &jobs[i]);
        if (one != RC_OK) { /* its lease brings it back */
            log_line(LOG_WARN_LEVEL, ctx, "dispatch_failed", "a job could not be handed out",
                     LOG_I64("job", jobs[i].id));
            ctx_recover(ctx);
        }
    }
    ctx->deadline_us = loop_deadline_us;
    return rc == RC_OK && count == CLAIM_MAX;
}

bool
tst_dispatch(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    /* Those that wait first; new ones in any case, for they may want another kind of device. */
    bool more = dispatch_some(t, ctx, true);
    bool new_more = ctx->err.code == RC_OK && dispatch_some(t, ctx, false);
    return more || new_more;
}
