/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/async.h"
#include "webhooks/whk_lanes.h"
#include "webhooks/whk_notice.h"
#include "webhooks/whk_send.h"
#include "webhooks/whk_store.h"

#define FLIGHT_ARENA_MAX ((size_t)12 << 20)
/* Endpoints that fail are looked at when one of their requests ended, else no more often than this:
 * what they get is late anyway. */
#define FAILING_EVERY_US (200 * ASSAY_US_PER_MS)

/* One request under way, or one that ended and is not stored yet. */
struct flight {
    struct http_call call; /* first: the call's address is the flight's */
    struct whk_engine *engine;
    struct arena *arena;
    struct ctx ctx;
    struct whk_job job; /* numbers; its texts are gone */
    struct whk_outcome outcome;
    struct flight *next;
};

struct whk_engine {
    struct webhooks *w;
    struct http_async *http;
    struct whk_lanes lanes;
    size_t in_flight, failing_in_flight;
    struct flight *ended; /* not stored yet, in the order in which they ended */
    struct flight **ended_tail;
    int64_t cursors[2];    /* endpoint after which the next claim begins; [1]: of those that fail */
    bool unseen;           /* the last claim began behind some that it has not come back to */
    bool is_planned;       /* as in struct whk_claim */
    int64_t failing_at_us; /* mono: when those that fail are looked at again */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct flight *done; /* under lock, newest first */
};

static const struct str KINDS[] = {STR_INIT(WHK_KIND_WEBHOOK), STR_INIT(WHK_KIND_SLACK),
                                   STR_INIT(WHK_KIND_TEAMS)};

/* --- flights ------------------------------------------------------------------------------- */

static void
flight_free(struct flight *f)
{
    arena_free(f->arena);
    free(f);
}

/* In the thread of `http`. */
static void
on_done(struct http_call *call)
{
    struct flight *f = (struct flight *)call;
    struct whk_engine *e = f->engine;

    whk_read_outcome(&f->ctx, &f->job, call->rc, &call->resp, &f->outcome);
    pthread_mutex_lock(&e->lock);
    bool was_empty = e->done == NULL;
    f->next = e->done;
    e->done = f;
    pthread_cond_signal(&e->cond);
    pthread_mutex_unlock(&e->lock);
    if (was_empty && e->w->svc != NULL) {
        svc_wake(e->w->svc, WHK_LOOP_DELIVER);
    }
}

static struct flight *
flight_new(struct whk_engine *e, const struct whk_job *job)
{
    struct flight *f = calloc(1, sizeof(*f));

    if (f == NULL || (f->arena = arena_new(FLIGHT_ARENA_MAX)) == NULL) {
        free(f);
        return NULL;
    }
    f->engine = e;
    f->job = (struct whk_job){.delivery_id = job->delivery_id,
                              .endpoint_id = job->endpoint_id,
                              .attempt = job->attempt,
                              .failing = job->failing};
    ctx_init(&f->ctx, f->arena);
    f->ctx.deadline_us = clk_wall_us() + e->w->cfg->timeout_us;
    f->call = (struct http_call){.ctx = &f->ctx, .done = on_done};
    return f;
}

static void
start_job(struct whk_engine *e, const struct whk_job *job)
{
    struct flight *f = flight_new(e, job);

    if (f == NULL) {
        return; /* no memory: the attempt is made when its lease ends */
    }
    e->in_flight++;
    e->failing_in_flight += job->failing ? 1 : 0;
    whk_lanes_begin(&e->lanes, job->endpoint_id);
    enum rc rc = whk_request(e->w, &f->ctx, job, &f->call.req);
    if (rc == RC_OK) {
        http_async_send(e->http, &f->call);
    } else {
        f->call.rc = rc;
        on_done(&f->call);
    }
}

