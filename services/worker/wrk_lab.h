/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of jobs and cases stand on: a scripted device, and a tests service that is an rpc
 * server in the test's program and takes, delays or refuses what it is told. */
#ifndef ASSAY_WORKER_WRK_LAB_H
#define ASSAY_WORKER_WRK_LAB_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "svc/svc_int.h"
#include "tests/support/place.h"
#include "tests_client.h"
#include "worker/steps/steps_fake.h"
#include "worker/wrk_job.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#undef fail

#define TEXT(text) ((char *)(uintptr_t)("" text))
#define JSON(text) ((ProtobufCBinaryData){sizeof(text) - 1, (uint8_t *)(uintptr_t)("" text)})

/* --- the tests service --------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    char log[16384]; /* "start 1; step 1.0 passed tap; end 1 passed; finish" */
    int calls, fail_next;
    int beats;
    bool refuse_steps, lost, cancel, away;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void tell(const char *fmt, ...) UNUSED PRINTF_LIKE(1, 2);
static void
tell(const char *fmt, ...)
{
    va_list args;
    size_t n = strlen(told.log);

    va_start(args, fmt);
    (void)vsnprintf(told.log + n, sizeof(told.log) - n, fmt, args);
    va_end(args);
}

/* Under told.lock. */
static UNUSED enum rc
take(struct ctx *ctx, Assay__ReportResponse *resp)
{
    told.calls++;
    if (told.fail_next > 0) {
        told.fail_next--;
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BUSY", "busy");
    }
    PB_SET(resp, lost, told.lost);
    PB_SET(resp, cancel, told.cancel);
    return RC_OK;
}

static UNUSED enum rc
on_steps(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__ReportStepsRequest *req = (const Assay__ReportStepsRequest *)msg;

    (void)state;
    (void)pthread_mutex_lock(&told.lock);
    enum rc rc = take(ctx, (Assay__ReportResponse *)out);
    if (rc == RC_OK && told.refuse_steps) {
        rc = fail(ctx, RC_INVALID_ARGUMENT, "BAD", "no");
    }
    for (size_t i = 0; rc == RC_OK && i < req->n_steps; i++) {
        const Assay__StepReport *s = req->steps[i];
        struct str evidence = str_n((const char *)s->evidence.data, s->evidence.len);
        tell("step %lld.%d %s %s [%s] %s %.*s %s; ", (long long)req->run_id, s->index, s->status,
             s->text, s->reason == NULL ? "" : s->reason, s->message == NULL ? "" : s->message,
             STR_ARG(evidence), s->screenshot == NULL ? "dark" : "shot");
    }
    (void)pthread_mutex_unlock(&told.lock);
    return rc;
}

static UNUSED enum rc
on_case(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__ReportCaseRequest *req = (const Assay__ReportCaseRequest *)msg;

    (void)state;
    (void)pthread_mutex_lock(&told.lock);
    enum rc rc = take(ctx, (Assay__ReportResponse *)out);
    if (rc == RC_OK) {
        tell(req->status == NULL ? "start %lld%s%s; " : "end %lld %s %s; ", (long long)req->run_id,
             req->status == NULL ? "" : req->status, req->message == NULL ? "" : req->message);
    }
    (void)pthread_mutex_unlock(&told.lock);
    return rc;
}

static UNUSED enum rc
on_beat(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    (void)state, (void)msg;
    (void)pthread_mutex_lock(&told.lock);
    told.beats++;
    PB_SET((Assay__ReportResponse *)out, lost, told.lost);
    PB_SET((Assay__ReportResponse *)out, cancel, told.cancel);
    enum rc rc = told.away ? fail(ctx, RC_UNAVAILABLE, "DB_DOWN", "away") : RC_OK;
    (void)pthread_mutex_unlock(&told.lock);
    return rc;
}

static UNUSED enum rc
on_finish(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__FinishJobRequest *req = (const Assay__FinishJobRequest *)msg;

    (void)state;
    (void)pthread_mutex_lock(&told.lock);
    enum rc rc = take(ctx, (Assay__ReportResponse *)out);
    if (rc == RC_OK) {
        tell("finish%s%s%s", req->message == NULL ? "" : " ",
             req->message == NULL ? "" : req->message, req->returned ? " returned" : "");
    }
    (void)pthread_mutex_unlock(&told.lock);
    return rc;
}

static UNUSED bool
was_told(const char *text)
{
    (void)pthread_mutex_lock(&told.lock);
    bool is = strstr(told.log, text) != NULL;
    (void)pthread_mutex_unlock(&told.lock);
    return is;
}

/* --- the device ---------------------------------------------------------------------------- */

static struct fake fake;
static struct device_driver driver;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held by a test: the device waits */
static atomic_bool at_gate; /* the device has come to the gate and found it shut */
static atomic_bool aborted;
static atomic_int acts, opens, closes, resets;
static const char *act_error; /* set: acting dies */
static char begun_at[128];    /* the address of the newest open or reset */

