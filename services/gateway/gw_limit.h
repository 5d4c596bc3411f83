/* SPDX-License-Identifier: Apache-2.0
 *
 * Rate limits: an exact sliding window of 60 s per key. A refused request does not count. The key
 * is the token for authenticated calls, the peer's address otherwise; class `auth` always counts by
 * address, `upload_ai` and `auth` per endpoint, `default` over all its endpoints.
 *
 * With several gateways each key is counted by one of them, so that together they admit exactly the
 * limit (gw_ring.h). The table is bounded; when it is full the key that was quiet for longest is
 * forgotten.
 *
 * Threads: any number. Blocks: for another gateway, where the key is its. Source: tests/contract,
 * "Rate classes". */
#ifndef ASSAY_GATEWAY_LIMIT_H
#define ASSAY_GATEWAY_LIMIT_H

#include "base/ctx.h"
#include "pb/route.h"

#define GW_LIMIT_WINDOW_US (60 * ASSAY_US_PER_S)

struct gw_limit;
struct gw_ring;

/* What the answer's RateLimit fields say. */
struct gw_rate_state {
    bool limited; /* false: no limit applies */
    const char *policy;
    int64_t quota;
    int64_t remaining;
    int64_t reset_us; /* until the window frees one */
};

/* `text`: "default=100,upload_ai=10,auth=5" per minute, or "off".
 * Errors: INVALID_ARGUMENT: malformed. */
NODISCARD enum rc gw_limit_new(const char *text, size_t keys_max, struct gw_limit **out);
void gw_limit_free(struct gw_limit *limit);

/* Counts one request of an endpoint. *out is written in any case.
 * Errors: RESOURCE_EXHAUSTED "RATE_LIMITED". */
NODISCARD enum rc gw_limit_admit(struct gw_limit *limit, struct ctx *ctx,
                                 const struct gw_route *route, struct gw_rate_state *out);
/* The guard by address ahead of authentication: 60 times the default limit.
 * Errors: RESOURCE_EXHAUSTED "RATE_LIMITED". */
NODISCARD enum rc gw_limit_guard(struct gw_limit *limit, struct ctx *ctx,
                                 struct gw_rate_state *out);
/* Lets the limits hold over all gateways of the ring (gw_ring.h); NULL: this one counts alone. */
void gw_limit_share(struct gw_limit *limit, struct gw_ring *ring);
/* Counts a key that another gateway made, here. True when admitted. */
bool gw_limit_count(struct gw_limit *limit, struct str key, int64_t quota,
                    struct gw_rate_state *out);
/* The window itself, for tests: `now_us` is monotonic. True when admitted. */
bool gw_limit_take(struct gw_limit *limit, uint64_t key, int64_t quota, int64_t now_us,
                   struct gw_rate_state *out);

#endif
