/* SPDX-License-Identifier: Apache-2.0
 *
 * Ready: serving, not stopping, the database answers with the right schema, and the service agrees.
 * The database is asked once a second at most, however many ask. */
#include <stdio.h>
#include <string.h>

#include <health.pb-c.h>

#include "pb/pb.h"
#include "svc/svc_int.h"
#include "svc_rpc.h"

#define FRESH_US (1 * ASSAY_US_PER_S)
#define ASK_US (2 * ASSAY_US_PER_S)

static bool
ask_database(struct svc *svc, struct arena *arena, char reason[SVC_WHY_MAX])
{
    struct ctx own;

    if (!svc__has_schema(svc)) {
        return true;
    }
    svc__service_ctx(svc, &own, arena, ASK_US);
    if (db_ready(svc->db, &own) == RC_OK) {
        return true;
    }
    (void)snprintf(reason, SVC_WHY_MAX, "%s", own.err.reason);
    return false;
}

static bool
look(struct svc *svc, struct arena *arena, char reason[SVC_WHY_MAX])
{
    if (!ask_database(svc, arena, reason)) {
        return false;
    }
    (void)snprintf(reason, SVC_WHY_MAX, "NOT_READY");
    if (svc->def->is_ready != NULL && !svc->def->is_ready(svc->state, reason)) {
        return false;
    }
    reason[0] = '\0';
    return true;
}

void
svc__health(struct svc *svc, struct ctx *ctx, bool *out_ready, char reason[SVC_WHY_MAX])
{
    struct svc_health *h = &svc->health;

    reason[0] = '\0';
    *out_ready = false;
    if (svc_is_stopping(svc) || atomic_load(&svc->draining) || !atomic_load(&svc->serving)) {
        (void)snprintf(reason, SVC_WHY_MAX, "%s",
                       svc_is_stopping(svc)          ? "STOPPING"
                       : atomic_load(&svc->draining) ? "DRAINING"
                                                     : "STARTING");
        return;
    }
    (void)pthread_mutex_lock(&h->lock);
    if (h->looked_us == 0 || clk_mono_us() - h->looked_us > FRESH_US) {
        h->reason[0] = '\0';
        h->ready = look(svc, ctx->arena, h->reason);
        h->looked_us = clk_mono_us();
    }
    *out_ready = h->ready;
    memcpy(reason, h->reason, sizeof h->reason);
    (void)pthread_mutex_unlock(&h->lock);
}

enum rc
svc__health_answer(struct svc *svc, struct ctx *ctx, ProtobufCMessage *resp)
{
    Assay__HealthStatus *status = (Assay__HealthStatus *)resp;
    char reason[SVC_WHY_MAX];
    bool ready;

    svc__health(svc, ctx, &ready, reason);
    status->name = pb_strz(ctx->arena, str_z(svc->def->name));
    status->version = pb_strz(ctx->arena, STR(SVC_VERSION));
    status->ready = ready;
    status->uptime_us = clk_mono_us() - svc->started_us;
    if (reason[0] != '\0') {
        status->reason = pb_strz(ctx->arena, str_z(reason));
    }
    return RC_OK;
}

/* The dispatch table's entry. svc__around answers before it: handlers get the service's state, and
 * this needs the process. */
enum rc
svc_check(struct svc *svc, struct ctx *ctx, const Assay__HealthRequest *req,
          Assay__HealthStatus *resp)
{
    (void)svc;
    (void)req;
    (void)resp;
    return fail(ctx, RC_INTERNAL, "HEALTH_UNHOOKED", "internal error");
}
