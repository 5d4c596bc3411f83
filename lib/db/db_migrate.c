/* SPDX-License-Identifier: Apache-2.0
 *
 * Migrations, on a plain connection of their own: a migration is several statements, which the
 * simple protocol runs as one text. What is applied already is found without the lock, so that a
 * start of the newest schema costs one query. */
#include "db/db_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sec/hash.h"

#define MIGRATE_US (600 * ASSAY_US_PER_S)

struct run {
    struct db *db;
    struct ctx *ctx;
    PGconn *pg;
};

/* --- one statement ------------------------------------------------------------------------- */

/* Waits for the only (or last) result of what was sent; NULL when lost or out of time. */
static PGresult *
collect(struct run *run)
{
    int64_t left = ctx_left_us(run->ctx);
    int64_t until = clk_mono_us() + (left < MIGRATE_US ? left : MIGRATE_US);
    PGresult *last = NULL;

    for (;;) {
        while (PQisBusy(run->pg)) {
            if (!db__wait(run->pg, false, until) || !PQconsumeInput(run->pg)) {
                PQclear(last);
                return NULL;
            }
        }
        PGresult *res = PQgetResult(run->pg);
        if (res == NULL) {
            return last;
        }
        /* Of several results the failed one counts. */
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(res);
        } else {
            PQclear(last);
            last = res;
        }
    }
}

