/* SPDX-License-Identifier: Apache-2.0
 *
 * Screenshots into a build: a fixed number of statements, however many there are. */
#include <string.h>

#include "base/id.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define LIST_MAX ((size_t)16 * 1024 * 1024)
#define FILE_KEY_BYTES 16

enum rc
viz_check_name(struct ctx *ctx, const char *member, struct str name)
{
    struct str rest = name;

    if (name.n == 0 || str_cp_count(name) > VIZ_NAME_MAX) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "%s must have 1 to %d characters",
                    member, VIZ_NAME_MAX);
    }
    for (size_t i = 0; i < name.n; i++) {
        if ((unsigned char)name.p[i] < 0x20) {
            return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                        "%s must not hold control characters", member);
        }
    }
    while (rest.p != NULL) {
        struct str part = str_split(&rest, '/');
        for (struct str piece; part.p != NULL;) {
            piece = str_split(&part, '\\');
            if (str_eqz(piece, "..")) {
                return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                            "%s must not hold a segment \"..\"", member);
            }
        }
    }
    return RC_OK;
}

static void
put_text(struct buf *b, const char *key, struct str text)
{
    if (text.n > 0) {
        json_put_member_str(b, key, text);
    }
}

static void
put_number(struct buf *b, const char *key, int64_t n)
{
    if (n > 0) {
        json_put_member_i64(b, key, n);
    }
}

static void
put_shot(struct buf *b, size_t n, const struct viz_shot *shot)
{
    buf_putz(b, n == 0 ? "{" : ",{");
    json_put_member_i64(b, "n", (int64_t)n);
    json_put_member_str(b, "name", shot->name);
    json_put_member_str(b, "sha256", shot->sha256);
    put_text(b, "browser", shot->browser);
    put_text(b, "url", shot->url);
    put_number(b, "viewport_width", shot->viewport_width);
    put_number(b, "viewport_height", shot->viewport_height);
    if (shot->properties.n > 0) {
        json_put_key(b, "properties");
        buf_put(b, shot->properties);
    }
    buf_putc(b, '}');
}

static void
put_image(struct buf *b, const struct viz_image *image)
{
    unsigned char random[FILE_KEY_BYTES];
    char key[2 * FILE_KEY_BYTES + 1];

    id_random(random, sizeof(random));
    id_hex(random, sizeof(random), key);
    buf_putz(b, b->n == 1 ? "{" : ",{");
    json_put_member_str(b, "sha256", image->sha256);
    json_put_member_str(b, "pixels", str_z(image->pixels));
    json_put_member_str(b, "blob_key", str_z(image->blob->key));
    json_put_member_str(b, "file_key", str_z(key));
    json_put_member_str(b, "content_type",
                        image->info.format == VISUAL_PNG ? STR("image/png") : STR("image/jpeg"));
    json_put_member_i64(b, "width", image->info.width);
    json_put_member_i64(b, "height", image->info.height);
    json_put_member_i64(b, "size_bytes", image->blob->size_bytes);
    buf_putc(b, '}');
}

/* Takes the list out of the buffer. */
static enum rc
finish(struct ctx *ctx, struct buf *b, struct str *out)
{
    buf_putc(b, ']');
    bool ok = !buf_failed(b);
    *out = arena_str(ctx->arena, buf_str(b));
    buf_fini(b);
    return ok && !arena_failed(ctx->arena)
               ? RC_OK
               : fail(ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", "too many screenshots at once");
}

/* --- the statements ------------------------------------------------------------------------ */

static enum rc
store_images(struct tests *t, struct ctx *ctx, struct str list, const struct viz_shot *shots,
             size_t count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_PIXELS_LOCK, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STR(list));
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_IMAGES_ADD, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_STR(list), DB_ARG_I64(t->cfg->storage_quota))
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    if (!db_bool(res, 0, 0)) {
        return viz_refuse_quota(t, ctx, db_i64(res, 0, 2), db_i64(res, 0, 1));
    }
    return db_i64(res, 0, 3) > 0 ? viz_images_spare(t, ctx, shots, count) : RC_OK;
}

