/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG: chunks, inflate, interlace. Rows stay filtered (vis_rows.c knows why); an interlaced picture
 * is put together here, unfiltered.
 *
 * The checksums of all chunks are verified; the one inside the zlib stream says the same once more
 * and costs a pass over the pixels, so it is not. Colour profiles and gamma are ignored, as
 * browsers write none into screenshots. Of an animation the default picture is taken. Source: PNG
 * third edition. */
#include <libdeflate.h>
#include <string.h>

#include "tests/visual/vis_int.h"

#define SIGNATURE_LEN 8
#define IHDR_LEN 13
/* A deflate stream yields at most this many bytes for one of its own. */
#define DEFLATE_RATIO_MAX 1032

struct reader {
    const uint8_t *p;
    size_t n;
    size_t at;
};

struct chunk {
    char type[5];
    const uint8_t *data;
    uint32_t n;
};

static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum rc
truncated(struct visual_error *e, int which)
{
    return vis_refuse(e, which, "TRUNCATED", "the PNG file ends too early");
}

static enum rc
corrupt(struct visual_error *e, int which, const char *what)
{
    return vis_refuse(e, which, "CORRUPT", "the PNG file is corrupt: %s", what);
}

static enum rc
next_chunk(struct reader *r, struct chunk *out, int which, struct visual_error *e)
{
    if (r->n - r->at < 12) {
        return truncated(e, which);
    }
    uint32_t n = be32(r->p + r->at);
    if (n > INT32_MAX) {
        return corrupt(e, which, "length of a chunk");
    }
    if (n > r->n - r->at - 12) {
        return truncated(e, which);
    }
    const uint8_t *type = r->p + r->at + 4;
    for (int i = 0; i < 4; i++) {
        if (!ch_is_alpha((char)type[i])) {
            return corrupt(e, which, "type of a chunk");
        }
    }
    if (libdeflate_crc32(0, type, n + 4) != be32(type + 4 + n)) {
        return corrupt(e, which, "checksum of a chunk");
    }
    memcpy(out->type, type, 4);
    out->type[4] = 0;
    out->data = type + 4;
    out->n = n;
    r->at += (size_t)n + 12;
    return RC_OK;
}

bool
vis_is_png(struct str bytes)
{
    return bytes.n >= SIGNATURE_LEN && memcmp(bytes.p, "\x89PNG\r\n\x1a\n", SIGNATURE_LEN) == 0;
}

static bool
is_depth_allowed(uint8_t colour, uint8_t depth)
{
    switch (colour) {
    case VIS_GREY:
        return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case VIS_PALETTE:
        return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case VIS_RGB:
    case VIS_GREY_ALPHA:
    case VIS_RGBA:
        return depth == 8 || depth == 16;
    default:
        return false;
    }
}

static enum rc
read_header(struct vis_image *im, const struct chunk *c, const struct visual_options *options,
            int which, struct visual_error *e)
{
    if (memcmp(c->type, "IHDR", 4) != 0 || c->n != IHDR_LEN) {
        return corrupt(e, which, "no header");
    }
    im->w = be32(c->data);
    im->h = be32(c->data + 4);
    im->depth = c->data[8];
    im->colour = c->data[9];
    im->interlaced = c->data[12] == 1;
    if (im->w == 0 || im->h == 0 || !is_depth_allowed(im->colour, im->depth) || c->data[10] != 0 ||
        c->data[11] != 0 || c->data[12] > 1) {
        return corrupt(e, which, "header");
    }
    im->has_alpha = im->colour == VIS_GREY_ALPHA || im->colour == VIS_RGBA;
    vis_layout(im);
    return vis_check_size(im->w, im->h, options, which, e);
}

/* The header alone, as far as it says what the limits ask. */
static enum rc
open_file(struct reader *r, struct vis_image *im, struct str bytes,
          const struct visual_options *options, int which, struct visual_error *e)
{
    struct chunk c;

    *r = (struct reader){(const uint8_t *)bytes.p, bytes.n, SIGNATURE_LEN};
    enum rc rc = next_chunk(r, &c, which, e);
    return rc != RC_OK ? rc : read_header(im, &c, options, which, e);
}

