/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of the other services, turned into usage. */
#include "base/id.h"
#include "billing/bil_store.h"
#include "billing/billing.h"
#include "pb/pb.h"

/* *out_accepted stays false for an event that can never be counted: the sender's relay tells it
 * alone, ever more rarely, and puts it aside for people to see; the others of its batch are not
 * held up. */
static enum rc
count_event(struct billing *billing, struct ctx *ctx, const Assay__Event *event, bool *out_accepted)
{
    struct bil_usage usage;
    bool is_new = false;

    if (!bil_is_usage(str_z(event->type))) {
        *out_accepted = true;
        return RC_OK;
    }
    if (!id_is_uuid(str_z(event->id)) || bil_usage_read(ctx->arena, event, &usage) != RC_OK) {
        return RC_OK;
    }
    enum rc rc = svc_inbox(billing->db, ctx, str_z(event->id), &is_new);
    if (rc == RC_OK && is_new) {
        bool added = false;
        rc = bil_usage_add(billing->db, ctx, event, &usage, &added);
        if (rc == RC_OK && !added) {
            log_line(LOG_WARN_LEVEL, ctx, "usage_known", "a second event counts the same thing",
                     LOG_Z("event", event->id), LOG_I64("org", event->org_id));
        }
    }
    *out_accepted = rc == RC_OK;
    return rc;
}

enum rc
billing_deliver_events(struct billing *billing, struct ctx *ctx,
                       const Assay__DeliverEventsRequest *req, Assay__DeliverEventsResponse *resp)
{
    resp->accepted = ARENA_ARRAY(ctx->arena, req->n_events + 1, char *);
    for (size_t i = 0; i < req->n_events && resp->accepted != NULL; i++) {
        bool accepted = false;
        enum rc rc = count_event(billing, ctx, req->events[i], &accepted);
        if (rc != RC_OK) {
            return rc;
        }
        if (accepted) {
            resp->accepted[resp->n_accepted++] = pb_strz(ctx->arena, str_z(req->events[i]->id));
        }
    }
    return arena_failed(ctx->arena)
               ? fail(ctx, RC_RESOURCE_EXHAUSTED, "ARENA_FULL", "the request is too large")
               : RC_OK;
}
