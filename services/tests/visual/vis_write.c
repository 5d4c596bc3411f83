/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture of what differs: a palette PNG, as a mask of four colours or as the current picture
 * in pale grey under them. */
#include <libdeflate.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"
#include "tests/visual/vis_deflate.h"
#include "tests/visual/vis_lines.h"

enum ink { INK_NONE, INK_DIFFERENT, INK_TOLERATED, INK_IGNORED };

/* Of the picture: four inks, then shades of grey from SHADE_DARKEST to white. */
#define SHADE_FIRST 4
#define SHADES VIS_SHADES
#define SHADE_DARKEST 150

static const uint8_t inks[4][3] = {{255, 255, 255}, {230, 30, 30}, {255, 176, 0}, {128, 128, 140}};

#define CODES 16
#define GROUP_BYTES (VIS_CELL / 2)

static enum ink
ink_of(enum vis_fate fate, uint8_t code)
{
    switch (code) {
    case VIS_CODE_NONE:
        return INK_NONE;
    case VIS_CODE_ROW:
        return INK_DIFFERENT;
    case VIS_CODE_IGNORED:
        return INK_IGNORED;
    default:
        break;
    }
    bool faint = fate == VIS_FATE_FAINT && code != VIS_CODE_NOISE;
    bool counted = fate == VIS_FATE_COUNTED && code == VIS_CODE_OVER_HARD;
    if (fate == VIS_FATE_IGNORED) {
        return code == VIS_CODE_NOISE ? INK_TOLERATED : INK_IGNORED;
    }
    return faint || counted || fate == VIS_FATE_EXACT ? INK_DIFFERENT : INK_TOLERATED;
}

/* Inks of the two pixels in a byte of codes, four bits each. */
struct inks {
    uint8_t of[VIS_FATE_COUNT][CODES * CODES];
};

static void
make_inks(struct inks *t)
{
    for (int fate = 0; fate < VIS_FATE_COUNT; fate++) {
        for (unsigned i = 0; i < CODES * CODES; i++) {
            t->of[fate][i] = (uint8_t)(ink_of((enum vis_fate)fate, i & 15) |
                                       ink_of((enum vis_fate)fate, (uint8_t)(i >> 4)) << 4);
        }
    }
}

/* The inks for a cell's pixels, or NULL where all eight are INK_NONE. */
static const uint8_t *
inks_at(const struct visual *v, const struct inks *t, uint32_t cx, uint32_t y, uint8_t *codes)
{
    size_t n = v->code_stride - (size_t)cx * GROUP_BYTES;
    uint32_t any;

    const uint8_t *from = v->code + y * v->code_stride + (size_t)cx * GROUP_BYTES;
    if (n >= GROUP_BYTES) {
        memcpy(codes, from, GROUP_BYTES);
    } else {
        memset(codes, 0, GROUP_BYTES);
        memcpy(codes, from, n);
    }
    memcpy(&any, codes, sizeof(any));
    if (any == 0) {
        return NULL;
    }
    const struct vis_cell *cells = vis_cell_row(v, y / VIS_CELL);
    uint32_t region = cells == NULL ? 0 : cells[cx].region;
    return t->of[region == 0 ? VIS_FATE_TOLERATED : v->groups[region - 1].fate];
}

/* Whether all eight pixels have the codes of the first two. */
static bool
is_one_code(const uint8_t *codes)
{
    uint32_t all;

    memcpy(&all, codes, sizeof(all));
    return all == codes[0] * UINT32_C(0x01010101) && codes[0] % 16 == codes[0] / 16;
}

static void
mask_row(const struct visual *v, const struct inks *t, uint32_t y, uint8_t *row)
{
    uint8_t codes[GROUP_BYTES];

    memset(row, 0, (size_t)v->cell_w * 2);
    for (uint32_t cx = 0; cx < v->cell_w; cx++) {
        const uint8_t *inks_of = inks_at(v, t, cx, y, codes);
        if (inks_of != NULL && is_one_code(codes)) {
            memset(row + (size_t)cx * 2, (inks_of[codes[0]] & 3) * 0x55, 2);
            continue;
        }
        for (int i = 0; inks_of != NULL && i < GROUP_BYTES; i++) {
            uint8_t two = inks_of[codes[i]];
            uint8_t bits = (uint8_t)((two & 3) << 2 | two >> 4);
            row[cx * 2 + (uint32_t)i / 2] |= (uint8_t)(i % 2 == 0 ? bits << 4 : bits);
        }
    }
}

static void
shade_row(struct visual *v, uint32_t y, uint8_t *row)
{
    const struct vis_image *im = &v->image[1];
    uint32_t w = y < im->h ? im->w : 0;

    if (w > 0) {
        v->ops->shade(row, vis_drawn_row(v, 1, y), w);
    }
    memset(row + w, SHADE_FIRST + SHADES - 1, v->w - w);
}

static void
picture_row(struct visual *v, const struct inks *t, uint32_t y, uint8_t *row)
{
    uint8_t codes[GROUP_BYTES];

    shade_row(v, y, row);
    for (uint32_t cx = 0; v->touched[y] && cx < v->cell_w; cx++) {
        const uint8_t *inks_of = inks_at(v, t, cx, y, codes);
        if (inks_of != NULL && is_one_code(codes) && (cx + 1) * VIS_CELL <= v->w) {
            uint8_t ink = inks_of[codes[0]] & 15;
            ink == INK_NONE ? (void)0 : (void)memset(row + (size_t)cx * VIS_CELL, ink, VIS_CELL);
            continue;
        }
        for (uint32_t i = 0; inks_of != NULL && i < VIS_CELL && cx * VIS_CELL + i < v->w; i++) {
            uint8_t ink = inks_of[codes[i / 2]] >> (i % 2 * 4) & 15;
            row[cx * VIS_CELL + i] = ink == INK_NONE ? row[cx * VIS_CELL + i] : ink;
        }
    }
}

