/* SPDX-License-Identifier: Apache-2.0
 *
 * Sign-in of command lines: asked for, polled, renewed, ended. The page on which a person decides
 * is auth_device_page.c. */
#include <string.h>

#include "auth/aut_device.h"
#include "auth/aut_feed.h"
#include "auth/aut_session.h"
#include "base/id.h"
#include "pb/pb.h"
#include "sec/token.h"

#define INTERVAL_S 5
#define REFRESH_LIFE_US (30 * 24 * 3600 * ASSAY_US_PER_S)
#define PREFIX_DEVICE "dev_"
#define PREFIX_REFRESH "twr_"
#define AGENT_MAX 200
/* Two of 25 thousand million codes that are the same at once are a broken generator. */
#define CODES_TRIED 3
#define TOKEN_NAME "vizzly login"

/* --- asking -------------------------------------------------------------------------------- */

/* As much of the client's name as is kept. */
static struct str
agent_of(const char *agent)
{
    return str_cut(agent == NULL ? STR_EMPTY : str_z(agent), AGENT_MAX);
}

enum rc
auth_start_cli_login(struct auth *auth, struct ctx *ctx, const Assay__StartCliLoginRequest *req,
                     Assay__StartCliLoginResponse *resp)
{
    char device[TOKEN_TEXT_MAX];
    char code[AUT_USER_CODE_LEN + 1];
    bool taken = true;
    enum rc rc = RC_OK;

    token_new(PREFIX_DEVICE, device);
    for (int i = 0; rc == RC_OK && taken && i < CODES_TRIED; i++) {
        aut_user_code_new(code);
        rc = aut_device_insert(auth->db, ctx, str_z(device), code, agent_of(req->agent), &taken);
    }
    if (rc != RC_OK || taken) {
        return rc != RC_OK ? rc : fail(ctx, RC_INTERNAL, "NO_CODE", "no user code is free");
    }
    struct str shown = aut_user_code_shown(ctx->arena, code);
    resp->device_code = aut_text(ctx, str_z(device));
    resp->user_code = aut_text(ctx, shown);
    resp->verification_uri =
        aut_text(ctx, arena_printf(ctx->arena, "%.*s/account/device", STR_ARG(ctx->host)));
    resp->verification_uri_complete = aut_text(
        ctx, arena_printf(ctx->arena, "%s?code=%.*s", resp->verification_uri, STR_ARG(shown)));
    resp->expires_in = AUT_DEVICE_LIFE_US / ASSAY_US_PER_S;
    resp->interval = INTERVAL_S;
    return aut_check_arena(ctx);
}

/* --- tokens -------------------------------------------------------------------------------- */

struct pair {
    char access[TOKEN_TEXT_MAX];
    char refresh[TOKEN_TEXT_MAX];
    int64_t expires_us;
};

static void
pair_new(struct pair *pair)
{
    token_new(TOKEN_PREFIX_PERSONAL, pair->access);
    token_new(PREFIX_REFRESH, pair->refresh);
}

/* The caller has become the user that approved. */
static enum rc
make_tokens(struct auth *auth, struct ctx *ctx, struct pair *pair)
{
    char shown[TOKEN_SHOWN_MAX];
    struct aut_token token = {.kind = TOKEN_PERSONAL, .name = STR(TOKEN_NAME)};

    pair_new(pair);
    token_shown(str_z(pair->access), shown);
    token.shown = str_z(shown);
    enum rc rc = aut_token_insert(auth->db, ctx, str_z(pair->access), &token);
    rc = rc == RC_OK ? aut_cli_token_lasts(auth->db, ctx, token.id, auth->cfg->jwt_ttl_us,
                                           &pair->expires_us)
                     : rc;
    rc = rc == RC_OK ? aut_cli_refresh_insert(auth->db, ctx, token.id, str_z(pair->refresh),
                                              REFRESH_LIFE_US)
                     : rc;
    return rc == RC_OK ? aut_emit(auth, ctx, "personal_token.created", TELL_AUDIT, "api_token",
                                  token.id, token.name)
                       : rc;
}

static int64_t
seconds_left(const struct pair *pair)
{
    return (pair->expires_us - clk_wall_us()) / ASSAY_US_PER_S;
}

