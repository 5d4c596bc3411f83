/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop that compares. One screenshot is claimed for the time of a lease; its result and what
 * follows from it are one transaction. Who dies loses the claim, who comes back too late changes
 * nothing. */
#include <string.h>

#include "blob/blob.h"
#include "log/log.h"
#include "tests/baselines/bsl.h"
#include "tests_sql.h"

#define LEASE_US (60 * ASSAY_US_PER_S)
#define ATTEMPTS_MAX 3 /* what breaks its comparer that often is for people */
#define IMAGE_MAX ((size_t)8 * 1024 * 1024)
#define ENGINE_KEPT_BYTES ((size_t)48 * 1024 * 1024)

struct check {
    int64_t id, org_id, job_id, step_index, attempts;
    struct bsl_tiers tiers;
    char *image_key; /* NULL: no screenshot was taken */
    /* what was found */
    int64_t width, height;
    int64_t baseline_id;
    char *baseline_key;  /* NULL: none */
    const char *verdict; /* NULL: nothing to compare with */
    bool awaits_case;    /* which baseline it has shows when the case is over */
    bool is_compared;
    double diff_percentage;
    char *diff_key;
    struct str error; /* empty: none */
};

/* Screenshots are JPEGs: blocks around an edge that moved are off by a little without anybody
 * seeing it. What differs less than that, or in specks, is their noise. */
static struct visual_options
options_for_jpeg(void)
{
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;

    options.threshold = 5.0;
    options.cluster_min = 8;
    options.measure_ssim = false;
    options.output = VISUAL_OUTPUT_PICTURE;
    options.bytes_max = IMAGE_MAX;
    return options;
}

const char *
bsl_verdict(const struct visual_result *result, struct bsl_tiers tiers)
{
    double pct = result->diff_percentage;

    if (result->diff_pixels == 0) {
        return "ok";
    }
    return tiers.fail_pct >= 0 && pct >= (double)tiers.fail_pct   ? "fail"
           : tiers.warn_pct >= 0 && pct >= (double)tiers.warn_pct ? "warn"
                                                                  : "ok";
}

/* What cannot be compared must be looked at: it is no pass, and fails where a difference could. */
static void
give_up(struct check *k, struct str why)
{
    k->verdict = k->tiers.fail_pct >= 0 ? "fail" : "warn";
    k->error = why;
}

/* Reads a picture of the store; one that is gone or too large is the comparison's own trouble. */
static enum rc
read_image(struct tests *t, struct ctx *ctx, struct check *k, const char *key, const char *which,
           struct str *out)
{
    enum rc rc = blob_get(t->blobs, ctx, str_z(key), IMAGE_MAX, out);

    if (rc == RC_NOT_FOUND || rc == RC_RESOURCE_EXHAUSTED) {
        give_up(
            k, arena_printf(ctx->arena, "the picture of the %s is %s", which,
                            rc == RC_NOT_FOUND ? "lost: the store does not have it" : "too large"));
        ctx_recover(ctx);
        return RC_OK;
    }
    return rc;
}

static void
take_baseline(struct check *k, const struct db_result *res)
{
    if (db_rows(res) > 0 && !db_is_null(res, 0, 0)) {
        k->baseline_id = db_i64(res, 0, 0);
        k->baseline_key = db_strz(res, 0, 1);
    }
}

/* A step with a text that no baseline has is new, or an old one reworded: that shows when all steps
 * of the case are known. Of a case that did not pass it is not asked. */
static enum rc
find_baseline(struct tests *t, struct ctx *ctx, struct check *k)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_BASELINE_FIND, &res, DB_ARG_I64(k->id),
                          DB_ARG_I64(k->width), DB_ARG_I64(k->height));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    take_baseline(k, res);
    if (!db_bool(res, 0, 3)) {
        return RC_OK;
    }
    struct str status = db_str(res, 0, 2);
    k->awaits_case = str_eqz(status, ST_PENDING) || str_eqz(status, ST_RUNNING);
    if (!str_eqz(status, ST_PASSED)) {
        return RC_OK;
    }
    rc = DB_QUERY(t->db, ctx, Q_BASELINE_IN_PLACE, &res, DB_ARG_I64(k->id), DB_ARG_I64(k->width),
                  DB_ARG_I64(k->height));
    if (rc == RC_OK) {
        take_baseline(k, res);
    }
    return rc;
}

/* A step that passed and could not be photographed: where there is a baseline, nobody has seen that
 * it looks like it. */