static UNUSED bool
heard_abort(void)
{
    return atomic_exchange(&aborted, false);
}

static UNUSED enum rc
dev_open(struct device *d, struct ctx *ctx, struct str url)
{
    (void)d;
    (void)snprintf(begun_at, sizeof(begun_at), "%.*s", STR_ARG(url));
    (void)atomic_fetch_add(&opens, 1);
    return heard_abort() ? fail(ctx, RC_CANCELLED, "CANCELLED", "stopped") : RC_OK;
}

static UNUSED enum rc
dev_reset(struct device *d, struct ctx *ctx, enum device_reset how, struct str url)
{
    (void)d, (void)how;
    (void)snprintf(begun_at, sizeof(begun_at), "%.*s", STR_ARG(url));
    (void)atomic_fetch_add(&resets, 1);
    fake.dies = RC_OK; /* a browser that died is started anew */
    return heard_abort() ? fail(ctx, RC_CANCELLED, "CANCELLED", "stopped") : RC_OK;
}

static UNUSED void
dev_close(struct device *d)
{
    (void)d;
    (void)atomic_fetch_add(&closes, 1);
}

static UNUSED enum rc
dev_observe(struct device *d, struct ctx *ctx, int64_t budget_us, struct snapshot *out)
{
    for (;;) { /* as a driver that waits for its browser: until there, or aborted */
        if (heard_abort()) {
            return fail(ctx, RC_CANCELLED, "CANCELLED", "stopped");
        }
        if (pthread_mutex_trylock(&gate) == 0) {
            (void)pthread_mutex_unlock(&gate);
            return fake_observe(d, ctx, budget_us, out);
        }
        struct timespec ts = {0, 1000000};
        atomic_store(&at_gate, true);
        (void)nanosleep(&ts, NULL);
    }
}

static UNUSED enum rc
dev_act(struct device *d, struct ctx *ctx, const struct device_action *a)
{
    (void)atomic_fetch_add(&acts, 1);
    if (act_error != NULL) {
        enum rc rc = fail(ctx, RC_UNAVAILABLE, act_error, "the browser is gone");
        act_error = NULL;
        return rc;
    }
    return fake_act(d, ctx, a);
}

static UNUSED enum rc
dev_page(struct device *d, struct ctx *ctx, struct device_page *out)
{
    return heard_abort() ? fail(ctx, RC_CANCELLED, "CANCELLED", "stopped") : fake_page(d, ctx, out);
}

/* Pictures that were taken, and how many of them show something else than the one before. */
static int shots, shots_moving;

static UNUSED enum rc
dev_shot(struct device *d, struct ctx *ctx, enum device_image format, int quality, struct str *out)
{
    (void)d, (void)format, (void)quality;
    shots++;
    *out = arena_printf(ctx->arena, "picture %d", shots < shots_moving ? shots : shots_moving);
    return RC_OK;
}

static UNUSED void
dev_abort(struct device *d)
{
    (void)d;
    atomic_store(&aborted, true);
}

/* --- the worker ---------------------------------------------------------------------------- */

