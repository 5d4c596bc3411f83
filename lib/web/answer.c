/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading bodies and writing answers. Head and body leave in one mg_write: two writes cost a
 * quarter of the throughput even with TCP_NODELAY. */
#include "web/web_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SLOW_GRACE_US (10 * ASSAY_US_PER_S)
#define SLOW_BYTES_PER_S 1024
/* A refused body up to this size is read and dropped to keep the connection. */
#define DROP_MAX 65536

static const struct {
    int status;
    const char *text;
} STATUS_TEXTS[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *
web_status_text(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(STATUS_TEXTS); i++) {
        if (STATUS_TEXTS[i].status == status) {
            return STATUS_TEXTS[i].text;
        }
    }
    return "Status";
}

struct str
web_header(const struct web_request *req, const char *name)
{
    struct str wanted = str_z(name);

    for (size_t i = 0; i < req->header_count; i++) {
        if (str_ieq(req->headers[i].name, wanted)) {
            return req->headers[i].value;
        }
    }
    return STR_EMPTY;
}

/* A client that waits for permission gets it when somebody wants the body, not before. */
static void
send_continue(struct web_conn *conn)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (!conn->continued) {
        conn->continued = true;
        if (str_ieq(web_header(conn->req, "expect"), STR("100-continue"))) {
            (void)mg_write(conn->mg, CONTINUE, sizeof(CONTINUE) - 1);
        }
    }
}

bool
web__is_too_slow(const struct web_conn *conn)
{
    int64_t bytes = conn->arrived > conn->body_read ? conn->arrived : conn->body_read;
    int64_t took = clk_mono_us() - conn->req->began_us;

    if (took > conn->server->cfg.body_timeout_us) {
        return true;
    }
    return took > SLOW_GRACE_US && bytes < took / ASSAY_US_PER_S * SLOW_BYTES_PER_S;
}

static int
read_watched(struct web_conn *conn, char *to, size_t n)
{
    web__reading(conn);
    int got = mg_read(conn->mg, to, n);
    web__reading(NULL);
    return got;
}

enum rc
web_read(struct web_conn *conn, struct ctx *ctx, char *to, size_t n, size_t *out_n)
{
    if (conn->body_left == 0) {
        *out_n = 0;
        return RC_OK;
    }
    send_continue(conn);
    int got = read_watched(conn, to, n);
    if (got > 0) {
        conn->body_read += got;
        conn->body_left -= conn->body_left > 0 ? got : 0;
    }
    if (web__is_too_slow(conn)) {
        web_close_after(conn);
        return fail(ctx, RC_DEADLINE_EXCEEDED, "BODY_TOO_SLOW", "the body came too slowly");
    }
    if (got < 0 || (got == 0 && conn->body_left > 0)) {
        web_close_after(conn);
        return fail(ctx, RC_CANCELLED, "BODY_TRUNCATED", "the body ended early");
    }
    if (got == 0) {
        conn->body_left = 0;
    }
    *out_n = (size_t)got;
    return RC_OK;
}

static enum rc
too_large(struct web_conn *conn, struct ctx *ctx, size_t max_bytes)
{
    web_close_after(conn);
    return fail(ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", "the body is larger than %zu bytes",
                max_bytes);
}

enum rc
web_read_body(struct web_conn *conn, struct ctx *ctx, size_t max_bytes, struct str *out)
{
    size_t cap = conn->body_left >= 0 ? (size_t)conn->body_left : 4096;
    size_t n = 0;

    if (conn->body_left > 0 && (uint64_t)conn->body_left > max_bytes) {
        return too_large(conn, ctx, max_bytes);
    }
    char *p = arena_alloc(ctx->arena, cap + 1);
    while (p != NULL) {
        size_t got = 0;
        if (n == cap && conn->body_left != 0) {
            size_t next = cap * 2 < max_bytes + 1 ? cap * 2 : max_bytes + 1;
            if (cap > max_bytes) {
                return too_large(conn, ctx, max_bytes);
            }
            p = arena_grow(ctx->arena, p, cap + 1, next + 1);
            cap = next;
            continue;
        }
        enum rc rc = web_read(conn, ctx, p + n, cap - n, &got);
        if (rc != RC_OK) {
            return rc;
        }
        n += got;
        if (got == 0) {
            p[n] = '\0';
            *out = str_n(p, n);
            return n > max_bytes ? too_large(conn, ctx, max_bytes) : RC_OK;
        }
    }
    return fail_memory(ctx, "the request needs too much memory");
}

