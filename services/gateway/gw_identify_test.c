/* SPDX-License-Identifier: Apache-2.0
 *
 * Who calls, against an auth in this process: what is cached, what a revocation, a broken watch, an
 * absent auth and a new signing key do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "gateway/gw_identify.h"
#include "tests/support/fake_auth.h"

struct fixture {
    struct fake_auth auth;
    struct gw_identify *id;
    struct arena *arena;
    struct ctx ctx;
};

static bool
becomes_ready(struct gw_identify *id, bool wanted)
{
    int64_t until = clk_mono_us() + 40 * ASSAY_US_PER_S;

    while (gw_identify_is_ready(id) != wanted && clk_mono_us() < until) {
        fake_nap();
    }
    return gw_identify_is_ready(id) == wanted;
}

static int
start(void **state, int64_t lease_us)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    atomic_store(&f->auth.lease_us, lease_us);
    if (!fake_auth_start(&f->auth)) {
        return -1;
    }
    struct gw_identify_cfg cfg = {
        .auth = f->auth.client, .issuer = "assay", .audience = "assay", .cache_max = 100};
    f->arena = arena_new((size_t)4 * 1024 * 1024);
    *state = f;
    return gw_identify_new(&cfg, &f->id) != RC_OK || !becomes_ready(f->id, true);
}

static int
set_up(void **state)
{
    return start(state, 0);
}

/* For tests that wait until the lease has run out. */
static int
set_up_short(void **state)
{
    return start(state, 300 * ASSAY_US_PER_MS);
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    gw_identify_free(f->id);
    fake_auth_stop(&f->auth);
    arena_free(f->arena);
    free(f);
    return 0;
}

static enum rc
identify(struct fixture *f, const char *token)
{
    struct web_header header = {STR("X-API-Key"), str_z(token)};
    struct web_request http = {.headers = &header, .header_count = token == NULL ? 0 : 1};

    arena_reset(f->arena);
    ctx_init(&f->ctx, f->arena);
    return gw_identify(f->id, &f->ctx, &http, false, false);
}

static void
an_opaque_token_is_asked_for_once(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++) {
        assert_int_equal(identify(f, "tok_admin"), RC_OK);
        assert_int_equal(f->ctx.who.role, ROLE_ADMIN);
        assert_int_equal(f->ctx.who.org_id, 1);
        assert_int_equal(f->ctx.who.token_id, 1);
        assert_true(str_eq(f->ctx.who.email, STR("user@example.com")));
    }
    assert_int_equal(atomic_load(&f->auth.introspected), 1);
}

static void
what_is_no_token_is_refused(void **state)
{
    struct fixture *f = *state;
    static char long_one[6000];

    memset(long_one, 'x', sizeof(long_one) - 1);
    static const char *const WRONG[] = {NULL, "", "tok_unknown", "\xFF\xFE", "eyJ.x.y", "eyJ"};
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        assert_int_equal(identify(f, WRONG[i]), RC_UNAUTHENTICATED);
        assert_int_equal(f->ctx.who.kind, TOKEN_NONE);
    }
    assert_int_equal(identify(f, long_one), RC_UNAUTHENTICATED);
    assert_int_equal(atomic_load(&f->auth.introspected), 1); /* only the one that could be one */
}

/* A thread remembers the key of the last token it saw. */
static void
tokens_in_turn_are_told_apart(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(identify(f, "tok_admin"), RC_OK);
        assert_int_equal(f->ctx.who.role, ROLE_ADMIN);
        assert_int_equal(identify(f, "tok_admim"), RC_UNAUTHENTICATED);
        assert_int_equal(identify(f, "tok_admi"), RC_UNAUTHENTICATED);
        assert_int_equal(identify(f, "tok_developer"), RC_OK);
        assert_int_equal(f->ctx.who.role, ROLE_DEVELOPER);
    }
    assert_int_equal(atomic_load(&f->auth.introspected), 2 + 3 * 2);
}

