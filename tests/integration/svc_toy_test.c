/* SPDX-License-Identifier: Apache-2.0
 *
 * lib/svc with two toy services as real processes: `writer` changes its table and emits events,
 * `auth` receives them. The program starts itself again as one of them. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail

#include <assay/common.pb-c.h>
#include <health.pb-c.h>

#include "auth_client.h"
#include "base/id.h"
#include "svc/svc.h"
#include "svc_client.h"
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

static int64_t
count(const char *table)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return pg_support_i64(sql);
}

/* Polls until the number is reached. */
static bool
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

/* --- tests --------------------------------------------------------------------------------- */

static void
a_write_commits_change_event_and_key_together(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    char id[ID_UUID_LEN + 1];

    (void)state;
    assert_int_equal(call(&c, 0, "k1", "put", "a1", id), RC_OK);
    assert_int_equal(count("writer.things"), 1);
    assert_int_equal(count("writer.outbox"), 1);
    assert_int_equal(count("writer.idempotency"), 1);
    assert_int_equal(call(&c, 0, "", "put", "a2", id), RC_OK);
    assert_int_equal(count("writer.outbox"), 2);
    assert_int_equal(count("writer.idempotency"), 1);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
a_failing_handler_leaves_nothing(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "k1", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    assert_true(str_eqz(str_z(c.ctx.err.reason), "TOLD_TO_FAIL"));
    assert_int_equal(call(&c, 0, "k2", "lie", "a1", NULL), RC_INTERNAL);
    assert_int_equal(count("writer.things"), 0);
    assert_int_equal(count("writer.outbox"), 0);
    assert_int_equal(count("writer.idempotency"), 0);
    /* A failure is not remembered: the retry runs. */
    assert_int_equal(call(&c, 0, "k1", "put", "a1", NULL), RC_OK);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
the_same_key_is_answered_again_and_runs_nothing(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    char first[ID_UUID_LEN + 1], again[ID_UUID_LEN + 1];

    (void)state;
    for (size_t method = 0; method < 2; method++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%zu", method);
        assert_int_equal(call(&c, method, key, "put", "a1", first), RC_OK);
        assert_int_equal(call(&c, method, key, "put", "a1", again), RC_OK);
        assert_string_equal(first, again);
        assert_int_equal(count("writer.things"), (int64_t)method + 1);
        assert_int_equal(call(&c, method, key, "put", "other", NULL), RC_INVALID_ARGUMENT);
        assert_string_equal(c.ctx.err.reason, "IDEMPOTENCY_KEY_REUSED");
    }
    /* Another replica, after a restart, knows it too. */
    assert_int_equal(end_with(writer, SIGKILL), SIGKILL);
    writer = spawn("writer", 2);
    assert_int_equal(call(&c, 0, "k0", "put", "a1", again), RC_OK);
    assert_int_equal(call(&c, 1, "k1", "put", "a1", again), RC_OK);
    assert_string_equal(first, again);
    assert_int_equal(count("writer.things"), 2);
    /* A failed call with transactions of its own may be tried again under its key. */
    assert_int_equal(call(&c, 1, "m", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(call(&c, 1, "m", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(count("writer.things"), 4);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
of_a_call_with_secrets_only_the_use_of_its_key_is_stored(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    char token[ID_UUID_LEN + 1], sql[256];

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "warm", NULL), RC_OK);
    for (size_t method = 2; method < 4; method++) {
        int64_t before = count("writer.things");
        assert_int_equal(call(&c, method, "s", "put", "a1", token), RC_OK);
        assert_int_equal(count("writer.idempotency"), (int64_t)method - 1);
        (void)snprintf(sql, sizeof sql,
                       "writer.idempotency i WHERE octet_length(request_sha256) > 0 OR"
                       " octet_length(response) > 0 OR"
                       " strpos(encode(response, 'escape') || i::text, '%s') > 0",
                       token);
        assert_int_equal(count(sql), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(call(&c, method, "s", "put", i == 0 ? "a1" : "b1", NULL),
                             RC_ALREADY_EXISTS);
            assert_string_equal(c.ctx.err.reason, "IDEMPOTENCY_SECRET");
        }
        assert_int_equal(count("writer.things"), before + 1);
        /* A failure is not remembered. */
        assert_int_equal(call(&c, method, "f", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
        assert_int_equal(call(&c, method, "f", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    }
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

/* Returns when the gate is opened. */
static void *
call_slowly(void *arg)
{
    return (void *)(intptr_t)call(arg, 0, "k1", "slow", "a1", NULL);
}

static bool
is_held(void)
{
    return comes_to("pg_stat_activity WHERE query = 'SELECT hold()' AND state = 'active'", 1,
                    30 * ASSAY_US_PER_S);
}

static void
open_gate(void)
{
    (void)pg_support_i64("SELECT nextval('writer.gate')");
}

static void
a_key_that_is_running_is_refused_meanwhile(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller a = caller_new("writer"), b = caller_new("writer");
    pthread_t thread;
    void *rc;

    (void)state;
    assert_int_equal(call(&b, 0, "", "put", "warm", NULL), RC_OK);
    assert_int_equal(pthread_create(&thread, NULL, call_slowly, &a), 0);
    assert_true(is_held());
    assert_int_equal(call(&b, 0, "k1", "slow", "a1", NULL), RC_ABORTED);
    assert_string_equal(b.ctx.err.reason, "IDEMPOTENCY_IN_PROGRESS");
    open_gate();
    assert_int_equal(pthread_join(thread, &rc), 0);
    assert_int_equal((intptr_t)rc, RC_OK);
    assert_int_equal(call(&b, 0, "k1", "slow", "a1", NULL), RC_OK);
    assert_int_equal(count("writer.things"), 2);
    caller_free(&a);
    caller_free(&b);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
a_lost_race_is_run_again(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "k1", "race", "a1", NULL), RC_OK);
    assert_int_equal(count("writer.things"), 1);
    assert_int_equal(count("writer.outbox"), 1);
    assert_int_equal(pg_support_i64("SELECT last_value FROM writer.trips"), 3);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

#define EVENTS 400
/* Calls with keys until each is answered OK, whatever dies meanwhile. */
static void *
write_all(void *arg)
{
    struct caller *c = arg;

    for (int i = 0; i < EVENTS; i++) {
        char key[16], name[16];
        enum rc rc;
        (void)snprintf(key, sizeof key, "key%d", i);
        (void)snprintf(name, sizeof name, "%c%06d", 'a' + i % 4, i);
        int64_t end = clk_mono_us() + 20 * ASSAY_US_PER_S;
        do {
            rc = call(c, 0, key, "put", name, NULL);
        } while (rc != RC_OK && clk_mono_us() < end);
        if (rc != RC_OK) {
            return c;
        }
    }
    return NULL;
}

static void
events_arrive_exactly_once_and_in_order_though_both_sides_are_killed(void **state)
{
    pid_t writer = spawn("writer", 1);
    pid_t auth = spawn("auth", 1);
    struct caller c = caller_new("writer");
    pthread_t thread;
    void *failed;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, write_all, &c), 0);
    for (int i = 0; i < 4; i++) {
        const struct timespec pause = {.tv_nsec = 120000000};
        (void)nanosleep(&pause, NULL);
        if (i % 2 == 0) {
            assert_int_equal(end_with(auth, SIGKILL), SIGKILL);
            auth = spawn("auth", i + 2);
        } else {
            assert_int_equal(end_with(writer, SIGKILL), SIGKILL);
            writer = spawn("writer", i + 2);
        }
    }
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_int_equal(count("writer.things"), EVENTS);
    assert_true(comes_to("auth.got", EVENTS, 30 * ASSAY_US_PER_S));
    assert_true(comes_to("writer.outbox", 0, 30 * ASSAY_US_PER_S));
    assert_int_equal(pg_support_i64("SELECT count(DISTINCT name) FROM auth.got"), EVENTS);
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM auth.got a JOIN auth.got b ON a.key = b.key"
                       " AND a.name < b.name AND a.seq > b.seq"),
        0);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
    assert_int_equal(end_with(auth, SIGTERM), 0);
}

static void
a_refused_event_holds_back_its_own_key_only(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "a1", NULL), RC_OK);
    assert_int_equal(call(&c, 0, "", "put", "b-poison", NULL), RC_OK);
    assert_int_equal(call(&c, 0, "", "put", "b2", NULL), RC_OK);
    assert_int_equal(call(&c, 0, "", "put", "c1", NULL), RC_OK);
    pid_t auth = spawn("auth", 1);
    assert_true(comes_to("writer.outbox WHERE attempts >= 2", 1, 20 * ASSAY_US_PER_S));
    assert_true(comes_to("auth.got", 2, 20 * ASSAY_US_PER_S));
    assert_int_equal(count("auth.got WHERE key = 'b'"), 0);
    /* Put aside as dead, it no longer holds them. */
    pg_support_exec("UPDATE writer.outbox SET attempts = 29, next_at = now() WHERE attempts > 0");
    assert_true(comes_to("writer.outbox WHERE dead AND cause = 'POISON'", 1, 20 * ASSAY_US_PER_S));
    assert_true(comes_to("auth.got WHERE key = 'b'", 1, 20 * ASSAY_US_PER_S));
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
    assert_int_equal(end_with(auth, SIGTERM), 0);
}

static void
an_event_for_a_service_that_is_no_declared_peer_is_refused(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "stray", NULL), RC_INTERNAL);
    assert_string_equal(c.ctx.err.reason, "EVENT_TARGET");
    assert_int_equal(count("writer.things"), 0);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
shell(const char *command)
{
    char line[512];

    (void)snprintf(line, sizeof line, "cd %s && { %s; } 2>/dev/null", dir, command);
    assert_int_equal(system(line), 0);
}

/* As deploy/k8s/secrets.sh makes them: one authority, a certificate for each service's name. */
static void
make_certificate(const char *name)
{
    char command[400];

    (void)snprintf(command, sizeof command,
                   "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key"
                   " -out %s.csr -subj /CN=%s && echo subjectAltName=DNS:%s >%s.ext &&"
                   " openssl x509 -req -days 2 -in %s.csr -CA ca.pem -CAkey ca.key"
                   " -CAcreateserial -extfile %s.ext -out %s.crt",
                   name, name, name, name, name, name, name, name);
    shell(command);
}

static void
set_tls(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/ca.pem", dir);
    (void)setenv("ASSAY_RPC_TLS_CA", path, 1);
    (void)snprintf(path, sizeof path, "%s/%s.crt", dir, name);
    (void)setenv("ASSAY_RPC_TLS_CERT", path, 1);
    (void)snprintf(path, sizeof path, "%s/%s.key", dir, name);
    (void)setenv("ASSAY_RPC_TLS_KEY", path, 1);
}

static pid_t
spawn_auth_as(const char *name, const char *url)
{
    set_tls(name);
    (void)setenv("TOY_TLS_LISTEN", url, 1);
    pid_t auth = spawn("auth", 1);
    (void)unsetenv("TOY_TLS_LISTEN");
    return auth;
}

static void
a_peer_with_the_certificate_of_another_service_is_told_nothing(void **state)
{
    char url[64];

    (void)state;
    (void)snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%d", place_port());
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
          " -keyout ca.key -out ca.pem -subj /CN=ca");
    make_certificate("auth");
    make_certificate("billing");
    make_certificate("writer");
    set_tls("writer");
    (void)setenv("ASSAY_RPC_AUTH", url, 1);
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    pid_t auth = spawn_auth_as("billing", url);
    assert_true(comes_to("pg_tables WHERE schemaname = 'auth' AND tablename = 'got'", 1,
                         20 * ASSAY_US_PER_S));
    assert_int_equal(call(&c, 0, "", "put", "a1", NULL), RC_OK);
    /* Five refused connections a second: it had its chances. */
    assert_false(comes_to("auth.got", 1, 4 * ASSAY_US_PER_S));
    assert_int_equal(end_with(auth, SIGTERM), 0);
    auth = spawn_auth_as("auth", url);
    assert_true(comes_to("auth.got", 1, 20 * ASSAY_US_PER_S));
    (void)unsetenv("ASSAY_RPC_AUTH");
    (void)unsetenv("ASSAY_RPC_TLS_CA");
    (void)unsetenv("ASSAY_RPC_TLS_CERT");
    (void)unsetenv("ASSAY_RPC_TLS_KEY");
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
    assert_int_equal(end_with(auth, SIGTERM), 0);
}

static Assay__HealthStatus *
health(struct caller *c)
{
    Assay__HealthRequest req = ASSAY__HEALTH_REQUEST__INIT;
    Assay__HealthStatus *status = NULL;

    fresh(c, "");
    assert_int_equal(svc_call_check(c->client, &c->ctx, &req, &status), RC_OK);
    return status;
}

static void
health_follows_the_database(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    bool ready = true;

    (void)state;
    assert_true(health(&c)->ready);
    assert_string_equal(health(&c)->name, "writer");
    pg_support_stop();
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S; ready && clk_mono_us() < end;) {
        ready = health(&c)->ready;
    }
    assert_false(ready);
    assert_string_equal(health(&c)->reason, "DB_DOWN");
    pg_support_start();
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S; !ready && clk_mono_us() < end;) {
        ready = health(&c)->ready;
    }
    assert_true(ready);
    assert_int_equal(call(&c, 0, "", "put", "a1", NULL), RC_OK);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
sigterm_lets_the_running_call_finish(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    pthread_t thread;
    void *rc;
    int status = -1;

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "warm", NULL), RC_OK);
    assert_int_equal(pthread_create(&thread, NULL, call_slowly, &c), 0);
    assert_true(is_held());
    (void)kill(writer, SIGTERM);
    int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S;
    while (rpc_client_replicas(c.client) > 0) { /* it has heard, and says so */
        const struct timespec pause = {.tv_nsec = 5000000};
        assert_true(clk_mono_us() < end);
        (void)nanosleep(&pause, NULL);
    }
    open_gate();
    assert_int_equal(pthread_join(thread, &rc), 0);
    assert_int_equal((intptr_t)rc, RC_OK);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_int_equal(count("writer.things"), 2);
    caller_free(&c);
}

