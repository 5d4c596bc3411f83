/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL: signing keys, revocations, gateways, and what is swept. */
#include "auth/aut_store.h"

#include "auth_sql.h"

enum rc
aut_keys_lock(struct db *db, struct ctx *ctx)
{
    return DB_QUERY0(db, ctx, Q_KEYS_LOCK, NULL);
}

enum rc
aut_keys_live(struct db *db, struct ctx *ctx, struct aut_key_row **out, size_t *out_count)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY0(db, ctx, Q_KEYS_LIVE, &res);

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct aut_key_row *rows = ARENA_ARRAY(ctx->arena, n + 1, struct aut_key_row);
    if (rows == NULL) {
        return fail_memory(ctx, "the answer is too large");
    }
    for (int i = 0; i < (int)n; i++) {
        rows[i] = (struct aut_key_row){
            .kid = db_str(res, i, 0), .sealed = db_bytes(res, i, 1), .signs = db_bool(res, i, 2)};
    }
    *out = rows;
    *out_count = n;
    return RC_OK;
}

enum rc
aut_key_insert(struct db *db, struct ctx *ctx, struct str kid, struct str sealed,
               int64_t sign_after_us)
{
    return DB_QUERY(db, ctx, Q_KEY_INSERT, NULL, DB_ARG_STR(kid), DB_ARG_BYTES(sealed),
                    DB_ARG_I64(sign_after_us));
}

enum rc
aut_keys_retire_others(struct db *db, struct ctx *ctx, struct str kid, int64_t after_us)
{
    return DB_QUERY(db, ctx, Q_KEYS_RETIRE_OTHERS, NULL, DB_ARG_STR(kid), DB_ARG_I64(after_us));
}

/* --- revocations --------------------------------------------------------------------------- */

static struct db_arg
id_or_null(int64_t id)
{
    return id == 0 ? DB_ARG_NULL : DB_ARG_I64(id);
}

enum rc
aut_revocation_insert(struct db *db, struct ctx *ctx, const struct aut_revocation *what,
                      int64_t *out_epoch)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_REVOKE, &res, id_or_null(what->user_id),
                          id_or_null(what->token_id), id_or_null(what->org_id));

    if (rc == RC_OK) {
        *out_epoch = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
aut_revocations_since(struct db *db, struct ctx *ctx, int64_t epoch, size_t max, int64_t *out_epoch,
                      struct aut_revocation **out, size_t *out_count, bool *out_all)
{
    const struct db_result *res;
    enum rc rc =
        DB_QUERY(db, ctx, Q_REVOCATIONS_SINCE, &res, DB_ARG_I64(epoch), DB_ARG_I64((int64_t)max));

    if (rc != RC_OK) {
        return rc;
    }
    int64_t head = db_i64(res, 0, 0);
    size_t n = db_is_null(res, 0, 1) ? 0 : (size_t)db_rows(res);
    struct aut_revocation *list = ARENA_ARRAY(ctx->arena, n + 1, struct aut_revocation);
    if (list == NULL) {
        return fail_memory(ctx, "the answer is too large");
    }
    for (int i = 0; i < (int)n; i++) {
        list[i] = (struct aut_revocation){.user_id = db_i64(res, i, 2),
                                          .token_id = db_i64(res, i, 3),
                                          .org_id = db_i64(res, i, 4)};
    }
    *out = list;
    *out_count = n;
    *out_epoch = head;
    /* Numbers have no gaps, so fewer rows than numbers means that some are gone or left out. */
    *out_all = (int64_t)n != head - epoch;
    return RC_OK;
}

/* --- gateways ------------------------------------------------------------------------------ */

enum rc
aut_watch_renew(struct db *db, struct ctx *ctx, struct str gateway, int64_t acked, int64_t lease_us,
                bool *out_news)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_WATCH_RENEW, &res, DB_ARG_STR(gateway), DB_ARG_I64(acked),
                          DB_ARG_I64(lease_us));

    if (rc == RC_OK) {
        *out_news = db_bool(res, 0, 0);
    }
    return rc;
}

enum rc
aut_watch_behind(struct db *db, struct ctx *ctx, int64_t epoch, int64_t *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_WATCH_BEHIND, &res, DB_ARG_I64(epoch));

    if (rc == RC_OK) {
        *out = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
aut_sweep(struct db *db, struct ctx *ctx)
{
    static const int QUERIES[] = {Q_LOGINS_SWEEP,    Q_THROTTLE_SWEEP,    Q_KEYS_SWEEP,
                                  Q_WATCH_SWEEP,     Q_REVOCATIONS_SWEEP, Q_LINKS_SWEEP,
                                  Q_MAILS_SWEEP,     Q_DEVICES_SWEEP,     Q_CLI_REFRESHES_SWEEP,
                                  Q_CLI_TOKENS_SWEEP};
    enum rc rc = RC_OK;

    for (size_t i = 0; i < ARRAY_LEN(QUERIES) && rc == RC_OK; i++) {
        rc = DB_QUERY0(db, ctx, QUERIES[i], NULL);
    }
    return rc;
}
