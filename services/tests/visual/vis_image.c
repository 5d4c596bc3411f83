/* SPDX-License-Identifier: Apache-2.0
 *
 * What both kinds of file share: limits, rows, pixels as they are drawn. */
#include <libdeflate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_int.h"

enum rc
vis_refuse(struct visual_error *e, int image, const char *reason, const char *fmt, ...)
{
    va_list args;

    *e = (struct visual_error){.reason = reason, .image = image};
    va_start(args, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, args);
    va_end(args);
    bool full = strcmp(reason, "TOO_LARGE") == 0 || strcmp(reason, "NO_MEMORY") == 0;
    return full ? RC_RESOURCE_EXHAUSTED : RC_INVALID_ARGUMENT;
}

enum rc
vis_check_size(uint64_t w, uint64_t h, const struct visual_options *options, int which,
               struct visual_error *e)
{
    if (w > VISUAL_SIDE_MAX || h > VISUAL_SIDE_MAX || w * h > options->pixels_max) {
        return vis_refuse(e, which, "TOO_LARGE",
                          "the picture has %llu x %llu pixels; at most %llu in all and %d a side",
                          (unsigned long long)w, (unsigned long long)h,
                          (unsigned long long)options->pixels_max, VISUAL_SIDE_MAX);
    }
    return RC_OK;
}

void
vis_layout(struct vis_image *im)
{
    uint32_t samples = im->colour == VIS_RGB                               ? 3
                       : im->colour == VIS_RGBA || im->colour == VIS_DRAWN ? 4
                       : im->colour == VIS_GREY_ALPHA                      ? 2
                                                                           : 1;
    uint32_t bits = samples * im->depth;

    im->bpp = (uint8_t)(bits < 8 ? 1 : bits / 8);
    im->row_bytes = ((size_t)im->w * bits + 7) / 8;
    im->stride = im->row_bytes + 1;
}

/* Forgets the picture, keeps the buffers. */
static void
forget(struct vis_image *im)
{
    struct vis_image kept = {.raw_buf = im->raw_buf,
                             .ready_buf = im->ready_buf,
                             .stream_buf = im->stream_buf,
                             .pass_buf = im->pass_buf,
                             .inflater = im->inflater,
                             .lent = im->lent,
                             .lent_bytes = im->lent_bytes};
    *im = kept;
}

static enum rc
check_bytes(struct str bytes, const struct visual_options *options, int which,
            struct visual_error *e)
{
    if (bytes.n > options->bytes_max) {
        return vis_refuse(e, which, "TOO_LARGE", "the file has %zu bytes; at most %llu", bytes.n,
                          (unsigned long long)options->bytes_max);
    }
    if (!vis_is_png(bytes) && !vis_is_jpeg(bytes)) {
        return vis_refuse(e, which, "NOT_AN_IMAGE", "the file is neither PNG nor JPEG");
    }
    return RC_OK;
}

enum rc
vis_decode(struct vis_image *im, struct str bytes, const struct visual_options *options, int which,
           struct visual_error *e)
{
    enum rc rc = check_bytes(bytes, options, which, e);

    if (rc != RC_OK) {
        return rc;
    }
    forget(im);
    return vis_is_png(bytes) ? vis_png_decode(im, bytes, options, which, e)
                             : vis_jpeg_decode(im, bytes, options, which, e);
}

enum rc
visual_probe(struct str bytes, const struct visual_options *options, struct visual_info *out_info,
             struct visual_error *out_error)
{
    enum rc rc = check_bytes(bytes, options, 0, out_error);

    if (rc != RC_OK) {
        return rc;
    }
    return vis_is_png(bytes) ? vis_png_probe(bytes, options, 0, out_info, out_error)
                             : vis_jpeg_probe(bytes, options, 0, out_info, out_error);
}

void
vis_image_free(struct vis_image *im)
{
    vis_buf_free(&im->raw_buf);
    vis_buf_free(&im->ready_buf);
    vis_buf_free(&im->stream_buf);
    vis_buf_free(&im->pass_buf);
    libdeflate_free_decompressor(im->inflater);
    im->inflater = NULL;
}

/* --- filters */

/* What filters mean on the first row, where the row above counts as zero. */
static void
unfilter_first(const struct vis_image *im, uint8_t *row, uint8_t filter)
{
    if (filter == 2) {
        return;
    }
    for (size_t i = im->bpp; i < im->row_bytes; i++) {
        unsigned left = row[i - im->bpp];
        row[i] = (uint8_t)(row[i] + (filter == 3 ? left / 2 : left));
    }
}

