/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that gather what is known: where a build stands, and what it takes to judge a change. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define HOTSPOT_WINDOW 20
#define SCHEMA_VERSION 1

static enum rc
no_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "the request needs too much memory");
}

static char *
text(struct ctx *ctx, const char *z)
{
    return pb_strz(ctx->arena, str_z(z));
}

/* --- a build ------------------------------------------------------------------------------- */

Assay__SdkFound *
viz_found(struct ctx *ctx, const struct viz_read *read)
{
    Assay__SdkFound *m = PB_NEW(ctx->arena, Assay__SdkFound, assay__sdk_found);

    if (m != NULL) {
        m->total = read->build->total_comparisons;
        m->new_screenshots = read->build->new_comparisons;
        m->changed = read->build->changed_comparisons;
        m->identical = read->build->identical_comparisons;
    }
    return m;
}

Assay__SdkDecided *
viz_decided(struct ctx *ctx, const struct viz_read *read)
{
    Assay__SdkDecided *m = PB_NEW(ctx->arena, Assay__SdkDecided, assay__sdk_decided);

    if (m != NULL) {
        m->pending = read->build->pending_screenshots;
        m->approved = read->build->approved_screenshots - read->auto_approved;
        m->rejected = read->build->rejected_screenshots;
        m->auto_approved = read->auto_approved;
    }
    return m;
}

static const char *
conclusion_of(const Assay__SdkBuild *b)
{
    if (strcmp(b->status, "failed") == 0) {
        return "failed";
    }
    if (strcmp(b->status, "completed") != 0) {
        return "processing";
    }
    return b->rejected_screenshots > 0  ? "rejected"
           : b->pending_screenshots > 0 ? "review_required"
                                        : "passed";
}

/* Nothing is left to do but what only the client can say: that no shard comes any more. */
static bool
waits_for_finalize(const Assay__SdkBuild *b)
{
    return b->parallel_id != NULL && b->processing_screenshots == 0 &&
           (strcmp(b->status, "created") == 0 || strcmp(b->status, "processing") == 0);
}

enum rc
tests_get_sdk_build_status(struct tests *t, struct ctx *ctx,
                           const Assay__GetSdkBuildStatusRequest *req, Assay__SdkBuildStatus *resp)
{
    const struct db_result *res = NULL;
    struct viz_read read;
    enum rc rc = viz_build_read(t, ctx, req->build_id, &read);

    rc = rc == RC_OK ? viz_scope(t, ctx, read.project_id, &resp->scope) : rc;
    rc = rc == RC_OK
             ? DB_QUERY(t->db, ctx, Q_VIZ_BUILD_ACTIVE, &res, DB_ARG_I64(ctx->who.org_id),
                        DB_ARG_Z(req->build_id), DB_ARG_I64(read.build->processing_screenshots))
             : rc;
    if (rc != RC_OK) {
        return rc;
    }
    const Assay__SdkBuild *b = read.build;
    resp->processing = PB_NEW(ctx->arena, Assay__SdkProcessing, assay__sdk_processing);
    resp->visual_review = PB_NEW(ctx->arena, Assay__SdkVisualReview, assay__sdk_visual_review);
    resp->links = PB_NEW(ctx->arena, Assay__SdkLinks, assay__sdk_links);
    resp->comparisons = viz_found(ctx, &read);
    resp->review = viz_decided(ctx, &read);
    if (arena_failed(ctx->arena)) {
        return no_memory(ctx);
    }
    resp->resource = text(ctx, "build_status");
    resp->schema_version = SCHEMA_VERSION;
    resp->build = read.build;
    resp->processing->total = b->total_comparisons;
    resp->processing->completed = b->completed_jobs;
    resp->processing->failed = b->failed_jobs;
    resp->processing->active = db_i64(res, 0, 0);
    resp->processing->pending = b->processing_screenshots - resp->processing->active;
    resp->conclusion = text(ctx, conclusion_of(b));
    resp->waits_for = waits_for_finalize(b) ? text(ctx, "finalize") : NULL;
    resp->review_state = resp->visual_review->state = b->approval_status;
    resp->links->web = b->url;
    rc = viz_preview_read(t, ctx, b->id, &resp->preview);
    if (rc != RC_OK) {
        return rc;
    }
    return arena_failed(ctx->arena) ? no_memory(ctx) : RC_OK;
}

