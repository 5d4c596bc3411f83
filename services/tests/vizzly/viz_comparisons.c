/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparisons as they are read. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* Columns of viz_comparison_rows. */
enum {
    C_ID,
    C_BUILD,
    C_BUILD_NAME,
    C_BRANCH,
    C_COMMIT,
    C_MESSAGE,
    C_ANCESTOR,
    C_NAME,
    C_STATUS,
    C_PCT,
    C_THRESHOLD,
    C_HAS_DIFF,
    C_APPROVAL,
    C_COMMENT,
    C_BY,
    C_AT,
    C_FROM,
    C_CREATED,
    C_BROWSER,
    C_VIEW_W,
    C_VIEW_H,
    C_BASE_BUILD,
    C_BASE_BUILD_NAME,
    C_WHY,
    C_VERDICT,
    C_DIFF_PIXELS,
    C_SSIM,
    C_FINGERPRINT,
    C_REGIONS,
    C_DIFF_KEY,
    C_ERROR,
    C_SHOT,
    C_SHA,
    C_FILE,
    C_W,
    C_H,
    C_BASE,
    C_BASE_SHA,
    C_BASE_FILE,
    C_BASE_W,
    C_BASE_H,
    C_BASE_NAME,
    C_PROJECT,
    C_ORG,
    C_FILTER,
    C_REGION_COVERAGE,
    C_HOTSPOT_COVERAGE
};

/* `first`: the column of the screenshot's id, followed by digest, file and size. */
static Assay__SdkComparisonScreenshot *
screenshot(struct ctx *ctx, const struct db_result *res, int row, int first, char *name,
           char *build)
{
    Assay__SdkComparisonScreenshot *s =
        PB_NEW(ctx->arena, Assay__SdkComparisonScreenshot, assay__sdk_comparison_screenshot);
    if (s == NULL) {
        return NULL;
    }
    s->id = db_strz(res, row, first);
    s->build_id = build;
    s->name = name;
    s->sha256 = db_strz(res, row, first + 1);
    s->original_url = viz_file_url(ctx, db_strz(res, row, first + 2));
    PB_SET(s, width, db_i64(res, row, first + 3));
    PB_SET(s, height, db_i64(res, row, first + 4));
    return s;
}

static void
fill_result(struct ctx *ctx, const struct db_result *res, int row, bool for_cli,
            Assay__SdkComparison *c)
{
    c->status = db_strz(res, row, C_STATUS);
    c->has_diff_percentage = !db_is_null(res, row, C_PCT);
    c->diff_percentage = db_f64(res, row, C_PCT);
    c->threshold = db_f64(res, row, C_THRESHOLD);
    c->has_has_diff = !db_is_null(res, row, C_HAS_DIFF);
    c->has_diff = db_bool(res, row, C_HAS_DIFF);
    if (c->has_has_diff) {
        c->result = pb_strz(ctx->arena, c->has_diff ? STR("changed") : STR("identical"));
    }
    if (for_cli && c->result != NULL) {
        c->status = c->result;
    }
    c->verdict = db_strz(res, row, C_VERDICT);
    c->has_diff_pixels = !db_is_null(res, row, C_DIFF_PIXELS);
    c->diff_pixels = db_i64(res, row, C_DIFF_PIXELS);
    c->has_ssim_score = !db_is_null(res, row, C_SSIM);
    c->ssim_score = db_f64(res, row, C_SSIM);
    c->fingerprint_hash = db_strz(res, row, C_FINGERPRINT);
    c->has_diff_regions = !db_is_null(res, row, C_REGIONS);
    c->diff_regions = pb_bytes(ctx->arena, db_str(res, row, C_REGIONS));
    c->diff_url = viz_file_url(ctx, db_strz(res, row, C_DIFF_KEY));
    c->error = db_strz(res, row, C_ERROR);
}

