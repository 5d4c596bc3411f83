/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static bool
is_one_number(struct str text)
{
    struct json_reader r;
    struct json_token token;

    json_read_init(&r, text, NULL);
    return json_read(&r, &token) == RC_OK && token.type == JSON_NUMBER &&
           json_read_end(&r) == RC_OK;
}

static void
whole_numbers_may_be_written_with_fraction_or_exponent(void **state)
{
    static const struct {
        const char *text;
        enum rc rc;
        int64_t v;
    } CASES[] = {
        {"0", RC_OK, 0},
        {"-0", RC_OK, 0},
        {"1.0", RC_OK, 1},
        {"1e2", RC_OK, 100},
        {"1.5e1", RC_OK, 15},
        {"100e-2", RC_OK, 1},
        {"-2.50e1", RC_OK, -25},
        {"0e99", RC_OK, 0},
        {"0.000", RC_OK, 0},
        {"9223372036854775807", RC_OK, INT64_MAX},
        {"-9223372036854775808", RC_OK, INT64_MIN},
        {"9223372036854775807.0", RC_OK, INT64_MAX},
        {"-9.223372036854775808e18", RC_OK, INT64_MIN},
        {"9223372036854775808", RC_OUT_OF_RANGE, 0},
        {"1e19", RC_OUT_OF_RANGE, 0},
        {"1e300", RC_OUT_OF_RANGE, 0},
        {"123456789012345678901234567890", RC_OUT_OF_RANGE, 0},
        {"0.5", RC_INVALID_ARGUMENT, 0},
        {"15e-1", RC_INVALID_ARGUMENT, 0},
        {"1e-300", RC_INVALID_ARGUMENT, 0},
        {"1000000000000000000000e-21", RC_OK, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        int64_t v = 42;
        enum rc rc = json_number_i64(str_z(CASES[i].text), &v);
        if (rc != CASES[i].rc || v != (rc == RC_OK ? CASES[i].v : 42)) {
            fail_msg("%s: %s, %lld", CASES[i].text, rc_name(rc), (long long)v);
        }
    }
}

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void
assert_f64_round_trip(double v)
{
    struct buf b;
    double back = 0;

    buf_init(&b, 64);
    json_put_f64(&b, v);
    assert_true(is_one_number(buf_str(&b)));
    assert_int_equal(json_number_f64(buf_str(&b), &back), RC_OK);
    if (memcmp(&v, &back, sizeof(v)) != 0 || strtod(b.p, NULL) != v) {
        fail_msg("%.17g became %s", v, b.p);
    }
    buf_fini(&b);
}

static void
doubles_read_back_as_the_same_bits(void **state)
{
    uint64_t seed = 88172645463325252;
    (void)state;

    for (int i = 0; i < 20000; i++) {
        double v = 0;
        uint64_t bits = next_random(&seed);
        memcpy(&v, &bits, sizeof(v));
        if (isfinite(v)) {
            assert_f64_round_trip(v);
        }
        assert_f64_round_trip((double)(int64_t)(bits % 2000000) / 1000);
        assert_f64_round_trip((double)(int64_t)bits);
    }
    assert_f64_round_trip(-0.0);
    assert_f64_round_trip(5e-324);
    assert_f64_round_trip(1.7976931348623157e308);
}

static void
assert_f64_text(double v, const char *want)
{
    struct buf b;
    buf_init(&b, 64);
    json_put_f64(&b, v);
    assert_string_equal(b.p, want);
    buf_fini(&b);
}

static void
doubles_are_written_short(void **state)
{
    (void)state;
    assert_f64_text(0, "0");
    assert_f64_text(1, "1");
    assert_f64_text(-2.5, "-2.5");
    assert_f64_text(0.1, "0.1");
    assert_f64_text(0.042, "0.042");
    assert_f64_text(-0.000001, "-0.000001");
    assert_f64_text(99.99, "99.99");
    assert_f64_text(1e21, "1e+21");
    assert_f64_text(0.1 + 0.2, "0.30000000000000004");
    assert_f64_text(NAN, "null");
    assert_f64_text(-INFINITY, "null");
}

static void
numbers_are_read_as_strtod_reads_them(void **state)
{
    static const char *const TEXTS[] = {"0.1",
                                        "1.7976931348623157e308",
                                        "2.2250738585072011e-308",
                                        "9007199254740993",
                                        "123456789.123456789",
                                        "1e22",
                                        "1e23",
                                        "0.1e-6",
                                        "179769313486231580793e287",
                                        "1.0000000000000002"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        double v = 0;
        assert_int_equal(json_number_f64(str_z(TEXTS[i]), &v), RC_OK);
        assert_true(v == strtod(TEXTS[i], NULL));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_may_be_written_with_fraction_or_exponent),
        cmocka_unit_test(doubles_read_back_as_the_same_bits),
        cmocka_unit_test(doubles_are_written_short),
        cmocka_unit_test(numbers_are_read_as_strtod_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
