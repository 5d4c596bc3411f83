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
#include "tests/tst_store.h"
#include "tests_sql.h"
#include "worker_client.h"

#define CLAIM_MAX 4
#define WAIT_US (250 * ASSAY_US_PER_MS)
#define ALLOCATE_LEASE_US (20 * ASSAY_US_PER_S)
#define CALL_US (10 * ASSAY_US_PER_S)
#define ATTEMPTS_MAX 2

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
wait_for_device(struct tests *t, struct ctx *ctx, const struct tst_claim *job, int64_t position,
                int64_t entry_id)
{
    return DB_QUERY(t->db, ctx, Q_JOB_WAIT, NULL, DB_ARG_I64(job->id), DB_ARG_I64(job->fence),
                    DB_ARG_I64(WAIT_US), position > 0 ? DB_ARG_I64(position) : DB_ARG_NULL,
                    entry_id > 0 ? DB_ARG_I64(entry_id) : DB_ARG_NULL);
}

/* This hand-out is over: its lease ran out while we were slow, and the job may run elsewhere. */
static enum rc
lost(struct ctx *ctx)
{
    return fail(ctx, RC_ABORTED, "HAND_OUT_LOST", "the hand-out's lease ran out");
}

/* Locks the job; fails unless this hand-out still has it. */
static enum rc
hold(struct tests *t, struct ctx *ctx, const struct tst_claim *job)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_LOCK, &res, DB_ARG_I64(job->id));
    if (rc != RC_OK) {
        return rc;
    }
    bool ours = db_rows(res) > 0 && db_i64(res, 0, 2) == job->fence &&
                str_eqz(db_str(res, 0, 3), "allocating");
    return ours ? RC_OK : lost(ctx);
}

static enum rc
end_held(struct tests *t, struct ctx *ctx, const struct tst_claim *job, const char *status,
         const char *message)
{
    struct tst_job_ref ref = {job->id, job->org_id, job->suite_run_id};

    enum rc rc = hold(t, ctx, job);
    return rc == RC_OK ? tst_job_end(t, ctx, &ref, status, message) : rc;
}

static enum rc
end_job(struct tests *t, struct ctx *ctx, const struct tst_claim *job, const char *status,
        const char *message)
{
    return IN_TX(t, ctx, end_held(t, ctx, job, status, message));
}

/* Gives back what sessions knows by this key: a device, or a place in its queue. */
static enum rc
release_key(struct tests *t, struct ctx *ctx, struct str key)
{
    Assay__ReleaseDeviceRequest req = ASSAY__RELEASE_DEVICE_REQUEST__INIT;
    Assay__Empty *resp = NULL;

    req.job_id = pb_strz(ctx->arena, key);
    return sessions_call_release_device(svc_client(t->svc, SVC_SESSIONS), ctx, &req, &resp);
}

/* --- a device ------------------------------------------------------------------------------ */

enum got { GOT_DEVICE, GOT_WAIT, GOT_NOTHING };

static enum rc
note_device(struct tests *t, struct ctx *ctx, const struct tst_claim *job, const char *key)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_ACQUIRED, &res, DB_ARG_I64(job->id),
                          DB_ARG_I64(job->fence), DB_ARG_Z(job->session_id),
                          DB_ARG_Z(job->on_device_id), DB_ARG_Z(job->worker_addr), DB_ARG_Z(key));
    return rc == RC_OK && db_affected(res) == 0 ? lost(ctx) : rc;
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
        *out = resp->has_impossible && resp->impossible ? GOT_NOTHING : GOT_WAIT;
        return *out == GOT_WAIT ? wait_for_device(t, ctx, job, resp->queue_position,
                                                  resp->queue_entry_id)
                                : RC_OK;
    }
    job->session_id = resp->session_id;
    job->on_device_id = resp->device_id;
    job->worker_addr = resp->worker_addr;
    *out = GOT_DEVICE;
    rc = note_device(t, ctx, job, req.job_id);
    if (rc == RC_ABORTED) { /* nobody else knows of this device */
        ctx_recover(ctx);
        rc = release_key(t, ctx, str_z(req.job_id));
        return rc == RC_OK ? lost(ctx) : rc;
    }
    return rc;
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
    return note_device(t, ctx, job, NULL);
}

/* --- the job's content --------------------------------------------------------------------- */

static ProtobufCBinaryData
json_or_empty(struct ctx *ctx, const struct db_result *res, int row, int col,
              protobuf_c_boolean *has)
{
    *has = !db_is_null(res, row, col);
    return *has ? pb_bytes(ctx->arena, db_str(res, row, col)) : (ProtobufCBinaryData){0, NULL};
}

#define SUB_FLOW_DEPTH_MAX 16

