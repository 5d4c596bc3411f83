/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pb_fixture.h"

static void
every_kind_is_read(void **state)
{
    struct fixture *f = *state;
    Sample__All *m = read_ok(
        f,
        "\"flag\":false,\"small\":-2147483648,\"big\":9223372036854775807,\"natural\":4294967295,"
        "\"score\":0.5,\"note\":\"\\u00e9\\ud83d\\ude00\",\"platform\":\"ios\","
        "\"code\":\"app_abc123\",\"email\":\" Ada@Example.ORG \",\"url\":\"https://x.y/z?q\","
        "\"uuid\":\"0190a0b0-c0d0-7000-8000-0123456789ab\",\"at_z\":\"2024-01-15T10:30:00Z\","
        "\"any\": [1, {\"a\":null}] ,\"object\":{\"x\" : 1},\"array\":[1,2,3],"
        "\"picture\":\"aGVsbG8=\",\"main_case\":{\"name\":\"a\",\"enabled\":true,\"zz\":[]},"
        "\"cases\":[{\"name\":\"b\",\"enabled\":false,\"tags\":[\"x\",\"y\"]}],"
        "\"words\":[\"a\",\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"],\"numbers\":[1.0,1e2,-0],"
        "\"flags\":[true,false],\"doubles\":[1,2.5],\"raws\":[null,\"s\"],"
        "\"labels\":{\"k\":\"v\"},\"counts\":{\"\":3},\"by_name\":{\"c\":{\"name\":\"c\","
        "\"enabled\":true}},\"limit\":100000");

    assert_int_equal(m->id, 7);
    assert_true(m->has_flag && !m->flag);
    assert_int_equal(m->small, INT32_MIN);
    assert_true(m->big == INT64_MAX);
    assert_int_equal(m->natural, UINT32_MAX);
    assert_true(m->has_score && m->score == 0.5);
    assert_string_equal(m->note, "\xC3\xA9\xF0\x9F\x98\x80");
    assert_string_equal(m->email, "ada@example.org");
    assert_true(m->at_z == INT64_C(1705314600000000));
    assert_int_equal(m->any.len, strlen("[1, {\"a\":null}]"));
    assert_memory_equal(m->any.data, "[1, {\"a\":null}]", m->any.len);
    assert_memory_equal(m->picture.data, "hello", m->picture.len);
    assert_string_equal(m->main_case->name, "a");
    assert_int_equal(m->n_cases, 1);
    assert_string_equal(m->cases[0]->tags[1], "y");
    assert_int_equal(m->n_words, 2);
    assert_true(m->n_numbers == 3 && m->numbers[0] == 1 && m->numbers[1] == 100);
    assert_true(m->n_flags == 2 && m->flags[0] && !m->flags[1]);
    assert_true(m->doubles[1] == 2.5);
    assert_memory_equal(m->raws[0].data, "null", m->raws[0].len);
    assert_string_equal(m->labels[0]->key, "k");
    assert_string_equal(m->labels[0]->value, "v");
    assert_true(m->counts[0]->has_value && m->counts[0]->value == 3);
    assert_string_equal(m->by_name[0]->value->name, "c");
    assert_int_equal(m->limit, 200); /* clamped */
    assert_null(m->nullable);
}

static void
lists_longer_than_one_growth_keep_their_items(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    Sample__All *m = NULL;

    buf_init(&b, 1 << 20);
    buf_putz(&b, "{" BASE ",\"numbers\":[0");
    for (int i = 1; i < 10000; i++) {
        buf_printf(&b, ",%d", i);
    }
    size_t n = b.n;
    buf_putz(&b, "]}");
    assert_int_equal(read_str(f, buf_str(&b), &m), RC_OK);
    assert_int_equal(m->n_numbers, 10000);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(m->numbers[i], i);
    }
    again(f);
    b.n = n;
    buf_putz(&b, ",1]}");
    assert_refused(f, buf_str(&b), "INVALID_BODY", "numbers must have at most 10000 items");
    buf_fini(&b);
}

