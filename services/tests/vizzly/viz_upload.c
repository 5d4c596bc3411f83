/* SPDX-License-Identifier: Apache-2.0
 *
 * Many screenshots in one form. */
#include <string.h>

#include "base/id.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

struct upload {
    const Assay__UploadSdkScreenshotsRequest *req;
    char **named; /* existing_shas */
    size_t named_count;
    char *build_id, *build_name;
    int64_t project_id;
    struct viz_shot *shots; /* files first, then what is taken over */
    size_t count;
    size_t reused;
};

static enum rc
read_texts(struct ctx *ctx, struct upload *u)
{
    const Assay__UploadSdkScreenshotsRequest *req = u->req;
    const struct json_value *config = NULL;

    if (req->config != NULL &&
        (json_parse(str_z(req->config), ctx->arena, &config, NULL) != RC_OK ||
         !json_is(config, JSON_OBJECT))) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "config must be a JSON object");
    }
    if (req->existing_shas != NULL) {
        struct str text = str_z(req->existing_shas);
        ProtobufCBinaryData json = pb_bytes(ctx->arena, text);
        enum rc rc = tst_json_strings(ctx, "existing_shas", json, &u->named, &u->named_count);
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (req->n_screenshots == 0 && u->named_count == 0) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                    "one of screenshots, existing_shas is required");
    }
    return RC_OK;
}

static enum rc
open_build(struct tests *t, struct ctx *ctx, struct upload *u)
{
    const Assay__UploadSdkScreenshotsRequest *req = u->req;
    struct viz_head head;
    struct viz_build made;

    if (req->build_id != NULL) {
        enum rc rc = viz_build_head(t, ctx, req->build_id, &head);
        u->build_id = rc == RC_OK ? head.id : NULL;
        u->build_name = rc == RC_OK ? head.name : NULL;
        u->project_id = rc == RC_OK ? head.project_id : 0;
        return rc;
    }
    struct viz_build_new build = {
        .name = req->build_name,
        .branch = req->branch,
        .environment = req->environment,
        .commit_sha = req->commit_sha,
        .commit_message = req->commit_message,
        .common_ancestor_sha = req->common_ancestor_sha,
        .parallel_id = req->parallel_id,
        .has_threshold = req->has_threshold,
        .threshold = req->threshold,
        .agent = req->agent,
    };
    enum rc rc = viz_build_create(t, ctx, &build, &made);
    u->build_id = rc == RC_OK ? made.id : NULL;
    u->build_name = rc == RC_OK ? made.name : NULL;
    u->project_id = ctx->who.project_id;
    return rc;
}

/* --- what a file is called ----------------------------------------------------------------- */

static struct str
stem_of(struct ctx *ctx, const Assay__Blob *blob)
{
    struct str name = blob->file_name == NULL ? STR("screenshot") : str_z(blob->file_name);
    ptrdiff_t dot = str_rfind_byte(name, '.');

    return arena_str(ctx->arena, dot > 0 ? str_sub(name, 0, (size_t)dot) : name);
}

static void
take_announced(struct viz_shot *shot, const struct db_result *res, int row)
{
    shot->name = db_str(res, row, 1);
    shot->browser = db_str(res, row, 2);
    shot->viewport_width = db_i64(res, row, 3);
    shot->viewport_height = db_i64(res, row, 4);
    shot->url = db_str(res, row, 5);
    shot->properties = db_str(res, row, 6);
}

/* What was announced for this hash: under the name of the file if there is such, else the one. */
static void
find_announced(struct viz_shot *shot, const struct db_result *res)
{
    int same_sha = -1;
    int count = 0;

    for (int i = 0; i < db_rows(res); i++) {
        if (!str_eq(db_str(res, i, 0), shot->sha256)) {
            continue;
        }
        if (str_eq(db_str(res, i, 1), shot->name)) {
            take_announced(shot, res, i);
            return;
        }
        same_sha = i;
        count++;
    }
    if (count == 1) {
        take_announced(shot, res, same_sha);
    }
}

static enum rc
name_files(struct tests *t, struct ctx *ctx, struct upload *u, const struct viz_image *images)
{
    const struct db_result *res = NULL;
    size_t n = u->req->n_screenshots;
    struct str *shas = ARENA_ARRAY(ctx->arena, n + 1, struct str);

    if (shas == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < n; i++) {
        shas[i] = images[i].sha256;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_ANNOUNCED, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(u->build_id), DB_ARG_STRS(shas, n));
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        struct viz_shot *shot = &u->shots[u->count++];
        *shot = (struct viz_shot){.sha256 = images[i].sha256,
                                  .name = stem_of(ctx, u->req->screenshots[i]),
                                  .image = &images[i]};
        find_announced(shot, res);
        viz_identify_default(shot);
        rc = viz_check_name(ctx, "file name", shot->name);
    }
    return rc;
}

