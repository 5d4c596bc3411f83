/* SPDX-License-Identifier: Apache-2.0
 *
 * Pixel by pixel: how far two colours are from each other, and whether the difference is one that
 * an edge makes when it is drawn a fraction of a pixel beside. Only rows that differ come here. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"

#define HIGH_FACTOR 5
#define DELTA_MAX 127 /* no two colours are as far apart */
static uint8_t
level_of(const struct visual *v, double delta)
{
    double t = v->options->threshold;

    return (uint8_t)((delta > t / 2 ? VIS_LOW : 0) | (delta > t ? VIS_OVER : 0) |
                     (delta > t * HIGH_FACTOR ? VIS_HIGH : 0));
}

const struct vis_cached *
vis_colour_pair(struct visual *v, uint32_t a, uint32_t b)
{
    uint64_t key = ((uint64_t)a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);
    struct vis_cached *c = &v->cache[(key >> (64 - VIS_CACHE_BITS)) * 2];

    if (c->a == a && c->b == b) {
        return c;
    }
    struct vis_cached second = c[1];
    c[1] = c[0];
    if (second.a == a && second.b == b) {
        c[0] = second;
        return c;
    }
    double delta = vis_delta(&v->linear, a, b);
    *c = (struct vis_cached){
        .a = a,
        .b = b,
        .delta = (uint16_t)((delta < DELTA_MAX ? delta : DELTA_MAX) * 8 + 0.5),
        .delta_256 = (uint16_t)(delta * 256),
        .luma = (int16_t)(vis_luma(b) - vis_luma(a)),
        .level = level_of(v, delta),
    };
    return c;
}

static enum vis_code
code_of(uint8_t class)
{
    bool soft = (class & VIS_SOFT) != 0;

    if ((class & VIS_IGNORED) != 0) {
        return VIS_CODE_IGNORED;
    }
    if ((class & VIS_OVER) != 0) {
        return soft ? VIS_CODE_OVER_SOFT : VIS_CODE_OVER_HARD;
    }
    if ((class & VIS_LOW) != 0) {
        return soft ? VIS_CODE_LOW_SOFT : VIS_CODE_LOW_HARD;
    }
    return VIS_CODE_NOISE;
}

/* What a pixel counts as, in the order of struct vis_cell's first eight bytes; by the bits of its
 * class from VIS_SOFT on. */
#define COUNTS(soft, over, high)                                                                   \
    {                                                                                              \
        1, !(soft), soft, !(soft) && (over), (soft) && (over), !(soft) && (high),                  \
            (soft) && (high), 0                                                                    \
    }
#define LOW_COUNTS(over, high) COUNTS(0, over, high), COUNTS(1, over, high)
static const uint8_t counts_of[16][8] = {{1}, {1}, LOW_COUNTS(0, 0), {1}, {1}, LOW_COUNTS(1, 0),
                                         {1}, {1}, LOW_COUNTS(0, 1), {1}, {1}, LOW_COUNTS(1, 1)};

/* Adds to eight counters at once; none can reach 256. */
static inline void
add_counts(struct vis_cell *cell, const uint8_t counts[8], uint8_t n)
{
    uint64_t sums;
    uint64_t more;

    memcpy(&sums, cell, 8);
    memcpy(&more, counts, 8);
    sums += more * n;
    memcpy(cell, &sums, 8);
}

/* Adds `n` equal pixels, whose columns and rows are the bits of `columns` and `rows`. */
static inline void
count_pixels(struct vis_cell *cell, uint8_t class, const struct vis_cached *pair, uint8_t n,
             uint8_t columns, uint8_t rows)
{
    if ((class & VIS_IGNORED) != 0) {
        cell->ignored = (uint8_t)(cell->ignored + n);
        return;
    }
    add_counts(cell, counts_of[class >> VIS_COUNT_SHIFT], n);
    if ((class & VIS_LOW) == 0) {
        return;
    }
    cell->rows |= rows;
    cell->columns |= columns;
    cell->luma = (int16_t)(cell->luma + pair->luma * n);
    cell->luma_abs = (uint16_t)(cell->luma_abs + abs(pair->luma) * n);
    cell->delta_sum = (uint16_t)(cell->delta_sum + pair->delta * n);
    cell->delta_max = pair->delta_256 > cell->delta_max ? pair->delta_256 : cell->delta_max;
}

/* Clears the row's codes when this is the first time. */
static uint8_t *
touch(struct visual *v, uint32_t y)
{
    uint8_t *code = v->code + y * v->code_stride;

    if (!v->touched[y]) {
        memset(code, 0, v->code_stride);
        v->touched[y] = 1;
    }
    if (!v->cells_touched[y / VIS_CELL]) {
        memset(&v->cells[(size_t)(y / VIS_CELL) * v->cell_w], 0, v->cell_w * sizeof(*v->cells));
        v->cells_touched[y / VIS_CELL] = 1;
    }
    return code;
}

