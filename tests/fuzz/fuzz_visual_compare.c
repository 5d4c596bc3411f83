/* SPDX-License-Identifier: Apache-2.0
 *
 * Two small pictures made from the input. Every differing pixel is counted once; the vector unit
 * and the plain path agree on everything, the written picture included; compared with itself a
 * picture is the same. */
#include "tests/fuzz/fuzz.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "tests/visual/visual.h"

#define SIDE_MAX 64
#define FILE_MAX 32768

struct input {
    const uint8_t *p;
    size_t n;
};

static uint8_t
take(struct input *in)
{
    if (in->n == 0) {
        return 0;
    }
    in->n--;
    return *in->p++;
}

static size_t
put_chunk(uint8_t *to, const char *type, const uint8_t *data, size_t n)
{
    uint8_t head[8] = {0, 0, (uint8_t)(n >> 8), (uint8_t)n};

    memcpy(head + 4, type, 4);
    memcpy(to, head, 8);
    memcpy(to + 8, data, n);
    uint32_t crc = libdeflate_crc32(0, to + 4, n + 4);
    for (int i = 0; i < 4; i++) {
        to[8 + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    return n + 12;
}

/* A picture of w x h with 3 or 4 bytes a pixel: rows repeat, with bytes of the input strewn in. */
static struct str
make_png(struct input *in, uint8_t w, uint8_t h, uint8_t bpp, uint8_t *file)
{
    static uint8_t raw[SIDE_MAX * (SIDE_MAX * 4 + 1)], packed[FILE_MAX];
    size_t stride = (size_t)w * bpp + 1;
    uint8_t header[13] = {0, 0, 0, w, 0, 0, 0, h, 8, bpp == 3 ? 2 : 6};
    size_t n = 8;

    for (size_t i = 0; i < stride * h; i++) {
        raw[i] = i % stride == 0 ? take(in) % 5 : i % 11 == 0 ? take(in) : 0;
    }
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(1);
    ASSERT(c != NULL);
    size_t z = libdeflate_zlib_compress(c, raw, stride * h, packed, sizeof(packed));
    libdeflate_free_compressor(c);
    ASSERT(z > 0);
    memcpy(file, "\x89PNG\r\n\x1a\n", 8);
    n += put_chunk(file + n, "IHDR", header, sizeof(header));
    n += put_chunk(file + n, "IDAT", packed, z);
    n += put_chunk(file + n, "IEND", packed, 0);
    return str_n((const char *)file, n);
}

static void
check_sums(const struct visual_result *r)
{
    ASSERT(r->diff_pixels + r->aa_pixels + r->noise_pixels + r->ignored_pixels <=
           2 * r->canvas_pixels);
    ASSERT(r->ssim_picture >= -1 && r->ssim_picture <= 1);
    ASSERT((r->verdict == VISUAL_DIFFERENT || r->verdict == VISUAL_SHIFTED) ==
           (r->diff_pixels > 0));
    for (size_t i = 0; i < r->region_count; i++) {
        const struct visual_region *g = &r->regions[i];
        ASSERT(g->box.x >= 0 && g->box.y >= 0 && g->box.w > 0 && g->box.h > 0);
        ASSERT(g->pixels <= (uint64_t)g->box.w * (uint64_t)g->box.h);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t files[2][FILE_MAX];
    struct input in = {data, size};
    struct visual *v[2] = {visual_new(), visual_new()};
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;
    struct visual_rect rect = {(int8_t)take(&in), (int8_t)take(&in), take(&in) % 64,
                               take(&in) % 64};
    struct visual_result r[2];
    struct visual_error e;
    struct str png[2];
    uint8_t how = take(&in);

    ASSERT(v[0] != NULL && v[1] != NULL);
    options.ignore = &rect;
    options.dynamic = &rect;
    options.ignore_count = how & 1;
    options.dynamic_count = how >> 1 & 1;
    options.output = how & 4 ? VISUAL_OUTPUT_PICTURE : VISUAL_OUTPUT_MASK;
    options.threshold = how & 8 ? 0 : 2;
    options.cluster_min = 1 + (how >> 4 & 3);
    for (int i = 0; i < 2; i++) {
        uint8_t side = take(&in);
        uint8_t bpp = take(&in) & 1 ? 4 : 3;
        png[i] = make_png(&in, 1 + side % SIDE_MAX, 1 + take(&in) % SIDE_MAX, bpp, files[i]);
    }
    for (int i = 0; i < 2; i++) {
        options.plain = i == 1;
        ASSERT(visual_compare(v[i], png[0], png[1], &options, &r[i], &e) == RC_OK);
        check_sums(&r[i]);
    }
    ASSERT(r[0].verdict == r[1].verdict && r[0].diff_pixels == r[1].diff_pixels &&
           r[0].aa_pixels == r[1].aa_pixels && r[0].region_count == r[1].region_count);
    ASSERT(str_eq(r[0].picture, r[1].picture));
    ASSERT(visual_compare(v[0], png[0], png[0], &options, &r[0], &e) == RC_OK);
    ASSERT(r[0].verdict == VISUAL_SAME);
    visual_free(v[0]);
    visual_free(v[1]);
    return 0;
}
