/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices, sessions and who waits for them, on a real Postgres. No worker answers here: what needs
 * one is told by its heartbeats. */
#include <pthread.h>

#include "sessions/sessions_lab.h"

/* --- claims -------------------------------------------------------------------------------- */

static void *
acquirer(void *arg)
{
    char key[32];
    int n = (int)(intptr_t)arg;

    (void)snprintf(key, sizeof(key), "%d.1", n);
    for (int i = 0; i < 20; i++) {
        if (acquire(key, NULL, NULL).session[0] != '\0') {
            break;
        }
    }
    return NULL;
}

static void
eight_who_claim_at_once_never_get_the_same_device(void **state)
{
    pthread_t threads[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, acquirer, (void *)(intptr_t)i), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    ASSERT_N("sessions WHERE status = 'active'", 3);
    assert_int_equal(pg_support_i64("SELECT count(DISTINCT device_id) FROM sessions.sessions"), 3);
    ASSERT_N(
        "devices d JOIN sessions.sessions s USING (session_id) WHERE s.device_id = d.device_id", 3);
}

static void *
same_acquirer(void *arg)
{
    *(struct got *)arg = acquire("5.1", NULL, NULL);
    return NULL;
}

static void
the_same_run_gets_one_session_however_often_it_asks(void **state)
{
    pthread_t threads[8];
    struct got got[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, same_acquirer, &got[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(got[i].rc, RC_OK);
        assert_string_equal(got[i].session, got[0].session);
    }
    ASSERT_N("devices WHERE session_id IS NOT NULL", 1);
}

static void
a_device_given_back_twice_is_free_once_and_counted_once(void **state)
{
    (void)state;
    assert_true(acquire("1.1", "tablet", NULL).session[0] != '\0');
    release("1.1");
    release("1.1");
    release("never");
    ASSERT_N("devices WHERE session_id IS NULL", 3);
    ASSERT_N("outbox WHERE type = 'session.stopped'", 1);
    assert_int_equal(acquire("1.1", "tablet", NULL).rc, RC_FAILED_PRECONDITION);
    assert_true(acquire("1.2", "tablet", NULL).session[0] != '\0');
}

static void
a_category_and_a_device_are_what_was_asked_for(void **state)
{
    (void)state;
    assert_string_equal(acquire("1.1", "tablet", NULL).device, "tablet-3");
    assert_string_equal(acquire("2.1", NULL, "phone-2").device, "phone-2");
    assert_int_equal(acquire("3.1", NULL, "phone-2").position, 1);
    assert_true(acquire("4.1", "tv", NULL).none_connected);
    assert_true(acquire("4.1", "tv", NULL).position > 0); /* it has its place already */
    assert_true(acquire("4.2", NULL, "phone-9").none_connected);
    register_worker("a", (const char *const[]){"phone", "phone", "tablet", "tv"}, 4);
    assert_string_equal(acquire("4.1", "tv", NULL).device, "tv-4");
}

static void
those_who_wait_longer_go_first_people_and_runs_alike(void **state)
{
    char person[64];

    (void)state;
    assert_true(acquire("1.1", "tablet", NULL).session[0] != '\0');
    create(5, "tablet", NULL, person);
    assert_true(start(5, person) > 0);
    assert_int_equal(acquire("2.1", "tablet", NULL).position, 2);
    release("1.1");
    assert_int_equal(acquire("2.1", "tablet", NULL).position, 2); /* it is the person's turn */
    run_loop(ses_queue_loop);
    assert_true(has_status(person, "starting"));
    assert_int_equal(acquire("2.1", "tablet", NULL).position, 1);
    /* and a person behind the run */
    create(6, "tablet", NULL, person);
    assert_true(start(6, person) > 0);
    pg_support_exec("UPDATE sessions.devices SET session_id = NULL WHERE category = 'tablet'");
    run_loop(ses_queue_loop);
    assert_true(has_status(person, "queued"));
    assert_true(acquire("2.1", "tablet", NULL).session[0] != '\0');
}

static void
who_waits_for_a_busy_device_holds_no_other_one(void **state)
{
    char person[64];

    (void)state;
    create(5, NULL, "tablet-3", person);
    assert_true(acquire("1.1", "tablet", NULL).session[0] != '\0');
    assert_true(start(5, person) > 0);
    assert_true(acquire("2.1", NULL, NULL).session[0] != '\0');
    assert_true(acquire("3.1", NULL, NULL).session[0] != '\0');
}

static void
nobody_waits_for_a_device_that_does_not_exist(void **state)
{
    char person[64];

    (void)state;
    create(5, NULL, "tablet-3", person);
    pg_support_exec("DELETE FROM sessions.devices WHERE device_id = 'tablet-3'");
    assert_int_equal(start(5, person), -1);
    ASSERT_N("device_queue", 0);
}

static enum rc
leave(int64_t user, int64_t entry)
{
    struct call c = call_as(ORG, user);
    Assay__LeaveQueueRequest req = ASSAY__LEAVE_QUEUE_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.queue_entry_id = entry;
    enum rc rc = WRITE(&c, sessions_leave_queue(&sessions, &c.ctx, &req, &resp));
    call_end(&c);
    return rc;
}

static void
people_leave_only_their_own_place_in_the_queue(void **state)
{
    char person[64];

    (void)state;
    assert_true(acquire("1.1", "tablet", NULL).session[0] != '\0');
    create(5, "tablet", NULL, person);
    int64_t entry = start(5, person);
    assert_true(entry > 0);
    assert_int_equal(start(5, person), entry); /* asking again is the same place */
    assert_int_equal(leave(6, entry), RC_NOT_FOUND);
    assert_int_equal(leave(5, entry), RC_OK);
    assert_true(has_status(person, "stopped"));
    ASSERT_N("device_queue", 0);
    assert_int_equal(leave(5, entry), RC_NOT_FOUND);
}

/* --- workers ------------------------------------------------------------------------------- */

static void
a_worker_that_restarts_has_lost_its_sessions(void **state)
{
    struct got run = acquire("1.1", "tablet", NULL);

    (void)state;
    register_worker("a", THREE, 3); /* the same life: nothing ends */
    assert_true(has_status(run.session, "active"));
    register_worker("b", THREE, 3);
    assert_true(has_status(run.session, "failed"));
    ASSERT_N("devices WHERE session_id IS NULL", 3);
}

/* Leases could be renewed for an hour, until `beat` ago. */
static void
set_lease_clock(const char *beat)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO sessions.lease_clock (since, beat_at) VALUES (now() - interval"
                   " '1 hour', now() - interval '%s') ON CONFLICT (one) DO UPDATE"
                   " SET since = excluded.since, beat_at = excluded.beat_at",
                   beat);
    pg_support_exec(sql);
}

