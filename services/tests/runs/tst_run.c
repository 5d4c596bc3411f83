/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/runs/tst_run.h"

#include <string.h>

#include "sessions_client.h"
#include "tests_sql.h"

/* What the run needs to know of its app and session. */
struct target {
    const char *platform;
    const char *url;
};

static enum rc
check_build(struct ctx *ctx, const Assay__ResolveAppResponse *app)
{
    if (!app->build_exists) {
        return fail(ctx, RC_NOT_FOUND, "BUILD_NOT_FOUND", "no such build");
    }
    if (!app->build_matches) {
        return fail(ctx, RC_PERMISSION_DENIED, "FOREIGN_BUILD",
                    "build_id belongs to another app or organization");
    }
    return RC_OK;
}

static enum rc
find_target(struct tests *t, struct ctx *ctx, const char *app_public_id, const char *platform,
            int64_t build_id, struct target *out)
{
    Assay__ResolveAppRequest req = ASSAY__RESOLVE_APP_REQUEST__INIT;
    Assay__ResolveAppResponse *app = NULL;

    *out = (struct target){.platform = platform == NULL ? "web" : platform};
    if (app_public_id == NULL && build_id > 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "NO_APP", "build_id needs an app");
    }
    if (app_public_id == NULL) {
        return RC_OK;
    }
    req.org_id = ctx->who.org_id;
    req.public_id = pb_strz(ctx->arena, str_z(app_public_id));
    if (build_id > 0) {
        PB_SET(&req, build_id, build_id);
    }
    enum rc rc = sessions_call_resolve_app(svc_client(t->svc, SVC_SESSIONS), ctx, &req, &app);
    if (rc != RC_OK) {
        return rc;
    }
    out->platform = app->platform;
    out->url = app->url;
    return build_id > 0 ? check_build(ctx, app) : RC_OK;
}

static enum rc
check_session(struct tests *t, struct ctx *ctx, const char *session_id)
{
    Assay__LocateSessionRequest req = ASSAY__LOCATE_SESSION_REQUEST__INIT;
    Assay__LocateSessionResponse *session = NULL;

    if (session_id == NULL) {
        return RC_OK;
    }
    req.session_id = pb_strz(ctx->arena, str_z(session_id));
    req.org_id = ctx->who.org_id;
    enum rc rc =
        sessions_call_locate_session(svc_client(t->svc, SVC_SESSIONS), ctx, &req, &session);
    if (rc == RC_OK && strcmp(session->status, "active") != 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "SESSION_NOT_ACTIVE",
                    "the session is %s, not active", session->status);
    }
    return rc;
}

/* A run in mode ai asks a model for every step, on the organization's credit unless it has a key of
 * its own. The other modes do what they can without one. */
static enum rc
check_credit(struct tests *t, struct ctx *ctx, const struct tst_run_request *request)
{
    struct svc_allowed allowed;
    bool is_own = request->model != NULL && str_ends(str_z(request->model), STR(":byok"));

    if (request->mode == NULL || strcmp(request->mode, "ai") != 0 || is_own) {
        return RC_OK;
    }
    svc_limits_get(t->limits, ctx, ctx->who.org_id, &allowed);
    return allowed.credit_left
               ? RC_OK
               : fail(
                     ctx, RC_FAILED_PRECONDITION, "CREDIT_EXHAUSTED",
                     "the credit of the plan %s is used up, and a run in mode ai asks a model: buy "
                     "credit, wait for next month's, choose a model with a key of your own, or run "
                     "in mode hybrid or replay",
                     allowed.plan);
}

static void
fill_job(struct tst_job *job, const struct tst_run_request *request, const struct target *target)
{
    bool is_web = strcmp(target->platform, "web") == 0;

    job->platform = target->platform;
    job->url = target->url;
    job->device_id = request->device_id;
    job->session_id = request->session_id;
    job->mode = request->mode;
    /* Web apps run on any free device unless a desktop was asked for. */
    bool asks = request->category != NULL;
    bool counts = asks && (!is_web || strcmp(request->category, "desktop") == 0);
    job->category = counts ? request->category : asks || is_web ? NULL : "phone";
}

static enum rc
tell_started(struct tests *t, struct ctx *ctx, struct tst_run_told *told,
             const struct tst_run_request *request)
{
    told->status = ST_PENDING;
    told->run_url = tst_run_url(ctx, told->run_id);
    told->commit_sha = request->commit_sha;
    told->metadata = request->metadata;
    told->duration_ms = -1;
    struct svc_event event = {
        .type = "run.started",
        .tell = TELL_AUDIT | TELL_WEBHOOKS,
        .resource_type = STR("test_run"),
        .resource_id = str_z(told->run_id),
        .resource_name = str_z(told->name),
        .data = tst_run_data(ctx, told),
        .order_key = str_z(told->run_id),
    };
    return svc_emit(t->db, ctx, &event);
}

/* What of the suite goes with its cases. */
static void
take_suite(struct tst_job *job, const Assay__Suite *suite)
{
    job->reset_strategy = suite->reset_strategy;
    job->variables = str_n((const char *)suite->variables.data, suite->variables.len);
    job->context = suite->context;
    job->has_warn_pct = suite->has_visual_regression_warn_pct;
    job->warn_pct = suite->visual_regression_warn_pct;
    job->has_fail_pct = suite->has_visual_regression_fail_pct;
    job->fail_pct = suite->visual_regression_fail_pct;
}

