/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static struct arena *arena;

static int
set_up(void **state)
{
    (void)state;
    arena = arena_new(8 * 1024 * 1024);
    return arena == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static enum rc
try_parse(struct str text, const struct json_value **out)
{
    const char *error = NULL;
    enum rc rc = json_parse(text, arena, out, &error);

    if (rc != RC_OK) {
        assert_non_null(error);
    }
    return rc;
}

static const struct json_value *
parsed(const char *text)
{
    const struct json_value *v = NULL;
    assert_int_equal(try_parse(str_z(text), &v), RC_OK);
    return v;
}

/* The skipper must agree with the parser on what is JSON. */
static enum rc
try_skip(struct str text)
{
    struct json_reader r;
    struct str raw;

    json_read_init(&r, text, arena);
    enum rc rc = json_skip(&r, &raw);
    return rc == RC_OK ? json_read_end(&r) : rc;
}

static void
assert_str(struct str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.n == 0 ? "" : got.p, want, got.n);
}

#define RAW(lit)                                                                                   \
    {                                                                                              \
        "" lit, sizeof(lit) - 1                                                                    \
    }

static void
well_formed_texts_are_accepted(void **state)
{
    static const struct str GOOD[] = {
        RAW("null"),
        RAW(" true\r\n\t"),
        RAW("false"),
        RAW("0"),
        RAW("-0"),
        RAW("-0.0"),
        RAW("1e2"),
        RAW("1E+2"),
        RAW("1e-2"),
        RAW("0e+0"),
        RAW("123.456e78"),
        RAW("1e308"),
        RAW("4.9e-324"),
        RAW("\"\""),
        RAW("\"\\u0041\\n\\/\\\\\\\"\""),
        RAW("\"\x7f\""),
        RAW("\"\xF0\x9F\x98\x80\""),
        RAW("\"\\ud83d\\ude00\""),
        RAW("\"\xE2\x80\xA8\""),
        RAW("\"\xEF\xBF\xBF\""),
        RAW("[]"),
        RAW("[ ]"),
        RAW("{}"),
        RAW("{ }"),
        RAW("[1,2,[3]]"),
        RAW("{\"\":0}"),
        RAW("{\"a\":{\"b\":[{}]}}"),
        RAW("[null, true ,false]"),
        RAW("{\"a\" : 1 , \"b\":2}"),
        RAW("[[],[[]]]"),
        RAW("\"\\uFFFF\""),
        RAW("\"12345678\\t12345678\""),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        const struct json_value *v = NULL;
        if (try_parse(GOOD[i], &v) != RC_OK || try_skip(GOOD[i]) != RC_OK) {
            fail_msg("refused: %.*s", STR_ARG(GOOD[i]));
        }
    }
}

static void
malformed_texts_are_refused(void **state)
{
    static const struct str BAD[] = {
        RAW(""),
        RAW(" "),
        RAW("nul"),
        RAW("True"),
        RAW("nullx"),
        RAW("1 2"),
        RAW("[1]]"),
        RAW("{}}"),
        RAW("\xEF\xBB\xBF{}"),
        RAW("NaN"),
        RAW("Infinity"),
        RAW("-"),
        RAW("-a"),
        RAW("+1"),
        RAW(".5"),
        RAW("1."),
        RAW("1.e1"),
        RAW("1e"),
        RAW("1e+"),
        RAW("01"),
        RAW("-01"),
        RAW("0x1"),
        RAW("1e999"),
        RAW("-1e999"),
        RAW("1e-1000"),
        RAW("1_0"),
        RAW("\""),
        RAW("\"abc"),
        RAW("\"\\"),
        RAW("\"\\\""),
        RAW("\"\\x\""),
        RAW("\"\\u12\""),
        RAW("\"\\u12G4\""),
        RAW("\"\\u0000\""),
        RAW("\"a\0b\""),
        RAW("\"\n\""),
        RAW("\"\t\""),
        RAW("\"\x1f\""),
        RAW("\"\\ud800\""),
        RAW("\"\\udc00\""),
        RAW("\"\\ud800\\u0041\""),
        RAW("\"\\ud800\\ud800\""),
        RAW("\"\\ud83dx\""),
        RAW("\"\xff\""),
        RAW("\"\xC0\x80\""),
        RAW("\"\xED\xA0\x80\""),
        RAW("\"\xF4\x90\x80\x80\""),
        RAW("\"\xE2\x82\""),
        RAW("'a'"),
        RAW("["),
        RAW("[1"),
        RAW("[1,"),
        RAW("[1,]"),
        RAW("[,1]"),
        RAW("[1 2]"),
        RAW("[1}"),
        RAW("{"),
        RAW("{\"a\""),
        RAW("{\"a\":"),
        RAW("{\"a\":1"),
        RAW("{\"a\":1,"),
        RAW("{\"a\":1,}"),
        RAW("{,}"),
        RAW("{a:1}"),
        RAW("{1:1}"),
        RAW("{\"a\" 1}"),
        RAW("{\"a\":1 \"b\":2}"),
        RAW("{\"a\":1]"),
        RAW("[1]x"),
        RAW("// c\n1"),
        RAW("[1]\0"),
        RAW("\0"),
        RAW("]"),
        RAW("}"),
        RAW(":"),
        RAW(","),
        RAW("{\"a\":}"),
        RAW("{\"a\"::1}"),
        RAW("[1,,2]"),
        RAW("\xC2\xA0"
            "1"),
        RAW("1\f"),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        const struct json_value *v = NULL;
        if (try_parse(BAD[i], &v) != RC_INVALID_ARGUMENT ||
            try_skip(BAD[i]) != RC_INVALID_ARGUMENT) {
            fail_msg("accepted %zu: %.*s", i, STR_ARG(BAD[i]));
        }
    }
}

