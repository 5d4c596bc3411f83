/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending: claim an attempt, make it with no transaction open, store what became of it. The attempt
 * is counted and the next one planned before anything is sent, so a process that dies loses
 * nothing: its endpoint is free again when the lease ends, and the delivery comes back by itself
 * under its own number. */
#include "webhooks/webhooks.h"
#include "webhooks/whk_message.h"
#include "webhooks/whk_seal.h"
#include "webhooks/whk_store.h"

#define ERROR_MAX 500
#define STATUS_GONE 410
/* Of the lease beyond the attempt itself: for the statements around it. */
#define LEASE_MORE_US (5 * ASSAY_US_PER_S)

static int64_t
lease_us(const struct webhooks *w)
{
    return w->cfg->timeout_us + LEASE_MORE_US;
}

static enum rc
claim(struct webhooks *w, struct ctx *ctx, bool failing, struct whk_job *job, bool *out_found)
{
    enum rc rc = db_begin(w->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = whk_claim(w->db, ctx, failing, lease_us(w), &w->retry, job, out_found);
    if (rc != RC_OK || !*out_found) {
        db_rollback(w->db, ctx); /* an endpoint without work keeps its turn */
        return rc;
    }
    return db_commit(w->db, ctx);
}

/* --- one request --------------------------------------------------------------------------- */

static enum rc
post(struct webhooks *w, struct ctx *ctx, const struct whk_job *job, struct http_response *resp)
{
    struct http_header headers[WHK_HEADERS_MAX];
    struct whk_attempt attempt = {.delivery_id = job->delivery_id,
                                  .event_id = job->event_id,
                                  .event_type = job->event_type,
                                  .body = job->body,
                                  .now_us = clk_wall_us()};
    size_t header_count = 0;

    enum rc rc = whk_unseal(w->ring, ctx, job->endpoint_id, job->secret, &attempt.secret);
    if (rc != RC_OK) {
        return rc;
    }
    rc = whk_headers(ctx->arena, &attempt, headers, &header_count);
    if (rc != RC_OK) {
        return fail(ctx, rc, "SIGNATURE", "the request could not be signed");
    }
    struct http_request req = {.method = "POST",
                               .url = job->url,
                               .headers = headers,
                               .header_count = header_count,
                               .body = job->body,
                               .has_body = true,
                               .cut_response = true};
    return http_send(w->http, ctx, &req, resp);
}

static void
read_answer(struct ctx *ctx, const struct http_response *resp, struct whk_outcome *out)
{
    out->status = resp->status;
    out->delivered = resp->status >= 200 && resp->status < 300;
    out->gone = resp->status == STATUS_GONE;
    out->retry_after_us = whk_retry_after_us(resp->status, http_header_get(resp, "Retry-After"));
    if (!out->delivered) {
        out->error = arena_printf(ctx->arena, "answered with status %d", resp->status);
    }
    if (whk_excerpt(ctx->arena, resp->body, &out->excerpt) != RC_OK) {
        out->excerpt = STR_EMPTY;
    }
}

static void
attempt(struct webhooks *w, struct ctx *ctx, const struct whk_job *job, struct whk_outcome *out)
{
    struct http_response resp = {0};
    int64_t start_us = clk_mono_us();

    *out = (struct whk_outcome){.delivered = false};
    enum rc rc = post(w, ctx, job, &resp);
    if (rc == RC_OK) {
        read_answer(ctx, &resp, out);
    } else {
        struct str error =
            arena_printf(ctx->arena, "%s: %.*s", ctx->err.reason, STR_ARG(ctx->err.msg));
        if (rc == RC_DATA_LOSS) {
            log_line(LOG_ERROR_LEVEL, ctx, "webhook_secret", "a secret cannot be opened",
                     LOG_I64("webhook", job->endpoint_id));
        }
        out->error = str_sub(error, 0, ERROR_MAX);
        ctx_recover(ctx);
    }
    out->took_us = clk_mono_us() - start_us;
    met_add(w->attempts, out->delivered ? 0 : 1, 0, 1);
}

/* --- what became of it --------------------------------------------------------------------- */

static enum rc
disable(struct webhooks *w, struct ctx *ctx, const struct whk_job *job, bool gone)
{
    const char *reason = gone ? "gone" : "failing";
    struct str name;
    enum rc rc = whk_disable(w->db, ctx, job->endpoint_id, reason, &name);

    if (rc != RC_OK || name.p == NULL) {
        return rc;
    }
    struct svc_event event = {
        .type = "webhook.disabled",
        .tell = TELL_AUDIT,
        .org_id = job->org_id,
        .resource_type = STR("webhook"),
        .resource_id = arena_printf(ctx->arena, "%lld", (long long)job->endpoint_id),
        .resource_name = name,
        .details =
            gone ? STR("the receiver answered 410 Gone") : STR("no attempt succeeded for too long"),
    };
    return svc_emit(w->db, ctx, &event);
}

static enum rc
record(struct webhooks *w, struct ctx *ctx, const struct whk_job *job,
       const struct whk_outcome *outcome)
{
    bool must_disable = false;
    enum rc rc = db_begin(w->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = whk_record(w->db, ctx, job, outcome, &w->retry, w->cfg->disable_after_us, &must_disable);
    if (rc == RC_OK && must_disable) {
        rc = disable(w, ctx, job, outcome->gone);
    }
    if (rc != RC_OK) {
        db_rollback(w->db, ctx);
        return rc;
    }
    return db_commit(w->db, ctx);
}

static bool
deliver(struct webhooks *w, struct ctx *ctx, bool failing)
{
    struct whk_job job;
    struct whk_outcome outcome;
    bool found = false;

    /* A failure stands in ctx and is logged by the loop. */
    if (claim(w, ctx, failing, &job, &found) != RC_OK || !found) {
        return false;
    }
    int64_t deadline_us = ctx->deadline_us;
    ctx->deadline_us = clk_wall_us() + w->cfg->timeout_us;
    attempt(w, ctx, &job, &outcome);
    ctx->deadline_us = deadline_us;
    (void)!record(w, ctx, &job, &outcome);
    return true;
}

bool
whk_deliver_well(void *state, struct ctx *ctx)
{
    return deliver(state, ctx, false);
}

bool
whk_deliver_failing(void *state, struct ctx *ctx)
{
    return deliver(state, ctx, true);
}

bool
whk_sweep(void *state, struct ctx *ctx)
{
    struct webhooks *w = state;
    bool more = false;

    return whk_tidy(w->db, ctx, &w->retry, lease_us(w), &more) == RC_OK && more;
}
