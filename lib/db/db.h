/* SPDX-License-Identifier: Apache-2.0
 *
 * Postgres for one service: one schema, connections owned by threads, every statement named and
 * prepared once per connection, transactions, migrations, LISTEN. Only lib/db includes libpq; only
 * a service's *_store.c includes this header.
 *
 * Statements live in services/<svc>/sql/queries.sql or queries_<subject>.sql; tools/sqlgen makes of
 *
 *     -- name: suite_by_id
 *     SELECT ... WHERE org_id = $1 AND id = $2;
 *
 * the constant Q_SUITE_BY_ID and a table of texts (gen/<svc>_sql.h). Migrations are
 * services/<svc>/sql/NNNN_name.sql, embedded the same way. A second, common set (lib/svc) is told
 * apart by DB_COMMON(query) and its own numbering of migrations.
 *
 * A connection serves one thread: db_query takes the connection of ctx (inside a transaction) or
 * the calling thread's own. It is opened by the thread's first statement and closed when the thread
 * ends. A lost one is replaced unseen where that is safe: before a transaction's first statement
 * has been answered, and for a SELECT outside one.
 *
 * Row-level security: before a statement runs, the connection's `assay.org_id` is what
 * ctx->who.org_id says (sent only when it changes, together with the statement). 0 means one of our
 * own processes or an open endpoint and sees every row; a signed-in caller without an organization
 * is sent as -1 and sees none. A migration puts a table behind the wall with
 *     SELECT tenant_table('suites');            -- its column org_id
 * Postgres does not apply policies to superusers: services must connect as an ordinary role.
 *
 * Errors of Postgres become codes in one table: unique violation ALREADY_EXISTS, foreign key and
 * check FAILED_PRECONDITION, serialization and deadlock ABORTED, lost connection UNAVAILABLE
 * (UNKNOWN for a single write outside a transaction that may have happened), statement time-out
 * DEADLINE_EXCEEDED, else INTERNAL; err.detail holds SQLSTATE and the server's text, err.reason
 * "DB_UNIQUE" and the like; the constraint's name is in db_constraint(). */
#ifndef ASSAY_DB_DB_H
#define ASSAY_DB_DB_H

#include "base/ctx.h"

struct db;
struct db_result; /* rows; freed with the arena of the ctx that asked */

struct db_query_def {
    const char *name;
    const char *sql;
    int params;
};

struct db_migration {
    int version;
    const char *name;
    const char *sql;
};

struct db_cfg {
    const char *uri;    /* libpq URI */
    const char *schema; /* "tests": created by the migrations, first on the search path */
    const char *app;    /* application_name */
    const struct db_query_def *queries;
    size_t query_count;
    const struct db_migration *migrations;
    size_t migration_count;
    const struct db_query_def *common_queries; /* of lib/svc; asked for with DB_COMMON(q) */
    size_t common_query_count;
    const struct db_migration *common_migrations; /* applied before the service's own */
    size_t common_migration_count;
    int64_t statement_timeout_us; /* per statement; 0: 30 s */
    void *owner;                  /* what db_owner returns */
};

/* Number of a common query in db_query. */
#define DB_COMMON(q) ((q) + 100000)

/* Makes a handle; connects on first use. */
NODISCARD enum rc db_open(const struct db_cfg *cfg, struct db **out);
/* Closes every connection. No other thread may use it any more. Takes NULL. */
void db_close(struct db *db);
void *db_owner(const struct db *db);

/* Creates the schema and applies what is missing, in order, under an advisory lock; each in its own
 * transaction. The common tables (outbox, inbox, idempotency: lib/svc) count as migrations too.
 * Errors: FAILED_PRECONDITION: a migration failed (nothing of it stays), or one that was applied
 *         has another text now. UNAVAILABLE. */
NODISCARD enum rc db_migrate(struct db *db, struct ctx *ctx);
/* Prepares every statement on this thread's connection in one round trip, so that a query that does
 * not fit the schema stops the start. Errors: INTERNAL: err.detail names the statement. */
NODISCARD enum rc db_check(struct db *db, struct ctx *ctx);
/* True in *out when policies do not bind this role (superuser, BYPASSRLS). */
NODISCARD enum rc db_bypasses_policies(struct db *db, struct ctx *ctx, bool *out);
/* OK when the database answers and the schema is at the version this binary knows, or newer. */
NODISCARD enum rc db_ready(struct db *db, struct ctx *ctx);

/* --- arguments and rows -------------------------------------------------------------------- */

enum db_type {
    DB_NULL,
    DB_I64,
    DB_F64,
    DB_BOOL,
    DB_TEXT,
    DB_BYTES,
    DB_TIME,
    DB_TEXT_ARRAY,
    DB_I64_ARRAY
};

struct db_arg {
    enum db_type type;
    int64_t i;
    double f;
    struct str s;
    const struct str *strs; /* DB_TEXT_ARRAY */
    const int64_t *ints;    /* DB_I64_ARRAY */
    size_t n;
};

