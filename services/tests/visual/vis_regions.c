/* SPDX-License-Identifier: Apache-2.0
 *
 * From cells to regions: cells with something to see, at most a gap apart, are one region; rules
 * over its sums tell what an edge, a codec or a sub-pixel move makes from what somebody changed. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"

/* Cells of a region may lie this many empty ones apart: letters and words of a line belong
 * together, lines do not. */
#define GAP_ACROSS 2
#define GAP_DOWN 1

struct stack {
    struct visual *v;
    size_t n;
};

static bool
is_seen(const struct vis_cell *cell)
{
    return cell->low_hard + cell->low_soft > 0;
}

static bool
push(struct stack *s, uint32_t index)
{
    if (!vis_buf_grow(&s->v->stack_buf, s->n * sizeof(index), (s->n + 1) * sizeof(index))) {
        return false;
    }
    memcpy(s->v->stack_buf.p + s->n * sizeof(index), &index, sizeof(index));
    s->n++;
    return true;
}

static uint32_t
pop(struct stack *s)
{
    uint32_t index;

    s->n--;
    memcpy(&index, s->v->stack_buf.p + s->n * sizeof(index), sizeof(index));
    return index;
}

static uint32_t
low_bit(uint8_t bits)
{
    return (uint32_t)__builtin_ctz(bits);
}

static uint32_t
high_bit(uint8_t bits)
{
    return 31 - (uint32_t)__builtin_clz(bits);
}

static void
grow_box(struct vis_sums *s, const struct vis_cell *c, uint32_t cx, uint32_t cy)
{
    uint32_t x0 = cx * VIS_CELL + low_bit(c->columns);
    uint32_t x1 = cx * VIS_CELL + high_bit(c->columns) + 1;
    uint32_t y0 = cy * VIS_CELL + low_bit(c->rows);
    uint32_t y1 = cy * VIS_CELL + high_bit(c->rows) + 1;

    s->x0 = x0 < s->x0 ? x0 : s->x0;
    s->y0 = y0 < s->y0 ? y0 : s->y0;
    s->x1 = x1 > s->x1 ? x1 : s->x1;
    s->y1 = y1 > s->y1 ? y1 : s->y1;
}

static void
add_cell(struct vis_sums *s, const struct vis_cell *c, uint32_t cx, uint32_t cy)
{
    double delta_max = c->delta_max / 256.0;

    s->changed += c->changed;
    s->low_hard += c->low_hard;
    s->low_soft += c->low_soft;
    s->over_hard += c->over_hard;
    s->over_soft += c->over_soft;
    s->high_hard += c->high_hard;
    s->high_soft += c->high_soft;
    s->ignored += c->ignored;
    s->luma += c->luma;
    s->luma_abs += c->luma_abs;
    s->delta_sum += c->delta_sum / 8.0;
    s->delta_max = delta_max > s->delta_max ? delta_max : s->delta_max;
    if (is_seen(c)) {
        grow_box(s, c, cx, cy);
    }
}

