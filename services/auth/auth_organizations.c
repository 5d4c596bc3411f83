/* SPDX-License-Identifier: Apache-2.0
 *
 * The organization itself and what its sessions start with. */
#include "auth/aut_store.h"
#include "cfg/cfg.h"
#include "pb/pb.h"

#define TIMEOUT_MIN_US (10 * ASSAY_US_PER_S)
#define TIMEOUT_MAX_US (24 * 3600 * ASSAY_US_PER_S)

static void
answer_org(struct ctx *ctx, const struct aut_org *org, Assay__Organization *m)
{
    m->id = org->id;
    m->name = aut_text(ctx, org->name);
    m->created_at = org->created_us;
}

enum rc
auth_list_organizations(struct auth *auth, struct ctx *ctx,
                        const Assay__ListOrganizationsRequest *req,
                        Assay__ListOrganizationsResponse *resp)
{
    struct aut_org org;
    enum rc rc = aut_org_get(auth->db, ctx, &org);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->items = ARENA_ARRAY(ctx->arena, 1, Assay__Organization *);
    Assay__Organization *m = PB_NEW(ctx->arena, Assay__Organization, assay__organization);
    if (resp->items == NULL || m == NULL) {
        return aut_no_memory(ctx);
    }
    answer_org(ctx, &org, m);
    resp->items[resp->n_items++] = m; /* a user belongs to one */
    return aut_check_arena(ctx);
}

enum rc
auth_get_organization(struct auth *auth, struct ctx *ctx, const Assay__GetOrganizationRequest *req,
                      Assay__Organization *resp)
{
    struct aut_org org;
    enum rc rc = aut_check_org(ctx, req->org_id);

    if (rc == RC_OK) {
        rc = aut_org_get(auth->db, ctx, &org);
    }
    if (rc != RC_OK) {
        return rc;
    }
    answer_org(ctx, &org, resp);
    return aut_check_arena(ctx);
}

static enum rc
rename_org(struct auth *auth, struct ctx *ctx, struct str name)
{
    struct str old = STR_EMPTY;
    enum rc rc = aut_org_rename(auth->db, ctx, name, &old);

    if (rc != RC_OK) {
        return rc;
    }
    struct svc_event event = {
        .type = "organization.updated",
        .tell = TELL_AUDIT,
        .resource_type = STR("organization"),
        .resource_id = arena_printf(ctx->arena, "%lld", (long long)ctx->who.org_id),
        .resource_name = name,
        .details =
            arena_printf(ctx->arena, "renamed from %.*s to %.*s", STR_ARG(old), STR_ARG(name))};
    return svc_emit(auth->db, ctx, &event);
}

enum rc
auth_update_organization(struct auth *auth, struct ctx *ctx,
                         const Assay__UpdateOrganizationRequest *req,
                         Assay__UpdateOrganizationResponse *resp)
{
    struct aut_org org;
    enum rc rc = aut_check_org(ctx, req->org_id);

    if (rc == RC_OK && req->name != NULL) {
        rc = rename_org(auth, ctx, str_z(req->name));
    }
    if (rc == RC_OK) {
        rc = aut_org_get(auth->db, ctx, &org);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = org.id;
    resp->name = aut_text(ctx, org.name);
    return aut_check_arena(ctx);
}

/* --- session defaults ---------------------------------------------------------------------- */

static enum rc
answer_defaults(struct ctx *ctx, const struct aut_session_defaults *d, Assay__SessionDefaults *resp)
{
    resp->session_timeout = aut_text(ctx, d->timeout);
    resp->session_permissions = aut_text(ctx, d->permissions);
    resp->allow_streaming_overage = d->overage;
    return aut_check_arena(ctx);
}

enum rc
auth_get_session_defaults(struct auth *auth, struct ctx *ctx,
                          const Assay__GetSessionDefaultsRequest *req, Assay__SessionDefaults *resp)
{
    struct aut_session_defaults d;
    enum rc rc = aut_check_org(ctx, req->org_id);

    if (rc == RC_OK) {
        rc = aut_session_defaults(auth->db, ctx, &d);
    }
    return rc == RC_OK ? answer_defaults(ctx, &d, resp) : rc;
}

static enum rc
check_timeout(struct ctx *ctx, const char *text)
{
    int64_t us = 0;

    if (text == NULL || (cfg_parse_duration(str_z(text), &us) == RC_OK && us >= TIMEOUT_MIN_US &&
                         us <= TIMEOUT_MAX_US)) {
        return RC_OK;
    }
    return fail(ctx, RC_INVALID_ARGUMENT, "SESSION_TIMEOUT",
                "session_timeout must be a duration from 10s to 24h");
}

static enum rc
set_defaults(struct auth *auth, struct ctx *ctx, struct aut_session_defaults *d)
{
    enum rc rc = aut_session_defaults_set(auth->db, ctx, d);

    if (rc != RC_OK) {
        return rc;
    }
    struct svc_event event = {
        .type = "session_defaults.updated",
        .tell = TELL_AUDIT | TELL_BILLING, /* who goes on streaming on credit */
        .data = d->overage ? STR("{\"allow_streaming_overage\":true}")
                           : STR("{\"allow_streaming_overage\":false}"),
        .resource_type = STR("organization"),
        .resource_id = arena_printf(ctx->arena, "%lld", (long long)ctx->who.org_id),
        .details = arena_printf(ctx->arena, "time-out %.*s, permissions %.*s, overage %s",
                                STR_ARG(d->timeout), STR_ARG(d->permissions),
                                d->overage ? "allowed" : "refused")};
    return svc_emit(auth->db, ctx, &event);
}

enum rc
auth_update_session_defaults(struct auth *auth, struct ctx *ctx,
                             const Assay__UpdateSessionDefaultsRequest *req,
                             Assay__SessionDefaults *resp)
{
    struct aut_session_defaults d = {.timeout = str_z(req->session_timeout),
                                     .permissions = str_z(req->session_permissions),
                                     .has_overage = req->has_allow_streaming_overage,
                                     .overage = req->allow_streaming_overage};

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK) {
        rc = check_timeout(ctx, req->session_timeout);
    }
    if (rc == RC_OK) {
        rc = set_defaults(auth, ctx, &d);
    }
    return rc == RC_OK ? answer_defaults(ctx, &d, resp) : rc;
}
