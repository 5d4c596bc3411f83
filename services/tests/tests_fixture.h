/* SPDX-License-Identifier: Apache-2.0
 *
 * The tests service without its process: handlers and loops on a real Postgres, sessions and a
 * worker as rpc servers in this program that do what a test tells them. One program includes it
 * once. */
#ifndef ASSAY_TESTS_FIXTURE_H
#define ASSAY_TESTS_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob/blob.h"
#include "sessions_client.h"
#include "svc/svc_int.h"
#include "tests/support/db_lab.h"
#include "tests/support/pg.h"
#include "tests/baselines/bsl.h"
#include "tests/support/place.h"
#include "tests/runs/tst_run.h"
#include "tests_sql.h"
#include "worker_client.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#undef fail

#include "tests/support/handler.h"

#define ORG 7
#define OTHER_ORG 8

static const struct tests_cfg CFG = {.lease_us = 30 * ASSAY_US_PER_S,
                                     .step_timeout_us = ASSAY_US_PER_S,
                                     .case_timeout_us = 60 * ASSAY_US_PER_S,
                                     .device_wait_us = 3600 * ASSAY_US_PER_S};
static struct db *db;
static struct svc svc;
static struct tests tests;

/* What the other services are like, and what was asked of them. */
static struct {
    pthread_mutex_t lock;
    int free_devices;
    bool none_connected, down, session_busy, session_over, worker_stops;
    char worker_addr[128];
    char released[2048]; /* keys, each with a blank behind */
    int acquired, started, cancelled;
    int64_t fence;  /* of the newest StartJob */
    size_t n_cases; /* of it */
    size_t n_flows; /* of its first case */
    void (*on_acquire)(void);
} peer = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct call {
    struct arena *arena;
    struct ctx ctx;
};

