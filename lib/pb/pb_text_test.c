/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pb_fixture.h"

static enum rc
give(struct fixture *f, Sample__Query *q, const char *name, struct str text)
{
    const struct pb_field *field = pb_field_find(&sample_query_table, str_z(name));
    assert_non_null(field);
    return pb_from_text(&f->ctx, field, text, &q->base);
}

static void
text_becomes_fields(void **state)
{
    struct fixture *f = *state;
    Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);

    assert_int_equal(give(f, q, "suite_id", STR("12")), RC_OK);
    assert_int_equal(give(f, q, "limit", STR("200")), RC_OK);
    assert_int_equal(give(f, q, "tags", STR("A, b ,c")), RC_OK);
    assert_int_equal(give(f, q, "tags", STR("")), RC_OK);
    assert_int_equal(give(f, q, "tags", STR("d")), RC_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(give(f, q, "sizes", arena_printf(f->arena, "%d", i)), RC_OK);
    }
    assert_int_equal(give(f, q, "deep", STR("0")), RC_OK);
    assert_int_equal(give(f, q, "ratio", STR("1e-1")), RC_OK);
    assert_int_equal(give(f, q, "since", STR("1970-01-01T00:00:01Z")), RC_OK);
    assert_int_equal(give(f, q, "token", STR("t\xC3\xA9")), RC_OK);
    assert_int_equal(give(f, q, "sure", STR("True")), RC_OK);
    assert_int_equal(give(f, q, "extra", STR(" {\"a\":1} ")), RC_OK);
    assert_int_equal(pb_check(&f->ctx, &sample_query_table, &q->base), RC_OK);
    assert_int_equal(q->suite_id, 12);
    assert_int_equal(q->n_tags, 4);
    assert_string_equal(q->tags[0], "a");
    assert_string_equal(q->tags[1], "b");
    assert_string_equal(q->tags[3], "d");
    assert_int_equal(q->n_sizes, 20);
    assert_int_equal(q->sizes[19], 19);
    assert_true(q->has_deep && !q->deep);
    assert_true(q->ratio == 0.1);
    assert_true(q->since == 1000000);
    assert_true(q->sure);
    assert_int_equal(q->extra.len, 7);
}

static void
bad_text_is_refused(void **state)
{
    static const struct {
        const char *name;
        struct str text;
        const char *msg;
        const char *reason;
    } CASES[] = {
        {"suite_id", STR_INIT("x"), "suite_id must be a whole number", "INVALID_QUERY"},
        {"suite_id", STR_INIT(""), "suite_id must be a whole number", "INVALID_QUERY"},
        {"suite_id", STR_INIT("99999999999999999999"), "suite_id is out of range", "INVALID_QUERY"},
        {"limit", STR_INIT("201"), "limit must be at most 200", "INVALID_QUERY"},
        {"limit", STR_INIT("99999999999"), "limit must be at most 200", "INVALID_QUERY"},
        {"sizes", STR_INIT("1,2"), "sizes[0] must be a whole number", "INVALID_QUERY"},
        {"sizes", STR_INIT("3000000000"), "sizes[0] is out of range", "INVALID_QUERY"},
        {"tags", STR_INIT("a,123456"), "tags[1] must have at most 5 characters", "INVALID_QUERY"},
        {"tags", STR_INIT("a,,,,,,"), "tags must have at most 6 items", "INVALID_QUERY"},
        {"deep", STR_INIT("yes"), "deep must be true or false", "INVALID_QUERY"},
        {"ratio", STR_INIT("1 "), NULL, NULL},
        {"ratio", STR_INIT("nan"), "ratio must be a number", "INVALID_QUERY"},
        {"ratio", STR_INIT("0x1"), "ratio must be a number", "INVALID_QUERY"},
        {"since", STR_INIT("yesterday"), "since must be an ISO 8601 date and time",
         "INVALID_QUERY"},
        {"token", STR_INIT("a\0b"), "token must be UTF-8 without NUL", "INVALID_QUERY"},
        {"token", STR_INIT("\xff"), "token must be UTF-8 without NUL", "INVALID_QUERY"},
        {"extra", STR_INIT("[]"), "extra must be an object", "INVALID_BODY"},
        {"extra", STR_INIT("{\"a\"}"), "extra must be JSON: colon expected", "INVALID_BODY"},
        {"extra", STR_INIT("{}}"), "extra must be JSON: something follows the value",
         "INVALID_BODY"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);
        enum rc rc = give(f, q, CASES[i].name, CASES[i].text);
        assert_int_equal(rc, CASES[i].msg == NULL ? RC_OK : RC_INVALID_ARGUMENT);
        if (rc != RC_OK && (!str_eqz(f->ctx.err.msg, CASES[i].msg) ||
                            strcmp(f->ctx.err.reason, CASES[i].reason) != 0)) {
            fail_msg("%s: %.*s", f->ctx.err.reason, STR_ARG(f->ctx.err.msg));
        }
        again(f);
    }
}

