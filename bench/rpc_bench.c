/* SPDX-License-Identifier: Apache-2.0
 *
 * The price of one RPC hop: lib/rpc beside a bare NNG REQ/REP echo, 200 bytes over ipc://, client
 * and server in this one process. The bare echo is the least one can write with the same threads:
 * blocked callers, one context each, and a handler thread per context at the server.
 *
 *     rpc_bench [seconds per figure]      one line per figure, "name value" */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "assay/envelope.pb-c.h"
#include "rpc/rpc.h"

#define BODY 200
#define CALLERS_MAX 32
#define ROUNDS 15
#define SAMPLES_MAX 200000

static char dir[] = "/tmp/assay-rpc-bench-XXXXXX";
static atomic_bool stop;

struct load {
    int64_t calls;
    int64_t took_us;
    int64_t cpu_us;
    int64_t switches;
    double p50_us;
};

static int64_t
voluntary_switches(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

static void
must(int rv, const char *what)
{
    if (rv != 0) {
        (void)fprintf(stderr, "rpc_bench: %s: %s\n", what, nng_strerror(rv));
        exit(1);
    }
}

/* --- the load ------------------------------------------------------------------------------ */

struct caller {
    pthread_t thread;
    void (*call)(void *state);
    void *state;
    int64_t calls;
    uint32_t *ns;
};

static int64_t
now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void *
caller_main(void *arg)
{
    struct caller *c = arg;

    while (!atomic_load(&stop)) {
        int64_t start = now_ns();
        c->call(c->state);
        c->ns[c->calls++ % SAMPLES_MAX] = (uint32_t)(now_ns() - start);
    }
    return NULL;
}

static int
by_value(const void *a, const void *b)
{
    uint32_t x;
    uint32_t y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static struct load
run_load(int callers, double seconds, void (*call)(void *state), void *(*state_of)(int i))
{
    struct caller list[CALLERS_MAX] = {0};
    struct timespec pause = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

    atomic_store(&stop, false);
    int64_t start_us = clk_mono_us();
    int64_t cpu_us = clk_cpu_us();
    int64_t switches = voluntary_switches();
    for (int i = 0; i < callers; i++) {
        list[i] = (struct caller){
            .call = call, .state = state_of(i), .ns = malloc(SAMPLES_MAX * sizeof(uint32_t))};
        must(pthread_create(&list[i].thread, NULL, caller_main, &list[i]), "thread");
    }
    (void)nanosleep(&pause, NULL);
    atomic_store(&stop, true);
    struct load load = {0};
    for (int i = 0; i < callers; i++) {
        (void)pthread_join(list[i].thread, NULL);
        load.calls += list[i].calls;
    }
    load.took_us = clk_mono_us() - start_us;
    load.cpu_us = clk_cpu_us() - cpu_us;
    load.switches = voluntary_switches() - switches;
    size_t n = (size_t)(list[0].calls < SAMPLES_MAX ? list[0].calls : SAMPLES_MAX);
    qsort(list[0].ns, n, sizeof(uint32_t), by_value);
    load.p50_us = n == 0 ? 0 : list[0].ns[n / 2] / 1000.0;
    for (int i = 0; i < callers; i++) {
        free(list[i].ns);
    }
    return load;
}

static struct rpc_server *server;

static void
print_sharing(const char *name, int callers)
{
    static struct rpc_server_stats last;
    struct rpc_server_stats now;

    rpc_server_stats(server, &now);
    (void)printf("%s_%d_calls_per_frame %.1f\n", name, callers,
                 (double)(now.calls - last.calls) / (double)(now.frames_in - last.frames_in + 1));
    last = now;
}

static void
print_load(const char *name, int callers, const struct load *load)
{
    double n = load->calls == 0 ? 1 : (double)load->calls;

    (void)printf("%s_%d_calls_per_s %.0f\n", name, callers, n * 1e6 / (double)load->took_us);
    (void)printf("%s_%d_p50_us %.1f\n", name, callers, load->p50_us);
    (void)printf("%s_%d_cpu_us_per_call %.1f\n", name, callers, (double)load->cpu_us / n);
    (void)printf("%s_%d_switches_per_call %.2f\n", name, callers, (double)load->switches / n);
}

/* --- the bare echo ------------------------------------------------------------------------- */

static nng_socket bare_rep, bare_req;
static pthread_t bare_threads[CALLERS_MAX];

struct bare {
    nng_ctx ctx;
    nng_aio *aio;
};

static struct bare bare_callers[CALLERS_MAX];

static void *
bare_server_main(void *arg)
{
    struct bare b;

    (void)arg;
    must(nng_ctx_open(&b.ctx, bare_rep), "ctx");
    must(nng_aio_alloc(&b.aio, NULL, NULL), "aio");
    for (;;) {
        nng_ctx_recv(b.ctx, b.aio);
        nng_aio_wait(b.aio);
        if (nng_aio_result(b.aio) != 0) {
            break;
        }
        nng_ctx_send(b.ctx, b.aio); /* the message that just came */
        nng_aio_wait(b.aio);
    }
    nng_aio_free(b.aio);
    return NULL;
}

static void
bare_call(void *state)
{
    struct bare *b = state;
    nng_msg *msg = NULL;
    static const char body[BODY] = "x";

    must(nng_msg_alloc(&msg, 0), "msg");
    must(nng_msg_append(msg, body, BODY), "msg");
    nng_aio_set_msg(b->aio, msg);
    nng_ctx_send(b->ctx, b->aio);
    nng_aio_wait(b->aio);
    must(nng_aio_result(b->aio), "bare send");
    nng_ctx_recv(b->ctx, b->aio);
    nng_aio_wait(b->aio);
    must(nng_aio_result(b->aio), "bare receive");
    nng_msg_free(nng_aio_get_msg(b->aio));
}

static void *
bare_state(int i)
{
    return &bare_callers[i];
}

static void
bare_open(int threads)
{
    char url[128];

    (void)snprintf(url, sizeof(url), "ipc://%s/bare", dir);
    must(nng_rep0_open(&bare_rep), "rep");
    must(nng_listen(bare_rep, url, NULL, 0), "listen");
    must(nng_req0_open(&bare_req), "req");
    must(nng_socket_set_ms(bare_req, "req:resend-time", NNG_DURATION_INFINITE), "resend");
    must(nng_dial(bare_req, url, NULL, 0), "dial");
    for (int i = 0; i < threads; i++) {
        must(pthread_create(&bare_threads[i], NULL, bare_server_main, NULL), "thread");
    }
    for (int i = 0; i < CALLERS_MAX; i++) {
        must(nng_ctx_open(&bare_callers[i].ctx, bare_req), "ctx");
        must(nng_aio_alloc(&bare_callers[i].aio, NULL, NULL), "aio");
    }
}

static void
bare_close(int threads)
{
    (void)nng_close(bare_req);
    (void)nng_close(bare_rep);
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(bare_threads[i], NULL);
    }
    for (int i = 0; i < CALLERS_MAX; i++) {
        nng_aio_free(bare_callers[i].aio);
    }
}

/* --- ours ---------------------------------------------------------------------------------- */

static struct rpc_client *client;
static int64_t handler_us;

static enum rc
echo(void *svc, struct ctx *ctx, const ProtobufCMessage *req, ProtobufCMessage *resp)
{
    const Assay__Answer *in = (const Assay__Answer *)req;
    Assay__Answer *out = (Assay__Answer *)resp;
    struct timespec pause = {.tv_nsec = handler_us * 1000};

    (void)svc;
    (void)ctx;
    if (handler_us > 0) {
        (void)nanosleep(&pause, NULL);
    }
    *out = *in;
    return RC_OK;
}

static const struct rpc_method methods[] = {{.id = 7,
                                             .name = "bench.Echo/Echo",
                                             .effect = RPC_WRITE, /* equal reads would share */
                                             .req = &assay__answer__descriptor,
                                             .resp = &assay__answer__descriptor,
                                             .handler = echo}};

static void
rpc_one(void *state)
{
    static uint8_t body[BODY];
    struct arena *arena = state;
    struct ctx ctx;
    Assay__Answer req = ASSAY__ANSWER__INIT;
    ProtobufCMessage *resp = NULL;

    ctx_init(&ctx, arena);
    req.has_payload = 1;
    req.payload = (ProtobufCBinaryData){.len = BODY, .data = body};
    if (rpc_call(client, &ctx, &methods[0], &req.base, &resp) != RC_OK) {
        (void)fprintf(stderr, "rpc_bench: %s\n", ctx.err.reason);
        exit(1);
    }
    arena_reset(arena);
}

static void *
rpc_state(int i)
{
    static struct arena *arenas[CALLERS_MAX];

    if (arenas[i] == NULL) {
        arenas[i] = arena_new(1024 * 1024);
    }
    return arenas[i];
}

static void
rpc_open(int workers)
{
    static const struct rpc_method *const tables[] = {methods};
    static const size_t lens[] = {1};
    static char url[128], name[128];
    const char *why = NULL;

    (void)snprintf(url, sizeof(url), "ipc://%s/echo.1", dir);
    (void)snprintf(name, sizeof(name), "ipc://%s/echo", dir);
    struct rpc_server_cfg cfg = {.listen = url,
                                 .tables = tables,
                                 .table_lens = lens,
                                 .table_count = 1,
                                 .workers = workers,
                                 .queue_max = 256,
                                 .arena_max = 1024 * 1024,
                                 .message_max = 1024 * 1024};
    struct rpc_client_cfg ccfg = {.service = name, .message_max = 1024 * 1024, .name = "echo"};
    if (rpc_server_start(&cfg, &server, &why) != RC_OK ||
        rpc_client_new(&ccfg, &client, &why) != RC_OK) {
        (void)fprintf(stderr, "rpc_bench: %s\n", why);
        exit(1);
    }
}

/* Alternates short runs of both, so that what else the machine does hits both alike. */
static void
compare(int callers, double seconds)
{
    struct load bare = {0};
    struct load ours = {0};
    double ratio[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        bare = run_load(callers, seconds / ROUNDS, bare_call, bare_state);
        ours = run_load(callers, seconds / ROUNDS, rpc_one, rpc_state);
        ratio[i] = ours.p50_us / bare.p50_us;
        for (int k = i; k > 0 && ratio[k] < ratio[k - 1]; k--) {
            double t = ratio[k];
            ratio[k] = ratio[k - 1];
            ratio[k - 1] = t;
        }
    }
    print_load("bare", callers, &bare);
    print_load("rpc", callers, &ours);
    print_sharing("rpc", callers);
    (void)printf("rpc_%d_over_bare_p50 %.2f\n", callers, ratio[ROUNDS / 2]);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1.0;
    static const int callers[] = {1, 8, 32};

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    bare_open(4);
    rpc_open(4);
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        compare(callers[i], seconds);
    }
    handler_us = 100;
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        struct load load = run_load(callers[i], seconds, rpc_one, rpc_state);
        print_load("rpc_sleep100us", callers[i], &load);
        print_sharing("rpc_sleep100us", callers[i]);
    }
    rpc_client_free(client);
    rpc_server_free(server);
    bare_close(4);
    (void)rmdir(dir);
    return 0;
}
