/* SPDX-License-Identifier: Apache-2.0
 *
 * Registration with sessions, and its lease. */
#include "log/log.h"
#include "sessions_client.h"
#include "worker/wrk_job.h"

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

    req.worker_id = w->worker_id;
    req.incarnation = w->incarnation;
    req.session_ids = ids;
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
    for (size_t i = 0; i < resp->n_close_session_ids; i++) {
        wrk_session_close(w, resp->close_session_ids[i]);
    }
    return RC_OK;
}

bool
wrk_beat(void *state, struct ctx *ctx)
{
    struct worker *w = state;
    bool known = false;
    int64_t now_us = clk_mono_us();

    if (w->registered && now_us < w->next_beat_us) {
        return false;
    }
    enum rc rc = w->registered ? beat(w, ctx, &known) : RC_OK;
    if (rc == RC_OK && !known) {
        rc = register_devices(w, ctx);
        if (rc == RC_OK && !w->registered) {
            log_line(LOG_INFO_LEVEL, ctx, "registered", "the devices are offered",
                     LOG_I64("devices", (int64_t)w->device_count));
        }
        w->registered = rc == RC_OK;
    }
    w->next_beat_us = rc == RC_OK ? now_us + w->beat_us : 0; /* after a failure: soon */
    return false; /* a failure stands in ctx: the loop logs it */
}
