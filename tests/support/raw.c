/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int
raw_open(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = 10};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void
raw_close(int fd)
{
    (void)close(fd);
}

bool
raw_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool
raw_sendz(int fd, const char *text)
{
    return raw_send(fd, text, strlen(text));
}

const char *
raw_header(const struct raw_answer *a, const char *name, char *to, size_t n)
{
    size_t name_n = strlen(name);

    for (const char *line = strstr(a->text, "\r\n"); line != NULL && line + 2 < a->body;
         line = strstr(line + 2, "\r\n")) {
        const char *at = line + 2;
        if (strncasecmp(at, name, name_n) == 0 && at[name_n] == ':') {
            at += name_n + 1 + strspn(at + name_n + 1, " ");
            (void)snprintf(to, n, "%.*s", (int)strcspn(at, "\r"), at);
            return to;
        }
    }
    return NULL;
}

static bool
recv_exact(int fd, char *to, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(fd, to, n, 0);
        if (got <= 0) {
            return false;
        }
        to += got;
        n -= (size_t)got;
    }
    return true;
}

/* Byte by byte, so that nothing of the next answer is taken. */
static bool
read_head(int fd, struct raw_answer *out, size_t *out_n)
{
    size_t n = 0;

    while (n < 4 || memcmp(out->text + n - 4, "\r\n\r\n", 4) != 0) {
        if (n + 1 >= sizeof(out->text) || !recv_exact(fd, out->text + n, 1)) {
            return false;
        }
        n++;
    }
    out->text[n] = '\0';
    *out_n = n;
    return true;
}

bool
raw_read(int fd, bool is_head, struct raw_answer *out)
{
    char length[32];
    size_t n = 0;

    out->status = 0;
    out->text[0] = '\0';
    out->body = out->text;
    out->body_n = 0;
    if (!read_head(fd, out, &n) || strncmp(out->text, "HTTP/1.1 ", 9) != 0) {
        return false;
    }
    out->body = out->text + n;
    const char *value = raw_header(out, "content-length", length, sizeof(length));
    size_t body = value == NULL || is_head ? 0 : (size_t)strtoull(value, NULL, 10);
    if (n + body >= sizeof(out->text) || !recv_exact(fd, out->text + n, body)) {
        return false;
    }
    out->text[n + body] = '\0';
    out->body_n = body;
    out->status = (int)strtol(out->text + 9, NULL, 10);
    return true;
}

size_t
raw_read_some(int fd, char *to, size_t n)
{
    ssize_t got = recv(fd, to, n, 0);
    return got < 0 ? 0 : (size_t)got;
}

bool
raw_is_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

void
raw_exchange(int port, const char *request, size_t n, struct raw_answer *out)
{
    int fd = raw_open(port);

    out->status = 0;
    if (fd >= 0) {
        if (raw_send(fd, request, n)) {
            (void)raw_read(fd, strncmp(request, "HEAD ", 5) == 0, out);
        }
        raw_close(fd);
    }
}
