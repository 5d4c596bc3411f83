/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_github_store.h"

#include "webhooks_sql.h"

enum rc
whk_github_hold(struct db *db, struct ctx *ctx, struct str repo, const struct whk_run *run,
                int64_t *out_id)
{
    const struct db_result *res = NULL;

    ASSERT(db_in_tx(ctx));
    enum rc rc = DB_QUERY(db, ctx, Q_GITHUB_COMMENT_HOLD, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STR(repo), DB_ARG_I64(run->pull));
    if (rc == RC_OK) {
        *out_id = db_i64(res, 0, 0);
    }
    return rc;
}

static enum rc
put_result(struct db *db, struct ctx *ctx, struct str repo, const struct whk_run *run)
{
    return DB_QUERY(db, ctx, Q_GITHUB_RESULT_PUT, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_STR(repo), DB_ARG_I64(run->pull), DB_ARG_STR(run->name),
                    DB_ARG_STR(run->run_id), DB_ARG_STR(run->status), DB_ARG_STR(run->sha),
                    run->url.n > 0 ? DB_ARG_STR(run->url) : DB_ARG_NULL,
                    run->duration_ms >= 0 ? DB_ARG_I64(run->duration_ms) : DB_ARG_NULL,
                    DB_ARG_TIME(run->at_us));
}

enum rc
whk_github_results(struct db *db, struct ctx *ctx, struct str repo, const struct whk_run *run,
                   struct whk_result **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = put_result(db, ctx, repo, run);
    rc = rc == RC_OK ? DB_QUERY(db, ctx, Q_GITHUB_RESULTS_OF, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_STR(repo), DB_ARG_I64(run->pull))
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct whk_result *list = ARENA_ARRAY(ctx->arena, n + 1, struct whk_result);
    if (list == NULL) {
        return fail_memory(ctx, "too many results");
    }
    for (size_t i = 0; i < n; i++) {
        int row = (int)i;
        list[i] = (struct whk_result){
            .name = db_str(res, row, 0),
            .status = db_str(res, row, 1),
            .sha = db_str(res, row, 2),
            .url = db_is_null(res, row, 3) ? STR_EMPTY : db_str(res, row, 3),
            .duration_ms = db_is_null(res, row, 4) ? -1 : db_i64(res, row, 4),
        };
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
whk_github_comment_set(struct db *db, struct ctx *ctx, struct str repo, int64_t pull, int64_t id)
{
    return DB_QUERY(db, ctx, Q_GITHUB_COMMENT_SET, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_STR(repo), DB_ARG_I64(pull), DB_ARG_I64(id));
}
