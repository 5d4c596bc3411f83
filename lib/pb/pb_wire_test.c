/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed messages as JSON, beside what unpacking and writing gives; pb_all_test and pb_random_test
 * do this with every table. */
#include "tests/support/pb_random.h"

static void
write_both(struct fixture *f, struct str wire, struct buf *direct)
{
    ProtobufCMessage *msg = NULL;

    buf_init(direct, 1 << 20);
    assert_int_equal(pb_unpack(f->arena, &sample__all__descriptor, wire, &msg), RC_OK);
    pb_to_json(&sample_all_table, msg, &f->out);
    assert_int_equal(pb_wire_to_json(&sample_all_table, wire, direct), RC_OK);
}

static struct str
packed_sample(struct fixture *f)
{
    struct str wire;
    assert_int_equal(pb_pack(f->arena, random_message(f->arena, &sample_all_table, 0), &wire),
                     RC_OK);
    return wire;
}

static void
items_of_a_list_may_stand_apart(void **state)
{
    struct fixture *f = *state;
    struct buf direct;
    struct buf wire;

    buf_init(&wire, 1 << 20);
    buf_put(&wire, STR("\xE2\x01\x03"
                       "one"));                            /* words */
    buf_put(&wire, STR("\xE8\x01\x07"));                   /* numbers */
    buf_put(&wire, STR("\x8A\x02\x06\x0A\x01k\x12\x01v")); /* labels */
    buf_put(&wire, packed_sample(f));
    buf_put(&wire, STR("\xE8\x01\x08"));
    buf_put(&wire, STR("\xE2\x01\x03"
                       "two"));
    write_both(f, buf_str(&wire), &direct);
    assert_true(str_eq(buf_str(&direct), buf_str(&f->out)));
    assert_non_null(strstr(direct.p, "[\"one\""));
    assert_non_null(strstr(direct.p, "\"two\"]"));
    assert_non_null(strstr(direct.p, "{\"k\":\"v\""));
    buf_fini(&direct);
    buf_fini(&wire);
}

static void
unknown_fields_are_passed_over(void **state)
{
    struct fixture *f = *state;
    struct buf direct;
    struct buf wire;

    buf_init(&wire, 1 << 20);
    buf_put(&wire, STR("\xF8\x07\x05")); /* 127, varint */
    buf_put(&wire, STR("\xF2\x07\x03"
                       "abc")); /* 126, bytes */
    buf_put(&wire, STR("\xE9\x07"
                       "12345678")); /* 125, 64 bit */
    buf_put(&wire, STR("\xE5\x07"
                       "1234")); /* 124, 32 bit */
    buf_put(&wire, packed_sample(f));
    write_both(f, buf_str(&wire), &direct);
    assert_true(str_eq(buf_str(&direct), buf_str(&f->out)));
    buf_fini(&direct);
    buf_fini(&wire);
}

/* Cut off, twice the same field, a required one missing, a group, too deep: never half an answer.
 */
static void
what_is_no_message_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    struct str wire = packed_sample(f);

    buf_init(&out, 1 << 20);
    assert_int_equal(pb_wire_to_json(&sample_all_table, STR_EMPTY, &out), RC_INVALID_ARGUMENT);
    assert_int_equal(pb_wire_to_json(&sample_all_table, str_sub(wire, 0, wire.n - 1), &out),
                     RC_INVALID_ARGUMENT);
    assert_int_equal(pb_wire_to_json(&sample_all_table, STR("\x0B"), &out), RC_INVALID_ARGUMENT);
    assert_int_equal(pb_wire_to_json(&sample_all_table, STR("\x08"), &out), RC_INVALID_ARGUMENT);
    struct str twice = arena_printf(f->arena, "%c%c%c%c", 8, 1, 8, 1);
    assert_int_equal(pb_wire_to_json(&sample_all_table, twice, &out), RC_INVALID_ARGUMENT);
    buf_fini(&out);
}

static void
text_that_is_not_utf8_stays_json(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    Sample__All *msg = NULL;
    struct str wire;

    assert_int_equal(read_str(f, STR("{" BASE "}"), &msg), RC_OK);
    char bad[] = "a\xFF"
                 "b";
    msg->name = bad;
    assert_int_equal(pb_pack(f->arena, &msg->base, &wire), RC_OK);
    buf_init(&out, 1 << 20);
    assert_int_equal(pb_wire_to_json(&sample_all_table, wire, &out), RC_OK);
    assert_non_null(strstr(out.p, "\"a\xEF\xBF\xBD"
                                  "b\""));
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_of_a_list_may_stand_apart),
        TEST(unknown_fields_are_passed_over),
        TEST(what_is_no_message_is_refused),
        TEST(text_that_is_not_utf8_stays_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
