/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is asked to review a build, and the state of the review that follows from it. */
#include <string.h>

#include "auth_client.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

static Assay__SdkAssignment *
assignment(struct ctx *ctx, const struct db_result *res, int row)
{
    Assay__SdkAssignment *a = PB_NEW(ctx->arena, Assay__SdkAssignment, assay__sdk_assignment);

    if (a == NULL) {
        return NULL;
    }
    a->id = db_strz(res, row, 0);
    a->user_id = db_strz(res, row, 1);
    a->user_name = db_strz(res, row, 2);
    a->status = db_strz(res, row, 3);
    a->assigned_at = db_time_us(res, row, 4);
    a->has_completed_at = !db_is_null(res, row, 5);
    a->completed_at = db_time_us(res, row, 5);
    a->has_due_date = !db_is_null(res, row, 6);
    a->due_date = db_time_us(res, row, 6);
    return a;
}

static struct str
status_of(const Assay__SdkReviewStatistics *s)
{
    if (s->rejected > 0) {
        return STR("rejected");
    }
    if (s->total_assignments == 0) {
        return STR("pending"); /* nobody is asked */
    }
    if (s->pending > 0) {
        return STR("in_progress");
    }
    return s->approved == s->total_assignments ? STR("approved") : STR("completed");
}

enum rc
viz_review_summary(struct tests *t, struct ctx *ctx, const char *build_id,
                   Assay__SdkReviewSummary *out)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_ASSIGNMENTS, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(build_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__SdkReviewStatistics *s =
        PB_NEW(ctx->arena, Assay__SdkReviewStatistics, assay__sdk_review_statistics);
    out->assignments = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkAssignment *);
    for (size_t i = 0; s != NULL && out->assignments != NULL && i < n; i++) {
        Assay__SdkAssignment *a = assignment(ctx, res, (int)i);
        if (a == NULL) {
            break;
        }
        s->pending += strcmp(a->status, "pending") == 0;
        s->completed += strcmp(a->status, "pending") != 0;
        s->approved += strcmp(a->status, "approved") == 0;
        s->rejected += strcmp(a->status, "rejected") == 0;
        out->assignments[out->n_assignments++] = a;
    }
    if (arena_failed(ctx->arena)) {
        return fail_memory(ctx, "too many reviewers");
    }
    s->total_assignments = (int64_t)n;
    out->build_id = pb_strz(ctx->arena, str_z(build_id));
    out->review_status = pb_strz(ctx->arena, status_of(s));
    out->statistics = s;
    return RC_OK;
}

enum rc
tests_get_sdk_review_summary(struct tests *t, struct ctx *ctx,
                             const Assay__GetSdkReviewSummaryRequest *req,
                             Assay__SdkReviewSummary *resp)
{
    struct viz_head head;
    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);

    return rc == RC_OK ? viz_review_summary(t, ctx, head.id, resp) : rc;
}

/* --- assigning ----------------------------------------------------------------------------- */

/* A comment that decides is the decision of the person who is assigned. */
enum rc
viz_assignment_decide(struct tests *t, struct ctx *ctx, const char *build_id, const char *user_id,
                      const char *type)
{
    const char *status = strcmp(type, "approval") == 0    ? "approved"
                         : strcmp(type, "rejection") == 0 ? "rejected"
                                                          : NULL;

    return status == NULL
               ? RC_OK
               : DB_QUERY(t->db, ctx, Q_VIZ_ASSIGNMENT_DECIDE, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(build_id), DB_ARG_Z(user_id), DB_ARG_Z(status));
}

static enum rc
tell(struct tests *t, struct ctx *ctx, const char *type, const struct viz_head *head,
     struct str details)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_build"),
        .resource_id = str_z(head->id),
        .resource_name = str_z(head->name),
        .details = details,
    };
    return svc_emit(t->db, ctx, &event);
}

enum rc
tests_assign_sdk_reviewer(struct tests *t, struct ctx *ctx,
                          const Assay__AssignSdkReviewerRequest *req,
                          Assay__AssignSdkReviewerResponse *resp)
{
    Assay__FindMemberRequest ask = ASSAY__FIND_MEMBER_REQUEST__INIT;
    Assay__FindMemberResponse *member = NULL;
    const struct db_result *res = NULL;
    struct viz_head head;
    int64_t due_us = 0;

    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);
    if (rc == RC_OK && req->due_date != NULL && clk_parse(str_z(req->due_date), &due_us) != RC_OK) {
        rc = fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "due_date is not an instant");
    }
    ask.email = req->email;
    rc = rc == RC_OK ? auth_call_find_member(svc_client(t->svc, SVC_AUTH), ctx, &ask, &member) : rc;
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_ASSIGN, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(req->build_id), DB_ARG_Z(member->id), DB_ARG_Z(member->name),
                      req->due_date == NULL ? DB_ARG_NULL : DB_ARG_TIME(due_us));
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->assignment = assignment(ctx, res, 0);
    return resp->assignment != NULL
               ? tell(t, ctx, "visual_build.reviewer_assigned", &head, str_z(member->name))
               : fail_memory(ctx, "the request needs too much memory");
}

enum rc
tests_unassign_sdk_reviewer(struct tests *t, struct ctx *ctx,
                            const Assay__UnassignSdkReviewerRequest *req,
                            Assay__SdkReviewSummary *resp)
{
    const struct db_result *res = NULL;
    struct viz_head head;

    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_UNASSIGN, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_Z(req->build_id), DB_ARG_Z(req->assignment_id))
                     : rc;
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "ASSIGNMENT_NOT_FOUND", "no such assignment");
    }
    rc = rc == RC_OK ? tell(t, ctx, "visual_build.reviewer_unassigned", &head, db_str(res, 0, 0))
                     : rc;
    return rc == RC_OK ? viz_review_summary(t, ctx, head.id, resp) : rc;
}
