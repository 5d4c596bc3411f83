/* SPDX-License-Identifier: Apache-2.0
 *
 * The context and its memory. What a comparison will need is known from the heads of both files,
 * and taken in one mapping of huge pages: a page fault of 4 KiB costs as much as inflating 2 KiB.
 * Of large pictures only the rows lie in it; of what else they could need most is never touched. */
#include <stdlib.h>

#include "tests/visual/vis_cmp.h"

struct visual *
visual_new(void)
{
    return calloc(1, sizeof(struct visual));
}

#define BUFS(v)                                                                                    \
    {                                                                                              \
        &(v)->repeat_buf, &(v)->equal_buf, &(v)->pair_buf, &(v)->ring_buf, &(v)->class_buf,        \
            &(v)->code_buf, &(v)->touched_buf, &(v)->cell_buf, &(v)->cells_touched_buf,            \
            &(v)->group_buf, &(v)->rows_buf, &(v)->stack_buf, &(v)->line_buf, &(v)->png_buf,       \
            &(v)->hash_buf, &(v)->region_buf, &(v)->second_buf, &(v)->image[0].raw_buf,            \
            &(v)->image[0].ready_buf, &(v)->image[0].stream_buf, &(v)->image[0].pass_buf,          \
            &(v)->image[1].raw_buf, &(v)->image[1].ready_buf, &(v)->image[1].stream_buf,           \
            &(v)->image[1].pass_buf                                                                \
    }

void
visual_free(struct visual *v)
{
    if (v == NULL) {
        return;
    }
    visual_trim(v, 0);
    vis_image_free(&v->image[0]);
    vis_image_free(&v->image[1]);
    free(v);
}

/* Buffers above `keep_bytes`, and those that are lent, which end with what they are lent from. */
static void
free_buffers(struct visual *v, size_t keep_bytes)
{
    struct vis_buf *bufs[] = BUFS(v);

    for (size_t i = 0; i < ARRAY_LEN(bufs); i++) {
        if (bufs[i]->cap > keep_bytes || bufs[i]->lent) {
            vis_buf_free(bufs[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        v->image[i].lent = NULL;
        v->image[i].lent_bytes = 0;
    }
}

void
visual_trim(struct visual *v, size_t keep_bytes)
{
    free_buffers(v, keep_bytes);
    if (v->space_buf.cap > keep_bytes) {
        vis_buf_free(&v->space_buf);
    }
}

/* --- lending */

/* A comparison that needs more has its buffers one by one. */
#define LENT_MAX ((size_t)16 << 20)

struct piece {
    struct vis_buf *buf;
    size_t n;
};

static size_t
aligned(size_t n)
{
    return (n + 63) / 64 * 64;
}

/* The larger canvas, as far as the heads say. */
static void
probe_canvas(struct visual *v, const struct str files[2])
{
    struct visual_info info = {0};
    struct visual_error ignored;

    v->w = 0;
    v->h = 0;
    for (int i = 0; i < 2; i++) {
        if (visual_probe(files[i], v->options, &info, &ignored) == RC_OK) {
            v->w = info.width > v->w ? info.width : v->w;
            v->h = info.height > v->h ? info.height : v->h;
        }
    }
}

static size_t
png_bytes(const struct visual *v)
{
    bool mask = v->options->output == VISUAL_OUTPUT_MASK;

    return v->options->output == VISUAL_OUTPUT_NONE ? 0 : vis_png_bound(v, mask);
}

/* Takes the room for rows, distances and, where it is not too much, all else. */
bool
vis_lend_space(struct visual *v, const struct str files[2])
{
    size_t rows[2];
    size_t n = VIS_CACHE_BYTES;
    size_t more = 0;

    probe_canvas(v, files);
    size_t w = v->w;
    size_t h = v->h;
    size_t cells = ((w + VIS_CELL - 1) / VIS_CELL) * ((h + VIS_CELL - 1) / VIS_CELL);
    const struct piece pieces[] = {
        {&v->image[0].stream_buf, files[0].n},
        {&v->image[1].stream_buf, files[1].n},
        {&v->image[0].ready_buf, h},
        {&v->image[1].ready_buf, h},
        {&v->equal_buf, h},
        {&v->touched_buf, h},
        {&v->cells_touched_buf, h / VIS_CELL + 1},
        {&v->pair_buf, h * 4},
        {&v->repeat_buf, h * 3},
        {&v->class_buf, w + 64},
        {&v->ring_buf, vis_ring_bytes(v)},
        {&v->code_buf, (w + 1) / 2 * h},
        {&v->cell_buf, cells * sizeof(struct vis_cell)},
        {&v->second_buf, vis_is_worth_thread(v, w * h) ? vis_second_bytes(v) : 0},
        {&v->line_buf, (w + 96) * 8},
        {&v->png_buf, png_bytes(v)}, /* the last: mostly not filled */
    };
    for (int i = 0; i < 2; i++) {
        rows[i] = aligned(vis_png_space(files[i], v->options));
        n += rows[i];
        rows[i] > 0 ? vis_png_prepare(&v->image[i]) : (void)0;
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        more += aligned(pieces[i].n);
    }
    more = n + more <= LENT_MAX ? more : 0;
    free_buffers(v, SIZE_MAX);
    size_t before = v->space_buf.cap;
    if (!vis_buf_need_filled(&v->space_buf, n + more)) {
        return false;
    }
    v->threshold_cached = v->space_buf.cap == before ? v->threshold_cached : v->options->threshold;
    uint8_t *p = v->space_buf.p;
    v->cache = (struct vis_cached *)(void *)p;
    p += VIS_CACHE_BYTES;
    for (int i = 0; i < 2; p += rows[i++]) {
        v->image[i].lent = p;
        v->image[i].lent_bytes = rows[i];
    }
    for (size_t i = 0; more > 0 && i < ARRAY_LEN(pieces); p += aligned(pieces[i++].n)) {
        vis_buf_lend(pieces[i].buf, p, pieces[i].n);
    }
    return true;
}