static void
a_revoked_token_fails_on_the_very_next_request(void **state)
{
    struct fixture *f = *state;

    for (size_t token = 0; token < 2; token++) {
        const char *text = f->auth.tokens[token].text;
        assert_int_equal(identify(f, text), RC_OK);
        assert_int_equal(identify(f, "tok_developer"), RC_OK);
        assert_true(fake_auth_revoke(&f->auth, token));
        assert_int_equal(identify(f, text), RC_UNAUTHENTICATED);
        assert_int_equal(identify(f, "tok_developer"), RC_OK); /* the others are not touched */
    }
    assert_int_equal(atomic_load(&f->auth.introspected), 2 + 1 + 2);
}

static void
without_a_watch_nothing_cached_is_trusted(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(identify(f, "tok_admin"), RC_OK);
    atomic_store(&f->auth.watch_broken, true);
    assert_true(becomes_ready(f->id, false)); /* the lease runs out */
    int before = atomic_load(&f->auth.introspected);
    assert_int_equal(identify(f, "tok_admin"), RC_OK);
    assert_int_equal(identify(f, "tok_admin"), RC_OK);
    assert_int_equal(atomic_load(&f->auth.introspected), before + 2); /* asked each time */
    assert_int_equal(identify(f, "tok_viewer"), RC_OK);
    fake_auth_mark_revoked(&f->auth, 1); /* nobody hears of this */
    assert_int_equal(identify(f, "tok_viewer"), RC_UNAUTHENTICATED);
    atomic_store(&f->auth.lease_us, 0); /* what is cached from now on is meant to stay */
    atomic_store(&f->auth.watch_broken, false);
    assert_true(becomes_ready(f->id, true));
    assert_int_equal(identify(f, "tok_viewer"), RC_UNAUTHENTICATED); /* nor was it kept */
    assert_int_equal(identify(f, "tok_admin"), RC_OK);
    before = atomic_load(&f->auth.introspected);
    assert_int_equal(identify(f, "tok_admin"), RC_OK);
    assert_int_equal(atomic_load(&f->auth.introspected), before);
}

static bool
has_passed(int64_t began_us, int64_t us)
{
    while (clk_mono_us() - began_us < us) {
        fake_nap();
    }
    return true;
}

static void
while_auth_is_away_tokens_are_503_never_accepted(void **state)
{
    struct fixture *f = *state;
    char jwt[2048];

    fake_jwt(f->auth.published[0], 600 * ASSAY_US_PER_S, jwt, sizeof(jwt));
    assert_int_equal(identify(f, "tok_admin"), RC_OK);
    assert_int_equal(identify(f, jwt), RC_OK);
    rpc_server_free(f->auth.server);
    f->auth.server = NULL;
    /* Its last answer may only now reach the watch, and trusts no longer than this: a second that
     * the watch waits, and the lease of set_up_short. */
    assert_true(has_passed(clk_mono_us(), 1300 * ASSAY_US_PER_MS));
    assert_true(becomes_ready(f->id, false));
    static const char *const TOKENS[] = {"tok_admin", "tok_unknown"};
    for (size_t i = 0; i < ARRAY_LEN(TOKENS); i++) {
        assert_int_equal(identify(f, TOKENS[i]), RC_UNAVAILABLE);
        assert_string_equal(f->ctx.err.reason, "AUTH_UNAVAILABLE");
        assert_int_equal(f->ctx.who.kind, TOKEN_NONE);
    }
    assert_int_equal(identify(f, jwt), RC_UNAVAILABLE); /* its signature alone does not let in */
    assert_true(fake_auth_serve(&f->auth));
    assert_true(becomes_ready(f->id, true));
    assert_int_equal(identify(f, "tok_admin"), RC_OK);
}

