/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests and answers, limits, kept connections. */
#include "http/http_fixture.h"

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
    assert_true(clk_mono_us() - before < 20 * ASSAY_US_PER_S); /* its own time-out is longer */
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
        T(a_sink_gets_the_body_of_a_success_only_and_may_stop),
        T(encoding_keeps_unreserved_characters_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
