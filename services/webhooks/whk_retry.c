/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_retry.h"

#include "cfg/cfg.h"

#define WAIT_MIN_US ASSAY_US_PER_MS
#define WAIT_MAX_US (INT64_C(30) * 24 * 3600 * ASSAY_US_PER_S)

enum rc
whk_retry_parse(struct str text, struct whk_retry *out)
{
    struct whk_retry retry = {.count = 0};

    for (struct str rest = text; rest.p != NULL;) {
        int64_t us = 0;
        struct str part = str_trim(str_split(&rest, ','));
        if (retry.count == WHK_RETRY_MAX || cfg_parse_duration(part, &us) != RC_OK ||
            us < WAIT_MIN_US || us > WAIT_MAX_US) {
            return RC_INVALID_ARGUMENT;
        }
        retry.waits_us[retry.count++] = us;
    }
    if (retry.count == 0) {
        return RC_INVALID_ARGUMENT;
    }
    *out = retry;
    return RC_OK;
}

int64_t
whk_retry_after_us(int status, struct str header)
{
    int64_t seconds = 0;

    if ((status != 429 && status != 503) ||
        str_to_i64(str_trim(header), 0, INT64_MAX, &seconds) != RC_OK) {
        return 0;
    }
    int64_t max = WHK_RETRY_AFTER_MAX_US / ASSAY_US_PER_S;
    return (seconds < max ? seconds : max) * ASSAY_US_PER_S;
}
