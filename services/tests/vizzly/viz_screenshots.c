/* SPDX-License-Identifier: Apache-2.0
 *
 * Screenshots one by one, and the question which of them need not be sent. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define LIST_MAX ((size_t)16 * 1024 * 1024)
#define PROPERTIES_MAX ((size_t)64 * 1024) /* a build of hundreds must fit into one answer */

/* Keeps uploads from being removed while they are looked at, checks them, and removes them again
 * when they are of no use. */
static enum rc
hold(struct tests *t, struct ctx *ctx, Assay__Blob *const *blobs, size_t count)
{
    struct str *keys = ARENA_ARRAY(ctx->arena, count + 1, struct str);

    if (keys == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = str_z(blobs[i]->key);
    }
    return DB_QUERY(t->db, ctx, Q_VIZ_BLOBS_HOLD, NULL, DB_ARG_STRS(keys, count));
}

enum rc
viz_images_open(struct tests *t, struct ctx *ctx, const char *member, Assay__Blob *const *blobs,
                size_t count, struct viz_image **out)
{
    struct viz_image *images = ARENA_ARRAY(ctx->arena, count + 1, struct viz_image);

    if (images == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < count; i++) {
        images[i] = (struct viz_image){.blob = blobs[i], .sha256 = str_z(blobs[i]->sha256)};
    }
    *out = images;
    enum rc rc = count == 0 ? RC_OK : hold(t, ctx, blobs, count);
    return rc == RC_OK ? viz_images_check(t, ctx, member, images, count) : rc;
}

void
viz_images_close(struct tests *t, struct ctx *ctx, enum rc rc, Assay__Blob *const *blobs,
                 size_t count)
{
    bool refused = rc == RC_INVALID_ARGUMENT || rc == RC_NOT_FOUND ||
                   (rc == RC_RESOURCE_EXHAUSTED && ctx->err.data.n > 0);

    if (refused && count > 0) {
        viz_images_drop(t, ctx, blobs, count);
    }
}

/* --- reuse --------------------------------------------------------------------------------- */

enum rc
viz_reuse(struct tests *t, struct ctx *ctx, int64_t project_id, const struct viz_shot *asked,
          size_t count, struct viz_shot **out, bool **out_found)
{
    const struct db_result *res = NULL;
    struct viz_shot *shots = ARENA_ARRAY(ctx->arena, count + 1, struct viz_shot);
    bool *found = ARENA_ARRAY(ctx->arena, count + 1, bool);
    struct buf b;

    buf_init(&b, LIST_MAX);
    buf_putc(&b, '[');
    for (size_t i = 0; i < count; i++) {
        buf_putz(&b, i == 0 ? "{" : ",{");
        json_put_member_i64(&b, "n", (int64_t)i);
        json_put_member_str(&b, "sha256", asked[i].sha256);
        if (asked[i].name.n > 0) {
            json_put_member_str(&b, "name", asked[i].name);
            json_put_member_str(&b, "browser", asked[i].browser);
            json_put_member_i64(&b, "viewport_width", asked[i].viewport_width);
        }
        buf_putc(&b, '}');
    }
    buf_putc(&b, ']');
    bool ok = !buf_failed(&b) && shots != NULL && found != NULL;
    struct str list = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    if (!ok || arena_failed(ctx->arena)) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", "too many screenshots at once");
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_SCREENSHOTS_REUSABLE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(project_id), DB_ARG_STR(list));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        size_t n = (size_t)db_i64(res, i, 0);
        found[n] = true;
        shots[n] = (struct viz_shot){.sha256 = db_str(res, i, 1),
                                     .name = db_str(res, i, 2),
                                     .browser = db_str(res, i, 3),
                                     .viewport_width = db_i64(res, i, 4),
                                     .viewport_height = db_i64(res, i, 5),
                                     .url = db_str(res, i, 6),
                                     .properties = db_str(res, i, 7)};
    }
    *out = shots;
    *out_found = found;
    return rc;
}

/* --- one screenshot ------------------------------------------------------------------------ */

