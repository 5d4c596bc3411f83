/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases: what is done, what is reported of it. */
#include "worker/wrk_lab.h"

static void
a_case_is_reported_in_order_with_its_pictures(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\",\"tap Login\"]"));

    (void)state;
    run_one(&c);
    assert_true(str_starts(str_z(told.log), STR("start 1; step 1.0 passed tap Login [] ")));
    assert_true(was_told("shot; step 1.1 passed tap Login"));
    assert_true(str_ends(str_z(told.log), STR("shot; end 1 passed ; finish")));
    assert_string_equal(fake.log, "tap 100 ; tap 100 ");
}

/* Pictures taken of one step on a page that moves for so many of them. */
static int
shots_of(const char *step, bool compares, int moving)
{
    ProtobufCBinaryData steps = {strlen(step), (uint8_t *)(uintptr_t)step};
    Assay__JobCase c = a_case(1, steps);
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);

    PB_SET(&req, compares, compares);
    shots = 0;
    shots_moving = moving;
    assert_int_equal(set_up(NULL), 0);
    assert_int_equal(start(&req), RC_OK);
    wrk_jobs_join(&w);
    return shots;
}

static void
a_picture_that_is_compared_shows_the_page_at_rest(void **state)
{
    (void)state;
    assert_int_equal(shots_of("[\"tap Login\"]", false, 3), 1);
    assert_int_equal(shots_of("[\"tap Login\"]", true, 1), 2);
    assert_int_equal(shots_of("[\"tap Login\"]", true, 3), 5);
    assert_true(was_told("shot; end 1 passed"));
    assert_in_range(shots_of("[\"tap Login\"]", true, 1000000), 3, 30); /* it never rests */
    assert_true(was_told("shot; end 1 passed"));
    assert_int_equal(shots_of("[\"tap Nowhere\"]", true, 3), 1); /* is compared with nothing */
}

static void
what_is_not_there_fails_the_case_and_ends_it(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Nowhere\",\"tap Login\"]"));

    (void)state;
    run_one(&c);
    assert_true(was_told("step 1.0 failed tap Nowhere [NOT_FOUND]"));
    assert_false(was_told("step 1.1"));
    assert_true(was_told("end 1 failed step 1 \"tap Nowhere\""));
}

static void
begin(const char *at, const char *reset, ProtobufCBinaryData steps)
{
    Assay__JobCase c = a_case(1, steps);
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);

    req.url = (char *)(uintptr_t)at;
    req.reset_strategy = (char *)(uintptr_t)reset;
    assert_int_equal(set_up(NULL), 0);
    assert_int_equal(start(&req), RC_OK);
    wrk_jobs_join(&w);
}

static void
a_case_that_opens_an_address_first_does_not_load_the_start_page(void **state)
{
    (void)state;
    begin("http://shop.test/", "clear_data", JSON("[\"Open /login\",\"tap Login\"]"));
    assert_string_equal(begun_at, "");
    begin("http://shop.test/", "clear_data", JSON("[{\"type\":\"navigate\",\"url\":\"/login\"}]"));
    assert_string_equal(begun_at, "");
    begin("http://shop.test/", "clear_data", JSON("[\"tap Login\",\"Open /login\"]"));
    assert_string_equal(begun_at, "http://shop.test/");
    begin("http://shop.test/", "relaunch", JSON("[\"Open /login\"]"));
    assert_string_equal(begun_at, "http://shop.test/");
    begin("http://shop.test/?token=1", "clear_data", JSON("[\"Open /login\"]"));
    assert_string_equal(begun_at, "http://shop.test/?token=1");
}

static void
an_empty_case_or_an_empty_step_never_passes(void **state)
{
    Assay__JobCase empty = a_case(1, JSON("[]"));
    Assay__JobCase blank = a_case(2, JSON("[\"\"]"));
    Assay__JobCase object = a_case(3, JSON("[{}]"));
    Assay__JobCase broken = a_case(4, JSON("nonsense"));
    Assay__JobCase check = a_case(5, JSON("[]"));
    Assay__JobCase *cases[] = {&empty, &blank, &object, &broken, &check};

    (void)state;
    PB_SET(&check, assertions, JSON("[{\"assert\":\"\"}]"));
    run_job(cases, 5);
    assert_true(was_told("end 1 error the case has no steps and no assertions"));
    for (int i = 1; i <= 5; i++) {
        char passed[32];
        (void)snprintf(passed, sizeof(passed), "end %d passed", i);
        assert_false(was_told(passed));
    }
}

static void
an_assertion_only_looks(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));

    (void)state;
    PB_SET(&c, assertions, JSON("[\"tap Login\"]"));
    run_one(&c);
    assert_true(was_told("step 1.1 error tap Login [NOT_AN_ASSERTION]"));
    assert_string_equal(fake.log, "tap 100 ");
}

