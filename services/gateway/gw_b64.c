/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw_b64.h"

#include "sec/hash.h"

/* A piece's bytes are gone when the sink has them; the arena of the request would keep them all. */
static enum rc
decode_all(struct ctx *ctx, struct arena *scratch, struct str text, size_t piece,
           const struct gw_b64_sink *sink)
{
    enum rc rc = RC_OK;

    for (size_t at = 0; rc == RC_OK && at < text.n; at += piece) {
        struct str part = str_sub(text, at, piece < text.n - at ? at + piece : text.n);
        struct str bytes;
        bool ends_early = part.p[part.n - 1] == '=' && at + part.n < text.n;
        arena_reset(scratch);
        rc = ends_early ? RC_INVALID_ARGUMENT : hash_b64_decode(scratch, part, &bytes);
        rc = rc == RC_OK ? sink->write(sink->arg, ctx, bytes) : rc;
    }
    return rc;
}

enum rc
gw_b64_decode(struct ctx *ctx, struct str text, size_t piece, const struct gw_b64_sink *sink)
{
    ASSERT(piece > 0 && piece % 4 == 0);
    struct arena *scratch = arena_new(piece + 64);

    if (scratch == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    enum rc rc = decode_all(ctx, scratch, text, piece, sink);
    arena_free(scratch);
    return rc;
}
