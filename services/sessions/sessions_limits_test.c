/* SPDX-License-Identifier: Apache-2.0
 *
 * What plans allow of sessions. Billing is a function here. */
#include <pthread.h>

#include "sessions/sessions_lab.h"

/* --- limits of plans ----------------------------------------------------------------------- */

static struct svc_allowed plan; /* what billing says */

static enum rc
say_plan(void *arg, struct ctx *ctx, int64_t org_id, struct svc_allowed *out)
{
    (void)arg;
    (void)ctx;
    assert_int_equal(org_id, ORG);
    *out = plan;
    return RC_OK;
}

static int
set_up_plan(void **state)
{
    plan = (struct svc_allowed){.sessions = 2,
                                .max_session_us = SVC_NO_LIMIT,
                                .streaming_left_us = SVC_NO_LIMIT,
                                .plan = "Free",
                                .streaming_text = "used up"};
    assert_int_equal(svc_limits_new_asking(say_plan, NULL, 0, &sessions.limits), RC_OK);
    return set_up(state);
}

static int
tear_down_plan(void **state)
{
    (void)state;
    svc_limits_free(sessions.limits);
    sessions.limits = NULL;
    return 0;
}

static void *
start_one(void *arg)
{
    (void)start(5, arg);
    return NULL;
}

static void
a_plan_bounds_the_sessions_even_of_those_who_start_at_once(void **state)
{
    char ids[6][64];
    pthread_t threads[6];

    (void)state;
    for (int i = 0; i < 6; i++) {
        create(5, NULL, NULL, ids[i]);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start_one, ids[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    ASSERT_N("sessions WHERE status = 'starting'", 2);
    ASSERT_N("sessions WHERE status = 'pending'", 4); /* may be started later */
    ASSERT_N("outbox WHERE type = 'session.started' AND target = 2", 2);
}

static void
a_run_beyond_the_plan_waits_and_holds_nobody_up(void **state)
{
    (void)state;
    assert_true(acquire("1.1", NULL, NULL).session[0] != '\0');
    assert_true(acquire("2.1", NULL, NULL).session[0] != '\0');
    struct got third = acquire("3.1", NULL, NULL);
    assert_int_equal(third.rc, RC_OK);
    assert_int_equal(third.session[0], '\0');
    assert_int_equal(third.position, 1);
    /* Another organization, as it were: the free device is not kept for the one that may not. */
    plan.sessions = 3;
    assert_true(acquire("4.1", NULL, NULL).session[0] != '\0');
    release("1.1");
    assert_true(acquire("3.1", NULL, NULL).session[0] != '\0');
}

static void
live_time_that_is_used_up_starts_nothing_and_ends_what_is_live(void **state)
{
    char one[64];
    char two[64];

    (void)state;
    create(5, NULL, NULL, one);
    create(5, NULL, NULL, two);
    assert_int_equal(start(5, one), 0);
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "starting"));
    plan.streaming_left_us = 0;
    assert_int_equal(start(5, two), -1);
    assert_true(acquire("1.1", NULL, NULL).session[0] != '\0'); /* runs stream nothing */
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "stopped"));
    ASSERT_N("sessions WHERE job_key = '1.1' AND status = 'active'", 1);
}

static void
the_longest_session_of_a_plan_ends(void **state)
{
    char one[64];

    (void)state;
    create(5, NULL, NULL, one);
    assert_int_equal(start(5, one), 0);
    plan.max_session_us = 300 * ASSAY_US_PER_S;
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "starting"));
    pg_support_exec("UPDATE sessions.sessions SET start_time = now() - interval '301 seconds'");
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "stopped"));
}

#define P(name) cmocka_unit_test_setup_teardown(name, set_up_plan, tear_down_plan)

int
main(void)
{
    const struct CMUnitTest all[] = {
        P(a_plan_bounds_the_sessions_even_of_those_who_start_at_once),
        P(a_run_beyond_the_plan_waits_and_holds_nobody_up),
        P(live_time_that_is_used_up_starts_nothing_and_ends_what_is_live),
        P(the_longest_session_of_a_plan_ends),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