static enum rc
miss_image(struct tests *t, struct ctx *ctx, struct check *k)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_BASELINE_MISSED, &res, DB_ARG_I64(k->id));
    if (rc != RC_OK) {
        return rc;
    }
    take_baseline(k, res);
    k->error = STR("no screenshot was taken");
    if (k->baseline_key != NULL) {
        give_up(k, k->error);
    }
    return RC_OK;
}

static enum rc
keep_result(struct tests *t, struct ctx *ctx, struct check *k, const struct visual_result *result)
{
    char name[BLOB_NAME_MAX + 1];

    k->is_compared = true;
    k->diff_percentage = result->diff_percentage;
    k->verdict = bsl_verdict(result, k->tiers);
    if (result->diff_pixels == 0 || result->picture.n == 0) {
        return RC_OK;
    }
    enum rc rc = blob_put(t->blobs, ctx, STR_EMPTY, result->picture, name);
    k->diff_key = rc == RC_OK ? pb_strz(ctx->arena, str_z(name)) : NULL;
    return rc;
}

/* Its size, and whether it is a picture at all. */
static enum rc
read_current(struct tests *t, struct ctx *ctx, struct check *k,
             const struct visual_options *options, struct str *out)
{
    struct visual_error error;
    struct visual_info info;

    enum rc rc = read_image(t, ctx, k, k->image_key, "screenshot", out);
    if (rc != RC_OK || k->verdict != NULL) {
        return rc;
    }
    if (visual_probe(*out, options, &info, &error) != RC_OK) {
        give_up(k, arena_printf(ctx->arena, "the screenshot: %s", error.text));
        return RC_OK;
    }
    k->width = info.width;
    k->height = info.height;
    return RC_OK;
}

static enum rc
compare(struct tests *t, struct ctx *ctx, struct check *k)
{
    struct visual_options options = options_for_jpeg();
    struct visual_error error;
    struct visual_result result;
    struct str current = STR_EMPTY;
    struct str base = STR_EMPTY;

    if (k->image_key == NULL) {
        return miss_image(t, ctx, k);
    }
    enum rc rc = read_current(t, ctx, k, &options, &current);
    if (rc == RC_OK && k->verdict == NULL) {
        rc = find_baseline(t, ctx, k);
    }
    if (rc != RC_OK || k->verdict != NULL || k->baseline_key == NULL) {
        return rc;
    }
    if (strcmp(k->image_key, k->baseline_key) == 0) {
        base = current; /* names are digests */
    } else {
        rc = read_image(t, ctx, k, k->baseline_key, "baseline", &base);
    }
    if (rc != RC_OK || k->verdict != NULL) {
        return rc;
    }
    if (visual_compare(t->engine, base, current, &options, &result, &error) != RC_OK) {
        bool is_base = error.image == 0;
        k->width = is_base ? k->width : 0; /* without a size nobody can accept it */
        give_up(k, arena_printf(ctx->arena, "the %s: %s", is_base ? "baseline" : "screenshot",
                                error.text));
        return RC_OK;
    }
    return keep_result(t, ctx, k, &result);
}

/* --- telling ------------------------------------------------------------------------------- */

static enum rc
tell(struct tests *t, struct ctx *ctx, const struct check *k, const struct db_result *res)
{
    struct buf b;
    struct tst_run_told run = {
        .run_id = db_strz(res, 0, 0),
        .status = db_is_null(res, 0, 1) ? ST_RUNNING : db_strz(res, 0, 1),
        .suite_id = db_strz(res, 0, 2),
        .test_id = db_strz(res, 0, 3),
        .name = db_strz(res, 0, 4),
        .run_url = db_is_null(res, 0, 5) ? "" : db_strz(res, 0, 5),
        .commit_sha = db_strz(res, 0, 6),
        .metadata = db_is_null(res, 0, 7) ? STR_EMPTY : db_str(res, 0, 7),
        .duration_ms = -1,
    };

    buf_init(&b, (size_t)1024 * 1024);
    struct str data = tst_run_data(ctx, &run);
    buf_put(&b, str_sub(data, 0, data.n - 1)); /* its members, and ours */
    json_put_member_str(&b, "case_id", db_str(res, 0, 3));
    json_put_member_str(&b, "case_run_id", db_str(res, 0, 8));
    json_put_member_i64(&b, "step_index", k->step_index);
    json_put_member_str(&b, "step", db_str(res, 0, 9));
    json_put_key(&b, "diff_percentage");
    if (k->is_compared) {
        json_put_f64(&b, k->diff_percentage);
    } else {
        buf_putz(&b, "null");
        json_put_member_str(&b, "error", k->error);
    }
    buf_putc(&b, '}');
    struct svc_event event = {
        .type = k->verdict[0] == 'f' ? "visual.regression_detected" : "visual.regression_warning",
        .tell = TELL_WEBHOOKS,
        .org_id = k->org_id,
        .resource_type = STR("test_run"),
        .resource_id = str_z(run.run_id),
        .resource_name = str_z(run.name),
        .data = arena_str(ctx->arena, buf_str(&b)),
        .order_key = str_z(run.run_id),
    };
    buf_fini(&b);
    return svc_emit(t->db, ctx, &event);
}

