/* SPDX-License-Identifier: Apache-2.0
 *
 * The examples of "Signature Calculations for the Authorization Header", S3 API reference. */
#include <string.h>

#include "blob/sigv4.h"
#include "sec/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void
the_published_examples_get_their_signatures(void **state)
{
    static const struct http_header RANGE[] = {{STR_INIT("range"), STR_INIT("bytes=0-9")}};
    static const struct http_header PUT[] = {
        {STR_INIT("date"), STR_INIT("Fri, 24 May 2013 00:00:00 GMT")},
        {STR_INIT("x-amz-storage-class"), STR_INIT("REDUCED_REDUNDANCY")}};
    static const struct {
        const char *method;
        const char *path;
        const char *query;
        const struct http_header *extra;
        size_t extra_count;
        const char *body;
        const char *signature;
    } CASES[] = {
        {"GET", "/test.txt", "", RANGE, 1, "",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT", "/test%24file.text", "", PUT, 2, "Welcome to Amazon S3.",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET", "/", "lifecycle=", NULL, 0, "",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET", "/", "max-keys=2&prefix=J", NULL, 0, "",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    int64_t now_us = 0;

    (void)state;
    assert_int_equal(clk_parse(STR("2013-05-24T00:00:00Z"), &now_us), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct arena *arena = arena_new(64 * 1024);
        char sha[HASH_SHA256_HEX_LEN + 1];
        struct http_header out[SIGV4_HEADERS_MAX];
        hash_sha256_hex(str_z(CASES[i].body), sha);
        struct sigv4_request req = {
            .method = CASES[i].method,
            .host = STR("examplebucket.s3.amazonaws.com"),
            .path = str_z(CASES[i].path),
            .query = str_z(CASES[i].query),
            .payload_sha256 = str_z(sha),
            .extra = CASES[i].extra,
            .extra_count = CASES[i].extra_count,
            .region = STR("us-east-1"),
            .access_key = STR("AKIAIOSFODNN7EXAMPLE"),
            .secret_key = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            .now_us = now_us,
        };
        size_t n = sigv4_sign(arena, &req, out);
        assert_int_equal(n, 3 + CASES[i].extra_count);
        assert_true(str_ends(out[n - 1].value, str_z(CASES[i].signature)));
        assert_true(str_starts(out[n - 1].value,
                               STR("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                                   "us-east-1/s3/aws4_request,SignedHeaders=")));
        arena_free(arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples_get_their_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
