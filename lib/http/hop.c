/* SPDX-License-Identifier: Apache-2.0 */
#include "http/hop.h"

#include <string.h>
#include <unistd.h>

#define HEADERS_MAX 100

/* One hop: what the callbacks need. */
struct hop {
    struct ctx *ctx;
    struct http_client *client;
    const struct http_request *req;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *pin;
    struct buf *body;
    struct http_header *got;
    size_t got_count;
    bool address_refused;
    bool has_head; /* the whole head of the final answer is here */
    bool was_cut;
    bool too_large;
    off_t sent; /* of the descriptor */
    enum rc sink_rc;
    char error[CURL_ERROR_SIZE];
};

/* --- callbacks ----------------------------------------------------------------------------- */

static long
status_of(CURL *easy)
{
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool
is_success(CURL *easy)
{
    long status = status_of(easy);

    return status >= 200 && status < 300;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct hop *hop = arg;
    size_t len = size * n;

    if (hop->req->sink != NULL && is_success(hop->easy)) {
        hop->sink_rc = hop->req->sink(hop->req->sink_arg, str_n(p, len));
        return hop->sink_rc == RC_OK ? len : 0;
    }
    size_t room = hop->body->max - hop->body->n;
    if (len > room) {
        hop->was_cut = hop->req->cut_response;
        hop->too_large = !hop->was_cut;
        buf_put(hop->body, str_n(p, hop->was_cut ? room : 0));
        return 0;
    }
    buf_put(hop->body, str_n(p, len));
    return buf_failed(hop->body) ? 0 : len;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
    struct hop *hop = arg;
    struct str line = str_trim(str_n(p, size * n));

    if (str_starts(line, STR("HTTP/"))) {
        hop->got_count = 0; /* a 100 Continue came before */
        hop->has_head = false;
        return size * n;
    }
    if (line.n == 0) {
        hop->has_head = status_of(hop->easy) >= 200;
    }
    ptrdiff_t colon = str_find_byte(line, ':');
    if (colon > 0 && hop->got_count < HEADERS_MAX) {
        struct str name = arena_str(hop->ctx->arena, str_sub(line, 0, (size_t)colon));
        struct str value = str_trim(str_sub(line, (size_t)colon + 1, line.n));
        value = arena_str(hop->ctx->arena, value);
        hop->got[hop->got_count++] = (struct http_header){name, value};
    }
    return size * n;
}

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
    struct hop *hop = arg;
    size_t want = size * n;
    int64_t left = hop->req->body_fd_size - hop->sent;

    if ((int64_t)want > left) {
        want = (size_t)left;
    }
    if (want == 0) {
        return 0;
    }
    ssize_t got = pread(hop->req->body_fd, p, want, hop->sent);
    if (got <= 0) {
        return CURL_READFUNC_ABORT; /* shorter than promised, or unreadable */
    }
    hop->sent += got;
    return (size_t)got;
}

/* libcurl rewinds when a kept connection turns out dead before anything was answered. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
    struct hop *hop = arg;

    if (origin != SEEK_SET) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    hop->sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* The last look before the connection: the address itself, whatever the names said. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct hop *hop = arg;

    /* One address that is out of reach condemns the name, whatever its others are. */
    if (hop->address_refused || purpose != CURLSOCKTYPE_IPCXN ||
        !addr_may_reach(&address->addr, hop->client->cfg.reach)) {
        hop->address_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- options ------------------------------------------------------------------------------- */

static bool
add_line(struct curl_slist **list, struct ctx *ctx, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);

    if (more == NULL || arena_failed(ctx->arena)) {
        return false;
    }
    *list = more;
    return true;
}

static bool
is_clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0') {
            return false;
        }
    }
    return true;
}

static bool
is_credential(struct str name)
{
    return str_ieq(name, STR("authorization")) || str_ieq(name, STR("cookie")) ||
           str_ieq(name, STR("x-api-key"));
}

static enum rc
add_headers(struct hop *hop, bool same_origin)
{
    const struct http_request *req = hop->req;
    bool typed = false;

    for (size_t i = 0; i < req->header_count; i++) {
        const struct http_header *h = &req->headers[i];
        if (h->name.n == 0 || !is_clean(h->name) || !is_clean(h->value)) {
            return fail(hop->ctx, RC_INVALID_ARGUMENT, "BAD_HEADER",
                        "a header of the request cannot be sent");
        }
        if (!same_origin && is_credential(h->name)) {
            continue;
        }
        typed = typed || str_ieq(h->name, STR("content-type"));
        /* "Name;" is how libcurl is told to send an empty value. */
        struct str line = h->value.n == 0 ? arena_printf(hop->ctx->arena, "%.*s;", STR_ARG(h->name))
                                          : arena_printf(hop->ctx->arena, "%.*s: %.*s",
                                                         STR_ARG(h->name), STR_ARG(h->value));
        if (!add_line(&hop->headers, hop->ctx, line.p)) {
            return fail_memory(hop->ctx, "the request needs too much memory");
        }
    }
    /* Lines without value take away what libcurl would add. */
    if (!add_line(&hop->headers, hop->ctx, "Expect:") ||
        (!typed && !add_line(&hop->headers, hop->ctx, "Content-Type:"))) {
        return fail_memory(hop->ctx, "the request needs too much memory");
    }
    curl_easy_setopt(hop->easy, CURLOPT_HTTPHEADER, hop->headers);
    return RC_OK;
}

