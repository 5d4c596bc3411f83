/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls between our processes: protobuf messages over NNG REQ/REP. Nothing is sent twice by itself:
 * a call whose peer dies ends UNAVAILABLE when it certainly was not executed, else it is retried
 * only when the method is a READ or the call carries an idempotency key; otherwise it ends UNKNOWN.
 * Deadlines are absolute, shrink hop by hop, and an expired call is dropped unexecuted.
 *
 * Addresses. A listener binds one URL: "ipc:///run/assay/tests.1" or "tls+tcp://0.0.0.0:7400" (or
 * "tcp://", refused unless the configuration allows it). A client is given the name of a service as
 * a URL without the replica: "ipc:///run/assay/tests" finds every socket "tests.*" of that folder,
 * "tls+tcp://tests:7400" every address the name resolves to. Both are looked up again every second.
 *
 * Only lib/rpc includes nng. */
#ifndef ASSAY_RPC_RPC_H
#define ASSAY_RPC_RPC_H

#include "base/buf.h"
#include "base/ctx.h"
#include "pb/pb.h"

/* --- generated descriptions ---------------------------------------------------------------- */

enum rpc_effect { RPC_WRITE = 0, RPC_READ = 1, RPC_WRITE_MANUAL = 2 };

/* Signature every handler has after generation: `svc` is the service's state. */
typedef enum rc (*rpc_handler)(void *svc, struct ctx *ctx, const ProtobufCMessage *req,
                               ProtobufCMessage *resp);

struct rpc_method {
    uint32_t id;
    const char *name; /* "assay.Suites/ListSuites" */
    enum rpc_effect effect;
    bool
        waits; /* a long poll: runs on a thread of its own (at most 256 of them), not on a worker */
    bool for_org;        /* a READ whose handler does not learn who of the organization asks */
    bool secret_request; /* the message, or one inside it, has a field with option `secret` */
    bool secret_answer;
    const ProtobufCMessageDescriptor *req;
    const ProtobufCMessageDescriptor *resp;
    rpc_handler handler; /* NULL in tables used by clients only */
};

/* --- TLS ----------------------------------------------------------------------------------- */

/* PEM files of mutual TLS; all NULL for ipc. */
struct rpc_tls {
    const char *ca_file;
    const char *cert_file; /* certificate followed by its key, or the certificate alone */
    const char *key_file;
    const char *server_name; /* expected in the peer's certificate when dialling addresses */
};

/* --- server -------------------------------------------------------------------------------- */

struct rpc_server;

struct rpc_server_cfg {
    const char *listen; /* URL */
    struct rpc_tls tls;
    bool allow_plain_tcp;
    const struct rpc_method *const *tables; /* table_count arrays ... */
    const size_t *table_lens;               /* ... of these lengths */
    size_t table_count;
    void *svc;          /* given to handlers */
    void *hooks;        /* given to around and finished instead of svc when set */
    int workers;        /* threads that run handlers */
    int queue_max;      /* calls waiting beyond that are answered RESOURCE_EXHAUSTED at once */
    size_t arena_max;   /* bytes per call */
    size_t message_max; /* bytes of one message, both ways */
    /* Called around every handler, in its thread; may be NULL. The service opens its transaction
     * and looks up the idempotency key here. Runs the handler by calling run(run_arg). */
    enum rc (*around)(void *hooks, struct ctx *ctx, const struct rpc_method *method,
                      struct str payload, ProtobufCMessage *resp, enum rc (*run)(void *run_arg),
                      void *run_arg);
    /* Called once per finished call, in its thread, for the access log and metrics; may be NULL. */
    void (*finished)(void *hooks, const struct ctx *ctx, const struct rpc_method *method,
                     enum rc rc, int64_t took_us);
};

/* Binds and starts to serve. Errors: UNAVAILABLE: cannot bind (*out_why says why, static or
 * nng text). */
NODISCARD enum rc rpc_server_start(const struct rpc_server_cfg *cfg, struct rpc_server **out,
                                   const char **out_why);
