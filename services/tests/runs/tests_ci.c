/* SPDX-License-Identifier: Apache-2.0
 *
 * Headless runs for CI. */
#include <string.h>

#include "tests/runs/tst_run.h"
#include "tests_sql.h"

/* Of a suite and of a case the same is asked, in messages of different types. */
#define RUN_REQUEST(req)                                                                           \
    {                                                                                              \
        .mode = (req)->mode, .model = (req)->model, .device_id = (req)->device_id,                 \
        .category = (req)->device_category, .commit_sha = (req)->commit_sha,                       \
        .metadata = (req)->has_metadata                                                            \
                        ? str_n((const char *)(req)->metadata.data, (req)->metadata.len)           \
                        : STR_EMPTY,                                                               \
        .build_id = (req)->has_build_id ? (req)->build_id : 0                                      \
    }

enum rc
tests_ci_run_suite(struct tests *t, struct ctx *ctx, const Assay__CiRunSuiteRequest *req,
                   Assay__CiRunSuiteResponse *resp)
{
    Assay__Suite *suite = NULL;
    struct tst_started run;
    struct tst_run_request request = RUN_REQUEST(req);

    enum rc rc = tst_suite_get(t, ctx, (struct tst_key){.text = req->suite_id}, &suite);
    rc = rc == RC_OK ? tst_start_suite(t, ctx, suite, &request, &run) : rc;
    if (rc == RC_OK) {
        resp->run_id = run.public_id;
        resp->status = pb_strz(ctx->arena, STR(ST_PENDING));
    }
    return rc;
}

enum rc
tests_ci_run_test(struct tests *t, struct ctx *ctx, const Assay__CiRunTestRequest *req,
                  Assay__CiRunTestResponse *resp)
{
    Assay__Case *c = NULL;
    struct tst_started run;
    struct tst_run_request request = RUN_REQUEST(req);

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->test_id}, &c, NULL);
    rc = rc == RC_OK ? tst_start_case(t, ctx, c, &request, &run) : rc;
    if (rc == RC_OK) {
        resp->run_id = run.public_id;
        resp->status = pb_strz(ctx->arena, STR(ST_PENDING));
    }
    return rc;
}

enum rc
tests_ci_list_suites(struct tests *t, struct ctx *ctx, const Assay__CiListSuitesRequest *req,
                     Assay__CiListSuitesResponse *resp)
{
    struct str *tags = ARENA_ARRAY(ctx->arena, req->n_tags + 1, struct str);
    Assay__Suite **suites = NULL;
    size_t n = 0;

    for (size_t i = 0; tags != NULL && i < req->n_tags; i++) {
        tags[i] = str_z(req->tags[i]);
    }
    enum rc rc = tst_suite_list(t, ctx, NULL, tags, req->n_tags, strcmp(req->match, "all") == 0,
                                &suites, &n);
    if (rc != RC_OK) {
        return rc;
    }
    Assay__CiSuite *items = ARENA_ARRAY(ctx->arena, n + 1, Assay__CiSuite);
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__CiSuite *);
    if (items == NULL || resp->items == NULL) {
        return fail_memory(ctx, "too many suites");
    }
    for (size_t i = 0; i < n; i++) {
        assay__ci_suite__init(&items[i]);
        items[i].id = suites[i]->public_id;
        items[i].name = suites[i]->name;
        items[i].platform = suites[i]->platform;
        items[i].case_count = suites[i]->case_count;
        items[i].description = suites[i]->description;
        items[i].n_tags = suites[i]->n_tags;
        items[i].tags = suites[i]->tags;
        resp->items[i] = &items[i];
    }
    resp->n_items = n;
    return RC_OK;
}

/* --- polling ------------------------------------------------------------------------------- */

static bool
is_final(const char *status)
{
    return strcmp(status, ST_PENDING) != 0 && strcmp(status, ST_RUNNING) != 0;
}

