/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside lib/svc only. */
#ifndef ASSAY_SVC_SVC_INT_H
#define ASSAY_SVC_SVC_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "common_sql.h"
#include "svc/svc.h"

#define SVC_VERSION "0.1.0"
#define SVC_ARENA_MAX ((size_t)32 << 20)   /* of a call */
#define SVC_MESSAGE_MAX ((size_t)16 << 20) /* of a request or answer */
#define SVC_LOOPS_MAX 24
#define SVC_TABLES_MAX 48
#define SVC_RELAY "outbox"

struct svc_cfg {
    const char *database_url;
    const char *rpc_listen;
    const char *rpc[SVC_PEER_COUNT];
    const char *tls_ca, *tls_cert, *tls_key;
    const char *admin_listen;
    int log_level;
    int64_t rpc_workers;
    int64_t rpc_queue;
    int64_t drain_us;
    bool migrate;
    bool plain_tcp;
};

extern const struct cfg_row SVC_CFG_ROWS[];
extern const size_t SVC_CFG_COUNT;

struct svc_loop;

struct svc_health {
    pthread_mutex_t lock;
    int64_t looked_us; /* mono, of the answer below; 0: never */
    bool ready;
    char reason[SVC_WHY_MAX];
};

struct svc_metrics {
    struct met_metric *calls; /* method, code */
    struct met_metric *seconds;
    struct met_metric *replayed;
    struct met_metric *retried;
    struct met_metric *outbox_rows;
    struct met_metric *outbox_dead;
    struct met_metric *outbox_age;
    struct met_metric *outbox_told;
    struct met_metric *loop_failures;
};

/* Which metric a method counts under. */
struct svc_method {
    uint32_t id;
    size_t index;
};

struct svc {
    const struct svc_def *def;
    struct svc_cfg cfg;
    struct db *db;
    struct rpc_client *clients[SVC_PEER_COUNT];
    struct rpc_peers *peers;
    struct rpc_server *server;
    const struct rpc_method *tables[SVC_TABLES_MAX]; /* the service's and ours */
    size_t table_lens[SVC_TABLES_MAX];
    struct met *met;
    struct svc_metrics metrics;
    struct svc_method *methods; /* sorted by id */
    size_t method_count;
    struct svc_health health;
    void *state;
    int64_t started_us; /* mono */
    atomic_uint told;   /* targets (enum svc_tell) that the relay has something new for */
    atomic_bool serving;
    atomic_bool draining;
    atomic_bool stopping;
    pthread_mutex_t lock; /* guards the list of loops */
    struct svc_loop *loops[SVC_LOOPS_MAX];
    size_t loop_count;
};

bool svc__has_schema(const struct svc *svc);
/* In svc_def.peers. */
bool svc__uses(const struct svc *svc, enum svc_peer peer);
/* A context of the process itself. */
void svc__service_ctx(struct svc *svc, struct ctx *ctx, struct arena *arena, int64_t budget_us);

/* Exit status: a part of the process did not start. */
#define SVC_EXIT_PART 2
#define SVC_START_ARENA_MAX ((size_t)16 << 20)
#define SVC_CHECK_US (30 * ASSAY_US_PER_S)

/* svc.c. OK without a schema; what stopped the start of the database is logged. */
enum rc svc__open_db(struct svc *svc);
bool svc__start_db(struct svc *svc, bool do_migrate);
/* Until a signal. Returns the exit status. */
int svc__serve(struct svc *svc);

/* svc_call.c: hooks of the rpc server */
enum rc svc__around(void *hooks, struct ctx *ctx, const struct rpc_method *method,
                    struct str payload, ProtobufCMessage *resp, enum rc (*run)(void *run_arg),
                    void *run_arg);
void svc__finished(void *hooks, const struct ctx *ctx, const struct rpc_method *method, enum rc rc,
                   int64_t took_us);

/* svc_key.c: idempotency keys */
struct svc_key {
    struct db *db;
    struct str principal;
    const char *method;
    struct str key;
    struct str sha256; /* of the payload */
    int64_t lock;      /* number of the advisory lock */
    bool is_secret;    /* neither payload nor answer leaves a trace: only that the key was used */
};
enum rc svc__key_init(struct svc_key *key, struct svc *svc, struct ctx *ctx,
                      const struct rpc_method *method, struct str payload);
/* Within a transaction: takes the key's lock and looks for the stored answer; *out_done: resp is
 * it. Errors: INVALID_ARGUMENT, ABORTED: see svc.h. */
enum rc svc__key_find(const struct svc_key *key, struct ctx *ctx, ProtobufCMessage *resp,
                      bool *out_done);
/* Queues the answer for the commit. */
enum rc svc__key_store(const struct svc_key *key, struct ctx *ctx, const ProtobufCMessage *resp);
/* Around a handler that opens its own transactions. */
enum rc svc__key_manual(const struct svc_key *key, struct ctx *ctx, ProtobufCMessage *resp,
                        enum rc (*run)(void *run_arg), void *run_arg);

/* svc_health.c */
void svc__health(struct svc *svc, struct ctx *ctx, bool *out_ready, char reason[SVC_WHY_MAX]);
enum rc svc__health_answer(struct svc *svc, struct ctx *ctx, ProtobufCMessage *resp);

/* svc_met.c */
bool svc__metrics_init(struct svc *svc);
size_t svc__method_index(const struct svc *svc, const struct rpc_method *method);

/* svc_loop.c */
enum rc svc__loop_start(struct svc *svc, const char *name, bool listens, int64_t period_us,
                        int64_t budget_us, bool (*fn)(void *state, struct ctx *ctx), void *state);
void svc__loops_stop(struct svc *svc);
void svc__loops_free(struct svc *svc);

/* svc_relay.c */
enum svc_peer svc__peer_of(enum svc_tell tell);
enum rc svc__relay_start(struct svc *svc);

/* svc_admin.c */
struct svc_admin;
enum rc svc__admin_start(struct svc *svc, const char **out_why);
void svc__admin_stop(struct svc *svc);

#endif
