/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/visual/vis_fit.h"

#include <stdlib.h>

#define SINGULAR 0.02 /* of the product of both squares: all gradients go one way */
#define GRADIENT 4    /* the sum of two pictures over two pixels each */

static int32_t
light_of(uint32_t pixel)
{
    return (int32_t)((pixel & 255) + 2 * (pixel >> 8 & 255) + (pixel >> 16 & 255));
}

/* A pixel and those around it. */
struct cross {
    int32_t left, at, right, above, below;
};

static int32_t
larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t
range_of(const struct cross *c)
{
    int32_t across = larger(abs(c->left - c->at), abs(c->right - c->at));

    return larger(across, larger(abs(c->above - c->at), abs(c->below - c->at)));
}

static void
go_right(struct cross *c, const uint32_t *const rows[3], uint32_t x, uint32_t width)
{
    c->left = c->at;
    c->at = c->right;
    c->right = x + 1 < width ? light_of(rows[1][x + 1]) : c->at;
    c->above = light_of(rows[0][x]);
    c->below = light_of(rows[2][x]);
}

static struct cross
begin(const uint32_t *const rows[3], uint32_t x)
{
    return (struct cross){.at = light_of(rows[1][x > 0 ? x - 1 : 0]),
                          .right = light_of(rows[1][x])};
}

void
vis_fit_add(struct vis_fit *fit, const uint32_t *const a[3], const uint32_t *const b[3],
            uint32_t from, uint32_t to, uint32_t width)
{
    struct vis_fit sums = *fit;
    struct cross p = begin(a, from);
    struct cross q = begin(b, from);

    for (uint32_t x = from; x < to; x++) {
        go_right(&p, a, x, width);
        go_right(&q, b, x, width);
        int32_t gx = p.right - p.left + q.right - q.left;
        int32_t gy = p.below - p.above + q.below - q.above;
        int32_t t = q.at - p.at;
        sums.xx += gx * gx;
        sums.xy += gx * gy;
        sums.yy += gy * gy;
        sums.xt += gx * t;
        sums.yt += gy * t;
        sums.tt += t * t;
        sums.change += abs(t);
        sums.range += larger(range_of(&p), range_of(&q));
    }
    *fit = sums;
}

void
vis_fit_join(struct vis_fit *into, const struct vis_fit *from)
{
    into->xx += from->xx;
    into->xy += from->xy;
    into->yy += from->yy;
    into->xt += from->xt;
    into->yt += from->yt;
    into->tt += from->tt;
    into->change += from->change;
    into->range += from->range;
}

struct vis_fitted
vis_fit_solve(const struct vis_fit *fit)
{
    double xx = (double)fit->xx;
    double xy = (double)fit->xy;
    double yy = (double)fit->yy;
    double xt = (double)fit->xt;
    double yt = (double)fit->yt;
    double det = xx * yy - xy * xy;
    double dx = 0;
    double dy = 0;

    if (det > SINGULAR * xx * yy) {
        dx = (xy * yt - yy * xt) / det;
        dy = (xy * xt - xx * yt) / det;
    } else if (xx > 0 && xx >= yy) {
        dx = -xt / xx;
    } else if (yy > 0) {
        dy = -yt / yy;
    }
    double left = (double)fit->tt + dx * xt + dy * yt;
    return (struct vis_fitted){.dx = dx * GRADIENT,
                               .dy = dy * GRADIENT,
                               .left = fit->tt > 0 ? left / (double)fit->tt : 0,
                               .share =
                                   fit->range > 0 ? (double)fit->change / (double)fit->range : 0};
}
