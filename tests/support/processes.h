/* SPDX-License-Identifier: Apache-2.0
 *
 * Real processes of services for tests that kill them, and clients that call them. A program
 * includes it once, before cmocka. */
#ifndef ASSAY_TESTS_PROCESSES_H
#define ASSAY_TESTS_PROCESSES_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "pb/pb.h"
#include "svc/svc.h"
#include "tests/support/pg.h"
#include "tests/support/place.h"
#include "webhooks_client.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ORG 7
#define RETRY "200ms,200ms,200ms,300ms,300ms,300ms,1s,1s,2s,2s,4s,4s,8s,8s"

/* A service with nothing but an outbox; this program, started again, is it. */
#define PRODUCER "tests"

static char dir[PLACE_MAX];
static int sockets;        /* so that every process has its own */
static pid_t children[64]; /* by socket, 0: ended */

/* --- processes ----------------------------------------------------------------------------- */

struct setting {
    const char *name, *value;
};

static inline pid_t
spawn(const char *service, const struct setting *more)
{
    pid_t parent = getpid();
    int number = ++sockets;
    assert_true(number < (int)ARRAY_LEN(children));
    pid_t child = fork();

    if (child != 0) {
        children[number] = child;
        return child;
    }
    char text[700];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
    (void)snprintf(text, sizeof text, "ipc://%s/%s.%d", dir, service, number);
    (void)setenv("ASSAY_RPC_LISTEN", text, 1);
    (void)setenv("ASSAY_DATABASE_URL", pg_support_uri(), 1);
    (void)setenv("ASSAY_SECRET_KEY", KEY, 1);
    (void)setenv("ASSAY_ALLOW_PRIVATE_TARGETS", "1", 1);
    (void)setenv("ASSAY_WEBHOOK_RETRY", RETRY, 1);
    (void)setenv("ASSAY_WEBHOOK_TIMEOUT", "400ms", 1);
    for (; more != NULL && more->name != NULL; more++) {
        (void)setenv(more->name, more->value, 1);
    }
    (void)snprintf(text, sizeof text, "%s/log", dir);
    int fd = open(text, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(fd, 1);
    (void)dup2(fd, 2);
    if (strcmp(service, PRODUCER) == 0) {
        (void)execl("/proc/self/exe", PRODUCER, PRODUCER, (char *)NULL);
    }
    (void)snprintf(text, sizeof text, "%s/assay-%s", place_bin(), service);
    (void)execl(text, text, (char *)NULL);
    _exit(127);
}

static inline int
end_with(pid_t child, int sig)
{
    int status = -1;

    (void)kill(child, sig);
    (void)waitpid(child, &status, 0);
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        children[i] = children[i] == child ? 0 : children[i];
    }
    return status;
}

/* What a failed test left behind. */
static inline int
end_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        if (children[i] > 0) {
            (void)end_with(children[i], SIGKILL);
        }
    }
    return 0;
}

/* --- calls --------------------------------------------------------------------------------- */

struct caller {
    struct rpc_client *client;
    struct arena *arena;
    struct ctx ctx;
};

static inline struct caller
caller_new(const char *service)
{
    char url[128];
    const char *why = "";
    struct caller c = {.arena = arena_new((size_t)16 << 20)};
    struct rpc_client_cfg cfg = {.service = url, .message_max = (size_t)16 << 20, .name = "test"};

    (void)snprintf(url, sizeof url, "ipc://%s/%s", dir, service);
    assert_int_equal(rpc_client_new(&cfg, &c.client, &why), RC_OK);
    return c;
}

static inline void
caller_free(struct caller *c)
{
    rpc_client_free(c->client);
    arena_free(c->arena);
}

static inline void
fresh(struct caller *c, int64_t org)
{
    arena_reset(c->arena);
    ctx_init(&c->ctx, c->arena);
    c->ctx.deadline_us = clk_wall_us() + 30 * ASSAY_US_PER_S;
    c->ctx.who = (struct principal){.org_id = org, .kind = TOKEN_SERVICE};
    if (org > 0) {
        c->ctx.who.user_id = 5;
        c->ctx.who.role = ROLE_ADMIN;
        c->ctx.who.kind = TOKEN_JWT;
    }
}

struct event {
    char id[ID_UUID_LEN + 1];
    char data[256];
    Assay__Event msg;
};

static inline void
make_event(struct event *e, const char *type, int number)
{
    id_uuid(e->id);
    (void)snprintf(e->data, sizeof e->data,
                   "{\"run_id\":\"run_%06d\",\"status\":\"passed\",\"duration_ms\":1500,"
                   "\"metadata\":{\"n\":%d,\"t\":\"\xc3\xa9\"}}",
                   number, number);
    assay__event__init(&e->msg);
    e->msg.id = e->id;
    e->msg.type = (char *)(uintptr_t)type;
    e->msg.org_id = ORG;
    e->msg.at_us = INT64_C(1736937000123456); /* 2025-01-15T10:30:00.123456 */
    e->msg.has_data = 1;
    e->msg.data.data = (uint8_t *)e->data;
    e->msg.data.len = strlen(e->data);
}

/* Delivers as a relay does. */
static inline enum rc
try_deliver(struct caller *c, struct event *events, size_t n)
{
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__DeliverEventsResponse *resp = NULL;
    Assay__Event *list[100];

    assert_true(n <= ARRAY_LEN(list));
    for (size_t i = 0; i < n; i++) {
        list[i] = &events[i].msg;
    }
    req.events = list;
    req.n_events = n;
    fresh(c, 0);
    enum rc rc = webhooks_call_deliver_events(c->client, &c->ctx, &req, &resp);
    if (rc == RC_OK) {
        assert_int_equal(resp->n_accepted, n);
    }
    return rc;
}

static inline void
deliver(struct caller *c, struct event *events, size_t n)
{
    assert_int_equal(try_deliver(c, events, n), RC_OK);
}

static inline int64_t
count(const char *from)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", from);
    return pg_support_i64(sql);
}

static inline bool
comes_to(const char *from, int64_t want, int64_t within_us)
{
    const struct timespec pause = {.tv_nsec = 10000000};

    for (int64_t end = clk_mono_us() + within_us; clk_mono_us() < end;) {
        if (count(from) == want) {
            return true;
        }
        (void)nanosleep(&pause, NULL);
    }
    return count(from) == want;
}

/* --- around the tests ---------------------------------------------------------------------- */

/* Makes the folder of the processes. */
static inline void
processes_begin(void)
{
    place_make(dir, "processes");
}

static inline void
processes_end(int failed)
{
    if (failed == 0) {
        char command[100];
        (void)snprintf(command, sizeof command, "rm -r %s", dir);
        (void)!system(command);
    } else {
        (void)fprintf(stderr, "log: %s/log\n", dir);
    }
}

#endif