static void
make_missing(struct ctx *ctx, Assay__JobCase *flow)
{
    flow->name = pb_strz(ctx->arena, STR("missing sub-flow"));
    flow->steps = pb_bytes(ctx->arena, STR("[{\"missing_sub_flow\":true}]"));
}

/* What is left out must not pass unseen. */
static enum rc
add_missing_flow(struct ctx *ctx, Assay__JobCase *into)
{
    Assay__JobCase *flow = ARENA_NEW(ctx->arena, Assay__JobCase);

    into->sub_flows = ARENA_ARRAY(ctx->arena, 1, Assay__JobCase *);
    if (flow == NULL || into->sub_flows == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "the cases are too large");
    }
    assay__job_case__init(flow);
    flow->run_public_id = into->run_public_id;
    flow->mode = into->mode;
    make_missing(ctx, flow);
    into->sub_flows[into->n_sub_flows++] = flow;
    return RC_OK;
}

/* Resolves the sub-flows of a case, deepest first, in order. A sub-flow that is gone or no longer
 * reusable makes the case fail at its start: a step says so. */
static enum rc
add_sub_flows(struct tests *t, struct ctx *ctx, int64_t org_id, const struct str *ids, size_t n,
              int depth, Assay__JobCase *into)
{
    const struct db_result *res = NULL;

    if (n == 0) {
        return RC_OK;
    }
    if (depth > SUB_FLOW_DEPTH_MAX) { /* only two changes at the same moment can make a cycle */
        return add_missing_flow(ctx, into);
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_CASES_BY_PUBLIC_IDS, &res, DB_ARG_I64(org_id),
                          DB_ARG_STRS(ids, n));
    if (rc != RC_OK) {
        return rc;
    }
    into->sub_flows = ARENA_ARRAY(ctx->arena, n, Assay__JobCase *);
    for (size_t i = 0; into->sub_flows != NULL && i < n; i++) {
        Assay__JobCase *flow = ARENA_NEW(ctx->arena, Assay__JobCase);
        int row = 0;
        if (flow == NULL) {
            break;
        }
        while (row < db_rows(res) && !str_eq(db_str(res, row, 0), ids[i])) {
            row++;
        }
        assay__job_case__init(flow);
        flow->run_public_id = pb_strz(ctx->arena, ids[i]);
        flow->mode = into->mode;
        into->sub_flows[into->n_sub_flows++] = flow;
        if (row == db_rows(res) || !db_bool(res, row, 9)) {
            make_missing(ctx, flow);
            continue;
        }
        size_t next = 0;
        struct str *next_ids = db_strs(res, row, 7, &next);
        flow->name = db_strz(res, row, 1);
        flow->steps = pb_bytes(ctx->arena, db_str(res, row, 2));
        flow->recording = json_or_empty(ctx, res, row, 3, &flow->has_recording);
        PB_SET(flow, fuzzy_match, db_bool(res, row, 5));
        flow->context = db_strz(res, row, 6);
        flow->step_mappings = json_or_empty(ctx, res, row, 8, &flow->has_step_mappings);
        rc = add_sub_flows(t, ctx, org_id, next_ids, next, depth + 1, flow);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return arena_failed(ctx->arena)
               ? fail(ctx, RC_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "the cases are too large")
               : RC_OK;
}

static enum rc
add_cases(struct tests *t, struct ctx *ctx, const struct tst_claim *job,
          Assay__StartJobRequest *req)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_CASES_OF_JOB, &res, DB_ARG_I64(job->id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__JobCase *cases = ARENA_ARRAY(ctx->arena, n + 1, Assay__JobCase);
    req->cases = ARENA_ARRAY(ctx->arena, n + 1, Assay__JobCase *);
    if (cases == NULL || req->cases == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "the cases are too large");
    }
    for (int i = 0; i < (int)n; i++) {
        Assay__JobCase *c = &cases[i];
        size_t flow_count = 0;
        assay__job_case__init(c);
        c->run_id = db_i64(res, i, 0);
        c->run_public_id = db_strz(res, i, 1);
        c->name = db_strz(res, i, 2);
        c->steps = pb_bytes(ctx->arena, db_str(res, i, 3));
        PB_SET(c, assertions, pb_bytes(ctx->arena, db_str(res, i, 4)));
        c->recording = json_or_empty(ctx, res, i, 5, &c->has_recording);
        c->mode = job->mode;
        PB_SET(c, fuzzy_match, db_bool(res, i, 7));
        c->context = db_strz(res, i, 8);
        c->step_mappings = json_or_empty(ctx, res, i, 10, &c->has_step_mappings);
        PB_SET(c, timeout_ms, t->cfg->case_timeout_us / ASSAY_US_PER_MS);
        struct str *flows = db_strs(res, i, 9, &flow_count);
        rc = add_sub_flows(t, ctx, job->org_id, flows, flow_count, 0, c);
        if (rc != RC_OK) {
            return rc;
        }
        req->cases[req->n_cases++] = c;
    }
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
    PB_SET(&req, step_timeout_ms, t->cfg->step_timeout_us / ASSAY_US_PER_MS);
    enum rc rc = add_cases(t, ctx, job, &req);
    if (rc == RC_OK) {
        rc = worker_call_start_job(svc_peers(t->svc), job->worker_addr, ctx, &req, &resp);
    }
    return rc;
}

