/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that a service does by itself: a thread per loop, woken by a call, by NOTIFY or by time. */
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/id.h"
#include "svc/svc_int.h"

#define LOOP_ARENA_MAX ((size_t)32 << 20)
#define AFTER_FAILURE_US (200 * ASSAY_US_PER_MS)

struct svc_loop {
    struct svc *svc;
    char name[40];
    int64_t period_us, budget_us;
    bool (*fn)(void *state, struct ctx *ctx);
    void *state;
    pthread_t thread;
    struct db_listener *listener;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool woken; /* under lock */
};

void
svc__service_ctx(struct svc *svc, struct ctx *ctx, struct arena *arena, int64_t budget_us)
{
    char id[ID_UUID_LEN + 1];

    ctx_init(ctx, arena);
    id_uuid(id);
    ctx->request_id = arena_str(arena, str_n(id, ID_UUID_LEN));
    ctx->deadline_us = clk_wall_us() + budget_us;
    ctx->who.kind = TOKEN_SERVICE;
    ctx->who.subject = str_z(svc->def->name);
}

/* --- the thread ---------------------------------------------------------------------------- */

static void
loop_wake(struct svc_loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    loop->woken = true;
    (void)pthread_cond_signal(&loop->cond);
    (void)pthread_mutex_unlock(&loop->lock);
}

static void
wait_until(struct svc_loop *loop, int64_t until_us)
{

    (void)pthread_mutex_lock(&loop->lock);
    while (!loop->woken && !svc_is_stopping(loop->svc) && clk_mono_us() < until_us) {
        (void)cond_wait_until(&loop->cond, &loop->lock, until_us);
    }
    loop->woken = false;
    (void)pthread_mutex_unlock(&loop->lock);
}

/* Runs once; true: again at once. */
static bool
run_once(struct svc_loop *loop, struct arena *arena, bool *out_failed)
{
    struct svc *svc = loop->svc;
    struct ctx ctx;

    svc__service_ctx(svc, &ctx, arena, loop->budget_us);
    bool again = loop->fn(loop->state, &ctx);
    if (db_in_tx(&ctx)) {
        db_rollback(svc->db, &ctx);
    }
    *out_failed = ctx.err.code != RC_OK;
    if (*out_failed && !svc_is_stopping(svc)) {
        log_line(LOG_WARN_LEVEL, &ctx, "loop_failed", NULL, LOG_Z("loop", loop->name));
        met_add(svc->metrics.loop_failures, 0, 0, 1);
    }
    return again;
}

static void *
loop_main(void *arg)
{
    struct svc_loop *loop = arg;
    struct arena *arena = arena_new(LOOP_ARENA_MAX);

    ASSERT(arena != NULL);
    while (!svc_is_stopping(loop->svc)) {
        bool failed;
        int64_t start = clk_mono_us();
        bool again = run_once(loop, arena, &failed);
        arena_reset(arena);
        if (!again) {
            wait_until(loop, start + loop->period_us);
        } else if (failed) {
            wait_until(loop, clk_mono_us() + AFTER_FAILURE_US); /* never a busy loop of failures */
        }
    }
    arena_free(arena);
    return NULL;
}

/* --- starting and waking ------------------------------------------------------------------- */

static void
on_notify(void *arg, struct str payload)
{
    (void)payload;
    loop_wake(arg);
}

static void
loop_init(struct svc_loop *loop, const char *name)
{
    size_t n = strlen(name);

    ASSERT(n < sizeof loop->name);
    memcpy(loop->name, name, n + 1);
    cond_init(&loop->cond);
    (void)pthread_mutex_init(&loop->lock, NULL);
}

enum rc
svc__loop_start(struct svc *svc, const char *name, bool listens, int64_t period_us,
                int64_t budget_us, bool (*fn)(void *state, struct ctx *ctx), void *state)
{
    struct svc_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    loop_init(loop, name);
    loop->svc = svc;
    loop->period_us = period_us;
    loop->budget_us = budget_us;
    loop->fn = fn;
    loop->state = state;
    enum rc rc = listens ? db_listen(svc->db, name, on_notify, loop, &loop->listener) : RC_OK;
    if (rc == RC_OK && pthread_create(&loop->thread, NULL, loop_main, loop) != 0) {
        db_listener_free(loop->listener);
        rc = RC_RESOURCE_EXHAUSTED;
    }
    if (rc != RC_OK) {
        free(loop);
        return rc;
    }
    (void)pthread_mutex_lock(&svc->lock);
    ASSERT(svc->loop_count < SVC_LOOPS_MAX);
    svc->loops[svc->loop_count++] = loop;
    (void)pthread_mutex_unlock(&svc->lock);
    return RC_OK;
}

enum rc
svc_loop(struct svc *svc, const char *name, int64_t period_us, int64_t budget_us,
         bool (*fn)(void *state, struct ctx *ctx), void *state)
{
    return svc__loop_start(svc, name, svc->db != NULL, period_us, budget_us, fn, state);
}

void
svc_wake(struct svc *svc, const char *name)
{
    (void)pthread_mutex_lock(&svc->lock);
    for (size_t i = 0; i < svc->loop_count; i++) {
        if (strcmp(svc->loops[i]->name, name) == 0) {
            loop_wake(svc->loops[i]);
        }
    }
    (void)pthread_mutex_unlock(&svc->lock);
}

struct wake {
    struct svc *svc;
    const char *name;
};

static void
wake_now(void *arg)
{
    struct wake *wake = arg;

    svc_wake(wake->svc, wake->name);
}

enum rc
svc_wake_after_commit(struct svc *svc, struct ctx *ctx, const char *name)
{
    struct wake *wake = ARENA_NEW(ctx->arena, struct wake);

    if (wake == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    *wake = (struct wake){svc, name};
    enum rc rc = db_after_commit(ctx, wake_now, wake);
    return rc == RC_OK ? db_notify(svc->db, ctx, name, STR_EMPTY) : rc;
}

/* --- stopping ------------------------------------------------------------------------------ */

void
svc__loops_stop(struct svc *svc)
{
    for (size_t i = 0; i < svc->loop_count; i++) {
        loop_wake(svc->loops[i]);
    }
    for (size_t i = 0; i < svc->loop_count; i++) {
        (void)pthread_join(svc->loops[i]->thread, NULL);
    }
}

void
svc__loops_free(struct svc *svc)
{
    for (size_t i = 0; i < svc->loop_count; i++) {
        struct svc_loop *loop = svc->loops[i];
        db_listener_free(loop->listener);
        (void)pthread_cond_destroy(&loop->cond);
        (void)pthread_mutex_destroy(&loop->lock);
        free(loop);
    }
    svc->loop_count = 0;
}
