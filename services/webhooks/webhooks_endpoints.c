/* SPDX-License-Identifier: Apache-2.0
 *
 * Endpoints: what people create, see, change and delete. */
#include "pb/pb.h"
#include "webhooks/catalogue.h"
#include "webhooks/webhooks.h"
#include "webhooks/whk_api.h"
#include "webhooks/whk_store.h"

static void
fill(struct ctx *ctx, const struct whk_endpoint *e, Assay__Webhook *out)
{
    out->id = e->id;
    out->name = e->name;
    out->url = e->url;
    out->event_types = whk_type_list(ctx, e->event_types, e->event_type_count);
    out->n_event_types = e->event_type_count;
    out->enabled = e->enabled;
    out->created_at = e->created_us;
    out->disabled_reason = e->disabled_reason;
    if (e->failing_since_us > 0) {
        PB_SET(out, failing_since, e->failing_since_us);
    }
}

/* --- creating ------------------------------------------------------------------------------ */

static enum rc
check_url(struct webhooks *w, struct ctx *ctx, const char *url)
{
    enum rc rc = http_check_url(w->http, ctx, str_z(url));

    if (rc == RC_PERMISSION_DENIED) {
        ctx_recover(ctx);
        return fail(ctx, RC_INVALID_ARGUMENT, "ADDRESS_REFUSED",
                    "url: this address is private or reserved");
    }
    if (rc == RC_INVALID_ARGUMENT) {
        struct str why = arena_str(ctx->arena, ctx->err.msg);
        ctx_recover(ctx);
        return fail(ctx, rc, "BAD_URL", "url: %.*s", STR_ARG(why));
    }
    return rc;
}