/* Takes over what ended, oldest first. */
static void
collect(struct whk_engine *e)
{
    pthread_mutex_lock(&e->lock);
    struct flight *newest = e->done;
    e->done = NULL;
    pthread_mutex_unlock(&e->lock);

    struct flight *list = NULL;
    while (newest != NULL) {
        struct flight *next = newest->next;
        newest->next = list;
        list = newest;
        newest = next;
    }
    *e->ended_tail = list;
    for (struct flight *f = list; f != NULL; f = f->next) {
        bool delivered = f->outcome.end == WHK_DELIVERED;
        e->ended_tail = &f->next;
        e->in_flight--;
        e->failing_in_flight -= f->job.failing ? 1 : 0;
        if (f->job.failing || !delivered) {
            e->failing_at_us = 0;
        }
        whk_lanes_end(&e->lanes, f->job.endpoint_id, delivered, f->outcome.took_us);
        met_add(e->w->attempts, delivered ? 0 : 1, 0, 1);
    }
}

/* --- one transaction ----------------------------------------------------------------------- */

static size_t
list_outcomes(struct ctx *ctx, const struct flight *list, struct whk_outcome **out)
{
    size_t n = 0;

    for (const struct flight *f = list; f != NULL; f = f->next) {
        n++;
    }
    struct whk_outcome *outcomes = ARENA_ARRAY(ctx->arena, n + 1, struct whk_outcome);
    n = 0;
    for (const struct flight *f = list; f != NULL && outcomes != NULL; f = f->next) {
        outcomes[n++] = f->outcome;
    }
    *out = outcomes;
    return n;
}

static enum rc
store_ended(struct whk_engine *e, struct ctx *ctx)
{
    struct webhooks *w = e->w;
    struct whk_outcome *outcomes = NULL;
    struct whk_hopeless *hopeless = NULL;
    size_t count = 0;
    size_t n = list_outcomes(ctx, e->ended, &outcomes);

    if (n == 0) {
        return outcomes == NULL
                   ? fail(ctx, RC_RESOURCE_EXHAUSTED, "ARENA_FULL", "too many outcomes")
                   : RC_OK;
    }
    enum rc rc =
        whk_record(w->db, ctx, outcomes, n, &w->retry, w->cfg->disable_after_us, &hopeless, &count);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = whk_disable_and_tell(w, ctx, &hopeless[i]);
    }
    return rc;
}

/* What one round has claimed. */
struct claimed {
    struct whk_job *jobs;
    size_t count;
    bool failing;
};

static enum rc
claim_after(struct whk_engine *e, struct ctx *ctx, int64_t after, size_t limit, struct claimed *out)
{
    struct webhooks *w = e->w;
    struct whk_claim claim = {.after = after,
                              .limit = (int64_t)limit,
                              .failing = out->failing,
                              .kinds = KINDS,
                              .kind_count = ARRAY_LEN(KINDS),
                              .lease_us = whk_lease_us(w),
                              .retry = &w->retry,
                              .is_planned = e->is_planned};

    enum rc rc = whk_lanes_room(&e->lanes, ctx, &claim.room);
    e->is_planned = true;
    return rc == RC_OK ? whk_claim(w->db, ctx, &claim, &out->jobs, &out->count) : rc;
}

static int64_t
last_endpoint(const struct claimed *c)
{
    int64_t last = 0;

    for (size_t i = 0; i < c->count; i++) {
        last = c->jobs[i].endpoint_id > last ? c->jobs[i].endpoint_id : last;
    }
    return last;
}

/* A full claim ended somewhere among the endpoints: the next one goes on there, and begins anew
 * behind the last. So whoever waits has his turn, whatever the endpoints before him hold. */
static enum rc
claim_some(struct whk_engine *e, struct ctx *ctx, size_t limit, struct claimed *out)
{
    int64_t *cursor = &e->cursors[out->failing ? 1 : 0];
    int64_t from = *cursor;
    enum rc rc = claim_after(e, ctx, from, limit, out);

    if (rc == RC_OK && out->count == 0 && from > 0) {
        rc = claim_after(e, ctx, 0, limit, out);
    } else if (from > 0 && out->count < limit) {
        e->unseen = true;
    }
    *cursor = rc == RC_OK && out->count >= limit ? last_endpoint(out) : 0;
    return rc;
}

