/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/site.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 256
#define REQUEST_MAX (64 * 1024)
#define PATHS 128

struct hit {
    char path[96];
    int count;
};

struct site {
    const struct site_page *pages;
    int listener;
    int port;
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    bool released;
    int open[CONNECTIONS]; /* sockets being served, -1 free */
    int serving;
    struct hit hits[PATHS];
};

struct job {
    struct site *site;
    int fd;
};

static void
count_hit(struct site *s, const char *path)
{
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < PATHS; i++) {
        struct hit *h = &s->hits[i];
        if (h->path[0] == '\0') {
            snprintf(h->path, sizeof h->path, "%.95s", path);
        }
        if (strcmp(h->path, path) == 0) {
            h->count++;
            break;
        }
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void
wait_until(struct site *s, bool for_ever)
{
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && (for_ever || !s->released)) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static void
put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
        if (w <= 0) {
            return;
        }
        p += w;
        n -= (size_t)w;
    }
}

static void
answer(int fd, const char *status, const char *type, const char *headers, const char *body)
{
    char head[2048];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                     "Access-Control-Allow-Origin: *\r\nConnection: close\r\n%s\r\n",
                     status, type, strlen(body), headers == NULL ? "" : headers);

    put(fd, head, (size_t)n);
    put(fd, body, strlen(body));
}

static const struct site_page *
find_page(const struct site *s, const char *path)
{
    for (const struct site_page *p = s->pages; p->path != NULL; p++) {
        if (strcmp(p->path, path) == 0) {
            return p;
        }
    }
    return NULL;
}

static void
serve(struct site *s, int fd, const char *path, const char *request, const char *echo)
{
    const char *html = "text/html; charset=utf-8";

    if (strncmp(path, "/hold", 5) == 0) {
        wait_until(s, false);
    }
    const struct site_page *page = find_page(s, path);
    if (page != NULL) {
        answer(fd, "200 OK", html, page->headers, page->body);
    } else if (strcmp(path, "/never") == 0) {
        wait_until(s, true);
    } else if (strcmp(path, "/trickle") == 0) {
        put(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nx", 46);
        wait_until(s, true);
    } else if (strcmp(path, "/auth") == 0 && strstr(request, "uthorization: Basic") == NULL) {
        answer(fd, "401 Unauthorized", html, "WWW-Authenticate: Basic realm=\"x\"\r\n", "no");
    } else if (strcmp(path, "/file") == 0) {
        answer(fd, "200 OK", "application/octet-stream",
               "Content-Disposition: attachment; filename=report.txt\r\n", "report");
    } else if (strcmp(path, "/echo") == 0 || strncmp(path, "/hold", 5) == 0) {
        answer(fd, "200 OK", "text/plain", NULL, echo);
    } else {
        answer(fd, "404 Not Found", html, NULL, "<title>Not found</title><h1>Not found</h1>");
    }
}

/* Reads the head and as much body as it announces. */
static bool
read_request(int fd, char *in)
{
    size_t n = 0;

    for (;;) {
        ssize_t got = recv(fd, in + n, REQUEST_MAX - 1 - n, 0);
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
        in[n] = '\0';
        const char *end = strstr(in, "\r\n\r\n");
        const char *length = strcasestr(in, "\r\ncontent-length:");
        if (end != NULL) {
            size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
            if (n >= (size_t)(end + 4 - in) + body || n >= REQUEST_MAX - 1) {
                return true;
            }
        }
    }
}

static void
one_request(struct site *s, int fd, char *in)
{
    char method[16] = "";
    char target[1024] = "";
    char echo[2048];

    if (!read_request(fd, in) || sscanf(in, "%15s %1023s", method, target) != 2) {
        return;
    }
    char *query = strchr(target, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    const char *body = strstr(in, "\r\n\r\n");
    snprintf(echo, sizeof echo, "%s %s %.1000s", method, query == NULL ? "" : query,
             body == NULL ? "" : body + 4);
    count_hit(s, target);
    serve(s, fd, target, in, echo);
}

static void *
connection_main(void *arg)
{
    struct job job = *(struct job *)arg;
    char *in = malloc(REQUEST_MAX);

    free(arg);
    if (in != NULL) {
        one_request(job.site, job.fd, in);
    }
    free(in);
    shutdown(job.fd, SHUT_WR);
    pthread_mutex_lock(&job.site->lock);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (job.site->open[i] == job.fd) {
            job.site->open[i] = -1;
            break;
        }
    }
    close(job.fd);
    job.site->serving--;
    pthread_cond_broadcast(&job.site->changed);
    pthread_mutex_unlock(&job.site->lock);
    return NULL;
}

static bool
take(struct site *s, int fd)
{
    bool taken = false;

    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < CONNECTIONS && !taken && !s->stopping; i++) {
        if (s->open[i] < 0) {
            s->open[i] = fd;
            s->serving++;
            taken = true;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return taken;
}

static bool
is_stopping(struct site *s)
{
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return stopping;
}

static void *
accept_main(void *arg)
{
    struct site *s = arg;
    pthread_attr_t detached;
    pthread_t thread;
    int fd;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        /* Not for the browsers that the test starts: they would keep the connection open. */
        fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && is_stopping(s)) {
            break;
        }
        if (fd < 0) {
            continue; /* the client is gone already */
        }
        struct job *job = malloc(sizeof *job);
        if (job == NULL || !take(s, fd)) {
            free(job);
            close(fd);
            continue;
        }
        *job = (struct job){.site = s, .fd = fd};
        if (pthread_create(&thread, &detached, connection_main, job) != 0) {
            abort();
        }
    }
    pthread_attr_destroy(&detached);
    return NULL;
}

struct site *
site_start(const struct site_page *pages)
{
    struct site *s = calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;

    if (s == NULL) {
        return NULL;
    }
    s->pages = pages;
    memset(s->open, -1, sizeof s->open);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(s->listener, 128) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &n) != 0 ||
        pthread_create(&s->acceptor, NULL, accept_main, s) != 0) {
        free(s);
        return NULL;
    }
    s->port = ntohs(at.sin_port);
    return s;
}

void
site_stop(struct site *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (int i = 0; i < CONNECTIONS; i++) {
        if (s->open[i] >= 0) {
            shutdown(s->open[i], SHUT_RDWR);
        }
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    close(s->listener);
    pthread_mutex_lock(&s->lock);
    while (s->serving > 0) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int
site_port(const struct site *s)
{
    return s->port;
}

const char *
site_url(const struct site *s, const char *path, bool other, char *out, size_t n)
{
    snprintf(out, n, "http://%s:%d%s", other ? "localhost" : "127.0.0.1", s->port, path);
    return out;
}

static void
set_released(struct site *s, bool released)
{
    pthread_mutex_lock(&s->lock);
    s->released = released;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void
site_release(struct site *s)
{
    set_released(s, true);
}

void
site_hold(struct site *s)
{
    set_released(s, false);
}

static int
hits_locked(const struct site *s, const char *path)
{
    for (int i = 0; i < PATHS; i++) {
        if (strcmp(s->hits[i].path, path) == 0) {
            return s->hits[i].count;
        }
    }
    return 0;
}

int
site_hits(struct site *s, const char *path)
{
    pthread_mutex_lock(&s->lock);
    int n = hits_locked(s, path);
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool
site_wait_hits(struct site *s, const char *path, int n)
{
    struct timespec until;
    int late = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&s->lock);
    while (hits_locked(s, path) < n && late == 0) {
        late = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    bool ok = hits_locked(s, path) >= n;
    pthread_mutex_unlock(&s->lock);
    return ok;
}
