/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL: opaque tokens, projects, throttle. */
#include "auth/aut_store.h"

#include "auth_sql.h"

static struct str
digest_of(struct str text, unsigned char sum[HASH_SHA256_LEN])
{
    hash_sha256(text, sum);
    return str_n((const char *)sum, HASH_SHA256_LEN);
}

enum rc
aut_token_insert(struct db *db, struct ctx *ctx, struct str text, struct aut_token *token)
{
    const struct db_result *res;
    unsigned char sum[HASH_SHA256_LEN];
    struct str digest = digest_of(text, sum);

    enum rc rc = DB_QUERY(db, ctx, Q_TOKEN_INSERT, &res, DB_ARG_I64(token->kind),
                          DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(ctx->who.user_id),
                          token->project_id == 0 ? DB_ARG_NULL : DB_ARG_I64(token->project_id),
                          token->role == ROLE_NONE ? DB_ARG_NULL : DB_ARG_I64(token->role),
                          token->name.p == NULL ? DB_ARG_NULL : DB_ARG_STR(token->name),
                          DB_ARG_STR(token->shown), DB_ARG_BYTES(digest));
    if (rc == RC_OK) {
        token->id = db_i64(res, 0, 0);
        token->created_us = db_time_us(res, 0, 1);
    }
    return rc;
}

/* NULL when there is no name. */
static struct str
opt_str(const struct db_result *res, int row, int col)
{
    return db_is_null(res, row, col) ? STR_EMPTY : db_str(res, row, col);
}

enum rc
aut_personal_tokens(struct db *db, struct ctx *ctx, struct aut_token **out, size_t *out_count)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_PERSONAL_TOKENS, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(ctx->who.user_id));

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct aut_token *list = ARENA_ARRAY(ctx->arena, n + 1, struct aut_token);
    if (list == NULL) {
        return aut_no_memory(ctx);
    }
    for (int i = 0; i < (int)n; i++) {
        list[i] = (struct aut_token){.id = db_i64(res, i, 0),
                                     .kind = TOKEN_PERSONAL,
                                     .name = opt_str(res, i, 1),
                                     .shown = db_str(res, i, 2),
                                     .created_us = db_time_us(res, i, 3),
                                     .used = !db_is_null(res, i, 4),
                                     .last_used_us = db_time_us(res, i, 4)};
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
aut_org_tokens(struct db *db, struct ctx *ctx, int64_t project_id, struct aut_token **out,
               size_t *out_count)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_ORG_TOKENS, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(project_id));

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct aut_token *list = ARENA_ARRAY(ctx->arena, n + 1, struct aut_token);
    if (list == NULL) {
        return aut_no_memory(ctx);
    }
    for (int i = 0; i < (int)n; i++) {
        list[i] = (struct aut_token){.id = db_i64(res, i, 0),
                                     .name = db_str(res, i, 1),
                                     .shown = db_str(res, i, 2),
                                     .email = db_str(res, i, 3),
                                     .role = (enum role)db_i64(res, i, 4),
                                     .used = !db_is_null(res, i, 5),
                                     .last_used_us = db_time_us(res, i, 5),
                                     .created_us = db_time_us(res, i, 6),
                                     .project = opt_str(res, i, 7)};
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
aut_token_delete(struct db *db, struct ctx *ctx, bool personal, int64_t id, bool *out_found,
                 struct aut_token *out)
{
    const struct db_result *res;
    enum rc rc = personal
                     ? DB_QUERY(db, ctx, Q_PERSONAL_TOKEN_DELETE, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_I64(ctx->who.user_id), DB_ARG_I64(id))
                     : DB_QUERY(db, ctx, Q_ORG_TOKEN_DELETE, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_I64(id));

    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out = (struct aut_token){
            .id = db_i64(res, 0, 0), .name = opt_str(res, 0, 1), .shown = db_str(res, 0, 2)};
    }
    return RC_OK;
}

enum rc
aut_token_exists(struct db *db, struct ctx *ctx, bool personal, int64_t id, bool *out)
{
    const struct db_result *res;
    enum rc rc = personal
                     ? DB_QUERY(db, ctx, Q_PERSONAL_TOKEN_EXISTS, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_I64(ctx->who.user_id), DB_ARG_I64(id))
                     : DB_QUERY(db, ctx, Q_ORG_TOKEN_EXISTS, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_I64(id));

    if (rc == RC_OK) {
        *out = db_bool(res, 0, 0);
    }
    return rc;
}

