/* SPDX-License-Identifier: Apache-2.0
 *
 * What people decide and say about builds. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* --- decisions ----------------------------------------------------------------------------- */

/* A rejected screenshot is never a baseline. What is approved is approved wherever it shows, and
 * taken back, it is undecided there. */
static enum rc
follow_content(struct tests *t, struct ctx *ctx, const struct viz_decision *d,
               const char *screenshot, struct str *out_name)
{
    const struct db_result *res = NULL;
    bool rejected = strcmp(d->status, "rejected") == 0;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_DECIDE_SCREENSHOT, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(screenshot), DB_ARG_BOOL(rejected));
    if (rc != RC_OK) {
        return rc;
    }
    int64_t project = db_i64(res, 0, 1);
    struct str signature = db_str(res, 0, 2);
    struct str pixels = db_str(res, 0, 3);
    *out_name = db_str(res, 0, 0);
    if (strcmp(d->status, "approved") != 0) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_CONTENT_FORGET, NULL, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(project), DB_ARG_STR(signature), DB_ARG_STR(pixels));
        return rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_CONTENT_UNSPREAD, NULL,
                                      DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(d->comparison))
                           : rc;
    }
    struct db_arg args[] = {DB_ARG_I64(ctx->who.org_id),
                            DB_ARG_I64(project),
                            DB_ARG_STR(signature),
                            DB_ARG_STR(pixels),
                            DB_ARG_Z(d->comparison),
                            DB_ARG_Z(d->comment),
                            DB_ARG_Z(d->user)};
    rc = db_query(t->db, ctx, Q_VIZ_CONTENT_APPROVE, args, ARRAY_LEN(args), NULL);
    return rc == RC_OK ? db_query(t->db, ctx, Q_VIZ_CONTENT_SPREAD, args, ARRAY_LEN(args), NULL)
                       : rc;
}

static enum rc
tell_decision(struct tests *t, struct ctx *ctx, const struct viz_decision *d, struct str build,
              struct str name)
{
    bool approved = strcmp(d->status, "approved") == 0;
    struct buf b;

    buf_init(&b, (size_t)16 * 1024);
    buf_putc(&b, '{');
    json_put_member_str(&b, "comparison_id", str_z(d->comparison));
    json_put_member_str(&b, "build_id", build);
    json_put_member_str(&b, "name", name);
    json_put_member_str(&b, "approval_status", str_z(d->status));
    buf_putc(&b, '}');
    struct svc_event event = {
        .type = approved ? "visual.baseline_updated" : "visual_comparison.decided",
        .tell = approved ? TELL_AUDIT | TELL_WEBHOOKS : TELL_AUDIT,
        .resource_type = STR("visual_comparison"),
        .resource_id = str_z(d->comparison),
        .resource_name = name,
        .data = arena_str(ctx->arena, buf_str(&b)),
        .details = str_z(d->status),
    };
    buf_fini(&b);
    return svc_emit(t->db, ctx, &event);
}

enum rc
viz_decide(struct tests *t, struct ctx *ctx, const struct viz_decision *d,
           Assay__SdkApprovalResponse *resp)
{
    const struct db_result *res = NULL;
    struct str name;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_CONTENT_LOCK, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(d->comparison), viz_bound(ctx));
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_CONTENT_HOLD, NULL, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_Z(d->comparison))
                     : rc;
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_DECIDE, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(d->comparison), DB_ARG_Z(d->status), DB_ARG_Z(d->comment),
                      DB_ARG_Z(d->user), viz_bound(ctx));
    }
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "COMPARISON_NOT_FOUND", "no such comparison");
    }
    Assay__SdkApproval *m = PB_NEW(ctx->arena, Assay__SdkApproval, assay__sdk_approval);
    if (rc != RC_OK || m == NULL) {
        return rc != RC_OK ? rc : fail_memory(ctx, "the request needs too much memory");
    }
    m->id = db_strz(res, 0, 0);
    m->approval_status = db_strz(res, 0, 1);
    m->approval_comment = db_strz(res, 0, 2);
    m->approved_by = db_strz(res, 0, 3);
    m->has_approved_at = !db_is_null(res, 0, 4);
    m->approved_at = db_time_us(res, 0, 4);
    resp->comparison = m;
    resp->message = pb_strz(ctx->arena, str_z(d->message));
    rc = follow_content(t, ctx, d, db_strz(res, 0, 5), &name);
    return rc == RC_OK ? tell_decision(t, ctx, d, db_str(res, 0, 6), name) : rc;
}

static enum rc
decide(struct tests *t, struct ctx *ctx, struct viz_decision d, Assay__SdkApprovalResponse *resp)
{
    Assay__GetTokenContextResponse *who = NULL;
    enum rc rc = viz_caller(t, ctx, &who); /* before anything is locked */

    if (rc != RC_OK) {
        return rc;
    }
    d.user = who->user->id;
    return viz_decide(t, ctx, &d, resp);
}

enum rc
tests_set_sdk_approval(struct tests *t, struct ctx *ctx, const Assay__SetSdkApprovalRequest *req,
                       Assay__SdkApprovalResponse *resp)
{
    struct viz_decision d = {.comparison = req->comparison_id,
                             .status = req->approval_status,
                             .comment = req->comment,
                             .message = "Comparison approval status updated successfully"};

    return decide(t, ctx, d, resp);
}

