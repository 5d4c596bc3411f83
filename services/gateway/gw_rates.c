/* SPDX-License-Identifier: Apache-2.0
 *
 * What other gateways ask this one. */
#include "gateway/gw.h"
#include "gateway/gw_ring.h"
#include "gateway_rpc.h"

#define KEY_MAX 256
#define QUOTA_MAX 1000000

enum rc
gateway_hello(struct gateway *gw, struct ctx *ctx, const Assay__HelloRequest *req,
              Assay__HelloResponse *resp)
{
    (void)req;
    if (gw->ring == NULL) {
        return fail(ctx, RC_FAILED_PRECONDITION, "ALONE", "this gateway shares no limits");
    }
    resp->id = pb_strz(ctx->arena, str_z(gw_ring_id(gw->ring)));
    return RC_OK;
}

enum rc
gateway_take_rate(struct gateway *gw, struct ctx *ctx, const Assay__TakeRateRequest *req,
                  Assay__TakeRateResponse *resp)
{
    struct gw_rate_state state;
    struct str key = str_n((const char *)req->key.data, req->key.len);

    if (key.n == 0 || key.n > KEY_MAX || req->quota < 1 || req->quota > QUOTA_MAX) {
        return fail(ctx, RC_INVALID_ARGUMENT, "RATE_KEY", "the key or its quota is malformed");
    }
    resp->admitted = gw_limit_count(gw->limit, key, req->quota, &state);
    resp->remaining = state.remaining;
    resp->reset_us = state.reset_us;
    return RC_OK;
}
