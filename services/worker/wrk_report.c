/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports on their way. What is queued is sent in order; the steps that gathered while a report was
 * under way leave together. A report is dropped from the queue only when tests has taken it (or
 * says that the job is lost): a lost connection, a restart or a full disk over there delays, it
 * loses nothing. Sending one twice is harmless: tests knows steps by their index, verdicts once. */
#include "worker/wrk_job.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cond.h"
#include "log/log.h"
#include "tests_client.h"

#define BATCH_MAX 32
#define RETRY_FIRST_US (100 * ASSAY_US_PER_MS)
#define RETRY_LAST_US (5 * ASSAY_US_PER_S)
#define REFUSALS_MAX 8
#define LOOK_US (100 * ASSAY_US_PER_MS)
#define CALL_US (10 * ASSAY_US_PER_S)
#define BEAT_MIN_US ASSAY_US_PER_S
#define ARENA_MAX ((size_t)64 * 1024 * 1024)

/* --- queueing ------------------------------------------------------------------------------ */

static char *
copy_bytes(struct str s)
{
    char *p = malloc(s.n + 1);

    if (p != NULL) {
        if (s.n > 0) {
            memcpy(p, s.p, s.n);
        }
        p[s.n] = '\0';
    }
    return p;
}

/* Without memory for a report the job cannot be told truthfully: it is given up, its lease ends it.
 */
static void
enqueue(struct wrk_job *job, struct wrk_report *r)
{
    if (r == NULL) {
        atomic_store(&job->lost, true);
        return;
    }
    (void)pthread_mutex_lock(&job->lock);
    *job->tail = r;
    job->tail = &r->next;
    (void)pthread_cond_broadcast(&job->change);
    (void)pthread_mutex_unlock(&job->lock);
}

void
wrk_report_start(struct wrk_job *job, int64_t run_id, int64_t at_us)
{
    struct wrk_report *r = calloc(1, sizeof(*r));

    if (r != NULL) {
        r->kind = REPORT_START;
        r->run_id = run_id;
        r->started_us = at_us;
    }
    enqueue(job, r);
}

void
wrk_report_step(struct wrk_job *job, int64_t run_id, const Assay__StepReport *step, struct str jpeg)
{
    struct wrk_report *r = calloc(1, sizeof(*r));

    if (r != NULL) {
        r->kind = REPORT_STEP;
        r->run_id = run_id;
        r->step_n = protobuf_c_message_get_packed_size(&step->base);
        r->step = malloc(r->step_n + 1);
        if (r->step != NULL) {
            (void)protobuf_c_message_pack(&step->base, (uint8_t *)r->step);
        }
        if (jpeg.n > 0) {
            r->jpeg = copy_bytes(jpeg);
            r->jpeg_n = r->jpeg == NULL ? 0 : jpeg.n;
        }
    }
    if (r != NULL && r->step == NULL) {
        free(r->jpeg);
        free(r);
        r = NULL;
    }
    enqueue(job, r);
}

void
wrk_report_end(struct wrk_job *job, int64_t run_id, const char *verdict, struct str message,
               int64_t started_us, int64_t finished_us)
{
    struct wrk_report *r = calloc(1, sizeof(*r));

    if (r != NULL) {
        r->kind = REPORT_END;
        r->run_id = run_id;
        r->verdict = verdict;
        r->message = message.n == 0 ? NULL : copy_bytes(message);
        r->started_us = started_us;
        r->finished_us = finished_us;
    }
    enqueue(job, r);
}

/* --- sending ------------------------------------------------------------------------------- */

static void
service_ctx(struct ctx *ctx, struct arena *arena)
{
    ctx_init(ctx, arena);
    ctx->who.kind = TOKEN_SERVICE;
    ctx->who.subject = STR("worker");
    ctx->deadline_us = clk_wall_us() + CALL_US;
}

/* `sent_us`: when the question left. Two thirds of the lease are left from then on: tests does not
 * write a lease that is young. */
