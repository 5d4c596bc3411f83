/* SPDX-License-Identifier: Apache-2.0
 *
 * Every table of every public message, as generated. */
#include "tests/support/pb_random.h"

#include <regex.h>

#include "pb_tables.h"

#define ROUNDS 20

/* Fields from path, query and headers are not part of a body; the message of such a request has a
 * table of its own where all are. A file is read only: its text becomes the key of a blob. */
static bool
is_both_ways(const struct pb_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct pb_field *f = &table->fields[i];
        if (f->source != PB_FROM_BODY || (f->flags & PB_FILE) != 0) {
            return false;
        }
    }
    return true;
}

static void
assert_writes(const struct pb_table *table, const ProtobufCMessage *msg, struct str want)
{
    struct buf out;

    buf_init(&out, 16 * 1024 * 1024);
    pb_to_json(table, msg, &out);
    if (!str_eq(buf_str(&out), want)) {
        fail_msg("%s: %.*s\nis not %.*s", table->name, STR_ARG(buf_str(&out)), STR_ARG(want));
    }
    buf_fini(&out);
}

static void
assert_transcodes(const struct pb_table *table, struct str wire, struct str want)
{
    struct buf out;

    buf_init(&out, 16 * 1024 * 1024);
    assert_int_equal(pb_wire_to_json(table, wire, &out), RC_OK);
    if (!str_eq(buf_str(&out), want)) {
        fail_msg("%s: %.*s\nis not %.*s", table->name, STR_ARG(buf_str(&out)), STR_ARG(want));
    }
    buf_fini(&out);
}

/* Message, text, message, wire, message. An unset string with a default reads back as set to it, so
 * it is texts that are compared. */
static void
round_trip(struct fixture *f, const struct pb_table *table)
{
    struct str wire = STR_EMPTY;
    ProtobufCMessage *msg = random_message(f->arena, table, 0);
    ProtobufCMessage *read = pb_new(f->arena, table->desc);
    ProtobufCMessage *back = NULL;

    pb_to_json(table, msg, &f->out);
    struct str text = buf_str(&f->out);
    if (pb_from_json(&f->ctx, table, text, read) != RC_OK ||
        pb_check(&f->ctx, table, read) != RC_OK) {
        fail_msg("%s: %.*s: %.*s", table->name, STR_ARG(f->ctx.err.msg), STR_ARG(text));
    }
    assert_writes(table, read, text);
    assert_int_equal(pb_pack(f->arena, read, &wire), RC_OK);
    assert_transcodes(table, wire, text);
    assert_int_equal(pb_unpack(f->arena, table->desc, wire, &back), RC_OK);
    assert_writes(table, back, text);
    again(f);
}

static void
every_message_reads_back_as_itself(void **state)
{
    struct fixture *f = *state;
    size_t tried = 0;

    for (size_t i = 0; pb_tables_all[i] != NULL; i++) {
        if (!is_both_ways(pb_tables_all[i])) {
            continue;
        }
        struct pb_omit omit = {.arena = arena_new(1 << 20)};
        const struct pb_table *table = pb_omitting(&omit, pb_tables_all[i]);
        for (int round = 0; round < ROUNDS; round++) {
            round_trip(f, table);
        }
        arena_free(omit.arena);
        tried++;
    }
    assert_true(tried > 100);
}

static void
every_pattern_compiles_for_the_whole_text(void **state)
{
    size_t tried = 0;

    (void)state;
    for (size_t i = 0; pb_tables_all[i] != NULL; i++) {
        for (size_t k = 0; k < pb_tables_all[i]->count; k++) {
            const char *pattern = pb_tables_all[i]->fields[k].pattern;
            regex_t re;
            if (pattern == NULL) {
                continue;
            }
            assert_int_equal(regcomp(&re, pattern, REG_EXTENDED), 0);
            regfree(&re);
            assert_int_equal(pattern[0], '^');
            assert_int_equal(pattern[strlen(pattern) - 1], '$');
            tried++;
        }
    }
    assert_true(tried > 10);
}

/* What the reader relies on. */
static void
every_table_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; pb_tables_all[i] != NULL; i++) {
        const struct pb_table *t = pb_tables_all[i];
        for (size_t k = 0; k < t->count; k++) {
            const struct pb_field *f = &t->fields[k];
            assert_true(f->number >= 1 && f->number <= PB_NUMBER_MAX);
            assert_true(str_eqz(f->key, f->json));
            assert_ptr_equal(pb_field_find(t, f->key), f);
            assert_true(f->offset + 4 <= t->desc->sizeof_message);
        }
        assert_true(t->count <= PB_FIELDS_MAX);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_message_reads_back_as_itself),
        TEST(every_pattern_compiles_for_the_whole_text),
        TEST(every_table_is_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
