/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs on a live session. Checked in the order body, case, session exists, build, session active.
 */
#include "tests/runs/tst_run.h"

enum rc
tests_run_test(struct tests *t, struct ctx *ctx, const Assay__RunTestRequest *req,
               Assay__RunTestResponse *resp)
{
    Assay__Case *c = NULL;
    struct tst_started run;
    struct tst_run_request request = {
        .mode = req->mode,
        .model = req->model,
        .session_id = req->session_id,
        .build_id = req->has_build_id ? req->build_id : 0,
    };
    struct tst_key key = {req->test_case_public_id, req->has_test_case_id ? req->test_case_id : 0};

    enum rc rc = tst_case_get(t, ctx, key, &c, NULL);
    rc = rc == RC_OK ? tst_start_case(t, ctx, c, &request, &run) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->run_id = run.id;
    resp->run_public_id = run.public_id;
    resp->status = pb_strz(ctx->arena, STR("started"));
    resp->message = pb_strz(ctx->arena, STR("the case runs on the session"));
    return RC_OK;
}

enum rc
tests_run_suite(struct tests *t, struct ctx *ctx, const Assay__RunSuiteRequest *req,
                Assay__RunSuiteResponse *resp)
{
    Assay__Suite *suite = NULL;
    struct tst_started run;
    struct tst_run_request request = {
        .mode = req->mode,
        .model = req->model,
        .session_id = req->session_id,
        .build_id = req->has_build_id ? req->build_id : 0,
    };
    struct tst_key key = {req->suite_public_id, req->has_suite_id ? req->suite_id : 0};

    enum rc rc = tst_suite_get(t, ctx, key, &suite);
    rc = rc == RC_OK ? tst_start_suite(t, ctx, suite, &request, &run) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->suite_run_id = run.id;
    resp->suite_run_public_id = run.public_id;
    resp->status = pb_strz(ctx->arena, STR(ST_PENDING));
    return RC_OK;
}

enum rc
tests_cancel_suite_run(struct tests *t, struct ctx *ctx, const Assay__CancelSuiteRunRequest *req,
                       Assay__StatusText *resp)
{
    struct tst_suite_run run;
    bool any = false;

    enum rc rc = tst_suite_run_get(t, ctx, (struct tst_key){.id = req->suite_run_id}, &run);
    rc = rc == RC_OK ? tst_cancel_suite_run(t, ctx, run.id, &any) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    if (!any) {
        return fail(ctx, RC_FAILED_PRECONDITION, "NOT_RUNNING", "the run is not active");
    }
    resp->status = pb_strz(ctx->arena, STR("cancellation_requested"));
    return tst_run_audit(t, ctx, "run.cancel_requested", run.public_id);
}
