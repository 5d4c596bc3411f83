/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
the_default_is_the_published_schedule(void **state)
{
    static const int64_t WANT_S[] = {10, 60, 600, 3600, 21600, 86400, 172800};
    struct whk_retry retry;

    (void)state;
    assert_int_equal(whk_retry_parse(STR(WHK_RETRY_DEFAULT), &retry), RC_OK);
    assert_int_equal(retry.count, ARRAY_LEN(WANT_S));
    for (size_t i = 0; i < retry.count; i++) {
        assert_int_equal(retry.waits_us[i], WANT_S[i] * ASSAY_US_PER_S);
    }
}

static void
lists_that_make_no_sense_are_refused(void **state)
{
    static const char *const BAD[] = {
        "",
        ",",
        "10s,",
        ",10s",
        "10s,,60s",
        "soon",
        "0",
        "-10s",
        "10",
        "10s 60s",
        "31d",
        "1us",
        "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"};
    struct whk_retry retry = {.count = 77};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(whk_retry_parse(str_z(BAD[i]), &retry), RC_INVALID_ARGUMENT);
    }
    assert_int_equal(retry.count, 77);
    assert_int_equal(whk_retry_parse(STR(" 1ms , 30d"), &retry), RC_OK);
    assert_int_equal(retry.count, 2);
}

static void
receivers_may_ask_for_time_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(whk_retry_after_us(429, STR("30")), 30 * ASSAY_US_PER_S);
    assert_int_equal(whk_retry_after_us(503, STR(" 5 ")), 5 * ASSAY_US_PER_S);
    assert_int_equal(whk_retry_after_us(503, STR("999999999")), WHK_RETRY_AFTER_MAX_US);
    assert_int_equal(whk_retry_after_us(500, STR("30")), 0);
    assert_int_equal(whk_retry_after_us(503, STR_EMPTY), 0);
    assert_int_equal(whk_retry_after_us(503, STR("-1")), 0);
    assert_int_equal(whk_retry_after_us(503, STR("Wed, 21 Oct 2026 07:28:00 GMT")), 0);
    assert_int_equal(whk_retry_after_us(503, STR("99999999999999999999999")), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_the_published_schedule),
        cmocka_unit_test(lists_that_make_no_sense_are_refused),
        cmocka_unit_test(receivers_may_ask_for_time_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
