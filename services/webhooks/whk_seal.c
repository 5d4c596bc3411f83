/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_seal.h"

static struct str
place(struct ctx *ctx, int64_t endpoint_id)
{
    return arena_printf(ctx->arena, "webhook_endpoint:%lld", (long long)endpoint_id);
}

enum rc
whk_seal(const struct seal_ring *ring, struct ctx *ctx, int64_t endpoint_id, struct str secret,
         struct str *out)
{
    return seal_seal(ring, ctx, place(ctx, endpoint_id), secret, out);
}

enum rc
whk_unseal(const struct seal_ring *ring, struct ctx *ctx, int64_t endpoint_id, struct str sealed,
           struct str *out)
{
    return seal_unseal(ring, ctx, place(ctx, endpoint_id), sealed, out);
}
