/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles and statements. */
#include "db/db_int.h"

#include <stdlib.h>
#include <string.h>

static const struct db_query_def OWN[OWN_COUNT] = {
    [OWN_ORG] = {"assay_org", "SELECT set_config('assay.org_id', $1, false)", 1},
    [OWN_BEGIN] = {"assay_begin", "BEGIN", 0},
    [OWN_COMMIT] = {"assay_commit", "COMMIT", 0},
    [OWN_ROLLBACK] = {"assay_rollback", "ROLLBACK", 0},
    [OWN_NOTIFY] = {"assay_notify", "SELECT pg_notify($1, $2)", 2},
    [OWN_VERSIONS] = {"assay_versions", "SELECT set_name, version FROM schema_migrations", 0},
    [OWN_ROLE] = {"assay_role",
                  "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user", 0},
    [OWN_ONE] = {"assay_one", "SELECT 1", 0},
};

/* --- handle -------------------------------------------------------------------------------- */

static void
forget_conn(void *arg)
{
    struct db_conn *conn = arg;
    struct db *db = conn->db;

    (void)pthread_mutex_lock(&db->lock);
    struct db_conn **at = &db->conns;
    while (*at != conn) {
        at = &(*at)->next;
    }
    *at = conn->next;
    (void)pthread_mutex_unlock(&db->lock);
    db__conn_free(conn);
}

static bool
is_plain_name(const char *z)
{
    for (const char *p = z; *p != '\0'; p++) {
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != '_') {
            return false;
        }
    }
    return z[0] != '\0' && strlen(z) <= 40;
}

static bool
copy_cfg(struct db *db, const struct db_cfg *cfg)
{
    db->cfg = *cfg;
    db->uri = strdup(cfg->uri);
    db->schema = strdup(cfg->schema);
    db->app = strdup(cfg->app != NULL ? cfg->app : cfg->schema);
    db->own_first = (int)(cfg->query_count + cfg->common_query_count);
    db->stmt_count = db->own_first + OWN_COUNT;
    db->stmts = calloc((size_t)db->stmt_count, sizeof *db->stmts);
    if (db->uri == NULL || db->schema == NULL || db->app == NULL || db->stmts == NULL) {
        return false;
    }
    for (size_t i = 0; i < cfg->query_count; i++) {
        db->stmts[i] = cfg->queries[i];
    }
    for (size_t i = 0; i < cfg->common_query_count; i++) {
        db->stmts[cfg->query_count + i] = cfg->common_queries[i];
    }
    memcpy(&db->stmts[db->own_first], OWN, sizeof OWN);
    if (db->cfg.statement_timeout_us == 0) {
        db->cfg.statement_timeout_us = DB_TIMEOUT_US;
    }
    return true;
}

static void
db_free(struct db *db)
{
    free(db->uri);
    free(db->schema);
    free(db->app);
    free(db->stmts);
    free(db);
}

enum rc
db_open(const struct db_cfg *cfg, struct db **out)
{
    ASSERT(is_plain_name(cfg->schema));
    struct db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    if (!copy_cfg(db, cfg) || pthread_key_create(&db->key, forget_conn) != 0) {
        db_free(db);
        return RC_RESOURCE_EXHAUSTED;
    }
    (void)pthread_mutex_init(&db->lock, NULL);
    *out = db;
    return RC_OK;
}

void
db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    db__listen_stop(db);
    (void)pthread_key_delete(db->key);
    while (db->conns != NULL) {
        struct db_conn *conn = db->conns;
        db->conns = conn->next;
        db__conn_free(conn);
    }
    (void)pthread_mutex_destroy(&db->lock);
    db_free(db);
}

void *
db_owner(const struct db *db)
{
    return db->cfg.owner;
}

struct str
db_constraint(const struct db *db)
{
    const struct db_conn *conn = pthread_getspecific(db->key);

    return conn == NULL ? STR_EMPTY : str_z(conn->constraint);
}

/* --- one statement ------------------------------------------------------------------------- */

static enum rc
pick_conn(struct db *db, struct ctx *ctx, struct db_conn **out)
{
    struct db_conn *conn = ctx->conn != NULL ? ctx->conn : db__thread_conn(db);

    if (ctx->conn == NULL && conn->tx.state != TX_NONE) {
        return fail(ctx, RC_INTERNAL, "DB_CONTEXT", "internal error");
    }
    if (conn->tx.state == TX_LOST) {
        return db__fail_lost(ctx, false);
    }
    if (conn->tx.state == TX_FAILED) {
        return fail(ctx, RC_INTERNAL, "DB_TX_FAILED", "internal error");
    }
    *out = conn;
    return RC_OK;
}

static bool
is_select(const char *sql)
{
    struct str s = str_trim(str_z(sql));

    return str_istarts(s, STR("select"));
}

