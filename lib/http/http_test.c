/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A server of one thread that answers each request with the same canned text and keeps what it was
 * sent. */
struct server {
    int listener;
    int port;
    pthread_t thread;
    atomic_bool stop;
    atomic_int connections;
    atomic_int requests;
    const char *answer;  /* NULL: never answers; "": closes */
    const char *answer2; /* for a path that begins with /second */
    char last[65536];    /* head and body of the last request */
};

static bool
request_is_whole(const char *text, size_t n)
{
    const char *end = strstr(text, "\r\n\r\n");

    if (end == NULL) {
        return false;
    }
    const char *len = strstr(text, "Content-Length: ");
    size_t body = len != NULL && len < end ? strtoul(len + 16, NULL, 10) : 0;
    return n >= (size_t)(end + 4 - text) + body;
}

static bool
read_request(struct server *s, int fd)
{
    size_t n = 0;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (atomic_load(&s->stop)) {
            return false;
        }
        if (poll(&p, 1, 20) <= 0) {
            continue;
        }
        ssize_t got = recv(fd, s->last + n, sizeof(s->last) - 1 - n, 0);
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
        s->last[n] = '\0';
        if (request_is_whole(s->last, n)) {
            return true;
        }
    }
}

static void
serve_connection(struct server *s, int fd)
{
    while (read_request(s, fd)) {
        const char *answer = strstr(s->last, " /second") != NULL ? s->answer2 : s->answer;
        atomic_fetch_add(&s->requests, 1);
        if (answer == NULL) {
            continue;
        }
        if (answer[0] == '\0') {
            break;
        }
        (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    }
    close(fd);
}

static void *
serve(void *arg)
{
    struct server *s = arg;

    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->listener, .events = POLLIN};
        if (poll(&p, 1, 20) == 1) {
            int fd = accept(s->listener, NULL, NULL);
            atomic_fetch_add(&s->connections, 1);
            serve_connection(s, fd);
        }
    }
    return NULL;
}

struct fixture {
    struct server server;
    struct arena *arena;
    struct ctx ctx;
    struct http_client *client;
    struct http_client_cfg cfg;
    char url[64];
};

static void
start_server(struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);

    memset(s, 0, sizeof(*s));
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
    s->answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Thing:  a b \r\n\r\nhello";
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    start_server(&f->server);
    f->arena = arena_new(1 << 22);
    ctx_init(&f->ctx, f->arena);
    f->cfg = (struct http_client_cfg){.reach = ADDR_REACH_ANY, .timeout_us = 5 * ASSAY_US_PER_S};
    assert_int_equal(http_client_new(&f->cfg, &f->client), RC_OK);
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/x", f->server.port);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    http_client_free(f->client);
    atomic_store(&f->server.stop, true);
    pthread_join(f->server.thread, NULL);
    close(f->server.listener);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void
with_reach(struct fixture *f, enum addr_reach reach)
{
    http_client_free(f->client);
    f->cfg.reach = reach;
    assert_int_equal(http_client_new(&f->cfg, &f->client), RC_OK);
}

static enum rc
get(struct fixture *f, const char *url, struct http_response *out)
{
    struct http_request req = {.url = str_z(url)};

    ctx_recover(&f->ctx);
    return http_send(f->client, &f->ctx, &req, out);
}

static void
an_answer_comes_with_status_headers_and_body(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;

    assert_int_equal(get(f, f->url, &resp), RC_OK);
    assert_int_equal(resp.status, 200);
    assert_true(str_eqz(resp.body, "hello"));
    assert_true(str_eqz(http_header_get(&resp, "x-thing"), "a b"));
    assert_true(str_eqz(http_header_get(&resp, "absent"), ""));
    assert_string_equal(resp.peer, "127.0.0.1");
    assert_non_null(strstr(f->server.last, "GET /x HTTP/1.1\r\n"));
    assert_non_null(strstr(f->server.last, "User-Agent: assay\r\n"));
}

static void
a_body_is_sent_exactly_with_the_headers_given(void **state)
{
    struct fixture *f = *state;
    struct http_header headers[] = {{STR("Content-Type"), STR("application/json")},
                                    {STR("X-Empty"), STR("")}};
    struct http_request req = {
        .url = str_z(f->url), .headers = headers, .header_count = 2, .body = STR("{\"a\":\0 1}")};
    struct http_response resp;

    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_non_null(strstr(f->server.last, "POST /x HTTP/1.1\r\n"));
    assert_non_null(strstr(f->server.last, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(f->server.last, "X-Empty:\r\n"));
    assert_null(strstr(f->server.last, "Expect:"));
    assert_null(strstr(f->server.last, "urlencoded"));
    const char *body = strstr(f->server.last, "\r\n\r\n") + 4;
    assert_memory_equal(body, req.body.p, req.body.n);
}

static void
a_file_is_sent_from_its_descriptor(void **state)
{
    struct fixture *f = *state;
    FILE *file = tmpfile();
    struct http_response resp;

    assert_int_equal(fwrite("0123456789", 1, 10, file), 10);
    (void)fflush(file);
    struct http_request req = {
        .method = "PUT", .url = str_z(f->url), .body_fd = fileno(file), .body_fd_size = 10};
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_non_null(strstr(f->server.last, "PUT /x HTTP/1.1\r\n"));
    assert_non_null(strstr(f->server.last, "Content-Length: 10\r\n"));
    assert_string_equal(strstr(f->server.last, "\r\n\r\n") + 4, "0123456789");
    (void)fclose(file);
}

static void
connections_are_kept_between_requests(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;

    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(f, f->url, &resp), RC_OK);
    }
    assert_int_equal(f->server.requests, 5);
    assert_int_equal(f->server.connections, 1);
}

