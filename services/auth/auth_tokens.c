/* SPDX-License-Identifier: Apache-2.0
 *
 * Personal tokens (tw_) and tokens of the organization (tok_, vzy_): made, listed, revoked. */
#include <string.h>

#include "auth/aut_feed.h"
#include "auth/aut_session.h"
#include "pb/pb.h"
#include "sec/jws.h"
#include "sec/token.h"

static enum rc
not_found(struct ctx *ctx)
{
    return fail(ctx, RC_NOT_FOUND, "TOKEN_NOT_FOUND", "no such token");
}

static char *
masked(struct ctx *ctx, struct str shown)
{
    return aut_text(ctx, arena_printf(ctx->arena, "%.*s****", STR_ARG(shown)));
}

/* Makes the text, stores its digest, tells. */
static enum rc
make_token(struct auth *auth, struct ctx *ctx, const char *prefix, const char *event, unsigned tell,
           struct aut_token *token, char **out_text)
{
    char text[TOKEN_TEXT_MAX];
    char shown[TOKEN_SHOWN_MAX];

    token_new(prefix, text);
    token_shown(str_z(text), shown);
    token->shown = arena_str(ctx->arena, str_z(shown));
    enum rc rc = aut_token_insert(auth->db, ctx, str_z(text), token);
    if (rc == RC_OK) {
        rc = aut_emit(auth, ctx, event, tell, "api_token", token->id, token->name);
    }
    *out_text = aut_text(ctx, str_z(text));
    hash_wipe(text, sizeof(text));
    return rc;
}

/* --- personal ------------------------------------------------------------------------------ */

enum rc
auth_create_token(struct auth *auth, struct ctx *ctx, const Assay__CreateTokenRequest *req,
                  Assay__CreateTokenResponse *resp)
{
    struct aut_token token = {.kind = TOKEN_PERSONAL};
    struct aut_user user;

    enum rc rc = aut_session_person(auth, ctx, &user);
    if (rc != RC_OK) {
        return rc;
    }
    if (req->name != NULL) {
        token.name = str_z(req->name);
    }
    rc = make_token(auth, ctx, TOKEN_PREFIX_PERSONAL, "personal_token.created", TELL_AUDIT, &token,
                    &resp->token);
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = token.id;
    resp->name = req->name == NULL ? NULL : aut_text(ctx, token.name);
    resp->prefix = masked(ctx, token.shown);
    resp->created_at = token.created_us;
    return aut_check_arena(ctx);
}

enum rc
auth_list_tokens(struct auth *auth, struct ctx *ctx, const Assay__ListTokensRequest *req,
                 Assay__ListTokensResponse *resp)
{
    struct aut_token *list = NULL;
    size_t n = 0;
    enum rc rc = aut_personal_tokens(auth->db, ctx, &list, &n);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__PersonalToken *);
    for (size_t i = 0; resp->items != NULL && i < n; i++) {
        Assay__PersonalToken *m = PB_NEW(ctx->arena, Assay__PersonalToken, assay__personal_token);
        if (m == NULL) {
            break;
        }
        m->id = list[i].id;
        m->name = list[i].name.p == NULL ? NULL : aut_text(ctx, list[i].name);
        m->prefix = masked(ctx, list[i].shown);
        m->created_at = list[i].created_us;
        if (list[i].used) {
            PB_SET(m, last_used_at, list[i].last_used_us);
        }
        resp->items[resp->n_items++] = m;
    }
    return aut_check_arena(ctx);
}

/* --- revoking ------------------------------------------------------------------------------ */

struct removal {
    bool personal;
    int64_t id;
    int64_t epoch;
};

static enum rc
remove_token(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct removal *r = arg;
    struct aut_revocation what = {.token_id = r->id};
    struct aut_token token = {.id = 0};
    bool found = false;

    enum rc rc = aut_token_delete(auth->db, ctx, r->personal, r->id, &found, &token);
    if (rc != RC_OK) {
        return rc;
    }
    if (!found) {
        return not_found(ctx);
    }
    rc = r->personal ? aut_emit(auth, ctx, "personal_token.deleted", TELL_AUDIT, "api_token",
                                token.id, token.name)
                     : aut_emit(auth, ctx, "api_token.deleted", TELL_AUDIT | TELL_WEBHOOKS,
                                "api_token", token.id, token.name);
    return rc == RC_OK ? aut_revoke(auth, ctx, &what, &r->epoch) : rc;
}

