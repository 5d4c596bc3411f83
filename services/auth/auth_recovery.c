/* SPDX-License-Identifier: Apache-2.0
 *
 * Mailed links: an address verified, a forgotten password set anew. */
#include "auth/aut_feed.h"
#include "auth/aut_session.h"
#include "auth/aut_store_mail.h"

static enum rc
answer_status(struct ctx *ctx, struct str status, Assay__StatusText *resp)
{
    resp->status = aut_text(ctx, status);
    return aut_check_arena(ctx);
}

static enum rc
link_invalid(struct ctx *ctx)
{
    return fail(ctx, RC_FAILED_PRECONDITION, "LINK_INVALID",
                "the token is unknown, expired or already used");
}

/* --- asking for a link --------------------------------------------------------------------- */

/* The same for every address: one row. */
static enum rc
ask(struct auth *auth, struct ctx *ctx, enum aut_mail_kind kind, const char *email,
    Assay__StatusText *resp)
{
    struct aut_mail mail = {.kind = kind, .email = str_z(email)};
    enum rc rc = aut_mail_queue(auth, ctx, &mail);

    return rc == RC_OK ? answer_status(ctx, STR("ok"), resp) : rc;
}

enum rc
auth_resend_verification(struct auth *auth, struct ctx *ctx,
                         const Assay__ResendVerificationRequest *req, Assay__StatusText *resp)
{
    return ask(auth, ctx, AUT_MAIL_VERIFY, req->email, resp);
}

enum rc
auth_forgot_password(struct auth *auth, struct ctx *ctx, const Assay__ForgotPasswordRequest *req,
                     Assay__StatusText *resp)
{
    return ask(auth, ctx, AUT_MAIL_RESET, req->email, resp);
}

/* --- using a link -------------------------------------------------------------------------- */

/* Uses up the link; from here on the caller is known to be its user. */
static enum rc
take_link(struct auth *auth, struct ctx *ctx, enum aut_mail_kind kind, struct str token,
          struct aut_user *out)
{
    int64_t user_id = 0;
    int64_t org_id = 0;
    enum rc rc = aut_link_take(auth->db, ctx, kind, token, &user_id, &org_id);

    if (rc == RC_OK && user_id == 0) {
        return link_invalid(ctx);
    }
    if (rc == RC_OK) {
        rc = aut_user_get(auth->db, ctx, user_id, org_id, out);
    }
    if (rc == RC_OK) {
        aut_session_become(ctx, out);
        rc = aut_user_verify(auth->db, ctx, out);
    }
    return rc;
}

enum rc
auth_verify_email(struct auth *auth, struct ctx *ctx, const Assay__VerifyEmailRequest *req,
                  Assay__StatusText *resp)
{
    struct aut_user user;

    enum rc rc = take_link(auth, ctx, AUT_MAIL_VERIFY, str_z(req->token), &user);
    if (rc == RC_OK) {
        rc = aut_emit(auth, ctx, "user.email_verified", TELL_AUDIT, "user", user.id, user.email);
    }
    return rc == RC_OK ? answer_status(ctx, STR("verified"), resp) : rc;
}

struct reset {
    struct str token;
    const char *phc;
    int64_t epoch;
};

static enum rc
reset_password(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct reset *r = arg;
    struct aut_user user;
    enum rc rc = take_link(auth, ctx, AUT_MAIL_RESET, r->token, &user);

    if (rc == RC_OK) {
        rc = aut_user_set_password(auth->db, ctx, &user, r->phc);
    }
    if (rc == RC_OK) {
        rc = aut_links_void(auth->db, ctx, AUT_MAIL_RESET, user.id);
    }
    if (rc == RC_OK) {
        rc = aut_emit(auth, ctx, "user.password_reset", TELL_AUDIT, "user", user.id, user.email);
    }
    return rc == RC_OK ? aut_password_changed(auth, ctx, &user, STR_EMPTY, &r->epoch) : rc;
}

enum rc
auth_reset_password(struct auth *auth, struct ctx *ctx, const Assay__ResetPasswordRequest *req,
                    Assay__StatusText *resp)
{
    char phc[PASSWD_PHC_MAX];
    struct reset r = {.token = str_z(req->token), .phc = phc};
    bool exists = false;

    /* Looked at first, so that a guess costs no hash. */
    enum rc rc = aut_link_exists(auth->db, ctx, AUT_MAIL_RESET, r.token, &exists);
    if (rc == RC_OK && !exists) {
        return link_invalid(ctx);
    }
    if (rc == RC_OK) {
        rc = passwd_hash(auth->passwd, ctx, str_z(req->new_password), phc);
    }
    if (rc == RC_OK) {
        rc = aut_in_tx(auth, ctx, reset_password, &r);
    }
    if (rc == RC_OK) {
        rc = aut_settle(auth, ctx, r.epoch);
    }
    return rc == RC_OK ? answer_status(ctx, STR("ok"), resp) : rc;
}