static void
refusals_name_the_member(void **state)
{
    static const struct {
        const char *more;
        const char *msg;
    } CASES[] = {
        {"\"flag\":1", "flag must be true or false"},
        {"\"flag\":null", "flag must not be null"},
        {"\"small\":\"1\"", "small must be a whole number"},
        {"\"small\":1.5", "small must be a whole number"},
        {"\"small\":2147483648", "small is out of range"},
        {"\"small\":-2147483649", "small is out of range"},
        {"\"big\":9223372036854775808", "big is out of range"},
        {"\"big\":1e300", "big is out of range"},
        {"\"natural\":-1", "natural is out of range"},
        {"\"natural\":4294967296", "natural is out of range"},
        {"\"score\":\"x\"", "score must be a number"},
        {"\"score\":0.51", "score must be at most 0.5"},
        {"\"score\":-0.1", "score must be at least 0"},
        {"\"note\":1", "note must be a string"},
        {"\"note\":{}", "note must be a string"},
        {"\"platform\":\"IOS\"", "platform must be one of ios, android, web"},
        {"\"code\":\"app_ABC123\"", "code must match ^app_[a-z0-9]{6,}$"},
        {"\"code\":\"app_abc123\\n\"", "code must match ^app_[a-z0-9]{6,}$"},
        {"\"email\":\"a@b@c\"", "email must be an e-mail address"},
        {"\"email\":\"@b\"", "email must be an e-mail address"},
        {"\"email\":\"a@\"", "email must be an e-mail address"},
        {"\"email\":\"a b@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\r\\nBcc: b@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\u0001@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\u007f@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\u0085@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\u00a0b@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\u200bb@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\u202eb@c\"", "email must be an e-mail address"},
        {"\"email\":\"a\\u3000b@c\"", "email must be an e-mail address"},
        {"\"email\":\"a>,<b@c\"", "email must be an e-mail address"},
        {"\"email\":\"\\\"a\\\"@c\"", "email must be an e-mail address"},
        {"\"url\":\"ftp://x\"", "url must be an http or https URL"},
        {"\"url\":\"https://\"", "url must be an http or https URL"},
        {"\"url\":\"https:///x\"", "url must be an http or https URL"},
        {"\"url\":\"http://a b\"", "url must be an http or https URL"},
        {"\"uuid\":\"0190A0B0-C0D0-7000-8000-0123456789AB\"", "uuid must be a UUID in lower case"},
        {"\"sha\":\"abc\"", "sha must be 64 lower-case hexadecimal digits"},
        {"\"at_z\":\"2024-02-30T00:00:00Z\"", "at_z must be an ISO 8601 date and time"},
        {"\"at_z\":5", "at_z must be a string"},
        {"\"object\":[]", "object must be an object"},
        {"\"array\":{}", "array must be an array"},
        {"\"array\":[1,2,3,4]", "array must have at most 3 items"},
        {"\"picture\":\"a\"", "picture must be base64"},
        {"\"main_case\":[]", "main_case must be an object"},
        {"\"main_case\":{\"enabled\":true}", "main_case.name is required"},
        {"\"main_case\":{\"name\":\"a\"}", "main_case.enabled is required"},
        {"\"main_case\":{\"name\":\"\",\"enabled\":true}",
         "main_case.name must have at least 1 character"},
        {"\"cases\":{}", "cases must be an array"},
        {"\"cases\":[null]", "cases[0] must not be null"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true},{\"name\":\"a\",\"enabled\":3}]",
         "cases[1].enabled must be true or false"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"child\":{\"name\":\"a\",\"enabled\":true,"
         "\"tags\":[\"x\",1]}}]",
         "cases[0].child.tags[1] must be a string"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"step_limit\":0}]",
         "cases[0].step_limit must be at least 1"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"step_limit\":1,\"title\":\"t\"}]",
         "cases[0] takes at most one of step_limit, title"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"name\":\"b\"}]",
         "cases[0].name is given twice"},
        {"\"words\":[]", "words must have at least 1 item"},
        {"\"words\":[\"a\",\"a\",\"a\",\"a\"]", "words must have at most 3 items"},
        {"\"words\":[\"a\",\"12345\"]", "words[1] must have at most 4 characters"},
        {"\"labels\":[]", "labels must be an object"},
        {"\"labels\":{\"a\":1}", "labels.a must be a string"},
        {"\"labels\":{\"a\":null}", "labels.a must not be null"},
        {"\"labels\":{\"a\":\"1\",\"b\":\"\",\"\\u0061\":\"2\"}", "labels.a is given twice"},
        {"\"labels\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}",
         "labels must have at most 3 members"},
        {"\"by_name\":{\"q\":{\"enabled\":true}}", "by_name.q.name is required"},
        {"\"limit\":0", "limit must be at least 1"},
        {"\"id\":8", "id is given twice"},
        {"\"\\u0069d\":8", "id is given twice"},
        {"\"left\":\"\",\"right\":\"\"", "at most one of left, right may be given"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_refused(f, arena_printf(f->arena, "{" BASE ",%s}", CASES[i].more), "INVALID_BODY",
                       CASES[i].msg);
    }
}

static void
missing_members_are_required(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, STR("{}"), "INVALID_BODY", "id is required");
    assert_refused(f, STR("{\"id\":null}"), "INVALID_BODY", "id must not be null");
    assert_refused(f, STR("{\"id\":1,\"name\":\"n\",\"active\":false}"), "INVALID_BODY",
                   "ratio is required");
    assert_refused(f, STR("{\"id\":1,\"name\":\"123456789012345678901\"}"), "INVALID_BODY",
                   "name must have at most 20 characters");
    assert_refused(f, STR("[]"), "INVALID_BODY", "the body must be an object");
    assert_refused(f, STR("null"), "INVALID_BODY", "the body must be an object");
}

