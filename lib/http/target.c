/* SPDX-License-Identifier: Apache-2.0 */
#include "http/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "http/resolve.h"

#define URL_MAX 8192

static enum rc
bad_url(struct ctx *ctx, const char *why)
{
    return fail(ctx, RC_INVALID_ARGUMENT, "BAD_URL", "this URL cannot be called: %s", why);
}

/* Copies one part into the arena; NULL when the URL has none. */
static char *
part(struct ctx *ctx, CURLU *u, CURLUPart what, unsigned flags)
{
    char *text = NULL;
    char *copy = NULL;

    if (curl_url_get(u, what, &text, flags) == CURLUE_OK) {
        copy = arena_strz(ctx->arena, str_z(text));
    }
    curl_free(text);
    return copy;
}

static bool
is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

struct parts {
    char *scheme;
    char *host; /* without brackets */
    char *url;
    uint16_t port;
    bool is_literal;
    struct sockaddr_storage literal;
};

static void
read_literal(struct parts *p)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, p->host, &in.sin_addr) == 1) {
        memcpy(&p->literal, &in, sizeof(in));
        p->is_literal = true;
    } else if (inet_pton(AF_INET6, p->host, &in6.sin6_addr) == 1) {
        memcpy(&p->literal, &in6, sizeof(in6));
        p->is_literal = true;
    }
}

