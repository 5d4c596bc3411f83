/* SPDX-License-Identifier: Apache-2.0
 *
 * One comparison: the context, and the steps from two decoded pictures to the result. */
#ifndef ASSAY_TESTS_VIS_CMP_H
#define ASSAY_TESTS_VIS_CMP_H

#include "tests/visual/vis_fit.h"
#include "tests/visual/vis_int.h"

#define VIS_CELL 8 /* pixels a side */
#define VIS_NO_ROW UINT32_MAX
/* In `pair`: the rows are known to be the same. */
#define VIS_PAIR_SAME (UINT32_C(1) << 31)
/* Drawn pixels left and right of a row, copies of its ends. */
#define VIS_PAD 8
#define VIS_RING 4

/* What differs in 8 x 8 pixels of the canvas. All counts are at most 64. */
struct vis_cell {
    /* The first eight in the order of counts_of in vis_classify.c. */
    uint8_t changed;   /* any difference, ignored ones left out */
    uint8_t low_hard;  /* above half the threshold, not soft */
    uint8_t low_soft;  /* the same, soft */
    uint8_t over_hard; /* above the threshold */
    uint8_t over_soft;
    uint8_t high_hard; /* far above */
    uint8_t high_soft;
    uint8_t ignored;
    uint8_t rows, columns; /* bit: the row or column has one above half the threshold */
    int16_t luma;          /* sum of what became lighter, darker ones negative */
    uint16_t luma_abs;
    uint16_t delta_max; /* in 1/256 */
    uint16_t delta_sum; /* over pixels above half the threshold, in 1/8; none is 128 */
    uint32_t region;    /* 0: none, else index + 1 */
};

/* What is kept of each pixel of the canvas until the regions are known: four bits. */
enum vis_code {
    VIS_CODE_NONE,
    VIS_CODE_NOISE,
    VIS_CODE_LOW_HARD,
    VIS_CODE_LOW_SOFT,
    VIS_CODE_OVER_HARD,
    VIS_CODE_OVER_SOFT,
    VIS_CODE_IGNORED,
    VIS_CODE_ROW /* of a row that came in between, or beyond the other picture */
};

/* What became of a region. */
enum vis_fate {
    VIS_FATE_TOLERATED, /* anti-aliasing or noise */
    VIS_FATE_COUNTED,   /* pixels above the threshold that are not soft */
    VIS_FATE_FAINT, /* counted down to half the threshold, soft ones too: one faint, coherent change
                     */
    VIS_FATE_EXACT, /* threshold 0: every differing pixel */
    VIS_FATE_IGNORED,
    VIS_FATE_COUNT
};

struct vis_sums {
    uint64_t changed, low_hard, low_soft, over_hard, over_soft, high_hard, high_soft, ignored;
    int64_t luma;
    uint64_t luma_abs;
    double delta_sum, delta_max;
    uint32_t x0, y0, x1, y1; /* exact, of pixels above half the threshold */
};

struct vis_group {
    struct vis_sums sums;
    enum vis_fate fate;
    bool moved;
    bool is_asked; /* vis_things looks at it */
    bool is_bent;
    struct visual_rect changed_box; /* around its things that changed; w 0: around all of it */
    uint32_t moved_things, stepped_things, changed_things;
    int64_t gained[3];
    double parted;
    struct vis_fit fit; /* of all its things */
    int32_t dx, dy;
    double ssim_sum; /* over so many windows */
    uint64_t windows;
};

/* Distances are looked up by the pair of colours: pages have few. Each pair may stand in two
 * places, the one asked for last in the first. */
#define VIS_CACHE_BITS 12
#define VIS_CACHE_BYTES (sizeof(struct vis_cached) * 2 << VIS_CACHE_BITS)
struct vis_cached {
    uint32_t a, b;
    uint16_t delta; /* in 1/8 */
    uint16_t delta_256;
    int16_t luma;
    uint8_t level; /* VIS_LOW, VIS_OVER and VIS_HIGH as they hold */
};

struct visual {
    struct vis_image image[2];
    const struct vis_ops *ops;
    const struct visual_options *options;
    bool is_lossy;               /* one of them is a JPEG */
    bool is_tolerant;            /* soft pixels are kept apart */
    uint32_t w, h;               /* canvas */
    uint32_t common_w, common_h; /* of both */
    struct vis_buf space_buf;    /* what vis_lend_space lends; the distances come first */
    struct vis_buf equal_buf, pair_buf, ring_buf, class_buf, code_buf, touched_buf,
        cells_touched_buf, cell_buf, group_buf, rows_buf, stack_buf, line_buf, png_buf, hash_buf;
    struct vis_buf repeat_buf, region_buf, second_buf;
    /* Per row of the canvas: its comparison gives what that of the row above gave. */
    uint8_t *repeats;
    uint8_t *is_above[2]; /* per row of a picture: what vis_is_row_above found, 0: not asked yet */
    bool same_kind;       /* rows of both may be compared as they are stored */
    bool all_ready;       /* every row is unfiltered */
    uint8_t *equal;       /* per common row, not 0: equal in place */
    uint32_t *pair;       /* per row of the canvas: its row in the baseline, or VIS_NO_ROW */
    bool aligned; /* `pair` is not simply in place: from row aligned_top on, within these columns */
    uint32_t aligned_top, aligned_x0, aligned_x1;
    uint8_t *code;    /* code_stride bytes per row of the canvas, two pixels a byte */
    uint8_t *touched; /* per row of the canvas: `code` holds something */
    size_t code_stride;
    struct vis_cell *cells; /* a row of them is cleared when it is needed first */
    uint8_t *cells_touched;
    uint32_t cell_w, cell_h;
    uint8_t *class; /* of the row that is compared */
    uint32_t *ring[2][VIS_RING];
    uint32_t ring_row[2][VIS_RING];
    struct vis_group *groups;
    size_t group_count;
    struct visual_region *regions; /* VISUAL_REGIONS_MAX */
    size_t region_count;
    struct visual_rows *rows;
    size_t rows_count;
    struct vis_linear linear;
    double threshold_cached;  /* of the distances in `cache` */
    struct vis_cached *cache; /* VIS_CACHE_BYTES */
    struct visual_result result;
};

