/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole pipeline over real sockets; the services behind it are fakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "tests/support/gw_fixture.h"

static void
a_list_is_answered_whole(void **state)
{
    struct fixture *f = *state;

    ask(f, "GET " SUITES "?tags=A%2Cb", ADMIN, NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(header("content-type"), "application/json; charset=utf-8");
    assert_string_equal(a.body,
                        "[{\"id\":1,\"public_id\":\"suite_abc123\",\"name\":\"Sign-in\","
                        "\"description\":null,\"app_id\":null,\"app_public_id\":null,"
                        "\"app_name\":null,\"platform\":null,\"case_count\":0,"
                        "\"reset_strategy\":\"relaunch\",\"context\":null,\"variables\":{},"
                        "\"visual_regression_warn_pct\":null,\"visual_regression_fail_pct\":null,"
                        "\"last_run_status\":null,\"last_run_at\":null,"
                        "\"created_at\":\"1970-01-01T00:00:00\","
                        "\"updated_at\":\"1970-01-01T00:00:00\",\"tags\":[]}]");
    assert_string_equal(header("cache-control"), "private, no-cache");
    assert_int_equal(f->seen.org_id, 1);
    assert_string_equal(f->seen.text, "a");
    assert_string_equal(header("ratelimit-policy"), "\"default\";q=1000;w=60");
    ask(f, "GET " SUITES "/", ADMIN, NULL); /* with a final slash too */
    assert_int_equal(a.status, 200);
}

static void
an_unchanged_list_is_304(void **state)
{
    char tag[64];
    char line[128];

    ask(*state, "GET " SUITES, ADMIN, NULL);
    (void)snprintf(tag, sizeof(tag), "%s", header("etag"));
    assert_true(strlen(tag) > 4);
    (void)snprintf(line, sizeof(line), ADMIN "If-None-Match: \"x\", %s\r\n", tag);
    ask(*state, "GET " SUITES, line, NULL);
    assert_int_equal(a.status, 304);
    assert_int_equal(a.body_n, 0);
    assert_string_equal(header("etag"), tag);
    ask(*state, "GET " SUITES "?app_id=many", line, NULL);
    assert_int_equal(a.status, 200);
}

static void
long_lists_are_packed_for_those_who_take_it(void **state)
{
    ask(*state, "GET " SUITES "?app_id=many", ADMIN, NULL);
    assert_string_equal(header("content-encoding"), "");
    assert_non_null(strstr(a.text, "Vary: Accept-Encoding\r\n"));
    size_t plain = a.body_n;
    char tag[64];
    (void)snprintf(tag, sizeof(tag), "%s", header("etag"));
    ask(*state, "GET " SUITES "?app_id=many", ADMIN "Accept-Encoding: gzip\r\n", NULL);
    assert_string_equal(header("content-encoding"), "gzip");
    assert_true(a.body_n > 20 && a.body_n * 5 < plain);
    assert_memory_equal(a.body, "\x1f\x8b", 2);
    assert_string_equal(header("etag"), tag);
    ask(*state, "GET " SUITES, ADMIN "Accept-Encoding: gzip\r\n", NULL);
    assert_string_equal(header("content-encoding"), ""); /* too short */
}

static void
head_is_get_without_a_body(void **state)
{
    ask(*state, "HEAD " SUITES, ADMIN, NULL);
    assert_int_equal(a.status, 200);
    assert_true(strtol(header("content-length"), NULL, 10) > 100);
    assert_true(strlen(header("etag")) > 0);
}

static void
refusals_have_their_status_and_body(void **state)
{
    struct fixture *f = *state;
    int calls = atomic_load(&f->calls);

    ask(f, "GET " SUITES, "", NULL);
    assert_int_equal(a.status, 401);
    assert_string_equal(a.body, "{\"detail\":\"authentication is required\"}");
    assert_string_equal(header("www-authenticate"), "Bearer");
    assert_string_equal(header("cache-control"), "no-store");
    ask(f, "POST " SUITES, VIEWER, "{\"name\":\"x\"}");
    assert_int_equal(a.status, 403);
    assert_string_equal(a.body, "{\"detail\":\"this call needs the role developer or higher\"}");
    assert_int_equal(atomic_load(&f->calls), calls);
}

static void
wrong_shapes_name_the_member(void **state)
{
    struct fixture *f = *state;
    int calls = atomic_load(&f->calls);

    ask(f, "POST " SUITES, ADMIN, "{}");
    assert_int_equal(a.status, 422);
    assert_string_equal(a.body, "{\"detail\":\"name is required\"}");
    ask(f, "POST " SUITES, ADMIN, "{\"name\":\"x\",\"tags\":[1]}");
    assert_int_equal(a.status, 422);
    assert_non_null(strstr(a.body, "tags[0]"));
    ask(f, "POST " SUITES, ADMIN, "{\"name\":");
    assert_int_equal(a.status, 400);
    ask(f, "GET " SUITES "?match=some", ADMIN, NULL);
    assert_int_equal(a.status, 422);
    assert_non_null(strstr(a.body, "match"));
    ask(f, "GET " SUITES "?app_id=%zz", ADMIN, NULL);
    assert_int_equal(a.status, 422);
    ask(f, "GET " SUITES "?app_id=%00", ADMIN, NULL);
    assert_int_equal(a.status, 422);
    assert_int_equal(atomic_load(&f->calls), calls);
    ask(f, "GET " SUITES "?app_id=a+b%26&unknown=%zz", ADMIN, NULL); /* nobody reads that one */
    assert_int_equal(a.status, 200);
    assert_string_equal(f->seen.text, "a b&");
}

/* What the path names is looked for before the faults of the body are told. */
static void
a_path_that_names_nothing_outranks_a_wrong_body(void **state)
{
    ask(*state, "PATCH " SUITES "/suite_zzz999", ADMIN, "{\"name\":1}");
    assert_int_equal(a.status, 404);
    assert_string_equal(a.body, "{\"detail\":\"no suite with this id\"}");
    ask(*state, "PATCH " SUITES "/suite_abc123", ADMIN, "{\"name\":1}");
    assert_int_equal(a.status, 422);
    ask(*state, "PATCH " SUITES "/suite_zzz999", VIEWER, "{\"name\":1}");
    assert_int_equal(a.status, 403); /* the role comes first */
    ask(*state, "PATCH " SUITES "/suite_zzz999", "", "{\"name\":1}");
    assert_int_equal(a.status, 401);
}

static void
writes_carry_body_and_idempotency_key(void **state)
{
    struct fixture *f = *state;

    ask(f, "POST " SUITES, ADMIN "Idempotency-Key: once-7\r\nContent-Type: application/json\r\n",
        "{\"name\":\"caf\\u00e9\",\"unknown\":{\"x\":[1]}}");
    assert_in_range(a.status, 200, 201);
    assert_string_equal(f->seen.body_name, "caf\xC3\xA9");
    assert_string_equal(f->seen.key, "once-7");
    assert_string_equal(header("cache-control"), "no-store");
    assert_string_equal(header("etag"), "");
}

static void
bodies_over_the_limit_are_413_unread(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);

    assert_true(raw_sendz(fd, "POST " SUITES " HTTP/1.1\r\nHost: h\r\n" ADMIN
                              "Content-Length: 2001\r\n\r\n"));
    assert_true(raw_read(fd, false, &a));
    assert_int_equal(a.status, 413);
    raw_close(fd);
}

