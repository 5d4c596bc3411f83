/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets at rest, each bound to its place: signing secrets and addresses of endpoints to their
 * rows, secret settings to organization and name. Strings live in ctx->arena.
 * Errors: those of sec/seal.h. */
#ifndef ASSAY_WEBHOOKS_WHK_SEAL_H
#define ASSAY_WEBHOOKS_WHK_SEAL_H

#include "sec/seal.h"

NODISCARD enum rc whk_seal(const struct seal_ring *ring, struct ctx *ctx, int64_t endpoint_id,
                           struct str secret, struct str *out);
NODISCARD enum rc whk_unseal(const struct seal_ring *ring, struct ctx *ctx, int64_t endpoint_id,
                             struct str sealed, struct str *out);
/* `org_id` says whose it is: loops and commands act for nobody. */
NODISCARD enum rc whk_seal_setting(const struct seal_ring *ring, struct ctx *ctx, int64_t org_id,
                                   struct str name, struct str secret, struct str *out);
NODISCARD enum rc whk_unseal_setting(const struct seal_ring *ring, struct ctx *ctx, int64_t org_id,
                                     struct str name, struct str sealed, struct str *out);

#endif
