/* SPDX-License-Identifier: Apache-2.0
 *
 * Who belongs to the organization: members listed, removed, invited, made by an admin. */
#include "auth/aut_feed.h"
#include "auth/aut_mail.h"
#include "auth/aut_session.h"
#include "pb/pb.h"
#include "sec/jws.h"
#include "sec/token.h"

/* --- lists --------------------------------------------------------------------------------- */

static Assay__Member *
answer_member(struct ctx *ctx, const struct aut_user *user)
{
    Assay__Member *m = PB_NEW(ctx->arena, Assay__Member, assay__member);

    if (m != NULL) {
        m->id = user->member_id;
        m->user_id = user->id;
        m->email = aut_text(ctx, user->email);
        m->role = aut_text(ctx, str_z(jws_role_name(user->role)));
        m->joined_at = user->created_us;
    }
    return m;
}

enum rc
auth_list_members(struct auth *auth, struct ctx *ctx, const Assay__ListMembersRequest *req,
                  Assay__ListMembersResponse *resp)
{
    struct aut_user *list = NULL;
    size_t n = 0;

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK) {
        rc = aut_users_of_org(auth->db, ctx, &list, &n);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__Member *);
    for (size_t i = 0; !arena_failed(ctx->arena) && i < n; i++) {
        resp->items[resp->n_items++] = answer_member(ctx, &list[i]);
    }
    return aut_check_arena(ctx);
}

enum rc
auth_list_users(struct auth *auth, struct ctx *ctx, const Assay__ListUsersRequest *req,
                Assay__ListUsersResponse *resp)
{
    struct aut_user *list = NULL;
    size_t n = 0;
    enum rc rc = aut_users_of_org(auth->db, ctx, &list, &n);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__User *);
    for (size_t i = 0; !arena_failed(ctx->arena) && i < n; i++) {
        resp->items[resp->n_items++] = aut_session_answer(ctx, &list[i]);
    }
    return aut_check_arena(ctx);
}

/* --- removal ------------------------------------------------------------------------------- */

struct removal {
    int64_t member_id;
    int64_t epoch;
};

static enum rc
end_membership(struct auth *auth, struct ctx *ctx, const struct aut_user *user, int64_t *epoch)
{
    struct aut_revocation what = {.user_id = user->id};
    struct aut_mail notice = {
        .kind = AUT_MAIL_REMOVED, .org_id = user->org_id, .email = user->email};

    enum rc rc = aut_emit(auth, ctx, "member.removed", TELL_AUDIT | TELL_WEBHOOKS, "user", user->id,
                          user->email);
    if (rc == RC_OK) {
        rc = aut_user_delete(auth->db, ctx, user);
    }
    if (rc == RC_OK) {
        rc = aut_mail_queue(auth, ctx, &notice);
    }
    return rc == RC_OK ? aut_revoke(auth, ctx, &what, epoch) : rc;
}

static enum rc
remove_member(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct removal *r = arg;
    struct aut_user user;
    int64_t members = 0;
    int64_t admins = 0;

    /* Of two admins who remove each other at once, one is refused. */
    enum rc rc = aut_org_lock(auth->db, ctx, ctx->who.org_id);
    if (rc == RC_OK) {
        rc = aut_member_get(auth->db, ctx, r->member_id, &user);
    }
    if (rc == RC_OK) {
        rc = aut_others_count(auth->db, ctx, &user, &members, &admins);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (user.role == ROLE_ADMIN && admins == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "ONLY_ADMIN",
                    "the last admin of an organization cannot be removed");
    }
    return end_membership(auth, ctx, &user, &r->epoch);
}

enum rc
auth_remove_member(struct auth *auth, struct ctx *ctx, const Assay__RemoveMemberRequest *req,
                   Assay__StatusText *resp)
{
    struct removal r = {.member_id = req->member_id};

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK) {
        rc = aut_in_tx(auth, ctx, remove_member, &r);
    }
    if (rc == RC_OK) {
        rc = aut_settle(auth, ctx, r.epoch);
    }
    resp->status = aut_text(ctx, STR("removed"));
    return rc == RC_OK ? aut_check_arena(ctx) : rc;
}