static enum rc
revoke_token(struct auth *auth, struct ctx *ctx, bool personal, int64_t id)
{
    struct removal r = {.personal = personal, .id = id};
    enum rc rc = aut_in_tx(auth, ctx, remove_token, &r);

    return rc == RC_OK ? aut_settle(auth, ctx, r.epoch) : rc;
}

enum rc
auth_delete_token(struct auth *auth, struct ctx *ctx, const Assay__DeleteTokenRequest *req,
                  Assay__Ok *resp)
{
    resp->ok = 1;
    return revoke_token(auth, ctx, true, req->id);
}

/* --- of the organization ------------------------------------------------------------------- */

enum rc
auth_create_api_token(struct auth *auth, struct ctx *ctx, const Assay__CreateApiTokenRequest *req,
                      Assay__CreateApiTokenResponse *resp)
{
    bool sdk = strcmp(req->kind, "sdk") == 0;
    struct aut_token token = {.kind = sdk ? TOKEN_SDK : TOKEN_ORG,
                              .role = jws_role_parse(str_z(req->role)),
                              .name = str_z(req->label)};

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK && sdk) {
        rc = aut_project(auth->db, ctx, str_z(req->project), &token.project_id);
    }
    if (rc == RC_OK) {
        rc = make_token(auth, ctx, sdk ? TOKEN_PREFIX_SDK : TOKEN_PREFIX_ORG, "api_token.created",
                        TELL_AUDIT | TELL_WEBHOOKS, &token, &resp->token);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = token.id;
    resp->label = aut_text(ctx, token.name);
    return aut_check_arena(ctx);
}

static Assay__ApiToken *
answer_token(struct ctx *ctx, const struct aut_token *token)
{
    Assay__ApiToken *m = PB_NEW(ctx->arena, Assay__ApiToken, assay__api_token);

    if (m == NULL) {
        return NULL;
    }
    m->id = token->id;
    m->label = aut_text(ctx, token->name);
    m->token_prefix = masked(ctx, token->shown);
    m->created_by = aut_text(ctx, token->email);
    m->role = aut_text(ctx, str_z(jws_role_name(token->role)));
    m->used = token->used;
    m->created_at = token->created_us;
    m->project = token->project.p == NULL ? NULL : aut_text(ctx, token->project);
    if (token->used) {
        PB_SET(m, last_used_at, token->last_used_us);
    }
    return m;
}

enum rc
auth_list_api_tokens(struct auth *auth, struct ctx *ctx, const Assay__ListApiTokensRequest *req,
                     Assay__ListApiTokensResponse *resp)
{
    struct aut_token *list = NULL;
    size_t n = 0;

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK) {
        rc = aut_org_tokens(auth->db, ctx, 0, &list, &n);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__ApiToken *);
    if (resp->items == NULL) {
        return aut_no_memory(ctx);
    }
    for (size_t i = 0; i < n; i++) {
        resp->items[i] = answer_token(ctx, &list[i]);
        if (resp->items[i] == NULL) {
            return aut_no_memory(ctx);
        }
    }
    resp->n_items = n;
    return aut_check_arena(ctx);
}

