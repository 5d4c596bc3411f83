/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest of pixels. In a file of its own: it alone needs lib/sec. */
#include <string.h>

#include "sec/hash.h"
#include "tests/visual/vis_cmp.h"

/* A row goes into the digest as what differs from the row above: a bit per block of pixels, then
 * the blocks whose bit is set. From the bits and the blocks the picture could be put together
 * again, so two pictures give the same bytes only when they are the same; and most of a page
 * repeats. */
#define BLOCK_PIXELS 16
#define BLOCK_BYTES ((size_t)BLOCK_PIXELS * 4)

/* Whether a whole block differs: in place, because a call for every block costs more than what it
 * compares. */
static bool
is_block_other(const uint8_t *p, const uint8_t *q)
{
    uint64_t a[BLOCK_BYTES / sizeof(uint64_t)];
    uint64_t b[BLOCK_BYTES / sizeof(uint64_t)];
    uint64_t other = 0;

    memcpy(a, p, sizeof(a));
    memcpy(b, q, sizeof(b));
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        other |= a[i] ^ b[i];
    }
    return other != 0;
}

/* Returns the bytes that it wrote. */
static size_t
pack_row(uint8_t *to, const uint32_t *row, const uint32_t *above, uint32_t w)
{
    size_t whole = (size_t)w / BLOCK_PIXELS;
    size_t rest = (size_t)w % BLOCK_PIXELS * 4;
    size_t n = (whole + (rest > 0 ? 1 : 0) + 7) / 8;

    memset(to, 0, n);
    for (size_t i = 0; i < whole; i++) {
        const uint8_t *p = (const uint8_t *)row + i * BLOCK_BYTES;
        if (is_block_other(p, (const uint8_t *)above + i * BLOCK_BYTES)) {
            to[i / 8] |= (uint8_t)(1 << i % 8);
            memcpy(to + n, p, BLOCK_BYTES);
            n += BLOCK_BYTES;
        }
    }
    const uint8_t *p = (const uint8_t *)row + whole * BLOCK_BYTES;
    if (rest > 0 && memcmp(p, (const uint8_t *)above + whole * BLOCK_BYTES, rest) != 0) {
        to[whole / 8] |= (uint8_t)(1 << whole % 8);
        memcpy(to + n, p, rest);
        n += rest;
    }
    return n;
}

/* The row above again. */
static size_t
pack_same(uint8_t *to, uint32_t w)
{
    size_t n = (((size_t)w + BLOCK_PIXELS - 1) / BLOCK_PIXELS + 7) / 8;

    memset(to, 0, n);
    return n;
}

/* Whether row y is the one above, as far as both are stored alike. */
static bool
is_row_above(const struct vis_image *im, uint32_t y)
{
    return y > 0 && memcmp(vis_row(im, y - 1), vis_row(im, y), im->row_bytes) == 0;
}

static void
add_rows(struct hash_stream *h, struct visual *v, struct vis_image *im)
{
    size_t line = (size_t)im->w + 16;
    uint32_t *above = (uint32_t *)(void *)v->ring_buf.p;
    uint32_t *row = above + line;
    uint8_t *packed = (uint8_t *)(row + line);

    memset(above, 0, line * 4);
    for (uint32_t y = 0; y < im->h; y++) {
        vis_ready(im, v->ops, y);
        if (is_row_above(im, y)) {
            hash_stream_add(h, str_n((const char *)packed, pack_same(packed, im->w)));
            continue;
        }
        vis_expand(row, im, vis_row(im, y), v->ops);
        size_t n = pack_row(packed, row, above, im->w);
        hash_stream_add(h, str_n((const char *)packed, n));
        uint32_t *drawn = row;
        row = above;
        above = drawn;
    }
}

static enum rc
hash_rows(struct visual *v, struct vis_image *im, unsigned char out[VISUAL_HASH_LEN],
          struct visual_error *e)
{
    struct hash_stream *h = hash_stream_new();
    uint32_t size[2] = {im->w, im->h};

    /* Two drawn rows, and one packed: at most its pixels and a bit for sixteen of them. */
    if (h == NULL || !vis_buf_need(&v->ring_buf, ((size_t)im->w + 16) * 4 * 3 + im->w / 8 + 64)) {
        hash_stream_free(h);
        return vis_refuse(e, 0, "NO_MEMORY", "not enough memory");
    }
    hash_stream_add(h, str_n((const char *)size, sizeof(size)));
    add_rows(h, v, im);
    hash_stream_end(h, out);
    return RC_OK;
}

enum rc
visual_pixel_hash(struct visual *v, struct str bytes, const struct visual_options *options,
                  unsigned char out_hash[VISUAL_HASH_LEN], struct visual_info *out_info,
                  struct visual_error *out_error)
{
    struct visual_info info = {0};
    enum rc rc = visual_probe(bytes, options, &info, out_error);

    v->ops = vis_ops_get(options->plain);
    rc = rc == RC_OK ? vis_decode(&v->image[0], bytes, options, 0, out_error) : rc;
    rc = rc == RC_OK ? hash_rows(v, &v->image[0], out_hash, out_error) : rc;
    if (rc == RC_OK) {
        *out_info = info;
    }
    return rc;
}
