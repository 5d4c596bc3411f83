/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdalign.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"

static void
allocations_are_aligned_and_apart(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    char *pieces[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        pieces[i] = arena_alloc(arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_equal((unsigned char)pieces[i][k], i & 0xFF);
        }
    }
    arena_free(arena);
}

static void
the_cap_is_kept_and_failure_stays(void **state)
{
    struct arena *arena = arena_new(1000);

    (void)state;
    assert_non_null(arena_alloc(arena, 900));
    assert_null(arena_alloc(arena, 200));
    assert_true(arena_failed(arena));
    assert_null(arena_alloc(arena, 1)); /* fits, but a builder must not go on with a hole */
    assert_int_equal(arena_str(arena, STR("x")).n, 0);
    assert_int_equal(arena_printf(arena, "%d", 1).n, 0);
    arena_reset(arena);
    assert_false(arena_failed(arena));
    assert_non_null(arena_alloc(arena, 900));
    arena_free(arena);
}

static void
small_pieces_cannot_pass_the_cap(void **state)
{
    struct arena *arena = arena_new(4096);
    size_t count = 0;

    (void)state;
    while (arena_alloc(arena, count % 2) != NULL) {
        count++;
        assert_true(count <= 4096);
    }
    assert_true(count <= 4096 / alignof(max_align_t));
    assert_true(arena_used(arena) <= 4096);
    arena_free(arena);
}

static void
sizes_that_overflow_are_refused(void **state)
{
    struct arena *arena = arena_new(SIZE_MAX);

    (void)state;
    assert_null(arena_zalloc(arena, SIZE_MAX / 2, 4));
    arena_reset(arena);
    assert_null(arena_alloc(arena, SIZE_MAX));
    arena_reset(arena);
    assert_null(arena_alloc(arena, SIZE_MAX - 7));
    arena_reset(arena);
    assert_null(arena_strz(arena, str_n("x", SIZE_MAX)));
    arena_reset(arena);
    char *p = arena_alloc(arena, 8);
    assert_null(arena_grow(arena, p, 8, SIZE_MAX));
    arena_free(arena);
}

static void
zeroed_memory_is_zero_also_after_a_reset(void **state)
{
    struct arena *arena = arena_new(65536);
    unsigned char *p = arena_alloc(arena, 4096);

    (void)state;
    memset(p, 0xAA, 4096);
    arena_reset(arena);
    p = arena_zalloc(arena, 64, 64);
    for (size_t i = 0; i < 4096; i++) {
        assert_int_equal(p[i], 0);
    }
    arena_free(arena);
}

static void
growing_keeps_the_bytes_in_place_or_moved(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    char *p = arena_grow(arena, NULL, 0, 16);

    (void)state;
    memset(p, 'a', 16);
    char *in_place = arena_grow(arena, p, 16, 1000);
    assert_ptr_equal(in_place, p); /* it was the last one */
    assert_non_null(arena_alloc(arena, 1));
    char *moved = arena_grow(arena, p, 1000, 2000);
    assert_ptr_not_equal(moved, p);
    assert_memory_equal(moved, "aaaaaaaaaaaaaaaa", 16);
    char *far = arena_grow(arena, moved, 2000, 100000); /* past its block */
    assert_memory_equal(far, "aaaaaaaaaaaaaaaa", 16);
    assert_ptr_equal(arena_grow(arena, far, 100000, 10), far); /* less needs no move */
    arena_free(arena);
}

static void
copies_end_in_nul(void **state)
{
    struct arena *arena = arena_new(65536);

    (void)state;
    assert_string_equal(arena_strz(arena, STR_EMPTY), "");
    struct str s = arena_str(arena, str_n("a\0b", 3));
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b\0", 4);
    s = arena_printf(arena, "%s-%05d", "x", 42);
    assert_int_equal(s.n, 7);
    assert_string_equal(s.p, "x-00042");
    arena_free(arena);
}

struct trace {
    char text[16];
    size_t n;
};

struct step {
    struct trace *trace;
    char name;
};

static void
leave_mark(void *arg)
{
    struct step *step = arg;
    step->trace->text[step->trace->n++] = step->name;
}

static void
cleanups_run_once_in_reverse_order(void **state)
{
    struct trace trace = {.n = 0};
    struct step steps[] = {{&trace, 'a'}, {&trace, 'b'}, {&trace, 'c'}};
    struct arena *arena = arena_new(65536);

    (void)state;
    assert_true(arena_on_free(arena, leave_mark, &steps[0]));
    assert_true(arena_on_free(arena, leave_mark, &steps[1]));
    arena_reset(arena);
    assert_string_equal(trace.text, "ba");
    assert_true(arena_on_free(arena, leave_mark, &steps[2]));
    arena_free(arena);
    assert_string_equal(trace.text, "bac");
}

static void
a_cleanup_that_finds_no_room_runs_at_once(void **state)
{
    struct trace trace = {.n = 0};
    struct step step = {&trace, 'x'};
    struct arena *arena = arena_new(16);

    (void)state;
    assert_false(arena_on_free(arena, leave_mark, &step));
    assert_string_equal(trace.text, "x");
    arena_free(arena);
    assert_string_equal(trace.text, "x");
}

static void
free_takes_null(void **state)
{
    (void)state;
    arena_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(the_cap_is_kept_and_failure_stays),
        cmocka_unit_test(small_pieces_cannot_pass_the_cap),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(zeroed_memory_is_zero_also_after_a_reset),
        cmocka_unit_test(growing_keeps_the_bytes_in_place_or_moved),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(cleanups_run_once_in_reverse_order),
        cmocka_unit_test(a_cleanup_that_finds_no_room_runs_at_once),
        cmocka_unit_test(free_takes_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
