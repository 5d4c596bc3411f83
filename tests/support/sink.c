/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 16384
#define EVENTS_MAX 64
#define FDS_MAX 4096

struct conn {
    size_t n;
    char buf[REQUEST_MAX];
};

struct sink {
    int listener, epoll, port;
    pthread_t thread;
    atomic_bool stop;
    sink_fn fn;
    void *arg;
    struct conn *conns[FDS_MAX]; /* by descriptor */
};

int
sink_port(const struct sink *sink)
{
    return sink->port;
}

void
sink_header(const struct sink_request *req, const char *name, char *out, size_t n)
{
    char line[128];

    (void)snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *p = strcasestr(req->head, line);
    out[0] = '\0';
    if (p != NULL) {
        p += strlen(line);
        (void)snprintf(out, n, "%.*s", (int)strcspn(p, "\r"), p);
    }
}

static void
drop(struct sink *s, int fd)
{
    free(s->conns[fd]);
    s->conns[fd] = NULL;
    /* Explicitly: a child between fork and exec holds the socket too, and closing alone would leave
     * it watched. */
    (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
    (void)close(fd);
}

static void
take_connection(struct sink *s)
{
    const int on = 1;
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 || fd >= FDS_MAX || (s->conns[fd] = calloc(1, sizeof(struct conn))) == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    (void)epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void
answer(int fd, int status)
{
    char text[128];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok", status);

    (void)!send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

/* Takes the first whole request out of the buffer; false when there is none. */
static bool
take_request(struct sink *s, int fd, struct conn *c)
{
    char path[256] = "";
    char length[32];

    c->buf[c->n] = '\0';
    char *end = strstr(c->buf, "\r\n\r\n");
    if (end == NULL) {
        return false;
    }
    struct sink_request req = {.path = path, .head = c->buf, .body = end + 4};
    size_t head = (size_t)(end + 4 - c->buf);
    sink_header(&req, "Content-Length", length, sizeof length);
    req.body_len = strtoul(length, NULL, 10);
    if (c->n < head + req.body_len) {
        return false;
    }
    end[2] = '\0';
    (void)sscanf(c->buf, "%*15s %255s", path);
    int status = s->fn(s->arg, &req);
    if (status > 0) {
        answer(fd, status);
    }
    c->n -= head + req.body_len;
    memmove(c->buf, c->buf + head + req.body_len, c->n);
    return true;
}

static void
read_connection(struct sink *s, int fd)
{
    struct conn *c = s->conns[fd];
    ssize_t got = recv(fd, c->buf + c->n, sizeof(c->buf) - 1 - c->n, 0);

    if (got <= 0) {
        drop(s, fd);
        return;
    }
    c->n += (size_t)got;
    while (take_request(s, fd, c)) {
    }
    if (c->n == sizeof(c->buf) - 1) {
        drop(s, fd);
    }
}

static void *
sink_main(void *arg)
{
    struct sink *s = arg;
    struct epoll_event events[EVENTS_MAX];

    while (!atomic_load(&s->stop)) {
        int n = epoll_wait(s->epoll, events, EVENTS_MAX, 50);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == s->listener) {
                take_connection(s);
            } else {
                read_connection(s, events[i].data.fd);
            }
        }
    }
    return NULL;
}

struct sink *
sink_start(sink_fn fn, void *arg)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct sink *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return NULL;
    }
    s->fn = fn;
    s->arg = arg;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = s->listener};
    if (bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(s->listener, 512) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &len) != 0 ||
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &ev) != 0 ||
        pthread_create(&s->thread, NULL, sink_main, s) != 0) {
        (void)close(s->listener);
        (void)close(s->epoll);
        free(s);
        return NULL;
    }
    s->port = ntohs(at.sin_port);
    return s;
}

void
sink_stop(struct sink *s)
{
    atomic_store(&s->stop, true);
    (void)pthread_join(s->thread, NULL);
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (s->conns[fd] != NULL) {
            drop(s, fd);
        }
    }
    (void)close(s->listener);
    (void)close(s->epoll);
    free(s);
}
