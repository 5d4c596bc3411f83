/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pb_random.h"

static void
any_message_reads_back_as_itself(void **state)
{
    struct fixture *f = *state;
    struct arena *tables = arena_new(1 << 20);
    struct pb_omit omit = {.arena = tables};
    const struct pb_table *table = pb_omitting(&omit, &sample_all_table);

    for (int round = 0; round < 2000; round++) {
        struct str before = STR_EMPTY;
        struct str after = STR_EMPTY;
        ProtobufCMessage *back = NULL;
        ProtobufCMessage *msg = random_message(f->arena, table, 0);
        pb_to_json(table, msg, &f->out);
        ProtobufCMessage *read = pb_new(f->arena, table->desc);
        if (pb_from_json(&f->ctx, table, buf_str(&f->out), read) != RC_OK ||
            pb_check(&f->ctx, table, read) != RC_OK) {
            fail_msg("%.*s: %s", STR_ARG(f->ctx.err.msg), f->out.p);
        }
        assert_int_equal(pb_pack(f->arena, msg, &before), RC_OK);
        assert_int_equal(pb_pack(f->arena, read, &after), RC_OK);
        assert_true(str_eq(before, after));
        assert_int_equal(pb_unpack(f->arena, table->desc, after, &back), RC_OK);
        struct buf again_json;
        buf_init(&again_json, 16 * 1024 * 1024);
        pb_to_json(table, back, &again_json);
        assert_true(str_eq(buf_str(&f->out), buf_str(&again_json)));
        buf_fini(&again_json);
        again(f);
    }
    arena_free(tables);
}

static void
any_cut_or_changed_body_is_handled(void **state)
{
    struct fixture *f = *state;
    struct arena *spare = arena_new(1 << 24);

    for (int round = 0; round < 3000; round++) {
        ProtobufCMessage *msg = random_message(spare, &sample_case_table, 0);
        pb_to_json(&sample_case_table, msg, &f->out);
        size_t n = round % 2 == 0 ? pick(f->out.n) : f->out.n;
        char *copy = malloc(n + 1);
        memcpy(copy, f->out.p, n);
        if (round % 2 == 1) {
            copy[pick(n)] = (char)pick(256);
        }
        ProtobufCMessage *read = pb_new(f->arena, &sample__case__descriptor);
        enum rc rc = pb_from_json(&f->ctx, &sample_case_table, str_n(copy, n), read);
        assert_true(rc == RC_OK || (rc == RC_INVALID_ARGUMENT && f->ctx.err.msg.n > 0));
        assert_true(round % 2 == 1 || rc == RC_INVALID_ARGUMENT);
        free(copy);
        arena_reset(spare);
        again(f);
    }
    arena_free(spare);
}

static void
any_damaged_wire_is_survived(void **state)
{
    struct fixture *f = *state;
    int same = 0;
    struct arena *spare = arena_new(1 << 24);

    for (int round = 0; round < 2000; round++) {
        struct str wire = STR_EMPTY;
        ProtobufCMessage *msg = NULL;
        ProtobufCMessage *in = random_message(spare, &sample_all_table, 0);
        assert_int_equal(pb_pack(spare, in, &wire), RC_OK);
        size_t n = round % 2 == 0 ? pick(wire.n) + 1 : wire.n;
        char *copy = malloc(n);
        memcpy(copy, wire.p, n);
        copy[pick(n)] = (char)pick(256);
        struct buf direct;
        buf_init(&direct, 16 * 1024 * 1024);
        enum rc rc = pb_wire_to_json(&sample_all_table, str_n(copy, n), &direct);
        assert_false(buf_failed(&direct));
        if (pb_unpack(f->arena, &sample__all__descriptor, str_n(copy, n), &msg) == RC_OK) {
            pb_to_json(&sample_all_table, msg, &f->out);
            assert_false(buf_failed(&f->out));
            same += rc == RC_OK;
            assert_true(rc != RC_OK || str_eq(buf_str(&direct), buf_str(&f->out)));
        }
        buf_fini(&direct);
        free(copy);
        arena_reset(spare);
        again(f);
    }
    assert_true(same > 50); /* most damage to a text leaves a message */
    arena_free(spare);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_message_reads_back_as_itself),
        TEST(any_cut_or_changed_body_is_handled),
        TEST(any_damaged_wire_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
