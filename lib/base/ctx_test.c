/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "base/ctx.h"

static void
the_first_failure_stands(void **state)
{
    struct arena *arena = arena_new(65536);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    assert_int_equal(ctx.err.code, RC_OK);
    assert_int_equal(fail(&ctx, RC_NOT_FOUND, "NO_SUITE", "no suite %d", 7), RC_NOT_FOUND);
    assert_int_equal(fail(&ctx, RC_INTERNAL, "OTHER", "later"), RC_NOT_FOUND);
    assert_string_equal(ctx.err.reason, "NO_SUITE");
    assert_true(str_eq(ctx.err.msg, STR("no suite 7")));
    arena_free(arena);
}

static void
recovering_makes_room_for_another_failure(void **state)
{
    struct arena *arena = arena_new(65536);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    (void)fail(&ctx, RC_UNAVAILABLE, "AWAY", "away");
    note(&ctx, "host");
    ctx_recover(&ctx);
    assert_int_equal(ctx.err.code, RC_OK);
    assert_int_equal(ctx.err.detail.n, 0);
    assert_int_equal(fail(&ctx, RC_ABORTED, "RACE", "lost"), RC_ABORTED);
    arena_free(arena);
}

static void
notes_gather_behind_a_failure_only(void **state)
{
    struct arena *arena = arena_new(65536);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    note(&ctx, "nothing failed");
    assert_int_equal(ctx.err.detail.n, 0);
    (void)fail(&ctx, RC_INTERNAL, "BUG", "broken");
    note(&ctx, "table %s", "runs");
    note(&ctx, "row %d", 3);
    assert_true(str_eq(ctx.err.detail, STR("table runs; row 3")));
    assert_true(str_eq(ctx.err.msg, STR("broken"))); /* the client reads none of it */
    arena_free(arena);
}

static void
a_failure_is_told_even_without_memory(void **state)
{
    struct arena *arena = arena_new(16);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    assert_null(arena_alloc(arena, 100));
    assert_int_equal(fail(&ctx, RC_RESOURCE_EXHAUSTED, "FULL", "a text that has no room"),
                     RC_RESOURCE_EXHAUSTED);
    assert_string_equal(ctx.err.reason, "FULL");
    assert_int_equal(ctx.err.msg.n, 0);
    note(&ctx, "more");
    arena_free(arena);
}

/* The linker leads this program's calls of malloc here. */
static bool starving;
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *
__wrap_malloc(size_t n)
{
    return starving ? NULL : __real_malloc(n);
}

static void
too_much_asked_and_nothing_left_are_told_apart(void **state)
{
    struct arena *arena = arena_new(65536);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    assert_null(arena_alloc(arena, 65537));
    assert_int_equal(fail_memory(&ctx, "too many suites"), RC_RESOURCE_EXHAUSTED);
    assert_string_equal(ctx.err.reason, "REQUEST_TOO_LARGE");
    assert_true(str_eq(ctx.err.msg, STR("too many suites")));

    arena_reset(arena);
    ctx_init(&ctx, arena);
    starving = true;
    assert_null(arena_alloc(arena, 100));
    starving = false;
    assert_true(arena_starved(arena));
    assert_int_equal(fail_memory(&ctx, "too many suites"), RC_RESOURCE_EXHAUSTED);
    assert_string_equal(ctx.err.reason, "NO_MEMORY");
    assert_true(str_eq(ctx.err.msg, STR("the server is short of memory, try again")));

    arena_reset(arena);
    assert_false(arena_starved(arena));
    ctx_init(&ctx, arena); /* the heap had none, the arena has */
    assert_int_equal(fail_memory(&ctx, "too many suites"), RC_RESOURCE_EXHAUSTED);
    assert_string_equal(ctx.err.reason, "NO_MEMORY");
    assert_int_equal(fail(&ctx, RC_INTERNAL, "OTHER", "later"), RC_RESOURCE_EXHAUSTED);
    assert_int_equal(fail_memory(&ctx, "later"), RC_RESOURCE_EXHAUSTED);
    arena_free(arena);
}

static void
the_deadline_is_checked_against_the_wall_clock(void **state)
{
    struct arena *arena = arena_new(65536);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    assert_true(ctx_left_us(&ctx) == INT64_MAX);
    assert_int_equal(ctx_check_deadline(&ctx), RC_OK);
    ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    assert_in_range(ctx_left_us(&ctx), 50 * ASSAY_US_PER_S, 60 * ASSAY_US_PER_S);
    assert_int_equal(ctx_check_deadline(&ctx), RC_OK);
    ctx.deadline_us = clk_wall_us() - 1;
    assert_int_equal(ctx_left_us(&ctx), 0);
    assert_int_equal(ctx_check_deadline(&ctx), RC_DEADLINE_EXCEEDED);
    assert_int_equal(ctx.err.code, RC_DEADLINE_EXCEEDED);
    arena_free(arena);
}

static void
what_fails_apart_is_not_the_callers_failure(void **state)
{
    struct arena *arena = arena_new(65536);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    ctx.idempotency_key = STR("key");
    struct ctx own = ctx_apart(&ctx, 60 * ASSAY_US_PER_S);
    assert_in_range(ctx_left_us(&own), 50 * ASSAY_US_PER_S, 60 * ASSAY_US_PER_S);
    assert_int_equal(own.idempotency_key.n, 0);
    assert_int_equal(fail(&own, RC_UNAVAILABLE, "AWAY", "nobody answers"), RC_UNAVAILABLE);
    assert_int_equal(ctx.err.code, RC_OK);
    ctx.deadline_us = clk_wall_us() + ASSAY_US_PER_S;
    own = ctx_apart(&ctx, 60 * ASSAY_US_PER_S);
    assert_true(own.deadline_us == ctx.deadline_us);
    arena_free(arena);
}

static void
codes_have_the_names_of_google_rpc(void **state)
{
    (void)state;
    assert_string_equal(rc_name(RC_OK), "OK");
    assert_string_equal(rc_name(RC_DEADLINE_EXCEEDED), "DEADLINE_EXCEEDED");
    assert_string_equal(rc_name(RC_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(rc_name((enum rc)17), "UNKNOWN");
    assert_string_equal(rc_name((enum rc) - 1), "UNKNOWN");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_stands),
        cmocka_unit_test(recovering_makes_room_for_another_failure),
        cmocka_unit_test(notes_gather_behind_a_failure_only),
        cmocka_unit_test(a_failure_is_told_even_without_memory),
        cmocka_unit_test(too_much_asked_and_nothing_left_are_told_apart),
        cmocka_unit_test(the_deadline_is_checked_against_the_wall_clock),
        cmocka_unit_test(what_fails_apart_is_not_the_callers_failure),
        cmocka_unit_test(codes_have_the_names_of_google_rpc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
