/* SPDX-License-Identifier: Apache-2.0
 *
 * A suite of one case whose screenshots are compared: runs of it with pictures that a test draws.
 * Screenshots are JPEGs, as the worker's are. One program includes it once. */
#ifndef ASSAY_TESTS_BSL_LAB_H
#define ASSAY_TESTS_BSL_LAB_H

#include <turbojpeg.h>

#include "tests/tests_fixture.h"

#define W 320
#define H 240

static Assay__Suite *suite;
static Assay__Case *one;
static char run_id[32];
static int64_t job, run;

/* A page of text-like bars; the upper `changed_rows` rows look different. */
UNUSED static struct str
picture(struct arena *arena, int width, int changed_rows, int quality)
{
    unsigned char *rgb = arena_alloc(arena, (size_t)width * H * 3);
    unsigned char *jpeg = NULL;
    unsigned long n = 0;

    for (int y = 0; y < H; y++) {
        for (int x = 0; x < width; x++) {
            bool ink = y % 12 < 5 && (x * 7 + y / 12 * 13) % 11 < 6;
            bool other = y < changed_rows;
            unsigned char *p = rgb + ((size_t)y * (size_t)width + (size_t)x) * 3;
            p[0] = ink ? 30 : other ? 40 : 250;
            p[1] = ink ? 30 : other ? 90 : 250;
            p[2] = ink ? 40 : 250;
        }
    }
    tjhandle tj = tjInitCompress();
    assert_int_equal(tjCompress2(tj, rgb, width, 0, H, TJPF_RGB, &jpeg, &n, TJSAMP_420, quality, 0),
                     0);
    struct str out = arena_str(arena, str_n((const char *)jpeg, n));
    tjFree(jpeg);
    (void)tjDestroy(tj);
    return out;
}

UNUSED static char *
store(struct call *c, struct str jpeg)
{
    char name[BLOB_NAME_MAX + 1];

    assert_int_equal(blob_put(tests.blobs, &c->ctx, STR_EMPTY, jpeg, name), RC_OK);
    return pb_strz(c->arena, str_z(name));
}

/* A step that passed; `key` NULL: without a screenshot. `flow`: the sub-flow it is of, NULL: none;
 * `before`: the steps before it that are not of the same one. */
UNUSED static void
report_step(int index, const char *text, char *key, const char *flow, int before)
{
    struct call c = call_as(0);
    Assay__ReportStepsRequest req = ASSAY__REPORT_STEPS_REQUEST__INIT;
    Assay__ReportResponse resp = ASSAY__REPORT_RESPONSE__INIT;
    Assay__StepReport step = ASSAY__STEP_REPORT__INIT;
    Assay__StepReport *steps[] = {&step};
    Assay__Blob blob = ASSAY__BLOB__INIT;
    char job_id[24];

    (void)snprintf(job_id, sizeof(job_id), "%lld", (long long)job);
    blob.key = key;
    blob.content_type = TEXT("image/jpeg");
    step.index = index;
    step.text = pb_strz(c.arena, str_z(text));
    step.status = TEXT("passed");
    step.kind = TEXT("step");
    step.started_us = clk_wall_us();
    step.screenshot = key == NULL ? NULL : &blob;
    step.flow_id = flow == NULL ? NULL : pb_strz(c.arena, str_z(flow));
    PB_SET(&step, steps_before, before);
    req.job_id = job_id;
    req.fence = 1;
    req.run_id = run;
    req.steps = steps;
    req.n_steps = 1;
    assert_int_equal(WRITE(&c, tests_report_steps(&tests, &c.ctx, &req, &resp)), RC_OK);
    assert_false(resp.lost);
    call_end(&c);
}

UNUSED static void
report_shot(int index, char *key)
{
    report_step(index, "tap Login", key, NULL, 0);
}

UNUSED static void
compare_all(void)
{
    struct call c = call_as(0);

    while (bsl_compare_some(&tests, &c.ctx)) {
        assert_int_equal(c.ctx.err.code, RC_OK);
    }
    call_end(&c);
}

/* A suite of one case with these tiers. */
UNUSED static void
make(struct call *c, const char *warn, const char *fail_at)
{
    char sql[160];

    suite = make_suite(c, TEXT("Shop"));
    one = add_case(c, suite->public_id, TEXT("login"));
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE tests.suites SET visual_regression_warn_pct = %s,"
                   " visual_regression_fail_pct = %s",
                   warn, fail_at);
    pg_support_exec(sql);
}

UNUSED static void
start(struct call *c)
{
    Assay__CiRunSuiteRequest req = ASSAY__CI_RUN_SUITE_REQUEST__INIT;
    Assay__CiRunSuiteResponse resp = ASSAY__CI_RUN_SUITE_RESPONSE__INIT;

    req.suite_id = suite->public_id;
    assert_int_equal(tests_ci_run_suite(&tests, &c->ctx, &req, &resp), RC_OK);
    (void)snprintf(run_id, sizeof(run_id), "%s", resp.run_id);
    dispatch();
    job = n_of("SELECT max(id) FROM tests.jobs");
    run = n_of("SELECT max(id) FROM tests.case_runs");
}

UNUSED static void
end_case(const char *verdict)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "%lld", (long long)job);
    assert_false(report_case(id, 1, run, verdict).lost);
    assert_false(finish_job(id, 1).lost);
}

UNUSED static void
run_showing(struct call *c, struct str jpeg, const char *verdict)
{
    start(c);
    report_shot(0, store(c, jpeg));
    end_case(verdict);
    compare_all();
}

UNUSED static void
expect_run(const char *status, const char *visual)
{
    char sql[512];

    (void)snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM tests.suite_runs s JOIN tests.case_runs r ON r.suite_run_id = s.id"
        " WHERE s.public_id = '%s' AND s.status = '%s' AND r.status = s.status"
        " AND s.visual_status IS NOT DISTINCT FROM %s AND r.visual_status IS NOT DISTINCT FROM %s",
        run_id, status, visual, visual);
    assert_int_equal(n_of(sql), 1);
}

#endif