static bool
is_good(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

static enum rc
judge(struct run *run, PGresult *res, const char *what)
{
    if (res == NULL) {
        return fail(run->ctx, RC_UNAVAILABLE, "DB_LOST", "%s: the database did not answer", what);
    }
    if (is_good(res)) {
        return RC_OK;
    }
    enum rc rc = db__is_lost(res) ? RC_UNAVAILABLE : RC_FAILED_PRECONDITION;
    (void)fail(run->ctx, rc, "MIGRATION_FAILED", "%s failed", what);
    note(run->ctx, "%s", PQresultErrorMessage(res));
    return rc;
}

/* Runs text that may hold several statements. */
static enum rc
exec(struct run *run, const char *sql, const char *what)
{
    PGresult *res = PQsendQuery(run->pg, sql) == 1 ? collect(run) : NULL;
    enum rc rc = judge(run, res, what);

    PQclear(res);
    return rc;
}

/* --- what is applied ----------------------------------------------------------------------- */

struct applied {
    PGresult *res; /* set_name, version, checksum; NULL: no table yet */
};

static enum rc
read_applied(struct run *run, struct applied *out)
{
    static const char SQL[] = "SELECT set_name, version, checksum FROM schema_migrations";
    PGresult *res = PQsendQuery(run->pg, SQL) == 1 ? collect(run) : NULL;

    if (res != NULL && !is_good(res) &&
        strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42P01") == 0) {
        PQclear(res);
        out->res = NULL;
        return RC_OK;
    }
    enum rc rc = judge(run, res, "reading the applied migrations");
    if (rc != RC_OK) {
        PQclear(res);
        return rc;
    }
    out->res = res;
    return RC_OK;
}

static void
checksum(const struct db_migration *m, char out[HASH_SHA256_HEX_LEN + 1])
{
    hash_sha256_hex(str_z(m->sql), out);
}

/* Sets *out_found; fails when the applied text was another one. */
static enum rc
find_applied(struct run *run, const struct applied *applied, const char *set,
             const struct db_migration *m, bool *out_found)
{
    char sum[HASH_SHA256_HEX_LEN + 1];
    char version[16];

    *out_found = false;
    (void)snprintf(version, sizeof version, "%d", m->version);
    for (int i = 0; applied->res != NULL && i < PQntuples(applied->res); i++) {
        if (strcmp(PQgetvalue(applied->res, i, 0), set) != 0 ||
            strcmp(PQgetvalue(applied->res, i, 1), version) != 0) {
            continue;
        }
        checksum(m, sum);
        if (strcmp(PQgetvalue(applied->res, i, 2), sum) != 0) {
            return fail(run->ctx, RC_FAILED_PRECONDITION, "MIGRATION_CHANGED",
                        "migration %s/%s was applied with another text", set, m->name);
        }
        *out_found = true;
    }
    return RC_OK;
}

/* --- applying ------------------------------------------------------------------------------ */

static enum rc
record(struct run *run, const char *set, const struct db_migration *m)
{
    char sum[HASH_SHA256_HEX_LEN + 1];
    char version[16];
    const char *values[] = {set, version, m->name, sum};

    checksum(m, sum);
    (void)snprintf(version, sizeof version, "%d", m->version);
    int sent = PQsendQueryParams(run->pg,
                                 "INSERT INTO schema_migrations (set_name, version, name, checksum)"
                                 " VALUES ($1, $2, $3, $4)",
                                 4, NULL, values, NULL, NULL, 0);
    PGresult *res = sent == 1 ? collect(run) : NULL;
    enum rc rc = judge(run, res, m->name);
    PQclear(res);
    return rc;
}

static enum rc
apply(struct run *run, const char *set, const struct db_migration *m)
{
    enum rc rc = exec(run, "BEGIN", m->name);

    if (rc == RC_OK) {
        rc = exec(run, m->sql, m->name);
    }
    if (rc == RC_OK) {
        rc = record(run, set, m);
    }
    if (rc == RC_OK) {
        rc = exec(run, "COMMIT", m->name);
    }
    if (rc != RC_OK) {
        PQclear(PQexec(run->pg, "ROLLBACK"));
    }
    return rc;
}

static enum rc
walk_set(struct run *run, const struct applied *applied, const char *set,
         const struct db_migration *list, size_t count, bool apply_them, bool *out_missing)
{
    for (size_t i = 0; i < count; i++) {
        bool found;
        ASSERT(i == 0 || list[i].version > list[i - 1].version);
        enum rc rc = find_applied(run, applied, set, &list[i], &found);
        if (rc == RC_OK && !found && apply_them) {
            rc = apply(run, set, &list[i]);
        }
        if (rc != RC_OK) {
            return rc;
        }
        *out_missing = *out_missing || !found;
    }
    return RC_OK;
}

static enum rc
walk(struct run *run, bool apply_them, bool *out_missing)
{
    const struct db_cfg *cfg = &run->db->cfg;
    struct applied applied;

    *out_missing = false;
    enum rc rc = read_applied(run, &applied);
    if (rc != RC_OK) {
        return rc;
    }
    rc = walk_set(run, &applied, "common", cfg->common_migrations, cfg->common_migration_count,
                  apply_them, out_missing);
    if (rc == RC_OK) {
        rc = walk_set(run, &applied, "own", cfg->migrations, cfg->migration_count, apply_them,
                      out_missing);
    }
    PQclear(applied.res);
    return rc;
}

/* The lock belongs to the session: it ends with the connection at the latest. */
static enum rc
lock_and_prepare(struct run *run)
{
    char sql[640];

    (void)snprintf(sql, sizeof sql,
                   "SET statement_timeout = 0; SET lock_timeout = '60s';"
                   "SELECT pg_advisory_lock(hashtextextended('assay migrate %s', 0));",
                   run->db->schema);
    enum rc rc = exec(run, sql, "waiting for the migration lock");
    (void)snprintf(sql, sizeof sql,
                   "CREATE SCHEMA IF NOT EXISTS %s;"
                   "CREATE TABLE IF NOT EXISTS schema_migrations ("
                   " set_name text NOT NULL, version integer NOT NULL, name text NOT NULL,"
                   " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),"
                   " PRIMARY KEY (set_name, version))",
                   run->db->schema);
    return rc == RC_OK ? exec(run, sql, "creating the schema") : rc;
}

enum rc
db_migrate(struct db *db, struct ctx *ctx)
{
    struct run run = {.db = db, .ctx = ctx};
    struct str why = STR_EMPTY;
    bool missing;

    for (int fails = 0; run.pg == NULL; fails++) {
        run.pg = db__connect(db, 5 * ASSAY_US_PER_S, ctx->arena, &why);
        if (run.pg == NULL && (fails == 8 || ctx_left_us(ctx) < 5 * ASSAY_US_PER_S)) {
            (void)fail(ctx, RC_UNAVAILABLE, "DB_DOWN", "the database is not reachable");
            note(ctx, "%.*s", STR_ARG(why));
            return RC_UNAVAILABLE;
        }
        if (run.pg == NULL) {
            struct timespec pause = {.tv_nsec = (long)(db__backoff_us(fails) % 900000) * 1000};
            (void)nanosleep(&pause, NULL);
        }
    }
    enum rc rc = walk(&run, false, &missing);
    if (rc == RC_OK && missing) {
        rc = lock_and_prepare(&run);
        rc = rc == RC_OK ? walk(&run, true, &missing) : rc;
    }
    PQfinish(run.pg);
    return rc;
}
