/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture of what differs: a palette PNG, as a mask of four colours or as the current picture
 * in pale grey under them. */
#include <libdeflate.h>
#include <string.h>

#include "tests/visual/vis_cmp.h"

enum ink { INK_NONE, INK_DIFFERENT, INK_TOLERATED, INK_IGNORED };

/* Of the picture: four inks, then shades of grey from SHADE_DARKEST to white. */
#define SHADES 252
#define SHADE_DARKEST 150

static const uint8_t inks[4][3] = {{255, 255, 255}, {230, 30, 30}, {255, 176, 0}, {128, 128, 140}};

static enum ink
ink_of(const struct vis_group *g, uint8_t code)
{
    bool over_hard = code == VIS_CODE_OVER_HARD;

    if (code == VIS_CODE_ROW) {
        return INK_DIFFERENT;
    }
    if (code == VIS_CODE_IGNORED) {
        return INK_IGNORED;
    }
    if (g == NULL || (code == VIS_CODE_NOISE && g->fate != VIS_FATE_EXACT)) {
        return INK_TOLERATED;
    }
    switch (g->fate) {
    case VIS_FATE_IGNORED:
        return INK_IGNORED;
    case VIS_FATE_FAINT:
    case VIS_FATE_EXACT:
        return INK_DIFFERENT;
    case VIS_FATE_COUNTED:
        return over_hard ? INK_DIFFERENT : INK_TOLERATED;
    default:
        return INK_TOLERATED;
    }
}

static void
ink_row(const struct visual *v, uint32_t y, uint8_t *out)
{
    memset(out, INK_NONE, v->w);
    if (!v->touched[y]) {
        return;
    }
    for (uint32_t x = 0; x < v->w; x++) {
        uint8_t code = vis_code_at(v, x, y);
        if (code != VIS_CODE_NONE) {
            uint32_t region = vis_cell_at(v, x, y)->region;
            out[x] = (uint8_t)ink_of(region == 0 ? NULL : &v->groups[region - 1], code);
        }
    }
}

static void
pack_row(const uint8_t *inks_of_row, uint32_t w, uint8_t *out)
{
    memset(out, 0, (w + 3) / 4);
    for (uint32_t x = 0; x < w; x++) {
        out[x / 4] |= (uint8_t)(inks_of_row[x] << (6 - x % 4 * 2));
    }
}

static void
shade_row(struct visual *v, uint32_t y, uint8_t *row)
{
    if (y >= v->image[1].h) {
        for (uint32_t x = 0; x < v->w; x++) {
            row[x] = row[x] == INK_NONE ? 4 + SHADES - 1 : row[x];
        }
        return;
    }
    const uint32_t *drawn = vis_drawn_row(v, 1, y);
    for (uint32_t x = 0; x < v->w; x++) {
        int luma = x < v->image[1].w ? vis_luma(drawn[x]) : 255;
        row[x] = row[x] == INK_NONE ? (uint8_t)(4 + luma * (SHADES - 1) / 255) : row[x];
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

bool
vis_write_picture(struct visual *v)
{
    bool mask = v->options->output == VISUAL_OUTPUT_MASK;
    size_t row_bytes = mask ? (v->w + 3) / 4 : v->w;
    size_t raw = (row_bytes + 1) * v->h;
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(1);

    if (c == NULL) {
        return false;
    }
    size_t bound = libdeflate_zlib_compress_bound(c, raw);
    bool ok = vis_buf_need(&v->line_buf, raw) && vis_buf_need(&v->png_buf, bound + 2048);
    for (uint32_t y = 0; ok && y < v->h; y++) {
        uint8_t *row = v->line_buf.p + (row_bytes + 1) * y;
        row[0] = 0;
        if (mask) {
            ink_row(v, y, v->class_buf.p);
            pack_row(v->class_buf.p, v->w, row + 1);
        } else {
            ink_row(v, y, row + 1);
            shade_row(v, y, row + 1);
        }
    }
    if (ok) {
        uint8_t *to = v->png_buf.p;
        size_t n = put_head(v, mask, to);
        size_t z = libdeflate_zlib_compress(c, v->line_buf.p, raw, to + n + 8, bound);
        n += put_chunk(to + n, "IDAT", NULL, z);
        n += put_chunk(to + n, "IEND", NULL, 0);
        v->result.picture = str_n((const char *)to, n);
    }
    libdeflate_free_compressor(c);
    return ok;
}