enum rc
viz_take_properties(struct ctx *ctx, struct str properties, struct viz_shot *shot)
{
    const struct json_value *v = NULL;

    if (properties.n > PROPERTIES_MAX) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                    "properties must have at most %zu bytes", PROPERTIES_MAX);
    }
    if (json_parse(properties, ctx->arena, &v, NULL) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "properties must be an object");
    }
    shot->properties = properties;
    viz_identify(shot, v);
    return RC_OK;
}

static enum rc
read_shot(struct ctx *ctx, const Assay__AddSdkScreenshotRequest *req, struct viz_shot *shot)
{
    enum rc rc = viz_check_name(ctx, "name", str_z(req->name));
    *shot = (struct viz_shot){.name = str_z(req->name)};
    if (rc == RC_OK && req->has_properties) {
        struct str json = str_n((const char *)req->properties.data, req->properties.len);
        rc = viz_take_properties(ctx, json, shot);
    }
    viz_identify_default(shot);
    return rc;
}

static bool
same_digest(const char *named, struct str sha256)
{
    struct str s = str_z(named);
    bool same = s.n == sha256.n;

    for (size_t i = 0; same && i < s.n; i++) {
        same = ch_lower(s.p[i]) == sha256.p[i];
    }
    return same;
}

static enum rc
take_image(struct tests *t, struct ctx *ctx, const Assay__AddSdkScreenshotRequest *req,
           struct viz_shot *shot)
{
    struct viz_image *images = NULL;

    enum rc rc = viz_images_open(t, ctx, "image_data", &req->image_data, 1, &images);
    if (rc == RC_OK && req->sha256 != NULL && !same_digest(req->sha256, images[0].sha256)) {
        rc = fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                  "sha256 is not the digest of image_data");
    }
    if (rc == RC_OK) {
        shot->image = &images[0];
        shot->sha256 = images[0].sha256;
    }
    return rc;
}

/* Without bytes: the picture is stored already, and the project has shown it under this signature.
 */
static enum rc
take_stored(struct tests *t, struct ctx *ctx, const Assay__AddSdkScreenshotRequest *req,
            int64_t project_id, struct viz_shot *shot)
{
    struct viz_shot *known = NULL;
    bool *found = NULL;

    if (req->sha256 == NULL) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "image_data is required");
    }
    shot->sha256 = str_z(req->sha256);
    enum rc rc = viz_reuse(t, ctx, project_id, shot, 1, &known, &found);
    if (rc == RC_OK && !found[0]) {
        rc = fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                  "image_data is required: no stored image has this sha256 and signature");
    }
    return rc;
}

static void
answer_shot(struct ctx *ctx, const Assay__AddSdkScreenshotRequest *req, const struct viz_shot *shot,
            int64_t count, Assay__AddSdkScreenshotResponse *resp)
{
    resp->id = shot->id;
    resp->name = pb_strz(ctx->arena, shot->name);
    resp->build_id = req->build_id;
    resp->status = pb_strz(ctx->arena, shot->is_new ? STR("pending") : STR("completed"));
    resp->sha256 = pb_strz(ctx->arena, shot->sha256);
    resp->is_duplicate = !shot->is_new;
    resp->build_screenshot_count = count;
    resp->created_at = shot->created_us;
    if (req->image_data == NULL) {
        PB_SET(resp, upload_required, 0);
    }
}

enum rc
tests_add_sdk_screenshot(struct tests *t, struct ctx *ctx,
                         const Assay__AddSdkScreenshotRequest *req,
                         Assay__AddSdkScreenshotResponse *resp)
{
    struct viz_head head;
    struct viz_shot shot;
    int64_t count = 0;
    char *status = NULL;

    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);
    rc = rc == RC_OK ? read_shot(ctx, req, &shot) : rc;
    if (rc == RC_OK) {
        rc = req->image_data != NULL ? take_image(t, ctx, req, &shot)
                                     : take_stored(t, ctx, req, head.project_id, &shot);
    }
    rc = rc == RC_OK ? viz_add(t, ctx, head.id, &shot, 1, &count, &status) : rc;
    if (rc == RC_OK) {
        answer_shot(ctx, req, &shot, count, resp);
        return RC_OK;
    }
    viz_images_close(t, ctx, rc, &req->image_data, req->image_data != NULL ? 1 : 0);
    return rc;
}
