/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of lib/http share: a server of one thread and a client. Everything is static. */
#ifndef ASSAY_HTTP_FIXTURE_H
#define ASSAY_HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
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
    bool hangs_up;       /* closes behind every answer */
    int drip_ms;         /* above 0: byte by byte, with this between */
    size_t flood;        /* so many bytes more behind every answer */
    atomic_size_t flooded;
    char last[65536]; /* head and body of the last request */
};

UNUSED static bool
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

UNUSED static bool
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

UNUSED static void
send_answer(struct server *s, int fd, const char *answer)
{
    static const char PART[65536];
    const struct timespec pause = {.tv_nsec = (long)s->drip_ms * 1000000};
    size_t n = strlen(answer);

    if (s->drip_ms == 0) {
        (void)!send(fd, answer, n, MSG_NOSIGNAL);
    }
    for (size_t i = 0; s->drip_ms > 0 && i < n && !atomic_load(&s->stop); i++) {
        if (send(fd, answer + i, 1, MSG_NOSIGNAL) != 1) {
            return;
        }
        (void)nanosleep(&pause, NULL);
    }
    for (size_t sent = 0; sent < s->flood && !atomic_load(&s->stop); sent += sizeof(PART)) {
        ssize_t got = send(fd, PART, sizeof(PART), MSG_NOSIGNAL);
        if (got <= 0) {
            return;
        }
        atomic_fetch_add(&s->flooded, (size_t)got);
    }
}

UNUSED static void
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
        send_answer(s, fd, answer);
        if (s->hangs_up) {
            break;
        }
    }
    close(fd);
}

UNUSED static void *
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

UNUSED static void
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

UNUSED static int
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

UNUSED static int
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

UNUSED static void
with_reach(struct fixture *f, enum addr_reach reach)
{
    http_client_free(f->client);
    f->cfg.reach = reach;
    assert_int_equal(http_client_new(&f->cfg, &f->client), RC_OK);
}

UNUSED static enum rc
get(struct fixture *f, const char *url, struct http_response *out)
{
    struct http_request req = {.url = str_z(url)};

    ctx_recover(&f->ctx);
    return http_send(f->client, &f->ctx, &req, out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
