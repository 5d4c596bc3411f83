/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue, subscriptions, secrets, deliveries. */
#include "base/id.h"
#include "pb/pb.h"
#include "webhooks/catalogue.h"
#include "webhooks/whk_api.h"
#include "webhooks/whk_message.h"
#include "webhooks/whk_store.h"

/* --- catalogue and subscriptions ----------------------------------------------------------- */

enum rc
webhooks_get_event_catalog(struct webhooks *w, struct ctx *ctx,
                           const Assay__GetEventCatalogRequest *req,
                           Assay__GetEventCatalogResponse *resp)
{
    (void)w;
    (void)req;
    resp->items = ARENA_ARRAY(ctx->arena, CATALOGUE_COUNT, Assay__EventType *);
    for (size_t i = 0; i < CATALOGUE_COUNT && resp->items != NULL; i++) {
        Assay__EventType *item = PB_NEW(ctx->arena, Assay__EventType, assay__event_type);
        if (item == NULL) {
            break;
        }
        item->type = pb_strz(ctx->arena, str_z(CATALOGUE[i].name));
        item->category = pb_strz(ctx->arena, str_z(catalogue_category_name(CATALOGUE[i].category)));
        item->description = pb_strz(ctx->arena, str_z(CATALOGUE[i].text));
        item->default_enabled = (CATALOGUE[i].flags & CATALOGUE_ON) != 0;
        resp->items[resp->n_items++] = item;
    }
    return whk_check_arena(ctx);
}

enum rc
webhooks_get_subscriptions(struct webhooks *w, struct ctx *ctx,
                           const Assay__GetSubscriptionsRequest *req, Assay__Subscriptions *resp)
{
    struct whk_endpoint e = {0};
    enum rc rc = whk_endpoint_get(w->db, ctx, req->webhook_id, &e);

    if (rc != RC_OK) {
        return rc;
    }
    resp->webhook_id = e.id;
    resp->event_types = whk_type_list(ctx, e.event_types, e.event_type_count);
    resp->n_event_types = e.event_type_count;
    return whk_check_arena(ctx);
}

/* The items of the array, each once. */
static enum rc
read_types(struct ctx *ctx, struct str array, struct str **out, size_t *out_count)
{
    const struct json_value *v = NULL;

    if (json_parse(array, ctx->arena, &v, NULL) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "EVENT_TYPE", "event_types: cannot be read");
    }
    *out = ARENA_ARRAY(ctx->arena, v->count + 1, struct str);
    for (size_t i = 0; i < v->count && *out != NULL; i++) {
        const struct json_value *item = json_at(v, i);
        if (!json_is(item, JSON_STRING)) {
            return fail(ctx, RC_INVALID_ARGUMENT, "EVENT_TYPE", "event_types[%zu]: must be a text",
                        i);
        }
        enum rc rc = whk_add_type(ctx, json_str(item), i, *out, out_count);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return whk_check_arena(ctx);
}

enum rc
webhooks_put_subscriptions(struct webhooks *w, struct ctx *ctx,
                           const Assay__PutSubscriptionsRequest *req, Assay__Subscriptions *resp)
{
    struct whk_endpoint e = {0};
    struct str *types = NULL;
    struct str name = STR_EMPTY;
    size_t n = 0;

    enum rc rc = whk_endpoint_get(w->db, ctx, req->webhook_id, &e);
    if (rc == RC_OK) {
        struct str array = str_n((const char *)req->event_types.data, req->event_types.len);
        rc = read_types(ctx, array, &types, &n);
    }
    rc = rc == RC_OK ? whk_endpoint_subscribe(w->db, ctx, e.id, types, n, &name) : rc;
    rc = rc == RC_OK ? whk_tell(w, ctx, "webhook.subscribed", e.id, name) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->webhook_id = e.id;
    resp->event_types = whk_type_list(ctx, types, n);
    resp->n_event_types = n;
    return whk_check_arena(ctx);
}

enum rc
webhooks_regenerate_secret(struct webhooks *w, struct ctx *ctx,
                           const Assay__RegenerateSecretRequest *req,
                           Assay__RegenerateSecretResponse *resp)
{
    struct str sealed, name;

    enum rc rc = whk_new_secret(w, ctx, req->webhook_id, &resp->secret, &sealed);
    rc = rc == RC_OK
             ? whk_endpoint_rotate(w->db, ctx, req->webhook_id, sealed, w->cfg->overlap_us, &name)
             : rc;
    rc = rc == RC_OK ? whk_tell(w, ctx, "webhook.secret_rotated", req->webhook_id, name) : rc;
    return rc == RC_OK ? whk_check_arena(ctx) : rc;
}

