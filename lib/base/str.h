/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings as pointer and length, passed by value. A `struct str` never owns its bytes and need not
 * end in NUL; `p` may be NULL only when `n` is 0. Whoever needs a C string copies it with
 * arena_strz (arena.h). Nothing here allocates, blocks or keeps state. */
#ifndef ASSAY_BASE_STR_H
#define ASSAY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/rc.h"

struct str {
    const char *p;
    size_t n;
};

/* A literal as a str, usable in static initialisers with STR_INIT. */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_INIT(lit)                                                                              \
    {                                                                                              \
        "" lit, sizeof(lit) - 1                                                                    \
    }
#define STR_EMPTY ((struct str){NULL, 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).n == 0 ? "" : (s).p

/* Wraps a C string; NULL gives the empty string. */
struct str str_z(const char *z);
struct str str_n(const char *p, size_t n);

bool str_eq(struct str a, struct str b);
bool str_eqz(struct str a, const char *z);
/* ASCII letters compare without case; other bytes exactly. */
bool str_ieq(struct str a, struct str b);
/* Orders by bytes: negative, 0, positive like memcmp, a prefix before the longer string. */
int str_cmp(struct str a, struct str b);
/* Compares in time that depends only on the lengths. For secrets. */
bool str_eq_secret(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Returns the offset of the first `needle`, or -1. An empty needle is found at 0. */
ptrdiff_t str_find(struct str s, struct str needle);
ptrdiff_t str_ifind(struct str s, struct str needle);
ptrdiff_t str_find_byte(struct str s, char c);
ptrdiff_t str_rfind_byte(struct str s, char c);

/* Returns bytes [from, to), both clamped to the string. */
struct str str_sub(struct str s, size_t from, size_t to);
/* Returns as much of it as fits `max` bytes and ends between two characters of UTF-8. */
struct str str_cut(struct str s, size_t max);
/* Removes ASCII white space at both ends. */
struct str str_trim(struct str s);
/* Cuts *rest at the first `sep`: returns what stands before it and leaves what follows in *rest.
 * Without a separator returns all and leaves *rest with p == NULL; call until then. */
struct str str_split(struct str *rest, char sep);

/* Parses the whole of `s` as a decimal number within [min, max].
 * Errors: INVALID_ARGUMENT: empty, other characters, or a sign alone. OUT_OF_RANGE: outside.
 * *out is written only on success. */
NODISCARD enum rc str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out);
NODISCARD enum rc str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* True when `s` is well-formed UTF-8 (no overlong form, no surrogate, at most U+10FFFF) and holds
 * no NUL. Source: RFC 3629. */
bool str_is_utf8(struct str s);
/* Decodes the code point at *at and moves *at behind it; returns -1 on malformed bytes, leaving
 * *at. */
int32_t str_next_cp(struct str s, size_t *at);
/* Counts code points of well-formed UTF-8. */
size_t str_cp_count(struct str s);

/* FNV-1a over the bytes: method ids, hash tables of trusted keys. Not for outside keys. */
uint32_t str_hash32(struct str s);
uint64_t str_hash64(struct str s);

static inline bool
ch_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
ch_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
ch_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char
ch_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c + 32) : c;
}

/* The value of a hexadecimal digit; -1 when it is none. */
static inline int
ch_hex(char c)
{
    if (ch_is_digit(c)) {
        return c - '0';
    }
    char l = ch_lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

#endif
