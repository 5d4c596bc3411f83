/* SPDX-License-Identifier: Apache-2.0
 *
 * Large buffers come from mmap, aligned for huge pages: a picture of 25 MiB is 12 page faults
 * instead of 6000. Small ones do without, and those of which only a part will be written: a huge
 * page would cost more than it gives. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/visual/vis_int.h"

#define MAPPED_BYTES ((size_t)64 << 10)
#define LARGE_BYTES ((size_t)512 << 10)
#define HUGE_PAGE ((size_t)2 << 20)

static bool
is_large(size_t n, bool filled)
{
    return filled && n >= LARGE_BYTES;
}

static size_t
round_up(size_t n, bool large)
{
    size_t unit = large ? HUGE_PAGE : 4096;

    return n > SIZE_MAX - unit ? 0 : (n + unit - 1) / unit * unit;
}

/* Maps one huge page more than needed and gives the ends back. */
static uint8_t *
map_aligned(size_t n)
{
    uint8_t *p = n > SIZE_MAX - HUGE_PAGE ? MAP_FAILED
                                          : mmap(NULL, n + HUGE_PAGE, PROT_READ | PROT_WRITE,
                                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    size_t lead = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (lead > 0) {
        (void)munmap(p, lead);
    }
    (void)munmap(p + lead + n, HUGE_PAGE - lead);
    (void)madvise(p + lead, n, MADV_HUGEPAGE);
    return p + lead;
}

/* `filled`: all of it will be written; its pages come at once instead of one by one. */
static uint8_t *
map_pages(size_t n, bool filled)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | (filled ? MAP_POPULATE : 0), -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static bool
need(struct vis_buf *b, size_t n, bool filled)
{
    if (n <= b->cap) {
        return true;
    }
    bool large = is_large(n, filled);
    size_t cap = round_up(n, large);
    vis_buf_free(b);
    b->p = cap == 0              ? NULL
           : large               ? map_aligned(cap)
           : cap >= MAPPED_BYTES ? map_pages(cap, filled)
                                 : calloc(1, cap);
    b->cap = b->p == NULL ? 0 : cap;
    return b->p != NULL;
}

bool
vis_buf_need(struct vis_buf *b, size_t n)
{
    return need(b, n, false);
}

bool
vis_buf_need_filled(struct vis_buf *b, size_t n)
{
    return need(b, n, true);
}

bool
vis_buf_grow(struct vis_buf *b, size_t used, size_t n)
{
    struct vis_buf larger = {NULL, 0, false};

    if (n <= b->cap) {
        return true;
    }
    if (n > SIZE_MAX / 2 || !vis_buf_need(&larger, n * 2)) {
        return false;
    }
    if (used > 0) {
        memcpy(larger.p, b->p, used);
    }
    vis_buf_free(b);
    *b = larger;
    return true;
}

void
vis_buf_lend(struct vis_buf *b, uint8_t *p, size_t n)
{
    if (n > b->cap) {
        vis_buf_free(b);
        *b = (struct vis_buf){p, n, true};
    }
}

void
vis_buf_free(struct vis_buf *b)
{
    if (b->lent) {
        ;
    } else if (b->cap >= MAPPED_BYTES) {
        (void)munmap(b->p, b->cap);
    } else {
        free(b->p);
    }
    *b = (struct vis_buf){NULL, 0, false};
}