static void
a_worker_that_falls_silent_is_gone(void **state)
{
    struct got run = acquire("1.1", "tablet", NULL);
    struct call c = call_as(0, 0);

    (void)state;
    set_lease_clock("10 minutes"); /* nobody could speak: that says nothing */
    pg_support_exec("UPDATE sessions.workers SET lease_until = now() - interval '1 second'");
    assert_true(acquire("2.1", "phone", NULL).none_connected);
    run_loop(ses_sweep_loop);
    assert_true(has_status(run.session, "active"));
    set_lease_clock("1 second");
    run_loop(ses_sweep_loop);
    assert_true(has_status(run.session, "failed"));
    assert_true(beat(&c, "a", NULL)->known);
    assert_false(beat(&c, "other life", NULL)->known);
    call_end(&c);
}

static void
a_heartbeat_closes_what_is_over(void **state)
{
    struct got run = acquire("1.1", "tablet", NULL);
    struct call c = call_as(0, 0);

    (void)state;
    assert_int_equal(beat(&c, "a", run.session)->n_close_session_ids, 0);
    release("1.1");
    Assay__WorkerHeartbeatResponse *resp = beat(&c, "a", run.session);
    assert_int_equal(resp->n_close_session_ids, 1);
    assert_string_equal(resp->close_session_ids[0], run.session);
    assert_int_equal(beat(&c, "a", TEXT("no uuid"))->n_close_session_ids, 1);
    call_end(&c);
}

static void
an_idle_session_ends_and_a_run_does_not(void **state)
{
    char person[64];
    struct got run = acquire("1.1", "tablet", NULL);

    (void)state;
    create(5, "phone", NULL, person);
    assert_int_equal(start(5, person), 0);
    pg_support_exec("UPDATE sessions.sessions SET status = 'active'");
    run_loop(ses_sweep_loop);
    assert_true(has_status(person, "active"));
    pg_support_exec("UPDATE sessions.sessions SET used_at = now() - interval '61 seconds'");
    run_loop(ses_sweep_loop);
    assert_true(has_status(person, "stopped"));
    assert_true(has_status(run.session, "active"));
}

