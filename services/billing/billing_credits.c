/* SPDX-License-Identifier: Apache-2.0
 *
 * Credit: balance, movements, purchases, and what other services take. */
#include "billing/bil_store.h"
#include "billing/bil_stripe.h"
#include "billing/bil_writer.h"
#include "billing/billing.h"
#include "json/json.h"
#include "pb/pb.h"

static enum rc
check_arena(struct ctx *ctx)
{
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the answer is too large") : RC_OK;
}

/* --- balance and ledger -------------------------------------------------------------------- */

static char *
bundle_key(struct ctx *ctx, int64_t usd)
{
    return pb_strz(ctx->arena, arena_printf(ctx->arena, "bundle_%lld", (long long)usd));
}

static void
fill_bundles(const struct billing *billing, struct ctx *ctx, Assay__GetBalanceResponse *resp)
{
    Assay__CreditBundle *list = ARENA_ARRAY(ctx->arena, BIL_BUNDLES_MAX, Assay__CreditBundle);

    resp->bundles = ARENA_ARRAY(ctx->arena, BIL_BUNDLES_MAX, Assay__CreditBundle *);
    for (size_t i = 0; list != NULL && resp->bundles != NULL && i < billing->bundle_count; i++) {
        assay__credit_bundle__init(&list[i]);
        list[i].bundle_key = bundle_key(ctx, billing->bundles_usd[i]);
        list[i].amount_micro = billing->bundles_usd[i] * BIL_MICRO_PER_USD;
        resp->bundles[resp->n_bundles++] = &list[i];
    }
}

enum rc
billing_get_balance(struct billing *billing, struct ctx *ctx, const Assay__GetBalanceRequest *req,
                    Assay__GetBalanceResponse *resp)
{
    struct bil_account a;

    (void)req;
    enum rc rc = billing_account(billing, ctx, ctx->who.org_id, &a);
    if (rc != RC_OK) {
        return rc;
    }
    resp->allowance_micro = a.allowance_micro;
    resp->prepaid_micro = a.prepaid_micro;
    resp->plan_allowance_micro = a.plan.credit_micro;
    if (a.plan.price_cents > 0) {
        PB_SET(resp, plan_period_end, bil_month_of(clk_wall_us()).end_us);
    }
    resp->low_balance = bil_account_is_low(&a);
    resp->custom_min_micro = billing->cfg->topup_min_usd * BIL_MICRO_PER_USD;
    resp->custom_max_micro = billing->cfg->topup_max_usd * BIL_MICRO_PER_USD;
    fill_bundles(billing, ctx, resp);
    return check_arena(ctx);
}

static void
fill_entry(const struct bil_row *row, Assay__LedgerEntry *out)
{
    assay__ledger_entry__init(out);
    out->id = row->id;
    out->created_at = row->created_us;
    out->entry_type = row->type;
    out->balance_bucket = row->bucket;
    out->amount_micro = row->amount_micro;
    out->model = row->model;
    out->is_streaming = row->is_streaming;
    if (row->test_run_id > 0) {
        PB_SET(out, test_run_id, row->test_run_id);
    }
}

enum rc
billing_list_ledger(struct billing *billing, struct ctx *ctx, const Assay__ListLedgerRequest *req,
                    Assay__ListLedgerResponse *resp)
{
    struct bil_account a;
    struct bil_row *rows = NULL;
    size_t n = 0;

    enum rc rc = billing_account(billing, ctx, ctx->who.org_id, &a);
    rc = rc == RC_OK ? bil_ledger_list(billing->db, ctx, req->limit, req->offset, &rows, &n) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    Assay__LedgerEntry *list = ARENA_ARRAY(ctx->arena, n + 1, Assay__LedgerEntry);
    resp->entries = ARENA_ARRAY(ctx->arena, n + 1, Assay__LedgerEntry *);
    for (size_t i = 0; list != NULL && resp->entries != NULL && i < n; i++) {
        fill_entry(&rows[i], &list[i]);
        resp->entries[resp->n_entries++] = &list[i];
    }
    resp->total = a.entries;
    return check_arena(ctx);
}

