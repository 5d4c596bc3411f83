/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of an organization, and the endpoints that come from them. */
#include "webhooks/whk_store.h"
#include "webhooks_sql.h"

enum rc
whk_settings_list(struct db *db, struct ctx *ctx, struct whk_setting **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_SETTINGS_LIST, &res, DB_ARG_I64(ctx->who.org_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct whk_setting *list = ARENA_ARRAY(ctx->arena, n + 1, struct whk_setting);
    if (list == NULL) {
        return fail_memory(ctx, "the answer is too large");
    }
    for (size_t i = 0; i < n; i++) {
        int row = (int)i;
        list[i].name = db_str(res, row, 0);
        if (db_is_null(res, row, 1)) {
            list[i].sealed = db_bytes(res, row, 2);
        } else {
            list[i].value = db_str(res, row, 1);
        }
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
whk_settings_lock(struct db *db, struct ctx *ctx)
{
    ASSERT(db_in_tx(ctx));
    return DB_QUERY(db, ctx, Q_SETTINGS_LOCK, NULL, DB_ARG_I64(ctx->who.org_id));
}

enum rc
whk_setting_put(struct db *db, struct ctx *ctx, const struct whk_setting *setting)
{
    if (setting->value.n == 0 && setting->sealed.n == 0) {
        return DB_QUERY(db, ctx, Q_SETTING_CLEAR, NULL, DB_ARG_I64(ctx->who.org_id),
                        DB_ARG_STR(setting->name));
    }
    bool is_sealed = setting->sealed.n > 0;
    return DB_QUERY(db, ctx, Q_SETTING_PUT, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_STR(setting->name), is_sealed ? DB_ARG_NULL : DB_ARG_STR(setting->value),
                    is_sealed ? DB_ARG_BYTES(setting->sealed) : DB_ARG_NULL);
}

enum rc
whk_kind_put(struct db *db, struct ctx *ctx, const char *kind, const struct str *types,
             size_t type_count, int64_t *out_id)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_OF_KIND, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(kind), DB_ARG_STRS(types, type_count));
    if (rc == RC_OK) {
        *out_id = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
whk_kind_drop(struct db *db, struct ctx *ctx, const char *kind)
{
    return DB_QUERY(db, ctx, Q_ENDPOINT_DROP_KIND, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_Z(kind));
}

enum rc
whk_kinds_revive(struct db *db, struct ctx *ctx, const struct str *kinds, size_t count,
                 bool *out_revived)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINTS_REVIVE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STRS(kinds, count));
    if (rc == RC_OK) {
        *out_revived = db_affected(res) > 0;
    }
    return rc;
}
