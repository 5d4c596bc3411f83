/* SPDX-License-Identifier: Apache-2.0
 *
 * Per key a ring of the instants of its last `quota` admitted requests: the one about to be
 * overwritten is the quota-th last, so a request is admitted exactly when that one has left the
 * window. Keys live in sharded open tables; a shard evicts, among the slots a key may use, the one
 * that was quiet for longest. */
#include "gateway/gw_limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "gateway/gw_ring.h"

#define SHARDS 16
#define PROBE 8
#define GUARD_FACTOR 60
#define GUARD_SLOTS 4096

static const char *const CLASS_NAMES[GW_RATE_COUNT] = {"default", "upload_ai", "auth", "unlimited"};

struct slot {
    uint64_t key; /* 0: free */
    int64_t last_us;
    int64_t *ring;
    int64_t quota;
    int64_t next;  /* where the next instant goes */
    int64_t count; /* instants held, at most quota */
};

struct shard {
    pthread_mutex_t lock;
    struct slot *slots;
};

struct guard_slot {
    uint64_t key;
    int64_t minute;
    int64_t count;
    int64_t before;
};

struct gw_limit {
    bool off;
    uint64_t seed;        /* so that nobody can choose an address that shares another's slot */
    struct gw_ring *ring; /* NULL: this gateway counts alone */
    int64_t quotas[GW_RATE_COUNT];
    size_t slots_per_shard;
    struct shard shards[SHARDS];
    pthread_mutex_t guard_lock;
    struct guard_slot guards[GUARD_SLOTS];
};

static enum rc
parse_quotas(struct gw_limit *limit, struct str text)
{
    while (text.p != NULL) {
        struct str part = str_trim(str_split(&text, ','));
        struct str name = str_split(&part, '=');
        bool known = false;
        for (size_t i = 0; i < GW_RATE_UNLIMITED; i++) {
            if (str_eqz(name, CLASS_NAMES[i])) {
                known = str_to_i64(part, 1, 1000000, &limit->quotas[i]) == RC_OK;
            }
        }
        if (!known) {
            return RC_INVALID_ARGUMENT;
        }
    }
    return RC_OK;
}

enum rc
gw_limit_new(const char *text, size_t keys_max, struct gw_limit **out)
{
    struct gw_limit *limit = calloc(1, sizeof(*limit));

    if (limit == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    limit->quotas[GW_RATE_DEFAULT] = 100;
    limit->quotas[GW_RATE_UPLOAD_AI] = 10;
    limit->quotas[GW_RATE_AUTH] = 5;
    limit->seed = id_random_u64();
    limit->off = strcmp(text, "off") == 0;
    limit->slots_per_shard = keys_max / SHARDS + PROBE;
    (void)pthread_mutex_init(&limit->guard_lock, NULL);
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&limit->shards[i].lock, NULL);
    }
    if (!limit->off && parse_quotas(limit, str_z(text)) != RC_OK) {
        gw_limit_free(limit);
        return RC_INVALID_ARGUMENT;
    }
    *out = limit;
    return RC_OK;
}

void
gw_limit_free(struct gw_limit *limit)
{
    if (limit == NULL) {
        return;
    }
    for (size_t s = 0; s < SHARDS; s++) {
        struct shard *shard = &limit->shards[s];
        for (size_t i = 0; shard->slots != NULL && i < limit->slots_per_shard; i++) {
            free(shard->slots[i].ring);
        }
        free(shard->slots);
        (void)pthread_mutex_destroy(&shard->lock);
    }
    (void)pthread_mutex_destroy(&limit->guard_lock);
    free(limit);
}