static void
modes_decide_what_is_done(void **state)
{
    Assay__JobCase ai = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase hybrid = a_case(2, JSON("[\"tap Login\"]"));
    Assay__JobCase replay = a_case(3, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&ai, &hybrid, &replay};
    ProtobufCBinaryData gone = JSON("[{\"type\":\"click\",\"selector\":\"#gone\"}]");

    (void)state;
    ai.mode = TEXT("ai");
    replay.mode = TEXT("replay");
    PB_SET(&hybrid, recording, gone);
    PB_SET(&hybrid, step_mappings, JSON("[[0]]"));
    PB_SET(&hybrid, fuzzy_match, 0);
    PB_SET(&replay, recording, gone);
    PB_SET(&replay, step_mappings, JSON("[[0]]"));
    PB_SET(&replay, fuzzy_match, 0);
    run_job(cases, 3);
    assert_true(was_told("step 1.0 error tap Login [MODEL_NEEDED]"));
    assert_true(was_told("end 2 passed"));
    assert_true(was_told("done by its sentence \"tap Login\""));
    assert_true(was_told("end 3 failed"));
}

static void
a_missing_sub_flow_is_an_error(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase flow = a_case(1, JSON("[{\"missing_sub_flow\":true}]"));
    Assay__JobCase *flows[] = {&flow};

    (void)state;
    c.sub_flows = flows;
    c.n_sub_flows = 1;
    run_one(&c);
    assert_true(was_told("[SUB_FLOW_MISSING]"));
    assert_true(was_told("end 1 error"));
    assert_string_equal(fake.log, "");
}

static void
secrets_are_in_no_report(void **state)
{
    Assay__JobCase step = a_case(1, JSON("[{\"text\":\"frobnicate hunter2\",\"secret\":true}]"));
    Assay__JobCase variable = a_case(2, JSON("[\"tap ${pin}\",\"tap Login\"]"));
    Assay__JobCase recorded =
        a_case(3, JSON("[{\"type\":\"type\",\"selector\":\"#no\",\"value\":\"hunter3\","
                       "\"secret\":true}]"));
    Assay__JobCase mapped = a_case(4, JSON("[{\"text\":\"tap hunter4\",\"secret\":true}]"));
    Assay__JobCase *cases[] = {&step, &variable, &recorded, &mapped};
    Assay__StartJobRequest req = a_job(cases, 4);

    (void)state;
    PB_SET(&mapped, recording, JSON("[{\"type\":\"click\",\"selector\":\"#gone\"}]"));
    PB_SET(&mapped, step_mappings, JSON("[[0]]"));
    PB_SET(&req, variables, JSON("{\"pin\":{\"value\":\"s3cr3t-pin\",\"secret\":true}}"));
    assert_int_equal(start(&req), RC_OK);
    wrk_jobs_join(&w);
    assert_true(was_told("step 1.0 error (secret step)"));
    assert_true(was_told("step 2.0 failed"));
    assert_false(was_told("hunter"));
    assert_false(was_told("s3cr3t"));
    assert_true(was_told("end 4 "));
}

static void
a_browser_that_dies_ends_its_case_error_and_the_next_one_goes_on(void **state)
{
    Assay__JobCase first = a_case(1, JSON("[\"tap Login\",\"tap Login\"]"));
    Assay__JobCase second = a_case(2, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&first, &second};

    (void)state;
    act_error = "DEVICE_GONE";
    run_job(cases, 2);
    assert_true(was_told("step 1.0 error tap Login [DEVICE_GONE]"));
    assert_true(was_told("end 1 error"));
    assert_true(was_told("end 2 passed"));
}

static void
a_case_over_its_time_is_an_error_of_the_run(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Nowhere\"]"));

    (void)state;
    PB_SET(&c, timeout_ms, 20);
    run_one(&c);
    assert_true(was_told("[CASE_TIMEOUT]"));
    assert_true(was_told("end 1 error"));
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(a_case_is_reported_in_order_with_its_pictures),
        T(a_picture_that_is_compared_shows_the_page_at_rest),
        T(what_is_not_there_fails_the_case_and_ends_it),
        T(an_empty_case_or_an_empty_step_never_passes),
        T(a_case_that_opens_an_address_first_does_not_load_the_start_page),
        T(an_assertion_only_looks),
        T(modes_decide_what_is_done),
        T(a_missing_sub_flow_is_an_error),
        T(secrets_are_in_no_report),
        T(a_browser_that_dies_ends_its_case_error_and_the_next_one_goes_on),
        T(a_case_over_its_time_is_an_error_of_the_run),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