/* Asks the admin listener; the whole answer, empty while nobody listens. */
static void
admin_get(int port, const char *path, char *out, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char head[128];
    size_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
        int len = snprintf(head, sizeof head,
                           "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
        assert_int_equal(send(fd, head, (size_t)len, MSG_NOSIGNAL), len);
        for (ssize_t got = 1; got > 0 && n<size - 1; n += got> 0 ? (size_t)got : 0) {
            got = read(fd, out + n, size - 1 - n);
        }
    }
    out[n] = '\0';
    (void)close(fd);
}

static void
probes_and_metrics_are_served(void **state)
{
    static char page[256 * 1024];
    char listen[32];
    int port = place_port();

    (void)state;
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%d", port);
    (void)setenv("ASSAY_ADMIN_LISTEN", listen, 1);
    pid_t writer = spawn("writer", 1);
    (void)unsetenv("ASSAY_ADMIN_LISTEN");
    struct caller c = caller_new("writer");
    assert_int_equal(call(&c, 0, "k", "put", "a1", NULL), RC_OK);
    page[0] = '\0';
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S;
         strstr(page, "200 OK") == NULL && clk_mono_us() < end;) {
        admin_get(port, "/ready", page, sizeof page);
    }
    assert_non_null(strstr(page, "\r\n\r\nready\n"));
    admin_get(port, "/live", page, sizeof page);
    assert_non_null(strstr(page, "\r\n\r\nlive\n"));
    admin_get(port, "/metrics", page, sizeof page);
    assert_non_null(
        strstr(page, "assay_rpc_calls_total{method=\"toy.Writer/Put\",code=\"OK\"} 1\n"));
    pg_support_stop();
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S;
         strstr(page, " 503 ") == NULL && clk_mono_us() < end;) {
        admin_get(port, "/ready", page, sizeof page);
    }
    assert_non_null(strstr(page, "DB_DOWN"));
    admin_get(port, "/live", page, sizeof page); /* never asks the database */
    assert_non_null(strstr(page, "200 OK"));
    pg_support_start();
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
a_malformed_setting_ends_with_status_three(void **state)
{
    (void)state;
    (void)setenv("ASSAY_RPC_WORKERS", "many", 1);
    int status = -1;
    pid_t writer = spawn("writer", 1);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    (void)unsetenv("ASSAY_RPC_WORKERS");
    assert_int_equal(WEXITSTATUS(status), 3);
}

#define T(name) cmocka_unit_test_setup(name, empty)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_write_commits_change_event_and_key_together),
        T(a_failing_handler_leaves_nothing),
        T(the_same_key_is_answered_again_and_runs_nothing),
        T(of_a_call_with_secrets_only_the_use_of_its_key_is_stored),
        T(a_key_that_is_running_is_refused_meanwhile),
        T(a_lost_race_is_run_again),
        T(events_arrive_exactly_once_and_in_order_though_both_sides_are_killed),
        T(a_refused_event_holds_back_its_own_key_only),
        T(an_event_for_a_service_that_is_no_declared_peer_is_refused),
        T(a_peer_with_the_certificate_of_another_service_is_told_nothing),
        T(health_follows_the_database),
        T(sigterm_lets_the_running_call_finish),
        T(probes_and_metrics_are_served),
        T(a_malformed_setting_ends_with_status_three),
    };

    if (argc == 3 && strcmp(argv[1], "toy") == 0) {
        return run_toy(argv[2]);
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) {
        return 1;
    }
    place_make(dir, "toy");
    self[n] = '\0';
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed != 0) {
        (void)fprintf(stderr, "logs: %s/log\n", dir);
        return failed;
    }
    return place_remove(dir) ? 0 : 1;
}
