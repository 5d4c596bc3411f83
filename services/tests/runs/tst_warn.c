/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run says beside its verdict: cases that were healed, that pass and fail by turns, that
 * took much longer than usual. */
#include "tests/tests.h"
#include "tests_sql.h"

#define TURNS_MIN 3  /* of the verdict, before a case counts as flaky */
#define PASSES_MIN 5 /* before there is a usual time */

static struct str
warning_data(struct ctx *ctx, const struct tst_run_told *run, const struct db_result *res, int row)
{
    struct str data = tst_run_data(ctx, run);
    struct buf b;

    buf_init(&b, (size_t)1024 * 1024);
    buf_put(&b, str_sub(data, 0, data.n - 1)); /* its members, and ours */
    json_put_member_str(&b, "case_id", db_str(res, row, 0));
    json_put_member_str(&b, "case_name", db_str(res, row, 1));
    json_put_member_str(&b, "case_run_id", db_str(res, row, 2));
    if (!db_is_null(res, row, 6)) {
        json_put_member_i64(&b, "usual_duration_ms", db_i64(res, row, 6));
    }
    json_put_member_i64(&b, "case_duration_ms", db_i64(res, row, 7));
    buf_putc(&b, '}');
    struct str out = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

static enum rc
warn(struct tests *t, struct ctx *ctx, const struct tst_run_told *run, const char *type,
     const struct db_result *res, int row)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_WEBHOOKS,
        .org_id = run->org_id,
        .resource_type = STR("test_run"),
        .resource_id = str_z(run->run_id),
        .resource_name = db_str(res, row, 1),
        .data = warning_data(ctx, run, res, row),
        .order_key = str_z(run->run_id),
    };
    return svc_emit(t->db, ctx, &event);
}

enum rc
tst_warn(struct tests *t, struct ctx *ctx, int64_t job_id, const struct tst_run_told *run)
{
    static const struct {
        int column;
        const char *type;
    } WARNINGS[] = {
        {3, "run.warning.ai_fallback_used"}, {4, "run.warning.flaky"}, {5, "run.warning.slow"}};
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_RUN_WARNINGS, &res, DB_ARG_I64(job_id),
                          DB_ARG_I64(TURNS_MIN), DB_ARG_I64(PASSES_MIN));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        for (size_t k = 0; rc == RC_OK && k < ARRAY_LEN(WARNINGS); k++) {
            if (db_bool(res, i, WARNINGS[k].column)) {
                rc = warn(t, ctx, run, WARNINGS[k].type, res, i);
            }
        }
    }
    return rc;
}
