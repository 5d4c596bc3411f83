/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds: made, joined, listed, read, ended. */
#include <string.h>

#include "pb_tables.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* How long a client that polls is held while its pictures are compared. */
#define HOLD_US (1 * ASSAY_US_PER_S)
#define LISTS_MAX ((size_t)48 * 1024 * 1024)

enum rc
tests_create_sdk_build(struct tests *t, struct ctx *ctx, const Assay__CreateSdkBuildRequest *req,
                       Assay__CreateSdkBuildResponse *resp)
{
    const Assay__SdkBuildInput *in = req->build;
    Assay__GetTokenContextResponse *who = NULL;
    struct viz_build made;
    struct viz_build_new build = {
        .name = in->name,
        .branch = in->branch,
        .environment = in->environment,
        .commit_sha = in->commit_sha,
        .commit_message = in->commit_message,
        .common_ancestor_sha = in->common_ancestor_sha,
        .parallel_id = in->parallel_id,
        .pull_request = in->has_github_pull_request_number ? in->github_pull_request_number : 0,
        .has_threshold = in->has_threshold,
        .threshold = in->threshold,
        .agent = req->agent,
    };

    if (in->has_metadata) {
        build.metadata = str_n((const char *)in->metadata.data, in->metadata.len);
    }
    enum rc rc = viz_caller(t, ctx, &who); /* before anything is locked */
    rc = rc == RC_OK ? viz_build_create(t, ctx, &build, &made) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = made.id;
    resp->name = made.name;
    resp->branch = made.branch;
    resp->environment = made.environment;
    resp->status = pb_strz(ctx->arena, strcmp(made.status, "created") == 0 ? STR("created")
                                                                           : STR("processing"));
    resp->url = viz_build_url(ctx, made.id);
    resp->organization_slug = who->organization->slug;
    resp->project_slug = who->project->slug;
    resp->created_at = made.created_us;
    return RC_OK;
}

/* --- reading ------------------------------------------------------------------------------- */

/* Columns of viz_build_rows. */
enum {
    B_ID,
    B_NAME,
    B_BRANCH,
    B_ENVIRONMENT,
    B_STATUS,
    B_SCREENSHOTS,
    B_CREATED,
    B_UPDATED,
    B_COMPLETED,
    B_COMMIT,
    B_MESSAGE,
    B_ANCESTOR,
    B_PULL,
    B_PARALLEL,
    B_THRESHOLD,
    B_TIME,
    B_AGENT,
    B_TOTAL,
    B_OPEN,
    B_FAILED,
    B_CHANGED,
    B_IDENTICAL,
    B_APPROVED,
    B_REJECTED,
    B_UNDECIDED,
    B_ACCEPTED,
    B_AVERAGE,
    B_IS_BASELINE,
    B_AUTO_APPROVED,
    B_PROJECT,
    B_ORG,
    B_SEQ,
    B_LIST_TOTAL /* of viz_build_list */
};

static void
fill_counts(const struct db_result *res, int row, Assay__SdkBuild *b)
{
    int64_t total = db_i64(res, row, B_TOTAL);
    int64_t open = db_i64(res, row, B_OPEN);
    int64_t failed = db_i64(res, row, B_FAILED);
    int64_t accepted = db_i64(res, row, B_ACCEPTED);

    b->screenshot_count = db_i64(res, row, B_SCREENSHOTS);
    b->comparison_count = total;
    b->total_comparisons = total;
    b->new_comparisons = b->screenshot_count - total;
    b->changed_comparisons = db_i64(res, row, B_CHANGED);
    b->identical_comparisons = db_i64(res, row, B_IDENTICAL);
    b->completed_jobs = total - open - failed;
    b->failed_jobs = failed;
    b->processing_screenshots = open;
    b->approved_screenshots = db_i64(res, row, B_APPROVED);
    b->rejected_screenshots = db_i64(res, row, B_REJECTED);
    b->pending_screenshots = db_i64(res, row, B_UNDECIDED);
    b->has_avg_diff_percentage = !db_is_null(res, row, B_AVERAGE);
    b->avg_diff_percentage = db_f64(res, row, B_AVERAGE);
    b->comparisons_total = total;
    b->comparisons_passed = accepted;
    b->comparisons_failed = total - open - accepted;
}

