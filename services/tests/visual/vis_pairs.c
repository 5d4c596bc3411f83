/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of both pictures, side by side: which of them need not be compared because they repeat the
 * comparison above, and the comparison of all others, which two threads share. They take turns in
 * rows of cells, and write to nothing that belongs to another row of cells; what a thread keeps at
 * hand is its own. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"

/* --- a second thread */

/* Of fewer, a second thread does not do enough before the first is done: to start it takes a tenth
 * of a millisecond. */
#define THREAD_PIXELS_MIN (UINT64_C(500) * 1000)

bool
vis_is_worth_thread(const struct visual *v, uint64_t pixels)
{
    return v->options->threads > 1 && pixels >= THREAD_PIXELS_MIN;
}

struct step {
    void (*run)(void *);
    void *arg;
};

static void *
run_step(void *arg)
{
    const struct step *step = arg;

    step->run(step->arg);
    return NULL;
}

void
vis_run_both(bool threaded, void (*step)(void *), void *first, void *second)
{
    struct step other = {step, second};
    pthread_t thread;

    threaded = threaded && pthread_create(&thread, NULL, run_step, &other) == 0;
    step(first);
    if (threaded) {
        (void)pthread_join(thread, NULL);
    } else {
        step(second);
    }
}

/* --- what a thread keeps at hand */

static size_t
line_pixels(const struct visual *v)
{
    return (size_t)v->w + 2 * VIS_PAD + 16;
}

size_t
vis_ring_bytes(const struct visual *v)
{
    return line_pixels(v) * sizeof(uint32_t) * 2 * VIS_RING;
}

void
vis_lay_ring(struct visual *v, uint8_t *at)
{
    uint32_t *line = (uint32_t *)(void *)at;

    for (int i = 0; i < 2; i++) {
        for (int s = 0; s < VIS_RING; s++, line += line_pixels(v)) {
            v->ring[i][s] = line + VIS_PAD;
            v->ring_row[i][s] = VIS_NO_ROW;
        }
    }
}

size_t
vis_second_bytes(const struct visual *v)
{
    return VIS_CACHE_BYTES + vis_ring_bytes(v) + (size_t)v->h * 2 + v->w + 64;
}

/* Makes `second` a view of the same comparison for another thread: it has its own drawn rows,
 * distances, and what is asked of rows one by one. */
static bool
prepare_second(struct visual *v, struct visual *second)
{
    size_t cache = VIS_CACHE_BYTES;
    size_t ring = vis_ring_bytes(v);
    size_t rows = (size_t)v->h * 2;

    if (!vis_buf_need(&v->second_buf, vis_second_bytes(v))) {
        return false;
    }
    *second = *v;
    uint8_t *p = v->second_buf.p;
    memset(p, 0, cache);
    second->cache = (struct vis_cached *)(void *)p;
    vis_lay_ring(second, p + cache);
    second->is_above[0] = p + cache + ring;
    second->is_above[1] = second->is_above[0] + v->h;
    memset(second->is_above[0], 0, rows);
    second->class = second->is_above[1] + v->h;
    return true;
}

/* --- comparing */

static bool
is_compared(const struct visual *v, uint32_t y)
{
    return v->pair[y] != VIS_NO_ROW && (v->pair[y] & VIS_PAIR_SAME) == 0;
}

/* Whether comparing row y gives what comparing the row above gave: in both pictures it and its
 * neighbours are what that one and its neighbours are. */
static bool
repeats(struct visual *v, uint32_t y)
{
    if (y >= v->h || y % VIS_CELL == 0 || y == v->common_h || !is_compared(v, y) ||
        v->pair[y] != v->pair[y - 1] + 1 || v->options->ignore_count > 0 ||
        (v->aligned && y == v->aligned_top)) {
        return false;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (!vis_is_row_above(v, 0, v->pair[y] + i - 1) || !vis_is_row_above(v, 1, y + i - 1)) {
            return false;
        }
    }
    return true;
}

/* Rows [from, to); both at the ends of cells. */
static void
classify_rows(struct visual *v, uint32_t from, uint32_t to)
{
    uint32_t rows = 1;

    for (uint32_t y = from; y < to; y += rows) {
        bool aligned = v->aligned && y >= v->aligned_top;
        rows = 1;
        if (!is_compared(v, y)) {
            continue;
        }
        while (repeats(v, y + rows)) {
            v->repeats[y + rows] = 1;
            rows++;
        }
        vis_classify_rows(v, v->pair[y], y, aligned ? v->aligned_x0 : 0,
                          aligned ? v->aligned_x1 : v->common_w, rows);
    }
}

/* Rows that a thread takes at a time. */
#define TURN_ROWS ((uint32_t)VIS_CELL * 4)

struct worker {
    struct visual *v;
    atomic_uint *next;
};

static void
classify_turns(void *arg)
{
    const struct worker *w = arg;

    for (uint32_t y = 0; (y = atomic_fetch_add(w->next, TURN_ROWS)) < w->v->h;) {
        uint32_t end = w->v->h - y < TURN_ROWS ? w->v->h : y + TURN_ROWS;
        classify_rows(w->v, y, end);
    }
}

/* Unfilters what comparing will look at: two threads cannot, row by row. */
static void
ready_compared(struct visual *v)
{
    for (uint32_t y = 0; y < v->h; y++) {
        if (!is_compared(v, y)) {
            continue;
        }
        for (uint32_t i = 0; i < 4; i++) { /* from two above to one below */
            if (v->pair[y] + i >= 2 && v->pair[y] + i - 2 < v->image[0].h) {
                (void)vis_pixel_row(v, 0, v->pair[y] + i - 2);
            }
            if (y + i >= 2 && y + i - 2 < v->image[1].h) {
                (void)vis_pixel_row(v, 1, y + i - 2);
            }
        }
    }
}

static uint64_t
compared_pixels(const struct visual *v)
{
    uint64_t rows = 0;

    for (uint32_t y = 0; y < v->h; y++) {
        rows += is_compared(v, y);
    }
    return rows * v->common_w;
}

void
vis_classify_pairs(struct visual *v)
{
    struct visual second;
    atomic_uint next = 0;
    struct worker workers[2] = {{v, &next}, {&second, &next}};

    if (vis_is_worth_thread(v, compared_pixels(v)) && prepare_second(v, &second)) {
        ready_compared(v);
        vis_run_both(true, classify_turns, &workers[0], &workers[1]);
    } else {
        classify_rows(v, 0, v->h);
    }
}
