/* SPDX-License-Identifier: Apache-2.0
 *
 * Baselines of cases: list, picture, accept. */
#include "tests/tst_store.h"
#include "tests_sql.h"

/* Of several sizes the newest needs no width. */
static char *
image_url(struct ctx *ctx, const char *case_id, const struct db_result *res, int row)
{
    struct str url = arena_printf(ctx->arena, "/api/v1/tests/cases/%s/baselines/step_%lld.jpg",
                                  case_id, (long long)db_i64(res, row, 2));

    if (!db_bool(res, row, 7)) {
        url = arena_printf(ctx->arena, "%.*s?width=%lld", STR_ARG(url),
                           (long long)db_i64(res, row, 3));
    }
    return pb_strz(ctx->arena, url);
}

enum rc
tests_list_case_baselines(struct tests *t, struct ctx *ctx,
                          const Assay__ListCaseBaselinesRequest *req,
                          Assay__ListCaseBaselinesResponse *resp)
{
    const struct db_result *res = NULL;
    Assay__Case *c = NULL;

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->case_id}, &c, NULL);
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_BASELINE_LIST, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(c->public_id));
    }
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__Baseline *items = ARENA_ARRAY(ctx->arena, n + 1, Assay__Baseline);
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__Baseline *);
    if (items == NULL || resp->items == NULL) {
        return fail_memory(ctx, "too many baselines");
    }
    for (int i = 0; i < (int)n; i++) {
        assay__baseline__init(&items[i]);
        items[i].id = db_i64(res, i, 0);
        items[i].test_case_id = db_i64(res, i, 1);
        items[i].step_index = db_i64(res, i, 2);
        items[i].image_url = image_url(ctx, c->public_id, res, i);
        items[i].width = db_i64(res, i, 3);
        items[i].height = db_i64(res, i, 4);
        items[i].created_at = db_time_us(res, i, 5);
        items[i].updated_at = db_time_us(res, i, 6);
        resp->items[resp->n_items++] = &items[i];
    }
    return RC_OK;
}

enum rc
tests_get_case_baseline_image(struct tests *t, struct ctx *ctx,
                              const Assay__GetCaseBaselineImageRequest *req, Assay__Blob *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_BASELINE_IMAGE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->case_id), DB_ARG_I64(req->step_index),
                          req->has_width ? DB_ARG_I64(req->width) : DB_ARG_NULL);
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "BASELINE_NOT_FOUND", "this step has no baseline");
    }
    resp->key = db_strz(res, 0, 0);
    resp->content_type = db_strz(res, 0, 1);
    return RC_OK;
}

/* --- accepting ----------------------------------------------------------------------------- */

static enum rc
check_over(struct tests *t, struct ctx *ctx, const char *run_id)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(t->db, ctx, Q_RUN_IS_OPEN, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(run_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "RUN_NOT_FOUND", "no such run");
    }
    return db_bool(res, 0, 0)
               ? fail(ctx, RC_FAILED_PRECONDITION, "RUN_NOT_OVER", "the run is not over")
               : RC_OK;
}

static enum rc
tell_updated(struct tests *t, struct ctx *ctx, const char *run_id, struct str case_id,
             struct str name, struct str steps)
{
    struct buf b;

    buf_init(&b, (size_t)1024 * 1024);
    buf_putc(&b, '{');
    json_put_member_str(&b, "case_id", case_id);
    json_put_member_str(&b, "name", name);
    json_put_member_str(&b, "run_id", str_z(run_id));
    json_put_key(&b, "step_indexes");
    buf_printf(&b, "[%.*s]}", STR_ARG(str_sub(steps, 1, steps.n - 1))); /* {1,2} of Postgres */
    struct svc_event event = {
        .type = "visual.baseline_updated",
        .tell = TELL_AUDIT | TELL_WEBHOOKS,
        .resource_type = STR("test_case"),
        .resource_id = case_id,
        .resource_name = name,
        .data = arena_str(ctx->arena, buf_str(&b)),
    };
    buf_fini(&b);
    return svc_emit(t->db, ctx, &event);
}

/* The roll-up of what is left. */
static enum rc
roll_up(struct tests *t, struct ctx *ctx, const char *run_id)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VISUAL_STATUS_AGAIN, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(run_id));
    if (rc != RC_OK || db_rows(res) == 0 || db_is_null(res, 0, 0)) {
        return rc;
    }
    return DB_QUERY(t->db, ctx, Q_CHECKS_SETTLE_SUITE_RUN, NULL, DB_ARG_I64(db_i64(res, 0, 0)));
}

enum rc
tests_accept_baselines(struct tests *t, struct ctx *ctx, const Assay__AcceptBaselinesRequest *req,
                       Assay__AcceptBaselinesResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = check_over(t, ctx, req->run_id);
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_BASELINES_ACCEPT, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(req->run_id),
                      req->has_step_index ? DB_ARG_I64(req->step_index) : DB_ARG_NULL);
    }
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "NO_SCREENSHOTS",
                    "no screenshots of the run were compared");
    }
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = tell_updated(t, ctx, req->run_id, db_str(res, i, 0), db_str(res, i, 1),
                          db_str(res, i, 2));
    }
    if (rc == RC_OK) {
        resp->accepted = db_i64(res, 0, 3);
        rc = roll_up(t, ctx, req->run_id);
    }
    return rc;
}
