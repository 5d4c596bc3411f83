/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of auth that a gateway talks to, over real RPC in the test's process: tokens by a list,
 * JWTs of keys the test rotates, revocations, and a watch that can be broken. One program includes
 * it at a time. */
#ifndef ASSAY_TESTS_FAKE_AUTH_H
#define ASSAY_TESTS_FAKE_AUTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth_client.h"
#include "base/id.h"
#include "rpc/rpc.h"
#include "sec/jws.h"
#include "tests/support/place.h"

/* Long, so that it does not run out on a busy machine. A test that waits for its end asks for a
 * short one. */
#define FAKE_LEASE_US (60 * ASSAY_US_PER_S)
#define FAKE_TOKENS 8

struct fake_token {
    const char *text;
    enum role role;
    bool revoked;
};

struct fake_auth {
    pthread_mutex_t lock;
    struct fake_token tokens[FAKE_TOKENS]; /* number i belongs to user and token i + 1 of org 1 */
    int64_t epoch;
    int64_t revoked_at[64]; /* token revoked at this epoch */
    int64_t acked;
    bool user_gone; /* CheckUser refuses */
    struct eckey *published[4];
    size_t published_n;
    atomic_bool watch_broken;
    atomic_llong lease_us; /* 0: FAKE_LEASE_US */
    atomic_int introspected, checked, keys_fetched;
    struct rpc_server *server;
    struct rpc_client *client;
    char dir[PLACE_MAX];
    char listen[128];
};

static inline void
fake_nap(void)
{
    const struct timespec tick = {.tv_nsec = 2000000};
    (void)nanosleep(&tick, NULL);
}

static inline Assay__Principal *
fake_principal(struct ctx *ctx, int64_t id, enum role role, enum token_kind kind)
{
    Assay__Principal *p = PB_NEW(ctx->arena, Assay__Principal, assay__principal);

    PB_SET(p, user_id, id);
    PB_SET(p, org_id, 1);
    PB_SET(p, role, (int)role);
    PB_SET(p, kind, (int)kind);
    PB_SET(p, token_id, kind == TOKEN_JWT ? 0 : id);
    p->email = pb_strz(ctx->arena, STR("user@example.com"));
    p->subject = pb_strz(ctx->arena, STR("subject"));
    return p;
}

static enum rc
fake_introspect(void *svc, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    struct fake_auth *a = svc;
    const Assay__IntrospectRequest *req = (const Assay__IntrospectRequest *)m;
    Assay__IntrospectResponse *resp = (Assay__IntrospectResponse *)out;
    enum rc rc = RC_UNAUTHENTICATED;

    atomic_fetch_add(&a->introspected, 1);
    (void)pthread_mutex_lock(&a->lock);
    resp->epoch = a->epoch;
    for (size_t i = 0; i < FAKE_TOKENS; i++) {
        const struct fake_token *t = &a->tokens[i];
        if (t->text != NULL && strcmp(t->text, req->token) == 0 && !t->revoked) {
            resp->who = fake_principal(ctx, (int64_t)i + 1, t->role, TOKEN_ORG);
            rc = RC_OK;
        }
    }
    (void)pthread_mutex_unlock(&a->lock);
    return rc == RC_OK ? rc : fail(ctx, rc, "UNAUTHENTICATED", "the token is not valid");
}

static enum rc
fake_check_user(void *svc, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    struct fake_auth *a = svc;
    const Assay__CheckUserRequest *req = (const Assay__CheckUserRequest *)m;
    Assay__IntrospectResponse *resp = (Assay__IntrospectResponse *)out;

    atomic_fetch_add(&a->checked, 1);
    (void)pthread_mutex_lock(&a->lock);
    bool gone = a->user_gone;
    resp->epoch = a->epoch;
    (void)pthread_mutex_unlock(&a->lock);
    resp->who = fake_principal(ctx, req->user_id, ROLE_VIEWER, TOKEN_JWT);
    return gone ? fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the user is gone") : RC_OK;
}

