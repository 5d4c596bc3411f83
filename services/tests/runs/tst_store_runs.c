/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"
#include "tests/tst_store.h"
#include "tests_sql.h"

/* Columns of run_get; the lists have the first of them. */
enum {
    C_ID,
    C_PUBLIC_ID,
    C_CASE_ID,
    C_STATUS,
    C_STARTED,
    C_FINISHED,
    C_RESULT,
    C_REASONING,
    C_ERROR,
    C_DURATION,
    C_MODEL,
    C_TOKENS,
    C_COST,
    C_CASE_NAME,
    C_COMMIT,
    C_METADATA,
    C_URL,
    C_VISUAL,
    C_CASE_PUBLIC_ID,
    C_JOB_ID,
    C_SUITE_RUN_ID
};

#define SET_IF(msg, field, expr, col)                                                              \
    do {                                                                                           \
        (msg)->has_##field = !db_is_null(res, row, (col));                                         \
        if ((msg)->has_##field) {                                                                  \
            (msg)->field = (expr);                                                                 \
        }                                                                                          \
    } while (0)

static void
fill_run(struct ctx *ctx, const struct db_result *res, int row, Assay__Run *r)
{
    assay__run__init(r);
    r->id = db_i64(res, row, C_ID);
    r->public_id = db_strz(res, row, C_PUBLIC_ID);
    r->test_case_id = db_i64(res, row, C_CASE_ID);
    r->status = db_strz(res, row, C_STATUS);
    SET_IF(r, started_at, db_time_us(res, row, C_STARTED), C_STARTED);
    SET_IF(r, finished_at, db_time_us(res, row, C_FINISHED), C_FINISHED);
    SET_IF(r, result, pb_bytes(ctx->arena, db_str(res, row, C_RESULT)), C_RESULT);
    SET_IF(r, reasoning_log, pb_bytes(ctx->arena, db_str(res, row, C_REASONING)), C_REASONING);
    r->error_message = db_strz(res, row, C_ERROR);
    SET_IF(r, duration_ms, db_i64(res, row, C_DURATION), C_DURATION);
    r->model_used = db_strz(res, row, C_MODEL);
    SET_IF(r, tokens_used, db_i64(res, row, C_TOKENS), C_TOKENS);
    SET_IF(r, cost_micro, db_i64(res, row, C_COST), C_COST);
}

static enum rc
out_of_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "the runs need too much memory");
}

/* Text of a nullable json column; p NULL when it is null. */
static struct str
json_text(const struct db_result *res, int row, int col)
{
    return db_is_null(res, row, col) ? STR_EMPTY : db_str(res, row, col);
}

enum rc
tst_run_get(struct tests *t, struct ctx *ctx, const char *public_id, struct tst_run *out)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(t->db, ctx, Q_RUN_GET, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(public_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "RUN_NOT_FOUND", "no such run");
    }
    Assay__Run *r = ARENA_NEW(ctx->arena, Assay__Run);
    if (r == NULL) {
        return out_of_memory(ctx);
    }
    fill_run(ctx, res, 0, r);
    r->visual_regression_status = db_strz(res, 0, C_VISUAL);
    *out = (struct tst_run){
        .msg = r,
        .case_public_id = db_strz(res, 0, C_CASE_PUBLIC_ID),
        .case_name = db_strz(res, 0, C_CASE_NAME),
        .commit_sha = db_strz(res, 0, C_COMMIT),
        .run_url = db_strz(res, 0, C_URL),
        .visual_status = db_strz(res, 0, C_VISUAL),
        .metadata = json_text(res, 0, C_METADATA),
        .job_id = db_i64(res, 0, C_JOB_ID),
        .suite_run_id = db_i64(res, 0, C_SUITE_RUN_ID),
    };
    return RC_OK;
}

enum rc
tst_runs_of_case(struct tests *t, struct ctx *ctx, const char *case_public_id, Assay__Run ***out,
                 size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_RUN_LIST_OF_CASE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(case_public_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__Run *runs = ARENA_ARRAY(ctx->arena, n + 1, Assay__Run);
    Assay__Run **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__Run *);
    for (size_t i = 0; runs != NULL && list != NULL && i < n; i++) {
        fill_run(ctx, res, (int)i, &runs[i]);
        list[i] = &runs[i];
    }
    *out = list;
    *out_count = n;
    return arena_failed(ctx->arena) ? out_of_memory(ctx) : RC_OK;
}

char *
tst_run_url(struct ctx *ctx, const char *public_id)
{
    struct str url = arena_printf(ctx->arena, "%.*s/tests/runs/%s", STR_ARG(ctx->host), public_id);
    return pb_strz(ctx->arena, url);
}

static struct db_arg
positive_arg(int64_t v)
{
    return v > 0 ? DB_ARG_I64(v) : DB_ARG_NULL;
}

static struct db_arg
text_arg(struct str s)
{
    return s.p == NULL ? DB_ARG_NULL : DB_ARG_STR(s);
}

enum rc
tst_run_insert(struct tests *t, struct ctx *ctx, const struct tst_run_new *run, int64_t *out_id,
               char **out_public_id)
{
    const struct db_result *res = NULL;
    char public_id[32];

    id_public("tr", public_id);
    char *kept = arena_strz(ctx->arena, str_z(public_id));
    enum rc rc = DB_QUERY(
        t->db, ctx, Q_RUN_INSERT, &res, DB_ARG_Z(kept), DB_ARG_I64(ctx->who.org_id),
        DB_ARG_I64(run->case_id), DB_ARG_Z(run->case_name), positive_arg(run->suite_run_id),
        positive_arg(run->job_id), DB_ARG_I64(0), DB_ARG_Z(run->mode), DB_ARG_Z(run->commit_sha),
        text_arg(run->metadata), run->in_ci ? DB_ARG_Z(tst_run_url(ctx, kept)) : DB_ARG_NULL);
    if (rc == RC_OK) {
        *out_id = db_i64(res, 0, 0);
        *out_public_id = kept;
    }
    return rc;
}

