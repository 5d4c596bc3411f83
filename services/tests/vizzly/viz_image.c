/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploaded pictures: checked by decoding all of them, stored once per content. */
#include <pthread.h>
#include <string.h>

#include "base/id.h"
#include "tests/vizzly/viz.h"
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
        return fail_memory(ctx, "the request needs too much memory");
    }
    enum rc rc = visual_pixel_hash(engine, bytes, &options, hash, &image->info, &error);
    viz_engine_give(t->viz, engine);
    if (rc != RC_OK && strcmp(error.reason, "NO_MEMORY") == 0) {
        return fail_memory(ctx, "the request needs too much memory");
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

    enum rc rc =
        blob_get(viz_blobs(t->viz), ctx, str_z(image->blob->key), (size_t)VISUAL_BYTES_MAX, &bytes);
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

/* The next picture of the list that is not known; `count` when there is none, or one was refused.
 */
static size_t
next_of(struct checking *c)
{
    (void)pthread_mutex_lock(&c->lock);
    while (c->next < c->count && c->images[c->next].pixels[0] != '\0') {
        c->next++;
    }
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
        ctx_init(&own, arena);
        if (arena == NULL) {
            (void)fail_memory(&own, "");
            tell_failure(c, i, &own.err);
            break;
        }
        arena_reset(arena);
        own.deadline_us = c->ctx->deadline_us;
        struct str what = name_of(arena, c, i);
        if (check_one(c->t, &own, pb_strz(arena, what), &c->images[i]) != RC_OK) {
            tell_failure(c, i, &own.err);
        }
    }
    arena_free(arena);
    return NULL;
}

/* What is stored has been looked at before; its file may be gone meanwhile, because another with
 * the same pixels is kept. */
static enum rc
recall(struct tests *t, struct ctx *ctx, struct viz_image *images, size_t count)
{
    const struct db_result *res = NULL;
    struct str *shas = ARENA_ARRAY(ctx->arena, count + 1, struct str);

    if (shas == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < count; i++) {
        shas[i] = images[i].sha256;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_IMAGES_KNOWN, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STRS(shas, count));
    for (int k = 0; rc == RC_OK && k < db_rows(res); k++) {
        struct str pixels = db_str(res, k, 1);
        for (size_t i = 0; i < count; i++) {
            if (!str_eq(images[i].sha256, db_str(res, k, 0)) ||
                pixels.n >= sizeof(images[i].pixels)) {
                continue;
            }
            memcpy(images[i].pixels, pixels.p, pixels.n);
            images[i].pixels[pixels.n] = '\0';
            images[i].info.width = (uint32_t)db_i64(res, k, 2);
            images[i].info.height = (uint32_t)db_i64(res, k, 3);
            images[i].info.format =
                str_eqz(db_str(res, k, 4), "image/png") ? VISUAL_PNG : VISUAL_JPEG;
        }
    }
    return rc;
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

    enum rc rc = recall(t, ctx, images, count);
    if (rc != RC_OK) {
        return rc;
    }
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

/* --- what nobody needs --------------------------------------------------------------------- */

/* Of the uploads `keys` those that no picture is made of are removed; what somebody else looks at
 * is left for later where `later` is asked for, which needs a transaction that will be kept. */
static enum rc
drop_unused(struct tests *t, struct ctx *ctx, const struct str *keys, size_t count, bool later)
{
    const struct db_result *res = NULL;
    struct str *held = ARENA_ARRAY(ctx->arena, count + 1, struct str);
    size_t n = 0;

    if (held == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_BLOBS_UNUSED, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STRS(keys, count));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        if (db_bool(res, i, 1)) {
            rc = blob_delete(viz_blobs(t->viz), ctx, db_str(res, i, 0));
        } else {
            held[n++] = db_str(res, i, 0);
        }
    }
    return rc == RC_OK && later && n > 0
               ? DB_QUERY(t->db, ctx, Q_VIZ_SPARE_ADD, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STRS(held, n))
               : rc;
}

enum rc
viz_images_spare(struct tests *t, struct ctx *ctx, const struct viz_shot *shots, size_t count)
{
    struct str *keys = ARENA_ARRAY(ctx->arena, count + 1, struct str);
    size_t n = 0;

    for (size_t i = 0; keys != NULL && i < count; i++) {
        if (shots[i].image != NULL) {
            keys[n++] = str_z(shots[i].image->blob->key);
        }
    }
    return keys == NULL ? fail_memory(ctx, "too many screenshots")
                        : drop_unused(t, ctx, keys, n, true);
}

void
viz_images_drop(struct tests *t, struct ctx *ctx, Assay__Blob *const *blobs, size_t count)
{
    struct err stands = ctx->err;
    struct str *keys = ARENA_ARRAY(ctx->arena, count + 1, struct str);

    ctx_recover(ctx);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        keys[i] = str_z(blobs[i]->key);
    }
    if (keys != NULL && drop_unused(t, ctx, keys, count, false) != RC_OK) {
        ctx_recover(ctx); /* what is left costs room, no more */
    }
    ctx->err = stands;
}

enum rc
viz_spare_remove(struct tests *t, struct ctx *ctx)
{
    const struct db_result *res = NULL;

    enum rc rc = db_begin(t->db, ctx);
    rc = rc == RC_OK ? DB_QUERY0(t->db, ctx, Q_VIZ_SPARE_TAKE, &res) : rc;
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = db_bool(res, i, 1) ? blob_delete(viz_blobs(t->viz), ctx, db_str(res, i, 0)) : RC_OK;
    }
    return rc == RC_OK ? db_commit(t->db, ctx) : rc; /* the loop rolls back */
}
