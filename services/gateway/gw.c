/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipeline. Order of the checks: User-Agent 400 (SDK), authentication 401, rate 429, role 403,
 * existence of what the path names 404, body and query, the rest in the service. Source:
 * tests/contract, "Tokens and roles". */
#include "gateway/gw.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "gateway/gw_peer.h"
#include "log/log.h"
#include "sec/jws.h"

/* A request's memory: body, message and the service's answer. */
#define ARENA_MAX ((size_t)96 * 1024 * 1024)
#define HEAD_MAX ((size_t)32 * 1024)
#define OUT_MAX ((size_t)64 * 1024 * 1024)
#define IDS_BYTES ((size_t)24) /* of chance in the ids of one request; none of them is a secret */

/* What one civetweb thread keeps from request to request. */
struct scratch {
    struct arena *arena;
    unsigned char random[IDS_BYTES * 32]; /* for the ids of the next requests */
    size_t random_left;
    struct buf headers;
    struct buf out;
};

static pthread_key_t scratch_key;

static void
scratch_free(void *arg)
{
    struct scratch *s = arg;

    arena_free(s->arena);
    buf_fini(&s->headers);
    buf_fini(&s->out);
    free(s);
}

static void
make_scratch_key(void)
{
    ASSERT(pthread_key_create(&scratch_key, scratch_free) == 0);
}

static struct scratch *
scratch_new(void)
{
    struct scratch *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->arena = arena_new(ARENA_MAX);
    buf_init(&s->headers, HEAD_MAX);
    buf_init(&s->out, OUT_MAX);
    if (s->arena == NULL || pthread_setspecific(scratch_key, s) != 0) {
        scratch_free(s);
        return NULL;
    }
    return s;
}

/* NULL without memory. */
static struct scratch *
scratch_of_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, make_scratch_key);
    struct scratch *s = pthread_getspecific(scratch_key);
    if (s == NULL) {
        return scratch_new();
    }
    buf_clear(&s->headers);
    buf_clear(&s->out);
    return s;
}

/* A thread whose client is silent holds little: not the frame that brought its last answer, not one
 * large answer. */
static void
scratch_trim(struct scratch *s)
{
    arena_reset(s->arena);
    if (s->out.cap > (size_t)1024 * 1024) {
        buf_fini(&s->out);
    }
}

static bool
is_request_id(struct str s)
{
    if (s.n == 0 || s.n > 128) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!ch_is_alpha(c) && !ch_is_digit(c) && strchr("._-", c) == NULL) {
            return false;
        }
    }
    return true;
}

static bool
is_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f')) {
            return false;
        }
    }
    return true;
}

/* "00-<32 hex>-<16 hex>-<2 hex>", neither id all zeros. Source: W3C Trace Context. */
static bool
is_traceparent(struct str s)
{
    return s.n == 55 && str_starts(s, STR("00-")) && s.p[35] == '-' && s.p[52] == '-' &&
           is_hex(str_sub(s, 3, 35)) && is_hex(str_sub(s, 36, 52)) && is_hex(str_sub(s, 53, 55)) &&
           !str_eq(str_sub(s, 3, 35), STR("00000000000000000000000000000000")) &&
           !str_eq(str_sub(s, 36, 52), STR("0000000000000000"));
}

/* One call to the kernel for many requests. */
static const unsigned char *
take_random(struct scratch *s)
{
    if (s->random_left == 0) {
        id_random(s->random, sizeof(s->random));
        s->random_left = sizeof(s->random);
    }
    s->random_left -= IDS_BYTES;
    return s->random + s->random_left;
}

static void
set_ids(struct gw_req *r, struct scratch *s)
{
    struct str id = web_header(r->http, "x-request-id");
    struct str trace = web_header(r->http, "traceparent");
    char hex[2 * IDS_BYTES + 1];

    id_hex(take_random(s), IDS_BYTES, hex);
    r->ctx.request_id = is_request_id(id) ? id : arena_str(r->ctx.arena, str_n(hex, 20));
    /* The trace is continued with a span of ours, or begun. */
    r->ctx.traceparent =
        is_traceparent(trace)
            ? arena_printf(r->ctx.arena, "%.*s%.16s-%.*s", 36, trace.p, hex, 2, trace.p + 53)
            : arena_printf(r->ctx.arena, "00-%.32s-%.16s-01", hex, hex + 32);
}

static enum rc
find_route(struct gw_req *r)
{
    struct str verb = r->http->verb;

    r->surface = gw_surface_of(r->http->path);
    if (str_eqz(verb, "HEAD")) {
        verb = STR("GET");
    }
    enum rc rc = gw_route_find(&gw_trie, gw_verb_parse(verb), r->http->path, r->ctx.arena,
                               &r->match, &r->allowed);
    if (rc == RC_OK) {
        r->route = r->match.route;
        r->surface = r->route->surface;
        return RC_OK;
    }
    if (rc == RC_UNIMPLEMENTED) {
        return fail(&r->ctx, RC_UNIMPLEMENTED, "METHOD_NOT_ALLOWED", "method not allowed");
    }
    if (arena_failed(r->ctx.arena)) {
        return fail_memory(&r->ctx, "the request is too large");
    }
    return fail(&r->ctx, RC_NOT_FOUND, "NOT_FOUND", "not found");
}