static enum rc
mark_running(struct tests *t, struct ctx *ctx, const struct tst_claim *job)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_RUNNING, &res, DB_ARG_I64(job->id),
                          DB_ARG_I64(job->fence), DB_ARG_I64(t->cfg->lease_us));
    if (rc == RC_OK && db_affected(res) == 0) {
        return lost(ctx);
    }
    if (rc == RC_OK && job->suite_run_id > 0) {
        rc = DB_QUERY(t->db, ctx, Q_JOB_SUITE_RUN_STARTED, NULL, DB_ARG_I64(job->suite_run_id),
                      DB_ARG_Z(job->session_id));
    }
    return rc;
}

/* The job is marked as running before the worker hears of it: a worker may report at once. When the
 * worker refuses, the lease is left to run out unless we know that it did not start. */
static enum rc
hand_out(struct tests *t, struct ctx *ctx, const struct tst_claim *job)
{
    enum rc rc = IN_TX(t, ctx, mark_running(t, ctx, job));
    rc = rc == RC_OK ? start_on_worker(t, ctx, job) : rc;
    bool busy = rc == RC_FAILED_PRECONDITION && ctx->err.reason != NULL &&
                strcmp(ctx->err.reason, "SESSION_BUSY") == 0;
    if (busy) { /* the session runs another job: wait our turn */
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
        return end_job(t, ctx, job, ST_ERROR,
                       job->own_session ? "no device of this kind is connected"
                                        : "the session is not active any more");
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

/* --- devices go back ----------------------------------------------------------------------- */

/* Also a job that never had a device may have a place in the queue for one. */
static enum rc
release_one(struct tests *t, struct ctx *ctx, int64_t job_id, bool own, struct str key)
{
    enum rc rc = own ? release_key(t, ctx, key) : RC_OK;

    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_JOB_DONE, NULL, DB_ARG_I64(job_id));
    }
    if (rc == RC_OK) { /* whoever waits may find this device free */
        rc = DB_QUERY0(t->db, ctx, Q_JOB_WAKE_WAITING, NULL);
    }
    return rc == RC_OK ? tst_wake(t, ctx, LOOP_DISPATCH) : rc;
}

/* What lost hand-outs held. */
static void
give_back_stale(struct tests *t, struct ctx *ctx)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY0(t->db, ctx, Q_STALE_KEYS, &res);
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = release_key(t, ctx, db_str(res, i, 1));
        rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_STALE_KEY_DONE, NULL,
                                    DB_ARG_I64(db_i64(res, i, 0)), DB_ARG_STR(db_str(res, i, 1)))
                         : rc;
    }
    if (rc != RC_OK) {
        log_line(LOG_WARN_LEVEL, ctx, "release_failed", "a lost device could not be given back");
        ctx_recover(ctx); /* they stay on record */
    }
}

bool
tst_release(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    const struct db_result *res = NULL;

    give_back_stale(t, ctx);
    enum rc rc = DB_QUERY0(t->db, ctx, Q_JOB_TO_RELEASE, &res);
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        if (release_one(t, ctx, db_i64(res, i, 0), db_bool(res, i, 1), db_str(res, i, 2)) !=
            RC_OK) {
            log_line(LOG_WARN_LEVEL, ctx, "release_failed", "a device could not be given back",
                     LOG_I64("job", db_i64(res, i, 0)));
            ctx_recover(ctx);
        }
    }
    return false;
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
    enum rc rc = DB_QUERY(t->db, ctx, Q_RUNS_BACK_TO_PENDING, NULL, DB_ARG_I64(ref.id));
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_JOB_REQUEUE, NULL, DB_ARG_I64(ref.id)) : rc;
    if (rc == RC_OK && was_running) { /* before that nothing of it was seen */
        rc = DB_QUERY(t->db, ctx, Q_JOB_EVENT_INSERT, NULL, DB_ARG_I64(ref.id),
                      DB_ARG_Z("requeued"),
                      DB_ARG_Z("the device's worker was lost; the run goes on elsewhere"));
    }
    rc = rc == RC_OK ? tst_wake(t, ctx, LOOP_RELEASE) : rc;
    return rc == RC_OK ? tst_wake(t, ctx, LOOP_DISPATCH) : rc;
}

bool
tst_reap(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    const struct db_result *res = NULL;

    if (db_begin(t->db, ctx) != RC_OK) {
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