static void
a_jwt_is_verified_here_and_its_user_checked_once(void **state)
{
    struct fixture *f = *state;
    char jwt[2048];
    char forged[2048];

    fake_jwt(f->auth.published[0], 600 * ASSAY_US_PER_S, jwt, sizeof(jwt));
    assert_int_equal(identify(f, jwt), RC_OK);
    assert_int_equal(f->ctx.who.user_id, 9);
    assert_int_equal(f->ctx.who.kind, TOKEN_JWT);
    assert_int_equal(identify(f, jwt), RC_OK);
    assert_int_equal(atomic_load(&f->auth.checked), 1);
    (void)snprintf(forged, sizeof(forged), "%s", jwt);
    forged[strlen(forged) - 10] = forged[strlen(forged) - 10] == 'A' ? 'B' : 'A';
    assert_int_equal(identify(f, forged), RC_UNAUTHENTICATED);
    fake_jwt(f->auth.published[0], -60 * ASSAY_US_PER_S, jwt, sizeof(jwt));
    assert_int_equal(identify(f, jwt), RC_UNAUTHENTICATED);
    assert_true(str_eq(f->ctx.err.msg, STR("the token has expired")));
    assert_int_equal(atomic_load(&f->auth.checked), 1);
    f->auth.user_gone = true; /* a good signature of a user who is gone */
    fake_jwt(f->auth.published[0], 700 * ASSAY_US_PER_S, jwt, sizeof(jwt));
    assert_int_equal(identify(f, jwt), RC_UNAUTHENTICATED);
}

static void
a_new_signing_key_is_fetched_without_refusing_anybody(void **state)
{
    struct fixture *f = *state;
    char old_jwt[2048];
    char new_jwt[2048];
    int64_t began = clk_mono_us();

    fake_jwt(f->auth.published[0], 600 * ASSAY_US_PER_S, old_jwt, sizeof(old_jwt));
    (void)pthread_mutex_lock(&f->auth.lock);
    assert_int_equal(eckey_generate(&f->auth.published[1]), RC_OK);
    f->auth.published_n = 2;
    (void)pthread_mutex_unlock(&f->auth.lock);
    fake_jwt(f->auth.published[1], 600 * ASSAY_US_PER_S, new_jwt, sizeof(new_jwt));
    /* Auth signs with a key no sooner than a good while after publishing it. */
    assert_true(has_passed(began, 1100 * ASSAY_US_PER_MS));
    assert_int_equal(identify(f, new_jwt), RC_OK);
    assert_int_equal(identify(f, old_jwt), RC_OK);
    assert_int_equal(atomic_load(&f->auth.keys_fetched), 2);
}

static void
invented_key_ids_do_not_flood_auth(void **state)
{
    struct fixture *f = *state;
    struct eckey *stranger = NULL;
    char jwt[2048];
    int64_t began = clk_mono_us();

    assert_int_equal(eckey_generate(&stranger), RC_OK);
    fake_jwt(stranger, 600 * ASSAY_US_PER_S, jwt, sizeof(jwt));
    int tries = 0;
    while (clk_mono_us() - began < 1500 * ASSAY_US_PER_MS || tries < 50) {
        assert_int_equal(identify(f, jwt), RC_UNAUTHENTICATED);
        tries++;
    }
    /* One a second, not one each. */
    assert_in_range(atomic_load(&f->auth.keys_fetched), 1,
                    2 + (clk_mono_us() - began) / ASSAY_US_PER_S);
    assert_int_equal(atomic_load(&f->auth.checked), 0);
    eckey_free(stranger);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
#define SHORT(fn) cmocka_unit_test_setup_teardown(fn, set_up_short, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_opaque_token_is_asked_for_once),
        TEST(what_is_no_token_is_refused),
        TEST(tokens_in_turn_are_told_apart),
        TEST(a_revoked_token_fails_on_the_very_next_request),
        SHORT(without_a_watch_nothing_cached_is_trusted),
        SHORT(while_auth_is_away_tokens_are_503_never_accepted),
        TEST(a_jwt_is_verified_here_and_its_user_checked_once),
        TEST(a_new_signing_key_is_fetched_without_refusing_anybody),
        TEST(invented_key_ids_do_not_flood_auth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
