/* SPDX-License-Identifier: Apache-2.0
 *
 * Hand-outs: devices, fences, leases, reports, cancelling in every state. */
#include "tests/tests_fixture.h"

static char run_id[32]; /* of the run that was started last */

static void
start(int cases)
{
    struct call c = call_as(ORG);

    (void)snprintf(run_id, sizeof(run_id), "%s", queue_run(&c, cases));
    call_end(&c);
    dispatch();
}

static enum rc
cancel_run(void)
{
    struct call c = call_as(ORG);
    Assay__CancelSuiteRunRequest req = ASSAY__CANCEL_SUITE_RUN_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.suite_run_id = 1;
    enum rc rc = WRITE(&c, tests_cancel_suite_run(&tests, &c.ctx, &req, &resp));
    call_end(&c);
    return rc;
}

/* For how long leases could be renewed, and how long ago that was so last. */
static void
set_lease_clock(const char *since, const char *beat)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO tests.lease_clock (since, beat_at) VALUES (now() - interval '%s',"
                   " now() - interval '%s') ON CONFLICT (one) DO UPDATE"
                   " SET since = excluded.since, beat_at = excluded.beat_at",
                   since, beat);
    pg_support_exec(sql);
}

static void
let_leases_run_out(void)
{
    pg_support_exec("UPDATE tests.jobs SET lease_until = now() - interval '1 second'"
                    " WHERE lease_until IS NOT NULL");
}

static void
expire(void)
{
    let_leases_run_out();
    set_lease_clock("1 hour", "1 second");
    run_loop(tst_reap);
}

static void
a_queued_run_goes_to_a_device_and_ends_passed(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(peer.started, 1);
    assert_int_equal(peer.n_cases, 2);
    ASSERT_N("jobs WHERE state = 'running' AND fence = 1 AND attempts = 1", 1);
    for (int64_t run = 1; run <= 2; run++) {
        assert_false(report_case("1", 1, run, NULL).lost);
        assert_false(report_case("1", 1, run, ST_PASSED).lost);
    }
    assert_false(finish_job("1", 1).lost);
    ASSERT_N("suite_runs WHERE status = 'passed' AND passed = 2 AND failed = 0", 1);
    run_loop(tst_release);
    assert_string_equal(peer.released, "1.1 ");
    ASSERT_N("jobs WHERE state = 'done'", 1);
}

static void
a_report_with_an_old_fence_is_lost_and_changes_nothing(void **state)
{
    (void)state;
    start(1);
    expire();
    dispatch();
    assert_int_equal(peer.fence, 3);
    assert_true(report_case("1", 1, 1, ST_FAILED).lost);
    assert_true(finish_job("1", 1).lost);
    ASSERT_N("case_runs WHERE status = 'pending'", 1);
    ASSERT_N("jobs WHERE state = 'running'", 1);
    assert_false(report_case("1", 3, 1, ST_PASSED).lost);
}

static void
the_first_verdict_stands(void **state)
{
    (void)state;
    start(1);
    (void)report_case("1", 1, 1, ST_FAILED);
    (void)report_case("1", 1, 1, ST_PASSED);
    ASSERT_N("case_runs WHERE status = 'failed'", 1);
    ASSERT_N("outbox WHERE type = 'case.failed'", 1);
    ASSERT_N("run_events WHERE type = 'case_end'", 1);
}

