/* SPDX-License-Identifier: Apache-2.0
 *
 * What starting a run asks of the plan. Billing is a function here. */
#include "tests/tests_fixture.h"

static bool credit_left; /* what billing says */
static int asked;

static enum rc
say(void *arg, struct ctx *ctx, int64_t org_id, struct svc_allowed *out)
{
    (void)arg;
    (void)ctx;
    assert_int_equal(org_id, ORG);
    asked++;
    *out = (struct svc_allowed){.sessions = SVC_NO_LIMIT,
                                .max_session_us = SVC_NO_LIMIT,
                                .streaming_left_us = SVC_NO_LIMIT,
                                .credit_left = credit_left,
                                .plan = "Free"};
    return RC_OK;
}

static int
set_up_plan(void **state)
{
    credit_left = true;
    asked = 0;
    assert_int_equal(svc_limits_new_asking(say, NULL, 0, &tests.limits), RC_OK);
    return set_up(state);
}

static int
tear_down_plan(void **state)
{
    (void)state;
    svc_limits_free(tests.limits);
    tests.limits = NULL;
    return 0;
}

static enum rc
run_suite(struct call *c, char *suite, char *mode, char *model)
{
    Assay__CiRunSuiteRequest req = ASSAY__CI_RUN_SUITE_REQUEST__INIT;
    Assay__CiRunSuiteResponse resp = ASSAY__CI_RUN_SUITE_RESPONSE__INIT;

    req.suite_id = suite;
    req.mode = mode;
    req.model = model;
    ctx_recover(&c->ctx);
    return tests_ci_run_suite(&tests, &c->ctx, &req, &resp);
}

static enum rc
run_case_live(struct call *c, char *test_case, char *mode, char *model)
{
    Assay__RunTestRequest req = ASSAY__RUN_TEST_REQUEST__INIT;
    Assay__RunTestResponse resp = ASSAY__RUN_TEST_RESPONSE__INIT;

    req.test_case_public_id = test_case;
    req.session_id = TEXT("00000000-0000-4000-8000-000000000001");
    req.mode = mode;
    req.model = model;
    ctx_recover(&c->ctx);
    return tests_run_test(&tests, &c->ctx, &req, &resp);
}

static void
a_run_that_asks_a_model_is_refused_at_zero_credit_and_leaves_nothing(void **state)
{
    struct call c = call_as(ORG);
    char *suite = make_suite(&c, TEXT("Shop"))->public_id;
    char *one = add_case(&c, suite, TEXT("case"))->public_id;

    (void)state;
    credit_left = false;
    assert_int_equal(run_suite(&c, suite, TEXT("ai"), NULL), RC_FAILED_PRECONDITION);
    assert_string_equal(reason(&c), "CREDIT_EXHAUSTED");
    assert_true(str_starts(c.ctx.err.msg, STR("the credit of the plan Free is used up")));
    assert_int_equal(run_case_live(&c, one, TEXT("ai"), TEXT("any")), RC_FAILED_PRECONDITION);
    assert_string_equal(reason(&c), "CREDIT_EXHAUSTED");
    ASSERT_N("suite_runs", 0);
    ASSERT_N("case_runs", 0);
    ASSERT_N("jobs", 0);
    ASSERT_N("outbox WHERE type = 'run.started'", 0);
    /* What is missing comes first. */
    assert_int_equal(run_suite(&c, TEXT("suite_none00"), TEXT("ai"), NULL), RC_NOT_FOUND);
    credit_left = true;
    assert_int_equal(run_suite(&c, suite, TEXT("ai"), NULL), RC_OK);
    ASSERT_N("suite_runs WHERE mode = 'ai'", 1);
    call_end(&c);
}

static void
runs_that_need_no_credit_start_without_any(void **state)
{
    struct call c = call_as(ORG);
    char *suite = make_suite(&c, TEXT("Shop"))->public_id;
    char *one = add_case(&c, suite, TEXT("case"))->public_id;

    (void)state;
    credit_left = false;
    assert_int_equal(run_suite(&c, suite, TEXT("replay"), NULL), RC_OK);
    assert_int_equal(run_suite(&c, suite, TEXT("hybrid"), NULL), RC_OK);
    assert_int_equal(run_case_live(&c, one, TEXT("ai"), TEXT("claude:byok")), RC_OK);
    assert_int_equal(asked, 0);
    ASSERT_N("suite_runs", 2);
    call_end(&c);
}

#define P(name) cmocka_unit_test_setup_teardown(name, set_up_plan, tear_down_plan)

int
main(void)
{
    const struct CMUnitTest all[] = {
        P(a_run_that_asks_a_model_is_refused_at_zero_credit_and_leaves_nothing),
        P(runs_that_need_no_credit_start_without_any),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