/* One attempt. *retry says that the connection was lost before anything could have happened. */
static enum rc
attempt(struct db_conn *conn, struct ctx *ctx, int stmt, const struct db__params *params,
        PGresult **out, bool *retry)
{
    struct db__reply reply;
    enum db__tx_state before = conn->tx.state;

    *retry = false;
    enum rc rc = before == TX_OPEN ? RC_OK : db__ensure(conn, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    db__lead_in(conn, ctx);
    db__step_run(conn, STEP_MAIN, stmt, params);
    db__exchange(conn, db__until(conn->db, ctx), &reply);
    db__note_reply(conn, &reply);
    if (reply.lost) {
        bool harmless =
            before == TX_PENDING || (before == TX_NONE && is_select(conn->db->stmts[stmt].sql));
        *retry = harmless && !reply.timed_out;
        rc = reply.timed_out
                 ? fail(ctx, RC_DEADLINE_EXCEEDED, "DB_TIMEOUT", "the database took too long")
             : *retry ? RC_UNAVAILABLE
                      : db__fail_lost(ctx, before == TX_NONE && !harmless);
    } else if (reply.error != NULL) {
        /* Up to the Sync everything is one transaction: a new organization is gone with it. */
        conn->org_known = conn->org_known && before != TX_NONE;
        rc = db__fail_pg(conn, ctx, reply.error, reply.error_stmt);
    } else {
        *out = reply.main;
        reply.main = NULL;
    }
    db__reply_fini(&reply);
    return rc;
}

static enum rc
run_stmt(struct db *db, struct ctx *ctx, int stmt, const struct db__params *params,
         const struct db_result **out)
{
    struct db_conn *conn = NULL;
    PGresult *pg = NULL;
    bool retry = false;

    enum rc rc = pick_conn(db, ctx, &conn);
    if (rc != RC_OK) {
        return rc;
    }
    rc = attempt(conn, ctx, stmt, params, &pg, &retry);
    if (retry) {
        rc = attempt(conn, ctx, stmt, params, &pg, &retry);
        rc = retry ? db__fail_lost(ctx, false) : rc;
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (out == NULL) {
        PQclear(pg);
        return RC_OK;
    }
    const struct db_result *res = db__result(ctx->arena, pg);
    if (res == NULL) {
        return fail_memory(ctx, "the answer is too large");
    }
    *out = res;
    return RC_OK;
}

enum rc
db_query(struct db *db, struct ctx *ctx, int query, const struct db_arg *args, int count,
         const struct db_result **out)
{
    struct db__params params;
    int stmt = db__stmt(db, query);

    ASSERT(db->stmts[stmt].params == count);
    enum rc rc = ctx_check_deadline(ctx);
    if (rc == RC_OK) {
        rc = db__params(ctx, args, count, &params);
    }
    return rc == RC_OK ? run_stmt(db, ctx, stmt, &params, out) : rc;
}

static enum rc
defer_stmt(struct db *db, struct ctx *ctx, int stmt, const struct db_arg *args, int count)
{
    struct db__tx *tx = &ctx->conn->tx;
    struct db__deferred *d = ARENA_NEW(ctx->arena, struct db__deferred);

    if (d == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    d->stmt = stmt;
    ASSERT(db->stmts[stmt].params == count);
    enum rc rc = db__params(ctx, args, count, &d->params);
    if (rc != RC_OK) {
        return rc;
    }
    *tx->deferred_end = d;
    tx->deferred_end = &d->next;
    tx->deferred_count++;
    return RC_OK;
}

static enum rc
defer_or_run(struct db *db, struct ctx *ctx, int stmt, const struct db_arg *args, int count)
{
    struct db__params params;

    if (ctx->conn != NULL && ctx->conn->tx.deferred_count < DB_DEFER_MAX) {
        return defer_stmt(db, ctx, stmt, args, count);
    }
    ASSERT(db->stmts[stmt].params == count);
    enum rc rc = db__params(ctx, args, count, &params);
    return rc == RC_OK ? run_stmt(db, ctx, stmt, &params, NULL) : rc;
}

enum rc
db_defer(struct db *db, struct ctx *ctx, int query, const struct db_arg *args, int count)
{
    return defer_or_run(db, ctx, db__stmt(db, query), args, count);
}

enum rc
db__run_own(struct db *db, struct ctx *ctx, enum db__own own, const struct db_arg *args, int count)
{
    return defer_or_run(db, ctx, db->own_first + (int)own, args, count);
}

/* --- start and health ---------------------------------------------------------------------- */

enum rc
db_check(struct db *db, struct ctx *ctx)
{
    struct db__reply reply = {.main = NULL};
    struct db_conn *conn = db__thread_conn(db);
    enum rc rc = db__ensure(conn, ctx);

    for (int stmt = 0; rc == RC_OK && stmt < db->own_first;) {
        for (; stmt < db->own_first && conn->step_count < DB_STEPS_MAX - 1; stmt++) {
            if (!conn->prepared[stmt]) {
                db__step_prepare(conn, stmt);
            }
        }
        db__exchange(conn, db__until(db, ctx), &reply);
        if (reply.lost) {
            rc = db__fail_lost(ctx, false);
        } else if (reply.error != NULL) {
            rc = db__fail_pg(conn, ctx, reply.error, reply.error_stmt);
        }
        db__reply_fini(&reply);
    }
    return rc;
}

enum rc
db_bypasses_policies(struct db *db, struct ctx *ctx, bool *out)
{
    const struct db_result *res;
    enum rc rc = run_stmt(db, ctx, db->own_first + OWN_ROLE, NULL, &res);

    if (rc == RC_OK) {
        *out = db_rows(res) == 1 && db_bool(res, 0, 0);
    }
    return rc;
}

static bool
has_all(const struct db_result *res, const char *set, const struct db_migration *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (int row = 0; row < db_rows(res) && !found; row++) {
            found = db_i64(res, row, 1) == list[i].version && str_eqz(db_str(res, row, 0), set);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

enum rc
db_ready(struct db *db, struct ctx *ctx)
{
    const struct db_result *res;
    bool has_schema = db->cfg.migration_count + db->cfg.common_migration_count > 0;
    enum rc rc =
        run_stmt(db, ctx, db->own_first + (has_schema ? OWN_VERSIONS : OWN_ONE), NULL, &res);

    if (rc != RC_OK || !has_schema) {
        return rc;
    }
    if (!has_all(res, "common", db->cfg.common_migrations, db->cfg.common_migration_count) ||
        !has_all(res, "own", db->cfg.migrations, db->cfg.migration_count)) {
        return fail(ctx, RC_FAILED_PRECONDITION, "SCHEMA_OLD", "the schema is not migrated yet");
    }
    return RC_OK;
}
