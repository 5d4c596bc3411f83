/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing byte buffer on the heap, born with its limit. Failure is sticky: after the first append
 * past the limit (or without memory) all appends do nothing and buf_failed() is true. Pattern:
 *
 *     struct buf b;
 *     buf_init(&b, 64 * 1024);
 *     buf_put(&b, STR("{"));  ...
 *     if (buf_failed(&b)) ...
 *     buf_fini(&b);
 *
 * Threads: one at a time. */
#ifndef ASSAY_BASE_BUF_H
#define ASSAY_BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
    char *p;    /* always NUL-terminated once something was put; NULL before */
    size_t n;   /* bytes put */
    size_t cap; /* bytes allocated */
    size_t max; /* limit of n */
    bool failed;
};

/* Prepares an empty buffer of at most `max_bytes`; allocates nothing yet. */
void buf_init(struct buf *b, size_t max_bytes);
/* Releases the memory; the buffer may be initialised again. Takes a zeroed struct. */
void buf_fini(struct buf *b);
/* Empties the buffer and clears the failure, keeping the memory. */
void buf_clear(struct buf *b);

void buf_put(struct buf *b, struct str s);
void buf_putz(struct buf *b, const char *z);
void buf_putc(struct buf *b, char c);
void buf_put_i64(struct buf *b, int64_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
/* Makes room for `n` more bytes and returns where they go, or NULL (sticky). Follow with
 * buf_added. */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);
/* Drops the first `n` bytes. */
void buf_drop(struct buf *b, size_t n);

static inline bool
buf_failed(const struct buf *b)
{
    return b->failed;
}

static inline struct str
buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

#endif
