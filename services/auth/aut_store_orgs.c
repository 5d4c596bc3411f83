/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL: the organization itself and its session defaults. */
#include "auth/aut_store.h"

#include "auth_sql.h"

enum rc
aut_org_get(struct db *db, struct ctx *ctx, struct aut_org *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_ORG_GET, &res, DB_ARG_I64(ctx->who.org_id));

    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the organization does not exist");
    }
    *out = (struct aut_org){
        .id = db_i64(res, 0, 0), .name = db_str(res, 0, 1), .created_us = db_time_us(res, 0, 2)};
    return RC_OK;
}

enum rc
aut_org_rename(struct db *db, struct ctx *ctx, struct str name, struct str *out_old)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_ORG_RENAME, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_STR(name));

    if (rc == RC_OK && db_rows(res) > 0) {
        *out_old = db_str(res, 0, 0);
    }
    return rc;
}

static void
read_defaults(const struct db_result *res, struct aut_session_defaults *out)
{
    *out = (struct aut_session_defaults){.timeout = db_str(res, 0, 0),
                                         .permissions = db_str(res, 0, 1),
                                         .has_overage = true,
                                         .overage = db_bool(res, 0, 2)};
}

enum rc
aut_session_defaults(struct db *db, struct ctx *ctx, struct aut_session_defaults *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_SESSION_DEFAULTS_GET, &res, DB_ARG_I64(ctx->who.org_id));

    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        *out = (struct aut_session_defaults){
            .timeout = STR("30m"), .permissions = STR("full"), .has_overage = true};
        return RC_OK;
    }
    read_defaults(res, out);
    return RC_OK;
}

enum rc
aut_session_defaults_set(struct db *db, struct ctx *ctx, struct aut_session_defaults *inout)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_SESSION_DEFAULTS_SET, &res, DB_ARG_I64(ctx->who.org_id),
                 inout->timeout.p == NULL ? DB_ARG_NULL : DB_ARG_STR(inout->timeout),
                 inout->permissions.p == NULL ? DB_ARG_NULL : DB_ARG_STR(inout->permissions),
                 inout->has_overage ? DB_ARG_BOOL(inout->overage) : DB_ARG_NULL);

    if (rc == RC_OK) {
        read_defaults(res, inout);
    }
    return rc;
}
