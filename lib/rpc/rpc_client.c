/* SPDX-License-Identifier: Apache-2.0
 *
 * The two kinds of client: one for the replicas of a named service, and one for peers known by
 * their own address. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/rpc_pool.h"

#define PEERS_MAX 256

struct rpc_client {
    struct rpc_pool *pool;
    size_t message_max;
};

/* --- clients of a service ------------------------------------------------------------------ */

enum rc
rpc_client_new(const struct rpc_client_cfg *cfg, struct rpc_client **out, const char **out_why)
{
    enum rpc_scheme scheme;
    struct rpc_client *client = calloc(1, sizeof(*client));
    struct rpc_pool_cfg pool = {
        .service = cfg->service, .tls = cfg->tls, .message_max = cfg->message_max};

    *out_why = "out of memory";
    enum rc rc = client == NULL ? RC_UNAVAILABLE
                                : rpc_url_check(cfg->service, &cfg->tls, cfg->allow_plain_tcp,
                                                &scheme, out_why);
    if (rc == RC_OK) {
        rc = rpc_pool_new(&pool, &client->pool, out_why);
    }
    if (rc != RC_OK) {
        free(client);
        return RC_UNAVAILABLE;
    }
    client->message_max = cfg->message_max;
    *out = client;
    return RC_OK;
}

void
rpc_client_free(struct rpc_client *client)
{
    if (client != NULL) {
        rpc_pool_free(client->pool);
        free(client);
    }
}

enum rc
rpc_call(struct rpc_client *client, struct ctx *ctx, const struct rpc_method *method,
         const ProtobufCMessage *req, ProtobufCMessage **out_resp)
{
    return rpc_pool_call(client->pool, client->message_max, ctx, method, req, out_resp);
}

enum rc
rpc_call_formed(struct rpc_client *client, struct ctx *ctx, const struct rpc_method *method,
                const ProtobufCMessage *req, const struct rpc_form *form, struct buf *own,
                struct str *out)
{
    return rpc_pool_call_formed(client->pool, client->message_max, ctx, method, req, form, own,
                                out);
}

int
rpc_client_replicas(const struct rpc_client *client)
{
    return rpc_pool_usable(client->pool);
}

/* --- peers by address ---------------------------------------------------------------------- */

struct peer {
    struct rpc_pool *pool; /* NULL: the place is free */
    int users;
    int64_t used_us;
};

struct rpc_peers {
    struct rpc_tls tls;
    size_t message_max;
    bool allow_plain_tcp;
    pthread_mutex_t lock; /* all below */
    struct peer peers[PEERS_MAX];
};

enum rc
rpc_peers_new(const struct rpc_tls *tls, size_t message_max, bool allow_plain_tcp,
              struct rpc_peers **out)
{
    struct rpc_peers *peers = calloc(1, sizeof(*peers));

    if (peers == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    peers->tls = tls == NULL ? (struct rpc_tls){0} : *tls;
    peers->message_max = message_max;
    peers->allow_plain_tcp = allow_plain_tcp;
    pthread_mutex_init(&peers->lock, NULL);
    *out = peers;
    return RC_OK;
}

void
rpc_peers_free(struct rpc_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    for (size_t i = 0; i < PEERS_MAX; i++) {
        rpc_pool_free(peers->peers[i].pool);
    }
    pthread_mutex_destroy(&peers->lock);
    free(peers);
}

static struct peer *
find_peer(struct rpc_peers *peers, const char *addr)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct rpc_pool *pool = peers->peers[i].pool;
        if (pool != NULL && strcmp(rpc_pool_service(pool), addr) == 0) {
            return &peers->peers[i];
        }
    }
    return NULL;
}

/* A free place, or that of the idle peer used longest ago; NULL when all are busy. */
static struct peer *
find_place(struct rpc_peers *peers)
{
    struct peer *best = NULL;

    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *p = &peers->peers[i];
        if (p->pool == NULL) {
            return p;
        }
        if (p->users == 0 && (best == NULL || p->used_us < best->used_us)) {
            best = p;
        }
    }
    return best;
}

/* Dials `addr` into a place of its own; the pool that had it goes to *out_old. */
static enum rc
open_peer(struct rpc_peers *peers, const char *addr, struct peer **out, struct rpc_pool **out_old,
          const char **out_why)
{
    struct rpc_pool_cfg cfg = {
        .service = addr, .is_exact = true, .tls = peers->tls, .message_max = peers->message_max};
    struct rpc_pool *pool = NULL;
    struct peer *place = find_place(peers);

    *out_why = "all peers are busy";
    enum rc rc = place == NULL ? RC_UNAVAILABLE : rpc_pool_new(&cfg, &pool, out_why);
    if (rc == RC_OK) {
        *out_old = place->pool;
        *place = (struct peer){.pool = pool};
        *out = place;
    }
    return rc;
}

static enum rc
enter_peer(struct rpc_peers *peers, const char *addr, struct peer **out, const char **out_why)
{
    struct rpc_pool *old = NULL;
    enum rpc_scheme scheme;
    enum rc rc = rpc_url_check(addr, &peers->tls, peers->allow_plain_tcp, &scheme, out_why);

    if (rc != RC_OK) {
        return rc;
    }
    pthread_mutex_lock(&peers->lock);
    struct peer *peer = find_peer(peers, addr);
    if (peer == NULL) {
        rc = open_peer(peers, addr, &peer, &old, out_why);
    }
    if (rc == RC_OK) {
        peer->users++;
        peer->used_us = clk_mono_us();
        *out = peer;
    }
    pthread_mutex_unlock(&peers->lock);
    rpc_pool_free(old);
    return rc;
}

enum rc
rpc_peers_call(struct rpc_peers *peers, const char *addr, struct ctx *ctx,
               const struct rpc_method *method, const ProtobufCMessage *req,
               ProtobufCMessage **out_resp)
{
    struct peer *peer = NULL;
    const char *why = NULL;

    if (enter_peer(peers, addr, &peer, &why) != RC_OK) {
        enum rc rc = fail(ctx, RC_UNAVAILABLE, "NO_REPLICA", "the service is not available");
        note(ctx, "%s", why);
        return rc;
    }
    enum rc rc = rpc_pool_call(peer->pool, peers->message_max, ctx, method, req, out_resp);
    pthread_mutex_lock(&peers->lock);
    peer->users--;
    pthread_mutex_unlock(&peers->lock);
    return rc;
}
