/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of eight entries, one lock per shard; a full set loses the entry that expires first. The key
 * is a SHA-256 of attacker-chosen text, so its first bytes spread evenly. */
#include "gateway/gw_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 16
#define WAYS 8
#define EMAIL_MAX 255
#define SUBJECT_MAX 64

struct entry {
    unsigned char key[HASH_SHA256_LEN];
    int64_t expires_us;   /* 0: free */
    struct principal who; /* its strings unset */
    unsigned char email_n;
    unsigned char subject_n;
    char email[EMAIL_MAX];
    char subject[SUBJECT_MAX];
};

struct shard {
    pthread_mutex_t lock;
    struct entry *sets; /* allocated on first use: an idle gateway holds none */
};

struct gw_cache {
    size_t sets_per_shard;
    atomic_llong epoch;
    struct shard shards[SHARDS];
};

enum rc
gw_cache_new(size_t entries_max, struct gw_cache **out)
{
    struct gw_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    cache->sets_per_shard = entries_max / (SHARDS * WAYS) + 1;
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&cache->shards[i].lock, NULL);
    }
    *out = cache;
    return RC_OK;
}

void
gw_cache_free(struct gw_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        free(cache->shards[i].sets);
        (void)pthread_mutex_destroy(&cache->shards[i].lock);
    }
    free(cache);
}

static struct shard *
shard_of(struct gw_cache *cache, const unsigned char key[HASH_SHA256_LEN], size_t *out_set)
{
    uint64_t h = 0;

    memcpy(&h, key, sizeof(h));
    *out_set = (size_t)((h >> 4) % cache->sets_per_shard) * WAYS;
    return &cache->shards[h % SHARDS];
}

bool
gw_cache_get(struct gw_cache *cache, const unsigned char key[HASH_SHA256_LEN], int64_t now_us,
             struct arena *arena, struct principal *who)
{
    size_t set = 0;
    struct shard *shard = shard_of(cache, key, &set);
    bool found = false;

    (void)pthread_mutex_lock(&shard->lock);
    for (size_t i = 0; shard->sets != NULL && i < WAYS && !found; i++) {
        const struct entry *e = &shard->sets[set + i];
        if (e->expires_us > now_us && memcmp(e->key, key, HASH_SHA256_LEN) == 0) {
            *who = e->who;
            who->email = arena_str(arena, str_n(e->email, e->email_n));
            who->subject = arena_str(arena, str_n(e->subject, e->subject_n));
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return found;
}

static void
entry_fill(struct entry *e, const unsigned char key[HASH_SHA256_LEN], const struct principal *who,
           int64_t expires_us)
{
    memcpy(e->key, key, HASH_SHA256_LEN);
    e->expires_us = expires_us;
    e->who = *who;
    e->who.email = STR_EMPTY;
    e->who.subject = STR_EMPTY;
    e->email_n = (unsigned char)(who->email.n < EMAIL_MAX ? who->email.n : 0);
    e->subject_n = (unsigned char)(who->subject.n < SUBJECT_MAX ? who->subject.n : 0);
    if (e->email_n > 0) {
        memcpy(e->email, who->email.p, e->email_n);
    }
    if (e->subject_n > 0) {
        memcpy(e->subject, who->subject.p, e->subject_n);
    }
}

void
gw_cache_put(struct gw_cache *cache, const unsigned char key[HASH_SHA256_LEN],
             const struct principal *who, int64_t expires_us, int64_t epoch)
{
    size_t set = 0;
    struct shard *shard = shard_of(cache, key, &set);

    (void)pthread_mutex_lock(&shard->lock);
    if (shard->sets == NULL) {
        shard->sets = calloc(cache->sets_per_shard * WAYS, sizeof(*shard->sets));
    }
    /* The epoch is read under the lock that gw_cache_revoke takes for this shard after raising it:
     * an answer older than the raise is dropped here, a newer one is swept there. */
    if (shard->sets != NULL && epoch >= atomic_load(&cache->epoch)) {
        struct entry *best = &shard->sets[set];
        for (size_t i = 0; i < WAYS; i++) {
            struct entry *e = &shard->sets[set + i];
            if (memcmp(e->key, key, HASH_SHA256_LEN) == 0) {
                best = e;
                break;
            }
            best = e->expires_us < best->expires_us ? e : best;
        }
        entry_fill(best, key, who, expires_us);
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

void
gw_cache_advance(struct gw_cache *cache, int64_t epoch)
{
    if (epoch > atomic_load(&cache->epoch)) {
        atomic_store(&cache->epoch, epoch);
    }
}

void
gw_cache_revoke(struct gw_cache *cache, int64_t user_id, int64_t org_id, int64_t token_id,
                int64_t epoch)
{
    gw_cache_advance(cache, epoch);
    for (size_t s = 0; s < SHARDS; s++) {
        struct shard *shard = &cache->shards[s];
        (void)pthread_mutex_lock(&shard->lock);
        for (size_t i = 0; shard->sets != NULL && i < cache->sets_per_shard * WAYS; i++) {
            struct entry *e = &shard->sets[i];
            if ((user_id == 0 || e->who.user_id == user_id) &&
                (org_id == 0 || e->who.org_id == org_id) &&
                (token_id == 0 || e->who.token_id == token_id)) {
                e->expires_us = 0;
            }
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
}

size_t
gw_cache_count(struct gw_cache *cache)
{
    size_t n = 0;

    for (size_t s = 0; s < SHARDS; s++) {
        struct shard *shard = &cache->shards[s];
        (void)pthread_mutex_lock(&shard->lock);
        for (size_t i = 0; shard->sets != NULL && i < cache->sets_per_shard * WAYS; i++) {
            n += shard->sets[i].expires_us != 0;
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
    return n;
}
