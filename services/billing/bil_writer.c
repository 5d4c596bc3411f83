/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "billing/bil_post.h"

#define ARENA_MAX ((size_t)32 << 20)
#define TX_US (10 * ASSAY_US_PER_S)
#define LINES 1024 /* chains of the table of lines */
#define THREADS_MAX 16

/* One caller's operations; on its stack. */
struct request {
    struct request *next;
    struct bil_op *ops;
    size_t n;
    enum { WAITING, TAKEN, DONE } state;
    enum rc rc;
    const char *reason;
    char msg[160];
    pthread_cond_t done;
};

/* Those who wait for one account. It lives while somebody waits or is served. */
struct line {
    struct line *next;       /* in its chain */
    struct line *next_ready; /* in the queue of lines to serve */
    int64_t org_id;
    struct request *head;
    struct request **tail;
    bool is_ready;  /* in that queue */
    bool is_served; /* by a writer, now */
};

struct bil_writer {
    struct db *db;
    const char *plan;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct line *lines[LINES];
    struct line *ready;
    struct line **ready_tail;
    size_t waiting;
    bool stopping;
    struct bil_writer_stats stats;
    int thread_count;
    pthread_t threads[THREADS_MAX];
};

/* --- lines; the lock is held ------------------------------------------------------------------ */

static struct line **
line_spot(struct bil_writer *w, int64_t org_id)
{
    struct line **at = &w->lines[(uint64_t)org_id % LINES];

    while (*at != NULL && (*at)->org_id != org_id) {
        at = &(*at)->next;
    }
    return at;
}

static void
make_ready(struct bil_writer *w, struct line *line)
{
    line->is_ready = true;
    line->next_ready = NULL;
    *w->ready_tail = line;
    w->ready_tail = &line->next_ready;
    (void)pthread_cond_signal(&w->work);
}

static bool
stand_in_line(struct bil_writer *w, int64_t org_id, struct request *r)
{
    struct line **spot = line_spot(w, org_id);
    struct line *line = *spot;

    if (line == NULL) {
        line = calloc(1, sizeof(*line));
        if (line == NULL) {
            return false;
        }
        line->org_id = org_id;
        line->tail = &line->head;
        *spot = line;
    }
    *line->tail = r;
    line->tail = &r->next;
    w->waiting += r->n;
    if (!line->is_ready && !line->is_served) {
        make_ready(w, line);
    }
    return true;
}

/* Takes from the head as many as one transaction may have. */
static struct request *
take_batch(struct bil_writer *w, struct line *line, size_t *out_n)
{
    struct request *first = line->head;
    struct request *last = NULL;
    size_t n = 0;

    while (line->head != NULL && (n == 0 || n + line->head->n <= BIL_BATCH_MAX)) {
        last = line->head;
        last->state = TAKEN;
        n += last->n;
        line->head = last->next;
    }
    last->next = NULL;
    if (line->head == NULL) {
        line->tail = &line->head;
    }
    w->waiting -= n;
    *out_n = n;
    return first;
}

static void
leave_line(struct bil_writer *w, int64_t org_id, struct request *r)
{
    struct line *line = *line_spot(w, org_id);
    struct request **at = &line->head;

    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    if (line->tail == &r->next) {
        line->tail = at;
    }
    w->waiting -= r->n;
    /* An empty line that is ready stays so: its writer finds nothing and drops it. */
}

static void
drop_or_go_on(struct bil_writer *w, struct line *line)
{
    line->is_served = false;
    if (line->head != NULL) {
        make_ready(w, line);
        return;
    }
    struct line **spot = line_spot(w, line->org_id);
    *spot = line->next;
    free(line);
}

/* --- a transaction ------------------------------------------------------------------------- */

