/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls between a client and a server in one process, over ipc. The test's method takes an Event
 * and returns one; the event's type says what the handler does. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* ours is in base/ctx.h */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>

#include "assay/common.pb-c.h"
#include "rpc/rpc.h"
#include "rpc/rpc_frame.h"
#include "tests/support/place.h"

#define ARENA_MAX ((size_t)8 * 1024 * 1024)
#define MESSAGE_MAX ((size_t)256 * 1024)
#define RETRY_US (7 * ASSAY_US_PER_S)
#define PATIENCE_US (20 * ASSAY_US_PER_S) /* generous: sanitizers, busy machines */

/* --- the service under test ---------------------------------------------------------------- */

struct service {
    atomic_int executed;
    atomic_int waiting;  /* handlers inside "wait" */
    atomic_bool release; /* lets them go */
    atomic_int finished;
};

static bool
poll_until(bool (*is_so)(void *arg), void *arg)
{
    struct timespec pause = {.tv_nsec = 1000 * 1000};
    int64_t end_us = clk_mono_us() + PATIENCE_US;

    while (!is_so(arg)) {
        if (clk_mono_us() > end_us) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

static bool
is_released(void *arg)
{
    return atomic_load(&((struct service *)arg)->release);
}

static enum rc
describe_caller(struct ctx *ctx, Assay__Event *out)
{
    out->actor_email = arena_strz(ctx->arena, ctx->who.email);
    out->has_actor_user_id = 1;
    out->actor_user_id = ctx->who.user_id;
    out->org_id = ctx->who.org_id;
    out->request_id = arena_strz(ctx->arena, ctx->request_id);
    out->order_key = arena_strz(ctx->arena, ctx->idempotency_key);
    out->peer = arena_strz(ctx->arena, ctx->peer);
    out->details = arena_strz(ctx->arena, ctx->traceparent);
    out->at_us = ctx->deadline_us;
    return RC_OK;
}

static enum rc
handle(void *svc, struct ctx *ctx, const ProtobufCMessage *req, ProtobufCMessage *resp)
{
    struct service *service = svc;
    const Assay__Event *in = (const Assay__Event *)req;
    Assay__Event *out = (Assay__Event *)resp;

    atomic_fetch_add(&service->executed, 1);
    *out = *in;
    if (strcmp(in->type, "fail") == 0) {
        return fail(ctx, RC_NOT_FOUND, "SUITE_NOT_FOUND", "no suite %s", in->id);
    }
    if (strcmp(in->type, "bare code") == 0) {
        return RC_ABORTED;
    }
    if (strcmp(in->type, "who") == 0) {
        return describe_caller(ctx, out);
    }
    if (strcmp(in->type, "when") == 0) {
        out->at_us = clk_mono_us();
        out->org_id = ctx->who.org_id;
    }
    if (strcmp(in->type, "busy") == 0) {
        enum rc rc = fail(ctx, RC_ABORTED, "BUSY", "once more");
        ctx->err.retry_after_us = RETRY_US;
        return rc;
    }
    if (strcmp(in->type, "big answer") == 0) {
        out->has_data = 1;
        out->data.len = MESSAGE_MAX + 1;
        out->data.data = arena_zalloc(ctx->arena, 1, out->data.len);
    }
    if (strcmp(in->type, "wait") == 0) {
        atomic_fetch_add(&service->waiting, 1);
        (void)poll_until(is_released, service);
        atomic_fetch_sub(&service->waiting, 1);
    }
    return RC_OK;
}

static const struct rpc_method methods[] = {
    {.id = 1,
     .name = "test.Events/Write",
     .effect = RPC_WRITE,
     .req = &assay__event__descriptor,
     .resp = &assay__event__descriptor,
     .handler = handle},
    {.id = 2,
     .name = "test.Events/Poll",
     .effect = RPC_READ,
     .waits = true,
     .req = &assay__event__descriptor,
     .resp = &assay__event__descriptor,
     .handler = handle},
    {.id = 4,
     .name = "test.Events/Read",
     .effect = RPC_READ,
     .req = &assay__event__descriptor,
     .resp = &assay__event__descriptor,
     .handler = handle},
    {.id = 5,
     .name = "test.Events/ReadOfOrg",
     .effect = RPC_READ,
     .for_org = true,
     .req = &assay__event__descriptor,
     .resp = &assay__event__descriptor,
     .handler = handle},
};
static const struct rpc_method *const read_method = &methods[2];
static const struct rpc_method *const org_method = &methods[3];
static const struct rpc_method absent = {.id = 3,
                                         .name = "test.Events/Absent",
                                         .effect = RPC_READ,
                                         .req = &assay__event__descriptor,
                                         .resp = &assay__event__descriptor};

/* --- the fixture --------------------------------------------------------------------------- */

struct fixture {
    struct service service;
    char dir[PLACE_MAX];
    char name[96]; /* the service's URL */
    char url[96];  /* the replica's */
    struct rpc_server *server;
    struct rpc_client *client;
    struct rpc_tls server_tls, client_tls;
};

static void
count_finished(void *svc, const struct ctx *ctx, const struct rpc_method *method, enum rc rc,
               int64_t took_us)
{
    struct service *service = svc;

    (void)ctx;
    (void)method;
    (void)rc;
    assert_true(took_us >= 0);
    atomic_fetch_add(&service->finished, 1);
}

static enum rc
start_server(struct fixture *f, const char *url, int workers, int queue_max,
             struct rpc_server **out, const char **out_why)
{
    static const struct rpc_method *const tables[] = {methods};
    static const size_t lens[] = {ARRAY_LEN(methods)};
    struct rpc_server_cfg cfg = {.listen = url,
                                 .tls = f->server_tls,
                                 .tables = tables,
                                 .table_lens = lens,
                                 .table_count = 1,
                                 .svc = &f->service,
                                 .hooks = &f->service,
                                 .workers = workers,
                                 .queue_max = queue_max,
                                 .arena_max = ARENA_MAX,
                                 .message_max = MESSAGE_MAX,
                                 .finished = count_finished};

    return rpc_server_start(&cfg, out, out_why);
}

static enum rc
start_client(struct fixture *f, const char *name, struct rpc_client **out, const char **out_why)
{
    struct rpc_client_cfg cfg = {
        .service = name, .tls = f->client_tls, .message_max = MESSAGE_MAX, .name = "test"};

    return rpc_client_new(&cfg, out, out_why);
}

static void
open_with(struct fixture *f, int workers, int queue_max)
{
    const char *why = "";

    *f = (struct fixture){.dir = ""};
    place_make(f->dir, "rpc");
    (void)snprintf(f->name, sizeof(f->name), "ipc://%s/svc", f->dir);
    (void)snprintf(f->url, sizeof(f->url), "ipc://%s/svc.1", f->dir);
    if (workers > 0) {
        assert_int_equal(start_server(f, f->url, workers, queue_max, &f->server, &why), RC_OK);
    }
    assert_int_equal(start_client(f, f->name, &f->client, &why), RC_OK);
}

static void
close_all(struct fixture *f)
{
    atomic_store(&f->service.release, true);
    rpc_client_free(f->client);
    rpc_server_free(f->server);
    assert_true(place_remove(f->dir));
}

/* --- calls --------------------------------------------------------------------------------- */

struct outcome {
    enum rc rc;
    char reason[64];
    char message[128];
    char id[64];
    int64_t took_us, retry_after_us;
};

/* Valid until the thread's next event. */
static Assay__Event
event(const char *type)
{
    static _Thread_local char text[32];
    static char id[] = "e1";
    Assay__Event e = ASSAY__EVENT__INIT;

    (void)snprintf(text, sizeof(text), "%s", type);
    e.id = id;
    e.type = text;
    return e;
}

static struct outcome
call_with(struct rpc_client *client, struct ctx *ctx, const struct rpc_method *method,
          const Assay__Event *req, Assay__Event **out)
{
    ProtobufCMessage *resp = NULL;
    int64_t start_us = clk_mono_us();
    struct outcome o = {.rc = rpc_call(client, ctx, method, &req->base, &resp)};

    o.took_us = clk_mono_us() - start_us;
    if (o.rc == RC_OK) {
        *out = (Assay__Event *)resp;
        (void)snprintf(o.id, sizeof(o.id), "%s", (*out)->id);
    } else {
        (void)snprintf(o.reason, sizeof(o.reason), "%s", ctx->err.reason);
        (void)snprintf(o.message, sizeof(o.message), "%.*s", STR_ARG(ctx->err.msg));
        o.retry_after_us = ctx->err.retry_after_us;
    }
    return o;
}

static struct outcome
call_method(struct fixture *f, const struct rpc_method *method, const char *type,
            int64_t timeout_us)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event(type);
    Assay__Event *resp = NULL;

    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + timeout_us;
    struct outcome o = call_with(f->client, &ctx, method, &req, &resp);
    arena_free(arena);
    return o;
}

static struct outcome
call(struct fixture *f, const char *type, int64_t timeout_us)
{
    return call_method(f, &methods[0], type, timeout_us);
}

struct background {
    pthread_t thread;
    struct fixture *f;
    const struct rpc_method *method;
    const char *type;
    int64_t timeout_us;
    struct outcome outcome;
};

static void *
background_main(void *arg)
{
    struct background *b = arg;

    b->outcome = call_method(b->f, b->method, b->type, b->timeout_us);
    return NULL;
}

static void
start_method(struct background *b, struct fixture *f, const struct rpc_method *method,
             const char *type, int64_t timeout_us)
{
    *b = (struct background){.f = f, .method = method, .type = type, .timeout_us = timeout_us};
    assert_int_equal(pthread_create(&b->thread, NULL, background_main, b), 0);
}

static void
start_call(struct background *b, struct fixture *f, const char *type, int64_t timeout_us)
{
    start_method(b, f, &methods[0], type, timeout_us);
}

static struct outcome
end_call(struct background *b)
{
    assert_int_equal(pthread_join(b->thread, NULL), 0);
    return b->outcome;
}

struct expected {
    struct fixture *f;
    int64_t n;
};

static bool
has_waiting(void *arg)
{
    const struct expected *e = arg;
    return atomic_load(&e->f->service.waiting) == e->n;
}

static bool
has_queued(void *arg)
{
    const struct expected *e = arg;
    struct rpc_server_stats stats;

    rpc_server_stats(e->f->server, &stats);
    return stats.queued == e->n;
}

static bool
has_expired(void *arg)
{
    const struct expected *e = arg;
    struct rpc_server_stats stats;

    rpc_server_stats(e->f->server, &stats);
    return stats.expired >= e->n;
}

static bool
has_replicas(void *arg)
{
    const struct expected *e = arg;
    return rpc_client_replicas(e->f->client) == e->n;
}

static void
await(bool (*is_so)(void *arg), struct fixture *f, int64_t n)
{
    struct expected e = {f, n};

    assert_true(poll_until(is_so, &e));
}

/* --- what travels -------------------------------------------------------------------------- */

static void
answers_and_failures_travel(void **state)
{
    struct fixture f;
    struct outcome o;

    (void)state;
    open_with(&f, 2, 16);
    o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_OK);
    assert_string_equal(o.id, "e1");
    o = call(&f, "fail", PATIENCE_US);
    assert_int_equal(o.rc, RC_NOT_FOUND);
    assert_string_equal(o.reason, "SUITE_NOT_FOUND");
    assert_string_equal(o.message, "no suite e1");
    o = call(&f, "bare code", PATIENCE_US);
    assert_int_equal(o.rc, RC_ABORTED);
    assert_string_equal(o.reason, "ABORTED");
    assert_int_equal(atomic_load(&f.service.finished), 3);
    close_all(&f);
}