/* Where the run stands in the queue, while it waits. */
static enum rc
fill_queue(struct tests *t, struct ctx *ctx, int64_t job_id, Assay__GetCiRunResponse *resp)
{
    struct tst_place place;

    if (job_id == 0 || strcmp(resp->status, ST_PENDING) != 0) {
        return RC_OK;
    }
    enum rc rc = tst_queue_place(t, ctx, job_id, &place);
    if (rc != RC_OK || place.reason == NULL) {
        return rc;
    }
    Assay__GetCiRunResponseQueue *queue = ARENA_NEW(ctx->arena, Assay__GetCiRunResponseQueue);
    if (queue == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    assay__get_ci_run_response_queue__init(queue);
    queue->position = place.position;
    queue->queue_entry_id = place.entry_id;
    queue->reason = place.reason;
    resp->queue = queue;
    return RC_OK;
}

static enum rc
fill_events(struct tests *t, struct ctx *ctx, int64_t suite_run_id, int64_t case_run_id,
            Assay__GetCiRunResponse *resp)
{
    const struct db_result *res = NULL;

    if (strcmp(resp->status, ST_RUNNING) != 0) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(
        t->db, ctx, suite_run_id > 0 ? Q_RUN_EVENTS_OF_SUITE_RUN : Q_RUN_EVENTS_OF_CASE_RUN, &res,
        DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(suite_run_id > 0 ? suite_run_id : case_run_id));
    if (rc != RC_OK) {
        return rc;
    }
    int n = db_rows(res);
    Assay__GetCiRunResponseEvent *events =
        ARENA_ARRAY(ctx->arena, (size_t)n + 1, Assay__GetCiRunResponseEvent);
    resp->events = ARENA_ARRAY(ctx->arena, (size_t)n + 1, Assay__GetCiRunResponseEvent *);
    if (events == NULL || resp->events == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    for (int i = 0; i < n; i++) { /* read newest first, told oldest first */
        int row = n - 1 - i;
        assay__get_ci_run_response_event__init(&events[i]);
        events[i].type = db_strz(res, row, 0);
        events[i].at = db_time_us(res, row, 1);
        events[i].message = db_strz(res, row, 2);
        PB_SET(&events[i], seq, db_i64(res, row, 3));
        events[i].status = db_strz(res, row, 4);
        events[i].has_index = !db_is_null(res, row, 5);
        events[i].index = db_i64(res, row, 5);
        events[i].has_duration_ms = !db_is_null(res, row, 6);
        events[i].duration_ms = db_i64(res, row, 6);
        events[i].run_id = db_strz(res, row, 7);
        events[i].case_name = db_strz(res, row, 8);
        resp->events[i] = &events[i];
    }
    resp->n_events = (size_t)n;
    return RC_OK;
}

static enum rc
fill_case_results(struct tests *t, struct ctx *ctx, int64_t suite_run_id,
                  Assay__GetCiRunResponse *resp)
{
    struct tst_case_result *results = NULL;
    size_t n = 0;

    enum rc rc = tst_results_of_suite_run(t, ctx, suite_run_id, &results, &n);
    if (rc != RC_OK) {
        return rc;
    }
    Assay__GetCiRunResponseCaseResult *items =
        ARENA_ARRAY(ctx->arena, n + 1, Assay__GetCiRunResponseCaseResult);
    resp->case_results = ARENA_ARRAY(ctx->arena, n + 1, Assay__GetCiRunResponseCaseResult *);
    if (items == NULL || resp->case_results == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    for (size_t i = 0; i < n; i++) {
        assay__get_ci_run_response_case_result__init(&items[i]);
        items[i].case_id = results[i].case_public_id;
        items[i].case_name = results[i].case_name;
        items[i].run_id = results[i].public_id;
        items[i].status = results[i].status;
        items[i].has_duration_ms = results[i].duration_ms >= 0;
        items[i].duration_ms = results[i].duration_ms;
        items[i].error_message = results[i].error_message;
        items[i].visual_regression_status = results[i].visual_status;
        resp->case_results[i] = &items[i];
    }
    resp->n_case_results = n;
    return RC_OK;
}

static enum rc
fill_suite_run(struct tests *t, struct ctx *ctx, const char *run_id, Assay__GetCiRunResponse *resp)
{
    struct tst_suite_run run;

    enum rc rc = tst_suite_run_get(t, ctx, (struct tst_key){.text = run_id}, &run);
    if (rc != RC_OK) {
        return rc;
    }
    resp->type = pb_strz(ctx->arena, STR("suite_run"));
    resp->run_id = run.public_id;
    resp->status = run.status;
    resp->run_url = run.run_url;
    resp->error_message = run.error_message;
    resp->commit_sha = run.commit_sha;
    resp->visual_regression_status = run.visual_status;
    resp->suite_id = run.suite_public_id;
    resp->suite_name = run.suite_name;
    PB_SET(resp, passed, run.passed);
    PB_SET(resp, failed, run.failed);
    if (run.metadata.p != NULL) {
        PB_SET(resp, metadata, pb_bytes(ctx->arena, run.metadata));
    }
    if (run.started_us > 0) {
        PB_SET(resp, started_at, run.started_us);
    }
    if (run.finished_us > 0) {
        PB_SET(resp, finished_at, run.finished_us);
        PB_SET(resp, duration_ms, (run.finished_us - run.started_us) / ASSAY_US_PER_MS);
    }
    rc = fill_queue(t, ctx, run.job_id, resp);
    rc = rc == RC_OK ? fill_events(t, ctx, run.id, 0, resp) : rc;
    if (rc == RC_OK && is_final(run.status)) {
        rc = fill_case_results(t, ctx, run.id, resp);
    }
    return rc;
}

/* NULL unless column `has` says that there is one. */
static char *
picture_url(struct ctx *ctx, const struct db_result *res, int row, int has, const char *run_id,
            const char *ext)
{
    if (!db_bool(res, row, has)) {
        return NULL;
    }
    return pb_strz(ctx->arena, arena_printf(ctx->arena, "/api/v1/artifacts/%s/step_%lld%s", run_id,
                                            (long long)db_i64(res, row, 0), ext));
}

static enum rc
fill_step_results(struct tests *t, struct ctx *ctx, int64_t case_run_id,
                  Assay__GetCiRunResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_STEPS_OF_RUN, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(case_run_id));
    if (rc != RC_OK) {
        return rc;
    }
    int n = db_rows(res);
    Assay__GetCiRunResponseStepResult *steps =
        ARENA_ARRAY(ctx->arena, (size_t)n + 1, Assay__GetCiRunResponseStepResult);
    resp->step_results =
        ARENA_ARRAY(ctx->arena, (size_t)n + 1, Assay__GetCiRunResponseStepResult *);
    if (steps == NULL || resp->step_results == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    for (int i = 0; i < n; i++) {
        assay__get_ci_run_response_step_result__init(&steps[i]);
        steps[i].index = db_i64(res, i, 0);
        steps[i].text = db_strz(res, i, 1);
        steps[i].status = db_strz(res, i, 2);
        PB_SET(&steps[i], duration_ms, db_i64(res, i, 3) / ASSAY_US_PER_MS);
        steps[i].error_message = db_strz(res, i, 4);
        steps[i].visual_regression_status = db_strz(res, i, 5);
        steps[i].has_diff_percentage = !db_is_null(res, i, 6);
        steps[i].diff_percentage = db_f64(res, i, 6);
        steps[i].visual_regression_note = db_strz(res, i, 7);
        steps[i].screenshot_url = picture_url(ctx, res, i, 8, resp->run_id, ".jpg");
        steps[i].baseline_url = picture_url(ctx, res, i, 9, resp->run_id, ".baseline.jpg");
        steps[i].diff_url = picture_url(ctx, res, i, 10, resp->run_id, ".diff.png");
        resp->step_results[i] = &steps[i];
    }
    resp->n_step_results = (size_t)n;
    return RC_OK;
}

static enum rc
fill_test_run(struct tests *t, struct ctx *ctx, const char *run_id, Assay__GetCiRunResponse *resp)
{
    struct tst_run run;

    enum rc rc = tst_run_get(t, ctx, run_id, &run);
    if (rc != RC_OK) {
        return rc;
    }
    resp->type = pb_strz(ctx->arena, STR("test_run"));
    resp->run_id = run.msg->public_id;
    resp->status = run.msg->status;
    resp->run_url = run.run_url != NULL ? run.run_url : tst_run_url(ctx, run.msg->public_id);
    resp->error_message = run.msg->error_message;
    resp->commit_sha = run.commit_sha;
    resp->visual_regression_status = run.visual_status;
    resp->test_id = run.case_public_id;
    resp->test_name = run.case_name;
    resp->has_started_at = run.msg->has_started_at;
    resp->started_at = run.msg->started_at;
    resp->has_finished_at = run.msg->has_finished_at;
    resp->finished_at = run.msg->finished_at;
    resp->has_duration_ms = run.msg->has_duration_ms;
    resp->duration_ms = run.msg->duration_ms;
    if (run.metadata.p != NULL) {
        PB_SET(resp, metadata, pb_bytes(ctx->arena, run.metadata));
    }
    rc = fill_queue(t, ctx, run.job_id, resp);
    rc = rc == RC_OK ? fill_events(t, ctx, 0, run.msg->id, resp) : rc;
    if (rc == RC_OK && is_final(run.msg->status)) {
        rc = fill_step_results(t, ctx, run.msg->id, resp);
    }
    return rc;
}

enum rc
tests_get_ci_run(struct tests *t, struct ctx *ctx, const Assay__GetCiRunRequest *req,
                 Assay__GetCiRunResponse *resp)
{
    return str_starts(str_z(req->run_id), STR("sr")) ? fill_suite_run(t, ctx, req->run_id, resp)
                                                     : fill_test_run(t, ctx, req->run_id, resp);
}
