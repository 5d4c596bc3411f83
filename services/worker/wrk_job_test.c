/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs, cases and reports: on a scripted device, against a tests service that is an rpc server in this
 * program and takes, delays or refuses what it is told. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "svc/svc_int.h"
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
static enum rc
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

static enum rc
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

static enum rc
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

static enum rc
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

static enum rc
on_finish(void *state, struct ctx *ctx, const ProtobufCMessage *msg, ProtobufCMessage *out)
{
    const Assay__FinishJobRequest *req = (const Assay__FinishJobRequest *)msg;

    (void)state;
    (void)pthread_mutex_lock(&told.lock);
    enum rc rc = take(ctx, (Assay__ReportResponse *)out);
    if (rc == RC_OK) {
        tell("finish%s%s", req->message == NULL ? "" : " ", req->message == NULL ? "" : req->message);
    }
    (void)pthread_mutex_unlock(&told.lock);
    return rc;
}

static bool
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
static atomic_bool aborted;
static atomic_int acts, opens, closes, resets;
static const char *act_error; /* set: acting dies */

static bool
heard_abort(void)
{
    return atomic_exchange(&aborted, false);
}

static enum rc
dev_open(struct device *d, struct ctx *ctx, struct str url)
{
    (void)d, (void)url;
    (void)atomic_fetch_add(&opens, 1);
    return heard_abort() ? fail(ctx, RC_CANCELLED, "CANCELLED", "stopped") : RC_OK;
}

static enum rc
dev_reset(struct device *d, struct ctx *ctx, enum device_reset how, struct str url)
{
    (void)d, (void)how, (void)url;
    (void)atomic_fetch_add(&resets, 1);
    fake.dies = RC_OK; /* a browser that died is started anew */
    return heard_abort() ? fail(ctx, RC_CANCELLED, "CANCELLED", "stopped") : RC_OK;
}

static void
dev_close(struct device *d)
{
    (void)d;
    (void)atomic_fetch_add(&closes, 1);
}

static enum rc
dev_observe(struct device *d, struct ctx *ctx, struct snapshot *out)
{
    for (;;) { /* as a driver that waits for its browser: until there, or aborted */
        if (heard_abort()) {
            return fail(ctx, RC_CANCELLED, "CANCELLED", "stopped");
        }
        if (pthread_mutex_trylock(&gate) == 0) {
            (void)pthread_mutex_unlock(&gate);
            return fake_observe(d, ctx, out);
        }
        struct timespec ts = {0, 1000000};
        (void)nanosleep(&ts, NULL);
    }
}

static enum rc
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

static enum rc
dev_page(struct device *d, struct ctx *ctx, struct device_page *out)
{
    return heard_abort() ? fail(ctx, RC_CANCELLED, "CANCELLED", "stopped") : fake_page(d, ctx, out);
}

static enum rc
dev_shot(struct device *d, struct ctx *ctx, enum device_image format, int quality, struct str *out)
{
    (void)d, (void)format, (void)quality;
    *out = arena_str(ctx->arena, STR("a picture"));
    return RC_OK;
}

static void
dev_abort(struct device *d)
{
    (void)d;
    atomic_store(&aborted, true);
}

/* --- the worker ---------------------------------------------------------------------------- */

