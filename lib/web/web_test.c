/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies and answers over real sockets. */
#include "web/web_fixture.h"

#define THREADS 10

struct fixture {
    struct web_server *server;
    int port;
    atomic_int last_rc;
};

static void
echo(struct fixture *f, struct web_conn *conn, struct ctx *ctx)
{
    struct str body;
    enum rc rc = web_read_body(conn, ctx, 1000, &body);

    atomic_store(&f->last_rc, (int)rc);
    if (rc == RC_OK) {
        web_answer(conn, 200, STR("Content-Type: text/plain\r\n"), body);
    } else {
        web_answer(conn,
                   rc == RC_RESOURCE_EXHAUSTED ? 413
                   : rc == RC_CANCELLED        ? 400
                                               : 408,
                   STR_EMPTY, str_z(ctx->err.reason));
    }
}

static void
stream(struct web_conn *conn, bool whole)
{
    static char piece[50000];

    memset(piece, 's', sizeof(piece));
    bool ok = web_answer_begin(conn, 200, STR_EMPTY, 100000);
    ok = ok && web_write(conn, str_n(piece, sizeof(piece)));
    ok = ok && whole && web_write(conn, str_n(piece, sizeof(piece)));
    if (!ok) {
        web_close_after(conn);
    }
}

static void
handle(void *arg, struct web_conn *conn, const struct web_request *req)
{
    struct fixture *f = arg;
    struct arena *arena = arena_new(1024 * 1024);
    struct ctx ctx;

    ctx_init(&ctx, arena);
    if (str_eqz(req->path, "/echo")) {
        echo(f, conn, &ctx);
    } else if (str_eqz(req->path, "/stream") || str_eqz(req->path, "/broken")) {
        stream(conn, str_eqz(req->path, "/stream"));
    } else if (str_eqz(req->path, "/empty")) {
        web_answer(conn, 204, STR_EMPTY, STR_EMPTY);
    } else if (!str_eqz(req->path, "/silent")) {
        web_answer(conn, 200, STR("X-Own: 1\r\n"), req->query);
    }
    arena_free(arena);
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct web_cfg cfg = {
        .listen = "127.0.0.1:0",
        .threads = THREADS,
        .head_timeout_us = 4 * ASSAY_US_PER_S,
        .body_timeout_us = 3 * ASSAY_US_PER_S,
        .handler = handle,
        .arg = f,
    };

    assert_non_null(f);
    f->server = start_web(&cfg, &f->port);
    *state = f;
    return f->server == NULL;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    web_server_free(f->server);
    free(f);
    return 0;
}

static struct raw_answer a;

static void
ask(struct fixture *f, const char *request)
{
    raw_exchange(f->port, request, strlen(request), &a);
}

