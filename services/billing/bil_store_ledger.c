/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger's SQL, and that of purchases. */
#include "billing/bil_store.h"

#include "billing_sql.h"

static enum rc
full(struct ctx *ctx)
{
    return fail_memory(ctx, "the answer is too large");
}

static struct db_arg
text_or_null(struct str s)
{
    return s.n > 0 ? DB_ARG_STR(s) : DB_ARG_NULL;
}

enum rc
bil_ledger_known(struct db *db, struct ctx *ctx, int64_t org_id, const struct str *event_ids,
                 size_t n, struct bil_known **out, size_t *out_n)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_LEDGER_KNOWN, &res, DB_ARG_I64(org_id), DB_ARG_STRS(event_ids, n));
    if (rc != RC_OK) {
        return rc;
    }
    size_t rows = (size_t)db_rows(res);
    struct bil_known *list = ARENA_ARRAY(ctx->arena, rows + 1, struct bil_known);
    for (size_t i = 0; list != NULL && i < rows; i++) {
        int row = (int)i;
        list[i] = (struct bil_known){db_str(res, row, 0), db_str(res, row, 1), db_i64(res, row, 2),
                                     db_i64(res, row, 3), db_i64(res, row, 4)};
    }
    *out = list;
    *out_n = rows;
    return list == NULL ? full(ctx) : RC_OK;
}

/* One array per column: the whole batch is one statement of constant text. */
enum { T_EVENT, T_TYPE, T_DEBIT, T_CREDIT, T_MODEL, T_COUNT };
enum { N_LEG, N_AMOUNT, N_ASKED, N_AFTER, N_RUN, N_STREAMING, N_COUNT };

enum rc
bil_ledger_add(struct db *db, struct ctx *ctx, int64_t org_id, const struct bil_entry *entries,
               size_t n)
{
    struct str *texts = ARENA_ARRAY(ctx->arena, n * T_COUNT + 1, struct str);
    int64_t *numbers = ARENA_ARRAY(ctx->arena, n * N_COUNT + 1, int64_t);

    if (texts == NULL || numbers == NULL) {
        return full(ctx);
    }
    for (size_t i = 0; i < n; i++) {
        const struct bil_entry *e = &entries[i];
        texts[T_EVENT * n + i] = e->op->event_id;
        texts[T_TYPE * n + i] = str_z(e->type);
        texts[T_DEBIT * n + i] = str_z(e->debit);
        texts[T_CREDIT * n + i] = str_z(e->credit);
        texts[T_MODEL * n + i] = e->op->model.n > 0 ? e->op->model : STR("");
        numbers[N_LEG * n + i] = e->leg;
        numbers[N_AMOUNT * n + i] = e->amount_micro;
        numbers[N_ASKED * n + i] = e->op->amount_micro;
        numbers[N_AFTER * n + i] = e->after_micro;
        numbers[N_RUN * n + i] = e->op->test_run_id;
        numbers[N_STREAMING * n + i] = e->op->is_streaming;
    }
    return DB_QUERY(db, ctx, Q_LEDGER_ADD, NULL, DB_ARG_I64(org_id),
                    DB_ARG_STRS(texts + T_EVENT * n, n), DB_ARG_I64S(numbers + N_LEG * n, n),
                    DB_ARG_STRS(texts + T_TYPE * n, n), DB_ARG_STRS(texts + T_DEBIT * n, n),
                    DB_ARG_STRS(texts + T_CREDIT * n, n), DB_ARG_I64S(numbers + N_AMOUNT * n, n),
                    DB_ARG_I64S(numbers + N_ASKED * n, n), DB_ARG_I64S(numbers + N_AFTER * n, n),
                    DB_ARG_STRS(texts + T_MODEL * n, n), DB_ARG_I64S(numbers + N_RUN * n, n),
                    DB_ARG_I64S(numbers + N_STREAMING * n, n));
}

enum rc
bil_ledger_list(struct db *db, struct ctx *ctx, int64_t limit, int64_t offset, struct bil_row **out,
                size_t *out_n)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_LEDGER_LIST, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(limit), DB_ARG_I64(offset));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct bil_row *list = ARENA_ARRAY(ctx->arena, n + 1, struct bil_row);
    for (size_t i = 0; list != NULL && i < n; i++) {
        int row = (int)i;
        list[i] = (struct bil_row){
            .id = db_i64(res, row, 0),
            .created_us = db_time_us(res, row, 1),
            .type = db_strz(res, row, 2),
            .bucket = db_strz(res, row, 3),
            .amount_micro = db_i64(res, row, 4),
            .model = db_strz(res, row, 5),
            .test_run_id = db_i64(res, row, 6),
            .is_streaming = db_bool(res, row, 7),
        };
    }
    *out = list;
    *out_n = n;
    return list == NULL ? full(ctx) : RC_OK;
}

