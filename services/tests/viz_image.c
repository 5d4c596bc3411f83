/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploaded pictures: checked by decoding all of them, stored once per content. */
#include <pthread.h>
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
static enum rc
check_one(struct tests *t, struct ctx *ctx, const char *what, struct viz_image *image)
{
    struct str bytes;

    enum rc rc = blob_get(viz_blobs(t->viz), ctx, str_z(image->blob->key), (size_t)VISUAL_BYTES_MAX,
                          &bytes);
    if (rc == RC_OK) {
        return hash_pixels(t, ctx, what, bytes, image);
    }
    ctx_recover(ctx);
    return rc == RC_RESOURCE_EXHAUSTED
               ? fail(ctx, RC_INVALID_ARGUMENT, "INVALID_IMAGE", "%s is larger than %llu bytes",
                      what, (unsigned long long)VISUAL_BYTES_MAX)
               : fail(ctx, rc == RC_NOT_FOUND ? RC_UNAVAILABLE : rc, "BLOB_STORE",
                      "the store did not keep the picture, try again");
}

/* --- several at once ----------------------------------------------------------------------- */

#define HELPERS_MAX 3

/* Pictures that are checked by the caller and its helpers, each taking the next one. */
struct checking {
    struct tests *t;
    struct ctx *ctx; /* the caller's; helpers only read its deadline */
    const char *member;
    struct viz_image *images;
    size_t count;
    pthread_mutex_t lock;
    size_t next;
    size_t failed; /* the lowest that was refused; count: none */
};

/* The next picture of the list; `count` when there is none, or one was refused. */
static size_t
next_of(struct checking *c)
{
    (void)pthread_mutex_lock(&c->lock);
    size_t i = c->failed < c->count ? c->count : c->next;
    c->next += i < c->count;
    (void)pthread_mutex_unlock(&c->lock);
    return i;
}

static struct str
name_of(struct arena *arena, const struct checking *c, size_t i)
{
    const char *file = c->images[i].blob->file_name;

    return file == NULL ? str_z(c->member) : arena_printf(arena, "%s %s", c->member, file);
}

/* The first failure of the list is the one told, whoever came upon it. */
static void
tell_failure(struct checking *c, size_t i, const struct err *err)
{
    (void)pthread_mutex_lock(&c->lock);
    if (i < c->failed) {
        c->failed = i;
        c->ctx->err = *err;
        c->ctx->err.msg = arena_str(c->ctx->arena, err->msg);
        c->ctx->err.detail = arena_str(c->ctx->arena, err->detail);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static void *
check_some(void *arg)
{
    struct checking *c = arg;
    struct arena *arena = arena_new((size_t)VISUAL_BYTES_MAX + ((size_t)1 << 20));
    struct ctx own;

    for (size_t i = 0; (i = next_of(c)) < c->count;) {
        if (arena == NULL) {
            struct err err = {.code = RC_RESOURCE_EXHAUSTED,
                              .reason = "OVERLOADED",
                              .msg = STR("out of memory")};
            tell_failure(c, i, &err);
            break;
        }
        arena_reset(arena);
        ctx_init(&own, arena);
        own.deadline_us = c->ctx->deadline_us;
        struct str what = name_of(arena, c, i);
        if (check_one(c->t, &own, pb_strz(arena, what), &c->images[i]) != RC_OK) {
            tell_failure(c, i, &own.err);
        }
    }
    arena_free(arena);
    return NULL;
}

enum rc
viz_images_check(struct tests *t, struct ctx *ctx, const char *member, struct viz_image *images,
                 size_t count)
{
    struct checking c = {.t = t,
                         .ctx = ctx,
                         .member = member,
                         .images = images,
                         .count = count,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .failed = count};
    pthread_t helpers[HELPERS_MAX];
    size_t n = 0;

    while (n < HELPERS_MAX && n + 1 < count && (int64_t)n + 1 < t->cfg->compare_threads &&
           pthread_create(&helpers[n], NULL, check_some, &c) == 0) {
        n++;
    }
    (void)check_some(&c);
    for (size_t i = 0; i < n; i++) {
        (void)pthread_join(helpers[i], NULL);
    }
    (void)pthread_mutex_destroy(&c.lock);
    return c.failed < count ? ctx->err.code : RC_OK;
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