static void
set_body(struct hop *hop)
{
    const struct http_request *req = hop->req;

    if (req->body_fd_size > 0) {
        curl_easy_setopt(hop->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(hop->easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(hop->easy, CURLOPT_READDATA, hop);
        curl_easy_setopt(hop->easy, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(hop->easy, CURLOPT_SEEKDATA, hop);
        curl_easy_setopt(hop->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)req->body_fd_size);
    } else if (req->has_body || req->body.n > 0) {
        curl_easy_setopt(hop->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(hop->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.n);
        curl_easy_setopt(hop->easy, CURLOPT_POSTFIELDS, req->body.n == 0 ? "" : req->body.p);
    }
}

const char *
http_method_of(const struct http_request *req)
{
    if (req->method != NULL) {
        return req->method;
    }
    return req->has_body || req->body.n > 0 || req->body_fd_size > 0 ? "POST" : "GET";
}

static void
set_method(struct hop *hop)
{
    const char *method = http_method_of(hop->req);

    set_body(hop);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(hop->easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(hop->easy, CURLOPT_CUSTOMREQUEST, method);
    }
}

static long
to_ms(int64_t us)
{
    int64_t ms = (us + ASSAY_US_PER_MS - 1) / ASSAY_US_PER_MS;

    return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (long)ms;
}

static void
set_callbacks(struct hop *hop)
{
    curl_easy_setopt(hop->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(hop->easy, CURLOPT_WRITEDATA, hop);
    curl_easy_setopt(hop->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(hop->easy, CURLOPT_HEADERDATA, hop);
    curl_easy_setopt(hop->easy, CURLOPT_ERRORBUFFER, hop->error);
    if (hop->client->cfg.reach != ADDR_REACH_ANY) {
        curl_easy_setopt(hop->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        curl_easy_setopt(hop->easy, CURLOPT_OPENSOCKETDATA, hop);
    }
}

static void
set_limits(struct hop *hop, int64_t left_us)
{
    const struct http_client_cfg *cfg = &hop->client->cfg;
    int64_t connect_us =
        hop->req->connect_timeout_us > 0 ? hop->req->connect_timeout_us : cfg->connect_timeout_us;

    curl_easy_setopt(hop->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(hop->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(hop->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(hop->easy, CURLOPT_PROXY, ""); /* not even from the environment */
    curl_easy_setopt(hop->easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(hop->easy, CURLOPT_USERAGENT, cfg->user_agent);
    curl_easy_setopt(hop->easy, CURLOPT_CONNECTTIMEOUT_MS, to_ms(connect_us));
    curl_easy_setopt(hop->easy, CURLOPT_TIMEOUT_MS, to_ms(left_us));
    if (cfg->ca_file != NULL) {
        curl_easy_setopt(hop->easy, CURLOPT_CAINFO, cfg->ca_file);
    }
}

/* --- one hop ------------------------------------------------------------------------------- */

static enum rc
curl_failure(struct hop *hop, CURLcode e)
{
    struct ctx *ctx = hop->ctx;
    long request_size = 0;

    curl_easy_getinfo(hop->easy, CURLINFO_REQUEST_SIZE, &request_size);
    if (hop->address_refused) {
        return fail(ctx, RC_PERMISSION_DENIED, "ADDRESS_REFUSED",
                    "the address of the host is private or reserved");
    }
    if (hop->sink_rc != RC_OK) {
        return fail(ctx, hop->sink_rc, "SINK", "the answer could not be taken");
    }
    if (hop->too_large) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE", "the answer is too large");
    }
    if (e == CURLE_COULDNT_RESOLVE_HOST) {
        return fail(ctx, RC_UNAVAILABLE, "CONNECT", "the name of the server cannot be resolved");
    }
    if (e == CURLE_PEER_FAILED_VERIFICATION || e == CURLE_SSL_CONNECT_ERROR) {
        return fail(ctx, RC_UNAVAILABLE, "TLS",
                    e == CURLE_SSL_CONNECT_ERROR
                        ? "the server speaks no TLS that we accept"
                        : "the certificate of the server is not valid for it");
    }
    if (request_size == 0) {
        return fail(ctx, RC_UNAVAILABLE, "CONNECT", "the server cannot be reached");
    }
    if (e == CURLE_OPERATION_TIMEDOUT) {
        return fail(ctx, RC_DEADLINE_EXCEEDED, "TIMEOUT", "the server did not answer in time");
    }
    if (e == CURLE_UNSUPPORTED_PROTOCOL || e == CURLE_WEIRD_SERVER_REPLY) {
        return fail(ctx, RC_UNKNOWN, "BAD_ANSWER", "the answer is no HTTP");
    }
    return fail(ctx, RC_UNKNOWN, "LOST", "the connection to the server broke");
}

/* Whoever takes a cut answer has one as soon as its head is here: a body that is too long, breaks
 * off or does not end in time is cut where it stands. */
static bool
is_cut(const struct hop *hop, CURLcode e)
{
    return hop->was_cut ||
           (hop->req->cut_response && hop->has_head &&
            (e == CURLE_OPERATION_TIMEDOUT || e == CURLE_PARTIAL_FILE || e == CURLE_RECV_ERROR));
}

static enum rc
take_answer(struct hop *hop, CURLcode e, struct http_response *out)
{
    char *peer = NULL;

    /* To libcurl a head that breaks off is an answer too. */
    e = e == CURLE_OK && !hop->has_head ? CURLE_RECV_ERROR : e;
    hop->was_cut = e != CURLE_OK && is_cut(hop, e);
    if (e != CURLE_OK && !hop->was_cut) {
        enum rc rc = curl_failure(hop, e);
        note(hop->ctx, "curl %d: %s", (int)e,
             hop->error[0] != '\0' ? hop->error : curl_easy_strerror(e));
        return rc;
    }
    curl_easy_getinfo(hop->easy, CURLINFO_PRIMARY_IP, &peer);
    out->status = (int)status_of(hop->easy);
    out->body = buf_str(hop->body);
    out->was_cut = hop->was_cut;
    out->headers = hop->got;
    out->header_count = hop->got_count;
    size_t n = peer == NULL ? 0 : strlen(peer);
    n = n < ADDR_TEXT_MAX ? n : ADDR_TEXT_MAX - 1;
    memcpy(out->peer, peer == NULL ? "" : peer, n);
    out->peer[n] = '\0';
    return arena_failed(hop->ctx->arena) ? fail_memory(hop->ctx, "the answer is too large") : RC_OK;
}

static void
fini_body(void *arg)
{
    buf_fini(arg);
}

static enum rc
hop_prepare(struct hop *hop)
{
    struct arena *arena = hop->ctx->arena;
    size_t max =
        hop->req->response_max > 0 ? hop->req->response_max : hop->client->cfg.response_max;

    hop->body = ARENA_NEW(arena, struct buf);
    hop->got = ARENA_ARRAY(arena, HEADERS_MAX, struct http_header);
    if (hop->body == NULL || hop->got == NULL) {
        return fail_memory(hop->ctx, "the request needs too much memory");
    }
    buf_init(hop->body, max);
    if (!arena_on_free(arena, fini_body, hop->body)) {
        return fail_memory(hop->ctx, "the request needs too much memory");
    }
    return RC_OK;
}

static void
hop_drop(struct hop *hop)
{
    curl_slist_free_all(hop->headers);
    curl_slist_free_all(hop->pin);
    http_easy_give(hop->client, hop->easy);
}

static enum rc
hop_set(struct hop *hop, const struct http_target *target, bool same_origin, int64_t left_us)
{
    set_limits(hop, left_us);
    set_callbacks(hop);
    set_method(hop);
    curl_easy_setopt(hop->easy, CURLOPT_URL, target->url);
    if (target->pin != NULL) {
        hop->pin = curl_slist_append(NULL, target->pin);
        curl_easy_setopt(hop->easy, CURLOPT_RESOLVE, hop->pin);
    }
    return add_headers(hop, same_origin);
}

enum rc
http_hop_begin(struct http_client *client, struct ctx *ctx, const struct http_request *req,
               const struct http_target *target, bool same_origin, int64_t left_us,
               struct hop **out)
{
    struct hop *hop = ARENA_NEW(ctx->arena, struct hop);

    if (hop == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    *hop = (struct hop){.ctx = ctx, .client = client, .req = req, .sink_rc = RC_OK};
    enum rc rc = hop_prepare(hop);
    if (rc != RC_OK) {
        return rc;
    }
    hop->easy = http_easy_take(client);
    if (hop->easy == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    rc = hop_set(hop, target, same_origin, left_us);
    if (rc != RC_OK) {
        hop_drop(hop);
        return rc;
    }
    *out = hop;
    return RC_OK;
}

CURL *
http_hop_easy(struct hop *hop)
{
    return hop->easy;
}

enum rc
http_hop_end(struct hop *hop, CURLcode e, struct http_response *out)
{
    enum rc rc = take_answer(hop, e, out);

    hop_drop(hop);
    return rc;
}

enum rc
http_hop(struct http_client *client, struct ctx *ctx, const struct http_request *req,
         const struct http_target *target, bool same_origin, int64_t left_us,
         struct http_response *out)
{
    struct hop *hop = NULL;
    enum rc rc = http_hop_begin(client, ctx, req, target, same_origin, left_us, &hop);

    return rc == RC_OK ? http_hop_end(hop, curl_easy_perform(hop->easy), out) : rc;
}