/* Puts the cells around `index` that belong to its region on the stack. */
static bool
spread(struct stack *s, uint32_t index, uint32_t region)
{
    const struct visual *v = s->v;
    uint32_t cx = index % v->cell_w;
    uint32_t cy = index / v->cell_w;
    uint32_t x0 = cx > GAP_ACROSS ? cx - GAP_ACROSS - 1 : 0;
    uint32_t y0 = cy > GAP_DOWN - 1 ? cy - GAP_DOWN : 0;
    uint32_t x1 = cx + GAP_ACROSS + 1 < v->cell_w ? cx + GAP_ACROSS + 1 : v->cell_w - 1;
    uint32_t y1 = cy + GAP_DOWN < v->cell_h ? cy + GAP_DOWN : v->cell_h - 1;

    for (uint32_t y = y0; y <= y1; y++) {
        struct vis_cell *row = vis_cell_row(v, y);
        for (uint32_t x = x0; row != NULL && x <= x1; x++) {
            struct vis_cell *c = &row[x];
            if (c->region == 0 && is_seen(c)) {
                c->region = region;
                if (!push(s, y * v->cell_w + x)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool
fill(struct visual *v, uint32_t start, uint32_t region, struct vis_sums *out)
{
    struct stack s = {v, 0};

    *out = (struct vis_sums){.x0 = UINT32_MAX, .y0 = UINT32_MAX};
    v->cells[start].region = region;
    if (!push(&s, start)) {
        return false;
    }
    while (s.n > 0) {
        uint32_t index = pop(&s);
        add_cell(out, &v->cells[index], index % v->cell_w, index / v->cell_w);
        if (!spread(&s, index, region)) {
            return false;
        }
    }
    return true;
}

/* --- what counts */

uint64_t
vis_balance_of(const struct vis_sums *s)
{
    return s->luma_abs == 0 ? 0 : (uint64_t)llabs(s->luma) * 100 / s->luma_abs;
}

/* A change that no edge explains and that is far above the threshold. */
static bool
is_strong(const struct vis_sums *s)
{
    uint64_t seen = vis_seen_of(s);

    return (s->high_hard >= 2 && s->high_hard * 50 >= seen) || (s->high_hard >= 1 && seen <= 4);
}

/* Ink that came or went: weight, a comma for a full stop, a radius, a stroke. */
static bool
is_ink(const struct vis_sums *s)
{
    uint64_t high = s->high_hard + s->high_soft;

    return (high >= 3 && high * 7 >= vis_seen_of(s) && vis_balance_of(s) >= 35) ||
           (high >= 2 && high * 4 >= vis_seen_of(s) && vis_balance_of(s) >= 60);
}

/* Many pixels, little each, all in one direction: a colour token, a thin border, a shadow. */
static bool
is_coherent(const struct vis_sums *s)
{
    uint64_t seen = vis_seen_of(s);
    uint64_t balance = vis_balance_of(s);

    return (s->low_hard >= 12 && s->low_hard * 4 >= seen && balance >= 60) ||
           (seen >= 64 && balance >= 95);
}

/* A codec leaves far pixels at the edges of strong colours, but not many; and a change of colour is
 * everywhere. */
static bool
is_beyond_codec(const struct vis_sums *s)
{
    return s->high_hard * 12 >= s->changed ||
           (s->over_hard * 2 >= s->changed && vis_balance_of(s) >= 60);
}

static enum vis_fate
judge(const struct visual *v, const struct vis_sums *s)
{
    if (v->options->threshold <= 0) {
        return VIS_FATE_EXACT;
    }
    if (!v->options->tolerate_antialias) {
        return s->over_hard > 0 ? VIS_FATE_COUNTED : VIS_FATE_TOLERATED;
    }
    if (v->is_lossy && !is_beyond_codec(s)) {
        return VIS_FATE_TOLERATED;
    }
    if (is_strong(s) || is_ink(s)) {
        return s->over_hard > 0 ? VIS_FATE_COUNTED : VIS_FATE_FAINT;
    }
    if (is_coherent(s)) {
        return s->over_hard * 4 >= vis_seen_of(s) ? VIS_FATE_COUNTED : VIS_FATE_FAINT;
    }
    return VIS_FATE_TOLERATED;
}

/* --- lines */

bool
vis_is_grainy(const struct vis_sums *s)
{
    return (s->changed - vis_seen_of(s)) * 6 > vis_seen_of(s);
}

static bool
add_group(struct visual *v, const struct vis_sums *s)
{
    size_t used = v->group_count * sizeof(struct vis_group);

    if (!vis_buf_grow(&v->group_buf, used, used + sizeof(struct vis_group))) {
        return false;
    }
    v->groups = (struct vis_group *)(void *)v->group_buf.p;
    enum vis_fate fate = vis_has_cluster(v, s) ? judge(v, s) : VIS_FATE_TOLERATED;
    v->groups[v->group_count++] = (struct vis_group){.sums = *s, .fate = fate};
    return true;
}

struct visual_rect
vis_box_of(const struct vis_sums *s)
{
    return (struct visual_rect){(int32_t)s->x0, (int32_t)s->y0, (int32_t)(s->x1 - s->x0),
                                (int32_t)(s->y1 - s->y0)};
}

struct visual_rect
vis_group_box(const struct vis_group *g)
{
    return g->changed_box.w > 0 && !g->moved ? g->changed_box : vis_box_of(&g->sums);
}

bool
vis_find_regions(struct visual *v)
{
    for (uint32_t cy = 0; cy < v->cell_h; cy++) {
        const struct vis_cell *row = vis_cell_row(v, cy);
        for (uint32_t cx = 0; row != NULL && cx < v->cell_w; cx++) {
            struct vis_sums sums;
            if (row[cx].region != 0 || !is_seen(&row[cx])) {
                continue;
            }
            if (!fill(v, cy * v->cell_w + cx, (uint32_t)v->group_count + 1, &sums) ||
                !add_group(v, &sums)) {
                return false;
            }
        }
    }
    return true;
}

void
vis_judge_together(struct visual *v)
{
    struct vis_sums all = {0};

    for (size_t i = 0; i < v->group_count; i++) {
        const struct vis_sums *s = &v->groups[i].sums;
        if (v->groups[i].fate != VIS_FATE_TOLERATED || !v->is_tolerant || v->is_lossy) {
            return;
        }
        if (vis_is_grainy(s) && vis_balance_of(s) < 95) {
            return; /* a codec */
        }
        all.low_hard += s->low_hard;
        all.low_soft += s->low_soft;
        all.luma += s->luma;
        all.luma_abs += s->luma_abs;
    }
    for (size_t i = 0; is_coherent(&all) && i < v->group_count; i++) {
        v->groups[i].fate = VIS_FATE_FAINT;
    }
}
