/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside lib/db only. One exchange with the server is a pipeline: steps are queued (set the
 * organization, BEGIN, prepare, the statement itself, COMMIT), one Sync ends it, then the answers
 * are read in the same order. So whatever belongs together costs one round trip. */
#ifndef ASSAY_DB_DB_INT_H
#define ASSAY_DB_DB_INT_H

#include <libpq-fe.h>
#include <pthread.h>

#include "db/db.h"

#define DB_ARGS_MAX 64
#define DB_DEFER_MAX 24
#define DB_STEPS_MAX (2 * DB_DEFER_MAX + 16)
#define DB_TIMEOUT_US (30 * ASSAY_US_PER_S)

/* Statements of lib/db itself; they follow the service's and the common ones. */
enum db__own {
    OWN_ORG,
    OWN_BEGIN,
    OWN_COMMIT,
    OWN_ROLLBACK,
    OWN_NOTIFY,
    OWN_VERSIONS,
    OWN_ROLE,
    OWN_ONE,
    OWN_COUNT
};

enum db__step { STEP_SYNC, STEP_PREPARE, STEP_RUN, STEP_ORG, STEP_BEGIN, STEP_MAIN, STEP_COMMIT };

struct db__slot {
    enum db__step kind;
    int stmt;
};

struct db__params {
    const char *values[DB_ARGS_MAX];
    int lengths[DB_ARGS_MAX];
    int formats[DB_ARGS_MAX];
    int count;
};

struct db__deferred {
    struct db__deferred *next;
    int stmt;
    struct db__params params;
};

struct db__after {
    struct db__after *next;
    void (*fn)(void *arg);
    void *arg;
};

enum db__tx_state {
    TX_NONE,
    TX_PENDING, /* begun by the caller, BEGIN not sent */
    TX_OPEN,    /* the server has answered BEGIN */
    TX_FAILED,  /* a statement failed: only a rollback helps */
    TX_LOST     /* the connection went away: nothing of it happened */
};

struct db__tx {
    enum db__tx_state state;
    int depth;
    bool doomed;      /* an inner rollback */
    bool org_changed; /* inside the transaction: a rollback undoes it */
    struct db__deferred *deferred, **deferred_end;
    int deferred_count;
    struct db__after *after, **after_end;
};

/* The connection of one thread. */
struct db_conn {
    struct db *db;
    struct db_conn *next; /* db->conns */
    PGconn *pg;           /* NULL: not connected */
    bool *prepared;       /* by statement */
    bool tainted;         /* a cancel may still be on its way: close instead of using again */
    bool send_failed;     /* a step could not even be queued */
    int64_t org_wanted;   /* of the STEP_ORG under way */
    int64_t org_id;       /* what the server has, when org_known */
    bool org_known;
    struct db__tx tx;
    struct db__slot steps[DB_STEPS_MAX];
    int step_count;
    char constraint[64];
};

struct db {
    struct db_cfg cfg;
    char *uri, *schema, *app;
    struct db_query_def *stmts;
    int stmt_count, own_first;
    pthread_key_t key;
    pthread_mutex_t lock; /* guards conns and the four below */
    struct db_conn *conns;
    int fails; /* connection attempts in a row that failed */
    int64_t next_try_us;
    struct db__listen *listen;
};

/* What came back from one exchange. */
struct db__reply {
    PGresult *main;  /* of STEP_MAIN, when it succeeded */
    PGresult *error; /* the first failure */
    enum db__step error_step;
    int error_stmt;
    bool lost;      /* the connection is gone */
    bool timed_out; /* the deadline passed; a cancel was sent */
    bool began, committed;
};

/* db_conn.c */
struct db_conn *db__thread_conn(struct db *db);
void db__drop(struct db_conn *conn);
void db__conn_free(struct db_conn *conn);
/* Makes conn usable: connected, alive, not tainted. Waits for a server that restarts. */
enum rc db__ensure(struct db_conn *conn, struct ctx *ctx);
/* Opens a connection in plain (not pipeline) mode. NULL: *why (in the arena) says why. */
PGconn *db__connect(struct db *db, int64_t timeout_us, struct arena *arena, struct str *why);
/* Waits until the socket is readable (or writable) or mono time `until_us`; false at the time. */
bool db__wait(PGconn *pg, bool write_too, int64_t until_us);
int64_t db__until(const struct db *db, const struct ctx *ctx);
int64_t db__backoff_us(int fails);

/* db_pipe.c */
void db__step_sync(struct db_conn *conn);
/* Queues a statement, preparing it first when this connection has not seen it. */
void db__step_run(struct db_conn *conn, enum db__step kind, int stmt,
                  const struct db__params *params);
void db__step_prepare(struct db_conn *conn, int stmt);
void db__exchange(struct db_conn *conn, int64_t until_us, struct db__reply *out);
void db__reply_fini(struct db__reply *reply);
int db__stmt(const struct db *db, int query);

/* db_error.c */
enum rc db__fail_pg(struct db_conn *conn, struct ctx *ctx, const PGresult *error, int stmt);
enum rc db__fail_lost(struct ctx *ctx, bool may_have_happened);
bool db__is_lost(const PGresult *error);

/* db_value.c */
enum rc db__params(struct ctx *ctx, const struct db_arg *args, int count, struct db__params *out);
const struct db_result *db__result(struct arena *arena, PGresult *pg);

/* db_tx.c */
/* Queues what must come before a statement: organization, BEGIN. */
void db__lead_in(struct db_conn *conn, const struct ctx *ctx);
/* Updates the transaction's state after an exchange. */
void db__note_reply(struct db_conn *conn, const struct db__reply *reply);

/* db.c */
/* Runs one of lib/db's statements, deferred to the commit inside a transaction. */
enum rc db__run_own(struct db *db, struct ctx *ctx, enum db__own own, const struct db_arg *args,
                    int count);

/* db_listen.c */
void db__listen_stop(struct db *db);

#endif
