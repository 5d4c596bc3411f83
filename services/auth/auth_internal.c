/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gateway and the other services ask: who a token stands for, what was revoked, whether a
 * path exists; the audit log; and what everybody may ask: who am I, which keys sign. */
#include <stdlib.h>
#include <string.h>

#include "auth/aut_audit.h"
#include "auth/aut_feed.h"
#include "auth/aut_keys.h"
#include "auth/aut_mail.h"
#include "auth/aut_session.h"
#include "base/id.h"
#include "pb/pb.h"
#include "sec/jws.h"
#include "sec/token.h"

#define JWKS_MAX ((size_t)64 << 10)
#define WAIT_MAX_US (10 * ASSAY_US_PER_S)

static enum rc
unauthenticated(struct ctx *ctx)
{
    return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the token is not valid");
}

/* --- who ----------------------------------------------------------------------------------- */

static enum rc
answer_who(struct ctx *ctx, const struct aut_who *who, Assay__IntrospectResponse *resp)
{
    const struct principal *p = &who->who;
    Assay__Principal *m = PB_NEW(ctx->arena, Assay__Principal, assay__principal);

    if (m == NULL) {
        return fail_memory(ctx, "the answer is too large");
    }
    PB_SET(m, user_id, p->user_id);
    PB_SET(m, org_id, p->org_id);
    PB_SET(m, role, (int32_t)p->role);
    PB_SET(m, kind, (int32_t)p->kind);
    PB_SET(m, token_id, p->token_id);
    PB_SET(m, project_id, p->project_id);
    m->email = aut_text(ctx, p->email);
    m->subject = aut_text(ctx, p->subject);
    resp->who = m;
    resp->epoch = who->epoch;
    if (who->expires_us != 0) {
        PB_SET(resp, expires_us, who->expires_us);
    }
    return aut_check_arena(ctx);
}

enum rc
auth_introspect(struct auth *auth, struct ctx *ctx, const Assay__IntrospectRequest *req,
                Assay__IntrospectResponse *resp)
{
    struct str text = str_z(req->token);
    enum token_kind kind = token_kind_of(text);
    struct aut_who who;
    bool ok = false;

    if (kind == TOKEN_NONE || kind == TOKEN_JWT) {
        return unauthenticated(ctx);
    }
    enum rc rc = aut_token_check(auth->db, ctx, text, &ok, &who);
    if (rc != RC_OK) {
        return rc;
    }
    if (!ok) {
        return unauthenticated(ctx);
    }
    if (who.stamp && aut_token_used(auth->db, ctx, who.who.token_id) != RC_OK) {
        ctx_recover(ctx); /* a note for people; nobody is refused for it */
    }
    return answer_who(ctx, &who, resp);
}

enum rc
auth_check_user(struct auth *auth, struct ctx *ctx, const Assay__CheckUserRequest *req,
                Assay__IntrospectResponse *resp)
{
    struct aut_who who;
    bool ok = false;

    if (!id_is_uuid(str_z(req->jti))) {
        return unauthenticated(ctx);
    }
    enum rc rc =
        aut_login_check(auth->db, ctx, str_z(req->jti), req->user_id, req->org_id, &ok, &who);
    if (rc != RC_OK) {
        return rc;
    }
    return ok ? answer_who(ctx, &who, resp) : unauthenticated(ctx);
}

enum rc
auth_find_gone(struct auth *auth, struct ctx *ctx, const Assay__FindGoneRequest *req,
               Assay__FindGoneResponse *resp)
{
    return aut_users_gone(auth->db, ctx, req->user_ids, req->n_user_ids, &resp->user_ids,
                          &resp->n_user_ids);
}

enum rc
auth_get_me(struct auth *auth, struct ctx *ctx, const Assay__GetMeRequest *req,
            Assay__GetMeResponse *resp)
{
    struct aut_user user;
    enum rc rc = aut_session_user(auth, ctx, &user);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = user.id;
    resp->email = aut_text(ctx, user.email);
    resp->role = aut_text(ctx, str_z(jws_role_name(ctx->who.role))); /* that of the token */
    resp->organization_id = user.org_id;
    resp->created_at = user.created_us;
    resp->email_verified = user.email_verified;
    return aut_check_arena(ctx);
}

