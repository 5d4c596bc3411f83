/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one call in a worker: envelope, method, handler, answer. Private to lib/rpc. */
#ifndef ASSAY_RPC_RPC_EXEC_H
#define ASSAY_RPC_RPC_EXEC_H

#include <stdatomic.h>

#include "assay/envelope.pb-c.h"
#include "rpc/rpc.h"

struct rpc_known {
    const struct rpc_method *method;
    _Atomic int64_t usual_us; /* how long its handler takes, smoothed */
};

/* All methods of a server, sorted by id. */
struct rpc_book {
    struct rpc_known *known;
    size_t count;
};

/* Errors: INVALID_ARGUMENT: two methods with one id. RESOURCE_EXHAUSTED: memory. */
NODISCARD enum rc rpc_book_init(struct rpc_book *book, const struct rpc_server_cfg *cfg);
void rpc_book_fini(struct rpc_book *book);

struct rpc_exec {
    struct arena *arena; /* reset between calls by the worker */
    struct ctx ctx;
    Assay__Call *call;       /* NULL: malformed */
    struct rpc_known *known; /* NULL: no such method */
};

/* Reads the envelope; what is wrong with it is answered by rpc_exec_run. */
void rpc_exec_prepare(struct rpc_exec *exec, const struct rpc_book *book, struct str wire);
/* Runs the handler unless the call has expired, and packs the answer into the arena (or, when
 * that is full, a short one elsewhere). Blocks: as the handler does. */
struct str rpc_exec_run(struct rpc_exec *exec, const struct rpc_server_cfg *cfg, bool *out_expired);

/* Packed answers that need no memory. */
enum rpc_fixed { RPC_FIXED_DRAINING, RPC_FIXED_QUEUE_FULL, RPC_FIXED_TOO_LARGE };
/* Packs them into `to` (at least RPC_FIXED_MAX bytes). */
#define RPC_FIXED_MAX 256
struct str rpc_fixed_answer(enum rpc_fixed which, char to[RPC_FIXED_MAX]);

#endif
