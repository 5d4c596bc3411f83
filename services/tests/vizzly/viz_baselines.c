/* SPDX-License-Identifier: Apache-2.0
 *
 * Screenshots of a build as they are read: in lists, as baselines of local tests, as pictures. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* Columns of viz_screenshots_of_build. */
enum {
    S_ID,
    S_NAME,
    S_BUILD,
    S_BROWSER,
    S_VIEW_W,
    S_VIEW_H,
    S_URL,
    S_SHA,
    S_STATUS,
    S_FILE,
    S_SIZE,
    S_W,
    S_H,
    S_CREATED,
    S_PROPERTIES
};

static void
fill(struct ctx *ctx, const struct db_result *res, int row, Assay__SdkScreenshot *s)
{
    assay__sdk_screenshot__init(s);
    s->id = db_strz(res, row, S_ID);
    s->name = db_strz(res, row, S_NAME);
    s->build_id = db_strz(res, row, S_BUILD);
    s->browser = db_strz(res, row, S_BROWSER);
    s->has_viewport_width = !db_is_null(res, row, S_VIEW_W);
    s->viewport_width = db_i64(res, row, S_VIEW_W);
    s->has_viewport_height = !db_is_null(res, row, S_VIEW_H);
    s->viewport_height = db_i64(res, row, S_VIEW_H);
    s->url = db_strz(res, row, S_URL);
    s->sha256 = db_strz(res, row, S_SHA);
    s->status = db_strz(res, row, S_STATUS);
    s->original_url = viz_file_url(ctx, db_strz(res, row, S_FILE));
    s->file_size_bytes = db_i64(res, row, S_SIZE);
    PB_SET(s, width, db_i64(res, row, S_W));
    PB_SET(s, height, db_i64(res, row, S_H));
    s->created_at = db_time_us(res, row, S_CREATED);
    s->properties = pb_bytes(ctx->arena, db_str(res, row, S_PROPERTIES));
}

enum rc
viz_screenshots(struct tests *t, struct ctx *ctx, const char *build_id, Assay__SdkScreenshot ***out,
                size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_SCREENSHOTS_OF_BUILD, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(build_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__SdkScreenshot *items = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkScreenshot);
    Assay__SdkScreenshot **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkScreenshot *);
    if (items == NULL || list == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < n; i++) {
        fill(ctx, res, (int)i, &items[i]);
        list[i] = &items[i];
    }
    *out = list;
    *out_count = n;
    return arena_failed(ctx->arena) ? fail_memory(ctx, "too many screenshots") : RC_OK;
}

/* --- baselines of local tests --------------------------------------------------------------- */

/* The client names a file after what the test has said; where it said nothing, after the width of
 * the picture and no browser. Our own defaults must not show. */
static void
name_baseline(struct ctx *ctx, Assay__SdkScreenshot *s)
{
    const struct json_value *properties = NULL;
    struct viz_shot said = {.name = str_z(s->name)};

    if (json_parse(str_n((const char *)s->properties.data, s->properties.len), ctx->arena,
                   &properties, NULL) == RC_OK) {
        viz_identify(&said, properties);
    }
    int64_t width = said.viewport_width > 0 ? said.viewport_width : s->width;
    s->filename = viz_baseline_file(ctx, said.name, said.browser, width);
    s->browser = said.browser.n > 0 ? pb_strz(ctx->arena, said.browser) : NULL;
    PB_SET(s, viewport_width, width);
}

static enum rc
baseline_build(struct tests *t, struct ctx *ctx, const char *id, Assay__SdkBaselineBuild **out)
{
    Assay__GetSdkBuildRequest req = ASSAY__GET_SDK_BUILD_REQUEST__INIT;
    Assay__GetSdkBuildResponse *got =
        PB_NEW(ctx->arena, Assay__GetSdkBuildResponse, assay__get_sdk_build_response);
    Assay__SdkBaselineBuild *m =
        PB_NEW(ctx->arena, Assay__SdkBaselineBuild, assay__sdk_baseline_build);

    if (got == NULL || m == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    req.build_id = pb_strz(ctx->arena, str_z(id));
    enum rc rc = tests_get_sdk_build(t, ctx, &req, got);
    if (rc != RC_OK) {
        return rc;
    }
    m->id = got->build->id;
    m->name = got->build->name;
    m->status = got->build->status;
    m->branch = got->build->branch;
    m->commit_sha = got->build->commit_sha;
    m->commit_message = got->build->commit_message;
    m->approval_status = got->build->approval_status;
    m->has_completed_at = got->build->has_completed_at;
    m->completed_at = got->build->completed_at;
    *out = m;
    return RC_OK;
}

enum rc
tests_get_sdk_baselines(struct tests *t, struct ctx *ctx, const Assay__GetSdkBaselinesRequest *req,
                        Assay__GetSdkBaselinesResponse *resp)
{
    enum rc rc = baseline_build(t, ctx, req->build_id, &resp->build);

    rc = rc == RC_OK
             ? viz_screenshots(t, ctx, req->build_id, &resp->screenshots, &resp->n_screenshots)
             : rc;
    for (size_t i = 0; rc == RC_OK && i < resp->n_screenshots; i++) {
        name_baseline(ctx, resp->screenshots[i]);
    }
    return rc;
}

/* --- pictures ------------------------------------------------------------------------------ */

enum rc
tests_get_sdk_picture(struct tests *t, struct ctx *ctx, const Assay__GetSdkPictureRequest *req,
                      Assay__Blob *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_FILE, &res, DB_ARG_Z(req->file));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "NOT_FOUND", "no such file");
    }
    resp->key = db_strz(res, 0, 0);
    resp->content_type = db_strz(res, 0, 1);
    PB_SET(resp, immutable, 1);
    return RC_OK;
}
