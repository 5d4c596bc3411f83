/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows are equal. Two pictures of the same kind need not be unfiltered to know: rows whose
 * filtered bytes are the same are the same pixels, when the rows above are too, or the filter does
 * not look at them. Unfiltering costs more than inflating, and most of a page does not change. */
#include <string.h>

#include "tests/visual/vis_cmp.h"

static bool
is_same_kind(const struct vis_image *a, const struct vis_image *b)
{
    return a->w == b->w && a->depth == b->depth && a->colour == b->colour && a->bpp == b->bpp &&
           a->has_key == b->has_key && memcmp(a->key, b->key, 6) == 0 &&
           a->palette_count == b->palette_count &&
           memcmp(a->palette, b->palette, a->palette_count * sizeof(a->palette[0])) == 0;
}

bool
vis_is_stored_alike(const struct vis_image *a, const struct vis_image *b)
{
    uint32_t h = a->h < b->h ? a->h : b->h;
    uint32_t same = 0;

    if (!is_same_kind(a, b)) {
        return false;
    }
    for (uint32_t y = 0; y < h; y++) {
        same += vis_row(a, y)[-1] == vis_row(b, y)[-1];
    }
    return same >= h / 2;
}

/* Whether row y of the current picture may be read from the baseline. */
static bool
is_shared(const struct visual *v, uint32_t y)
{
    return v->same_kind && y < v->common_h && v->equal[y] && !v->image[1].ready[y];
}

/* Undoes row y of the current picture, from the nearest row above that needs nothing or is shared.
 */
static void
ready_current(struct visual *v, uint32_t y)
{
    struct vis_image *b = &v->image[1];
    uint32_t from = y;

    while (from > 0 && !b->ready[from] && vis_row(b, from)[-1] > 1 && !is_shared(v, from - 1)) {
        from--;
    }
    for (; from <= y; from++) {
        uint8_t *row = vis_row(b, from);
        if (!b->ready[from]) {
            const uint8_t *above = from == 0 ? NULL : vis_row(b, from - 1);
            if (from > 0 && row[-1] > 1 && is_shared(v, from - 1)) {
                vis_ready(&v->image[0], v->ops, from - 1);
                above = vis_row(&v->image[0], from - 1);
            }
            vis_unfilter_row(b, v->ops, row, above, row[-1]);
            b->ready[from] = 1;
        }
    }
}

static bool
is_row_equal(struct visual *v, uint32_t y)
{
    const uint8_t *a = vis_row(&v->image[0], y);
    const uint8_t *b = vis_row(&v->image[1], y);
    size_t n = v->image[0].row_bytes;
    bool raw = !v->image[0].ready[y] && !v->image[1].ready[y];

    /* The same start and the same filter: the same bytes, or not the same pixels. */
    if (raw && a[-1] == b[-1] && (a[-1] <= 1 || y == 0 || v->equal[y - 1])) {
        return memcmp(a, b, n) == 0;
    }
    vis_ready(&v->image[0], v->ops, y);
    ready_current(v, y);
    return memcmp(a, b, n) == 0;
}

struct picture {
    struct vis_image *image;
    const struct vis_ops *ops;
};

static void
ready_picture(void *arg)
{
    struct picture *p = arg;

    vis_ready_all(p->image, p->ops);
}

void
vis_ready_both(struct visual *v)
{
    struct picture pictures[2] = {{&v->image[0], v->ops}, {&v->image[1], v->ops}};
    uint64_t pixels = (uint64_t)v->image[1].w * v->image[1].h;

    vis_run_both(vis_is_worth_thread(v, pixels), ready_picture, &pictures[0], &pictures[1]);
    v->all_ready = true;
}

/* Where most rows differ, most rows will be needed unfiltered: two threads are faster at all of
 * them than one is at those. Asked once, when one row in so many was looked at below the first one
 * that differs: a button is less. */
#define SHARE_LOOKED_AT 6

static void
find_equal_of_kind(struct visual *v)
{
    uint64_t pixels = (uint64_t)v->image[1].w * v->image[1].h;
    bool may_share = !v->all_ready && vis_is_worth_thread(v, pixels);
    uint32_t differing = 0;
    uint32_t looked_at = 0;

    for (uint32_t y = 0; y < v->common_h; y++) {
        v->equal[y] = is_row_equal(v, y);
        differing += !v->equal[y];
        looked_at += differing > 0;
        if (may_share && looked_at >= v->common_h / SHARE_LOOKED_AT) {
            may_share = false;
            if (differing * 3 > looked_at * 2) {
                vis_ready_both(v);
            }
        }
    }
}

static void
find_equal_drawn(struct visual *v)
{
    for (uint32_t y = 0; y < v->common_h; y++) {
        const uint32_t *a = vis_drawn_row(v, 0, y);
        const uint32_t *b = vis_drawn_row(v, 1, y);
        v->equal[y] = memcmp(a, b, (size_t)v->common_w * 4) == 0;
    }
}

void
vis_find_equal_rows(struct visual *v)
{
    v->same_kind = is_same_kind(&v->image[0], &v->image[1]);
    memset(v->equal, 0, v->h);
    if (v->same_kind) {
        find_equal_of_kind(v);
    } else {
        find_equal_drawn(v);
    }
}

const uint8_t *
vis_pixel_row(struct visual *v, int which, uint32_t y)
{
    struct vis_image *im = &v->image[which];

    if (which == 0) {
        vis_ready(im, v->ops, y);
        return vis_row(im, y);
    }
    if (is_shared(v, y)) {
        vis_ready(&v->image[0], v->ops, y);
        return vis_row(&v->image[0], y);
    }
    ready_current(v, y);
    return vis_row(im, y);
}

bool
vis_is_row_above(struct visual *v, int which, uint32_t y)
{
    const struct vis_image *im = &v->image[which];

    if (y == 0 || y >= im->h) {
        return true;
    }
    uint8_t *known = &v->is_above[which][y];
    if (*known == 0) {
        const uint8_t *above = vis_pixel_row(v, which, y - 1);
        *known = memcmp(above, vis_pixel_row(v, which, y), im->row_bytes) == 0 ? 1 : 2;
    }
    return *known == 1;
}

/* Copies of the ends: the edge of the picture is no edge of its content. */
static void
pad(uint32_t *line, uint32_t w)
{
    for (int i = 1; i <= VIS_PAD; i++) {
        line[-i] = line[0];
        line[w - 1 + (uint32_t)i] = line[w - 1];
    }
}

const uint32_t *
vis_drawn_row(struct visual *v, int which, uint32_t y)
{
    uint32_t *line = v->ring[which][y % VIS_RING];

    if (v->ring_row[which][y % VIS_RING] != y) {
        vis_expand(line, &v->image[which], vis_pixel_row(v, which, y), v->ops);
        pad(line, v->image[which].w);
        v->ring_row[which][y % VIS_RING] = y;
    }
    return line;
}
