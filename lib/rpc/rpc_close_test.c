/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients and servers that go while frames are on their way to them, many times over: nobody may be
 * left waiting for NNG (see let_settle in rpc_link.c). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* ours is in base/ctx.h */

#include "assay/common.pb-c.h"
#include "base/id.h"
#include "rpc/rpc.h"
#include "tests/support/place.h"

#define CALLERS 4
#define ROUNDS 40
#define REPLICAS 20  /* one after the other */
#define SPAN_US 3000 /* in which answers and deadlines fall */
#define MESSAGE_MAX ((size_t)64 * 1024)
#define ARENA_MAX ((size_t)1 << 20)
#define PATIENCE_S 300

static char name[PLACE_MAX + 16], url[sizeof(name) + 2];
static atomic_int answered, late;

static int64_t
some_us(void)
{
    return (int64_t)(id_random_u64() % SPAN_US);
}

static enum rc
handle(void *svc, struct ctx *ctx, const ProtobufCMessage *req, ProtobufCMessage *resp)
{
    const struct timespec pause = {.tv_nsec = some_us() * 1000};

    (void)svc;
    (void)ctx;
    (void)nanosleep(&pause, NULL);
    *(Assay__Event *)resp = *(const Assay__Event *)req;
    return RC_OK;
}

static const struct rpc_method methods[] = {{.id = 1,
                                             .name = "test.Events/Write",
                                             .effect = RPC_WRITE,
                                             .req = &assay__event__descriptor,
                                             .resp = &assay__event__descriptor,
                                             .handler = handle}};

static struct rpc_server *
serve(void)
{
    static const struct rpc_method *const tables[] = {methods};
    static const size_t lens[] = {ARRAY_LEN(methods)};
    struct rpc_server_cfg cfg = {.listen = url,
                                 .tables = tables,
                                 .table_lens = lens,
                                 .table_count = 1,
                                 .workers = 2,
                                 .queue_max = 64,
                                 .arena_max = ARENA_MAX,
                                 .message_max = MESSAGE_MAX};
    struct rpc_server *server = NULL;
    const char *why = "";

    assert_int_equal(rpc_server_start(&cfg, &server, &why), RC_OK);
    return server;
}

static void
call(struct rpc_client *client, struct arena *arena, int64_t within_us)
{
    static char id[] = "e1", type[] = "echo";
    Assay__Event e = ASSAY__EVENT__INIT;
    ProtobufCMessage *answer = NULL;
    struct ctx ctx;

    e.id = id;
    e.type = type;
    arena_reset(arena);
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + within_us;
    enum rc rc = rpc_call(client, &ctx, &methods[0], &e.base, &answer);
    atomic_fetch_add(rc == RC_OK ? &answered : &late, 1);
}

static struct rpc_client *
client_new(void)
{
    struct rpc_client_cfg cfg = {.service = name, .message_max = MESSAGE_MAX, .name = "test"};
    struct rpc_client *client = NULL;
    const char *why = "";

    assert_int_equal(rpc_client_new(&cfg, &client, &why), RC_OK);
    return client;
}

static void *
come_and_go(void *arg)
{
    struct arena *arena = arena_new(ARENA_MAX);

    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct rpc_client *client = client_new();
        call(client, arena, PATIENCE_S * ASSAY_US_PER_S); /* now it is connected */
        call(client, arena, some_us());
        rpc_client_free(client);
    }
    arena_free(arena);
    return NULL;
}

static void
clients_may_go_while_answers_come(void **state)
{
    pthread_t callers[CALLERS];
    struct rpc_server *server = serve();

    (void)state;
    (void)alarm(PATIENCE_S);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&callers[i], NULL, come_and_go, NULL), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    }
    rpc_server_free(server);
    (void)alarm(0);
    assert_true(atomic_load(&answered) >= CALLERS * ROUNDS);
    assert_int_equal(atomic_load(&answered) + atomic_load(&late), 2 * CALLERS * ROUNDS);
}

static void *
keep_calling(void *arg)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct rpc_client *client = client_new();

    while (!atomic_load((atomic_bool *)arg)) {
        call(client, arena, PATIENCE_S * ASSAY_US_PER_S);
    }
    rpc_client_free(client);
    arena_free(arena);
    return NULL;
}

static void
servers_may_go_while_calls_come(void **state)
{
    atomic_bool stop = false;
    pthread_t callers[CALLERS];

    (void)state;
    (void)alarm(PATIENCE_S);
    atomic_store(&late, 0);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&callers[i], NULL, keep_calling, &stop), 0);
    }
    for (int i = 0; i < REPLICAS; i++) {
        const struct timespec pause = {.tv_nsec = some_us() * 1000};
        int before = atomic_load(&answered);
        struct rpc_server *server = serve();
        while (atomic_load(&answered) < before + CALLERS) {
            (void)nanosleep(&pause, NULL);
        }
        rpc_server_drain(server, clk_wall_us() + PATIENCE_S * ASSAY_US_PER_S);
        rpc_server_free(server);
    }
    struct rpc_server *server = serve();
    atomic_store(&stop, true);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    }
    rpc_server_free(server);
    (void)alarm(0);
    assert_int_equal(atomic_load(&late), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clients_may_go_while_answers_come),
                                       cmocka_unit_test(servers_may_go_while_calls_come)};
    char dir[PLACE_MAX];

    place_make(dir, "close");
    (void)snprintf(name, sizeof(name), "ipc://%s/svc", dir);
    (void)snprintf(url, sizeof(url), "%s.1", name);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return place_remove(dir) ? failed : 1;
}
