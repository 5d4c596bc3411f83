/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the comparison; visual.h is the manual. From bytes to verdict:
 *
 *   vis_space            the context and its memory
 *   vis_png vis_jpeg     bytes -> struct vis_image: rows still filtered as PNG stores them
 *   vis_rows             which rows are equal, most of them found without unfiltering them
 *   vis_align            inserted and deleted rows, blocks that moved
 *   vis_pairs            rows of both, side by side, on one thread or two
 *   vis_classify         each differing pixel: how far, and whether the edge beside it allows it
 *   vis_regions          cells of 8 x 8 pixels -> regions; what counts, the verdict
 *   vis_things           groups of touching pixels that differ, and what they gained
 *   vis_judge            whether a move by a fraction of a pixel explains that
 *   vis_ssim             similarity
 *   vis_write vis_lines  the PNG, its rows made on one thread and deflated on another */
#ifndef ASSAY_TESTS_VIS_INT_H
#define ASSAY_TESTS_VIS_INT_H

#include "tests/visual/visual.h"

/* --- memory: buffers that stay from call to call */

struct vis_buf {
    uint8_t *p;
    size_t cap;
    bool lent; /* of memory that is another's */
};

/* Makes `b` hold at least `n` bytes; what it held is lost. Fresh memory is zero. False: no memory.
 */
NODISCARD bool vis_buf_need(struct vis_buf *b, size_t n);
/* The same for a buffer that will be filled: takes its pages at once. */
NODISCARD bool vis_buf_need_filled(struct vis_buf *b, size_t n);
/* Makes `b` hold `n` bytes and keeps the first `used`. */
NODISCARD bool vis_buf_grow(struct vis_buf *b, size_t used, size_t n);
/* Makes `b` hold the `n` bytes at `p`, unless it has more; they may hold anything. */
void vis_buf_lend(struct vis_buf *b, uint8_t *p, size_t n);
void vis_buf_free(struct vis_buf *b);

/* --- a second thread */

/* Runs `step` of both, the second on a thread of its own when `threaded` and the system gives one;
 * returns when both are done. */
void vis_run_both(bool threaded, void (*step)(void *), void *first, void *second);

/* --- decoded pictures */

/* PNG's colour types, and one of ours: pixels as vis_expand makes them. */
enum vis_colour {
    VIS_GREY = 0,
    VIS_RGB = 2,
    VIS_PALETTE = 3,
    VIS_GREY_ALPHA = 4,
    VIS_RGBA = 6,
    VIS_DRAWN = 100
};

struct vis_image {
    uint32_t w, h;
    uint8_t depth;
    uint8_t colour; /* enum vis_colour */
    bool has_alpha;
    bool interlaced;
    uint8_t bpp;           /* bytes from a pixel to the next one; 1 below a byte */
    size_t row_bytes;      /* without the filter byte */
    size_t stride;         /* row_bytes + 1 */
    uint8_t *raw;          /* h rows, each a filter byte and row_bytes */
    uint8_t *ready;        /* per row: not 0 when the filter is undone */
    uint32_t palette[256]; /* drawn pixels */
    uint32_t palette_count;
    bool has_key; /* one colour is transparent */
    uint16_t key[3];
    struct vis_buf raw_buf, ready_buf, stream_buf, pass_buf;
    struct libdeflate_decompressor *inflater;
    /* Room for the rows in memory that both pictures share, or NULL: two phones' screens fit into
     * one huge page, of which every one costs more than inflating them. */
    uint8_t *lent;
    size_t lent_bytes;
};

/* Pixels as they are drawn, bytes R G B A in memory: colours over white, alpha beside them. */

static inline uint8_t *
vis_row(const struct vis_image *im, uint32_t y)
{
    return im->raw + (size_t)y * im->stride + 1;
}