static void
caller_deadline_and_keys_travel(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("who");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + PATIENCE_US;
    ctx.request_id = STR("req-1");
    ctx.idempotency_key = STR("key-1");
    ctx.traceparent = STR("00-trace");
    ctx.peer = STR("192.0.2.7");
    ctx.who = (struct principal){
        .user_id = 12, .org_id = 34, .role = ROLE_ADMIN, .email = STR("a@example.org")};
    struct outcome o = call_with(f.client, &ctx, &methods[0], &req, &got);
    assert_int_equal(o.rc, RC_OK);
    assert_string_equal(got->request_id, "req-1");
    assert_string_equal(got->order_key, "key-1");
    assert_string_equal(got->details, "00-trace");
    assert_string_equal(got->peer, "192.0.2.7");
    assert_string_equal(got->actor_email, "a@example.org");
    assert_int_equal(got->actor_user_id, 12);
    assert_int_equal(got->org_id, 34);
    assert_int_equal(got->at_us, ctx.deadline_us);
    arena_free(arena);
    close_all(&f);
}

static void
call_for_an_organization_does_not_tell_who_asks(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("who");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    ctx.request_id = STR("req-1");
    ctx.peer = STR("192.0.2.7");
    ctx.who = (struct principal){
        .user_id = 12, .org_id = 34, .role = ROLE_ADMIN, .email = STR("a@example.org")};
    struct outcome o = call_with(f.client, &ctx, org_method, &req, &got);
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(got->org_id, 34);
    assert_string_equal(got->request_id, "req-1");
    assert_int_equal(got->actor_user_id, 0);
    assert_string_equal(got->actor_email, "");
    assert_string_equal(got->peer, "");
    arena_free(arena);
    close_all(&f);
}