/* --- purchases ----------------------------------------------------------------------------- */

static enum rc
bad_body(struct ctx *ctx, const char *text)
{
    return fail(ctx, RC_FAILED_PRECONDITION, "TOPUP", "%s", text);
}

static enum rc
amount_of_bundle(const struct billing *billing, struct ctx *ctx, struct str raw, int64_t *out_usd)
{
    const struct json_value *v = NULL;

    if (json_parse(raw, ctx->arena, &v, NULL) != RC_OK || !json_is(v, JSON_STRING)) {
        return bad_body(ctx, "bundle_key must be a text");
    }
    for (size_t i = 0; i < billing->bundle_count; i++) {
        if (str_eqz(json_str(v), bundle_key(ctx, billing->bundles_usd[i]))) {
            *out_usd = billing->bundles_usd[i];
            return RC_OK;
        }
    }
    return bad_body(ctx, "bundle_key: there is no such bundle");
}

static enum rc
amount_of_custom(const struct billing *billing, struct ctx *ctx, struct str raw, int64_t *out_usd)
{
    const struct json_value *v = NULL;
    int64_t usd = 0;

    if (json_parse(raw, ctx->arena, &v, NULL) != RC_OK || !json_is(v, JSON_NUMBER) ||
        json_number_i64(v->text, &usd) != RC_OK) {
        return bad_body(ctx, "amount_usd must be a whole number of dollars");
    }
    if (usd < billing->cfg->topup_min_usd || usd > billing->cfg->topup_max_usd) {
        return fail(ctx, RC_FAILED_PRECONDITION, "TOPUP",
                    "amount_usd must be between %lld and %lld",
                    (long long)billing->cfg->topup_min_usd, (long long)billing->cfg->topup_max_usd);
    }
    *out_usd = usd;
    return RC_OK;
}

static struct str
raw_of(bool has, ProtobufCBinaryData data)
{
    struct str raw = has ? str_n((const char *)data.data, data.len) : STR_EMPTY;

    return str_eqz(raw, "null") ? STR_EMPTY : raw;
}

static enum rc
read_amount(const struct billing *billing, struct ctx *ctx, const Assay__CreateTopupRequest *req,
            int64_t *out_usd)
{
    struct str bundle = raw_of(req->has_bundle_key, req->bundle_key);
    struct str custom = raw_of(req->has_amount_usd, req->amount_usd);

    if ((bundle.n > 0) == (custom.n > 0)) {
        return bad_body(ctx, "give exactly one of bundle_key and amount_usd");
    }
    return bundle.n > 0 ? amount_of_bundle(billing, ctx, bundle, out_usd)
                        : amount_of_custom(billing, ctx, custom, out_usd);
}

static enum rc
store_topup(struct billing *billing, struct ctx *ctx, int64_t amount_micro, char **out_id)
{
    enum rc rc = bil_topup_add(billing->db, ctx, amount_micro, out_id);

    if (rc != RC_OK) {
        return rc;
    }
    struct svc_event event = {
        .type = "billing.topup_started",
        .tell = TELL_AUDIT,
        .resource_type = STR("credit"),
        .resource_id = str_z(*out_id),
        .details = arena_printf(ctx->arena, "$%lld", (long long)(amount_micro / BIL_MICRO_PER_USD)),
    };
    return svc_emit(billing->db, ctx, &event);
}

