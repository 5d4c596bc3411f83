/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_lanes.h"

#include <stdlib.h>

bool
whk_lanes_init(struct whk_lanes *lanes, int64_t flights_max, int64_t window_max)
{
    /* Beside those with requests: one round's that have just ended, its claims, and slow ones that
     * are remembered. */
    size_t cap = (size_t)flights_max * 4 + 16;

    *lanes = (struct whk_lanes){.lanes = calloc(cap, sizeof(struct whk_lane)),
                                .cap = cap,
                                .flights_max = flights_max,
                                .window_max = window_max};
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
whk_lanes_end(struct whk_lanes *lanes, int64_t endpoint_id, bool delivered, int64_t took_us)
{
    struct whk_lane *lane = lane_of(lanes, endpoint_id);

    ASSERT(lane != NULL && lane->under_way > 0);
    lane->under_way--;
    lane->is_slow = delivered && took_us > WHK_LANE_SLOW_US; /* who fails has a share of his own */
    if (!delivered) {
        lane->window = 1;
    } else if (lane->window < lanes->window_max) {
        int64_t twice = lane->window * 2;
        lane->window = twice < lanes->window_max ? twice : lanes->window_max;
    }
}

void
whk_lanes_doubt(struct whk_lanes *lanes, int64_t endpoint_id)
{
    struct whk_lane *lane = lane_of(lanes, endpoint_id);

    ASSERT(lane != NULL && lane->under_way > 0);
    lane->window = 1;
}

/* What slow endpoints may have more together. */
static int64_t
slow_room(const struct whk_lanes *lanes)
{
    int64_t room = lanes->flights_max / 4 + 1;

    for (size_t i = 0; i < lanes->count; i++) {
        room -= lanes->lanes[i].is_slow ? lanes->lanes[i].under_way : 0;
    }
    return room > 0 ? room : 0;
}

/* One more for slow endpoints, those without requests first. The beginning moves on, so that they
 * take turns when there is not enough for all. */
static void
share_slow_room(const struct whk_lanes *lanes, bool idle, int64_t *room, int64_t *rooms)
{
    for (size_t i = 0; i<lanes->count && * room> 0; i++) {
        size_t at = (i + lanes->turn) % lanes->count;
        const struct whk_lane *lane = &lanes->lanes[at];
        if (lane->is_slow && (lane->under_way == 0) == idle && lane->window > lane->under_way) {
            rooms[at] = 1;
            (*room)--;
        }
    }
}

enum rc
whk_lanes_room(struct whk_lanes *lanes, struct ctx *ctx, struct whk_room *out)
{
    *out = (struct whk_room){.endpoints = ARENA_ARRAY(ctx->arena, lanes->count + 1, int64_t),
                             .rooms = ARENA_ARRAY(ctx->arena, lanes->count + 1, int64_t),
                             .count = lanes->count};
    if (out->endpoints == NULL || out->rooms == NULL) {
        return fail_memory(ctx, "too many endpoints");
    }
    for (size_t i = 0; i < lanes->count; i++) {
        const struct whk_lane *lane = &lanes->lanes[i];
        int64_t room = lane->window - lane->under_way;
        out->endpoints[i] = lane->endpoint_id;
        out->rooms[i] = room > 0 && !lane->is_slow ? room : 0;
    }
    int64_t slow = slow_room(lanes);
    share_slow_room(lanes, true, &slow, out->rooms);
    share_slow_room(lanes, false, &slow, out->rooms);
    lanes->turn++;
    return RC_OK;
}

void
whk_lanes_forget_idle(struct whk_lanes *lanes)
{
    size_t kept = 0;
    int64_t idle_max = lanes->flights_max; /* so many slow ones are remembered */

    for (size_t i = 0; i < lanes->count; i++) {
        struct whk_lane lane = lanes->lanes[i];
        bool idle = lane.under_way == 0;
        if (!idle || (lane.is_slow && idle_max-- > 0)) {
            lanes->lanes[kept++] = lane;
        }
    }
    lanes->count = kept;
}
