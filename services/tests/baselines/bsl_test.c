/* SPDX-License-Identifier: Apache-2.0
 *
 * Baselines of steps: seeding, verdicts, the end of runs, lost comparers. */
#include "tests/baselines/bsl_lab.h"

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
    ASSERT_N("outbox WHERE type = 'run.passed' AND encode(event, 'escape') LIKE"
             " '%\"visual_regression_status\":\"warn\"%'",
             3);
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
the_store_loses(const char *table)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "UPDATE tests.%s SET image_key = 'lost'", table);
    pg_support_exec(sql);
}

/* Four ways of it: each is the strictest that the suite has, says why, and is told. */
static void
expect_never_ok(const char *warn, const char *fail_at, const char *status, const char *visual)
{
    struct call c = call_as(ORG);
    char sql[128];

    make(&c, warn, fail_at);
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, STR("no picture"), ST_PASSED);
    expect_run(status, visual);
    start(&c);
    report_shot(0, TEXT("gone"));
    end_case(ST_PASSED);
    compare_all();
    expect_run(status, visual);
    start(&c);
    report_shot(0, store(&c, picture(c.arena, W, 0, 80)));
    end_case(ST_PASSED);
    for (int i = 0; i < 3; i++) {
        claim_by_another("-1 second");
    }
    compare_all();
    expect_run(status, visual);
    the_store_loses("baselines");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    expect_run(status, visual);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM tests.step_checks WHERE verdict = %s AND error <> ''",
                   visual);
    assert_int_equal(n_of(sql), 4);
    ASSERT_N("step_checks WHERE error LIKE 'the picture of the baseline is lost%'", 1);
    ASSERT_N("baselines", 1); /* nothing healed itself */
    call_end(&c);
}

static void
what_cannot_be_compared_warns_and_says_why(void **state)
{
    (void)state;
    expect_never_ok("10", "NULL", "passed", "'warn'");
    ASSERT_N("outbox WHERE type = 'visual.regression_warning' AND encode(event, 'escape') ~"
             " '\"diff_percentage\":null,\"error\":\"[^\"]+'",
             4);
}

static void
what_cannot_be_compared_fails_where_a_difference_could(void **state)
{
    (void)state;
    expect_never_ok("10", "25", "failed", "'fail'");
    ASSERT_N(
        "case_runs WHERE error_message LIKE 'step 1 could not be compared with its baseline: the "
        "picture of the baseline is lost%'",
        1);
    ASSERT_N("outbox WHERE type = 'visual.regression_detected'", 4);
}

static void
a_step_without_a_screenshot_is_no_pass_where_there_is_a_baseline(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    start(&c);
    report_shot(0, NULL);
    end_case(ST_PASSED);
    compare_all();
    expect_run("passed", "NULL");
    ASSERT_N("baselines", 0);
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    start(&c);
    report_shot(0, NULL);
    end_case(ST_PASSED);
    compare_all();
    expect_run("failed", "'fail'");
    ASSERT_N("step_checks WHERE error = 'no screenshot was taken'", 2);
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
        T(what_cannot_be_compared_fails_where_a_difference_could),
        T(a_step_without_a_screenshot_is_no_pass_where_there_is_a_baseline),
        T(a_case_that_starts_anew_forgets_its_screenshots),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