static void
fill_build(struct ctx *ctx, const struct db_result *res, int row, Assay__SdkBuild *b)
{
    assay__sdk_build__init(b);
    b->id = db_strz(res, row, B_ID);
    b->name = db_strz(res, row, B_NAME);
    b->branch = db_strz(res, row, B_BRANCH);
    b->environment = db_strz(res, row, B_ENVIRONMENT);
    b->status = db_strz(res, row, B_STATUS);
    b->created_at = db_time_us(res, row, B_CREATED);
    PB_SET(b, started_at, b->created_at);
    b->updated_at = db_time_us(res, row, B_UPDATED);
    b->has_completed_at = !db_is_null(res, row, B_COMPLETED);
    b->completed_at = db_time_us(res, row, B_COMPLETED);
    b->commit_sha = db_strz(res, row, B_COMMIT);
    b->commit_message = db_strz(res, row, B_MESSAGE);
    b->common_ancestor_sha = db_strz(res, row, B_ANCESTOR);
    b->has_github_pull_request_number = !db_is_null(res, row, B_PULL);
    b->github_pull_request_number = db_i64(res, row, B_PULL);
    b->parallel_id = db_strz(res, row, B_PARALLEL);
    b->threshold = db_f64(res, row, B_THRESHOLD);
    b->has_execution_time_ms = !db_is_null(res, row, B_TIME);
    b->execution_time_ms = db_i64(res, row, B_TIME);
    b->user_agent = db_strz(res, row, B_AGENT);
    fill_counts(res, row, b);
    b->approval_status = pb_strz(ctx->arena, b->rejected_screenshots > 0  ? STR("rejected")
                                             : b->pending_screenshots > 0 ? STR("pending")
                                                                          : STR("approved"));
    b->is_baseline = db_bool(res, row, B_IS_BASELINE);
    b->url = viz_build_url(ctx, b->id);
}

enum rc
tests_list_sdk_builds(struct tests *t, struct ctx *ctx, const Assay__ListSdkBuildsRequest *req,
                      Assay__ListSdkBuildsResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(t->db, ctx, Q_VIZ_BUILD_LIST, &res, DB_ARG_I64(ctx->who.org_id),
                 DB_ARG_I64(ctx->who.project_id), DB_ARG_Z(req->branch), DB_ARG_Z(req->environment),
                 DB_ARG_Z(req->status), DB_ARG_I64(req->limit), DB_ARG_I64(req->offset));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = db_is_null(res, 0, B_ID) ? 0 : (size_t)db_rows(res);
    Assay__SdkBuild *builds = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkBuild);
    resp->builds = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkBuild *);
    resp->pagination = PB_NEW(ctx->arena, Assay__SdkPagination, assay__sdk_pagination);
    if (builds == NULL || resp->builds == NULL || resp->pagination == NULL) {
        return fail_memory(ctx, "too many builds");
    }
    for (size_t i = 0; i < n; i++) {
        fill_build(ctx, res, (int)i, &builds[i]);
        resp->builds[i] = &builds[i];
    }
    resp->data = resp->builds;
    resp->n_builds = resp->n_data = n;
    resp->pagination->total = db_i64(res, 0, B_LIST_TOTAL);
    resp->pagination->limit = req->limit;
    resp->pagination->offset = req->offset;
    resp->pagination->has_more = req->offset + (int64_t)n < resp->pagination->total;
    return RC_OK;
}

static enum rc
read_build(struct tests *t, struct ctx *ctx, const char *id, struct viz_read *out)
{
    const struct db_result *res = NULL;
    Assay__SdkBuild *build = ARENA_NEW(ctx->arena, Assay__SdkBuild);

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_BUILD_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(id), viz_bound(ctx));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "BUILD_NOT_FOUND", "no such build");
    }
    if (build == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    fill_build(ctx, res, 0, build);
    *out = (struct viz_read){.build = build,
                             .project_id = db_i64(res, 0, B_PROJECT),
                             .auto_approved = db_i64(res, 0, B_AUTO_APPROVED)};
    return RC_OK;
}

enum rc
viz_build_read(struct tests *t, struct ctx *ctx, const char *id, struct viz_read *out)
{
    int64_t until_us = clk_mono_us() + HOLD_US;

    for (;;) {
        uint64_t seen = viz_generation(t->viz);
        enum rc rc = read_build(t, ctx, id, out);
        bool comparing = rc == RC_OK && out->build->processing_screenshots > 0 &&
                         strcmp(out->build->status, "processing") == 0 &&
                         out->build->has_completed_at;
        if (!comparing || clk_mono_us() >= until_us) {
            return rc;
        }
        viz_wait(t->viz, seen, until_us);
    }
}