static void
unknown_method_is_unimplemented(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("echo");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    struct outcome o = call_with(f.client, &ctx, &absent, &req, &got);
    assert_int_equal(o.rc, RC_UNIMPLEMENTED);
    assert_int_equal(atomic_load(&f.service.executed), 0);
    arena_free(arena);
    close_all(&f);
}

static void
messages_past_the_limit_are_refused(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("echo");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    req.has_data = 1;
    req.data.len = MESSAGE_MAX - 64;
    req.data.data = arena_zalloc(arena, 1, MESSAGE_MAX + 1);
    struct outcome o = call_with(f.client, &ctx, &methods[0], &req, &got);
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(got->data.len, MESSAGE_MAX - 64);
    req.data.len = MESSAGE_MAX + 1;
    o = call_with(f.client, &ctx, &methods[0], &req, &got);
    assert_int_equal(o.rc, RC_RESOURCE_EXHAUSTED);
    assert_string_equal(o.reason, "MESSAGE_TOO_BIG");
    assert_int_equal(atomic_load(&f.service.executed), 1);
    o = call(&f, "big answer", PATIENCE_US);
    assert_int_equal(o.rc, RC_RESOURCE_EXHAUSTED);
    assert_string_equal(o.reason, "ANSWER_TOO_BIG");
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    arena_free(arena);
    close_all(&f);
}

/* --- time ---------------------------------------------------------------------------------- */

static void
deadline_ends_the_call_while_the_handler_runs(void **state)
{
    struct fixture f;

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK); /* connected */
    struct outcome o = call(&f, "wait", 100 * ASSAY_US_PER_MS);
    assert_int_equal(o.rc, RC_DEADLINE_EXCEEDED);
    assert_true(o.took_us >= 90 * ASSAY_US_PER_MS);
    assert_true(o.took_us < PATIENCE_US);
    close_all(&f);
}

static void
call_that_expired_in_the_queue_is_not_executed(void **state)
{
    struct fixture f;
    struct background slow;

    (void)state;
    open_with(&f, 1, 16);
    start_call(&slow, &f, "wait", PATIENCE_US);
    await(has_waiting, &f, 1);
    assert_int_equal(call(&f, "echo", 50 * ASSAY_US_PER_MS).rc, RC_DEADLINE_EXCEEDED);
    atomic_store(&f.service.release, true);
    assert_int_equal(end_call(&slow).rc, RC_OK);
    await(has_expired, &f, 1);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    assert_int_equal(atomic_load(&f.service.executed), 2);
    close_all(&f);
}

static void
past_deadline_sends_nothing(void **state)
{
    struct fixture f;

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(call(&f, "echo", -1).rc, RC_DEADLINE_EXCEEDED);
    assert_int_equal(atomic_load(&f.service.executed), 0);
    close_all(&f);
}

