/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose baseline is whose: steps that are put in, taken out, moved, reworded, said twice;
 * sub-flows. Each look is another picture, far from the others. */
#include "tests/baselines/bsl_lab.h"

/* "ABC": steps A, B and C, each with the look of its letter; "AB:C" shows C in step B. */
static void
run_looks(struct call *c, const char *steps)
{
    char text[16];
    int index = 0;

    start(c);
    for (const char *s = steps; *s != '\0'; index++) {
        char look = s[1] == ':' ? s[2] : s[0];
        (void)snprintf(text, sizeof(text), "open %c", s[0]);
        report_step(index, text, store(c, picture(c->arena, W, (look - 'A') * 40, 80)), NULL, 0);
        s += s[1] == ':' ? 3 : 1;
    }
    end_case(ST_PASSED);
    compare_all();
}

/* "ABC": the steps whose baselines are listed, from step 0 on. */
static void
expect_places(const char *want)
{
    char sql[512];

    (void)snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM (SELECT string_agg(right(step, 1), '' ORDER BY step_index)"
        " AS places, max(step_index) + 1 AS n FROM tests.baselines WHERE step_index >= 0) p"
        " WHERE places = '%s' AND n = length(places)",
        want);
    assert_int_equal(n_of(sql), 1);
}

static void
a_step_put_in_is_new_and_those_behind_it_keep_their_baselines(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_looks(&c, "ABC");
    expect_places("ABC");
    run_looks(&c, "ADBC");
    expect_run("passed", "'ok'");
    ASSERT_N("step_checks WHERE verdict IS NULL AND job_id = 2 AND step_index = 1", 1);
    expect_places("ADBC");
    run_looks(&c, "ADBC");
    ASSERT_N("step_checks WHERE verdict = 'ok' AND job_id = 3", 4);
    call_end(&c);
}

static void
a_step_taken_out_or_moved_disturbs_no_other_one(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_looks(&c, "ABCD");
    run_looks(&c, "ACD");
    expect_run("passed", "'ok'");
    expect_places("ACD");
    run_looks(&c, "DAC");
    expect_run("passed", "'ok'");
    expect_places("DAC");
    run_looks(&c, "ABCD"); /* it comes back, and so does its baseline */
    ASSERT_N("step_checks WHERE verdict = 'ok' AND job_id = 4", 4);
    expect_places("ABCD");
    call_end(&c);
}

static void
a_reworded_step_is_compared_with_the_baseline_of_its_place(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_looks(&c, "ABC");
    run_looks(&c, "AX:BC");
    ASSERT_N("step_checks WHERE verdict = 'ok' AND job_id = 2", 3);
    expect_places("AXC");
    run_looks(&c, "DAY:FC"); /* one came in before, and the reworded one looks different */
    expect_run("failed", "'fail'");
    ASSERT_N("step_checks WHERE verdict = 'fail' AND job_id = 3 AND step_index = 2", 1);
    expect_places("AXC");
    call_end(&c);
}

static void
steps_that_say_the_same_are_told_apart_by_their_order(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_looks(&c, "A:AA:BA:C");
    run_looks(&c, "DA:AA:BA:C");
    expect_run("passed", "'ok'");
    run_looks(&c, "DA:AA:CA:B");
    expect_run("passed", "'warn'");
    call_end(&c);
}

static void
a_step_that_waits_for_the_end_of_its_case_holds_up_nobody(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_looks(&c, "AB");
    start(&c);
    report_step(0, "open X", store(&c, picture(c.arena, W, 0, 80)), NULL, 0);
    report_step(1, "open B", store(&c, picture(c.arena, W, 40, 80)), NULL, 0);
    compare_all();
    ASSERT_N("step_checks WHERE job_id = 2 AND state = 'queued' AND awaits_case AND attempts = 0",
             1);
    ASSERT_N("step_checks WHERE job_id = 2 AND verdict = 'ok'", 1);
    end_case(ST_FAILED);
    compare_all();
    expect_run("failed", "'ok'"); /* X: of a case that did not get to its end it is not asked */
    ASSERT_N("step_checks WHERE job_id = 2 AND verdict IS NULL AND baseline_key IS NULL", 1);
    call_end(&c);
}

static void
a_sub_flow_has_its_own_baselines_whoever_runs_it(void **state)
{
    struct call c = call_as(ORG);
    Assay__Case *flow = NULL;
    Assay__Case *two = NULL;

    (void)state;
    make(&c, "10", "25");
    flow = add_case(&c, suite->public_id, TEXT("sign in"));
    two = add_case(&c, suite->public_id, TEXT("other"));
    start(&c);
    run = n_of("SELECT min(id) FROM tests.case_runs");
    report_step(0, "open A", store(&c, picture(c.arena, W, 0, 80)), flow->public_id, 0);
    report_step(1, "open B", store(&c, picture(c.arena, W, 40, 80)), NULL, 1);
    end_case(ST_PASSED);
    compare_all();
    char sql[160];
    (void)snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM tests.baselines WHERE step_index = 0 AND case_id IN (%lld, %lld)",
        (long long)flow->id, (long long)one->id);
    assert_int_equal(n_of(sql), 2);
    start(&c);
    (void)snprintf(sql, sizeof(sql), "SELECT max(id) FROM tests.case_runs WHERE case_id = %lld",
                   (long long)two->id);
    run = n_of(sql);
    report_step(0, "open A", store(&c, picture(c.arena, W, 200, 80)), flow->public_id, 0);
    end_case(ST_PASSED);
    compare_all();
    ASSERT_N("step_checks WHERE verdict = 'fail'", 1);
    call_end(&c);
}

static void
delete_case(const char *id)
{
    struct call c = call_as(ORG);
    Assay__DeleteCaseRequest req = ASSAY__DELETE_CASE_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.case_id = pb_strz(c.arena, str_z(id));
    assert_int_equal(WRITE(&c, tests_delete_case(&tests, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
}

static void
a_case_that_takes_the_place_of_another_one_has_its_baselines(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    make(&c, "10", "25");
    run_looks(&c, "AB");
    delete_case(one->public_id);
    one = add_case(&c, suite->public_id, TEXT("another name"));
    run_looks(&c, "AB");
    expect_run("passed", "NULL");
    delete_case(one->public_id);
    one = add_case(&c, suite->public_id, TEXT("login"));
    run_looks(&c, "AF");
    expect_run("failed", "'fail'");
    ASSERT_N("step_checks WHERE verdict = 'ok' AND job_id = 3", 1);
    ASSERT_N("baselines", 4);
    call_end(&c);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(a_step_put_in_is_new_and_those_behind_it_keep_their_baselines),
        T(a_step_taken_out_or_moved_disturbs_no_other_one),
        T(a_reworded_step_is_compared_with_the_baseline_of_its_place),
        T(steps_that_say_the_same_are_told_apart_by_their_order),
        T(a_step_that_waits_for_the_end_of_its_case_holds_up_nobody),
        T(a_case_that_takes_the_place_of_another_one_has_its_baselines),
        T(a_sub_flow_has_its_own_baselines_whoever_runs_it),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
