/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "gateway/gw_cache.h"

#define NOW (1000 * ASSAY_US_PER_S)

struct fixture {
    struct arena *arena;
    struct gw_cache *cache;
};

static int
set_up(void **state)
{
    static struct fixture f;

    f.arena = arena_new((size_t)16 * 1024 * 1024);
    *state = &f;
    return f.arena == NULL || gw_cache_new(1000, &f.cache) != RC_OK;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    gw_cache_free(f->cache);
    arena_free(f->arena);
    return 0;
}

static void
put(struct fixture *f, const char *token, struct principal who, int64_t expires_us, int64_t epoch)
{
    unsigned char key[HASH_SHA256_LEN];

    hash_sha256(str_z(token), key);
    gw_cache_put(f->cache, key, &who, expires_us, epoch);
}

static bool
get(struct fixture *f, const char *token, int64_t now_us, struct principal *who)
{
    unsigned char key[HASH_SHA256_LEN];

    hash_sha256(str_z(token), key);
    return gw_cache_get(f->cache, key, now_us, f->arena, who);
}

static struct principal
person(int64_t user, int64_t org, int64_t token)
{
    return (struct principal){.user_id = user,
                              .org_id = org,
                              .token_id = token,
                              .role = ROLE_ADMIN,
                              .email = STR("a@b.c"),
                              .subject = STR("jti")};
}

static void
what_was_put_is_found_until_it_expires(void **state)
{
    struct fixture *f = *state;
    struct principal who = {.user_id = 0};

    assert_false(get(f, "t", NOW, &who));
    put(f, "t", person(1, 2, 3), NOW + 10, 0);
    assert_true(get(f, "t", NOW + 9, &who));
    assert_int_equal(who.user_id, 1);
    assert_int_equal(who.org_id, 2);
    assert_int_equal(who.token_id, 3);
    assert_true(str_eq(who.email, STR("a@b.c")));
    assert_true(str_eq(who.subject, STR("jti")));
    assert_false(get(f, "t", NOW + 10, &who));
    assert_false(get(f, "u", NOW, &who));
}

static void
a_second_put_replaces_the_first(void **state)
{
    struct fixture *f = *state;
    struct principal who;

    put(f, "t", person(1, 1, 1), NOW + 10, 0);
    put(f, "t", person(2, 1, 1), NOW + 10, 0);
    assert_true(get(f, "t", NOW, &who));
    assert_int_equal(who.user_id, 2);
    assert_int_equal(gw_cache_count(f->cache), 1);
}

static void
revocations_match_all_the_numbers_they_name(void **state)
{
    struct fixture *f = *state;
    struct principal who;

    put(f, "a", person(1, 1, 10), NOW + 10, 0);
    put(f, "b", person(1, 2, 11), NOW + 10, 0);
    put(f, "c", person(2, 1, 12), NOW + 10, 0);
    gw_cache_revoke(f->cache, 1, 2, 0, 1);
    assert_true(get(f, "a", NOW, &who));
    assert_false(get(f, "b", NOW, &who));
    gw_cache_revoke(f->cache, 0, 0, 12, 2);
    assert_false(get(f, "c", NOW, &who));
    assert_true(get(f, "a", NOW, &who));
    gw_cache_revoke(f->cache, 0, 0, 0, 3);
    assert_int_equal(gw_cache_count(f->cache), 0);
}

/* Auth answered before the revocation, the answer arrives after it: it must not be kept. */
static void
an_answer_overtaken_by_a_revocation_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct principal who;

    gw_cache_revoke(f->cache, 1, 0, 0, 5);
    put(f, "t", person(1, 1, 1), NOW + 10, 4);
    assert_false(get(f, "t", NOW, &who));
    put(f, "t", person(1, 1, 1), NOW + 10, 5);
    assert_true(get(f, "t", NOW, &who));
    gw_cache_advance(f->cache, 7);
    put(f, "u", person(1, 1, 1), NOW + 10, 6);
    assert_false(get(f, "u", NOW, &who));
    gw_cache_advance(f->cache, 3); /* epochs never go back */
    put(f, "u", person(1, 1, 1), NOW + 10, 6);
    assert_false(get(f, "u", NOW, &who));
}

static void
it_stays_bounded_and_loses_what_expires_first(void **state)
{
    struct fixture *f = *state;
    struct principal who;
    char token[32];
    int kept = 0;

    put(f, "longest", person(1, 1, 1), NOW + 1000000, 0);
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(token, sizeof(token), "t%d", i);
        put(f, token, person(1, 1, 1), NOW + 10 + i, 0);
    }
    assert_in_range(gw_cache_count(f->cache), 500, 1200);
    assert_true(get(f, "longest", NOW, &who));
    for (int i = 19500; i < 20000; i++) {
        (void)snprintf(token, sizeof(token), "t%d", i);
        kept += get(f, token, NOW, &who);
    }
    assert_true(kept > 450);
}

static void
long_names_are_left_out_whole(void **state)
{
    struct fixture *f = *state;
    struct principal who = person(1, 1, 1);
    static char name[400];

    memset(name, 'n', sizeof(name));
    who.email = str_n(name, sizeof(name));
    who.subject = str_n(name, sizeof(name));
    put(f, "t", who, NOW + 10, 0);
    assert_true(get(f, "t", NOW, &who));
    assert_int_equal(who.email.n, 0);
    assert_int_equal(who.subject.n, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_found_until_it_expires),
        TEST(a_second_put_replaces_the_first),
        TEST(revocations_match_all_the_numbers_they_name),
        TEST(an_answer_overtaken_by_a_revocation_is_dropped),
        TEST(it_stays_bounded_and_loses_what_expires_first),
        TEST(long_names_are_left_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
