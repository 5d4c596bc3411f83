/* SPDX-License-Identifier: Apache-2.0
 *
 * Usage, plans and accounts; the ledger and purchases are in bil_store_ledger.c. */
#include "billing/bil_store.h"

#include "billing_sql.h"

static enum rc
full(struct ctx *ctx)
{
    return fail_memory(ctx, "the answer is too large");
}

/* --- usage --------------------------------------------------------------------------------- */

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
bil_live_add(struct db *db, struct ctx *ctx, int64_t org_id, struct str session_id,
             int64_t since_us)
{
    return DB_QUERY(db, ctx, Q_LIVE_ADD, NULL, DB_ARG_I64(org_id), DB_ARG_STR(session_id),
                    DB_ARG_TIME(since_us));
}

enum rc
bil_live_end(struct db *db, struct ctx *ctx, int64_t org_id, struct str session_id)
{
    return DB_QUERY(db, ctx, Q_LIVE_END, NULL, DB_ARG_I64(org_id), DB_ARG_STR(session_id));
}

enum rc
bil_stream_add(struct db *db, struct ctx *ctx, int64_t org_id, int64_t month_us, int64_t used_us,
               int64_t sessions)
{
    return DB_QUERY(db, ctx, Q_STREAM_ADD, NULL, DB_ARG_I64(org_id), DB_ARG_TIME(month_us),
                    DB_ARG_I64(used_us), DB_ARG_I64(sessions));
}

enum rc
bil_ai_known(struct db *db, struct ctx *ctx, int64_t org_id, struct str call_id, bool *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_AI_CALL_KNOWN, &res, DB_ARG_I64(org_id), DB_ARG_STR(call_id));
    if (rc == RC_OK) {
        *out = db_bool(res, 0, 0);
    }
    return rc;
}

enum rc
bil_ai_add(struct db *db, struct ctx *ctx, int64_t org_id, int64_t at_us,
           const struct bil_ai_call *call, int64_t deducted_micro)
{
    return DB_QUERY(db, ctx, Q_AI_CALL_ADD, NULL, DB_ARG_I64(org_id), DB_ARG_STR(call->call_id),
                    DB_ARG_STR(call->model), DB_ARG_BOOL(call->is_byok),
                    DB_ARG_I64(call->input_tokens), DB_ARG_I64(call->output_tokens),
                    DB_ARG_I64(deducted_micro),
                    call->test_run_id > 0 ? DB_ARG_I64(call->test_run_id) : DB_ARG_NULL,
                    DB_ARG_TIME(at_us), DB_ARG_I64(call->cost_micro));
}

enum rc
bil_ai_sums(struct db *db, struct ctx *ctx, int64_t from_us, struct bil_ai_sum **out, size_t *out_n)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_AI_SUMS, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_TIME(from_us));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct bil_ai_sum *list = ARENA_ARRAY(ctx->arena, n + 1, struct bil_ai_sum);
    for (size_t i = 0; list != NULL && i < n; i++) {
        int row = (int)i;
        list[i] = (struct bil_ai_sum){
            .model = db_strz(res, row, 0),
            .is_byok = db_bool(res, row, 1),
            .calls = db_i64(res, row, 2),
            .input_tokens = db_i64(res, row, 3),
            .output_tokens = db_i64(res, row, 4),
            .cost_micro = db_i64(res, row, 5),
        };
    }
    *out = list;
    *out_n = n;
    return list == NULL ? full(ctx) : RC_OK;
}

/* --- plans --------------------------------------------------------------------------------- */

static int64_t
limit_at(const struct db_result *res, int row, int col)
{
    return db_is_null(res, row, col) ? BIL_NO_LIMIT : db_i64(res, row, col);
}

/* Columns of plan_list; account_get begins with the same. */
static struct bil_plan
plan_at(const struct db_result *res, int row)
{
    return (struct bil_plan){
        .plan_id = db_strz(res, row, 0),
        .name = db_strz(res, row, 1),
        .price_cents = db_i64(res, row, 2),
        .concurrent_sessions = limit_at(res, row, 3),
        .streaming_minutes = limit_at(res, row, 4),
        .credit_micro = db_i64(res, row, 5),
        .max_session_seconds = limit_at(res, row, 6),
        .overage_micro = db_i64(res, row, 7),
        .is_enforced = db_bool(res, row, 8),
    };
}

enum rc
bil_plan_list(struct db *db, struct ctx *ctx, struct bil_plan **out, size_t *out_n)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY0(db, ctx, Q_PLAN_LIST, &res);
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct bil_plan *list = ARENA_ARRAY(ctx->arena, n + 1, struct bil_plan);
    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i] = plan_at(res, (int)i);
    }
    *out = list;
    *out_n = n;
    return list == NULL ? full(ctx) : RC_OK;
}

static struct db_arg
limit_arg(int64_t limit)
{
    return limit == BIL_NO_LIMIT ? DB_ARG_NULL : DB_ARG_I64(limit);
}

enum rc
bil_plan_put(struct db *db, struct ctx *ctx, const struct bil_plan *plan)
{
    return DB_QUERY(db, ctx, Q_PLAN_PUT, NULL, DB_ARG_Z(plan->plan_id), DB_ARG_Z(plan->name),
                    DB_ARG_I64(plan->price_cents), limit_arg(plan->concurrent_sessions),
                    limit_arg(plan->streaming_minutes), DB_ARG_I64(plan->credit_micro),
                    limit_arg(plan->max_session_seconds), DB_ARG_I64(plan->overage_micro),
                    DB_ARG_BOOL(plan->is_enforced));
}

