/* SPDX-License-Identifier: Apache-2.0
 *
 * Things: pixels that differ and touch each other, and what happened to one. vis_things.c finds
 * them and adds up what they gained, vis_judge.c
 * tells what that means.
 *
 * What is drawn a fraction of a pixel beside, or smoothed otherwise, keeps what there is: in every
 * channel the sum over a thing is what it was, but for what came in over its border. Around a thing
 * nothing changed, so what came in is known. When a picture moves by (dx, dy), each pixel of the
 * border brings its own colour times the part of the move that points inwards, and by Gauss's
 * theorem
 *
 *     sum of (current - baseline) = -dx * across - dy * down
 *
 * where `across` adds up, over the runs of the thing in each row, the unchanged colour right of the
 * run less the one left of it, and `down` the same for columns. Letters stand on one ground: both
 * are zero, and so the sum must be. The side of a box has a ground on one side and the box on the
 * other: three channels tell one dx. Ink that came or went, another colour, a shadow that is gone,
 * a side that went a whole pixel change the sum without such a move. Source: the continuity
 * equation of optical flow, in its integral form. */
#ifndef ASSAY_TESTS_VIS_THINGS_H
#define ASSAY_TESTS_VIS_THINGS_H

#include "tests/visual/vis_cmp.h"

struct vis_thing {
    uint32_t parent, next; /* for vis_things.c: of absorbed ones; of the free ones */
    uint32_t region;       /* index + 1, 0: nothing to be seen so far */
    uint32_t x0, y0, x1, last_row;
    uint32_t n;         /* pixels */
    uint32_t seen;      /* above half the threshold */
    uint32_t over;      /* above it */
    uint32_t high_hard; /* far above, and no edge allows it */
    /* The largest step between two pixels beside it that did not change: across, and down. */
    uint32_t still[2];
    /* Rows in which a neighbour that did not change stands close by: left, and right. */
    uint32_t still_ink[2];
    int64_t sum[3], across[3], down[3];
    int64_t sum_abs;                      /* of all channels */
    int64_t steps;                        /* across, row by row, whatever their sign */
    int64_t red_red, red_blue, blue_blue; /* sums of products of what the channels gained */
    struct vis_fit fit;
    /* First moments of what was gained, and of what is there less what came in over the border. */
    double moment[2], weight[2];
};

/* Finds the things of rows [y0, y1) in groups that are asked for, and gives each to `take`. False:
 * no memory. */
NODISCARD bool vis_each_thing(struct visual *v, uint32_t y0, uint32_t y1,
                              void (*take)(void *context, const struct vis_thing *), void *context);

#endif
