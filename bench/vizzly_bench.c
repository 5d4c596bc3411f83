/* SPDX-License-Identifier: Apache-2.0
 *
 * What screenshots cost without a server around them: decoding each, and comparing each with its
 * baseline, on one thread. Usage: vizzly_bench DIR, with base-N.png and current-N.png. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clk.h"
#include "tests/visual/visual.h"

#define FILE_MAX ((size_t)8 * 1024 * 1024)

static char base[FILE_MAX];
static char current[FILE_MAX];

static struct str
load(const char *dir, const char *kind, int n, char to[FILE_MAX])
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s-%d.png", dir, kind, n);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return STR_EMPTY;
    }
    size_t size = fread(to, 1, FILE_MAX, f);
    (void)fclose(f);
    return str_n(to, size);
}

static void
report(const char *name, int n, int64_t us)
{
    printf("BENCH vizzly_%s_per_s %.1f images/s\n", name,
           us > 0 ? (double)n * 1e6 / (double)us : 0);
}

int
main(int argc, char **argv)
{
    struct visual *v = visual_new();
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;
    struct visual_result result;
    struct visual_info info;
    struct visual_error error;
    unsigned char hash[VISUAL_HASH_LEN];
    int64_t decode_us = 0;
    int64_t compare_us = 0;
    int n = 0;

    options.output = VISUAL_OUTPUT_PICTURE;
    for (struct str c; v != NULL && argc > 1 && (c = load(argv[1], "current", n, current)).n > 0;
         n++) {
        struct str b = load(argv[1], "base", n, base);
        int64_t start_us = clk_mono_us();
        if (visual_pixel_hash(v, c, &options, hash, &info, &error) != RC_OK) {
            (void)fprintf(stderr, "%s\n", error.text);
            return 1;
        }
        int64_t decoded_us = clk_mono_us();
        if (visual_compare(v, b, c, &options, &result, &error) != RC_OK ||
            result.diff_pixels == 0) {
            return 1;
        }
        compare_us += clk_mono_us() - decoded_us;
        decode_us += decoded_us - start_us;
    }
    visual_free(v);
    report("decode", n, decode_us);
    report("compare", n, compare_us);
    return n > 0 ? 0 : 1;
}
