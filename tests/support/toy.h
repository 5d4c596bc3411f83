/* SPDX-License-Identifier: Apache-2.0
 *
 * Two toy services as real processes around lib/svc: `writer` changes its table and emits events,
 * `auth` receives them. The program starts itself again as one of them, see toy_run_tests(). One
 * program includes it at a time. */
#ifndef ASSAY_TESTS_TOY_H
#define ASSAY_TESTS_TOY_H

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail

#include <assay/common.pb-c.h>

#include "auth_client.h"
#include "base/id.h"
#include "svc/svc.h"
#include "tests/support/pg.h"
#include "tests/support/place.h"

/* --- the toy services ---------------------------------------------------------------------- */

enum { W_PUT, W_HOLD, W_TRIP };
static const struct db_query_def WRITER_QUERIES[] = {
    [W_PUT] = {"put", "INSERT INTO things (name) VALUES ($1)", 1},
    [W_HOLD] = {"hold", "SELECT hold()", 0},
    [W_TRIP] = {"trip", "SELECT trip()", 0},
};
static const struct db_migration WRITER_MIGRATIONS[] = {
    {1, "0001_things",
     "CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL);"
     "CREATE SEQUENCE trips;"
     "CREATE SEQUENCE gate;" /* open once it has been called: sequences know no transactions */
     "CREATE FUNCTION hold() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
     " WHILE NOT (SELECT is_called FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP;"
     " END $$;"
     "CREATE FUNCTION trip() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
     " IF nextval('trips') <= 2 THEN RAISE EXCEPTION 'race' USING ERRCODE = '40001'; END IF;"
     " END $$"}};

enum { A_PUT };
static const struct db_query_def AUTH_QUERIES[] = {
    [A_PUT] = {"put", "INSERT INTO got (event_id, key, name) VALUES ($1::uuid, $2, $3)", 3},
};
static const struct db_migration AUTH_MIGRATIONS[] = {
    {1, "0001_got",
     "CREATE TABLE got (seq bigint GENERATED ALWAYS AS IDENTITY, event_id uuid NOT NULL,"
     " key text, name text NOT NULL)"}};

/* A service's state may not be the process, so that mixing them up shows. */
struct toy {
    int magic;
    struct svc *svc;
};
static struct toy toy = {.magic = 77};

static enum rc
toy_start(struct svc *svc, void **out_state)
{
    toy.svc = svc;
    *out_state = &toy;
    return RC_OK;
}

static enum rc
put_thing(struct toy *t, struct ctx *ctx, const char *name)
{
    struct db *db = svc_db(t->svc);
    enum rc rc = DB_QUERY(db, ctx, W_PUT, NULL, DB_ARG_Z(name));

    if (rc != RC_OK) {
        return rc;
    }
    bool is_stray = str_starts(str_z(name), STR("stray"));
    struct svc_event event = {.type = "thing.put",
                              .tell = TELL_AUDIT | (is_stray ? TELL_TESTS : 0u),
                              .resource_name = str_z(name),
                              .order_key = str_sub(str_z(name), 0, 1)};
    return svc_emit(db, ctx, &event);
}

static enum rc
answer_unique(struct ctx *ctx, Assay__StatusText *resp)
{
    char id[ID_UUID_LEN + 1];

    id_uuid(id);
    resp->status = arena_strz(ctx->arena, str_z(id));
    return RC_OK;
}

static enum rc
writer_put(void *state, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    const Assay__StatusText *req = (const Assay__StatusText *)m;
    struct toy *t = state;
    struct db *db = svc_db(t->svc);
    enum rc rc = RC_OK;

    ASSERT(t->magic == 77);
    if (strcmp(req->status, "slow") == 0) {
        rc = DB_QUERY0(db, ctx, W_HOLD, NULL);
    } else if (strcmp(req->status, "race") == 0) {
        rc = DB_QUERY0(db, ctx, W_TRIP, NULL);
    }
    if (rc == RC_OK) {
        rc = put_thing(t, ctx, req->message);
    }
    if (rc == RC_OK && strcmp(req->status, "fail") == 0) {
        rc = fail(ctx, RC_FAILED_PRECONDITION, "TOLD_TO_FAIL", "as asked");
    }
    if (rc == RC_OK && strcmp(req->status, "lie") == 0) {
        (void)fail(ctx, RC_NOT_FOUND, "FORGOTTEN", "never returned");
    }
    return rc == RC_OK ? answer_unique(ctx, (Assay__StatusText *)out) : rc;
}

