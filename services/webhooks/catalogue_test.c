/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/catalogue.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Source: tests/contract, "Webhooks". */
static const char *const PUBLISHED[] = {
    "run.started",
    "run.passed",
    "run.failed",
    "run.cancelled",
    "case.failed",
    "run.warning.flaky",
    "run.warning.slow",
    "run.warning.ai_fallback_used",
    "visual.regression_warning",
    "visual.regression_detected",
    "visual.run_completed_with_regressions",
    "visual.baseline_updated",
    "app.uploaded",
    "app.deleted",
    "session.started",
    "session.stopped",
    "member.invited",
    "member.joined",
    "member.removed",
    "api_token.created",
    "api_token.deleted",
    "billing.topup_completed",
    "billing.low_balance",
    "webhook.test",
};

static void
every_published_type_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PUBLISHED); i++) {
        const struct catalogue_type *type = catalogue_find(str_z(PUBLISHED[i]));
        assert_non_null(type);
        assert_string_equal(type->name, PUBLISHED[i]);
    }
    assert_null(catalogue_find(STR("")));
    assert_null(catalogue_find(STR("run")));
    assert_null(catalogue_find(STR("run.passed ")));
    assert_null(catalogue_find(STR("RUN.PASSED")));
}

static void
no_type_stands_there_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
        assert_ptr_equal(catalogue_find(str_z(CATALOGUE[i].name)), &CATALOGUE[i]);
    }
}

/* The four that the product this surface comes from switches on, and that money runs out. */
static void
few_types_are_on_by_default(void **state)
{
    static const char *const ON[] = {"run.passed", "run.failed", "visual.regression_detected",
                                     "visual.run_completed_with_regressions",
                                     "billing.low_balance"};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
        n += (CATALOGUE[i].flags & CATALOGUE_ON) != 0 ? 1 : 0;
    }
    assert_int_equal(n, ARRAY_LEN(ON));
    for (size_t i = 0; i < ARRAY_LEN(ON); i++) {
        assert_int_not_equal(catalogue_find(str_z(ON[i]))->flags & CATALOGUE_ON, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_type_is_known),
        cmocka_unit_test(no_type_stands_there_twice),
        cmocka_unit_test(few_types_are_on_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