static void
bodies_of_known_length_are_read(void **state)
{
    ask(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "hello");
    ask(*state, "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, 0);
}

static void
chunked_bodies_are_read_and_the_connection_stays(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);

    for (int i = 0; i < 2; i++) {
        assert_true(raw_sendz(fd,
                              "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
        assert_true(raw_read(fd, false, &a));
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "hello world");
    }
    raw_close(fd);
}

static void
malformed_chunks_are_refused(void **state)
{
    static const char *const CHUNKS[] = {"zz\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n",
                                         "-5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
                                         "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"};
    char request[256];

    for (size_t i = 0; i < ARRAY_LEN(CHUNKS); i++) {
        (void)snprintf(request, sizeof(request),
                       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                       CHUNKS[i]);
        ask(*state, request);
        assert_int_equal(a.status, 400);
        assert_string_equal(a.body, "BODY_TRUNCATED");
    }
}

static void
a_chunked_body_over_the_limit_is_413(void **state)
{
    static char request[4096];
    int n = snprintf(request, sizeof(request),
                     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

    for (int i = 0; i < 11; i++) {
        n += snprintf(request + n, sizeof(request) - (size_t)n, "64\r\n%0100d\r\n", i);
    }
    (void)snprintf(request + n, sizeof(request) - (size_t)n, "0\r\n\r\n");
    ask(*state, request);
    assert_int_equal(a.status, 413);
}

/* Not a byte of the body was sent, and yet the answer comes. */
static void
too_large_is_told_from_the_length_alone(void **state)
{
    char connection[32];

    ask(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
    assert_int_equal(a.status, 413);
    assert_string_equal(a.body, "BODY_TOO_LARGE");
    assert_string_equal(raw_header(&a, "connection", connection, sizeof(connection)), "close");
}

static void
a_client_that_waits_for_permission_gets_it(void **state)
{
    struct fixture *f = *state;
    char text[256] = {0};
    int fd = raw_open(f->port);

    assert_true(raw_sendz(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                              "Expect: 100-continue\r\n\r\n"));
    assert_true(raw_read_some(fd, text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_true(raw_sendz(fd, "hello"));
    assert_true(raw_read(fd, false, &a));
    assert_string_equal(a.body, "hello");
    raw_close(fd);
    /* Nobody reads this body, so nobody asks for it: the client must not send it as a request. */
    ask(f, "POST /x?q HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "connection", text, sizeof(text)), "close");
}

static void
a_body_that_ends_early_is_told(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);

    atomic_store(&f->last_rc, -1);
    assert_true(raw_sendz(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"));
    raw_close(fd);
    assert_true(reaches(&f->last_rc, RC_CANCELLED));
}

/* A byte now and then: each is within the time one read may take, all together are not. */
static void
a_trickled_body_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    const struct timespec gap = {.tv_nsec = 100000000};
    int64_t began = clk_mono_us();

    atomic_store(&f->last_rc, -1);
    assert_true(raw_sendz(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n"));
    while (atomic_load(&f->last_rc) == -1 && clk_mono_us() - began < 30 * ASSAY_US_PER_S) {
        (void)raw_sendz(fd, "x");
        (void)nanosleep(&gap, NULL);
    }
    assert_int_equal(atomic_load(&f->last_rc), RC_DEADLINE_EXCEEDED);
    assert_true(raw_read(fd, false, &a));
    assert_int_equal(a.status, 408);
    raw_close(fd);
}

static void
a_head_that_never_ends_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int fd = raw_open(f->port);
    char text[512];
    int64_t began = clk_mono_us();

    assert_true(raw_sendz(fd, "GET / HTTP/1.1\r\nHost: a\r\n"));
    while (raw_read_some(fd, text, sizeof(text)) > 0) {
    }
    assert_true(clk_mono_us() - began < 9 * ASSAY_US_PER_S); /* reading ends by itself after ten */
    raw_close(fd);
}

static void
head_has_the_length_and_no_body(void **state)
{
    struct fixture *f = *state;
    char length[32];
    int fd = raw_open(f->port);

    for (int i = 0; i < 2; i++) { /* a body would be taken for the second answer */
        assert_true(raw_sendz(fd, "HEAD /x?12345 HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_true(raw_read(fd, true, &a));
        assert_int_equal(a.status, 200);
        assert_string_equal(raw_header(&a, "content-length", length, sizeof(length)), "5");
    }
    raw_close(fd);
}

static void
answers_carry_the_common_fields(void **state)
{
    char value[64];

    ask(*state, "GET /x?a=b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(a.body, "a=b");
    assert_non_null(raw_header(&a, "date", value, sizeof(value)));
    assert_non_null(strstr(value, " GMT"));
    assert_string_equal(raw_header(&a, "x-content-type-options", value, sizeof(value)), "nosniff");
    assert_string_equal(raw_header(&a, "x-own", value, sizeof(value)), "1");
    assert_string_equal(raw_header(&a, "connection", value, sizeof(value)), "keep-alive");
    ask(*state, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(a.status, 204);
    assert_null(raw_header(&a, "content-length", value, sizeof(value)));
    ask(*state, "GET /silent HTTP/1.1\r\nHost: a\r\n\r\n"); /* a handler that forgot to answer */
    assert_int_equal(a.status, 500);
}

static void
the_connection_field_tells_the_truth(void **state)
{
    static const char *const CLOSING[] = {
        "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, close\r\n\r\n"};
    static const char *const KEEPING[] = {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                                          "GET / HTTP/1.1\r\nHost: a\r\n\r\n"};
    struct fixture *f = *state;
    char value[32];

    for (size_t i = 0; i < ARRAY_LEN(CLOSING); i++) {
        int fd = raw_open(f->port);
        assert_true(raw_sendz(fd, CLOSING[i]));
        assert_true(raw_read(fd, false, &a));
        assert_string_equal(raw_header(&a, "connection", value, sizeof(value)), "close");
        assert_true(raw_is_closed(fd));
        raw_close(fd);
    }
    for (size_t i = 0; i < ARRAY_LEN(KEEPING); i++) {
        int fd = raw_open(f->port);
        for (int k = 0; k < 3; k++) {
            assert_true(raw_sendz(fd, KEEPING[i]));
            assert_true(raw_read(fd, false, &a));
            assert_string_equal(raw_header(&a, "connection", value, sizeof(value)), "keep-alive");
        }
        raw_close(fd);
    }
}

static void
streamed_answers_are_whole_or_visibly_broken(void **state)
{
    struct fixture *f = *state;
    static char text[65536];
    size_t n = 0;
    int fd = raw_open(f->port);

    assert_true(raw_sendz(fd, "GET /broken HTTP/1.1\r\nHost: a\r\n\r\nGET /x?next HTTP/1.1\r\n"
                              "Host: a\r\n\r\n"));
    for (size_t got = 1; got > 0 && n < sizeof(text); n += got) {
        got = raw_read_some(fd, text + n, sizeof(text) - n);
    }
    raw_close(fd);
    assert_in_range(n, 50000, 51000); /* the connection ended; no answer hides in the rest */
    assert_null(memmem(text, n, "next", 4));
    fd = raw_open(f->port);
    assert_true(raw_sendz(fd, "GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    size_t total = 0;
    for (size_t got = 1; got > 0; total += got) {
        got = raw_read_some(fd, text, sizeof(text));
    }
    assert_in_range(total, 100000, 101000);
    raw_close(fd);
}

static void
a_taken_port_is_told(void **state)
{
    struct fixture *f = *state;
    char listen[32];
    struct web_server *second = NULL;
    const char *why = NULL;

    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%d", f->port);
    struct web_cfg cfg = {.listen = listen, .threads = 4, .handler = handle, .arg = f};
    assert_int_equal(web_server_start(&cfg, &second, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why, "cannot listen"));
}

int
main(void)
{
    /* Stopping civetweb takes two seconds, so they share a server. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_of_known_length_are_read),
        cmocka_unit_test(chunked_bodies_are_read_and_the_connection_stays),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(a_chunked_body_over_the_limit_is_413),
        cmocka_unit_test(too_large_is_told_from_the_length_alone),
        cmocka_unit_test(a_client_that_waits_for_permission_gets_it),
        cmocka_unit_test(a_body_that_ends_early_is_told),
        cmocka_unit_test(a_trickled_body_is_cut_off),
        cmocka_unit_test(a_head_that_never_ends_is_cut_off),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(answers_carry_the_common_fields),
        cmocka_unit_test(the_connection_field_tells_the_truth),
        cmocka_unit_test(streamed_answers_are_whole_or_visibly_broken),
        cmocka_unit_test(a_taken_port_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