static enum rc
writer_manual(void *state, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    const Assay__StatusText *req = (const Assay__StatusText *)m;
    struct toy *t = state;
    struct db *db = svc_db(t->svc);

    ASSERT(!db_in_tx(ctx));
    enum rc rc = db_begin(db, ctx);
    if (rc == RC_OK) {
        rc = put_thing(t, ctx, req->message);
    }
    if (rc == RC_OK) {
        rc = db_commit(db, ctx);
    }
    if (rc == RC_OK && strcmp(req->status, "fail") == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "TOLD_TO_FAIL", "as asked");
    }
    return rc == RC_OK ? answer_unique(ctx, (Assay__StatusText *)out) : rc;
}

static enum rc
auth_deliver(void *state, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    const Assay__DeliverEventsRequest *req = (const Assay__DeliverEventsRequest *)m;
    Assay__DeliverEventsResponse *resp = (Assay__DeliverEventsResponse *)out;
    struct toy *t = state;
    struct db *db = svc_db(t->svc);

    resp->accepted = ARENA_ARRAY(ctx->arena, req->n_events, char *);
    for (size_t i = 0; i < req->n_events; i++) {
        const Assay__Event *e = req->events[i];
        bool is_new = false;
        if (strstr(e->resource_name, "poison") != NULL) {
            return fail(ctx, RC_INVALID_ARGUMENT, "POISON", "refused");
        }
        enum rc rc = svc_inbox(db, ctx, str_z(e->id), &is_new);
        if (rc == RC_OK && is_new) {
            rc = DB_QUERY(db, ctx, A_PUT, NULL, DB_ARG_Z(e->id), DB_ARG_Z(e->order_key),
                          DB_ARG_Z(e->resource_name));
        }
        if (rc != RC_OK) {
            return rc;
        }
        resp->accepted[resp->n_accepted++] = e->id;
    }
    return RC_OK;
}

#define STATUS &assay__status_text__descriptor
static const struct rpc_method WRITER_METHODS[] = {
    {.id = 0x70700001,
     .name = "toy.Writer/Put",
     .effect = RPC_WRITE,
     .req = STATUS,
     .resp = STATUS,
     .handler = writer_put},
    {.id = 0x70700002,
     .name = "toy.Writer/Manual",
     .effect = RPC_WRITE_MANUAL,
     .req = STATUS,
     .resp = STATUS,
     .handler = writer_manual},
    {.id = 0x70700003,
     .name = "toy.Writer/Token",
     .effect = RPC_WRITE,
     .secret_answer = true,
     .req = STATUS,
     .resp = STATUS,
     .handler = writer_put},
    {.id = 0x70700004,
     .name = "toy.Writer/LogIn",
     .effect = RPC_WRITE_MANUAL,
     .secret_request = true,
     .req = STATUS,
     .resp = STATUS,
     .handler = writer_manual},
};

static int
run_toy(const char *name)
{
    bool is_auth = strcmp(name, "auth") == 0;
    struct rpc_method deliver = auth_method_deliver_events;
    deliver.handler = auth_deliver;
    const struct rpc_method *const tables[] = {is_auth ? &deliver : WRITER_METHODS};
    const size_t lens[] = {is_auth ? 1 : ARRAY_LEN(WRITER_METHODS)};
    struct svc_def def = {.name = name,
                          .peers = is_auth ? 0 : SVC_USES(SVC_AUTH),
                          .tables = tables,
                          .table_lens = lens,
                          .table_count = 1,
                          .queries = is_auth ? AUTH_QUERIES : WRITER_QUERIES,
                          .query_count =
                              is_auth ? ARRAY_LEN(AUTH_QUERIES) : ARRAY_LEN(WRITER_QUERIES),
                          .migrations = is_auth ? AUTH_MIGRATIONS : WRITER_MIGRATIONS,
                          .migration_count = 1,
                          .start = toy_start};
    char *argv[] = {NULL, NULL};
    return svc_main(&def, 1, argv);
}

/* --- processes ----------------------------------------------------------------------------- */

static char dir[PLACE_MAX];
static char self[256];

