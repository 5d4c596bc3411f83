/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as base64 text. What must hold: the verdict and the bytes do not depend on how the text is
 * cut, and what is accepted is exactly what encoding those bytes gives. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/gw_b64.h"
#include "sec/hash.h"

#define BYTES_MAX ((size_t)4 * 1024 * 1024)

static enum rc
take(void *arg, struct ctx *ctx, struct str bytes)
{
    (void)ctx;
    ASSERT(bytes.n > 0);
    buf_put(arg, bytes);
    return RC_OK;
}

static enum rc
run(struct str text, size_t piece, struct buf *out)
{
    static struct arena *arena;
    struct gw_b64_sink sink = {take, out};
    struct ctx ctx;

    if (arena == NULL) {
        arena = arena_new(BYTES_MAX);
    }
    arena_reset(arena);
    ctx_init(&ctx, arena);
    return gw_b64_decode(&ctx, text, piece, &sink);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole;
    struct buf cut;
    struct buf again;

    if (size == 0) {
        return 0;
    }
    /* A copy of its exact size, so that a sanitizer sees a read past the end. */
    char *copy = malloc(size);
    ASSERT(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    struct str text = str_n(copy, size - 1);
    buf_init(&whole, BYTES_MAX);
    buf_init(&cut, BYTES_MAX);
    buf_init(&again, BYTES_MAX);
    enum rc rc = run(text, (size + 3) / 4 * 4, &whole);
    ASSERT(run(text, 4 * ((size_t)data[0] % 16 + 1), &cut) == rc);
    if (rc == RC_OK) {
        ASSERT(str_eq(buf_str(&whole), buf_str(&cut)));
        hash_put_b64(&again, buf_str(&whole));
        ASSERT(str_eq(buf_str(&again), text));
    }
    buf_fini(&again);
    buf_fini(&cut);
    buf_fini(&whole);
    free(copy);
    return 0;
}
