/* SPDX-License-Identifier: Apache-2.0
 *
 * What a proxy in front may read differently is refused, over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "tests/support/raw.h"
#include "web/web.h"

struct fixture {
    struct web_server *server;
    int port;
    atomic_int handled;
};

/* Answers everything and reads no body: what is left of it is the server's to get rid of. */
static void
handle(void *arg, struct web_conn *conn, const struct web_request *req)
{
    struct fixture *f = arg;

    atomic_fetch_add(&f->handled, 1);
    web_answer(conn, 200, STR_EMPTY, req->path);
}

static int
set_up(void **state)
{
    static struct fixture f;
    struct web_cfg cfg = {
        .listen = "127.0.0.1:0",
        .threads = 4,
        .head_timeout_us = 3 * ASSAY_US_PER_S,
        .body_timeout_us = 3 * ASSAY_US_PER_S,
        .handler = handle,
        .arg = &f,
    };
    const char *why = NULL;

    if (web_server_start(&cfg, &f.server, &why) != RC_OK) {
        return -1;
    }
    f.port = web_server_port(f.server);
    *state = &f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    web_server_free(f->server);
    return 0;
}

/* Sends the request and a second one behind it. The first must be refused with `status`, the
 * connection closed, and no handler called. */
static void
refused(struct fixture *f, const char *request, int status)
{
    static struct raw_answer a;
    int before = atomic_load(&f->handled);
    int fd = raw_open(f->port);
    char connection[32];

    assert_true(raw_sendz(fd, request));
    assert_true(raw_read(fd, false, &a));
    if (a.status != status) {
        print_error("%s -> %d\n", request, a.status);
    }
    assert_int_equal(a.status, status);
    assert_non_null(raw_header(&a, "connection", connection, sizeof(connection)));
    assert_string_equal(connection, "close");
    assert_true(raw_is_closed(fd));
    raw_close(fd);
    assert_int_equal(atomic_load(&f->handled), before);
}

#define NEXT "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

static void
two_lengths_are_refused(void **state)
{
    static const char *const REQUESTS[] = {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n" NEXT,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 35\r\n\r\n" NEXT,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
        refused(*state, REQUESTS[i], 400);
    }
}

static void
lengths_that_are_no_numbers_are_refused(void **state)
{
    static const char *const LENGTHS[] = {
        "3abc", "-1", "+3", "0x3", "3, 3", "", "99999999999999999999", "3 3", "-0"};
    char request[256];

    for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
        (void)snprintf(request, sizeof(request),
                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\nabc", LENGTHS[i]);
        refused(*state, request, 400);
    }
}

static void
encodings_other_than_chunked_are_refused(void **state)
{
    static const char *const ENCODINGS[] = {
        "gzip", "gzip, chunked", "chunked, identity", "xchunked", "\"chunked\"", "identity", ""};
    char request[256];

    for (size_t i = 0; i < ARRAY_LEN(ENCODINGS); i++) {
        (void)snprintf(request, sizeof(request),
                       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n0\r\n\r\n" NEXT,
                       ENCODINGS[i]);
        refused(*state, request, 400);
    }
    refused(*state, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400);
}

