/* SPDX-License-Identifier: Apache-2.0
 *
 * Endpoints: what people create, see and delete. */
#include "pb/pb.h"
#include "sec/token.h"
#include "webhooks/catalogue.h"
#include "webhooks/webhooks.h"
#include "webhooks/whk_seal.h"
#include "webhooks/whk_store.h"

static enum rc
check_arena(struct ctx *ctx)
{
    return arena_failed(ctx->arena)
               ? fail(ctx, RC_RESOURCE_EXHAUSTED, "ARENA_FULL", "the answer is too large")
               : RC_OK;
}

static char **
type_list(struct ctx *ctx, const struct whk_endpoint *e)
{
    char **types = ARENA_ARRAY(ctx->arena, e->event_type_count + 1, char *);

    for (size_t i = 0; types != NULL && i < e->event_type_count; i++) {
        types[i] = pb_strz(ctx->arena, e->event_types[i]);
    }
    return types;
}

static void
fill(struct ctx *ctx, const struct whk_endpoint *e, Assay__Webhook *out)
{
    out->id = e->id;
    out->name = e->name;
    out->url = e->url;
    out->event_types = type_list(ctx, e);
    out->n_event_types = e->event_type_count;
    out->enabled = e->enabled;
    out->created_at = e->created_us;
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
    return rc;
}

static bool
is_listed(const struct str *types, size_t n, struct str type)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(types[i], type)) {
            return true;
        }
    }
    return false;
}

/* What was asked for, each once; what is on by default when nothing was. */
static enum rc
choose_types(struct ctx *ctx, const Assay__CreateWebhookRequest *req, struct str *out,
             size_t *out_count)
{
    size_t n = 0;

    for (size_t i = 0; i < req->n_event_types; i++) {
        struct str type = str_z(req->event_types[i]);
        if (catalogue_find(type) == NULL) {
            return fail(ctx, RC_INVALID_ARGUMENT, "EVENT_TYPE",
                        "event_types[%zu]: no such type of event", i);
        }
        if (!is_listed(out, n, type)) {
            out[n++] = type;
        }
    }
    for (size_t i = 0; req->n_event_types == 0 && i < CATALOGUE_COUNT; i++) {
        if (CATALOGUE[i].on) {
            out[n++] = str_z(CATALOGUE[i].name);
        }
    }
    *out_count = n;
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

static enum rc
give_secret(struct webhooks *w, struct ctx *ctx, int64_t id, char **out)
{
    char secret[TOKEN_TEXT_MAX];
    struct str sealed;

    token_new(TOKEN_PREFIX_WEBHOOK, secret);
    *out = pb_strz(ctx->arena, str_z(secret));
    enum rc rc = whk_seal(w->ring, ctx, id, str_z(secret), &sealed);
    hash_wipe(secret, sizeof(secret));
    return rc == RC_OK ? whk_endpoint_set_secret(w->db, ctx, id, sealed) : rc;
}

static enum rc
tell(struct webhooks *w, struct ctx *ctx, const char *type, int64_t id, struct str name)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_AUDIT,
        .resource_type = STR("webhook"),
        .resource_id = arena_printf(ctx->arena, "%lld", (long long)id),
        .resource_name = name,
    };

    return svc_emit(w->db, ctx, &event);
}

static void
fill_created(struct ctx *ctx, const struct whk_endpoint *e, Assay__CreateWebhookResponse *resp)
{
    resp->id = e->id;
    resp->name = e->name;
    resp->url = e->url;
    resp->event_types = type_list(ctx, e);
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
        return check_arena(ctx);
    }
    enum rc rc = check_url(w, ctx, req->url);
    rc = rc == RC_OK ? choose_types(ctx, req, types, &n) : rc;
    rc = rc == RC_OK ? check_room(w, ctx) : rc;
    rc = rc == RC_OK ? whk_endpoint_insert(w->db, ctx, req->name, req->url, types, n, &e) : rc;
    rc = rc == RC_OK ? give_secret(w, ctx, e.id, &resp->secret) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    fill_created(ctx, &e, resp);
    rc = tell(w, ctx, "webhook.created", e.id, str_z(e.name != NULL ? e.name : e.url));
    return rc == RC_OK ? check_arena(ctx) : rc;
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
        return check_arena(ctx);
    }
    for (size_t i = 0; i < n; i++) {
        assay__webhook__init(&items[i]);
        fill(ctx, &list[i], &items[i]);
        resp->items[i] = &items[i];
    }
    resp->n_items = n;
    return check_arena(ctx);
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
    return check_arena(ctx);
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
    rc = tell(w, ctx, "webhook.deleted", req->webhook_id, name);
    return rc == RC_OK ? check_arena(ctx) : rc;
}

enum rc
webhooks_check_path(struct webhooks *w, struct ctx *ctx, const Assay__CheckPathRequest *req,
                    Assay__Empty *resp)
{
    (void)resp;
    for (size_t i = 0; i < req->n_params; i++) {
        struct whk_endpoint e = {0};
        int64_t id = 0;
        if (!str_eqz(str_z(req->params[i]->name), "webhook_id")) {
            continue;
        }
        /* What is no number names nothing, and neither does 0. */
        (void)!str_to_i64(str_z(req->params[i]->value), 1, INT64_MAX, &id);
        enum rc rc = whk_endpoint_get(w->db, ctx, id, &e);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}