static struct worker w;
static struct svc svc;
static struct rpc_server *server;
static struct rpc_method methods[4];
static char folder[] = "/tmp/wrkXXXXXX";

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static struct call
call_begin(void)
{
    struct call c = {.arena = arena_new((size_t)16 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 20 * ASSAY_US_PER_S;
    return c;
}

static void
call_end(struct call *c)
{
    arena_free(c->arena);
}

static struct rpc_method
with(const struct rpc_method *m, rpc_handler handler)
{
    struct rpc_method made = *m;
    made.handler = handler;
    return made;
}

static void
serve(void)
{
    static size_t n = 4;
    const struct rpc_method *tables[] = {methods};
    char url[64];
    const char *why = "";
    struct rpc_server_cfg cfg = {.listen = url, .tables = tables, .table_lens = &n,
                                 .table_count = 1, .workers = 2, .queue_max = 64,
                                 .arena_max = (size_t)8 << 20, .message_max = (size_t)4 << 20};

    (void)snprintf(url, sizeof(url), "ipc://%s/tests.1", folder);
    assert_int_equal(rpc_server_start(&cfg, &server, &why), RC_OK);
}

static int
open_all(void **state)
{
    char url[64];
    char blobs[64];
    const char *why = "";

    (void)state;
    assert_non_null(mkdtemp(folder));
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
    w.device_count = 1;
    wrk_device_init(&w.devices[0]);
    (void)snprintf(w.devices[0].id, sizeof(w.devices[0].id), "dev-1");
    w.devices[0].device = &fake.base;
    return 0;
}

static int
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

static int
set_up(void **state)
{
    (void)state;
    wrk_session_close(&w, "s1");
    wrk_session_close(&w, "s2");
    wrk_jobs_join(&w);
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

static Assay__JobCase
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

static Assay__StartJobRequest
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

static enum rc
start(const Assay__StartJobRequest *req)
{
    struct call c = call_begin();
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    enum rc rc = worker_start_job(&w, &c.ctx, req, &resp);
    call_end(&c);
    return rc;
}

static void
run_job(Assay__JobCase **cases, size_t n)
{
    Assay__StartJobRequest req = a_job(cases, n);

    assert_int_equal(start(&req), RC_OK);
    wrk_jobs_join(&w);
}

static void
run_one(Assay__JobCase *c)
{
    run_job(&c, 1);
}

static void
wait_told(const char *text)
{
    int64_t until = clk_mono_us() + 10 * ASSAY_US_PER_S;
    struct timespec ts = {0, 1000000};

    while (!was_told(text)) {
        assert_true(clk_mono_us() < until);
        (void)nanosleep(&ts, NULL);
    }
}

/* --- cases --------------------------------------------------------------------------------- */

static void
a_case_is_reported_in_order_with_its_pictures(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\",\"tap Login\"]"));

    (void)state;
    run_one(&c);
    assert_true(str_starts(str_z(told.log), STR("start 1; step 1.0 passed tap Login [] ")));
    assert_true(was_told("shot; step 1.1 passed tap Login"));
    assert_true(str_ends(str_z(told.log), STR("shot; end 1 passed ; finish")));
    assert_string_equal(fake.log, "tap 100 ; tap 100 ");
}

static void
what_is_not_there_fails_the_case_and_ends_it(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Nowhere\",\"tap Login\"]"));

    (void)state;
    run_one(&c);
    assert_true(was_told("step 1.0 failed tap Nowhere [NOT_FOUND]"));
    assert_false(was_told("step 1.1"));
    assert_true(was_told("end 1 failed step 1 \"tap Nowhere\""));
}

static void
an_empty_case_or_an_empty_step_never_passes(void **state)
{
    Assay__JobCase empty = a_case(1, JSON("[]"));
    Assay__JobCase blank = a_case(2, JSON("[\"\"]"));
    Assay__JobCase object = a_case(3, JSON("[{}]"));
    Assay__JobCase broken = a_case(4, JSON("nonsense"));
    Assay__JobCase check = a_case(5, JSON("[]"));
    Assay__JobCase *cases[] = {&empty, &blank, &object, &broken, &check};

    (void)state;
    PB_SET(&check, assertions, JSON("[{\"assert\":\"\"}]"));
    run_job(cases, 5);
    assert_true(was_told("end 1 error the case has no steps and no assertions"));
    for (int i = 1; i <= 5; i++) {
        char passed[32];
        (void)snprintf(passed, sizeof(passed), "end %d passed", i);
        assert_false(was_told(passed));
    }
}

static void
an_assertion_only_looks(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));

    (void)state;
    PB_SET(&c, assertions, JSON("[\"tap Login\"]"));
    run_one(&c);
    assert_true(was_told("step 1.1 error tap Login [NOT_AN_ASSERTION]"));
    assert_string_equal(fake.log, "tap 100 ");
}

static void
modes_decide_what_is_done(void **state)
{
    Assay__JobCase ai = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase hybrid = a_case(2, JSON("[\"tap Login\"]"));
    Assay__JobCase replay = a_case(3, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&ai, &hybrid, &replay};
    ProtobufCBinaryData gone = JSON("[{\"type\":\"click\",\"selector\":\"#gone\"}]");

    (void)state;
    ai.mode = TEXT("ai");
    replay.mode = TEXT("replay");
    PB_SET(&hybrid, recording, gone);
    PB_SET(&hybrid, step_mappings, JSON("[[0]]"));
    PB_SET(&hybrid, fuzzy_match, 0);
    PB_SET(&replay, recording, gone);
    PB_SET(&replay, step_mappings, JSON("[[0]]"));
    PB_SET(&replay, fuzzy_match, 0);
    run_job(cases, 3);
    assert_true(was_told("step 1.0 error tap Login [MODEL_NEEDED]"));
    assert_true(was_told("end 2 passed"));
    assert_true(was_told("done by its sentence \"tap Login\""));
    assert_true(was_told("end 3 failed"));
}

