/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets of endpoints at rest, each bound to its row. Strings live in ctx->arena.
 * Errors: those of sec/seal.h. */
#ifndef ASSAY_WEBHOOKS_WHK_SEAL_H
#define ASSAY_WEBHOOKS_WHK_SEAL_H

#include "sec/seal.h"

NODISCARD enum rc whk_seal(const struct seal_ring *ring, struct ctx *ctx, int64_t endpoint_id,
                           struct str secret, struct str *out);
NODISCARD enum rc whk_unseal(const struct seal_ring *ring, struct ctx *ctx, int64_t endpoint_id,
                             struct str sealed, struct str *out);

#endif