enum rc
auth_get_jwks(struct auth *auth, struct ctx *ctx, const Assay__GetJwksRequest *req,
              Assay__GetJwksResponse *resp)
{
    struct buf b;

    (void)req;
    buf_init(&b, JWKS_MAX);
    aut_keys_put(auth->keys, &b);
    resp->keys = pb_bytes(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return aut_check_arena(ctx);
}

/* --- paths --------------------------------------------------------------------------------- */

static enum rc
check_token_path(struct auth *auth, struct ctx *ctx, bool personal, struct str value)
{
    int64_t id = 0;
    bool exists = false;
    enum rc rc = RC_OK;

    if (str_to_i64(value, 1, INT64_MAX, &id) == RC_OK) {
        rc = aut_token_exists(auth->db, ctx, personal, id, &exists);
    }
    if (rc == RC_OK && !exists) {
        return fail(ctx, RC_NOT_FOUND, "TOKEN_NOT_FOUND", "no such token");
    }
    return rc;
}

static enum rc
check_member_path(struct auth *auth, struct ctx *ctx, struct str value)
{
    struct aut_user user;
    int64_t id = 0;

    return str_to_i64(value, 1, INT64_MAX, &id) == RC_OK
               ? aut_member_get(auth->db, ctx, id, &user)
               : fail(ctx, RC_NOT_FOUND, "MEMBER_NOT_FOUND", "no such member");
}

static enum rc
check_param(struct auth *auth, struct ctx *ctx, const Assay__PathParam *param)
{
    struct str value = str_z(param->value);
    int64_t id = 0;

    if (strcmp(param->name, "org_id") == 0) {
        bool ours = str_to_i64(value, 1, INT64_MAX, &id) == RC_OK && id == ctx->who.org_id;
        return ours ? RC_OK
                    : fail(ctx, RC_NOT_FOUND, "ORGANIZATION_NOT_FOUND", "no such organization");
    }
    if (strcmp(param->name, "token_id") == 0) {
        return check_token_path(auth, ctx, false, value);
    }
    if (strcmp(param->name, "member_id") == 0) {
        return check_member_path(auth, ctx, value);
    }
    if (strcmp(param->name, "id") == 0) {
        return check_token_path(auth, ctx, true, value);
    }
    return RC_OK; /* names nothing of ours */
}

enum rc
auth_check_path(struct auth *auth, struct ctx *ctx, const Assay__CheckPathRequest *req,
                Assay__Empty *resp)
{
    enum rc rc = RC_OK;

    (void)resp;
    for (size_t i = 0; i < req->n_params && rc == RC_OK; i++) {
        rc = check_param(auth, ctx, req->params[i]);
    }
    return rc;
}

/* --- revocations --------------------------------------------------------------------------- */

static enum rc
answer_watch(struct auth *auth, struct ctx *ctx, int64_t acked,
             Assay__WatchRevocationsResponse *resp)
{
    struct aut_revocation *list = NULL;
    size_t n = 0;
    bool all = false;

    enum rc rc = aut_feed_since(auth->feed, ctx, acked, &resp->epoch, &list, &n, &all);
    if (rc != RC_OK) {
        return rc;
    }
    if (all || acked < 0) {
        PB_SET(resp, all, 1);
        return RC_OK;
    }
    resp->revocations = ARENA_ARRAY(ctx->arena, n + 1, Assay__Revocation *);
    for (size_t i = 0; resp->revocations != NULL && i < n; i++) {
        Assay__Revocation *m = PB_NEW(ctx->arena, Assay__Revocation, assay__revocation);
        if (m == NULL) {
            break;
        }
        if (list[i].user_id != 0) {
            PB_SET(m, user_id, list[i].user_id);
        }
        if (list[i].token_id != 0) {
            PB_SET(m, token_id, list[i].token_id);
        }
        if (list[i].org_id != 0) {
            PB_SET(m, org_id, list[i].org_id);
        }
        resp->revocations[resp->n_revocations++] = m;
    }
    return aut_check_arena(ctx);
}

enum rc
auth_watch_revocations(struct auth *auth, struct ctx *ctx,
                       const Assay__WatchRevocationsRequest *req,
                       Assay__WatchRevocationsResponse *resp)
{
    int64_t started_us = clk_mono_us();
    int64_t wait_us = req->wait_us < 0 ? 0 : req->wait_us;

    wait_us = wait_us > WAIT_MAX_US ? WAIT_MAX_US : wait_us;
    resp->lease_us = auth->cfg->lease_us;
    enum rc rc = aut_feed_renew(auth, ctx, str_z(req->gateway_id), req->acked_epoch,
                                wait_us + auth->cfg->lease_us);
    if (rc != RC_OK) {
        return rc;
    }
    if (req->acked_epoch >= 0) {
        int64_t left_us = ctx_left_us(ctx) - 100 * ASSAY_US_PER_MS; /* to answer in time */
        wait_us = left_us < wait_us ? left_us : wait_us;
        aut_feed_wait(auth->feed, req->acked_epoch, started_us + wait_us);
    }
    return answer_watch(auth, ctx, req->acked_epoch, resp);
}

/* --- audit --------------------------------------------------------------------------------- */

/* An absent string is p NULL. */
static struct str
opt_z(const char *z)
{
    return z == NULL ? STR_EMPTY : str_z(z);
}

static enum rc
store_event(struct auth *auth, struct ctx *ctx, const Assay__Event *event)
{
    bool fresh = false;
    struct aut_entry entry = {.org_id = event->org_id,
                              .event_id = str_z(event->id),
                              .type = str_z(event->type),
                              .at_us = event->at_us,
                              .has_user = event->has_actor_user_id,
                              .user_id = event->actor_user_id,
                              .email = opt_z(event->actor_email),
                              .resource_type = opt_z(event->resource_type),
                              .resource_id = opt_z(event->resource_id),
                              .resource_name = opt_z(event->resource_name),
                              .details = opt_z(event->details),
                              .peer = opt_z(event->peer),
                              .request_id = opt_z(event->request_id)};

    enum rc rc = svc_inbox(auth->db, ctx, entry.event_id, &fresh);
    if (rc != RC_OK || !fresh) {
        return rc;
    }
    rc = aut_audit_add(auth->db, ctx, &entry);
    struct str data =
        event->has_data ? str_n((const char *)event->data.data, event->data.len) : STR_EMPTY;
    return rc == RC_OK ? aut_notice_queue(auth, ctx, event->org_id, entry.type, data) : rc;
}

static int
by_org(const void *a, const void *b)
{
    const Assay__Event *x = *(Assay__Event *const *)a;
    const Assay__Event *y = *(Assay__Event *const *)b;

    if (x->org_id != y->org_id) {
        return x->org_id < y->org_id ? -1 : 1;
    }
    return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

/* In the order of organizations, so that two deliveries never wait for each other's chains in a
 * circle; those of one organization keep their order by time. */
static Assay__Event **
sorted_events(struct ctx *ctx, const Assay__DeliverEventsRequest *req)
{
    Assay__Event **list = ARENA_ARRAY(ctx->arena, req->n_events + 1, Assay__Event *);

    for (size_t i = 0; list != NULL && i < req->n_events; i++) {
        list[i] = req->events[i];
    }
    if (list != NULL) {
        qsort(list, req->n_events, sizeof(Assay__Event *), by_org);
    }
    return list;
}

enum rc
auth_deliver_events(struct auth *auth, struct ctx *ctx, const Assay__DeliverEventsRequest *req,
                    Assay__DeliverEventsResponse *resp)
{
    Assay__Event **events = sorted_events(ctx, req);

    resp->accepted = ARENA_ARRAY(ctx->arena, req->n_events + 1, char *);
    for (size_t i = 0; !arena_failed(ctx->arena) && i < req->n_events; i++) {
        enum rc rc = store_event(auth, ctx, events[i]);
        if (rc != RC_OK) {
            return rc;
        }
        resp->accepted[resp->n_accepted++] = aut_text(ctx, str_z(events[i]->id));
    }
    return aut_check_arena(ctx);
}
