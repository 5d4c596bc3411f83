/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_store_mail.h"

#include "auth_sql.h"

struct digest {
    unsigned char sum[HASH_SHA256_LEN];
};

static struct db_arg
digest_arg(struct str token, struct digest *d)
{
    hash_sha256(token, d->sum);
    return DB_ARG_BYTES(str_n((const char *)d->sum, sizeof(d->sum)));
}

static struct db_arg
unless_empty(struct str s)
{
    return s.n == 0 ? DB_ARG_NULL : DB_ARG_STR(s);
}

/* --- links --------------------------------------------------------------------------------- */

enum rc
aut_links_recent(struct db *db, struct ctx *ctx, enum aut_mail_kind kind, int64_t user_id,
                 int64_t *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_LINKS_RECENT, &res, DB_ARG_I64(user_id), DB_ARG_I64(kind));

    if (rc == RC_OK) {
        *out = db_i64(res, 0, 0);
    }
    return rc;
}

enum rc
aut_links_void(struct db *db, struct ctx *ctx, enum aut_mail_kind kind, int64_t user_id)
{
    return DB_QUERY(db, ctx, Q_LINKS_VOID, NULL, DB_ARG_I64(user_id), DB_ARG_I64(kind));
}

enum rc
aut_link_insert(struct db *db, struct ctx *ctx, enum aut_mail_kind kind,
                const struct aut_user *user, struct str token, int64_t life_us)
{
    struct digest d;

    return DB_QUERY(db, ctx, Q_LINK_INSERT, NULL, DB_ARG_I64(kind), DB_ARG_I64(user->org_id),
                    DB_ARG_I64(user->id), digest_arg(token, &d), DB_ARG_I64(life_us));
}

enum rc
aut_link_extend(struct db *db, struct ctx *ctx, struct str token, int64_t life_us, bool *out_good)
{
    const struct db_result *res;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_LINK_EXTEND, &res, digest_arg(token, &d), DB_ARG_I64(life_us));

    if (rc == RC_OK) {
        *out_good = db_affected(res) > 0;
    }
    return rc;
}

enum rc
aut_link_exists(struct db *db, struct ctx *ctx, enum aut_mail_kind kind, struct str token,
                bool *out)
{
    const struct db_result *res;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_LINK_EXISTS, &res, digest_arg(token, &d), DB_ARG_I64(kind));

    if (rc == RC_OK) {
        *out = db_bool(res, 0, 0);
    }
    return rc;
}

enum rc
aut_link_take(struct db *db, struct ctx *ctx, enum aut_mail_kind kind, struct str token,
              int64_t *out_user, int64_t *out_org)
{
    const struct db_result *res;
    struct digest d;
    enum rc rc = DB_QUERY(db, ctx, Q_LINK_TAKE, &res, digest_arg(token, &d), DB_ARG_I64(kind));

    if (rc == RC_OK) {
        bool good = db_rows(res) > 0;
        *out_user = good ? db_i64(res, 0, 0) : 0;
        *out_org = good ? db_i64(res, 0, 1) : 0;
    }
    return rc;
}

/* --- mails --------------------------------------------------------------------------------- */

enum rc
aut_mail_insert(struct db *db, struct ctx *ctx, const struct aut_mail_row *row)
{
    return DB_DEFER(db, ctx, Q_MAIL_INSERT, DB_ARG_STR(row->message_id), DB_ARG_I64(row->kind),
                    DB_ARG_I64(row->org_id), DB_ARG_STR(row->email),
                    row->invite_id == 0 ? DB_ARG_NULL : DB_ARG_I64(row->invite_id),
                    row->sealed.n == 0 ? DB_ARG_NULL : DB_ARG_BYTES(row->sealed),
                    unless_empty(row->request_id), unless_empty(row->peer));
}

enum rc
aut_mail_insert_notice(struct db *db, struct ctx *ctx, enum aut_mail_kind kind, int64_t org_id,
                       int64_t user_id, struct str about)
{
    return DB_DEFER(db, ctx, Q_MAIL_NOTICE, DB_ARG_I64(org_id), DB_ARG_I64(kind), DB_ARG_STR(about),
                    DB_ARG_I64(user_id));
}

enum rc
aut_mail_claim(struct db *db, struct ctx *ctx, int64_t lease_us, bool *out_found,
               struct aut_mail_row *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_MAIL_CLAIM, &res, DB_ARG_I64(lease_us));

    if (rc != RC_OK) {
        return rc;
    }
    *out_found = db_rows(res) > 0;
    if (*out_found) {
        *out =
            (struct aut_mail_row){.id = db_i64(res, 0, 0),
                                  .message_id = db_str(res, 0, 1),
                                  .kind = (enum aut_mail_kind)db_i64(res, 0, 2),
                                  .org_id = db_i64(res, 0, 3),
                                  .email = db_str(res, 0, 4),
                                  .invite_id = db_i64(res, 0, 5),
                                  .sealed = db_is_null(res, 0, 6) ? STR_EMPTY : db_bytes(res, 0, 6),
                                  .request_id = db_str(res, 0, 7),
                                  .peer = db_str(res, 0, 8),
                                  .attempts = db_i64(res, 0, 9),
                                  .created_us = db_time_us(res, 0, 10),
                                  .about = db_str(res, 0, 11)};
    }
    return RC_OK;
}

enum rc
aut_mail_seal(struct db *db, struct ctx *ctx, int64_t id, struct str sealed)
{
    return DB_QUERY(db, ctx, Q_MAIL_SEAL, NULL, DB_ARG_I64(id), DB_ARG_BYTES(sealed));
}

enum rc
aut_mail_done(struct db *db, struct ctx *ctx, int64_t id)
{
    return DB_QUERY(db, ctx, Q_MAIL_DONE, NULL, DB_ARG_I64(id));
}

enum rc
aut_mail_later(struct db *db, struct ctx *ctx, int64_t id, int64_t wait_us, struct str cause)
{
    return DB_QUERY(db, ctx, Q_MAIL_LATER, NULL, DB_ARG_I64(id), DB_ARG_I64(wait_us),
                    DB_ARG_STR(cause));
}

enum rc
aut_mail_dead(struct db *db, struct ctx *ctx, int64_t id, struct str cause)
{
    return DB_QUERY(db, ctx, Q_MAIL_DEAD, NULL, DB_ARG_I64(id), DB_ARG_STR(cause));
}

enum rc
aut_invite_facts(struct db *db, struct ctx *ctx, int64_t invite_id, bool *out_good,
                 struct aut_mail_facts *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_INVITE_MAIL, &res, DB_ARG_I64(invite_id));

    if (rc != RC_OK) {
        return rc;
    }
    *out_good = db_rows(res) > 0;
    if (*out_good) {
        out->org_name = db_str(res, 0, 0);
        out->role = (enum role)db_i64(res, 0, 1);
        out->inviter = db_str(res, 0, 2);
    }
    return RC_OK;
}

enum rc
aut_org_name(struct db *db, struct ctx *ctx, int64_t org_id, struct str *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_ORG_GET, &res, DB_ARG_I64(org_id));

    if (rc == RC_OK) {
        *out = db_rows(res) > 0 ? db_str(res, 0, 1) : STR_EMPTY;
    }
    return rc;
}
