/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

void
buf_init(struct buf *b, size_t max_bytes)
{
    /* Below the largest object, so that doubling cannot wrap. */
    *b = (struct buf){.max = max_bytes < PTRDIFF_MAX / 2 ? max_bytes : PTRDIFF_MAX / 2};
}

void
buf_fini(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void
buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p != NULL) {
        b->p[0] = '\0';
    }
}

/* Makes b->cap hold n + more + 1 bytes. */
static bool
buf_reserve(struct buf *b, size_t more)
{
    if (b->failed || more > b->max - b->n) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + more + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap == 0 ? FIRST_CAP : b->cap;
    while (cap < need) {
        cap *= 2;
    }
    char *p = realloc(b->p, cap);
    if (p == NULL) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

char *
buf_room(struct buf *b, size_t n)
{
    return buf_reserve(b, n) ? b->p + b->n : NULL;
}

void
buf_added(struct buf *b, size_t n)
{
    ASSERT(b->n + n < b->cap);
    b->n += n;
    b->p[b->n] = '\0';
}

void
buf_put(struct buf *b, struct str s)
{
    char *to = buf_room(b, s.n);

    if (to != NULL) {
        if (s.n > 0) {
            memcpy(to, s.p, s.n);
        }
        buf_added(b, s.n);
    }
}

void
buf_putz(struct buf *b, const char *z)
{
    buf_put(b, str_z(z));
}

void
buf_putc(struct buf *b, char c)
{
    buf_put(b, str_n(&c, 1));
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    buf_put(b, str_n(text + at, sizeof(text) - at));
}

void
buf_put_i64(struct buf *b, int64_t v)
{
    if (v < 0) {
        buf_putc(b, '-');
    }
    buf_put_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);

    if (n < 0 || !buf_reserve(b, (size_t)n)) {
        b->failed = true;
        return;
    }
    (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, args);
    b->n += (size_t)n;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vprintf(b, fmt, args);
    va_end(args);
}

void
buf_drop(struct buf *b, size_t n)
{
    ASSERT(n <= b->n);
    if (n == 0) {
        return; /* there may be no memory yet */
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = '\0';
}
