/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_audit.h"

#include <string.h>

#include "auth_sql.h"

#define PAGE 500

static struct db_arg
opt(struct str s)
{
    return s.p == NULL ? DB_ARG_NULL : DB_ARG_STR(s);
}

static enum rc
insert(struct db *db, struct ctx *ctx, const struct aut_entry *e, struct str hash)
{
    enum rc rc = DB_QUERY(db, ctx, Q_AUDIT_INSERT, NULL, DB_ARG_I64(e->org_id), DB_ARG_I64(e->seq),
                          DB_ARG_STR(e->event_id), DB_ARG_STR(e->type), DB_ARG_I64(e->at_us),
                          e->has_user ? DB_ARG_I64(e->user_id) : DB_ARG_NULL, opt(e->email),
                          opt(e->resource_type), opt(e->resource_id), opt(e->resource_name),
                          opt(e->details), opt(e->peer), opt(e->request_id), DB_ARG_BYTES(hash));

    return rc == RC_OK ? DB_QUERY(db, ctx, Q_AUDIT_HEAD_SET, NULL, DB_ARG_I64(e->org_id),
                                  DB_ARG_I64(e->seq), DB_ARG_BYTES(hash))
                       : rc;
}

enum rc
aut_audit_add(struct db *db, struct ctx *ctx, struct aut_entry *entry)
{
    const struct db_result *head;
    unsigned char hash[HASH_SHA256_LEN];
    enum rc rc = DB_QUERY(db, ctx, Q_AUDIT_HEAD_LOCK, &head, DB_ARG_I64(entry->org_id));

    if (rc != RC_OK) {
        return rc;
    }
    entry->seq = db_i64(head, 0, 0) + 1;
    if (aut_chain_hash(db_bytes(head, 0, 1), entry, hash) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "EVENT_TOO_LARGE", "the event is too large");
    }
    return insert(db, ctx, entry, str_n((const char *)hash, sizeof(hash)));
}

/* --- verifying ----------------------------------------------------------------------------- */

struct walk {
    int64_t org_id;
    int64_t seq; /* of the last good entry */
    unsigned char hash[HASH_SHA256_LEN];
};

static struct str
text_or_absent(const struct db_result *res, int row, int col)
{
    return db_is_null(res, row, col) ? STR_EMPTY : db_str(res, row, col);
}

static struct aut_entry
read_entry(const struct db_result *res, int row, int64_t org_id)
{
    return (struct aut_entry){.org_id = org_id,
                              .seq = db_i64(res, row, 0),
                              .event_id = db_str(res, row, 1),
                              .type = db_str(res, row, 2),
                              .at_us = db_i64(res, row, 3),
                              .has_user = !db_is_null(res, row, 4),
                              .user_id = db_i64(res, row, 4),
                              .email = text_or_absent(res, row, 5),
                              .resource_type = text_or_absent(res, row, 6),
                              .resource_id = text_or_absent(res, row, 7),
                              .resource_name = text_or_absent(res, row, 8),
                              .details = text_or_absent(res, row, 9),
                              .peer = text_or_absent(res, row, 10),
                              .request_id = text_or_absent(res, row, 11)};
}

static bool
step(struct walk *w, const struct db_result *res, int row)
{
    struct aut_entry entry = read_entry(res, row, w->org_id);
    struct str prev = str_n((const char *)w->hash, w->seq == 0 ? 0 : HASH_SHA256_LEN);
    struct str stored = db_bytes(res, row, 12);
    unsigned char hash[HASH_SHA256_LEN];

    if (entry.seq != w->seq + 1 || aut_chain_hash(prev, &entry, hash) != RC_OK ||
        stored.n != HASH_SHA256_LEN || memcmp(stored.p, hash, HASH_SHA256_LEN) != 0) {
        return false;
    }
    w->seq = entry.seq;
    memcpy(w->hash, hash, HASH_SHA256_LEN);
    return true;
}

/* The end of the chain is its head's entry. */
static bool
is_end(const struct walk *w, const struct db_result *res)
{
    struct str head = db_bytes(res, 0, 14);

    return w->seq == db_i64(res, 0, 13) &&
           (w->seq == 0 ||
            (head.n == HASH_SHA256_LEN && memcmp(head.p, w->hash, HASH_SHA256_LEN) == 0));
}

