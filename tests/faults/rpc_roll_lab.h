/* SPDX-License-Identifier: Apache-2.0
 *
 * Server processes, which are the program itself ("rpc_roll --serve URL FILE" answers until
 * SIGTERM, drains, exits), and callers that never pause. Every execution appends the call's id as
 * one line to a file that all servers share; the counts are taken from that file, not from what
 * anybody believes. */
#ifndef ASSAY_TESTS_RPC_ROLL_LAB_H
#define ASSAY_TESTS_RPC_ROLL_LAB_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* ours is in base/ctx.h */

#include "assay/common.pb-c.h"
#include "rpc/rpc.h"
#include "tests/support/place.h"

#define ARENA_MAX ((size_t)1024 * 1024)
#define MESSAGE_MAX ((size_t)64 * 1024)
#define CALL_US (10 * ASSAY_US_PER_S)
#define PATIENCE_US (60 * ASSAY_US_PER_S)
#define FROZEN_US (3 * ASSAY_US_PER_S) /* of a call that may meet a frozen replica */
#define REPLICAS 3
#define CALLERS 8
#define LINE 32

/* --- the server process -------------------------------------------------------------------- */

static enum rc
execute(void *svc, struct ctx *ctx, const ProtobufCMessage *req, ProtobufCMessage *resp)
{
    const Assay__Event *in = (const Assay__Event *)req;
    struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    char line[LINE];
    int fd = *(const int *)svc;

    int n = snprintf(line, sizeof(line), "%s\n", in->id);
    if (n <= 0 || write(fd, line, (size_t)n) != n) {
        return fail(ctx, RC_INTERNAL, "WRITE", "cannot write");
    }
    (void)nanosleep(&pause, NULL); /* there is a "mid-call" to be killed in */
    *(Assay__Event *)resp = *in;
    return RC_OK;
}

static const struct rpc_method methods[] = {
    {.id = 1,
     .name = "test.Events/Write",
     .effect = RPC_WRITE,
     .req = &assay__event__descriptor,
     .resp = &assay__event__descriptor,
     .handler = execute},
    {.id = 2,
     .name = "test.Events/Read",
     .effect = RPC_READ,
     .req = &assay__event__descriptor,
     .resp = &assay__event__descriptor,
     .handler = execute},
};

static int
serve(const char *url, const char *path)
{
    static const struct rpc_method *const tables[] = {methods};
    static const size_t lens[] = {ARRAY_LEN(methods)};
    struct rpc_server *server = NULL;
    const char *why = "";
    sigset_t stop;
    int sig = 0;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct rpc_server_cfg cfg = {.listen = url,
                                 .tables = tables,
                                 .table_lens = lens,
                                 .table_count = 1,
                                 .svc = &fd,
                                 .workers = 4,
                                 .queue_max = 256,
                                 .arena_max = ARENA_MAX,
                                 .message_max = MESSAGE_MAX};

    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (fd < 0 || rpc_server_start(&cfg, &server, &why) != RC_OK) {
        (void)fprintf(stderr, "serve: %s\n", why);
        return 1;
    }
    (void)sigwait(&stop, &sig);
    rpc_server_drain(server, clk_wall_us() + CALL_US);
    rpc_server_free(server);
    (void)close(fd);
    return 0;
}

/* --- the fixture --------------------------------------------------------------------------- */

struct fixture {
    char dir[PLACE_MAX];
    char name[96];
    char log[96];
    pid_t pids[REPLICAS];
    struct rpc_client *client;
};

