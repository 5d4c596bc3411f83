/* SPDX-License-Identifier: Apache-2.0
 *
 * First admin, registration, sign-in, password, end of an account. */
#include <string.h>

#include "auth/aut_feed.h"
#include "auth/aut_mail.h"
#include "auth/aut_session.h"
#include "auth/aut_throttle.h"
#include "base/id.h"
#include "pb/pb.h"
#include "sec/jws.h"

#define PASSWORD_BUF PASSWD_PHC_MAX

/* What the transactions below share. */
struct entry {
    struct aut_user user;
    struct str org_name;     /* of a new organization */
    struct str invite_token; /* p NULL: none */
    struct str keep;         /* login that survives */
    const char *new_phc;     /* NULL: unchanged */
    bool stays_out;          /* no session begins */
    int64_t epoch;
    char *token;
};

/* --- first admin --------------------------------------------------------------------------- */

static enum rc
setup_complete(struct ctx *ctx)
{
    return fail(ctx, RC_FAILED_PRECONDITION, "SETUP_COMPLETE", "a user exists already");
}

enum rc
auth_get_setup(struct auth *auth, struct ctx *ctx, const Assay__GetSetupRequest *req,
               Assay__GetSetupResponse *resp)
{
    bool exist = false;
    enum rc rc = aut_users_exist(auth->db, ctx, &exist);

    (void)req;
    resp->needs_setup = !exist;
    return rc;
}

static enum rc
create_first(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct entry *e = arg;
    bool exist = false;

    enum rc rc = aut_setup_lock(auth->db, ctx);
    if (rc == RC_OK) {
        rc = aut_users_exist(auth->db, ctx, &exist);
    }
    if (rc == RC_OK && exist) {
        return setup_complete(ctx);
    }
    if (rc == RC_OK) {
        rc = aut_org_insert(auth->db, ctx, STR("Default"), &e->user.org_id);
    }
    if (rc == RC_OK) {
        rc = aut_user_insert(auth->db, ctx, &e->user);
    }
    if (rc != RC_OK) {
        return rc;
    }
    aut_session_become(ctx, &e->user);
    rc = aut_emit(auth, ctx, "user.registered", TELL_AUDIT, "user", e->user.id, e->user.email);
    return rc == RC_OK ? aut_session_begin(auth, ctx, &e->user, &e->token) : rc;
}

enum rc
auth_create_setup(struct auth *auth, struct ctx *ctx, const Assay__CreateSetupRequest *req,
                  Assay__CreateSetupResponse *resp)
{
    char phc[PASSWORD_BUF];
    bool exist = false;
    struct entry e = {
        .user = {.email = str_z(req->email), .role = ROLE_ADMIN, .email_verified = true}};

    /* Looked at first, so that a closed door costs no hash. */
    enum rc rc = aut_users_exist(auth->db, ctx, &exist);
    if (rc == RC_OK && exist) {
        return setup_complete(ctx);
    }
    if (rc == RC_OK) {
        rc = passwd_hash(auth->passwd, ctx, str_z(req->password), phc);
    }
    if (rc != RC_OK) {
        return rc;
    }
    e.user.phc = str_z(phc);
    rc = aut_in_tx(auth, ctx, create_first, &e);
    if (rc != RC_OK) {
        return aut_email_taken(ctx, rc);
    }
    resp->token = e.token;
    resp->user = aut_session_answer(ctx, &e.user);
    return resp->user == NULL ? aut_no_memory(ctx) : aut_check_arena(ctx);
}

/* --- registration -------------------------------------------------------------------------- */

static enum rc
find_place(struct auth *auth, struct ctx *ctx, struct entry *e)
{
    bool ok = false;

    if (e->invite_token.p == NULL) {
        e->user.role = ROLE_ADMIN;
        return aut_org_insert(auth->db, ctx, e->org_name, &e->user.org_id);
    }
    enum rc rc = aut_invite_take(auth->db, ctx, e->invite_token, e->user.email, &ok,
                                 &e->user.org_id, &e->user.role);
    if (rc == RC_OK && !ok) {
        return fail(ctx, RC_FAILED_PRECONDITION, "INVITE_INVALID",
                    "the invite is unknown, expired, used, replaced, or bound to another e-mail");
    }
    e->user.email_verified = true;
    return rc;
}