/* Writes the error and returns the code that goes with the reason. */
enum rc vis_refuse(struct visual_error *e, int image, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Decodes; every picture keeps its buffers. */
NODISCARD enum rc vis_decode(struct vis_image *im, struct str bytes,
                             const struct visual_options *options, int which,
                             struct visual_error *e);
void vis_image_free(struct vis_image *im);
/* Bytes of a PNG's rows when they will be kept as they are inflated, else 0. */
size_t vis_png_space(struct str bytes, const struct visual_options *options);

bool vis_is_png(struct str bytes);
NODISCARD enum rc vis_png_probe(struct str bytes, const struct visual_options *options, int which,
                                struct visual_info *out, struct visual_error *e);
NODISCARD enum rc vis_png_decode(struct vis_image *im, struct str bytes,
                                 const struct visual_options *options, int which,
                                 struct visual_error *e);
/* Takes from the heap what decoding will ask it for; a second thread that asks first would be given
 * a heap of its own. */
void vis_png_prepare(struct vis_image *im);
bool vis_is_jpeg(struct str bytes);
NODISCARD enum rc vis_jpeg_probe(struct str bytes, const struct visual_options *options, int which,
                                 struct visual_info *out, struct visual_error *e);
NODISCARD enum rc vis_jpeg_decode(struct vis_image *im, struct str bytes,
                                  const struct visual_options *options, int which,
                                  struct visual_error *e);
/* Holds a size against the limits. */
NODISCARD enum rc vis_check_size(uint64_t w, uint64_t h, const struct visual_options *options,
                                 int which, struct visual_error *e);
/* Sets bpp, row_bytes and stride from w, depth and colour. */
void vis_layout(struct vis_image *im);

/* --- rows */

/* Bits of a pixel's class. */
#define VIS_CHANGED 1
#define VIS_SOFT 8  /* taken for edge smoothing */
#define VIS_LOW 16  /* distance above half the threshold */
#define VIS_OVER 32 /* above the threshold */
#define VIS_HIGH 64 /* far above */
#define VIS_IGNORED 128
#define VIS_COUNT_SHIFT 3 /* bits from VIS_SOFT on tell what a pixel counts as */

#define VIS_SHADES 252

/* Sums over the pixels of a window, of both pictures' luma. The vector form adds to the first four
 * at once. */
struct vis_window {
    uint32_t a, b, aa, bb, ab, n;
};

/* The functions that have a vector form; both forms give the same bytes. */
struct vis_ops {
    /* Undoes filter 1 to 4 in place; `prev` is the row above, unfiltered. */
    void (*unfilter)(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp, uint8_t filter);
    /* RGB bytes -> drawn pixels. */
    void (*expand_rgb)(uint32_t *out, const uint8_t *row, size_t pixels);
    void (*expand_rgba)(uint32_t *out, const uint8_t *row, size_t pixels);
    /* Drawn pixels -> shades of grey, VIS_SHADES of them from 4 on. */
    void (*shade)(uint8_t *out, const uint32_t *row, size_t pixels);
    /* Marks the pixels [from, to) of a row that differ, and as soft those of them that the edges
     * around allow: both pictures' edges, or one's where light and dark nearly cancel out. */
    void (*find_changed)(uint8_t *out_class, const uint32_t *const a[3], const uint32_t *const b[3],
                         size_t from, size_t to);
    /* Adds the first `n` pixels. */
    void (*add_window)(struct vis_window *win, const uint32_t *a, const uint32_t *b, uint32_t n);
};

const struct vis_ops *vis_ops_get(bool plain);

/* The drawn pixel of a colour with alpha. */
uint32_t vis_draw(uint8_t r, uint8_t g, uint8_t b, uint8_t a);
/* Undoes one row's filter in place; `prev` NULL for the first row. */
void vis_unfilter_row(const struct vis_image *im, const struct vis_ops *ops, uint8_t *row,
                      const uint8_t *prev, uint8_t filter);
/* Undoes the filters of all rows. */
void vis_ready_all(struct vis_image *im, const struct vis_ops *ops);
/* Undoes the filters of rows up to y, as far back as y depends on. */
void vis_ready(struct vis_image *im, const struct vis_ops *ops, uint32_t y);
/* Writes the drawn pixels of an unfiltered row. */
void vis_expand(uint32_t *out, const struct vis_image *im, const uint8_t *row,
                const struct vis_ops *ops);

/* --- colour */

struct vis_lab {
    double l, a, b;
};

/* Light of each value of a channel. */
struct vis_linear {
    double of[256];
};

void vis_linear_init(struct vis_linear *t);
struct vis_lab vis_lab(const struct vis_linear *t, const uint8_t rgb[3]);
double vis_ciede2000(struct vis_lab p, struct vis_lab q);
static inline int
vis_luma(uint32_t pixel)
{
    return (int)((77 * (pixel & 255) + 150 * (pixel >> 8 & 255) + 29 * (pixel >> 16 & 255)) >> 8);
}

/* CIEDE2000 distance of two drawn pixels; where alpha plays a part the larger one of over white and
 * over black. */
double vis_delta(const struct vis_linear *t, uint32_t a, uint32_t b);

#endif
