/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/clk.h"

#define S ASSAY_US_PER_S

static int64_t
parse(const char *text)
{
    int64_t us = -1;
    assert_int_equal(clk_parse(str_z(text), &us), RC_OK);
    return us;
}

static void
every_form_of_the_contract_is_written(void **state)
{
    static const struct {
        enum clk_format format;
        const char *text;
    } FORMS[] = {
        {CLK_NAIVE, "2025-01-31T12:34:56"},
        {CLK_Z, "2025-01-31T12:34:56Z"},
        {CLK_MS_Z, "2025-01-31T12:34:56.789Z"},
        {CLK_US_OFFSET, "2025-01-31T12:34:56.789012+00:00"},
        {CLK_S_OFFSET, "2025-01-31T12:34:56+00:00"},
    };
    int64_t us = INT64_C(1738326896789012);
    char out[CLK_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FORMS); i++) {
        size_t n = clk_format(us, FORMS[i].format, out);
        assert_string_equal(out, FORMS[i].text);
        assert_int_equal(n, strlen(FORMS[i].text));
    }
}

static void
instants_before_1970_round_down(void **state)
{
    char out[CLK_TEXT_MAX];

    (void)state;
    (void)clk_format(-1, CLK_US_OFFSET, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999999+00:00");
    (void)clk_format(0, CLK_Z, out);
    assert_string_equal(out, "1970-01-01T00:00:00Z");
}

static void
instants_outside_the_calendar_are_clamped(void **state)
{
    char out[CLK_TEXT_MAX];

    (void)state;
    (void)clk_format(INT64_MIN, CLK_US_OFFSET, out);
    assert_string_equal(out, "0001-01-01T00:00:00.000000+00:00");
    (void)clk_format(INT64_MAX, CLK_US_OFFSET, out);
    assert_string_equal(out, "9999-12-31T23:59:59.999999+00:00");
}

/* Every day of 1900 to 2500, against libc. */
static void
dates_agree_with_libc(void **state)
{
    char ours[CLK_TEXT_MAX];
    char theirs[64];

    (void)state;
    for (int64_t day = -25567; day < 193584; day++) {
        time_t t = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        (void)clk_format((int64_t)t * S, CLK_Z, ours);
        assert_string_equal(ours, theirs);
        assert_true(parse(ours) == (int64_t)t * S);
    }
}

static void
what_is_written_is_read_back(void **state)
{
    char out[CLK_TEXT_MAX];
    uint64_t seed = 88172645463325252;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int64_t us = (int64_t)(seed % (UINT64_C(253402300800) * 1000000));
        (void)clk_format(us, CLK_US_OFFSET, out);
        assert_true(parse(out) == us);
        (void)clk_format(us, CLK_NAIVE, out);
        assert_true(parse(out) == us / S * S);
    }
}

static void
instants_are_read_with_their_zone(void **state)
{
    (void)state;
    assert_true(parse("1970-01-01T00:00:01") == S);
    assert_true(parse("1970-01-01 00:01") == 60 * S);
    assert_true(parse("1970-01-01T00:00:00.5Z") == S / 2);
    assert_true(parse("1970-01-01T00:00:00.123456789Z") == 123456);
    assert_true(parse("1970-01-01T02:00:00+02:00") == 0);
    assert_true(parse("1969-12-31T19:00:00-0500") == 0);
    assert_true(parse("1970-01-01T00:00:00+05:30") == -19800 * S);
}

static void
leap_years_follow_the_gregorian_rule(void **state)
{
    int64_t us = 0;

    (void)state;
    assert_true(parse("2024-03-01T00:00:00Z") - parse("2024-02-28T00:00:00Z") == 2 * 86400 * S);
    assert_true(parse("2023-03-01T00:00:00Z") - parse("2023-02-28T00:00:00Z") == 86400 * S);
    assert_true(parse("2000-02-29T00:00:00Z") > 0);
    assert_int_equal(clk_parse(STR("1900-02-29T00:00:00Z"), &us), RC_INVALID_ARGUMENT);
    assert_int_equal(clk_parse(STR("2100-02-29T00:00:00Z"), &us), RC_INVALID_ARGUMENT);
}

static void
what_is_no_instant_is_refused(void **state)
{
    static const char *const WRONG[] = {
        "",
        "2025",
        "2025-01-31",
        "2025-01-31T",
        "2025-01-31T12",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T23:60:00Z",
        "2025-01-01T23:59:60Z",
        "2025-01-01T23:59:59.Z",
        "2025-01-01T23:59:59Zx",
        "2025-01-01T23:59:59+",
        "2025-01-01T23:59:59+24:00",
        "2025-01-01T23:59:59+01",
        "2025-01-01T23:59:59+01:60",
        "2025-01-01T23:59:59 ",
        " 2025-01-01T23:59:59",
        "2025-01-01T-1:59:59",
        "2025-1-01T00:00:00Z",
        "+025-01-01T00:00:00Z",
        "2025-01-01X00:00:00Z",
    };
    int64_t us = 4711;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        assert_int_equal(clk_parse(str_z(WRONG[i]), &us), RC_INVALID_ARGUMENT);
    }
    assert_int_equal(us, 4711);
}

static void
clocks_move_forward(void **state)
{
    int64_t mono = clk_mono_us();
    int64_t wall = clk_wall_us();
    int64_t cpu = clk_cpu_us();

    (void)state;
    while (clk_cpu_us() == cpu) {
    }
    assert_true(clk_mono_us() > mono);
    assert_true(clk_wall_us() > wall);
    assert_true(wall > INT64_C(1600000000) * S); /* microseconds, not another unit */
    assert_true(wall < INT64_C(10000000000) * S);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_the_contract_is_written),
        cmocka_unit_test(instants_before_1970_round_down),
        cmocka_unit_test(instants_outside_the_calendar_are_clamped),
        cmocka_unit_test(dates_agree_with_libc),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(instants_are_read_with_their_zone),
        cmocka_unit_test(leap_years_follow_the_gregorian_rule),
        cmocka_unit_test(what_is_no_instant_is_refused),
        cmocka_unit_test(clocks_move_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
