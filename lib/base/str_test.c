/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"

static void
comparison_looks_at_length_and_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR("abc"), STR("abc")));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_false(str_eq(STR("abc"), STR("ab")));
    assert_true(str_eq(STR_EMPTY, STR("")));
    assert_true(str_eqz(STR_EMPTY, NULL));
    assert_true(str_eq(str_n("a\0b", 3), str_n("a\0b", 3)));
    assert_false(str_eq(str_n("a\0b", 3), str_n("a\0c", 3)));
    assert_true(str_ieq(STR("Content-LENGTH"), STR("content-length")));
    assert_false(str_ieq(STR("[x"), STR("{x"))); /* 0x20 apart, not letters */
    assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
    assert_true(str_cmp(STR("b"), STR("abc")) > 0);
    assert_true(str_cmp(STR("\x7f"), STR("\x80")) < 0);
    assert_int_equal(str_cmp(STR_EMPTY, STR("")), 0);
}

static void
secrets_are_equal_only_when_all_of_them_is(void **state)
{
    (void)state;
    assert_true(str_eq_secret(STR("s3cret"), STR("s3cret")));
    assert_false(str_eq_secret(STR("s3cret"), STR("s3creT")));
    assert_false(str_eq_secret(STR("aa"), STR("a"))); /* the shorter one is walked twice */
    assert_false(str_eq_secret(STR("a"), STR("")));
    assert_false(str_eq_secret(STR(""), STR("a")));
    assert_true(str_eq_secret(STR(""), STR_EMPTY));
}

static void
prefixes_and_suffixes_are_found(void **state)
{
    (void)state;
    assert_true(str_starts(STR("Bearer x"), STR("Bearer")));
    assert_false(str_starts(STR("Bea"), STR("Bearer")));
    assert_true(str_istarts(STR("BEARER x"), STR("bearer")));
    assert_true(str_ends(STR("a.js"), STR(".js")));
    assert_false(str_ends(STR("js"), STR(".js")));
    assert_true(str_starts(STR_EMPTY, STR("")));
    assert_true(str_ends(STR_EMPTY, STR("")));
}

static void
searching_tells_the_offset(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("abcabc"), STR("ca")), 2);
    assert_int_equal(str_find(STR("abc"), STR("abcd")), -1);
    assert_int_equal(str_find(STR("abc"), STR("")), 0);
    assert_int_equal(str_find(STR_EMPTY, STR("a")), -1);
    assert_int_equal(str_ifind(STR("keep-alive, UPGRADE"), STR("upgrade")), 12);
    assert_int_equal(str_ifind(STR("up"), STR("upgrade")), -1);
    assert_int_equal(str_find_byte(STR("a,b,c"), ','), 1);
    assert_int_equal(str_rfind_byte(STR("a,b,c"), ','), 3);
    assert_int_equal(str_find_byte(STR_EMPTY, ','), -1);
    assert_int_equal(str_rfind_byte(STR("abc"), ','), -1);
}

static void
cutting_stays_inside_the_string(void **state)
{
    (void)state;
    assert_true(str_eq(str_sub(STR("hello"), 1, 3), STR("el")));
    assert_true(str_eq(str_sub(STR("hello"), 3, 99), STR("lo")));
    assert_int_equal(str_sub(STR("hello"), 9, 99).n, 0);
    assert_int_equal(str_sub(STR("hello"), 3, 2).n, 0);
    assert_null(str_sub(STR_EMPTY, 0, 5).p);
    assert_true(str_eq(str_trim(STR(" \t\r\n a b \v\f")), STR("a b")));
    assert_int_equal(str_trim(STR("  \n ")).n, 0);
}

static void
splitting_gives_every_piece_once(void **state)
{
    struct str rest = STR("a,,b,");

    (void)state;
    assert_true(str_eq(str_split(&rest, ','), STR("a")));
    assert_true(str_eq(str_split(&rest, ','), STR("")));
    assert_true(str_eq(str_split(&rest, ','), STR("b")));
    assert_non_null(rest.p); /* a piece follows the last separator, an empty one */
    assert_int_equal(str_split(&rest, ',').n, 0);
    assert_null(rest.p);
}

static void
numbers_are_read_whole_and_within_bounds(void **state)
{
    int64_t i = 77;
    uint64_t u = 77;

    (void)state;
    assert_int_equal(str_to_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &i), RC_OK);
    assert_true(i == INT64_MIN);
    assert_int_equal(str_to_i64(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &i), RC_OK);
    assert_true(i == INT64_MAX);
    assert_int_equal(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &u), RC_OK);
    assert_true(u == UINT64_MAX);
    i = 77;
    u = 77;
    assert_int_equal(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &u), RC_OUT_OF_RANGE);
    assert_int_equal(str_to_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &i),
                     RC_OUT_OF_RANGE);
    assert_int_equal(str_to_i64(STR("101"), 1, 100, &i), RC_OUT_OF_RANGE);
    assert_int_equal(str_to_i64(STR("-1"), 0, 100, &i), RC_OUT_OF_RANGE);
    static const char *const WRONG[] = {"",    "-",   "+1",  " 1",  "1 ",
                                        "0x1", "1.0", "1e2", "--1", "3abc"};
    for (size_t k = 0; k < ARRAY_LEN(WRONG); k++) {
        assert_int_equal(str_to_i64(str_z(WRONG[k]), INT64_MIN, INT64_MAX, &i),
                         RC_INVALID_ARGUMENT);
    }
    /* A wrong character outranks the bound: the text is no number at all. */
    assert_int_equal(str_to_u64(STR("99999999999999999999x"), 9, &u), RC_INVALID_ARGUMENT);
    assert_int_equal(i, 77); /* written only on success */
    assert_int_equal(u, 77);
}

