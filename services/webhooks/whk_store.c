/* SPDX-License-Identifier: Apache-2.0
 *
 * Endpoints. */
#include "webhooks/whk_store.h"

#include "webhooks_sql.h"

static void
read_endpoint(const struct db_result *res, int row, struct whk_endpoint *out)
{
    *out = (struct whk_endpoint){
        .id = db_i64(res, row, 0),
        .name = db_strz(res, row, 1),
        .url = db_strz(res, row, 2),
        .enabled = db_bool(res, row, 4),
        .created_us = db_time_us(res, row, 5),
        .disabled_reason = db_strz(res, row, 6),
        .failing_since_us = db_time_us(res, row, 7),
    };
    out->event_types = db_strs(res, row, 3, &out->event_type_count);
}

static enum rc
not_found(struct ctx *ctx)
{
    return fail(ctx, RC_NOT_FOUND, "WEBHOOK_NOT_FOUND", "no such webhook");
}

/* Of a statement that returns id, name, url of the one row it changed. */
static enum rc
name_of_changed(struct ctx *ctx, enum rc rc, const struct db_result *res, struct str *out_name)
{
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    *out_name = db_str(res, 0, db_is_null(res, 0, 1) ? 2 : 1);
    return RC_OK;
}

static enum rc
one_endpoint(struct ctx *ctx, enum rc rc, const struct db_result *res, struct whk_endpoint *out)
{
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    read_endpoint(res, 0, out);
    return RC_OK;
}

enum rc
whk_endpoint_insert(struct db *db, struct ctx *ctx, const char *name, const char *url,
                    const struct str *types, size_t type_count, struct whk_endpoint *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_INSERT, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(name), DB_ARG_Z(url), DB_ARG_STRS(types, type_count),
                          ctx->who.user_id > 0 ? DB_ARG_I64(ctx->who.user_id) : DB_ARG_NULL);
    return one_endpoint(ctx, rc, res, out);
}

enum rc
whk_endpoint_set_secret(struct db *db, struct ctx *ctx, int64_t id, struct str sealed)
{
    return DB_QUERY(db, ctx, Q_ENDPOINT_SET_SECRET, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_I64(id), DB_ARG_BYTES(sealed));
}

enum rc
whk_endpoint_rotate(struct db *db, struct ctx *ctx, int64_t id, struct str sealed,
                    int64_t overlap_us, struct str *out_name)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_ROTATE_SECRET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(id), DB_ARG_BYTES(sealed), DB_ARG_I64(overlap_us));
    return name_of_changed(ctx, rc, res, out_name);
}

enum rc
whk_endpoint_list(struct db *db, struct ctx *ctx, struct whk_endpoint **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_LIST, &res, DB_ARG_I64(ctx->who.org_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct whk_endpoint *list = ARENA_ARRAY(ctx->arena, n + 1, struct whk_endpoint);
    if (list == NULL) {
        return fail_memory(ctx, "too many webhooks");
    }
    for (size_t i = 0; i < n; i++) {
        read_endpoint(res, (int)i, &list[i]);
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
whk_endpoint_get(struct db *db, struct ctx *ctx, int64_t id, struct whk_endpoint *out)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_ENDPOINT_GET, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(id));
    return one_endpoint(ctx, rc, res, out);
}

enum rc
whk_endpoint_count(struct db *db, struct ctx *ctx, int64_t *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINTS_LOCK, NULL, DB_ARG_I64(ctx->who.org_id));
    rc = rc == RC_OK ? DB_QUERY(db, ctx, Q_ENDPOINT_COUNT, &res, DB_ARG_I64(ctx->who.org_id)) : rc;
    if (rc == RC_OK) {
        *out = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
whk_endpoint_update(struct db *db, struct ctx *ctx, int64_t id, const struct whk_change *change,
                    struct whk_endpoint *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_UPDATE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(id), DB_ARG_Z(change->url), DB_ARG_Z(change->name),
                          change->has_enabled ? DB_ARG_BOOL(change->enabled) : DB_ARG_NULL,
                          DB_ARG_BOOL(change->clears_name));
    return one_endpoint(ctx, rc, res, out);
}

enum rc
whk_endpoint_subscribe(struct db *db, struct ctx *ctx, int64_t id, const struct str *types,
                       size_t type_count, struct str *out_name)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_SUBSCRIBE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(id), DB_ARG_STRS(types, type_count));
    return name_of_changed(ctx, rc, res, out_name);
}

enum rc
whk_endpoint_delete(struct db *db, struct ctx *ctx, int64_t id, struct str *out_name)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_ENDPOINT_DELETE, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(id));
    return name_of_changed(ctx, rc, res, out_name);
}
