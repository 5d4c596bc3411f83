/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue's SQL and the end of jobs. */
#include <stdio.h>
#include <string.h>

#include "tests/baselines/bsl.h"
#include "tests_sql.h"

#define WAITING_MAX 16 /* of one kind */

enum rc
tst_wake(struct tests *t, struct ctx *ctx, const char *loop)
{
    return db_notify(t->db, ctx, loop, STR(""));
}

enum rc
tst_queue_add(struct tests *t, struct ctx *ctx, const struct tst_job *job, int64_t *out_id)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(
        t->db, ctx, Q_JOB_INSERT, &res, DB_ARG_I64(ctx->who.org_id),
        job->suite_run_id > 0 ? DB_ARG_I64(job->suite_run_id) : DB_ARG_NULL,
        DB_ARG_Z(job->platform), DB_ARG_Z(job->category), DB_ARG_Z(job->device_id),
        DB_ARG_Z(job->session_id), DB_ARG_Z(job->url), DB_ARG_Z(job->reset_strategy),
        DB_ARG_STR(job->variables.n == 0 ? STR("{}") : job->variables), DB_ARG_Z(job->context),
        DB_ARG_Z(job->mode), ctx->who.user_id > 0 ? DB_ARG_I64(ctx->who.user_id) : DB_ARG_NULL,
        job->has_warn_pct ? DB_ARG_I64(job->warn_pct) : DB_ARG_NULL,
        job->has_fail_pct ? DB_ARG_I64(job->fail_pct) : DB_ARG_NULL);
    if (rc != RC_OK) {
        return rc;
    }
    *out_id = db_i64(res, 0, 0);
    return tst_wake(t, ctx, LOOP_DISPATCH);
}

