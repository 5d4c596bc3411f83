/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a service process, the same for all: configuration, log, database with migrations,
 * RPC server, clients of the other services, outbox relay, health and metrics, drain on SIGTERM.
 * A service's main.c fills a `struct svc_def` and calls svc_main.
 *
 *     assay-tests            serve
 *     assay-tests migrate    apply the migrations and exit
 *     assay-tests check      prepare every statement against the schema and exit
 *     assay-tests --help     the table of settings (--help-md: as Markdown)
 *     assay-billing plan ... commands of its own (svc_def.command)
 *     assay-tests --version
 *
 * Writes run in one transaction that the dispatcher opens and commits: a handler that returns OK
 * has its changes, its events and its idempotency record committed together; any other code rolls
 * all back. A transaction that lost a race in the database (reasons DB_SERIALIZATION, DB_DEADLOCK,
 * DB_PLAN) is run again, up to three times, so a handler keeps no state but the database's.
 *
 * A call with an idempotency key runs once per principal and method: for 25 hours the same request
 * is answered with the stored response. The same key with another payload is INVALID_ARGUMENT
 * "IDEMPOTENCY_KEY_REUSED"; while the first is running, ABORTED "IDEMPOTENCY_IN_PROGRESS". Failures
 * are not stored: a retry runs again.
 * Of a method with secrets in its request or answer (a log-in, a new token; rpc_method.secret_*) it
 * is only stored that the key was used. Once the first has succeeded, the same key is answered
 * ALREADY_EXISTS "IDEMPOTENCY_SECRET", whatever the payload: nothing happens twice, nothing secret
 * lies in the table. Whose answer was lost logs in again under a new key, or deletes the token that
 * nobody saw and makes another.
 *
 * Every process answers assay.Health/Check by rpc, and GET /live /ready /metrics on
 * ASSAY_ADMIN_LISTEN when that is set. */
#ifndef ASSAY_SVC_SVC_H
#define ASSAY_SVC_SVC_H

#include "cfg/cfg.h"
#include "db/db.h"
#include "log/log.h"
#include "met/met.h"
#include "rpc/rpc.h"

struct svc;

#define SVC_WHY_MAX 256

/* Names of processes, for clients. */
enum svc_peer { SVC_AUTH, SVC_SESSIONS, SVC_TESTS, SVC_BILLING, SVC_WEBHOOKS, SVC_PEER_COUNT };
/* For svc_def.peers. */
#define SVC_USES(peer) (1U << (peer))
#define SVC_USES_ALL ((1U << SVC_PEER_COUNT) - 1)

/* How a process ends what is under way before it stops, while it still serves and calls others. */
struct svc_drain {
    /* At the first signal: nothing new is begun from now on. */
    void (*begin)(void *state);
    /* At the second signal: what is under way is dropped or given back. A third one stops at once.
     */
    void (*hurry)(void *state);
    /* Asked every SVC_DRAIN_LOOK_US in between. Answers true in a limited time. May block. */
    bool (*is_over)(void *state);
};
#define SVC_DRAIN_LOOK_US (20 * ASSAY_US_PER_MS)

struct svc_def {
    const char *name;               /* "tests": the schema, the RPC name, the log's svc */
    const struct cfg_row *cfg_rows; /* the service's own settings, after the common ones */
    size_t cfg_count;
    void *cfg; /* its struct, filled by the rows */
    /* SVC_USES(...) of each service that this one calls or tells events: no other is dialled. The
     * same edges stand in deploy/k8s/call-graph.yaml. */
    unsigned peers;
    const struct rpc_method *const *tables; /* generated: <name>_tables */
    const size_t *table_lens;
    size_t table_count;
    const struct db_query_def *queries; /* generated; 0: the process has no schema */
    size_t query_count;
    const struct db_migration *migrations;
    size_t migration_count;
    /* Called once everything is connected, before the server listens; *out_state goes to the
     * handlers. Threads of the service start here. */
    enum rc (*start)(struct svc *svc, void **out_state);
    /* Called on the way down, after the drain: join threads, free the state. May be NULL. */
    void (*stop)(void *state);
    /* What is done before; not ready meanwhile ("DRAINING"). All NULL: nothing. */
    struct svc_drain drain;
    /* One more readiness condition, may be NULL. When it does not hold it may say why, in a few
     * words for people. */
    bool (*is_ready)(void *state, char why[SVC_WHY_MAX]);
    /* Commands for an operator, may be NULL: run instead of the server when the first argument is
     * one of `commands` (NULL-terminated), with the database open and its schema checked. argv[0]
     * is the command. Returns the exit status; `usage` is shown by --help. */
    int (*command)(struct svc *svc, struct ctx *ctx, int argc, char **argv);
    const char *const *commands;
    const char *usage;
};

