/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of sessions: the service's state on a real Postgres, calls as the dispatcher makes
 * them, devices of a worker that nobody runs. Included by one program each. */
#ifndef ASSAY_SESSIONS_SESSIONS_LAB_H
#define ASSAY_SESSIONS_SESSIONS_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sessions/sessions.h"
#include "sessions_sql.h"
#include "svc/svc_int.h"
#include "tests/support/db_lab.h"
#include "tests/support/pg.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#undef fail

#include "tests/support/handler.h"

#define ORG 7
#define TEXT(text) ((char *)(uintptr_t)("" text))
#define ASSERT_N(sql, n) assert_int_equal(pg_support_i64("SELECT count(*) FROM sessions." sql), (n))

static const struct sessions_cfg CFG = {.worker_lease_us = 30 * ASSAY_US_PER_S,
                                        .idle_us = 60 * ASSAY_US_PER_S};
static struct db *db;
static struct svc svc;
static struct sessions sessions;
static struct ses_defaults said; /* by auth; without a time it does not answer */

static inline enum rc
ask_said(struct sessions *s, struct ctx *ctx, struct ses_defaults *out)
{
    (void)s;
    if (said.idle_us == 0) {
        return fail(ctx, RC_UNAVAILABLE, "AUTH_AWAY", "auth does not answer");
    }
    *out = said;
    return RC_OK;
}

static int64_t gone_user; /* whom auth no longer knows; -1: it does not answer */

static inline enum rc
find_said(struct sessions *s, struct ctx *ctx, const int64_t *ids, size_t count, int64_t **out,
          size_t *out_count)
{
    (void)s;
    if (gone_user < 0) {
        return fail(ctx, RC_UNAVAILABLE, "AUTH_AWAY", "auth does not answer");
    }
    *out = &gone_user;
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        *out_count = ids[i] == gone_user ? 1 : *out_count;
    }
    return RC_OK;
}

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static inline struct call
call_as(int64_t org, int64_t user)
{
    struct call c = {.arena = arena_new((size_t)32 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    c.ctx.who = (struct principal){.org_id = org,
                                   .user_id = user,
                                   .email = STR("ann@shop.test"),
                                   .kind = org == 0 ? TOKEN_SERVICE : TOKEN_JWT};
    return c;
}

static inline void
call_end(struct call *c)
{
    arena_free(c->arena);
}

#define WRITE(c, expr) HANDLE(db, &(c)->ctx, (expr))

static inline void
run_loop(bool (*fn)(void *state, struct ctx *ctx))
{
    struct call c = call_as(0, 0);

    (void)fn(&sessions, &c.ctx);
    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
}

static inline void
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

static inline int
open_all(void **state)
{
    struct db_cfg cfg = DB_LAB_CFG(sessions, pg_support_uri());
    struct rpc_tls no_tls = {.ca_file = NULL};
    struct call c = call_as(0, 0);

    (void)state;
    assert_int_equal(db_open(&cfg, &db), RC_OK);
    assert_int_equal(db_migrate(db, &c.ctx), RC_OK);
    assert_int_equal(db_check(db, &c.ctx), RC_OK);
    assert_int_equal(rpc_peers_new(&no_tls, (size_t)1 << 20, false, &svc.peers), RC_OK);
    call_end(&c);
    svc.db = db;
    sessions = (struct sessions){
        .svc = &svc, .db = db, .cfg = &CFG, .ask_defaults = ask_said, .find_gone = find_said};
    return 0;
}

static inline int
close_all(void **state)
{
    (void)state;
    rpc_peers_free(svc.peers);
    db_close(db);
    return 0;
}

static inline int
set_up(void **state)
{
    (void)state;
    pg_support_exec("TRUNCATE sessions.apps, sessions.builds, sessions.workers, sessions.devices,"
                    " sessions.sessions, sessions.device_queue, sessions.outbox RESTART IDENTITY"
                    " CASCADE");
    register_worker("a", THREE, 3);
    said = (struct ses_defaults){.idle_us = 60 * ASSAY_US_PER_S, .permissions = SES_FULL};
    gone_user = 0;
    return 0;
}

/* --- short forms --------------------------------------------------------------------------- */

struct got {
    enum rc rc;
    char session[64], device[64];
    int64_t position;
    bool none_connected;
};

static inline struct got
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

static inline void
release(const char *key)
{
    struct call c = call_as(0, 0);
    Assay__ReleaseDeviceRequest req = ASSAY__RELEASE_DEVICE_REQUEST__INIT;
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    req.job_id = (char *)(uintptr_t)key;
    assert_int_equal(WRITE(&c, sessions_release_device(&sessions, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
}

static inline void
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
static inline int64_t
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

static inline bool
has_status(const char *session, const char *status)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM sessions.sessions WHERE session_id = '%s' AND status = "
                   "'%s'",
                   session, status);
    return pg_support_i64(sql) == 1;
}

static inline Assay__WorkerHeartbeatResponse *
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

#endif