/* Why a difference has to be looked at, or need not. */
static void
fill_reason(struct ctx *ctx, const struct db_result *res, int row, Assay__SdkComparison *c)
{
    bool knows =
        !db_is_null(res, row, C_REGION_COVERAGE) || !db_is_null(res, row, C_HOTSPOT_COVERAGE);

    c->reason = db_strz(res, row, C_FILTER);
    if (c->reason == NULL && c->has_diff) {
        c->reason = pb_strz(ctx->arena, STR("pixel-diff"));
    }
    c->analysis_metadata =
        knows ? PB_NEW(ctx->arena, Assay__SdkAnalysis, assay__sdk_analysis) : NULL;
    if (c->analysis_metadata != NULL) {
        c->analysis_metadata->has_region_coverage = !db_is_null(res, row, C_REGION_COVERAGE);
        c->analysis_metadata->region_coverage = db_f64(res, row, C_REGION_COVERAGE);
        c->analysis_metadata->has_hot_spot_coverage = !db_is_null(res, row, C_HOTSPOT_COVERAGE);
        c->analysis_metadata->hot_spot_coverage = db_f64(res, row, C_HOTSPOT_COVERAGE);
    }
}

static void
fill_approval(const struct db_result *res, int row, Assay__SdkComparison *c)
{
    c->approval_status = c->review_state = db_strz(res, row, C_APPROVAL);
    c->approval_comment = db_strz(res, row, C_COMMENT);
    c->approved_by = db_strz(res, row, C_BY);
    c->has_approved_at = !db_is_null(res, row, C_AT);
    c->approved_at = db_time_us(res, row, C_AT);
    c->approved_from = db_strz(res, row, C_FROM);
}

static void
fill_shots(struct ctx *ctx, const struct db_result *res, int row, Assay__SdkComparison *c)
{
    c->browser = db_strz(res, row, C_BROWSER);
    c->has_viewport_width = !db_is_null(res, row, C_VIEW_W);
    c->viewport_width = db_i64(res, row, C_VIEW_W);
    c->has_viewport_height = !db_is_null(res, row, C_VIEW_H);
    c->viewport_height = db_i64(res, row, C_VIEW_H);
    c->current_browser = c->browser;
    c->has_current_viewport_width = c->has_viewport_width;
    c->current_viewport_width = c->viewport_width;
    c->has_current_viewport_height = c->has_viewport_height;
    c->current_viewport_height = c->viewport_height;
    c->baseline_build_id = db_strz(res, row, C_BASE_BUILD);
    c->baseline_build_name = db_strz(res, row, C_BASE_BUILD_NAME);
    c->baseline_reason = db_strz(res, row, C_WHY);
    c->current_name = c->name;
    c->baseline_name = db_strz(res, row, C_BASE_NAME);
    c->current_screenshot = screenshot(ctx, res, row, C_SHOT, c->name, c->build_id);
    c->baseline_screenshot =
        screenshot(ctx, res, row, C_BASE, c->baseline_name, c->baseline_build_id);
}

static enum rc
fill(struct ctx *ctx, const struct db_result *res, int row, bool for_cli, Assay__SdkComparison *c)
{
    assay__sdk_comparison__init(c);
    c->id = db_strz(res, row, C_ID);
    c->build_id = db_strz(res, row, C_BUILD);
    c->build_name = db_strz(res, row, C_BUILD_NAME);
    c->build_branch = db_strz(res, row, C_BRANCH);
    c->build_commit_sha = db_strz(res, row, C_COMMIT);
    c->build_commit_message = db_strz(res, row, C_MESSAGE);
    c->build_common_ancestor_sha = db_strz(res, row, C_ANCESTOR);
    c->name = db_strz(res, row, C_NAME);
    c->created_at = db_time_us(res, row, C_CREATED);
    fill_result(ctx, res, row, for_cli, c);
    fill_reason(ctx, res, row, c);
    fill_approval(res, row, c);
    fill_shots(ctx, res, row, c);
    if (c->current_screenshot == NULL || c->baseline_screenshot == NULL) {
        return fail_memory(ctx, "too many comparisons");
    }
    c->current_screenshot_url = c->current_screenshot->original_url;
    c->baseline_screenshot_url = c->baseline_screenshot->original_url;
    return RC_OK;
}