/* --- the evidence of a build --------------------------------------------------------------- */

static Assay__SdkEvidencePage *
page(struct ctx *ctx, int64_t limit, int64_t offset, int64_t total, size_t returned)
{
    Assay__SdkEvidencePage *m =
        PB_NEW(ctx->arena, Assay__SdkEvidencePage, assay__sdk_evidence_page);

    if (m != NULL) {
        m->limit = limit;
        m->offset = offset;
        m->total = total;
        m->returned = (int64_t)returned;
        m->has_more = offset + (int64_t)returned < total;
    }
    return m;
}

/* The first row is the build that most screenshots are held against. */
static enum rc
find_baselines(struct tests *t, struct ctx *ctx, const char *build_id,
               Assay__SdkBuildBaseline **out)
{
    const struct db_result *res = NULL;
    Assay__SdkBuildBaseline *m =
        PB_NEW(ctx->arena, Assay__SdkBuildBaseline, assay__sdk_build_baseline);

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_BASELINES_OF_BUILD, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(build_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    char **ids = ARENA_ARRAY(ctx->arena, n + 1, char *);
    if (m == NULL || ids == NULL) {
        return no_memory(ctx);
    }
    m->comparison_baseline_build_ids = ids;
    for (size_t i = 0; i < n; i++) {
        char *id = db_strz(res, (int)i, 0);
        bool seen = false;
        for (size_t k = 0; k < m->n_comparison_baseline_build_ids; k++) {
            seen = seen || strcmp(ids[k], id) == 0;
        }
        if (!seen) {
            ids[m->n_comparison_baseline_build_ids++] = id;
        }
    }
    if (n > 0) {
        m->selected = PB_NEW(ctx->arena, Assay__SdkSelectedBaseline, assay__sdk_selected_baseline);
        if (m->selected == NULL) {
            return no_memory(ctx);
        }
        m->selected->id = ids[0];
        m->selected->name = db_strz(res, 0, 1);
        m->selection_reason = db_strz(res, 0, 2);
        m->selected->approval_status = db_strz(res, 0, 3);
    }
    *out = m;
    return RC_OK;
}

static Assay__SdkNeedsReview *
needs_review(struct ctx *ctx, const Assay__SdkBuild *b, int64_t comments)
{
    Assay__SdkNeedsReview *m = PB_NEW(ctx->arena, Assay__SdkNeedsReview, assay__sdk_needs_review);
    const char *const reasons[] = {
        comments > 0 ? "unresolved_comments" : NULL,
        b->pending_screenshots > 0 ? "comparisons_need_review" : NULL,
        b->failed_jobs > 0 ? "comparisons_failed" : NULL,
        strcmp(b->status, "failed") == 0 ? "build_failed" : NULL,
    };

    if (m == NULL) {
        return NULL;
    }
    m->reasons = ARENA_ARRAY(ctx->arena, ARRAY_LEN(reasons), char *);
    for (size_t i = 0; m->reasons != NULL && i < ARRAY_LEN(reasons); i++) {
        if (reasons[i] != NULL) {
            m->reasons[m->n_reasons++] = text(ctx, reasons[i]);
        }
    }
    m->needs_review = m->n_reasons > 0;
    m->pending_comparisons = b->pending_screenshots;
    m->unresolved_comments = comments;
    return m;
}

enum rc
tests_get_sdk_build_context(struct tests *t, struct ctx *ctx,
                            const Assay__GetSdkBuildContextRequest *req,
                            Assay__SdkBuildContext *resp)
{
    const struct db_result *res = NULL;
    struct viz_read read;
    enum rc rc = viz_build_read(t, ctx, req->build_id, &read);

    rc = rc == RC_OK ? viz_scope(t, ctx, read.project_id, &resp->scope) : rc;
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_COMMENTS_UNRESOLVED, &res,
                                DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(req->build_id))
                     : rc;
    rc = rc == RC_OK ? find_baselines(t, ctx, req->build_id, &resp->baseline) : rc;
    if (rc == RC_OK) {
        rc =
            VIZ_COMPARISONS(t, ctx, Q_VIZ_EVIDENCE, viz_is_cli(req->agent), &resp->evidence,
                            &resp->n_evidence, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(req->build_id),
                            DB_ARG_I64(req->limit), DB_ARG_I64(req->offset));
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->resource = text(ctx, "build_context");
    resp->build = read.build;
    resp->status = needs_review(ctx, read.build, db_i64(res, 0, 0));
    resp->summary = PB_NEW(ctx->arena, Assay__SdkContextSummary, assay__sdk_context_summary);
    resp->evidence_page =
        page(ctx, req->limit, req->offset, read.build->total_comparisons, resp->n_evidence);
    if (resp->summary != NULL) {
        resp->summary->comparisons = viz_found(ctx, &read);
        resp->summary->review = viz_decided(ctx, &read);
    }
    return arena_failed(ctx->arena) ? no_memory(ctx) : RC_OK;
}

/* --- the history of a change --------------------------------------------------------------- */

/* What one look at the history needs. */
struct look {
    int64_t project_id;
    const char *but; /* this comparison is not told; NULL: all are */
    int64_t limit;
    bool for_cli;
};

static enum rc
recent(struct tests *t, struct ctx *ctx, const struct look *l, const char *name,
       Assay__SdkComparison ***out, size_t *out_count)
{
    return VIZ_COMPARISONS(t, ctx, Q_VIZ_COMPARISONS_RECENT, l->for_cli, out, out_count,
                           DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(l->project_id), DB_ARG_Z(name),
                           DB_ARG_Z(l->but), DB_ARG_I64(l->limit));
}

static enum rc
similar(struct tests *t, struct ctx *ctx, const struct look *l, const char *fingerprint,
        Assay__SdkComparison ***out, size_t *out_count)
{
    return VIZ_COMPARISONS(t, ctx, Q_VIZ_COMPARISONS_SIMILAR, l->for_cli, out, out_count,
                           DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(l->project_id),
                           DB_ARG_Z(fingerprint), DB_ARG_Z(l->but), DB_ARG_I64(l->limit));
}

static enum rc
confirmed_regions(struct tests *t, struct ctx *ctx, int64_t project_id, const char *name,
                  Assay__SdkComparisonHistory *h)
{
    struct str s = str_z(name);
    Assay__SdkRegions *regions = PB_NEW(ctx->arena, Assay__SdkRegions, assay__sdk_regions);

    if (regions == NULL) {
        return no_memory(ctx);
    }
    enum rc rc = viz_regions(t, ctx, project_id, &s, 1, regions);
    h->confirmed_regions = regions->confirmed;
    h->n_confirmed_regions = regions->n_confirmed;
    return rc;
}

enum rc
tests_get_sdk_comparison_context(struct tests *t, struct ctx *ctx,
                                 const Assay__GetSdkComparisonContextRequest *req,
                                 Assay__SdkComparisonContext *resp)
{
    Assay__SdkComparisonHistory *h =
        PB_NEW(ctx->arena, Assay__SdkComparisonHistory, assay__sdk_comparison_history);
    struct look look = {
        .but = req->comparison_id, .limit = req->limit, .for_cli = viz_is_cli(req->agent)};

    if (h == NULL) {
        return no_memory(ctx);
    }
    enum rc rc = viz_comparison_read(t, ctx, req->comparison_id, look.for_cli, &resp->comparison,
                                     &look.project_id);
    rc = rc == RC_OK ? viz_scope(t, ctx, look.project_id, &resp->scope) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    const Assay__SdkComparison *c = resp->comparison;
    resp->resource = text(ctx, "comparison_context");
    resp->history = h;
    rc = recent(t, ctx, &look, c->name, &h->recent_by_name, &h->n_recent_by_name);
    if (rc == RC_OK && c->fingerprint_hash != NULL) {
        rc = similar(t, ctx, &look, c->fingerprint_hash, &h->similar_by_fingerprint,
                     &h->n_similar_by_fingerprint);
    }
    rc = rc == RC_OK ? confirmed_regions(t, ctx, look.project_id, c->name, h) : rc;
    return rc == RC_OK ? viz_hotspots(t, ctx, look.project_id, str_z(c->name), HOTSPOT_WINDOW,
                                      &h->hotspot_analysis)
                       : rc;
}

enum rc
tests_get_sdk_screenshot_context(struct tests *t, struct ctx *ctx,
                                 const Assay__GetSdkScreenshotContextRequest *req,
                                 Assay__SdkScreenshotContext *resp)
{
    struct str name = str_z(req->screenshot_name);
    struct look look = {
        .project_id = ctx->who.project_id, .limit = req->limit, .for_cli = viz_is_cli(req->agent)};

    enum rc rc = viz_check_name(ctx, "screenshot_name", name);
    rc = rc == RC_OK ? recent(t, ctx, &look, req->screenshot_name, &resp->recent, &resp->n_recent)
                     : rc;
    resp->resource = text(ctx, "screenshot_context");
    resp->name = req->screenshot_name;
    return rc == RC_OK ? viz_hotspots(t, ctx, look.project_id, name, HOTSPOT_WINDOW,
                                      &resp->hotspot_analysis)
                       : rc;
}

enum rc
tests_list_sdk_similar(struct tests *t, struct ctx *ctx, const Assay__ListSdkSimilarRequest *req,
                       Assay__SdkSimilar *resp)
{
    struct look look = {
        .project_id = ctx->who.project_id, .limit = req->limit, .for_cli = viz_is_cli(req->agent)};

    resp->resource = text(ctx, "similar_comparisons");
    resp->fingerprint_hash = req->fingerprint_hash;
    return similar(t, ctx, &look, req->fingerprint_hash, &resp->comparisons, &resp->n_comparisons);
}

/* --- what waits for people ----------------------------------------------------------------- */

enum rc
tests_list_sdk_review_queue(struct tests *t, struct ctx *ctx,
                            const Assay__ListSdkReviewQueueRequest *req,
                            Assay__SdkReviewQueue *resp)
{
    const struct db_result *res = NULL;

    resp->summary = PB_NEW(ctx->arena, Assay__SdkQueueSummary, assay__sdk_queue_summary);
    if (resp->summary == NULL) {
        return no_memory(ctx);
    }
    enum rc rc = VIZ_COMPARISONS(t, ctx, Q_VIZ_COMPARISONS_UNDECIDED, viz_is_cli(req->agent),
                                 &resp->comparisons, &resp->n_comparisons,
                                 DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(ctx->who.project_id),
                                 DB_ARG_I64(req->limit), DB_ARG_I64(req->offset));
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_UNDECIDED_COUNT, &res,
                                DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(ctx->who.project_id))
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->resource = text(ctx, "review_queue");
    resp->summary->total = db_i64(res, 0, 0);
    resp->summary->changed = db_i64(res, 0, 1);
    resp->summary->failed = db_i64(res, 0, 2);
    resp->page = page(ctx, req->limit, req->offset, resp->summary->total, resp->n_comparisons);
    return arena_failed(ctx->arena) ? no_memory(ctx) : RC_OK;
}