static pid_t
spawn(const char *name, int replica)
{
    pid_t parent = getpid();
    (void)pg_support_uri();
    pid_t child = fork();

    if (child != 0) {
        return child;
    }
    char listen[128], log[128];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
    (void)snprintf(listen, sizeof listen, "ipc://%s/%s.%d", dir, name, replica);
    const char *tls = getenv("TOY_TLS_LISTEN");
    if (tls != NULL) {
        (void)snprintf(listen, sizeof listen, "%s", tls);
    }
    (void)snprintf(log, sizeof log, "%s/log", dir);
    (void)setenv("ASSAY_RPC_LISTEN", listen, 1);
    (void)setenv("ASSAY_DATABASE_URL", pg_support_uri(), 1);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(fd, 1);
    (void)dup2(fd, 2);
    (void)execl(self, self, "toy", name, (char *)NULL);
    _exit(1);
}

static int
end_with(pid_t child, int sig)
{
    int status = -1;

    (void)kill(child, sig);
    (void)waitpid(child, &status, 0);
    return status;
}

/* --- calling ------------------------------------------------------------------------------- */

struct caller {
    struct rpc_client *client;
    struct arena *arena;
    struct ctx ctx;
};

static struct caller
caller_new(const char *service)
{
    char url[128];
    const char *why = "";
    struct caller c = {.arena = arena_new(1 << 20)};
    struct rpc_client_cfg cfg = {.service = url, .message_max = 1 << 20, .name = service};

    (void)snprintf(url, sizeof url, "ipc://%s/%s", dir, service);
    assert_int_equal(rpc_client_new(&cfg, &c.client, &why), RC_OK);
    return c;
}

static void
caller_free(struct caller *c)
{
    rpc_client_free(c->client);
    arena_free(c->arena);
}

static void
fresh(struct caller *c, const char *key)
{
    arena_reset(c->arena);
    ctx_init(&c->ctx, c->arena);
    c->ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    c->ctx.idempotency_key = str_z(key);
    c->ctx.request_id = STR("r-1");
    c->ctx.who = (struct principal){
        .user_id = 5, .org_id = 7, .role = ROLE_ADMIN, .kind = TOKEN_JWT, .email = STR("a@b.c")};
}

static enum rc
call(struct caller *c, size_t method, const char *key, const char *status, const char *name,
     char id[ID_UUID_LEN + 1])
{
    Assay__StatusText req = ASSAY__STATUS_TEXT__INIT;
    char a[32], b[64];
    ProtobufCMessage *resp;

    (void)snprintf(a, sizeof a, "%s", status);
    (void)snprintf(b, sizeof b, "%s", name);
    req.status = a;
    req.message = b;
    fresh(c, key);
    enum rc rc = rpc_call(c->client, &c->ctx, &WRITER_METHODS[method], &req.base, &resp);
    if (rc == RC_OK && id != NULL) {
        (void)snprintf(id, ID_UUID_LEN + 1, "%s", ((Assay__StatusText *)resp)->status);
    }
    return rc;
}

static inline int64_t
count(const char *table)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return pg_support_i64(sql);
}

/* Polls until the number is reached. */
static inline bool
comes_to(const char *table, int64_t want, int64_t within_us)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    for (int64_t end = clk_mono_us() + within_us; clk_mono_us() < end;) {
        if (count(table) == want) {
            return true;
        }
        (void)nanosleep(&pause, NULL);
    }
    return count(table) == want;
}

static int
empty(void **state)
{
    (void)state;
    pg_support_exec("DROP SCHEMA IF EXISTS writer CASCADE; DROP SCHEMA IF EXISTS auth CASCADE");
    return 0;
}

/* --- a call that is held ------------------------------------------------------------------- */

/* Returns when the gate is opened. */
static inline void *
call_slowly(void *arg)
{
    return (void *)(intptr_t)call(arg, 0, "k1", "slow", "a1", NULL);
}

static inline bool
is_held(void)
{
    return comes_to("pg_stat_activity WHERE query = 'SELECT hold()' AND state = 'active'", 1,
                    30 * ASSAY_US_PER_S);
}

static inline void
open_gate(void)
{
    (void)pg_support_i64("SELECT nextval('writer.gate')");
}

/* --- the program --------------------------------------------------------------------------- */

#define TOY_TEST(name) cmocka_unit_test_setup(name, empty)

static int
toy_run_tests(int argc, char **argv, const struct CMUnitTest *tests, size_t n)
{
    if (argc == 3 && strcmp(argv[1], "toy") == 0) {
        return run_toy(argv[2]);
    }
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return 1;
    }
    place_make(dir, "toy");
    self[len] = '\0';
    int failed = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
    if (failed != 0) {
        (void)fprintf(stderr, "logs: %s/log\n", dir);
        return failed;
    }
    return place_remove(dir) ? 0 : 1;
}

#endif
