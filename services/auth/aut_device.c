/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_device.h"

#include <string.h>

#include "auth_sql.h"
#include "base/id.h"

struct digest {
    unsigned char sum[HASH_SHA256_LEN];
};

static struct db_arg
digest_arg(struct str text, struct digest *d)
{
    hash_sha256(text, d->sum);
    return DB_ARG_BYTES(str_n((const char *)d->sum, sizeof(d->sum)));
}

/* --- user codes ---------------------------------------------------------------------------- */

void
aut_user_code_new(char out[AUT_USER_CODE_LEN + 1])
{
    static const char LETTERS[] = AUT_USER_CODE_LETTERS;

    for (size_t i = 0; i < AUT_USER_CODE_LEN; i++) {
        out[i] = LETTERS[id_random_u64() % (sizeof(LETTERS) - 1)];
    }
    out[AUT_USER_CODE_LEN] = '\0';
}

bool
aut_user_code_parse(struct str text, char out[AUT_USER_CODE_LEN + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (ch_is_space(c) || c == '-') {
            continue;
        }
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (n == AUT_USER_CODE_LEN || c == '\0' || strchr(AUT_USER_CODE_LETTERS, c) == NULL) {
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return n == AUT_USER_CODE_LEN;
}

struct str
aut_user_code_shown(struct arena *arena, const char *code)
{
    return arena_printf(arena, "%.4s-%s", code, code + 4);
}

/* --- requests ------------------------------------------------------------------------------ */

enum rc
aut_device_insert(struct db *db, struct ctx *ctx, struct str device, const char *code,
                  struct str agent, bool *out_taken)
{
    const struct db_result *res = NULL;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_DEVICE_INSERT, &res, digest_arg(device, &d), DB_ARG_Z(code),
                          DB_ARG_STR(agent), DB_ARG_STR(ctx->peer), DB_ARG_I64(AUT_DEVICE_LIFE_US));

    if (rc == RC_OK) {
        *out_taken = db_rows(res) == 0;
    }
    return rc;
}

enum rc
aut_device_poll(struct db *db, struct ctx *ctx, struct str device, bool *out_found,
                struct aut_device *out)
{
    const struct db_result *res = NULL;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_DEVICE_POLL, &res, digest_arg(device, &d));

    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out = (struct aut_device){.state = (enum aut_device_state)db_i64(res, 0, 0),
                                   .over = db_bool(res, 0, 1),
                                   .org_id = db_i64(res, 0, 2),
                                   .user_id = db_i64(res, 0, 3)};
    }
    return RC_OK;
}

enum rc
aut_device_look(struct db *db, struct ctx *ctx, const char *code, struct str ticket,
                bool *out_found, struct aut_device_asker *out)
{
    const struct db_result *res = NULL;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_DEVICE_LOOK, &res, DB_ARG_Z(code), digest_arg(ticket, &d),
                          DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(ctx->who.user_id));

    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out = (struct aut_device_asker){.agent = db_str(res, 0, 0),
                                         .peer = db_str(res, 0, 1),
                                         .asked_us = db_time_us(res, 0, 2)};
    }
    return RC_OK;
}

enum rc
aut_device_decide(struct db *db, struct ctx *ctx, struct str ticket, enum aut_device_state state,
                  bool *out_found, struct aut_device *out)
{
    const struct db_result *res = NULL;
    struct digest d;
    enum rc rc =
        DB_QUERY(db, ctx, Q_DEVICE_DECIDE, &res, digest_arg(ticket, &d), DB_ARG_I64(state));

    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out = (struct aut_device){
            .state = state, .org_id = db_i64(res, 0, 0), .user_id = db_i64(res, 0, 1)};
    }
    return RC_OK;
}

/* --- tokens -------------------------------------------------------------------------------- */

/* Statements that answer when the token they found expires. */
static enum rc
take_expiry(struct ctx *ctx, enum rc rc, const struct db_result *res, int64_t *out_us)
{
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the sign-in has ended");
    }
    if (rc == RC_OK) {
        *out_us = db_time_us(res, 0, 0);
    }
    return rc;
}

enum rc
aut_cli_token_lasts(struct db *db, struct ctx *ctx, int64_t token_id, int64_t life_us,
                    int64_t *out_expires_us)
{
    const struct db_result *res = NULL;
    enum rc rc =
        DB_QUERY(db, ctx, Q_CLI_TOKEN_LASTS, &res, DB_ARG_I64(token_id), DB_ARG_I64(life_us));

    return take_expiry(ctx, rc, res, out_expires_us);
}

enum rc
aut_cli_token_renew(struct db *db, struct ctx *ctx, int64_t token_id, struct str text,
                    struct str shown, int64_t life_us, int64_t *out_expires_us)
{
    const struct db_result *res = NULL;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_CLI_TOKEN_RENEW, &res, DB_ARG_I64(token_id),
                          digest_arg(text, &d), DB_ARG_STR(shown), DB_ARG_I64(life_us));

    return take_expiry(ctx, rc, res, out_expires_us);
}

enum rc
aut_cli_token_end(struct db *db, struct ctx *ctx, int64_t token_id, struct str *out_name)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY(db, ctx, Q_CLI_TOKEN_END, &res, DB_ARG_I64(token_id));

    *out_name = rc == RC_OK && db_rows(res) > 0 ? db_str(res, 0, 0) : STR_EMPTY;
    return rc;
}

enum rc
aut_cli_refresh_insert(struct db *db, struct ctx *ctx, int64_t token_id, struct str text,
                       int64_t life_us)
{
    struct digest d;

    return DB_QUERY(db, ctx, Q_CLI_REFRESH_INSERT, NULL, digest_arg(text, &d),
                    DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(token_id), DB_ARG_I64(life_us));
}

enum rc
aut_cli_refresh_take(struct db *db, struct ctx *ctx, struct str text, bool *out_found,
                     struct aut_cli_login *out)
{
    const struct db_result *res = NULL;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_CLI_REFRESH_TAKE, &res, digest_arg(text, &d));

    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out = (struct aut_cli_login){.token_id = db_i64(res, 0, 0),
                                      .org_id = db_i64(res, 0, 1),
                                      .user_id = db_i64(res, 0, 2),
                                      .over = db_bool(res, 0, 3),
                                      .used = !db_is_null(res, 0, 4),
                                      .ago_us = db_i64(res, 0, 4)};
    }
    return RC_OK;
}

enum rc
aut_cli_user(struct db *db, struct ctx *ctx, struct aut_cli_user *out)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY(db, ctx, Q_CLI_USER, &res, DB_ARG_I64(ctx->who.user_id),
                          DB_ARG_I64(ctx->who.org_id));

    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the user does not exist");
    }
    if (rc == RC_OK) {
        *out = (struct aut_cli_user){db_strz(res, 0, 0), db_strz(res, 0, 1), db_strz(res, 0, 2)};
    }
    return rc;
}
