/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "sec/hash.h"
#include "sec/jws.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW_US (INT64_C(1800000000) * ASSAY_US_PER_S)
#define HOUR_US (INT64_C(3600) * ASSAY_US_PER_S)

struct fixture {
    struct arena *arena;
    struct eckey *key;
    struct jws_keys *keys;
    struct jws_claims claims;
    struct jws_policy policy;
};

static struct jws_keys *
publish(const struct eckey *const *keys, size_t count)
{
    struct buf b;
    struct jws_keys *set = NULL;

    buf_init(&b, 64 * 1024);
    jws_keys_put(keys, count, &b);
    assert_int_equal(jws_keys_parse(buf_str(&b), &set), RC_OK);
    assert_int_equal(jws_keys_count(set), count);
    buf_fini(&b);
    return set;
}

static int
set_up(void **state)
{
    static struct fixture f;

    f.arena = arena_new(1 << 20);
    assert_int_equal(eckey_generate(&f.key), RC_OK);
    const struct eckey *one[] = {f.key};
    f.keys = publish(one, 1);
    f.claims = (struct jws_claims){.iss = STR("assay"),
                                   .aud = STR("assay-api"),
                                   .jti = STR("0197-jti"),
                                   .email = STR("ada@example.com"),
                                   .user_id = 7,
                                   .org_id = 3,
                                   .role = ROLE_DEVELOPER,
                                   .issued_us = NOW_US,
                                   .expires_us = NOW_US + HOUR_US};
    f.policy = (struct jws_policy){.iss = STR("assay"), .aud = STR("assay-api"), .now_us = NOW_US};
    *state = &f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    jws_keys_free(f->keys);
    eckey_free(f->key);
    arena_free(f->arena);
    return 0;
}

static struct str
sign(struct fixture *f, const struct jws_claims *claims)
{
    struct buf b;

    buf_init(&b, JWS_TOKEN_MAX);
    assert_int_equal(jws_sign(f->key, claims, &b), RC_OK);
    struct str token = arena_str(f->arena, buf_str(&b));
    buf_fini(&b);
    return token;
}

static enum jws_verdict
verify(struct fixture *f, struct str token)
{
    struct jws_claims out;

    return jws_verify(f->arena, f->keys, &f->policy, token, &out);
}

/* Signs any header and payload with the true key, the way an attacker never could: for claims that
 * jws_sign would not write. */
static struct str
sign_raw(struct fixture *f, const char *header, const char *payload)
{
    jwt_t *jwt = NULL;
    struct buf pem;

    buf_init(&pem, 4096);
    assert_int_equal(eckey_put_pem(f->key, &pem), RC_OK);
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_headers_json(jwt, header), 0);
    assert_int_equal(jwt_add_grants_json(jwt, payload), 0);
    assert_int_equal(jwt_set_alg(jwt, JWT_ALG_ES256, (const unsigned char *)pem.p, (int)pem.n), 0);
    char *text = jwt_encode_str(jwt);
    assert_non_null(text);
    struct str token = arena_str(f->arena, str_z(text));
    free(text);
    jwt_free(jwt);
    buf_fini(&pem);
    return token;
}

static struct str
b64(struct fixture *f, struct str s)
{
    struct buf b;

    buf_init(&b, JWS_TOKEN_MAX);
    hash_put_b64url(&b, s);
    struct str text = arena_str(f->arena, buf_str(&b));
    buf_fini(&b);
    return text;
}

static void
a_signed_token_gives_its_claims_back(void **state)
{
    struct fixture *f = *state;
    struct jws_claims out = {0};
    struct str token = sign(f, &f->claims);

    assert_int_equal(jws_verify(f->arena, f->keys, &f->policy, token, &out), JWS_VALID);
    assert_int_equal(out.user_id, 7);
    assert_int_equal(out.org_id, 3);
    assert_int_equal(out.role, ROLE_DEVELOPER);
    assert_true(str_eqz(out.email, "ada@example.com"));
    assert_true(str_eqz(out.jti, "0197-jti"));
    assert_int_equal(out.expires_us, NOW_US + HOUR_US);
}

static void
every_changed_character_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str token = sign(f, &f->claims);

    for (size_t i = 0; i < token.n; i++) {
        char *copy = arena_strz(f->arena, token);
        assert_non_null(copy);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify(f, str_n(copy, token.n)), JWS_VALID);
        if (i % 64 == 0) {
            struct str t = sign(f, &f->claims);
            token = t;
        }
    }
}

static void
a_token_keyed_with_the_public_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf jwk;
    jwt_t *jwt = NULL;

    buf_init(&jwk, 1024);
    eckey_put_jwk(f->key, &jwk);
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_header(jwt, "kid", eckey_kid(f->key)), 0);
    assert_int_equal(jwt_add_grants_json(jwt, "{\"iss\":\"assay\",\"aud\":\"assay-api\"}"), 0);
    assert_int_equal(jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)jwk.p, (int)jwk.n), 0);
    char *text = jwt_encode_str(jwt);
    assert_int_not_equal(verify(f, str_z(text)), JWS_VALID);
    free(text);
    jwt_free(jwt);
    buf_fini(&jwk);
}