static void
no_server_is_unavailable_at_the_deadline(void **state)
{
    struct fixture f;

    (void)state;
    open_with(&f, 0, 0);
    struct outcome o = call(&f, "echo", 50 * ASSAY_US_PER_MS);
    assert_int_equal(o.rc, RC_UNAVAILABLE);
    assert_string_equal(o.reason, "NO_REPLICA");
    close_all(&f);
}

/* --- load ---------------------------------------------------------------------------------- */

static void
full_queue_refuses_at_once(void **state)
{
    struct fixture f;
    struct background slow[3];

    (void)state;
    open_with(&f, 1, 2);
    for (int i = 0; i < 3; i++) {
        start_call(&slow[i], &f, "wait", PATIENCE_US);
        await(i == 0 ? has_waiting : has_queued, &f, i == 0 ? 1 : i);
    }
    struct outcome o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_RESOURCE_EXHAUSTED);
    assert_string_equal(o.reason, "QUEUE_FULL");
    assert_true(o.took_us < PATIENCE_US / 2); /* the slow ones wait longer */
    atomic_store(&f.service.release, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(end_call(&slow[i]).rc, RC_OK);
    }
    assert_int_equal(atomic_load(&f.service.executed), 3);
    close_all(&f);
}

static void
slow_calls_do_not_hold_fast_ones_back(void **state)
{
    enum { SLOW = 12 };
    struct fixture f;
    struct background slow[SLOW];

    (void)state;
    open_with(&f, SLOW + 1, 64);
    for (int i = 0; i < SLOW; i++) {
        start_call(&slow[i], &f, "wait", PATIENCE_US);
    }
    await(has_waiting, &f, SLOW);
    for (int i = 0; i < 50; i++) {
        struct outcome o = call(&f, "echo", PATIENCE_US);
        assert_int_equal(o.rc, RC_OK);
        assert_true(o.took_us < PATIENCE_US / 2);
    }
    assert_int_equal(atomic_load(&f.service.waiting), SLOW);
    atomic_store(&f.service.release, true);
    for (int i = 0; i < SLOW; i++) {
        assert_int_equal(end_call(&slow[i]).rc, RC_OK);
    }
    close_all(&f);
}

static void
waiting_methods_leave_the_workers_free(void **state)
{
    enum { POLLS = 6 };
    struct fixture f;
    struct background polls[POLLS];

    (void)state;
    open_with(&f, 1, 16);
    for (int i = 0; i < POLLS; i++) {
        start_method(&polls[i], &f, &methods[1], "wait", PATIENCE_US);
    }
    await(has_waiting, &f, POLLS);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    atomic_store(&f.service.release, true);
    for (int i = 0; i < POLLS; i++) {
        assert_int_equal(end_call(&polls[i]).rc, RC_OK);
    }
    close_all(&f);
}

struct crowd {
    struct fixture *f;
    int calls;
    int wrong;
    const struct rpc_method *method; /* of readers */
    int64_t user_id;
};

static void *
crowd_main(void *arg)
{
    struct crowd *c = arg;
    struct arena *arena = arena_new(ARENA_MAX);

    for (int i = 0; i < c->calls; i++) {
        struct ctx ctx;
        char id[32];
        Assay__Event req = event("echo");
        Assay__Event *got = NULL;
        arena_reset(arena);
        ctx_init(&ctx, arena);
        (void)snprintf(id, sizeof(id), "%p-%d", arg, i);
        req.id = id;
        struct outcome o = call_with(c->f->client, &ctx, &methods[0], &req, &got);
        c->wrong += o.rc != RC_OK || strcmp(o.id, id) != 0;
    }
    arena_free(arena);
    return NULL;
}

static void
many_callers_each_get_their_own_answer(void **state)
{
    enum { CALLERS = 32, CALLS = 200 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];
    struct rpc_server_stats stats;

    (void)state;
    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){.f = &f, .calls = CALLS};
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &crowd[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd[i].wrong, 0);
    }
    assert_int_equal(atomic_load(&f.service.executed), CALLERS * CALLS);
    rpc_server_stats(f.server, &stats);
    assert_int_equal(stats.calls, CALLERS * CALLS);
    assert_true(stats.frames_in < stats.calls / 2); /* they share messages */
    close_all(&f);
}

/* Reads for one of two organizations, and looks whether the answer is that one's and was made after
 * the call began. */
static void *
reader_main(void *arg)
{
    struct crowd *c = arg;
    struct arena *arena = arena_new(ARENA_MAX);

    for (int i = 0; i < c->calls; i++) {
        struct ctx ctx;
        Assay__Event req = event("when");
        Assay__Event *got = NULL;
        arena_reset(arena);
        ctx_init(&ctx, arena);
        ctx.who.org_id = 1 + i % 2;
        ctx.who.user_id = c->user_id;
        int64_t began_us = clk_mono_us();
        struct outcome o = call_with(c->f->client, &ctx, c->method, &req, &got);
        c->wrong += o.rc != RC_OK || got->at_us < began_us || got->org_id != ctx.who.org_id;
    }
    arena_free(arena);
    return NULL;
}

#define READS 200

/* How many calls of 32 readers took the answer of another. */
static int
shared_by_readers(const struct rpc_method *method, bool is_one_user)
{
    enum { CALLERS = 32 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];

    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){&f, READS, 0, method, is_one_user ? 7 : 100 + i};
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, &crowd[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd[i].wrong, 0);
    }
    int executed = atomic_load(&f.service.executed);
    close_all(&f);
    return CALLERS * READS - executed;
}

