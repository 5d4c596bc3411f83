/* SPDX-License-Identifier: Apache-2.0
 *
 * Purchases at Stripe: a checkout is opened, and the webhook says what came of it.
 *
 * Stripe's events come more than once and in any order. Each is remembered by its id, and each only
 * states a fact about the purchase (paid, given up, so much refunded in all); what the facts
 * together demand of the ledger is then booked under ids made of the purchase. So neither copies
 * nor the order matter. */
#include "billing/bil_post.h"
#include "billing/bil_store.h"
#include "billing/bil_stripe.h"
#include "billing/billing.h"
#include "json/json.h"

#define FORM_MAX ((size_t)64 * 1024)

/* --- checkout ------------------------------------------------------------------------------ */

static enum rc
send_form(struct billing *billing, struct ctx *ctx, const char *topup_id, struct str form,
          struct http_response *out)
{
    struct http_header headers[] = {
        {STR("Authorization"), arena_printf(ctx->arena, "Bearer %s", billing->cfg->stripe_key)},
        {STR("Content-Type"), STR("application/x-www-form-urlencoded")},
        {STR("Idempotency-Key"), str_z(topup_id)},
    };
    struct http_request req = {
        .url = arena_printf(ctx->arena, "%s/v1/checkout/sessions", billing->cfg->stripe_url),
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = form,
        .has_body = true,
    };

    return http_send(billing->http, ctx, &req, out);
}

static enum rc
no_checkout(struct ctx *ctx, const char *why, int status)
{
    ctx_recover(ctx);
    (void)fail(ctx, RC_UNAVAILABLE, "STRIPE", "the payment provider did not open a checkout");
    note(ctx, "%s, status %d", why, status);
    return RC_UNAVAILABLE;
}

enum rc
bil_checkout_open(struct billing *billing, struct ctx *ctx, const struct bil_checkout *checkout,
                  struct str *out_id, struct str *out_url)
{
    struct http_response resp = {.status = 0};
    const struct json_value *answer = NULL;
    struct buf form;

    buf_init(&form, FORM_MAX);
    bil_stripe_put_checkout(&form, checkout);
    enum rc rc = buf_failed(&form)
                     ? RC_RESOURCE_EXHAUSTED
                     : send_form(billing, ctx, checkout->topup_id, buf_str(&form), &resp);
    buf_fini(&form);
    if (rc != RC_OK) {
        return no_checkout(ctx, "the call failed", resp.status);
    }
    if (resp.status != 200 || json_parse(resp.body, ctx->arena, &answer, NULL) != RC_OK) {
        return no_checkout(ctx, "the answer is none", resp.status);
    }
    *out_id = json_str(json_get(answer, "id"));
    *out_url = json_str(json_get(answer, "url"));
    bool is_url = str_starts(*out_url, STR("https://")) || str_starts(*out_url, STR("http://"));
    return out_id->n > 0 && is_url ? RC_OK : no_checkout(ctx, "no id or url", resp.status);
}

/* --- facts --------------------------------------------------------------------------------- */

static enum rc
tell(struct billing *billing, struct ctx *ctx, const struct bil_topup *topup, const char *type,
     unsigned to, int64_t amount_micro)
{
    struct svc_event event = {
        .type = type,
        .tell = to,
        .org_id = topup->org_id,
        .resource_type = STR("credit"),
        .resource_id = str_z(topup->id),
        .data = arena_printf(ctx->arena, "{\"topup_id\":\"%s\",\"amount_micro\":%lld}", topup->id,
                             (long long)amount_micro),
        .details =
            arena_printf(ctx->arena, "$%lld.%02lld", (long long)(amount_micro / BIL_MICRO_PER_USD),
                         (long long)(amount_micro % BIL_MICRO_PER_USD / 10000)),
    };
    struct principal who = ctx->who;

    ctx->who.user_id = topup->user_id; /* on whose behalf */
    ctx->who.email = topup->user_email;
    enum rc rc = svc_emit(billing->db, ctx, &event);
    ctx->who = who;
    return rc;
}

static enum rc
book(struct billing *billing, struct ctx *ctx, const struct bil_topup *topup, struct bil_op *op)
{
    return bil_post(billing->db, ctx, billing->cfg->plan, topup->org_id, op, 1);
}

