/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the things of the groups that the sums leave in doubt: rows from the top down, runs of
 * pixels that differ, each joined to the runs above that it touches. What a thing gained is added
 * up run by run; no pixel is looked at twice. */
#include "tests/visual/vis_things.h"

#include <stdlib.h>
#include <string.h>

#define INK_REACH 2   /* pixels beyond the ground beside a run: letters of a word stand so near */
#define STILL_REACH 6 /* pixels */
#define INK_MIN 48    /* levels */

struct run {
    uint32_t from, to, thing;
};

struct finder {
    struct visual *v;
    uint64_t *mask[3]; /* a bit per pixel that differs: rows y - 1, y, y + 1 */
    size_t words;
    struct run *runs[2]; /* of the row above, of this one */
    uint32_t counts[2];
    struct vis_thing *things; /* from 1 on */
    uint32_t used, free, absorbed;
    const uint32_t *a[3], *b[3]; /* rows y - 1, y, y + 1 of both */
    uint32_t y;
    void (*take)(void *context, const struct vis_thing *);
    void *context;
};

/* --- pixels -------------------------------------------------------------------------------- */

/* Bits of the eight codes that stand for a pixel that differs and counts. */
static uint32_t
bits_of(uint32_t codes)
{
    uint32_t m = (codes | codes >> 1 | codes >> 2) & ~(codes >> 1 & codes >> 2) & 0x11111111;

    m = (m | m >> 3) & 0x03030303;
    m = (m | m >> 6) & 0x000f000f;
    return (m | m >> 12) & 0xff;
}

static void
load_mask(const struct finder *f, uint32_t y, uint64_t *mask)
{
    const struct visual *v = f->v;
    const struct vis_cell *row = y < v->common_h && v->touched[y] ? vis_cell_row(v, y / 8) : NULL;
    uint32_t cells = (v->common_w + VIS_CELL - 1) / VIS_CELL;

    memset(mask, 0, f->words * sizeof(*mask));
    for (uint32_t cx = 0; row != NULL && cx < cells; cx++) {
        uint32_t codes = 0;
        if (row[cx].changed == 0 ||
            (row[cx].region != 0 && !v->groups[row[cx].region - 1].is_asked)) {
            continue;
        }
        size_t at = (size_t)cx * (VIS_CELL / 2);
        size_t left = v->code_stride - at;
        memcpy(&codes, v->code + y * v->code_stride + at, left < 4 ? left : 4);
        mask[cx / 8] |= (uint64_t)bits_of(codes) << cx % 8 * 8;
    }
}

static bool
is_set(const uint64_t *mask, uint32_t x)
{
    return (mask[x / 64] >> x % 64 & 1) != 0;
}

/* The first pixel from x on whose bit is `set`, or `end`. */
static uint32_t
next_bit(const uint64_t *mask, uint32_t x, uint32_t end, bool set)
{
    while (x < end) {
        uint64_t word = (set ? mask[x / 64] : ~mask[x / 64]) >> x % 64;
        if (word != 0) {
            x += (uint32_t)__builtin_ctzll(word);
            return x < end ? x : end;
        }
        x = (x / 64 + 1) * 64;
    }
    return end;
}

static int32_t
channel(uint32_t pixel, int c)
{
    return (int32_t)(pixel >> (8 * c) & 255);
}

/* Sums of channels over the pixels of a run, none of which can reach 2^32. */
struct channels {
    uint64_t red_blue, green;
};

static void
add_to(struct channels *s, uint32_t pixel)
{
    s->red_blue += (uint64_t)(pixel >> 16 & 255) << 32 | (pixel & 255);
    s->green += pixel >> 8 & 255;
}

/* Adds them to `sum`, times `sign`. Returns the sum of all channels. */
static int64_t
add_channels(int64_t sum[3], const struct channels *s, int sign)
{
    const int64_t each[3] = {(int64_t)(s->red_blue & UINT32_MAX), (int64_t)s->green,
                             (int64_t)(s->red_blue >> 32)};

    for (int c = 0; c < 3; c++) {
        sum[c] += sign * each[c];
    }
    return each[0] + each[1] + each[2];
}

/* A step between two pixels that did not change, of which one touches the thing. */
static void
add_still(uint32_t *still, uint32_t p, uint32_t q)
{
    for (int c = 0; c < 3 && p != q; c++) {
        uint32_t step = (uint32_t)abs(channel(p, c) - channel(q, c));
        *still = step > *still ? step : *still;
    }
}