static void
the_algorithm_none_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str token = sign(f, &f->claims);
    struct str rest = token;

    (void)str_split(&rest, '.');
    struct str payload = str_split(&rest, '.');
    struct str header =
        b64(f, arena_printf(f->arena, "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                            eckey_kid(f->key)));
    struct str unsigned_token =
        arena_printf(f->arena, "%.*s.%.*s.", STR_ARG(header), STR_ARG(payload));
    assert_int_not_equal(verify(f, unsigned_token), JWS_VALID);
    struct str with_old_signature =
        arena_printf(f->arena, "%.*s.%.*s.%.*s", STR_ARG(header), STR_ARG(payload), STR_ARG(rest));
    assert_int_equal(verify(f, with_old_signature), JWS_REFUSED);
}

static void
a_key_of_another_set_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct eckey *mine = f->key;
    struct eckey *other = NULL;

    assert_int_equal(eckey_generate(&other), RC_OK);
    f->key = other;
    struct str token = sign(f, &f->claims);
    f->key = mine;
    assert_int_equal(verify(f, token), JWS_UNKNOWN_KEY);
    eckey_free(other);
}

static void
a_foreign_key_under_our_id_is_refused(void **state)
{
    struct fixture *f = *state;
    struct eckey *mine = f->key;
    struct eckey *other = NULL;
    struct buf header;

    assert_int_equal(eckey_generate(&other), RC_OK);
    buf_init(&header, 4096);
    buf_printf(&header, "{\"kid\":\"%s\",\"jwk\":", eckey_kid(mine));
    eckey_put_jwk(other, &header);
    buf_putz(&header, "}");
    f->key = other;
    struct str token = sign_raw(f, header.p, "{\"iss\":\"assay\",\"aud\":\"assay-api\"}");
    f->key = mine;
    assert_int_equal(verify(f, token), JWS_BAD_SIGNATURE);
    eckey_free(other);
    buf_fini(&header);
}

static void
times_are_checked_with_little_leeway(void **state)
{
    struct fixture *f = *state;
    struct str token = sign(f, &f->claims);

    f->policy.now_us = f->claims.expires_us + JWS_LEEWAY_US - 1;
    assert_int_equal(verify(f, token), JWS_VALID);
    f->policy.now_us = f->claims.expires_us + JWS_LEEWAY_US;
    assert_int_equal(verify(f, token), JWS_EXPIRED);
    f->policy.now_us = NOW_US - JWS_LEEWAY_US - ASSAY_US_PER_S;
    assert_int_equal(verify(f, token), JWS_EXPIRED);
    f->policy.now_us = NOW_US;
    f->claims.not_before_us = NOW_US + 2 * JWS_LEEWAY_US;
    assert_int_equal(verify(f, sign(f, &f->claims)), JWS_EXPIRED);
}

static void
another_issuer_or_audience_is_refused(void **state)
{
    struct fixture *f = *state;
    struct jws_claims other = f->claims;

    other.iss = STR("somebody");
    assert_int_equal(verify(f, sign(f, &other)), JWS_REFUSED);
    other = f->claims;
    other.aud = STR("assay-api-2");
    assert_int_equal(verify(f, sign(f, &other)), JWS_REFUSED);
}

static void
odd_headers_and_claims_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char GOOD[] = "{\"iss\":\"assay\",\"aud\":\"assay-api\",\"sub\":\"7\",\"org\":3,"
                               "\"jti\":\"j\",\"role\":\"admin\",\"iat\":1800000000,"
                               "\"exp\":1800000060}";
    static const struct {
        const char *find;
        const char *put;
    } CHANGES[] = {
        {"\"exp\":1800000060", "\"exp\":\"1800000060\""},
        {"\"exp\":1800000060", "\"exp\":1800000060.5"},
        {"\"exp\":1800000060", "\"exp\":-1"},
        {",\"exp\":1800000060", ""},
        {"\"sub\":\"7\"", "\"sub\":7"},
        {"\"sub\":\"7\"", "\"sub\":\"0\""},
        {"\"org\":3", "\"org\":0"},
        {"\"role\":\"admin\"", "\"role\":\"root\""},
        {"\"aud\":\"assay-api\"", "\"aud\":[\"assay-api\"]"},
        {"\"jti\":\"j\",", ""},
    };
    const char *header = arena_printf(f->arena, "{\"kid\":\"%s\"}", eckey_kid(f->key)).p;

    assert_int_equal(verify(f, sign_raw(f, header, GOOD)), JWS_VALID);
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        const char *at = strstr(GOOD, CHANGES[i].find);
        assert_non_null(at);
        struct str bad = arena_printf(f->arena, "%.*s%s%s", (int)(at - GOOD), GOOD, CHANGES[i].put,
                                      at + strlen(CHANGES[i].find));
        assert_int_equal(verify(f, sign_raw(f, header, bad.p)), JWS_REFUSED);
    }
    const char *critical =
        arena_printf(f->arena, "{\"kid\":\"%s\",\"crit\":[\"x\"]}", eckey_kid(f->key)).p;
    assert_int_equal(verify(f, sign_raw(f, critical, GOOD)), JWS_REFUSED);
}

