/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client sends over one connection, through civetweb, our checks of the framing and the
 * gateway's reading of head, path, query and body. Beside it stands a reader of our own, as a proxy
 * in front would be. What must hold: a request that reaches the handler is one that the reader
 * finds at the same place, with the same verb, target and fields, so that nothing hides behind it;
 * the answers are whole, and nothing follows a refusal. */
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/gw.h"
#include "gateway/gw_multipart.h"
#include "gateway/gw_pack.h"
#include "gateway/gw_peer.h"
#include "web/web.h"

#define ARENA_MAX ((size_t)4 * 1024 * 1024)
#define INPUT_MAX ((size_t)64 * 1024)
#define ANSWERS_MAX ((size_t)256 * 1024)
#define CALLS_MAX 256
#define PATIENCE_MS 60000

extern const struct gw_trie gw_trie;

static const struct gw_cfg CFG = {
    .body_max_bytes = 65536, .call_timeout_us = ASSAY_US_PER_S, .trusted_proxies = "127.0.0.0/8"};

/* What reached the handler over the connection under way. */
static struct {
    pthread_mutex_t lock;
    size_t count;
    struct buf calls[CALLS_MAX];
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the server's side --------------------------------------------------------------------- */

static void
put_head(struct buf *b, const struct web_request *req)
{
    buf_put(b, req->verb);
    buf_putc(b, ' ');
    buf_put(b, req->path);
    if (req->query.p != NULL) {
        buf_putc(b, '?');
        buf_put(b, req->query);
    }
    buf_putc(b, '\n');
    for (size_t i = 0; i < req->header_count; i++) {
        buf_put(b, req->headers[i].name);
        buf_putc(b, ':');
        buf_put(b, req->headers[i].value);
        buf_putc(b, '\n');
    }
}

static bool
reads_files(const struct gw_route *route)
{
    bool reads = route->body == GW_BODY_MULTIPART;

    for (size_t i = 0; i < route->req->count; i++) {
        reads = reads || (route->req->fields[i].flags & PB_FILE) != 0;
    }
    return reads;
}

static void
read_message(struct gw_req *r)
{
    ProtobufCMessage *msg = NULL;
    struct str packed;

    enum rc rc = gw_read_request(r, &msg);
    if (rc == RC_OK) {
        ASSERT(pb_pack(r->ctx.arena, msg, &packed) == RC_OK);
    } else {
        ASSERT(r->ctx.err.code == rc && r->ctx.err.reason != NULL);
    }
}

static void
find_endpoint(struct gw_req *r)
{
    enum rc rc = gw_route_find(&gw_trie, gw_verb_parse(r->http->verb), r->http->path, r->ctx.arena,
                               &r->match, &r->allowed);
    if (rc != RC_OK) {
        return;
    }
    r->route = r->match.route;
    ASSERT(r->match.param_count == r->route->param_count);
    for (size_t i = 0; i < r->match.param_count; i++) {
        ASSERT(str_is_utf8(r->match.params[i]));
        ASSERT(str_find_byte(r->match.params[i], '\0') < 0);
    }
    if (!reads_files(r->route)) {
        read_message(r);
    }
}

/* The steps of the gateway that read what a client sent, but for the calls between them. */
static void
read_as_gateway(struct web_conn *conn, const struct web_request *req)
{
    struct gateway gw = {.cfg = &CFG};
    struct gw_req r = {.gw = &gw, .conn = conn, .http = req};
    struct arena *arena = arena_new(ARENA_MAX);

    ASSERT(arena != NULL);
    ctx_init(&r.ctx, arena);
    r.ctx.peer = gw_client_address(str_z(CFG.trusted_proxies), req);
    ASSERT(r.ctx.peer.n > 0);
    (void)gw_find_token(&r.ctx, req, true, true);
    (void)gw_accepts_gzip(web_header(req, "accept-encoding"));
    struct str boundary = gw_multipart_boundary(web_header(req, "content-type"));
    ASSERT(boundary.n <= GW_BOUNDARY_MAX);
    (void)gw_surface_of(req->path);
    find_endpoint(&r);
    arena_free(arena);
}

static void
handle(void *arg, struct web_conn *conn, const struct web_request *req)
{
    (void)arg;
    (void)pthread_mutex_lock(&seen.lock);
    ASSERT(seen.count < CALLS_MAX);
    put_head(&seen.calls[seen.count++], req);
    (void)pthread_mutex_unlock(&seen.lock);
    read_as_gateway(conn, req);
    web_answer(conn, 204, STR_EMPTY, STR_EMPTY);
}

static int
start_server(void)
{
    static struct web_server *server;
    static const struct web_cfg WEB = {
        .listen = "127.0.0.1:0",
        .threads = 4,
        .head_timeout_us = 30 * ASSAY_US_PER_S,
        .body_timeout_us = 30 * ASSAY_US_PER_S,
        .handler = handle,
    };
    const char *why = NULL;

    if (server == NULL) {
        ASSERT(web_server_start(&WEB, &server, &why) == RC_OK);
        for (size_t i = 0; i < CALLS_MAX; i++) {
            buf_init(&seen.calls[i], INPUT_MAX * 2);
        }
    }
    return web_server_port(server);
}

/* --- the client's side --------------------------------------------------------------------- */

static int
connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ASSERT(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

/* Sends all and says so, reads until the server closes. A reset may take answers with it. */
static void
talk(int port, struct str input, struct buf *answers)
{
    int fd = connect_to(port);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char some[4096];

    for (ssize_t n = 1; input.n > 0 && n > 0; input = str_sub(input, (size_t)n, input.n)) {
        n = send(fd, input.p, input.n, MSG_NOSIGNAL);
        n = n < 0 ? 0 : n;
    }
    (void)shutdown(fd, SHUT_WR);
    for (ssize_t n = 1; n > 0;) {
        ASSERT(poll(&wait, 1, PATIENCE_MS) == 1);
        n = read(fd, some, sizeof(some));
        buf_put(answers, str_n(some, n > 0 ? (size_t)n : 0));
    }
    (void)close(fd);
}

/* --- the reader ---------------------------------------------------------------------------- */

struct reader {
    struct str rest;
    int64_t length; /* -1: chunked */
};

static bool
take_line(struct str *rest, struct str *line)
{
    for (size_t i = 0; i + 1 < rest->n; i++) {
        if (rest->p[i] == '\r' && rest->p[i + 1] == '\n') {
            *line = str_sub(*rest, 0, i);
            *rest = str_sub(*rest, i + 2, rest->n);
            return true;
        }
    }
    return false;
}

/* A word and the blanks behind it. */
static struct str
take_word(struct str *rest)
{
    size_t n = 0;
    size_t end;

    while (n < rest->n && !ch_is_space(rest->p[n])) {
        n++;
    }
    for (end = n; end < rest->n && ch_is_space(rest->p[end]);) {
        end++;
    }
    struct str word = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, end, rest->n);
    return word;
}

/* civetweb takes any two blanks for the end of this line and leaves no trace of which they were;
 * the ends of all other lines are checked. */
static bool
take_request_line(struct reader *r, struct buf *b)
{
    while (r->rest.n > 0 && ch_is_space(r->rest.p[0])) { /* empty lines before a request */
        r->rest = str_sub(r->rest, 1, r->rest.n);
    }
    buf_put(b, take_word(&r->rest));
    buf_putc(b, ' ');
    buf_put(b, take_word(&r->rest));
    buf_putc(b, '\n');
    bool ok = str_starts(r->rest, STR("HTTP/1.1")) || str_starts(r->rest, STR("HTTP/1.0"));
    ok = ok && r->rest.n > 9 && ch_is_space(r->rest.p[8]) && ch_is_space(r->rest.p[9]);
    r->rest = str_sub(r->rest, 10, r->rest.n);
    return ok;
}

static bool
take_head(struct reader *r, struct buf *b)
{
    struct str line;
    bool ok = take_request_line(r, b);

    r->length = 0;
    while (ok && take_line(&r->rest, &line)) {
        if (line.n == 0) {
            return true;
        }
        struct str name = str_split(&line, ':');
        struct str value = str_trim(line);
        ok = line.p != NULL && name.n > 0;
        if (str_ieq(name, STR("content-length"))) {
            ok = ok && str_to_i64(value, 0, INT64_MAX, &r->length) == RC_OK;
        } else if (str_ieq(name, STR("transfer-encoding"))) {
            r->length = -1;
        }
        buf_put(b, name);
        buf_putc(b, ':');
        buf_put(b, value);
        buf_putc(b, '\n');
    }
    return false;
}

/* Of a method that civetweb does not know the handler learns the request line alone. */
static bool
is_line_alone(struct str call)
{
    static const char *const KNOWN[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"};
    struct str verb = str_split(&call, ' ');

    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++) {
        if (str_eqz(verb, KNOWN[i])) {
            return false;
        }
    }
    ptrdiff_t end = str_find_byte(call, '\n');
    return end >= 0 && (size_t)end + 1 == call.n;
}

static bool
take_chunk(struct str *rest, bool *is_last)
{
    struct str line;
    uint64_t n = 0;

    if (!take_line(rest, &line)) {
        return false;
    }
    struct str size = str_trim(str_split(&line, ';'));
    for (size_t i = 0; i < size.n; i++) {
        char c = ch_lower(size.p[i]);
        bool is_hex = ch_is_digit(c) || (c >= 'a' && c <= 'f');
        if (!is_hex || n > INPUT_MAX) {
            return false;
        }
        n = n * 16 + (uint64_t)(ch_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *is_last = n == 0;
    if (size.n == 0 || n > rest->n) {
        return false;
    }
    *rest = str_sub(*rest, n, rest->n);
    return *is_last || (take_line(rest, &line) && line.n == 0);
}

/* To the first byte behind the body. */
static bool
take_body(struct reader *r)
{
    struct str line = STR("x");
    bool is_last = false;

    if (r->length >= 0) {
        bool is_whole = (uint64_t)r->length <= r->rest.n;
        r->rest = is_whole ? str_sub(r->rest, (size_t)r->length, r->rest.n) : r->rest;
        return is_whole;
    }
    while (!is_last) {
        if (!take_chunk(&r->rest, &is_last)) {
            return false;
        }
    }
    while (line.n > 0) { /* trailers */
        if (!take_line(&r->rest, &line)) {
            return false;
        }
    }
    return true;
}

/* Every request that was handled, one behind the other. */
static void
check_calls(struct str input)
{
    struct reader r = {.rest = input};
    struct buf head;

    buf_init(&head, INPUT_MAX * 2);
    for (size_t i = 0; i < seen.count; i++) {
        buf_clear(&head);
        ASSERT(i == 0 || take_body(&r));
        if (is_line_alone(buf_str(&seen.calls[i]))) {
            ASSERT(i + 1 == seen.count); /* what stands behind it never becomes a request */
            ASSERT(take_request_line(&r, &head));
        } else {
            ASSERT(take_head(&r, &head));
        }
        ASSERT(str_eq(buf_str(&head), buf_str(&seen.calls[i])));
    }
    buf_fini(&head);
}

/* --- the answers --------------------------------------------------------------------------- */

/* Takes one answer; false at the end, or where a reset cut it off. */
static bool
take_answer(struct str *rest, int *status)
{
    struct str line;
    int64_t n = 0;
    int64_t code = 0;

    if (!take_line(rest, &line)) {
        return false;
    }
    ASSERT(str_starts(line, STR("HTTP/1.1 ")));
    ASSERT(str_to_i64(str_sub(line, 9, 12), 100, 599, &code) == RC_OK);
    *status = (int)code;
    while (take_line(rest, &line)) {
        struct str name = str_split(&line, ':');
        if (name.n == 0) {
            bool is_whole = (uint64_t)n <= rest->n;
            *rest = str_sub(*rest, is_whole ? (size_t)n : rest->n, rest->n);
            return is_whole;
        }
        ASSERT(line.p != NULL);
        ASSERT(!str_ieq(name, STR("content-length")) ||
               str_to_i64(str_trim(line), 0, INT64_MAX, &n) == RC_OK);
    }
    return false;
}

static void
check_answers(struct str rest)
{
    size_t handled = 0;
    int status = 204;

    while (take_answer(&rest, &status)) {
        handled += status == 204;
        ASSERT(status == 100 || status == 204 || status >= 400);
        ASSERT(status < 400 || rest.n == 0);
    }
    ASSERT(handled <= seen.count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf answers;
    struct str input = str_n((const char *)data, size < INPUT_MAX ? size : INPUT_MAX);
    int port = start_server();

    if (answers.max == 0) {
        buf_init(&answers, ANSWERS_MAX);
    }
    buf_clear(&answers);
    (void)pthread_mutex_lock(&seen.lock);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        buf_clear(&seen.calls[i]);
    }
    seen.count = 0;
    (void)pthread_mutex_unlock(&seen.lock);
    talk(port, input, &answers);
    (void)pthread_mutex_lock(&seen.lock);
    check_calls(input);
    check_answers(buf_str(&answers));
    (void)pthread_mutex_unlock(&seen.lock);
    return 0;
}