static enum rc
check_role(struct gw_req *r)
{
    static const enum role LOWEST[] = {
        [GW_ROLE_NONE] = ROLE_NONE,     [GW_ROLE_ANY] = ROLE_VIEWER,
        [GW_ROLE_VIEWER] = ROLE_VIEWER, [GW_ROLE_DEVELOPER] = ROLE_DEVELOPER,
        [GW_ROLE_ADMIN] = ROLE_ADMIN,
    };
    if (r->ctx.who.role < LOWEST[r->route->role]) {
        return fail(&r->ctx, RC_PERMISSION_DENIED, "ROLE_TOO_LOW",
                    "this call needs the role %s or higher", jws_role_name(LOWEST[r->route->role]));
    }
    return RC_OK;
}

static bool
has_word(struct str text, struct str word)
{
    for (size_t i = 0; i + word.n <= text.n; i++) {
        if (str_istarts(str_sub(text, i, text.n), word)) {
            return true;
        }
    }
    return false;
}

/* Calls of the SDK surface name its client, in any case. Source: tests/contract, "Tokens and
 * roles". */
static enum rc
check_agent(struct gw_req *r)
{
    struct str agent = str_trim(web_header(r->http, "user-agent"));

    if (r->surface != GW_VIZZLY) {
        return RC_OK;
    }
    if (agent.n == 0) {
        return fail(&r->ctx, RC_INVALID_ARGUMENT, "USER_AGENT", "User-Agent header required");
    }
    return r->route->any_agent || has_word(agent, STR("vizzly"))
               ? RC_OK
               : fail(&r->ctx, RC_INVALID_ARGUMENT, "USER_AGENT",
                      "Invalid User-Agent for SDK request");
}

static enum rc
admit(struct gw_req *r)
{
    struct gateway *gw = r->gw;
    enum rc rc = gw_limit_guard(gw->limit, &r->ctx, &r->rate);

    rc = rc == RC_OK ? check_agent(r) : rc;

    if (rc == RC_OK && r->route->role != GW_ROLE_NONE) {
        bool external = str_starts(r->http->path, STR("/api/external/"));
        rc = gw_identify(gw->identify, &r->ctx, r->http, external, r->route->query_token);
        if (rc == RC_UNAUTHENTICATED && r->surface == GW_VIZZLY) {
            r->ctx.err.msg = STR("Invalid or missing API token"); /* as its clients know it */
        }
    }
    if (rc == RC_OK) {
        rc = gw_limit_admit(gw->limit, &r->ctx, r->route, &r->rate);
    }
    return rc == RC_OK ? check_role(r) : rc;
}

static enum rc
serve(struct gw_req *r)
{
    ProtobufCMessage *req = NULL;
    struct gw_result result = {0};

    enum rc rc = find_route(r);
    if (rc != RC_OK) {
        return rc;
    }
    rc = admit(r);
    if (rc == RC_OK) {
        rc = gw_read_request(r, &req);
        rc = rc == RC_INVALID_ARGUMENT ? gw_check_path(r) : rc;
    }
    if (rc == RC_OK && r->route->response == GW_RESP_WEBSOCKET) {
        gw_stream(r, req);
        return RC_OK;
    }
    if (rc == RC_OK) {
        rc = gw_call(r, req, &result);
    }
    if (rc == RC_OK) {
        gw_answer(r, &result);
    }
    return rc;
}

/* One line per request: no query (it may hold a token), no body, no header. */
static void
log_request(struct gw_req *r)
{
    int status = web_status(r->conn);
    int64_t took_us = clk_mono_us() - r->http->began_us;
    size_t class = (size_t)(status / 100 > 0 ? status / 100 - 1 : 4);
    size_t route = r->route == NULL ? gw_trie.route_count : (size_t)(r->route - gw_trie.routes);
    enum log_level level = status >= 500 ? LOG_WARN_LEVEL : LOG_INFO_LEVEL;

    met_add(r->gw->met.requests, route, class, 1);
    met_observe_us(r->gw->met.took, route, 0, took_us);
    log_line(level, &r->ctx, "http", NULL, LOG_STR("verb", r->http->verb),
             LOG_Z("route", r->route == NULL ? "" : r->route->pattern), LOG_I64("status", status),
             LOG_I64("us", took_us), LOG_I64("bytes", web_bytes_sent(r->conn)),
             LOG_STR("peer", r->ctx.peer), LOG_I64("org", r->ctx.who.org_id),
             LOG_I64("user", r->ctx.who.user_id), LOG_I64("token", r->ctx.who.token_id));
}

/* Probes come every few seconds and say nothing. */
static bool
is_quiet(const struct gw_req *r)
{
    return r->route != NULL && r->route->process == GW_SELF && r->ctx.err.code == RC_OK;
}

void
gw_handle(void *arg, struct web_conn *conn, const struct web_request *http)
{
    struct scratch *s = scratch_of_thread();

    if (s == NULL) {
        web_answer(conn, 503, STR("Retry-After: 1\r\n"), STR_EMPTY);
        return;
    }
    struct gw_req r = {
        .gw = arg,
        .conn = conn,
        .http = http,
        .headers = &s->headers,
        .out = &s->out,
    };
    ctx_init(&r.ctx, s->arena);
    r.ctx.peer = gw_client_address(str_z(r.gw->cfg->trusted_proxies), http);
    set_ids(&r, s);
    if (!gw_answer_preflight(&r) && serve(&r) != RC_OK) {
        bool is_page = r.route == NULL && r.allowed == 0;
        if (!is_page || !gw_answer_file(&r)) {
            gw_answer_failure(&r);
        }
    }
    if (r.form != NULL) {
        gw_form_end(r.form);
    }
    if (!is_quiet(&r)) {
        log_request(&r);
    }
    scratch_trim(s);
}
