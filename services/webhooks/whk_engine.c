/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "http/async.h"
#include "webhooks/whk_lanes.h"
#include "webhooks/whk_notice.h"
#include "webhooks/whk_send.h"
#include "webhooks/whk_store.h"

#define FLIGHT_ARENA_MAX ((size_t)12 << 20)

/* One request under way, or one that ended and is not stored yet. */
struct flight {
    struct http_call call; /* first: the call's address is the flight's */
    struct sender *sender;
    struct arena *arena;
    struct ctx ctx;
    struct whk_job job; /* numbers; its texts are gone */
    struct whk_outcome outcome;
    struct flight *next;
};

/* While there is traffic, retries of those that fail are looked for so often. */
#define FAILING_EVERY_US (200 * ASSAY_US_PER_MS)

/* One of two, each with a thread of its own: for endpoints that are well, and for those that fail.
 */
struct sender {
    struct webhooks *w;
    struct http_async *http; /* of both */
    const char *loop;
    bool failing;
    size_t in_flight, max;
    size_t given_away; /* of those: ended, and not stored yet by `failures` */
    struct whk_lanes lanes;
    struct flight *ended; /* not stored yet, in the order in which they ended */
    struct flight **ended_tail;
    int64_t cursor;          /* endpoint after which the next claim begins */
    bool unseen;             /* the last claim began behind some that it has not come back to */
    bool is_planned;         /* as in struct whk_claim */
    int64_t failing_at_us;   /* mono: when `failures` is woken again */
    struct sender *failures; /* who stores what failed; NULL: this one */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct flight *done;    /* under lock, newest first */
    struct flight *given;   /* under lock, newest first: by the other, to be stored alone */
    struct flight *settled; /* under lock: given away, and stored */
};

struct whk_engine {
    struct http_async *http;
    struct sender well, failing;
};

static const struct str KINDS[] = {STR_INIT(WHK_KIND_WEBHOOK), STR_INIT(WHK_KIND_SLACK),
                                   STR_INIT(WHK_KIND_TEAMS)};

static void
flight_free(struct flight *f)
{
    arena_free(f->arena);
    free(f);
}

/* Puts it on one of the sender's lists and wakes its loop. */
static void
push(struct sender *e, struct flight **list, struct flight *f)
{
    pthread_mutex_lock(&e->lock);
    bool was_empty = *list == NULL;
    f->next = *list;
    *list = f;
    pthread_cond_signal(&e->cond);
    pthread_mutex_unlock(&e->lock);
    if (was_empty && e->w->svc != NULL) {
        svc_wake(e->w->svc, e->loop);
    }
}

/* In the thread of `http`. */
static void
on_done(struct http_call *call)
{
    struct flight *f = (struct flight *)call;

    whk_read_outcome(&f->ctx, &f->job, call->rc, &call->resp, &f->outcome);
    push(f->sender, &f->sender->done, f);
}