void
web_close_after(struct web_conn *conn)
{
    conn->close = true;
    mg_disable_connection_keep_alive(conn->mg); /* also when the head has promised otherwise */
}

static bool
must_close(struct web_conn *conn)
{
    struct web_server *server = conn->server;

    return conn->close || atomic_load_explicit(&server->draining, memory_order_relaxed) ||
           atomic_load_explicit(&server->connections, memory_order_relaxed) >= server->busy_limit;
}

/* What is left of a body must never be read as the next request. */
static void
drop_body(struct web_conn *conn)
{
    char sink[4096];

    if (conn->body_left == 0) {
        return;
    }
    bool waits = !conn->continued && web_header(conn->req, "expect").p != NULL;
    if (waits || conn->body_left < 0 || conn->body_left > DROP_MAX || conn->close) {
        web_close_after(conn);
        return;
    }
    while (conn->body_left > 0) {
        int got = read_watched(conn, sink, sizeof(sink));
        if (got <= 0 || web__is_too_slow(conn)) {
            web_close_after(conn);
            return;
        }
        conn->body_left -= got;
    }
}

/* The Date header, made once a second and thread. */
static struct str
date_text(void)
{
    static _Thread_local char text[40];
    static _Thread_local time_t made;
    static _Thread_local size_t n;
    time_t now = time(NULL);
    struct tm tm;

    if (now != made && gmtime_r(&now, &tm) != NULL) {
        n = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return str_n(text, n);
}

static void
put_head(struct web_conn *conn, struct buf *b, int status, struct str headers, int64_t body_bytes)
{
    buf_put(b, STR("HTTP/1.1 "));
    buf_put_i64(b, status);
    buf_putc(b, ' ');
    buf_putz(b, web_status_text(status));
    buf_put(b, STR("\r\nDate: "));
    buf_put(b, date_text());
    buf_put(b, STR("\r\n"));
    buf_put(b, headers);
    if (status != 304 && status != 204) {
        buf_put(b, STR("Content-Length: "));
        buf_put_i64(b, body_bytes);
        buf_put(b, STR("\r\n"));
    }
    buf_put(b, STR("X-Content-Type-Options: nosniff\r\n"));
    if (must_close(conn)) {
        mg_disable_connection_keep_alive(conn->mg);
        buf_put(b, STR("Connection: close\r\n\r\n"));
    } else {
        buf_put(b, STR("Connection: keep-alive\r\n\r\n"));
    }
}

#define ANSWER_MAX ((size_t)256 * 1024 * 1024)

static _Thread_local struct buf out; /* kept by its thread: no allocation per answer */

void
web__answer_thread_exit(void)
{
    buf_fini(&out);
}

void
web_answer(struct web_conn *conn, int status, struct str headers, struct str body)
{
    if (out.max == 0) {
        buf_init(&out, ANSWER_MAX);
    }
    buf_clear(&out);
    drop_body(conn);
    conn->answered = true;
    conn->status = status;
    put_head(conn, &out, status, headers, (int64_t)body.n);
    if (!conn->is_head && status != 304 && status != 204) {
        buf_put(&out, body);
    }
    if (buf_failed(&out)) {
        mg_disable_connection_keep_alive(conn->mg);
        return;
    }
    int n = mg_write(conn->mg, out.p, out.n);
    conn->sent += n > 0 ? n : 0;
    if (out.cap > (size_t)1024 * 1024) {
        buf_fini(&out); /* one giant answer must not stay with the thread */
    }
}

bool
web_answer_begin(struct web_conn *conn, int status, struct str headers, int64_t body_bytes)
{
    struct buf b;

    drop_body(conn);
    conn->answered = true;
    conn->status = status;
    buf_init(&b, 65536);
    put_head(conn, &b, status, headers, body_bytes);
    bool ok = !buf_failed(&b) && web_write(conn, buf_str(&b));
    buf_fini(&b);
    return ok;
}

bool
web_write(struct web_conn *conn, struct str bytes)
{
    int n = mg_write(conn->mg, bytes.p, bytes.n);

    conn->sent += n > 0 ? n : 0;
    if (n < 0 || (size_t)n != bytes.n) {
        mg_disable_connection_keep_alive(conn->mg);
        return false;
    }
    return true;
}

int64_t
web_bytes_sent(const struct web_conn *conn)
{
    return conn->sent;
}

int
web_status(const struct web_conn *conn)
{
    return conn->status;
}
