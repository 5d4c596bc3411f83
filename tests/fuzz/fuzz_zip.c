/* SPDX-License-Identifier: Apache-2.0
 *
 * ZIP archives from outside. What must hold of one that opens: within the limits, by path, each
 * path once and inside; and a file never writes more than it says. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "tests/preview/zip.h"

#define ARENA_MAX ((size_t)1 << 20)

static const struct zip_limits LIMITS = {.entries_max = 64, .file_max = 70000, .total_max = 200000};

static void
check_path(struct str path)
{
    ASSERT(path.n > 0 && path.n <= ZIP_PATH_MAX && str_is_utf8(path) && path.p[0] != '/');
    for (struct str rest = path; rest.p != NULL;) {
        struct str segment = str_split(&rest, '/');
        ASSERT(segment.n > 0 && !str_eqz(segment, "..") && !str_eqz(segment, "."));
    }
}

static void
check_file(struct ctx *ctx, const struct zip *zip, size_t i)
{
    const struct zip_file *f = &zip->files[i];

    check_path(f->path);
    ASSERT(f->size <= LIMITS.file_max);
    ASSERT(i == 0 || str_cmp(zip->files[i - 1].path, f->path) < 0);
    /* Of its exact size, so that a sanitizer sees a byte too much. */
    char *to = malloc(f->size + (f->size == 0));
    ASSERT(to != NULL);
    if (zip_read(ctx, zip, f, to) != RC_OK) {
        ASSERT(ctx->err.code == RC_INVALID_ARGUMENT);
        ctx_recover(ctx);
    }
    free(to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    struct ctx ctx;
    struct zip zip;

    if (arena == NULL) {
        arena = arena_new(ARENA_MAX);
    }
    char *copy = malloc(size + (size == 0));
    ASSERT(arena != NULL && copy != NULL);
    memcpy(copy, data, size);
    arena_reset(arena);
    ctx_init(&ctx, arena);
    if (zip_open(&ctx, str_n(copy, size), &LIMITS, &zip) == RC_OK) {
        uint64_t total = 0;
        ASSERT(zip.count <= LIMITS.entries_max);
        for (size_t i = 0; i < zip.count; i++) {
            check_file(&ctx, &zip, i);
            total += zip.files[i].size;
        }
        ASSERT(total == zip.total && total <= LIMITS.total_max);
    } else {
        ASSERT(ctx.err.code == RC_INVALID_ARGUMENT || ctx.err.code == RC_RESOURCE_EXHAUSTED);
    }
    arena_reset(arena);
    free(copy);
    return 0;
}