/* The key's slot, or the one it takes over. Lock held. NULL without memory. */
static struct slot *
slot_for(struct gw_limit *limit, struct shard *shard, uint64_t key, int64_t quota)
{
    if (shard->slots == NULL) {
        shard->slots = calloc(limit->slots_per_shard, sizeof(*shard->slots));
    }
    if (shard->slots == NULL) {
        return NULL;
    }
    size_t at = (size_t)((key >> 8) % (limit->slots_per_shard - PROBE + 1));
    struct slot *victim = &shard->slots[at];
    for (size_t i = 0; i < PROBE; i++) {
        struct slot *s = &shard->slots[at + i];
        if (s->key == key && s->quota == quota) {
            return s;
        }
        if (s->key == 0 ? victim->key != 0 : victim->key != 0 && s->last_us < victim->last_us) {
            victim = s;
        }
    }
    if (victim->quota != quota) {
        int64_t *ring = realloc(victim->ring, (size_t)quota * sizeof(*ring));
        if (ring == NULL) {
            return NULL;
        }
        victim->ring = ring;
    }
    victim->key = key;
    victim->quota = quota;
    victim->next = 0;
    victim->count = 0;
    return victim;
}

/* Index in the ring of the k-th oldest instant held. */
static int64_t
nth_oldest(const struct slot *s, int64_t k)
{
    return s->ring[(s->next - s->count + k + s->quota) % s->quota];
}

