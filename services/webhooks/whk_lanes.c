/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_lanes.h"

#include <stdlib.h>

bool
whk_lanes_init(struct whk_lanes *lanes, int64_t flights_max, int64_t window_max)
{
    /* Beside those with requests: one round's that have just ended, and its claims. */
    size_t cap = (size_t)flights_max * 3 + 16;

    *lanes = (struct whk_lanes){
        .lanes = calloc(cap, sizeof(struct whk_lane)), .cap = cap, .window_max = window_max};
    return lanes->lanes != NULL;
}

void
whk_lanes_fini(struct whk_lanes *lanes)
{
    free(lanes->lanes);
    *lanes = (struct whk_lanes){.lanes = NULL};
}

static struct whk_lane *
lane_of(struct whk_lanes *lanes, int64_t endpoint_id)
{
    for (size_t i = 0; i < lanes->count; i++) {
        if (lanes->lanes[i].endpoint_id == endpoint_id) {
            return &lanes->lanes[i];
        }
    }
    return NULL;
}

void
whk_lanes_begin(struct whk_lanes *lanes, int64_t endpoint_id)
{
    struct whk_lane *lane = lane_of(lanes, endpoint_id);

    if (lane == NULL) {
        ASSERT(lanes->count < lanes->cap);
        lane = &lanes->lanes[lanes->count++];
        *lane = (struct whk_lane){.endpoint_id = endpoint_id, .window = 1};
    }
    lane->under_way++;
}

void
whk_lanes_end(struct whk_lanes *lanes, int64_t endpoint_id, bool delivered)
{
    struct whk_lane *lane = lane_of(lanes, endpoint_id);

    ASSERT(lane != NULL && lane->under_way > 0);
    lane->under_way--;
    if (!delivered) {
        lane->window = 1;
    } else if (lane->window < lanes->window_max) {
        int64_t twice = lane->window * 2;
        lane->window = twice < lanes->window_max ? twice : lanes->window_max;
    }
}

enum rc
whk_lanes_room(const struct whk_lanes *lanes, struct ctx *ctx, struct whk_room *out)
{
    *out = (struct whk_room){.endpoints = ARENA_ARRAY(ctx->arena, lanes->count + 1, int64_t),
                             .rooms = ARENA_ARRAY(ctx->arena, lanes->count + 1, int64_t),
                             .count = lanes->count};
    if (out->endpoints == NULL || out->rooms == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "ARENA_FULL", "too many endpoints");
    }
    for (size_t i = 0; i < lanes->count; i++) {
        const struct whk_lane *lane = &lanes->lanes[i];
        int64_t room = lane->window - lane->under_way;
        out->endpoints[i] = lane->endpoint_id;
        out->rooms[i] = room > 0 ? room : 0;
    }
    return RC_OK;
}

void
whk_lanes_forget_idle(struct whk_lanes *lanes)
{
    size_t kept = 0;

    for (size_t i = 0; i < lanes->count; i++) {
        if (lanes->lanes[i].under_way > 0) {
            lanes->lanes[kept++] = lanes->lanes[i];
        }
    }
    lanes->count = kept;
}