static enum rc
add_images(struct tests *t, struct ctx *ctx, const struct viz_shot *shots, size_t count)
{
    struct buf b;
    struct str list;

    buf_init(&b, LIST_MAX);
    buf_putc(&b, '[');
    for (size_t i = 0; i < count; i++) {
        if (shots[i].image != NULL) {
            put_image(&b, shots[i].image);
        }
    }
    bool any = b.n > 1;
    enum rc rc = finish(ctx, &b, &list);
    return rc == RC_OK && any ? store_images(t, ctx, list, shots, count) : rc;
}

static enum rc
add_screenshots(struct tests *t, struct ctx *ctx, const char *build_id, struct viz_shot *shots,
                size_t count, struct str **out_ids, size_t *out_count)
{
    const struct db_result *res = NULL;
    struct buf b;
    struct str list;

    buf_init(&b, LIST_MAX);
    buf_putc(&b, '[');
    for (size_t i = 0; i < count; i++) {
        put_shot(&b, i, &shots[i]);
    }
    enum rc rc = finish(ctx, &b, &list);
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_SCREENSHOTS_ADD, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(build_id), DB_ARG_STR(list));
    }
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct str *ids = ARENA_ARRAY(ctx->arena, n + 1, struct str);
    if (ids == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = db_str(res, (int)i, 0);
    }
    *out_ids = ids;
    *out_count = n;
    rc = DB_QUERY(t->db, ctx, Q_VIZ_SCREENSHOTS_FIND, &res, DB_ARG_I64(ctx->who.org_id),
                  DB_ARG_Z(build_id), DB_ARG_STR(list), DB_ARG_STRS(ids, n));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        struct viz_shot *shot = &shots[db_i64(res, i, 0)];
        shot->id = db_strz(res, i, 1);
        shot->created_us = db_time_us(res, i, 4);
        shot->is_new = db_bool(res, i, 5);
    }
    return rc;
}

static enum rc
compare(struct tests *t, struct ctx *ctx, const char *build_id, const struct str *ids, size_t count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_CONTENT_WATCH, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(build_id));
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_COMPARE, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_Z(build_id), DB_ARG_STRS(ids, count))
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    bool waits = false;
    for (int i = 0; i < db_rows(res); i++) {
        waits = waits || str_eqz(db_str(res, i, 6), "pending");
    }
    rc = viz_tell_regressions(t, ctx, res); /* of those whose result was known */
    return rc == RC_OK && waits ? tst_wake(t, ctx, LOOP_COMPARE) : rc;
}

static enum rc
tell_added(struct tests *t, struct ctx *ctx, const char *build_id, size_t added)
{
    struct svc_event event = {
        .type = "visual_build.screenshots_added",
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_build"),
        .resource_id = str_z(build_id),
        .details = arena_printf(ctx->arena, "%zu new", added),
    };
    return svc_emit(t->db, ctx, &event);
}

enum rc
viz_add(struct tests *t, struct ctx *ctx, const char *build_id, struct viz_shot *shots,
        size_t count, int64_t *out_count, char **out_status)
{
    const struct db_result *res = NULL;
    struct str *ids = NULL;
    size_t added = 0;

    enum rc rc = add_images(t, ctx, shots, count);
    if (rc == RC_OK && count > 0) {
        rc = add_screenshots(t, ctx, build_id, shots, count, &ids, &added);
    }
    if (rc == RC_OK && added > 0) {
        rc = compare(t, ctx, build_id, ids, added);
    }
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_BUILD_GROWN, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(build_id), DB_ARG_I64((int64_t)added));
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "BUILD_NOT_FOUND", "no such build");
    }
    *out_count = db_i64(res, 0, 0);
    *out_status = db_strz(res, 0, 1);
    return added > 0 ? tell_added(t, ctx, build_id, added) : RC_OK;
}
