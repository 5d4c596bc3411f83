/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows as bytes: where two differ, and a hash to find equal ones by. */
#ifndef ASSAY_TESTS_VIS_BYTES_H
#define ASSAY_TESTS_VIS_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* The first place from `from` on where the bytes differ; n when there is none. */
size_t vis_first_difference(const uint8_t *a, const uint8_t *b, size_t from, size_t n);
/* Behind the last place from `from` on where the bytes differ; `from` when there is none. */
size_t vis_last_difference(const uint8_t *a, const uint8_t *b, size_t from, size_t n);
/* The same on every processor with the same order of bytes; for finding, not for trusting. */
uint64_t vis_hash_bytes(const uint8_t *p, size_t n);

#endif
