/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/catalogue.h"

#define ON CATALOGUE_ON
#define CHAT CATALOGUE_CHAT

const struct catalogue_type CATALOGUE[] = {
    {"run.started", CATALOGUE_TESTS, 0, "A run of a suite or of a single case was started."},
    {"run.passed", CATALOGUE_TESTS, ON | CHAT, "A run ended and every case passed."},
    {"run.failed", CATALOGUE_TESTS, ON | CHAT, "A run ended and a case failed or broke."},
    {"run.cancelled", CATALOGUE_TESTS, 0, "A run was cancelled, or its session timed out."},
    {"case.failed", CATALOGUE_TESTS, 0, "One case of a suite failed."},
    {"run.warning.flaky", CATALOGUE_TESTS, CHAT, "A case passes and fails by turns."},
    {"run.warning.slow", CATALOGUE_TESTS, 0, "A case took more than twice its usual time."},
    {"run.warning.ai_fallback_used", CATALOGUE_TESTS, 0,
     "A recorded step no longer fitted and was found by other means."},
    {"run.warning.byok_quota_low", CATALOGUE_TESTS, CHAT,
     "A model provider signals that the limits of your own key are near."},
    {"visual.regression_warning", CATALOGUE_VISUAL, 0,
     "A screenshot differs from its baseline beyond the warning threshold."},
    {"visual.regression_detected", CATALOGUE_VISUAL, ON | CHAT,
     "A screenshot differs from its baseline beyond the failing threshold."},
    {"visual.run_completed_with_regressions", CATALOGUE_VISUAL, ON | CHAT,
     "A run ended with at least one visual regression."},
    {"visual.baseline_updated", CATALOGUE_VISUAL, 0,
     "A baseline was accepted, replaced or deleted."},
    {"app.uploaded", CATALOGUE_PLATFORM, 0, "A build of an app was uploaded."},
    {"app.deleted", CATALOGUE_PLATFORM, 0, "An app was deleted."},
    {"session.started", CATALOGUE_PLATFORM, 0, "A device session was started."},
    {"session.stopped", CATALOGUE_PLATFORM, 0, "A device session ended."},
    {"member.invited", CATALOGUE_PLATFORM, 0, "Somebody was invited to the organization."},
    {"member.joined", CATALOGUE_PLATFORM, 0, "Somebody accepted an invite."},
    {"member.removed", CATALOGUE_PLATFORM, 0, "A member was removed."},
    {"api_token.created", CATALOGUE_PLATFORM, 0, "An API token was created."},
    {"api_token.deleted", CATALOGUE_PLATFORM, 0, "An API token was revoked."},
    {"webhook.disabled", CATALOGUE_PLATFORM, CHAT,
     "A webhook was switched off because no delivery succeeded."},
    {"webhook.test", CATALOGUE_PLATFORM, 0, "Sent on request, to try a webhook."},
    {"billing.topup_completed", CATALOGUE_BILLING, 0, "Credit was bought."},
    {"billing.low_balance", CATALOGUE_BILLING, ON | CHAT, "The credit is nearly used up."},
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

const char *
catalogue_category_name(enum catalogue_category category)
{
    static const char *const NAMES[] = {
        [CATALOGUE_TESTS] = "tests",
        [CATALOGUE_VISUAL] = "visual",
        [CATALOGUE_PLATFORM] = "platform",
        [CATALOGUE_BILLING] = "billing",
    };

    return NAMES[category];
}

size_t
catalogue_pick(unsigned flag, struct str *out)
{
    size_t n = 0;

    for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
        if ((CATALOGUE[i].flags & flag) != 0) {
            out[n++] = str_z(CATALOGUE[i].name);
        }
    }
    return n;
}