static void
reads_are_shared_but_never_stale_nor_between_callers(void **state)
{
    (void)state;
    assert_true(shared_by_readers(read_method, true) > 0);
    assert_int_equal(shared_by_readers(read_method, false), 0);
}

static void
reads_for_an_organization_are_shared_by_its_members(void **state)
{
    (void)state;
    assert_true(shared_by_readers(org_method, false) > 0);
}

static atomic_int made_count;

/* The variant, then the payload. */
static bool
make_marked(const void *arg, unsigned variant, struct str payload, struct buf *out)
{
    (void)arg;
    atomic_fetch_add(&made_count, 1);
    buf_putc(out, (char)('a' + variant));
    buf_put(out, payload);
    return true;
}

/* As reader_main, in one of two forms. */
static void *
forming_reader_main(void *arg)
{
    struct crowd *c = arg;
    struct arena *arena = arena_new(ARENA_MAX);
    struct rpc_form form = {.make = make_marked, .arg = c->f, .variant = (unsigned)c->user_id};
    struct buf own;

    buf_init(&own, 4096);
    for (int i = 0; i < c->calls; i++) {
        struct ctx ctx;
        Assay__Event req = event("when");
        ProtobufCMessage *got = NULL;
        struct str made = STR_EMPTY;
        arena_reset(arena);
        buf_clear(&own);
        ctx_init(&ctx, arena);
        ctx.who.org_id = 1 + i % 2;
        ctx.deadline_us = clk_wall_us() + PATIENCE_US;
        int64_t began_us = clk_mono_us();
        enum rc rc = rpc_call_formed(c->f->client, &ctx, org_method, &req.base, &form, &own, &made);
        bool is_right =
            rc == RC_OK && made.n > 0 && made.p[0] == (char)('a' + c->user_id) &&
            pb_unpack(arena, &assay__event__descriptor, str_sub(made, 1, made.n), &got) == RC_OK;
        const Assay__Event *e = (const Assay__Event *)got;
        c->wrong += !is_right || e->at_us < began_us || e->org_id != ctx.who.org_id;
    }
    buf_fini(&own);
    arena_free(arena);
    return NULL;
}

/* How often 32 readers had a form made for each answer that was executed. */
static int
made_by_readers(int forms, int *out_executed)
{
    enum { CALLERS = 32 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];

    atomic_store(&made_count, 0);
    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){&f, READS, 0, NULL, i % forms};
        assert_int_equal(pthread_create(&threads[i], NULL, forming_reader_main, &crowd[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd[i].wrong, 0);
    }
    *out_executed = atomic_load(&f.service.executed);
    close_all(&f);
    assert_true(*out_executed < CALLERS * READS); /* some shared */
    return atomic_load(&made_count);
}

static void
form_of_a_shared_answer_is_made_once(void **state)
{
    int executed = 0;

    (void)state;
    int made = made_by_readers(1, &executed);
    assert_int_equal(made, executed);
    made = made_by_readers(2, &executed);
    assert_in_range(made, executed, 32 * READS);
}

static void
form_that_cannot_be_made_is_told(void **state)
{
    struct fixture f;
    struct ctx ctx;
    struct buf own;
    struct str made = STR("untouched");
    Assay__Event req = event("when");
    struct rpc_form form = {.make = make_marked, .variant = 1};

    (void)state;
    struct arena *arena = arena_new(ARENA_MAX);
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + PATIENCE_US;
    buf_init(&own, 2);
    assert_int_equal(rpc_call_formed(f.client, &ctx, org_method, &req.base, &form, &own, &made),
                     RC_INTERNAL);
    assert_string_equal(ctx.err.reason, "ANSWER_TOO_LARGE");
    assert_true(str_eqz(made, "untouched"));
    buf_fini(&own);
    arena_free(arena);
    close_all(&f);
}

static void *
failing_reader_main(void *arg)
{
    struct crowd *c = arg;

    for (int i = 0; i < c->calls; i++) {
        struct outcome o = call_method(c->f, read_method, "busy", PATIENCE_US);
        c->wrong +=
            o.rc != RC_ABORTED || strcmp(o.reason, "BUSY") != 0 || o.retry_after_us != RETRY_US;
    }
    return NULL;
}

/* Who rode along asks again for itself. */
static void
failure_of_one_execution_is_not_shared(void **state)
{
    enum { CALLERS = 16, CALLS = 50 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];

    (void)state;
    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){.f = &f, .calls = CALLS};
        assert_int_equal(pthread_create(&threads[i], NULL, failing_reader_main, &crowd[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd[i].wrong, 0);
    }
    assert_int_equal(atomic_load(&f.service.executed), CALLERS * CALLS);
    close_all(&f);
}

/* --- drain, replicas ----------------------------------------------------------------------- */

struct drainer {
    pthread_t thread;
    struct rpc_server *server;
    atomic_bool is_done;
};

static void *
drain_main(void *arg)
{
    struct drainer *d = arg;

    rpc_server_drain(d->server, clk_wall_us() + PATIENCE_US);
    atomic_store(&d->is_done, true);
    return NULL;
}

