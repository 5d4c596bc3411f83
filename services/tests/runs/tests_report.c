/* SPDX-License-Identifier: Apache-2.0
 *
 * What workers report. The job's row is locked first; a report whose fence is not the job's is told
 * `lost` and changes nothing. */
#include <string.h>

#include "tests/baselines/bsl.h"
#include "tests_sql.h"

struct held_job {
    struct tst_job_ref ref;
    bool lost;
    bool cancel;
    bool lease_is_young;
    bool compares;
};

static enum rc
hold_job(struct tests *t, struct ctx *ctx, const char *job_id, int64_t fence, struct held_job *out)
{
    const struct db_result *res = NULL;
    int64_t id = 0;

    if (str_to_i64(str_z(job_id), 1, INT64_MAX, &id) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "BAD_JOB_ID", "job_id is malformed");
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_LOCK, &res, DB_ARG_I64(id),
                          DB_ARG_I64(TST_LEASE_KEPT(t->cfg->lease_us)));
    if (rc != RC_OK) {
        return rc;
    }
    *out = (struct held_job){.lost = true};
    if (db_rows(res) == 0) {
        return RC_OK;
    }
    struct str state = db_str(res, 0, 3);
    bool live = str_eqz(state, "running") || str_eqz(state, "allocating");
    out->lost = db_i64(res, 0, 2) != fence || !live;
    out->cancel = db_bool(res, 0, 4);
    out->lease_is_young = db_bool(res, 0, 6);
    out->compares = db_bool(res, 0, 7);
    out->ref = (struct tst_job_ref){id, db_i64(res, 0, 1), db_i64(res, 0, 5)};
    return RC_OK;
}

static void
answer(const struct held_job *job, Assay__ReportResponse *resp)
{
    PB_SET(resp, lost, job->lost);
    PB_SET(resp, cancel, job->cancel);
}

static enum rc
extend(struct tests *t, struct ctx *ctx, const struct held_job *job)
{
    if (job->lease_is_young) {
        return RC_OK;
    }
    return DB_DEFER(t->db, ctx, Q_JOB_EXTEND, DB_ARG_I64(job->ref.id),
                    DB_ARG_I64(t->cfg->lease_us));
}

static struct db_arg
bytes_arg(protobuf_c_boolean has, ProtobufCBinaryData b)
{
    return has ? DB_ARG_STR(str_n((const char *)b.data, b.len)) : DB_ARG_NULL;
}

static enum rc
event(struct tests *t, struct ctx *ctx, const struct held_job *job, int64_t run_id,
      const char *type, const char *message, const char *status, struct db_arg idx,
      struct db_arg duration_ms)
{
    return DB_DEFER(t->db, ctx, Q_RUN_EVENT_INSERT, DB_ARG_I64(job->ref.org_id),
                    job->ref.suite_run_id > 0 ? DB_ARG_I64(job->ref.suite_run_id) : DB_ARG_NULL,
                    run_id > 0 ? DB_ARG_I64(run_id) : DB_ARG_NULL, DB_ARG_Z(type),
                    DB_ARG_Z(message), DB_ARG_Z(status), idx, duration_ms);
}

