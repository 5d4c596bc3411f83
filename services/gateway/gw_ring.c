/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw_ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "gateway.pb-c.h"
#include "gateway_client.h"
#include "rpc/rpc_resolve.h"

#define MEMBERS_MAX RPC_REPLICAS_MAX
#define URL_MAX 256
#define MESSAGE_MAX ((size_t)64 * 1024)

struct members {
    size_t n;
    uint64_t hash[MEMBERS_MAX];
    bool is_self[MEMBERS_MAX];
    char url[MEMBERS_MAX][URL_MAX];
};

struct gw_ring {
    const char *service;
    char id[ID_UUID_LEN + 1];
    struct rpc_peers *peers;
    atomic_bool is_alone; /* the common case, known without the lock */
    pthread_rwlock_t lock;
    struct members members;
    struct met_metric *asked; /* by outcome */
};

enum outcome { ASKED, LOST };

static int64_t
count_members(void *arg)
{
    struct gw_ring *ring = arg;

    (void)pthread_rwlock_rdlock(&ring->lock);
    int64_t n = (int64_t)ring->members.n;
    (void)pthread_rwlock_unlock(&ring->lock);
    return n;
}

static void
make_metrics(struct gw_ring *ring, struct met *met)
{
    static const char *const OUTCOMES[] = {"asked", "fallback"};

    ring->asked = met_counter(met, "assay_rate_shared_total",
                              "Requests whose rate another gateway keeps: it was asked, or did not "
                              "answer and they were counted here.",
                              MET_LABEL("outcome", OUTCOMES, ARRAY_LEN(OUTCOMES)), MET_NO_LABEL);
    (void)met_gauge_fn(met, "assay_rate_gateways", "Gateways that share the rate limits.",
                       count_members, ring);
}

enum rc
gw_ring_new(const char *service, struct rpc_tls tls, struct met *met, struct gw_ring **out)
{
    struct gw_ring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    ring->service = service;
    id_uuid(ring->id);
    atomic_init(&ring->is_alone, true);
    (void)pthread_rwlock_init(&ring->lock, NULL);
    tls.server_name = "gateway";
    bool is_plain = str_starts(str_z(service), STR("tcp://"));
    enum rc rc = rpc_peers_new(&tls, MESSAGE_MAX, is_plain, &ring->peers);
    if (rc != RC_OK) {
        gw_ring_free(ring);
        return rc;
    }
    make_metrics(ring, met);
    *out = ring;
    return RC_OK;
}

void
gw_ring_free(struct gw_ring *ring)
{
    if (ring != NULL) {
        rpc_peers_free(ring->peers);
        (void)pthread_rwlock_destroy(&ring->lock);
        free(ring);
    }
}

const char *
gw_ring_id(const struct gw_ring *ring)
{
    return ring->id;
}

/* --- who is up ----------------------------------------------------------------------------- */

static struct ctx
asking(const struct ctx *ctx)
{
    struct ctx own = *ctx;

    own.err = (struct err){.code = RC_OK};
    own.idempotency_key = STR_EMPTY;
    own.deadline_us = clk_wall_us() + GW_RING_ASK_US;
    return own;
}

static void
greet(struct gw_ring *ring, const struct ctx *ctx, const char *url, struct members *found)
{
    Assay__HelloRequest req = ASSAY__HELLO_REQUEST__INIT;
    Assay__HelloResponse *resp = NULL;
    struct ctx own = asking(ctx);
    size_t n = strlen(url);

    if (n >= URL_MAX || found->n == MEMBERS_MAX ||
        gateway_call_hello(ring->peers, url, &own, &req, &resp) != RC_OK) {
        return;
    }
    found->hash[found->n] = str_hash64(str_z(resp->id));
    found->is_self[found->n] = strcmp(resp->id, ring->id) == 0;
    memcpy(found->url[found->n], url, n + 1);
    found->n++;
}

static void
set_members(struct gw_ring *ring, const struct members *found)
{
    bool is_alone = found->n == 0 || (found->n == 1 && found->is_self[0]);

    (void)pthread_rwlock_wrlock(&ring->lock);
    ring->members = *found;
    (void)pthread_rwlock_unlock(&ring->lock);
    atomic_store_explicit(&ring->is_alone, is_alone, memory_order_release);
}

bool
gw_ring_look(void *state, struct ctx *ctx)
{
    struct gw_ring *ring = state;
    struct members *found = ARENA_NEW(ctx->arena, struct members);
    struct rpc_urls urls;

    if (found == NULL || rpc_resolve(ctx->arena, ring->service, &urls) != RC_OK) {
        return false; /* what is known stays */
    }
    for (size_t i = 0; i < urls.count; i++) {
        greet(ring, ctx, urls.url[i], found);
    }
    set_members(ring, found);
    return false;
}

/* Until the next look. */
static void
leave_out(struct gw_ring *ring, const char *url)
{
    struct members *m = &ring->members;

    (void)pthread_rwlock_wrlock(&ring->lock);
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->url[i], url) == 0) {
            m->n--;
            m->hash[i] = m->hash[m->n];
            m->is_self[i] = m->is_self[m->n];
            memcpy(m->url[i], m->url[m->n], URL_MAX);
            break;
        }
    }
    (void)pthread_rwlock_unlock(&ring->lock);
}

/* --- whose key ----------------------------------------------------------------------------- */

static uint64_t
weight(uint64_t member, uint64_t key)
{
    uint64_t h = (member ^ key) * UINT64_C(0x9E3779B97F4A7C15);

    h = (h ^ (h >> 32)) * UINT64_C(0xD6E8FEB86659FD93);
    return h ^ (h >> 29);
}

size_t
gw_ring_owner(const uint64_t *members, size_t n, uint64_t key)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++) {
        uint64_t a = weight(members[i], key);
        uint64_t b = weight(members[best], key);
        best = a > b || (a == b && members[i] > members[best]) ? i : best;
    }
    return best;
}

/* False when the key is kept here. */
static bool
find_owner(struct gw_ring *ring, struct str key, char url[URL_MAX])
{
    const struct members *m = &ring->members;
    bool is_other = false;

    (void)pthread_rwlock_rdlock(&ring->lock);
    if (m->n > 0) {
        size_t owner = gw_ring_owner(m->hash, m->n, str_hash64(key));
        is_other = !m->is_self[owner];
        memcpy(url, m->url[owner], URL_MAX);
    }
    (void)pthread_rwlock_unlock(&ring->lock);
    return is_other;
}

enum gw_owner
gw_ring_take(struct gw_ring *ring, const struct ctx *ctx, struct str key, int64_t quota,
             struct gw_rate_state *out, bool *out_admitted)
{
    Assay__TakeRateRequest req = ASSAY__TAKE_RATE_REQUEST__INIT;
    Assay__TakeRateResponse *resp = NULL;
    char url[URL_MAX];

    if (atomic_load_explicit(&ring->is_alone, memory_order_acquire) ||
        !find_owner(ring, key, url)) {
        return GW_OWNER_SELF;
    }
    struct ctx own = asking(ctx);
    req.key = pb_bytes(own.arena, key);
    req.quota = quota;
    if (gateway_call_take_rate(ring->peers, url, &own, &req, &resp) != RC_OK) {
        met_add(ring->asked, LOST, 0, 1);
        leave_out(ring, url);
        return GW_OWNER_LOST;
    }
    met_add(ring->asked, ASKED, 0, 1);
    out->limited = true;
    out->quota = quota;
    out->remaining = resp->remaining;
    out->reset_us = resp->reset_us;
    *out_admitted = resp->admitted;
    return GW_OWNER_ASKED;
}
