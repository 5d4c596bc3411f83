/* SPDX-License-Identifier: Apache-2.0
 *
 * Warnings beside a verdict: each when it is due, with the run's end, and none too many. */
#include "tests/tests_fixture.h"

/* A suite of one case whose past verdicts are given by letters, each a pass or a failure of a
 * second; then a run that ends like this. Returns nothing: the outbox has what was told. */
static void
run_after(const char *past, const char *verdict, int duration_ms, bool healed)
{
    struct call c = call_as(ORG);
    Assay__CiRunSuiteRequest req = ASSAY__CI_RUN_SUITE_REQUEST__INIT;
    Assay__CiRunSuiteResponse resp = ASSAY__CI_RUN_SUITE_RESPONSE__INIT;
    char sql[1024];

    (void)set_up(NULL);
    Assay__Suite *suite = make_suite(&c, TEXT("Shop"));
    (void)add_case(&c, suite->public_id, TEXT("Pay \"now\""));
    for (int i = 0; past[i] != '\0'; i++) {
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO tests.case_runs (public_id, org_id, case_id, case_name, status,"
                       " duration_ms) VALUES ('tr%d', %d, 1, 'Pay', '%s', 1000)",
                       i, ORG, past[i] == 'p' ? "passed" : "failed");
        pg_support_exec(sql);
    }
    req.suite_id = suite->public_id;
    assert_int_equal(tests_ci_run_suite(&tests, &c.ctx, &req, &resp), RC_OK);
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE tests.case_runs SET status = '%s', duration_ms = %d, started_at = now()"
                   " WHERE job_id = 1;"
                   "INSERT INTO tests.steps (org_id, case_run_id, idx, fence, text, kind, status,"
                   " started_at, duration_us, healed) SELECT org_id, id, 0, 1, 'tap', 'sentence',"
                   " 'passed', now(), 1, %s FROM tests.case_runs WHERE job_id = 1;"
                   "DELETE FROM tests.outbox",
                   verdict, duration_ms, healed ? "true" : "false");
    pg_support_exec(sql);
    call_end(&c);

    struct call loop = call_as(0);
    struct tst_job_ref ref = {1, ORG, 1};
    assert_int_equal(WRITE(&loop, tst_job_end(&tests, &loop.ctx, &ref, ST_ERROR, NULL)), RC_OK);
    call_end(&loop);
}

static void
told(const char *type, int n)
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM tests.outbox WHERE type = 'run.warning.%s'", type);
    assert_int_equal(pg_support_i64(sql), n);
}

static void
a_healed_step_is_told_with_the_case_and_the_run(void **state)
{
    (void)state;
    run_after("", "passed", 1000, true);
    told("ai_fallback_used", 1);
    told("flaky", 0);
    told("slow", 0);
    /* To webhooks alone, among the run's other events. */
    ASSERT_N("outbox WHERE type = 'run.warning.ai_fallback_used' AND target = 4"
             " AND order_key = (SELECT public_id FROM tests.suite_runs)"
             " AND encode(event, 'escape') LIKE '%\"case_name\":\"Pay \\\\\\\\\"now\\\\\\\\\"\"%'"
             " AND encode(event, 'escape') LIKE '%\"run_id\":\"sr%'",
             1);
    ASSERT_N("outbox WHERE type = 'run.passed'", 3);
    run_after("", "passed", 1000, false);
    told("ai_fallback_used", 0);
}

static void
a_verdict_that_turns_again_and_again_is_flaky(void **state)
{
    static const struct {
        const char *past, *now;
        int told;
    } CASES[] = {
        {"", "failed", 0},     {"pppp", "failed", 0}, /* broke */
        {"pppf", "passed", 0},                        /* was mended */
        {"ppfp", "failed", 1},                        /* the third turn */
        {"pfpf", "failed", 0},                        /* flaky, and told already: nothing new now */
        {"pfpf", "passed", 1}, {"pfpfpppppppppp", "failed", 0}, /* long ago */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        run_after(CASES[i].past, CASES[i].now, 1000, false);
        told("flaky", CASES[i].told);
    }
}

static void
a_pass_that_takes_more_than_twice_the_usual_is_slow(void **state)
{
    static const struct {
        const char *past, *now;
        int duration_ms, told;
    } CASES[] = {
        {"pppp", "passed", 60000, 0}, /* too few to know what is usual */
        {"ppppp", "passed", 2001, 1},  {"ppppp", "passed", 2000, 0},
        {"ppppp", "failed", 60000, 0}, {"fffff", "passed", 60000, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        run_after(CASES[i].past, CASES[i].now, CASES[i].duration_ms, false);
        told("slow", CASES[i].told);
    }
}

static void
a_run_that_broke_warns_of_nothing(void **state)
{
    (void)state;
    run_after("pfpf", "error", 60000, true);
    ASSERT_N("outbox WHERE type LIKE 'run.warning.%'", 0);
    ASSERT_N("outbox WHERE type = 'run.failed'", 3);
}

int
main(void)
{
    const struct CMUnitTest tests_of_warnings[] = {
        cmocka_unit_test(a_healed_step_is_told_with_the_case_and_the_run),
        cmocka_unit_test(a_verdict_that_turns_again_and_again_is_flaky),
        cmocka_unit_test(a_pass_that_takes_more_than_twice_the_usual_is_slow),
        cmocka_unit_test(a_run_that_broke_warns_of_nothing),
    };
    return cmocka_run_group_tests(tests_of_warnings, open_all, close_all);
}