/* Walks one chain. *out_good false: w->seq + 1 is the first that does not fit. The memory of each
 * page is given back. */
static enum rc
walk_chain(struct db *db, struct ctx *ctx, struct walk *w, struct aut_audit_report *report,
           bool *out_good)
{
    bool more = true;
    enum rc rc = RC_OK;

    *out_good = true;
    while (rc == RC_OK && more && *out_good) {
        const struct db_result *res;
        struct arena *arena = arena_new((size_t)64 << 20);
        struct ctx page = *ctx;
        page.arena = arena;
        rc = arena == NULL ? fail_memory(ctx, "the request needs too much memory")
                           : DB_QUERY(db, &page, Q_AUDIT_CHAIN, &res, DB_ARG_I64(w->org_id),
                                      DB_ARG_I64(w->seq), DB_ARG_I64(PAGE));
        int rows = rc != RC_OK || db_is_null(res, 0, 0) ? 0 : db_rows(res);
        for (int i = 0; i < rows && *out_good; i++) {
            *out_good = step(w, res, i);
            report->entries += *out_good ? 1 : 0;
        }
        more = rows == PAGE;
        *out_good = *out_good && (rc != RC_OK || more || is_end(w, res));
        arena_free(arena);
    }
    return rc;
}

enum rc
aut_audit_verify(struct db *db, struct ctx *ctx, struct aut_audit_report *out)
{
    const struct db_result *orgs;
    struct aut_audit_report report = {.entries = 0};
    enum rc rc = DB_QUERY0(db, ctx, Q_AUDIT_ORGS, &orgs);

    for (int i = 0; rc == RC_OK && i < db_rows(orgs) && report.bad_seq == 0; i++) {
        struct walk w = {.org_id = db_i64(orgs, i, 0)};
        bool good = false;
        rc = walk_chain(db, ctx, &w, &report, &good);
        if (rc == RC_OK && !good) {
            report.bad_org = w.org_id;
            report.bad_seq = w.seq + 1;
        }
    }
    if (rc == RC_OK) {
        *out = report;
    }
    return rc;
}

/* --- reading ------------------------------------------------------------------------------- */

static struct db_arg
unless_empty(struct str s)
{
    return s.n == 0 ? DB_ARG_NULL : DB_ARG_STR(s);
}

#define FILTER_ARGS(ctx, f)                                                                        \
    DB_ARG_I64((ctx)->who.org_id), unless_empty((f)->action), unless_empty((f)->email),            \
        unless_empty((f)->resource_type),                                                          \
        (f)->since_us == 0 ? DB_ARG_NULL : DB_ARG_I64((f)->since_us)

enum rc
aut_audit_page(struct db *db, struct ctx *ctx, const struct aut_audit_filter *filter,
               struct aut_audit_row **out, size_t *out_count)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_AUDIT_PAGE, &res, FILTER_ARGS(ctx, filter),
                          DB_ARG_I64(filter->limit), DB_ARG_I64(filter->offset));

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct aut_audit_row *rows = ARENA_ARRAY(ctx->arena, n + 1, struct aut_audit_row);
    if (rows == NULL) {
        return aut_no_memory(ctx);
    }
    for (int i = 0; i < (int)n; i++) {
        rows[i] = (struct aut_audit_row){.id = db_i64(res, i, 0),
                                         .seq = db_i64(res, i, 1),
                                         .email = db_str(res, i, 2),
                                         .type = db_str(res, i, 3),
                                         .resource_type = db_str(res, i, 4),
                                         .resource_id = db_str(res, i, 5),
                                         .details = db_str(res, i, 6),
                                         .at_us = db_i64(res, i, 7),
                                         .peer = db_str(res, i, 8),
                                         .request_id = db_str(res, i, 9)};
    }
    *out = rows;
    *out_count = n;
    return RC_OK;
}

enum rc
aut_audit_count(struct db *db, struct ctx *ctx, const struct aut_audit_filter *filter, int64_t *out)
{
    const struct db_result *res;
    enum rc rc = DB_QUERY(db, ctx, Q_AUDIT_COUNT, &res, FILTER_ARGS(ctx, filter));

    if (rc == RC_OK) {
        *out = db_i64(res, 0, 0);
    }
    return rc;
}