static void
a_missing_sub_flow_is_an_error(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Login\"]"));
    Assay__JobCase flow = a_case(1, JSON("[{\"missing_sub_flow\":true}]"));
    Assay__JobCase *flows[] = {&flow};

    (void)state;
    c.sub_flows = flows;
    c.n_sub_flows = 1;
    run_one(&c);
    assert_true(was_told("[SUB_FLOW_MISSING]"));
    assert_true(was_told("end 1 error"));
    assert_string_equal(fake.log, "");
}

static void
secrets_are_in_no_report(void **state)
{
    Assay__JobCase step = a_case(1, JSON("[{\"text\":\"frobnicate hunter2\",\"secret\":true}]"));
    Assay__JobCase variable = a_case(2, JSON("[\"tap ${pin}\",\"tap Login\"]"));
    Assay__JobCase recorded =
        a_case(3, JSON("[{\"type\":\"type\",\"selector\":\"#no\",\"value\":\"hunter3\","
                       "\"secret\":true}]"));
    Assay__JobCase mapped = a_case(4, JSON("[{\"text\":\"tap hunter4\",\"secret\":true}]"));
    Assay__JobCase *cases[] = {&step, &variable, &recorded, &mapped};
    Assay__StartJobRequest req = a_job(cases, 4);

    (void)state;
    PB_SET(&mapped, recording, JSON("[{\"type\":\"click\",\"selector\":\"#gone\"}]"));
    PB_SET(&mapped, step_mappings, JSON("[[0]]"));
    PB_SET(&req, variables, JSON("{\"pin\":{\"value\":\"s3cr3t-pin\",\"secret\":true}}"));
    assert_int_equal(start(&req), RC_OK);
    wrk_jobs_join(&w);
    assert_true(was_told("step 1.0 error (secret step)"));
    assert_true(was_told("step 2.0 failed"));
    assert_false(was_told("hunter"));
    assert_false(was_told("s3cr3t"));
    assert_true(was_told("end 4 "));
}

static void
a_browser_that_dies_ends_its_case_error_and_the_next_one_goes_on(void **state)
{
    Assay__JobCase first = a_case(1, JSON("[\"tap Login\",\"tap Login\"]"));
    Assay__JobCase second = a_case(2, JSON("[\"tap Login\"]"));
    Assay__JobCase *cases[] = {&first, &second};

    (void)state;
    act_error = "DEVICE_GONE";
    run_job(cases, 2);
    assert_true(was_told("step 1.0 error tap Login [DEVICE_GONE]"));
    assert_true(was_told("end 1 error"));
    assert_true(was_told("end 2 passed"));
}

static void
a_case_over_its_time_is_an_error_of_the_run(void **state)
{
    Assay__JobCase c = a_case(1, JSON("[\"tap Nowhere\"]"));

    (void)state;
    PB_SET(&c, timeout_ms, 20);
    run_one(&c);
    assert_true(was_told("[CASE_TIMEOUT]"));
    assert_true(was_told("end 1 error"));
}

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

/* Lets the job stand in the middle of its first step. */
static void
start_held(const Assay__StartJobRequest *req)
{
    (void)pthread_mutex_lock(&gate);
    assert_int_equal(start(req), RC_OK);
    wait_told("start 1");
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
    int64_t until = clk_mono_us() + 10 * ASSAY_US_PER_S;
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

#define T(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(a_case_is_reported_in_order_with_its_pictures),
        T(what_is_not_there_fails_the_case_and_ends_it),
        T(an_empty_case_or_an_empty_step_never_passes),
        T(an_assertion_only_looks),
        T(modes_decide_what_is_done),
        T(a_missing_sub_flow_is_an_error),
        T(secrets_are_in_no_report),
        T(a_browser_that_dies_ends_its_case_error_and_the_next_one_goes_on),
        T(a_case_over_its_time_is_an_error_of_the_run),
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