/* --- what is taken over -------------------------------------------------------------------- */

static enum rc
take_named(struct tests *t, struct ctx *ctx, struct upload *u)
{
    struct viz_shot *asked = ARENA_ARRAY(ctx->arena, u->named_count + 1, struct viz_shot);
    struct viz_shot *found = NULL;
    bool *is_found = NULL;

    if (asked == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < u->named_count; i++) {
        asked[i].sha256 = str_z(u->named[i]);
    }
    enum rc rc = viz_reuse(t, ctx, u->project_id, asked, u->named_count, &found, &is_found);
    for (size_t i = 0; rc == RC_OK && i < u->named_count; i++) {
        if (is_found[i]) {
            u->shots[u->count++] = found[i];
            u->reused++;
        }
    }
    return rc;
}

/* --- the answer ---------------------------------------------------------------------------- */

static enum rc
answer(struct ctx *ctx, const struct upload *u, char *status,
       Assay__UploadSdkScreenshotsResponse *resp)
{
    Assay__SdkUploadedScreenshot *list =
        ARENA_ARRAY(ctx->arena, u->count + 1, Assay__SdkUploadedScreenshot);
    size_t files = u->req->n_screenshots;

    resp->build = PB_NEW(ctx->arena, Assay__SdkUploadBuild, assay__sdk_upload_build);
    resp->efficiency = PB_NEW(ctx->arena, Assay__SdkUploadEfficiency, assay__sdk_upload_efficiency);
    resp->screenshots = ARENA_ARRAY(ctx->arena, u->count + 1, Assay__SdkUploadedScreenshot *);
    if (list == NULL || resp->build == NULL || resp->efficiency == NULL ||
        resp->screenshots == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < u->count; i++) {
        assay__sdk_uploaded_screenshot__init(&list[i]);
        list[i].id = u->shots[i].id;
        list[i].name = pb_strz(ctx->arena, u->shots[i].name);
        list[i].sha256 = pb_strz(ctx->arena, u->shots[i].sha256);
        resp->screenshots[resp->n_screenshots++] = &list[i];
    }
    resp->message =
        pb_strz(ctx->arena, STR("Screenshots uploaded successfully and queued for processing"));
    resp->build->id = u->build_id;
    resp->build->name = u->build_name;
    resp->build->status =
        strcmp(status, "failed") == 0 ? pb_strz(ctx->arena, STR("completed")) : status;
    resp->build->url = viz_build_url(ctx, u->build_id);
    resp->count = (int64_t)u->count;
    resp->efficiency->files_uploaded = (int64_t)files;
    resp->efficiency->existing_shas_requested = (int64_t)u->named_count;
    resp->efficiency->existing_reused = (int64_t)u->reused;
    resp->efficiency->existing_skipped = (int64_t)(u->named_count - u->reused);
    resp->efficiency->total_processed = (int64_t)(files + u->named_count);
    return RC_OK;
}

static enum rc
take_all(struct tests *t, struct ctx *ctx, struct upload *u, char **out_status)
{
    const Assay__UploadSdkScreenshotsRequest *req = u->req;
    struct viz_image *images = NULL;
    int64_t count = 0;

    enum rc rc = read_texts(ctx, u);
    rc = rc == RC_OK ? open_build(t, ctx, u) : rc;
    rc = rc == RC_OK
             ? viz_images_open(t, ctx, "screenshots", req->screenshots, req->n_screenshots, &images)
             : rc;
    u->shots = ARENA_ARRAY(ctx->arena, req->n_screenshots + u->named_count + 1, struct viz_shot);
    if (rc == RC_OK && u->shots == NULL) {
        rc = fail_memory(ctx, "too many screenshots");
    }
    rc = rc == RC_OK && req->n_screenshots > 0 ? name_files(t, ctx, u, images) : rc;
    rc = rc == RC_OK && u->named_count > 0 ? take_named(t, ctx, u) : rc;
    return rc == RC_OK ? viz_add(t, ctx, u->build_id, u->shots, u->count, &count, out_status) : rc;
}

enum rc
tests_upload_sdk_screenshots(struct tests *t, struct ctx *ctx,
                             const Assay__UploadSdkScreenshotsRequest *req,
                             Assay__UploadSdkScreenshotsResponse *resp)
{
    struct upload u = {.req = req};
    int64_t began_us = clk_mono_us();
    char *status = NULL;

    enum rc rc = take_all(t, ctx, &u, &status);
    if (rc != RC_OK) {
        viz_images_close(t, ctx, rc, req->screenshots, req->n_screenshots);
        return rc;
    }
    resp->processing_time_ms = (double)(clk_mono_us() - began_us) / 1000;
    return answer(ctx, &u, status, resp);
}
