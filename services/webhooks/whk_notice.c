/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_notice.h"

#include "base/id.h"
#include "pb/pb.h"
#include "webhooks/whk_message.h"
#include "webhooks/whk_store.h"

#define TYPE "webhook.disabled"

static struct str
notice_data(struct ctx *ctx, const struct whk_hopeless *h, const struct whk_disabled *d,
            const char *reason)
{
    struct buf b;

    buf_init(&b, 16384);
    buf_putc(&b, '{');
    json_put_member_i64(&b, "webhook_id", h->endpoint_id);
    json_put_member_str(&b, "name", d->name);
    json_put_member_str(&b, "kind", d->kind);
    json_put_member_str(&b, "reason", str_z(reason));
    json_put_member_i64(&b, "created_by", d->created_by);
    if (h->last != NULL && h->last->status > 0) {
        json_put_member_i64(&b, "last_status", h->last->status);
    }
    if (h->last != NULL && h->last->error.n > 0) {
        json_put_member_str(&b, "last_error", h->last->error);
    }
    buf_putc(&b, '}');
    struct str data = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return data;
}

/* To those that are subscribed; the one that was just switched off is none of them. */
static enum rc
tell_endpoints(struct webhooks *w, struct ctx *ctx, int64_t org_id, struct str data)
{
    Assay__Event event = ASSAY__EVENT__INIT;
    char id[ID_UUID_LEN + 1];
    char type[] = TYPE;
    int64_t made = 0;
    struct str body;

    id_uuid(id);
    event.id = id;
    event.type = type;
    event.org_id = org_id;
    event.at_us = clk_wall_us();
    event.has_data = 1;
    event.data = pb_bytes(ctx->arena, data);
    enum rc rc = whk_body(ctx->arena, &event, &body);
    if (rc != RC_OK) {
        return fail_memory(ctx, "the notice is too large");
    }
    const struct whk_event told = {
        .id = str_n(id, ID_UUID_LEN), .org_id = org_id, .type = STR(TYPE), .body = body};
    return whk_fan_out(w->db, ctx, &told, 1, &made);
}

enum rc
whk_disable_and_tell(struct webhooks *w, struct ctx *ctx, const struct whk_hopeless *h)
{
    const char *reason = h->gone ? "gone" : "failing";
    struct whk_disabled d = {0};
    bool done = false;

    enum rc rc = whk_disable(w->db, ctx, h->endpoint_id, reason, &d, &done);
    if (rc != RC_OK || !done) {
        return rc;
    }
    struct str data = notice_data(ctx, h, &d, reason);
    struct svc_event event = {
        .type = TYPE,
        .tell = TELL_AUDIT,
        .org_id = d.org_id,
        .resource_type = STR("webhook"),
        .resource_id = arena_printf(ctx->arena, "%lld", (long long)h->endpoint_id),
        .resource_name = d.name,
        .details = h->gone ? STR("the receiver answered 410 Gone")
                           : STR("no attempt succeeded for too long"),
        .data = data,
    };
    rc = svc_emit(w->db, ctx, &event);
    return rc == RC_OK ? tell_endpoints(w, ctx, d.org_id, data) : rc;
}
