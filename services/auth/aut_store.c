/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL: organizations, users, invites, logins. */
#include "auth/aut_store.h"

#include "auth_sql.h"

enum rc
aut_users_exist(struct db *db, struct ctx *ctx, bool *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY0(db, ctx, Q_USERS_EXIST, &res);

    if (rc == RC_OK) {
        *out = db_bool(res, 0, 0);
    }
    return rc;
}

enum rc
aut_setup_lock(struct db *db, struct ctx *ctx)
{
    return DB_QUERY0(db, ctx, Q_SETUP_LOCK, NULL);
}

enum rc
aut_register_lock(struct db *db, struct ctx *ctx)
{
    return DB_QUERY0(db, ctx, Q_REGISTER_LOCK, NULL);
}

enum rc
aut_org_insert(struct db *db, struct ctx *ctx, struct str name, int64_t *out_id)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_ORG_INSERT, &res, DB_ARG_STR(name));

    if (rc == RC_OK) {
        *out_id = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
aut_org_lock(struct db *db, struct ctx *ctx, int64_t org_id)
{
    return DB_QUERY(db, ctx, Q_ORG_LOCK, NULL, DB_ARG_I64(org_id));
}

enum rc
aut_org_delete(struct db *db, struct ctx *ctx, int64_t org_id)
{
    return DB_QUERY(db, ctx, Q_ORG_DELETE, NULL, DB_ARG_I64(org_id));
}

enum rc
aut_user_insert(struct db *db, struct ctx *ctx, struct aut_user *user)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_USER_INSERT, &res, DB_ARG_I64(user->org_id), DB_ARG_STR(user->email),
                 DB_ARG_I64(user->role), DB_ARG_STR(user->phc), DB_ARG_BOOL(user->email_verified));

    if (rc == RC_OK) {
        user->id = db_i64(res, 0, 0);
        user->created_us = db_time_us(res, 0, 1);
    }
    return rc;
}

static void
read_user(const struct db_result *res, int row, struct aut_user *out)
{
    *out = (struct aut_user){.id = db_i64(res, row, 0),
                             .org_id = db_i64(res, row, 1),
                             .email = db_str(res, row, 2),
                             .role = (enum role)db_i64(res, row, 3),
                             .email_verified = db_bool(res, row, 4),
                             .created_us = db_time_us(res, row, 5),
                             .phc = db_str(res, row, 6)};
}

enum rc
aut_user_by_email(struct db *db, struct ctx *ctx, struct str email, bool *out_found,
                  struct aut_user *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_USER_BY_EMAIL, &res, DB_ARG_STR(email));

    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        read_user(res, 0, out);
    }
    return RC_OK;
}

enum rc
aut_user_get(struct db *db, struct ctx *ctx, int64_t id, int64_t org_id, struct aut_user *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_USER_GET, &res, DB_ARG_I64(id), DB_ARG_I64(org_id));

    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        /* Removed between the gateway's check and now. */
        return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the account does not exist");
    }
    read_user(res, 0, out);
    return RC_OK;
}

enum rc
aut_user_lock(struct db *db, struct ctx *ctx, const struct aut_user *user, bool *out_same)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_USER_LOCK, &res, DB_ARG_I64(user->id), DB_ARG_I64(user->org_id));

    if (rc == RC_OK) {
        *out_same = db_rows(res) > 0 && str_eq(db_str(res, 0, 0), user->phc);
    }
    return rc;
}

enum rc
aut_user_set_password(struct db *db, struct ctx *ctx, const struct aut_user *user, const char *phc)
{
    return DB_QUERY(db, ctx, Q_USER_SET_PASSWORD, NULL, DB_ARG_I64(user->id),
                    DB_ARG_I64(user->org_id), DB_ARG_Z(phc));
}

enum rc
aut_user_verify(struct db *db, struct ctx *ctx, const struct aut_user *user)
{
    return DB_QUERY(db, ctx, Q_USER_VERIFY, NULL, DB_ARG_I64(user->id), DB_ARG_I64(user->org_id));
}

enum rc
aut_users_gone(struct db *db, struct ctx *ctx, const int64_t *ids, size_t count, int64_t **out,
               size_t *out_count)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_USERS_GONE, &res, DB_ARG_I64S(ids, count));

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    int64_t *list = ARENA_ARRAY(ctx->arena, n + 1, int64_t);
    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i] = db_i64(res, (int)i, 0);
    }
    *out = list;
    *out_count = n;
    return list == NULL ? aut_no_memory(ctx) : RC_OK;
}

enum rc
aut_user_delete(struct db *db, struct ctx *ctx, const struct aut_user *user)
{
    return DB_QUERY(db, ctx, Q_USER_DELETE, NULL, DB_ARG_I64(user->id), DB_ARG_I64(user->org_id));
}