/* Marks what ignore rectangles cover; without looking at rectangles that do not reach the row. */
static void
mark_ignored(const struct visual *v, uint8_t *class, uint32_t y, uint32_t x0, uint32_t x1)
{
    for (size_t i = 0; i < v->options->ignore_count; i++) {
        const struct visual_rect *r = &v->options->ignore[i];
        int64_t end = (int64_t)r->x + r->w;
        if ((int64_t)y < r->y || (int64_t)y >= (int64_t)r->y + r->h) {
            continue;
        }
        end = end > x1 ? x1 : end;
        for (int64_t x = r->x < (int64_t)x0 ? (int64_t)x0 : r->x; x < end; x++) {
            class[x] |= class[x] == 0 ? 0 : VIS_IGNORED;
        }
    }
}

static bool
is_one_value(const uint32_t *p)
{
    uint64_t x[4];
    uint64_t first = (uint64_t)p[0] << 32 | p[0];

    memcpy(x, p, sizeof(x));
    return ((x[0] ^ first) | (x[1] ^ first) | (x[2] ^ first) | (x[3] ^ first)) == 0;
}

struct row_pair {
    const uint32_t *a[3], *b[3];
    uint8_t *class, *code;
    uint32_t y;
    uint8_t rows, row_bits; /* so many rows give the same; their bits in a cell */
};

static uint8_t
finish_class(const struct visual *v, const struct row_pair *r, uint8_t level, uint32_t x)
{
    uint8_t c = (uint8_t)(r->class[x] | level);

    return v->is_tolerant ? c : (uint8_t)(c & ~VIS_SOFT);
}

/* Eight pixels of a cell. Where all change from one colour to one other, as in plain areas, they
 * are counted at once. */
static void
classify_eight(struct visual *v, const struct row_pair *r, struct vis_cell *cell, uint32_t x0,
               uint32_t x1)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t classes = 0;

    memcpy(&classes, r->class + x0, x1 - x0);
    if (classes == 0) {
        return;
    }
    if (x1 - x0 == VIS_CELL && classes == each * r->class[x0] && is_one_value(r->a[1] + x0) &&
        is_one_value(r->b[1] + x0)) {
        const struct vis_cached *pair = vis_colour_pair(v, r->a[1][x0], r->b[1][x0]);
        uint8_t c = finish_class(v, r, pair->level, x0);
        count_pixels(cell, c, pair, (uint8_t)(VIS_CELL * r->rows), 0xff, r->row_bits);
        memset(r->code + x0 / 2, code_of(c) * 0x11, VIS_CELL / 2);
        return;
    }
    for (uint32_t x = x0; x < x1; x++) {
        if (r->class[x] != 0) {
            const struct vis_cached *pair = vis_colour_pair(v, r->a[1][x], r->b[1][x]);
            uint8_t c = finish_class(v, r, pair->level, x);
            count_pixels(cell, c, pair, r->rows, (uint8_t)(1 << x % VIS_CELL), r->row_bits);
            r->code[x / 2] |= (uint8_t)(code_of(c) << (x % 2 * 4));
        }
    }
}

static void
classify_pixels(struct visual *v, const struct row_pair *r, uint32_t x0, uint32_t x1)
{
    struct vis_cell *cells = vis_cell_row(v, r->y / VIS_CELL);

    for (uint32_t x = x0; x < x1;) {
        uint32_t end = (x / VIS_CELL + 1) * VIS_CELL;
        end = end < x1 ? end : x1;
        classify_eight(v, r, &cells[x / VIS_CELL], x, end);
        x = end;
    }
}

/* The drawn rows above, at and below y. */
static void
around(struct visual *v, int which, uint32_t y, const uint32_t *out[3])
{
    uint32_t h = v->image[which].h;

    out[0] = vis_drawn_row(v, which, y == 0 ? 0 : y - 1);
    out[1] = vis_drawn_row(v, which, y);
    out[2] = vis_drawn_row(v, which, y + 1 < h ? y + 1 : y);
}

void
vis_classify_rows(struct visual *v, uint32_t ya, uint32_t yb, uint32_t x0, uint32_t x1,
                  uint32_t rows)
{
    struct row_pair r = {.class = v->class,
                         .y = yb,
                         .rows = (uint8_t)rows,
                         .row_bits = (uint8_t)(((1u << rows) - 1) << yb % VIS_CELL)};

    around(v, 0, ya, r.a);
    around(v, 1, yb, r.b);
    v->ops->find_changed(r.class, r.a, r.b, x0, x1);
    mark_ignored(v, r.class, yb, x0, x1);
    r.code = touch(v, yb);
    classify_pixels(v, &r, x0, x1);
    for (uint32_t i = 1; i < rows; i++) {
        memcpy(touch(v, yb + i), r.code, v->code_stride);
    }
}

void
vis_mark_row(struct visual *v, uint32_t y, uint32_t x0, uint32_t x1)
{
    uint8_t *class = v->class;
    uint8_t *code = touch(v, y);

    memset(class + x0, VIS_CHANGED | VIS_LOW | VIS_OVER | VIS_HIGH, x1 - x0);
    mark_ignored(v, class, y, x0, x1);
    for (uint32_t x = x0; x < x1; x++) {
        bool ignored = (class[x] & VIS_IGNORED) != 0;
        v->result.ignored_pixels += ignored;
        v->result.diff_pixels += !ignored;
        code[x / 2] |= (uint8_t)((ignored ? VIS_CODE_IGNORED : VIS_CODE_ROW) << (x % 2 * 4));
    }
}