enum rc
aut_token_check(struct db *db, struct ctx *ctx, struct str text, bool *out_ok, struct aut_who *out)
{
    const struct db_result *res;
    unsigned char sum[HASH_SHA256_LEN];
    struct str digest = digest_of(text, sum);

    enum rc rc = DB_QUERY(db, ctx, Q_TOKEN_CHECK, &res, DB_ARG_BYTES(digest));
    if (rc != RC_OK) {
        return rc;
    }
    *out_ok = !db_is_null(res, 0, 1);
    *out = (struct aut_who){.epoch = db_i64(res, 0, 0),
                            .expires_us = db_time_us(res, 0, 10),
                            .stamp = db_bool(res, 0, 9)};
    out->who = (struct principal){.token_id = db_i64(res, 0, 1),
                                  .kind = (enum token_kind)db_i64(res, 0, 2),
                                  .org_id = db_i64(res, 0, 3),
                                  .user_id = db_i64(res, 0, 4),
                                  .project_id = db_i64(res, 0, 5),
                                  .role = (enum role)db_i64(res, 0, 6),
                                  .email = db_str(res, 0, 7),
                                  .subject = db_str(res, 0, 8)};
    return RC_OK;
}

enum rc
aut_token_used(struct db *db, struct ctx *ctx, int64_t id)
{
    return DB_QUERY(db, ctx, Q_TOKEN_USED, NULL, DB_ARG_I64(id));
}

enum rc
aut_context(struct db *db, struct ctx *ctx, struct aut_context *out)
{
    const struct db_result *res;
    const struct principal *who = &ctx->who;
    enum rc rc =
        DB_QUERY(db, ctx, Q_TOKEN_CONTEXT, &res, DB_ARG_I64(who->org_id),
                 DB_ARG_I64(who->project_id), DB_ARG_I64(who->token_id), DB_ARG_I64(who->user_id));

    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the organization does not exist");
    }
    *out = (struct aut_context){.token_uuid = db_str(res, 0, 0),
                                .token_name = db_str(res, 0, 1),
                                .org_uuid = db_str(res, 0, 2),
                                .org_name = db_str(res, 0, 3),
                                .org_slug = db_str(res, 0, 4),
                                .project_uuid = db_str(res, 0, 5),
                                .project_name = db_str(res, 0, 6),
                                .project_slug = db_str(res, 0, 7),
                                .user_uuid = db_str(res, 0, 8),
                                .user_name = db_str(res, 0, 9)};
    return RC_OK;
}

enum rc
aut_project(struct db *db, struct ctx *ctx, struct str name, int64_t *out_id)
{
    const struct db_result *res;
    enum rc rc = name.n == 0
                     ? DB_QUERY(db, ctx, Q_PROJECT_DEFAULT, &res, DB_ARG_I64(ctx->who.org_id))
                     : DB_QUERY(db, ctx, Q_PROJECT_UPSERT, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_STR(name));

    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the organization does not exist");
    }
    *out_id = db_i64(res, 0, 0);
    return RC_OK;
}

enum rc
aut_project_slugged(struct db *db, struct ctx *ctx, const char *organization, const char *slug,
                    int64_t *out_id)
{
    const struct db_result *res;
    bool bound = ctx->who.kind == TOKEN_SDK;
    enum rc rc = DB_QUERY(db, ctx, Q_PROJECT_SLUGGED, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(organization), DB_ARG_Z(slug),
                          bound ? DB_ARG_I64(ctx->who.project_id) : DB_ARG_NULL);

    if (rc == RC_OK && db_rows(res) == 0) {
        rc = fail(ctx, RC_NOT_FOUND, "PROJECT_NOT_FOUND", "no such project");
    }
    if (rc == RC_OK) {
        *out_id = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
aut_project_token_owner(struct db *db, struct ctx *ctx, int64_t project_id, int64_t token_id,
                        int64_t *out_user_id)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_PROJECT_TOKEN_OWNER, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(project_id), DB_ARG_I64(token_id));

    if (rc == RC_OK && db_rows(res) == 0) {
        rc = fail(ctx, RC_NOT_FOUND, "TOKEN_NOT_FOUND", "no such token");
    }
    if (rc == RC_OK) {
        *out_user_id = db_i64(res, 0, 0);
    }
    return rc;
}

/* --- throttle ------------------------------------------------------------------------------ */

enum rc
aut_throttle_blocked(struct db *db, struct ctx *ctx, const struct str *keys, size_t count,
                     int64_t *out_us)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_THROTTLE_CHECK, &res, DB_ARG_STRS(keys, count));

    if (rc == RC_OK) {
        *out_us = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
aut_throttle_take(struct db *db, struct ctx *ctx, const struct str *keys, const int64_t *allowed,
                  const int64_t *cap_s, size_t count, bool *out_ok)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_THROTTLE_TAKE, &res, DB_ARG_STRS(keys, count),
                          DB_ARG_I64S(allowed, count), DB_ARG_I64S(cap_s, count));

    if (rc == RC_OK) {
        *out_ok = db_affected(res) == (int64_t)count;
    }
    return rc;
}

enum rc
aut_throttle_give_back(struct db *db, struct ctx *ctx, const struct str *keys, size_t count)
{
    return DB_QUERY(db, ctx, Q_THROTTLE_GIVE_BACK, NULL, DB_ARG_STRS(keys, count));
}

enum rc
aut_throttle_remove(struct db *db, struct ctx *ctx, const struct str *keys, size_t count)
{
    return DB_QUERY(db, ctx, Q_THROTTLE_CLEAR, NULL, DB_ARG_STRS(keys, count));
}