/* How many held instants have left the window: they are ordered, so a bisection. */
static int64_t
count_expired(const struct slot *s, int64_t edge_us)
{
    int64_t lo = 0;
    int64_t hi = s->count;

    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (nth_oldest(s, mid) <= edge_us) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

bool
gw_limit_take(struct gw_limit *limit, uint64_t key, int64_t quota, int64_t now_us,
              struct gw_rate_state *out)
{
    key = key == 0 ? 1 : key;
    struct shard *shard = &limit->shards[key % SHARDS];

    out->limited = true;
    out->quota = quota;
    (void)pthread_mutex_lock(&shard->lock);
    struct slot *s = slot_for(limit, shard, key, quota);
    if (s == NULL) { /* no memory: refuse rather than admit without counting */
        (void)pthread_mutex_unlock(&shard->lock);
        out->remaining = 0;
        out->reset_us = ASSAY_US_PER_S;
        return false;
    }
    s->count -= count_expired(s, now_us - GW_LIMIT_WINDOW_US);
    bool admitted = s->count < quota;
    if (admitted) {
        s->ring[s->next] = now_us;
        s->next = (s->next + 1) % quota;
        s->count++;
    }
    s->last_us = now_us;
    out->remaining = quota - s->count;
    out->reset_us = nth_oldest(s, 0) + GW_LIMIT_WINDOW_US - now_us;
    (void)pthread_mutex_unlock(&shard->lock);
    return admitted;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ (h >> 29);
}

/* IPv6 clients own a /64, so they are counted by it: every address of theirs is one key, however it
 * is written. IPv4 within IPv6 is IPv4. Whatever is no address counts by its text. `b` holds what
 * is returned. */
static struct str
address_bytes(struct str peer, unsigned char b[16])
{
    static const unsigned char MAPPED[12] = {[10] = 0xFF, [11] = 0xFF};
    char text[INET6_ADDRSTRLEN];

    int n = snprintf(text, sizeof(text), "%.*s", STR_ARG(peer));
    if (n > 0 && (size_t)n < sizeof(text)) {
        if (inet_pton(AF_INET, text, b) == 1) {
            return str_n((const char *)b, 4);
        }
        if (inet_pton(AF_INET6, text, b) == 1) {
            bool mapped = memcmp(b, MAPPED, sizeof(MAPPED)) == 0;
            return mapped ? str_n((const char *)b + 12, 4) : str_n((const char *)b, 8);
        }
    }
    return peer;
}

static uint64_t
address_key(const struct gw_limit *limit, struct str peer)
{
    unsigned char b[16];

    return mix(limit->seed, str_hash64(address_bytes(peer, b)));
}

static enum rc
refuse(struct ctx *ctx, const struct gw_rate_state *state)
{
    return fail(ctx, RC_RESOURCE_EXHAUSTED, "RATE_LIMITED",
                "too many requests, try again in %lld seconds",
                (long long)((state->reset_us + ASSAY_US_PER_S - 1) / ASSAY_US_PER_S));
}

/* What is counted, in the same bytes at every gateway. */
struct rate_key {
    uint8_t rate;
    uint8_t kind;       /* of the token; 0: by address */
    uint16_t endpoint;  /* 0: all of the class */
    uint32_t address_n; /* bytes of the address; 0: `who` names it */
    uint64_t who;       /* number of the token, or hash of its subject */
    unsigned char address[16];
};

static void
make_key(const struct ctx *ctx, const struct gw_route *route, struct rate_key *out)
{
    bool by_token = ctx->who.kind != TOKEN_NONE && route->rate != GW_RATE_AUTH;
    unsigned char b[16];

    memset(out, 0, sizeof(*out));
    out->rate = (uint8_t)(route->rate + 1);
    out->endpoint = route->rate == GW_RATE_DEFAULT ? 0 : (uint16_t)(route->endpoint + 1);
    if (by_token) {
        out->kind = (uint8_t)ctx->who.kind;
        out->who =
            ctx->who.token_id != 0 ? (uint64_t)ctx->who.token_id : str_hash64(ctx->who.subject);
        return;
    }
    struct str address = address_bytes(ctx->peer, b);
    if (address.n > sizeof(out->address)) {
        out->who = str_hash64(address);
    } else {
        out->address_n = (uint32_t)address.n;
        memcpy(out->address, address.p, address.n);
    }
}

bool
gw_limit_count(struct gw_limit *limit, struct str key, int64_t quota, struct gw_rate_state *out)
{
    return gw_limit_take(limit, mix(limit->seed, str_hash64(key)), quota, clk_mono_us(), out);
}

void
gw_limit_share(struct gw_limit *limit, struct gw_ring *ring)
{
    limit->ring = limit->off ? NULL : ring;
}

enum rc
gw_limit_admit(struct gw_limit *limit, struct ctx *ctx, const struct gw_route *route,
               struct gw_rate_state *out)
{
    struct rate_key key;
    bool admitted = false;

    *out = (struct gw_rate_state){.limited = false};
    if (limit->off || route->rate == GW_RATE_UNLIMITED) {
        return RC_OK;
    }
    make_key(ctx, route, &key);
    struct str bytes = str_n((const char *)&key, sizeof(key));
    int64_t quota = limit->quotas[route->rate];
    if (limit->ring == NULL ||
        gw_ring_take(limit->ring, ctx, bytes, quota, out, &admitted) != GW_OWNER_ASKED) {
        admitted = gw_limit_count(limit, bytes, quota, out);
    }
    out->policy = CLASS_NAMES[route->rate];
    return admitted ? RC_OK : refuse(ctx, out);
}

/* The guard needs no exactness, only little memory for many addresses: a count of this minute and
 * of the one before, weighted. A slot that two addresses share belongs to the newer one. */
static bool
guard_take(struct gw_limit *limit, uint64_t key, int64_t quota, int64_t now_us)
{
    struct guard_slot *g = &limit->guards[key % GUARD_SLOTS];
    int64_t minute = now_us / GW_LIMIT_WINDOW_US;
    int64_t into_us = now_us % GW_LIMIT_WINDOW_US;

    (void)pthread_mutex_lock(&limit->guard_lock);
    if (g->key != key || minute > g->minute + 1) {
        *g = (struct guard_slot){.key = key, .minute = minute};
    } else if (minute > g->minute) {
        *g = (struct guard_slot){.key = key, .minute = minute, .before = g->count};
    }
    int64_t weighted = g->count + g->before * (GW_LIMIT_WINDOW_US - into_us) / GW_LIMIT_WINDOW_US;
    bool admitted = weighted < quota;
    g->count += admitted;
    (void)pthread_mutex_unlock(&limit->guard_lock);
    return admitted;
}

enum rc
gw_limit_guard(struct gw_limit *limit, struct ctx *ctx, struct gw_rate_state *out)
{
    *out = (struct gw_rate_state){.limited = false};
    if (limit->off) {
        return RC_OK;
    }
    int64_t quota = limit->quotas[GW_RATE_DEFAULT] * GUARD_FACTOR;
    if (!guard_take(limit, address_key(limit, ctx->peer), quota, clk_mono_us())) {
        *out = (struct gw_rate_state){
            .limited = true, .policy = "guard", .quota = quota, .reset_us = 10 * ASSAY_US_PER_S};
        return refuse(ctx, out);
    }
    return RC_OK;
}
