/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/catalogue.h"

const struct catalogue_type CATALOGUE[] = {
    {"run.started", CATALOGUE_TESTS, false},
    {"run.passed", CATALOGUE_TESTS, true},
    {"run.failed", CATALOGUE_TESTS, true},
    {"run.cancelled", CATALOGUE_TESTS, false},
    {"case.failed", CATALOGUE_TESTS, false},
    {"run.warning.flaky", CATALOGUE_TESTS, false},
    {"run.warning.slow", CATALOGUE_TESTS, false},
    {"run.warning.ai_fallback_used", CATALOGUE_TESTS, false},
    {"run.warning.byok_quota_low", CATALOGUE_TESTS, false},
    {"visual.regression_warning", CATALOGUE_VISUAL, false},
    {"visual.regression_detected", CATALOGUE_VISUAL, true},
    {"visual.run_completed_with_regressions", CATALOGUE_VISUAL, true},
    {"visual.baseline_updated", CATALOGUE_VISUAL, false},
    {"app.uploaded", CATALOGUE_PLATFORM, false},
    {"app.deleted", CATALOGUE_PLATFORM, false},
    {"session.started", CATALOGUE_PLATFORM, false},
    {"session.stopped", CATALOGUE_PLATFORM, false},
    {"member.invited", CATALOGUE_PLATFORM, false},
    {"member.joined", CATALOGUE_PLATFORM, false},
    {"member.removed", CATALOGUE_PLATFORM, false},
    {"api_token.created", CATALOGUE_PLATFORM, false},
    {"api_token.deleted", CATALOGUE_PLATFORM, false},
    {"webhook.test", CATALOGUE_PLATFORM, false},
    {"billing.topup_completed", CATALOGUE_BILLING, false},
    {"billing.low_balance", CATALOGUE_BILLING, true},
};
const size_t CATALOGUE_COUNT = ARRAY_LEN(CATALOGUE);

const struct catalogue_type *
catalogue_find(struct str name)
{
    for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
        if (str_eqz(name, CATALOGUE[i].name)) {
            return &CATALOGUE[i];
        }
    }
    return NULL;
}
