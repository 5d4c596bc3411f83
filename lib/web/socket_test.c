/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSockets, with frames written by hand. */
#include "web/web_fixture.h"

#define SOCKETS_MAX 2

struct fixture {
    struct web_server *server;
    int port;
    atomic_int running; /* sockets whose run thread is alive */
    atomic_int closed;
    atomic_bool stop; /* run threads return */
};

static bool
on_message(void *arg, struct web_socket *ws, struct str text)
{
    (void)arg;
    return !str_eqz(text, "bye") && web_socket_send(ws, text);
}

static void
on_run(void *arg, struct web_socket *ws)
{
    struct fixture *f = arg;

    atomic_fetch_add(&f->running, 1);
    while (web_socket_is_open(ws) && !atomic_load(&f->stop)) {
        nap();
    }
    atomic_fetch_sub(&f->running, 1);
}

static void
on_closed(void *arg)
{
    struct fixture *f = arg;
    atomic_fetch_add(&f->closed, 1);
}

static void
handle(void *arg, struct web_conn *conn, const struct web_request *req)
{
    static const struct web_socket_ops OPS = {on_message, on_run, on_closed};

    if (!web_is_upgrade(req)) {
        web_answer(conn, 426, STR_EMPTY, STR_EMPTY);
    } else if (!web_accept_socket(conn, &OPS, arg)) {
        web_answer(conn, 503, STR_EMPTY, STR_EMPTY);
    }
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct web_cfg cfg = {
        .listen = "127.0.0.1:0",
        .threads = 6,
        .head_timeout_us = 2 * ASSAY_US_PER_S,
        .body_timeout_us = 2 * ASSAY_US_PER_S,
        .websockets_max = SOCKETS_MAX,
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
    int left = atomic_load(&f->running);
    free(f);
    return left;
}

#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct raw_answer a;

/* Opens a socket; the status of the answer stands in a.status. */
static int
open_socket(struct fixture *f)
{
    int fd = raw_open(f->port);

    assert_true(raw_sendz(fd, UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n"));
    assert_true(raw_read(fd, false, &a));
    return fd;
}

/* Sends a masked frame of up to 125 bytes, or up to 65,535. */
static void
send_frame(int fd, unsigned char first, const char *text, size_t n)
{
    static unsigned char frame[70000];
    const unsigned char mask[4] = {1, 2, 3, 4};
    size_t at = 2;

    frame[0] = first;
    frame[1] = (unsigned char)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) {
        frame[at++] = (unsigned char)(n >> 8);
        frame[at++] = (unsigned char)n;
    }
    memcpy(frame + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < n; i++) {
        frame[at + i] = (unsigned char)(text[i] ^ mask[i % 4]);
    }
    assert_true(raw_send(fd, (const char *)frame, at + n));
}

static void
expect_frame(int fd, unsigned char first, const char *text)
{
    char got[256] = {0};
    size_t n = 0;
    size_t wanted = 2 + strlen(text);

    while (n < wanted) {
        size_t more = raw_read_some(fd, got + n, wanted - n);
        assert_true(more > 0);
        n += more;
    }
    assert_int_equal((unsigned char)got[0], first);
    assert_int_equal(got[1], strlen(text));
    assert_string_equal(got + 2, text);
}

static void
messages_go_both_ways(void **state)
{
    struct fixture *f = *state;
    char accept[64];
    int fd = open_socket(f);

    assert_int_equal(a.status, 101);
    /* The example of RFC 6455, 1.3. */
    assert_string_equal(raw_header(&a, "sec-websocket-accept", accept, sizeof(accept)),
                        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_true(reaches(&f->running, 1));
    send_frame(fd, 0x81, "hello", 5);
    expect_frame(fd, 0x81, "hello");
    send_frame(fd, 0x01, "two ", 4); /* in two fragments, a ping between */
    send_frame(fd, 0x89, "p", 1);
    expect_frame(fd, 0x8A, "p");
    send_frame(fd, 0x80, "halves", 6);
    expect_frame(fd, 0x81, "two halves");
    raw_close(fd);
    assert_true(reaches(&f->closed, 1));
    assert_int_equal(atomic_load(&f->running), 0);
}

/* Sends one frame and expects the server to end the socket. */
static void
ends_after(struct fixture *f, unsigned char first, const char *text, size_t n)
{
    int closed = atomic_load(&f->closed);
    char rest[256];
    int fd = open_socket(f);

    assert_int_equal(a.status, 101);
    send_frame(fd, first, text, n);
    while (raw_read_some(fd, rest, sizeof(rest)) > 0) {
    }
    assert_true(reaches(&f->closed, closed + 1));
    raw_close(fd);
}

static void
what_is_no_text_ends_the_socket(void **state)
{
    ends_after(*state, 0x88, "\x03\xe8", 2); /* the client closes */
    ends_after(*state, 0x82, "\x01\x02", 2); /* binary */
    ends_after(*state, 0x81, "\xC0\x80", 2); /* not UTF-8 */
    ends_after(*state, 0x80, "rest of none", 12);
    ends_after(*state, 0x81, "bye", 3); /* the handler has enough */
}

static void
a_message_over_64_kib_ends_the_socket(void **state)
{
    static char big[65000];
    struct fixture *f = *state;
    char rest[256];
    int closed = atomic_load(&f->closed);
    int fd = open_socket(f);

    memset(big, 'b', sizeof(big));
    send_frame(fd, 0x01, big, sizeof(big));
    send_frame(fd, 0x00, big, sizeof(big));
    while (raw_read_some(fd, rest, sizeof(rest)) > 0) {
    }
    assert_true(reaches(&f->closed, closed + 1));
    raw_close(fd);
}

static void
too_many_sockets_are_refused_and_places_come_back(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed);
    int fds[SOCKETS_MAX];

    for (int i = 0; i < SOCKETS_MAX; i++) {
        fds[i] = open_socket(f);
        assert_int_equal(a.status, 101);
    }
    int extra = open_socket(f);
    assert_int_equal(a.status, 503);
    raw_close(extra);
    for (int i = 0; i < SOCKETS_MAX; i++) {
        raw_close(fds[i]);
    }
    assert_true(reaches(&f->closed, closed + SOCKETS_MAX));
    int64_t until = clk_mono_us() + 10 * ASSAY_US_PER_S;
    int status = 0;
    do { /* the place is given back right after `closed` */
        int fd = open_socket(f);
        status = a.status;
        raw_close(fd);
    } while (status != 101 && clk_mono_us() < until);
    assert_int_equal(status, 101);
}

static void
upgrades_that_are_none_are_refused(void **state)
{
    static const char *const REQUESTS[] = {
        "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n",
        UPGRADE "\r\n",
        UPGRADE "Sec-WebSocket-Version: 8\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n",
        "POST /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    };
    struct fixture *f = *state;

    for (size_t k = 0; k < ARRAY_LEN(REQUESTS); k++) {
        for (int i = 0; i <= SOCKETS_MAX; i++) { /* none of them takes a place */
            raw_exchange(f->port, REQUESTS[k], strlen(REQUESTS[k]), &a);
            assert_int_equal(a.status, 426);
        }
    }
}

static void
the_socket_is_closed_when_its_thread_returns(void **state)
{
    struct fixture *f = *state;
    int fd = open_socket(f);

    assert_int_equal(a.status, 101);
    assert_true(reaches(&f->running, 1));
    atomic_store(&f->stop, true);
    expect_frame(fd, 0x88, "\x03\xe8");
    send_frame(fd, 0x88, "\x03\xe8", 2);
    raw_close(fd);
    assert_true(reaches(&f->running, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_go_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_text_ends_the_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_over_64_kib_ends_the_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_sockets_are_refused_and_places_come_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(upgrades_that_are_none_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_socket_is_closed_when_its_thread_returns, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
