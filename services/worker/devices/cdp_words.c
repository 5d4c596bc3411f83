/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_words.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 5

void
cdp_words_init(struct cdp_words *w)
{
    w->n = 0;
    pthread_mutex_init(&w->lock, NULL);
}

void
cdp_words_fini(struct cdp_words *w)
{
    pthread_mutex_destroy(&w->lock);
}

void
cdp_words_clear(struct cdp_words *w)
{
    pthread_mutex_lock(&w->lock);
    w->n = 0;
    pthread_mutex_unlock(&w->lock);
}

void
cdp_words_add(struct cdp_words *w, struct str bytes)
{
    struct str s =
        bytes.n > CDP_WORDS_KEPT ? str_sub(bytes, bytes.n - CDP_WORDS_KEPT, bytes.n) : bytes;

    pthread_mutex_lock(&w->lock);
    size_t keep = w->n + s.n > CDP_WORDS_KEPT ? CDP_WORDS_KEPT - s.n : w->n;
    memmove(w->text, w->text + w->n - keep, keep);
    memcpy(w->text + keep, s.p, s.n);
    w->n = keep + s.n;
    pthread_mutex_unlock(&w->lock);
}

bool
cdp_words_read(struct cdp_words *w, int fd)
{
    char chunk[1024];
    ssize_t got;

    while ((got = read(fd, chunk, sizeof chunk)) > 0) {
        cdp_words_add(w, str_n(chunk, (size_t)got));
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* --- telling --------------------------------------------------------------------------------- */

struct text {
    char *p;
    size_t n, max; /* max leaves room for the NUL */
};

static void
put(struct text *t, struct str s)
{
    for (size_t i = 0; i < s.n && t->n < t->max; i++) {
        unsigned char c = (unsigned char)s.p[i];
        t->p[t->n++] = c >= ' ' && c < 0x7f ? (char)c : '?';
    }
}

static bool
ends_host(char c)
{
    return c == '/' || c == '?' || c == '#' || c == '\'' || c == '"' || c <= ' ';
}

/* "https://user:word@host/path?token=1" is told as "https://host". */
static void
put_line(struct text *t, struct str line)
{
    ptrdiff_t at;

    while ((at = str_find(line, STR("://"))) >= 0) {
        size_t host = (size_t)at + 3;
        size_t end = host;
        put(t, str_sub(line, 0, host));
        while (end < line.n && !ends_host(line.p[end])) {
            end++;
        }
        ptrdiff_t user = str_rfind_byte(str_sub(line, host, end), '@');
        put(t, str_sub(line, user < 0 ? host : host + (size_t)user + 1, end));
        while (end < line.n && line.p[end] > ' ') {
            end++;
        }
        line = str_sub(line, end, line.n);
    }
    put(t, line);
}

/* Begin of the line that ends at `end`. */
static size_t
line_begin(struct str s, size_t end)
{
    while (end > 0 && s.p[end - 1] != '\n') {
        end--;
    }
    return end;
}

void
cdp_words_last(struct cdp_words *w, char *out, size_t n)
{
    struct text t = {out, 0, n - 1};

    pthread_mutex_lock(&w->lock);
    bool cut = w->n == CDP_WORDS_KEPT;
    struct str s = str_trim(str_n(w->text, w->n));
    size_t from = s.n;
    size_t room = n - 1;
    for (int i = 0; i < LINES_MAX && from > 0; i++) {
        size_t begin = line_begin(s, i == 0 ? from : from - 1);
        bool whole = begin > 0 || !cut;
        if (i > 0 && (!whole || s.n - begin > room)) {
            break;
        }
        from = begin;
    }
    for (struct str rest = str_sub(s, from, s.n); rest.n > 0 && rest.p != NULL;) {
        struct str line = str_trim(str_split(&rest, '\n'));
        put(&t, t.n > 0 && line.n > 0 ? STR(" | ") : STR_EMPTY);
        put_line(&t, line);
    }
    out[t.n] = '\0';
    pthread_mutex_unlock(&w->lock);
}
