/* SPDX-License-Identifier: Apache-2.0
 *
 * Two processes of the auth service on one database, the calls that are made to them, and a
 * gateway that watches for revocations. */
#ifndef ASSAY_TESTS_AUTH_PROCESS_LAB_H
#define ASSAY_TESTS_AUTH_PROCESS_LAB_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth_client.h"
#include "sec/hash.h"
#include "sec/jws.h"
#include "tests/support/pg.h"
#include "tests/support/place.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define REPLICAS 2
#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define EMAIL "ada@example.com"
#define PASSWORD "correct horse battery"
#define LEASE "5s"
#define LEASE_US (5 * ASSAY_US_PER_S)

static char dir[PLACE_MAX];
static char binary[512];
static pid_t pids[REPLICAS];
static struct rpc_peers *peers;

/* --- processes ----------------------------------------------------------------------------- */

static pid_t
run_auth(const char *command, const char *listen)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child != 0) {
        return child;
    }
    char log[128];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
    (void)snprintf(log, sizeof(log), "%s/log", dir);
    (void)setenv("ASSAY_RPC_LISTEN", listen, 1);
    (void)setenv("ASSAY_DATABASE_URL", pg_support_uri(), 1);
    (void)setenv("ASSAY_SECRET_KEY", KEY, 1);
    (void)setenv("ASSAY_KEY_PUBLISH", "0", 1);
    (void)setenv("ASSAY_REVOCATION_LEASE", LEASE, 1);
    (void)setenv("ASSAY_LOG_LEVEL", "debug", 1);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(fd, 1);
    (void)dup2(fd, 2);
    (void)execl(binary, binary, command, (char *)NULL);
    _exit(127);
}

static void
url_of(int replica, char out[96])
{
    (void)snprintf(out, 96, "ipc://%s/auth.%d", dir, replica + 1);
}

static void
start_replica(int replica)
{
    char url[96];

    url_of(replica, url);
    pids[replica] = run_auth(NULL, url);
}

static int
end_process(pid_t pid, int sig)
{
    int status = -1;

    if (sig != 0) {
        (void)kill(pid, sig);
    }
    (void)waitpid(pid, &status, 0);
    return status;
}