static struct worker w;
static struct worker_cfg worker_cfg = {.drain_us = 3600 * ASSAY_US_PER_S};
static struct svc svc;
static struct rpc_server *server;
static struct rpc_method methods[4];
static char folder[PLACE_MAX];

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static UNUSED struct call
call_begin(void)
{
    struct call c = {.arena = arena_new((size_t)16 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    return c;
}

static UNUSED void
call_end(struct call *c)
{
    arena_free(c->arena);
}

static UNUSED struct rpc_method
with(const struct rpc_method *m, rpc_handler handler)
{
    struct rpc_method made = *m;
    made.handler = handler;
    return made;
}

static UNUSED void
serve(void)
{
    static size_t n = 4;
    const struct rpc_method *tables[] = {methods};
    char url[128];
    const char *why = "";
    struct rpc_server_cfg cfg = {.listen = url,
                                 .tables = tables,
                                 .table_lens = &n,
                                 .table_count = 1,
                                 .workers = 2,
                                 .queue_max = 64,
                                 .arena_max = (size_t)8 << 20,
                                 .message_max = (size_t)4 << 20};

    (void)snprintf(url, sizeof(url), "ipc://%s/tests.1", folder);
    assert_int_equal(rpc_server_start(&cfg, &server, &why), RC_OK);
}

static UNUSED int
open_all(void **state)
{
    char url[128];
    char blobs[128];
    const char *why = "";

    (void)state;
    place_make(folder, "wrk");
    methods[0] = with(&tests_method_report_steps, on_steps);
    methods[1] = with(&tests_method_report_case, on_case);
    methods[2] = with(&tests_method_job_heartbeat, on_beat);
    methods[3] = with(&tests_method_finish_job, on_finish);
    serve();
    (void)snprintf(url, sizeof(url), "ipc://%s/tests", folder);
    struct rpc_client_cfg cfg = {.service = url, .message_max = (size_t)4 << 20, .name = "tests"};
    assert_int_equal(rpc_client_new(&cfg, &svc.clients[SVC_TESTS], &why), RC_OK);
    (void)snprintf(blobs, sizeof(blobs), "file:%s/blobs", folder);
    struct blob_cfg blob = {.url = str_z(blobs), .no_fsync = true};
    assert_int_equal(blob_open(&blob, &w.blob, &why), RC_OK);
    driver = FAKE_DRIVER;
    driver.open = dev_open;
    driver.reset = dev_reset;
    driver.close = dev_close;
    driver.observe = dev_observe;
    driver.act = dev_act;
    driver.page = dev_page;
    driver.screenshot = dev_shot;
    driver.abort = dev_abort;
    wrk_init(&w);
    w.svc = &svc;
    w.cfg = &worker_cfg;
    w.device_count = 1;
    wrk_device_init(&w.devices[0]);
    (void)snprintf(w.devices[0].id, sizeof(w.devices[0].id), "dev-1");
    w.devices[0].device = &fake.base;
    return 0;
}

static UNUSED int
close_all(void **state)
{
    char command[96];

    (void)state;
    wrk_jobs_join(&w);
    rpc_client_free(svc.clients[SVC_TESTS]);
    rpc_server_free(server);
    blob_close(w.blob);
    free(w.devices[0].frame.jpeg);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static UNUSED int
set_up(void **state)
{
    (void)state;
    wrk_session_close(&w, "s1");
    wrk_session_close(&w, "s2");
    wrk_jobs_join(&w);
    w.stop = (struct wrk_stop){.hurried = false};
    fake_init(&fake);
    fake.base.driver = &driver;
    (void)fake_add(&fake.screens[0], -1, ELEM_BUTTON, "Login", 10, 10, 80, 30, HOT);
    (void)fake_add(&fake.screens[0], -1, ELEM_TEXTBOX, "Password", 10, 60, 80, 30,
                   HOT | ELEM_EDITABLE);
    told.log[0] = '\0';
    told.calls = told.fail_next = 0;
    told.beats = 0;
    told.refuse_steps = told.lost = told.cancel = told.away = false;
    act_error = NULL;
    atomic_store(&aborted, false);
    atomic_store(&acts, 0);
    atomic_store(&opens, 0);
    atomic_store(&closes, 0);
    atomic_store(&resets, 0);
    return 0;
}

static UNUSED Assay__JobCase
a_case(int64_t run, ProtobufCBinaryData steps)
{
    Assay__JobCase c = ASSAY__JOB_CASE__INIT;

    c.run_id = run;
    c.run_public_id = TEXT("tr1");
    c.name = TEXT("case");
    c.mode = TEXT("hybrid");
    c.steps = steps;
    return c;
}

static UNUSED Assay__StartJobRequest
a_job(Assay__JobCase **cases, size_t n)
{
    Assay__StartJobRequest req = ASSAY__START_JOB_REQUEST__INIT;

    req.job_id = TEXT("1");
    req.fence = 1;
    req.org_id = 7;
    req.session_id = TEXT("s1");
    req.device_id = TEXT("dev-1");
    req.url = TEXT("http://shop.test/login");
    req.reset_strategy = TEXT("clear_data");
    req.lease_us = 3 * ASSAY_US_PER_S;
    PB_SET(&req, step_timeout_ms, 60);
    req.cases = cases;
    req.n_cases = n;
    return req;
}

static UNUSED enum rc
start(const Assay__StartJobRequest *req)
{
    struct call c = call_begin();
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    enum rc rc = worker_start_job(&w, &c.ctx, req, &resp);
    call_end(&c);
    return rc;
}

static UNUSED void
run_job(Assay__JobCase **cases, size_t n)
{
    Assay__StartJobRequest req = a_job(cases, n);

    assert_int_equal(start(&req), RC_OK);
    wrk_jobs_join(&w);
}

static UNUSED void
run_one(Assay__JobCase *c)
{
    run_job(&c, 1);
}

static UNUSED void wait_told(const char *text);

/* Lets the job stand in the middle of its first step. */
static UNUSED void
start_held(const Assay__StartJobRequest *req)
{
    int64_t until = clk_mono_us() + 60 * ASSAY_US_PER_S;
    struct timespec ts = {0, 1000000};

    (void)pthread_mutex_lock(&gate);
    atomic_store(&at_gate, false);
    assert_int_equal(start(req), RC_OK);
    wait_told("start 1");
    while (!atomic_load(&at_gate)) { /* told that it starts, it may still be resetting the device */
        assert_true(clk_mono_us() < until);
        (void)nanosleep(&ts, NULL);
    }
}

static UNUSED void
wait_told(const char *text)
{
    int64_t until = clk_mono_us() + 60 * ASSAY_US_PER_S;
    struct timespec ts = {0, 1000000};

    while (!was_told(text)) {
        assert_true(clk_mono_us() < until);
        (void)nanosleep(&ts, NULL);
    }
}

#define T(name) cmocka_unit_test_setup(name, set_up)

#endif