void
vis_unfilter_row(const struct vis_image *im, const struct vis_ops *ops, uint8_t *row,
                 const uint8_t *prev, uint8_t filter)
{
    if (filter == 0) {
        return;
    }
    if (prev == NULL) {
        unfilter_first(im, row, filter);
    } else {
        ops->unfilter(row, prev, im->row_bytes, im->bpp, filter);
    }
}

static bool
depends_on_above(uint8_t filter)
{
    return filter > 1;
}

void
vis_ready(struct vis_image *im, const struct vis_ops *ops, uint32_t y)
{
    uint32_t from = y;

    while (from > 0 && !im->ready[from] && depends_on_above(vis_row(im, from)[-1])) {
        from--;
    }
    for (; from <= y; from++) {
        if (!im->ready[from]) {
            uint8_t *row = vis_row(im, from);
            vis_unfilter_row(im, ops, row, from == 0 ? NULL : vis_row(im, from - 1), row[-1]);
            im->ready[from] = 1;
        }
    }
}

void
vis_ready_all(struct vis_image *im, const struct vis_ops *ops)
{
    for (uint32_t y = 0; y < im->h; y++) {
        vis_ready(im, ops, y);
    }
}

/* --- drawn pixels */

uint32_t
vis_draw(uint8_t r, uint8_t g, uint8_t b, uint8_t a)
{
    uint32_t ground = 255 - a;
    uint8_t out[4] = {(uint8_t)((r * a + 127) / 255 + ground),
                      (uint8_t)((g * a + 127) / 255 + ground),
                      (uint8_t)((b * a + 127) / 255 + ground), a};
    uint32_t pixel;

    memcpy(&pixel, out, 4);
    return pixel;
}

static uint8_t
to_8_bits(const uint8_t *p)
{
    uint32_t v = (uint32_t)p[0] << 8 | p[1];

    return (uint8_t)((v * 255 + 32895) >> 16);
}

static bool
is_key(const struct vis_image *im, const uint8_t *p, uint32_t samples)
{
    for (uint32_t i = 0; i < samples; i++) {
        uint32_t v = im->depth == 16 ? (uint32_t)p[2 * i] << 8 | p[2 * i + 1] : p[i];
        if (v != im->key[i]) {
            return false;
        }
    }
    return true;
}

/* Depth 8 or 16, grey or colour, alpha or not. */
static void
expand_samples(uint32_t *out, const struct vis_image *im, const uint8_t *row)
{
    bool wide = im->depth == 16;
    uint32_t samples = im->bpp / (wide ? 2u : 1u);
    bool grey = samples < 3;
    bool alpha = samples == 2 || samples == 4;

    for (uint32_t x = 0; x < im->w; x++, row += im->bpp) {
        uint8_t s[4] = {0};
        for (uint32_t i = 0; i < samples; i++) {
            s[i] = wide ? to_8_bits(row + 2 * (size_t)i) : row[i];
        }
        uint8_t a = alpha ? s[samples - 1] : im->has_key && is_key(im, row, samples) ? 0 : 255;
        out[x] = grey ? vis_draw(s[0], s[0], s[0], a) : vis_draw(s[0], s[1], s[2], a);
    }
}

/* Depth 1, 2, 4 and 8 of one sample: through a table of all its values. */
static void
expand_indexed(uint32_t *out, const struct vis_image *im, const uint8_t *row)
{
    uint32_t grey[256];
    const uint32_t *table = im->palette;
    uint32_t per_byte = 8u / im->depth;
    uint32_t mask = (1u << im->depth) - 1;

    if (im->colour == VIS_GREY) {
        for (uint32_t i = 0; i <= mask; i++) {
            uint8_t v = (uint8_t)(i * 255 / mask);
            grey[i] = vis_draw(v, v, v, im->has_key && i == im->key[0] ? 0 : 255);
        }
        table = grey;
    }
    for (uint32_t x = 0; x < im->w; x++) {
        uint32_t shift = 8 - im->depth * (x % per_byte + 1);
        out[x] = table[row[x / per_byte] >> shift & mask];
    }
}

void
vis_expand(uint32_t *out, const struct vis_image *im, const uint8_t *row, const struct vis_ops *ops)
{
    if (im->colour == VIS_DRAWN) {
        memcpy(out, row, (size_t)im->w * 4);
    } else if (im->colour == VIS_PALETTE || (im->colour == VIS_GREY && im->depth <= 8)) {
        expand_indexed(out, im, row);
    } else if (im->depth == 8 && im->colour == VIS_RGB && !im->has_key) {
        ops->expand_rgb(out, row, im->w);
    } else if (im->depth == 8 && im->colour == VIS_RGBA) {
        ops->expand_rgba(out, row, im->w);
    } else {
        expand_samples(out, im, row);
    }
}