/* What was paid must be what was offered: anything else is for people. */
static enum rc
take_paid(struct billing *billing, struct ctx *ctx, struct bil_topup *topup,
          const struct bil_stripe_event *e)
{
    struct bil_op op = {
        .kind = BIL_TOPUP,
        .event_id = arena_printf(ctx->arena, "topup/%s", topup->id),
        .amount_micro = topup->amount_micro,
    };

    if (e->payment_intent.n > 0) {
        topup->payment_intent = e->payment_intent;
    }
    if (str_eqz(topup->state, "paid")) {
        return RC_OK;
    }
    if (e->amount_micro != topup->amount_micro || !str_ieq(e->currency, STR("usd"))) {
        log_line(LOG_ERROR_LEVEL, ctx, "topup_mismatch", "what was paid is not what was offered",
                 LOG_Z("topup", topup->id), LOG_I64("paid", e->amount_micro));
        return tell(billing, ctx, topup, "billing.topup_mismatch", TELL_AUDIT, e->amount_micro);
    }
    topup->state = STR("paid");
    enum rc rc = book(billing, ctx, topup, &op);
    if (rc == RC_OK && op.result == BIL_FULL) {
        return fail(ctx, RC_INTERNAL, "BALANCE_FULL", "the balance cannot grow any more");
    }
    return rc == RC_OK ? tell(billing, ctx, topup, "billing.topup_completed",
                              TELL_AUDIT | TELL_WEBHOOKS, topup->amount_micro)
                       : rc;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Credit that was spent already stays spent: the balance never goes below zero. */
static enum rc
take_back(struct billing *billing, struct ctx *ctx, struct bil_topup *topup)
{
    int64_t lost = least(topup->refunded_micro + topup->disputed_micro, topup->amount_micro);
    int64_t more = lost - topup->taken_micro;
    struct bil_op op = {
        .kind = BIL_REFUND_UPTO,
        .event_id = arena_printf(ctx->arena, "refund/%s/%lld", topup->id, (long long)lost),
        .amount_micro = more,
    };

    if (more <= 0 || !str_eqz(topup->state, "paid")) {
        return RC_OK;
    }
    topup->taken_micro = lost;
    enum rc rc = book(billing, ctx, topup, &op);
    return rc == RC_OK ? tell(billing, ctx, topup, "billing.topup_refunded", TELL_AUDIT, more) : rc;
}

static struct bil_loss
loss_of(const struct bil_stripe_event *e)
{
    return (struct bil_loss){
        .refunded_micro = e->fact == BIL_FACT_REFUNDED ? e->amount_micro : 0,
        .disputed_micro = e->fact == BIL_FACT_DISPUTED ? e->amount_micro : 0,
    };
}

static void
add_loss(struct bil_topup *topup, const struct bil_loss *loss)
{
    int64_t refunded = least(loss->refunded_micro, topup->amount_micro);
    int64_t disputed = least(loss->disputed_micro, topup->amount_micro);

    topup->refunded_micro = refunded > topup->refunded_micro ? refunded : topup->refunded_micro;
    topup->disputed_micro = disputed > topup->disputed_micro ? disputed : topup->disputed_micro;
}

static enum rc
settle(struct billing *billing, struct ctx *ctx, struct bil_topup *topup,
       const struct bil_stripe_event *e)
{
    struct bil_loss loss = loss_of(e);
    enum rc rc = RC_OK;

    if (e->fact == BIL_FACT_PAID) {
        rc = take_paid(billing, ctx, topup, e);
        if (rc == RC_OK && e->payment_intent.n > 0) {
            rc = bil_loss_get(billing->db, ctx, e->payment_intent, &loss);
        }
    } else if (e->fact == BIL_FACT_FAILED && str_eqz(topup->state, "open")) {
        topup->state = STR("failed");
    }
    add_loss(topup, &loss);
    rc = rc == RC_OK ? take_back(billing, ctx, topup) : rc;
    return rc == RC_OK ? bil_topup_set(billing->db, ctx, topup) : rc;
}

static enum rc
handle(struct billing *billing, struct ctx *ctx, const struct bil_stripe_event *e)
{
    struct bil_topup topup;
    bool is_new = false;
    bool found = false;

    enum rc rc = bil_stripe_event_add(billing->db, ctx, e->id, e->type, &is_new);
    if (rc != RC_OK || !is_new || e->fact == BIL_FACT_NONE) {
        return rc;
    }
    bool has_payment = e->payment_intent.n > 0;
    if (has_payment) {
        rc = bil_payment_lock(billing->db, ctx, e->payment_intent);
    }
    if (rc == RC_OK) {
        rc = bil_topup_lock(billing->db, ctx, e->topup_id, e->payment_intent, &topup, &found);
    }
    if (rc == RC_OK && found) {
        return settle(billing, ctx, &topup, e);
    }
    /* Other things are sold through the same account of Stripe, or it is a purchase whose payment
     * is told of later. */
    struct bil_loss loss = loss_of(e);
    return rc == RC_OK && has_payment && loss.refunded_micro + loss.disputed_micro > 0
               ? bil_loss_add(billing->db, ctx, e->payment_intent, &loss)
               : rc;
}

enum rc
billing_stripe_webhook(struct billing *billing, struct ctx *ctx,
                       const Assay__StripeWebhookRequest *req, Assay__StripeWebhookResponse *resp)
{
    struct str body =
        req->has_body ? str_n((const char *)req->body.data, req->body.len) : STR_EMPTY;
    struct bil_stripe_event e;
    const char *why = "";

    if (!billing_has_stripe(billing)) {
        return fail(ctx, RC_UNAVAILABLE, "NOT_CONFIGURED",
                    "billing is not available: no payment provider is configured");
    }
    if (bil_stripe_verify(str_z(req->signature), body, str_z(billing->cfg->stripe_webhook_secret),
                          clk_wall_us(), &why) != RC_OK) {
        return fail(ctx, RC_FAILED_PRECONDITION, "SIGNATURE", "%s", why);
    }
    if (bil_stripe_read(ctx->arena, body, &e) != RC_OK) {
        return fail(ctx, RC_FAILED_PRECONDITION, "EVENT", "the body is no event of Stripe");
    }
    resp->received = true;
    return handle(billing, ctx, &e);
}
