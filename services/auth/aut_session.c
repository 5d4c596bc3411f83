/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_session.h"

#include "auth/aut_feed.h"
#include "auth/aut_keys.h"
#include "auth/aut_mail.h"
#include "auth/aut_throttle.h"
#include "base/id.h"
#include "pb/pb.h"

static enum rc
sign(struct auth *auth, struct ctx *ctx, const struct aut_user *user, const char *jti,
     int64_t now_us, char **out)
{
    struct jws_claims claims = {.iss = str_z(auth->cfg->issuer),
                                .aud = str_z(auth->cfg->audience),
                                .jti = str_z(jti),
                                .email = user->email,
                                .user_id = user->id,
                                .org_id = user->org_id,
                                .role = user->role,
                                .issued_us = now_us,
                                .expires_us = now_us + auth->cfg->jwt_ttl_us};
    struct buf b;

    buf_init(&b, JWS_TOKEN_MAX);
    enum rc rc = aut_keys_sign(auth->keys, ctx, &claims, &b);
    if (rc == RC_OK) {
        *out = aut_text(ctx, buf_str(&b));
    }
    buf_fini(&b);
    return rc;
}

enum rc
aut_session_begin(struct auth *auth, struct ctx *ctx, const struct aut_user *user, char **out_token)
{
    char jti[ID_UUID_LEN + 1];
    int64_t now_us = clk_wall_us();

    id_uuid(jti);
    enum rc rc = aut_login_insert(auth->db, ctx, user, jti, now_us + auth->cfg->jwt_ttl_us);
    return rc == RC_OK ? sign(auth, ctx, user, jti, now_us, out_token) : rc;
}

enum rc
aut_session_user(struct auth *auth, struct ctx *ctx, struct aut_user *out)
{
    return aut_user_get(auth->db, ctx, ctx->who.user_id, ctx->who.org_id, out);
}

enum rc
aut_session_person(struct auth *auth, struct ctx *ctx, struct aut_user *out)
{
    struct aut_user user;
    enum rc rc = aut_session_user(auth, ctx, &user);

    if (rc != RC_OK) {
        return rc;
    }
    bool shared = ctx->who.kind == TOKEN_ORG || ctx->who.kind == TOKEN_SDK;
    if (shared && ctx->who.role < user.role) {
        return fail(ctx, RC_PERMISSION_DENIED, "TOKEN_TOO_WEAK",
                    "this token has less than the role of its creator");
    }
    *out = user;
    return RC_OK;
}

void
aut_session_become(struct ctx *ctx, const struct aut_user *user)
{
    ctx->who.user_id = user->id;
    ctx->who.org_id = user->org_id;
    ctx->who.role = user->role;
    ctx->who.email = user->email;
}

enum rc
aut_password_changed(struct auth *auth, struct ctx *ctx, const struct aut_user *user,
                     struct str keep, int64_t *epoch)
{
    struct aut_revocation what = {.user_id = user->id};
    struct aut_mail notice = {
        .kind = AUT_MAIL_PASSWORD_CHANGED, .org_id = user->org_id, .email = user->email};

    enum rc rc = aut_logins_end(auth->db, ctx, user->id, keep);
    if (rc == RC_OK) {
        rc = aut_throttle_forgive(auth, ctx, user->email);
    }
    if (rc == RC_OK) {
        rc = aut_mail_queue(auth, ctx, &notice);
    }
    return rc == RC_OK ? aut_revoke(auth, ctx, &what, epoch) : rc;
}

enum rc
aut_email_taken(struct ctx *ctx, enum rc rc)
{
    if (rc != RC_ALREADY_EXISTS) {
        return rc;
    }
    ctx_recover(ctx);
    return fail(ctx, RC_ALREADY_EXISTS, "EMAIL_TAKEN", "this e-mail is already registered");
}

void
aut_session_fill(struct ctx *ctx, const struct aut_user *user, Assay__User *m)
{
    m->id = user->id;
    m->email = aut_text(ctx, user->email);
    m->role = aut_text(ctx, str_z(jws_role_name(user->role)));
    m->organization_id = user->org_id;
    m->created_at = user->created_us;
}

Assay__User *
aut_session_answer(struct ctx *ctx, const struct aut_user *user)
{
    Assay__User *m = PB_NEW(ctx->arena, Assay__User, assay__user);

    if (m != NULL) {
        aut_session_fill(ctx, user, m);
    }
    return m;
}