/* Runs the process and returns its exit status: 0 after a clean stop, 2 when a part could not
 * start, 3 usage or configuration. */
int svc_main(const struct svc_def *def, int argc, char **argv);

/* NULL for a process without a schema. */
struct db *svc_db(struct svc *svc);
/* Never NULL, of a peer in svc_def.peers: one that is not configured is looked for beside our own
 * address. Over TLS its certificate must be one of "auth", "sessions"...: the peer's own name. */
struct rpc_client *svc_client(struct svc *svc, enum svc_peer peer);
/* Calls to workers at their own addresses; their certificates are those of "worker". */
struct rpc_peers *svc_peers(struct svc *svc);
struct met *svc_met(struct svc *svc);
/* The ASSAY_RPC_TLS_* files, for those who make clients of their own (who set server_name, or any
 * of our processes could pose as the other end); our own listen URL. */
struct rpc_tls svc_tls(const struct svc *svc);
const char *svc_listen_url(const struct svc *svc);
/* True once SIGTERM arrived: loops end. */
bool svc_is_stopping(const struct svc *svc);
/* Runs fn(state) in its own thread whenever svc_wake(name) is called, after each NOTIFY on channel
 * `name` (when there is a schema), and every `period_us` at the latest, until the process stops.
 * fn gets a fresh ctx (service principal, deadline of `budget_us`) each time and returns true to be
 * run again at once. Runs never overlap. A transaction it leaves open is rolled back; a failure it
 * leaves in ctx is logged, so it recovers from those it expects. `name`: [a-z0-9_]. Loops are made
 * in `start` and joined after `stop` was asked for, before def->stop runs. */
NODISCARD enum rc svc_loop(struct svc *svc, const char *name, int64_t period_us, int64_t budget_us,
                           bool (*fn)(void *state, struct ctx *ctx), void *state);
void svc_wake(struct svc *svc, const char *name);
/* svc_wake(name) after the open transaction's commit (at once outside one), here, and by NOTIFY in
 * the other replicas. */
NODISCARD enum rc svc_wake_after_commit(struct svc *svc, struct ctx *ctx, const char *name);

/* --- leases -------------------------------------------------------------------------------- */

/* A lease that ran out says that its holder is gone only if the holder could have renewed it. While
 * the database, or every replica of the service that renews leases, is away, nobody can; afterwards
 * all leases have run out and all holders live.
 *
 * True in *out when somebody here could renew for the last `lease_us` without a gap of half of
 * that: only then are leases that ran out judged. Each call is a beat of that clock, so whoever
 * judges calls it at least each svc_lease_period_us. Any replica's beat counts: a replica that is
 * cut off from the database judges nothing, and its holders renew at the others. Outside a
 * transaction: a beat that is rolled back is none. Blocks: on the database. */
NODISCARD enum rc svc_leases_ripe(struct db *db, struct ctx *ctx, int64_t lease_us, bool *out);
/* How often to ask: several times before a gap would be seen, `max_us` at most. */
int64_t svc_lease_period_us(int64_t lease_us, int64_t max_us);

/* --- events -------------------------------------------------------------------------------- */

/* Who is told. */
enum svc_tell {
    TELL_AUDIT = 1,
    TELL_BILLING = 2,
    TELL_WEBHOOKS = 4,
    TELL_TESTS = 8 /* apps that sessions deleted */
};

/* What happened; unset strings are left out. Actor, organization, request id and peer come from
 * ctx. */
struct svc_event {
    const char *type; /* "run.passed" */
    unsigned tell;    /* enum svc_tell, or-ed */
    int64_t org_id;   /* 0: ctx's */
    struct str resource_type;
    struct str resource_id;
    struct str resource_name;
    struct str data; /* a JSON object */
    struct str details;
    struct str order_key;
};

/* Stores the event in the outbox of the open transaction; the relay delivers it at least once after
 * the commit. Must be called inside a transaction. Errors: those of the database; INTERNAL
 * "EVENT_TARGET": told to a service that svc_def.peers does not name. */
NODISCARD enum rc svc_emit(struct db *db, struct ctx *ctx, const struct svc_event *event);
/* For receivers: true in *out_new the first time this event id is seen (stored in the inbox within
 * the open transaction). */
NODISCARD enum rc svc_inbox(struct db *db, struct ctx *ctx, struct str event_id, bool *out_new);
/* The same for many at once, in one statement: out_new[i] belongs to event_ids[i]. Of equal ids
 * among them all count as new or none. */
NODISCARD enum rc svc_inbox_all(struct db *db, struct ctx *ctx, const struct str *event_ids,
                                size_t n, bool *out_new);

#endif