#define DB_ARG_NULL ((struct db_arg){.type = DB_NULL})
#define DB_ARG_I64(v) ((struct db_arg){.type = DB_I64, .i = (v)})
#define DB_ARG_F64(v) ((struct db_arg){.type = DB_F64, .f = (v)})
#define DB_ARG_BOOL(v) ((struct db_arg){.type = DB_BOOL, .i = (v)})
#define DB_ARG_STR(v) ((struct db_arg){.type = DB_TEXT, .s = (v)})
/* NULL pointer gives NULL. */
#define DB_ARG_Z(v) db_arg_z(v)
#define DB_ARG_BYTES(v) ((struct db_arg){.type = DB_BYTES, .s = (v)})
/* Microseconds since 1970 as timestamptz. */
#define DB_ARG_TIME(v) ((struct db_arg){.type = DB_TIME, .i = (v)})
#define DB_ARG_STRS(v, count) ((struct db_arg){.type = DB_TEXT_ARRAY, .strs = (v), .n = (count)})
#define DB_ARG_I64S(v, count) ((struct db_arg){.type = DB_I64_ARRAY, .ints = (v), .n = (count)})
struct db_arg db_arg_z(const char *z);

/* Runs a named statement. `args` are its parameters in order (DB_ARGS counts them). *out may be
 * NULL when the rows do not matter. Blocks: on the database, until ctx's deadline at most.
 * Ownership: rows live until ctx->arena is reset. */
NODISCARD enum rc db_query(struct db *db, struct ctx *ctx, int query, const struct db_arg *args,
                           int count, const struct db_result **out);
#define DB_QUERY(db, ctx, query, out, ...)                                                         \
    db_query((db), (ctx), (query), (const struct db_arg[]){__VA_ARGS__},                           \
             (int)(sizeof((const struct db_arg[]){__VA_ARGS__}) / sizeof(struct db_arg)), (out))
#define DB_QUERY0(db, ctx, query, out) db_query((db), (ctx), (query), NULL, 0, (out))

/* Queues a statement whose rows do not matter for the commit of the open transaction: it travels
 * with the COMMIT and costs no round trip of its own; its failure is the commit's. Outside a
 * transaction it runs at once. Arguments are copied.
 * Errors: RESOURCE_EXHAUSTED (arena), and those of db_query. */
NODISCARD enum rc db_defer(struct db *db, struct ctx *ctx, int query, const struct db_arg *args,
                           int count);
#define DB_DEFER(db, ctx, query, ...)                                                              \
    db_defer((db), (ctx), (query), (const struct db_arg[]){__VA_ARGS__},                           \
             (int)(sizeof((const struct db_arg[]){__VA_ARGS__}) / sizeof(struct db_arg)))

int db_rows(const struct db_result *res);
/* Rows changed by INSERT, UPDATE, DELETE. */
int64_t db_affected(const struct db_result *res);
bool db_is_null(const struct db_result *res, int row, int col);
/* Typed reads; NULL columns give 0, false, the empty string. Text points into the result. */
struct str db_str(const struct db_result *res, int row, int col);
/* NUL-terminated; NULL when the column is NULL: fits an optional protobuf-c string. */
char *db_strz(const struct db_result *res, int row, int col);
int64_t db_i64(const struct db_result *res, int row, int col);
double db_f64(const struct db_result *res, int row, int col);
bool db_bool(const struct db_result *res, int row, int col);
/* A timestamptz as microseconds since 1970. */
int64_t db_time_us(const struct db_result *res, int row, int col);
/* A bytea, decoded into the ctx's arena that made the result. */
struct str db_bytes(const struct db_result *res, int row, int col);
/* A one-dimensional array in the arena, its items as text; *out_n counts. NULL items are empty with
 * p == NULL. */
struct str *db_strs(const struct db_result *res, int row, int col, size_t *out_n);

/* --- transactions -------------------------------------------------------------------------- */

/* Opens a transaction on this thread's connection and puts it into ctx->conn. Nested begins count:
 * only the outermost commit commits, and a rollback anywhere dooms the whole. The dispatcher opens
 * one around every handler of a WRITE method, so handlers rarely call these.
 * Errors: UNAVAILABLE. */
NODISCARD enum rc db_begin(struct db *db, struct ctx *ctx);
/* Errors: UNKNOWN: the connection was lost while committing (it may have happened). ABORTED. */
NODISCARD enum rc db_commit(struct db *db, struct ctx *ctx);
/* Never fails: a lost connection has rolled back by itself. */
void db_rollback(struct db *db, struct ctx *ctx);
/* True between db_begin and the outermost commit or rollback. */
bool db_in_tx(const struct ctx *ctx);
/* Calls fn(arg) in ctx's thread after the outermost commit; not at all after a rollback; at once
 * outside a transaction. */
NODISCARD enum rc db_after_commit(struct ctx *ctx, void (*fn)(void *arg), void *arg);
/* Name of the constraint behind the last ALREADY_EXISTS or FAILED_PRECONDITION of this thread. */
struct str db_constraint(const struct db *db);

/* --- notifications ------------------------------------------------------------------------- */

struct db_listener;
/* Listens on a channel (of this schema) and calls fn(arg, payload) for each NOTIFY, and once with
 * an empty payload after each (re)connect, because something may have been missed. All listeners of
 * a handle share one thread and one connection, so fn must be quick. In SQL the channel's name is
 * 'schema.channel'. */
NODISCARD enum rc db_listen(struct db *db, const char *channel,
                            void (*fn)(void *arg, struct str payload), void *arg,
                            struct db_listener **out);
/* fn is not running any more when this returns. Takes NULL. Must not be called by fn. */
void db_listener_free(struct db_listener *listener);
/* Queues a NOTIFY for the commit of the open transaction (or sends it at once outside one). */
NODISCARD enum rc db_notify(struct db *db, struct ctx *ctx, const char *channel,
                            struct str payload);

#endif
