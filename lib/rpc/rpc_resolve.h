/* SPDX-License-Identifier: Apache-2.0
 *
 * From the name of a service to the URLs of its replicas. For lib/rpc, and for gateways, who find
 * each other like this. */
#ifndef ASSAY_RPC_RPC_RESOLVE_H
#define ASSAY_RPC_RPC_RESOLVE_H

#include "base/arena.h"

#define RPC_REPLICAS_MAX 64

struct rpc_urls {
    size_t count;
    const char *url[RPC_REPLICAS_MAX];
};

/* Looks `service` up: "ipc:///dir/name" gives the sockets "name.*" of that directory,
 * "tcp://host:port" and "tls+tcp://host:port" every address of the host. No replica at all is no
 * error. Ownership: the strings belong to the arena. Blocks: for name servers. Errors: UNAVAILABLE:
 * cannot be looked up now; keep what is known. */
NODISCARD enum rc rpc_resolve(struct arena *arena, const char *service, struct rpc_urls *out);

#endif
