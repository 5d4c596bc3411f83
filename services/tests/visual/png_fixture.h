/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG files of every form for tests, written by libpng: an encoder that is not ours. */
#ifndef ASSAY_TESTS_PNG_FIXTURE_H
#define ASSAY_TESTS_PNG_FIXTURE_H

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct png_form {
    uint32_t w, h;
    int colour; /* PNG_COLOR_TYPE_... */
    int depth;
    bool interlaced;
    int filters; /* PNG_FILTER_... or PNG_ALL_FILTERS */
    bool key;    /* tRNS */
};

struct png_bytes {
    uint8_t *p;
    size_t n, cap;
};

static inline void
png_collect(png_structp png, png_bytep data, size_t n)
{
    struct png_bytes *to = png_get_io_ptr(png);

    if (to->n + n > to->cap) {
        to->cap = (to->n + n) * 2;
        to->p = realloc(to->p, to->cap);
    }
    memcpy(to->p + to->n, data, n);
    to->n += n;
}

static inline void
png_flush_nothing(png_structp png)
{
    (void)png;
}

/* Bytes of a row as PNG packs it. */
static inline size_t
png_row_bytes(const struct png_form *f)
{
    static const int samples[] = {1, 0, 3, 1, 2, 0, 4};

    return ((size_t)f->w * (size_t)samples[f->colour] * (size_t)f->depth + 7) / 8;
}

static inline void
png_put_extras(png_structp png, png_infop info, const struct png_form *f)
{
    png_color palette[256];
    png_byte alpha[256];
    png_color_16 key = {.index = 1, .red = 1, .green = 1, .blue = 1, .gray = 1};

    if (f->colour == PNG_COLOR_TYPE_PALETTE) {
        int n = 1 << f->depth;
        for (int i = 0; i < n; i++) {
            palette[i] =
                (png_color){(png_byte)(i * 37), (png_byte)(i * 91 + 5), (png_byte)(255 - i)};
            alpha[i] = (png_byte)(i * 40);
        }
        png_set_PLTE(png, info, palette, n);
        if (f->key) {
            png_set_tRNS(png, info, alpha, n / 2, NULL);
        }
    } else if (f->key) {
        png_set_tRNS(png, info, NULL, 0, &key);
    }
}

/* Writes rows of packed samples. The caller frees the bytes. */
static inline struct str
png_make(const struct png_form *f, const uint8_t *rows)
{
    struct png_bytes out = {NULL, 0, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep *lines = calloc(f->h, sizeof(*lines));

    for (uint32_t y = 0; y < f->h; y++) {
        lines[y] = (png_bytep)(uintptr_t)(rows + (size_t)y * png_row_bytes(f));
    }
    png_set_write_fn(png, &out, png_collect, png_flush_nothing);
    png_set_IHDR(png, info, f->w, f->h, f->depth, f->colour,
                 f->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    png_put_extras(png, info, f);
    if (f->filters != 0) {
        png_set_filter(png, 0, f->filters);
    }
    png_set_compression_level(png, 3);
    png_set_rows(png, info, lines);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    free(lines);
    return str_n((const char *)out.p, out.n);
}

static inline void
png_supply(png_structp png, png_bytep data, size_t n)
{
    struct str *from = png_get_io_ptr(png);

    if (n > from->n) {
        png_error(png, "end");
    }
    memcpy(data, from->p, n);
    *from = str_sub(*from, n, from->n);
}

/* Decodes to RGBA by libpng: what ours is held against. The caller frees; stops the test when
 * libpng refuses. */
static inline uint8_t *
png_read_rgba(struct str bytes, uint32_t *out_w, uint32_t *out_h)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);

    png_set_read_fn(png, &bytes, png_supply);
    png_read_info(png, info);
    png_set_scale_16(png);
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    *out_w = png_get_image_width(png, info);
    *out_h = png_get_image_height(png, info);
    uint8_t *pixels = malloc((size_t)*out_w * *out_h * 4);
    png_bytep *lines = calloc(*out_h, sizeof(*lines));
    for (uint32_t y = 0; y < *out_h; y++) {
        lines[y] = pixels + (size_t)y * *out_w * 4;
    }
    png_read_image(png, lines);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    free(lines);
    return pixels;
}

#endif
