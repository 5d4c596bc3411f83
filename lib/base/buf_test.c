/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"

static void
appends_add_up_and_end_in_nul(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    assert_int_equal(buf_str(&b).n, 0);
    buf_put(&b, STR_EMPTY);
    buf_put(&b, STR("one "));
    buf_putz(&b, "two");
    buf_putc(&b, ' ');
    buf_printf(&b, "%d+%s", 3, "four");
    assert_false(buf_failed(&b));
    assert_string_equal(b.p, "one two 3+four");
    assert_int_equal(b.n, 14);
    buf_fini(&b);
}

static void
integers_are_written_to_both_ends_of_their_range(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    buf_put_i64(&b, INT64_MIN);
    buf_putc(&b, ' ');
    buf_put_i64(&b, INT64_MAX);
    buf_putc(&b, ' ');
    buf_put_u64(&b, UINT64_MAX);
    buf_putc(&b, ' ');
    buf_put_i64(&b, 0);
    assert_string_equal(b.p, "-9223372036854775808 9223372036854775807 18446744073709551615 0");
    buf_fini(&b);
}

static void
the_limit_holds_exactly_and_failure_stays(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_put(&b, STR("0123456789"));
    assert_false(buf_failed(&b));
    buf_putc(&b, 'x');
    assert_true(buf_failed(&b));
    buf_clear(&b);
    assert_false(buf_failed(&b));
    assert_string_equal(b.p, "");
    buf_put(&b, STR("012345678"));
    buf_put(&b, STR("ab")); /* all or nothing */
    assert_int_equal(b.n, 9);
    buf_put(&b, STR("c")); /* would fit, but a hole was left */
    assert_int_equal(b.n, 9);
    buf_printf(&b, "%d", 1);
    assert_null(buf_room(&b, 1));
    assert_int_equal(b.n, 9);
    buf_fini(&b);
    buf_put(&b, STR("again")); /* usable after fini, with the same limit */
    assert_string_equal(b.p, "again");
    buf_fini(&b);
}

static void
formatted_text_past_the_limit_is_left_out(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_printf(&b, "%s", "abcde");
    assert_true(buf_failed(&b));
    assert_int_equal(b.n, 0);
    buf_fini(&b);
}

static void
sizes_that_overflow_are_refused(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX);
    buf_putc(&b, 'a');
    assert_null(buf_room(&b, SIZE_MAX));
    assert_true(buf_failed(&b));
    buf_clear(&b);
    assert_null(buf_room(&b, SIZE_MAX - 1));
    buf_fini(&b);
}

static void
room_is_filled_by_the_caller(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    for (int i = 0; i < 100; i++) {
        char *to = buf_room(&b, 1000);
        assert_non_null(to);
        memset(to, 'a' + i % 26, 1000);
        buf_added(&b, 1000);
    }
    assert_int_equal(b.n, 100000);
    assert_int_equal(b.p[99999], 'a' + 99 % 26);
    assert_int_equal(b.p[100000], '\0');
    buf_fini(&b);
}

static void
dropping_takes_from_the_front(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_drop(&b, 0); /* nothing was allocated yet */
    buf_put(&b, STR("abcdef"));
    buf_drop(&b, 2);
    assert_string_equal(b.p, "cdef");
    buf_drop(&b, 4);
    assert_int_equal(b.n, 0);
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_add_up_and_end_in_nul),
        cmocka_unit_test(integers_are_written_to_both_ends_of_their_range),
        cmocka_unit_test(the_limit_holds_exactly_and_failure_stays),
        cmocka_unit_test(formatted_text_past_the_limit_is_left_out),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(room_is_filled_by_the_caller),
        cmocka_unit_test(dropping_takes_from_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
