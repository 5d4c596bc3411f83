/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a job. Three threads: the cases, the reports, the heartbeats. The first starts and
 * joins the others, so that a job is freed by one thread at one point. */
#include "worker/wrk_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/cond.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define DRAIN_US ASSAY_US_PER_S

static void
job_free(struct wrk_job *job)
{
    while (job->head != NULL) {
        struct wrk_report *r = job->head;
        job->head = r->next;
        free(r->message);
        free(r->step);
        free(r->jpeg);
        free(r);
    }
    arena_free(job->arena);
    (void)pthread_mutex_destroy(&job->lock);
    (void)pthread_cond_destroy(&job->change);
    free(job);
}

/* A stop that no call of the job heard would end the next call of whoever comes: one call hears it
 * here. */
static void
drain_abort(struct wrk_job *job)
{
    struct device *dev = job->device->device;
    struct device_page page;
    struct ctx ctx;
    struct arena *arena = arena_new((size_t)1024 * 1024);

    if (arena == NULL) {
        return; /* then the next one's first call fails, and is made again */
    }
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + DRAIN_US;
    if (dev->driver->page(dev, &ctx, &page) != RC_OK) {
        ctx_recover(&ctx); /* this is what was waited for */
    }
    arena_free(arena);
}

/* Lets go of the device: its job is over, people may use it again. */
static void
job_leave_device(struct wrk_job *job)
{
    struct wrk_device *d = job->device;

    (void)pthread_mutex_lock(&d->lock);
    d->job = NULL;
    bool aborted = job->aborted && d->is_open;
    (void)pthread_mutex_unlock(&d->lock);
    if (aborted) {
        drain_abort(job);
    }
    (void)pthread_mutex_unlock(&d->use);
}

static void
run_cases(struct wrk_job *job)
{
    for (size_t i = 0; i < job->req->n_cases && !wrk_job_is_over(job); i++) {
        if (atomic_load(&job->worker->stop.asked)) {
            atomic_store(&job->returned, true);
        } else {
            wrk_case_run(job, job->req->cases[i]);
        }
    }
    (void)pthread_mutex_lock(&job->lock);
    job->cases_done = true;
    (void)pthread_cond_broadcast(&job->change);
    (void)pthread_mutex_unlock(&job->lock);
}

enum rc
wrk_refuse_stopping(struct ctx *ctx)
{
    return fail(ctx, RC_FAILED_PRECONDITION, "WORKER_STOPS", "the worker is being stopped");
}

/* Counts a job, unless the worker begins none any more. */
static bool
job_comes(struct worker *w)
{
    (void)pthread_mutex_lock(&w->jobs_lock);
    bool comes = !atomic_load(&w->stop.asked);
    w->jobs_live += comes ? 1 : 0;
    (void)pthread_mutex_unlock(&w->jobs_lock);
    return comes;
}

static void
job_gone(struct worker *w)
{
    (void)pthread_mutex_lock(&w->jobs_lock);
    w->jobs_live--;
    (void)pthread_cond_broadcast(&w->jobs_gone);
    (void)pthread_mutex_unlock(&w->jobs_lock);
}

void
wrk_jobs_join(struct worker *w)
{
    (void)pthread_mutex_lock(&w->jobs_lock);
    while (w->jobs_live > 0) {
        (void)pthread_cond_wait(&w->jobs_gone, &w->jobs_lock);
    }
    (void)pthread_mutex_unlock(&w->jobs_lock);
}

static void *
job_thread(void *arg)
{
    struct wrk_job *job = arg;
    struct worker *w = job->worker;

    (void)pthread_mutex_lock(&job->device->use);
    bool reports = pthread_create(&job->reporter, NULL, wrk_reporter_thread, job) == 0;
    bool beats = reports && pthread_create(&job->beater, NULL, wrk_beater_thread, job) == 0;
    if (!beats) { /* without heartbeats the lease would run out under us */
        atomic_store(&job->lost, true);
    }
    run_cases(job);
    job_leave_device(job);
    if (reports) {
        (void)pthread_join(job->reporter, NULL);
    }
    if (beats) {
        (void)pthread_join(job->beater, NULL);
    }
    met_add(w->met.jobs, 0, 0, 1);
    job_free(job);
    job_gone(w); /* last: the worker may be freed from here on */
    return NULL;
}

