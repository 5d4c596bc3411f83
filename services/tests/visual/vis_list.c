/* SPDX-License-Identifier: Apache-2.0
 *
 * The regions and counts of the result, from groups of cells and from rows. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"

static bool
matches_dynamic(const struct visual *v, struct visual_rect box)
{
    for (size_t i = 0; i < v->options->dynamic_count; i++) {
        if (visual_rect_matches(box, v->options->dynamic[i])) {
            return true;
        }
    }
    return false;
}

struct visual_rect
vis_rect_join(struct visual_rect a, struct visual_rect b)
{
    if (a.w == 0) {
        return b;
    }
    int32_t x1 = a.x + a.w > b.x + b.w ? a.x + a.w : b.x + b.w;
    int32_t y1 = a.y + a.h > b.y + b.h ? a.y + a.h : b.y + b.h;
    int32_t x = a.x < b.x ? a.x : b.x;
    int32_t y = a.y < b.y ? a.y : b.y;
    return (struct visual_rect){x, y, x1 - x, y1 - y};
}

void
vis_ignore_dynamic(struct visual *v)
{
    for (size_t i = 0; v->options->dynamic_count > 0 && i < v->group_count; i++) {
        struct vis_group *g = &v->groups[i];
        if (vis_is_counted(g) && matches_dynamic(v, vis_group_box(g))) {
            g->fate = VIS_FATE_IGNORED;
        }
    }
}

/* Pixels that count, and pixels taken for edge smoothing. */
static uint64_t
counted_of(const struct vis_group *g)
{
    switch (g->fate) {
    case VIS_FATE_EXACT:
        return g->sums.changed;
    case VIS_FATE_COUNTED:
        return g->sums.over_hard;
    case VIS_FATE_FAINT:
        return vis_seen_of(&g->sums);
    default:
        return 0;
    }
}

static uint64_t
soft_of(const struct vis_group *g)
{
    bool soft = g->fate == VIS_FATE_COUNTED || g->fate == VIS_FATE_TOLERATED;

    return soft ? g->sums.low_soft : 0;
}

static void
count_group(struct visual_result *r, const struct vis_group *g)
{
    const struct vis_sums *s = &g->sums;
    uint64_t counted = counted_of(g);
    uint64_t soft = soft_of(g);

    r->ignored_pixels += s->ignored;
    if (g->fate == VIS_FATE_IGNORED) {
        r->ignored_pixels += s->changed;
        return;
    }
    r->diff_pixels += counted;
    r->aa_pixels += soft;
    r->noise_pixels += s->changed - counted - soft;
    if (counted > 0 && s->delta_max > r->delta_max) {
        r->delta_max = s->delta_max;
    }
}

/* Cells where nothing is above half the threshold belong to no group: noise, and ignored pixels. */
static void
count_unseen(struct visual *v)
{
    for (uint32_t cy = 0; cy < v->cell_h; cy++) {
        const struct vis_cell *row = vis_cell_row(v, cy);
        for (uint32_t cx = 0; row != NULL && cx < v->cell_w; cx++) {
            if (row[cx].region == 0) {
                v->result.noise_pixels += row[cx].changed;
                v->result.ignored_pixels += row[cx].ignored;
            }
        }
    }
}

static enum visual_class
class_of(const struct vis_group *g)
{
    const struct vis_sums *s = &g->sums;
    bool one_way = (uint64_t)llabs(s->luma) * 100 >= s->luma_abs * 95;

    if (g->moved) {
        return VISUAL_CLASS_MOVED;
    }
    return one_way && s->low_hard * 2 >= vis_seen_of(s) ? VISUAL_CLASS_RECOLOUR
                                                        : VISUAL_CLASS_CONTENT;
}

/* Size, and where in its box the pixels are: bits of rows and columns are not kept that long, so
 * the counts stand for them. */
static uint64_t
fingerprint_of(const struct vis_group *g)
{
    const struct vis_sums *s = &g->sums;
    uint64_t parts[6] = {s->x1 - s->x0, s->y1 - s->y0,     s->changed,
                         s->over_hard,  (uint64_t)s->luma, s->luma_abs};

    return str_hash64(str_n((const char *)parts, sizeof(parts)));
}

static void
list_region(struct visual *v, struct visual_region r)
{
    struct visual_region *last = &v->regions[VISUAL_REGIONS_MAX - 1];

    if (v->region_count < VISUAL_REGIONS_MAX) {
        v->regions[v->region_count++] = r;
        return;
    }
    last->box = vis_rect_join(last->box, r.box);
    last->pixels += r.pixels;
    last->soft_pixels += r.soft_pixels;
    last->kind = VISUAL_CLASS_CONTENT;
    last->ignored = last->ignored && r.ignored;
}

static void
list_group(struct visual *v, const struct vis_group *g)
{
    const struct vis_sums *s = &g->sums;
    uint64_t seen = vis_seen_of(s);

    list_region(v, (struct visual_region){
                       .box = vis_group_box(g),
                       .pixels = g->fate == VIS_FATE_IGNORED ? seen : counted_of(g),
                       .soft_pixels = soft_of(g),
                       .kind = class_of(g),
                       .dx = g->dx,
                       .dy = g->dy,
                       .ignored = g->fate == VIS_FATE_IGNORED,
                       .delta_mean = seen == 0 ? 0 : s->delta_sum / (double)seen,
                       .delta_max = s->delta_max,
                       .ssim = g->windows == 0 ? 1 : g->ssim_sum / (double)g->windows,
                       .fingerprint = fingerprint_of(g),
                   });
}

