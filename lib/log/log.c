/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Room kept at the end of a line for `,"cut":true}` and the newline. */
#define TAIL_ROOM 16
/* One field may take this much, so that one long text does not push the others out. */
#define FIELD_MAX 6000

const char *const LOG_LEVELS[] = {"debug", "info", "warn", "error", NULL};

static struct {
    _Atomic int level;
    _Atomic int fd;
    char svc[32];
} logger = {.level = LOG_INFO_LEVEL, .fd = STDOUT_FILENO};

struct line {
    char text[LOG_LINE_MAX];
    size_t n;
    bool cut;
};

void
log_init(const char *svc, enum log_level level, int fd)
{
    (void)snprintf(logger.svc, sizeof logger.svc, "%s", svc);
    atomic_store(&logger.level, (int)level);
    atomic_store(&logger.fd, fd);
}

bool
log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

static bool
put(struct line *l, const char *p, size_t n)
{
    if (n > sizeof l->text - TAIL_ROOM - l->n) {
        l->cut = true;
        return false;
    }
    memcpy(l->text + l->n, p, n);
    l->n += n;
    return true;
}

static bool
put_z(struct line *l, const char *z)
{
    return put(l, z, strlen(z));
}

/* Writes one code point (or a broken byte) of `s` at *at, escaped. */
static bool
put_char(struct line *l, struct str s, size_t *at)
{
    size_t from = *at;
    unsigned char c = (unsigned char)s.p[from];
    char esc[16];

    if (c < 0x80) {
        (*at)++;
        if (c == '"' || c == '\\') {
            char two[2] = {'\\', (char)c};
            return put(l, two, 2);
        }
        if (c < ' ' || c == 0x7f) {
            (void)snprintf(esc, sizeof esc, "\\u%04x", c);
            return put(l, esc, 6);
        }
        return put(l, &s.p[from], 1);
    }
    int32_t cp = str_next_cp(s, at);
    if (cp < 0) {
        (*at)++;
        return put(l, "\xEF\xBF\xBD", 3);
    }
    /* C1 controls and the separators that some viewers take for line ends. */
    if (cp < 0xa0 || cp == 0x2028 || cp == 0x2029) {
        (void)snprintf(esc, sizeof esc, "\\u%04x", (unsigned)cp);
        return put(l, esc, 6);
    }
    return put(l, s.p + from, *at - from);
}

/* Writes what stands at *at and needs no escape, which is all of most texts. */
static void
put_plain(struct line *l, struct str s, size_t *at, size_t most)
{
    size_t from = *at;
    size_t end = s.n - from < most ? s.n : from + most;
    size_t i = from;

    while (i < end && s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '"' && s.p[i] != '\\') {
        i++;
    }
    if (i > from && put(l, s.p + from, i - from)) {
        *at = i;
    }
}

static void
put_string(struct line *l, struct str s)
{
    size_t limit = l->n + FIELD_MAX;
    size_t at = 0;

    (void)put(l, "\"", 1);
    put_plain(l, s, &at, FIELD_MAX / 2);
    while (at < s.n) {
        if (l->n >= limit || !put_char(l, s, &at)) {
            l->cut = true;
            break;
        }
    }
    /* The closing quote always finds room: TAIL_ROOM is kept back, and put_key asked for it. */
    l->text[l->n++] = '"';
}

/* Starts a member when there is room for its key and the shortest value. */
static bool
put_key(struct line *l, const char *key)
{
    size_t n = strlen(key);

    if (l->cut && l->n > sizeof l->text - 256) {
        return false;
    }
    if (n + 40 > sizeof l->text - TAIL_ROOM - l->n) {
        l->cut = true;
        return false;
    }
    return put(l, ",\"", 2) && put(l, key, n) && put(l, "\":", 2);
}

static void
put_text_member(struct line *l, const char *key, struct str s)
{
    if (s.n > 0 && put_key(l, key)) {
        put_string(l, s);
    }
}

static void
put_i64(struct line *l, int64_t v)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0) {
        digits[--at] = '-';
    }
    (void)put(l, digits + at, sizeof digits - at);
}

static void
put_head(struct line *l, enum log_level level, const char *ev)
{
    char ts[CLK_TEXT_MAX];
    size_t n = clk_format(clk_wall_us(), CLK_MS_Z, ts);

    (void)put_z(l, "{\"ts\":\"");
    (void)put(l, ts, n);
    (void)put_z(l, "\",\"lvl\":\"");
    (void)put_z(l, LOG_LEVELS[level]);
    (void)put_z(l, "\"");
    put_text_member(l, "svc", str_z(logger.svc));
    put_text_member(l, "ev", str_z(ev));
}

static void
put_ctx(struct line *l, const struct ctx *ctx)
{
    if (ctx == NULL) {
        return;
    }
    put_text_member(l, "req", ctx->request_id);
    put_text_member(l, "trace", ctx->traceparent);
    if (ctx->err.code != RC_OK) {
        put_text_member(l, "code", str_z(rc_name(ctx->err.code)));
        put_text_member(l, "reason", str_z(ctx->err.reason));
        put_text_member(l, "error", ctx->err.msg);
        put_text_member(l, "detail", ctx->err.detail);
    }
}

static void
put_fields(struct line *l, const struct log_field *f)
{
    for (; f->type != LOG_F_END; f++) {
        if (f->type == LOG_F_STR) {
            put_text_member(l, f->key, f->s);
        } else if (put_key(l, f->key)) {
            put_i64(l, f->i);
        }
    }
}

static void
write_line(struct line *l)
{
    const char *p = l->text;
    size_t left = l->n;

    while (left > 0) {
        ssize_t n = write(atomic_load(&logger.fd), p, left);
        if (n < 0 && errno != EINTR) {
            return; /* nobody is left to tell */
        }
        p += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
}

void
log_put(enum log_level level, const struct ctx *ctx, const char *ev, const char *msg,
        const struct log_field *fields)
{
    struct line l;

    if (!log_is_on(level)) {
        return;
    }
    l.n = 0;
    l.cut = false;
    int saved_errno = errno;
    put_head(&l, level, ev);
    put_text_member(&l, "msg", str_z(msg));
    put_ctx(&l, ctx);
    put_fields(&l, fields);
    static const char CUT[] = ",\"cut\":true";
    if (l.cut) {
        memcpy(l.text + l.n, CUT, sizeof CUT - 1);
        l.n += sizeof CUT - 1;
    }
    memcpy(l.text + l.n, "}\n", 2);
    l.n += 2;
    write_line(&l);
    errno = saved_errno;
}
