/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of the other services, turned into usage and deductions. */
#include <stdlib.h>

#include "base/id.h"
#include "billing/bil_post.h"
#include "billing/bil_store.h"
#include "billing/billing.h"
#include "pb/pb.h"

#define AT_MAX_US INT64_C(253402300799000000) /* the year 9999 */

/* --- kinds of events ------------------------------------------------------------------------ */

/* Asked once an event was readable: one that is not must come again and again, for people to see.
 * *out_new stays false on failure. */
static enum rc
first_time(struct billing *billing, struct ctx *ctx, const Assay__Event *event, bool *out_new)
{
    return svc_inbox(billing->db, ctx, str_z(event->id), out_new);
}

static enum rc
end_session(struct billing *billing, struct ctx *ctx, const Assay__Event *event,
            const struct bil_usage *usage)
{
    struct bil_split split = bil_split_by_month(event->at_us, usage->quantity_micro);

    enum rc rc = bil_live_end(billing->db, ctx, event->org_id, usage->resource_id);
    if (rc == RC_OK && usage->quantity_micro > 0) {
        rc = bil_stream_add(billing->db, ctx, event->org_id, split.last.begin_us, split.last_us, 1);
    }
    if (rc == RC_OK && split.before_us > 0) {
        rc = bil_stream_add(billing->db, ctx, event->org_id, split.before.begin_us, split.before_us,
                            0);
    }
    return rc;
}

static enum rc
count_usage(struct billing *billing, struct ctx *ctx, const Assay__Event *event,
            const struct bil_usage *usage)
{
    bool added = false;
    enum rc rc = bil_usage_add(billing->db, ctx, event, usage, &added);

    if (rc == RC_OK && !added) {
        log_line(LOG_WARN_LEVEL, ctx, "usage_known", "a second event counts the same thing",
                 LOG_Z("event", event->id), LOG_I64("org", event->org_id));
        return RC_OK;
    }
    return rc == RC_OK && usage->is_live ? end_session(billing, ctx, event, usage) : rc;
}

static enum rc
take_usage(struct billing *billing, struct ctx *ctx, const Assay__Event *event, bool *out_readable)
{
    struct bil_usage usage;

    *out_readable = bil_usage_read(ctx->arena, event, &usage) == RC_OK;
    bool is_new = false;
    enum rc rc = *out_readable ? first_time(billing, ctx, event, &is_new) : RC_OK;
    return is_new ? count_usage(billing, ctx, event, &usage) : rc;
}

static enum rc
take_session(struct billing *billing, struct ctx *ctx, const Assay__Event *event,
             bool *out_readable)
{
    struct str id = json_str(bil_event_member(ctx->arena, event, "session_id"));

    *out_readable = id.n > 0 && id.n <= 200 && event->at_us > 0;
    bool is_new = false;
    enum rc rc = *out_readable ? first_time(billing, ctx, event, &is_new) : RC_OK;
    return is_new ? bil_live_add(billing->db, ctx, event->org_id, id, event->at_us) : rc;
}

/* A call that has happened is paid as far as the credit goes; then the next one is refused. */
static enum rc
deduct(struct billing *billing, struct ctx *ctx, int64_t org_id, const struct bil_ai_call *call,
       int64_t *out_micro)
{
    struct bil_op op = {
        .kind = BIL_DEDUCT_UPTO,
        .event_id = arena_printf(ctx->arena, "ai/%.*s", STR_ARG(call->call_id)),
        .amount_micro = call->cost_micro,
        .model = call->model,
        .test_run_id = call->test_run_id,
    };

    enum rc rc = bil_post(billing->db, ctx, billing->cfg->plan, org_id, &op, 1);
    *out_micro = op.allowance_micro + op.prepaid_micro;
    return rc;
}