static enum rc
tell_check(struct tests *t, struct ctx *ctx, const struct check *k)
{
    const struct db_result *res = NULL;

    if (k->verdict == NULL || k->verdict[0] == 'o') {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_CHECK_TOLD, &res, DB_ARG_I64(k->id));
    return rc == RC_OK && db_rows(res) > 0 ? tell(t, ctx, k, res) : rc;
}

/* --- one screenshot ------------------------------------------------------------------------ */

/* The job is locked first: whoever comes last, its end or its last screenshot, ends the run. */
static enum rc
write_result(struct tests *t, struct ctx *ctx, const struct check *k)
{
    const struct db_result *job = NULL;
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_JOB_LOCK, &job, DB_ARG_I64(k->job_id), DB_ARG_I64(0));
    if (rc != RC_OK) {
        return rc;
    }
    rc = DB_QUERY(t->db, ctx, Q_CHECK_DONE, &res, DB_ARG_I64(k->id), DB_ARG_I64(k->attempts),
                  k->width > 0 ? DB_ARG_I64(k->width) : DB_ARG_NULL,
                  k->height > 0 ? DB_ARG_I64(k->height) : DB_ARG_NULL, DB_ARG_Z(k->baseline_key),
                  k->is_compared ? DB_ARG_F64(k->diff_percentage) : DB_ARG_NULL,
                  DB_ARG_Z(k->verdict), DB_ARG_Z(k->diff_key),
                  k->error.n == 0 ? DB_ARG_NULL : DB_ARG_STR(k->error),
                  k->baseline_id > 0 ? DB_ARG_I64(k->baseline_id) : DB_ARG_NULL);
    if (rc != RC_OK || db_rows(res) == 0 || db_rows(job) == 0) {
        return rc; /* claimed anew, or gone with a case that started anew */
    }
    struct str state = db_str(job, 0, 3);
    struct tst_job_ref ref = {k->job_id, db_i64(job, 0, 1), db_i64(job, 0, 5)};
    rc = tell_check(t, ctx, k);
    bool is_over = str_eqz(state, "releasing") || str_eqz(state, "done");
    return rc == RC_OK && is_over ? tst_run_end(t, ctx, &ref, true, db_strz(job, 0, 8)) : rc;
}

static enum rc
claim(struct tests *t, struct ctx *ctx, struct check *k, bool *out_any)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_CHECK_CLAIM, &res, DB_ARG_I64(LEASE_US));
    *out_any = rc == RC_OK && db_rows(res) > 0;
    if (*out_any) {
        *k = (struct check){
            .id = db_i64(res, 0, 0),
            .org_id = db_i64(res, 0, 1),
            .job_id = db_i64(res, 0, 2),
            .image_key = db_strz(res, 0, 3),
            .tiers = {db_is_null(res, 0, 4) ? -1 : db_i64(res, 0, 4),
                      db_is_null(res, 0, 5) ? -1 : db_i64(res, 0, 5)},
            .attempts = db_i64(res, 0, 6),
            .step_index = db_i64(res, 0, 7),
        };
    }
    return rc;
}

static enum rc
write_or_put_back(struct tests *t, struct ctx *ctx, const struct check *k)
{
    if (k->awaits_case) {
        return DB_QUERY(t->db, ctx, Q_CHECK_AWAIT_CASE, NULL, DB_ARG_I64(k->id),
                        DB_ARG_I64(k->attempts));
    }
    enum rc rc = db_begin(t->db, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    rc = write_result(t, ctx, k);
    if (rc != RC_OK) {
        db_rollback(t->db, ctx);
        return rc;
    }
    return db_commit(t->db, ctx);
}

bool
bsl_compare_some(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    struct check k;
    bool any = false;

    enum rc rc = claim(t, ctx, &k, &any);
    if (rc != RC_OK || !any) {
        return false;
    }
    if (k.attempts > ATTEMPTS_MAX) {
        give_up(&k, STR("the comparison was begun several times and never ended"));
    } else {
        rc = compare(t, ctx, &k);
        visual_trim(t->engine, ENGINE_KEPT_BYTES);
    }
    rc = rc == RC_OK ? write_or_put_back(t, ctx, &k) : rc;
    (void)rc;
    return true; /* a failure stands in ctx: the loop logs it and waits; the lease brings it back */
}
