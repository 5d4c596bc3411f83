/* SPDX-License-Identifier: Apache-2.0
 *
 * How many requests may be under way to each endpoint. An endpoint begins with one; a success
 * doubles that up to a bound, a failure brings it back to one. Endpoints that answer well but
 * slowly share a quarter of all requests, or a few of them would hold all there are. Endpoints
 * without requests are forgotten, but for the slow ones. Pure but for its memory; one thread. */
#ifndef ASSAY_WEBHOOKS_WHK_LANES_H
#define ASSAY_WEBHOOKS_WHK_LANES_H

#include "webhooks/whk_store.h"

struct whk_lane {
    int64_t endpoint_id;
    int64_t under_way, window;
    bool is_slow; /* its last success took longer than WHK_LANE_SLOW_US */
};

struct whk_lanes {
    struct whk_lane *lanes;
    size_t count, cap;
    int64_t flights_max, window_max;
    size_t turn; /* whose it is first, of the slow ones */
};

#define WHK_LANE_SLOW_US ASSAY_US_PER_S

/* For `flights_max` requests in all. */
NODISCARD bool whk_lanes_init(struct whk_lanes *lanes, int64_t flights_max, int64_t window_max);
void whk_lanes_fini(struct whk_lanes *lanes);
void whk_lanes_begin(struct whk_lanes *lanes, int64_t endpoint_id);
void whk_lanes_end(struct whk_lanes *lanes, int64_t endpoint_id, bool delivered, int64_t took_us);
/* A request has failed, and counts as under way until that is stored: whk_lanes_end. */
void whk_lanes_doubt(struct whk_lanes *lanes, int64_t endpoint_id);
/* What each known endpoint may have more, in ctx->arena. Errors: RESOURCE_EXHAUSTED. */
NODISCARD enum rc whk_lanes_room(struct whk_lanes *lanes, struct ctx *ctx, struct whk_room *out);
void whk_lanes_forget_idle(struct whk_lanes *lanes);

#endif
