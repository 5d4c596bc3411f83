/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs: read, set an outcome by hand, cancel. */
#include <string.h>

#include "tests/runs/tst_run.h"

enum rc
tst_run_audit(struct tests *t, struct ctx *ctx, const char *type, const char *public_id)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_AUDIT,
        .resource_type = STR("test_run"),
        .resource_id = str_z(public_id),
    };
    return svc_emit(t->db, ctx, &event);
}

enum rc
tests_list_case_runs(struct tests *t, struct ctx *ctx, const Assay__ListCaseRunsRequest *req,
                     Assay__ListCaseRunsResponse *resp)
{
    Assay__Case *c = NULL;

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->case_id}, &c, NULL);
    if (rc != RC_OK) {
        return rc;
    }
    return tst_runs_of_case(t, ctx, c->public_id, &resp->items, &resp->n_items);
}

enum rc
tests_create_case_run(struct tests *t, struct ctx *ctx, const Assay__CreateCaseRunRequest *req,
                      Assay__Run *resp)
{
    Assay__Case *c = NULL;
    int64_t id = 0;
    char *public_id = NULL;
    struct tst_run made;

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->case_id}, &c, NULL);
    if (rc != RC_OK) {
        return rc;
    }
    struct tst_run_new run = {.case_id = c->id, .case_name = c->name};
    rc = tst_run_insert(t, ctx, &run, &id, &public_id);
    rc = rc == RC_OK ? tst_run_audit(t, ctx, "run.created", public_id) : rc;
    rc = rc == RC_OK ? tst_run_get(t, ctx, public_id, &made) : rc;
    if (rc == RC_OK) {
        *resp = *made.msg;
    }
    return rc;
}

/* Why a run that has not begun stands still; NULL when it does not. */
static enum rc
find_wait_reason(struct tests *t, struct ctx *ctx, const char *status, int64_t job_id, char **out)
{
    struct tst_place place = {.reason = NULL};
    bool waits = job_id > 0 && strcmp(status, ST_PENDING) == 0;

    enum rc rc = waits ? tst_queue_place(t, ctx, job_id, &place) : RC_OK;
    *out = place.reason;
    return rc;
}

enum rc
tests_get_run(struct tests *t, struct ctx *ctx, const Assay__GetRunRequest *req, Assay__Run *resp)
{
    struct tst_run run;

    enum rc rc = tst_run_get(t, ctx, req->run_id, &run);
    if (rc != RC_OK) {
        return rc;
    }
    *resp = *run.msg;
    return find_wait_reason(t, ctx, resp->status, run.job_id, &resp->wait_reason);
}

enum rc
tests_update_run(struct tests *t, struct ctx *ctx, const Assay__UpdateRunRequest *req,
                 Assay__Run *resp)
{
    struct tst_run run;
    const struct json_value *v = NULL;

    enum rc rc = tst_run_get(t, ctx, req->run_id, &run);
    if (rc != RC_OK) {
        return rc;
    }
    if (req->result_json != NULL &&
        json_parse(str_z(req->result_json), ctx->arena, &v, NULL) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_QUERY", "result_json is not JSON");
    }
    /* A run that a device executes gets its outcome from there, nowhere else. */
    if (run.job_id > 0) {
        return fail(ctx, RC_INVALID_ARGUMENT, "RUN_IS_EXECUTED",
                    "the outcome of an executed run is not set by hand");
    }
    rc = tst_run_set_outcome(t, ctx, run.msg->id, req);
    rc = rc == RC_OK ? tst_run_audit(t, ctx, "run.updated", req->run_id) : rc;
    rc = rc == RC_OK ? tst_run_get(t, ctx, req->run_id, &run) : rc;
    if (rc == RC_OK) {
        *resp = *run.msg;
    }
    return rc;
}

enum rc
tests_cancel_run(struct tests *t, struct ctx *ctx, const Assay__CancelRunRequest *req,
                 Assay__StatusText *resp)
{
    struct tst_run run;
    bool any = false;

    enum rc rc = tst_run_get(t, ctx, req->run_id, &run);
    if (rc == RC_OK && run.suite_run_id > 0) {
        rc = tst_cancel_suite_run(t, ctx, run.suite_run_id, &any);
    } else if (rc == RC_OK && run.job_id > 0) {
        rc = tst_cancel_job(t, ctx, run.job_id, &any);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (!any) {
        return fail(ctx, RC_FAILED_PRECONDITION, "NOT_RUNNING",
                    "the run is not executing or waiting for a device");
    }
    resp->status = pb_strz(ctx->arena, STR("cancellation_requested"));
    return tst_run_audit(t, ctx, "run.cancel_requested", req->run_id);
}

static enum rc
fill_test_runs(struct ctx *ctx, const struct tst_case_result *results, size_t n,
               Assay__GetSuiteRunResponse *resp)
{
    Assay__GetSuiteRunResponseTestRun *runs =
        ARENA_ARRAY(ctx->arena, n + 1, Assay__GetSuiteRunResponseTestRun);
    resp->test_runs = ARENA_ARRAY(ctx->arena, n + 1, Assay__GetSuiteRunResponseTestRun *);
    if (runs == NULL || resp->test_runs == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    for (size_t i = 0; i < n; i++) {
        assay__get_suite_run_response_test_run__init(&runs[i]);
        runs[i].id = results[i].id;
        runs[i].public_id = results[i].public_id;
        runs[i].test_case_id = results[i].case_id;
        runs[i].status = results[i].status;
        runs[i].has_duration_ms = results[i].duration_ms >= 0;
        runs[i].duration_ms = results[i].duration_ms;
        runs[i].error_message = results[i].error_message;
        resp->test_runs[i] = &runs[i];
    }
    resp->n_test_runs = n;
    return RC_OK;
}

enum rc
tests_get_suite_run(struct tests *t, struct ctx *ctx, const Assay__GetSuiteRunRequest *req,
                    Assay__GetSuiteRunResponse *resp)
{
    struct tst_suite_run run;
    struct tst_case_result *results = NULL;
    size_t n = 0;

    enum rc rc = tst_suite_run_get(t, ctx, (struct tst_key){.text = req->suite_run_id}, &run);
    rc = rc == RC_OK ? tst_results_of_suite_run(t, ctx, run.id, &results, &n) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = run.id;
    resp->public_id = run.public_id;
    resp->suite_id = run.suite_id;
    resp->session_id = run.session_id;
    resp->status = run.status;
    resp->reset_strategy = run.reset_strategy;
    if (run.started_us > 0) {
        PB_SET(resp, started_at, run.started_us);
    }
    if (run.finished_us > 0) {
        PB_SET(resp, finished_at, run.finished_us);
        PB_SET(resp, duration_ms, (run.finished_us - run.started_us) / ASSAY_US_PER_MS);
    }
    resp->error_message = run.error_message;
    rc = find_wait_reason(t, ctx, run.status, run.job_id, &resp->wait_reason);
    if (rc != RC_OK) {
        return rc;
    }
    return fill_test_runs(ctx, results, n, resp);
}