enum rc
tst_queue_claim(struct tests *t, struct ctx *ctx, int64_t lease_us, int max, bool waiting,
                struct tst_claim **out, int *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = waiting ? DB_QUERY(t->db, ctx, Q_JOB_CLAIM_WAITING, &res, DB_ARG_I64(lease_us),
                                    DB_ARG_I64(max))
                         : DB_QUERY(t->db, ctx, Q_JOB_CLAIM, &res, DB_ARG_I64(lease_us),
                                    DB_ARG_I64(max), DB_ARG_I64(WAITING_MAX));
    if (rc != RC_OK) {
        return rc;
    }
    int n = db_rows(res);
    struct tst_claim *claims = ARENA_ARRAY(ctx->arena, (size_t)n + 1, struct tst_claim);
    if (claims == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    for (int i = 0; i < n; i++) {
        claims[i] = (struct tst_claim){
            .id = db_i64(res, i, 0),
            .org_id = db_i64(res, i, 1),
            .fence = db_i64(res, i, 2),
            .platform = db_strz(res, i, 3),
            .category = db_strz(res, i, 4),
            .device_id = db_strz(res, i, 5),
            .session_id = db_strz(res, i, 6),
            .own_session = db_bool(res, i, 7),
            .url = db_strz(res, i, 8),
            .reset_strategy = db_strz(res, i, 9),
            .variables = db_str(res, i, 10),
            .context = db_strz(res, i, 11),
            .mode = db_strz(res, i, 12),
            .user_id = db_i64(res, i, 13),
            .cancel = db_bool(res, i, 14),
            .suite_run_id = db_i64(res, i, 15),
            .worker_addr = db_strz(res, i, 16),
            .on_device_id = db_strz(res, i, 17),
            .compares = db_bool(res, i, 18),
        };
    }
    *out = claims;
    *out_count = n;
    return RC_OK;
}

/* --- waiting ------------------------------------------------------------------------------- */

char *
tst_wait_text(struct ctx *ctx, const char *platform, const char *category, const char *device_id,
              bool absent)
{
    bool is_web = strcmp(platform, "web") == 0;
    const char *one = device_id != NULL  ? "the device "
                      : category != NULL ? "a device of kind "
                                         : "a device of platform ";
    const char *which = device_id != NULL ? device_id : category != NULL ? category : platform;
    const char *why = device_id != NULL ? (absent ? "it is not connected" : "it is busy")
                                        : (absent ? "none is connected" : "all are busy");
    bool tells_platform = !is_web && which != platform;

    return pb_strz(ctx->arena,
                   arena_printf(ctx->arena, "waiting for %s%s%s%s%s; %s", one, which,
                                tells_platform ? " (" : "", tells_platform ? platform : "",
                                tells_platform ? ")" : "", why));
}

enum rc
tst_queue_place(struct tests *t, struct ctx *ctx, int64_t job_id, struct tst_place *out)
{
    const struct db_result *res = NULL;

    *out = (struct tst_place){.reason = NULL};
    enum rc rc =
        DB_QUERY(t->db, ctx, Q_JOB_GET, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(job_id));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    struct str state = db_str(res, 0, 1);
    bool known = !db_is_null(res, 0, 2);
    bool absent = !db_is_null(res, 0, 8);
    /* One that asks again is allocating for a moment: it goes on waiting for the same. */
    bool asks = str_eqz(state, "allocating") && (known || absent);
    bool waiting = str_eqz(state, "waiting") || asks;
    if (!waiting && !str_eqz(state, "queued")) {
        return RC_OK;
    }
    out->position = known ? db_i64(res, 0, 2) : db_i64(res, 0, 9) + 1;
    out->entry_id = known ? db_i64(res, 0, 3) : job_id;
    if (!db_bool(res, 0, 7)) {
        out->reason =
            pb_strz(ctx->arena, STR("waiting for its session, which runs something else"));
    } else if (waiting || absent) {
        out->reason =
            tst_wait_text(ctx, db_strz(res, 0, 4), db_strz(res, 0, 5), db_strz(res, 0, 6), absent);
    } else {
        out->reason = pb_strz(ctx->arena, STR("waiting for its turn"));
    }
    return RC_OK;
}

/* --- back to the queue --------------------------------------------------------------------- */

enum rc
tst_job_requeue(struct tests *t, struct ctx *ctx, int64_t job_id, int64_t uncounted,
                const char *why)
{
    enum rc rc = DB_QUERY(t->db, ctx, Q_RUNS_BACK_TO_PENDING, NULL, DB_ARG_I64(job_id));

    rc = rc == RC_OK
             ? DB_QUERY(t->db, ctx, Q_JOB_REQUEUE, NULL, DB_ARG_I64(job_id), DB_ARG_I64(uncounted))
             : rc;
    if (rc == RC_OK && why != NULL) {
        rc = DB_QUERY(t->db, ctx, Q_JOB_EVENT_INSERT, NULL, DB_ARG_I64(job_id),
                      DB_ARG_Z("requeued"), DB_ARG_Z(why));
    }
    rc = rc == RC_OK ? tst_wake(t, ctx, LOOP_RELEASE) : rc;
    return rc == RC_OK ? tst_wake(t, ctx, LOOP_DISPATCH) : rc;
}

/* --- the end of a job ---------------------------------------------------------------------- */

struct str
tst_run_data(struct ctx *ctx, const struct tst_run_told *end)
{
    struct buf b;

    buf_init(&b, (size_t)1024 * 1024);
    buf_putc(&b, '{');
    json_put_member_str(&b, "run_id", str_z(end->run_id));
    json_put_member_str(&b, "status", str_z(end->status));
    json_put_member_str(&b, end->suite_id != NULL ? "suite_id" : "test_id",
                        str_z(end->suite_id != NULL ? end->suite_id : end->test_id));
    json_put_member_str(&b, "name", str_z(end->name));
    json_put_member_str(&b, "run_url", str_z(end->run_url));
    json_put_key(&b, "commit_sha");
    if (end->commit_sha == NULL) {
        buf_putz(&b, "null");
    } else {
        json_put_str(&b, str_z(end->commit_sha));
    }
    json_put_key(&b, "metadata");
    buf_put(&b, end->metadata.n == 0 ? STR("null") : end->metadata);
    if (end->duration_ms >= 0) {
        json_put_member_i64(&b, "duration_ms", end->duration_ms);
        json_put_key(&b, "visual_regression_status");
        if (end->visual == NULL) {
            buf_putz(&b, "null");
        } else {
            json_put_str(&b, str_z(end->visual));
        }
    }
    buf_putc(&b, '}');
    struct str data = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return data;
}

static enum rc
emit(struct tests *t, struct ctx *ctx, const struct tst_run_told *end, const char *type,
     unsigned told)
{
    struct svc_event event = {
        .type = type,
        .tell = told,
        .org_id = end->org_id,
        .resource_type = STR("test_run"),
        .resource_id = str_z(end->run_id),
        .resource_name = str_z(end->name),
        .data = tst_run_data(ctx, end),
        .order_key = str_z(end->run_id),
    };
    return svc_emit(t->db, ctx, &event);
}

static enum rc
emit_run_end(struct tests *t, struct ctx *ctx, const struct tst_run_told *end, bool regressed)
{
    char type[32];

    /* The catalogue has passed, failed and cancelled: a run that broke failed, its status says how.
     */
    const char *word = strcmp(end->status, ST_ERROR) == 0 ? ST_FAILED : end->status;
    (void)snprintf(type, sizeof(type), "run.%s", word);
    enum rc rc = emit(t, ctx, end, arena_strz(ctx->arena, str_z(type)),
                      TELL_AUDIT | TELL_BILLING | TELL_WEBHOOKS);
    return rc == RC_OK && regressed
               ? emit(t, ctx, end, "visual.run_completed_with_regressions", TELL_WEBHOOKS)
               : rc;
}

static enum rc
end_suite_run(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job, const char *message,
              bool regressed)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_SUITE_RUN_FINISH, &res, DB_ARG_I64(job->suite_run_id),
                          DB_ARG_Z(message));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    struct tst_run_told end = {
        .org_id = job->org_id,
        .run_id = db_strz(res, 0, 1),
        .status = db_strz(res, 0, 2),
        .suite_id = db_strz(res, 0, 3),
        .name = db_strz(res, 0, 4),
        .commit_sha = db_strz(res, 0, 5),
        .metadata = db_is_null(res, 0, 6) ? STR_EMPTY : db_str(res, 0, 6),
        .run_url = db_strz(res, 0, 7),
        .duration_ms = db_i64(res, 0, 8),
        .visual = db_strz(res, 0, 9),
    };
    rc = tst_warn(t, ctx, job->id, &end);
    return rc == RC_OK ? emit_run_end(t, ctx, &end, regressed) : rc;
}

