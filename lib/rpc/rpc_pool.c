/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread per pool looks the name up again, opens links to new replicas and closes those that
 * are spent: every second, sooner while no replica is usable. A pool of one exact address has
 * neither thread nor look-up: callers that find it unconnected see to its link themselves. */
#include "rpc/rpc_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "rpc/rpc_resolve.h"

#define LOOK_UP_US (1 * ASSAY_US_PER_S)
#define LOOK_UP_EAGER_US (50 * ASSAY_US_PER_MS)
#define ARENA_MAX ((size_t)256 * 1024)

struct replica {
    struct rpc_link *link;
    bool is_listed;
};

struct rpc_pool {
    struct rpc_pool_cfg cfg;
    char *service;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    bool is_closing, is_reviving;
    unsigned turn; /* who is first among equals */
    size_t count;
    struct replica replicas[RPC_REPLICAS_MAX];
};

static void
on_changed(void *arg)
{
    struct rpc_pool *pool = arg;

    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* False when the time has come. */
static bool
wait_changed(struct rpc_pool *pool, int64_t until_mono_us)
{

    return cond_wait_until(&pool->changed, &pool->lock, until_mono_us);
}

static void revive(struct rpc_pool *pool);

/* --- choosing ------------------------------------------------------------------------------ */

static struct rpc_link *
least_loaded(struct rpc_pool *pool, bool (*is_fit)(const struct rpc_link *))
{
    struct rpc_link *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        struct rpc_link *link = pool->replicas[(i + pool->turn) % pool->count].link;
        if (is_fit(link) && (best == NULL || rpc_link_load(link) < rpc_link_load(best))) {
            best = link;
        }
    }
    pool->turn++;
    return best;
}

struct rpc_link *
rpc_pool_choose(struct rpc_pool *pool, int64_t deadline_us)
{
    int64_t until_us = clk_mono_us() + (deadline_us - clk_wall_us());

    pthread_mutex_lock(&pool->lock);
    struct rpc_link *link = least_loaded(pool, rpc_link_is_usable);
    for (bool is_in_time = true; link == NULL && is_in_time && !pool->is_closing;) {
        link = least_loaded(pool, rpc_link_is_suspect);
        if (link == NULL) {
            revive(pool);
            int64_t look_us = clk_mono_us() + LOOK_UP_EAGER_US;
            (void)wait_changed(pool, look_us < until_us ? look_us : until_us);
            is_in_time = clk_mono_us() < until_us;
            link = least_loaded(pool, rpc_link_is_usable);
        }
    }
    if (link != NULL) {
        rpc_link_ref(link);
    }
    pthread_mutex_unlock(&pool->lock);
    return link;
}

static int
count_usable(const struct rpc_pool *pool)
{
    int n = 0;

    for (size_t i = 0; i < pool->count; i++) {
        n += rpc_link_is_usable(pool->replicas[i].link);
    }
    return n;
}

int
rpc_pool_usable(struct rpc_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    int n = count_usable(pool);
    pthread_mutex_unlock(&pool->lock);
    return n;
}

const char *
rpc_pool_service(const struct rpc_pool *pool)
{
    return pool->service;
}

/* --- keeping the replicas ------------------------------------------------------------------ */

static struct replica *
find(struct rpc_pool *pool, const char *url)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (strcmp(rpc_link_url(pool->replicas[i].link), url) == 0) {
            return &pool->replicas[i];
        }
    }
    return NULL;
}

static enum rc
open_link(struct rpc_pool *pool, const char *url, const char **out_why)
{
    struct rpc_link_cfg cfg = {.url = url,
                               .tls = pool->cfg.tls,
                               .message_max = pool->cfg.message_max,
                               .changed = on_changed,
                               .arg = pool};
    struct rpc_link *link = NULL;
    enum rc rc = rpc_link_open(&cfg, &link, out_why);

    if (rc != RC_OK) {
        return rc;
    }
    pthread_mutex_lock(&pool->lock);
    pool->replicas[pool->count++] = (struct replica){.link = link, .is_listed = true};
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return RC_OK;
}

