/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that come as base64 text in a JSON body: decoded piece by piece into whoever stores them,
 * so that a file is never in memory twice.
 *
 * Threads: one at a time. Blocks: on the sink. */
#ifndef ASSAY_GATEWAY_B64_H
#define ASSAY_GATEWAY_B64_H

#include "base/ctx.h"

struct gw_b64_sink {
    enum rc (*write)(void *arg, struct ctx *ctx, struct str bytes);
    void *arg;
};

/* Decodes `text` in pieces of `piece` characters, a multiple of 4. What is accepted does not depend
 * on `piece`: canonical base64 (padding present, unused bits zero, nothing else in between).
 * Errors: INVALID_ARGUMENT, not recorded: not base64; the sink may have taken some.
 * RESOURCE_EXHAUSTED; those of the sink. */
NODISCARD enum rc gw_b64_decode(struct ctx *ctx, struct str text, size_t piece,
                                const struct gw_b64_sink *sink);

#endif
