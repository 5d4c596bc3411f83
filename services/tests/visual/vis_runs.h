/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be seen to have changed in a part of two pictures, as runs, line by line: a line is a
 * row or a column. */
#ifndef ASSAY_TESTS_VIS_RUNS_H
#define ASSAY_TESTS_VIS_RUNS_H

#include "tests/visual/vis_cmp.h"

struct vis_run {
    int32_t line, from, to;
    /* How far the edge went on which the run lies, of 256, to higher positions; 0: no edge. */
    int32_t moved;
    int32_t slack; /* how far `moved` may be off */
    int32_t luma;  /* what it gained */
    int32_t luma_abs;
    int32_t above; /* for vis_edges: the run of its chain on the line before, or -1 */
    bool followed, explained;
};

struct vis_runs {
    struct visual *v;
    bool upright;         /* lines are rows */
    int32_t line0, line1; /* lines looked at */
    int32_t n;            /* pixels of a line */
    const uint32_t *columns[2];
    struct vis_run *runs;
    int32_t count;
    int32_t *starts; /* of each line, its first run; one more at the end */
};

/* Finds the runs of the lines across the box of `s`. `budget`: pixels that may still be looked at.
 * False: too much, or no memory. The runs are there until the next call. */
NODISCARD bool vis_find_runs(struct visual *v, const struct vis_sums *s, bool upright,
                             uint64_t *budget, struct vis_runs *out);
/* The pixels of a line, in both pictures. False where nothing changed. */
bool vis_line_of(const struct vis_runs *f, int32_t line, const uint32_t *out[2]);

#endif
