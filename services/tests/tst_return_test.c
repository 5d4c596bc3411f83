/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that workers give back because they are being stopped. */
#include "tests/tests_fixture.h"

static void
start(int cases)
{
    struct call c = call_as(ORG);

    (void)queue_run(&c, cases);
    call_end(&c);
    dispatch();
}

static Assay__ReportResponse
give_back(int64_t fence)
{
    struct call c = call_as(0);
    Assay__FinishJobRequest req = ASSAY__FINISH_JOB_REQUEST__INIT;
    Assay__ReportResponse resp = ASSAY__REPORT_RESPONSE__INIT;

    req.job_id = TEXT("1");
    req.fence = fence;
    PB_SET(&req, returned, true);
    assert_int_equal(WRITE(&c, tests_finish_job(&tests, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
    return resp;
}

static void
what_a_worker_gives_back_begins_elsewhere_at_once_and_is_not_held_against_the_run(void **state)
{
    (void)state;
    start(3);
    (void)report_case("1", 1, 1, NULL);
    (void)report_case("1", 1, 1, ST_PASSED);
    (void)report_case("1", 1, 2, NULL);               /* it had begun */
    for (int64_t fence = 1; fence <= 5; fence += 2) { /* more often than workers may be lost */
        assert_false(give_back(fence).lost);
        ASSERT_N("jobs WHERE state = 'queued' AND attempts = 0", 1);
        ASSERT_N("case_runs WHERE status = 'pending'", 2);
        run_loop(tst_release);
        dispatch();
        assert_int_equal(peer.fence, fence + 2);
        assert_int_equal(peer.n_cases, 2);
    }
    assert_string_equal(peer.released, "1.1 1.3 1.5 ");
    ASSERT_N("run_events WHERE type = 'requeued' AND message LIKE '%is being stopped%'", 3);
    (void)report_case("1", 7, 2, ST_PASSED);
    (void)report_case("1", 7, 3, ST_PASSED);
    (void)finish_job("1", 7);
    ASSERT_N("suite_runs WHERE status = 'passed' AND passed = 3", 1);
}

static void
a_job_is_given_back_once_and_only_by_who_has_it(void **state)
{
    (void)state;
    start(1);
    assert_false(give_back(1).lost);
    assert_true(give_back(1).lost);
    dispatch();
    assert_true(give_back(1).lost);
    ASSERT_N("jobs WHERE state = 'running' AND fence = 3", 1);
}

static void
a_cancelled_job_that_is_given_back_ends_cancelled(void **state)
{
    (void)state;
    start(2);
    pg_support_exec("UPDATE tests.jobs SET cancel = true");
    (void)give_back(1);
    ASSERT_N("suite_runs WHERE status = 'cancelled'", 1);
    ASSERT_N("case_runs WHERE status = 'cancelled'", 2);
}

static void
a_job_that_a_stopping_worker_refuses_asks_for_another_device_at_once(void **state)
{
    (void)state;
    peer.worker_stops = true;
    start(1);
    ASSERT_N("jobs WHERE state = 'queued' AND attempts = 0 AND session_id IS NULL", 1);
    ASSERT_N("run_events WHERE type = 'requeued'", 0); /* nothing of it was seen */
    peer.worker_stops = false;
    dispatch();
    assert_int_equal(peer.started, 1);
    assert_int_equal(peer.acquired, 2);
    run_loop(tst_release);
    assert_string_equal(peer.released, "1.1 ");
}

static void
tell_lost(const char *id, const char *data)
{
    struct call c = call_as(0);
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__DeliverEventsResponse resp = ASSAY__DELIVER_EVENTS_RESPONSE__INIT;
    Assay__Event event = ASSAY__EVENT__INIT;
    Assay__Event *events[] = {&event};

    event.id = (char *)(uintptr_t)id;
    event.type = TEXT("session.lost");
    PB_SET(&event, data, pb_bytes(c.arena, str_z(data)));
    req.events = events;
    req.n_events = 1;
    assert_int_equal(WRITE(&c, tests_deliver_events(&tests, &c.ctx, &req, &resp)), RC_OK);
    assert_int_equal(resp.n_accepted, 1);
    call_end(&c);
}

static void
a_run_whose_worker_restarted_goes_back_without_waiting_for_its_lease(void **state)
{
    (void)state;
    start(1);
    tell_lost("00000000-0000-4000-8000-00000000000a", "{\"job_key\":\"1.9\"}");
    tell_lost("00000000-0000-4000-8000-00000000000b", "{\"job_key\":\"nothing\"}");
    tell_lost("00000000-0000-4000-8000-00000000000c", "no object");
    ASSERT_N("jobs WHERE state = 'running'", 1); /* none of its own */
    tell_lost("00000000-0000-4000-8000-00000000000d", "{\"job_key\":\"1.1\"}");
    ASSERT_N("jobs WHERE state = 'queued' AND attempts = 1", 1); /* one that was lost counts */
    ASSERT_N("run_events WHERE type = 'requeued' AND message LIKE '%was lost%'", 1);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(what_a_worker_gives_back_begins_elsewhere_at_once_and_is_not_held_against_the_run),
        T(a_job_is_given_back_once_and_only_by_who_has_it),
        T(a_cancelled_job_that_is_given_back_ends_cancelled),
        T(a_job_that_a_stopping_worker_refuses_asks_for_another_device_at_once),
        T(a_run_whose_worker_restarted_goes_back_without_waiting_for_its_lease),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