static enum rc
fill_all(struct ctx *ctx, const struct db_result *res, bool for_cli, Assay__SdkComparison ***out,
         size_t *out_count)
{
    enum rc rc = RC_OK;
    size_t n = (size_t)db_rows(res);
    Assay__SdkComparison *items = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkComparison);
    Assay__SdkComparison **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkComparison *);

    if (items == NULL || list == NULL) {
        return fail_memory(ctx, "too many comparisons");
    }
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        rc = fill(ctx, res, (int)i, for_cli, &items[i]);
        list[i] = &items[i];
    }
    *out = list;
    *out_count = n;
    return rc;
}

enum rc
viz_comparisons(struct tests *t, struct ctx *ctx, int query, const struct db_arg *args,
                int arg_count, bool for_cli, Assay__SdkComparison ***out, size_t *out_count)
{
    const struct db_result *res = NULL;
    enum rc rc = db_query(t->db, ctx, query, args, arg_count, &res);

    return rc == RC_OK ? fill_all(ctx, res, for_cli, out, out_count) : rc;
}

enum rc
viz_comparison_read(struct tests *t, struct ctx *ctx, const char *id, bool for_cli,
                    Assay__SdkComparison **out, int64_t *out_project)
{
    const struct db_result *res = NULL;
    Assay__SdkComparison **list = NULL;
    size_t n = 0;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_COMPARISON_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(id), viz_bound(ctx));
    rc = rc == RC_OK ? fill_all(ctx, res, for_cli, &list, &n) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    if (n == 0) {
        return fail(ctx, RC_NOT_FOUND, "COMPARISON_NOT_FOUND", "no such comparison");
    }
    *out = list[0];
    *out_project = db_i64(res, 0, C_PROJECT);
    return RC_OK;
}

enum rc
tests_get_sdk_comparison(struct tests *t, struct ctx *ctx,
                         const Assay__GetSdkComparisonRequest *req,
                         Assay__GetSdkComparisonResponse *resp)
{
    int64_t project_id = 0;

    return viz_comparison_read(t, ctx, req->comparison_id, viz_is_cli(req->agent),
                               &resp->comparison, &project_id);
}

/* '*' stands for any text; a name without one may stand anywhere. */
static char *
like_of(struct ctx *ctx, struct str name)
{
    char *out = arena_alloc(ctx->arena, 2 * name.n + 3);
    bool wild = str_find_byte(name, '*') >= 0;
    size_t n = 0;

    if (out == NULL) {
        return NULL;
    }
    if (!wild) {
        out[n++] = '%';
    }
    for (size_t i = 0; i < name.n; i++) {
        if (strchr("%_\\", name.p[i]) != NULL) {
            out[n++] = '\\';
        }
        out[n++] = name.p[i] == '*' ? '%' : name.p[i];
    }
    if (!wild) {
        out[n++] = '%';
    }
    out[n] = '\0';
    return out;
}

enum rc
tests_search_sdk_comparisons(struct tests *t, struct ctx *ctx,
                             const Assay__SearchSdkComparisonsRequest *req,
                             Assay__SearchSdkComparisonsResponse *resp)
{
    const struct db_result *res = NULL;
    char *like = like_of(ctx, str_z(req->name));

    resp->pagination = PB_NEW(ctx->arena, Assay__SdkSearchPage, assay__sdk_search_page);
    if (like == NULL || resp->pagination == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    enum rc rc = VIZ_COMPARISONS(
        t, ctx, Q_VIZ_COMPARISONS_NAMED, viz_is_cli(req->agent), &resp->comparisons,
        &resp->n_comparisons, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(ctx->who.project_id),
        DB_ARG_Z(like), DB_ARG_Z(req->branch), DB_ARG_I64(req->limit), DB_ARG_I64(req->offset));
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_COMPARISONS_COUNT, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(ctx->who.project_id), DB_ARG_Z(like), DB_ARG_Z(req->branch));
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->pagination->total = db_i64(res, 0, 0);
    resp->pagination->limit = req->limit;
    resp->pagination->offset = req->offset;
    resp->pagination->has_more =
        req->offset + (int64_t)resp->n_comparisons < resp->pagination->total;
    return RC_OK;
}