enum rc
vis_png_probe(struct str bytes, const struct visual_options *options, int which,
              struct visual_info *out, struct visual_error *e)
{
    struct vis_image im = {0};
    struct reader r;
    enum rc rc = open_file(&r, &im, bytes, options, which, e);

    if (rc == RC_OK) {
        *out = (struct visual_info){VISUAL_PNG, im.w, im.h, im.depth, im.has_alpha, im.interlaced};
    }
    return rc;
}

/* --- chunks before the pixels */

static enum rc
read_palette(struct vis_image *im, const struct chunk *c, int which, struct visual_error *e)
{
    if (c->n == 0 || c->n % 3 != 0 || c->n > 768 || im->palette_count > 0) {
        return corrupt(e, which, "palette");
    }
    if (im->colour != VIS_PALETTE) {
        return RC_OK; /* a suggestion for screens of few colours */
    }
    if (c->n / 3 > UINT32_C(1) << im->depth) {
        return corrupt(e, which, "palette");
    }
    im->palette_count = c->n / 3;
    for (uint32_t i = 0; i < im->palette_count; i++) {
        const uint8_t *p = c->data + (size_t)i * 3;
        im->palette[i] = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | UINT32_C(0xff) << 24;
    }
    return RC_OK;
}

static enum rc
read_palette_alpha(struct vis_image *im, const struct chunk *c, int which, struct visual_error *e)
{
    if (c->n > im->palette_count) {
        return corrupt(e, which, "transparency");
    }
    for (uint32_t i = 0; i < c->n; i++) {
        uint8_t rgba[4];
        memcpy(rgba, &im->palette[i], 4);
        rgba[3] = c->data[i];
        im->palette[i] = vis_draw(rgba[0], rgba[1], rgba[2], rgba[3]);
        im->has_alpha = im->has_alpha || c->data[i] != 255;
    }
    return RC_OK;
}

static enum rc
read_transparency(struct vis_image *im, const struct chunk *c, int which, struct visual_error *e)
{
    uint32_t want = im->colour == VIS_GREY ? 2 : im->colour == VIS_RGB ? 6 : 0;

    if (im->colour == VIS_PALETTE) {
        return read_palette_alpha(im, c, which, e);
    }
    if (want == 0 || c->n != want) {
        return corrupt(e, which, "transparency");
    }
    for (uint32_t i = 0; i < want / 2; i++) {
        im->key[i] = (uint16_t)(c->data[2 * i] << 8 | c->data[2 * i + 1]);
    }
    im->has_key = true;
    im->has_alpha = true;
    return RC_OK;
}

static enum rc
read_ancillary(struct vis_image *im, const struct chunk *c, int which, struct visual_error *e)
{
    if (memcmp(c->type, "PLTE", 4) == 0) {
        return read_palette(im, c, which, e);
    }
    if (memcmp(c->type, "tRNS", 4) == 0) {
        return read_transparency(im, c, which, e);
    }
    if ((c->type[0] & 0x20) == 0) {
        return corrupt(e, which, "unknown critical chunk");
    }
    return RC_OK;
}

/* --- the pixels */

/* Bytes of the inflated stream of a picture of w x h with the image's depth; 0 when empty. */
static size_t
pass_bytes(const struct vis_image *im, uint32_t w, uint32_t h)
{
    struct vis_image pass = {.w = w, .depth = im->depth, .colour = im->colour};

    if (w == 0 || h == 0) {
        return 0;
    }
    vis_layout(&pass);
    return pass.stride * h;
}

static const uint8_t pass_x0[7] = {0, 4, 0, 2, 0, 1, 0}, pass_y0[7] = {0, 0, 4, 0, 2, 0, 1};
static const uint8_t pass_dx[7] = {8, 8, 4, 4, 2, 2, 1}, pass_dy[7] = {8, 8, 8, 4, 4, 2, 2};

static uint32_t
pass_side(uint32_t side, uint8_t from, uint8_t step)
{
    return side <= from ? 0 : (side - from + step - 1) / step;
}

static size_t
inflated_bytes(const struct vis_image *im)
{
    size_t n = 0;

    if (!im->interlaced) {
        return pass_bytes(im, im->w, im->h);
    }
    for (int i = 0; i < 7; i++) {
        n += pass_bytes(im, pass_side(im->w, pass_x0[i], pass_dx[i]),
                        pass_side(im->h, pass_y0[i], pass_dy[i]));
    }
    return n;
}

