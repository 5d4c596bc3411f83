/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_send.h"

#include "webhooks/whk_chat.h"
#include "webhooks/whk_message.h"
#include "webhooks/whk_seal.h"

#define ERROR_MAX 500
#define STATUS_GONE 410

/* --- the request --------------------------------------------------------------------------- */

static enum rc
unseal(const struct webhooks *w, struct ctx *ctx, const struct whk_job *job, struct str sealed,
       struct str *out)
{
    enum rc rc = whk_unseal(w->ring, ctx, job->endpoint_id, sealed, out);

    if (rc == RC_DATA_LOSS) {
        log_line(LOG_ERROR_LEVEL, ctx, "webhook_secret", "a secret cannot be opened",
                 LOG_I64("webhook", job->endpoint_id));
    }
    return rc;
}

static enum rc
sign(const struct webhooks *w, struct ctx *ctx, const struct whk_job *job, struct http_request *out)
{
    struct whk_attempt attempt = {.delivery_id = job->delivery_id,
                                  .event_id = arena_str(ctx->arena, job->event_id),
                                  .event_type = arena_str(ctx->arena, job->event_type),
                                  .body = out->body,
                                  .now_us = clk_wall_us()};
    struct http_header *headers = ARENA_ARRAY(ctx->arena, WHK_HEADERS_MAX, struct http_header);

    enum rc rc = unseal(w, ctx, job, job->secret, &attempt.secret);
    if (rc == RC_OK && job->old_secret.n > 0) {
        rc = unseal(w, ctx, job, job->old_secret, &attempt.old_secret);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (headers == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    rc = whk_headers(ctx->arena, &attempt, headers, &out->header_count);
    if (rc != RC_OK) {
        return fail(ctx, rc, "SIGNATURE", "the request could not be signed");
    }
    out->headers = headers;
    return RC_OK;
}

static const struct http_header JSON_TYPE[] = {
    {STR_INIT("Content-Type"), STR_INIT("application/json; charset=utf-8")}};

static enum rc
chat(const struct webhooks *w, struct ctx *ctx, const struct whk_job *job, struct http_request *out)
{
    enum whk_chat chat = str_eqz(job->kind, WHK_KIND_SLACK) ? WHK_SLACK : WHK_TEAMS;
    enum rc rc = unseal(w, ctx, job, job->secret, &out->url);

    rc = rc == RC_OK ? whk_chat_body(ctx, chat, job->body, &out->body) : rc;
    out->headers = JSON_TYPE;
    out->header_count = ARRAY_LEN(JSON_TYPE);
    return rc;
}

enum rc
whk_request(const struct webhooks *w, struct ctx *ctx, const struct whk_job *job,
            struct http_request *out)
{
    struct http_request req = {.method = "POST", .has_body = true, .cut_response = true};
    enum rc rc = RC_OK;

    if (str_eqz(job->kind, WHK_KIND_WEBHOOK)) {
        req.url = arena_str(ctx->arena, job->url);
        req.body = arena_str(ctx->arena, job->body);
        rc = sign(w, ctx, job, &req);
    } else {
        rc = chat(w, ctx, job, &req);
    }
    if (rc == RC_OK && arena_failed(ctx->arena)) {
        rc = fail_memory(ctx, "the request is too large");
    }
    if (rc == RC_OK) {
        *out = req;
    }
    return rc;
}

/* --- the answer ---------------------------------------------------------------------------- */

static void
read_answer(struct ctx *ctx, const struct http_response *resp, struct whk_outcome *out)
{
    out->status = resp->status;
    out->end = resp->status >= 200 && resp->status < 300 ? WHK_DELIVERED : WHK_RETRY;
    out->gone = resp->status == STATUS_GONE;
    out->retry_after_us = whk_retry_after_us(resp->status, http_header_get(resp, "Retry-After"));
    if (out->end != WHK_DELIVERED) {
        out->error = arena_printf(ctx->arena, "answered with status %d", resp->status);
    }
    if (whk_excerpt(ctx->arena, resp->body, &out->excerpt) != RC_OK) {
        out->excerpt = STR_EMPTY;
    }
}

void
whk_read_outcome(struct ctx *ctx, const struct whk_job *job, enum rc rc,
                 const struct http_response *resp, struct whk_outcome *out)
{
    *out = (struct whk_outcome){.delivery_id = job->delivery_id,
                                .endpoint_id = job->endpoint_id,
                                .attempt = job->attempt,
                                .was_failing = job->failing,
                                .took_us = resp->took_us};
    if (rc == RC_OK) {
        read_answer(ctx, resp, out);
        return;
    }
    struct str error = arena_printf(ctx->arena, "%s: %.*s", ctx->err.reason, STR_ARG(ctx->err.msg));
    out->error = str_sub(error, 0, ERROR_MAX);
}