/* What was asked for, each once; what is on by default when nothing was. */
static enum rc
choose_types(struct ctx *ctx, const Assay__CreateWebhookRequest *req, struct str *out,
             size_t *out_count)
{
    if (req->n_event_types == 0) {
        *out_count = catalogue_pick(CATALOGUE_ON, out);
        return RC_OK;
    }
    for (size_t i = 0; i < req->n_event_types; i++) {
        enum rc rc = whk_add_type(ctx, str_z(req->event_types[i]), i, out, out_count);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

static enum rc
check_room(struct webhooks *w, struct ctx *ctx)
{
    int64_t n = 0;
    enum rc rc = whk_endpoint_count(w->db, ctx, &n);

    return rc == RC_OK && n >= WHK_ENDPOINTS_MAX
               ? fail(ctx, RC_FAILED_PRECONDITION, "WEBHOOK_LIMIT",
                      "an organization may have %d webhooks", WHK_ENDPOINTS_MAX)
               : rc;
}

static void
fill_created(struct ctx *ctx, const struct whk_endpoint *e, Assay__CreateWebhookResponse *resp)
{
    resp->id = e->id;
    resp->name = e->name;
    resp->url = e->url;
    resp->event_types = whk_type_list(ctx, e->event_types, e->event_type_count);
    resp->n_event_types = e->event_type_count;
    resp->enabled = e->enabled;
    resp->created_at = e->created_us;
}

enum rc
webhooks_create_webhook(struct webhooks *w, struct ctx *ctx, const Assay__CreateWebhookRequest *req,
                        Assay__CreateWebhookResponse *resp)
{
    struct whk_endpoint e = {0};
    size_t n = 0;
    struct str *types = ARENA_ARRAY(ctx->arena, req->n_event_types + CATALOGUE_COUNT, struct str);

    if (types == NULL) {
        return whk_check_arena(ctx);
    }
    enum rc rc = check_url(w, ctx, req->url);
    rc = rc == RC_OK ? choose_types(ctx, req, types, &n) : rc;
    rc = rc == RC_OK ? check_room(w, ctx) : rc;
    rc = rc == RC_OK ? whk_endpoint_insert(w->db, ctx, req->name, req->url, types, n, &e) : rc;
    struct str sealed;
    rc = rc == RC_OK ? whk_new_secret(w, ctx, e.id, &resp->secret, &sealed) : rc;
    rc = rc == RC_OK ? whk_endpoint_set_secret(w->db, ctx, e.id, sealed) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    fill_created(ctx, &e, resp);
    rc = whk_tell(w, ctx, "webhook.created", e.id, str_z(e.name != NULL ? e.name : e.url));
    return rc == RC_OK ? whk_check_arena(ctx) : rc;
}

/* --- the rest ------------------------------------------------------------------------------ */

enum rc
webhooks_list_webhooks(struct webhooks *w, struct ctx *ctx, const Assay__ListWebhooksRequest *req,
                       Assay__ListWebhooksResponse *resp)
{
    struct whk_endpoint *list = NULL;
    size_t n = 0;

    (void)req;
    enum rc rc = whk_endpoint_list(w->db, ctx, &list, &n);
    if (rc != RC_OK) {
        return rc;
    }
    Assay__Webhook *items = ARENA_ARRAY(ctx->arena, n + 1, Assay__Webhook);
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__Webhook *);
    if (items == NULL || resp->items == NULL) {
        return whk_check_arena(ctx);
    }
    for (size_t i = 0; i < n; i++) {
        assay__webhook__init(&items[i]);
        fill(ctx, &list[i], &items[i]);
        resp->items[i] = &items[i];
    }
    resp->n_items = n;
    return whk_check_arena(ctx);
}

enum rc
webhooks_get_webhook(struct webhooks *w, struct ctx *ctx, const Assay__GetWebhookRequest *req,
                     Assay__Webhook *resp)
{
    struct whk_endpoint e = {0};
    enum rc rc = whk_endpoint_get(w->db, ctx, req->webhook_id, &e);

    if (rc != RC_OK) {
        return rc;
    }
    fill(ctx, &e, resp);
    return whk_check_arena(ctx);
}

enum rc
webhooks_update_webhook(struct webhooks *w, struct ctx *ctx, const Assay__UpdateWebhookRequest *req,
                        Assay__Webhook *resp)
{
    const struct whk_change change = {.url = req->url,
                                      .name = req->name,
                                      .clears_name = PB_WAS_NULL(req, 3),
                                      .has_enabled = req->has_enabled,
                                      .enabled = req->enabled};
    struct whk_endpoint e = {0};
    /* Whether it exists comes before what is wrong with its new address. */
    enum rc rc = whk_endpoint_get(w->db, ctx, req->webhook_id, &e);

    rc = rc == RC_OK && req->url != NULL ? check_url(w, ctx, req->url) : rc;
    rc = rc == RC_OK ? whk_endpoint_update(w->db, ctx, req->webhook_id, &change, &e) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    fill(ctx, &e, resp);
    rc = whk_tell(w, ctx, "webhook.updated", e.id, str_z(e.name != NULL ? e.name : e.url));
    if (rc == RC_OK && change.has_enabled && change.enabled && w->svc != NULL) {
        rc = svc_wake_after_commit(w->svc, ctx, WHK_LOOP_DELIVER); /* for what has waited */
    }
    return rc == RC_OK ? whk_check_arena(ctx) : rc;
}

enum rc
webhooks_delete_webhook(struct webhooks *w, struct ctx *ctx, const Assay__DeleteWebhookRequest *req,
                        Assay__StatusText *resp)
{
    struct str name = STR_EMPTY;
    enum rc rc = whk_endpoint_delete(w->db, ctx, req->webhook_id, &name);

    if (rc != RC_OK) {
        return rc;
    }
    resp->status = pb_strz(ctx->arena, STR("deleted"));
    rc = whk_tell(w, ctx, "webhook.deleted", req->webhook_id, name);
    return rc == RC_OK ? whk_check_arena(ctx) : rc;
}

static enum rc
check_param(struct webhooks *w, struct ctx *ctx, const Assay__PathParam *param, int64_t *webhook_id)
{
    struct whk_endpoint e = {0};
    int64_t id = 0;

    /* What is no number names nothing, and neither does 0. */
    (void)!str_to_i64(str_z(param->value), 1, INT64_MAX, &id);
    if (str_eqz(str_z(param->name), "webhook_id")) {
        *webhook_id = id;
        return whk_endpoint_get(w->db, ctx, id, &e);
    }
    return str_eqz(str_z(param->name), "delivery_id")
               ? whk_delivery_exists(w->db, ctx, *webhook_id, id)
               : RC_OK;
}

enum rc
webhooks_check_path(struct webhooks *w, struct ctx *ctx, const Assay__CheckPathRequest *req,
                    Assay__Empty *resp)
{
    int64_t webhook_id = 0;

    (void)resp;
    for (size_t i = 0; i < req->n_params; i++) {
        enum rc rc = check_param(w, ctx, req->params[i], &webhook_id);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}
