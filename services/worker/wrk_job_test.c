/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs: reports on their way to tests, leases, sessions. */
#include "worker/wrk_lab.h"

/* --- reports ------------------------------------------------------------------------------- */

static void
reports_wait_for_a_tests_service_that_is_away(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\",\"tap Login\"]"));
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);

    (void)state;
    told.fail_next = 3;
    assert_int_equal(start(&req), RC_OK);
    wait_told("start 1");
    rpc_server_free(server); /* and again, without any answer */
    serve();
    wrk_jobs_join(&w);
    assert_true(str_starts(str_z(told.log), STR("start 1; ")));
    assert_true(was_told("step 1.0 passed"));
    assert_true(was_told("step 1.1 passed"));
    assert_true(str_ends(str_z(told.log), STR("end 1 passed ; finish")));
}

static void
a_report_that_is_refused_for_good_ends_the_job(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));

    (void)state;
    told.refuse_steps = true;
    run_one(&c);
    assert_true(was_told("finish a report of the worker was refused"));
    assert_false(was_told("end 1"));
}

static void
a_lost_job_stops_and_reports_nothing_more(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);

    (void)state;
    req.lease_us = 30 * ASSAY_US_PER_MS;
    start_held(&req);
    (void)pthread_mutex_lock(&told.lock);
    told.lost = true;
    (void)pthread_mutex_unlock(&told.lock);
    wrk_jobs_join(&w); /* its heartbeat told it */
    (void)pthread_mutex_unlock(&gate);
    assert_string_equal(fake.log, "");
    assert_false(was_told("end 1"));
}

/* Until the job has asked that often whether it is still ours. */
static void
wait_beats(int more)
{
    int64_t until = clk_mono_us() + 60 * ASSAY_US_PER_S;
    struct timespec ts = {0, 1000000};

    (void)pthread_mutex_lock(&told.lock);
    for (int last = told.beats + more; told.beats < last;) {
        (void)pthread_mutex_unlock(&told.lock);
        assert_true(clk_mono_us() < until);
        (void)nanosleep(&ts, NULL);
        (void)pthread_mutex_lock(&told.lock);
    }
    (void)pthread_mutex_unlock(&told.lock);
}

static void
set_away(bool away)
{
    (void)pthread_mutex_lock(&told.lock);
    told.away = away;
    told.fail_next = away ? 1000000 : 0;
    (void)pthread_mutex_unlock(&told.lock);
}

static void
a_job_that_nobody_confirms_for_a_lease_acts_only_when_it_is_confirmed_again(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\", \"tap Login\"]"));
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);

    (void)state;
    req.lease_us = 120 * ASSAY_US_PER_MS; /* asked again each ten milliseconds */
    start_held(&req);
    set_away(true);
    wait_beats(20);
    (void)pthread_mutex_unlock(&gate); /* the first step was under way: it ends */
    wait_beats(30);
    assert_int_equal(atomic_load(&acts), 1);
    set_away(false);
    wrk_jobs_join(&w);
    assert_string_equal(fake.log, "tap 100 ; tap 100 ");
    assert_true(was_told("end 1 passed"));
}

static void
a_cancelled_job_stops_and_says_so(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);
    struct call call = call_begin();
    Assay__CancelJobRequest cancel = ASSAY__CANCEL_JOB_REQUEST__INIT;
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    (void)state;
    start_held(&req);
    cancel.job_id = TEXT("2");
    assert_int_equal(worker_cancel_job(&w, &call.ctx, &cancel, &resp), RC_OK);
    assert_false(atomic_load(&aborted)); /* another job is none of ours */
    cancel.job_id = TEXT("1");
    assert_int_equal(worker_cancel_job(&w, &call.ctx, &cancel, &resp), RC_OK);
    wrk_jobs_join(&w);
    (void)pthread_mutex_unlock(&gate);
    assert_true(str_ends(str_z(told.log), STR("end 1 cancelled cancelled; finish")));
    call_end(&call);
}

/* --- jobs on devices ----------------------------------------------------------------------- */

static void
a_busy_session_refuses_other_jobs_and_takes_the_same_one_again(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);
    Assay__StartJobRequest other = a_job(cases, 1);

    (void)state;
    other.job_id = TEXT("2");
    start_held(&req);
    assert_int_equal(start(&req), RC_OK);
    assert_int_equal(start(&other), RC_FAILED_PRECONDITION);
    (void)pthread_mutex_unlock(&gate);
    wrk_jobs_join(&w);
    assert_string_equal(fake.log, "tap 100 ");
}

