/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "gateway/gw_limit.h"

#define MINUTE GW_LIMIT_WINDOW_US

struct fixture {
    struct arena *arena;
    struct gw_limit *limit;
};

static int
set_up(void **state)
{
    static struct fixture f;

    f.arena = arena_new((size_t)1024 * 1024);
    *state = &f;
    return f.arena == NULL || gw_limit_new("default=5,upload_ai=2,auth=1", 1024, &f.limit) != RC_OK;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    gw_limit_free(f->limit);
    arena_free(f->arena);
    return 0;
}

static void
the_window_slides_exactly(void **state)
{
    struct fixture *f = *state;
    struct gw_rate_state s;
    int64_t t = 1000 * MINUTE;

    for (int i = 0; i < 3; i++) { /* at 0, 10 and 20 s */
        assert_true(gw_limit_take(f->limit, 7, 3, t + i * 10 * ASSAY_US_PER_S, &s));
        assert_int_equal(s.remaining, 2 - i);
    }
    assert_int_equal(s.reset_us, 40 * ASSAY_US_PER_S); /* when the first leaves */
    assert_false(gw_limit_take(f->limit, 7, 3, t + MINUTE - 1, &s));
    assert_int_equal(s.reset_us, 1);
    assert_int_equal(s.remaining, 0);
    assert_true(gw_limit_take(f->limit, 7, 3, t + MINUTE, &s)); /* the first has left */
    assert_false(gw_limit_take(f->limit, 7, 3, t + MINUTE, &s));
    assert_true(gw_limit_take(f->limit, 7, 3, t + MINUTE + 10 * ASSAY_US_PER_S, &s));
    assert_true(gw_limit_take(f->limit, 8, 3, t, &s)); /* another key is another window */
}

static void
refused_requests_do_not_count(void **state)
{
    struct fixture *f = *state;
    struct gw_rate_state s;
    int64_t t = 1000 * MINUTE;

    assert_true(gw_limit_take(f->limit, 7, 1, t, &s));
    for (int i = 1; i < 1000; i++) { /* hammering does not lengthen the wait */
        assert_false(gw_limit_take(f->limit, 7, 1, t + i * (MINUTE / 1000), &s));
    }
    assert_true(gw_limit_take(f->limit, 7, 1, t + MINUTE, &s));
}

/* Against a plain model: no window of 60 s ever holds more than the quota, and nothing is refused
 * that the quota has room for. */
static void
it_agrees_with_a_model(void **state)
{
    enum { N = 4000, QUOTA = 7 };
    static int64_t admitted[N];
    struct fixture *f = *state;
    struct gw_rate_state s;
    size_t count = 0;
    int64_t t = 1000 * MINUTE;
    uint32_t seed = 12345;

    for (int i = 0; i < N; i++) {
        seed = seed * 1664525 + 1013904223;
        t += seed % (9 * ASSAY_US_PER_S);
        size_t within = 0;
        for (size_t k = count; k > 0 && admitted[k - 1] > t - MINUTE; k--) {
            within++;
        }
        bool got = gw_limit_take(f->limit, 9, QUOTA, t, &s);
        assert_int_equal(got, within < QUOTA);
        if (got) {
            admitted[count++] = t;
        }
    }
}

struct crowd {
    struct gw_limit *limit;
    atomic_int admitted;
};

static void *
hammer(void *arg)
{
    struct crowd *c = arg;
    struct gw_rate_state s;

    for (int i = 0; i < 2000; i++) {
        atomic_fetch_add(&c->admitted, gw_limit_take(c->limit, 42, 500, clk_mono_us(), &s));
    }
    return NULL;
}

static void
many_threads_get_exactly_the_quota(void **state)
{
    struct fixture *f = *state;
    struct crowd c = {.limit = f->limit};
    pthread_t threads[8];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &c), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&c.admitted), 500);
}

static void
a_full_table_forgets_the_quiet(void **state)
{
    struct fixture *f = *state;
    struct gw_rate_state s;
    int64_t t = 1000 * MINUTE;

    for (uint64_t k = 1; k < 200000; k++) { /* far more keys than there are slots */
        assert_true(
            gw_limit_take(f->limit, k * UINT64_C(0x9E3779B97F4A7C15), 1, t + (int64_t)k, &s));
    }
    uint64_t last = UINT64_C(199999) * UINT64_C(0x9E3779B97F4A7C15);
    assert_false(gw_limit_take(f->limit, last, 1, t + 200000, &s));
}

/* --- which key ----------------------------------------------------------------------------- */

static bool
admits(struct fixture *f, enum gw_rate rate, uint16_t endpoint, const char *peer,
       enum token_kind kind, int64_t token_id)
{
    struct gw_route route = {.rate = rate, .endpoint = endpoint};
    struct gw_rate_state s;
    struct ctx ctx;

    ctx_init(&ctx, f->arena);
    ctx.peer = str_z(peer);
    ctx.who.kind = kind;
    ctx.who.token_id = token_id;
    enum rc rc = gw_limit_admit(f->limit, &ctx, &route, &s);
    if (rc != RC_OK) {
        assert_int_equal(rc, RC_RESOURCE_EXHAUSTED);
        assert_string_equal(ctx.err.reason, "RATE_LIMITED");
        assert_true(s.limited && s.reset_us > 0 && s.reset_us <= MINUTE);
    }
    return rc == RC_OK;
}

static int
admitted_of(struct fixture *f, int tries, enum gw_rate rate, uint16_t endpoint, const char *peer,
            enum token_kind kind, int64_t token_id)
{
    int n = 0;

    for (int i = 0; i < tries; i++) {
        n += admits(f, rate, endpoint, peer, kind, token_id);
    }
    return n;
}