static enum rc
store_step(struct tests *t, struct ctx *ctx, const struct held_job *job, int64_t fence,
           int64_t run_id, const Assay__StepReport *s)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(t->db, ctx, Q_STEP_INSERT, &res, DB_ARG_I64(run_id), DB_ARG_I64(job->ref.id),
                 DB_ARG_I64(s->index), DB_ARG_I64(fence), DB_ARG_Z(s->text), DB_ARG_Z(s->kind),
                 DB_ARG_Z(s->status), DB_ARG_I64(s->started_us), DB_ARG_I64(s->duration_us),
                 s->has_own_us ? DB_ARG_I64(s->own_us) : DB_ARG_NULL, DB_ARG_Z(s->message),
                 DB_ARG_Z(s->reason), bytes_arg(s->has_evidence, s->evidence),
                 bytes_arg(s->has_actions, s->actions), DB_ARG_BOOL(s->has_healed && s->healed),
                 DB_ARG_Z(s->screenshot == NULL ? NULL : s->screenshot->key),
                 DB_ARG_Z(s->screenshot == NULL ? NULL : s->screenshot->content_type));
    if (rc != RC_OK || db_affected(res) == 0) {
        return rc; /* reported before: it stands, and its event too */
    }
    if (job->compares && !(s->has_secret && s->secret)) {
        rc = bsl_queue(t, ctx, job->ref.id, run_id, s);
        if (rc != RC_OK) {
            return rc;
        }
    }
    const char *shown =
        s->message == NULL
            ? s->text
            : pb_strz(ctx->arena, arena_printf(ctx->arena, "%s: %s", s->text, s->message));
    return event(t, ctx, job, run_id, "step", shown, s->status, DB_ARG_I64(s->index),
                 DB_ARG_I64(s->duration_us / ASSAY_US_PER_MS));
}

static enum rc
store_steps(struct tests *t, struct ctx *ctx, const struct held_job *job, int64_t fence,
            int64_t run_id, Assay__StepReport *const *steps, size_t n)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        rc = store_step(t, ctx, job, fence, run_id, steps[i]);
    }
    return rc;
}

enum rc
tests_report_steps(struct tests *t, struct ctx *ctx, const Assay__ReportStepsRequest *req,
                   Assay__ReportResponse *resp)
{
    struct held_job job;

    enum rc rc = hold_job(t, ctx, req->job_id, req->fence, &job);
    if (rc != RC_OK) {
        return rc;
    }
    answer(&job, resp);
    if (job.lost) {
        return RC_OK;
    }
    rc = store_steps(t, ctx, &job, req->fence, req->run_id, req->steps, req->n_steps);
    return rc == RC_OK ? extend(t, ctx, &job) : rc;
}

/* --- cases --------------------------------------------------------------------------------- */

static enum rc
case_started(struct tests *t, struct ctx *ctx, const struct held_job *job,
             const Assay__ReportCaseRequest *req)
{
    const struct db_result *res = NULL;
    int64_t at_us = req->has_started_us ? req->started_us : clk_wall_us();

    enum rc rc = DB_QUERY(t->db, ctx, Q_RUN_START, &res, DB_ARG_I64(req->run_id),
                          DB_ARG_I64(job->ref.id), DB_ARG_I64(at_us));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    if (db_i64(res, 0, 2) > 1) {
        rc = DB_QUERY(t->db, ctx, Q_STEPS_FORGET, NULL, DB_ARG_I64(req->run_id),
                      DB_ARG_I64(req->fence));
    }
    rc = rc == RC_OK ? event(t, ctx, job, req->run_id, "case_start", db_strz(res, 0, 1), NULL,
                             DB_ARG_NULL, DB_ARG_NULL)
                     : rc;
    return rc == RC_OK ? db_defer(t->db, ctx, Q_COMMIT_SOON, NULL, 0) : rc;
}

enum rc
tst_tell_case_failed(struct tests *t, struct ctx *ctx, const struct tst_case_failed *failed)
{
    struct buf b;

    buf_init(&b, 65536);
    buf_putc(&b, '{');
    json_put_member_str(&b, "run_id", failed->run_id);
    json_put_member_str(&b, "status", STR(ST_FAILED));
    json_put_member_str(&b, "suite_run_id", failed->suite_run_id);
    json_put_member_str(&b, "case_name", failed->case_name);
    json_put_member_str(&b, "message", str_sub(failed->message, 0, 4000));
    buf_putc(&b, '}');
    struct svc_event told = {
        .type = "case.failed",
        .tell = TELL_WEBHOOKS,
        .org_id = failed->org_id,
        .resource_type = STR("test_run"),
        .resource_id = failed->run_id,
        .resource_name = failed->case_name,
        .data = arena_str(ctx->arena, buf_str(&b)),
        .order_key = failed->suite_run_id,
    };
    buf_fini(&b);
    return svc_emit(t->db, ctx, &told);
}