static void
report_step(int64_t fence, int index)
{
    struct call c = call_as(0);
    Assay__ReportStepsRequest req = ASSAY__REPORT_STEPS_REQUEST__INIT;
    Assay__ReportResponse resp = ASSAY__REPORT_RESPONSE__INIT;
    Assay__StepReport step = ASSAY__STEP_REPORT__INIT;
    Assay__StepReport *steps[] = {&step};

    step.index = index;
    step.text = TEXT("tap Login");
    step.status = TEXT("passed");
    step.kind = TEXT("step");
    step.started_us = clk_wall_us();
    req.job_id = TEXT("1");
    req.fence = fence;
    req.run_id = 1;
    req.steps = steps;
    req.n_steps = 1;
    assert_int_equal(WRITE(&c, tests_report_steps(&tests, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
}

static void
steps_reported_twice_are_stored_once(void **state)
{
    (void)state;
    start(1);
    (void)report_case("1", 1, 1, NULL);
    report_step(1, 0);
    report_step(1, 0);
    report_step(1, 1);
    ASSERT_N("steps", 2);
    ASSERT_N("run_events WHERE type = 'step'", 2);
}

static void
a_case_that_starts_anew_forgets_the_steps_of_the_lost_device(void **state)
{
    (void)state;
    start(1);
    (void)report_case("1", 1, 1, NULL);
    report_step(1, 0);
    expire();
    dispatch();
    (void)report_case("1", 3, 1, NULL);
    ASSERT_N("steps", 0);
    ASSERT_N("case_runs WHERE starts = 2", 1);
}

static void
a_lost_worker_puts_the_run_back_once_and_then_ends_it_error(void **state)
{
    (void)state;
    start(2);
    (void)report_case("1", 1, 1, NULL);
    (void)report_case("1", 1, 1, ST_PASSED);
    (void)report_case("1", 1, 2, NULL);
    expire();
    ASSERT_N("jobs WHERE state = 'queued' AND fence = 2", 1);
    ASSERT_N("case_runs WHERE status = 'pending'", 1);
    ASSERT_N("run_events WHERE type = 'requeued' AND suite_run_id = 1", 1);
    dispatch();
    assert_int_equal(peer.n_cases, 1); /* what has its verdict is not run again */
    expire();
    ASSERT_N("suite_runs WHERE status = 'error' AND passed = 1", 1);
    ASSERT_N("case_runs WHERE status = 'error'", 1);
    ASSERT_N("outbox WHERE type = 'run.failed'", 3);
}

static void
leases_that_ran_out_while_nobody_could_renew_are_judged_a_lease_later(void **state)
{
    (void)state;
    start(1);
    let_leases_run_out();
    set_lease_clock("1 hour", "40 seconds"); /* the database, or all of us, were away */
    run_loop(tst_reap);
    ASSERT_N("jobs WHERE state = 'running'", 1);
    run_loop(tst_reap); /* another replica: the answer is the same for all */
    ASSERT_N("jobs WHERE state = 'running'", 1);
    set_lease_clock("29 seconds", "1 second");
    run_loop(tst_reap);
    ASSERT_N("jobs WHERE state = 'running'", 1);
    assert_false(report_case("1", 1, 1, ST_PASSED).lost); /* the living renews in time */
    set_lease_clock("31 seconds", "1 second");
    run_loop(tst_reap);
    ASSERT_N("jobs WHERE state = 'running'", 1);
    let_leases_run_out();
    run_loop(tst_reap);
    ASSERT_N("jobs WHERE state = 'queued'", 1);
}

static void
a_clock_that_went_back_with_another_server_judges_no_lease(void **state)
{
    (void)state;
    start(1);
    let_leases_run_out();
    set_lease_clock("1 hour", "-5 minutes");
    run_loop(tst_reap);
    ASSERT_N("jobs WHERE state = 'running'", 1);
    ASSERT_N("lease_clock WHERE beat_at <= clock_timestamp()", 1);
}

static void
what_a_lost_hand_out_held_is_given_back_even_when_sessions_is_down(void **state)
{
    (void)state;
    start(1);
    expire();
    peer.down = true;
    run_loop(tst_release);
    assert_string_equal(peer.released, "");
    peer.down = false;
    run_loop(tst_release);
    assert_string_equal(peer.released, "1.1 ");
    run_loop(tst_release);
    assert_string_equal(peer.released, "1.1 ");
}

static void
a_job_waits_and_asks_again(void **state)
{
    (void)state;
    peer.free_devices = 0;
    start(1);
    ASSERT_N("jobs WHERE state = 'waiting' AND queue_position = 3 AND queue_entry_id = 99", 1);
    assert_int_equal(peer.acquired, 1);
    peer.free_devices = 1;
    pg_support_exec("UPDATE tests.jobs SET next_at = now()");
    dispatch();
    assert_int_equal(peer.started, 1);
    ASSERT_N("jobs WHERE state = 'running' AND fence = 1 AND queue_position IS NULL", 1);
}

static void
new_jobs_are_claimed_while_others_wait(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    peer.free_devices = 0;
    start(1);
    (void)queue_run(&c, 1);
    call_end(&c);
    peer.free_devices = 2;
    pg_support_exec("UPDATE tests.jobs SET next_at = now() WHERE state = 'waiting'");
    run_loop(tst_dispatch); /* one turn serves both */
    assert_int_equal(peer.started, 2);
}

static char *
wait_reason(struct call *c)
{
    Assay__GetSuiteRunRequest req = ASSAY__GET_SUITE_RUN_REQUEST__INIT;
    Assay__GetSuiteRunResponse resp = ASSAY__GET_SUITE_RUN_RESPONSE__INIT;

    req.suite_run_id = run_id;
    assert_int_equal(tests_get_suite_run(&tests, &c->ctx, &req, &resp), RC_OK);
    return resp.wait_reason;
}

static void
ask_again(void)
{
    pg_support_exec("UPDATE tests.jobs SET next_at = now()");
    dispatch();
}

static void
a_run_for_a_kind_that_is_not_connected_waits_until_one_comes(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    peer.none_connected = true;
    start(1);
    ask_again();
    ASSERT_N("jobs WHERE state = 'waiting' AND fence = 1", 1);
    ASSERT_N("absent_kinds", 1);
    assert_string_equal(wait_reason(&c), "waiting for a device of platform web; none is connected");
    pg_support_exec("UPDATE tests.jobs SET state = 'allocating'"); /* while it asks again */
    assert_string_equal(wait_reason(&c), "waiting for a device of platform web; none is connected");
    pg_support_exec("UPDATE tests.jobs SET state = 'waiting'");
    peer.none_connected = false;
    peer.free_devices = 0;
    ask_again();
    ASSERT_N("absent_kinds", 0);
    assert_string_equal(wait_reason(&c), "waiting for a device of platform web; all are busy");
    peer.free_devices = 1;
    ask_again();
    assert_int_equal(peer.started, 1);
    assert_null(wait_reason(&c));
    call_end(&c);
}

static void
set_absent(const char *since, const char *created)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   "UPDATE tests.absent_kinds SET since = now() - interval '%s';"
                   "UPDATE tests.jobs SET created_at = now() - interval '%s'",
                   since, created);
    pg_support_exec(sql);
}

static void
a_run_gives_up_when_none_was_connected_for_as_long_as_the_setting_says(void **state)
{
    (void)state;
    peer.none_connected = true;
    start(1);
    set_absent("2 minutes", "2 hours"); /* it waited for long, but they have only just gone */
    ask_again();
    set_absent("2 hours", "2 minutes"); /* they went long ago, but it has only just come */
    ask_again();
    ASSERT_N("jobs WHERE state = 'waiting'", 1);
    set_absent("61 minutes", "62 minutes");
    ask_again();
    ASSERT_N("suite_runs WHERE status = 'error' AND error_message ="
             " 'gave up waiting for a device of platform web; none is connected'",
             1);
    run_loop(tst_release);
    assert_string_equal(peer.released, "1.1 "); /* its place in the queue for devices */
}

static void
a_busy_live_session_is_waited_for_and_a_refused_hand_out_does_not_count(void **state)
{
    struct call c = call_as(ORG);
    Assay__RunSuiteRequest req = ASSAY__RUN_SUITE_REQUEST__INIT;
    Assay__RunSuiteResponse resp = ASSAY__RUN_SUITE_RESPONSE__INIT;

    (void)state;
    Assay__Suite *s = make_suite(&c, TEXT("Shop"));
    (void)add_case(&c, s->public_id, TEXT("a"));
    req.suite_public_id = s->public_id;
    req.session_id = TEXT("00000000-0000-4000-8000-000000000001");
    assert_int_equal(tests_run_suite(&tests, &c.ctx, &req, &resp), RC_OK);
    peer.session_busy = true;
    dispatch();
    ASSERT_N("jobs WHERE state = 'waiting' AND attempts = 0", 1);
    peer.session_busy = false;
    pg_support_exec("UPDATE tests.jobs SET next_at = now()");
    dispatch();
    assert_int_equal(peer.started, 1);
    assert_int_equal(peer.acquired, 0);
    call_end(&c);
}

static void
lose_the_lease(void)
{
    pg_support_exec("UPDATE tests.jobs SET fence = fence + 1, state = 'queued'");
}

static void
a_hand_out_that_was_too_slow_starts_nothing_and_gives_its_device_back(void **state)
{
    struct call c = call_as(ORG);
    struct call loop = call_as(0);

    (void)state;
    (void)queue_run(&c, 1);
    call_end(&c);
    peer.on_acquire = lose_the_lease;
    (void)tst_dispatch(&tests, &loop.ctx);
    call_end(&loop);
    assert_int_equal(peer.started, 0);
    assert_string_equal(peer.released, "1.1 ");
    ASSERT_N("jobs WHERE state = 'queued' AND fence = 2", 1);
}

static void
a_hand_out_that_was_too_slow_ends_nothing(void **state)
{
    struct call c = call_as(ORG);
    struct call loop = call_as(0);

    (void)state;
    (void)queue_run(&c, 1);
    call_end(&c);
    peer.on_acquire = lose_the_lease;
    peer.none_connected = true;
    pg_support_exec("INSERT INTO tests.absent_kinds SELECT kind FROM tests.jobs");
    set_absent("2 hours", "2 hours");
    (void)tst_dispatch(&tests, &loop.ctx);
    call_end(&loop);
    ASSERT_N("suite_runs WHERE status = 'pending'", 1);
    ASSERT_N("jobs WHERE state = 'queued'", 1);
}

/* --- cancelling ---------------------------------------------------------------------------- */

static void
a_queued_run_is_cancelled_at_once(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    (void)queue_run(&c, 2);
    call_end(&c);
    assert_int_equal(cancel_run(), RC_OK);
    ASSERT_N("suite_runs WHERE status = 'cancelled'", 1);
    ASSERT_N("case_runs WHERE status = 'cancelled'", 2);
    dispatch();
    assert_int_equal(peer.started, 0);
    assert_int_equal(cancel_run(), RC_FAILED_PRECONDITION);
}

static void
a_waiting_run_that_is_cancelled_leaves_the_queue_for_devices(void **state)
{
    (void)state;
    peer.free_devices = 0;
    start(1);
    assert_int_equal(cancel_run(), RC_OK);
    ASSERT_N("suite_runs WHERE status = 'cancelled'", 1);
    run_loop(tst_release);
    assert_string_equal(peer.released, "1.1 ");
}

static void
a_run_that_is_being_handed_out_is_cancelled_when_it_asks_again(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    (void)queue_run(&c, 1);
    call_end(&c);
    pg_support_exec("UPDATE tests.jobs SET state = 'allocating', fence = 1,"
                    " lease_until = now() + interval '10 seconds'");
    assert_int_equal(cancel_run(), RC_OK);
    ASSERT_N("suite_runs WHERE status = 'pending'", 1);
    pg_support_exec("UPDATE tests.jobs SET state = 'waiting', next_at = now()");
    dispatch();
    ASSERT_N("suite_runs WHERE status = 'cancelled'", 1);
    assert_int_equal(peer.started, 0);
}

static void
a_running_run_is_cancelled_by_its_worker(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(cancel_run(), RC_OK);
    run_loop(tst_cancel);
    assert_int_equal(peer.cancelled, 1);
    run_loop(tst_cancel);
    assert_int_equal(peer.cancelled, 1);
    assert_true(report_case("1", 1, 1, ST_CANCELLED).cancel);
    (void)finish_job("1", 1);
    ASSERT_N("suite_runs WHERE status = 'cancelled'", 1);
    ASSERT_N("case_runs WHERE status = 'cancelled'", 2);
}

static void
another_organization_cancels_nothing(void **state)
{
    struct call c = call_as(OTHER_ORG);
    Assay__CancelSuiteRunRequest req = ASSAY__CANCEL_SUITE_RUN_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    (void)state;
    start(1);
    req.suite_run_id = 1;
    assert_int_equal(WRITE(&c, tests_cancel_suite_run(&tests, &c.ctx, &req, &resp)), RC_NOT_FOUND);
    call_end(&c);
    ASSERT_N("jobs WHERE cancel", 0);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(a_queued_run_goes_to_a_device_and_ends_passed),
        T(a_report_with_an_old_fence_is_lost_and_changes_nothing),
        T(the_first_verdict_stands),
        T(steps_reported_twice_are_stored_once),
        T(a_case_that_starts_anew_forgets_the_steps_of_the_lost_device),
        T(a_lost_worker_puts_the_run_back_once_and_then_ends_it_error),
        T(leases_that_ran_out_while_nobody_could_renew_are_judged_a_lease_later),
        T(a_clock_that_went_back_with_another_server_judges_no_lease),
        T(what_a_lost_hand_out_held_is_given_back_even_when_sessions_is_down),
        T(a_job_waits_and_asks_again),
        T(new_jobs_are_claimed_while_others_wait),
        T(a_run_for_a_kind_that_is_not_connected_waits_until_one_comes),
        T(a_run_gives_up_when_none_was_connected_for_as_long_as_the_setting_says),
        T(a_busy_live_session_is_waited_for_and_a_refused_hand_out_does_not_count),
        T(a_hand_out_that_was_too_slow_starts_nothing_and_gives_its_device_back),
        T(a_hand_out_that_was_too_slow_ends_nothing),
        T(a_queued_run_is_cancelled_at_once),
        T(a_waiting_run_that_is_cancelled_leaves_the_queue_for_devices),
        T(a_run_that_is_being_handed_out_is_cancelled_when_it_asks_again),
        T(a_running_run_is_cancelled_by_its_worker),
        T(another_organization_cancels_nothing),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