enum rc
bil_ledger_faults(struct db *db, struct ctx *ctx, int64_t **out, size_t *out_n)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY0(db, ctx, Q_LEDGER_FAULTS, &res);
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    int64_t *list = ARENA_ARRAY(ctx->arena, n + 1, int64_t);
    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i] = db_i64(res, (int)i, 0);
    }
    *out = list;
    *out_n = n;
    return list == NULL ? full(ctx) : RC_OK;
}

/* --- purchases ----------------------------------------------------------------------------- */

enum rc
bil_topup_add(struct db *db, struct ctx *ctx, int64_t amount_micro, char **out_id)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_TOPUP_ADD, &res, DB_ARG_I64(ctx->who.org_id),
                          ctx->who.user_id > 0 ? DB_ARG_I64(ctx->who.user_id) : DB_ARG_NULL,
                          ctx->who.email.n > 0 ? DB_ARG_STR(ctx->who.email) : DB_ARG_NULL,
                          DB_ARG_I64(amount_micro));
    if (rc == RC_OK) {
        *out_id = db_strz(res, 0, 0);
    }
    return rc;
}

enum rc
bil_topup_opened(struct db *db, struct ctx *ctx, const char *id, struct str checkout_id)
{
    return DB_QUERY(db, ctx, Q_TOPUP_OPENED, NULL, DB_ARG_Z(id), DB_ARG_STR(checkout_id));
}

enum rc
bil_topup_lock(struct db *db, struct ctx *ctx, struct str id, struct str payment_intent,
               struct bil_topup *out, bool *out_found)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_TOPUP_LOCK, &res, text_or_null(id), text_or_null(payment_intent));
    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out = (struct bil_topup){
            .id = db_strz(res, 0, 0),
            .org_id = db_i64(res, 0, 1),
            .amount_micro = db_i64(res, 0, 2),
            .state = db_str(res, 0, 3),
            .refunded_micro = db_i64(res, 0, 4),
            .taken_micro = db_i64(res, 0, 5),
            .user_id = db_i64(res, 0, 6),
            .user_email = db_str(res, 0, 7),
            .payment_intent = db_str(res, 0, 8),
            .disputed_micro = db_i64(res, 0, 9),
        };
    }
    return RC_OK;
}

enum rc
bil_topup_set(struct db *db, struct ctx *ctx, const struct bil_topup *topup)
{
    return DB_QUERY(db, ctx, Q_TOPUP_SET, NULL, DB_ARG_Z(topup->id), DB_ARG_STR(topup->state),
                    DB_ARG_I64(topup->refunded_micro), DB_ARG_I64(topup->taken_micro),
                    text_or_null(topup->payment_intent), DB_ARG_I64(topup->disputed_micro));
}

enum rc
bil_payment_lock(struct db *db, struct ctx *ctx, struct str payment_intent)
{
    return DB_QUERY(db, ctx, Q_PAYMENT_LOCK, NULL, DB_ARG_STR(payment_intent));
}

enum rc
bil_loss_add(struct db *db, struct ctx *ctx, struct str payment_intent, const struct bil_loss *loss)
{
    return DB_QUERY(db, ctx, Q_LOSS_ADD, NULL, DB_ARG_STR(payment_intent),
                    DB_ARG_I64(loss->refunded_micro), DB_ARG_I64(loss->disputed_micro));
}

enum rc
bil_loss_get(struct db *db, struct ctx *ctx, struct str payment_intent, struct bil_loss *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_LOSS_GET, &res, DB_ARG_STR(payment_intent));
    *out = (struct bil_loss){.refunded_micro = 0};
    if (rc == RC_OK && db_rows(res) > 0) {
        *out = (struct bil_loss){db_i64(res, 0, 0), db_i64(res, 0, 1)};
    }
    return rc;
}

enum rc
bil_stripe_event_add(struct db *db, struct ctx *ctx, struct str id, struct str type, bool *out_new)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_STRIPE_EVENT_ADD, &res, DB_ARG_STR(id), DB_ARG_STR(type));
    if (rc == RC_OK) {
        *out_new = db_affected(res) == 1;
    }
    return rc;
}

enum rc
bil_stripe_event_sweep(struct db *db, struct ctx *ctx)
{
    return DB_QUERY0(db, ctx, Q_STRIPE_EVENT_SWEEP, NULL);
}