/* --- things -------------------------------------------------------------------------------- */

static uint32_t
root_of(const struct finder *f, uint32_t t)
{
    while (f->things[t].parent != t) {
        t = f->things[t].parent;
    }
    return t;
}

static uint32_t
new_thing(struct finder *f, uint32_t x, uint32_t y)
{
    uint32_t t = f->free;

    if (t != 0) {
        f->free = f->things[t].next;
    } else {
        t = ++f->used;
    }
    f->things[t] = (struct vis_thing){.parent = t, .x0 = x, .y0 = y, .x1 = x, .last_row = y};
    return t;
}

static void
absorb(struct finder *f, uint32_t into, uint32_t from)
{
    struct vis_thing *t = &f->things[into];
    struct vis_thing *o = &f->things[from];

    t->region = t->region == 0 ? o->region : t->region;
    t->x0 = o->x0 < t->x0 ? o->x0 : t->x0;
    t->y0 = o->y0 < t->y0 ? o->y0 : t->y0;
    t->x1 = o->x1 > t->x1 ? o->x1 : t->x1;
    t->last_row = o->last_row > t->last_row ? o->last_row : t->last_row;
    t->n += o->n;
    t->sum_abs += o->sum_abs;
    t->seen += o->seen;
    t->over += o->over;
    t->high_hard += o->high_hard;
    for (int i = 0; i < 2; i++) {
        t->still[i] = o->still[i] > t->still[i] ? o->still[i] : t->still[i];
    }
    t->still_ink[0] += o->still_ink[0];
    t->still_ink[1] += o->still_ink[1];
    for (int c = 0; c < 3; c++) {
        t->sum[c] += o->sum[c];
        t->across[c] += o->across[c];
        t->down[c] += o->down[c];
    }
    t->red_red += o->red_red;
    t->red_blue += o->red_blue;
    t->blue_blue += o->blue_blue;
    t->steps += o->steps;
    vis_fit_join(&t->fit, &o->fit);
    for (int i = 0; i < 2; i++) {
        t->moment[i] += o->moment[i];
        t->weight[i] += o->weight[i];
    }
    o->parent = into;
    o->next = f->absorbed;
    f->absorbed = from;
}

/* Pixels of a run above the thresholds, by their codes. */
static void
count_codes(const struct finder *f, struct vis_thing *t, const struct run *r)
{
    struct visual *v = f->v;

    for (uint32_t x = r->from; x < r->to; x++) {
        uint8_t code = vis_code_at(v, x, f->y);
        t->seen += vis_is_seen(code);
        t->over += code >= VIS_CODE_OVER_HARD;
        if (code == VIS_CODE_OVER_HARD) {
            t->high_hard += (vis_colour_pair(v, f->a[1][x], f->b[1][x])->level & VIS_HIGH) != 0;
        }
        if (t->region == 0 && vis_is_seen(code)) {
            t->region = v->cells[(size_t)(f->y / VIS_CELL) * v->cell_w + x / VIS_CELL].region;
        }
    }
}

/* What the pixels of the run lost and gained. */
static void
add_pixels(const struct finder *f, struct vis_thing *t, const struct run *r)
{
    struct channels before = {0, 0};
    struct channels now = {0, 0};
    int64_t moment = 0;
    int64_t all = 0;
    int64_t products[3] = {0, 0, 0};

    for (uint32_t x = r->from; x < r->to; x++) {
        uint32_t a = f->a[1][x];
        uint32_t b = f->b[1][x];
        int32_t d[3] = {channel(b, 0) - channel(a, 0), channel(b, 1) - channel(a, 1),
                        channel(b, 2) - channel(a, 2)};
        add_to(&before, a);
        add_to(&now, b);
        all += abs(d[0]) + abs(d[1]) + abs(d[2]);
        moment += (int64_t)x * (d[0] + d[1] + d[2]);
        products[0] += d[0] * d[0];
        products[1] += d[0] * d[2];
        products[2] += d[2] * d[2];
    }
    int64_t there = add_channels(t->sum, &before, -1);
    int64_t gained = add_channels(t->sum, &now, 1) - there;
    t->sum_abs += all;
    t->moment[0] += (double)moment;
    t->moment[1] += (double)f->y * (double)gained;
    t->weight[0] += (double)there;
    t->weight[1] += (double)there;
    t->red_red += products[0];
    t->red_blue += products[1];
    t->blue_blue += products[2];
}

