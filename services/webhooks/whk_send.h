/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt as an HTTP request, and what its answer means. No state, no database. */
#ifndef ASSAY_WEBHOOKS_WHK_SEND_H
#define ASSAY_WEBHOOKS_WHK_SEND_H

#include "webhooks/webhooks.h"
#include "webhooks/whk_store.h"

/* Writes the request into ctx->arena; the job is not needed afterwards.
 * Errors: DATA_LOSS: its secret cannot be opened. INVALID_ARGUMENT: a body that is no event.
 * RESOURCE_EXHAUSTED. */
NODISCARD enum rc whk_request(const struct webhooks *w, struct ctx *ctx, const struct whk_job *job,
                              struct http_request *out);
/* `rc` as http_send returned it, its failure in ctx. Texts live in ctx->arena. */
void whk_read_outcome(struct ctx *ctx, const struct whk_job *job, enum rc rc,
                      const struct http_response *resp, struct whk_outcome *out);

#endif
