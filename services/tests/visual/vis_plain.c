/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations on rows in plain C: what every processor can, and what the vector forms must
 * equal. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_ops.h"

static uint8_t
paeth(uint8_t left, uint8_t up, uint8_t corner)
{
    int from_left = abs(up - corner);
    int from_up = abs(left - corner);
    int from_corner = abs(left + up - 2 * corner);

    if (from_left <= from_up && from_left <= from_corner) {
        return left;
    }
    return from_up <= from_corner ? up : corner;
}

void
vis_plain_unfilter_from(uint8_t *row, const uint8_t *prev, size_t from, size_t n, uint32_t bpp,
                        uint8_t filter)
{
    for (size_t i = from; i < n; i++) {
        uint8_t left = i < bpp ? 0 : row[i - bpp];
        uint8_t corner = i < bpp ? 0 : prev[i - bpp];
        uint8_t guess = filter == 1   ? left
                        : filter == 2 ? prev[i]
                        : filter == 3 ? (uint8_t)((left + prev[i]) / 2)
                                      : paeth(left, prev[i], corner);
        row[i] = (uint8_t)(row[i] + guess);
    }
}

void
vis_plain_unfilter(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp, uint8_t filter)
{
    vis_plain_unfilter_from(row, prev, 0, n, bpp, filter);
}

void
vis_plain_expand_rgb(uint32_t *out, const uint8_t *row, size_t pixels)
{
    for (size_t x = 0; x < pixels; x++, row += 3) {
        const uint8_t p[4] = {row[0], row[1], row[2], 255};
        memcpy(&out[x], p, 4);
    }
}

void
vis_plain_expand_rgba(uint32_t *out, const uint8_t *row, size_t pixels)
{
    for (size_t x = 0; x < pixels; x++, row += 4) {
        out[x] = vis_draw(row[0], row[1], row[2], row[3]);
    }
}

void
vis_plain_shade(uint8_t *out, const uint32_t *row, size_t pixels)
{
    for (size_t x = 0; x < pixels; x++) {
        out[x] = (uint8_t)(4 + (vis_luma(row[x]) * VIS_SHADES >> 8));
    }
}

struct envelope {
    int lo, hi;
};

static struct envelope
envelope(const uint32_t *const rows[3], size_t x, int channel)
{
    struct envelope env = {255, 0};

    for (int dy = 0; dy < 3; dy++) {
        for (int dx = -1; dx <= 1; dx++) {
            uint8_t p[4];
            memcpy(p, rows[dy] + x + dx, 4);
            env.lo = p[channel] < env.lo ? p[channel] : env.lo;
            env.hi = p[channel] > env.hi ? p[channel] : env.hi;
        }
    }
    return env;
}

static bool
is_within(const uint32_t *const rows[3], size_t x, uint32_t pixel)
{
    uint8_t p[4];

    memcpy(p, &pixel, 4);
    for (int c = 0; c < 4; c++) {
        struct envelope env = envelope(rows, x, c);
        int slack = VIS_ENVELOPE_SLACK + (env.hi - env.lo) / 4;
        if (p[c] < env.lo - slack || p[c] > env.hi + slack) {
            return false;
        }
    }
    return true;
}

/* Whether light and dark nearly cancel out in the 5 x 3 pixels around: ink that moved, not ink that
 * came. */
static bool
is_balanced(const uint32_t *const a[3], const uint32_t *const b[3], size_t x)
{
    int sum = 0;
    int sum_abs = 0;

    for (int dy = 0; dy < 3; dy++) {
        for (int dx = -2; dx <= 2; dx++) {
            int d = vis_luma(b[dy][(ptrdiff_t)x + dx]) - vis_luma(a[dy][(ptrdiff_t)x + dx]);
            sum += d;
            sum_abs += abs(d);
        }
    }
    return abs(sum) * 100 <= sum_abs * VIS_SOFT_BALANCE;
}

void
vis_plain_find_changed(uint8_t *out_class, const uint32_t *const a[3], const uint32_t *const b[3],
                       size_t from, size_t to)
{
    for (size_t x = from; x < to; x++) {
        out_class[x] = 0;
        if (a[1][x] != b[1][x]) {
            bool in_base = is_within(a, x, b[1][x]);
            bool in_current = is_within(b, x, a[1][x]);
            bool soft =
                (in_base && in_current) || ((in_base || in_current) && is_balanced(a, b, x));
            out_class[x] = soft ? VIS_CHANGED | VIS_SOFT : VIS_CHANGED;
        }
    }
}

void
vis_plain_add_window(struct vis_window *win, const uint32_t *a, const uint32_t *b, uint32_t n)
{
    struct vis_window s = *win;

    for (uint32_t x = 0; x < n; x++) {
        uint32_t la = (uint32_t)vis_luma(a[x]);
        uint32_t lb = (uint32_t)vis_luma(b[x]);
        s.a += la;
        s.b += lb;
        s.aa += la * la;
        s.bb += lb * lb;
        s.ab += la * lb;
    }
    s.n += n;
    *win = s;
}

static const struct vis_ops plain_ops = {vis_plain_unfilter,     vis_plain_expand_rgb,
                                         vis_plain_expand_rgba,  vis_plain_shade,
                                         vis_plain_find_changed, vis_plain_add_window};

const struct vis_ops *
vis_ops_get(bool plain)
{
    const struct vis_ops *vector = plain ? NULL : vis_ops_vector();

    return vector == NULL ? &plain_ops : vector;
}
