/* SPDX-License-Identifier: Apache-2.0
 *
 * What plans and an organization's defaults allow of sessions. Billing and auth are functions
 * here. */
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
let_the_minute_pass(void)
{
    pg_support_exec("UPDATE sessions.sessions SET ending_at = ending_at - interval '61 seconds'");
}

/* As people see it; 0: it is not said to end. */
static int64_t
ending_of(const char *session)
{
    struct call c = call_as(ORG, 5);
    Assay__GetSessionRequest req = ASSAY__GET_SESSION_REQUEST__INIT;
    Assay__Session resp = ASSAY__SESSION__INIT;

    req.session_id = (char *)(uintptr_t)session;
    assert_int_equal(sessions_get_session(&sessions, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.has_ending_at, resp.ending_reason != NULL);
    int64_t at_us = resp.has_ending_at ? resp.ending_at : 0;
    call_end(&c);
    return at_us;
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
    assert_true(has_status(one, "starting"));
    let_the_minute_pass();
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "stopped"));
    ASSERT_N("sessions WHERE end_reason LIKE '%streaming minutes%'", 1);
    ASSERT_N("sessions WHERE job_key = '1.1' AND status = 'active' AND ending_at IS NULL", 1);
}

static void
who_is_short_of_live_time_is_told_a_minute_before(void **state)
{
    char one[64];
    char two[64];

    (void)state;
    create(5, NULL, NULL, one);
    create(5, NULL, NULL, two);
    assert_int_equal(start(5, one), 0);
    plan.streaming_left_us = 130 * ASSAY_US_PER_S;
    run_loop(ses_sweep_loop);
    ASSERT_N("sessions WHERE ending_at IS NOT NULL", 0);
    assert_int_equal(start(5, two), 0);
    plan.streaming_left_us = 119 * ASSAY_US_PER_S; /* less than a minute for each of two */
    run_loop(ses_sweep_loop);
    ASSERT_N("sessions WHERE ending_at BETWEEN now() AND now() + interval '1 minute'"
             " AND ending_reason LIKE '%minutes%'",
             2);
    assert_true(ending_of(one) > clk_wall_us());
    /* What was told stands, however little is left. */
    int64_t told_us = ending_of(one);
    plan.streaming_left_us = 0;
    run_loop(ses_sweep_loop);
    assert_int_equal(ending_of(one), told_us);
    /* With time again it goes on, also when the plan then has no limit at all. */
    plan.streaming_left_us = 600 * ASSAY_US_PER_S;
    run_loop(ses_sweep_loop);
    assert_int_equal(ending_of(one), 0);
    plan.streaming_left_us = 0;
    run_loop(ses_sweep_loop);
    assert_true(ending_of(one) > 0);
    plan.streaming_left_us = SVC_NO_LIMIT;
    run_loop(ses_sweep_loop);
    assert_int_equal(ending_of(one), 0);
    let_the_minute_pass();
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "starting"));
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
    assert_int_equal(ending_of(one), 0);
    pg_support_exec("UPDATE sessions.sessions SET start_time = now() - interval '241 seconds'");
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "starting"));
    ASSERT_N("sessions WHERE ending_at = start_time + interval '300 seconds'"
             " AND ending_reason LIKE '%longest%'",
             1);
    pg_support_exec("UPDATE sessions.sessions SET start_time = now() - interval '301 seconds'");
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "stopped"));
}

/* --- defaults of organizations ------------------------------------------------------------- */

/* A session of user 5, in use since a moment. */
static void
make_active(char out[64])
{
    create(5, "phone", NULL, out);
    assert_int_equal(start(5, out), 0);
    pg_support_exec("UPDATE sessions.sessions SET status = 'active', worker_addr = 'ipc:///nowhere'"
                    " WHERE status = 'starting'");
}

static void
age(const char *by)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "UPDATE sessions.sessions SET used_at = now() - interval '%s'",
                   by);
    pg_support_exec(sql);
}

static void
a_session_idles_for_the_time_its_organization_set_when_it_started(void **state)
{
    char one[64];
    char two[64];

    (void)state;
    said.idle_us = 600 * ASSAY_US_PER_S;
    make_active(one);
    said.idle_us = 30 * ASSAY_US_PER_S;
    age("599 seconds");
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "active"));
    make_active(two);
    age("601 seconds");
    pg_support_exec("UPDATE sessions.sessions SET used_at = now() - interval '29 seconds'"
                    " WHERE idle_us = 30000000");
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "stopped"));
    assert_true(has_status(two, "active"));
    age("31 seconds");
    run_loop(ses_sweep_loop);
    assert_true(has_status(two, "stopped"));
}

static void
one_that_waits_for_a_device_keeps_the_defaults_too(void **state)
{
    char person[64];

    (void)state;
    said = (struct ses_defaults){.idle_us = 10 * ASSAY_US_PER_S, .permissions = SES_CONTROL};
    assert_true(acquire("1.1", "tablet", NULL).session[0] != '\0');
    create(5, "tablet", NULL, person);
    assert_true(start(5, person) > 0);
    said.idle_us = 0;
    release("1.1");
    run_loop(ses_queue_loop);
    assert_true(has_status(person, "starting"));
    ASSERT_N("sessions WHERE idle_us = 10000000 AND permissions = 'control'", 1);
}

