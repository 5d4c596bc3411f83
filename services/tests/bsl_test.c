/* SPDX-License-Identifier: Apache-2.0
 *
 * Baselines of steps: seeding, verdicts, the end of runs, lost comparers, accepting. Screenshots
 * are JPEGs, as the worker's are. */
#include <turbojpeg.h>

#include "tests/tests_fixture.h"

#define W 320
#define H 240

static Assay__Suite *suite;
static Assay__Case *one;
static char run_id[32];
static int64_t job, run;

/* A page of text-like bars; the upper `changed_rows` rows look different. */
static struct str
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

static char *
store(struct call *c, struct str jpeg)
{
    char name[BLOB_NAME_MAX + 1];

    assert_int_equal(blob_put(tests.blobs, &c->ctx, STR_EMPTY, jpeg, name), RC_OK);
    return pb_strz(c->arena, str_z(name));
}

static void
report_shot(int index, char *key)
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
    step.text = TEXT("tap Login");
    step.status = TEXT("passed");
    step.kind = TEXT("step");
    step.started_us = clk_wall_us();
    step.screenshot = &blob;
    req.job_id = job_id;
    req.fence = 1;
    req.run_id = run;
    req.steps = steps;
    req.n_steps = 1;
    assert_int_equal(WRITE(&c, tests_report_steps(&tests, &c.ctx, &req, &resp)), RC_OK);
    assert_false(resp.lost);
    call_end(&c);
}

static void
compare_all(void)
{
    struct call c = call_as(0);

    while (bsl_compare_some(&tests, &c.ctx)) {
        assert_int_equal(c.ctx.err.code, RC_OK);
    }
    call_end(&c);
}

/* A suite of one case with these tiers. */
static void
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

static void
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

static void
end_case(const char *verdict)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "%lld", (long long)job);
    assert_false(report_case(id, 1, run, verdict).lost);
    assert_false(finish_job(id, 1).lost);
}

static void
run_showing(struct call *c, struct str jpeg, const char *verdict)
{
    start(c);
    report_shot(0, store(c, jpeg));
    end_case(verdict);
    compare_all();
}

static void
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

/* --- verdicts ------------------------------------------------------------------------------ */

static void
the_first_passing_run_makes_the_baselines(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_FAILED);
    ASSERT_N("baselines", 0);
    expect_run("failed", "NULL");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    ASSERT_N("baselines WHERE step_index = 0 AND width = 320 AND height = 240", 1);
    expect_run("passed", "NULL");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    expect_run("passed", "'ok'");
    ASSERT_N("baselines", 1);
    ASSERT_N("outbox WHERE type LIKE 'visual.%'", 0);
    call_end(&c);
}

static void
noise_of_jpeg_alarms_nobody(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "1", "2");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 0, 70), ST_PASSED);
    expect_run("passed", "'ok'");
    run_showing(&c, picture(c.arena, W, 0, 90), ST_PASSED);
    expect_run("passed", "'ok'");
    ASSERT_N("step_checks WHERE diff_percentage >= 0.5", 0);
    call_end(&c);
}

static void
a_difference_from_the_first_tier_on_warns(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 60, 80), ST_PASSED);
    expect_run("passed", "'warn'");
    ASSERT_N("step_checks WHERE verdict = 'warn' AND diff_percentage BETWEEN 10 AND 25"
             " AND diff_key IS NOT NULL AND baseline_key IS NOT NULL",
             1);
    ASSERT_N("outbox WHERE type = 'visual.regression_warning' AND encode(event, 'escape') ~"
             " '\\{\"run_id\":\"sr[^}]*,\"step_index\":0,\"step\":\"tap "
             "Login\",\"diff_percentage\":[0-9.]+\\}'"
             " AND encode(event, 'escape') NOT LIKE '%,,%'",
             1);
    ASSERT_N("outbox WHERE type = 'visual.run_completed_with_regressions'", 1);
    ASSERT_N("outbox WHERE type IN ('case.failed', 'visual.regression_detected')", 0);
    call_end(&c);
}

static void
a_difference_from_the_second_tier_on_fails_the_step_its_case_and_the_run(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 160, 80), ST_PASSED);
    expect_run("failed", "'fail'");
    ASSERT_N("steps WHERE status = 'failed' AND reason = 'VISUAL_REGRESSION'", 1);
    ASSERT_N("case_runs WHERE error_message = 'step 1 looks different from its baseline'", 1);
    ASSERT_N("suite_runs WHERE status = 'failed' AND failed = 1 AND passed = 0", 1);
    ASSERT_N("outbox WHERE type = 'visual.regression_detected'", 1);
    ASSERT_N("outbox WHERE type = 'visual.run_completed_with_regressions'", 1);
    ASSERT_N("outbox WHERE type = 'case.failed'", 1);
    ASSERT_N("outbox WHERE type = 'run.failed'", 3);
    ASSERT_N("baselines", 1); /* and stays what it was */
    call_end(&c);
}