static void
a_run_that_stopped_asking_holds_nobody_up(void **state)
{
    (void)state;
    assert_true(acquire("1.1", "tablet", NULL).session[0] != '\0');
    assert_int_equal(acquire("2.1", "tablet", NULL).position, 1);
    release("1.1");
    pg_support_exec("UPDATE sessions.device_queue SET asked_at = now() - interval '11 seconds'");
    assert_true(acquire("3.1", "tablet", NULL).session[0] != '\0');
    pg_support_exec("UPDATE sessions.device_queue SET asked_at = now() - interval '31 seconds'");
    set_lease_clock("1 second");
    run_loop(ses_sweep_loop);
    ASSERT_N("device_queue", 0);
}

/* --- lists --------------------------------------------------------------------------------- */

static size_t
listed(int64_t org, Assay__ListSessionsRequest *req)
{
    struct call c = call_as(org, 5);
    Assay__ListSessionsResponse resp = ASSAY__LIST_SESSIONS_RESPONSE__INIT;

    assert_int_equal(sessions_list_sessions(&sessions, &c.ctx, req, &resp), RC_OK);
    call_end(&c);
    return resp.n_items;
}

static void
lists_show_the_sessions_of_people_that_fit(void **state)
{
    Assay__ListSessionsRequest req = ASSAY__LIST_SESSIONS_REQUEST__INIT;
    char person[3][64];

    (void)state;
    assert_true(acquire("1.1", NULL, NULL).session[0] != '\0');
    for (int i = 0; i < 3; i++) {
        create(5 + i, "phone", NULL, person[i]);
    }
    assert_int_equal(listed(ORG, &req), 3); /* that of the run is not among them */
    assert_int_equal(listed(ORG + 1, &req), 0);
    req.limit = 2;
    assert_int_equal(listed(ORG, &req), 2);
    req.offset = 2;
    assert_int_equal(listed(ORG, &req), 1);
    req.offset = 0;
    PB_SET(&req, user_id, 6);
    assert_int_equal(listed(ORG, &req), 1);
    req.has_user_id = 0;
    req.search = TEXT("ANN@shop");
    assert_int_equal(listed(ORG, &req), 2);
    req.search = person[1];
    assert_int_equal(listed(ORG, &req), 1);
    req.search = TEXT("%");
    assert_int_equal(listed(ORG, &req), 0);
    req.search = NULL;
    req.status = TEXT("active");
    assert_int_equal(listed(ORG, &req), 0);
    req.status = NULL;
    req.time_range = TEXT("last-hour");
    pg_support_exec("UPDATE sessions.sessions SET created_at = now() - interval '2 hours'"
                    " WHERE user_id = 7");
    req.limit = 50;
    assert_int_equal(listed(ORG, &req), 2);
}

static void
ids_that_are_no_uuid_are_not_found(void **state)
{
    static const char *const IDS[] = {"", "x", "00000000-0000-4000-8000-00000000000g",
                                      "------------------------------------"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(IDS); i++) {
        struct call c = call_as(ORG, 5);
        Assay__GetSessionRequest req = ASSAY__GET_SESSION_REQUEST__INIT;
        Assay__Session resp = ASSAY__SESSION__INIT;
        req.session_id = (char *)(uintptr_t)IDS[i];
        assert_int_equal(sessions_get_session(&sessions, &c.ctx, &req, &resp), RC_NOT_FOUND);
        call_end(&c);
    }
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(eight_who_claim_at_once_never_get_the_same_device),
        T(the_same_run_gets_one_session_however_often_it_asks),
        T(a_device_given_back_twice_is_free_once_and_counted_once),
        T(a_category_and_a_device_are_what_was_asked_for),
        T(those_who_wait_longer_go_first_people_and_runs_alike),
        T(who_waits_for_a_busy_device_holds_no_other_one),
        T(nobody_waits_for_a_device_that_does_not_exist),
        T(people_leave_only_their_own_place_in_the_queue),
        T(a_worker_that_restarts_has_lost_its_sessions),
        T(a_worker_that_falls_silent_is_gone),
        T(a_heartbeat_closes_what_is_over),
        T(an_idle_session_ends_and_a_run_does_not),
        T(a_run_that_stopped_asking_holds_nobody_up),
        T(lists_show_the_sessions_of_people_that_fit),
        T(ids_that_are_no_uuid_are_not_found),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