static enum rc
begin_topup(struct billing *billing, struct ctx *ctx, int64_t amount_micro, char **out_id)
{
    enum rc rc = db_begin(billing->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = store_topup(billing, ctx, amount_micro, out_id);
    if (rc != RC_OK) {
        db_rollback(billing->db, ctx);
        return rc;
    }
    return db_commit(billing->db, ctx);
}

enum rc
billing_create_topup(struct billing *billing, struct ctx *ctx, const Assay__CreateTopupRequest *req,
                     Assay__CreateTopupResponse *resp)
{
    int64_t usd = 0;
    char *id = NULL;
    struct str checkout_id;
    struct str url;

    enum rc rc = read_amount(billing, ctx, req, &usd);
    if (rc != RC_OK) {
        return rc;
    }
    if (!billing_has_stripe(billing)) {
        return fail(ctx, RC_UNAVAILABLE, "NOT_CONFIGURED",
                    "billing is not available: no payment provider is configured");
    }
    rc = begin_topup(billing, ctx, usd * BIL_MICRO_PER_USD, &id);
    if (rc != RC_OK) {
        return rc;
    }
    struct bil_checkout checkout = {
        .topup_id = id,
        .org_id = ctx->who.org_id,
        .amount_micro = usd * BIL_MICRO_PER_USD,
        .email = ctx->who.email,
        .base_url = ctx->host,
    };
    rc = bil_checkout_open(billing, ctx, &checkout, &checkout_id, &url);
    rc = rc == RC_OK ? bil_topup_opened(billing->db, ctx, id, checkout_id) : rc;
    if (rc == RC_OK) {
        resp->url = pb_strz(ctx->arena, url);
        rc = check_arena(ctx);
    }
    return rc;
}

/* --- for the other services ---------------------------------------------------------------- */

enum rc
billing_deduct(struct billing *billing, struct ctx *ctx, const Assay__DeductRequest *req,
               Assay__DeductResponse *resp)
{
    struct bil_op op = {
        .kind = BIL_DEDUCT,
        .event_id = str_z(req->event_id),
        .amount_micro = req->amount_micro,
        .model = str_z(req->model),
        .test_run_id = req->has_test_run_id ? req->test_run_id : 0,
        .is_streaming = req->has_is_streaming && req->is_streaming,
    };

    if (req->org_id <= 0 || !bil_op_is_valid(&op) || !str_is_utf8(op.model) || op.model.n > 200) {
        return fail(ctx, RC_INVALID_ARGUMENT, "DEDUCT", "the deduction is malformed");
    }
    enum rc rc = bil_writer_post(billing->writer, ctx, req->org_id, &op, 1);
    if (rc != RC_OK) {
        return rc;
    }
    if (op.result == BIL_SHORT) {
        return fail(ctx, RC_FAILED_PRECONDITION, "CREDIT_EXHAUSTED",
                    "the credit is used up; buy credit or wait for the next month's allowance");
    }
    if (op.result == BIL_REUSED) {
        return fail(ctx, RC_ALREADY_EXISTS, "EVENT_REUSED",
                    "this event was booked with another amount");
    }
    resp->allowance_micro = op.allowance_micro;
    resp->prepaid_micro = op.prepaid_micro;
    return RC_OK;
}

static enum rc
fill_entitlement(struct ctx *ctx, const struct bil_account *a, Assay__Entitlement *resp)
{
    int64_t left_us = bil_streaming_left_us(a);

    resp->plan_name = a->plan.name;
    if (a->plan.concurrent_sessions != BIL_NO_LIMIT) {
        PB_SET(resp, concurrent_sessions, a->plan.concurrent_sessions);
    }
    if (a->plan.max_session_seconds != BIL_NO_LIMIT) {
        PB_SET(resp, max_session_us, a->plan.max_session_seconds * ASSAY_US_PER_S);
    }
    if (left_us != BIL_NO_LIMIT) {
        PB_SET(resp, streaming_left_us, left_us);
    }
    resp->credit_left = bil_credit_left(a);
    resp->streaming_text = pb_strz(
        ctx->arena,
        arena_printf(
            ctx->arena, "the %lld streaming minutes of the plan %s are used up this month%s",
            (long long)a->plan.streaming_minutes, a->plan.name,
            a->overage ? " and so is the credit"
                       : "; an admin can allow streaming overage in the session defaults"));
    return check_arena(ctx);
}

enum rc
billing_get_entitlement(struct billing *billing, struct ctx *ctx,
                        const Assay__GetEntitlementRequest *req, Assay__Entitlement *resp)
{
    struct bil_account a;
    enum rc rc = billing_account(billing, ctx, req->org_id, &a);

    return rc == RC_OK ? fill_entitlement(ctx, &a, resp) : rc;
}