/* --- accounts ------------------------------------------------------------------------------ */

static enum rc
try_lock(struct db *db, struct ctx *ctx, int64_t org_id, const struct bil_month *month,
         struct bil_locked *out, bool *out_found)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_ACCOUNT_LOCK, &res, DB_ARG_I64(org_id), DB_ARG_TIME(month->begin_us));
    *out_found = rc == RC_OK && db_rows(res) > 0;
    if (*out_found) {
        *out = (struct bil_locked){
            .allowance_micro = db_i64(res, 0, 0),
            .prepaid_micro = db_i64(res, 0, 1),
            .is_due = db_bool(res, 0, 2),
            .plan_credit_micro = db_i64(res, 0, 3),
            .is_enforced = db_bool(res, 0, 4),
        };
    }
    return rc;
}

enum rc
bil_account_lock(struct db *db, struct ctx *ctx, int64_t org_id, const char *plan,
                 const struct bil_month *month, struct bil_locked *out)
{
    bool found = false;

    enum rc rc = try_lock(db, ctx, org_id, month, out, &found);
    if (rc == RC_OK && !found) {
        rc = DB_QUERY(db, ctx, Q_ACCOUNT_ADD, NULL, DB_ARG_I64(org_id), DB_ARG_Z(plan));
        rc = rc == RC_OK ? try_lock(db, ctx, org_id, month, out, &found) : rc;
    }
    return rc == RC_OK && !found
               ? fail(ctx, RC_FAILED_PRECONDITION, "NO_PLAN", "there is no plan \"%s\"", plan)
               : rc;
}

enum rc
bil_account_set_period(struct db *db, struct ctx *ctx, int64_t org_id,
                       const struct bil_month *month)
{
    return DB_QUERY(db, ctx, Q_ACCOUNT_SET_PERIOD, NULL, DB_ARG_I64(org_id),
                    DB_ARG_TIME(month->begin_us));
}

enum rc
bil_account_get(struct db *db, struct ctx *ctx, int64_t org_id, int64_t now_us,
                struct bil_account *out, bool *out_found)
{
    const struct db_result *res = NULL;
    struct bil_month month = bil_month_of(now_us);

    enum rc rc = DB_QUERY(db, ctx, Q_ACCOUNT_GET, &res, DB_ARG_I64(org_id),
                          DB_ARG_TIME(month.begin_us), DB_ARG_TIME(now_us));
    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out = (struct bil_account){
            .plan = plan_at(res, 0),
            .allowance_micro = db_i64(res, 0, 9),
            .prepaid_micro = db_i64(res, 0, 10),
            .entries = db_i64(res, 0, 11),
            .overage = db_bool(res, 0, 12),
            .is_due = db_bool(res, 0, 13),
            .ended_us = db_i64(res, 0, 14),
            .ended_sessions = db_i64(res, 0, 15),
            .overage_minutes = db_i64(res, 0, 16),
            .live_us = db_i64(res, 0, 17),
            .live_sessions = db_i64(res, 0, 18),
            .overage_cost_micro = db_i64(res, 0, 19),
        };
    }
    return RC_OK;
}

enum rc
bil_overage_set(struct db *db, struct ctx *ctx, int64_t org_id, bool overage, int64_t at_us)
{
    return DB_QUERY(db, ctx, Q_OVERAGE_SET, NULL, DB_ARG_I64(org_id), DB_ARG_BOOL(overage),
                    DB_ARG_TIME(at_us));
}

enum rc
bil_account_set_plan(struct db *db, struct ctx *ctx, int64_t org_id, const char *plan,
                     char **out_old, int64_t *out_more)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ACCOUNT_SET_PLAN, &res, DB_ARG_I64(org_id), DB_ARG_Z(plan));
    if (rc == RC_OK) {
        bool found = db_rows(res) > 0;
        *out_old = found ? db_strz(res, 0, 0) : NULL;
        *out_more = found ? db_i64(res, 0, 1) : 0;
    }
    return rc;
}

/* --- minutes beyond the plan --------------------------------------------------------------- */

enum rc
bil_overage_due(struct db *db, struct ctx *ctx, int64_t now_us, struct bil_due **out, size_t *out_n)
{
    const struct db_result *res = NULL;
    struct bil_month month = bil_month_of(now_us);
    struct bil_month before = bil_month_of(month.begin_us - 1);

    enum rc rc = DB_QUERY(db, ctx, Q_OVERAGE_DUE, &res, DB_ARG_TIME(before.begin_us),
                          DB_ARG_TIME(month.begin_us), DB_ARG_TIME(now_us));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct bil_due *list = ARENA_ARRAY(ctx->arena, n + 1, struct bil_due);
    for (size_t i = 0; list != NULL && i < n; i++) {
        int row = (int)i;
        list[i] = (struct bil_due){db_i64(res, row, 0), db_time_us(res, row, 1),
                                   db_i64(res, row, 2), db_i64(res, row, 3), db_i64(res, row, 4)};
    }
    *out = list;
    *out_n = n;
    return list == NULL ? full(ctx) : RC_OK;
}

enum rc
bil_overage_paid(struct db *db, struct ctx *ctx, const struct bil_due *due, int64_t minutes,
                 int64_t cost_micro)
{
    return DB_QUERY(db, ctx, Q_OVERAGE_PAID, NULL, DB_ARG_I64(due->org_id),
                    DB_ARG_TIME(due->month_us), DB_ARG_I64(minutes), DB_ARG_I64(cost_micro));
}