static enum rc
answer_user(struct auth *auth, struct ctx *ctx, Assay__CliUser **out_user,
            Assay__SdkOrganization ***out, size_t *out_count)
{
    Assay__ListSdkOrganizationsRequest req = ASSAY__LIST_SDK_ORGANIZATIONS_REQUEST__INIT;
    Assay__ListSdkOrganizationsResponse resp = ASSAY__LIST_SDK_ORGANIZATIONS_RESPONSE__INIT;
    struct aut_cli_user user;

    enum rc rc = aut_cli_user(auth->db, ctx, &user);
    rc = rc == RC_OK ? auth_list_sdk_organizations(auth, ctx, &req, &resp) : rc;
    Assay__CliUser *m = PB_NEW(ctx->arena, Assay__CliUser, assay__cli_user);
    if (rc != RC_OK || m == NULL) {
        return rc != RC_OK ? rc : aut_no_memory(ctx);
    }
    m->id = user.uuid;
    m->name = m->username = user.name;
    m->email = user.email;
    *out_user = m;
    *out = resp.organizations;
    *out_count = resp.n_organizations;
    return RC_OK;
}

enum rc
auth_get_cli_user(struct auth *auth, struct ctx *ctx, const Assay__GetCliUserRequest *req,
                  Assay__GetCliUserResponse *resp)
{
    (void)req;
    return answer_user(auth, ctx, &resp->user, &resp->organizations, &resp->n_organizations);
}

/* --- polling ------------------------------------------------------------------------------- */

static enum rc
give_tokens(struct auth *auth, struct ctx *ctx, const struct aut_device *device,
            Assay__PollCliLoginResponse *resp)
{
    struct aut_user user;
    struct pair pair;

    enum rc rc = aut_user_get(auth->db, ctx, device->user_id, device->org_id, &user);
    if (rc != RC_OK) {
        return rc;
    }
    aut_session_become(ctx, &user);
    rc = make_tokens(auth, ctx, &pair);
    rc = rc == RC_OK
             ? answer_user(auth, ctx, &resp->user, &resp->organizations, &resp->n_organizations)
             : rc;
    resp->tokens = PB_NEW(ctx->arena, Assay__CliTokens, assay__cli_tokens);
    if (rc != RC_OK || resp->tokens == NULL) {
        return rc != RC_OK ? rc : aut_no_memory(ctx);
    }
    resp->tokens->access_token = aut_text(ctx, str_z(pair.access));
    resp->tokens->refresh_token = aut_text(ctx, str_z(pair.refresh));
    resp->tokens->expires_in = seconds_left(&pair);
    PB_SET(resp, expires_at, pair.expires_us);
    hash_wipe(&pair, sizeof(pair));
    return RC_OK;
}

enum rc
auth_poll_cli_login(struct auth *auth, struct ctx *ctx, const Assay__PollCliLoginRequest *req,
                    Assay__PollCliLoginResponse *resp)
{
    static const char *const WORDS[] = {[AUT_DEVICE_PENDING] = "pending",
                                        [AUT_DEVICE_APPROVED] = "approved",
                                        [AUT_DEVICE_DENIED] = "denied"};
    struct aut_device device;
    bool found = false;

    enum rc rc = aut_device_poll(auth->db, ctx, str_z(req->device_code), &found, &device);
    if (rc != RC_OK) {
        return rc;
    }
    if (!found || device.state == AUT_DEVICE_USED) {
        return fail(ctx, RC_INVALID_ARGUMENT, "DEVICE_CODE",
                    "the device code is unknown, or was used");
    }
    bool denied = device.state == AUT_DEVICE_DENIED;
    resp->status =
        aut_text(ctx, device.over && !denied ? STR("expired") : str_z(WORDS[device.state]));
    if (!device.over && device.state == AUT_DEVICE_APPROVED) {
        rc = give_tokens(auth, ctx, &device, resp);
    }
    return rc == RC_OK ? aut_check_arena(ctx) : rc;
}

/* --- renewing and ending ------------------------------------------------------------------- */

struct renewal {
    struct str secret;
    struct aut_cli_login login;
    struct pair pair;
    bool ended; /* instead of renewed */
    int64_t epoch;
};

static enum rc
refuse_refresh(struct ctx *ctx)
{
    return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED",
                "the refresh token is not valid, log in again");
}