static void
other_methods_are_405_in_the_dialect_of_the_path(void **state)
{
    ask(*state, "PUT " SUITES, ADMIN, "{}");
    assert_int_equal(a.status, 405);
    assert_string_equal(header("allow"), "GET, HEAD, POST");
    assert_string_equal(a.body,
                        "{\"detail\":\"method not allowed\",\"type\":\"validation_error\"}");
    ask(*state, "DELETE /api/v1/health", "", NULL);
    assert_int_equal(a.status, 405);
    assert_string_equal(header("allow"), "GET, HEAD");
    ask(*state, "TRACE /api/v1/health", "", NULL);
    assert_int_equal(a.status, 405);
    assert_string_equal(header("allow"), "GET, HEAD");
    assert_string_equal(header("connection"), "close");
    ask(*state, "BREW /api/v1/pots", "", NULL);
    assert_int_equal(a.status, 404);
    ask(*state, "POST /openapi.json", "", "{}");
    assert_int_equal(a.status, 405);
    assert_string_equal(header("allow"), "GET, HEAD");
}

static void
unknown_paths_speak_the_dialect_of_their_prefix(void **state)
{
    static const struct {
        const char *line;
        const char *body;
    } CASES[] = {
        {"GET /api/v1/nothing", "{\"detail\":\"not found\",\"type\":\"not_found\"}"},
        {"GET /api/sdk/nothing", "{\"error\":\"not found\"}"},
        {"GET /api/sdk", "{\"error\":\"not found\"}"},
        {"GET /api/external/nothing", "{\"status\":\"fail\",\"reason\":\"not found\"}"},
        {"GET /nothing", "{\"detail\":\"not found\",\"type\":\"not_found\"}"},
        {"GET /api/sdkx", "{\"detail\":\"not found\",\"type\":\"not_found\"}"},
        {"GET /docs/../gw.c", "{\"detail\":\"not found\",\"type\":\"not_found\"}"},
        {"GET /docs/%2e%2e/gw.c", "{\"detail\":\"not found\",\"type\":\"not_found\"}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        ask(*state, CASES[i].line, "", NULL);
        assert_int_equal(a.status, 404);
        assert_string_equal(a.body, CASES[i].body);
    }
}

static void
defects_tell_the_client_nothing_but_the_request_id(void **state)
{
    ask(*state, "GET " SUITES "?app_id=broken", ADMIN "X-Request-Id: find-me-7\r\n", NULL);
    assert_int_equal(a.status, 500);
    assert_string_equal(a.body, "{\"detail\":\"internal error; request find-me-7\"}");
}

static void
request_ids_are_echoed_when_they_are_harmless(void **state)
{
    struct fixture *f = *state;

    ask(f, "GET " SUITES, ADMIN "X-Request-Id: Abc-1._x\r\n", NULL);
    assert_string_equal(header("x-request-id"), "Abc-1._x");
    assert_string_equal(f->seen.request_id, "Abc-1._x");
    ask(f, "GET " SUITES, ADMIN "X-Request-Id: a b\"c\r\n", NULL);
    assert_int_equal(strlen(header("x-request-id")), 20);
    assert_string_equal(f->seen.request_id, value);
    ask(f, "GET /nothing", "", NULL);
    assert_int_equal(strlen(header("x-request-id")), 20);
}

static void
traces_are_continued_with_a_span_of_ours(void **state)
{
    struct fixture *f = *state;
    static const char TRACE[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    ask(f, "GET " SUITES,
        ADMIN "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
              "\r\n",
        NULL);
    assert_int_equal(strlen(f->seen.traceparent), 55);
    assert_memory_equal(f->seen.traceparent, TRACE, 36);
    assert_memory_not_equal(f->seen.traceparent + 36, TRACE + 36, 16);
    assert_string_equal(f->seen.traceparent + 52, "-01");
    ask(f, "GET " SUITES,
        ADMIN "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01"
              "\r\n",
        NULL);
    assert_int_equal(strlen(f->seen.traceparent), 55);
    assert_null(strstr(f->seen.traceparent, "00000000000000000000000000000000"));
}

static void
only_known_origins_may_call_from_a_browser(void **state)
{
#define PREFLIGHT "Access-Control-Request-Method: POST\r\n"
    ask(*state, "OPTIONS " SUITES, "Origin: https://app.example\r\n" PREFLIGHT, NULL);
    assert_int_equal(a.status, 204);
    assert_string_equal(header("access-control-allow-origin"), "https://app.example");
    assert_non_null(strstr(header("access-control-allow-methods"), "PATCH"));
    ask(*state, "OPTIONS " SUITES, "Origin: https://evil.example\r\n" PREFLIGHT, NULL);
    assert_int_equal(a.status, 204);
    assert_string_equal(header("access-control-allow-origin"), "");
    assert_string_equal(header("access-control-allow-methods"), "");
    ask(*state, "GET " SUITES, ADMIN "Origin: https://app.example\r\n", NULL);
    assert_string_equal(header("access-control-allow-origin"), "https://app.example");
    assert_string_equal(header("vary"), "Origin");
    ask(*state, "GET " SUITES, ADMIN, NULL); /* a cache must not give this one to that origin */
    assert_string_equal(header("vary"), "Origin");
    assert_string_equal(header("access-control-allow-origin"), "");
    ask(*state, "GET " SUITES, ADMIN "Origin: https://app.example.evil\r\n", NULL);
    assert_string_equal(header("access-control-allow-origin"), "");
}

static void
beyond_the_rate_the_wait_is_told(void **state)
{
    for (int i = 0; i < 3; i++) {
        ask(*state, "POST /api/v1/auth/login", "", "{}");
        assert_int_equal(a.status, 422);
    }
    ask(*state, "POST /api/v1/auth/login", ADMIN, "{}");
    assert_int_equal(a.status, 429);
    assert_in_range(strtol(header("retry-after"), NULL, 10), 50, 60);
    assert_string_equal(header("ratelimit-policy"), "\"auth\";q=3;w=60");
    assert_non_null(strstr(header("ratelimit"), "r=0"));
    /* Behind our proxy every client has a count of its own. */
    ask(*state, "POST /api/v1/auth/login", "X-Forwarded-For: 203.0.113.9\r\n", "{}");
    assert_int_equal(a.status, 422);
}

static void
a_service_that_is_away_is_503(void **state)
{
    struct fixture *f = *state;

    rpc_server_free(f->tests);
    f->tests = NULL;
    f->cfg.call_timeout_us = 300 * ASSAY_US_PER_MS;
    ask(f, "GET " SUITES, ADMIN, NULL);
    assert_int_equal(a.status, 503);
    assert_string_equal(header("retry-after"), "1");
    ask(f, "GET /api/v1/health", "", NULL);
    assert_int_equal(a.status, 200);
    ask(f, "GET /api/v1/health/ready", "", NULL);
    assert_int_equal(a.status, 503);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_answered_whole),
        cmocka_unit_test(an_unchanged_list_is_304),
        cmocka_unit_test(long_lists_are_packed_for_those_who_take_it),
        cmocka_unit_test(head_is_get_without_a_body),
        cmocka_unit_test(refusals_have_their_status_and_body),
        cmocka_unit_test(wrong_shapes_name_the_member),
        cmocka_unit_test(a_path_that_names_nothing_outranks_a_wrong_body),
        cmocka_unit_test(writes_carry_body_and_idempotency_key),
        cmocka_unit_test(bodies_over_the_limit_are_413_unread),
        cmocka_unit_test(other_methods_are_405_in_the_dialect_of_the_path),
        cmocka_unit_test(unknown_paths_speak_the_dialect_of_their_prefix),
        cmocka_unit_test(defects_tell_the_client_nothing_but_the_request_id),
        cmocka_unit_test(request_ids_are_echoed_when_they_are_harmless),
        cmocka_unit_test(traces_are_continued_with_a_span_of_ours),
        cmocka_unit_test(only_known_origins_may_call_from_a_browser),
        cmocka_unit_test(beyond_the_rate_the_wait_is_told),
        cmocka_unit_test(a_service_that_is_away_is_503), /* the last: it takes the service away */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
