/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a request goes: the URL taken apart, its host resolved, every address checked. Private to
 * lib/http. */
#ifndef ASSAY_HTTP_TARGET_H
#define ASSAY_HTTP_TARGET_H

#include "base/ctx.h"
#include "http/http.h"

struct http_target {
    char *url;    /* as libcurl writes it */
    char *origin; /* "https://host:port", lower case */
    uint16_t port;
    char *pin; /* CURLOPT_RESOLVE entry, NULL: none needed */
};

/* Checks `url` against the client's reach. Everything lives in ctx->arena.
 * Errors: as http_send. Blocks: `timeout_us` for the name at most. */
NODISCARD enum rc http_target_check(struct ctx *ctx, const struct http_client_cfg *cfg,
                                    struct str url, int64_t timeout_us, struct http_target *out);
/* The part of it that needs no names; no pin. */
NODISCARD enum rc http_target_look(struct ctx *ctx, const struct http_client_cfg *cfg,
                                   struct str url, struct http_target *out);
/* Resolves `location` against `base` (a redirect) into the arena. */
NODISCARD enum rc http_target_follow(struct ctx *ctx, const char *base, struct str location,
                                     struct str *out);

#endif
