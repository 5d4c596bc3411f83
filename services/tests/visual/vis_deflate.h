/* SPDX-License-Identifier: Apache-2.0
 *
 * Deflates rows that mostly repeat each other, one after the other, as a zlib stream. */
#ifndef ASSAY_TESTS_VIS_DEFLATE_H
#define ASSAY_TESTS_VIS_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

struct vis_code_bits {
    uint64_t code;
    uint32_t bits;
};

struct vis_deflate {
    uint8_t *start, *p;
    uint64_t acc;
    uint32_t bits;
    uint32_t adler;
    uint32_t row_adler; /* of the row added last, by itself and from 0 on */
    size_t row_bytes;
    size_t copied; /* bytes before the next one that repeat the row above and are not written yet */
    struct vis_code_bits literal[256], same[259], copy[259];
};

/* Bytes that `rows` rows can need. */
size_t vis_deflate_bound(size_t row_bytes, size_t rows);
/* `out` has room for the bound. */
void vis_deflate_begin(struct vis_deflate *d, uint8_t *out, size_t row_bytes);
/* Adds a row; `above` is the one added before, NULL for the first. The same pointer twice is the
 * same row again, and costs no look at it. */
void vis_deflate_row(struct vis_deflate *d, const uint8_t *row, const uint8_t *above);
/* Returns the length of the stream. */
size_t vis_deflate_end(struct vis_deflate *d);

#endif