UNUSED static struct call
call_as(int64_t org)
{
    struct call c = {.arena = arena_new((size_t)32 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    c.ctx.host = STR("http://assay.test");
    c.ctx.who = (struct principal){.org_id = org,
                                   .user_id = org == 0 ? 0 : 5,
                                   .role = ROLE_ADMIN,
                                   .kind = org == 0 ? TOKEN_SERVICE : TOKEN_JWT,
                                   .subject = STR("tests")};
    return c;
}

UNUSED static void
call_end(struct call *c)
{
    arena_free(c->arena);
}

UNUSED static const char *
reason(const struct call *c)
{
    return c->ctx.err.reason == NULL ? "" : c->ctx.err.reason;
}

#define WRITE(c, expr) HANDLE(db, &(c)->ctx, (expr))

/* --- the others ---------------------------------------------------------------------------- */

static enum rc
fake_acquire(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__AcquireDeviceRequest *req = (const Assay__AcquireDeviceRequest *)msg;
    Assay__AcquireDeviceResponse *resp = (Assay__AcquireDeviceResponse *)out;
    enum rc rc = RC_OK;

    (void)state;
    (void)req;
    (void)pthread_mutex_lock(&peer.lock);
    peer.acquired++;
    if (peer.on_acquire != NULL) {
        peer.on_acquire();
    }
    if (peer.down) {
        rc = fail(ctx, RC_INTERNAL, "DOWN", "down");
    } else if (peer.none_connected || peer.free_devices == 0) {
        PB_SET(resp, none_connected, peer.none_connected);
        PB_SET(resp, queue_position, 3);
        PB_SET(resp, queue_entry_id, 99);
    } else {
        peer.free_devices--;
        resp->session_id = pb_strz(ctx->arena, STR("00000000-0000-4000-8000-000000000001"));
        resp->device_id = pb_strz(ctx->arena, STR("dev-1"));
        resp->worker_addr = pb_strz(ctx->arena, str_z(peer.worker_addr));
    }
    (void)pthread_mutex_unlock(&peer.lock);
    return rc;
}

static enum rc
fake_release(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__ReleaseDeviceRequest *req = (const Assay__ReleaseDeviceRequest *)msg;
    enum rc rc = RC_OK;

    (void)state;
    (void)out;
    (void)pthread_mutex_lock(&peer.lock);
    if (peer.down) {
        rc = fail(ctx, RC_INTERNAL, "DOWN", "down");
    } else {
        size_t n = strlen(peer.released);
        (void)snprintf(peer.released + n, sizeof(peer.released) - n, "%s ", req->job_id);
    }
    (void)pthread_mutex_unlock(&peer.lock);
    return rc;
}

static enum rc
fake_locate(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    Assay__LocateSessionResponse *resp = (Assay__LocateSessionResponse *)out;

    (void)state;
    (void)msg;
    resp->status = pb_strz(ctx->arena, peer.session_over ? STR("stopped") : STR("active"));
    resp->device_id = pb_strz(ctx->arena, STR("dev-1"));
    resp->worker_addr = pb_strz(ctx->arena, str_z(peer.worker_addr));
    return RC_OK;
}

static enum rc
fake_resolve(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__ResolveAppRequest *req = (const Assay__ResolveAppRequest *)msg;
    Assay__ResolveAppResponse *resp = (Assay__ResolveAppResponse *)out;

    (void)state;
    if (req->public_id == NULL || strcmp(req->public_id, "app_shop01") != 0 || req->org_id != ORG) {
        return fail(ctx, RC_NOT_FOUND, "APP_NOT_FOUND", "no such app");
    }
    resp->id = 41;
    resp->public_id = req->public_id;
    resp->name = pb_strz(ctx->arena, STR("Shop"));
    resp->platform = pb_strz(ctx->arena, STR("web"));
    resp->url = pb_strz(ctx->arena, STR("http://shop.test"));
    if (req->has_build_id) {
        PB_SET(resp, build_exists, req->build_id < 100);
        PB_SET(resp, build_matches, req->build_id == 1);
    }
    return RC_OK;
}

static enum rc
fake_start(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__StartJobRequest *req = (const Assay__StartJobRequest *)msg;
    enum rc rc = RC_OK;

    (void)state;
    (void)out;
    (void)pthread_mutex_lock(&peer.lock);
    if (peer.session_busy) {
        rc = fail(ctx, RC_FAILED_PRECONDITION, "SESSION_BUSY", "busy");
    } else if (peer.worker_stops) {
        rc = fail(ctx, RC_FAILED_PRECONDITION, "WORKER_STOPS", "the worker is being stopped");
    } else {
        peer.started++;
        peer.fence = req->fence;
        peer.n_cases = req->n_cases;
        peer.n_flows = req->n_cases > 0 ? req->cases[0]->n_sub_flows : 0;
    }
    (void)pthread_mutex_unlock(&peer.lock);
    return rc;
}

static enum rc
fake_cancel(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    (void)state;
    (void)ctx;
    (void)msg;
    (void)out;
    (void)pthread_mutex_lock(&peer.lock);
    peer.cancelled++;
    (void)pthread_mutex_unlock(&peer.lock);
    return RC_OK;
}

static struct rpc_method methods[6];
static struct rpc_server *servers[2];
static char folder[PLACE_MAX];

static struct rpc_method
with(const struct rpc_method *m, rpc_handler handler)
{
    struct rpc_method made = *m;
    made.handler = handler;
    return made;
}

static struct rpc_server *
serve(const char *url, const struct rpc_method *table, size_t n)
{
    const struct rpc_method *tables[] = {table};
    struct rpc_server_cfg cfg = {.listen = url,
                                 .tables = tables,
                                 .table_lens = &n,
                                 .table_count = 1,
                                 .workers = 2,
                                 .queue_max = 64,
                                 .arena_max = (size_t)8 << 20,
                                 .message_max = (size_t)4 << 20};
    struct rpc_server *made = NULL;
    const char *why = "";

    if (rpc_server_start(&cfg, &made, &why) != RC_OK) {
        print_error("%s\n", why);
        abort();
    }
    return made;
}

static void
open_peers(void)
{
    char url[128];
    char name[128];
    const char *why = "";

    place_make(folder, "tst");
    methods[0] = with(&sessions_method_acquire_device, fake_acquire);
    methods[1] = with(&sessions_method_release_device, fake_release);
    methods[2] = with(&sessions_method_locate_session, fake_locate);
    methods[3] = with(&sessions_method_resolve_app, fake_resolve);
    methods[4] = with(&worker_method_start_job, fake_start);
    methods[5] = with(&worker_method_cancel_job, fake_cancel);
    (void)snprintf(url, sizeof(url), "ipc://%s/sessions.1", folder);
    servers[0] = serve(url, &methods[0], 4);
    (void)snprintf(peer.worker_addr, sizeof(peer.worker_addr), "ipc://%s/worker.1", folder);
    servers[1] = serve(peer.worker_addr, &methods[4], 2);
    (void)snprintf(name, sizeof(name), "ipc://%s/sessions", folder);
    struct rpc_client_cfg cfg = {
        .service = name, .message_max = (size_t)4 << 20, .name = "sessions"};
    struct rpc_tls no_tls = {.ca_file = NULL};
    assert_int_equal(rpc_client_new(&cfg, &svc.clients[SVC_SESSIONS], &why), RC_OK);
    assert_int_equal(rpc_peers_new(&no_tls, (size_t)4 << 20, false, &svc.peers), RC_OK);
}

static int
open_all(void **state)
{
    struct db_cfg cfg = DB_LAB_CFG(tests, pg_support_uri());
    struct call c = call_as(0);

    (void)state;
    assert_int_equal(db_open(&cfg, &db), RC_OK);
    assert_int_equal(db_migrate(db, &c.ctx), RC_OK);
    assert_int_equal(db_check(db, &c.ctx), RC_OK);
    call_end(&c);
    open_peers();
    svc.db = db;
    tests = (struct tests){.svc = &svc, .db = db, .cfg = &CFG, .engine = visual_new()};
    char url[128];
    const char *why = "";
    (void)snprintf(url, sizeof(url), "file:%s/blobs", folder);
    struct blob_cfg blob = {.url = str_z(url), .no_fsync = true};
    assert_int_equal(blob_open(&blob, &tests.blobs, &why), RC_OK);
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    rpc_client_free(svc.clients[SVC_SESSIONS]);
    rpc_peers_free(svc.peers);
    rpc_server_free(servers[0]);
    rpc_server_free(servers[1]);
    db_close(db);
    visual_free(tests.engine);
    blob_close(tests.blobs);
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static int
set_up(void **state)
{
    (void)state;
    pg_support_exec("TRUNCATE tests.apps, tests.suites, tests.tags, tests.cases, tests.suite_runs,"
                    " tests.jobs, tests.queue_ranks, tests.absent_kinds,"
                    " tests.step_checks, tests.baselines, tests.case_runs, tests.steps,"
                    " tests.run_events, tests.outbox, tests.inbox RESTART IDENTITY CASCADE");
    peer.free_devices = 100;
    peer.none_connected = peer.down = peer.session_busy = peer.session_over = false;
    peer.worker_stops = false;
    peer.released[0] = '\0';
    peer.acquired = peer.started = peer.cancelled = 0;
    peer.on_acquire = NULL;
    return 0;
}

/* --- content ------------------------------------------------------------------------------- */

#define JSON(text) ((ProtobufCBinaryData){sizeof(text) - 1, (uint8_t *)(uintptr_t)("" text)})
#define TEXT(text) ((char *)(uintptr_t)("" text))

UNUSED static Assay__Suite *
make_suite(struct call *c, char *name)
{
    Assay__CreateSuiteRequest req = ASSAY__CREATE_SUITE_REQUEST__INIT;
    Assay__Suite *made = ARENA_NEW(c->arena, Assay__Suite);

    assay__suite__init(made);
    req.name = name;
    req.platform = TEXT("web");
    assert_int_equal(WRITE(c, tests_create_suite(&tests, &c->ctx, &req, made)), RC_OK);
    return made;
}

UNUSED static Assay__Case *
add_case(struct call *c, char *suite_id, char *name)
{
    Assay__CreateSuiteCaseRequest req = ASSAY__CREATE_SUITE_CASE_REQUEST__INIT;
    Assay__Case *made = ARENA_NEW(c->arena, Assay__Case);

    assay__case__init(made);
    req.suite_id = suite_id;
    req.name = name;
    req.steps = JSON("[\"tap Login\"]");
    assert_int_equal(WRITE(c, tests_create_suite_case(&tests, &c->ctx, &req, made)), RC_OK);
    return made;
}

/* A suite of `cases` cases and a run of it that is queued; returns the suite run's public id. */
UNUSED static char *
queue_run(struct call *c, int cases)
{
    Assay__CiRunSuiteRequest req = ASSAY__CI_RUN_SUITE_REQUEST__INIT;
    Assay__CiRunSuiteResponse resp = ASSAY__CI_RUN_SUITE_RESPONSE__INIT;
    Assay__Suite *s = make_suite(c, TEXT("Shop"));

    for (int i = 0; i < cases; i++) {
        (void)add_case(c, s->public_id, TEXT("case"));
    }
    req.suite_id = s->public_id;
    assert_int_equal(tests_ci_run_suite(&tests, &c->ctx, &req, &resp), RC_OK);
    return resp.run_id;
}

UNUSED static void
dispatch(void)
{
    struct call c = call_as(0);

    while (tst_dispatch(&tests, &c.ctx)) {
    }
    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
}

UNUSED static void
run_loop(bool (*fn)(void *state, struct ctx *ctx))
{
    struct call c = call_as(0);

    (void)fn(&tests, &c.ctx);
    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
}

UNUSED static int64_t
n_of(const char *sql)
{
    return pg_support_i64(sql);
}
#define ASSERT_N(sql, n) assert_int_equal(n_of("SELECT count(*) FROM tests." sql), (n))

UNUSED static Assay__ReportResponse
report_case(const char *job, int64_t fence, int64_t run, const char *status)
{
    struct call c = call_as(0);
    Assay__ReportCaseRequest req = ASSAY__REPORT_CASE_REQUEST__INIT;
    Assay__ReportResponse resp = ASSAY__REPORT_RESPONSE__INIT;

    req.job_id = (char *)(uintptr_t)job;
    req.fence = fence;
    req.run_id = run;
    req.status = (char *)(uintptr_t)status;
    assert_int_equal(WRITE(&c, tests_report_case(&tests, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
    return resp;
}

UNUSED static Assay__ReportResponse
finish_job(const char *job, int64_t fence)
{
    struct call c = call_as(0);
    Assay__FinishJobRequest req = ASSAY__FINISH_JOB_REQUEST__INIT;
    Assay__ReportResponse resp = ASSAY__REPORT_RESPONSE__INIT;

    req.job_id = (char *)(uintptr_t)job;
    req.fence = fence;
    assert_int_equal(WRITE(&c, tests_finish_job(&tests, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
    return resp;
}

#define T(name) cmocka_unit_test_setup(name, set_up)

#endif