static void
put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static size_t
put_chunk(uint8_t *to, const char *type, const uint8_t *data, size_t n)
{
    put_be32(to, (uint32_t)n);
    memcpy(to + 4, type, 4);
    if (data != NULL && n > 0) {
        memmove(to + 8, data, n);
    }
    put_be32(to + 8 + n, libdeflate_crc32(0, to + 4, n + 4));
    return n + 12;
}

static size_t
put_head(const struct visual *v, bool mask, uint8_t *to)
{
    uint8_t header[13] = {0};
    uint8_t palette[256 * 3];
    static const uint8_t alpha[4] = {0, 255, 255, 255};
    size_t colours = mask ? 4 : 256;

    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    put_be32(header, v->w);
    put_be32(header + 4, v->h);
    header[8] = mask ? 2 : 8;
    header[9] = VIS_PALETTE;
    memcpy(palette, inks, sizeof(inks));
    for (size_t i = 4; i < colours; i++) {
        memset(palette + i * 3,
               (int)(SHADE_DARKEST + (i - 4) * (255 - SHADE_DARKEST) / (SHADES - 1)), 3);
    }
    size_t n = 8;
    n += put_chunk(to + n, "IHDR", header, sizeof(header));
    n += put_chunk(to + n, "PLTE", palette, colours * 3);
    if (mask) {
        n += put_chunk(to + n, "tRNS", alpha, sizeof(alpha));
    }
    return n;
}

/* Whether the row of the output is the one above: the same comparison, or plain in both. */
static bool
repeats_above(struct visual *v, uint32_t y)
{
    if (v->repeats[y]) {
        return true;
    }
    return y > 0 && y < v->image[1].h && !v->touched[y] && !v->touched[y - 1] &&
           vis_is_row_above(v, 1, y);
}

struct maker {
    struct visual *v;
    struct inks inks;
    size_t row_bytes;
    bool above_is_blank;
};

/* Rows begin with the byte that names their filter: none. */
static bool
make_mask(void *arg, uint32_t y, uint8_t *line)
{
    struct maker *m = arg;
    struct visual *v = m->v;
    bool blank = !v->touched[y];

    if (blank ? m->above_is_blank : v->repeats[y]) {
        return false;
    }
    line[0] = 0;
    m->above_is_blank = blank;
    blank ? (void)memset(line + 1, 0, m->row_bytes) : mask_row(v, &m->inks, y, line + 1);
    return true;
}

static bool
make_picture(void *arg, uint32_t y, uint8_t *line)
{
    struct maker *m = arg;

    if (repeats_above(m->v, y)) {
        return false;
    }
    line[0] = 0;
    picture_row(m->v, &m->inks, y, line + 1);
    return true;
}

static void
deflate_line(void *deflate, const uint8_t *line, const uint8_t *above)
{
    vis_deflate_row(deflate, line, above);
}

/* Rows of a picture have to be made, and unfiltered if they are not; most of a mask are blank. */
static bool
is_worth_maker(const struct visual *v, bool mask)
{
    uint64_t rows = v->h;

    for (uint32_t y = 0; mask && y < v->h; y++) {
        rows -= !v->touched[y];
    }
    return vis_is_worth_thread(v, rows * v->w / (mask || v->all_ready ? 4 : 1));
}

static size_t
row_bytes_of(const struct visual *v, bool mask)
{
    return mask ? ((size_t)v->w + 3) / 4 : v->w;
}

size_t
vis_png_bound(const struct visual *v, bool mask)
{
    return vis_deflate_bound(row_bytes_of(v, mask) + 1, v->h) + 2048;
}

bool
vis_write_picture(struct visual *v)
{
    bool mask = v->options->output == VISUAL_OUTPUT_MASK;
    bool threaded = is_worth_maker(v, mask);
    struct maker maker = {.v = v, .row_bytes = row_bytes_of(v, mask)};
    struct vis_deflate deflate;
    struct vis_lines lines = {.count = v->h,
                              .stride = (maker.row_bytes + 1 + 16 + 63) / 64 * 64,
                              .make = mask ? make_mask : make_picture,
                              .maker = &maker,
                              .use = deflate_line,
                              .user = &deflate};

    if (!vis_buf_need(&v->line_buf, vis_lines_space(&lines, threaded)) ||
        !vis_buf_need(&v->png_buf, vis_png_bound(v, mask))) {
        return false;
    }
    uint8_t *to = v->png_buf.p;
    size_t n = put_head(v, mask, to);
    make_inks(&maker.inks);
    vis_deflate_begin(&deflate, to + n + 8, maker.row_bytes + 1);
    vis_lines_run(&lines, threaded, v->line_buf.p);
    n += put_chunk(to + n, "IDAT", NULL, vis_deflate_end(&deflate));
    n += put_chunk(to + n, "IEND", NULL, 0);
    v->result.picture = str_n((const char *)to, n);
    return true;
}
