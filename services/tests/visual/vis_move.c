/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks that moved over a plain ground. A region is one when every pixel that vanished appears the
 * same step further, and every pixel that appeared comes from a step before; either may be ground
 * instead. One direction alone would call a line that was taken away a move. The steps to try come
 * from small patches of the old picture found in the new one. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"

#define AREA_MAX ((uint64_t)1 << 19)
#define GROUPS_MAX 24
#define PATCHES 4
#define PATCH_W 6
#define PATCH_H 3
#define STEPS_MAX 16
#define MOVED_MIN 16 /* pixels that are not ground */

struct step {
    int32_t dx, dy;
};

struct field {
    const uint32_t *a, *b; /* the box and a margin of one pixel, w x h */
    int32_t w, h;
    uint32_t ground;
    struct step steps[STEPS_MAX];
    size_t step_count;
};

static bool
load_field(struct visual *v, struct visual_rect box, struct field *f)
{
    int64_t x0 = box.x > 0 ? box.x - 1 : 0;
    int64_t y0 = box.y > 0 ? box.y - 1 : 0;
    int64_t x1 = (int64_t)box.x + box.w + 1;
    int64_t y1 = (int64_t)box.y + box.h + 1;

    x1 = x1 > v->common_w ? v->common_w : x1;
    y1 = y1 > v->common_h ? v->common_h : y1;
    if (x1 <= x0 || y1 <= y0 || (uint64_t)((x1 - x0) * (y1 - y0)) > AREA_MAX) {
        return false;
    }
    size_t n = (size_t)((x1 - x0) * (y1 - y0));
    *f = (struct field){.w = (int32_t)(x1 - x0), .h = (int32_t)(y1 - y0)};
    if (!vis_buf_need(&v->line_buf, n * 8)) {
        return false;
    }
    uint32_t *pixels = (uint32_t *)(void *)v->line_buf.p;
    f->a = pixels;
    f->b = pixels + n;
    for (int64_t y = y0; y < y1; y++) {
        size_t at = (size_t)(y - y0) * (size_t)f->w;
        memcpy(pixels + at, vis_drawn_row(v, 0, (uint32_t)y) + x0, (size_t)f->w * 4);
        memcpy(pixels + n + at, vis_drawn_row(v, 1, (uint32_t)y) + x0, (size_t)f->w * 4);
    }
    f->ground = f->a[0];
    return true;
}

static size_t
at(const struct field *f, int32_t x, int32_t y)
{
    return (size_t)y * (size_t)f->w + (size_t)x;
}

/* Whether a pixel of `from` is ground, or stands in `to` the step further. */
static bool
is_explained(const struct field *f, uint32_t pixel, const uint32_t *to, int32_t x, int32_t y)
{
    return pixel == f->ground ||
           (x >= 0 && y >= 0 && x < f->w && y < f->h && to[at(f, x, y)] == pixel);
}

static bool
is_move(const struct field *f, struct step d)
{
    uint64_t changed = 0;
    uint64_t explained = 0;
    uint64_t moved = 0;

    for (int32_t y = 0; y < f->h; y++) {
        for (int32_t x = 0; x < f->w; x++) {
            uint32_t a = f->a[at(f, x, y)];
            uint32_t b = f->b[at(f, x, y)];
            if (a == b) {
                continue;
            }
            bool gone = is_explained(f, a, f->b, x + d.dx, y + d.dy);
            bool come = is_explained(f, b, f->a, x - d.dx, y - d.dy);
            changed++;
            explained += gone && come;
            moved += gone && a != f->ground;
        }
    }
    return moved >= MOVED_MIN && explained * 100 >= changed * 99;
}

static bool
is_patch_at(const struct field *f, size_t patch, size_t where)
{
    for (size_t y = 0; y < PATCH_H; y++) {
        if (memcmp(f->a + patch + y * (size_t)f->w, f->b + where + y * (size_t)f->w, PATCH_W * 4) !=
            0) {
            return false;
        }
    }
    return true;
}