static enum rc
claim_both(struct whk_engine *e, struct ctx *ctx, struct claimed *well, struct claimed *failing)
{
    size_t max = (size_t)e->w->cfg->in_flight;
    size_t failing_max = max / 4 + 1;
    enum rc rc = e->in_flight < max ? claim_some(e, ctx, max - e->in_flight, well) : RC_OK;

    if (rc != RC_OK || clk_mono_us() < e->failing_at_us || e->failing_in_flight >= failing_max) {
        return rc;
    }
    e->failing_at_us = clk_mono_us() + FAILING_EVERY_US;
    return claim_some(e, ctx, failing_max - e->failing_in_flight, failing);
}

static enum rc
exchange(struct whk_engine *e, struct ctx *ctx, struct claimed *well, struct claimed *failing,
         bool claims)
{
    enum rc rc = db_begin(e->w->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    e->is_planned = e->ended != NULL;
    rc = store_ended(e, ctx);
    rc = rc == RC_OK && claims ? claim_both(e, ctx, well, failing) : rc;
    if (rc != RC_OK) {
        db_rollback(e->w->db, ctx);
        return rc;
    }
    return db_commit(e->w->db, ctx);
}

static void
forget_ended(struct whk_engine *e)
{
    while (e->ended != NULL) {
        struct flight *f = e->ended;
        e->ended = f->next;
        flight_free(f);
    }
    e->ended_tail = &e->ended;
}

/* --- the loop ------------------------------------------------------------------------------ */

static void
start_all(struct whk_engine *e, const struct claimed *c)
{
    for (size_t i = 0; i < c->count; i++) {
        start_job(e, &c->jobs[i]);
    }
}

bool
whk_deliver(void *state, struct ctx *ctx)
{
    struct whk_engine *e = ((struct webhooks *)state)->engine;
    struct claimed well = {.failing = false};
    struct claimed failing = {.failing = true};

    e->unseen = false;
    collect(e);
    /* A failure stands in ctx and is logged by the loop; what ended is stored in the next round. */
    if (exchange(e, ctx, &well, &failing, true) != RC_OK) {
        return false;
    }
    forget_ended(e);
    whk_lanes_forget_idle(&e->lanes);
    start_all(e, &well);
    start_all(e, &failing);
    return e->unseen; /* else what ends wakes the loop again */
}

static bool
wait_for_one(struct whk_engine *e, int64_t until_us)
{
    struct timespec at = {.tv_sec = (time_t)(until_us / ASSAY_US_PER_S),
                          .tv_nsec = (long)(until_us % ASSAY_US_PER_S) * 1000};

    pthread_mutex_lock(&e->lock);
    while (e->done == NULL && clk_mono_us() < until_us) {
        (void)pthread_cond_timedwait(&e->cond, &e->lock, &at);
    }
    bool found = e->done != NULL;
    pthread_mutex_unlock(&e->lock);
    return found;
}

bool
whk_engine_drain(struct whk_engine *e, struct ctx *ctx, int64_t within_us)
{
    int64_t until_us = clk_mono_us() + within_us;

    collect(e);
    while (e->in_flight > 0 && wait_for_one(e, until_us)) {
        collect(e);
    }
    struct claimed none = {.count = 0};
    if (e->ended != NULL && exchange(e, ctx, &none, &none, false) == RC_OK) {
        forget_ended(e);
    }
    return e->in_flight == 0 && e->ended == NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

static void
init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

enum rc
whk_engine_new(struct webhooks *w, struct whk_engine **out)
{
    struct whk_engine *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    e->w = w;
    e->ended_tail = &e->ended;
    (void)pthread_mutex_init(&e->lock, NULL);
    init_cond(&e->cond);
    if (!whk_lanes_init(&e->lanes, w->cfg->in_flight, w->cfg->per_endpoint) ||
        http_async_new(w->http, &e->http) != RC_OK) {
        whk_engine_free(e);
        return RC_RESOURCE_EXHAUSTED;
    }
    *out = e;
    return RC_OK;
}

void
whk_engine_free(struct whk_engine *e)
{
    if (e == NULL) {
        return;
    }
    http_async_free(e->http); /* calls on_done for what was under way */
    collect(e);
    forget_ended(e);
    whk_lanes_fini(&e->lanes);
    (void)pthread_cond_destroy(&e->cond);
    (void)pthread_mutex_destroy(&e->lock);
    free(e);
}
