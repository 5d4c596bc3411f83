/* SPDX-License-Identifier: Apache-2.0
 *
 * Artifacts of runs: "<run id>/step_<n>.jpg" (or .png) is the screenshot of a step,
 * "<run id>/step_<n>.baseline.jpg" what it was compared with, "<run id>/step_<n>.diff.png" a
 * picture of what differs. */
#include "tests/tst_store.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

enum picture { SCREENSHOT, BASELINE, DIFF };

static const struct {
    struct str ext;
    enum picture picture;
} EXTS[] = {
    {STR_INIT(".jpg"), SCREENSHOT},
    {STR_INIT(".png"), SCREENSHOT},
    {STR_INIT(".baseline.jpg"), BASELINE},
    {STR_INIT(".diff.png"), DIFF},
};

/* Splits the path; false when it names nothing we keep. */
static bool
parse_path(struct str path, struct str *run_id, int64_t *idx, enum picture *picture)
{
    *run_id = str_split(&path, '/');
    if (path.p == NULL || !str_starts(path, STR("step_"))) {
        return false;
    }
    struct str digits = str_sub(path, 5, path.n);
    ptrdiff_t dot = str_find_byte(digits, '.');
    if (dot < 0) {
        return false;
    }
    struct str ext = str_sub(digits, (size_t)dot, digits.n);
    for (size_t i = 0; i < ARRAY_LEN(EXTS); i++) {
        if (str_eq(ext, EXTS[i].ext)) {
            *picture = EXTS[i].picture;
            return str_to_i64(str_sub(digits, 0, (size_t)dot), 0, INT32_MAX, idx) == RC_OK;
        }
    }
    return false;
}

enum rc
tests_get_artifact(struct tests *t, struct ctx *ctx, const Assay__GetArtifactRequest *req,
                   Assay__Blob *resp)
{
    const struct db_result *res = NULL;
    enum picture picture = SCREENSHOT;
    struct str run_id;
    int64_t idx = 0;

    if (!parse_path(str_z(req->path), &run_id, &idx, &picture)) {
        return fail(ctx, RC_NOT_FOUND, "ARTIFACT_NOT_FOUND", "no such artifact");
    }
    enum rc rc = DB_QUERY(t->db, ctx, picture == SCREENSHOT ? Q_ARTIFACT_KEY : Q_CHECK_PICTURES,
                          &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_STR(run_id), DB_ARG_I64(idx));
    if (rc != RC_OK) {
        return rc;
    }
    int key = picture == DIFF ? 2 : 0;
    if (db_rows(res) == 0 || db_is_null(res, 0, key)) {
        return fail(ctx, RC_NOT_FOUND, "ARTIFACT_NOT_FOUND", "no such artifact");
    }
    resp->key = db_strz(res, 0, key);
    resp->content_type =
        picture == DIFF ? pb_strz(ctx->arena, STR("image/png")) : db_strz(res, 0, 1);
    PB_SET(resp, immutable, 1);
    return RC_OK;
}

/* Which statement asks for a path parameter's existence. */
static const struct {
    struct str name;
    int query;
    bool of_project; /* tokens may be bound to one */
} EXISTS[] = {
    {STR_INIT("suite_id"), Q_EXISTS_SUITE, false},
    {STR_INIT("case_id"), Q_EXISTS_CASE, false},
    {STR_INIT("run_id"), Q_EXISTS_RUN, false},
    {STR_INIT("suite_run_id"), Q_EXISTS_SUITE_RUN, false},
    {STR_INIT("build_id"), Q_EXISTS_VIZ_BUILD, true},
    {STR_INIT("comparison_id"), Q_EXISTS_VIZ_COMPARISON, true},
};

enum rc
tests_check_path(struct tests *t, struct ctx *ctx, const Assay__CheckPathRequest *req,
                 Assay__Empty *resp)
{
    (void)resp;
    for (size_t i = 0; i < req->n_params; i++) {
        for (size_t e = 0; e < ARRAY_LEN(EXISTS); e++) {
            const struct db_result *res = NULL;
            if (!str_eqz(EXISTS[e].name, req->params[i]->name)) {
                continue;
            }
            struct db_arg args[] = {DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(req->params[i]->value),
                                    viz_bound(ctx)};
            enum rc rc =
                db_query(t->db, ctx, EXISTS[e].query, args, EXISTS[e].of_project ? 3 : 2, &res);
            if (rc != RC_OK) {
                return rc;
            }
            if (db_rows(res) == 0) {
                return fail(ctx, RC_NOT_FOUND, "NOT_FOUND", "not found");
            }
        }
    }
    return RC_OK;
}