static void
one_host_is_needed(void **state)
{
    refused(*state, "GET / HTTP/1.1\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400);
}

/* civetweb stops at such a line and drops the rest of the head; see framing.c. */
static void
nobody_calls_with_two_identities(void **state)
{
    refused(*state,
            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer "
            "b\r\n\r\n" NEXT,
            400);
    refused(*state,
            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nauthorization: \r\n\r\n" NEXT,
            400);
}

static void
lines_that_hide_what_follows_are_refused(void **state)
{
    static const char *const LINES[] = {
        " folded: y\r\n", "\tfolded\r\n", ": no name\r\n", "X : y\r\n", "Content-Length : 35\r\n",
    };
    char request[512];

    for (size_t i = 0; i < ARRAY_LEN(LINES); i++) {
        (void)snprintf(request, sizeof(request),
                       "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n%sContent-Length: 35\r\n\r\n" NEXT,
                       LINES[i]);
        refused(*state, request, 400);
    }
    refused(*state, "GET / HTTP/1.1\r\n Host: a\r\n\r\n" NEXT, 400);
    refused(*state, "GET / HTTP/1.0\r\n: a\r\nContent-Length: 35\r\n\r\n" NEXT, 400);
}

static void
bare_line_feeds_are_refused(void **state)
{
    refused(*state, "GET / HTTP/1.1\nHost: a\n\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", 400);
}

static void
names_and_values_of_headers_are_checked(void **state)
{
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nX\x01: z\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n", 400);
    refused(*state, "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", 400);
}

/* Values are looked at eight bytes at a time, and what is behind them one by one. */
static void
no_place_in_a_value_hides_a_control_character(void **state)
{
    static const char BAD[] = {0x01, 0x1F, 0x7F};
    static const char START[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    char request[128];

    for (size_t at = 0; at < 18; at++) {
        (void)snprintf(request, sizeof(request), "%s%s\r\n\r\n", START,
                       "~tab\t\xC3\xA9-8901234567");
        request[strlen(START) + at] = BAD[at % ARRAY_LEN(BAD)];
        refused(*state, request, 400);
    }
}

static void
targets_other_than_paths_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const ODD[] = {"GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
                                      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
                                      "GET x HTTP/1.1\r\nHost: a\r\n\r\n"};
    static struct raw_answer a;
    int before = atomic_load(&f->handled);

    for (size_t i = 0; i < ARRAY_LEN(ODD); i++) {
        raw_exchange(f->port, ODD[i], strlen(ODD[i]), &a);
        /* civetweb hangs up on some of them by itself */
        assert_true(a.status == 400 || a.status == 0);
    }
    assert_int_equal(atomic_load(&f->handled), before);
    refused(f, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

static void
too_many_headers_are_431(void **state)
{
    struct fixture *f = *state;
    static char request[8192];
    static struct raw_answer a;
    int n = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n");

    for (int i = 1; i < WEB_HEADERS_MAX; i++) {
        n += snprintf(request + n, sizeof(request) - (size_t)n, "X-%d: y\r\n", i);
    }
    (void)snprintf(request + n, sizeof(request) - (size_t)n, "\r\n");
    raw_exchange(f->port, request, strlen(request), &a);
    assert_int_equal(a.status, 200);
    /* The 64th is the last civetweb keeps; a Content-Length as the 65th would be dropped. */
    (void)snprintf(request + n, sizeof(request) - (size_t)n,
                   "X-64: y\r\nContent-Length: 35\r\n\r\n" NEXT);
    refused(f, request, 431);
}

static void
heads_that_are_too_long_are_refused(void **state)
{
    struct fixture *f = *state;
    static char request[20000];
    static struct raw_answer a;
    int before = atomic_load(&f->handled);

    memset(request, 'a', sizeof(request));
    memcpy(request, "GET /", 5);
    raw_exchange(f->port, request, sizeof(request), &a);
    assert_int_equal(a.status, 414);
    memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
    raw_exchange(f->port, request, sizeof(request), &a);
    assert_int_equal(a.status, 431);
    assert_int_equal(atomic_load(&f->handled), before);
}

static void
other_versions_are_refused(void **state)
{
    refused(*state, "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    refused(*state, "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505);
    refused(*state, "GET / SMTP/1.1\r\nHost: a\r\n\r\n", 400);
    refused(*state, "BREW / SMTP/1.1\r\nHost: a\r\n\r\n", 400);
    refused(*state, "BR(EW / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    refused(*state, "BREW a HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

static void
unknown_methods_are_the_handlers_to_refuse_and_the_last_request(void **state)
{
    struct fixture *f = *state;
    static struct raw_answer a;
    int before = atomic_load(&f->handled);
    int fd = raw_open(f->port);

    assert_true(
        raw_sendz(fd, "TRACE /pot?q HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n" NEXT));
    assert_true(raw_read(fd, false, &a));
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "/pot");
    assert_true(raw_is_closed(fd));
    raw_close(fd);
    assert_int_equal(atomic_load(&f->handled), before + 1);
}

static void
garbage_behind_a_request_is_refused(void **state)
{
    struct fixture *f = *state;
    static struct raw_answer a;
    int fd = raw_open(f->port);

    assert_true(raw_sendz(fd, "GET /first HTTP/1.1\r\nHost: a\r\n\r\n\x01\x02garbage\r\n\r\n"));
    assert_true(raw_read(fd, false, &a));
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "/first");
    assert_true(raw_read(fd, false, &a));
    assert_int_equal(a.status, 400);
    assert_true(raw_is_closed(fd));
    raw_close(fd);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    static struct raw_answer a;
    int fd = raw_open(f->port);

    assert_true(raw_sendz(fd, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                              "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                              "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"));
    static const char *const PATHS[] = {"/1", "/2", "/3"};
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        assert_true(raw_read(fd, false, &a));
        assert_string_equal(a.body, PATHS[i]);
    }
    raw_close(fd);
}

/* The handler reads no body. Whether it is dropped or the connection closed: it is no request. */
static void
an_unread_body_never_becomes_a_request(void **state)
{
    struct fixture *f = *state;
    static struct raw_answer a;
    static char body[200000];
    char head[128];
    static const size_t SIZES[] = {35, 5000, 65536, 65537, 200000};

    for (size_t i = 0; i + 35 <= sizeof(body); i += 35) {
        memcpy(body + i, NEXT, 35);
    }
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        int fd = raw_open(f->port);
        (void)snprintf(head, sizeof(head),
                       "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", SIZES[i]);
        assert_true(raw_sendz(fd, head));
        (void)raw_send(fd, body, SIZES[i]);
        (void)raw_sendz(fd, "GET /after HTTP/1.1\r\nHost: a\r\n\r\n");
        if (raw_read(fd, false, &a)) {
            assert_string_equal(a.body, "/unread");
        }
        if (raw_read(fd, false, &a)) {
            assert_string_equal(a.body, "/after");
        }
        raw_close(fd);
    }
    int fd = raw_open(f->port);
    assert_true(raw_sendz(fd,
                          "POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "23\r\n" NEXT "\r\n0\r\n\r\n"));
    assert_true(raw_read(fd, false, &a));
    assert_string_equal(a.body, "/unread");
    assert_false(raw_read(fd, false, &a));
    raw_close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_lengths_are_refused),
        cmocka_unit_test(lengths_that_are_no_numbers_are_refused),
        cmocka_unit_test(encodings_other_than_chunked_are_refused),
        cmocka_unit_test(one_host_is_needed),
        cmocka_unit_test(nobody_calls_with_two_identities),
        cmocka_unit_test(lines_that_hide_what_follows_are_refused),
        cmocka_unit_test(bare_line_feeds_are_refused),
        cmocka_unit_test(names_and_values_of_headers_are_checked),
        cmocka_unit_test(no_place_in_a_value_hides_a_control_character),
        cmocka_unit_test(targets_other_than_paths_are_refused),
        cmocka_unit_test(too_many_headers_are_431),
        cmocka_unit_test(heads_that_are_too_long_are_refused),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(unknown_methods_are_the_handlers_to_refuse_and_the_last_request),
        cmocka_unit_test(garbage_behind_a_request_is_refused),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(an_unread_body_never_becomes_a_request),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
