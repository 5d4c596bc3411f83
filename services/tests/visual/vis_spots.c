/* SPDX-License-Identifier: Apache-2.0
 *
 * Pixels that touch each other: whether a small group has as many as count. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"

#define SMALL_PIXELS 256

static bool
is_pixel_seen(const struct visual *v, int64_t x, int64_t y)
{
    if (x < 0 || y < 0 || x >= v->w || y >= v->h || !v->touched[y]) {
        return false;
    }
    uint8_t code = vis_code_at(v, (uint32_t)x, (uint32_t)y);
    return vis_is_seen(code);
}

struct cluster {
    int64_t x[SMALL_PIXELS], y[SMALL_PIXELS];
    size_t n;
};

static bool
cluster_has(const struct cluster *c, int64_t x, int64_t y)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->x[i] == x && c->y[i] == y) {
            return true;
        }
    }
    return false;
}

/* Grows the cluster of one pixel until it has `want`, or is complete. */
static bool
grows_to(const struct visual *v, int64_t x, int64_t y, size_t want)
{
    struct cluster c = {.x = {x}, .y = {y}, .n = 1};

    for (size_t i = 0; i < c.n && c.n < want; i++) {
        for (int d = 0; d < 9 && c.n < want && c.n < SMALL_PIXELS; d++) {
            int64_t nx = c.x[i] + d % 3 - 1;
            int64_t ny = c.y[i] + d / 3 - 1;
            if (is_pixel_seen(v, nx, ny) && !cluster_has(&c, nx, ny)) {
                c.x[c.n] = nx;
                c.y[c.n++] = ny;
            }
        }
    }
    return c.n >= want;
}

/* Of a group with at most SMALL_PIXELS pixels; larger ones have a cluster for sure that is large
 * enough, or are grain, which the rules know. */
bool
vis_has_cluster(const struct visual *v, const struct vis_sums *s)
{
    size_t want = v->options->cluster_min;

    if (want <= 1 || (vis_seen_of(s) > SMALL_PIXELS && want <= SMALL_PIXELS)) {
        return true;
    }
    if (vis_seen_of(s) < want) {
        return false;
    }
    want = want > SMALL_PIXELS ? SMALL_PIXELS : want;
    for (int64_t y = s->y0; y < s->y1; y++) {
        for (int64_t x = s->x0; x < s->x1; x++) {
            if (is_pixel_seen(v, x, y) && grows_to(v, x, y, want)) {
                return true;
            }
        }
    }
    return false;
}