static enum rc
fake_jwks(void *svc, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    struct fake_auth *a = svc;
    Assay__GetJwksResponse *resp = (Assay__GetJwksResponse *)out;
    struct buf b;

    (void)m;
    atomic_fetch_add(&a->keys_fetched, 1);
    buf_init(&b, 65536);
    (void)pthread_mutex_lock(&a->lock);
    buf_putc(&b, '[');
    for (size_t i = 0; i < a->published_n; i++) {
        buf_putz(&b, i == 0 ? "" : ",");
        eckey_put_jwk(a->published[i], &b);
    }
    buf_putc(&b, ']');
    (void)pthread_mutex_unlock(&a->lock);
    resp->keys = pb_bytes(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return RC_OK;
}

static enum rc
fake_watch(void *svc, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    struct fake_auth *a = svc;
    const Assay__WatchRevocationsRequest *req = (const Assay__WatchRevocationsRequest *)m;
    Assay__WatchRevocationsResponse *resp = (Assay__WatchRevocationsResponse *)out;
    int64_t until = clk_mono_us() + req->wait_us;
    bool news = false;

    do {
        if (atomic_load(&a->watch_broken)) {
            return fail(ctx, RC_UNAVAILABLE, "BROKEN", "the watch is broken");
        }
        (void)pthread_mutex_lock(&a->lock);
        a->acked = req->acked_epoch > a->acked ? req->acked_epoch : a->acked;
        news = req->acked_epoch < a->epoch;
        (void)pthread_mutex_unlock(&a->lock);
        if (!news) {
            fake_nap();
        }
    } while (!news && clk_mono_us() < until);
    (void)pthread_mutex_lock(&a->lock);
    resp->epoch = a->epoch;
    int64_t lease_us = atomic_load(&a->lease_us);
    resp->lease_us = lease_us > 0 ? lease_us : FAKE_LEASE_US;
    if (req->acked_epoch >= 0 && news) {
        size_t n = (size_t)(a->epoch - req->acked_epoch);
        resp->revocations = ARENA_ARRAY(ctx->arena, n, Assay__Revocation *);
        for (int64_t e = req->acked_epoch + 1; e <= a->epoch; e++) {
            Assay__Revocation *r = PB_NEW(ctx->arena, Assay__Revocation, assay__revocation);
            PB_SET(r, token_id, a->revoked_at[e]);
            resp->revocations[resp->n_revocations++] = r;
        }
    }
    (void)pthread_mutex_unlock(&a->lock);
    return RC_OK;
}

static inline bool
fake_auth_serve(struct fake_auth *a)
{
    static struct rpc_method methods[4];
    static const struct rpc_method *const tables[] = {methods};
    static const size_t lens[] = {ARRAY_LEN(methods)};
    const char *why = NULL;

    methods[0] = auth_method_introspect;
    methods[0].handler = fake_introspect;
    methods[1] = auth_method_check_user;
    methods[1].handler = fake_check_user;
    methods[2] = auth_method_get_jwks;
    methods[2].handler = fake_jwks;
    methods[3] = auth_method_watch_revocations;
    methods[3].handler = fake_watch;
    struct rpc_server_cfg cfg = {.listen = a->listen,
                                 .tables = tables,
                                 .table_lens = lens,
                                 .table_count = 1,
                                 .svc = a,
                                 .workers = 4,
                                 .queue_max = 64,
                                 .arena_max = (size_t)1024 * 1024,
                                 .message_max = (size_t)1024 * 1024};
    return rpc_server_start(&cfg, &a->server, &why) == RC_OK;
}

/* "tok_admin", "tok_viewer" and "tok_developer" are known; one key is published. */
static inline bool
fake_auth_start(struct fake_auth *a)
{
    char service[128];
    const char *why = NULL;

    (void)pthread_mutex_init(&a->lock, NULL);
    a->tokens[0] = (struct fake_token){"tok_admin", ROLE_ADMIN, false};
    a->tokens[1] = (struct fake_token){"tok_viewer", ROLE_VIEWER, false};
    a->tokens[2] = (struct fake_token){"tok_developer", ROLE_DEVELOPER, false};
    place_make(a->dir, "fake");
    if (eckey_generate(&a->published[0]) != RC_OK) {
        return false;
    }
    a->published_n = 1;
    (void)snprintf(a->listen, sizeof(a->listen), "ipc://%s/auth.1", a->dir);
    (void)snprintf(service, sizeof(service), "ipc://%s/auth", a->dir);
    struct rpc_client_cfg cfg = {
        .service = service, .message_max = (size_t)1024 * 1024, .name = "auth"};
    return fake_auth_serve(a) && rpc_client_new(&cfg, &a->client, &why) == RC_OK;
}

static inline void
fake_auth_stop(struct fake_auth *a)
{
    rpc_client_free(a->client);
    rpc_server_free(a->server);
    for (size_t i = 0; i < a->published_n; i++) {
        eckey_free(a->published[i]);
    }
    (void)place_remove(a->dir);
    (void)pthread_mutex_destroy(&a->lock);
}

/* Returns the epoch of the revocation. */
static inline int64_t
fake_auth_mark_revoked(struct fake_auth *a, size_t token)
{
    (void)pthread_mutex_lock(&a->lock);
    a->tokens[token].revoked = true;
    int64_t epoch = ++a->epoch;
    a->revoked_at[epoch] = (int64_t)token + 1;
    (void)pthread_mutex_unlock(&a->lock);
    return epoch;
}

/* Revokes and, as auth does, returns when the gateway has acknowledged it; false: it never did. */
static inline bool
fake_auth_revoke(struct fake_auth *a, size_t token)
{
    int64_t until = clk_mono_us() + FAKE_LEASE_US / 2;
    bool acked = false;

    int64_t epoch = fake_auth_mark_revoked(a, token);

    while (!acked && clk_mono_us() < until) {
        fake_nap();
        (void)pthread_mutex_lock(&a->lock);
        acked = a->acked >= epoch;
        (void)pthread_mutex_unlock(&a->lock);
    }
    return acked;
}

/* Writes a JWT of user 9 signed with `key`. */
static inline void
fake_jwt(const struct eckey *key, int64_t ttl_us, char *to, size_t n)
{
    int64_t now = clk_wall_us();
    struct jws_claims claims = {.iss = STR("assay"),
                                .aud = STR("assay"),
                                .jti = STR("0192a3b4-c5d6-7e8f-9012-3456789abcde"),
                                .email = STR("user@example.com"),
                                .user_id = 9,
                                .org_id = 1,
                                .role = ROLE_VIEWER,
                                .issued_us = now - 120 * ASSAY_US_PER_S,
                                .expires_us = now + ttl_us};
    struct buf b;

    buf_init(&b, 4096);
    ASSERT(jws_sign(key, &claims, &b) == RC_OK);
    (void)snprintf(to, n, "%s", b.p);
    buf_fini(&b);
}

#endif
