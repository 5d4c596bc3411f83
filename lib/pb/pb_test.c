/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pb_fixture.h"

static enum rc
unpack_case(struct fixture *f, struct str wire)
{
    ProtobufCMessage *msg = NULL;
    return pb_unpack(f->arena, &sample__case__descriptor, wire, &msg);
}

#define CASE_A                                                                                     \
    "\x0A\x01"                                                                                     \
    "a"                                                                                            \
    "\x20\x01"

static void
wire_strings_are_checked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(unpack_case(f, STR(CASE_A)), RC_OK);
    assert_int_equal(unpack_case(f, STR("\x0A\x03"
                                        "a\0b"
                                        "\x20\x01")),
                     RC_INVALID_ARGUMENT);
    assert_int_equal(unpack_case(f, STR("\x0A\x01\xff\x20\x01")), RC_INVALID_ARGUMENT);
    assert_int_equal(unpack_case(f, STR(CASE_A "\x2A\x01\xff")), RC_INVALID_ARGUMENT);
    assert_int_equal(unpack_case(f, STR(CASE_A "\x32\x05\x0A\x01\x80\x20\x01")),
                     RC_INVALID_ARGUMENT);
    /* A field we do not know may hold any bytes. */
    assert_int_equal(unpack_case(f, STR(CASE_A "\x7A\x01\xff")), RC_OK);
}

static void
malformed_wires_are_refused(void **state)
{
    static const struct str BAD[] = {
        STR_INIT(""), /* required fields are missing */
        STR_INIT("\x0A\x01"
                 "a"), /* one of them */
        STR_INIT(CASE_A "\x0A\x05"
                        "a"),        /* length past the end */
        STR_INIT(CASE_A "\x0A"),     /* no length */
        STR_INIT(CASE_A "\x00\x00"), /* field 0 */
        STR_INIT(CASE_A "\x0B"),     /* group */
        STR_INIT(CASE_A "\x0F\x01"), /* wire type 7 */
        STR_INIT(CASE_A "\x10\xff"), /* varint without end */
        STR_INIT(CASE_A "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        STR_INIT(CASE_A "\x0A\xff\xff\xff\xff\x0F"),
        STR_INIT(CASE_A "\xff\xff\xff\xff\xff\xff\x01"),
        STR_INIT("\x08\x01\x20\x01"), /* a string as a number */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        if (unpack_case(f, BAD[i]) != RC_INVALID_ARGUMENT) {
            fail_msg("accepted wire %zu", i);
        }
    }
}

static void
wire_depth_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct str wire = STR_EMPTY;
    Sample__Case *inner = NULL;

    for (int depth = 1; depth <= 34; depth++) {
        Sample__Case *c = PB_NEW(f->arena, Sample__Case, sample__case);
        c->name = pb_strz(f->arena, STR("c"));
        c->child = inner;
        inner = c;
        assert_int_equal(pb_pack(f->arena, &c->base, &wire), RC_OK);
        assert_int_equal(unpack_case(f, wire), depth <= 32 ? RC_OK : RC_INVALID_ARGUMENT);
    }
}

static void
a_small_arena_fails_the_unpacking(void **state)
{
    struct arena *tiny = arena_new(64);
    ProtobufCMessage *msg = NULL;
    (void)state;

    assert_int_equal(pb_unpack(tiny, &sample__case__descriptor, STR(CASE_A), &msg),
                     RC_RESOURCE_EXHAUSTED);
    assert_null(pb_new(tiny, &sample__case__descriptor));
    arena_free(tiny);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wire_strings_are_checked),
        TEST(malformed_wires_are_refused),
        TEST(wire_depth_is_bounded),
        TEST(a_small_arena_fails_the_unpacking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
