/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HITS_MAX 8192
#define SECRETS_MAX 64
#define REQUEST_MAX 65536
#define FLAKY_ATTEMPTS 3
#define AGE_MAX_S 60 /* of a signature; machines are slow */

struct receiver {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;
    bool stopping;
    int running; /* threads of connections */
    int let_go;  /* how often all that hang were let go */
    struct {
        char path[64], secret[64];
    } secrets[SECRETS_MAX];
    int secret_count;
    struct receiver_hit *hits;
    int hit_count;
};

struct conn {
    struct receiver *r;
    int fd;
};

static int64_t
now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
pause_ms(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

static bool
is_stopping(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return stopping;
}

/* --- signatures ---------------------------------------------------------------------------- */

static bool
fits_own(const char *secret, const char *timestamp, const char *body, const char *given)
{
    static __thread char text[REQUEST_MAX];
    char want[80] = "sha256=";
    unsigned char mac[32];
    unsigned n = 0;

    int len = snprintf(text, sizeof text, "%s.%s", timestamp, body);
    (void)HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, (size_t)len,
               mac, &n);
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(want + 7 + 2 * i, 3, "%02x", mac[i]);
    }
    return strcmp(want, given) == 0;
}

/* As standardwebhooks does it: what follows "whsec_" is base64 of the key. */
static bool
fits_standard(const char *secret, const char *id, const char *timestamp, const char *body,
              const char *given)
{
    static __thread char text[REQUEST_MAX];
    unsigned char key[64], mac[32];
    char want[80] = "v1,";
    unsigned n = 0;

    if (strncmp(secret, "whsec_", 6) != 0 || strlen(secret + 6) % 4 != 0) {
        return false;
    }
    int key_len = EVP_DecodeBlock(key, (const unsigned char *)secret + 6, (int)strlen(secret + 6));
    int len = snprintf(text, sizeof text, "%s.%s.%s", id, timestamp, body);
    (void)HMAC(EVP_sha256(), key, key_len, (const unsigned char *)text, (size_t)len, mac, &n);
    (void)EVP_EncodeBlock((unsigned char *)want + 3, mac, (int)n);
    return key_len == 30 && strcmp(want, given) == 0;
}

static const char *
secret_of(struct receiver *r, const char *path)
{
    for (int i = r->secret_count - 1; i >= 0; i--) {
        if (strcmp(r->secrets[i].path, path) == 0) {
            return r->secrets[i].secret;
        }
    }
    return "";
}

/* --- requests ------------------------------------------------------------------------------ */

static void
header(const char *head, const char *name, char *out, size_t n)
{
    char line[128];

    (void)snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *p = strcasestr(head, line);
    out[0] = '\0';
    if (p != NULL) {
        p += strlen(line);
        (void)snprintf(out, n, "%.*s", (int)strcspn(p, "\r"), p);
    }
}

/* Reads head and body; false when it broke off. */
static bool
read_request(int fd, char *buf, size_t max, char **out_body)
{
    size_t n = 0;
    size_t want = 0;
    char length[32];

    *out_body = NULL;
    while (n + 1 < max) {
        ssize_t got = recv(fd, buf + n, max - n - 1, 0);
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
        buf[n] = '\0';
        char *end = strstr(buf, "\r\n\r\n");
        if (*out_body == NULL && end != NULL) {
            *out_body = end + 4;
            header(buf, "Content-Length", length, sizeof length);
            want = (size_t)(*out_body - buf) + strtoul(length, NULL, 10);
        }
        if (*out_body != NULL && n >= want) {
            return true;
        }
    }
    return false;
}

