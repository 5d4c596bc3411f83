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

static struct str
setting_place(struct ctx *ctx, int64_t org_id, struct str name)
{
    return arena_printf(ctx->arena, "setting:%lld:%.*s", (long long)org_id, STR_ARG(name));
}

enum rc
whk_seal_setting(const struct seal_ring *ring, struct ctx *ctx, int64_t org_id, struct str name,
                 struct str secret, struct str *out)
{
    return seal_seal(ring, ctx, setting_place(ctx, org_id, name), secret, out);
}

enum rc
whk_unseal_setting(const struct seal_ring *ring, struct ctx *ctx, int64_t org_id, struct str name,
                   struct str sealed, struct str *out)
{
    return seal_unseal(ring, ctx, setting_place(ctx, org_id, name), sealed, out);
}