static struct wrk_job *
job_new(struct worker *w, struct wrk_device *d, const Assay__StartJobRequest *req)
{
    struct wrk_job *job = calloc(1, sizeof(*job));
    struct str wire;
    ProtobufCMessage *copy = NULL;

    if (job == NULL) {
        return NULL;
    }
    job->worker = w;
    job->device = d;
    job->tail = &job->head;
    (void)pthread_mutex_init(&job->lock, NULL);
    cond_init(&job->change);
    job->arena = arena_new(ARENA_MAX);
    if (job->arena == NULL || pb_pack(job->arena, &req->base, &wire) != RC_OK ||
        pb_unpack(job->arena, req->base.descriptor, wire, &copy) != RC_OK) {
        job_free(job);
        return NULL;
    }
    job->req = (const Assay__StartJobRequest *)copy;
    /* It was given before it came here; the first beat comes before this is over. */
    atomic_store(&job->held_until_us, clk_mono_us() + job->req->lease_us / 2);
    return job;
}

static bool
is_same_job(const struct wrk_job *job, const Assay__StartJobRequest *req)
{
    return strcmp(job->req->job_id, req->job_id) == 0 && job->req->fence == req->fence;
}

/* Under d->lock. */
static enum rc
refuse_busy(struct ctx *ctx, const struct wrk_device *d, const Assay__StartJobRequest *req,
            bool *out_running)
{
    *out_running = d->job != NULL && is_same_job(d->job, req);
    if (d->job != NULL && !*out_running) {
        return fail(ctx, RC_FAILED_PRECONDITION, "SESSION_BUSY", "another run uses the session");
    }
    return RC_OK;
}

/* Gives the device to the job, unless it has one already. */
static enum rc
take_device(struct ctx *ctx, struct wrk_device *d, const Assay__StartJobRequest *req,
            struct wrk_job *job, bool *out_running)
{
    (void)pthread_mutex_lock(&d->lock);
    enum rc rc = refuse_busy(ctx, d, req, out_running);
    if (rc == RC_OK && !*out_running && job != NULL) {
        d->job = job;
    }
    (void)pthread_mutex_unlock(&d->lock);
    return rc;
}

static bool
start_thread(struct wrk_job *job)
{
    pthread_attr_t attr;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&job->thread, &attr, job_thread, job) == 0;
    (void)pthread_attr_destroy(&attr);
    return started;
}

/* The job is counted already. */
static enum rc
start_counted(struct worker *w, struct ctx *ctx, struct wrk_device *d,
              const Assay__StartJobRequest *req)
{
    bool running = false;
    struct wrk_job *job = job_new(w, d, req);

    if (job == NULL) {
        job_gone(w);
        return fail_memory(ctx, "the job is too large");
    }
    enum rc rc = take_device(ctx, d, req, job, &running);
    bool took = rc == RC_OK && !running;
    if (took && start_thread(job)) {
        return RC_OK;
    }
    if (took) {
        (void)pthread_mutex_lock(&d->lock);
        d->job = NULL;
        (void)pthread_mutex_unlock(&d->lock);
        rc = fail_memory(ctx, "no thread for the job");
    }
    job_free(job);
    job_gone(w);
    return rc;
}

enum rc
wrk_job_start(struct worker *w, struct ctx *ctx, struct wrk_device *d,
              const Assay__StartJobRequest *req)
{
    bool running = false;
    enum rc rc = take_device(ctx, d, req, NULL, &running);

    if (rc != RC_OK || running) {
        return rc;
    }
    return job_comes(w) ? start_counted(w, ctx, d, req) : wrk_refuse_stopping(ctx);
}

static bool
is_meant(const struct wrk_device *d, const struct wrk_which *which)
{
    return (which->job == NULL || d->job == which->job) &&
           (which->job_id == NULL || strcmp(d->job->req->job_id, which->job_id) == 0) &&
           (which->session_id == NULL || strcmp(d->session_id, which->session_id) == 0);
}

void
wrk_job_stop(struct wrk_device *d, struct wrk_which which, enum wrk_how how)
{
    (void)pthread_mutex_lock(&d->lock);
    if (d->job != NULL && is_meant(d, &which)) {
        atomic_store(how == WRK_CANCEL   ? &d->job->cancel
                     : how == WRK_RETURN ? &d->job->returned
                                         : &d->job->lost,
                     true);
        d->job->aborted = true;
        d->device->driver->abort(d->device);
    }
    (void)pthread_mutex_unlock(&d->lock);
}
