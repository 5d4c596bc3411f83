/* SPDX-License-Identifier: Apache-2.0
 *
 * What is sent: the body of an event, and the headers that sign one attempt. Pure.
 *
 * Two signatures travel with every request, both HMAC-SHA256:
 *
 *   X-Assay-Signature: sha256=HEX   key: the whole secret, "whsec_..." included
 *                                   over "TIMESTAMP.BODY"
 *   webhook-signature: v1,BASE64    key: what base64 gives for the 40 characters after "whsec_"
 *                                   over "EVENT_ID.TIMESTAMP.BODY"; for a while after a rotation
 *                                   a second one of the old secret follows a space
 *
 * The characters of a secret are letters and digits, which are base64, and 40 of them are 30 whole
 * bytes: so libraries of Standard Webhooks take the secret as it was shown. X-Assay-Delivery is
 * the delivery's number in the API, webhook-id the event's: both stay the same over all attempts,
 * the time is the attempt's.
 *
 * Source: tests/contract, "Webhooks"; standard-webhooks 1.0.0 */
#ifndef ASSAY_WEBHOOKS_WHK_MESSAGE_H
#define ASSAY_WEBHOOKS_WHK_MESSAGE_H

#include <assay/common.pb-c.h>

#include "base/ctx.h"
#include "http/http.h"

#define WHK_BODY_MAX ((size_t)4 << 20)
#define WHK_HEADERS_MAX 8
#define WHK_EXCERPT_MAX 2048

/* {"id","type","created_at","organization_id","data"} in the arena.
 * Errors: INVALID_ARGUMENT: `data` is not a JSON object, or the body is too long.
 *         RESOURCE_EXHAUSTED. */
NODISCARD enum rc whk_body(struct arena *arena, const Assay__Event *event, struct str *out);

struct whk_attempt {
    int64_t delivery_id;
    struct str event_id;
    struct str event_type;
    struct str body;
    struct str secret;
    struct str old_secret; /* empty: none; webhook-signature carries its signature too */
    int64_t now_us;        /* wall clock */
};

/* Writes the headers of an attempt into the arena.
 * Errors: DATA_LOSS: the secret is not one of ours. RESOURCE_EXHAUSTED. */
NODISCARD enum rc whk_headers(struct arena *arena, const struct whk_attempt *attempt,
                              struct http_header out[WHK_HEADERS_MAX], size_t *out_count);

/* The beginning of an answer as text: well-formed UTF-8 without NUL, WHK_EXCERPT_MAX bytes at most;
 * what is neither becomes '?'. */
NODISCARD enum rc whk_excerpt(struct arena *arena, struct str body, struct str *out);

#endif
