/* SPDX-License-Identifier: Apache-2.0
 *
 * Who calls. Finds the token among its carriers, verifies it (a JWT here with the published keys,
 * an opaque token by asking auth) and keeps what it learned in a bounded cache, keyed by the
 * SHA-256 of the whole token. A thread watches auth for revocations and acknowledges each after
 * applying it; auth answers a revoking call only then, so a revoked token fails on the very next
 * request. When the watch is broken for longer than its lease, nothing cached is trusted: every
 * token is asked for again, and while auth is away tokens are refused with 503, never accepted.
 *
 * Threads: any number of callers. Blocks: on auth, for tokens not in the cache. */
#ifndef ASSAY_GATEWAY_IDENTIFY_H
#define ASSAY_GATEWAY_IDENTIFY_H

#include "rpc/rpc.h"
#include "web/web.h"

struct gw_identify;

struct gw_identify_cfg {
    struct rpc_client *auth;
    const char *issuer;
    const char *audience;
    size_t cache_max; /* tokens kept */
};

NODISCARD enum rc gw_identify_new(const struct gw_identify_cfg *cfg, struct gw_identify **out);
/* Stops the watch and frees. Takes NULL. */
void gw_identify_free(struct gw_identify *id);

/* Fills ctx->who. `external` says that the path is below /api/external (?api-key= counts there),
 * `query_token` that ?token= counts.
 * Errors: UNAUTHENTICATED: no token, or a bad one in the winning carrier. UNAVAILABLE: auth is
 * away. */
NODISCARD enum rc gw_identify(struct gw_identify *id, struct ctx *ctx,
                              const struct web_request *http, bool external, bool query_token);

/* The same for a token that was found before: whether it still counts. */
NODISCARD enum rc gw_identify_token(struct gw_identify *id, struct ctx *ctx, struct str token);

/* Finds the token that counts: Authorization Bearer, Authorization api-key, X-API-Key, ?api-key=,
 * ?token=, in this order. p == NULL without any. Values live in ctx's arena or the request.
 * Source: tests/contract, "Tokens and roles". */
struct str gw_find_token(struct ctx *ctx, const struct web_request *http, bool external,
                         bool query_token);
/* True once keys were fetched and the watch has begun: the gateway is ready. */
bool gw_identify_is_ready(struct gw_identify *id);

#endif