/* From now on new calls are answered UNAVAILABLE with reason "DRAINING" (the client goes
 * elsewhere); returns when the calls in flight have been answered, or at the deadline. Blocks:
 * until then. */
void rpc_server_drain(struct rpc_server *server, int64_t deadline_us);
/* Stops at once and frees. Takes NULL. */
void rpc_server_free(struct rpc_server *server);

struct rpc_server_stats {
    int64_t calls, refused, expired, in_flight, queued;
    int64_t frames_in, frames_out; /* messages; calls / frames_in is how well they share */
};
void rpc_server_stats(const struct rpc_server *server, struct rpc_server_stats *out);

/* --- client -------------------------------------------------------------------------------- */

struct rpc_client;

struct rpc_client_cfg {
    const char *service; /* URL of the name, see above */
    struct rpc_tls tls;
    size_t message_max; /* the servers' */
    const char *name;   /* for logs and metrics: "tests" */
    bool allow_plain_tcp;
};

/* Starts to look for replicas; needs none to be up. */
NODISCARD enum rc rpc_client_new(const struct rpc_client_cfg *cfg, struct rpc_client **out,
                                 const char **out_why);
/* Cancels what is in flight and frees. Takes NULL. */
void rpc_client_free(struct rpc_client *client);

/* Calls `method` with `req` and unpacks the answer into ctx->arena. Deadline, ids, idempotency key
 * and principal come from ctx; of the principal a method with `for_org` is told the organization,
 * project, role and kind, and no peer. Without a deadline ten seconds count. A READ without key may
 * get the answer of an equal call of the same principal, as far as it is told, that was executed
 * after this one began (docs/decisions/0006-shared-reads.md).
 *
 * Errors: what the handler returned, with its reason and message, or
 *         UNAVAILABLE: no replica reachable before the deadline, certainly not executed.
 *         DEADLINE_EXCEEDED: sent, not answered in time.
 *         UNKNOWN: sent to a peer that died, not retried because it might have been executed.
 *         RESOURCE_EXHAUSTED: the peer's queue is full.
 * Threads: any number at once. Blocks: until the answer or the deadline. */
NODISCARD enum rc rpc_call(struct rpc_client *client, struct ctx *ctx,
                           const struct rpc_method *method, const ProtobufCMessage *req,
                           ProtobufCMessage **out_resp);
/* What a caller wants instead of the packed answer: bytes that follow from it and from the form
 * alone, so that they are the same for everybody who asks in this form. */
struct rpc_form {
    /* Appends them to `out`. False: the answer is no such message. Runs in one caller's thread. */
    bool (*make)(const void *arg, unsigned variant, struct str payload, struct buf *out);
    const void *arg;
    unsigned variant;
};
/* The same without unpacking, in a form that calls which share an answer make once for all. *out is
 * valid until ctx->arena is reset, and as long as `own`, which an answer that is not shared is made
 * in. Errors: as above, and INTERNAL "ANSWER_TOO_LARGE": `own` is full. */
NODISCARD enum rc rpc_call_formed(struct rpc_client *client, struct ctx *ctx,
                                  const struct rpc_method *method, const ProtobufCMessage *req,
                                  const struct rpc_form *form, struct buf *own, struct str *out);
/* The same for a peer known by its own address (a worker): dials on first use, one connection kept
 * per address, at most 256, the least recently used closed. `addr` is an exact URL. */
struct rpc_peers;
NODISCARD enum rc rpc_peers_new(const struct rpc_tls *tls, size_t message_max, bool allow_plain_tcp,
                                struct rpc_peers **out);
void rpc_peers_free(struct rpc_peers *peers);
NODISCARD enum rc rpc_peers_call(struct rpc_peers *peers, const char *addr, struct ctx *ctx,
                                 const struct rpc_method *method, const ProtobufCMessage *req,
                                 ProtobufCMessage **out_resp);
/* Replicas a client sees as usable now. */
int rpc_client_replicas(const struct rpc_client *client);

#endif