static void
while_auth_is_away_the_setting_and_the_strictest_permission_count(void **state)
{
    char one[64];

    (void)state;
    said.idle_us = 0;
    make_active(one);
    ASSERT_N("sessions WHERE idle_us = 60000000 AND permissions = 'view'", 1);
    age("61 seconds");
    run_loop(ses_sweep_loop);
    assert_true(has_status(one, "stopped"));
}

static const char *
control_as(int64_t user, enum role role, const char *session, const char *action)
{
    struct call c = call_as(ORG, user);
    Assay__ControlSessionRequest req = ASSAY__CONTROL_SESSION_REQUEST__INIT;
    Assay__ControlSessionResponse resp = ASSAY__CONTROL_SESSION_RESPONSE__INIT;

    c.ctx.who.role = role;
    c.ctx.deadline_us = clk_wall_us() + 50 * ASSAY_US_PER_MS; /* there is no worker */
    req.session_id = (char *)(uintptr_t)session;
    req.action = (char *)(uintptr_t)action;
    PB_SET(&req, x, 1);
    PB_SET(&req, y, 1);
    assert_true(sessions_control_session(&sessions, &c.ctx, &req, &resp) != RC_OK);
    const char *reason = c.ctx.err.reason;
    call_end(&c);
    return reason;
}

static bool
may_stop(int64_t user, enum role role, const char *session)
{
    struct call c = call_as(ORG, user);
    Assay__StopSessionRequest req = ASSAY__STOP_SESSION_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    c.ctx.who.role = role;
    c.ctx.deadline_us = clk_wall_us() + ASSAY_US_PER_S;
    req.session_id = (char *)(uintptr_t)session;
    enum rc rc = sessions_stop_session(&sessions, &c.ctx, &req, &resp);
    assert_true(rc == RC_OK || strcmp(c.ctx.err.reason, "SESSION_PERMISSIONS") == 0);
    call_end(&c);
    return rc == RC_OK;
}

#define REFUSED "SESSION_PERMISSIONS"

static void
permissions_say_who_else_may_use_and_stop_a_session(void **state)
{
    static const struct {
        const char *permissions;
        bool others_control, others_stop;
    } ROWS[] = {{SES_VIEW, false, false}, {SES_CONTROL, true, false}, {SES_FULL, true, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        char one[64];
        said.permissions = ROWS[i].permissions;
        make_active(one);
        assert_string_not_equal(control_as(5, ROLE_VIEWER, one, "tap"), REFUSED);
        assert_string_not_equal(control_as(6, ROLE_ADMIN, one, "tap"), REFUSED);
        assert_string_not_equal(control_as(6, ROLE_VIEWER, one, "screenshot"), REFUSED);
        bool refused = strcmp(control_as(6, ROLE_DEVELOPER, one, "tap"), REFUSED) == 0;
        assert_int_equal(!refused, ROWS[i].others_control);
        assert_int_equal(may_stop(6, ROLE_DEVELOPER, one), ROWS[i].others_stop);
        assert_true(may_stop(i == 0 ? 5 : 6, i == 0 ? ROLE_VIEWER : ROLE_ADMIN, one));
        assert_true(has_status(one, "stopped"));
    }
}

/* A member who was removed, or whose account is deleted, stops nothing any more. */
static void
sessions_end_with_the_account_of_who_started_them(void **state)
{
    char theirs[64];
    char waiting[64];
    char other[64];

    (void)state;
    create(5, "phone", NULL, theirs);
    create(6, "phone", NULL, other);
    assert_int_equal(start(5, theirs), 0);
    assert_int_equal(start(6, other), 0);
    create(5, "phone", NULL, waiting);
    assert_true(start(5, waiting) > 0);
    gone_user = -1; /* auth is away: nobody is ended for that */
    run_loop(ses_sweep_loop);
    assert_true(has_status(theirs, "starting"));
    gone_user = 5;
    run_loop(ses_sweep_loop);
    assert_true(has_status(theirs, "stopped"));
    assert_true(has_status(waiting, "stopped"));
    assert_true(has_status(other, "starting"));
    ASSERT_N("device_queue", 0);
    ASSERT_N("devices WHERE session_id IS NOT NULL", 1);
}

#define P(name) cmocka_unit_test_setup_teardown(name, set_up_plan, tear_down_plan)
#define D(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
    const struct CMUnitTest all[] = {
        P(a_plan_bounds_the_sessions_even_of_those_who_start_at_once),
        P(a_run_beyond_the_plan_waits_and_holds_nobody_up),
        P(live_time_that_is_used_up_starts_nothing_and_ends_what_is_live),
        P(who_is_short_of_live_time_is_told_a_minute_before),
        P(the_longest_session_of_a_plan_ends),
        D(a_session_idles_for_the_time_its_organization_set_when_it_started),
        D(one_that_waits_for_a_device_keeps_the_defaults_too),
        D(while_auth_is_away_the_setting_and_the_strictest_permission_count),
        D(permissions_say_who_else_may_use_and_stop_a_session),
        D(sessions_end_with_the_account_of_who_started_them),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