/* --- calls --------------------------------------------------------------------------------- */

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static struct call
call_begin(int64_t within_us)
{
    struct call c = {.arena = arena_new((size_t)8 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + within_us;
    c.ctx.peer = STR("192.0.2.7");
    return c;
}

static void
call_end(struct call *c)
{
    arena_free(c->arena);
}

static enum rc
call_replica(int replica, struct call *c, const struct rpc_method *method,
             const ProtobufCMessage *req, ProtobufCMessage **out)
{
    char url[96];

    url_of(replica, url);
    return rpc_peers_call(peers, url, &c->ctx, method, req, out);
}

static bool
answers(int replica)
{
    struct call c = call_begin(500 * ASSAY_US_PER_MS);
    Assay__GetSetupRequest req = ASSAY__GET_SETUP_REQUEST__INIT;
    ProtobufCMessage *resp = NULL;
    enum rc rc = call_replica(replica, &c, &auth_method_get_setup, &req.base, &resp);

    call_end(&c);
    return rc == RC_OK;
}

static void
wait_until_answers(int replica)
{
    int64_t until_us = clk_mono_us() + 20 * ASSAY_US_PER_S;

    while (!answers(replica)) {
        assert_true(clk_mono_us() < until_us);
        assert_int_equal(waitpid(pids[replica], NULL, WNOHANG), 0);
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

static void
login(int replica, char token[JWS_TOKEN_MAX], struct principal *who)
{
    struct call c = call_begin(20 * ASSAY_US_PER_S);
    Assay__LoginRequest req = ASSAY__LOGIN_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    char email[] = EMAIL;
    char password[] = PASSWORD;

    req.email = email;
    req.password = password;
    assert_int_equal(call_replica(replica, &c, &auth_method_login, &req.base, &answer), RC_OK);
    const Assay__LoginResponse *resp = (const Assay__LoginResponse *)answer;
    (void)snprintf(token, JWS_TOKEN_MAX, "%s", resp->access_token);
    *who = (struct principal){.user_id = resp->user_id,
                              .org_id = resp->organization_id,
                              .role = ROLE_ADMIN,
                              .kind = TOKEN_JWT};
    call_end(&c);
}

static struct jws_keys *
fetch_keys(int replica)
{
    struct call c = call_begin(20 * ASSAY_US_PER_S);
    Assay__GetJwksRequest req = ASSAY__GET_JWKS_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    struct jws_keys *keys = NULL;

    assert_int_equal(call_replica(replica, &c, &auth_method_get_jwks, &req.base, &answer), RC_OK);
    const Assay__GetJwksResponse *resp = (const Assay__GetJwksResponse *)answer;
    struct str doc = arena_printf(c.arena, "{\"keys\":%.*s}", (int)resp->keys.len,
                                  (const char *)resp->keys.data);
    assert_int_equal(jws_keys_parse(doc, &keys), RC_OK);
    call_end(&c);
    return keys;
}

static enum jws_verdict
verify(const struct jws_keys *keys, const char *token)
{
    struct arena *arena = arena_new(1 << 18);
    struct jws_policy policy = {STR("assay"), STR("assay"), clk_wall_us()};
    struct jws_claims claims;
    enum jws_verdict verdict = jws_verify(arena, keys, &policy, str_z(token), &claims);

    arena_free(arena);
    return verdict;
}

static enum rc
introspect(int replica, const char *token)
{
    struct call c = call_begin(20 * ASSAY_US_PER_S);
    Assay__IntrospectRequest req = ASSAY__INTROSPECT_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;

    req.token = arena_strz(c.arena, str_z(token));
    enum rc rc = call_replica(replica, &c, &auth_method_introspect, &req.base, &answer);
    call_end(&c);
    return rc;
}

static int64_t
make_token(int replica, const struct principal *who, char token[64])
{
    struct call c = call_begin(20 * ASSAY_US_PER_S);
    Assay__CreateTokenRequest req = ASSAY__CREATE_TOKEN_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;

    c.ctx.who = *who;
    assert_int_equal(call_replica(replica, &c, &auth_method_create_token, &req.base, &answer),
                     RC_OK);
    const Assay__CreateTokenResponse *resp = (const Assay__CreateTokenResponse *)answer;
    (void)snprintf(token, 64, "%s", resp->token);
    int64_t id = resp->id;
    call_end(&c);
    return id;
}

static enum rc
revoke_token(int replica, const struct principal *who, int64_t id)
{
    struct call c = call_begin(20 * ASSAY_US_PER_S);
    Assay__DeleteTokenRequest req = ASSAY__DELETE_TOKEN_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;

    c.ctx.who = *who;
    req.id = id;
    enum rc rc = call_replica(replica, &c, &auth_method_delete_token, &req.base, &answer);
    call_end(&c);
    return rc;
}

/* --- a gateway ----------------------------------------------------------------------------- */

/* The watch of a gateway, which remembers the newest revoked token it applied. */
struct gateway {
    pthread_t thread;
    char id[16];
    atomic_int replica;
    atomic_bool stop;
    atomic_llong applied; /* token id */
    atomic_llong epoch;
    atomic_int failures;
};

static bool
watch_once(struct gateway *g)
{
    struct call c = call_begin(3 * ASSAY_US_PER_S);
    Assay__WatchRevocationsRequest req = ASSAY__WATCH_REVOCATIONS_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;

    req.gateway_id = g->id;
    req.acked_epoch = atomic_load(&g->epoch);
    req.wait_us = ASSAY_US_PER_S;
    enum rc rc = call_replica(atomic_load(&g->replica), &c, &auth_method_watch_revocations,
                              &req.base, &answer);
    if (rc == RC_OK) {
        const Assay__WatchRevocationsResponse *resp =
            (const Assay__WatchRevocationsResponse *)answer;
        for (size_t i = 0; i < resp->n_revocations; i++) {
            atomic_store(&g->applied, resp->revocations[i]->token_id);
        }
        atomic_store(&g->epoch, resp->epoch);
    }
    call_end(&c);
    return rc == RC_OK;
}

static void *
gateway_thread(void *arg)
{
    struct gateway *g = arg;

    while (!atomic_load(&g->stop)) {
        if (!watch_once(g)) {
            atomic_fetch_add(&g->failures, 1);
            atomic_store(&g->replica, 1 - atomic_load(&g->replica));
        }
    }
    return NULL;
}

static void
gateway_start(struct gateway *g, int number, int replica)
{
    (void)snprintf(g->id, sizeof(g->id), "gw-%d", number);
    atomic_store(&g->epoch, -1);
    atomic_store(&g->replica, replica);
    assert_int_equal(pthread_create(&g->thread, NULL, gateway_thread, g), 0);
    int64_t until_us = clk_mono_us() + 30 * ASSAY_US_PER_S;
    while (atomic_load(&g->epoch) < 0) {
        assert_true(clk_mono_us() < until_us);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static void
gateway_stop(struct gateway *g)
{
    atomic_store(&g->stop, true);
    pthread_join(g->thread, NULL);
}

/* --- set-up -------------------------------------------------------------------------------- */

static int
set_up(void **state)
{
    (void)state;
    (void)snprintf(binary, sizeof(binary), "%s/assay-auth", place_bin());
    place_make(dir, "auth");
    pg_support_exec("DROP SCHEMA IF EXISTS auth CASCADE");
    assert_int_equal(rpc_peers_new(NULL, 1 << 20, false, &peers), RC_OK);
    for (int i = 0; i < REPLICAS; i++) {
        start_replica(i); /* at once: they race for the migrations and the first key */
    }
    for (int i = 0; i < REPLICAS; i++) {
        wait_until_answers(i);
    }
    struct call c = call_begin(20 * ASSAY_US_PER_S);
    Assay__CreateSetupRequest req = ASSAY__CREATE_SETUP_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    char email[] = EMAIL;
    char password[] = PASSWORD;
    req.email = email;
    req.password = password;
    assert_int_equal(call_replica(0, &c, &auth_method_create_setup, &req.base, &answer), RC_OK);
    call_end(&c);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    rpc_peers_free(peers);
    for (int i = 0; i < REPLICAS; i++) {
        if (pids[i] > 0) {
            (void)end_process(pids[i], SIGKILL);
        }
    }
    return place_remove(dir) ? 0 : 1;
}

#endif