static enum rc
end_single_run(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job, bool regressed)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_RUN_OF_JOB_ENDED, &res, DB_ARG_I64(job->id));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    struct tst_run_told end = {
        .org_id = job->org_id,
        .run_id = db_strz(res, 0, 0),
        .status = db_strz(res, 0, 1),
        .test_id = db_strz(res, 0, 2),
        .name = db_strz(res, 0, 3),
        .commit_sha = db_strz(res, 0, 4),
        .metadata = db_is_null(res, 0, 5) ? STR_EMPTY : db_str(res, 0, 5),
        .run_url = db_is_null(res, 0, 6) ? "" : db_strz(res, 0, 6),
        .duration_ms = db_i64(res, 0, 7),
        .visual = db_strz(res, 0, 8),
    };
    rc = tst_warn(t, ctx, job->id, &end);
    return rc == RC_OK ? emit_run_end(t, ctx, &end, regressed) : rc;
}

enum rc
tst_run_end(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job, bool compares,
            const char *message)
{
    struct bsl_outcome seen = {.is_open = false};

    enum rc rc = compares ? bsl_settle(t, ctx, job, &seen) : RC_OK;
    if (rc != RC_OK || seen.is_open) {
        return rc;
    }
    return job->suite_run_id > 0 ? end_suite_run(t, ctx, job, message, seen.regressed)
                                 : end_single_run(t, ctx, job, seen.regressed);
}

enum rc
tst_job_end(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job, const char *status,
            const char *message)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_RELEASE, &res, DB_ARG_I64(job->id), DB_ARG_Z(message));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc; /* it has ended, and has been told */
    }
    rc = DB_QUERY(t->db, ctx, Q_RUNS_END_OPEN, NULL, DB_ARG_I64(job->id), DB_ARG_Z(status),
                  DB_ARG_Z(message));
    rc = rc == RC_OK ? tst_run_end(t, ctx, job, db_bool(res, 0, 0), message) : rc;
    return rc == RC_OK ? tst_wake(t, ctx, LOOP_RELEASE) : rc;
}
