/* SPDX-License-Identifier: Apache-2.0
 *
 * A bounded bump allocator. One arena lives as long as one request (or one case, one sentence);
 * all it handed out dies with arena_reset or arena_free, cleanups first, in reverse order.
 *
 * Ownership: what it returns belongs to the arena; never free it.
 * Errors:    past the cap every allocation returns NULL and arena_failed() stays true until the
 *            next reset, so a builder may allocate many times and check once.
 * Threads:   one thread at a time. */
#ifndef ASSAY_BASE_ARENA_H
#define ASSAY_BASE_ARENA_H

#include <stdarg.h>

#include "base/str.h"

struct arena;

/* Creates an arena that hands out `max_bytes` at most, each piece rounded up to 16. Memory is taken
 * from the system in blocks as it is needed. Returns NULL when the system has none. */
NODISCARD struct arena *arena_new(size_t max_bytes);
/* Runs the cleanups and frees everything. Takes NULL. */
void arena_free(struct arena *arena);
/* Runs the cleanups and forgets everything, keeping the first block for the next use. */
void arena_reset(struct arena *arena);

/* Returns `n` bytes aligned for any type, not zeroed. */
void *arena_alloc(struct arena *arena, size_t n);
/* Returns `count * size` zeroed bytes; an overflow of the product counts as past the cap. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size);
#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_zalloc((arena), (count), sizeof(type)))

/* Copies; the copies end in NUL. */
char *arena_strz(struct arena *arena, struct str s);
struct str arena_str(struct arena *arena, struct str s);
/* Formats into the arena; the empty string when it is full. */
struct str arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str arena_vprintf(struct arena *arena, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
/* Grows the last allocation in place where it can, else copies. For arrays that double. */
void *arena_grow(struct arena *arena, void *old, size_t old_n, size_t new_n);

/* Calls fn(arg) at reset or free. False when the arena is full: then fn has been called at once,
 * so that nothing leaks. */
NODISCARD bool arena_on_free(struct arena *arena, void (*fn)(void *arg), void *arg);

bool arena_failed(const struct arena *arena);
/* True when it failed below its cap: the system had no memory. */
bool arena_starved(const struct arena *arena);
/* Bytes taken since the last reset, rounding included: what the cap counts. */
size_t arena_used(const struct arena *arena);

#endif
