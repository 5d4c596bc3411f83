/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices, sessions and who waits for them, on a real Postgres. No worker answers here: what needs
 * one is told by its heartbeats. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common_sql.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"
#include "svc/svc_int.h"
#include "tests/support/pg.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#undef fail

#define ORG 7
#define TEXT(text) ((char *)(uintptr_t)("" text))
#define ASSERT_N(sql, n)                                                                           \
    assert_int_equal(pg_support_i64("SELECT count(*) FROM sessions." sql), (n))

static const struct sessions_cfg CFG = {.worker_lease_us = 30 * ASSAY_US_PER_S,
                                        .idle_us = 60 * ASSAY_US_PER_S};
static struct db *db;
static struct svc svc;
static struct sessions sessions;

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static struct call
call_as(int64_t org, int64_t user)
{
    struct call c = {.arena = arena_new((size_t)32 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 20 * ASSAY_US_PER_S;
    c.ctx.who = (struct principal){.org_id = org,
                                   .user_id = user,
                                   .email = STR("ann@shop.test"),
                                   .kind = org == 0 ? TOKEN_SERVICE : TOKEN_JWT};
    return c;
}

static void
call_end(struct call *c)
{
    arena_free(c->arena);
}

#define WRITE(c, expr)                                                                             \
    (assert_int_equal(db_begin(db, &(c)->ctx), RC_OK), end_write((c), (expr)))
static enum rc
end_write(struct call *c, enum rc rc)
{
    assert_int_equal(rc, c->ctx.err.code);
    if (rc == RC_OK) {
        assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    }
    while (db_in_tx(&c->ctx)) {
        db_rollback(db, &c->ctx);
    }
    return rc;
}

static void
run_loop(bool (*fn)(void *state, struct ctx *ctx))
{
    struct call c = call_as(0, 0);

    (void)fn(&sessions, &c.ctx);
    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
}

static void
register_worker(const char *incarnation, const char *const *categories, size_t n)
{
    struct call c = call_as(0, 0);
    Assay__RegisterWorkerRequest req = ASSAY__REGISTER_WORKER_REQUEST__INIT;
    Assay__RegisterWorkerResponse resp = ASSAY__REGISTER_WORKER_RESPONSE__INIT;
    Assay__WorkerDevice devices[8];
    Assay__WorkerDevice *list[8];

    for (size_t i = 0; i < n; i++) {
        assay__worker_device__init(&devices[i]);
        devices[i].device_id =
            arena_strz(c.arena, arena_printf(c.arena, "%s-%zu", categories[i], i + 1));
        devices[i].name = devices[i].model = TEXT("Chromium");
        devices[i].platform = TEXT("web");
        devices[i].category = (char *)(uintptr_t)categories[i];
        devices[i].os_version = TEXT("1");
        list[i] = &devices[i];
    }
    req.worker_id = TEXT("w1");
    req.incarnation = (char *)(uintptr_t)incarnation;
    req.rpc_addr = TEXT("ipc:///nowhere");
    req.devices = list;
    req.n_devices = n;
    assert_int_equal(WRITE(&c, sessions_register_worker(&sessions, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
}

static const char *const THREE[] = {"phone", "phone", "tablet"};

static int
open_all(void **state)
{
    struct db_cfg cfg = {.uri = pg_support_uri(),
                         .schema = "sessions",
                         .app = "sessions_test",
                         .queries = sessions_queries,
                         .query_count = sessions_query_count,
                         .migrations = sessions_migrations,
                         .migration_count = sessions_migration_count,
                         .common_queries = common_queries,
                         .common_query_count = common_query_count,
                         .common_migrations = common_migrations,
                         .common_migration_count = common_migration_count};
    struct rpc_tls no_tls = {.ca_file = NULL};
    struct call c = call_as(0, 0);

    (void)state;
    assert_int_equal(db_open(&cfg, &db), RC_OK);
    assert_int_equal(db_migrate(db, &c.ctx), RC_OK);
    assert_int_equal(db_check(db, &c.ctx), RC_OK);
    assert_int_equal(rpc_peers_new(&no_tls, (size_t)1 << 20, false, &svc.peers), RC_OK);
    call_end(&c);
    svc.db = db;
    sessions = (struct sessions){.svc = &svc, .db = db, .cfg = &CFG};
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    rpc_peers_free(svc.peers);
    db_close(db);
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    pg_support_exec("TRUNCATE sessions.apps, sessions.builds, sessions.workers, sessions.devices,"
                    " sessions.sessions, sessions.device_queue, sessions.outbox RESTART IDENTITY"
                    " CASCADE");
    register_worker("a", THREE, 3);
    return 0;
}

/* --- short forms --------------------------------------------------------------------------- */

struct got {
    enum rc rc;
    char session[64], device[64];
    int64_t position;
    bool none_connected;
};

static struct got
acquire(const char *key, const char *category, const char *device)
{
    struct call c = call_as(0, 0);
    Assay__AcquireDeviceRequest req = ASSAY__ACQUIRE_DEVICE_REQUEST__INIT;
    Assay__AcquireDeviceResponse resp = ASSAY__ACQUIRE_DEVICE_RESPONSE__INIT;
    struct got got = {.position = 0};

    req.job_id = (char *)(uintptr_t)key;
    req.org_id = ORG;
    req.platform = TEXT("web");
    req.category = (char *)(uintptr_t)category;
    req.device_id = (char *)(uintptr_t)device;
    got.rc = WRITE(&c, sessions_acquire_device(&sessions, &c.ctx, &req, &resp));
    if (got.rc == RC_OK && resp.session_id != NULL) {
        (void)snprintf(got.session, sizeof(got.session), "%s", resp.session_id);
        (void)snprintf(got.device, sizeof(got.device), "%s", resp.device_id);
    }
    got.position = resp.has_queue_position ? resp.queue_position : 0;
    got.none_connected = resp.has_none_connected && resp.none_connected;
    call_end(&c);
    return got;
}

static void
release(const char *key)
{
    struct call c = call_as(0, 0);
    Assay__ReleaseDeviceRequest req = ASSAY__RELEASE_DEVICE_REQUEST__INIT;
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    req.job_id = (char *)(uintptr_t)key;
    assert_int_equal(WRITE(&c, sessions_release_device(&sessions, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
}

static void
create(int64_t user, const char *category, const char *device, char out[64])
{
    struct call c = call_as(ORG, user);
    Assay__CreateSessionRequest req = ASSAY__CREATE_SESSION_REQUEST__INIT;
    Assay__Session resp = ASSAY__SESSION__INIT;

    req.device_type = TEXT("web");
    req.device_category = (char *)(uintptr_t)category;
    req.specific_device_id = (char *)(uintptr_t)device;
    assert_int_equal(WRITE(&c, sessions_create_session(&sessions, &c.ctx, &req, &resp)), RC_OK);
    assert_string_equal(resp.status, "pending");
    (void)snprintf(out, 64, "%s", resp.session_id);
    call_end(&c);
}

/* Queue entry of a session that must wait, 0 when it has a device now, -1 when it was refused. */
static int64_t
start(int64_t user, char *session)
{
    struct call c = call_as(ORG, user);
    Assay__StartSessionRequest req = ASSAY__START_SESSION_REQUEST__INIT;
    Assay__StartSessionResponse resp = ASSAY__START_SESSION_RESPONSE__INIT;

    req.session_id = session;
    enum rc rc = WRITE(&c, sessions_start_session(&sessions, &c.ctx, &req, &resp));
    int64_t entry = rc != RC_OK ? -1 : resp.queued == NULL ? 0 : resp.queued->queue_entry_id;
    call_end(&c);
    return entry;
}

static bool
has_status(const char *session, const char *status)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM sessions.sessions WHERE session_id = '%s' AND status = "
                   "'%s'",
                   session, status);
    return pg_support_i64(sql) == 1;
}

static Assay__WorkerHeartbeatResponse *
beat(struct call *c, const char *incarnation, char *open)
{
    Assay__WorkerHeartbeatRequest req = ASSAY__WORKER_HEARTBEAT_REQUEST__INIT;
    Assay__WorkerHeartbeatResponse *resp = ARENA_NEW(c->arena, Assay__WorkerHeartbeatResponse);
    char *ids[] = {open};

    assay__worker_heartbeat_response__init(resp);
    req.worker_id = TEXT("w1");
    req.incarnation = (char *)(uintptr_t)incarnation;
    req.session_ids = ids;
    req.n_session_ids = open == NULL ? 0 : 1;
    assert_int_equal(WRITE(c, sessions_worker_heartbeat(&sessions, &c->ctx, &req, resp)), RC_OK);
    return resp;
}

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
    assert_int_equal(
        pg_support_i64("SELECT count(DISTINCT device_id) FROM sessions.sessions"), 3);
    ASSERT_N("devices d JOIN sessions.sessions s USING (session_id) WHERE s.device_id = d.device_id",
             3);
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

#define T(name) cmocka_unit_test_setup(name, set_up)
#define P(name) cmocka_unit_test_setup_teardown(name, set_up_plan, tear_down_plan)

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
        P(a_plan_bounds_the_sessions_even_of_those_who_start_at_once),
        P(a_run_beyond_the_plan_waits_and_holds_nobody_up),
        P(live_time_that_is_used_up_starts_nothing_and_ends_what_is_live),
        P(the_longest_session_of_a_plan_ends),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
