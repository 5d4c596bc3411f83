/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/svc_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#undef fail

/* Billing, as this test wants it. */
static struct {
    bool is_away;
    int asked;
    int64_t sessions;
} billing;

static enum rc
ask(void *arg, struct ctx *ctx, int64_t org_id, struct svc_allowed *out)
{
    (void)arg;
    billing.asked++;
    assert_in_range(ctx_left_us(ctx), 0, ASSAY_US_PER_S);
    if (billing.is_away) {
        return fail(ctx, RC_UNAVAILABLE, "AWAY", "away");
    }
    *out = (struct svc_allowed){.sessions = billing.sessions + org_id,
                                .max_session_us = SVC_NO_LIMIT,
                                .streaming_left_us = 0};
    return RC_OK;
}

static struct svc_limits *limits;
static struct arena *arena;
static struct ctx ctx;

static void
start(int64_t kept_us)
{
    billing.is_away = false;
    billing.asked = 0;
    billing.sessions = 10;
    arena = arena_new((size_t)1 << 16);
    assert_non_null(arena);
    ctx_init(&ctx, arena);
    assert_int_equal(svc_limits_new_asking(ask, NULL, kept_us, &limits), RC_OK);
}

static int
stop(void **state)
{
    (void)state;
    svc_limits_free(limits);
    arena_free(arena);
    return 0;
}

static struct svc_allowed
get(int64_t org_id)
{
    struct svc_allowed a;

    svc_limits_get(limits, &ctx, org_id, &a);
    assert_int_equal(ctx.err.code, RC_OK); /* never the caller's failure */
    return a;
}

static void
billing_is_asked_once_while_its_answer_is_fresh(void **state)
{
    (void)state;
    start(3600 * ASSAY_US_PER_S);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(1).sessions, 11);
        assert_int_equal(get(2).sessions, 12);
    }
    assert_int_equal(billing.asked, 2);
    assert_true(get(1).at_us > 0);
}

static void
an_old_answer_is_replaced(void **state)
{
    (void)state;
    start(0);
    assert_int_equal(get(1).sessions, 11);
    billing.sessions = 20;
    assert_int_equal(get(1).sessions, 21);
}

static void
while_billing_is_away_what_it_said_last_counts(void **state)
{
    (void)state;
    start(0);
    assert_int_equal(get(1).sessions, 11);
    int64_t at_us = get(1).at_us;
    billing.is_away = true;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(1).sessions, 11);
    }
    assert_true(get(1).at_us >= at_us && get(1).at_us > 0);
    billing.is_away = false;
    billing.sessions = 30;
    assert_int_equal(get(1).sessions, 31);
}

static void
what_billing_never_spoke_of_is_bounded_and_asked_for_seldom(void **state)
{
    (void)state;
    start(3600 * ASSAY_US_PER_S);
    billing.is_away = true;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(1).sessions, SVC_UNKNOWN_SESSIONS);
        assert_true(get(1).credit_left);
    }
    assert_int_equal(billing.asked, 1);
}

static void
organizations_that_share_a_slot_are_never_mixed_up(void **state)
{
    (void)state;
    start(3600 * ASSAY_US_PER_S);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(1).sessions, 11);
        assert_int_equal(get(1 + 4096).sessions, 11 + 4096);
    }
}

static void
without_limits_there_are_none(void **state)
{
    struct svc_allowed a;

    (void)state;
    start(0);
    svc_limits_get(NULL, &ctx, 1, &a);
    assert_int_equal(a.sessions, SVC_NO_LIMIT);
    assert_int_equal(a.streaming_left_us, SVC_NO_LIMIT);
    assert_int_equal(billing.asked, 0);
}

#define T(name) cmocka_unit_test_teardown(name, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(billing_is_asked_once_while_its_answer_is_fresh),
        T(an_old_answer_is_replaced),
        T(while_billing_is_away_what_it_said_last_counts),
        T(what_billing_never_spoke_of_is_bounded_and_asked_for_seldom),
        T(organizations_that_share_a_slot_are_never_mixed_up),
        T(without_limits_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