static void
take_answer(struct wrk_job *job, int64_t sent_us, const Assay__ReportResponse *resp)
{
    int64_t kept_us = job->req->lease_us / 3 * 2;
    bool lost = resp->has_lost && resp->lost;
    bool cancel = resp->has_cancel && resp->cancel;

    if (lost) {
        atomic_store(&job->lost, true);
    } else if (sent_us + kept_us > atomic_load(&job->held_until_us)) {
        atomic_store(&job->held_until_us, sent_us + kept_us);
    }
    /* The device may have another job by now: only this one is stopped. */
    struct wrk_which mine = {.job = job};
    if (cancel && !atomic_exchange(&job->cancel, true)) {
        wrk_job_stop(job->device, mine, WRK_CANCEL);
    }
    if (lost) {
        wrk_job_stop(job->device, mine, WRK_ABANDON);
    }
}

/* The picture goes to the store first: a step never names one that is not there. */
static enum rc
store_picture(struct wrk_job *job, struct ctx *ctx, const struct wrk_report *r,
              Assay__StepReport *step)
{
    char name[BLOB_NAME_MAX + 1];

    if (r->jpeg == NULL) {
        return RC_OK;
    }
    enum rc rc = blob_put(job->worker->blob, ctx, STR_EMPTY, str_n(r->jpeg, r->jpeg_n), name);
    if (rc != RC_OK) {
        return rc;
    }
    Assay__Blob *blob = PB_NEW(ctx->arena, Assay__Blob, assay__blob);
    if (blob == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    blob->key = pb_strz(ctx->arena, str_z(name));
    blob->content_type = pb_strz(ctx->arena, STR("image/jpeg"));
    PB_SET(blob, size_bytes, (int64_t)r->jpeg_n);
    step->screenshot = blob;
    return RC_OK;
}

/* What one call can carry: one report of a case, or steps of one case in a row. The list is read
 * under the lock; its items belong to this thread until it drops them. */
struct batch {
    const struct wrk_report *items[BATCH_MAX];
    size_t n; /* 0: only the end is left */
};

/* Waits until something is queued or the cases are done. */
static void
take_batch(struct wrk_job *job, struct batch *batch)
{
    batch->n = 0;
    (void)pthread_mutex_lock(&job->lock);
    while (job->head == NULL && !job->cases_done) {
        (void)pthread_cond_wait(&job->change, &job->lock);
    }
    for (const struct wrk_report *r = job->head; r != NULL && batch->n < BATCH_MAX; r = r->next) {
        const struct wrk_report *first = batch->n == 0 ? r : batch->items[0];
        bool joins =
            r->kind == REPORT_STEP && first->kind == REPORT_STEP && r->run_id == first->run_id;
        if (batch->n > 0 && !joins) {
            break;
        }
        batch->items[batch->n++] = r;
    }
    (void)pthread_mutex_unlock(&job->lock);
}

/* Drops what was taken. */
static void
drop_batch(struct wrk_job *job, const struct batch *batch)
{
    (void)pthread_mutex_lock(&job->lock);
    for (size_t i = 0; i < batch->n; i++) {
        struct wrk_report *r = job->head;
        job->head = r->next;
        if (job->head == NULL) {
            job->tail = &job->head;
        }
        free(r->message);
        free(r->step);
        free(r->jpeg);
        free(r);
    }
    (void)pthread_cond_broadcast(&job->change);
    (void)pthread_mutex_unlock(&job->lock);
}

static bool
has_verdict_queued(const struct wrk_job *job)
{
    const struct wrk_report *r = job->head;

    while (r != NULL && r->kind != REPORT_END) {
        r = r->next;
    }
    return r != NULL;
}

/* Until something changes or the time is over; under the lock. */
static void
wait_change(struct wrk_job *job, int64_t us)
{
    (void)cond_wait_until(&job->change, &job->lock, clk_mono_us() + us);
}

void
wrk_report_wait_verdicts(struct wrk_job *job)
{
    (void)pthread_mutex_lock(&job->lock);
    while (has_verdict_queued(job) && !job->reported && !wrk_job_is_over(job)) {
        wait_change(job, LOOK_US); /* a job may be stopped without a word to us */
    }
    (void)pthread_mutex_unlock(&job->lock);
}

static enum rc
send_steps(struct wrk_job *job, struct ctx *ctx, const struct batch *batch,
           Assay__ReportResponse **out)
{
    Assay__StepReport *steps[BATCH_MAX];
    Assay__ReportStepsRequest req = ASSAY__REPORT_STEPS_REQUEST__INIT;

    for (size_t i = 0; i < batch->n; i++) {
        const struct wrk_report *r = batch->items[i];
        ProtobufCMessage *step = NULL;
        enum rc rc = pb_unpack(ctx->arena, &assay__step_report__descriptor,
                               str_n(r->step, r->step_n), &step);
        if (rc != RC_OK) {
            return fail(ctx, rc, "BAD_STEP", "a step cannot be read back");
        }
        steps[i] = (Assay__StepReport *)step;
        rc = store_picture(job, ctx, r, steps[i]);
        if (rc != RC_OK) {
            return rc;
        }
    }
    req.job_id = job->req->job_id;
    req.fence = job->req->fence;
    req.run_id = batch->items[0]->run_id;
    req.n_steps = batch->n;
    req.steps = steps;
    return tests_call_report_steps(svc_client(job->worker->svc, SVC_TESTS), ctx, &req, out);
}

static enum rc
send_case(struct wrk_job *job, struct ctx *ctx, const struct wrk_report *r,
          Assay__ReportResponse **out)
{
    Assay__ReportCaseRequest req = ASSAY__REPORT_CASE_REQUEST__INIT;

    req.job_id = job->req->job_id;
    req.fence = job->req->fence;
    req.run_id = r->run_id;
    PB_SET(&req, started_us, r->started_us);
    if (r->kind == REPORT_END) {
        req.status = pb_strz(ctx->arena, str_z(r->verdict));
        req.message = r->message;
        PB_SET(&req, finished_us, r->finished_us);
    }
    return tests_call_report_case(svc_client(job->worker->svc, SVC_TESTS), ctx, &req, out);
}

static enum rc
send_finish(struct wrk_job *job, struct ctx *ctx, Assay__ReportResponse **out)
{
    Assay__FinishJobRequest req = ASSAY__FINISH_JOB_REQUEST__INIT;

    req.job_id = job->req->job_id;
    req.fence = job->req->fence;
    if (job->finish_message != NULL) {
        req.message = pb_strz(ctx->arena, str_z(job->finish_message));
    } else {
        PB_SET(&req, returned, atomic_load(&job->returned));
    }
    return tests_call_finish_job(svc_client(job->worker->svc, SVC_TESTS), ctx, &req, out);
}

static void
pause_us(int64_t us)
{
    struct timespec ts = {.tv_sec = (time_t)(us / ASSAY_US_PER_S),
                          .tv_nsec = (long)(us % ASSAY_US_PER_S * 1000)};
    (void)nanosleep(&ts, NULL); /* back-off before the same report is tried again */
}

/* The service was there and said no: trying the same report again may well never help. */
static bool
is_refusal(enum rc rc)
{
    return rc == RC_INVALID_ARGUMENT || rc == RC_FAILED_PRECONDITION || rc == RC_OUT_OF_RANGE ||
           rc == RC_UNIMPLEMENTED || rc == RC_INTERNAL || rc == RC_DATA_LOSS ||
           rc == RC_NOT_FOUND || rc == RC_PERMISSION_DENIED || rc == RC_ALREADY_EXISTS;
}

/* A report that cannot be delivered, ever: the job ends here and says so, instead of being kept
 * alive by heartbeats for good. What is open of it ends `error`. */
static void
give_up(struct wrk_job *job)
{
    job->finish_message = "a report of the worker was refused; see its log";
    atomic_store(&job->cancel, true);
    wrk_job_stop(job->device, (struct wrk_which){.job = job}, WRK_CANCEL);
}

/* Sends the front of the queue, or the end. True when the job has been reported to its end. */
static bool
send_next(struct wrk_job *job, struct arena *arena, int64_t *backoff_us)
{
    Assay__ReportResponse *resp = NULL;
    struct batch batch;
    struct ctx ctx;
    enum rc rc;
    int64_t sent_us;

    if (job->finish_message != NULL) {
        batch.n = 0;
    } else {
        take_batch(job, &batch);
    }
    if (atomic_load(&job->lost)) {
        return true; /* given up while we waited: its end is not ours to tell */
    }
    arena_reset(arena);
    service_ctx(&ctx, arena);
    sent_us = clk_mono_us();
    if (batch.n == 0) {
        rc = send_finish(job, &ctx, &resp);
    } else if (batch.items[0]->kind == REPORT_STEP) {
        rc = send_steps(job, &ctx, &batch, &resp);
    } else {
        rc = send_case(job, &ctx, batch.items[0], &resp);
    }
    if (rc != RC_OK) {
        log_line(LOG_WARN_LEVEL, &ctx, "report_delayed", "a report could not be delivered",
                 LOG_Z("job", job->req->job_id));
        job->refusals = is_refusal(rc) ? job->refusals + 1 : 0;
        if (job->refusals >= REFUSALS_MAX && job->finish_message == NULL) {
            give_up(job);
            job->refusals = 0;
            return false;
        }
        if (job->refusals >= REFUSALS_MAX) {
            return true; /* not even the end is taken: the lease ends the job */
        }
        pause_us(*backoff_us);
        *backoff_us = *backoff_us * 2 < RETRY_LAST_US ? *backoff_us * 2 : RETRY_LAST_US;
        return false;
    }
    *backoff_us = RETRY_FIRST_US;
    job->refusals = 0;
    take_answer(job, sent_us, resp);
    drop_batch(job, &batch);
    return batch.n == 0;
}

void *
wrk_reporter_thread(void *arg)
{
    struct wrk_job *job = arg;
    struct arena *arena = arena_new(ARENA_MAX);
    int64_t backoff_us = RETRY_FIRST_US;
    bool done = arena == NULL;

    if (done) {
        atomic_store(&job->lost, true);
    }
    while (!done && !atomic_load(&job->lost) && !svc_is_stopping(job->worker->svc)) {
        done = send_next(job, arena, &backoff_us);
    }
    arena_free(arena);
    (void)pthread_mutex_lock(&job->lock);
    job->reported = true;
    (void)pthread_cond_broadcast(&job->change);
    (void)pthread_mutex_unlock(&job->lock);
    return NULL;
}

/* --- heartbeats ---------------------------------------------------------------------------- */

void
wrk_report_wait_lease(struct wrk_job *job)
{
    (void)pthread_mutex_lock(&job->lock);
    while (clk_mono_us() > atomic_load(&job->held_until_us) && !wrk_job_is_over(job)) {
        wait_change(job, LOOK_US);
    }
    (void)pthread_mutex_unlock(&job->lock);
}

/* Waits until the next beat; false when the job has been reported. */
static bool
wait_beat(struct wrk_job *job, int64_t pause_us)
{
    int64_t until_us = clk_mono_us() + pause_us;

    (void)pthread_mutex_lock(&job->lock);
    while (!job->reported && clk_mono_us() < until_us) {
        wait_change(job, until_us - clk_mono_us());
    }
    bool go_on = !job->reported;
    (void)pthread_mutex_unlock(&job->lock);
    return go_on;
}

/* One question may be lost, with a replica that is cut off, and leave time for the next ones. */
static bool
beat(struct wrk_job *job, struct arena *arena)
{
    Assay__JobHeartbeatRequest req = ASSAY__JOB_HEARTBEAT_REQUEST__INIT;
    Assay__ReportResponse *resp = NULL;
    int64_t sent_us = clk_mono_us();
    int64_t patience_us = job->req->lease_us / 6;
    struct ctx ctx;

    arena_reset(arena);
    service_ctx(&ctx, arena);
    if (patience_us < CALL_US) {
        ctx.deadline_us = clk_wall_us() + (patience_us > BEAT_MIN_US ? patience_us : BEAT_MIN_US);
    }
    req.job_id = job->req->job_id;
    req.fence = job->req->fence;
    if (tests_call_job_heartbeat(svc_client(job->worker->svc, SVC_TESTS), &ctx, &req, &resp) !=
        RC_OK) {
        return false;
    }
    take_answer(job, sent_us, resp);
    return true;
}

void *
wrk_beater_thread(void *arg)
{
    struct wrk_job *job = arg;
    struct arena *arena = arena_new((size_t)1024 * 1024);
    int64_t third_us = job->req->lease_us / 3;
    int64_t pause_us = third_us;

    while (arena != NULL && wait_beat(job, pause_us)) {
        pause_us = beat(job, arena) ? third_us : third_us / 4;
    }
    arena_free(arena);
    return NULL;
}
