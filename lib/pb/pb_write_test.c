/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pb_fixture.h"

static void
answers_write_null_unless_told_to_omit(void **state)
{
    struct fixture *f = *state;
    Sample__Case c = SAMPLE__CASE__INIT;

    pb_to_json(&sample_case_table, &c.base, &f->out);
    assert_string_equal(f->out.p, "{\"name\":\"\",\"step_limit\":null,\"title\":null,"
                                  "\"enabled\":false,\"tags\":[],\"child\":null}");
    again(f);
    Sample__All *m = read_ok(f, "");
    pb_to_json(&sample_all_table, &m->base, &f->out);
    assert_null(strstr(f->out.p, "omitted"));
    assert_non_null(strstr(f->out.p, "\"labels\":{},"));
}

static void
times_are_written_as_the_option_says(void **state)
{
    struct fixture *f = *state;
    Sample__All *m = read_ok(f, "\"at_naive\":\"2025-01-31T12:34:56.789012Z\","
                                "\"at_z\":\"2025-01-31T12:34:56.789012Z\","
                                "\"at_ms\":\"2025-01-31T12:34:56.789012Z\","
                                "\"at_us\":\"2025-01-31T13:34:56.789012+01:00\","
                                "\"at_s\":\"2025-01-31 12:34:56.789012\"");
    pb_to_json(&sample_all_table, &m->base, &f->out);
    assert_non_null(strstr(f->out.p,
                           "\"at_naive\":\"2025-01-31T12:34:56\",\"at_z\":"
                           "\"2025-01-31T12:34:56Z\",\"at_ms\":\"2025-01-31T12:34:56.789Z\","
                           "\"at_us\":\"2025-01-31T12:34:56.789012+00:00\",\"at_s\":"
                           "\"2025-01-31T12:34:56+00:00\","));
}

static void
lists_are_written_bare(void **state)
{
    static const uint32_t CASES_FIELD = 26;
    struct fixture *f = *state;
    Sample__All *m = read_ok(f, "\"cases\":[{\"name\":\"a\",\"enabled\":true,\"title\":\"</s>\"},"
                                "{\"name\":\"b\",\"enabled\":false}]");
    struct pb_table one = sample_all_table;

    one.fields = &sample_all_fields[CASES_FIELD];
    one.count = 1;
    pb_list_to_json(&one, &m->base, &f->out);
    assert_string_equal(f->out.p,
                        "[{\"name\":\"a\",\"step_limit\":null,\"title\":\"</s>\","
                        "\"enabled\":true,\"tags\":[],\"child\":null},{\"name\":\"b\","
                        "\"step_limit\":null,\"title\":null,\"enabled\":false,\"tags\":[],"
                        "\"child\":null}]");
    again(f);
    Sample__All empty = SAMPLE__ALL__INIT;
    pb_list_to_json(&one, &empty.base, &f->out);
    assert_string_equal(f->out.p, "[]");
}

static void
a_full_buffer_is_a_failed_buffer(void **state)
{
    struct fixture *f = *state;
    Sample__All *m = read_ok(f, "\"note\":\"0123456789\"");
    struct buf small;

    pb_to_json(&sample_all_table, &m->base, &f->out);
    for (size_t max = 0; max < f->out.n; max++) {
        buf_init(&small, max);
        pb_to_json(&sample_all_table, &m->base, &small);
        assert_true(buf_failed(&small));
        buf_fini(&small);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_write_null_unless_told_to_omit),
        TEST(times_are_written_as_the_option_says),
        TEST(lists_are_written_bare),
        TEST(a_full_buffer_is_a_failed_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