static void
utf8_is_checked_strictly(void **state)
{
    static const char *const GOOD[] = {"",
                                       "a",
                                       "\xC3\xA9",
                                       "\xE2\x82\xAC",
                                       "\xF0\x9F\x98\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const BAD[] = {
        "\x80",     "\xC3",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80",
        "\xE2\x82", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF",     "\xE2\x28\xA1", "a\xC3(",           "\xE0\x9F\xBF",     "\xF8\x88\x80\x80\x80",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        assert_true(str_is_utf8(str_z(GOOD[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(str_is_utf8(str_z(BAD[i])));
    }
    assert_false(str_is_utf8(str_n("a\0b", 3)));
    assert_true(str_is_utf8(STR_EMPTY));
    assert_int_equal(str_cp_count(STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
}

static void
code_points_are_decoded_and_stop_at_malformed_bytes(void **state)
{
    struct str s = STR("a\xE2\x82\xAC\xF0\x9F\x98\x80\xFF");
    size_t at = 0;

    (void)state;
    assert_int_equal(str_next_cp(s, &at), 'a');
    assert_int_equal(str_next_cp(s, &at), 0x20AC);
    assert_int_equal(str_next_cp(s, &at), 0x1F600);
    size_t before = at;
    assert_int_equal(str_next_cp(s, &at), -1);
    assert_int_equal(at, before);
    at = s.n;
    assert_int_equal(str_next_cp(s, &at), -1);
    at = 0;
    assert_int_equal(str_next_cp(STR_EMPTY, &at), -1);
}

/* Every code point there is survives encoding and decoding. */
static void
every_code_point_decodes_to_itself(void **state)
{
    (void)state;
    for (int32_t cp = 0x80; cp <= 0x10FFFF; cp++) {
        char b[4];
        size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
        size_t at = 0;
        for (size_t i = n; i-- > 1;) {
            b[i] = (char)(0x80 | ((cp >> (6 * (n - 1 - i))) & 0x3F));
        }
        b[0] = (char)((0xF00 >> n) | (cp >> (6 * (n - 1))));
        int32_t got = str_next_cp(str_n(b, n), &at);
        bool surrogate = cp >= 0xD800 && cp <= 0xDFFF;
        assert_int_equal(got, surrogate ? -1 : cp);
        assert_int_equal(at, surrogate ? 0 : n);
    }
}

static void
texts_are_cut_between_two_characters(void **state)
{
    (void)state;
    assert_true(str_eq(str_cut(STR("h\xC3\xA9\xE2\x82\xAC"), 3), STR("h\xC3\xA9")));
    assert_true(str_eq(str_cut(STR("h\xC3\xA9\xE2\x82\xAC"), 5), STR("h\xC3\xA9")));
    assert_true(str_eq(str_cut(STR("h\xC3\xA9\xE2\x82\xAC"), 2), STR("h")));
    assert_true(str_eq(str_cut(STR("h\xC3\xA9\xE2\x82\xAC"), 6), STR("h\xC3\xA9\xE2\x82\xAC")));
    assert_true(str_eq(str_cut(STR("hello"), 99), STR("hello")));
    assert_int_equal(str_cut(STR("\xE2\x82\xAC"), 2).n, 0);
    assert_int_equal(str_cut(STR_EMPTY, 2).n, 0);
}

static void
hashes_are_fnv_1a(void **state)
{
    (void)state;
    assert_int_equal(str_hash32(STR("")), 2166136261U);
    assert_int_equal(str_hash32(STR("foobar")), 0xBF9CF968U);
    assert_true(str_hash64(STR("foobar")) == UINT64_C(0x85944171F73967E8));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparison_looks_at_length_and_bytes),
        cmocka_unit_test(secrets_are_equal_only_when_all_of_them_is),
        cmocka_unit_test(prefixes_and_suffixes_are_found),
        cmocka_unit_test(searching_tells_the_offset),
        cmocka_unit_test(cutting_stays_inside_the_string),
        cmocka_unit_test(splitting_gives_every_piece_once),
        cmocka_unit_test(numbers_are_read_whole_and_within_bounds),
        cmocka_unit_test(utf8_is_checked_strictly),
        cmocka_unit_test(code_points_are_decoded_and_stop_at_malformed_bytes),
        cmocka_unit_test(every_code_point_decodes_to_itself),
        cmocka_unit_test(texts_are_cut_between_two_characters),
        cmocka_unit_test(hashes_are_fnv_1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