static enum rc
create_account(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct entry *e = arg;
    bool joined = e->invite_token.p != NULL;
    struct aut_mail verify = {.kind = AUT_MAIL_VERIFY, .email = e->user.email};

    enum rc rc = aut_register_lock(auth->db, ctx);
    if (rc == RC_OK) {
        rc = find_place(auth, ctx, e);
    }
    if (rc == RC_OK) {
        rc = aut_user_insert(auth->db, ctx, &e->user);
    }
    if (rc != RC_OK) {
        return rc;
    }
    aut_session_become(ctx, &e->user);
    rc = aut_emit(auth, ctx, "user.registered", TELL_AUDIT, "user", e->user.id, e->user.email);
    if (rc == RC_OK && joined) {
        rc = aut_emit(auth, ctx, "member.joined", TELL_AUDIT | TELL_WEBHOOKS, "user", e->user.id,
                      e->user.email);
    } else if (rc == RC_OK) {
        verify.org_id = e->user.org_id;
        rc = aut_mail_queue(auth, ctx, &verify);
    }
    return rc == RC_OK ? aut_session_begin(auth, ctx, &e->user, &e->token) : rc;
}

enum rc
auth_register(struct auth *auth, struct ctx *ctx, const Assay__RegisterRequest *req,
              Assay__RegisterResponse *resp)
{
    char phc[PASSWORD_BUF];
    struct entry e = {.user = {.email = str_z(req->email)},
                      .org_name = str_z(req->organization_name),
                      .invite_token = str_z(req->invite_token)};

    enum rc rc = passwd_hash(auth->passwd, ctx, str_z(req->password), phc);
    if (rc != RC_OK) {
        return rc;
    }
    e.user.phc = str_z(phc);
    rc = aut_in_tx(auth, ctx, create_account, &e);
    if (rc != RC_OK) {
        return aut_email_taken(ctx, rc);
    }
    resp->access_token = e.token;
    resp->token_type = aut_text(ctx, STR("bearer"));
    resp->user_id = e.user.id;
    resp->email = aut_text(ctx, e.user.email);
    resp->organization_id = e.user.org_id;
    resp->role = aut_text(ctx, str_z(jws_role_name(e.user.role)));
    resp->email_verified = e.user.email_verified;
    return aut_check_arena(ctx);
}

/* --- sign-in ------------------------------------------------------------------------------- */

static enum rc
login_failed(struct auth *auth, struct ctx *ctx, void *arg)
{
    const struct entry *e = arg;

    /* The same for an unknown account (organization 0), so that time tells nothing. */
    return aut_emit(auth, ctx, "user.login_failed", TELL_AUDIT, "user", e->user.id, e->user.email);
}

static enum rc
refuse_login(struct auth *auth, struct ctx *ctx, struct entry *e)
{
    ctx->who.org_id = e->user.org_id;
    enum rc rc = aut_in_tx(auth, ctx, login_failed, e);

    ctx->who.org_id = 0;
    return rc == RC_OK
               ? fail(ctx, RC_UNAUTHENTICATED, "INVALID_CREDENTIALS", "wrong e-mail or password")
               : rc;
}

#define PASSWORD_MOVED "PASSWORD_MOVED"

/* What was verified must still be so: a password that was set anew while an old one was looked at
 * ends that sign-in, too. */
static enum rc
hold_password(struct auth *auth, struct ctx *ctx, const struct entry *e)
{
    bool same = false;
    enum rc rc = aut_user_lock(auth->db, ctx, &e->user, &same);

    return rc == RC_OK && !same
               ? fail(ctx, RC_ABORTED, PASSWORD_MOVED, "the password is being changed, try again")
               : rc;
}

static enum rc
login_passed(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct entry *e = arg;
    enum rc rc = hold_password(auth, ctx, e);

    if (rc == RC_OK) {
        rc = aut_throttle_passed(auth, ctx, e->user.email);
    }
    if (rc == RC_OK && e->new_phc != NULL) {
        rc = aut_user_set_password(auth->db, ctx, &e->user, e->new_phc);
    }
    if (rc == RC_OK) {
        rc = aut_emit(auth, ctx, "user.login", TELL_AUDIT, "user", e->user.id, e->user.email);
    }
    return rc == RC_OK && !e->stays_out ? aut_session_begin(auth, ctx, &e->user, &e->token) : rc;
}

