/* SPDX-License-Identifier: Apache-2.0
 *
 * The replicas of one service: which of them takes the next call. Private to lib/rpc. */
#ifndef ASSAY_RPC_RPC_POOL_H
#define ASSAY_RPC_RPC_POOL_H

#include "rpc/rpc_link.h"

struct rpc_pool;

struct rpc_pool_cfg {
    const char *service; /* name, or with `is_exact` the address of the only replica */
    bool is_exact;
    struct rpc_tls tls;
    size_t message_max;
};

/* Errors: UNAVAILABLE. */
NODISCARD enum rc rpc_pool_new(const struct rpc_pool_cfg *cfg, struct rpc_pool **out,
                               const char **out_why);
/* Ends every call and frees, once the callers have left. Takes NULL. */
void rpc_pool_free(struct rpc_pool *pool);

/* Returns the connected replica with the fewest calls outstanding, with a reference; NULL when
 * there is none until the deadline. Blocks: until then. */
struct rpc_link *rpc_pool_choose(struct rpc_pool *pool, int64_t deadline_us);
int rpc_pool_usable(struct rpc_pool *pool);
const char *rpc_pool_service(const struct rpc_pool *pool);

/* rpc_call over the pool (rpc_call.c). */
NODISCARD enum rc rpc_pool_call(struct rpc_pool *pool, size_t message_max, struct ctx *ctx,
                                const struct rpc_method *method, const ProtobufCMessage *req,
                                ProtobufCMessage **out_resp);
NODISCARD enum rc rpc_pool_call_formed(struct rpc_pool *pool, size_t message_max, struct ctx *ctx,
                                       const struct rpc_method *method, const ProtobufCMessage *req,
                                       const struct rpc_form *form, struct buf *own,
                                       struct str *out);

#endif