static void
read_hit(struct receiver *r, const char *head, const char *body, struct receiver_hit *hit)
{
    char own[128], standard[128], time2[32];

    (void)sscanf(head, "POST %63s", hit->path);
    header(head, "X-Assay-Event", hit->type, sizeof hit->type);
    header(head, "X-Assay-Delivery", hit->delivery, sizeof hit->delivery);
    header(head, "X-Assay-Timestamp", hit->timestamp, sizeof hit->timestamp);
    header(head, "X-Assay-Signature", own, sizeof own);
    header(head, "webhook-id", hit->event_id, sizeof hit->event_id);
    header(head, "webhook-timestamp", time2, sizeof time2);
    header(head, "webhook-signature", standard, sizeof standard);
    (void)snprintf(hit->body, sizeof hit->body, "%s", body);
    int64_t age = (int64_t)time(NULL) - strtoll(hit->timestamp, NULL, 10);
    hit->is_same_time = strcmp(hit->timestamp, time2) == 0 && age >= -2 && age <= AGE_MAX_S;
    (void)pthread_mutex_lock(&r->lock);
    const char *secret = secret_of(r, hit->path);
    hit->is_signed = fits_own(secret, hit->timestamp, body, own) &&
                     fits_standard(secret, hit->event_id, hit->timestamp, body, standard);
    (void)pthread_mutex_unlock(&r->lock);
}

/* Which attempt of the delivery this is, from 0. With the lock held. */
static int
earlier(const struct receiver *r, const struct receiver_hit *hit)
{
    int n = 0;

    for (int i = 0; i < r->hit_count; i++) {
        n += strcmp(r->hits[i].delivery, hit->delivery) == 0 ? 1 : 0;
    }
    return n;
}

static int
status_for(const char *path, int attempt)
{
    if (strncmp(path, "/flaky", 6) == 0) {
        static const int ANSWERS[FLAKY_ATTEMPTS] = {500, 0, -1};
        return attempt < FLAKY_ATTEMPTS ? ANSWERS[attempt] : 200;
    }
    if (strncmp(path, "/once", 5) == 0) {
        return attempt == 0 ? 500 : 200;
    }
    return strncmp(path, "/fail", 5) == 0       ? 500
           : strncmp(path, "/gone", 5) == 0     ? 410
           : strncmp(path, "/redirect", 9) == 0 ? 302
           : strncmp(path, "/hang", 5) == 0     ? -1
                                                : 200;
}

static void
answer(int fd, const char *path, int status)
{
    char head[256];
    size_t body = strncmp(path, "/big", 4) == 0 ? (size_t)1 << 20 : 2;
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status,
                     body, status == 302 ? "Location: /ok\r\n" : "");

    (void)send(fd, head, (size_t)n, MSG_NOSIGNAL);
    for (size_t sent = 0; sent < body;) {
        char part[1024];
        size_t len = body - sent < sizeof part ? body - sent : sizeof part;
        memset(part, 'x', sizeof part);
        if (send(fd, part, len, MSG_NOSIGNAL) <= 0) {
            return;
        }
        sent += len;
    }
}