static void
one_tier_alone_and_none_at_all(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "NULL", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 40, 80), ST_PASSED);
    expect_run("passed", "'ok'");
    pg_support_exec("UPDATE tests.suites SET visual_regression_fail_pct = NULL");
    run_showing(&c, picture(c.arena, W, 240, 80), ST_PASSED);
    expect_run("passed", "NULL");
    ASSERT_N("step_checks", 2);
    call_end(&c);
}

static void
verdicts_count_what_differs_and_tiers_of_zero_need_a_difference(void **state)
{
    struct visual_result none = {.diff_pixels = 0};
    struct visual_result some = {.diff_pixels = 5, .diff_percentage = 10};

    (void)state;
    assert_string_equal(bsl_verdict(&none, (struct bsl_tiers){0, 0}), "ok");
    assert_string_equal(bsl_verdict(&some, (struct bsl_tiers){0, 0}), "fail");
    assert_string_equal(bsl_verdict(&some, (struct bsl_tiers){10, 25}), "warn");
    assert_string_equal(bsl_verdict(&some, (struct bsl_tiers){-1, 10}), "fail");
    assert_string_equal(bsl_verdict(&some, (struct bsl_tiers){11, -1}), "ok");
}

static void
a_device_of_another_size_has_a_baseline_of_its_own(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, 640, 0, 80), ST_PASSED);
    expect_run("passed", "NULL");
    ASSERT_N("baselines", 2);
    call_end(&c);
}

/* --- the end of runs ----------------------------------------------------------------------- */

static void
a_run_ends_when_its_last_screenshot_is_compared(void **state)
{
    struct call c = call_as(ORG);
    struct tst_run seen;

    (void)state;
    make(&c, "10", "25");
    start(&c);
    report_shot(0, store(&c, picture(c.arena, W, 0, 80)));
    report_shot(1, store(&c, picture(c.arena, W, 10, 80)));
    end_case(ST_PASSED);
    ASSERT_N("suite_runs WHERE status = 'running'", 1);
    ASSERT_N("jobs WHERE state = 'releasing'", 1); /* the device is free */
    struct tst_case_result *results = NULL;
    size_t n = 0;
    assert_int_equal(tst_results_of_suite_run(&tests, &c.ctx, 1, &results, &n), RC_OK);
    assert_string_equal(results[0].status, "running");
    assert_int_equal(tst_run_get(&tests, &c.ctx, results[0].public_id, &seen), RC_OK);
    assert_string_equal(seen.msg->status, "running");
    assert_true(bsl_compare_some(&tests, &c.ctx));
    ASSERT_N("suite_runs WHERE status = 'running'", 1);
    assert_true(bsl_compare_some(&tests, &c.ctx));
    ASSERT_N("suite_runs WHERE status = 'passed'", 1);
    ASSERT_N("outbox WHERE type = 'run.passed'", 3);
    ASSERT_N("baselines", 2);
    call_end(&c);
}

static void
a_cancelled_run_ends_cancelled_after_its_screenshots(void **state)
{
    struct call c = call_as(ORG);
    char id[24];

    (void)state;
    make(&c, "10", "25");
    start(&c);
    report_shot(0, store(&c, picture(c.arena, W, 0, 80)));
    pg_support_exec("UPDATE tests.jobs SET cancel = true");
    (void)snprintf(id, sizeof(id), "%lld", (long long)job);
    (void)finish_job(id, 1);
    compare_all();
    ASSERT_N("suite_runs WHERE status = 'cancelled' AND error_message = 'cancelled'", 1);
    ASSERT_N("baselines", 0);
    call_end(&c);
}

/* --- comparers that are lost --------------------------------------------------------------- */

static void
claim_by_another(const char *lease)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql),
                   "UPDATE tests.step_checks SET attempts = attempts + 1,"
                   " lease_until = now() + interval '%s'",
                   lease);
    pg_support_exec(sql);
}

static void
a_screenshot_whose_comparer_died_is_compared_by_another_one(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    start(&c);
    report_shot(0, store(&c, picture(c.arena, W, 0, 80)));
    end_case(ST_PASSED);
    claim_by_another("10 seconds");
    assert_false(bsl_compare_some(&tests, &c.ctx));
    claim_by_another("-1 second");
    compare_all();
    ASSERT_N("suite_runs WHERE status = 'passed'", 1);
    ASSERT_N("outbox WHERE type = 'run.passed'", 3);
    call_end(&c);
}

static void
what_cannot_be_compared_warns_and_says_why(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, STR("no picture"), ST_PASSED);
    expect_run("passed", "'warn'");
    start(&c);
    report_shot(0, TEXT("gone"));
    end_case(ST_PASSED);
    compare_all();
    expect_run("passed", "'warn'");
    start(&c);
    report_shot(0, store(&c, picture(c.arena, W, 0, 80)));
    end_case(ST_PASSED);
    for (int i = 0; i < 3; i++) {
        claim_by_another("-1 second");
    }
    compare_all();
    expect_run("passed", "'warn'");
    ASSERT_N("step_checks WHERE verdict = 'warn' AND error <> ''", 3);
    call_end(&c);
}