static void
what_is_not_json_is_told_apart(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, STR(""), "MALFORMED_JSON",
                   "malformed JSON at byte 0: input ends where a value must follow");
    assert_refused(f, STR("null x"), "MALFORMED_JSON",
                   "malformed JSON at byte 5: something follows the value");
    assert_refused(f, STR("[1,"), "MALFORMED_JSON",
                   "malformed JSON at byte 3: input ends where a value must follow");
    assert_refused(f, STR("[] x"), "MALFORMED_JSON",
                   "malformed JSON at byte 3: something follows the value");
    assert_refused(f, STR("{" BASE "} x"), "MALFORMED_JSON",
                   "malformed JSON at byte 47: something follows the value");
    assert_refused(f, STR("{\"id\":1e999}"), "MALFORMED_JSON",
                   "malformed JSON at byte 11: number out of range");
    assert_refused(f, STR("{\"zz\":[1,\"\xff\"]}"), "MALFORMED_JSON",
                   "malformed JSON at byte 10: string is not UTF-8");
    assert_refused(f, STR("{\"zz\":\"\\u0000\"}"), "MALFORMED_JSON",
                   "malformed JSON at byte 7: NUL in a string");
    assert_refused(f, STR("{\"name\":\"a\0b\"}"), "MALFORMED_JSON",
                   "malformed JSON at byte 10: NUL in a string");
    assert_refused(f, STR("{\"any\":[1,]}"), "MALFORMED_JSON",
                   "malformed JSON at byte 10: comma before the end of a container");
}

static void
depth_is_bounded_everywhere(void **state)
{
    static const char *const OPENINGS[] = {"{\"zz\":", "{\"any\":", "{\"cases\":", ""};
    struct fixture *f = *state;
    struct buf b;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(OPENINGS); i++) {
        buf_clear(&b);
        buf_putz(&b, OPENINGS[i]);
        for (int k = 0; k < 100000; k++) {
            buf_putz(&b, i == 2 ? "[{\"cases\":" : "[");
        }
        Sample__All *m = NULL;
        assert_int_equal(read_str(f, buf_str(&b), &m), RC_INVALID_ARGUMENT);
        again(f);
    }
    buf_clear(&b);
    buf_putz(&b, "{\"main_case\":");
    for (int k = 0; k < 100; k++) {
        buf_putz(&b, "{\"child\":");
    }
    assert_refused(f, buf_str(&b), "MALFORMED_JSON", "JSON is nested deeper than 32 levels");
    buf_fini(&b);
}