/* --- deliveries ---------------------------------------------------------------------------- */

static void
fill_delivery(struct ctx *ctx, const struct whk_delivery *d, Assay__Delivery *out)
{
    out->id = d->id;
    out->event_id = d->event_id;
    out->event_type = d->event_type;
    out->status = d->state;
    out->attempt = d->attempt;
    out->payload = pb_bytes(ctx->arena, d->payload);
    out->response_excerpt = d->response_excerpt;
    out->created_at = d->created_us;
    out->error = d->error;
    out->redelivery = d->is_replay;
    if (d->response_status > 0) {
        PB_SET(out, response_status, d->response_status);
    }
    if (d->delivered_us > 0) {
        PB_SET(out, delivered_at, d->delivered_us);
    }
    if (d->took_ms >= 0) {
        PB_SET(out, duration_ms, d->took_ms);
    }
    if (d->next_us > 0) {
        PB_SET(out, next_attempt_at, d->next_us);
    }
}

enum rc
webhooks_list_deliveries(struct webhooks *w, struct ctx *ctx,
                         const Assay__ListDeliveriesRequest *req,
                         Assay__ListDeliveriesResponse *resp)
{
    struct whk_endpoint e = {0};
    struct whk_delivery *list = NULL;
    size_t n = 0;

    enum rc rc = whk_endpoint_get(w->db, ctx, req->webhook_id, &e);
    rc = rc == RC_OK ? whk_delivery_list(w->db, ctx, req->webhook_id,
                                         req->has_before ? req->before : INT64_MAX, &list, &n)
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__Delivery *);
    for (size_t i = 0; i < n && resp->items != NULL; i++) {
        Assay__Delivery *item = PB_NEW(ctx->arena, Assay__Delivery, assay__delivery);
        if (item == NULL) {
            break;
        }
        fill_delivery(ctx, &list[i], item);
        resp->items[resp->n_items++] = item;
    }
    return whk_check_arena(ctx);
}

/* Tells audit who had a delivery made. */
static enum rc
answer_queued(struct webhooks *w, struct ctx *ctx, const char *type, int64_t id,
              Assay__QueuedDelivery *resp)
{
    struct svc_event event = {.type = type,
                              .tell = TELL_AUDIT,
                              .resource_type = STR("webhook_delivery"),
                              .resource_id = arena_printf(ctx->arena, "%lld", (long long)id)};

    resp->status = pb_strz(ctx->arena, STR("queued"));
    resp->delivery_id = id;
    enum rc rc = svc_emit(w->db, ctx, &event);
    if (rc == RC_OK && w->svc != NULL) {
        rc = svc_wake_after_commit(w->svc, ctx, WHK_LOOP_DELIVER);
    }
    return rc == RC_OK ? whk_check_arena(ctx) : rc;
}

enum rc
webhooks_redeliver(struct webhooks *w, struct ctx *ctx, const Assay__RedeliverRequest *req,
                   Assay__QueuedDelivery *resp)
{
    struct whk_endpoint e = {0};
    int64_t id = 0;

    enum rc rc = whk_endpoint_get(w->db, ctx, req->webhook_id, &e);
    rc = rc == RC_OK ? whk_again(w->db, ctx, req->webhook_id, req->delivery_id, &id) : rc;
    return rc == RC_OK ? answer_queued(w, ctx, "webhook.redelivered", id, resp) : rc;
}

enum rc
webhooks_test_webhook(struct webhooks *w, struct ctx *ctx, const Assay__TestWebhookRequest *req,
                      Assay__QueuedDelivery *resp)
{
    struct whk_endpoint e = {0};
    Assay__Event event = ASSAY__EVENT__INIT;
    char id[ID_UUID_LEN + 1];
    char type[] = "webhook.test";
    struct str body;
    int64_t delivery_id = 0;

    enum rc rc = whk_endpoint_get(w->db, ctx, req->webhook_id, &e);
    if (rc != RC_OK) {
        return rc;
    }
    id_uuid(id);
    event.id = id;
    event.type = type;
    event.org_id = ctx->who.org_id;
    event.at_us = clk_wall_us();
    event.has_data = 1;
    event.data =
        pb_bytes(ctx->arena, arena_printf(ctx->arena, "{\"webhook_id\":%lld}", (long long)e.id));
    if (whk_body(ctx->arena, &event, &body) != RC_OK) {
        return fail_memory(ctx, "the event is too large");
    }
    rc = whk_force(w->db, ctx, e.id, str_n(id, ID_UUID_LEN), type, body, &delivery_id);
    return rc == RC_OK ? answer_queued(w, ctx, "webhook.tested", delivery_id, resp) : rc;
}
