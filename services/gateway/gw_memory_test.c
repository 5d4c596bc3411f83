/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client is told when memory is missing: 413 when it asks for more than one request may
 * have, 503 with a time to wait when the server has none, in a service or in the gateway itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "tests/support/gw_fixture.h"

/* Pieces of this size are refused while `starving`; the linker leads malloc here. */
#define LARGE ((size_t)256 * 1024)

static atomic_bool starving;
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *
__wrap_malloc(size_t n)
{
    return atomic_load(&starving) && n >= LARGE ? NULL : __real_malloc(n);
}

#define BODY "{\"name\":\"x\",\"description\":\""

/* POST of a suite whose description has `n` bytes. */
static void
post_long(struct fixture *f, size_t n)
{
    static char request[2 * 1024 * 1024];
    int head = snprintf(request, sizeof(request),
                        "POST " SUITES " HTTP/1.1\r\nHost: h:1\r\n" ADMIN
                        "Content-Length: %zu\r\n\r\n" BODY,
                        strlen(BODY) + n + 2);

    memset(request + head, 'a', n);
    memcpy(request + head + n, "\"}", 2);
    raw_exchange(f->port, request, (size_t)head + n + 2, &a);
}

static void
a_call_that_needs_more_than_a_request_may_have_is_413(void **state)
{
    ask(*state, "GET " SUITES "?app_id=bytes-67108864", ADMIN, NULL);
    assert_int_equal(a.status, 413);
    assert_string_equal(a.body, "{\"detail\":\"too many suites\"}");
    assert_string_equal(header("retry-after"), "");
    ask(*state, "GET " SUITES "?app_id=bytes-300000", ADMIN, NULL);
    assert_int_equal(a.status, 200);
}

static void
a_service_without_memory_is_503_with_a_time_to_wait(void **state)
{
    atomic_store(&starving, true);
    ask(*state, "GET " SUITES "?app_id=bytes-300000", ADMIN, NULL);
    atomic_store(&starving, false);
    assert_int_equal(a.status, 503);
    assert_string_equal(a.body, "{\"detail\":\"the server is short of memory, try again\"}");
    assert_string_equal(header("retry-after"), "1");
    ask(*state, "GET " SUITES "?app_id=bytes-300000", ADMIN, NULL);
    assert_int_equal(a.status, 200);
}

static void
a_gateway_without_memory_is_503_with_a_time_to_wait(void **state)
{
    struct fixture *f = *state;
    size_t before = (size_t)f->cfg.body_max_bytes;

    f->cfg.body_max_bytes = 2000000;
    atomic_store(&starving, true);
    post_long(f, 400000);
    atomic_store(&starving, false);
    assert_int_equal(a.status, 503);
    assert_string_equal(header("retry-after"), "1");
    ask(f, "GET " SUITES, ADMIN, NULL);
    assert_int_equal(a.status, 200);
    f->cfg.body_max_bytes = (int64_t)before;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_needs_more_than_a_request_may_have_is_413),
        cmocka_unit_test(a_service_without_memory_is_503_with_a_time_to_wait),
        cmocka_unit_test(a_gateway_without_memory_is_503_with_a_time_to_wait),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
