/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of calls share: a client and a server in one process, over ipc. Their method takes
 * an Event and returns one; the event's type says what the handler does. Everything is static. */
#ifndef ASSAY_RPC_LAB_H
#define ASSAY_RPC_LAB_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* ours is in base/ctx.h */

#include "assay/common.pb-c.h"
#include "rpc/rpc.h"
#include "tests/support/place.h"

#define ARENA_MAX ((size_t)8 * 1024 * 1024)
#define MESSAGE_MAX ((size_t)256 * 1024)
#define RETRY_US (7 * ASSAY_US_PER_S)
#define PATIENCE_US (120 * ASSAY_US_PER_S) /* generous: sanitizers, busy machines */

/* --- the service under test ---------------------------------------------------------------- */

struct service {
    atomic_int executed;
    atomic_int waiting;  /* handlers inside "wait" */
    atomic_bool release; /* lets them go */
    atomic_int finished;
};

UNUSED static bool
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

UNUSED static bool
is_released(void *arg)
{
    return atomic_load(&((struct service *)arg)->release);
}

UNUSED static enum rc
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

UNUSED static enum rc
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

UNUSED static const struct rpc_method methods[] = {
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
UNUSED static const struct rpc_method *const read_method = &methods[2];
UNUSED static const struct rpc_method *const org_method = &methods[3];
UNUSED static const struct rpc_method absent = {.id = 3,
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

UNUSED static void
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

UNUSED static enum rc
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

UNUSED static enum rc
start_client(struct fixture *f, const char *name, struct rpc_client **out, const char **out_why)
{
    struct rpc_client_cfg cfg = {
        .service = name, .tls = f->client_tls, .message_max = MESSAGE_MAX, .name = "test"};

    return rpc_client_new(&cfg, out, out_why);
}

UNUSED static void
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

UNUSED static void
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
UNUSED static Assay__Event
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

UNUSED static struct outcome
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

UNUSED static struct outcome
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

UNUSED static struct outcome
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

UNUSED static void *
background_main(void *arg)
{
    struct background *b = arg;

    b->outcome = call_method(b->f, b->method, b->type, b->timeout_us);
    return NULL;
}

UNUSED static void
start_method(struct background *b, struct fixture *f, const struct rpc_method *method,
             const char *type, int64_t timeout_us)
{
    *b = (struct background){.f = f, .method = method, .type = type, .timeout_us = timeout_us};
    assert_int_equal(pthread_create(&b->thread, NULL, background_main, b), 0);
}

UNUSED static void
start_call(struct background *b, struct fixture *f, const char *type, int64_t timeout_us)
{
    start_method(b, f, &methods[0], type, timeout_us);
}

UNUSED static struct outcome
end_call(struct background *b)
{
    assert_int_equal(pthread_join(b->thread, NULL), 0);
    return b->outcome;
}

struct expected {
    struct fixture *f;
    int64_t n;
};

UNUSED static bool
has_waiting(void *arg)
{
    const struct expected *e = arg;
    return atomic_load(&e->f->service.waiting) == e->n;
}

UNUSED static bool
has_queued(void *arg)
{
    const struct expected *e = arg;
    struct rpc_server_stats stats;

    rpc_server_stats(e->f->server, &stats);
    return stats.queued == e->n;
}

UNUSED static bool
has_expired(void *arg)
{
    const struct expected *e = arg;
    struct rpc_server_stats stats;

    rpc_server_stats(e->f->server, &stats);
    return stats.expired >= e->n;
}

UNUSED static bool
has_replicas(void *arg)
{
    const struct expected *e = arg;
    return rpc_client_replicas(e->f->client) == e->n;
}

UNUSED static void
await(bool (*is_so)(void *arg), struct fixture *f, int64_t n)
{
    struct expected e = {f, n};

    assert_true(poll_until(is_so, &e));
}

#endif