static void
other_shapes_are_malformed(void **state)
{
    struct fixture *f = *state;
    struct str token = sign(f, &f->claims);
    const struct str BAD[] = {
        STR_EMPTY,
        STR("."),
        STR(".."),
        STR("a.b.c"),
        str_sub(token, 0, token.n - 1),
        str_sub(token, 1, token.n),
        arena_printf(f->arena, "%.*s.", STR_ARG(token)),
        arena_printf(f->arena, "%.*s.AAAA", STR_ARG(token)),
        arena_printf(f->arena, "%.*s=", STR_ARG(token)),
        arena_printf(f->arena, " %.*s", STR_ARG(token)),
        arena_printf(f->arena, "%.*s\n", STR_ARG(token)),
    };

    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(verify(f, BAD[i]), JWS_MALFORMED);
    }
}

static void
a_key_survives_pem_and_jwk(void **state)
{
    struct fixture *f = *state;
    struct eckey *again = NULL;
    struct buf pem;

    buf_init(&pem, 4096);
    assert_int_equal(eckey_put_pem(f->key, &pem), RC_OK);
    assert_int_equal(eckey_from_pem(buf_str(&pem), &again), RC_OK);
    assert_true(eckey_is_private(again));
    assert_string_equal(eckey_kid(again), eckey_kid(f->key));
    assert_int_equal(strlen(eckey_kid(again)), ECKEY_KID_LEN);
    const struct eckey *published = jws_keys_find(f->keys, str_z(eckey_kid(f->key)));
    assert_non_null(published);
    assert_false(eckey_is_private(published));
    assert_int_equal(eckey_put_pem(published, &pem), RC_INTERNAL);
    eckey_free(again);
    buf_fini(&pem);
}

/* RFC 7517 A.1 (the EC key), and RFC 7515 A.3 signed with it. */
static void
the_published_example_verifies(void **state)
{
    struct fixture *f = *state;
    static const char JWKS[] =
        "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"other\",\"k\":\"AA\"},{\"kty\":\"EC\",\"crv\":\"P-"
        "256\","
        "\"kid\":\"a3\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    static const char SIGNED[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    struct jws_keys *keys = NULL;
    struct str sig;

    assert_int_equal(jws_keys_parse(str_z(JWKS), &keys), RC_OK);
    assert_int_equal(jws_keys_count(keys), 1);
    assert_int_equal(hash_b64url_decode(f->arena,
                                        STR("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5d"
                                            "jxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
                                        &sig),
                     RC_OK);
    const struct eckey *key = jws_keys_find(keys, STR("a3"));
    assert_true(eckey_verify(key, str_z(SIGNED), (const unsigned char *)sig.p));
    assert_false(eckey_verify(key, STR("other"), (const unsigned char *)sig.p));
    jws_keys_free(keys);
}

static void
broken_key_sets_are_refused(void **state)
{
    static const char *const BAD[] = {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[}"};
    static const char *const EMPTY[] = {
        "{\"keys\":[]}",
        "{\"keys\":[7,null,{}]}",
        /* a point off the curve */
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a8\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct jws_keys *keys = NULL;
        assert_int_equal(jws_keys_parse(str_z(BAD[i]), &keys), RC_INVALID_ARGUMENT);
    }
    for (size_t i = 0; i < ARRAY_LEN(EMPTY); i++) {
        struct jws_keys *keys = NULL;
        assert_int_equal(jws_keys_parse(str_z(EMPTY[i]), &keys), RC_OK);
        assert_int_equal(jws_keys_count(keys), 0);
        jws_keys_free(keys);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_signed_token_gives_its_claims_back),
        T(every_changed_character_is_refused),
        T(a_token_keyed_with_the_public_key_is_refused),
        T(the_algorithm_none_is_refused),
        T(a_key_of_another_set_is_unknown),
        T(a_foreign_key_under_our_id_is_refused),
        T(times_are_checked_with_little_leeway),
        T(another_issuer_or_audience_is_refused),
        T(odd_headers_and_claims_are_refused),
        T(other_shapes_are_malformed),
        T(a_key_survives_pem_and_jwk),
        T(the_published_example_verifies),
        cmocka_unit_test(broken_key_sets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
