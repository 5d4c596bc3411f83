/* SPDX-License-Identifier: Apache-2.0
 *
 * Queues steps and reads their answers. libpq's pipeline mode: every command's results end in a
 * NULL, a Sync gives one result of its own; after an error everything up to the next Sync comes
 * back as "aborted". */
#include "db/db_int.h"

#define CANCEL_GRACE_US (1 * ASSAY_US_PER_S)

int
db__stmt(const struct db *db, int query)
{
    int common = query - DB_COMMON(0);

    if (common >= 0) {
        ASSERT((size_t)common < db->cfg.common_query_count);
        return (int)db->cfg.query_count + common;
    }
    ASSERT(query >= 0 && (size_t)query < db->cfg.query_count);
    return query;
}

/* --- queueing ------------------------------------------------------------------------------ */

static void
add_step(struct db_conn *conn, enum db__step kind, int stmt, int sent)
{
    ASSERT(conn->step_count < DB_STEPS_MAX);
    conn->steps[conn->step_count++] = (struct db__slot){kind, stmt};
    conn->send_failed = conn->send_failed || sent != 1;
}

void
db__step_sync(struct db_conn *conn)
{
    add_step(conn, STEP_SYNC, 0, PQpipelineSync(conn->pg));
}

void
db__step_prepare(struct db_conn *conn, int stmt)
{
    const struct db_query_def *def = &conn->db->stmts[stmt];

    add_step(conn, STEP_PREPARE, stmt, PQsendPrepare(conn->pg, def->name, def->sql, 0, NULL));
}

void
db__step_run(struct db_conn *conn, enum db__step kind, int stmt, const struct db__params *params)
{
    static const struct db__params NONE;
    bool queued = false;

    for (int i = 0; i < conn->step_count; i++) {
        queued = queued || (conn->steps[i].kind == STEP_PREPARE && conn->steps[i].stmt == stmt);
    }
    if (!conn->prepared[stmt] && !queued) {
        db__step_prepare(conn, stmt);
    }
    params = params == NULL ? &NONE : params;
    add_step(conn, kind, stmt,
             PQsendQueryPrepared(conn->pg, conn->db->stmts[stmt].name, params->count,
                                 params->values, params->lengths, params->formats, 0));
}

/* --- reading ------------------------------------------------------------------------------- */

static void
cancel(PGconn *pg)
{
    char why[256];
    PGcancel *handle = PQgetCancel(pg);

    if (handle != NULL) {
        (void)PQcancel(handle, why, sizeof why);
        PQfreeCancel(handle);
    }
}

/* Fetches one result (maybe NULL) into *res; false when the connection must be given up. */
static bool
next_result(struct db_conn *conn, int64_t *until_us, struct db__reply *out, PGresult **res)
{
    for (;;) {
        int unsent = PQflush(conn->pg);
        if (!PQisBusy(conn->pg)) {
            *res = PQgetResult(conn->pg);
            return true;
        }
        if (unsent < 0) {
            return false;
        }
        if (!db__wait(conn->pg, unsent == 1, *until_us)) {
            if (out->timed_out) {
                return false;
            }
            out->timed_out = true;
            conn->tainted = true;
            cancel(conn->pg);
            *until_us = clk_mono_us() + CANCEL_GRACE_US;
            continue;
        }
        if (!PQconsumeInput(conn->pg)) {
            return false;
        }
    }
}

/* A step succeeded. Takes the result. */
static void
note_success(struct db_conn *conn, struct db__slot step, PGresult *res, struct db__reply *out)
{
    switch (step.kind) {
    case STEP_PREPARE:
        conn->prepared[step.stmt] = true;
        break;
    case STEP_ORG:
        conn->org_known = true;
        conn->org_id = conn->org_wanted;
        break;
    case STEP_BEGIN:
        out->began = true;
        break;
    case STEP_COMMIT:
        out->committed = str_eqz(str_z(PQcmdStatus(res)), "COMMIT");
        break;
    case STEP_MAIN:
        ASSERT(out->main == NULL);
        out->main = res;
        return;
    case STEP_SYNC:
    case STEP_RUN:
        break;
    }
    PQclear(res);
}

static void
note_result(struct db_conn *conn, struct db__slot step, PGresult *res, struct db__reply *out)
{
    switch (PQresultStatus(res)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        note_success(conn, step, res, out);
        return;
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        if (out->error == NULL) {
            out->error = res;
            out->error_step = step.kind;
            out->error_stmt = step.stmt;
            return;
        }
        break;
    }
    PQclear(res);
}

/* Reads everything that belongs to one step; false when the connection is gone. */
static bool
read_step(struct db_conn *conn, struct db__slot step, int64_t *until_us, struct db__reply *out)
{
    PGresult *res;

    for (;;) {
        if (!next_result(conn, until_us, out, &res)) {
            return false;
        }
        if (res == NULL) {
            return step.kind != STEP_SYNC;
        }
        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            PQclear(res);
            return step.kind == STEP_SYNC;
        }
        note_result(conn, step, res, out);
        if (PQstatus(conn->pg) == CONNECTION_BAD ||
            (out->error != NULL && db__is_lost(out->error))) {
            return false;
        }
    }
}

void
db__exchange(struct db_conn *conn, int64_t until_us, struct db__reply *out)
{
    *out = (struct db__reply){.main = NULL};
    db__step_sync(conn);
    out->lost = conn->send_failed;
    for (int i = 0; i < conn->step_count && !out->lost; i++) {
        out->lost = !read_step(conn, conn->steps[i], &until_us, out);
    }
    conn->step_count = 0;
    if (out->lost) {
        db__drop(conn);
    }
}

void
db__reply_fini(struct db__reply *reply)
{
    PQclear(reply->main);
    PQclear(reply->error);
}