/* --- rows */

static void
list_rows(struct visual *v, struct visual_rows rows, uint32_t x0, uint32_t x1)
{
    struct visual_rect box = {(int32_t)x0, rows.y, (int32_t)(x1 - x0), rows.h};
    uint64_t before = v->result.diff_pixels;
    bool dynamic = matches_dynamic(v, box);

    if (rows.inserted) {
        for (int32_t y = 0; y < rows.h; y++) {
            vis_mark_row(v, (uint32_t)(rows.y + y), x0, x1);
        }
    } else {
        v->result.diff_pixels += (uint64_t)(x1 - x0) * (uint64_t)rows.h;
    }
    uint64_t pixels = v->result.diff_pixels - before;
    if (dynamic) {
        v->result.diff_pixels -= pixels;
        v->result.ignored_pixels += pixels;
    }
    list_region(v, (struct visual_region){
                       .box = box,
                       .pixels = pixels,
                       .kind = rows.inserted ? VISUAL_CLASS_INSERTED : VISUAL_CLASS_DELETED,
                       .ignored = dynamic || pixels == 0,
                       .ssim = 1,
                   });
}

/* Where one picture reaches beyond the other. */
static void
list_beyond(struct visual *v, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1)
{
    uint64_t before = v->result.diff_pixels;

    if (x0 >= x1 || y0 >= y1) {
        return;
    }
    for (uint32_t y = y0; y < y1; y++) {
        vis_mark_row(v, y, x0, x1);
    }
    bool larger = x1 > v->image[0].w || y1 > v->image[0].h;
    list_region(v, (struct visual_region){
                       .box = {(int32_t)x0, (int32_t)y0, (int32_t)(x1 - x0), (int32_t)(y1 - y0)},
                       .pixels = v->result.diff_pixels - before,
                       .kind = larger ? VISUAL_CLASS_ADDED : VISUAL_CLASS_REMOVED,
                       .ignored = v->result.diff_pixels == before,
                       .ssim = 1,
                   });
}

void
vis_list_rows(struct visual *v)
{
    uint32_t x0 = v->aligned ? v->aligned_x0 : 0;
    uint32_t x1 = v->aligned ? v->aligned_x1 : v->common_w;

    for (size_t i = 0; i < v->rows_count; i++) {
        list_rows(v, v->rows[i], x0, x1);
    }
    list_beyond(v, v->common_w, 0, v->w, v->common_h);
    if (!v->aligned) {
        list_beyond(v, 0, v->common_h, v->w, v->h);
    } else {
        list_beyond(v, 0, v->common_h, x0, v->h);
        list_beyond(v, x1, v->common_h, v->w, v->h);
    }
}

/* --- all */

static int
by_pixels(const void *a, const void *b)
{
    const struct visual_region *ra = a;
    const struct visual_region *rb = b;

    if (ra->pixels != rb->pixels) {
        return ra->pixels > rb->pixels ? -1 : 1;
    }
    if (ra->box.y != rb->box.y) {
        return ra->box.y < rb->box.y ? -1 : 1;
    }
    return (ra->box.x > rb->box.x) - (ra->box.x < rb->box.x);
}

void
vis_list_regions(struct visual *v)
{
    count_unseen(v);
    for (size_t i = 0; i < v->group_count; i++) {
        const struct vis_group *g = &v->groups[i];
        count_group(&v->result, g);
        if (g->fate != VIS_FATE_TOLERATED) {
            list_group(v, g);
        }
    }
    qsort(v->regions, v->region_count, sizeof(v->regions[0]), by_pixels);
}

/* Whether all that counts is content that moved, with the rows it made room for or closed up. */
static bool
is_shift(const struct visual *v)
{
    bool moved = v->aligned;

    for (size_t i = 0; i < v->region_count; i++) {
        const struct visual_region *r = &v->regions[i];
        bool shifts =
            r->kind == VISUAL_CLASS_MOVED || r->kind == VISUAL_CLASS_INSERTED ||
            r->kind == VISUAL_CLASS_DELETED ||
            (v->aligned && (r->kind == VISUAL_CLASS_ADDED || r->kind == VISUAL_CLASS_REMOVED));
        if (!r->ignored && !shifts) {
            return false;
        }
        moved = moved || (!r->ignored && r->kind == VISUAL_CLASS_MOVED);
    }
    return moved;
}

static void
take_shift(struct visual *v)
{
    for (size_t i = 0; i < v->region_count; i++) {
        if (v->regions[i].kind == VISUAL_CLASS_MOVED && !v->regions[i].ignored) {
            v->result.dx = v->regions[i].dx;
            v->result.dy = v->regions[i].dy;
            return;
        }
    }
}

void
vis_verdict(struct visual *v)
{
    struct visual_result *r = &v->result;
    bool tolerated = r->aa_pixels + r->noise_pixels > 0;

    for (size_t i = 0; i < v->region_count; i++) {
        if (!v->regions[i].ignored) {
            r->box = vis_rect_join(r->box, v->regions[i].box);
        }
    }
    take_shift(v);
    r->verdict = r->diff_pixels == 0 ? (tolerated ? VISUAL_ANTIALIAS_ONLY : VISUAL_SAME)
                 : is_shift(v)       ? VISUAL_SHIFTED
                                     : VISUAL_DIFFERENT;
    r->diff_percentage = 100.0 * (double)r->diff_pixels / (double)r->canvas_pixels;
    r->regions = v->regions;
    r->region_count = v->region_count;
    r->rows = v->rows;
    r->rows_count = v->rows_count;
}
