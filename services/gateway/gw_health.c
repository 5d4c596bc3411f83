/* SPDX-License-Identifier: Apache-2.0
 *
 * The endpoints the gateway answers itself. */
#include "gateway/gw.h"
#include "gateway_rpc.h"

enum rc
gateway_get_health(struct gateway *gw, struct ctx *ctx, const Assay__GetHealthRequest *req,
                   Assay__GetHealthResponse *resp)
{
    (void)gw;
    (void)req;
    resp->status = pb_strz(ctx->arena, STR("ok"));
    return RC_OK;
}

/* Ready: identity can be checked, and every service has a replica to call. */
enum rc
gateway_get_ready(struct gateway *gw, struct ctx *ctx, const Assay__GetReadyRequest *req,
                  Assay__GetReadyResponse *resp)
{
    static const char *const NAMES[] = {"auth", "sessions", "tests", "billing", "webhooks"};

    (void)req;
    if (svc_is_stopping(gw->svc)) {
        return fail(ctx, RC_UNAVAILABLE, "NOT_READY", "not ready: stopping");
    }
    for (int p = 0; p < SVC_PEER_COUNT; p++) {
        if (rpc_client_replicas(svc_client(gw->svc, (enum svc_peer)p)) == 0) {
            return fail(ctx, RC_UNAVAILABLE, "NOT_READY", "not ready: no %s service answers",
                        NAMES[p]);
        }
    }
    if (!gw_identify_is_ready(gw->identify)) {
        return fail(ctx, RC_UNAVAILABLE, "NOT_READY", "not ready: identity cannot be checked yet");
    }
    resp->status = pb_strz(ctx->arena, STR("ready"));
    return RC_OK;
}
