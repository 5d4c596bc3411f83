/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether one move explains what changed, pixel by pixel. What went by (dx, dy) changed by the
 * gradient times the move wherever it is; least squares over the pixels of a thing give the move,
 * and the share of what changed that it leaves. Letters that moved by a fraction of a pixel leave a
 * third, rarely two; letters that became others with as much ink leave nine tenths and more.
 * Source: Lucas and Kanade, with the mean gradient of both pictures. */
#ifndef ASSAY_TESTS_VIS_FIT_H
#define ASSAY_TESTS_VIS_FIT_H

#include <stdint.h>

/* Sums over pixels. */
struct vis_fit {
    int64_t xx, xy, yy; /* products of the gradients across and down */
    int64_t xt, yt, tt; /* and of the light that was gained */
    int64_t change,
        range; /* light gained or lost; the largest step to a neighbour, before or now */
};

struct vis_fitted {
    double dx, dy; /* sharp edges make it up to twice as far as it was */
    double left;   /* of the squares of what changed, 0 to 1 */
    double share;  /* of the steps between neighbours that changed: 1 when all went a whole pixel */
};

/* Adds the pixels from x = `from` to before `to` of the middle rows of both; `width` of the rows.
 */
void vis_fit_add(struct vis_fit *fit, const uint32_t *const a[3], const uint32_t *const b[3],
                 uint32_t from, uint32_t to, uint32_t width);
void vis_fit_join(struct vis_fit *into, const struct vis_fit *from);
struct vis_fitted vis_fit_solve(const struct vis_fit *fit);

#endif
