/* SPDX-License-Identifier: Apache-2.0
 *
 * What the visual part of the service owns: the store, contexts of the engine, the threads that
 * compare, and those who wait for them. */
#include "tests/vizzly/viz.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cond.h"
#include "tests/vizzly/viz_queue.h"

#define ENGINES_MAX 32
#define ENGINE_KEPT_BYTES ((size_t)48 * 1024 * 1024)
#define PERIOD_US (5 * ASSAY_US_PER_S)
/* Half a minute is what a call has by default. */
#define PREVIEW_WAIT_US (20 * ASSAY_US_PER_S)
#define BUDGET_US (300 * ASSAY_US_PER_S)

struct viz {
    struct blob_store *blobs;
    struct db_listener *listener;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    uint64_t generation;      /* guarded by lock */
    pthread_mutex_t previews; /* held while an archive is unpacked */
    struct visual *idle[ENGINES_MAX];
    size_t idle_count;
};

struct blob_store *
viz_blobs(struct viz *viz)
{
    return viz->blobs;
}

/* --- contexts of the engine ---------------------------------------------------------------- */

struct visual *
viz_engine_take(struct viz *viz)
{
    struct visual *engine = NULL;

    (void)pthread_mutex_lock(&viz->lock);
    if (viz->idle_count > 0) {
        engine = viz->idle[--viz->idle_count];
    }
    (void)pthread_mutex_unlock(&viz->lock);
    return engine != NULL ? engine : visual_new();
}

void
viz_engine_give(struct viz *viz, struct visual *engine)
{
    visual_trim(engine, ENGINE_KEPT_BYTES);
    (void)pthread_mutex_lock(&viz->lock);
    bool keep = viz->idle_count < ENGINES_MAX;
    if (keep) {
        viz->idle[viz->idle_count++] = engine;
    }
    (void)pthread_mutex_unlock(&viz->lock);
    if (!keep) {
        visual_free(engine);
    }
}

/* --- waiting ------------------------------------------------------------------------------- */

static void
on_done(void *arg, struct str payload)
{
    struct viz *viz = arg;

    (void)payload;
    (void)pthread_mutex_lock(&viz->lock);
    viz->generation++;
    (void)pthread_cond_broadcast(&viz->cond);
    (void)pthread_mutex_unlock(&viz->lock);
}

uint64_t
viz_generation(struct viz *viz)
{
    (void)pthread_mutex_lock(&viz->lock);
    uint64_t generation = viz->generation;
    (void)pthread_mutex_unlock(&viz->lock);
    return generation;
}

void
viz_wait(struct viz *viz, uint64_t seen, int64_t until_us)
{

    (void)pthread_mutex_lock(&viz->lock);
    while (viz->generation == seen && clk_mono_us() < until_us) {
        (void)cond_wait_until(&viz->cond, &viz->lock, until_us);
    }
    (void)pthread_mutex_unlock(&viz->lock);
}

/* --- one archive at a time ----------------------------------------------------------------- */

enum rc
viz_preview_begin(struct viz *viz, struct ctx *ctx)
{
    int64_t left_us = ctx_left_us(ctx);
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t at_us = (int64_t)until.tv_sec * ASSAY_US_PER_S + until.tv_nsec / 1000 +
                    (left_us < PREVIEW_WAIT_US ? left_us : PREVIEW_WAIT_US);
    until.tv_sec = (time_t)(at_us / ASSAY_US_PER_S);
    until.tv_nsec = (long)(at_us % ASSAY_US_PER_S) * 1000;
    return pthread_mutex_clocklock(&viz->previews, CLOCK_MONOTONIC, &until) == 0
               ? RC_OK
               : fail(ctx, RC_RESOURCE_EXHAUSTED, "OVERLOADED",
                      "other previews are being uploaded, try again");
}

void
viz_preview_end(struct viz *viz)
{
    (void)pthread_mutex_unlock(&viz->previews);
}

/* --- life ---------------------------------------------------------------------------------- */

static enum rc
open_blobs(struct tests *t, struct viz *viz)
{
    const char *why = NULL;

    return blob_open_settings(&t->cfg->blob, &viz->blobs, &why);
}

/* The first loop is woken by NOTIFY; it wakes the others when there is more than it takes. */
static enum rc
start_loops(struct tests *t)
{
    enum rc rc = RC_OK;

    for (int64_t i = 0; rc == RC_OK && i < t->cfg->compare_threads; i++) {
        char name[48];
        (void)snprintf(name, sizeof(name), i == 0 ? LOOP_COMPARE : LOOP_COMPARE "_%lld",
                       (long long)i);
        rc = svc_loop(t->svc, name, PERIOD_US, BUDGET_US, viz_compare_some, t);
    }
    return rc;
}

enum rc
viz_new(struct tests *t, struct viz **out)
{
    struct viz *viz = calloc(1, sizeof(*viz));

    if (viz == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    (void)pthread_mutex_init(&viz->lock, NULL);
    (void)pthread_mutex_init(&viz->previews, NULL);
    cond_init(&viz->cond);
    t->viz = viz;
    *out = viz;
    enum rc rc = open_blobs(t, viz);
    rc = rc == RC_OK ? db_listen(t->db, VIZ_DONE_CHANNEL, on_done, viz, &viz->listener) : rc;
    return rc == RC_OK ? start_loops(t) : rc;
}

void
viz_free(struct viz *viz)
{
    if (viz == NULL) {
        return;
    }
    db_listener_free(viz->listener);
    while (viz->idle_count > 0) {
        visual_free(viz->idle[--viz->idle_count]);
    }
    blob_close(viz->blobs);
    (void)pthread_cond_destroy(&viz->cond);
    (void)pthread_mutex_destroy(&viz->lock);
    (void)pthread_mutex_destroy(&viz->previews);
    free(viz);
}