static enum rc
take_call(struct billing *billing, struct ctx *ctx, const Assay__Event *event, bool *out_readable)
{
    struct bil_ai_call call;
    bool known = false;
    bool is_new = false;

    *out_readable = bil_ai_read(ctx->arena, event, &call) == RC_OK;
    enum rc rc = *out_readable ? first_time(billing, ctx, event, &is_new) : RC_OK;
    if (!is_new) {
        return rc;
    }
    int64_t cost_micro = call.is_byok ? call.cost_micro : 0;
    rc = bil_ai_known(billing->db, ctx, event->org_id, call.call_id, &known);
    if (rc == RC_OK && !known && !call.is_byok && call.cost_micro > 0) {
        rc = deduct(billing, ctx, event->org_id, &call, &cost_micro);
    }
    return rc == RC_OK && !known
               ? bil_ai_add(billing->db, ctx, event->org_id, event->at_us, &call, cost_micro)
               : rc;
}

static enum rc
take_defaults(struct billing *billing, struct ctx *ctx, const Assay__Event *event,
              bool *out_readable)
{
    const struct json_value *v = bil_event_member(ctx->arena, event, "allow_streaming_overage");

    *out_readable = json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE);
    bool is_new = false;
    enum rc rc = *out_readable ? first_time(billing, ctx, event, &is_new) : RC_OK;
    if (!is_new) {
        return rc;
    }
    rc = bil_post(billing->db, ctx, billing->cfg->plan, event->org_id, NULL, 0);
    return rc == RC_OK
               ? bil_overage_set(billing->db, ctx, event->org_id, json_bool(v, false), event->at_us)
               : rc;
}

/* --- delivery ------------------------------------------------------------------------------- */

typedef enum rc (*taker)(struct billing *billing, struct ctx *ctx, const Assay__Event *event,
                         bool *out_readable);

static taker
taker_of(struct str type)
{
    static const struct {
        struct str type;
        taker take;
    } OTHERS[] = {
        {STR_INIT("session.started"), take_session},
        {STR_INIT(BIL_MODEL_CALLED), take_call},
        {STR_INIT("session_defaults.updated"), take_defaults},
    };

    for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++) {
        if (str_eq(OTHERS[i].type, type)) {
            return OTHERS[i].take;
        }
    }
    return bil_is_usage(type) ? take_usage : NULL;
}

/* *out_accepted stays false for an event that can never be counted: the sender's relay tells it
 * alone, ever more rarely, and puts it aside for people to see; the others of its batch are not
 * held up. */
static enum rc
take_event(struct billing *billing, struct ctx *ctx, const Assay__Event *event, bool *out_accepted)
{
    taker take = taker_of(str_z(event->type));
    bool is_readable = false;

    if (take == NULL) {
        *out_accepted = true;
        return RC_OK;
    }
    if (!id_is_uuid(str_z(event->id)) || event->org_id <= 0 || event->at_us < 0 ||
        event->at_us > AT_MAX_US) {
        return RC_OK;
    }
    enum rc rc = take(billing, ctx, event, &is_readable);
    *out_accepted = rc == RC_OK && is_readable;
    return rc;
}

/* Accounts are locked in the order of their organizations, so that two batches never wait for each
 * other; the events of one organization keep their order. */
struct place {
    int64_t org_id;
    size_t index;
};

static int
place_cmp(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    if (x->org_id != y->org_id) {
        return x->org_id < y->org_id ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

enum rc
billing_deliver_events(struct billing *billing, struct ctx *ctx,
                       const Assay__DeliverEventsRequest *req, Assay__DeliverEventsResponse *resp)
{
    struct place *places = ARENA_ARRAY(ctx->arena, req->n_events + 1, struct place);

    resp->accepted = ARENA_ARRAY(ctx->arena, req->n_events + 1, char *);
    if (places == NULL || resp->accepted == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    for (size_t i = 0; i < req->n_events; i++) {
        places[i] = (struct place){req->events[i]->org_id, i};
    }
    qsort(places, req->n_events, sizeof(*places), place_cmp);
    for (size_t i = 0; i < req->n_events; i++) {
        const Assay__Event *event = req->events[places[i].index];
        bool accepted = false;
        enum rc rc = take_event(billing, ctx, event, &accepted);
        if (rc != RC_OK) {
            return rc;
        }
        if (accepted) {
            resp->accepted[resp->n_accepted++] = pb_strz(ctx->arena, str_z(event->id));
        }
    }
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the request is too large") : RC_OK;
}