size_t
vis_png_space(struct str bytes, const struct visual_options *options)
{
    struct vis_image im = {0};
    struct visual_error ignored;
    struct reader r;

    return vis_is_png(bytes) && open_file(&r, &im, bytes, options, 0, &ignored) == RC_OK &&
                   !im.interlaced
               ? inflated_bytes(&im)
               : 0;
}

/* All IDAT chunks behind each other, the first one being `c`. The rest of the file is read to its
 * end, so that a truncated one is found. */
static enum rc
join_stream(struct vis_image *im, struct reader *r, struct chunk c, struct str *out, int which,
            struct visual_error *e)
{
    size_t n = 0;
    bool ended = false; /* behind the last IDAT */

    if (!vis_buf_need_filled(&im->stream_buf, r->n - r->at + c.n)) {
        return vis_refuse(e, which, "NO_MEMORY", "not enough memory");
    }
    while (memcmp(c.type, "IEND", 4) != 0) {
        if (memcmp(c.type, "IDAT", 4) == 0) {
            if (ended) {
                return corrupt(e, which, "order of chunks");
            }
            memcpy(im->stream_buf.p + n, c.data, c.n);
            n += c.n;
        } else {
            ended = true;
            if ((c.type[0] & 0x20) == 0) {
                return corrupt(e, which, "order of chunks");
            }
        }
        enum rc rc = next_chunk(r, &c, which, e);
        if (rc != RC_OK) {
            return rc;
        }
    }
    *out = str_n((const char *)im->stream_buf.p, n);
    return RC_OK;
}

void
vis_png_prepare(struct vis_image *im)
{
    im->inflater = im->inflater == NULL ? libdeflate_alloc_decompressor() : im->inflater;
}

static enum rc
inflate_to(struct vis_image *im, uint8_t *to, size_t n, struct str stream, int which,
           struct visual_error *e)
{
    const uint8_t *s = (const uint8_t *)stream.p;

    if ((s[0] & 0x0f) != 8 || s[0] >> 4 > 7 || (s[1] & 0x20) != 0 ||
        ((unsigned)s[0] << 8 | s[1]) % 31 != 0) {
        return corrupt(e, which, "compressed data");
    }
    vis_png_prepare(im);
    if (im->inflater == NULL) {
        return vis_refuse(e, which, "NO_MEMORY", "not enough memory");
    }
    enum libdeflate_result res =
        libdeflate_deflate_decompress(im->inflater, s + 2, stream.n - 6, to, n, NULL);
    if (res == LIBDEFLATE_SUCCESS) {
        return RC_OK;
    }
    return corrupt(e, which,
                   res == LIBDEFLATE_SHORT_OUTPUT         ? "fewer pixels than the header says"
                   : res == LIBDEFLATE_INSUFFICIENT_SPACE ? "more pixels than the header says"
                                                          : "compressed data");
}

static enum rc
check_filters(const uint8_t *raw, size_t stride, uint32_t h, int which, struct visual_error *e)
{
    uint8_t worst = 0;

    for (uint32_t y = 0; y < h; y++) {
        worst = raw[y * stride] > worst ? raw[y * stride] : worst;
    }
    return worst > 4 ? corrupt(e, which, "filter") : RC_OK;
}

/* One pass of an interlaced picture: unfilters, then puts its pixels where they belong. */
static enum rc
place_pass(struct vis_image *out, struct vis_image *pass, int i, uint32_t *line, int which,
           struct visual_error *e)
{
    const struct vis_ops *ops = vis_ops_get(false);
    enum rc rc = check_filters(pass->raw, pass->stride, pass->h, which, e);

    if (rc != RC_OK) {
        return rc;
    }
    for (uint32_t y = 0; y < pass->h; y++) {
        uint8_t *row = vis_row(pass, y);
        vis_unfilter_row(pass, ops, row, y == 0 ? NULL : vis_row(pass, y - 1), row[-1]);
        vis_expand(line, pass, row, ops);
        uint8_t *to = vis_row(out, y * pass_dy[i] + pass_y0[i]) + (size_t)pass_x0[i] * 4;
        for (uint32_t x = 0; x < pass->w; x++) {
            memcpy(to + (size_t)x * pass_dx[i] * 4, &line[x], 4);
        }
    }
    return RC_OK;
}