static int
times_let_go(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    int n = r->stopping ? -1 : r->let_go;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

/* Until the other side gives up, or all are let go. */
static void
hang(struct receiver *r, int fd)
{
    const struct timeval tv = {.tv_usec = 50000};
    int n = times_let_go(r);
    char c;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    while (n >= 0 && times_let_go(r) == n && recv(fd, &c, 1, 0) != 0) {
    }
}

static void
serve(struct receiver *r, int fd)
{
    char *buf = malloc(REQUEST_MAX);
    char *body = NULL;
    struct receiver_hit hit = {.answered = 0};

    if (buf == NULL || !read_request(fd, buf, REQUEST_MAX, &body)) {
        free(buf);
        return;
    }
    read_hit(r, buf, body, &hit);
    (void)pthread_mutex_lock(&r->lock);
    int status = status_for(hit.path, earlier(r, &hit));
    hit.answered = status > 0 ? status : 0;
    if (r->hit_count < HITS_MAX) {
        r->hits[r->hit_count++] = hit;
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (strncmp(hit.path, "/slow", 5) == 0) {
        pause_ms(30);
    }
    if (status > 0) {
        answer(fd, hit.path, status);
    } else if (status < 0) {
        hang(r, fd);
    }
    free(buf);
}

static void *
conn_main(void *arg)
{
    struct conn *c = arg;
    struct receiver *r = c->r;

    serve(r, c->fd);
    (void)shutdown(c->fd, SHUT_WR);
    (void)close(c->fd);
    free(c);
    (void)pthread_mutex_lock(&r->lock);
    r->running--;
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void *
accept_main(void *arg)
{
    struct receiver *r = arg;

    while (!is_stopping(r)) {
        /* Not for the processes that the test starts: they would keep the connection open. */
        int fd = accept4(r->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            continue; /* the client is gone already */
        }
        struct conn *c = malloc(sizeof *c);
        pthread_t thread;
        if (c == NULL) {
            abort();
        }
        *c = (struct conn){r, fd};
        (void)pthread_mutex_lock(&r->lock);
        r->running++;
        (void)pthread_mutex_unlock(&r->lock);
        if (pthread_create(&thread, NULL, conn_main, c) != 0) {
            abort();
        }
        (void)pthread_detach(thread);
    }
    return NULL;
}

/* --- the test's side ----------------------------------------------------------------------- */

struct receiver *
receiver_start(int port)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int on = 1;

    if (r == NULL || (r->hits = calloc(HITS_MAX, sizeof *r->hits)) == NULL) {
        free(r);
        return NULL;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(r->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(r->fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(r->fd, 128) != 0 ||
        getsockname(r->fd, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&r->thread, NULL, accept_main, r) != 0) {
        (void)close(r->fd);
        free(r->hits);
        free(r);
        return NULL;
    }
    r->port = ntohs(at.sin_port);
    return r;
}

void
receiver_stop(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->stopping = true;
    (void)pthread_mutex_unlock(&r->lock);
    (void)shutdown(r->fd, SHUT_RDWR);
    (void)pthread_join(r->thread, NULL);
    (void)close(r->fd);
    for (bool busy = true; busy;) {
        pause_ms(5);
        (void)pthread_mutex_lock(&r->lock);
        busy = r->running > 0;
        (void)pthread_mutex_unlock(&r->lock);
    }
    free(r->hits);
    free(r);
}

int
receiver_port(const struct receiver *r)
{
    return r->port;
}

void
receiver_set_secret(struct receiver *r, const char *path, const char *secret)
{
    (void)pthread_mutex_lock(&r->lock);
    if (r->secret_count == SECRETS_MAX) {
        abort();
    }
    (void)snprintf(r->secrets[r->secret_count].path, 64, "%s", path);
    (void)snprintf(r->secrets[r->secret_count++].secret, 64, "%s", secret);
    (void)pthread_mutex_unlock(&r->lock);
}

void
receiver_clear(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->hit_count = 0;
    r->secret_count = 0;
    (void)pthread_mutex_unlock(&r->lock);
}

void
receiver_let_go(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->let_go++;
    (void)pthread_mutex_unlock(&r->lock);
}

int
receiver_count(struct receiver *r, const char *path, bool good)
{
    int n = 0;

    (void)pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->hit_count; i++) {
        bool counts = !good || (r->hits[i].answered >= 200 && r->hits[i].answered < 300);
        n += counts && strcmp(r->hits[i].path, path) == 0 ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

int
receiver_total(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    int n = r->hit_count;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

struct receiver_hit
receiver_hit(struct receiver *r, int i)
{
    (void)pthread_mutex_lock(&r->lock);
    struct receiver_hit hit = r->hits[i];
    (void)pthread_mutex_unlock(&r->lock);
    return hit;
}

bool
receiver_wait(struct receiver *r, const char *path, bool good, int n, int64_t within_us)
{
    for (int64_t end = now_us() + within_us; now_us() < end; pause_ms(5)) {
        if (receiver_count(r, path, good) >= n) {
            return true;
        }
    }
    return receiver_count(r, path, good) >= n;
}