enum rc
tests_approve_sdk_comparison(struct tests *t, struct ctx *ctx,
                             const Assay__ApproveSdkComparisonRequest *req,
                             Assay__SdkApprovalResponse *resp)
{
    struct viz_decision d = {.comparison = req->comparison_id,
                             .status = "approved",
                             .comment = req->comment,
                             .message = "Comparison approved successfully"};

    return decide(t, ctx, d, resp);
}

enum rc
tests_reject_sdk_comparison(struct tests *t, struct ctx *ctx,
                            const Assay__RejectSdkComparisonRequest *req,
                            Assay__SdkApprovalResponse *resp)
{
    struct viz_decision d = {.comparison = req->comparison_id,
                             .status = "rejected",
                             .comment = req->reason,
                             .message = "Comparison rejected successfully"};

    return decide(t, ctx, d, resp);
}

/* --- comments ------------------------------------------------------------------------------ */

/* Columns of viz_comments and viz_comment_insert. */
enum { M_ID, M_BUILD, M_USER, M_AUTHOR, M_CONTENT, M_TYPE, M_CREATED, M_UPDATED, M_PARENT };

static void
fill_reply(const struct db_result *res, int row, Assay__SdkReply *m)
{
    assay__sdk_reply__init(m);
    m->id = db_strz(res, row, M_ID);
    m->build_id = db_strz(res, row, M_BUILD);
    m->user_id = db_strz(res, row, M_USER);
    m->author_name = db_strz(res, row, M_AUTHOR);
    m->content = db_strz(res, row, M_CONTENT);
    m->type = db_strz(res, row, M_TYPE);
    m->created_at = db_time_us(res, row, M_CREATED);
    m->updated_at = db_time_us(res, row, M_UPDATED);
}

enum rc
tests_create_sdk_comment(struct tests *t, struct ctx *ctx,
                         const Assay__CreateSdkCommentRequest *req,
                         Assay__CreateSdkCommentResponse *resp)
{
    const struct db_result *res = NULL;
    Assay__GetTokenContextResponse *who = NULL;
    struct viz_head head;

    enum rc rc = viz_caller(t, ctx, &who);
    rc = rc == RC_OK ? viz_build_head(t, ctx, req->build_id, &head) : rc;
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_COMMENT_INSERT, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(req->build_id), DB_ARG_Z(req->parent_id), DB_ARG_Z(who->user->id),
                      DB_ARG_Z(who->user->name), DB_ARG_Z(req->content), DB_ARG_Z(req->type));
    }
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "COMMENT_NOT_FOUND", "no such comment to reply to");
    }
    resp->comment = ARENA_NEW(ctx->arena, Assay__SdkReply);
    if (rc != RC_OK || resp->comment == NULL) {
        return rc != RC_OK ? rc : fail_memory(ctx, "the request needs too much memory");
    }
    fill_reply(res, 0, resp->comment);
    rc = viz_assignment_decide(t, ctx, req->build_id, who->user->id, req->type);
    if (rc != RC_OK) {
        return rc;
    }
    struct svc_event event = {
        .type = "visual_build.commented",
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_build"),
        .resource_id = str_z(head.id),
        .resource_name = str_z(head.name),
    };
    return svc_emit(t->db, ctx, &event);
}

static enum rc
add_reply(struct ctx *ctx, const struct db_result *res, int row, Assay__SdkComment **comments,
          size_t n)
{
    struct str parent = db_str(res, row, M_PARENT);
    Assay__SdkReply *reply = ARENA_NEW(ctx->arena, Assay__SdkReply);

    for (size_t i = 0; reply != NULL && i < n; i++) {
        Assay__SdkComment *c = comments[i];
        if (!str_eqz(parent, c->id)) {
            continue;
        }
        size_t have = c->n_replies * sizeof(Assay__SdkReply *);
        c->replies = arena_grow(ctx->arena, c->replies, have, have + sizeof(Assay__SdkReply *));
        if (c->replies == NULL) {
            break;
        }
        fill_reply(res, row, reply);
        c->replies[c->n_replies++] = reply;
        return RC_OK;
    }
    return fail_memory(ctx, "too many comments");
}

enum rc
tests_list_sdk_comments(struct tests *t, struct ctx *ctx, const Assay__ListSdkCommentsRequest *req,
                        Assay__ListSdkCommentsResponse *resp)
{
    const struct db_result *res = NULL;
    struct viz_head head;

    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_COMMENTS, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_Z(req->build_id))
                     : rc;
    size_t n = rc == RC_OK ? (size_t)db_rows(res) : 0;
    resp->comments = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkComment *);
    for (size_t i = 0; rc == RC_OK && resp->comments != NULL && i < n; i++) {
        if (!db_is_null(res, (int)i, M_PARENT)) {
            rc = add_reply(ctx, res, (int)i, resp->comments, resp->n_comments);
            continue;
        }
        Assay__SdkReply flat;
        Assay__SdkComment *c = PB_NEW(ctx->arena, Assay__SdkComment, assay__sdk_comment);
        if (c == NULL) {
            break;
        }
        fill_reply(res, (int)i, &flat);
        c->id = flat.id;
        c->build_id = flat.build_id;
        c->user_id = flat.user_id;
        c->author_name = flat.author_name;
        c->content = flat.content;
        c->type = flat.type;
        c->created_at = flat.created_at;
        c->updated_at = flat.updated_at;
        resp->comments[resp->n_comments++] = c;
    }
    return rc == RC_OK && arena_failed(ctx->arena) ? fail_memory(ctx, "too many comments") : rc;
}