/* Takes the memory for comparing two files, as far as it is known now. False: no memory. */
NODISCARD bool vis_lend_space(struct visual *v, const struct str files[2]);
/* Whether most rows of both may be compared as they are stored. */
bool vis_is_stored_alike(const struct vis_image *a, const struct vis_image *b);
/* Fills v->equal: which rows are the same in place. */
void vis_find_equal_rows(struct visual *v);
/* The unfiltered row y of a picture, and its drawn pixels; the latter stay until three other rows
 * of the same picture were asked for. */
const uint8_t *vis_pixel_row(struct visual *v, int which, uint32_t y);
const uint32_t *vis_drawn_row(struct visual *v, int which, uint32_t y);

/* Unfilters all rows of both, each picture on its own thread when the call may use two. */
void vis_ready_both(struct visual *v);
/* Whether so many pixels are worth a second thread, and the call may use one. */
bool vis_is_worth_thread(const struct visual *v, uint64_t pixels);

/* Bytes of the drawn rows that a thread keeps at hand, and how they lie in them. */
size_t vis_ring_bytes(const struct visual *v);
void vis_lay_ring(struct visual *v, uint8_t *at);
/* Bytes of what a second thread keeps at hand. */
size_t vis_second_bytes(const struct visual *v);
/* Compares rows as they are paired. */
void vis_classify_pairs(struct visual *v);

/* Finds rows that came in between or went away: sets pair, rows and aligned. False: no memory. */
NODISCARD bool vis_align(struct visual *v);
/* Whether row y of a picture is the one above; so are those beyond its edges. */
bool vis_is_row_above(struct visual *v, int which, uint32_t y);
/* What is known of two drawn pixels as they differ; until the next call. */
const struct vis_cached *vis_colour_pair(struct visual *v, uint32_t a, uint32_t b);
/* Classifies pixels [x0, x1) of row ya of the baseline against row yb of the current one, and so
 * many rows below that give the same. */
void vis_classify_rows(struct visual *v, uint32_t ya, uint32_t yb, uint32_t x0, uint32_t x1,
                       uint32_t rows);
/* Marks a whole row of the canvas from x0 to x1 as one that the other picture does not have. */
void vis_mark_row(struct visual *v, uint32_t y, uint32_t x0, uint32_t x1);

/* Lists the rows of vis_align, and what lies beyond one of the pictures. */
void vis_list_rows(struct visual *v);
/* Joins cells to groups and decides what counts. False: no memory. */
NODISCARD bool vis_find_regions(struct visual *v);
/* Whether `cluster_min` of the group's pixels touch. */
bool vis_has_cluster(const struct visual *v, const struct vis_sums *s);
/* Judges groups that the sums leave in doubt by the things in them. False: no memory. */
NODISCARD bool vis_judge_things(struct visual *v);
/* A codec leaves differences everywhere, most of them too small to see; along a border, too. */
bool vis_is_grainy(const struct vis_sums *s);
/* 0: as much became lighter as darker, 100: only one of them. */
uint64_t vis_balance_of(const struct vis_sums *s);
/* Judges what is left when nothing counts as one change: corners that all became rounder. */
void vis_judge_together(struct visual *v);
/* Ignores groups that match confirmed dynamic regions. */
void vis_ignore_dynamic(struct visual *v);
/* Marks the groups that are blocks that moved. */
void vis_find_moves(struct visual *v);
/* Fills the regions and counts of the result, then the verdict. */
void vis_list_regions(struct visual *v);
void vis_verdict(struct visual *v);
/* Scores the groups that count, and fills the result's. Before vis_list_regions. False: no memory.
 */
NODISCARD bool vis_measure_ssim(struct visual *v);
NODISCARD bool vis_write_picture(struct visual *v);
/* Bytes that the picture can have at most. */
size_t vis_png_bound(const struct visual *v, bool mask);

struct visual_rect vis_box_of(const struct vis_sums *s);
/* Where a group counts: around what changed in it, without what only moved beside. */
struct visual_rect vis_group_box(const struct vis_group *g);
/* The smallest box around both; an empty one counts for nothing. */
struct visual_rect vis_rect_join(struct visual_rect a, struct visual_rect b);

/* Pixels above half the threshold. */
static inline uint64_t
vis_seen_of(const struct vis_sums *s)
{
    return s->low_hard + s->low_soft;
}

static inline bool
vis_is_counted(const struct vis_group *g)
{
    return g->fate == VIS_FATE_COUNTED || g->fate == VIS_FATE_FAINT || g->fate == VIS_FATE_EXACT;
}

static inline uint8_t
vis_code_at(const struct visual *v, uint32_t x, uint32_t y)
{
    return v->code[y * v->code_stride + x / 2] >> (x % 2 * 4) & 15;
}

/* Whether a pixel is above half the threshold. */
static inline bool
vis_is_seen(uint8_t code)
{
    return code >= VIS_CODE_LOW_HARD && code <= VIS_CODE_OVER_SOFT;
}

/* The cells of a row of cells, or NULL when nothing differs in it. */
static inline struct vis_cell *
vis_cell_row(const struct visual *v, uint32_t cy)
{
    return v->cells_touched[cy] ? &v->cells[(size_t)cy * v->cell_w] : NULL;
}

#endif