static void
draining_finishes_what_runs_and_sends_new_calls_elsewhere(void **state)
{
    struct fixture f;
    struct background slow;
    struct drainer drainer = {0};
    struct rpc_server *second = NULL;
    char url[128];
    const char *why = "";

    (void)state;
    open_with(&f, 2, 16);
    start_call(&slow, &f, "wait", PATIENCE_US);
    await(has_waiting, &f, 1);
    drainer.server = f.server;
    assert_int_equal(pthread_create(&drainer.thread, NULL, drain_main, &drainer), 0);
    await(has_replicas, &f, 0);
    assert_int_equal(call(&f, "echo", 50 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE);
    (void)snprintf(url, sizeof(url), "%s.2", f.name);
    assert_int_equal(start_server(&f, url, 1, 16, &second, &why), RC_OK);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    assert_false(atomic_load(&drainer.is_done));
    atomic_store(&f.service.release, true);
    assert_int_equal(end_call(&slow).rc, RC_OK);
    assert_int_equal(pthread_join(drainer.thread, NULL), 0);
    assert_int_equal(atomic_load(&f.service.executed), 2);
    rpc_server_free(second);
    close_all(&f);
}

static void
replicas_that_come_and_go_are_found(void **state)
{
    struct fixture f;
    struct rpc_server *more[2] = {NULL, NULL};
    const char *why = "";

    (void)state;
    open_with(&f, 1, 16);
    for (int i = 0; i < 2; i++) {
        char url[128];
        (void)snprintf(url, sizeof(url), "%s.more-%d", f.name, i);
        assert_int_equal(start_server(&f, url, 1, 16, &more[i], &why), RC_OK);
    }
    await(has_replicas, &f, 3);
    rpc_server_free(more[0]);
    rpc_server_free(more[1]);
    await(has_replicas, &f, 1);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    close_all(&f);
}

static void
peers_are_called_by_their_address(void **state)
{
    struct fixture f;
    struct rpc_peers *peers = NULL;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("echo");
    ProtobufCMessage *resp = NULL;

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(rpc_peers_new(NULL, MESSAGE_MAX, false, &peers), RC_OK);
    for (int i = 0; i < 3; i++) {
        ctx_init(&ctx, arena);
        assert_int_equal(rpc_peers_call(peers, f.url, &ctx, &methods[0], &req.base, &resp), RC_OK);
    }
    /* More addresses than places: each is refused by its deadline, and the first still works. */
    for (int i = 0; i < 300; i++) {
        char url[128];
        (void)snprintf(url, sizeof(url), "ipc://%s/nobody.%d", f.dir, i);
        ctx_init(&ctx, arena);
        ctx.deadline_us = clk_wall_us() + 100;
        assert_int_not_equal(rpc_peers_call(peers, url, &ctx, &methods[0], &req.base, &resp),
                             RC_OK);
    }
    ctx_init(&ctx, arena);
    assert_int_equal(rpc_peers_call(peers, f.url, &ctx, &methods[0], &req.base, &resp), RC_OK);
    rpc_peers_free(peers);
    arena_free(arena);
    close_all(&f);
}

/* --- hostile peers ------------------------------------------------------------------------- */

static void
send_raw(const char *url, const void *bytes, size_t n)
{
    nng_socket sock;

    assert_int_equal(nng_req0_open(&sock), 0);
    assert_int_equal(nng_socket_set_ms(sock, NNG_OPT_SENDTIMEO, 5000), 0);
    assert_int_equal(nng_dial(sock, url, NULL, 0), 0);
    union {
        const void *in;
        void *out;
    } body = {.in = bytes};
    assert_int_equal(nng_send(sock, body.out, n, 0), 0);
    void *answer = NULL;
    size_t size = 0;
    (void)nng_socket_set_ms(sock, NNG_OPT_RECVTIMEO, 50);
    if (nng_recv(sock, &answer, &size, NNG_FLAG_ALLOC) == 0) {
        nng_free(answer, size);
    }
    (void)nng_close(sock);
}

static void
garbage_to_the_server_harms_nobody(void **state)
{
    struct fixture f;
    static char bytes[2 * 1024 * 1024]; /* longer than a frame may be */
    char entry[RPC_FRAME_HEAD + RPC_FRAME_ENTRY + 4] = {0};

    (void)state;
    open_with(&f, 2, 16);
    memset(bytes, 0xA5, sizeof(bytes));
    send_raw(f.url, bytes, 0);
    send_raw(f.url, bytes, 3);
    send_raw(f.url, bytes, 4096);
    send_raw(f.url, bytes, sizeof(bytes));
    rpc_frame_put_head(entry, 1, 0, 1);
    rpc_frame_put_entry(entry + RPC_FRAME_HEAD, 1, 4);
    send_raw(f.url, entry, sizeof(entry)); /* a frame whose call is no message */
    rpc_frame_put_entry(entry + RPC_FRAME_HEAD, 1, 5);
    send_raw(f.url, entry, sizeof(entry)); /* an entry longer than the frame */
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    assert_int_equal(atomic_load(&f.service.executed), 1);
    close_all(&f);
}

struct fake {
    nng_socket sock;
    pthread_t thread;
};

static void *
fake_main(void *arg)
{
    struct fake *fake = arg;
    nng_msg *msg = NULL;

    while (nng_recvmsg(fake->sock, &msg, 0) == 0) {
        nng_msg_clear(msg);
        (void)nng_msg_append(msg, "HTTP/1.1 400", 12);
        if (nng_sendmsg(fake->sock, msg, 0) != 0) {
            nng_msg_free(msg);
        }
    }
    return NULL;
}

static void
garbage_from_a_server_ends_the_call_unknown(void **state)
{
    struct fixture f;
    struct fake fake;

    (void)state;
    open_with(&f, 0, 0);
    assert_int_equal(nng_rep0_open(&fake.sock), 0);
    assert_int_equal(nng_listen(fake.sock, f.url, NULL, 0), 0);
    assert_int_equal(pthread_create(&fake.thread, NULL, fake_main, &fake), 0);
    struct outcome o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_UNKNOWN);
    assert_true(o.took_us < PATIENCE_US / 2);
    (void)nng_close(fake.sock);
    assert_int_equal(pthread_join(fake.thread, NULL), 0);
    close_all(&f);
}

