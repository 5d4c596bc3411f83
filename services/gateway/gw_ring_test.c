/* SPDX-License-Identifier: Apache-2.0
 *
 * Who keeps a key. That several gateways together admit exactly the limit is tested with real ones:
 * tests/e2e/cases/limits.mjs. */
#include "gateway/gw_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#undef fail

#define KEYS 30000

static uint64_t
hash_of(const char *prefix, int n)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%s%d", prefix, n);

    return str_hash64(str_n(text, (size_t)len));
}

static const uint64_t THREE[3] = {UINT64_C(0x1111222233334444), UINT64_C(0xA5A5), UINT64_C(1)};

static void
keys_spread_evenly(void **state)
{
    int owned[3] = {0};

    (void)state;
    for (int i = 0; i < KEYS; i++) {
        owned[gw_ring_owner(THREE, 3, hash_of("key", i))]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(owned[i], KEYS / 3 * 9 / 10, KEYS / 3 * 11 / 10);
    }
}

static void
the_order_of_the_members_does_not_matter(void **state)
{
    const uint64_t other[3] = {THREE[2], THREE[0], THREE[1]};

    (void)state;
    for (int i = 0; i < KEYS; i++) {
        uint64_t key = hash_of("key", i);
        assert_true(THREE[gw_ring_owner(THREE, 3, key)] == other[gw_ring_owner(other, 3, key)]);
    }
}

static void
only_the_keys_of_who_left_move(void **state)
{
    int moved = 0;

    (void)state;
    for (int i = 0; i < KEYS; i++) {
        uint64_t key = hash_of("key", i);
        size_t before = gw_ring_owner(THREE, 3, key);
        size_t after = gw_ring_owner(THREE, 2, key);
        if (before == 2) {
            moved++;
        } else {
            assert_int_equal(after, before);
        }
    }
    assert_in_range(moved, KEYS / 4, KEYS / 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_spread_evenly),
        cmocka_unit_test(the_order_of_the_members_does_not_matter),
        cmocka_unit_test(only_the_keys_of_who_left_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
