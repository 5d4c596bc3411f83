/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures from outside. The checksums of chunks are put right first, else hardly an input would
 * get past them. What decodes has the size its head says, within the limits; it reads as the same
 * pixels by the vector unit and without, and is the same as itself. */
#include "tests/fuzz/fuzz.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "tests/visual/visual.h"

#define PIXELS_MAX 100000

static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
mend_checksums(uint8_t *p, size_t n)
{
    for (size_t at = 8; n >= 12 && at <= n - 12;) {
        size_t length = be32(p + at);
        if (length > n - at - 12) {
            return;
        }
        uint32_t crc = libdeflate_crc32(0, p + at + 4, length + 4);
        for (int i = 0; i < 4; i++) {
            p[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        }
        at += length + 12;
    }
}

static void
check(struct visual *v, struct str bytes)
{
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;
    struct visual_info info;
    struct visual_error error = {.reason = NULL};
    unsigned char hash[2][VISUAL_HASH_LEN];

    options.pixels_max = PIXELS_MAX;
    if (visual_pixel_hash(v, bytes, &options, hash[0], &info, &error) != RC_OK) {
        ASSERT(error.reason != NULL && error.text[0] != 0);
        return;
    }
    ASSERT((uint64_t)info.width * info.height <= PIXELS_MAX && info.width > 0 && info.height > 0);
    options.plain = true;
    ASSERT(visual_pixel_hash(v, bytes, &options, hash[1], &info, &error) == RC_OK);
    ASSERT(memcmp(hash[0], hash[1], VISUAL_HASH_LEN) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    struct visual *v = visual_new();

    ASSERT(copy != NULL && v != NULL);
    memcpy(copy, data, size);
    check(v, str_n((const char *)copy, size));
    mend_checksums(copy, size);
    check(v, str_n((const char *)copy, size));
    visual_free(v);
    free(copy);
    return 0;
}