static enum rc
end_token(struct auth *auth, struct ctx *ctx, struct renewal *r, const char *event)
{
    struct aut_revocation what = {.token_id = r->login.token_id};
    struct str name;

    enum rc rc = aut_cli_token_end(auth->db, ctx, r->login.token_id, &name);
    rc = rc == RC_OK ? aut_emit(auth, ctx, event, TELL_AUDIT, "api_token", r->login.token_id, name)
                     : rc;
    r->ended = true;
    return rc == RC_OK ? aut_revoke(auth, ctx, &what, &r->epoch) : rc;
}

/* Whose secret it is; the caller is that user from here on. */
static enum rc
take_secret(struct auth *auth, struct ctx *ctx, struct renewal *r, bool *out_found)
{
    struct aut_user user;

    enum rc rc = aut_cli_refresh_take(auth->db, ctx, r->secret, out_found, &r->login);
    if (rc != RC_OK || !*out_found) {
        return rc;
    }
    rc = aut_user_get(auth->db, ctx, r->login.user_id, r->login.org_id, &user);
    if (rc == RC_OK) {
        aut_session_become(ctx, &user);
    }
    return rc;
}

static enum rc
renew(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct renewal *r = arg;
    struct aut_revocation what = {.token_id = 0};
    char shown[TOKEN_SHOWN_MAX];
    bool found = false;

    enum rc rc = take_secret(auth, ctx, r, &found);
    if (rc != RC_OK) {
        return rc;
    }
    if (!found || r->login.over || (r->login.used && r->login.ago_us < AUT_REFRESH_GRACE_US)) {
        return refuse_refresh(ctx);
    }
    if (r->login.used) {
        return end_token(auth, ctx, r, "personal_token.reused");
    }
    pair_new(&r->pair);
    token_shown(str_z(r->pair.access), shown);
    rc = aut_cli_token_renew(auth->db, ctx, r->login.token_id, str_z(r->pair.access), str_z(shown),
                             auth->cfg->jwt_ttl_us, &r->pair.expires_us);
    rc = rc == RC_OK ? aut_cli_refresh_insert(auth->db, ctx, r->login.token_id,
                                              str_z(r->pair.refresh), REFRESH_LIFE_US)
                     : rc;
    rc = rc == RC_OK ? aut_emit(auth, ctx, "personal_token.renewed", TELL_AUDIT, "api_token",
                                r->login.token_id, STR(TOKEN_NAME))
                     : rc;
    what.token_id = r->login.token_id; /* the text it had */
    return rc == RC_OK ? aut_revoke(auth, ctx, &what, &r->epoch) : rc;
}

enum rc
auth_refresh_cli_login(struct auth *auth, struct ctx *ctx, const Assay__RefreshCliLoginRequest *req,
                       Assay__RefreshCliLoginResponse *resp)
{
    struct renewal r = {.secret = str_z(req->refresh_token)};

    enum rc rc = aut_in_tx(auth, ctx, renew, &r);
    rc = rc == RC_OK ? aut_settle(auth, ctx, r.epoch) : rc;
    if (rc == RC_OK && r.ended) {
        return refuse_refresh(ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->access_token = aut_text(ctx, str_z(r.pair.access));
    resp->refresh_token = aut_text(ctx, str_z(r.pair.refresh));
    resp->expires_in = seconds_left(&r.pair);
    resp->expires_at = r.pair.expires_us;
    hash_wipe(&r.pair, sizeof(r.pair));
    return aut_check_arena(ctx);
}

static enum rc
end_login(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct renewal *r = arg;
    bool found = false;
    enum rc rc = take_secret(auth, ctx, r, &found);

    return rc == RC_OK && found ? end_token(auth, ctx, r, "personal_token.deleted") : rc;
}

enum rc
auth_end_cli_login(struct auth *auth, struct ctx *ctx, const Assay__EndCliLoginRequest *req,
                   Assay__EndCliLoginResponse *resp)
{
    struct renewal r = {.secret = str_z(req->refresh_token)};

    resp->success = 1;
    enum rc rc = aut_in_tx(auth, ctx, end_login, &r);
    return rc == RC_OK ? aut_settle(auth, ctx, r.epoch) : rc;
}