/* Runs inside the transaction of its caller. */
static enum rc
insert_suite_run(struct tests *t, struct ctx *ctx, const Assay__Suite *suite,
                 const struct tst_run_request *request, struct tst_job *job,
                 struct tst_started *out)
{
    struct tst_suite_run_new run = {
        .suite = suite,
        .session_id = request->session_id,
        .mode = request->mode,
        .commit_sha = request->commit_sha,
        .metadata = request->metadata,
    };
    int64_t job_id = 0;

    take_suite(job, suite);
    enum rc rc = tst_suite_run_insert(t, ctx, &run, &out->id, &out->public_id);
    if (rc == RC_OK) {
        job->suite_run_id = out->id;
        rc = tst_queue_add(t, ctx, job, &job_id);
    }
    if (rc == RC_OK) {
        rc = tst_runs_insert_of_suite(t, ctx, suite->id, suite->case_count, out->id, job_id,
                                      request->mode);
    }
    struct tst_run_told told = {
        .run_id = out->public_id, .suite_id = suite->public_id, .name = suite->name};
    return rc == RC_OK ? tell_started(t, ctx, &told, request) : rc;
}

static enum rc
finish_tx(struct tests *t, struct ctx *ctx, enum rc rc)
{
    if (rc != RC_OK) {
        db_rollback(t->db, ctx);
        return rc;
    }
    return db_commit(t->db, ctx);
}

/* Asks the other services what the run needs of them, fills its job and opens the transaction that
 * finish_tx ends. */
static enum rc
begin_run(struct tests *t, struct ctx *ctx, const char *app_public_id, const char *platform,
          const struct tst_run_request *request, struct tst_job *job)
{
    struct target target;

    enum rc rc = find_target(t, ctx, app_public_id, platform, request->build_id, &target);
    rc = rc == RC_OK ? check_session(t, ctx, request->session_id) : rc;
    rc = rc == RC_OK ? check_credit(t, ctx, request) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    fill_job(job, request, &target);
    return db_begin(t->db, ctx);
}

enum rc
tst_start_suite(struct tests *t, struct ctx *ctx, const Assay__Suite *suite,
                const struct tst_run_request *request, struct tst_started *out)
{
    struct tst_job job = {.suite_run_id = 0};

    enum rc rc = begin_run(t, ctx, suite->app_public_id, suite->platform, request, &job);
    if (rc != RC_OK) {
        return rc;
    }
    return finish_tx(t, ctx, insert_suite_run(t, ctx, suite, request, &job, out));
}

static enum rc
insert_case_run(struct tests *t, struct ctx *ctx, const Assay__Case *c,
                const struct tst_run_request *request, struct tst_job *job, struct tst_started *out)
{
    int64_t job_id = 0;

    enum rc rc = tst_queue_add(t, ctx, job, &job_id);
    struct tst_run_new run = {
        .case_id = c->id,
        .case_name = c->name,
        .job_id = job_id,
        .mode = request->mode,
        .commit_sha = request->commit_sha,
        .metadata = request->metadata,
        .in_ci = true,
    };
    if (rc == RC_OK) {
        rc = tst_run_insert(t, ctx, &run, &out->id, &out->public_id);
    }
    struct tst_run_told told = {.run_id = out->public_id, .test_id = c->public_id, .name = c->name};
    return rc == RC_OK ? tell_started(t, ctx, &told, request) : rc;
}

enum rc
tst_start_case(struct tests *t, struct ctx *ctx, const Assay__Case *c,
               const struct tst_run_request *request, struct tst_started *out)
{
    Assay__Suite *suite = NULL;
    struct tst_job job = {.reset_strategy = "clear_data", .context = c->context};
    enum rc rc = RC_OK;

    const char *app = c->app_public_id;
    const char *platform = c->source_platform;
    if (c->has_suite_id) {
        rc = tst_suite_get(t, ctx, (struct tst_key){.id = c->suite_id}, &suite);
        if (rc != RC_OK) {
            return rc;
        }
        take_suite(&job, suite);
        app = suite->app_public_id;
        platform = suite->platform;
    }
    rc = begin_run(t, ctx, app, platform, request, &job);
    if (rc != RC_OK) {
        return rc;
    }
    return finish_tx(t, ctx, insert_case_run(t, ctx, c, request, &job, out));
}

/* --- cancelling ---------------------------------------------------------------------------- */

enum rc
tst_cancel_job(struct tests *t, struct ctx *ctx, int64_t job_id, bool *out_any)
{
    const struct db_result *res = NULL;

    *out_any = false;
    enum rc rc =
        DB_QUERY(t->db, ctx, Q_JOB_CANCEL, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(job_id));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    struct str state = db_str(res, 0, 0);
    if (str_eqz(state, "releasing") || str_eqz(state, "done")) {
        return RC_OK;
    }
    *out_any = true;
    if (str_eqz(state, "queued") || str_eqz(state, "waiting")) {
        struct tst_job_ref job = {job_id, ctx->who.org_id, db_i64(res, 0, 1)};
        return tst_job_end(t, ctx, &job, ST_CANCELLED, "cancelled before it began");
    }
    return tst_wake(t, ctx, LOOP_CANCEL);
}

enum rc
tst_cancel_suite_run(struct tests *t, struct ctx *ctx, int64_t suite_run_id, bool *out_any)
{
    const struct db_result *res = NULL;

    *out_any = false;
    enum rc rc = DB_QUERY(t->db, ctx, Q_JOBS_OF_SUITE_RUN, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(suite_run_id));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        bool any = false;
        rc = tst_cancel_job(t, ctx, db_i64(res, i, 0), &any);
        *out_any = *out_any || any;
    }
    return rc;
}
