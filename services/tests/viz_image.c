/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploaded pictures: checked by decoding all of them, stored once per content. */
#include <string.h>

#include "base/id.h"
#include "tests/viz.h"
#include "tests_sql.h"

/* The engine's sentences begin in lower case and say what is wrong with the picture. */
static enum rc
refuse(struct ctx *ctx, const char *what, const struct visual_error *error)
{
    return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_IMAGE",
                "%s is not an image that can be used: %s", what, error->text);
}

static enum rc
hash_pixels(struct tests *t, struct ctx *ctx, const char *what, struct str bytes,
            struct viz_image *image)
{
    struct visual *engine = viz_engine_take(t->viz);
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;
    struct visual_error error;
    unsigned char hash[VISUAL_HASH_LEN];

    if (engine == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "OVERLOADED", "out of memory");
    }
    enum rc rc = visual_pixel_hash(engine, bytes, &options, hash, &image->info, &error);
    viz_engine_give(t->viz, engine);
    if (rc != RC_OK && strcmp(error.reason, "NO_MEMORY") == 0) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "OVERLOADED", "out of memory");
    }
    if (rc != RC_OK) {
        return refuse(ctx, what, &error);
    }
    id_hex(hash, sizeof(hash), image->pixels);
    return RC_OK;
}

/* The bytes live as long as the check, not as long as the request: a batch has many. */
enum rc
viz_image_check(struct tests *t, struct ctx *ctx, const char *what, struct viz_image *image)
{
    struct arena *arena = arena_new((size_t)VISUAL_BYTES_MAX + ((size_t)1 << 20));
    struct str bytes;
    struct ctx inner;

    if (arena == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "OVERLOADED", "out of memory");
    }
    ctx_init(&inner, arena);
    inner.deadline_us = ctx->deadline_us;
    enum rc rc = blob_get(viz_blobs(t->viz), &inner, str_z(image->blob->key),
                          (size_t)VISUAL_BYTES_MAX, &bytes);
    if (rc == RC_OK) {
        rc = hash_pixels(t, ctx, what, bytes, image);
    } else if (rc == RC_RESOURCE_EXHAUSTED) {
        rc = fail(ctx, RC_INVALID_ARGUMENT, "INVALID_IMAGE", "%s is larger than %llu bytes", what,
                  (unsigned long long)VISUAL_BYTES_MAX);
    } else {
        rc = fail(ctx, rc == RC_NOT_FOUND ? RC_UNAVAILABLE : rc, "BLOB_STORE",
                  "the store did not keep the picture, try again");
    }
    arena_free(arena);
    return rc;
}

void
viz_images_drop(struct tests *t, struct ctx *ctx, Assay__Blob *const *blobs, size_t count)
{
    const struct db_result *res = NULL;
    struct err stands = ctx->err;
    struct str *keys = ARENA_ARRAY(ctx->arena, count + 1, struct str);

    ctx_recover(ctx);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        keys[i] = str_z(blobs[i]->key);
    }
    enum rc rc = keys == NULL ? RC_RESOURCE_EXHAUSTED
                              : DB_QUERY(t->db, ctx, Q_VIZ_BLOBS_UNUSED, &res,
                                         DB_ARG_I64(ctx->who.org_id), DB_ARG_STRS(keys, count));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = blob_delete(viz_blobs(t->viz), ctx, db_str(res, i, 0));
    }
    ctx->err = stands; /* what is left costs room, no more */
}