/* The unchanged pixels of row y - 1 (`other` 0) or y + 1 (2) that touch the run. */
static void
add_border_below(const struct finder *f, struct vis_thing *t, const struct run *r, int other)
{
    const uint64_t *mask = f->mask[other];
    const uint32_t *p = f->b[other];
    int sign = other == 0 ? -1 : 1;
    uint32_t end = f->v->common_w;
    bool is_beyond = other == 0 ? f->y == 0 : f->y + 1 == f->v->common_h;
    struct channels border = {0, 0};

    for (uint32_t x = next_bit(mask, r->from, r->to, false); x < r->to;
         x = next_bit(mask, x + 1, r->to, false)) {
        add_to(&border, p[x]);
        if (x > 0 && !is_beyond && !is_set(mask, x - 1)) {
            add_still(&t->still[0], p[x], p[x - 1]);
        }
        if (x + 1 < end && !is_beyond && !is_set(mask, x + 1)) {
            add_still(&t->still[0], p[x], p[x + 1]);
        }
    }
    int64_t light = add_channels(t->down, &border, sign);
    t->weight[1] -= sign * (f->y + sign * 0.5) * (double)light;
}

/* The unchanged pixel x left or right of the run; at the edge of the picture its last one. Returns
 * its light. */
static int32_t
add_border_beside(const struct finder *f, struct vis_thing *t, uint32_t x, int sign)
{
    struct channels border = {0, 0};

    add_to(&border, f->b[1][x]);
    for (int other = 0; other <= 2 && !is_set(f->mask[1], x); other += 2) {
        bool is_beyond = other == 0 ? f->y == 0 : f->y + 1 == f->v->common_h;
        if (!is_beyond && !is_set(f->mask[other], x)) {
            add_still(&t->still[1], f->b[1][x], f->b[other][x]);
        }
    }
    return (int32_t)add_channels(t->across, &border, sign);
}

/* Whether the next letter of the word stands beyond pixel x, which is the ground beside the run,
 * and did not change. */
static bool
has_still_ink(const struct finder *f, uint32_t x, int step)
{
    uint32_t ground = f->b[1][x];
    uint32_t ink = 0;

    for (int i = 0; i < STILL_REACH; i++) {
        x += (uint32_t)step;
        if (x >= f->v->common_w || is_set(f->mask[1], x)) {
            return false;
        }
        if (i < INK_REACH) {
            add_still(&ink, ground, f->b[1][x]);
        }
    }
    return ink >= INK_MIN;
}

static void
add_run(const struct finder *f, const struct run *r)
{
    struct vis_thing *t = &f->things[r->thing];
    uint32_t end = f->v->common_w;

    t->last_row = f->y;
    t->n += r->to - r->from;
    t->x0 = r->from < t->x0 ? r->from : t->x0;
    t->x1 = r->to > t->x1 ? r->to : t->x1;
    count_codes(f, t, r);
    add_pixels(f, t, r);
    vis_fit_add(&t->fit, f->a, f->b, r->from, r->to, end);
    int32_t left = add_border_beside(f, t, r->from > 0 ? r->from - 1 : 0, -1);
    int32_t right = add_border_beside(f, t, r->to < end ? r->to : end - 1, 1);
    t->steps += abs(right - left);
    t->weight[0] += (r->from - 0.5) * left - (r->to - 0.5) * right;
    add_border_below(f, t, r, 0);
    add_border_below(f, t, r, 2);
    t->still_ink[0] += r->from > 0 && has_still_ink(f, r->from - 1, -1);
    t->still_ink[1] += r->to < end && has_still_ink(f, r->to, 1);
}

static void
finish(struct finder *f, uint32_t thing)
{
    if (f->things[thing].region != 0) {
        f->take(f->context, &f->things[thing]);
    }
    f->things[thing].next = f->free;
    f->free = thing;
}

/* --- rows ---------------------------------------------------------------------------------- */

