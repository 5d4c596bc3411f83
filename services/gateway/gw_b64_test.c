/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw_b64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "base/buf.h"
#include "sec/hash.h"

#define MAX ((size_t)1 << 20)

struct taken {
    struct buf bytes;
    size_t writes;
    size_t refuse_at; /* 0: never */
};

static enum rc
take(void *arg, struct ctx *ctx, struct str bytes)
{
    struct taken *t = arg;

    if (++t->writes == t->refuse_at) {
        return fail(ctx, RC_UNAVAILABLE, "BLOB_STORE", "away");
    }
    buf_put(&t->bytes, bytes);
    return RC_OK;
}

/* Decodes, and leaves what came in `t`. */
static enum rc
decode(struct str text, size_t piece, struct taken *t, struct err *out_err)
{
    struct arena *arena = arena_new(MAX);
    struct gw_b64_sink sink = {take, t};
    struct ctx ctx;

    assert_non_null(arena);
    ctx_init(&ctx, arena);
    enum rc rc = gw_b64_decode(&ctx, text, piece, &sink);
    *out_err = ctx.err;
    arena_free(arena);
    return rc;
}

static void
files_of_every_length_come_out_as_they_went_in(void **state)
{
    char file[300];

    (void)state;
    for (size_t i = 0; i < sizeof(file); i++) {
        file[i] = (char)(i * 37 + 11);
    }
    for (size_t n = 0; n <= sizeof(file); n++) {
        struct buf text;
        buf_init(&text, MAX);
        hash_put_b64(&text, str_n(file, n));
        for (size_t piece = 4; piece <= 512; piece *= 2) {
            struct taken t = {.writes = 0};
            struct err err;
            buf_init(&t.bytes, MAX);
            assert_int_equal(decode(buf_str(&text), piece, &t, &err), RC_OK);
            assert_true(str_eq(buf_str(&t.bytes), str_n(file, n)));
            assert_int_equal(t.writes, (text.n + piece - 1) / piece);
            buf_fini(&t.bytes);
        }
        buf_fini(&text);
    }
}

static void
text_that_is_not_base64_is_refused_wherever_it_is_cut(void **state)
{
    static const char *const BAD[] = {
        "A",
        "AB",
        "ABC",
        "ABCDE",
        "ABC=ABCD",
        "AB==ABCD",
        "ABCD====",
        "A===",
        "====",
        "AB=C",
        "AB CD",
        "ABCD\n",
        "ABCDABCD\n",
        "ABCDAB-_",
        "ABCDABC\x80",
        "AB==",
        "ABCDABCDABD=",
        "data:image/png;base64,AAAA",
        "ABCDABCDABCDABCDABC*",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        for (size_t piece = 4; piece <= 64; piece *= 2) {
            struct taken t = {.writes = 0};
            struct err err;
            buf_init(&t.bytes, MAX);
            assert_int_equal(decode(str_z(BAD[i]), piece, &t, &err), RC_INVALID_ARGUMENT);
            assert_int_equal(err.code, RC_OK); /* the caller knows the member's name */
            buf_fini(&t.bytes);
        }
    }
}

static void
a_sink_that_refuses_ends_it(void **state)
{
    struct taken t = {.refuse_at = 2};
    struct err err;

    (void)state;
    buf_init(&t.bytes, MAX);
    assert_int_equal(decode(STR("QUJDREVGR0hJSktM"), 4, &t, &err), RC_UNAVAILABLE);
    assert_string_equal(err.reason, "BLOB_STORE");
    assert_int_equal(t.writes, 2);
    assert_true(str_eq(buf_str(&t.bytes), STR("ABC")));
    buf_fini(&t.bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_every_length_come_out_as_they_went_in),
        cmocka_unit_test(text_that_is_not_base64_is_refused_wherever_it_is_cut),
        cmocka_unit_test(a_sink_that_refuses_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
