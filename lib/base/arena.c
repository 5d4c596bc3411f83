/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks are chained, newest first. The first block is small enough for a typical request and is
 * kept over resets; further blocks double up to 1 MiB, or fit one large allocation exactly. A
 * cleanup record is an ordinary allocation, so the cap covers it. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK ((size_t)16 * 1024)
#define LARGEST_BLOCK ((size_t)1024 * 1024)
#define ALIGN alignof(max_align_t)

struct block {
    struct block *next; /* the older one */
    size_t cap;
    size_t used;
    alignas(max_align_t) char data[];
};

struct cleanup {
    struct cleanup *next;
    void (*fn)(void *arg);
    void *arg;
};

struct arena {
    struct block *top;
    struct cleanup *cleanups;
    size_t max;
    size_t used;
    bool failed;
    bool starved;
};

static struct block *
block_new(size_t cap)
{
    struct block *b = malloc(sizeof(*b) + cap);

    if (b != NULL) {
        b->next = NULL;
        b->cap = cap;
        b->used = 0;
    }
    return b;
}

struct arena *
arena_new(size_t max_bytes)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (arena != NULL) { /* below the largest object, sums of sizes cannot wrap */
        arena->max = max_bytes < PTRDIFF_MAX / 2 ? max_bytes : PTRDIFF_MAX / 2;
    }
    return arena;
}

static void
run_cleanups(struct arena *arena)
{
    while (arena->cleanups != NULL) {
        struct cleanup *c = arena->cleanups;
        arena->cleanups = c->next;
        c->fn(c->arg);
    }
}

void
arena_reset(struct arena *arena)
{
    run_cleanups(arena);
    while (arena->top != NULL && arena->top->next != NULL) {
        struct block *b = arena->top;
        arena->top = b->next;
        free(b);
    }
    if (arena->top != NULL && arena->top->cap > FIRST_BLOCK) {
        free(arena->top); /* made for one large allocation: not worth keeping */
        arena->top = NULL;
    }
    if (arena->top != NULL) {
        arena->top->used = 0;
    }
    arena->used = 0;
    arena->failed = false;
    arena->starved = false;
}

void
arena_free(struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    arena_reset(arena);
    free(arena->top);
    free(arena);
}

static struct block *
block_for(struct arena *arena, size_t n)
{
    struct block *b = arena->top;

    if (b != NULL && b->cap - b->used >= n) {
        return b;
    }
    size_t cap = b == NULL ? FIRST_BLOCK : b->cap * 2;
    if (cap > LARGEST_BLOCK) {
        cap = LARGEST_BLOCK;
    }
    b = block_new(cap > n ? cap : n);
    if (b != NULL) {
        b->next = arena->top;
        arena->top = b;
    }
    return b;
}

static void *
arena_refuse(struct arena *arena)
{
    arena->failed = true;
    return NULL;
}

/* What an allocation takes: nothing is free, or many small ones would pass the cap. */
static size_t
round_up(size_t n)
{
    return n == 0 ? ALIGN : (n + ALIGN - 1) & ~(ALIGN - 1);
}

void *
arena_alloc(struct arena *arena, size_t n)
{
    if (arena->failed || n > arena->max || round_up(n) > arena->max - arena->used) {
        return arena_refuse(arena);
    }
    size_t rounded = round_up(n);
    struct block *b = block_for(arena, rounded);
    if (b == NULL) {
        arena->starved = true;
        return arena_refuse(arena);
    }
    void *p = b->data + b->used;
    b->used += rounded;
    arena->used += rounded;
    return p;
}

void *
arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    size_t n = 0;

    if (__builtin_mul_overflow(count, size, &n)) {
        return arena_refuse(arena);
    }
    void *p = arena_alloc(arena, n);
    return p == NULL ? NULL : memset(p, 0, n);
}

char *
arena_strz(struct arena *arena, struct str s)
{
    char *p = s.n == SIZE_MAX ? arena_refuse(arena) : arena_alloc(arena, s.n + 1);

    if (p == NULL) {
        return NULL;
    }
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    p[s.n] = '\0';
    return p;
}

struct str
arena_str(struct arena *arena, struct str s)
{
    char *p = arena_strz(arena, s);
    return p == NULL ? STR_EMPTY : str_n(p, s.n);
}

struct str
arena_vprintf(struct arena *arena, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *p = n < 0 ? arena_refuse(arena) : arena_alloc(arena, (size_t)n + 1);

    if (p == NULL) {
        return STR_EMPTY;
    }
    (void)vsnprintf(p, (size_t)n + 1, fmt, args);
    return str_n(p, (size_t)n);
}

struct str
arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str s = arena_vprintf(arena, fmt, args);
    va_end(args);
    return s;
}

void *
arena_grow(struct arena *arena, void *old, size_t old_n, size_t new_n)
{
    struct block *b = arena->top;

    if (old == NULL || old_n == 0 || new_n > arena->max) {
        return arena_alloc(arena, new_n);
    }
    if (new_n <= old_n) {
        return arena->failed ? NULL : old;
    }
    bool is_last = b != NULL && (char *)old + round_up(old_n) == b->data + b->used;
    size_t more = round_up(new_n) - round_up(old_n);
    if (is_last && !arena->failed && more <= arena->max - arena->used && more <= b->cap - b->used) {
        b->used += more;
        arena->used += more;
        return old;
    }
    void *p = arena_alloc(arena, new_n);
    return p == NULL ? NULL : memcpy(p, old, old_n);
}

bool
arena_on_free(struct arena *arena, void (*fn)(void *arg), void *arg)
{
    struct cleanup *c = ARENA_NEW(arena, struct cleanup);

    if (c == NULL) {
        fn(arg);
        return false;
    }
    c->fn = fn;
    c->arg = arg;
    c->next = arena->cleanups;
    arena->cleanups = c;
    return true;
}

bool
arena_failed(const struct arena *arena)
{
    return arena->failed;
}

bool
arena_starved(const struct arena *arena)
{
    return arena->starved;
}

size_t
arena_used(const struct arena *arena)
{
    return arena->used;
}