static void
find_runs(struct finder *f)
{
    uint32_t end = f->v->common_w;
    const struct run *above = f->runs[0];
    const struct run *above_end = above + f->counts[0];
    uint32_t n = 0;

    for (uint32_t x = next_bit(f->mask[1], 0, end, true); x < end;
         x = next_bit(f->mask[1], x, end, true)) {
        struct run r = {.from = x, .to = next_bit(f->mask[1], x, end, false)};
        while (above < above_end && above->to < r.from) {
            above++;
        }
        for (const struct run *q = above; q < above_end && q->from <= r.to; q++) {
            uint32_t t = root_of(f, q->thing);
            if (r.thing == 0) {
                r.thing = t;
            } else if (t != r.thing) {
                absorb(f, r.thing, t);
            }
        }
        r.thing = r.thing == 0 ? new_thing(f, r.from, f->y) : r.thing;
        add_run(f, &r);
        f->runs[1][n++] = r;
        x = r.to;
    }
    f->counts[1] = n;
}

/* Things of the row above that do not go on are judged; absorbed ones are free again. */
static void
end_row(struct finder *f)
{
    for (uint32_t i = 0; i < f->counts[1]; i++) {
        f->runs[1][i].thing = root_of(f, f->runs[1][i].thing);
    }
    for (uint32_t i = 0; i < f->counts[0]; i++) {
        uint32_t t = root_of(f, f->runs[0][i].thing);
        if (f->things[t].last_row != f->y && f->things[t].n > 0) {
            finish(f, t);
            f->things[t].n = 0;
        }
    }
    while (f->absorbed != 0) {
        uint32_t t = f->absorbed;
        f->absorbed = f->things[t].next;
        f->things[t].next = f->free;
        f->free = t;
    }
    struct run *swap = f->runs[0];
    f->runs[0] = f->runs[1];
    f->runs[1] = swap;
    f->counts[0] = f->counts[1];
}

static void
load_row(struct finder *f)
{
    struct visual *v = f->v;
    uint32_t y = f->y;
    uint32_t row = v->pair[y] & ~VIS_PAIR_SAME;

    if (v->pair[y] == VIS_NO_ROW || row >= v->image[0].h) {
        row = y < v->image[0].h ? y : v->image[0].h - 1;
    }
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t beside = row + i == 0 ? 0 : row + i - 1;
        f->a[i] = vis_drawn_row(v, 0, beside < v->image[0].h ? beside : v->image[0].h - 1);
        uint32_t at = y + i == 0 ? 0 : y + i - 1;
        f->b[i] = vis_drawn_row(v, 1, at < v->image[1].h ? at : v->image[1].h - 1);
    }
}

static bool
has_bits(const struct finder *f, const uint64_t *mask)
{
    for (size_t i = 0; i < f->words; i++) {
        if (mask[i] != 0) {
            return true;
        }
    }
    return false;
}

static void
go_down(struct finder *f, uint32_t y0, uint32_t y1)
{
    memset(f->mask[0], 0, f->words * sizeof(**f->mask));
    load_mask(f, y0, f->mask[1]);
    for (f->y = y0; f->y < y1; f->y++) {
        uint64_t *first = f->mask[0];
        load_mask(f, f->y + 1, f->mask[2]);
        f->counts[1] = 0;
        if (has_bits(f, f->mask[1])) {
            load_row(f);
            find_runs(f);
        }
        end_row(f);
        f->mask[0] = f->mask[1];
        f->mask[1] = f->mask[2];
        f->mask[2] = first;
    }
    f->counts[1] = 0;
    end_row(f);
}

static bool
begin(struct visual *v, struct finder *f)
{
    size_t words = (size_t)v->common_w / 64 + 2;
    size_t runs = (size_t)v->common_w / 2 + 2;
    size_t things = (size_t)v->common_w + 4;

    *f = (struct finder){.v = v, .words = words};
    if (!vis_buf_need(&v->stack_buf, 3 * words * sizeof(uint64_t) +
                                         things * sizeof(struct vis_thing) +
                                         2 * runs * sizeof(struct run))) {
        return false;
    }
    uint8_t *at = v->stack_buf.p;
    for (int i = 0; i < 3; i++, at += words * sizeof(uint64_t)) {
        f->mask[i] = (uint64_t *)(void *)at;
    }
    f->things = (struct vis_thing *)(void *)at;
    at += things * sizeof(struct vis_thing);
    for (int i = 0; i < 2; i++, at += runs * sizeof(struct run)) {
        f->runs[i] = (struct run *)(void *)at;
    }
    return true;
}

bool
vis_each_thing(struct visual *v, uint32_t y0, uint32_t y1,
               void (*take)(void *context, const struct vis_thing *), void *context)
{
    struct finder f;

    if (!begin(v, &f)) {
        return false;
    }
    f.take = take;
    f.context = context;
    go_down(&f, y0, y1);
    return true;
}
