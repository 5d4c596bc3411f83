/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sec/hash.h"
#include "sec/token.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
sha256_matches_the_published_vectors(void **state)
{
    char hex[HASH_SHA256_HEX_LEN + 1];

    (void)state;
    hash_sha256_hex(STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_hex(STR_EMPTY, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
a_stream_has_the_digest_of_its_parts(void **state)
{
    unsigned char whole[HASH_SHA256_LEN];
    unsigned char parts[HASH_SHA256_LEN];

    (void)state;
    struct hash_stream *stream = hash_stream_new();
    assert_non_null(stream);
    hash_stream_add(stream, STR("ab"));
    hash_stream_add(stream, STR_EMPTY);
    hash_stream_add(stream, STR("c"));
    hash_stream_end(stream, parts);
    hash_sha256(STR("abc"), whole);
    assert_memory_equal(whole, parts, sizeof(whole));
}

/* RFC 4231, test case 2. */
static void
hmac_matches_the_published_vector(void **state)
{
    char hex[HASH_SHA256_HEX_LEN + 1];

    (void)state;
    hash_hmac_sha256_hex(STR("Jefe"), STR("what do ya want for nothing?"), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void
base64_matches_rfc_4648(void **state)
{
    static const char *const CASES[][3] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"\xff\xfe\xfd", "//79", "__79"},
    };
    struct arena *arena = arena_new(4096);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct buf b;
        struct str back;
        buf_init(&b, 100);
        hash_put_b64(&b, str_z(CASES[i][0]));
        assert_true(str_eqz(buf_str(&b), CASES[i][1]));
        buf_clear(&b);
        hash_put_b64url(&b, str_z(CASES[i][0]));
        assert_true(str_eqz(buf_str(&b), CASES[i][2]));
        buf_fini(&b);
        assert_int_equal(hash_b64_decode(arena, str_z(CASES[i][1]), &back), RC_OK);
        assert_true(str_eqz(back, CASES[i][0]));
        assert_int_equal(hash_b64url_decode(arena, str_z(CASES[i][2]), &back), RC_OK);
        assert_true(str_eqz(back, CASES[i][0]));
    }
    arena_free(arena);
}

static void
base64_refuses_second_spellings(void **state)
{
    static const char *const URL[] = {"Z", "Zh", "Zm9", "Zg==", "Zm 9", "Zm8\n", "//79", "Zm9vZ"};
    static const char *const STD[] = {"Zg", "Zh==", "Zg=", "Zg===", "=Zg=", "Z===", "__79", "Zm8 "};
    struct arena *arena = arena_new(4096);
    struct str out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(URL); i++) {
        assert_int_equal(hash_b64url_decode(arena, str_z(URL[i]), &out), RC_INVALID_ARGUMENT);
    }
    for (size_t i = 0; i < ARRAY_LEN(STD); i++) {
        assert_int_equal(hash_b64_decode(arena, str_z(STD[i]), &out), RC_INVALID_ARGUMENT);
    }
    arena_free(arena);
}

static void
tokens_carry_their_kind_and_never_repeat(void **state)
{
    static const struct {
        const char *prefix;
        enum token_kind kind;
    } CASES[] = {{TOKEN_PREFIX_ORG, TOKEN_ORG},
                 {TOKEN_PREFIX_PERSONAL, TOKEN_PERSONAL},
                 {TOKEN_PREFIX_SDK, TOKEN_SDK},
                 {TOKEN_PREFIX_WEBHOOK, TOKEN_NONE}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char a[TOKEN_TEXT_MAX];
        char b[TOKEN_TEXT_MAX];
        char shown[TOKEN_SHOWN_MAX];
        token_new(CASES[i].prefix, a);
        token_new(CASES[i].prefix, b);
        assert_string_not_equal(a, b);
        assert_int_equal(strlen(a), strlen(CASES[i].prefix) + TOKEN_RANDOM_LEN);
        assert_int_equal(token_kind_of(str_z(a)), CASES[i].kind);
        token_shown(str_z(a), shown);
        assert_int_equal(strlen(shown), strlen(CASES[i].prefix) + 8);
        assert_true(str_starts(str_z(a), str_z(shown)));
    }
}

static void
texts_of_another_form_are_no_token(void **state)
{
    static const char *const TEXTS[] = {"",
                                        "tok_",
                                        "tok_short",
                                        "abc",
                                        "a.b",
                                        "a.b.c.d",
                                        "..",
                                        "tok_0123456789012345678901234567890123456.89",
                                        "tok_01234567890123456789012345678901234567890"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        assert_int_equal(token_kind_of(str_z(TEXTS[i])), TOKEN_NONE);
    }
    assert_int_equal(token_kind_of(STR("a.b.c")), TOKEN_JWT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_matches_the_published_vectors),
        cmocka_unit_test(a_stream_has_the_digest_of_its_parts),
        cmocka_unit_test(hmac_matches_the_published_vector),
        cmocka_unit_test(base64_matches_rfc_4648),
        cmocka_unit_test(base64_refuses_second_spellings),
        cmocka_unit_test(tokens_carry_their_kind_and_never_repeat),
        cmocka_unit_test(texts_of_another_form_are_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
