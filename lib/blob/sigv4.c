/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/sigv4.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "sec/hash.h"

#define SERVICE "s3"
#define STAMP_LEN 16 /* 20130524T000000Z */
#define DAY_LEN 8

/* 2013-05-24T00:00:00Z without its punctuation. */
static void
write_stamp(int64_t now_us, char out[STAMP_LEN + 1])
{
    char text[CLK_TEXT_MAX];
    size_t n = clk_format(now_us, CLK_Z, text);
    size_t done = 0;

    for (size_t i = 0; i < n && done < STAMP_LEN; i++) {
        if (text[i] != '-' && text[i] != ':') {
            out[done++] = text[i];
        }
    }
    out[done] = '\0';
}

static int
by_name(const void *a, const void *b)
{
    const struct http_header *x = a;
    const struct http_header *y = b;

    return str_cmp(x->name, y->name);
}

struct signing {
    const struct sigv4_request *req;
    struct arena *arena;
    char stamp[STAMP_LEN + 1];
    struct http_header headers[SIGV4_HEADERS_MAX]; /* signed ones, sorted */
    size_t count;
    struct str names; /* "host;x-amz-date" */
    struct str scope;
};

static void
collect_headers(struct signing *s)
{
    const struct sigv4_request *req = s->req;

    ASSERT(req->extra_count <= SIGV4_EXTRA_MAX);
    s->headers[s->count++] = (struct http_header){STR("host"), req->host};
    s->headers[s->count++] = (struct http_header){STR("x-amz-date"), str_z(s->stamp)};
    s->headers[s->count++] = (struct http_header){STR("x-amz-content-sha256"), req->payload_sha256};
    for (size_t i = 0; i < req->extra_count; i++) {
        s->headers[s->count++] = req->extra[i];
    }
    qsort(s->headers, s->count, sizeof(s->headers[0]), by_name);
    s->names = STR_EMPTY;
    for (size_t i = 0; i < s->count; i++) {
        s->names = arena_printf(s->arena, "%.*s%s%.*s", STR_ARG(s->names), i == 0 ? "" : ";",
                                STR_ARG(s->headers[i].name));
    }
}

static struct str
canonical_request(const struct signing *s)
{
    const struct sigv4_request *req = s->req;
    struct str lines = STR_EMPTY;

    for (size_t i = 0; i < s->count; i++) {
        lines = arena_printf(s->arena, "%.*s%.*s:%.*s\n", STR_ARG(lines),
                             STR_ARG(s->headers[i].name), STR_ARG(str_trim(s->headers[i].value)));
    }
    return arena_printf(s->arena, "%s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", req->method,
                        STR_ARG(req->path), STR_ARG(req->query), STR_ARG(lines), STR_ARG(s->names),
                        STR_ARG(req->payload_sha256));
}

static struct str
mac(struct str key, struct str data, unsigned char out[HASH_SHA256_LEN])
{
    hash_hmac_sha256(key, data, out);
    return str_n((const char *)out, HASH_SHA256_LEN);
}

static void
signature(const struct signing *s, struct str to_sign, char out[HASH_SHA256_HEX_LEN + 1])
{
    struct str first = arena_printf(s->arena, "AWS4%.*s", STR_ARG(s->req->secret_key));
    unsigned char a[HASH_SHA256_LEN];
    unsigned char b[HASH_SHA256_LEN];

    struct str key = mac(first, str_n(s->stamp, DAY_LEN), a);
    key = mac(key, s->req->region, b);
    key = mac(key, STR(SERVICE), a);
    key = mac(key, STR("aws4_request"), b);
    hash_hmac_sha256_hex(key, to_sign, out);
    hash_wipe(a, sizeof(a));
    hash_wipe(b, sizeof(b));
}

size_t
sigv4_sign(struct arena *arena, const struct sigv4_request *req,
           struct http_header out[SIGV4_HEADERS_MAX])
{
    struct signing s = {.req = req, .arena = arena};
    char hex[HASH_SHA256_HEX_LEN + 1];

    write_stamp(req->now_us, s.stamp);
    collect_headers(&s);
    s.scope =
        arena_printf(arena, "%.8s/%.*s/" SERVICE "/aws4_request", s.stamp, STR_ARG(req->region));
    hash_sha256_hex(canonical_request(&s), hex);
    struct str to_sign =
        arena_printf(arena, "AWS4-HMAC-SHA256\n%s\n%.*s\n%s", s.stamp, STR_ARG(s.scope), hex);
    signature(&s, to_sign, hex);
    struct str auth =
        arena_printf(arena, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s,SignedHeaders=%.*s,Signature=%s",
                     STR_ARG(req->access_key), STR_ARG(s.scope), STR_ARG(s.names), hex);
    size_t n = 0;
    for (size_t i = 0; i < s.count; i++) {
        if (!str_eqz(s.headers[i].name, "host")) {
            struct http_header h = {s.headers[i].name, arena_str(arena, s.headers[i].value)};
            out[n++] = h;
        }
    }
    out[n++] = (struct http_header){STR("Authorization"), auth};
    return arena_failed(arena) ? 0 : n;
}
