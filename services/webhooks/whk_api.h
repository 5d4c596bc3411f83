/* SPDX-License-Identifier: Apache-2.0
 *
 * What the handlers of endpoints and of integrations share. */
#ifndef ASSAY_WEBHOOKS_WHK_API_H
#define ASSAY_WEBHOOKS_WHK_API_H

#include "webhooks/webhooks.h"

/* Errors: RESOURCE_EXHAUSTED: the answer did not fit. */
NODISCARD enum rc whk_check_arena(struct ctx *ctx);
/* As protobuf-c wants them. */
char **whk_type_list(struct ctx *ctx, const struct str *types, size_t n);
/* Adds a type of the catalogue unless it is there already; `out` has room for all that are asked.
 * Errors: INVALID_ARGUMENT: no such type, at index `i` of event_types. */
NODISCARD enum rc whk_add_type(struct ctx *ctx, struct str type, size_t i, struct str *out,
                               size_t *count);
/* A fresh secret for the endpoint: as it is shown, and sealed. */
NODISCARD enum rc whk_new_secret(struct webhooks *w, struct ctx *ctx, int64_t endpoint_id,
                                 char **out, struct str *out_sealed);
/* An entry of the audit log about the endpoint. */
NODISCARD enum rc whk_tell(struct webhooks *w, struct ctx *ctx, const char *type, int64_t id,
                           struct str name);

#endif