static void
closing_the_session_abandons_its_job(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);

    (void)state;
    start_held(&req);
    wrk_session_close(&w, "s1");
    wrk_jobs_join(&w);
    (void)pthread_mutex_unlock(&gate);
    assert_false(was_told("end 1"));
    assert_false(was_told("finish"));
}

static void
a_stop_that_comes_too_late_does_not_touch_the_next_job(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));

    (void)state;
    atomic_store(&aborted, true);
    run_one(&c);
    assert_true(was_told("step 1.0 passed"));
    assert_true(was_told("end 1 passed"));
    (void)set_up(NULL);
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);
    start_held(&req);
    atomic_store(&aborted, true); /* nobody asked this job to stop: an error, never a pass */
    wait_told("end 1");
    (void)pthread_mutex_unlock(&gate);
    wrk_jobs_join(&w);
    assert_true(was_told("end 1 error"));
}

static void
the_next_session_sees_neither_page_nor_picture_of_the_last(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&c};
    Assay__StartJobRequest req = a_job(cases, 1);
    struct call call = call_begin();
    Assay__StreamRequest poll = ASSAY__STREAM_REQUEST__INIT;
    Assay__StreamResponse seen = ASSAY__STREAM_RESPONSE__INIT;

    (void)state;
    run_one(&c);
    poll.session_id = TEXT("s1");
    assert_int_equal(worker_poll_stream(&w, &call.ctx, &poll, &seen), RC_OK);
    assert_int_equal(seen.n_messages, 1);
    assert_int_equal(wrk_session_open(&w, &call.ctx, &w.devices[0], "s2", "", true), RC_OK);
    assert_int_equal(atomic_load(&closes), 1);
    assay__stream_response__init(&seen);
    poll.session_id = TEXT("s2");
    assert_int_equal(worker_poll_stream(&w, &call.ctx, &poll, &seen), RC_OK);
    assert_int_equal(seen.n_messages, 0);
    assay__stream_response__init(&seen);
    poll.session_id = TEXT("s1");
    assert_int_equal(worker_poll_stream(&w, &call.ctx, &poll, &seen), RC_OK);
    assert_true(seen.has_ended && seen.ended);
    req.session_id = TEXT("s2");
    assert_int_equal(start(&req), RC_OK);
    wrk_jobs_join(&w);
    assert_int_equal(atomic_load(&opens), 2);
    assert_int_equal(atomic_load(&resets), 0);
    call_end(&call);
}

static void *
put_soon(void *arg)
{
    struct timespec ts = {0, 30000000};

    (void)arg;
    (void)nanosleep(&ts, NULL); /* so that the poller waits by then; it passes either way */
    wrk_frame_put(&w.devices[0], STR("new"));
    return NULL;
}

static void
a_viewer_waits_for_the_next_picture(void **state)
{
    struct call call = call_begin();
    Assay__StreamRequest poll = ASSAY__STREAM_REQUEST__INIT;
    Assay__StreamResponse seen = ASSAY__STREAM_RESPONSE__INIT;
    pthread_t thread;

    (void)state;
    assert_int_equal(wrk_session_open(&w, &call.ctx, &w.devices[0], "s1", "", true), RC_OK);
    wrk_frame_put(&w.devices[0], STR("old"));
    poll.session_id = TEXT("s1");
    assert_int_equal(worker_poll_stream(&w, &call.ctx, &poll, &seen), RC_OK);
    assert_int_equal(seen.n_messages, 1);
    poll.after_seq = seen.messages[0]->seq;
    assay__stream_response__init(&seen);
    assert_int_equal(worker_poll_stream(&w, &call.ctx, &poll, &seen), RC_OK);
    assert_int_equal(seen.n_messages, 0);
    PB_SET(&poll, wait_us, 10 * ASSAY_US_PER_S);
    assert_int_equal(pthread_create(&thread, NULL, put_soon, NULL), 0);
    assert_int_equal(worker_poll_stream(&w, &call.ctx, &poll, &seen), RC_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(seen.n_messages, 1);
    assert_memory_equal(seen.messages[0]->jpeg.data, "new", 3);
    call_end(&call);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(reports_wait_for_a_tests_service_that_is_away),
        T(a_report_that_is_refused_for_good_ends_the_job),
        T(a_lost_job_stops_and_reports_nothing_more),
        T(a_job_that_nobody_confirms_for_a_lease_acts_only_when_it_is_confirmed_again),
        T(a_cancelled_job_stops_and_says_so),
        T(a_busy_session_refuses_other_jobs_and_takes_the_same_one_again),
        T(closing_the_session_abandons_its_job),
        T(a_stop_that_comes_too_late_does_not_touch_the_next_job),
        T(the_next_session_sees_neither_page_nor_picture_of_the_last),
        T(a_viewer_waits_for_the_next_picture),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