/* Checks the password; *out_ok. Stronger settings than those of the stored hash are applied now. */
static enum rc
check_password(struct auth *auth, struct ctx *ctx, struct entry *e, struct str password,
               bool *out_ok)
{
    bool rehash = false;
    enum rc rc = passwd_verify(auth->passwd, ctx, password, e->user.phc, out_ok, &rehash);

    if (rc != RC_OK || !rehash) {
        return rc;
    }
    char *phc = arena_alloc(ctx->arena, PASSWORD_BUF);
    if (phc == NULL) {
        return aut_no_memory(ctx);
    }
    rc = passwd_hash(auth->passwd, ctx, password, phc);
    e->new_phc = phc;
    return rc;
}

static enum rc
answer_login(struct ctx *ctx, const struct entry *e, Assay__LoginResponse *resp)
{
    resp->access_token = e->token;
    resp->token = e->token;
    resp->token_type = aut_text(ctx, STR("bearer"));
    resp->user_id = e->user.id;
    resp->email = aut_text(ctx, e->user.email);
    resp->organization_id = e->user.org_id;
    resp->role = aut_text(ctx, str_z(jws_role_name(e->user.role)));
    resp->email_verified = e->user.email_verified;
    resp->user = aut_session_answer(ctx, &e->user);
    return resp->user == NULL ? aut_no_memory(ctx) : aut_check_arena(ctx);
}

static enum rc
sign_in(struct auth *auth, struct ctx *ctx, struct str email, struct str password, struct entry *e)
{
    bool found = false;
    bool ok = false;

    enum rc rc = aut_user_by_email(auth->db, ctx, email, &found, &e->user);
    if (rc == RC_OK) {
        rc = check_password(auth, ctx, e, password, &ok);
    }
    if (rc != RC_OK) {
        aut_throttle_undo(auth, ctx, email);
        return rc;
    }
    if (!ok) {
        return refuse_login(auth, ctx, e);
    }
    aut_session_become(ctx, &e->user);
    return aut_in_tx(auth, ctx, login_passed, e);
}

static bool
has_moved(const struct ctx *ctx, enum rc rc)
{
    return rc == RC_ABORTED && strcmp(ctx->err.reason, PASSWORD_MOVED) == 0;
}

static enum rc
try_sign_in(struct auth *auth, struct ctx *ctx, struct str email, struct str password,
            struct entry *e)
{
    const struct principal nobody = ctx->who;
    const bool stays_out = e->stays_out;

    enum rc rc = aut_throttle_admit(auth, ctx, email);
    if (rc != RC_OK) {
        return rc;
    }
    for (int tries = 3; tries > 0; tries--) {
        *e = (struct entry){.user = {.email = email}, .stays_out = stays_out};
        rc = sign_in(auth, ctx, email, password, e);
        if (!has_moved(ctx, rc) || tries == 1) {
            break;
        }
        ctx_recover(ctx); /* what is stored now is looked at */
        ctx->who = nobody;
    }
    return rc;
}

enum rc
auth_login(struct auth *auth, struct ctx *ctx, const Assay__LoginRequest *req,
           Assay__LoginResponse *resp)
{
    struct entry e = {.stays_out = false};
    enum rc rc = try_sign_in(auth, ctx, str_z(req->email), str_z(req->password), &e);

    return rc == RC_OK ? answer_login(ctx, &e, resp) : rc;
}

enum rc
aut_session_prove(struct auth *auth, struct ctx *ctx, struct str email, struct str password,
                  struct aut_user *out)
{
    struct entry e = {.stays_out = true};
    enum rc rc = try_sign_in(auth, ctx, email, password, &e);

    if (rc == RC_OK) {
        *out = e.user;
    }
    return rc;
}

/* --- password ------------------------------------------------------------------------------ */

/* The login that changes the password goes on; every other one of the user ends. */
static enum rc
change_password(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct entry *e = arg;
    enum rc rc = hold_password(auth, ctx, e);

    if (rc == RC_OK) {
        rc = aut_user_set_password(auth->db, ctx, &e->user, e->new_phc);
    }
    if (rc == RC_OK) {
        rc = aut_throttle_passed(auth, ctx, e->user.email);
    }
    if (rc == RC_OK) {
        rc = aut_emit(auth, ctx, "user.password_changed", TELL_AUDIT, "user", e->user.id,
                      e->user.email);
    }
    return rc == RC_OK ? aut_password_changed(auth, ctx, &e->user, e->keep, &e->epoch) : rc;
}

