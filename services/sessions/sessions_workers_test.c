/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers that give their devices to nobody for now, or are being stopped. */
#include "sessions/sessions_lab.h"

static Assay__WorkerHeartbeatResponse
tell(const char *incarnation, bool paused, int64_t ending_us)
{
    struct call c = call_as(0, 0);
    Assay__WorkerHeartbeatRequest req = ASSAY__WORKER_HEARTBEAT_REQUEST__INIT;
    Assay__WorkerHeartbeatResponse resp = ASSAY__WORKER_HEARTBEAT_RESPONSE__INIT;

    req.worker_id = TEXT("w1");
    req.incarnation = (char *)(uintptr_t)incarnation;
    PB_SET(&req, paused, paused);
    if (ending_us >= 0) {
        PB_SET(&req, ending_us, ending_us);
    }
    assert_int_equal(WRITE(&c, sessions_worker_heartbeat(&sessions, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
    return resp;
}

static void
leave(const char *incarnation)
{
    struct call c = call_as(0, 0);
    Assay__LeaveWorkerRequest req = ASSAY__LEAVE_WORKER_REQUEST__INIT;
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    req.worker_id = TEXT("w1");
    req.incarnation = (char *)(uintptr_t)incarnation;
    assert_int_equal(WRITE(&c, sessions_leave_worker(&sessions, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
}

static size_t
listed(void)
{
    struct call c = call_as(ORG, 5);
    Assay__ListDevicesRequest req = ASSAY__LIST_DEVICES_REQUEST__INIT;
    Assay__ListDevicesResponse resp = ASSAY__LIST_DEVICES_RESPONSE__INIT;

    assert_int_equal(sessions_list_devices(&sessions, &c.ctx, &req, &resp), RC_OK);
    size_t n = resp.n_items;
    call_end(&c);
    return n;
}

static void
person(char out[64])
{
    create(5, "phone", NULL, out);
    assert_int_equal(start(5, out), 0);
    pg_support_exec("UPDATE sessions.sessions SET status = 'active' WHERE job_key IS NULL");
}

static void
devices_of_a_paused_worker_are_given_to_nobody_until_it_goes_on(void **state)
{
    struct got run = acquire("1.1", "tablet", NULL);

    (void)state;
    assert_false(tell("a", true, -1).has_sessions);
    assert_int_equal(listed(), 0);
    assert_true(acquire("2.1", "phone", NULL).none_connected);
    assert_true(has_status(run.session, "active")); /* what is on it stays */
    (void)tell("a", false, -1);
    assert_int_equal(listed(), 3);
    assert_string_not_equal(acquire("2.1", "phone", NULL).device, "");
}

static void
a_worker_that_is_being_stopped_hears_who_is_left_on_it(void **state)
{
    char session[64];

    (void)state;
    person(session);
    (void)acquire("1.1", "tablet", NULL);
    assert_int_equal(tell("a", false, 600 * ASSAY_US_PER_S).sessions, 2);
    assert_int_equal(listed(), 0);
    release("1.1");
    assert_int_equal(tell("a", false, 599 * ASSAY_US_PER_S).sessions, 1);
    assert_true(acquire("2.1", "tablet", NULL).none_connected);
    register_worker("b", THREE, 3); /* its next life */
    assert_int_equal(listed(), 3);
}

static void
people_on_a_worker_that_is_being_stopped_hear_why_and_when_their_sessions_end(void **state)
{
    struct got run = acquire("1.1", "tablet", NULL);
    char session[64];

    (void)state;
    person(session);
    (void)tell("a", false, 600 * ASSAY_US_PER_S);
    (void)tell("a", false, 500 * ASSAY_US_PER_S); /* the first word stands */
    run_loop(ses_sweep_loop);
    ASSERT_N("sessions WHERE ending_reason LIKE '%is being stopped' AND job_key IS NULL"
             " AND ending_at BETWEEN now() + interval '1 second' AND now() + interval '1 minute'",
             1);
    assert_true(has_status(session, "active"));
    pg_support_exec("UPDATE sessions.workers SET ends_at = now() - interval '1 second'");
    run_loop(ses_sweep_loop);
    assert_true(has_status(session, "stopped"));
    assert_true(has_status(run.session, "active")); /* a run gives its device back itself */
    ASSERT_N("sessions WHERE end_reason LIKE '%is being stopped'", 1);
}

static void
what_is_left_on_a_worker_that_leaves_ends_at_once_and_its_devices_keep_their_numbers(void **state)
{
    struct got run = acquire("1.1", "tablet", NULL);
    char session[64];

    (void)state;
    person(session);
    leave("another life");
    assert_true(has_status(session, "active"));
    leave("a");
    assert_true(has_status(session, "failed"));
    assert_true(has_status(run.session, "failed"));
    assert_int_equal(listed(), 0);
    release("1.1"); /* tests gives back what it had */
    register_worker("b", THREE, 3);
    assert_int_equal(listed(), 3);
    ASSERT_N("devices WHERE id > 3", 0);
}

static void
runs_on_a_worker_that_restarted_are_told_to_tests(void **state)
{
    char session[64];

    (void)state;
    (void)acquire("7.3", "tablet", NULL);
    person(session);
    register_worker("b", THREE, 3);
    ASSERT_N("outbox WHERE type = 'session.lost'", 1);
    ASSERT_N("outbox WHERE type = 'session.lost' AND encode(event, 'escape') LIKE '%7.3%'", 1);
    register_worker("b", THREE, 3);
    ASSERT_N("outbox WHERE type = 'session.lost'", 1);
}

static void
workers_that_never_come_back_are_forgotten_with_their_devices(void **state)
{
    (void)state;
    pg_support_exec("INSERT INTO sessions.lease_clock (since, beat_at) VALUES (now() - interval"
                    " '1 hour', now()) ON CONFLICT (one) DO UPDATE SET since = excluded.since,"
                    " beat_at = excluded.beat_at");
    pg_support_exec("UPDATE sessions.workers SET lease_until = now() - interval '6 days'");
    run_loop(ses_sweep_loop);
    ASSERT_N("devices", 3);
    pg_support_exec("UPDATE sessions.workers SET lease_until = now() - interval '8 days'");
    run_loop(ses_sweep_loop);
    ASSERT_N("devices", 0);
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(devices_of_a_paused_worker_are_given_to_nobody_until_it_goes_on),
        T(a_worker_that_is_being_stopped_hears_who_is_left_on_it),
        T(people_on_a_worker_that_is_being_stopped_hear_why_and_when_their_sessions_end),
        T(what_is_left_on_a_worker_that_leaves_ends_at_once_and_its_devices_keep_their_numbers),
        T(runs_on_a_worker_that_restarted_are_told_to_tests),
        T(workers_that_never_come_back_are_forgotten_with_their_devices),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