static enum rc
case_ended(struct tests *t, struct ctx *ctx, const struct held_job *job,
           const Assay__ReportCaseRequest *req)
{
    const struct db_result *res = NULL;
    int64_t finished_us = req->has_finished_us ? req->finished_us : clk_wall_us();
    int64_t started_us = req->has_started_us ? req->started_us : finished_us;

    enum rc rc = DB_QUERY(t->db, ctx, Q_RUN_FINISH, &res, DB_ARG_I64(req->run_id),
                          DB_ARG_I64(job->ref.id), DB_ARG_Z(req->status), DB_ARG_Z(req->message),
                          DB_ARG_I64(started_us), DB_ARG_I64(finished_us), DB_ARG_NULL);
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    rc = event(t, ctx, job, req->run_id, "case_end",
               req->message == NULL ? db_strz(res, 0, 1) : req->message, req->status, DB_ARG_NULL,
               DB_ARG_I64((finished_us - started_us) / ASSAY_US_PER_MS));
    if (rc == RC_OK && strcmp(req->status, ST_FAILED) == 0 && job->ref.suite_run_id > 0) {
        struct tst_case_failed failed = {job->ref.org_id, db_str(res, 0, 0), db_str(res, 0, 1),
                                         str_z(req->message), db_str(res, 0, 4)};
        rc = tst_tell_case_failed(t, ctx, &failed);
    }
    return rc;
}

static bool
is_verdict(const char *status)
{
    return strcmp(status, ST_PASSED) == 0 || strcmp(status, ST_FAILED) == 0 ||
           strcmp(status, ST_ERROR) == 0 || strcmp(status, ST_CANCELLED) == 0;
}

enum rc
tests_report_case(struct tests *t, struct ctx *ctx, const Assay__ReportCaseRequest *req,
                  Assay__ReportResponse *resp)
{
    struct held_job job;

    if (req->status != NULL && !is_verdict(req->status)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "BAD_STATUS", "status is no verdict");
    }
    enum rc rc = hold_job(t, ctx, req->job_id, req->fence, &job);
    if (rc != RC_OK) {
        return rc;
    }
    answer(&job, resp);
    if (job.lost) {
        return RC_OK;
    }
    rc = store_steps(t, ctx, &job, req->fence, req->run_id, req->steps, req->n_steps);
    if (rc == RC_OK) {
        rc = req->status == NULL ? case_started(t, ctx, &job, req) : case_ended(t, ctx, &job, req);
    }
    return rc == RC_OK ? extend(t, ctx, &job) : rc;
}

enum rc
tests_job_heartbeat(struct tests *t, struct ctx *ctx, const Assay__JobHeartbeatRequest *req,
                    Assay__ReportResponse *resp)
{
    struct held_job job;

    enum rc rc = hold_job(t, ctx, req->job_id, req->fence, &job);
    if (rc != RC_OK) {
        return rc;
    }
    answer(&job, resp);
    return job.lost ? RC_OK : extend(t, ctx, &job);
}

enum rc
tests_finish_job(struct tests *t, struct ctx *ctx, const Assay__FinishJobRequest *req,
                 Assay__ReportResponse *resp)
{
    struct held_job job;

    enum rc rc = hold_job(t, ctx, req->job_id, req->fence, &job);
    if (rc != RC_OK) {
        return rc;
    }
    answer(&job, resp);
    if (job.lost) {
        return RC_OK;
    }
    if (req->has_returned && req->returned && !job.cancel) {
        return tst_job_requeue(t, ctx, job.ref.id, 1,
                               "the device's worker is being stopped; the run goes on elsewhere");
    }
    return tst_job_end(t, ctx, &job.ref, job.cancel ? ST_CANCELLED : ST_ERROR,
                       req->message != NULL ? req->message
                       : job.cancel         ? "cancelled"
                                            : NULL);
}
