/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "base/id.h"
#include "gateway/gw_pack.h"

static void
the_client_decides_by_accept_encoding(void **state)
{
    static const char *const YES[] = {"gzip",   "GZIP",       "deflate, gzip;q=0.5", "br;q=1, *",
                                      "x-gzip", "gzip ; q=1", "identity, gzip",      "*;q=0, gzip"};
    static const char *const NO[] = {"",      "deflate", "gzip;q=0", "gzip; q=0.000",
                                     "*;q=0", "gzipx",   "identity", "gzip;q=0, *"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(YES); i++) {
        assert_true(gw_accepts_gzip(str_z(YES[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(NO); i++) {
        assert_false(gw_accepts_gzip(str_z(NO[i])));
    }
    assert_false(gw_accepts_gzip(STR_EMPTY));
}

static void
unpacked_again_it_is_the_same(void **state)
{
    static char body[100000];
    static char back[100000];

    (void)state;
    for (size_t i = 0; i < sizeof(body); i++) {
        body[i] = (char)('a' + (i * i / 7) % 26);
    }
    for (size_t n = 1025; n <= sizeof(body); n += 9000) { /* the stream is used again each time */
        struct str packed;
        assert_true(gw_pack(str_n(body, n), &packed));
        assert_true(packed.n < n);
        z_stream z = {.next_in = (unsigned char *)(uintptr_t)packed.p,
                      .avail_in = (uInt)packed.n,
                      .next_out = (unsigned char *)back,
                      .avail_out = sizeof(back)};
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, n);
        assert_int_equal(z.avail_in, 0);
        (void)inflateEnd(&z);
        assert_memory_equal(back, body, n);
    }
}

static void
what_gains_nothing_stays_as_it_is(void **state)
{
    static char body[4096];
    struct str packed = STR("untouched");

    (void)state;
    memset(body, 'a', sizeof(body));
    assert_false(gw_pack(str_n(body, GW_PACK_MIN), &packed)); /* small */
    assert_true(gw_pack(str_n(body, GW_PACK_MIN + 1), &packed));
    packed = STR("untouched");
    id_random(body, sizeof(body)); /* cannot become smaller */
    assert_false(gw_pack(str_n(body, sizeof(body)), &packed));
    assert_true(str_eq(packed, STR("untouched")));
    memset(body, 'b', sizeof(body)); /* and the stream still works afterwards */
    assert_true(gw_pack(str_n(body, sizeof(body)), &packed));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_decides_by_accept_encoding),
        cmocka_unit_test(unpacked_again_it_is_the_same),
        cmocka_unit_test(what_gains_nothing_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
