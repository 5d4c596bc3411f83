/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sec/seal.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define OLD "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NEW "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

struct fixture {
    struct arena *arena;
    struct ctx ctx;
    struct seal_ring *ring;
};

static struct seal_ring *
ring_of(const char *keys)
{
    struct seal_ring *ring = NULL;
    const char *why = NULL;

    assert_int_equal(seal_open_ring(str_z(keys), &ring, &why), RC_OK);
    return ring;
}

static int
set_up(void **state)
{
    static struct fixture f;

    f.arena = arena_new(1 << 16);
    ctx_init(&f.ctx, f.arena);
    f.ring = ring_of(OLD);
    *state = &f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    seal_close_ring(f->ring);
    arena_free(f->arena);
    return 0;
}

static void
what_was_sealed_opens_again(void **state)
{
    struct fixture *f = *state;
    static const char *const TEXTS[] = {"", "x", "sk-ant-0123456789abcdef"};

    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        struct str sealed;
        struct str plain;
        assert_int_equal(seal_seal(f->ring, &f->ctx, STR("key:1"), str_z(TEXTS[i]), &sealed),
                         RC_OK);
        assert_int_equal(sealed.n, strlen(TEXTS[i]) + SEAL_OVERHEAD);
        assert_int_equal(seal_unseal(f->ring, &f->ctx, STR("key:1"), sealed, &plain), RC_OK);
        assert_true(str_eqz(plain, TEXTS[i]));
    }
}

static void
the_same_text_never_seals_to_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct str a;
    struct str b;

    assert_int_equal(seal_seal(f->ring, &f->ctx, STR("k"), STR("secret"), &a), RC_OK);
    assert_int_equal(seal_seal(f->ring, &f->ctx, STR("k"), STR("secret"), &b), RC_OK);
    assert_false(str_eq(a, b));
}

static void
every_changed_bit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str sealed;
    struct str plain = STR("untouched");

    assert_int_equal(seal_seal(f->ring, &f->ctx, STR("k"), STR("secret"), &sealed), RC_OK);
    for (size_t i = 0; i < sealed.n; i++) {
        char copy[64];
        memcpy(copy, sealed.p, sealed.n);
        copy[i] ^= 0x10;
        ctx_recover(&f->ctx);
        assert_int_equal(seal_unseal(f->ring, &f->ctx, STR("k"), str_n(copy, sealed.n), &plain),
                         RC_DATA_LOSS);
        assert_true(str_eqz(plain, "untouched"));
    }
    for (size_t n = 0; n < sealed.n; n++) {
        ctx_recover(&f->ctx);
        assert_int_equal(seal_unseal(f->ring, &f->ctx, STR("k"), str_n(sealed.p, n), &plain),
                         RC_DATA_LOSS);
    }
}

static void
a_value_moved_to_another_place_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str sealed;
    struct str plain;

    assert_int_equal(seal_seal(f->ring, &f->ctx, STR("hook:1"), STR("secret"), &sealed), RC_OK);
    assert_int_equal(seal_unseal(f->ring, &f->ctx, STR("hook:2"), sealed, &plain), RC_DATA_LOSS);
    assert_string_equal(f->ctx.err.reason, "SEAL");
}

static void
rotation_reads_old_values_and_writes_with_the_new_key(void **state)
{
    struct fixture *f = *state;
    struct seal_ring *both = ring_of(NEW " , " OLD);
    struct seal_ring *only_new = ring_of(NEW);
    struct str old;
    struct str fresh;
    struct str plain;

    assert_int_equal(seal_seal(f->ring, &f->ctx, STR("k"), STR("secret"), &old), RC_OK);
    assert_int_equal(seal_unseal(both, &f->ctx, STR("k"), old, &plain), RC_OK);
    assert_int_equal(seal_seal(both, &f->ctx, STR("k"), plain, &fresh), RC_OK);
    assert_int_equal(seal_unseal(only_new, &f->ctx, STR("k"), fresh, &plain), RC_OK);
    assert_int_equal(seal_unseal(only_new, &f->ctx, STR("k"), old, &plain), RC_DATA_LOSS);
    seal_close_ring(both);
    seal_close_ring(only_new);
}

static void
bad_keys_are_refused_with_a_cause(void **state)
{
    static const char *const BAD[] = {"",
                                      "abc",
                                      OLD ",",
                                      OLD "00",
                                      "AAAA",
                                      OLD ";" OLD,
                                      OLD "," OLD "," OLD "," OLD "," OLD "," OLD "," OLD "," OLD
                                          "," OLD};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct seal_ring *ring = NULL;
        const char *why = NULL;
        assert_int_equal(seal_open_ring(str_z(BAD[i]), &ring, &why), RC_INVALID_ARGUMENT);
        assert_non_null(why);
        assert_null(ring);
    }
}

static void
a_new_key_is_usable(void **state)
{
    char key[SEAL_KEY_TEXT_MAX];

    (void)state;
    seal_new_key(key);
    seal_close_ring(ring_of(key));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_sealed_opens_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_text_never_seals_to_the_same_bytes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_changed_bit_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_moved_to_another_place_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rotation_reads_old_values_and_writes_with_the_new_key,
                                        set_up, tear_down),
        cmocka_unit_test(bad_keys_are_refused_with_a_cause),
        cmocka_unit_test(a_new_key_is_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