/* --- addresses ----------------------------------------------------------------------------- */

static void
socket_file_is_private_and_a_stale_one_is_replaced(void **state)
{
    struct fixture f;
    struct stat st;
    struct rpc_server *second = NULL;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char *why = "";
    char url[100];

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(stat(f.url + 6, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(start_server(&f, f.url, 1, 16, &second, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why, "another server"));
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);

    (void)snprintf(url, sizeof(url), "ipc://%s/stale.1", f.dir);
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", url + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(close(fd), 0); /* the file stays */
    assert_int_equal(start_server(&f, url, 1, 16, &second, &why), RC_OK);
    rpc_server_free(second);
    close_all(&f);
}

static void
addresses_that_cannot_work_are_explained(void **state)
{
    struct fixture f = {0};
    struct rpc_server *server = NULL;
    const char *why = "";
    char url[256] = "ipc:///tmp/";

    (void)state;
    memset(url + strlen(url), 'x', 150);
    assert_int_equal(start_server(&f, url, 1, 1, &server, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why, "107"));
    assert_int_equal(start_server(&f, "tcp://127.0.0.1:7400", 1, 1, &server, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why, "refused"));
    assert_int_equal(start_server(&f, "tls+tcp://127.0.0.1:7400", 1, 1, &server, &why),
                     RC_UNAVAILABLE);
    assert_non_null(strstr(why, "certificate"));
    assert_int_equal(start_server(&f, "http://x", 1, 1, &server, &why), RC_UNAVAILABLE);
    assert_null(server);
}

/* --- mutual TLS ---------------------------------------------------------------------------- */

static int run(const char *fmt, ...) PRINTF_LIKE(1, 2);
static int
run(const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return system(text);
}

/* dir/CA.pem and dir/CA-leaf.pem (certificate and key together), for the name "svc". */
static void
make_certificates(const char *dir, const char *ca)
{
    static const char req[] =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-days 2 -keyout %s/%s.key -out %s/%s.pem -subj /CN=%s 2>/dev/null";
    static const char csr[] = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                              "-keyout %s/%s-leaf.key -out %s/%s.csr -subj /CN=svc 2>/dev/null";
    static const char sign[] = "openssl x509 -req -days 2 -in %s/%s.csr -CA %s/%s.pem "
                               "-CAkey %s/%s.key -CAcreateserial -out %s/%s-leaf.crt 2>/dev/null "
                               "&& cat %s/%s-leaf.crt %s/%s-leaf.key > %s/%s-leaf.pem";

    assert_int_equal(run(req, dir, ca, dir, ca, ca), 0);
    assert_int_equal(run(csr, dir, ca, dir, ca), 0);
    assert_int_equal(run(sign, dir, ca, dir, ca, dir, ca, dir, ca, dir, ca, dir, ca, dir, ca), 0);
}

static struct rpc_tls
tls_of(char paths[2][96], const char *dir, const char *ca, const char *leaf)
{
    (void)snprintf(paths[0], 96, "%s/%s.pem", dir, ca);
    (void)snprintf(paths[1], 96, "%s/%s-leaf.pem", dir, leaf);
    return (struct rpc_tls){.ca_file = paths[0], .cert_file = paths[1], .server_name = "svc"};
}

static void
tls_asks_both_sides_for_a_certificate_of_the_ca(void **state)
{
    struct fixture f;
    const char *why = "";
    char url[64];
    char paths[3][2][96];
    struct rpc_client *stranger = NULL;

    (void)state;
    open_with(&f, 0, 0);
    make_certificates(f.dir, "ours");
    make_certificates(f.dir, "foreign");
    (void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%d", place_port());
    f.server_tls = tls_of(paths[0], f.dir, "ours", "ours");
    f.server_tls.server_name = NULL;
    assert_int_equal(start_server(&f, url, 1, 16, &f.server, &why), RC_OK);

    f.client_tls = tls_of(paths[1], f.dir, "ours", "foreign");
    assert_int_equal(start_client(&f, url, &stranger, &why), RC_OK);
    rpc_client_free(f.client);
    f.client = stranger; /* right CA, foreign certificate: the server refuses */
    assert_int_equal(call(&f, "echo", 700 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE);
    rpc_client_free(f.client);

    f.client_tls = tls_of(paths[2], f.dir, "foreign", "ours");
    assert_int_equal(start_client(&f, url, &f.client, &why), RC_OK);
    assert_int_equal(call(&f, "echo", 700 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE); /* we refuse */
    rpc_client_free(f.client);
    assert_int_equal(atomic_load(&f.service.executed), 0);

    f.client_tls = tls_of(paths[2], f.dir, "ours", "ours");
    assert_int_equal(start_client(&f, url, &f.client, &why), RC_OK);
    struct outcome o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_OK);
    rpc_client_free(f.client);

    f.client_tls.server_name = "another";
    assert_int_equal(start_client(&f, url, &f.client, &why), RC_OK);
    assert_int_equal(call(&f, "echo", 700 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE);
    assert_int_equal(atomic_load(&f.service.executed), 1);
    close_all(&f);
}

static void
tls_without_client_certificate_gets_no_answer(void **state)
{
    struct fixture f;
    const char *why = "";
    char url[64];
    char paths[2][96];
    nng_socket sock;
    nng_dialer dialer;
    nng_tls_config *config = NULL;
    char ca[4096] = "";

    (void)state;
    open_with(&f, 0, 0);
    make_certificates(f.dir, "ours");
    (void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%d", place_port());
    f.server_tls = tls_of(paths, f.dir, "ours", "ours");
    f.server_tls.server_name = NULL;
    assert_int_equal(start_server(&f, url, 1, 16, &f.server, &why), RC_OK);
    FILE *file = fopen(paths[0], "re");
    assert_non_null(file);
    assert_true(fread(ca, 1, sizeof(ca) - 1, file) > 0);
    (void)fclose(file);

    assert_int_equal(nng_req0_open(&sock), 0);
    assert_int_equal(nng_dialer_create(&dialer, sock, url), 0);
    assert_int_equal(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
    assert_int_equal(nng_tls_config_ca_chain(config, ca, NULL), 0);
    assert_int_equal(nng_tls_config_server_name(config, "svc"), 0);
    assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
    assert_int_equal(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), 0);
    (void)nng_socket_set_ms(sock, NNG_OPT_SENDTIMEO, 500);
    (void)nng_socket_set_ms(sock, NNG_OPT_RECVTIMEO, 500);
    char head[RPC_FRAME_HEAD];
    rpc_frame_put_head(head, 1, 0, 0);
    void *answer = NULL;
    size_t n = 0;
    bool is_heard = nng_send(sock, head, sizeof(head), 0) == 0 &&
                    nng_recv(sock, &answer, &n, NNG_FLAG_ALLOC) == 0;
    assert_false(is_heard);
    struct rpc_server_stats stats;
    rpc_server_stats(f.server, &stats);
    assert_int_equal(stats.frames_in, 0);
    (void)nng_close(sock);
    nng_tls_config_free(config);
    close_all(&f);
}

/* --- frames -------------------------------------------------------------------------------- */

static void
frames_are_checked_as_a_whole(void **state)
{
    char bytes[RPC_FRAME_HEAD + 2 * RPC_FRAME_ENTRY + 3];
    struct rpc_frame frame;
    struct str body;
    uint32_t id;

    (void)state;
    rpc_frame_put_head(bytes, 77, RPC_FRAME_DRAINING, 2);
    rpc_frame_put_entry(bytes + RPC_FRAME_HEAD, 5, 3);
    memcpy(bytes + RPC_FRAME_HEAD + RPC_FRAME_ENTRY, "abc", 3);
    rpc_frame_put_entry(bytes + RPC_FRAME_HEAD + RPC_FRAME_ENTRY + 3, 6, 0);
    assert_int_equal(rpc_frame_parse(str_n(bytes, sizeof(bytes)), &frame), RC_OK);
    assert_int_equal(frame.session, 77);
    assert_int_equal(frame.flags, RPC_FRAME_DRAINING);
    assert_true(rpc_frame_next(&frame, &id, &body));
    assert_int_equal(id, 5);
    assert_true(str_eq(body, STR("abc")));
    assert_true(rpc_frame_next(&frame, &id, &body));
    assert_int_equal(id, 6);
    assert_int_equal(body.n, 0);
    assert_false(rpc_frame_next(&frame, &id, &body));
    for (size_t n = 0; n < sizeof(bytes); n++) {
        assert_int_equal(rpc_frame_parse(str_n(bytes, n), &frame), RC_INVALID_ARGUMENT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_checked_as_a_whole),
        cmocka_unit_test(answers_and_failures_travel),
        cmocka_unit_test(caller_deadline_and_keys_travel),
        cmocka_unit_test(call_for_an_organization_does_not_tell_who_asks),
        cmocka_unit_test(unknown_method_is_unimplemented),
        cmocka_unit_test(messages_past_the_limit_are_refused),
        cmocka_unit_test(deadline_ends_the_call_while_the_handler_runs),
        cmocka_unit_test(call_that_expired_in_the_queue_is_not_executed),
        cmocka_unit_test(past_deadline_sends_nothing),
        cmocka_unit_test(no_server_is_unavailable_at_the_deadline),
        cmocka_unit_test(full_queue_refuses_at_once),
        cmocka_unit_test(slow_calls_do_not_hold_fast_ones_back),
        cmocka_unit_test(waiting_methods_leave_the_workers_free),
        cmocka_unit_test(many_callers_each_get_their_own_answer),
        cmocka_unit_test(reads_are_shared_but_never_stale_nor_between_callers),
        cmocka_unit_test(reads_for_an_organization_are_shared_by_its_members),
        cmocka_unit_test(failure_of_one_execution_is_not_shared),
        cmocka_unit_test(form_of_a_shared_answer_is_made_once),
        cmocka_unit_test(form_that_cannot_be_made_is_told),
        cmocka_unit_test(draining_finishes_what_runs_and_sends_new_calls_elsewhere),
        cmocka_unit_test(replicas_that_come_and_go_are_found),
        cmocka_unit_test(peers_are_called_by_their_address),
        cmocka_unit_test(garbage_to_the_server_harms_nobody),
        cmocka_unit_test(garbage_from_a_server_ends_the_call_unknown),
        cmocka_unit_test(socket_file_is_private_and_a_stale_one_is_replaced),
        cmocka_unit_test(addresses_that_cannot_work_are_explained),
        cmocka_unit_test(tls_asks_both_sides_for_a_certificate_of_the_ca),
        cmocka_unit_test(tls_without_client_certificate_gets_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