static void
default_counts_all_endpoints_by_token(void **state)
{
    struct fixture *f = *state;

    for (uint16_t endpoint = 0; endpoint < 5; endpoint++) {
        assert_true(admits(f, GW_RATE_DEFAULT, endpoint, "10.0.0.1", TOKEN_ORG, 1));
    }
    assert_false(
        admits(f, GW_RATE_DEFAULT, 9, "10.0.0.2", TOKEN_ORG, 1)); /* wherever it comes from */
    assert_true(admits(f, GW_RATE_DEFAULT, 9, "10.0.0.1", TOKEN_ORG, 2));
    assert_true(admits(f, GW_RATE_DEFAULT, 9, "10.0.0.1", TOKEN_PERSONAL, 1));
}

static void
upload_and_ai_count_per_endpoint(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(admitted_of(f, 5, GW_RATE_UPLOAD_AI, 1, "10.0.0.1", TOKEN_ORG, 1), 2);
    assert_int_equal(admitted_of(f, 5, GW_RATE_UPLOAD_AI, 2, "10.0.0.1", TOKEN_ORG, 1), 2);
}

static void
auth_counts_by_address_whatever_the_token(void **state)
{
    struct fixture *f = *state;

    assert_true(admits(f, GW_RATE_AUTH, 1, "10.0.0.1", TOKEN_ORG, 1));
    assert_false(admits(f, GW_RATE_AUTH, 1, "10.0.0.1", TOKEN_ORG, 2));
    assert_false(admits(f, GW_RATE_AUTH, 1, "10.0.0.1", TOKEN_NONE, 0));
    assert_true(admits(f, GW_RATE_AUTH, 2, "10.0.0.1", TOKEN_NONE, 0));
    assert_true(admits(f, GW_RATE_AUTH, 1, "10.0.0.2", TOKEN_NONE, 0));
}

static void
one_ipv6_network_is_one_client(void **state)
{
    struct fixture *f = *state;
    static const char *const SAME[] = {"2001:db8::1", "2001:db8::2:3:4:5",
                                       "2001:0db8:0:0:9::", "2001:db8:0:0:ffff:ffff:ffff:ffff"};

    assert_true(admits(f, GW_RATE_AUTH, 1, "2001:db8:0:0::7", TOKEN_NONE, 0));
    for (size_t i = 0; i < ARRAY_LEN(SAME); i++) {
        assert_false(admits(f, GW_RATE_AUTH, 1, SAME[i], TOKEN_NONE, 0));
    }
    assert_true(admits(f, GW_RATE_AUTH, 1, "2001:db8:0:1::7", TOKEN_NONE, 0));
    assert_true(admits(f, GW_RATE_AUTH, 1, "192.0.2.1", TOKEN_NONE, 0));
    assert_false(admits(f, GW_RATE_AUTH, 1, "::ffff:192.0.2.1", TOKEN_NONE, 0));
    assert_true(admits(f, GW_RATE_AUTH, 1, "::ffff:192.0.2.2", TOKEN_NONE, 0));
}

static void
unlimited_is_unlimited_and_off_switches_all_off(void **state)
{
    struct fixture *f = *state;
    struct fixture open = {.arena = f->arena};

    assert_int_equal(admitted_of(f, 1000, GW_RATE_UNLIMITED, 1, "10.0.0.1", TOKEN_NONE, 0), 1000);
    assert_int_equal(gw_limit_new("off", 16, &open.limit), RC_OK);
    assert_int_equal(admitted_of(&open, 1000, GW_RATE_AUTH, 1, "10.0.0.1", TOKEN_NONE, 0), 1000);
    gw_limit_free(open.limit);
}

static void
the_guard_stops_floods_of_an_address(void **state)
{
    struct fixture *f = *state;
    struct gw_rate_state s;
    struct ctx ctx;
    int admitted = 0;

    ctx_init(&ctx, f->arena);
    ctx.peer = STR("198.51.100.9");
    for (int i = 0; i < 1000; i++) {
        ctx_recover(&ctx);
        admitted += gw_limit_guard(f->limit, &ctx, &s) == RC_OK;
    }
    assert_in_range(admitted, 300, 330); /* 60 times five; a minute may turn meanwhile */
    assert_int_equal(gw_limit_guard(f->limit, &ctx, &s), RC_RESOURCE_EXHAUSTED);
    assert_true(s.limited);
    ctx_recover(&ctx);
    ctx.peer = STR("198.51.100.10");
    assert_int_equal(gw_limit_guard(f->limit, &ctx, &s), RC_OK);
}

static void
malformed_settings_are_refused(void **state)
{
    static const char *const WRONG[] = {
        "",          "default", "default=",          "default=0",   "default=-1",
        "default=x", "what=1",  "default=5,,auth=1", "unlimited=5", "default=1000001"};
    struct gw_limit *limit = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        assert_int_equal(gw_limit_new(WRONG[i], 16, &limit), RC_INVALID_ARGUMENT);
    }
    assert_null(limit);
    assert_int_equal(gw_limit_new(" auth=7 , default=2", 16, &limit), RC_OK);
    gw_limit_free(limit);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_window_slides_exactly),
        TEST(refused_requests_do_not_count),
        TEST(it_agrees_with_a_model),
        TEST(many_threads_get_exactly_the_quota),
        TEST(a_full_table_forgets_the_quiet),
        TEST(default_counts_all_endpoints_by_token),
        TEST(upload_and_ai_count_per_endpoint),
        TEST(auth_counts_by_address_whatever_the_token),
        TEST(one_ipv6_network_is_one_client),
        TEST(unlimited_is_unlimited_and_off_switches_all_off),
        TEST(the_guard_stops_floods_of_an_address),
        TEST(malformed_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