/* Notes who is listed and opens links to those who are new. */
static void
look_up(struct rpc_pool *pool, struct arena *arena)
{
    struct rpc_urls urls;
    const char *why = NULL;

    if (rpc_resolve(arena, pool->service, &urls) != RC_OK) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < pool->count; i++) {
        pool->replicas[i].is_listed = false;
    }
    for (size_t i = 0; i < urls.count; i++) {
        struct replica *known = find(pool, urls.url[i]);
        if (known != NULL) {
            known->is_listed = true;
            urls.url[i] = NULL;
        }
    }
    size_t room = RPC_REPLICAS_MAX - pool->count;
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < urls.count && room > 0; i++) {
        if (urls.url[i] != NULL && rpc_is_live(urls.url[i]) &&
            open_link(pool, urls.url[i], &why) == RC_OK) {
            room--;
        }
    }
}

static bool
is_over(const struct replica *replica)
{
    struct rpc_link *link = replica->link;

    if (!replica->is_listed && !rpc_link_is_connected(link)) {
        return true;
    }
    return rpc_link_is_spent(link) || rpc_link_is_dead(link);
}

/* Takes one link that is to be closed out of the list; NULL when none is. */
static struct rpc_link *
take_over(struct rpc_pool *pool)
{
    struct rpc_link *link = NULL;

    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < pool->count && link == NULL; i++) {
        if (pool->is_closing || is_over(&pool->replicas[i])) {
            link = pool->replicas[i].link;
            pool->replicas[i] = pool->replicas[--pool->count];
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return link;
}

static void
close_over(struct rpc_pool *pool)
{
    for (struct rpc_link *link = take_over(pool); link != NULL; link = take_over(pool)) {
        rpc_link_shutdown(link);
        rpc_link_unref(link);
    }
}

/* Renews the link of a pool of one address. Under the lock, which it leaves for a while. */
static void
revive(struct rpc_pool *pool)
{
    const char *why = NULL;

    if (!pool->cfg.is_exact || pool->is_reviving) {
        return;
    }
    pool->is_reviving = true;
    pthread_mutex_unlock(&pool->lock);
    close_over(pool);
    pthread_mutex_lock(&pool->lock);
    bool is_empty = pool->count == 0;
    pthread_mutex_unlock(&pool->lock);
    if (is_empty && rpc_is_live(pool->service)) {
        (void)open_link(pool, pool->service, &why);
    }
    pthread_mutex_lock(&pool->lock);
    pool->is_reviving = false;
}

static void *
keeper_main(void *arg)
{
    struct rpc_pool *pool = arg;
    struct arena *arena = arena_new(ARENA_MAX);
    int64_t next_us = 0;

    ASSERT(arena != NULL);
    pthread_mutex_lock(&pool->lock);
    while (!pool->is_closing) {
        bool is_time = clk_mono_us() >= next_us;
        pthread_mutex_unlock(&pool->lock);
        close_over(pool);
        if (is_time) {
            arena_reset(arena);
            look_up(pool, arena);
        }
        pthread_mutex_lock(&pool->lock);
        int64_t pause_us = count_usable(pool) == 0 ? LOOK_UP_EAGER_US : LOOK_UP_US;
        int64_t now_us = clk_mono_us();
        if (is_time || now_us + pause_us < next_us) {
            next_us = now_us + pause_us;
        }
        if (!pool->is_closing) {
            (void)wait_changed(pool, next_us);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    arena_free(arena);
    return NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

static struct rpc_pool *
pool_alloc(const struct rpc_pool_cfg *cfg)
{
    struct rpc_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL || !rpc_nng_prepare() || (pool->service = strdup(cfg->service)) == NULL) {
        free(pool);
        return NULL;
    }
    pool->cfg = *cfg;
    pthread_mutex_init(&pool->lock, NULL);
    cond_init(&pool->changed);
    return pool;
}

enum rc
rpc_pool_new(const struct rpc_pool_cfg *cfg, struct rpc_pool **out, const char **out_why)
{
    struct rpc_pool *pool = pool_alloc(cfg);
    enum rc rc = RC_OK;

    *out_why = "out of memory or threads";
    if (pool == NULL) {
        return RC_UNAVAILABLE;
    }
    if (cfg->is_exact) {
        *out_why = "";
    } else if (pthread_create(&pool->thread, NULL, keeper_main, pool) == 0) {
        pool->has_thread = true;
    } else {
        rc = RC_UNAVAILABLE;
    }
    if (rc != RC_OK) {
        rpc_pool_free(pool);
        return rc;
    }
    *out = pool;
    return RC_OK;
}

void
rpc_pool_free(struct rpc_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->is_closing = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    if (pool->has_thread) {
        (void)pthread_join(pool->thread, NULL);
    }
    close_over(pool);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->service);
    free(pool);
}
