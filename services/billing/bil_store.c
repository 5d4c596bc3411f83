/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_store.h"

#include "billing_sql.h"

enum rc
bil_usage_add(struct db *db, struct ctx *ctx, const Assay__Event *event,
              const struct bil_usage *usage, bool *out_added)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_USAGE_ADD, &res, DB_ARG_Z(event->id),
                          DB_ARG_I64(event->org_id), DB_ARG_Z(event->type), DB_ARG_Z(usage->meter),
                          DB_ARG_STR(usage->resource_id), DB_ARG_STR(usage->status),
                          DB_ARG_I64(usage->quantity_micro), DB_ARG_I64(usage->billable_micro),
                          event->has_actor_user_id ? DB_ARG_I64(event->actor_user_id) : DB_ARG_NULL,
                          DB_ARG_TIME(event->at_us));
    if (rc == RC_OK) {
        *out_added = db_affected(res) == 1;
    }
    return rc;
}

enum rc
bil_usage_sum(struct db *db, struct ctx *ctx, const char *meter, int64_t from_us, int64_t to_us,
              struct bil_sum *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_USAGE_SUM, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(meter),
                          DB_ARG_TIME(from_us), DB_ARG_TIME(to_us));
    if (rc == RC_OK) {
        *out = (struct bil_sum){db_i64(res, 0, 0), db_i64(res, 0, 1), db_i64(res, 0, 2)};
    }
    return rc;
}