static enum rc
wrong_password(struct auth *auth, struct ctx *ctx, struct entry *e)
{
    enum rc rc = aut_in_tx(auth, ctx, login_failed, e);

    return rc == RC_OK
               ? fail(ctx, RC_FAILED_PRECONDITION, "WRONG_PASSWORD", "current_password is wrong")
               : rc;
}

static enum rc
replace_password(struct auth *auth, struct ctx *ctx, const Assay__ChangePasswordRequest *req,
                 struct entry *e, char phc[PASSWORD_BUF])
{
    bool ok = false;
    enum rc rc = aut_session_person(auth, ctx, &e->user);

    if (rc == RC_OK) {
        rc = passwd_verify(auth->passwd, ctx, str_z(req->current_password), e->user.phc, &ok, NULL);
    }
    if (rc == RC_OK && ok) {
        rc = passwd_hash(auth->passwd, ctx, str_z(req->new_password), phc);
    }
    if (rc != RC_OK) {
        aut_throttle_undo(auth, ctx, e->user.email);
        return rc;
    }
    return ok ? aut_in_tx(auth, ctx, change_password, e) : wrong_password(auth, ctx, e);
}

enum rc
auth_change_password(struct auth *auth, struct ctx *ctx, const Assay__ChangePasswordRequest *req,
                     Assay__StatusText *resp)
{
    struct entry e = {.keep = ctx->who.kind == TOKEN_JWT ? ctx->who.subject : STR_EMPTY};
    char phc[PASSWORD_BUF];

    e.new_phc = phc;
    enum rc rc = aut_session_person(auth, ctx, &e.user);
    if (rc == RC_OK) {
        rc = aut_throttle_admit(auth, ctx, e.user.email);
    }
    if (rc != RC_OK) {
        return rc;
    }
    for (int tries = 3; tries > 0; tries--) {
        rc = replace_password(auth, ctx, req, &e, phc);
        if (!has_moved(ctx, rc) || tries == 1) {
            break;
        }
        ctx_recover(ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->status = aut_text(ctx, STR("ok"));
    rc = aut_settle(auth, ctx, e.epoch);
    return rc == RC_OK ? aut_check_arena(ctx) : rc;
}

/* --- end of an account --------------------------------------------------------------------- */

static enum rc
leave(struct auth *auth, struct ctx *ctx, struct entry *e, bool last)
{
    struct aut_revocation what = {.user_id = e->user.id};
    /* Before the rows go: a deleted organization cannot be told from a foreign one. */
    enum rc rc = aut_emit(auth, ctx, "user.deleted", TELL_AUDIT, "user", e->user.id, e->user.email);

    if (rc == RC_OK && last) {
        rc = aut_emit(auth, ctx, "organization.deleted", TELL_AUDIT, "organization", e->user.org_id,
                      STR_EMPTY);
    }
    if (rc == RC_OK) {
        rc = aut_user_delete(auth->db, ctx, &e->user);
    }
    if (rc == RC_OK && last) {
        rc = aut_org_delete(auth->db, ctx, e->user.org_id);
    }
    return rc == RC_OK ? aut_revoke(auth, ctx, &what, &e->epoch) : rc;
}

static enum rc
delete_account(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct entry *e = arg;
    int64_t members = 0;
    int64_t admins = 0;

    /* Two admins who leave at once take turns, so that one of them stays. */
    enum rc rc = aut_org_lock(auth->db, ctx, ctx->who.org_id);
    if (rc == RC_OK) {
        rc = aut_session_person(auth, ctx, &e->user);
    }
    if (rc == RC_OK) {
        rc = aut_others_count(auth->db, ctx, &e->user, &members, &admins);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (e->user.role == ROLE_ADMIN && admins == 0 && members > 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "LAST_ADMIN",
                    "the only admin cannot leave while the organization has other members");
    }
    return leave(auth, ctx, e, members == 0);
}

enum rc
auth_delete_account(struct auth *auth, struct ctx *ctx, const Assay__DeleteAccountRequest *req,
                    Assay__StatusText *resp)
{
    struct entry e = {.epoch = 0};
    enum rc rc = aut_in_tx(auth, ctx, delete_account, &e);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->status = aut_text(ctx, STR("account_deleted"));
    rc = aut_settle(auth, ctx, e.epoch);
    return rc == RC_OK ? aut_check_arena(ctx) : rc;
}
