/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of the other services, turned into deliveries. */
#include "base/id.h"
#include "pb/pb.h"
#include "webhooks/catalogue.h"
#include "webhooks/webhooks.h"
#include "webhooks/whk_message.h"
#include "webhooks/whk_store.h"

/* *out_accepted stays false for an event that can never be told: the sender's relay puts it aside
 * for people to see, and the others of its batch are not held up. */
static enum rc
tell_event(struct webhooks *w, struct ctx *ctx, const Assay__Event *event, bool *out_accepted,
           int64_t *out_made)
{
    struct str body;
    bool is_new = false;

    if (catalogue_find(str_z(event->type)) == NULL) {
        *out_accepted = true;
        return RC_OK;
    }
    if (!id_is_uuid(str_z(event->id)) || event->org_id <= 0) {
        return RC_OK;
    }
    enum rc rc = whk_body(ctx->arena, event, &body);
    if (rc == RC_INVALID_ARGUMENT) {
        return RC_OK;
    }
    if (rc != RC_OK) {
        return fail(ctx, rc, "ARENA_FULL", "the request is too large");
    }
    rc = svc_inbox(w->db, ctx, str_z(event->id), &is_new);
    if (rc == RC_OK && is_new) {
        rc = whk_fan_out(w->db, ctx, event, body, out_made);
    }
    *out_accepted = rc == RC_OK;
    return rc;
}

enum rc
webhooks_deliver_events(struct webhooks *w, struct ctx *ctx, const Assay__DeliverEventsRequest *req,
                        Assay__DeliverEventsResponse *resp)
{
    int64_t made = 0;

    resp->accepted = ARENA_ARRAY(ctx->arena, req->n_events + 1, char *);
    for (size_t i = 0; i < req->n_events && resp->accepted != NULL; i++) {
        bool accepted = false;
        int64_t n = 0;
        enum rc rc = tell_event(w, ctx, req->events[i], &accepted, &n);
        if (rc != RC_OK) {
            return rc;
        }
        made += n;
        if (accepted) {
            resp->accepted[resp->n_accepted++] = pb_strz(ctx->arena, str_z(req->events[i]->id));
        }
    }
    if (arena_failed(ctx->arena)) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "ARENA_FULL", "the request is too large");
    }
    return made > 0 && w->svc != NULL ? svc_wake_after_commit(w->svc, ctx, WHK_LOOP_DELIVER)
                                      : RC_OK;
}