static struct flight *
flight_new(struct sender *e, const struct whk_job *job)
{
    struct flight *f = calloc(1, sizeof(*f));

    if (f == NULL || (f->arena = arena_new(FLIGHT_ARENA_MAX)) == NULL) {
        free(f);
        return NULL;
    }
    f->sender = e;
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
start_job(struct sender *e, const struct whk_job *job)
{
    struct flight *f = flight_new(e, job);

    if (f == NULL) {
        return; /* no memory: the attempt is made when its lease ends */
    }
    e->in_flight++;
    whk_lanes_begin(&e->lanes, job->endpoint_id);
    enum rc rc = whk_request(e->w, &f->ctx, job, &f->call.req);
    if (rc == RC_OK) {
        http_async_send(e->http, &f->call);
    } else {
        f->call.rc = rc;
        on_done(&f->call);
    }
}

/* Takes a list over, the oldest first. */
static struct flight *
take(struct sender *e, struct flight **from)
{
    pthread_mutex_lock(&e->lock);
    struct flight *newest = *from;
    *from = NULL;
    pthread_mutex_unlock(&e->lock);

    struct flight *list = NULL;
    while (newest != NULL) {
        struct flight *next = newest->next;
        newest->next = list;
        list = newest;
        newest = next;
    }
    return list;
}

static void
keep(struct sender *e, struct flight *f)
{
    f->next = NULL;
    *e->ended_tail = f;
    e->ended_tail = &f->next;
}

static void
settle(struct sender *e, struct flight *f)
{
    bool delivered = f->outcome.end == WHK_DELIVERED;

    e->in_flight--;
    whk_lanes_end(&e->lanes, f->job.endpoint_id, delivered, f->outcome.took_us);
    met_add(e->w->attempts, delivered ? 0 : 1, 0, 1);
}

/* What failed is stored by the sender of those that fail: nobody who is well waits for that. Until
 * then it counts as under way, so that its endpoint is not asked for more. */
static void
give_away(struct sender *e, struct flight *f)
{
    e->given_away++;
    whk_lanes_doubt(&e->lanes, f->job.endpoint_id);
    push(e->failures, &e->failures->given, f);
}

/* Takes over what ended. */
static void
collect(struct sender *e)
{
    struct flight *next = NULL;

    for (struct flight *f = take(e, &e->done); f != NULL; f = next) {
        next = f->next;
        if (f->outcome.end != WHK_DELIVERED && e->failures != NULL) {
            give_away(e, f);
        } else {
            settle(e, f);
            keep(e, f);
        }
    }
    for (struct flight *f = take(e, &e->given); f != NULL; f = next) {
        next = f->next;
        keep(e, f);
    }
    for (struct flight *f = take(e, &e->settled); f != NULL; f = next) {
        next = f->next;
        e->given_away--;
        settle(e, f);
        flight_free(f);
    }
}

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
store_ended(struct sender *e, struct ctx *ctx)
{
    struct webhooks *w = e->w;
    struct whk_outcome *outcomes = NULL;
    struct whk_hopeless *hopeless = NULL;
    size_t count = 0;
    size_t n = list_outcomes(ctx, e->ended, &outcomes);

    if (n == 0) {
        return outcomes == NULL ? fail_memory(ctx, "too many outcomes") : RC_OK;
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
};

static enum rc
claim_after(struct sender *e, struct ctx *ctx, int64_t after, size_t limit, struct claimed *out)
{
    struct webhooks *w = e->w;
    struct whk_claim claim = {.after = after,
                              .limit = (int64_t)limit,
                              .failing = e->failing,
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
claim_some(struct sender *e, struct ctx *ctx, struct claimed *out)
{
    int64_t from = e->cursor;
    size_t limit = e->max - e->in_flight;

    if (limit == 0) {
        return RC_OK;
    }
    enum rc rc = claim_after(e, ctx, from, limit, out);
    if (rc == RC_OK && out->count == 0 && from > 0) {
        rc = claim_after(e, ctx, 0, limit, out);
    } else if (from > 0 && out->count < limit) {
        e->unseen = true;
    }
    e->cursor = rc == RC_OK && out->count >= limit ? last_endpoint(out) : 0;
    return rc;
}

static enum rc
exchange(struct sender *e, struct ctx *ctx, struct claimed *claimed)
{
    enum rc rc = db_begin(e->w->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    e->is_planned = e->ended != NULL;
    rc = store_ended(e, ctx);
    rc = rc == RC_OK && claimed != NULL ? claim_some(e, ctx, claimed) : rc;
    if (rc != RC_OK) {
        db_rollback(e->w->db, ctx);
        return rc;
    }
    return db_commit(e->w->db, ctx);
}

static void
forget_ended(struct sender *e)
{
    while (e->ended != NULL) {
        struct flight *f = e->ended;
        e->ended = f->next;
        if (f->sender == e) {
            flight_free(f);
        } else {
            push(f->sender, &f->sender->settled, f);
        }
    }
    e->ended_tail = &e->ended;
}

static bool
has_mended(const struct sender *e)
{
    for (const struct flight *f = e->failing ? e->ended : NULL; f != NULL; f = f->next) {
        if (f->outcome.end == WHK_DELIVERED) {
            return true;
        }
    }
    return false;
}

static void
wake_others(struct sender *e)
{
    int64_t now_us = clk_mono_us();

    if (e->w->svc != NULL && has_mended(e)) {
        svc_wake(e->w->svc, WHK_LOOP_DELIVER); /* what waits for it is the other's now */
    }
    if (e->w->svc != NULL && e->failures != NULL && now_us >= e->failing_at_us) {
        e->failing_at_us = now_us + FAILING_EVERY_US;
        svc_wake(e->w->svc, e->failures->loop);
    }
}

static bool
run_round(struct sender *e, struct ctx *ctx)
{
    struct claimed claimed = {.count = 0};

    e->unseen = false;
    collect(e);
    /* A failure stands in ctx and is logged by the loop; what ended is stored in the next round. */
    if (exchange(e, ctx, &claimed) != RC_OK) {
        return false;
    }
    wake_others(e);
    forget_ended(e);
    whk_lanes_forget_idle(&e->lanes);
    for (size_t i = 0; i < claimed.count; i++) {
        start_job(e, &claimed.jobs[i]);
    }
    return e->unseen; /* else what ends wakes the loop again */
}

bool
whk_deliver(void *state, struct ctx *ctx)
{
    return run_round(&((struct webhooks *)state)->engine->well, ctx);
}

bool
whk_deliver_failing(void *state, struct ctx *ctx)
{
    return run_round(&((struct webhooks *)state)->engine->failing, ctx);
}

static bool
wait_for_one(struct sender *e, int64_t until_us)
{

    pthread_mutex_lock(&e->lock);
    while (e->done == NULL && clk_mono_us() < until_us) {
        (void)cond_wait_until(&e->cond, &e->lock, until_us);
    }
    bool found = e->done != NULL;
    pthread_mutex_unlock(&e->lock);
    return found;
}

static bool
drain(struct sender *e, struct ctx *ctx, int64_t until_us)
{
    collect(e);
    while (e->in_flight > e->given_away && wait_for_one(e, until_us)) {
        collect(e);
    }
    if (e->ended != NULL && exchange(e, ctx, NULL) == RC_OK) {
        forget_ended(e);
    }
    return e->in_flight == e->given_away && e->ended == NULL;
}

bool
whk_engine_drain(struct whk_engine *e, struct ctx *ctx, int64_t within_us)
{
    int64_t until_us = clk_mono_us() + within_us;
    bool well = drain(&e->well, ctx, until_us); /* first: what fails of it goes to the other */
    bool failing = drain(&e->failing, ctx, until_us);

    collect(&e->well);
    return well && failing && e->well.in_flight == 0;
}

static bool
sender_init(struct sender *e, struct webhooks *w, const char *loop, int64_t max)
{
    *e = (struct sender){.w = w, .loop = loop, .max = (size_t)max};
    e->ended_tail = &e->ended;
    (void)pthread_mutex_init(&e->lock, NULL);
    cond_init(&e->cond);
    return whk_lanes_init(&e->lanes, max, w->cfg->per_endpoint);
}

static void
sender_fini(struct sender *e)
{
    whk_lanes_fini(&e->lanes);
    (void)pthread_cond_destroy(&e->cond);
    (void)pthread_mutex_destroy(&e->lock);
}

enum rc
whk_engine_new(struct webhooks *w, struct whk_engine **out)
{
    struct whk_engine *e = calloc(1, sizeof(*e));
    int64_t failing_max = w->cfg->in_flight / 4 + 1;

    if (e == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    bool ok = sender_init(&e->well, w, WHK_LOOP_DELIVER, w->cfg->in_flight - failing_max);
    ok = sender_init(&e->failing, w, WHK_LOOP_FAILING, failing_max) && ok;
    e->well.failures = &e->failing;
    e->failing.failing = true;
    if (!ok || http_async_new(w->http, &e->http) != RC_OK) {
        whk_engine_free(e);
        return RC_RESOURCE_EXHAUSTED;
    }
    e->well.http = e->http;
    e->failing.http = e->http;
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
    collect(&e->well);
    collect(&e->failing);
    forget_ended(&e->failing); /* gives back what is the other's */
    collect(&e->well);
    forget_ended(&e->well);
    sender_fini(&e->well);
    sender_fini(&e->failing);
    free(e);
}
