/* SPDX-License-Identifier: Apache-2.0
 *
 * The plain forms of struct vis_ops, and the bits of a pixel's class. */
#ifndef ASSAY_TESTS_VIS_OPS_H
#define ASSAY_TESTS_VIS_OPS_H

#include "tests/visual/vis_int.h"

/* How far outside the values around it a pixel may lie and still be the same edge, drawn a fraction
 * of a pixel beside: this, and a quarter of their range. */
#define VIS_ENVELOPE_SLACK 6
/* A pixel that only one of the pictures explains is soft when the light and dark around it differ
 * by no more than this, in percent. */
#define VIS_SOFT_BALANCE 45

void vis_plain_unfilter(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp, uint8_t filter);
/* The same from byte `from` on; those before are done. */
void vis_plain_unfilter_from(uint8_t *row, const uint8_t *prev, size_t from, size_t n, uint32_t bpp,
                             uint8_t filter);
void vis_plain_expand_rgb(uint32_t *out, const uint8_t *row, size_t pixels);
void vis_plain_expand_rgba(uint32_t *out, const uint8_t *row, size_t pixels);
void vis_plain_shade(uint8_t *out, const uint32_t *row, size_t pixels);
void vis_plain_find_changed(uint8_t *out_class, const uint32_t *const a[3],
                            const uint32_t *const b[3], size_t from, size_t to);
void vis_plain_add_window(struct vis_window *win, const uint32_t *a, const uint32_t *b, uint32_t n);

/* NULL where the processor has no vector unit that we know. */
const struct vis_ops *vis_ops_vector(void);

#endif