enum rc
aut_others_count(struct db *db, struct ctx *ctx, const struct aut_user *user, int64_t *out_members,
                 int64_t *out_admins)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_MEMBERS_COUNT, &res, DB_ARG_I64(user->org_id), DB_ARG_I64(user->id));

    if (rc == RC_OK) {
        *out_members = db_i64(res, 0, 0);
        *out_admins = db_i64(res, 0, 1);
    }
    return rc;
}

enum rc
aut_users_of_org(struct db *db, struct ctx *ctx, struct aut_user **out, size_t *out_count)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_USERS_OF_ORG, &res, DB_ARG_I64(ctx->who.org_id));

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct aut_user *list = ARENA_ARRAY(ctx->arena, n + 1, struct aut_user);
    if (list == NULL) {
        return aut_no_memory(ctx);
    }
    for (int i = 0; i < (int)n; i++) {
        read_user(res, i, &list[i]);
        list[i].member_id = db_i64(res, i, 7);
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
aut_member_get(struct db *db, struct ctx *ctx, int64_t member_id, struct aut_user *out)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_MEMBER_GET, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(member_id));

    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "MEMBER_NOT_FOUND", "no such member");
    }
    read_user(res, 0, out);
    out->member_id = db_i64(res, 0, 7);
    return RC_OK;
}

enum rc
aut_member_has(struct db *db, struct ctx *ctx, struct str email, bool *out)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_MEMBER_BY_EMAIL, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_STR(email));

    if (rc == RC_OK) {
        *out = db_bool(res, 0, 0);
    }
    return rc;
}

enum rc
aut_invite_take(struct db *db, struct ctx *ctx, struct str token, struct str email, bool *out_ok,
                int64_t *out_org, enum role *out_role)
{
    const struct db_result *res;
    unsigned char sum[HASH_SHA256_LEN];

    hash_sha256(token, sum);
    struct str digest = str_n((const char *)sum, sizeof(sum));
    enum rc rc = DB_QUERY(db, ctx, Q_INVITE_TAKE, &res, DB_ARG_BYTES(digest), DB_ARG_STR(email));
    if (rc != RC_OK) {
        return rc;
    }
    *out_ok = db_rows(res) > 0;
    if (*out_ok) {
        *out_org = db_i64(res, 0, 0);
        *out_role = (enum role)db_i64(res, 0, 1);
    }
    return RC_OK;
}

enum rc
aut_invite_insert(struct db *db, struct ctx *ctx, struct str token, struct aut_invite *invite)
{
    const struct db_result *res;
    unsigned char sum[HASH_SHA256_LEN];
    enum rc rc = DB_QUERY(db, ctx, Q_INVITES_REPLACE, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STR(invite->email));

    hash_sha256(token, sum);
    struct str digest = str_n((const char *)sum, sizeof(sum));
    if (rc == RC_OK) {
        rc = DB_QUERY(db, ctx, Q_INVITE_INSERT, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_STR(invite->email), DB_ARG_I64(invite->role), DB_ARG_BYTES(digest),
                      DB_ARG_I64(ctx->who.user_id));
    }
    if (rc == RC_OK) {
        invite->id = db_i64(res, 0, 0);
        invite->expires_us = db_time_us(res, 0, 1);
    }
    return rc;
}

/* --- logins -------------------------------------------------------------------------------- */

enum rc
aut_login_insert(struct db *db, struct ctx *ctx, const struct aut_user *user, const char *jti,
                 int64_t expires_us)
{
    return DB_QUERY(db, ctx, Q_LOGIN_INSERT, NULL, DB_ARG_Z(jti), DB_ARG_I64(user->org_id),
                    DB_ARG_I64(user->id), DB_ARG_STR(ctx->peer.n > 0 ? ctx->peer : STR("")),
                    DB_ARG_TIME(expires_us));
}

enum rc
aut_login_check(struct db *db, struct ctx *ctx, struct str jti, int64_t user_id, int64_t org_id,
                bool *out_ok, struct aut_who *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_LOGIN_CHECK, &res, DB_ARG_STR(jti), DB_ARG_I64(user_id),
                          DB_ARG_I64(org_id));

    if (rc != RC_OK) {
        return rc;
    }
    *out_ok = !db_is_null(res, 0, 1);
    *out = (struct aut_who){.epoch = db_i64(res, 0, 0), .expires_us = db_time_us(res, 0, 4)};
    out->who = (struct principal){.user_id = user_id,
                                  .org_id = org_id,
                                  .role = (enum role)db_i64(res, 0, 3),
                                  .kind = TOKEN_JWT,
                                  .project_id = db_i64(res, 0, 5),
                                  .email = db_str(res, 0, 2),
                                  .subject = jti};
    return RC_OK;
}

enum rc
aut_logins_end(struct db *db, struct ctx *ctx, int64_t user_id, struct str keep)
{
    if (keep.n == 0) {
        return DB_QUERY(db, ctx, Q_LOGINS_END_ALL, NULL, DB_ARG_I64(user_id));
    }
    return DB_QUERY(db, ctx, Q_LOGINS_END_OTHERS, NULL, DB_ARG_I64(user_id), DB_ARG_STR(keep));
}
