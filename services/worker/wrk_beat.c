/* SPDX-License-Identifier: Apache-2.0
 *
 * Registration with sessions, and its lease. */
#include "log/log.h"
#include "sessions_client.h"
#include "worker/wrk_job.h"

#define LEAVE_US (2 * ASSAY_US_PER_S)
#define LEAVE_ARENA_MAX ((size_t)1 << 20)

static enum rc
register_devices(struct worker *w, struct ctx *ctx)
{
    Assay__RegisterWorkerRequest req = ASSAY__REGISTER_WORKER_REQUEST__INIT;
    Assay__RegisterWorkerResponse *resp = NULL;
    Assay__WorkerDevice *devices = ARENA_ARRAY(ctx->arena, w->device_count, Assay__WorkerDevice);
    Assay__WorkerDevice **list = ARENA_ARRAY(ctx->arena, w->device_count, Assay__WorkerDevice *);

    if (devices == NULL || list == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    for (size_t i = 0; i < w->device_count; i++) {
        const struct device_profile *p = &w->devices[i].profile;
        assay__worker_device__init(&devices[i]);
        devices[i].device_id = w->devices[i].id;
        devices[i].name = pb_strz(ctx->arena, str_z(p->name));
        devices[i].platform = pb_strz(ctx->arena, str_z(p->platform));
        devices[i].category = pb_strz(ctx->arena, str_z(p->category));
        devices[i].os_version = pb_strz(ctx->arena, str_z(p->os_version));
        devices[i].model = devices[i].name;
        PB_SET(&devices[i], width, p->width);
        PB_SET(&devices[i], height, p->height);
        list[i] = &devices[i];
    }
    req.worker_id = w->worker_id;
    req.incarnation = w->incarnation;
    req.rpc_addr = pb_strz(ctx->arena, str_z(w->rpc_addr));
    req.n_devices = w->device_count;
    req.devices = list;
    enum rc rc = sessions_call_register_worker(svc_client(w->svc, SVC_SESSIONS), ctx, &req, &resp);
    if (rc == RC_OK) {
        w->beat_us = resp->lease_us / 4;
    }
    return rc;
}

/* Sessions open here; what sessions says is over is closed. */
static enum rc
beat(struct worker *w, struct ctx *ctx, bool *out_known)
{
    Assay__WorkerHeartbeatRequest req = ASSAY__WORKER_HEARTBEAT_REQUEST__INIT;
    Assay__WorkerHeartbeatResponse *resp = NULL;
    char **ids = ARENA_ARRAY(ctx->arena, w->device_count + 1, char *);
    bool stops = atomic_load(&w->stop.asked);
    int64_t left_us = atomic_load(&w->stop.until_us) - clk_mono_us();

    req.worker_id = w->worker_id;
    req.incarnation = w->incarnation;
    req.session_ids = ids;
    if (stops) {
        ctx->deadline_us = clk_wall_us() + LEAVE_US;
        PB_SET(&req, ending_us, left_us > 0 ? left_us : 0);
    }
    PB_SET(&req, paused, !atomic_load(&w->browses.starts));
    for (size_t i = 0; ids != NULL && i < w->device_count; i++) {
        struct wrk_device *d = &w->devices[i];
        (void)pthread_mutex_lock(&d->lock);
        if (d->session_id[0] != '\0') {
            ids[req.n_session_ids++] = pb_strz(ctx->arena, str_z(d->session_id));
        }
        (void)pthread_mutex_unlock(&d->lock);
    }
    enum rc rc = sessions_call_worker_heartbeat(svc_client(w->svc, SVC_SESSIONS), ctx, &req, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    *out_known = resp->known;
    if (stops) {
        atomic_store(&w->stop.sessions, resp->has_sessions ? resp->sessions : 0);
        atomic_store(&w->stop.heard_us, clk_mono_us());
    }
    for (size_t i = 0; i < resp->n_close_session_ids; i++) {
        wrk_session_close(w, resp->close_session_ids[i]);
    }
    return RC_OK;
}

/* True when it is time to say something. On the way down, or when what we offer changes, at once.
 */
static bool
is_due(struct worker *w, bool offers)
{
    return w->told_offers != offers || atomic_load(&w->stop.asked) ||
           clk_mono_us() >= w->next_beat_us;
}

static enum rc
appear(struct worker *w, struct ctx *ctx)
{
    enum rc rc = register_devices(w, ctx);

    if (rc == RC_OK && !atomic_load(&w->registered)) {
        log_line(LOG_INFO_LEVEL, ctx, "registered", "the devices are offered",
                 LOG_I64("devices", (int64_t)w->device_count));
    }
    atomic_store(&w->registered, rc == RC_OK);
    return rc;
}

bool
wrk_beat(void *state, struct ctx *ctx)
{
    struct worker *w = state;
    bool offers = atomic_load(&w->browses.starts) && !atomic_load(&w->stop.asked);
    bool was_known = atomic_load(&w->registered);
    bool known = false;
    int64_t now_us = clk_mono_us();

    if (was_known ? !is_due(w, offers) : !offers) {
        return false;
    }
    enum rc rc = was_known ? beat(w, ctx, &known) : RC_OK;
    if (rc == RC_OK && !known && offers) {
        rc = appear(w, ctx);
    }
    w->told_offers = rc == RC_OK && offers;
    w->next_beat_us = rc == RC_OK ? now_us + w->beat_us : 0; /* after a failure: soon */
    return false; /* a failure stands in ctx: the loop logs it */
}

void
wrk_leave(struct worker *w)
{
    Assay__LeaveWorkerRequest req = ASSAY__LEAVE_WORKER_REQUEST__INIT;
    Assay__Empty *resp = NULL;
    struct arena *arena = arena_new(LEAVE_ARENA_MAX);
    struct ctx ctx;

    if (arena != NULL && atomic_load(&w->registered)) {
        ctx_init(&ctx, arena);
        ctx.who.kind = TOKEN_SERVICE;
        ctx.who.subject = STR("worker");
        ctx.deadline_us = clk_wall_us() + LEAVE_US;
        req.worker_id = w->worker_id;
        req.incarnation = w->incarnation;
        if (sessions_call_leave_worker(svc_client(w->svc, SVC_SESSIONS), &ctx, &req, &resp) !=
            RC_OK) { /* its lease ends it */
            log_line(LOG_WARN_LEVEL, &ctx, "leave_failed", "sessions was not told of the end");
        }
    }
    arena_free(arena);
}