static pid_t
spawn(const struct fixture *f, int replica)
{
    char url[128];
    sigset_t stop, was;
    pid_t parent = getpid();

    /* Blocked from its first moment on: a SIGTERM that comes too early waits. */
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &stop, &was);
    (void)snprintf(url, sizeof(url), "%s.%d", f->name, replica);
    pid_t pid = fork();
    if (pid != 0) {
        (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    }
    if (pid == 0) {
        /* Ends with the test, however that ends; also when it has ended already. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(126);
        }
        (void)execl("/proc/self/exe", "rpc_roll", "--serve", url, f->log, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static void
await_replicas(const struct fixture *f, int n)
{
    struct timespec pause = {.tv_nsec = 1000 * 1000};
    int64_t end_us = clk_mono_us() + PATIENCE_US;

    while (rpc_client_replicas(f->client) != n) {
        assert_true(clk_mono_us() < end_us);
        (void)nanosleep(&pause, NULL);
    }
}

static void
open_all(struct fixture *f)
{
    const char *why = "";

    *f = (struct fixture){.dir = ""};
    place_make(f->dir, "roll");
    (void)snprintf(f->name, sizeof(f->name), "ipc://%s/svc", f->dir);
    (void)snprintf(f->log, sizeof(f->log), "%s/executed", f->dir);
    struct rpc_client_cfg cfg = {.service = f->name, .message_max = MESSAGE_MAX, .name = "svc"};
    assert_int_equal(rpc_client_new(&cfg, &f->client, &why), RC_OK);
    for (int i = 0; i < REPLICAS; i++) {
        f->pids[i] = spawn(f, i);
    }
    await_replicas(f, REPLICAS);
}

static int
reap(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
close_all(struct fixture *f)
{
    rpc_client_free(f->client);
    for (int i = 0; i < REPLICAS; i++) {
        (void)kill(f->pids[i], SIGCONT);
        (void)kill(f->pids[i], SIGTERM);
        int status = reap(f->pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_true(place_remove(f->dir));
}

/* --- the load ------------------------------------------------------------------------------ */

enum kind { WRITE_PLAIN, WRITE_KEYED, READ };

struct caller {
    pthread_t thread;
    struct fixture *f;
    enum kind kind;
    int number;
    int64_t timeout_us;
    atomic_bool *stop;
    int calls;
    enum rc *results; /* by call */
    int64_t slowest_us;
};

#define CALLS_MAX 20000

static void
one_call(struct caller *c, struct arena *arena)
{
    struct ctx ctx;
    char id[LINE / 2];
    char type[] = "t";
    Assay__Event req = ASSAY__EVENT__INIT;
    ProtobufCMessage *resp = NULL;

    arena_reset(arena);
    ctx_init(&ctx, arena);
    (void)snprintf(id, sizeof(id), "%d-%d", c->number, c->calls);
    req.id = id;
    req.type = type;
    ctx.deadline_us = clk_wall_us() + c->timeout_us;
    ctx.idempotency_key = c->kind == WRITE_KEYED ? str_z(id) : STR_EMPTY;
    int64_t start_us = clk_mono_us();
    const struct rpc_method *method = &methods[c->kind == READ ? 1 : 0];
    c->results[c->calls++] = rpc_call(c->f->client, &ctx, method, &req.base, &resp);
    int64_t took_us = clk_mono_us() - start_us;
    c->slowest_us = took_us > c->slowest_us ? took_us : c->slowest_us;
}

static void *
caller_main(void *arg)
{
    struct caller *c = arg;
    struct arena *arena = arena_new(ARENA_MAX);

    while (!atomic_load(c->stop) && c->calls < CALLS_MAX) {
        one_call(c, arena);
    }
    arena_free(arena);
    return NULL;
}

struct load {
    atomic_bool stop;
    struct caller callers[CALLERS];
};

static void
load_start(struct load *load, struct fixture *f, enum kind kind, int64_t timeout_us)
{
    atomic_store(&load->stop, false);
    for (int i = 0; i < CALLERS; i++) {
        struct caller *c = &load->callers[i];
        *c = (struct caller){.f = f,
                             .kind = kind,
                             .number = i,
                             .timeout_us = timeout_us,
                             .stop = &load->stop,
                             .results = calloc(CALLS_MAX, sizeof(enum rc))};
        assert_non_null(c->results);
        assert_int_equal(pthread_create(&c->thread, NULL, caller_main, c), 0);
    }
}

static int
lines_of(const char *path)
{
    FILE *file = fopen(path, "re");
    int n = 0;

    for (int ch = file == NULL ? EOF : fgetc(file); ch != EOF; ch = fgetc(file)) {
        n += ch == '\n';
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return n;
}

/* Waits until the servers have executed `n` more calls. */
static void
await_progress(const struct fixture *f, int n)
{
    struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    int target = lines_of(f->log) + n;
    int64_t end_us = clk_mono_us() + PATIENCE_US;

    while (lines_of(f->log) < target) {
        assert_true(clk_mono_us() < end_us);
        (void)nanosleep(&pause, NULL);
    }
}

struct tally {
    int calls, ok, unknown, other;
    int lost;   /* answered OK and not executed */
    int twice;  /* executed more than once */
    int ghosts; /* refused as certainly not executed, and executed */
};

/* Joins the callers and compares what they were told with what was executed. */
static struct tally
load_end(struct load *load, const struct fixture *f)
{
    static unsigned char executed[CALLERS][CALLS_MAX];
    struct tally t = {0};
    char line[LINE + 2];

    atomic_store(&load->stop, true);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(load->callers[i].thread, NULL), 0);
    }
    memset(executed, 0, sizeof(executed));
    FILE *file = fopen(f->log, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        int who = 0;
        int call = 0;
        assert_int_equal(sscanf(line, "%d-%d", &who, &call), 2);
        assert_true(who >= 0 && who < CALLERS && call >= 0 && call < CALLS_MAX);
        executed[who][call]++;
    }
    (void)fclose(file);
    for (int i = 0; i < CALLERS; i++) {
        for (int k = 0; k < load->callers[i].calls; k++) {
            enum rc rc = load->callers[i].results[k];
            t.calls++;
            t.ok += rc == RC_OK;
            t.unknown += rc == RC_UNKNOWN;
            t.other += rc != RC_OK && rc != RC_UNKNOWN;
            t.lost += rc == RC_OK && executed[i][k] == 0;
            t.twice += executed[i][k] > 1;
            t.ghosts += rc == RC_UNAVAILABLE && executed[i][k] > 0;
        }
        free(load->callers[i].results);
    }
    print_message("calls %d, ok %d, unknown %d, other %d, lost %d, twice %d\n", t.calls, t.ok,
                  t.unknown, t.other, t.lost, t.twice);
    return t;
}

#endif