/* 7, 0177, 0x7f: what some resolvers read as a part of an address. */
static bool
is_number(struct str label)
{
    bool hex = label.n > 1 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x';

    for (size_t i = hex ? 2 : 0; i < label.n; i++) {
        char c = ch_lower(label.p[i]);
        if (!ch_is_digit(c) && !(hex && c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return true;
}

static bool
is_label(struct str label)
{
    bool ok = label.n > 0 && label.n <= 63;

    for (size_t i = 0; ok && i < label.n; i++) {
        char c = label.p[i];
        ok = ch_is_alpha(c) || ch_is_digit(c) || c == '-' || c == '_';
    }
    return ok;
}

/* A host that is no address is a name of plain labels, and does not end in a number: what looks
 * like an address is one or nothing. Source: RFC 1123, WHATWG URL "ends in a number". */
static enum rc
check_name(struct ctx *ctx, const char *host)
{
    struct str name = str_z(host);
    struct str label = STR_EMPTY;

    if (name.n > 0 && name.p[name.n - 1] == '.') {
        name.n--; /* the root */
    }
    for (struct str rest = name; rest.p != NULL;) {
        label = str_split(&rest, '.');
        if (!is_label(label)) {
            return bad_url(ctx, "the host is no name");
        }
    }
    return is_number(label) ? bad_url(ctx, "the host is neither a name nor an address") : RC_OK;
}

static enum rc
take_parts(struct ctx *ctx, CURLU *u, bool trusted, struct parts *p)
{
    int64_t port = 0;
    char *port_text = part(ctx, u, CURLUPART_PORT, CURLU_DEFAULT_PORT);

    p->scheme = part(ctx, u, CURLUPART_SCHEME, 0);
    p->host = part(ctx, u, CURLUPART_HOST, 0);
    p->url = part(ctx, u, CURLUPART_URL, 0);
    if (p->scheme == NULL || p->host == NULL || p->url == NULL || p->host[0] == '\0') {
        return bad_url(ctx, "no host");
    }
    if (strcmp(p->scheme, "http") != 0 && strcmp(p->scheme, "https") != 0) {
        return bad_url(ctx, "only http and https");
    }
    if (str_to_i64(str_z(port_text), 1, 65535, &port) != RC_OK) {
        return bad_url(ctx, "the port");
    }
    p->port = (uint16_t)port;
    if (!trusted &&
        (part(ctx, u, CURLUPART_USER, 0) != NULL || part(ctx, u, CURLUPART_PASSWORD, 0) != NULL)) {
        return bad_url(ctx, "it holds a user name");
    }
    if (part(ctx, u, CURLUPART_ZONEID, 0) != NULL) {
        return bad_url(ctx, "it holds a zone");
    }
    size_t n = strlen(p->host);
    if (p->host[0] == '[' && p->host[n - 1] == ']') {
        p->host = arena_strz(ctx->arena, str_n(p->host + 1, n - 2));
        if (p->host == NULL) {
            return fail_memory(ctx, "the request needs too much memory");
        }
    }
    read_literal(p);
    return trusted || p->is_literal ? RC_OK : check_name(ctx, p->host);
}

static enum rc
take_apart(struct ctx *ctx, struct str url, bool trusted, struct parts *p)
{
    if (url.n > URL_MAX || !is_plain(url)) {
        return bad_url(ctx,
                       url.n > URL_MAX ? "too long" : "white space, control or raw characters");
    }
    char *z = arena_strz(ctx->arena, url);
    CURLU *u = curl_url();
    if (z == NULL || u == NULL) {
        curl_url_cleanup(u);
        return fail_memory(ctx, "the request needs too much memory");
    }
    CURLUcode e = curl_url_set(u, CURLUPART_URL, z, CURLU_PATH_AS_IS);
    enum rc rc =
        e == CURLUE_OK ? take_parts(ctx, u, trusted, p) : bad_url(ctx, curl_url_strerror(e));
    curl_url_cleanup(u);
    return rc;
}

static enum rc
refused(struct ctx *ctx, const char *host)
{
    return fail(ctx, RC_PERMISSION_DENIED, "ADDRESS_REFUSED",
                "the address of %s is private or reserved", host);
}

/* Every address must be within reach: one good and one bad one is how a check is walked around. */
static enum rc
check_all(struct ctx *ctx, const struct http_client_cfg *cfg, const char *host,
          const struct resolve_result *found)
{
    for (size_t i = 0; i < found->count; i++) {
        if (!addr_may_reach((const struct sockaddr *)&found->addrs[i], cfg->reach)) {
            return refused(ctx, host);
        }
    }
    return RC_OK;
}

static char *
make_pin(struct ctx *ctx, const struct parts *p, const struct resolve_result *found)
{
    struct str pin = arena_printf(ctx->arena, "%s:%u:", p->host, (unsigned)p->port);

    for (size_t i = 0; i < found->count; i++) {
        char text[ADDR_TEXT_MAX];
        if (addr_text((const struct sockaddr *)&found->addrs[i], text)) {
            pin = arena_printf(ctx->arena, "%.*s%s%s", STR_ARG(pin), i == 0 ? "" : ",", text);
        }
    }
    return arena_strz(ctx->arena, pin);
}

static enum rc
resolve_and_pin(struct ctx *ctx, const struct http_client_cfg *cfg, const struct parts *p,
                int64_t timeout_us, struct http_target *out)
{
    struct resolve_result found = {.count = 0};

    if (p->is_literal) {
        found.addrs[0] = p->literal;
        found.count = 1;
        return check_all(ctx, cfg, p->host, &found);
    }
    switch (resolve_host(p->host, timeout_us, &found)) {
    case RC_OK:
        break;
    case RC_INVALID_ARGUMENT:
        return bad_url(ctx, "the host is too long");
    case RC_DEADLINE_EXCEEDED:
        return fail(ctx, RC_UNAVAILABLE, "CONNECT", "the name %s was not resolved in time",
                    p->host);
    default:
        return fail(ctx, RC_UNAVAILABLE, "CONNECT", "the name %s cannot be resolved", p->host);
    }
    enum rc rc = check_all(ctx, cfg, p->host, &found);
    if (rc == RC_OK) {
        out->pin = make_pin(ctx, p, &found);
    }
    return rc;
}

static bool
is_refused_port(const struct http_client_cfg *cfg, uint16_t port)
{
    for (size_t i = 0; i < cfg->refused_port_count; i++) {
        if (cfg->refused_ports[i] == port) {
            return true;
        }
    }
    return false;
}

static enum rc
fill_target(struct ctx *ctx, const struct parts *p, struct http_target *target)
{
    struct str origin =
        arena_printf(ctx->arena, "%s://%s:%u", p->scheme, p->host, (unsigned)p->port);

    target->url = p->url;
    target->port = p->port;
    target->origin = arena_strz(ctx->arena, origin);
    return target->origin == NULL || arena_failed(ctx->arena)
               ? fail_memory(ctx, "the request needs too much memory")
               : RC_OK;
}

enum rc
http_target_check(struct ctx *ctx, const struct http_client_cfg *cfg, struct str url,
                  int64_t timeout_us, struct http_target *out)
{
    struct parts p = {0};
    struct http_target target = {0};
    bool trusted = cfg->reach == ADDR_REACH_ANY;

    enum rc rc = take_apart(ctx, url, trusted, &p);
    if (rc == RC_OK && !trusted) {
        rc = is_refused_port(cfg, p.port) ? refused(ctx, p.host)
                                          : resolve_and_pin(ctx, cfg, &p, timeout_us, &target);
    }
    rc = rc == RC_OK ? fill_target(ctx, &p, &target) : rc;
    if (rc == RC_OK) {
        *out = target;
    }
    return rc;
}

/* Known without a look-up. Source: RFC 6761. */
static bool
is_local_name(const char *host)
{
    struct str name = str_z(host);

    if (name.n > 0 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    ptrdiff_t dot = str_rfind_byte(name, '.');
    return str_ieq(str_sub(name, (size_t)(dot + 1), name.n), STR("localhost"));
}

enum rc
http_target_look(struct ctx *ctx, const struct http_client_cfg *cfg, struct str url,
                 struct http_target *out)
{
    struct parts p = {0};
    struct http_target target = {0};
    bool trusted = cfg->reach == ADDR_REACH_ANY;

    enum rc rc = take_apart(ctx, url, trusted, &p);
    if (rc == RC_OK && !trusted && is_refused_port(cfg, p.port)) {
        rc = refused(ctx, p.host);
    }
    if (rc == RC_OK && !trusted && p.is_literal) {
        rc = resolve_and_pin(ctx, cfg, &p, 0, &target);
    } else if (rc == RC_OK && cfg->reach == ADDR_REACH_PUBLIC && is_local_name(p.host)) {
        rc = refused(ctx, p.host);
    }
    rc = rc == RC_OK ? fill_target(ctx, &p, &target) : rc;
    if (rc == RC_OK) {
        *out = target;
    }
    return rc;
}

enum rc
http_target_follow(struct ctx *ctx, const char *base, struct str location, struct str *out)
{
    CURLU *u = curl_url();
    char *z = is_plain(location) ? arena_strz(ctx->arena, location) : NULL;
    char *url = NULL;

    if (u != NULL && z != NULL && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_URL, z, 0) == CURLUE_OK) {
        url = part(ctx, u, CURLUPART_URL, 0);
    }
    curl_url_cleanup(u);
    if (url == NULL) {
        return bad_url(ctx, "redirected to nowhere");
    }
    *out = str_z(url);
    return RC_OK;
}