static void
nulls_are_told_from_absence(void **state)
{
    struct fixture *f = *state;

    Sample__All *m = read_ok(f, "\"nullable\":null");
    assert_null(m->nullable);
    assert_true(PB_WAS_NULL(m, 39));
    assert_false(PB_WAS_NULL(m, 40));
    m = read_ok(f, "\"nullable\":\"x\"");
    assert_string_equal(m->nullable, "x");
    assert_false(PB_WAS_NULL(m, 39));
    m = read_ok(f, "");
    assert_false(PB_WAS_NULL(m, 39));
}

static void
strings_without_bounds_end_at_64_ki_code_points(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    Sample__All *m = NULL;

    buf_init(&b, 1 << 20);
    buf_putz(&b, "{" BASE ",\"note\":\"");
    for (int i = 0; i < 65536; i++) {
        buf_putz(&b, "\xC3\xA9");
    }
    size_t n = b.n;
    buf_putz(&b, "\"}");
    assert_int_equal(read_str(f, buf_str(&b), &m), RC_OK);
    b.n = n;
    buf_putz(&b, "x\"}");
    assert_refused(f, buf_str(&b), "INVALID_BODY", "note must have at most 65536 characters");
    buf_fini(&b);
}

static void
a_full_arena_is_an_exhausted_resource(void **state)
{
    static const char BODY[] =
        "{" BASE ",\"email\":\"A@B\",\"cases\":[{\"name\":\"\\u0061\",\"enabled\":true},{\"name\":"
        "\"b\",\"enabled\":true}],\"labels\":{\"a\":\"b\"},\"any\":[1],\"nullable\":null,"
        "\"picture\":\"aGVsbG8=\",\"words\":[\"a\",\"b\",\"c\"]}";
    bool succeeded = false;
    (void)state;

    for (size_t cap = sizeof(Sample__All) + 64; cap < 8192; cap += 3) {
        struct arena *arena = arena_new(cap);
        struct ctx ctx;
        ctx_init(&ctx, arena);
        Sample__All *m = PB_NEW(arena, Sample__All, sample__all);
        assert_non_null(m);
        enum rc rc = pb_from_json(&ctx, &sample_all_table, str_z(BODY), &m->base);
        assert_true(rc == RC_OK || rc == RC_RESOURCE_EXHAUSTED);
        assert_false(succeeded && rc != RC_OK);
        succeeded = rc == RC_OK;
        arena_free(arena);
    }
    assert_true(succeeded);
}

static void
a_closed_message_refuses_members_it_does_not_know(void **state)
{
    static const struct {
        const char *body, *reason;
    } CASES[] = {
        {"{\"nope\":{\"deep\":[1]},\"other\":1}", "INVALID_BODY"},
        {"{\"nope\":1", "MALFORMED_JSON"}, /* that it is no JSON is told first */
        {"{\"nope\":1}}", "MALFORMED_JSON"},
        {"{\"nope\":NaN}", "MALFORMED_JSON"},
    };
    struct pb_table closed = sample_all_table;

    (void)state;
    closed.closed = true;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct ctx ctx;
        ctx_init(&ctx, arena);
        Sample__All *m = PB_NEW(arena, Sample__All, sample__all);
        assert_non_null(m);
        struct str body = str_z(CASES[i].body);
        assert_int_equal(pb_from_json(&ctx, &closed, body, &m->base), RC_INVALID_ARGUMENT);
        assert_string_equal(ctx.err.reason, CASES[i].reason);
        if (i == 0) {
            assert_true(str_eqz(ctx.err.msg, "nope is not known here"));
        }
        arena_free(arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_is_read),
        TEST(lists_longer_than_one_growth_keep_their_items),
        TEST(refusals_name_the_member),
        TEST(missing_members_are_required),
        TEST(what_is_not_json_is_told_apart),
        TEST(depth_is_bounded_everywhere),
        TEST(nulls_are_told_from_absence),
        TEST(strings_without_bounds_end_at_64_ki_code_points),
        TEST(a_full_arena_is_an_exhausted_resource),
        TEST(a_closed_message_refuses_members_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
