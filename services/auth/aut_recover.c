/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's way back in. */
#include "auth/aut_store_mail.h"
#include "sec/token.h"

static enum rc
make_link(struct db *db, struct ctx *ctx, const struct aut_user *user, struct str token)
{
    struct svc_event event = {.type = "user.password_reset_requested",
                              .tell = TELL_AUDIT,
                              .org_id = user->org_id,
                              .resource_type = STR("user"),
                              .resource_id = arena_printf(ctx->arena, "%lld", (long long)user->id),
                              .resource_name = user->email,
                              .details = STR(AUT_BY_OPERATOR)};

    enum rc rc = aut_links_void(db, ctx, AUT_MAIL_RESET, user->id);
    if (rc == RC_OK) {
        rc = aut_link_insert(db, ctx, AUT_MAIL_RESET, user, token, AUT_RESET_LINK_US);
    }
    return rc == RC_OK ? svc_emit(db, ctx, &event) : rc;
}

enum rc
aut_recover(struct db *db, struct ctx *ctx, const char *base, struct str email,
            struct str *out_link)
{
    char token[TOKEN_TEXT_MAX];
    struct aut_user user;
    bool found = false;

    token_new("", token);
    enum rc rc = db_begin(db, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    rc = aut_user_by_email(db, ctx, email, &found, &user);
    if (rc == RC_OK && !found) {
        rc = fail(ctx, RC_NOT_FOUND, "USER_NOT_FOUND", "nobody has this e-mail address");
    }
    if (rc == RC_OK) {
        rc = make_link(db, ctx, &user, str_z(token));
    }
    if (rc != RC_OK) {
        db_rollback(db, ctx);
        return rc;
    }
    *out_link = aut_mail_link(ctx, base, AUT_MAIL_RESET, str_z(token));
    hash_wipe(token, sizeof(token));
    return db_commit(db, ctx);
}
