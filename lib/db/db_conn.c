/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections: one per thread, opened when first needed, replaced when lost. */
#include "db/db_int.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/id.h"

#define CONNECT_US (5 * ASSAY_US_PER_S)
/* So long a request waits for a server that restarts before it is told UNAVAILABLE. */
#define PATIENCE_US (2 * ASSAY_US_PER_S)
#define BACKOFF_FIRST_US (25 * ASSAY_US_PER_MS)
#define BACKOFF_MAX_US (2 * ASSAY_US_PER_S)

/* --- waiting ------------------------------------------------------------------------------- */

bool
db__wait(PGconn *pg, bool write_too, int64_t until_us)
{
    struct pollfd fd = {.fd = PQsocket(pg), .events = (short)(POLLIN | (write_too ? POLLOUT : 0))};

    for (;;) {
        int64_t left = until_us - clk_mono_us();
        int n = poll(&fd, 1, left <= 0 ? 0 : (int)((left + 999) / 1000));
        if (n > 0) {
            return true;
        }
        if (left <= 0) {
            return false;
        }
    }
}

/* Mono time at which one exchange on behalf of ctx ends; the server's own time-out comes first. */
int64_t
db__until(const struct db *db, const struct ctx *ctx)
{
    int64_t most = db->cfg.statement_timeout_us + 2 * ASSAY_US_PER_S;
    int64_t left = ctx_left_us(ctx);

    return clk_mono_us() + (left < most ? left : most);
}

int64_t
db__backoff_us(int fails)
{
    int64_t us = BACKOFF_FIRST_US << (fails < 10 ? fails : 10);

    us = us < BACKOFF_MAX_US ? us : BACKOFF_MAX_US;
    return us / 2 + (int64_t)(id_random_u64() % (uint64_t)us);
}

/* --- opening ------------------------------------------------------------------------------- */

static void
ignore_notice(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

static PGconn *
start_connect(struct db *db)
{
    char options[320];

    (void)snprintf(options, sizeof options,
                   "-c search_path=%s -c statement_timeout=%lld -c timezone=UTC -c datestyle=ISO "
                   "-c idle_in_transaction_session_timeout=60000 -c jit=off "
                   "-c client_min_messages=error",
                   db->schema, (long long)(db->cfg.statement_timeout_us / ASSAY_US_PER_MS));
    const char *const keys[] = {"dbname",
                                "options",
                                "application_name",
                                "client_encoding",
                                "tcp_user_timeout",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                NULL};
    const char *const values[] = {db->uri, options, db->app, "UTF8", "8000", "20", "5", "3", NULL};
    return PQconnectStartParams(keys, values, 1);
}

static bool
finish_connect(PGconn *pg, int64_t until_us)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        struct pollfd fd = {.fd = PQsocket(pg),
                            .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int64_t left = until_us - clk_mono_us();
        if (left <= 0) {
            return false;
        }
        if (poll(&fd, 1, (int)((left + 999) / 1000)) > 0) {
            state = PQconnectPoll(pg);
        }
    }
    return state == PGRES_POLLING_OK;
}

PGconn *
db__connect(struct db *db, int64_t timeout_us, struct arena *arena, struct str *why)
{
    PGconn *pg = start_connect(db);

    if (pg != NULL && PQstatus(pg) != CONNECTION_BAD &&
        finish_connect(pg, clk_mono_us() + timeout_us)) {
        (void)PQsetNoticeReceiver(pg, ignore_notice, NULL);
        return pg;
    }
    const char *text = pg == NULL ? "no memory" : PQerrorMessage(pg);
    *why = arena_str(arena, str_trim(str_z(text[0] == '\0' ? "timed out" : text)));
    PQfinish(pg);
    return NULL;
}

/* --- keeping ------------------------------------------------------------------------------- */

void
db__drop(struct db_conn *conn)
{
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->tainted = false;
    conn->send_failed = false;
    conn->org_known = false;
    conn->step_count = 0;
    memset(conn->prepared, 0, (size_t)conn->db->stmt_count * sizeof *conn->prepared);
}

void
db__conn_free(struct db_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    PQfinish(conn->pg);
    free(conn->prepared);
    free(conn);
}

struct db_conn *
db__thread_conn(struct db *db)
{
    struct db_conn *conn = pthread_getspecific(db->key);

    if (conn != NULL) {
        return conn;
    }
    conn = calloc(1, sizeof *conn);
    ASSERT(conn != NULL);
    conn->db = db;
    conn->prepared = calloc((size_t)db->stmt_count, sizeof *conn->prepared);
    ASSERT(conn->prepared != NULL);
    (void)pthread_mutex_lock(&db->lock);
    conn->next = db->conns;
    db->conns = conn;
    (void)pthread_mutex_unlock(&db->lock);
    ASSERT(pthread_setspecific(db->key, conn) == 0);
    return conn;
}

/* An idle connection has nothing to say: end of file means dead, anything else is looked at. */
static bool
is_alive(PGconn *pg)
{
    char byte;

    if (PQstatus(pg) != CONNECTION_OK) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        ssize_t n = recv(PQsocket(pg), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0) {
            return true; /* EAGAIN: quiet; anything else the next statement finds out */
        }
        if (n == 0 || !PQconsumeInput(pg)) {
            return false;
        }
        PQfreemem(PQnotifies(pg)); /* parses what came: a changed setting, a farewell */
    }
    return false;
}

static int64_t
wait_before_try(struct db *db)
{
    (void)pthread_mutex_lock(&db->lock);
    int64_t wait = db->fails == 0 ? 0 : db->next_try_us - clk_mono_us();
    (void)pthread_mutex_unlock(&db->lock);
    return wait > 0 ? wait : 0;
}

static void
note_try(struct db *db, bool ok)
{
    (void)pthread_mutex_lock(&db->lock);
    db->next_try_us = clk_mono_us() + db__backoff_us(db->fails);
    db->fails = ok ? 0 : db->fails + 1;
    (void)pthread_mutex_unlock(&db->lock);
}

static bool
open_conn(struct db_conn *conn, struct ctx *ctx, int64_t timeout_us, struct str *why)
{
    conn->pg = db__connect(conn->db, timeout_us, ctx->arena, why);
    note_try(conn->db, conn->pg != NULL);
    if (conn->pg == NULL) {
        return false;
    }
    return PQsetnonblocking(conn->pg, 1) == 0 && PQenterPipelineMode(conn->pg) == 1;
}

enum rc
db__ensure(struct db_conn *conn, struct ctx *ctx)
{
    struct str why = STR("waiting before the next attempt");

    if (conn->pg != NULL && !conn->tainted && is_alive(conn->pg)) {
        return RC_OK;
    }
    int64_t start = clk_mono_us();
    for (;;) {
        db__drop(conn);
        int64_t left = ctx_left_us(ctx);
        int64_t patience = PATIENCE_US - (clk_mono_us() - start);
        int64_t wait = wait_before_try(conn->db);
        if (wait > patience || wait >= left) {
            (void)fail(ctx, RC_UNAVAILABLE, "DB_DOWN", "the database is not reachable");
            note(ctx, "%.*s", STR_ARG(why));
            return RC_UNAVAILABLE;
        }
        (void)poll(NULL, 0, (int)((wait + 999) / 1000));
        if (open_conn(conn, ctx, left < CONNECT_US ? left : CONNECT_US, &why)) {
            return RC_OK;
        }
    }
}
