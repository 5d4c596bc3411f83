/* SPDX-License-Identifier: Apache-2.0
 *
 * A deflate stream for pictures that are mostly runs: bytes that repeat the row above or the byte
 * before, else literals, in one block of fixed codes. A tenth of the time of a general compressor
 * at its fastest. Source: RFC 1950, RFC 1951. */
#include "tests/visual/vis_deflate.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <string.h>

#include "tests/visual/vis_bytes.h"

#define MATCH_MIN 3
#define MATCH_MAX 258
#define WINDOW 32768
#define ADLER_PRIME 65521

static const uint16_t length_base[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                         15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                         67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};

/* Deflate sends codes from their highest bit on, everything else from the lowest. */
static uint32_t
reversed(uint32_t code, uint32_t bits)
{
    uint32_t out = 0;

    for (uint32_t i = 0; i < bits; i++) {
        out |= (code >> i & 1) << (bits - 1 - i);
    }
    return out;
}

static struct vis_code_bits
symbol_bits(uint32_t symbol)
{
    if (symbol < 144) {
        return (struct vis_code_bits){reversed(0x30 + symbol, 8), 8};
    }
    if (symbol < 256) {
        return (struct vis_code_bits){reversed(0x190 + symbol - 144, 9), 9};
    }
    if (symbol < 280) {
        return (struct vis_code_bits){reversed(symbol - 256, 7), 7};
    }
    return (struct vis_code_bits){reversed(0xc0 + symbol - 280, 8), 8};
}

static struct vis_code_bits
match_bits(uint32_t length, struct vis_code_bits distance)
{
    uint32_t i = 28;

    while (length_base[i] > length) {
        i--;
    }
    struct vis_code_bits b = symbol_bits(257 + i);
    b.code |= (uint64_t)(length - length_base[i]) << b.bits;
    b.bits += length_extra[i];
    b.code |= distance.code << b.bits;
    b.bits += distance.bits;
    return b;
}

static struct vis_code_bits
distance_bits(uint32_t distance)
{
    uint32_t d = distance - 1;

    if (d < 4) {
        return (struct vis_code_bits){reversed(d, 5), 5};
    }
    uint32_t extra = 30 - (uint32_t)__builtin_clz(d); /* log2(d) - 1 */
    uint32_t code = 2 * extra + (d >> extra & 1) + 2;
    struct vis_code_bits b = {reversed(code, 5), 5};
    b.code |= (uint64_t)(d & ((1u << extra) - 1)) << 5;
    b.bits += extra;
    return b;
}

size_t
vis_deflate_bound(size_t row_bytes, size_t rows)
{
    return (row_bytes * 9 / 8 + 8) * rows + 64;
}

void
vis_deflate_begin(struct vis_deflate *d, uint8_t *out, size_t row_bytes)
{
    struct vis_code_bits near = distance_bits(1);
    struct vis_code_bits above = distance_bits(row_bytes < WINDOW ? (uint32_t)row_bytes : 1);

    *d = (struct vis_deflate){.start = out, .p = out, .row_bytes = row_bytes, .adler = 1};
    for (uint32_t i = 0; i < 256; i++) {
        d->literal[i] = symbol_bits(i);
    }
    for (uint32_t n = MATCH_MIN; n <= MATCH_MAX; n++) {
        d->same[n] = match_bits(n, near);
        d->copy[n] = match_bits(n, above);
    }
    *d->p++ = 0x78;
    *d->p++ = 0x01;
    d->acc = 3; /* last block, fixed codes */
    d->bits = 3;
}

/* Adds at most 56 bits. */
static inline void
put(struct vis_deflate *d, struct vis_code_bits b)
{
    d->acc |= b.code << d->bits;
    d->bits += b.bits;
    memcpy(d->p, &d->acc, 8);
    d->p += d->bits / 8;
    d->acc >>= d->bits / 8 * 8;
    d->bits %= 8;
}

/* At least MATCH_MIN bytes. */
static void
put_match(struct vis_deflate *d, const struct vis_code_bits *table, size_t n)
{
    while (n > 0) {
        size_t part = n > MATCH_MAX ? MATCH_MAX : n;
        /* No rest too short for a match. */
        part -= n - part == 1 || n - part == 2 ? 3 : 0;
        put(d, table[part]);
        n -= part;
    }
}

/* What repeats the rows above may go on over the ends of rows. */
static void
flush_copy(struct vis_deflate *d)
{
    put_match(d, d->copy, d->copied);
    d->copied = 0;
}

static inline uint64_t
load8(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, 8);
    return x;
}

