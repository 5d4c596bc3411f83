/* SPDX-License-Identifier: Apache-2.0
 *
 * When an attempt that failed is made again: a list of waits, "10s,60s,10m,1h,6h,24h,48h". There is
 * one attempt more than waits. Jitter of a tenth is added where the wait is stored. Pure. */
#ifndef ASSAY_WEBHOOKS_WHK_RETRY_H
#define ASSAY_WEBHOOKS_WHK_RETRY_H

#include "base/str.h"

#define WHK_RETRY_DEFAULT "10s,60s,10m,1h,6h,24h,48h"
#define WHK_RETRY_MAX 20
/* What a receiver may ask for with Retry-After. */
#define WHK_RETRY_AFTER_MAX_US (INT64_C(3600) * 1000000)

struct whk_retry {
    int64_t waits_us[WHK_RETRY_MAX];
    size_t count;
};

/* Reads durations (cfg.h) of 1 ms to 30 days, WHK_RETRY_MAX at most, one at least.
 * Errors: INVALID_ARGUMENT. */
NODISCARD enum rc whk_retry_parse(struct str text, struct whk_retry *out);
/* Microseconds that the header Retry-After asks for, within bounds; 0 when it is absent, a date or
 * malformed, or the status is not one that it counts for (429, 503). */
int64_t whk_retry_after_us(int status, struct str header);

#endif
