/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clk.h"
#include "base/id.h"

static void
uuids_are_version_7_and_carry_the_time(void **state)
{
    char id[ID_UUID_LEN + 1];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t before_ms = clk_wall_us() / 1000;
        id_uuid(id);
        int64_t after_ms = clk_wall_us() / 1000;
        assert_int_equal(strlen(id), ID_UUID_LEN);
        assert_true(id_is_uuid(str_z(id)));
        assert_int_equal(id[14], '7');
        assert_non_null(strchr("89ab", id[19]));
        char head[13];
        memcpy(head, id, 8);
        memcpy(head + 8, id + 9, 4);
        head[12] = '\0';
        int64_t ms = strtoll(head, NULL, 16);
        assert_in_range(ms, before_ms, after_ms);
    }
}

static int
compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
identifiers_do_not_repeat(void **state)
{
    enum { N = 20000 };
    char(*uuids)[ID_UUID_LEN + 1] = calloc(N, sizeof(*uuids));
    char(*publics)[32] = calloc(N, sizeof(*publics));

    (void)state;
    for (int i = 0; i < N; i++) {
        id_uuid(uuids[i]);
        id_public("suite_", publics[i]);
    }
    qsort(uuids, N, sizeof(*uuids), compare);
    qsort(publics, N, sizeof(*publics), compare);
    for (int i = 1; i < N; i++) {
        assert_string_not_equal(uuids[i - 1], uuids[i]);
        assert_string_not_equal(publics[i - 1], publics[i]);
    }
    free(uuids);
    free(publics);
}

static void
only_lower_case_uuids_are_uuids(void **state)
{
    (void)state;
    assert_true(id_is_uuid(STR("0192a3b4-c5d6-7e8f-9012-3456789abcde")));
    assert_false(id_is_uuid(STR("0192A3B4-c5d6-7e8f-9012-3456789abcde")));
    assert_false(id_is_uuid(STR("0192a3b4-c5d6-7e8f-9012-3456789abcd")));
    assert_false(id_is_uuid(STR("0192a3b4-c5d6-7e8f-9012-3456789abcdef")));
    assert_false(id_is_uuid(STR("0192a3b4xc5d6-7e8f-9012-3456789abcde")));
    assert_false(id_is_uuid(STR("0192a3b4-c5d6-7e8f-9012-3456789abcdg")));
    assert_false(id_is_uuid(STR("-192a3b4-c5d6-7e8f-9012-3456789abcde")));
    assert_false(id_is_uuid(STR_EMPTY));
}

static void
public_ids_have_their_prefix_and_alphabet(void **state)
{
    char id[5 + ID_PUBLIC_RANDOM_LEN + 1];
    int seen[256] = {0};

    (void)state;
    for (int i = 0; i < 5000; i++) {
        id_public("case_", id);
        assert_int_equal(strlen(id), sizeof(id) - 1);
        assert_true(id_is_public(str_z(id), "case_"));
        assert_false(id_is_public(str_z(id), "suite_"));
        for (size_t k = 5; id[k] != '\0'; k++) {
            seen[(unsigned char)id[k]]++;
        }
    }
    /* 60,000 characters of 36: 1,667 each; a missing or doubled one would be far outside. */
    for (const char *c = "abcdefghijklmnopqrstuvwxyz0123456789"; *c != '\0'; c++) {
        assert_in_range(seen[(unsigned char)*c], 1300, 2050);
    }
}

static void
public_ids_of_clients_are_checked(void **state)
{
    (void)state;
    assert_true(id_is_public(STR("tr123abc"), "tr"));
    assert_false(id_is_public(STR("tr12345"), "tr"));
    assert_false(id_is_public(STR("trABCDEF"), "tr"));
    assert_false(id_is_public(STR("tr123 abc"), "tr"));
    assert_false(id_is_public(STR("app_../../x"), "app_"));
    assert_false(id_is_public(STR(""), "app_"));
}

static void
random_bytes_fill_all_that_was_asked(void **state)
{
    unsigned char a[700] = {0};
    unsigned char b[700] = {0};
    size_t zeros = 0;

    (void)state;
    id_random(a, sizeof(a) - 1);
    id_random(b, sizeof(b) - 1);
    assert_int_equal(a[sizeof(a) - 1], 0);
    assert_memory_not_equal(a, b, sizeof(a) - 1);
    for (size_t i = 0; i < sizeof(a) - 1; i++) {
        zeros += a[i] == 0;
    }
    assert_true(zeros < 30);
    assert_true(id_random_u64() != id_random_u64());
    id_random(a, 0);
}

static void
hex_is_lower_case(void **state)
{
    char out[9];

    (void)state;
    id_hex("\x00\x9f\xAB\xff", 4, out);
    assert_string_equal(out, "009fabff");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuids_are_version_7_and_carry_the_time),
        cmocka_unit_test(identifiers_do_not_repeat),
        cmocka_unit_test(only_lower_case_uuids_are_uuids),
        cmocka_unit_test(public_ids_have_their_prefix_and_alphabet),
        cmocka_unit_test(public_ids_of_clients_are_checked),
        cmocka_unit_test(random_bytes_fill_all_that_was_asked),
        cmocka_unit_test(hex_is_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