/* How many of eight bytes from `p` on repeat those at `q`. */
static inline size_t
same_of_eight(const uint8_t *p, const uint8_t *q)
{
    uint64_t x = load8(p) ^ load8(q);

    return x == 0 ? 8 : (size_t)__builtin_ctzll(x) / 8;
}

/* How far the bytes from `i` on repeat the row above; or else the byte before. */
static size_t
match_at(struct vis_deflate *d, const uint8_t *row, const uint8_t *above, size_t i,
         const struct vis_code_bits **out_table)
{
    size_t n = d->row_bytes;
    bool far = i + 8 <= n && i > 0;
    size_t copy = above == NULL ? 0 : far ? same_of_eight(row + i, above + i) : 8;
    size_t run = i == 0 ? 0 : far ? same_of_eight(row + i, row + i - 1) : 8;

    copy = copy == 8 ? vis_first_difference(row, above, i, n) - i : copy;
    run = run == 8 ? vis_first_difference(row, row - 1, i, n) - i : run;
    *out_table = copy >= run ? d->copy : d->same;
    return copy >= run ? copy : run;
}

/* In the highest bit of each byte: whether the byte of x is zero. */
static inline uint64_t
zero_bytes(uint64_t x)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);

    return ~(((x & low) + low) | x | low);
}

/* Of the six bytes from `p` on, how many stand before the first one at which a match starts: three
 * that repeat the row above, or the byte before. Looks at eight; `p` has one before it. */
static inline size_t
literals_before_match(const uint8_t *p, const uint8_t *above)
{
    uint64_t x = load8(p);
    uint64_t copy = zero_bytes(x ^ load8(above));
    uint64_t run = zero_bytes(x ^ load8(p - 1));
    uint64_t starts = (copy & copy >> 8 & copy >> 16) | (run & run >> 8 & run >> 16);

    starts |= UINT64_C(1) << 55; /* of the seventh byte not all is known */
    return (size_t)__builtin_ctzll(starts) / 8;
}

/* At most six. */
static inline void
put_literals(struct vis_deflate *d, const uint8_t *p, size_t n)
{
    struct vis_code_bits b = {0, 0};

    for (size_t i = 0; i < n; i++) {
        b.code |= d->literal[p[i]].code << b.bits;
        b.bits += d->literal[p[i]].bits;
    }
    put(d, b);
}

/* The bytes of a row that do not all repeat the row above. */
static void
put_row(struct vis_deflate *d, const uint8_t *row, const uint8_t *above)
{
    size_t n = d->row_bytes;

    for (size_t i = 0; i < n;) {
        const struct vis_code_bits *table;
        if (above != NULL && i > 0 && i + 8 <= n) {
            size_t literals = literals_before_match(row + i, above + i);
            put_literals(d, row + i, literals);
            i += literals;
            if (literals == 6) {
                continue;
            }
        }
        size_t length = match_at(d, row, above, i, &table);
        if (length < MATCH_MIN) {
            put(d, d->literal[row[i++]]);
        } else if (i + length == n && table == d->copy) {
            d->copied = length; /* perhaps the next row goes on */
            return;
        } else {
            put_match(d, table, length);
            i += length;
        }
    }
}

/* The checksum of bytes and `n` more, from that of the former and that of the latter from 0 on. */
static uint32_t
adler_behind(uint32_t adler, uint32_t more, size_t n)
{
    uint64_t sum = (adler & 0xffff) + (uint64_t)(more & 0xffff);
    uint64_t sums = (adler >> 16) + (adler & 0xffff) * (uint64_t)n + (more >> 16);

    return (uint32_t)(sum % ADLER_PRIME | sums % ADLER_PRIME << 16);
}

void
vis_deflate_row(struct vis_deflate *d, const uint8_t *row, const uint8_t *above)
{
    size_t n = d->row_bytes;

    bool same = above != NULL && (row == above || memcmp(row, above, n) == 0);
    if (!same) {
        d->row_adler = libdeflate_adler32(0, row, n);
    }
    d->adler = adler_behind(d->adler, d->row_adler, n);
    above = n >= MATCH_MIN && n < WINDOW ? above : NULL;
    if (same && above != NULL) {
        d->copied += n;
        return;
    }
    flush_copy(d);
    put_row(d, row, above);
}

size_t
vis_deflate_end(struct vis_deflate *d)
{
    flush_copy(d);
    put(d, symbol_bits(256));
    put(d, (struct vis_code_bits){0, (8 - d->bits) % 8});
    for (int i = 3; i >= 0; i--) {
        *d->p++ = (uint8_t)(d->adler >> (8 * i));
    }
    return (size_t)(d->p - d->start);
}