/* --- invites ------------------------------------------------------------------------------- */

static enum rc
check_invitee(struct auth *auth, struct ctx *ctx, const struct aut_invite *invite)
{
    bool is_member = false;

    if (invite->role == ROLE_NONE) {
        return fail(ctx, RC_FAILED_PRECONDITION, "ROLE_UNKNOWN",
                    "role must be one of admin, developer, viewer");
    }
    /* Invites of an organization take turns: of two for one address, the later replaces the
     * earlier. */
    enum rc rc = aut_org_lock(auth->db, ctx, ctx->who.org_id);
    if (rc == RC_OK) {
        rc = aut_member_has(auth->db, ctx, invite->email, &is_member);
    }
    if (rc == RC_OK && is_member) {
        return fail(ctx, RC_FAILED_PRECONDITION, "IS_MEMBER", "the address belongs to a member");
    }
    return rc;
}

static enum rc
make_invite(struct auth *auth, struct ctx *ctx, struct aut_invite *invite, char **out_token)
{
    char token[TOKEN_TEXT_MAX];

    token_new("inv_", token);
    enum rc rc = aut_invite_insert(auth->db, ctx, str_z(token), invite);
    struct aut_mail mail = {.kind = AUT_MAIL_INVITE,
                            .org_id = ctx->who.org_id,
                            .email = invite->email,
                            .invite_id = invite->id,
                            .token = str_z(token)};
    if (rc == RC_OK) {
        rc = aut_mail_queue(auth, ctx, &mail);
    }
    if (rc == RC_OK) {
        rc = aut_emit(auth, ctx, "member.invited", TELL_AUDIT | TELL_WEBHOOKS, "invite", invite->id,
                      invite->email);
    }
    *out_token = aut_text(ctx, str_z(token));
    hash_wipe(token, sizeof(token));
    return rc;
}

enum rc
auth_create_invite(struct auth *auth, struct ctx *ctx, const Assay__CreateInviteRequest *req,
                   Assay__CreateInviteResponse *resp)
{
    struct aut_invite invite = {.email = str_z(req->email),
                                .role = jws_role_parse(str_z(req->role))};

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK) {
        rc = check_invitee(auth, ctx, &invite);
    }
    if (rc == RC_OK) {
        rc = make_invite(auth, ctx, &invite, &resp->token);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->expires_at = invite.expires_us;
    resp->email = aut_text(ctx, invite.email);
    return aut_check_arena(ctx);
}

/* --- users made by an admin ---------------------------------------------------------------- */

static enum rc
insert_user(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct aut_user *user = arg;
    enum rc rc = aut_user_insert(auth->db, ctx, user);

    if (rc == RC_OK) {
        rc = aut_emit(auth, ctx, "user.created", TELL_AUDIT, "user", user->id, user->email);
    }
    return rc == RC_OK ? aut_emit(auth, ctx, "member.joined", TELL_AUDIT | TELL_WEBHOOKS, "user",
                                  user->id, user->email)
                       : rc;
}

enum rc
auth_create_user(struct auth *auth, struct ctx *ctx, const Assay__CreateUserRequest *req,
                 Assay__User *resp)
{
    char phc[PASSWD_PHC_MAX];
    struct str role = str_z(req->role);
    struct aut_user user = {.org_id = ctx->who.org_id,
                            .email = str_z(req->email),
                            .role =
                                jws_role_parse(str_eqz(role, "member") ? STR("developer") : role),
                            .email_verified = true};

    enum rc rc = passwd_hash(auth->passwd, ctx, str_z(req->password), phc);
    if (rc != RC_OK) {
        return rc;
    }
    user.phc = str_z(phc);
    rc = aut_in_tx(auth, ctx, insert_user, &user);
    if (rc != RC_OK) {
        return aut_email_taken(ctx, rc);
    }
    aut_session_fill(ctx, &user, resp);
    return aut_check_arena(ctx);
}
