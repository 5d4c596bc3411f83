/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing keys and their rotation. */
#include "auth/auth_fixture.h"

/* --- signing keys -------------------------------------------------------------------------- */

static void
replicas_share_one_first_key(void **state)
{
    struct auth second;
    struct call c = call_begin();
    struct buf one;
    struct buf two;

    (void)state;
    assert_int_equal(aut_open(&second, &c.ctx, db, &CFG), RC_OK);
    buf_init(&one, 8192);
    buf_init(&two, 8192);
    aut_keys_put(auth.keys, &one);
    aut_keys_put(second.keys, &two);
    assert_true(str_eq(buf_str(&one), buf_str(&two)));
    buf_fini(&one);
    buf_fini(&two);
    aut_close(&second);
    call_end(&c);
}

static size_t
published_keys(void)
{
    struct buf b;
    struct jws_keys *keys = NULL;

    buf_init(&b, 65536);
    buf_putz(&b, "{\"keys\":");
    aut_keys_put(auth.keys, &b);
    buf_putz(&b, "}");
    assert_int_equal(jws_keys_parse(buf_str(&b), &keys), RC_OK);
    size_t n = jws_keys_count(keys);
    jws_keys_free(keys);
    buf_fini(&b);
    return n;
}

static void
refresh_keys(void)
{
    struct call c = call_begin();

    assert_int_equal(aut_keys_refresh(&auth, &c.ctx, auth.keys), RC_OK);
    call_end(&c);
}

static void
kid_of(const char *token, char out[128])
{
    struct arena *arena = arena_new(1 << 16);
    const struct json_value *header = NULL;
    struct str rest = str_z(token);
    struct str raw;

    assert_int_equal(hash_b64url_decode(arena, str_split(&rest, '.'), &raw), RC_OK);
    assert_int_equal(json_parse(raw, arena, &header, NULL), RC_OK);
    (void)snprintf(out, 128, "%.*s", STR_ARG(json_str(json_get(header, "kid"))));
    arena_free(arena);
}

static void
a_rotation_publishes_first_signs_later_and_retires_last(void **state)
{
    struct account before;
    struct account during;
    struct account after;
    struct call c = call_begin();
    char new_kid[ECKEY_KID_LEN + 1];
    char kid[128];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &before), RC_OK);
    assert_int_equal(
        aut_keys_rotate(db, &c.ctx, auth.ring, CFG.key_publish_us, CFG.jwt_ttl_us, new_kid), RC_OK);
    refresh_keys();
    assert_int_equal(published_keys(), 2);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", &during), RC_OK);
    kid_of(during.token, kid);
    assert_string_not_equal(kid, new_kid);
    pg_support_exec("UPDATE auth.signing_keys SET sign_from = sign_from - interval '601 s',"
                    " retire_at = retire_at - interval '601 s'");
    refresh_keys();
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", &after), RC_OK);
    kid_of(after.token, kid);
    assert_string_equal(kid, new_kid);
    assert_int_equal(check_jwt(before.token, NULL), RC_OK);
    assert_int_equal(check_jwt(during.token, NULL), RC_OK);
    assert_int_equal(check_jwt(after.token, NULL), RC_OK);
    pg_support_exec("UPDATE auth.signing_keys SET sign_from = sign_from - interval '2 h',"
                    " retire_at = retire_at - interval '2 h'");
    refresh_keys();
    assert_int_equal(published_keys(), 1);
    assert_int_equal(check_jwt(after.token, NULL), RC_OK);
    call_end(&c);
}

/* A key that is left out of the published set would refuse logins it has signed. */
static void
no_rotation_pushes_a_key_out_that_is_needed(void **state)
{
    struct account before;
    char kid[ECKEY_KID_LEN + 1];
    enum rc rc = RC_OK;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &before), RC_OK);
    for (int i = 0; rc == RC_OK && i <= JWS_KEYS_MAX; i++) {
        struct call c = call_begin();
        rc = aut_keys_rotate(db, &c.ctx, auth.ring, CFG.key_publish_us, CFG.jwt_ttl_us, kid);
        call_end(&c);
    }
    assert_int_equal(rc, RC_FAILED_PRECONDITION);
    refresh_keys();
    assert_int_equal(published_keys(), JWS_KEYS_MAX);
    assert_int_equal(check_jwt(before.token, NULL), RC_OK);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", &before), RC_OK);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.outbox"
                                    " WHERE type = 'signing_key.rotated'"),
                     JWS_KEYS_MAX - 1);
}

static void
another_secret_key_cannot_open_the_signing_keys(void **state)
{
    struct auth other;
    struct auth_cfg cfg = CFG;
    struct call c = call_begin();

    (void)state;
    cfg.secret_key = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    assert_int_equal(aut_open(&other, &c.ctx, db, &cfg), RC_DATA_LOSS);
    call_end(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(replicas_share_one_first_key),
        T(a_rotation_publishes_first_signs_later_and_retires_last),
        T(no_rotation_pushes_a_key_out_that_is_needed),
        T(another_secret_key_cannot_open_the_signing_keys),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
