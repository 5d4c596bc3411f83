/* SPDX-License-Identifier: Apache-2.0
 *
 * What sessions and tests call. */
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "worker/wrk_job.h"

static enum rc
no_device(struct ctx *ctx)
{
    return fail(ctx, RC_NOT_FOUND, "DEVICE_NOT_FOUND", "this worker has no such device");
}

enum rc
worker_open_session(struct worker *w, struct ctx *ctx, const Assay__OpenSessionRequest *req,
                    Assay__Empty *resp)
{
    struct wrk_device *d = wrk_device_find(w, req->device_id);

    (void)resp;
    return d == NULL ? no_device(ctx)
                     : wrk_session_open(w, ctx, d, req->session_id,
                                        req->url == NULL ? "" : req->url, false);
}

enum rc
worker_close_session(struct worker *w, struct ctx *ctx, const Assay__CloseSessionRequest *req,
                     Assay__Empty *resp)
{
    (void)ctx;
    (void)resp;
    wrk_session_close(w, req->session_id);
    return RC_OK;
}

enum rc
worker_start_job(struct worker *w, struct ctx *ctx, const Assay__StartJobRequest *req,
                 Assay__Empty *resp)
{
    struct wrk_device *d = wrk_device_find(w, req->device_id);

    (void)resp;
    if (d == NULL) {
        return no_device(ctx);
    }
    if (atomic_load(&w->stop.asked)) {
        return wrk_refuse_stopping(ctx);
    }
    /* The job resets the device before its first case: opening it here would be done twice. */
    enum rc rc = wrk_session_open(w, ctx, d, req->session_id, "", true);
    return rc == RC_OK ? wrk_job_start(w, ctx, d, req) : rc;
}

enum rc
worker_cancel_job(struct worker *w, struct ctx *ctx, const Assay__CancelJobRequest *req,
                  Assay__Empty *resp)
{
    (void)ctx;
    (void)resp;
    for (size_t i = 0; i < w->device_count; i++) {
        struct wrk_device *d = &w->devices[i];
        wrk_job_stop(d, (struct wrk_which){.job_id = req->job_id}, WRK_CANCEL);
    }
    return RC_OK;
}

/* --- input of people ----------------------------------------------------------------------- */

static struct device_action
point_action(enum device_verb verb, const Assay__ControlRequest *req)
{
    return (struct device_action){
        .verb = verb,
        .ref = -1,
        .ref2 = -1,
        .x = req->x,
        .y = req->y,
        .x2 = req->x2,
        .y2 = req->y2,
        .duration_us = req->has_duration_ms ? req->duration_ms * ASSAY_US_PER_MS : 0,
    };
}

/* Where there is nothing to go back to the button does nothing, as on a device. */
static enum rc
back(struct wrk_device *d, struct ctx *ctx)
{
    enum rc rc = d->device->driver->back(d->device, ctx);

    if (rc == RC_FAILED_PRECONDITION && ctx->err.reason != NULL &&
        strcmp(ctx->err.reason, "NO_HISTORY") == 0) {
        ctx_recover(ctx);
        rc = RC_OK;
    }
    return rc;
}

static enum rc
act(struct wrk_device *d, struct ctx *ctx, const Assay__ControlRequest *req)
{
    struct device_action action;

    if (strcmp(req->action, "tap") == 0) {
        action = point_action(DEVICE_TAP, req);
    } else if (strcmp(req->action, "swipe") == 0) {
        action = point_action(DEVICE_SWIPE, req);
    } else if (strcmp(req->action, "key") == 0 && req->keycode != NULL) {
        if (strcmp(req->keycode, "BACK") == 0) {
            return back(d, ctx);
        }
        action = point_action(DEVICE_KEY, req);
        action.ref = -1;
        action.text = str_z(req->keycode);
    } else {
        return fail(ctx, RC_FAILED_PRECONDITION, "NOT_SUPPORTED",
                    "this device does not support the action %s", req->action);
    }
    return d->device->driver->act(d->device, ctx, &action);
}

static enum rc
take_screenshot(struct wrk_device *d, struct ctx *ctx, Assay__ControlResponse *resp)
{
    struct str jpeg;

    enum rc rc = d->device->driver->screenshot(d->device, ctx, DEVICE_JPEG, 80, &jpeg);
    if (rc == RC_OK) {
        wrk_frame_put(d, jpeg);
        PB_SET(resp, screenshot_jpeg, pb_bytes(ctx->arena, jpeg));
    }
    return rc;
}

/* While a job drives the device, the newest frame stands for a screenshot. */
static enum rc
newest_frame(struct wrk_device *d, struct ctx *ctx, Assay__ControlResponse *resp)
{
    (void)pthread_mutex_lock(&d->frame.lock);
    if (d->frame.jpeg != NULL) {
        PB_SET(resp, screenshot_jpeg, pb_bytes(ctx->arena, str_n(d->frame.jpeg, d->frame.n)));
    }
    (void)pthread_mutex_unlock(&d->frame.lock);
    return resp->has_screenshot_jpeg
               ? RC_OK
               : fail(ctx, RC_FAILED_PRECONDITION, "SESSION_BUSY", "a run uses the session");
}

static bool
is_busy(struct wrk_device *d)
{
    (void)pthread_mutex_lock(&d->lock);
    bool busy = d->job != NULL;
    (void)pthread_mutex_unlock(&d->lock);
    return busy;
}

