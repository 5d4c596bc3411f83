/* SPDX-License-Identifier: Apache-2.0
 *
 * Baselines of cases: list, picture, delete, accept. */
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
                      DB_ARG_I64(c->id));
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
        items[i].step = db_strz(res, i, 8);
        items[i].run_id = db_strz(res, i, 9);
        resp->items[resp->n_items++] = &items[i];
    }
    return RC_OK;
}

enum rc
tests_get_case_baseline_image(struct tests *t, struct ctx *ctx,
                              const Assay__GetCaseBaselineImageRequest *req, Assay__Blob *resp)
{
    const struct db_result *res = NULL;
    Assay__Case *c = NULL;

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->case_id}, &c, NULL);
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_BASELINE_IMAGE, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(c->id), DB_ARG_I64(req->step_index),
                      req->has_width ? DB_ARG_I64(req->width) : DB_ARG_NULL);
    }
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

/* --- telling ------------------------------------------------------------------------------- */

/* `run_id` NULL: they were deleted. */
static enum rc
tell_updated(struct tests *t, struct ctx *ctx, const char *run_id, struct str case_id,
             struct str name, struct str step_indexes)
{
    struct buf b;

    buf_init(&b, (size_t)1024 * 1024);
    buf_putc(&b, '{');
    json_put_member_str(&b, "case_id", case_id);
    json_put_member_str(&b, "name", name);
    json_put_key(&b, "run_id");
    if (run_id == NULL) {
        buf_putz(&b, "null");
    } else {
        json_put_str(&b, str_z(run_id));
    }
    json_put_key(&b, "step_indexes");
    buf_printf(&b, "[%.*s]}", STR_ARG(step_indexes));
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

/* --- deleting ------------------------------------------------------------------------------ */

enum rc
tests_delete_case_baselines(struct tests *t, struct ctx *ctx,
                            const Assay__DeleteCaseBaselinesRequest *req,
                            Assay__DeleteCaseBaselinesResponse *resp)
{
    const struct db_result *res = NULL;
    Assay__Case *c = NULL;
    struct buf steps;

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->case_id}, &c, NULL);
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_BASELINES_DELETE, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(c->id),
                      req->has_step_index ? DB_ARG_I64(req->step_index) : DB_ARG_NULL);
    }
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "BASELINE_NOT_FOUND", "there is no baseline");
    }
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&steps, (size_t)1024 * 1024);
    for (int i = 0; i < db_rows(res); i++) {
        if (db_i64(res, i, 0) >= 0) { /* the others are of steps that are gone already */
            buf_printf(&steps, "%s%lld", steps.n > 0 ? "," : "", (long long)db_i64(res, i, 0));
        }
    }
    struct str list = arena_str(ctx->arena, buf_str(&steps));
    buf_fini(&steps);
    resp->deleted = db_rows(res);
    return tell_updated(t, ctx, NULL, str_z(c->public_id), str_z(c->name), list);
}

/* --- accepting ----------------------------------------------------------------------------- */

static enum rc
check_over(struct tests *t, struct ctx *ctx, const Assay__AcceptBaselinesRequest *req)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_RUN_IS_OPEN, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->run_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "RUN_NOT_FOUND", "no such run");
    }
    if (req->has_step_index && str_starts(str_z(req->run_id), STR("sr"))) {
        return fail(ctx, RC_FAILED_PRECONDITION, "STEP_OF_SUITE_RUN",
                    "step_index needs the run of one case, not of a suite");
    }
    return db_bool(res, 0, 0)
               ? fail(ctx, RC_FAILED_PRECONDITION, "RUN_NOT_OVER", "the run is not over")
               : RC_OK;
}

/* What the statements of an acceptance are about. */
#define ACCEPT_ARGS                                                                                \
    DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(req->run_id),                                            \
        req->has_step_index ? DB_ARG_I64(req->step_index) : DB_ARG_NULL

/* Refuses to undo what somebody else has decided since the run. Holds the baselines until the end
 * of the transaction. */
static enum rc
check_proposed(struct tests *t, struct ctx *ctx, const Assay__AcceptBaselinesRequest *req,
               int64_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_BASELINES_LOCK, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->run_id));
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_BASELINES_PROPOSED, &res, ACCEPT_ARGS) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    *out_count = db_rows(res);
    if (db_rows(res) == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "NO_SCREENSHOTS",
                    "no screenshots of the run were compared");
    }
    if (!req->replace && db_bool(res, 0, 2)) { /* conflicts come first */
        return fail(ctx, RC_FAILED_PRECONDITION, "CONFLICT",
                    "the baseline of step %lld \"%.*s\" was changed since this run was compared "
                    "with it; look again, or send replace: true",
                    (long long)db_i64(res, 0, 0) + 1, STR_ARG(str_sub(db_str(res, 0, 1), 0, 200)));
    }
    return RC_OK;
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

static enum rc
take_over(struct tests *t, struct ctx *ctx, const Assay__AcceptBaselinesRequest *req)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_BASELINES_MAKE_ROOM, NULL, ACCEPT_ARGS);
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_BASELINES_ACCEPT, &res, ACCEPT_ARGS) : rc;
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        struct str steps = db_str(res, i, 2); /* {1,2} */
        rc = tell_updated(t, ctx, req->run_id, db_str(res, i, 0), db_str(res, i, 1),
                          str_sub(steps, 1, steps.n - 1));
    }
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_CHECKS_RESOLVE, NULL, ACCEPT_ARGS) : rc;
    return rc == RC_OK ? roll_up(t, ctx, req->run_id) : rc;
}

enum rc
tests_accept_baselines(struct tests *t, struct ctx *ctx, const Assay__AcceptBaselinesRequest *req,
                       Assay__AcceptBaselinesResponse *resp)
{
    int64_t count = 0;

    enum rc rc = check_over(t, ctx, req);
    rc = rc == RC_OK ? check_proposed(t, ctx, req, &count) : rc;
    rc = rc == RC_OK ? take_over(t, ctx, req) : rc;
    resp->accepted = count;
    return rc;
}