static void
every_prefix_of_a_document_is_refused(void **state)
{
    static const char DOC[] =
        "{\"a\":[1.5e3,\"x\\u00e9\xC3\xA9\\ud83d\\ude00\",{\"b\":null}],\"c\":-7}";
    const struct json_value *v = NULL;
    (void)state;
    for (size_t n = 0; n < sizeof(DOC) - 1; n++) {
        char *copy = malloc(n + 1); /* so that a sanitizer sees a read past the end */
        memcpy(copy, DOC, n);
        assert_int_equal(try_parse(str_n(copy, n), &v), RC_INVALID_ARGUMENT);
        assert_int_equal(try_skip(str_n(copy, n)), RC_INVALID_ARGUMENT);
        free(copy);
    }
    assert_int_equal(try_parse(str_n(DOC, sizeof(DOC) - 1), &v), RC_OK);
}

static void
depth_bombs_are_refused(void **state)
{
    enum { DEEP = 100000 };
    char *bomb = malloc(DEEP);
    const struct json_value *v = NULL;
    (void)state;

    memset(bomb, '[', DEEP);
    assert_int_equal(try_parse(str_n(bomb, DEEP), &v), RC_RESOURCE_EXHAUSTED);
    assert_int_equal(try_skip(str_n(bomb, DEEP)), RC_RESOURCE_EXHAUSTED);
    memset(bomb + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_int_equal(try_parse(str_n(bomb, 2 * JSON_DEPTH_MAX), &v), RC_OK);
    free(bomb);
}

static void
duplicate_keys_are_refused(void **state)
{
    const struct json_value *v = NULL;
    struct buf b;
    (void)state;

    assert_int_equal(try_parse(STR("{\"a\":1,\"b\":2,\"a\":3}"), &v), RC_INVALID_ARGUMENT);
    assert_int_equal(try_parse(STR("{\"a\":1,\"\\u0061\":3}"), &v), RC_INVALID_ARGUMENT);
    assert_int_equal(try_parse(STR("[{\"a\":1},{\"a\":1}]"), &v), RC_OK);
    buf_init(&b, 65536);
    buf_putz(&b, "{");
    for (int i = 0; i < 100; i++) {
        buf_printf(&b, "\"k%d\":0,", i);
    }
    size_t n = b.n;
    buf_putz(&b, "\"k100\":0}");
    assert_int_equal(try_parse(buf_str(&b), &v), RC_OK);
    b.n = n;
    buf_putz(&b, "\"k57\":0}");
    assert_int_equal(try_parse(buf_str(&b), &v), RC_INVALID_ARGUMENT);
    buf_fini(&b);
}

static void
strings_are_decoded(void **state)
{
    (void)state;
    assert_str(json_str(parsed("\"plain\"")), "plain");
    assert_str(json_str(parsed("\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\"")), "a\"b\\c/d\b\f\n\r\t");
    assert_str(json_str(parsed("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00!\"")),
               "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80!");
}

static void
written_strings_are_safe_and_read_back(void **state)
{
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    json_put_str(&b, STR("a\"b\\c/\n\r\t\b\f\x01\x1f\x7f\xC3\xA9\xE2\x80\xA8\xE2\x80\xA9"));
    assert_string_equal(b.p,
                        "\"a\\\"b\\\\c/\\n\\r\\t\\b\\f\\u0001\\u001f\x7f\xC3\xA9\\u2028\\u2029\"");
    assert_str(json_str(parsed(b.p)),
               "a\"b\\c/\n\r\t\b\f\x01\x1f\x7f\xC3\xA9\xE2\x80\xA8\xE2\x80\xA9");
    buf_clear(&b);
    json_put_str(&b, STR("ok\xff\xC3|\xED\xA0\x80"));
    assert_string_equal(b.p, "\"ok\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    buf_clear(&b);
    json_put_str(&b, STR_EMPTY);
    assert_string_equal(b.p, "\"\"");
    buf_fini(&b);
}

static void
members_are_separated_by_commas(void **state)
{
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    buf_putc(&b, '{');
    json_put_member_str(&b, "a", STR("{"));
    json_put_member_i64(&b, "b", INT64_MIN);
    json_put_key(&b, "c");
    buf_putz(&b, "{");
    json_put_member_bool(&b, "d", true);
    buf_putz(&b, "}}");
    assert_string_equal(b.p, "{\"a\":\"{\",\"b\":-9223372036854775808,\"c\":{\"d\":true}}");
    buf_fini(&b);
}

static void
accessors_follow_paths_and_take_nothing(void **state)
{
    const struct json_value *v = parsed("{\"r\":{\"list\":[{\"t\":\"page\",\"n\":3}]},\"f\":1.5,"
                                        "\"y\":true,\"z\":null}");
    (void)state;
    assert_str(json_str(json_path(v, "r.list.0.t")), "page");
    assert_int_equal(json_i64(json_path(v, "r.list.0.n"), -1), 3);
    assert_null(json_path(v, "r.list.1.t"));
    assert_null(json_path(v, "r.list.x"));
    assert_null(json_path(v, "f.x"));
    assert_null(json_get(NULL, "x"));
    assert_null(json_at(v, 0));
    assert_true(json_f64(json_get(v, "f"), 0) == 1.5);
    assert_int_equal(json_i64(json_get(v, "f"), 7), 7);
    assert_true(json_bool(json_get(v, "y"), false));
    assert_true(json_bool(json_get(v, "z"), true));
    assert_false(json_bool(json_get(v, "nope"), false));
    assert_true(json_is(json_get(v, "z"), JSON_NULL));
    assert_str(json_str(json_get(v, "y")), "");
    assert_str(json_path(v, "r.list")->raw, "[{\"t\":\"page\",\"n\":3}]");
}

static void
the_reader_walks_and_skips(void **state)
{
    struct json_reader r;
    struct json_token t;
    struct str key;
    struct str raw;
    bool more = false;
    (void)state;

    json_read_init(&r, STR(" {\"a\" : [1, \"x\"] , \"b\":{\"c\":[{}]}} "), arena);
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_int_equal(t.type, JSON_OBJECT);
    assert_int_equal(json_read_key(&r, &key, &more), RC_OK);
    assert_true(more);
    assert_str(key, "a");
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_int_equal(t.type, JSON_ARRAY);
    assert_int_equal(json_read_item(&r, &more), RC_OK);
    assert_true(more);
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_str(t.text, "1");
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_str(t.text, "x");
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_int_equal(t.type, JSON_ARRAY_END);
    assert_int_equal(json_read_key(&r, &key, &more), RC_OK);
    assert_int_equal(json_skip(&r, &raw), RC_OK);
    assert_str(raw, "{\"c\":[{}]}");
    assert_int_equal(json_read_key(&r, &key, &more), RC_OK);
    assert_false(more);
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_int_equal(t.type, JSON_END);
}

static void
a_failed_reader_stays_failed(void **state)
{
    struct json_reader r;
    struct json_token t;
    (void)state;

    json_read_init(&r, STR("[1 2"), arena);
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_int_equal(json_read(&r, &t), RC_OK);
    assert_int_equal(json_read(&r, &t), RC_INVALID_ARGUMENT);
    assert_int_equal(r.at, 3);
    const char *error = r.error;
    assert_int_equal(json_read(&r, &t), RC_INVALID_ARGUMENT);
    assert_int_equal(json_read_end(&r), RC_INVALID_ARGUMENT);
    assert_ptr_equal(r.error, error);
}

static void
a_full_arena_is_reported(void **state)
{
    struct arena *tiny = arena_new(300);
    const struct json_value *v = NULL;
    const char *error = NULL;
    (void)state;

    assert_int_equal(json_parse(STR("[1,2,3,4,5,6,7]"), tiny, &v, &error), RC_RESOURCE_EXHAUSTED);
    assert_non_null(error);
    arena_free(tiny);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_texts_are_accepted),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(every_prefix_of_a_document_is_refused),
        cmocka_unit_test(depth_bombs_are_refused),
        cmocka_unit_test(duplicate_keys_are_refused),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(written_strings_are_safe_and_read_back),
        cmocka_unit_test(members_are_separated_by_commas),
        cmocka_unit_test(accessors_follow_paths_and_take_nothing),
        cmocka_unit_test(the_reader_walks_and_skips),
        cmocka_unit_test(a_failed_reader_stays_failed),
        cmocka_unit_test(a_full_arena_is_reported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