static bool
holds_session(struct wrk_device *d, const char *session_id)
{
    (void)pthread_mutex_lock(&d->lock);
    bool holds = strcmp(d->session_id, session_id) == 0;
    (void)pthread_mutex_unlock(&d->lock);
    return holds;
}

enum rc
worker_control(struct worker *w, struct ctx *ctx, const Assay__ControlRequest *req,
               Assay__ControlResponse *resp)
{
    struct wrk_device *d = wrk_device_of_session(w, req->session_id);
    bool is_shot = strcmp(req->action, "screenshot") == 0;

    if (d == NULL) {
        return fail(ctx, RC_FAILED_PRECONDITION, "SESSION_NOT_ACTIVE", "the session is not open");
    }
    if (is_busy(d)) {
        return is_shot
                   ? newest_frame(d, ctx, resp)
                   : fail(ctx, RC_FAILED_PRECONDITION, "SESSION_BUSY", "a run uses the session");
    }
    (void)pthread_mutex_lock(&d->use);
    /* Whoever held the device until now may have given it to another session. */
    enum rc rc =
        !holds_session(d, req->session_id)
            ? fail(ctx, RC_FAILED_PRECONDITION, "SESSION_NOT_ACTIVE", "the session is not open")
        : is_shot ? take_screenshot(d, ctx, resp)
                  : act(d, ctx, req);
    (void)pthread_mutex_unlock(&d->use);
    return rc;
}

/* --- live view ----------------------------------------------------------------------------- */

#define FRAME_EVERY_US (250 * ASSAY_US_PER_MS)

/* Waits for a frame newer than `after`, until `until_us`. */
static bool
wait_frame(struct wrk_device *d, int64_t after, int64_t until_us)
{
    bool in_time = true;

    (void)pthread_mutex_lock(&d->frame.lock);
    while ((d->frame.seq <= after || d->frame.jpeg == NULL) && in_time) {
        in_time = cond_wait_until(&d->frame.fresh, &d->frame.lock, until_us);
    }
    bool fresh = d->frame.seq > after && d->frame.jpeg != NULL;
    (void)pthread_mutex_unlock(&d->frame.lock);
    return fresh;
}

/* Takes a new frame when nobody drives the device. */
static void
refresh(struct wrk_device *d, struct ctx *ctx)
{
    struct str jpeg;

    (void)pthread_mutex_lock(&d->lock);
    bool idle = d->job == NULL && d->is_open;
    (void)pthread_mutex_unlock(&d->lock);
    if (!idle || pthread_mutex_trylock(&d->use) != 0) {
        return;
    }
    if (d->device->driver->screenshot(d->device, ctx, DEVICE_JPEG, 60, &jpeg) == RC_OK) {
        wrk_frame_put(d, jpeg);
    } else {
        ctx_recover(ctx);
    }
    (void)pthread_mutex_unlock(&d->use);
}

/* False: the picture, or the session, was gone meanwhile. The session is compared under the lock it
 * changes under, so that nobody is shown a picture of another session. */
static bool
copy_frame(struct wrk_device *d, struct ctx *ctx, const char *session_id, Assay__StreamMessage *m)
{
    (void)pthread_mutex_lock(&d->lock);
    (void)pthread_mutex_lock(&d->frame.lock);
    bool there = strcmp(d->session_id, session_id) == 0 && d->frame.jpeg != NULL;
    if (there) {
        m->seq = d->frame.seq;
        PB_SET(m, jpeg, pb_bytes(ctx->arena, str_n(d->frame.jpeg, d->frame.n)));
    }
    (void)pthread_mutex_unlock(&d->frame.lock);
    (void)pthread_mutex_unlock(&d->lock);
    return there;
}

static enum rc
put_frame(struct wrk_device *d, struct ctx *ctx, const char *session_id,
          Assay__StreamResponse *resp)
{
    Assay__StreamMessage *m = PB_NEW(ctx->arena, Assay__StreamMessage, assay__stream_message);
    resp->messages = ARENA_ARRAY(ctx->arena, 1, Assay__StreamMessage *);

    if (m == NULL || resp->messages == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    if (!copy_frame(d, ctx, session_id, m)) {
        resp->messages = NULL;
        return RC_OK; /* nothing now; the next poll sees what has become of it */
    }
    m->type = pb_strz(ctx->arena, STR("frame"));
    struct str json = arena_printf(ctx->arena, "{\"width\":%d,\"height\":%d}", d->profile.width,
                                   d->profile.height);
    PB_SET(m, json, pb_bytes(ctx->arena, json));
    resp->messages[0] = m;
    resp->n_messages = 1;
    return RC_OK;
}

enum rc
worker_poll_stream(struct worker *w, struct ctx *ctx, const Assay__StreamRequest *req,
                   Assay__StreamResponse *resp)
{
    int64_t wait_us = req->has_wait_us ? req->wait_us : 0;
    int64_t until_us = clk_mono_us() + wait_us;
    int64_t after = req->after_seq;

    for (;;) {
        struct wrk_device *d = wrk_device_of_session(w, req->session_id);
        if (d == NULL) {
            PB_SET(resp, ended, 1);
            return RC_OK;
        }
        int64_t tick_us = clk_mono_us() + FRAME_EVERY_US;
        if (wait_frame(d, after, tick_us < until_us ? tick_us : until_us)) {
            return put_frame(d, ctx, req->session_id, resp);
        }
        if (clk_mono_us() >= until_us || svc_is_stopping(w->svc)) {
            return RC_OK;
        }
        refresh(d, ctx);
    }
}
