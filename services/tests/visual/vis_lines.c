/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/visual/vis_lines.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define AHEAD 128 /* lines that may be made and not used yet */
#define BATCH 16  /* lines after which the other thread is told */
/* Looks at a count before its thread sleeps: to be woken takes as long as some lines. */
#define LOOKS 4000

struct ahead {
    const struct vis_lines *lines;
    uint8_t *space; /* AHEAD lines, and the one used last */
    bool same[AHEAD];
    atomic_uint made, used;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static uint8_t *
line_of(const struct ahead *a, uint32_t y)
{
    return a->space + (size_t)(y % AHEAD) * a->lines->stride;
}

static void
wait_until(struct ahead *a, atomic_uint *count, uint32_t at_least)
{
    for (int i = 0; i < LOOKS; i++) {
        if (atomic_load(count) >= at_least) {
            return;
        }
    }
    (void)pthread_mutex_lock(&a->lock);
    while (atomic_load(count) < at_least) {
        (void)pthread_cond_wait(&a->changed, &a->lock);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

static void
tell(struct ahead *a, atomic_uint *count, uint32_t to)
{
    (void)pthread_mutex_lock(&a->lock);
    atomic_store(count, to);
    (void)pthread_cond_signal(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
}

static uint32_t
end_of_batch(const struct ahead *a, uint32_t y)
{
    return a->lines->count - y < BATCH ? a->lines->count : y + BATCH;
}

static void *
make_ahead(void *arg)
{
    struct ahead *a = arg;
    const struct vis_lines *lines = a->lines;

    for (uint32_t y = 0; y < lines->count;) {
        uint32_t end = end_of_batch(a, y);
        wait_until(a, &a->used, end < AHEAD ? 0 : end - AHEAD);
        for (; y < end; y++) {
            a->same[y % AHEAD] = !lines->make(lines->maker, y, line_of(a, y));
        }
        tell(a, &a->made, end);
    }
    return NULL;
}

static void
use_all(struct ahead *a)
{
    const struct vis_lines *lines = a->lines;
    uint8_t *kept = a->space + AHEAD * lines->stride;
    const uint8_t *above = NULL;

    for (uint32_t y = 0; y < lines->count;) {
        uint32_t end = end_of_batch(a, y);
        wait_until(a, &a->made, end);
        for (; y < end; y++) {
            const uint8_t *line = a->same[y % AHEAD] ? above : line_of(a, y);
            lines->use(lines->user, line, above);
            above = line;
        }
        if (above != kept) { /* its place will be taken */
            memcpy(kept, above, lines->stride);
            above = kept;
        }
        tell(a, &a->used, end);
    }
}

static void
run_in_turns(const struct vis_lines *lines, uint8_t *space)
{
    uint8_t *line = NULL;
    uint8_t *other = space;

    for (uint32_t y = 0; y < lines->count; y++) {
        const uint8_t *above = line;
        if (lines->make(lines->maker, y, other)) {
            line = other;
            other = space + (other == space ? lines->stride : 0);
        }
        lines->use(lines->user, line, above);
    }
}

size_t
vis_lines_space(const struct vis_lines *lines, bool threaded)
{
    return lines->stride * (threaded ? AHEAD + 1 : 2);
}

void
vis_lines_run(const struct vis_lines *lines, bool threaded, uint8_t *space)
{
    struct ahead a = {.lines = lines,
                      .space = space,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    pthread_t maker;

    if (!threaded || pthread_create(&maker, NULL, make_ahead, &a) != 0) {
        run_in_turns(lines, space);
        return;
    }
    use_all(&a);
    (void)pthread_join(maker, NULL);
    (void)pthread_cond_destroy(&a.changed);
    (void)pthread_mutex_destroy(&a.lock);
}
