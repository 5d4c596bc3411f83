/* SPDX-License-Identifier: Apache-2.0
 *
 * Pixels that touch each other: whether a small group has as many as count, and whether a spot of
 * ink in a large one came or went. */
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

/* --- spots: a dot that came or went in a line of text that moved hides in the sums of the line */

#define SPOT_MAX 48 /* pixels */
#define SPOT_FREE                                                                                  \
    3               /* pixels around it where nothing else changed: what moves leaves ink beside   \
                     */
#define SPOT_HIGH 3 /* pixels far above the threshold */

struct box {
    int64_t x0, y0, x1, y1;
};

/* All pixels that touch the one at (x, y), and the box around them. False: too many. */
static bool
grow_spot(const struct visual *v, int64_t x, int64_t y, struct cluster *c, struct box *out)
{
    *c = (struct cluster){.x = {x}, .y = {y}, .n = 1};
    *out = (struct box){x, y, x + 1, y + 1};
    for (size_t i = 0; i < c->n; i++) {
        for (int d = 0; d < 9; d++) {
            int64_t nx = c->x[i] + d % 3 - 1;
            int64_t ny = c->y[i] + d / 3 - 1;
            if (!is_pixel_seen(v, nx, ny) || cluster_has(c, nx, ny)) {
                continue;
            }
            if (c->n == SPOT_MAX) {
                return false;
            }
            c->x[c->n] = nx;
            c->y[c->n++] = ny;
            out->x0 = nx < out->x0 ? nx : out->x0;
            out->y0 = ny < out->y0 ? ny : out->y0;
            out->x1 = nx + 1 > out->x1 ? nx + 1 : out->x1;
            out->y1 = ny + 1 > out->y1 ? ny + 1 : out->y1;
        }
    }
    return true;
}

static bool
is_free(const struct visual *v, const struct cluster *c, const struct box *box)
{
    size_t seen = 0;

    for (int64_t y = box->y0 - SPOT_FREE; y < box->y1 + SPOT_FREE; y++) {
        for (int64_t x = box->x0 - SPOT_FREE; x < box->x1 + SPOT_FREE; x++) {
            seen += is_pixel_seen(v, x, y);
        }
    }
    return seen == c->n;
}

/* Whether all of it became lighter, or all darker, and much so. */
static bool
is_ink_spot(struct visual *v, const struct cluster *c)
{
    int64_t luma = 0;
    int64_t luma_abs = 0;
    size_t high = 0;

    for (size_t i = 0; i < c->n; i++) {
        uint32_t y = (uint32_t)c->y[i];
        uint32_t a = vis_drawn_row(v, 0, v->pair[y] & ~VIS_PAIR_SAME)[c->x[i]];
        uint32_t b = vis_drawn_row(v, 1, y)[c->x[i]];
        const struct vis_cached *pair = vis_colour_pair(v, a, b);
        luma += pair->luma;
        luma_abs += abs(pair->luma);
        high += (pair->level & VIS_HIGH) != 0;
    }
    return high >= SPOT_HIGH && llabs(luma) * 10 >= luma_abs * 9;
}

static bool
has_spot_in(struct visual *v, uint32_t cx, uint32_t cy)
{
    struct cluster spot;
    struct box box;

    for (uint32_t y = cy * VIS_CELL; y < (cy + 1) * VIS_CELL && y < v->common_h; y++) {
        for (uint32_t x = cx * VIS_CELL; x < (cx + 1) * VIS_CELL && x < v->common_w; x++) {
            if (v->touched[y] && vis_code_at(v, x, y) == VIS_CODE_OVER_HARD &&
                grow_spot(v, x, y, &spot, &box) && is_free(v, &spot, &box) &&
                is_ink_spot(v, &spot)) {
                return true;
            }
        }
    }
    return false;
}

bool
vis_has_spot(struct visual *v, uint32_t region, const struct vis_sums *s)
{
    if (s->high_hard < SPOT_HIGH) {
        return false;
    }
    for (uint32_t cy = s->y0 / VIS_CELL; cy <= (s->y1 - 1) / VIS_CELL; cy++) {
        const struct vis_cell *row = vis_cell_row(v, cy);
        for (uint32_t cx = s->x0 / VIS_CELL; row != NULL && cx <= (s->x1 - 1) / VIS_CELL; cx++) {
            if (row[cx].region == region && row[cx].high_hard > 1 && has_spot_in(v, cx, cy)) {
                return true;
            }
        }
    }
    return false;
}
