/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a request may go: addresses, redirects, proxies, URLs, headers. */
#include "http/http_fixture.h"

static void
proxies_of_the_environment_are_ignored(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_int_equal(get(f, f->url, &resp), RC_OK);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void
redirects_are_answers_unless_asked_for(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {.url = str_z(f->url)};
    struct http_response resp;

    f->server.answer = "HTTP/1.1 302 Found\r\nLocation: /second\r\nContent-Length: 0\r\n\r\n";
    f->server.answer2 = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.status, 302);
    assert_int_equal(f->server.requests, 1);
    req.redirects = 2;
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.status, 200);
    assert_true(str_eqz(resp.body, "ok"));
}

static void
credentials_do_not_follow_a_redirect_to_another_origin(void **state)
{
    struct fixture *f = *state;
    struct http_header headers[] = {{STR("Authorization"), STR("Bearer secret")},
                                    {STR("X-Other"), STR("1")}};
    struct http_request req = {
        .url = str_z(f->url), .headers = headers, .header_count = 2, .redirects = 1};
    struct http_response resp;
    char answer[128];

    (void)snprintf(
        answer, sizeof(answer),
        "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://localhost:%d/second\r\n"
        "Content-Length: 0\r\n\r\n",
        f->server.port);
    f->server.answer = answer;
    f->server.answer2 = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.status, 200);
    assert_non_null(strstr(f->server.last, "GET /second"));
    assert_non_null(strstr(f->server.last, "X-Other: 1"));
    assert_null(strstr(f->server.last, "secret"));
}

static void
targets_outside_the_reach_are_refused_before_any_connection(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;
    char url[128];
    static const char *const SPELLINGS[] = {"127.0.0.1",  "localhost",  "2130706433",
                                            "0x7f000001", "0177.0.0.1", "127.1",
                                            "[::1]",      "localhost.", "[::ffff:7f00:1]"};

    with_reach(f, ADDR_REACH_PUBLIC);
    for (size_t i = 0; i < ARRAY_LEN(SPELLINGS); i++) {
        (void)snprintf(url, sizeof(url), "http://%s:%d/x", SPELLINGS[i], f->server.port);
        enum rc rc = get(f, url, &resp);
        if (rc != RC_PERMISSION_DENIED && rc != RC_UNAVAILABLE) {
            fail_msg("%s gave %s", SPELLINGS[i], rc_name(rc));
        }
    }
    assert_int_equal(get(f, f->url, &resp), RC_PERMISSION_DENIED);
    assert_string_equal(f->ctx.err.reason, "ADDRESS_REFUSED");
    assert_int_equal(f->server.connections, 0);
}

static void
with_private_targets_allowed_metadata_stays_refused(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;
    char url[64];

    with_reach(f, ADDR_REACH_PRIVATE);
    f->server.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(get(f, f->url, &resp), RC_OK);
    (void)snprintf(url, sizeof(url), "http://localhost:%d/x", f->server.port);
    assert_int_equal(get(f, url, &resp), RC_OK);
    assert_int_equal(get(f, "http://169.254.169.254/latest/", &resp), RC_PERMISSION_DENIED);
    assert_int_equal(get(f, "http://[fe80::1]/", &resp), RC_PERMISSION_DENIED);
    assert_int_equal(get(f, "http://0.0.0.0/", &resp), RC_PERMISSION_DENIED);
}

static void
ports_of_our_own_services_are_refused(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;
    uint16_t own[] = {(uint16_t)f->server.port};

    f->cfg.refused_ports = own;
    f->cfg.refused_port_count = 1;
    with_reach(f, ADDR_REACH_PRIVATE);
    assert_int_equal(get(f, f->url, &resp), RC_PERMISSION_DENIED);
    assert_int_equal(f->server.connections, 0);
}

static void
a_redirect_is_checked_like_the_first_target(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {.url = str_z(f->url), .redirects = 3};
    struct http_response resp;

    with_reach(f, ADDR_REACH_PRIVATE);
    f->server.answer = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n"
                       "Content-Length: 0\r\n\r\n";
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_PERMISSION_DENIED);
    ctx_recover(&f->ctx);
    f->server.answer = "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                       "Content-Length: 0\r\n\r\n";
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_INVALID_ARGUMENT);
}

static void
urls_that_are_not_plain_http_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const BAD[] = {"",
                                      "nonsense://x/",
                                      "file:///etc/passwd",
                                      "gopher://127.0.0.1/",
                                      "http://",
                                      "http://a b/",
                                      "http://a\r\nb/",
                                      "http://x:0/",
                                      "http://x:65536/",
                                      "http://user:pw@127.0.0.1/",
                                      "http://[fe80::1%25eth0]/",
                                      "ftp://127.0.0.1/"};
    struct http_response resp;

    with_reach(f, ADDR_REACH_PUBLIC);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        enum rc rc = get(f, BAD[i], &resp);
        if (rc != RC_INVALID_ARGUMENT) {
            fail_msg("%s gave %s", BAD[i], rc_name(rc));
        }
    }
}

static void
headers_cannot_smuggle_lines(void **state)
{
    struct fixture *f = *state;
    struct http_header bad[] = {{STR("X-A"), STR("1\r\nX-B: 2")}};
    struct http_request req = {.url = str_z(f->url), .headers = bad, .header_count = 1};
    struct http_response resp;

    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_INVALID_ARGUMENT);
    assert_int_equal(f->server.connections, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(proxies_of_the_environment_are_ignored),
        T(redirects_are_answers_unless_asked_for),
        T(credentials_do_not_follow_a_redirect_to_another_origin),
        T(targets_outside_the_reach_are_refused_before_any_connection),
        T(with_private_targets_allowed_metadata_stays_refused),
        T(ports_of_our_own_services_are_refused),
        T(a_redirect_is_checked_like_the_first_target),
        T(urls_that_are_not_plain_http_are_refused),
        T(headers_cannot_smuggle_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
