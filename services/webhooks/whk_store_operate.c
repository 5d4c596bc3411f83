/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_store_operate.h"

#include "webhooks_sql.h"

static enum rc
too_many(struct ctx *ctx)
{
    return fail_memory(ctx, "too many rows");
}

static enum rc
read_health(struct db *db, struct ctx *ctx, struct whk_health *out)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY(db, ctx, Q_PLAN_FOR, NULL, DB_ARG_Z("on"));

    rc = rc == RC_OK ? DB_QUERY0(db, ctx, Q_DELIVERIES_HEALTH, &res) : rc;
    if (rc == RC_OK) {
        *out = (struct whk_health){db_i64(res, 0, 0), db_i64(res, 0, 1)};
    }
    return rc;
}

enum rc
whk_health_get(struct db *db, struct ctx *ctx, struct whk_health *out)
{
    enum rc rc = db_begin(db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = read_health(db, ctx, out);
    if (rc != RC_OK) {
        db_rollback(db, ctx);
        return rc;
    }
    return db_commit(db, ctx);
}

enum rc
whk_stuck_list(struct db *db, struct ctx *ctx, struct whk_stuck **out, size_t *out_count)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY0(db, ctx, Q_ENDPOINTS_STUCK, &res);

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct whk_stuck *list = ARENA_ARRAY(ctx->arena, n + 1, struct whk_stuck);
    if (list == NULL) {
        return too_many(ctx);
    }
    for (size_t i = 0; i < n; i++) {
        int row = (int)i;
        list[i] = (struct whk_stuck){
            .org_id = db_i64(res, row, 0),
            .id = db_i64(res, row, 1),
            .name = db_str(res, row, 2),
            .enabled = db_bool(res, row, 3),
            .failing_since_us = db_time_us(res, row, 4),
            .waiting = db_i64(res, row, 5),
            .next_us = db_time_us(res, row, 6),
            .attempt = db_i64(res, row, 7),
            .error = db_is_null(res, row, 8) ? STR_EMPTY : db_str(res, row, 8),
        };
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

/* --- sealed values ------------------------------------------------------------------------- */

static struct str
bytes_or_none(const struct db_result *res, int row, int col)
{
    return db_is_null(res, row, col) ? STR_EMPTY : db_bytes(res, row, col);
}

enum rc
whk_sealed_endpoints(struct db *db, struct ctx *ctx, const struct whk_sealed *after,
                     struct whk_sealed **out, size_t *out_count)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINTS_SEALED, &res, DB_ARG_I64(after->id));

    if (rc != RC_OK) {
        return rc;
    }
    *out_count = (size_t)db_rows(res);
    *out = ARENA_ARRAY(ctx->arena, *out_count + 1, struct whk_sealed);
    for (size_t i = 0; *out != NULL && i < *out_count; i++) {
        int row = (int)i;
        (*out)[i] = (struct whk_sealed){.id = db_i64(res, row, 0),
                                        .sealed = db_bytes(res, row, 1),
                                        .old = bytes_or_none(res, row, 2)};
    }
    return *out == NULL ? too_many(ctx) : RC_OK;
}

enum rc
whk_sealed_settings(struct db *db, struct ctx *ctx, const struct whk_sealed *after,
                    struct whk_sealed **out, size_t *out_count)
{
    const struct db_result *res = NULL;
    struct str name = after->name.n == 0 ? STR("") : after->name;
    enum rc rc =
        DB_QUERY(db, ctx, Q_SETTINGS_SEALED, &res, DB_ARG_I64(after->id), DB_ARG_STR(name));

    if (rc != RC_OK) {
        return rc;
    }
    *out_count = (size_t)db_rows(res);
    *out = ARENA_ARRAY(ctx->arena, *out_count + 1, struct whk_sealed);
    for (size_t i = 0; *out != NULL && i < *out_count; i++) {
        int row = (int)i;
        (*out)[i] = (struct whk_sealed){.id = db_i64(res, row, 0),
                                        .name = db_str(res, row, 1),
                                        .sealed = db_bytes(res, row, 2)};
    }
    return *out == NULL ? too_many(ctx) : RC_OK;
}

enum rc
whk_sealed_set(struct db *db, struct ctx *ctx, const struct whk_sealed *value)
{
    if (value->name.n > 0) {
        return DB_QUERY(db, ctx, Q_SETTING_RESEAL, NULL, DB_ARG_I64(value->id),
                        DB_ARG_STR(value->name), DB_ARG_BYTES(value->sealed));
    }
    return DB_QUERY(db, ctx, Q_ENDPOINT_RESEAL, NULL, DB_ARG_I64(value->id),
                    DB_ARG_BYTES(value->sealed),
                    value->old.n > 0 ? DB_ARG_BYTES(value->old) : DB_ARG_NULL);
}