/* A member that is there even when it is empty: the list as JSON. */
static enum rc
as_json(struct ctx *ctx, const struct pb_table *table, ProtobufCMessage **list, size_t n,
        ProtobufCBinaryData *out)
{
    struct buf b;

    buf_init(&b, LISTS_MAX);
    buf_putc(&b, '[');
    for (size_t i = 0; i < n; i++) {
        buf_put(&b, i == 0 ? STR_EMPTY : STR(","));
        pb_to_json(table, list[i], &b);
    }
    buf_putc(&b, ']');
    bool ok = !buf_failed(&b);
    *out = pb_bytes(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return ok && !arena_failed(ctx->arena) ? RC_OK : fail_memory(ctx, "the answer is too large");
}

static enum rc
include(struct tests *t, struct ctx *ctx, const Assay__GetSdkBuildRequest *req, const char *what,
        Assay__SdkBuild *build)
{
    size_t n = 0;

    if (strcmp(what, "screenshots") == 0) {
        Assay__SdkScreenshot **list = NULL;
        enum rc rc = viz_screenshots(t, ctx, build->id, &list, &n);
        build->has_screenshots = rc == RC_OK;
        return rc != RC_OK ? rc
                           : as_json(ctx, &assay__sdk_screenshot__table, (ProtobufCMessage **)list,
                                     n, &build->screenshots);
    }
    if (strcmp(what, "comparisons") == 0) {
        Assay__SdkComparison **list = NULL;
        enum rc rc = VIZ_COMPARISONS(t, ctx, Q_VIZ_COMPARISONS_OF_BUILD, viz_is_cli(req->agent),
                                     &list, &n, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(build->id));
        build->has_comparisons = rc == RC_OK;
        return rc != RC_OK ? rc
                           : as_json(ctx, &assay__sdk_comparison__table, (ProtobufCMessage **)list,
                                     n, &build->comparisons);
    }
    build->review_summary = PB_NEW(ctx->arena, Assay__SdkReviewSummary, assay__sdk_review_summary);
    return build->review_summary == NULL
               ? fail_memory(ctx, "the request needs too much memory")
               : viz_review_summary(t, ctx, build->id, build->review_summary);
}

enum rc
tests_get_sdk_build(struct tests *t, struct ctx *ctx, const Assay__GetSdkBuildRequest *req,
                    Assay__GetSdkBuildResponse *resp)
{
    struct viz_read read;
    enum rc rc = viz_build_read(t, ctx, req->build_id, &read);

    resp->build = rc == RC_OK ? read.build : NULL;
    for (size_t i = 0; rc == RC_OK && i < req->n_include; i++) {
        rc = include(t, ctx, req, req->include[i], resp->build);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->url = resp->build->url;
    resp->project = PB_NEW(ctx->arena, Assay__SdkBuildProject, assay__sdk_build_project);
    return resp->project != NULL ? RC_OK : fail_memory(ctx, "the request needs too much memory");
}

/* --- progress ------------------------------------------------------------------------------ */

static enum rc
tell_status(struct tests *t, struct ctx *ctx, struct str id, struct str name, const char *status)
{
    struct svc_event event = {
        .type = strcmp(status, "completed") == 0 ? "visual_build.completed"
                : strcmp(status, "failed") == 0  ? "visual_build.failed"
                                                 : "visual_build.updated",
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_build"),
        .resource_id = id,
        .resource_name = name,
    };
    enum rc rc = svc_emit(t->db, ctx, &event);
    return rc == RC_OK ? viz_tell_done(t, ctx, &id, 1) : rc;
}

static const char *
stored_status(const char *asked)
{
    return strcmp(asked, "pending") == 0   ? "created"
           : strcmp(asked, "running") == 0 ? "processing"
                                           : asked;
}

enum rc
tests_set_sdk_build_status(struct tests *t, struct ctx *ctx,
                           const Assay__SetSdkBuildStatusRequest *req,
                           Assay__SetSdkBuildStatusResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(t->db, ctx, Q_VIZ_BUILD_SET_STATUS, &res, DB_ARG_I64(ctx->who.org_id),
                 DB_ARG_Z(req->build_id), DB_ARG_Z(stored_status(req->status)),
                 req->has_execution_time_ms ? DB_ARG_I64(req->execution_time_ms) : DB_ARG_NULL,
                 viz_bound(ctx));
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "BUILD_NOT_FOUND", "no such build");
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (!db_is_null(res, 0, 3) && strcmp(req->status, "completed") == 0) {
        resp->message = pb_strz(
            ctx->arena, STR("Build with parallel_id cannot be finalized via status endpoint. Use "
                            "POST /api/sdk/parallel/:parallelId/finalize to complete all "
                            "parallel shards."));
        resp->build_id = db_strz(res, 0, 0);
        resp->status = pb_strz(ctx->arena, STR("processing"));
        resp->parallel_id = db_strz(res, 0, 3);
        PB_SET(resp, awaiting_finalize_all, 1);
        return RC_OK;
    }
    resp->message = pb_strz(ctx->arena, STR("Build status updated successfully"));
    resp->build = PB_NEW(ctx->arena, Assay__SdkBuildState, assay__sdk_build_state);
    if (resp->build == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    resp->build->id = db_strz(res, 0, 0);
    resp->build->status = db_strz(res, 0, 1);
    resp->build->has_execution_time_ms = !db_is_null(res, 0, 2);
    resp->build->execution_time_ms = db_i64(res, 0, 2);
    return tell_status(t, ctx, db_str(res, 0, 0), db_str(res, 0, 4), resp->build->status);
}

enum rc
tests_finalize_sdk_build(struct tests *t, struct ctx *ctx,
                         const Assay__FinalizeSdkBuildRequest *req,
                         Assay__FinalizeSdkBuildResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_BUILD_FINALIZE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(ctx->who.project_id), DB_ARG_Z(req->parallel_id));
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "BUILD_NOT_FOUND", "no build with this parallel_id");
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->message = pb_strz(ctx->arena, STR("Parallel build finalized successfully"));
    resp->build = PB_NEW(ctx->arena, Assay__FinalizedSdkBuild, assay__finalized_sdk_build);
    if (resp->build == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    resp->build->id = db_strz(res, 0, 0);
    resp->build->status = db_strz(res, 0, 1);
    resp->build->parallel_id = db_strz(res, 0, 2);
    return tell_status(t, ctx, db_str(res, 0, 0), db_str(res, 0, 3), "completed");
}