static void
a_parameter_is_given_once(void **state)
{
    struct fixture *f = *state;
    Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);

    assert_int_equal(give(f, q, "limit", STR("1")), RC_OK);
    assert_int_equal(give(f, q, "limit", STR("2")), RC_INVALID_ARGUMENT);
    assert_true(str_eqz(f->ctx.err.msg, "limit is given twice"));
}

static void
assert_check(struct fixture *f, const Sample__Query *q, const char *reason, const char *msg)
{
    assert_int_equal(pb_check(&f->ctx, &sample_query_table, &q->base), RC_INVALID_ARGUMENT);
    assert_string_equal(f->ctx.err.reason, reason);
    assert_true(str_eqz(f->ctx.err.msg, msg));
    ctx_recover(&f->ctx);
}

/* Required numbers and booleans have no has_ flag: 0 and false must not pass for absence. */
static void
presence_is_checked_over_all_sources(void **state)
{
    struct fixture *f = *state;
    Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);

    assert_string_equal(q->title, "untitled"); /* a default is not a title that was given */
    assert_check(f, q, "INVALID_QUERY", "suite_id is required");
    assert_int_equal(give(f, q, "suite_id", STR("0")), RC_OK);
    assert_check(f, q, "INVALID_QUERY", "sure is required");
    assert_int_equal(give(f, q, "sure", STR("false")), RC_OK);
    assert_check(f, q, "INVALID_QUERY", "at least one of token, title is required");
    /* A member of that name in the body is not the path's field. */
    assert_int_equal(pb_from_json(&f->ctx, &sample_query_table,
                                  STR("{\"suite_id\":5,\"title\":\"t\"}"), &q->base),
                     RC_OK);
    assert_int_equal(pb_check(&f->ctx, &sample_query_table, &q->base), RC_OK);
    assert_int_equal(q->suite_id, 0);
    struct str wire;
    ProtobufCMessage *back = NULL;
    assert_int_equal(pb_pack(f->arena, &q->base, &wire), RC_OK);
    assert_int_equal(pb_unpack(f->arena, &sample__query__descriptor, wire, &back), RC_OK);
    assert_int_equal(back->n_unknown_fields, 0);
}

static void
every_key_is_found(void **state)
{
    static const struct pb_table *const TABLES[] = {&sample_all_table, &sample_case_table,
                                                    &sample_query_table};
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++) {
        for (size_t i = 0; i < TABLES[t]->count; i++) {
            assert_ptr_equal(pb_field_find(TABLES[t], TABLES[t]->fields[i].key),
                             &TABLES[t]->fields[i]);
        }
        assert_null(pb_field_find(TABLES[t], STR("")));
        assert_null(pb_field_find(TABLES[t], STR("zzz")));
        assert_null(pb_field_find(TABLES[t], STR("nam")));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_becomes_fields),       TEST(bad_text_is_refused),
        TEST(a_parameter_is_given_once), TEST(presence_is_checked_over_all_sources),
        TEST(every_key_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