enum rc
tst_run_set_outcome(struct tests *t, struct ctx *ctx, int64_t id,
                    const Assay__UpdateRunRequest *req)
{
    return DB_QUERY(t->db, ctx, Q_RUN_SET_OUTCOME, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_I64(id), DB_ARG_Z(req->status), DB_ARG_Z(req->result_json),
                    DB_ARG_Z(req->error_message),
                    req->has_duration_ms ? DB_ARG_I64(req->duration_ms) : DB_ARG_NULL);
}

enum rc
tst_suite_run_get(struct tests *t, struct ctx *ctx, struct tst_key key, struct tst_suite_run *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_SUITE_RUN_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(key.text), key.id > 0 ? DB_ARG_I64(key.id) : DB_ARG_NULL);
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "RUN_NOT_FOUND", "no such run");
    }
    *out = (struct tst_suite_run){
        .id = db_i64(res, 0, 0),
        .public_id = db_strz(res, 0, 1),
        .suite_id = db_i64(res, 0, 2),
        .session_id = db_strz(res, 0, 3),
        .status = db_strz(res, 0, 4),
        .reset_strategy = db_strz(res, 0, 5),
        .started_us = db_is_null(res, 0, 6) ? 0 : db_time_us(res, 0, 6),
        .finished_us = db_is_null(res, 0, 7) ? 0 : db_time_us(res, 0, 7),
        .error_message = db_strz(res, 0, 8),
        .suite_name = db_strz(res, 0, 9),
        .commit_sha = db_strz(res, 0, 10),
        .metadata = json_text(res, 0, 11),
        .run_url = db_strz(res, 0, 12),
        .visual_status = db_strz(res, 0, 13),
        .passed = db_i64(res, 0, 14),
        .failed = db_i64(res, 0, 15),
        .suite_public_id = db_strz(res, 0, 16),
        .job_id = db_i64(res, 0, 17),
    };
    return RC_OK;
}

enum rc
tst_suite_run_insert(struct tests *t, struct ctx *ctx, const struct tst_suite_run_new *run,
                     int64_t *out_id, char **out_public_id)
{
    const struct db_result *res = NULL;
    char public_id[32];

    id_public("sr", public_id);
    char *kept = arena_strz(ctx->arena, str_z(public_id));
    enum rc rc = DB_QUERY(
        t->db, ctx, Q_SUITE_RUN_INSERT, &res, DB_ARG_Z(kept), DB_ARG_I64(ctx->who.org_id),
        DB_ARG_I64(run->suite->id), DB_ARG_Z(run->suite->name), DB_ARG_Z(run->session_id),
        DB_ARG_Z(run->suite->reset_strategy), DB_ARG_Z(run->mode), DB_ARG_Z(run->commit_sha),
        text_arg(run->metadata), DB_ARG_Z(tst_run_url(ctx, kept)), positive_arg(ctx->who.user_id));
    if (rc == RC_OK) {
        *out_id = db_i64(res, 0, 0);
        *out_public_id = kept;
    }
    return rc;
}

enum rc
tst_runs_insert_of_suite(struct tests *t, struct ctx *ctx, int64_t suite_id, int64_t case_count,
                         int64_t suite_run_id, int64_t job_id, const char *mode)
{
    struct str *ids = ARENA_ARRAY(ctx->arena, (size_t)case_count + 1, struct str);
    char public_id[32];

    for (int64_t i = 0; ids != NULL && i < case_count; i++) {
        id_public("tr", public_id);
        ids[i] = arena_str(ctx->arena, str_z(public_id));
    }
    if (ids == NULL || arena_failed(ctx->arena)) {
        return out_of_memory(ctx);
    }
    return DB_QUERY(t->db, ctx, Q_RUNS_INSERT_OF_SUITE, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_I64(suite_id), DB_ARG_STRS(ids, (size_t)case_count),
                    DB_ARG_I64(suite_run_id), DB_ARG_I64(job_id), DB_ARG_Z(mode));
}

enum rc
tst_results_of_suite_run(struct tests *t, struct ctx *ctx, int64_t suite_run_id,
                         struct tst_case_result **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_RUN_LIST_OF_SUITE_RUN, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(suite_run_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct tst_case_result *list = ARENA_ARRAY(ctx->arena, n + 1, struct tst_case_result);
    for (int i = 0; list != NULL && i < (int)n; i++) {
        list[i] = (struct tst_case_result){
            .id = db_i64(res, i, 0),
            .public_id = db_strz(res, i, 1),
            .case_id = db_i64(res, i, 2),
            .status = db_strz(res, i, 3),
            .duration_ms = db_is_null(res, i, 4) ? -1 : db_i64(res, i, 4),
            .error_message = db_strz(res, i, 5),
            .case_name = db_strz(res, i, 6),
            .case_public_id = db_strz(res, i, 7),
            .visual_status = db_strz(res, i, 8),
        };
    }
    *out = list;
    *out_count = n;
    return list == NULL ? out_of_memory(ctx) : RC_OK;
}