static enum rc
post_in_tx(struct bil_writer *w, struct ctx *ctx, int64_t org_id, struct bil_op *ops, size_t n)
{
    enum rc rc = db_begin(w->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = bil_post(w->db, ctx, w->plan, org_id, ops, n);
    if (rc != RC_OK) {
        db_rollback(w->db, ctx);
        return rc;
    }
    return db_commit(w->db, ctx);
}

/* A single caller's operations are worked on where they are; of several a copy is made in one
 * piece. */
static enum rc
post_batch(struct bil_writer *w, struct ctx *ctx, int64_t org_id, struct request *batch, size_t n)
{
    if (batch->next == NULL) {
        return post_in_tx(w, ctx, org_id, batch->ops, n);
    }
    struct bil_op *ops = ARENA_ARRAY(ctx->arena, n, struct bil_op);
    if (ops == NULL) {
        return fail_memory(ctx, "too many operations at once");
    }
    size_t at = 0;
    for (struct request *r = batch; r != NULL; at += r->n, r = r->next) {
        memcpy(ops + at, r->ops, r->n * sizeof(*ops));
    }
    enum rc rc = post_in_tx(w, ctx, org_id, ops, n);
    at = 0;
    for (struct request *r = batch; r != NULL; at += r->n, r = r->next) {
        memcpy(r->ops, ops + at, r->n * sizeof(*ops));
    }
    return rc;
}

static void
answer(struct request *batch, const struct ctx *ctx, enum rc rc)
{
    while (batch != NULL) {
        struct request *next = batch->next; /* its owner may be gone once it is told */
        batch->rc = rc;
        batch->reason = ctx->err.reason;
        (void)snprintf(batch->msg, sizeof(batch->msg), "%.*s", STR_ARG(ctx->err.msg));
        batch->state = DONE;
        (void)pthread_cond_signal(&batch->done);
        batch = next;
    }
}

static void
serve(struct bil_writer *w, struct line *line, struct arena *arena)
{
    struct ctx ctx;
    size_t n = 0;

    line->is_ready = false;
    line->is_served = true;
    if (line->head == NULL) {
        drop_or_go_on(w, line);
        return;
    }
    struct request *batch = take_batch(w, line, &n);
    (void)pthread_mutex_unlock(&w->lock);
    arena_reset(arena);
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + TX_US;
    ctx.who.kind = TOKEN_SERVICE;
    enum rc rc = post_batch(w, &ctx, line->org_id, batch, n);
    if (rc != RC_OK) {
        /* Nothing of it is stored, or nobody knows: no operation has an outcome. */
        for (struct request *r = batch; r != NULL; r = r->next) {
            for (size_t i = 0; i < r->n; i++) {
                r->ops[i].allowance_micro = r->ops[i].prepaid_micro = 0;
            }
        }
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stats.batches++;
    w->stats.ops += (int64_t)n;
    answer(batch, &ctx, rc);
    drop_or_go_on(w, line);
}

static void *
writer_main(void *arg)
{
    struct bil_writer *w = arg;
    struct arena *arena = arena_new(ARENA_MAX);

    ASSERT(arena != NULL);
    (void)pthread_mutex_lock(&w->lock);
    while (w->ready != NULL || !w->stopping) {
        if (w->ready == NULL) {
            (void)pthread_cond_wait(&w->work, &w->lock);
            continue;
        }
        struct line *line = w->ready;
        w->ready = line->next_ready;
        if (w->ready == NULL) {
            w->ready_tail = &w->ready;
        }
        serve(w, line, arena);
    }
    (void)pthread_mutex_unlock(&w->lock);
    arena_free(arena);
    return NULL;
}

/* --- for callers --------------------------------------------------------------------------- */

enum rc
bil_writer_new(struct db *db, const char *plan, int threads, struct bil_writer **out)
{
    struct bil_writer *w = calloc(1, sizeof(*w));

    ASSERT(threads >= 1 && threads <= THREADS_MAX);
    if (w == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    w->db = db;
    w->plan = plan;
    w->ready_tail = &w->ready;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->work, NULL);
    while (w->thread_count < threads &&
           pthread_create(&w->threads[w->thread_count], NULL, writer_main, w) == 0) {
        w->thread_count++;
    }
    if (w->thread_count < threads) {
        bil_writer_free(w);
        return RC_RESOURCE_EXHAUSTED;
    }
    *out = w;
    return RC_OK;
}

void
bil_writer_free(struct bil_writer *w)
{
    if (w == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_broadcast(&w->work);
    (void)pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->thread_count; i++) {
        (void)pthread_join(w->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Until it is done; one that was not begun by the deadline leaves. False: it left. */
static bool
wait_done(struct bil_writer *w, const struct ctx *ctx, int64_t org_id, struct request *r)
{
    int64_t left_us = ctx_left_us(ctx);
    int64_t until_us = clk_mono_us() + (left_us < TX_US ? left_us : TX_US);

    while (r->state != DONE) {
        if (r->state == TAKEN) {
            (void)pthread_cond_wait(&r->done, &w->lock);
        } else if (!cond_wait_until(&r->done, &w->lock, until_us) && r->state == WAITING &&
                   clk_mono_us() >= until_us) {
            leave_line(w, org_id, r);
            return false;
        }
    }
    return true;
}

enum rc
bil_writer_post(struct bil_writer *w, struct ctx *ctx, int64_t org_id, struct bil_op *ops, size_t n)
{
    struct request r = {.ops = ops, .n = n};

    ASSERT(n >= 1 && n <= BIL_BATCH_MAX);
    cond_init(&r.done);
    (void)pthread_mutex_lock(&w->lock);
    bool is_in = w->waiting + n <= BIL_WAITING_MAX && stand_in_line(w, org_id, &r);
    bool is_done = is_in && wait_done(w, ctx, org_id, &r);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_cond_destroy(&r.done);
    if (!is_in) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "LEDGER_BUSY", "the ledger is busy, try again");
    }
    if (!is_done) {
        return fail(ctx, RC_DEADLINE_EXCEEDED, "DEADLINE", "the ledger did not answer in time");
    }
    return r.rc == RC_OK ? RC_OK : fail(ctx, r.rc, r.reason, "%s", r.msg);
}

void
bil_writer_stats(struct bil_writer *w, struct bil_writer_stats *out)
{
    (void)pthread_mutex_lock(&w->lock);
    *out = w->stats;
    (void)pthread_mutex_unlock(&w->lock);
}