/* Puts the passes at `inflated` together; the result is one of drawn pixels. */
static enum rc
deinterlace(struct vis_image *im, uint8_t *inflated, int which, struct visual_error *e)
{
    struct vis_image pass = *im;
    struct vis_buf line = {NULL, 0, false};
    enum rc rc = RC_OK;

    im->colour = VIS_DRAWN;
    im->depth = 8;
    vis_layout(im);
    if (!vis_buf_need_filled(&im->raw_buf, im->stride * im->h) ||
        !vis_buf_need(&line, (size_t)im->w * 4 + 64)) {
        vis_buf_free(&line);
        return vis_refuse(e, which, "NO_MEMORY", "not enough memory");
    }
    im->raw = im->raw_buf.p;
    memset(im->ready, 1, im->h);
    for (int i = 0; i < 7 && rc == RC_OK; i++) {
        pass.w = pass_side(im->w, pass_x0[i], pass_dx[i]);
        pass.h = pass_side(im->h, pass_y0[i], pass_dy[i]);
        if (pass.w > 0 && pass.h > 0) {
            vis_layout(&pass);
            pass.raw = inflated;
            inflated += pass.stride * pass.h;
            rc = place_pass(im, &pass, i, (uint32_t *)(void *)line.p, which, e);
        }
    }
    vis_buf_free(&line);
    return rc;
}

/* Where the `n` bytes of the passes or rows go. NULL: no memory. */
static uint8_t *
take_space(struct vis_image *im, size_t n)
{
    struct vis_buf *own = im->interlaced ? &im->pass_buf : &im->raw_buf;

    if (!im->interlaced && n <= im->lent_bytes) {
        return im->lent;
    }
    return vis_buf_need_filled(own, n) ? own->p : NULL;
}

/* A long stream is given back at once: it would stand beside the pixels to the end. */
#define STREAM_KEPT_MAX ((size_t)256 << 10)

static void
drop_stream(struct vis_image *im)
{
    if (!im->stream_buf.lent && im->stream_buf.cap > STREAM_KEPT_MAX) {
        vis_buf_free(&im->stream_buf);
    }
}

static enum rc
inflate_image(struct vis_image *im, struct str stream, int which, struct visual_error *e)
{
    size_t n = inflated_bytes(im);

    if (stream.n < 7 || n / DEFLATE_RATIO_MAX > stream.n) {
        return corrupt(e, which, "fewer pixels than the header says");
    }
    uint8_t *to = take_space(im, n);
    if (to == NULL || !vis_buf_need(&im->ready_buf, im->h)) {
        return vis_refuse(e, which, "NO_MEMORY", "not enough memory");
    }
    im->ready = im->ready_buf.p;
    enum rc rc = inflate_to(im, to, n, stream, which, e);
    drop_stream(im);
    if (rc != RC_OK) {
        return rc;
    }
    if (im->interlaced) {
        rc = deinterlace(im, to, which, e);
        vis_buf_free(&im->pass_buf);
        return rc;
    }
    im->raw = to;
    memset(im->ready, 0, im->h);
    return check_filters(im->raw, im->stride, im->h, which, e);
}

enum rc
vis_png_decode(struct vis_image *im, struct str bytes, const struct visual_options *options,
               int which, struct visual_error *e)
{
    struct reader r;
    struct chunk c;
    struct str stream = STR_EMPTY;
    enum rc rc = open_file(&r, im, bytes, options, which, e);

    while (rc == RC_OK && (rc = next_chunk(&r, &c, which, e)) == RC_OK &&
           memcmp(c.type, "IDAT", 4) != 0) {
        if (memcmp(c.type, "IEND", 4) == 0) {
            return corrupt(e, which, "no pixels");
        }
        rc = read_ancillary(im, &c, which, e);
    }
    if (rc == RC_OK && im->colour == VIS_PALETTE && im->palette_count == 0) {
        return corrupt(e, which, "no palette");
    }
    if (rc == RC_OK) {
        rc = join_stream(im, &r, c, &stream, which, e);
    }
    return rc == RC_OK ? inflate_image(im, stream, which, e) : rc;
}
