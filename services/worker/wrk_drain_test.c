/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers that are being stopped. */
#include "worker/wrk_lab.h"

static Assay__JobCase first, second;
static Assay__JobCase *cases[] = {&first, &second};
static Assay__StartJobRequest job;

/* Two cases, of which the first is at its first step. */
static void
begin_two(void)
{
    first = a_case(1, JSON("[\"tap Login\"]"));
    second = a_case(2, JSON("[\"tap Login\"]"));
    job = a_job(cases, 2);
    start_held(&job);
}

static void
go_on(void)
{
    (void)pthread_mutex_unlock(&gate);
    wrk_jobs_join(&w);
}

static void
the_case_under_way_ends_and_what_has_not_begun_is_given_back(void **state)
{
    (void)state;
    begin_two();
    wrk_drain_begin(&w);
    assert_false(wrk_drain_is_over(&w));
    go_on();
    assert_true(wrk_drain_is_over(&w));
    assert_true(was_told("end 1 passed"));
    assert_false(was_told("start 2"));
    assert_true(str_ends(str_z(told.log), STR("finish returned")));
}

static void
a_job_at_its_last_case_ends_as_if_nothing_had_been(void **state)
{
    (void)state;
    first = a_case(1, JSON("[\"tap Login\"]"));
    job = a_job(cases, 1);
    start_held(&job);
    wrk_drain_begin(&w);
    go_on();
    assert_true(str_ends(str_z(told.log), STR("end 1 passed ; finish")));
}

static void
nothing_new_is_begun_on_the_way_down(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase *list[] = {&c};
    Assay__StartJobRequest req = a_job(list, 1);
    struct call call = call_begin();
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    (void)state;
    wrk_drain_begin(&w);
    assert_int_equal(worker_start_job(&w, &call.ctx, &req, &resp), RC_FAILED_PRECONDITION);
    assert_string_equal(call.ctx.err.reason, "WORKER_STOPS");
    call_end(&call);
    call = call_begin(); /* also when it comes just now */
    assert_int_equal(wrk_job_start(&w, &call.ctx, &w.devices[0], &req), RC_FAILED_PRECONDITION);
    assert_string_equal(call.ctx.err.reason, "WORKER_STOPS");
    assert_int_equal(w.jobs_live, 0);
    call_end(&call);
    assert_false(was_told("start"));
}

static void
in_a_hurry_the_case_under_way_is_given_back_too(void **state)
{
    (void)state;
    begin_two();
    wrk_drain_begin(&w);
    wrk_drain_hurry(&w);
    wrk_jobs_join(&w); /* the gate is still shut: the device was told to stop */
    assert_true(wrk_drain_is_over(&w));
    (void)pthread_mutex_unlock(&gate);
    assert_false(was_told("end 1"));
    assert_true(str_ends(str_z(told.log), STR("finish returned")));
}

static void
when_its_time_is_over_the_case_under_way_is_given_back_too(void **state)
{
    (void)state;
    begin_two();
    worker_cfg.drain_us = 0;
    wrk_drain_begin(&w);
    worker_cfg.drain_us = 3600 * ASSAY_US_PER_S;
    (void)wrk_drain_is_over(&w);
    wrk_jobs_join(&w);
    (void)pthread_mutex_unlock(&gate);
    assert_true(str_ends(str_z(told.log), STR("finish returned")));
    assert_true(wrk_drain_is_over(&w));
}

static void
who_still_has_a_device_is_waited_for_while_sessions_answers(void **state)
{
    (void)state;
    atomic_store(&w.registered, true);
    wrk_drain_begin(&w);
    assert_false(wrk_drain_is_over(&w)); /* sessions has not said anything yet */
    atomic_store(&w.stop.sessions, 1);
    assert_false(wrk_drain_is_over(&w));
    atomic_store(&w.registered, false); /* here nobody is told of the end */
    assert_true(wrk_drain_is_over(&w));
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(the_case_under_way_ends_and_what_has_not_begun_is_given_back),
        T(a_job_at_its_last_case_ends_as_if_nothing_had_been),
        T(nothing_new_is_begun_on_the_way_down),
        T(in_a_hurry_the_case_under_way_is_given_back_too),
        T(when_its_time_is_over_the_case_under_way_is_given_back_too),
        T(who_still_has_a_device_is_waited_for_while_sessions_answers),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