enum rc
auth_delete_api_token(struct auth *auth, struct ctx *ctx, const Assay__DeleteApiTokenRequest *req,
                      Assay__StatusText *resp)
{
    enum rc rc = aut_check_org(ctx, req->org_id);

    if (rc == RC_OK) {
        rc = revoke_token(auth, ctx, false, req->token_id);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->status = aut_text(ctx, STR("deleted"));
    return aut_check_arena(ctx);
}

/* --- of a project -------------------------------------------------------------------------- */

enum rc
auth_create_project_token(struct auth *auth, struct ctx *ctx,
                          const Assay__CreateProjectTokenRequest *req,
                          Assay__CreateProjectTokenResponse *resp)
{
    const char *organization = req->organization != NULL ? req->organization : req->of_organization;
    bool named = req->name != NULL && req->name[0] != '\0';
    struct aut_token token = {.kind = TOKEN_SDK,
                              .role = ROLE_DEVELOPER,
                              .name = named ? str_z(req->name) : STR("vizzly")};
    struct aut_user user;

    enum rc rc = aut_session_person(auth, ctx, &user);
    rc = rc == RC_OK
             ? aut_project_slugged(auth->db, ctx, organization, req->project, &token.project_id)
             : rc;
    rc = rc == RC_OK ? make_token(auth, ctx, TOKEN_PREFIX_SDK, "api_token.created",
                                  TELL_AUDIT | TELL_WEBHOOKS, &token, &resp->token)
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = token.id;
    resp->name = aut_text(ctx, token.name);
    return aut_check_arena(ctx);
}

enum rc
auth_list_project_tokens(struct auth *auth, struct ctx *ctx,
                         const Assay__ListProjectTokensRequest *req,
                         Assay__ListProjectTokensResponse *resp)
{
    struct aut_token *list = NULL;
    int64_t project_id = 0;
    size_t n = 0;

    enum rc rc = aut_project_slugged(auth->db, ctx, req->organization, req->project, &project_id);
    rc = rc == RC_OK ? aut_org_tokens(auth->db, ctx, project_id, &list, &n) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->tokens = ARENA_ARRAY(ctx->arena, n + 1, Assay__ProjectToken *);
    for (size_t i = 0; resp->tokens != NULL && i < n; i++) {
        Assay__ProjectToken *m = PB_NEW(ctx->arena, Assay__ProjectToken, assay__project_token);
        if (m == NULL) {
            break;
        }
        m->id = list[i].id;
        m->name = aut_text(ctx, list[i].name);
        m->prefix = masked(ctx, list[i].shown);
        m->created_by = aut_text(ctx, list[i].email);
        m->created_at = list[i].created_us;
        if (list[i].used) {
            PB_SET(m, last_used_at, list[i].last_used_us);
        }
        resp->tokens[resp->n_tokens++] = m;
    }
    return aut_check_arena(ctx);
}

enum rc
auth_revoke_project_token(struct auth *auth, struct ctx *ctx,
                          const Assay__RevokeProjectTokenRequest *req,
                          Assay__RevokeProjectTokenResponse *resp)
{
    int64_t project_id = 0;
    int64_t owner = 0;

    enum rc rc = aut_project_slugged(auth->db, ctx, req->organization, req->project, &project_id);
    rc = rc == RC_OK ? aut_project_token_owner(auth->db, ctx, project_id, req->token_id, &owner)
                     : rc;
    if (rc == RC_OK && owner != ctx->who.user_id && ctx->who.role < ROLE_ADMIN) {
        rc = fail(ctx, RC_PERMISSION_DENIED, "NOT_YOURS", "the token is somebody else's");
    }
    resp->success = 1;
    return rc == RC_OK ? revoke_token(auth, ctx, false, req->token_id) : rc;
}

/* --- what a token stands for --------------------------------------------------------------- */

static const char *
prefix_of(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_SDK:
        return TOKEN_PREFIX_SDK;
    case TOKEN_ORG:
        return TOKEN_PREFIX_ORG;
    case TOKEN_PERSONAL:
        return TOKEN_PREFIX_PERSONAL;
    default:
        return "jwt";
    }
}

static Assay__TokenContextPart *
answer_part(struct ctx *ctx, struct str uuid, struct str name, struct str slug)
{
    Assay__TokenContextPart *m =
        PB_NEW(ctx->arena, Assay__TokenContextPart, assay__token_context_part);

    if (m != NULL) {
        m->id = aut_text(ctx, uuid);
        m->name = aut_text(ctx, name);
        m->slug = aut_text(ctx, slug);
    }
    return m;
}

enum rc
auth_get_token_context(struct auth *auth, struct ctx *ctx, const Assay__GetTokenContextRequest *req,
                       Assay__GetTokenContextResponse *resp)
{
    struct aut_context c;
    bool is_jwt = ctx->who.kind == TOKEN_JWT;
    enum rc rc = aut_context(auth->db, ctx, &c);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->token = PB_NEW(ctx->arena, Assay__TokenContextToken, assay__token_context_token);
    resp->organization = answer_part(ctx, c.org_uuid, c.org_name, c.org_slug);
    resp->project = answer_part(ctx, c.project_uuid, c.project_name, c.project_slug);
    resp->user = PB_NEW(ctx->arena, Assay__TokenContextUser, assay__token_context_user);
    if (resp->token == NULL || resp->organization == NULL || resp->project == NULL ||
        resp->user == NULL) {
        return aut_no_memory(ctx);
    }
    resp->user->id = aut_text(ctx, c.user_uuid);
    resp->user->name = aut_text(ctx, c.user_name);
    resp->token->id = aut_text(ctx, is_jwt ? ctx->who.subject : c.token_uuid);
    resp->token->name = aut_text(ctx, is_jwt ? ctx->who.email : c.token_name);
    resp->token->prefix = aut_text(ctx, str_z(prefix_of(ctx->who.kind)));
    return aut_check_arena(ctx);
}
