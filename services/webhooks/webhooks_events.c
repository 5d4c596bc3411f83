/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of the other services, turned into deliveries. */
#include "base/id.h"
#include "pb/pb.h"
#include "webhooks/catalogue.h"
#include "webhooks/webhooks.h"
#include "webhooks/whk_message.h"
#include "webhooks/whk_store.h"

/* Reads an event. *out_told is false for one that nobody can be told of; *out_accepted stays false
 * for an event that can never be told: the sender's relay puts it aside for people to see, and the
 * others of its batch are not held up. */
static enum rc
read_event(struct ctx *ctx, const Assay__Event *event, struct whk_event *out, bool *out_told,
           bool *out_accepted)
{
    *out_told = false;
    *out_accepted = catalogue_find(str_z(event->type)) == NULL;
    if (*out_accepted || !id_is_uuid(str_z(event->id)) || event->org_id <= 0) {
        return RC_OK;
    }
    *out = (struct whk_event){.id = str_z(event->id),
                              .org_id = event->org_id,
                              .type = str_z(event->type),
                              .order_key = str_z(event->order_key)};
    enum rc rc = whk_body(ctx->arena, event, &out->body);
    if (rc == RC_RESOURCE_EXHAUSTED) {
        return fail_memory(ctx, "the request is too large");
    }
    *out_told = rc == RC_OK;
    *out_accepted = rc == RC_OK;
    return RC_OK;
}

/* Leaves those that are seen for the first time. */
static enum rc
keep_new(struct webhooks *w, struct ctx *ctx, struct whk_event *events, size_t *n)
{
    struct str *ids = ARENA_ARRAY(ctx->arena, *n + 1, struct str);
    bool *is_new = ARENA_ARRAY(ctx->arena, *n + 1, bool);
    size_t kept = 0;

    for (size_t i = 0; i < *n && ids != NULL; i++) {
        ids[i] = events[i].id;
    }
    if (ids == NULL || is_new == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    enum rc rc = svc_inbox_all(w->db, ctx, ids, *n, is_new);
    for (size_t i = 0; rc == RC_OK && i < *n; i++) {
        if (is_new[i]) {
            events[kept++] = events[i];
        }
    }
    *n = kept;
    return rc;
}

enum rc
webhooks_deliver_events(struct webhooks *w, struct ctx *ctx, const Assay__DeliverEventsRequest *req,
                        Assay__DeliverEventsResponse *resp)
{
    struct whk_event *events = ARENA_ARRAY(ctx->arena, req->n_events + 1, struct whk_event);
    size_t n = 0;
    int64_t made = 0;
    enum rc rc = RC_OK;

    resp->accepted = ARENA_ARRAY(ctx->arena, req->n_events + 1, char *);
    for (size_t i = 0; rc == RC_OK && i < req->n_events && !arena_failed(ctx->arena); i++) {
        bool told = false, accepted = false;
        rc = read_event(ctx, req->events[i], &events[n], &told, &accepted);
        n += told ? 1 : 0;
        if (rc == RC_OK && accepted) {
            resp->accepted[resp->n_accepted++] = pb_strz(ctx->arena, str_z(req->events[i]->id));
        }
    }
    if (rc == RC_OK && arena_failed(ctx->arena)) {
        rc = fail_memory(ctx, "the request is too large");
    }
    rc = rc == RC_OK && n > 0 ? keep_new(w, ctx, events, &n) : rc;
    rc = rc == RC_OK ? whk_fan_out(w->db, ctx, events, n, &made) : rc;
    return rc == RC_OK && made > 0 && w->svc != NULL
               ? svc_wake_after_commit(w->svc, ctx, WHK_LOOP_DELIVER)
               : rc;
}