static void
add_step(struct field *f, struct step d)
{
    for (size_t i = 0; i < f->step_count; i++) {
        if (f->steps[i].dx == d.dx && f->steps[i].dy == d.dy) {
            return;
        }
    }
    if (f->step_count < STEPS_MAX && (d.dx != 0 || d.dy != 0)) {
        f->steps[f->step_count++] = d;
    }
}

static void
find_patch(struct field *f, int32_t px, int32_t py)
{
    size_t patch = at(f, px, py);

    for (int32_t y = 0; y + PATCH_H <= f->h; y++) {
        for (int32_t x = 0; x + PATCH_W <= f->w; x++) {
            size_t where = at(f, x, y);
            if (f->b[where] == f->a[patch] && is_patch_at(f, patch, where)) {
                add_step(f, (struct step){x - px, y - py});
            }
        }
    }
}

/* A patch that a step can be read from: the pixel vanished, and there is something to recognise. */
static bool
is_patch(const struct field *f, int32_t x, int32_t y)
{
    size_t p = at(f, x, y);
    uint32_t kinds = 0;

    if (f->a[p] == f->b[p] || x + PATCH_W > f->w || y + PATCH_H > f->h) {
        return false;
    }
    for (size_t i = 1; i < PATCH_W; i++) {
        kinds += f->a[p + i] != f->a[p + i - 1];
        kinds += f->a[p + i + (size_t)f->w * (PATCH_H - 1)] != f->a[p + i];
    }
    return kinds >= 3;
}

static void
find_steps(struct field *f)
{
    int patches = 0;
    int32_t stride = f->w * f->h / 4096 + 1;

    for (int32_t i = 0; i < f->w * f->h && patches < PATCHES; i += stride) {
        if (is_patch(f, i % f->w, i / f->w)) {
            find_patch(f, i % f->w, i / f->w);
            patches++;
            i += f->w * f->h / (2 * PATCHES);
        }
    }
}

static void
mark_moved(struct vis_group *g, struct step d)
{
    g->moved = true;
    g->dx = d.dx;
    g->dy = d.dy;
}

/* What leaves one place and comes to another makes as much lighter as darker. */
static bool
may_move(const struct vis_group *g)
{
    const struct vis_sums *s = &g->sums;

    return vis_is_counted(g) && (uint64_t)llabs(s->luma) * 2 <= s->luma_abs;
}

static void
try_alone(struct visual *v, struct vis_group *g)
{
    struct field f;

    if (!may_move(g) || !load_field(v, vis_box_of(&g->sums), &f)) {
        return;
    }
    find_steps(&f);
    for (size_t i = 0; i < f.step_count && !g->moved; i++) {
        if (is_move(&f, f.steps[i])) {
            mark_moved(g, f.steps[i]);
        }
    }
}

/* A block that left one place for another: two regions of one size. */
static void
try_pair(struct visual *v, struct vis_group *g, struct vis_group *h)
{
    struct visual_rect a = vis_box_of(&g->sums);
    struct visual_rect b = vis_box_of(&h->sums);
    struct field f;

    if (a.w != b.w || a.h != b.h || !load_field(v, vis_rect_join(a, b), &f)) {
        return;
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        struct step d = {sign * (b.x - a.x), sign * (b.y - a.y)};
        if (!g->moved && is_move(&f, d)) {
            mark_moved(g, d);
            mark_moved(h, d);
        }
    }
}

void
vis_find_moves(struct visual *v)
{
    struct vis_group *counted[GROUPS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < v->group_count; i++) {
        if (vis_is_counted(&v->groups[i])) {
            if (n == GROUPS_MAX) {
                return; /* not a few blocks that moved: a page that changed */
            }
            counted[n++] = &v->groups[i];
        }
    }
    if (!v->options->find_shifts || v->aligned) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        try_alone(v, counted[i]);
        for (size_t j = 0; j < i && !counted[i]->moved; j++) {
            if (!counted[j]->moved) {
                try_pair(v, counted[i], counted[j]);
            }
        }
    }
}