static void
a_case_that_starts_anew_forgets_its_screenshots(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    start(&c);
    report_shot(0, store(&c, picture(c.arena, W, 0, 80)));
    pg_support_exec("DELETE FROM tests.steps");
    ASSERT_N("step_checks", 0);
    call_end(&c);
}

/* --- reading and accepting ----------------------------------------------------------------- */

static enum rc
accept(struct call *c, const char *of, int64_t index, int64_t *out)
{
    Assay__AcceptBaselinesRequest req = ASSAY__ACCEPT_BASELINES_REQUEST__INIT;
    Assay__AcceptBaselinesResponse resp = ASSAY__ACCEPT_BASELINES_RESPONSE__INIT;

    req.run_id = pb_strz(c->arena, str_z(of));
    req.has_step_index = index >= 0;
    req.step_index = index;
    enum rc rc = WRITE(c, tests_accept_baselines(&tests, &c->ctx, &req, &resp));
    *out = resp.accepted;
    ctx_recover(&c->ctx);
    return rc;
}

static void
what_is_accepted_becomes_the_baseline_and_is_resolved(void **state)
{
    struct call c = call_as(ORG);
    struct call other = call_as(OTHER_ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 60, 80), ST_PASSED);
    assert_int_equal(accept(&other, run_id, -1, &n), RC_NOT_FOUND);
    assert_int_equal(accept(&c, run_id, 7, &n), RC_FAILED_PRECONDITION);
    assert_int_equal(accept(&c, run_id, 0, &n), RC_OK);
    assert_int_equal(n, 1);
    expect_run("passed", "'ok'");
    ASSERT_N("baselines b JOIN tests.step_checks k USING (image_key) WHERE k.id = 2", 1);
    ASSERT_N("outbox WHERE type = 'visual.baseline_updated'", 2); /* audit and webhooks */
    run_showing(&c, picture(c.arena, W, 60, 80), ST_PASSED);
    expect_run("passed", "'ok'");
    start(&c);
    assert_int_equal(accept(&c, run_id, -1, &n), RC_FAILED_PRECONDITION);
    call_end(&other);
    call_end(&c);
}

static void
baselines_are_listed_and_shown_to_their_organization(void **state)
{
    struct call c = call_as(ORG);
    struct call other = call_as(OTHER_ORG);
    Assay__ListCaseBaselinesRequest list = ASSAY__LIST_CASE_BASELINES_REQUEST__INIT;
    Assay__ListCaseBaselinesResponse all = ASSAY__LIST_CASE_BASELINES_RESPONSE__INIT;
    Assay__GetCaseBaselineImageRequest get = ASSAY__GET_CASE_BASELINE_IMAGE_REQUEST__INIT;
    Assay__Blob blob = ASSAY__BLOB__INIT;
    char want[128];

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, 640, 0, 80), ST_PASSED);
    char *wide = store(&c, picture(c.arena, 640, 0, 80));
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    list.case_id = get.case_id = one->public_id;
    assert_int_equal(tests_list_case_baselines(&tests, &c.ctx, &list, &all), RC_OK);
    assert_int_equal(all.n_items, 2);
    assert_int_equal(all.items[0]->width, W);
    assert_int_equal(all.items[0]->test_case_id, one->id);
    (void)snprintf(want, sizeof(want), "/api/v1/tests/cases/%s/baselines/step_0.jpg",
                   one->public_id);
    assert_string_equal(all.items[0]->image_url, want);
    assert_true(str_ends(str_z(all.items[1]->image_url), STR("step_0.jpg?width=640")));
    get.step_index = 0;
    PB_SET(&get, width, 640);
    assert_int_equal(tests_get_case_baseline_image(&tests, &c.ctx, &get, &blob), RC_OK);
    assert_string_equal(blob.key, wide);
    assert_int_equal(tests_get_case_baseline_image(&tests, &other.ctx, &get, &blob), RC_NOT_FOUND);
    get.step_index = 1;
    assert_int_equal(tests_get_case_baseline_image(&tests, &c.ctx, &get, &blob), RC_NOT_FOUND);
    call_end(&other);
    call_end(&c);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(the_first_passing_run_makes_the_baselines),
        T(noise_of_jpeg_alarms_nobody),
        T(a_difference_from_the_first_tier_on_warns),
        T(a_difference_from_the_second_tier_on_fails_the_step_its_case_and_the_run),
        T(one_tier_alone_and_none_at_all),
        T(verdicts_count_what_differs_and_tiers_of_zero_need_a_difference),
        T(a_device_of_another_size_has_a_baseline_of_its_own),
        T(a_run_ends_when_its_last_screenshot_is_compared),
        T(a_cancelled_run_ends_cancelled_after_its_screenshots),
        T(a_screenshot_whose_comparer_died_is_compared_by_another_one),
        T(what_cannot_be_compared_warns_and_says_why),
        T(a_case_that_starts_anew_forgets_its_screenshots),
        T(what_is_accepted_becomes_the_baseline_and_is_resolved),
        T(baselines_are_listed_and_shown_to_their_organization),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