static void
any_status_is_an_answer(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;

    f->server.answer = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(get(f, f->url, &resp), RC_OK);
    assert_int_equal(resp.status, 503);
    assert_true(str_eqz(http_header_get(&resp, "Retry-After"), "7"));
}

static void
a_body_beyond_the_limit_fails_or_is_cut(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {.url = str_z(f->url), .response_max = 4};
    struct http_response resp = {0};

    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_RESOURCE_EXHAUSTED);
    assert_string_equal(f->ctx.err.reason, "RESPONSE_TOO_LARGE");
    ctx_recover(&f->ctx);
    req.cut_response = true;
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_true(resp.was_cut);
    assert_true(str_eqz(resp.body, "hell"));
    ctx_recover(&f->ctx);
    req.response_max = 5;
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_false(resp.was_cut);
}

static void
a_silent_server_ends_at_the_time_out_or_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {.url = str_z(f->url), .timeout_us = 100 * ASSAY_US_PER_MS};
    struct http_response resp;

    f->server.answer = NULL;
    int64_t before = clk_mono_us();
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_DEADLINE_EXCEEDED);
    ctx_recover(&f->ctx);
    req.timeout_us = 0;
    f->ctx.deadline_us = clk_wall_us() + 100 * ASSAY_US_PER_MS;
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_DEADLINE_EXCEEDED);
    assert_string_equal(f->ctx.err.reason, "TIMEOUT");
    assert_true(clk_mono_us() - before < 3 * ASSAY_US_PER_S);
}

static void
a_refused_connection_is_unavailable_and_a_broken_one_unknown(void **state)
{
    struct fixture *f = *state;
    struct http_response resp;

    assert_int_equal(get(f, "http://127.0.0.1:1/x", &resp), RC_UNAVAILABLE);
    assert_string_equal(f->ctx.err.reason, "CONNECT");
    assert_int_equal(get(f, "http://nothing.invalid/x", &resp), RC_UNAVAILABLE);
    f->server.answer = "";
    assert_int_equal(get(f, f->url, &resp), RC_UNKNOWN);
    assert_string_equal(f->ctx.err.reason, "LOST");
}

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

struct taken {
    char text[16];
    size_t n;
    enum rc answer;
};

static enum rc
take(void *arg, struct str bytes)
{
    struct taken *t = arg;

    assert_true(t->n + bytes.n < sizeof(t->text));
    memcpy(t->text + t->n, bytes.p, bytes.n);
    t->n += bytes.n;
    return t->answer;
}

static void
a_sink_gets_the_body_of_a_success_only_and_may_stop(void **state)
{
    struct fixture *f = *state;
    struct taken t = {.answer = RC_OK};
    struct http_request req = {
        .url = str_z(f->url), .sink = take, .sink_arg = &t, .response_max = 1000};
    struct http_response resp;

    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_string_equal(t.text, "hello");
    assert_int_equal(resp.body.n, 0);
    f->server.answer = "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nnope";
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_OK);
    assert_int_equal(t.n, 5);
    assert_true(str_eqz(resp.body, "nope"));
    f->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore";
    t.answer = RC_CANCELLED;
    assert_int_equal(http_send(f->client, &f->ctx, &req, &resp), RC_CANCELLED);
}

static void
encoding_keeps_unreserved_characters_only(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    http_put_encoded(&b, STR("aZ0-._~/ +%\xc3\xa9"), true);
    assert_string_equal(b.p, "aZ0-._~/%20%2B%25%C3%A9");
    buf_clear(&b);
    http_put_encoded(&b, STR("a/b"), false);
    assert_string_equal(b.p, "a%2Fb");
    buf_fini(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_comes_with_status_headers_and_body),
        T(a_body_is_sent_exactly_with_the_headers_given),
        T(a_file_is_sent_from_its_descriptor),
        T(connections_are_kept_between_requests),
        T(any_status_is_an_answer),
        T(a_body_beyond_the_limit_fails_or_is_cut),
        T(a_silent_server_ends_at_the_time_out_or_the_deadline),
        T(a_refused_connection_is_unavailable_and_a_broken_one_unknown),
        T(proxies_of_the_environment_are_ignored),
        T(redirects_are_answers_unless_asked_for),
        T(credentials_do_not_follow_a_redirect_to_another_origin),
        T(targets_outside_the_reach_are_refused_before_any_connection),
        T(with_private_targets_allowed_metadata_stays_refused),
        T(ports_of_our_own_services_are_refused),
        T(a_redirect_is_checked_like_the_first_target),
        T(urls_that_are_not_plain_http_are_refused),
        T(headers_cannot_smuggle_lines),
        T(a_sink_gets_the_body_of_a_success_only_and_may_stop),
        cmocka_unit_test(encoding_keeps_unreserved_characters_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
