/* SPDX-License-Identifier: Apache-2.0
 *
 * S3 over lib/http, path-style, one PUT per object, signed with the digest of what is sent. */
#include "blob/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "blob/sigv4.h"
#include "http/http.h"

#define WINDOW ((size_t)4 << 20) /* bytes fetched by one ranged GET at most */
#define ERROR_BODY_MAX ((size_t)16 << 10)
#define TIMEOUT_US (300 * ASSAY_US_PER_S)
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TRIES 3
#define RETRY_PAUSE_US (100 * ASSAY_US_PER_MS)

struct s3_store {
    struct arena *arena; /* of what follows */
    struct http_client *client;
    struct str endpoint; /* "https://host:port" */
    struct str host;     /* "host:port" */
    struct str base;     /* "/bucket/prefix/", encoded */
    struct str region;
    struct str access_key;
    struct str secret_key;
    const char *tmp_dir;
};

/* --- opening ------------------------------------------------------------------------------- */

static bool
host_is_plain(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        if (!ch_is_alpha(c) && !ch_is_digit(c) && memchr(".-:[]", c, 5) == NULL) {
            return false;
        }
    }
    return host.n > 0;
}

/* A default port is not sent in Host, and must not be signed. */
static struct str
host_to_sign(struct str endpoint)
{
    bool tls = str_starts(endpoint, STR("https://"));
    struct str host = str_sub(endpoint, tls ? 8 : 7, endpoint.n);
    struct str port = tls ? STR(":443") : STR(":80");

    return str_ends(host, port) ? str_sub(host, 0, host.n - port.n) : host;
}

static bool
take_option(struct s3_store *s3, struct str option)
{
    struct str value = option;
    struct str name = str_split(&value, '=');

    if (value.n == 0) {
        return false;
    }
    if (str_eqz(name, "endpoint")) {
        while (value.n > 0 && value.p[value.n - 1] == '/') {
            value.n--;
        }
        s3->endpoint = arena_str(s3->arena, value);
        return true;
    }
    if (str_eqz(name, "region")) {
        s3->region = arena_str(s3->arena, value);
        return true;
    }
    return false;
}

static bool
take_url(struct s3_store *s3, struct str rest, const char **out_why)
{
    struct str options = rest;
    struct str place = str_split(&options, '?');
    struct buf base;

    while (options.p != NULL && options.n > 0) {
        struct str option = str_split(&options, '&');
        if (!take_option(s3, option)) {
            *out_why = "the options of an s3 store are endpoint=URL and region=NAME";
            return false;
        }
    }
    if (s3->region.n == 0) {
        s3->region = STR("us-east-1");
    }
    if (s3->endpoint.n == 0) {
        s3->endpoint =
            arena_printf(s3->arena, "https://s3.%.*s.amazonaws.com", STR_ARG(s3->region));
    }
    s3->host = host_to_sign(s3->endpoint);
    while (place.n > 0 && place.p[place.n - 1] == '/') {
        place.n--;
    }
    buf_init(&base, 2048);
    buf_putc(&base, '/');
    http_put_encoded(&base, place, true);
    buf_putc(&base, '/');
    s3->base = arena_str(s3->arena, buf_str(&base));
    bool ok =
        place.n > 0 && place.p[0] != '/' && !buf_failed(&base) && str_find(place, STR("..")) < 0 &&
        host_is_plain(s3->host) &&
        (str_starts(s3->endpoint, STR("http://")) || str_starts(s3->endpoint, STR("https://")));
    buf_fini(&base);
    *out_why = "the s3 store needs a bucket, and an endpoint that is http(s)://host[:port]";
    return ok;
}

static void
s3_close(void *impl)
{
    struct s3_store *s3 = impl;

    http_client_free(s3->client);
    arena_free(s3->arena);
    free(s3);
}

enum rc
blob_s3_open(const struct blob_cfg *cfg, struct str rest, void **out, const char **out_why)
{
    /* The operator chose the endpoint; it may well be private. */
    struct http_client_cfg http = {.reach = ADDR_REACH_ANY, .timeout_us = TIMEOUT_US};
    struct s3_store *s3 = calloc(1, sizeof(*s3));

    *out_why = "out of memory";
    if (s3 == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    s3->arena = arena_new(64 * 1024);
    if (s3->arena == NULL || http_client_new(&http, &s3->client) != RC_OK) {
        s3_close(s3);
        return RC_RESOURCE_EXHAUSTED;
    }
    s3->access_key = arena_str(s3->arena, cfg->access_key);
    s3->secret_key = arena_str(s3->arena, cfg->secret_key);
    s3->tmp_dir = arena_strz(s3->arena, str_z(cfg->tmp_dir != NULL ? cfg->tmp_dir : "/tmp"));
    bool ok = take_url(s3, rest, out_why);
    if (ok && (cfg->access_key.n == 0 || cfg->secret_key.n == 0)) {
        *out_why = "the s3 store needs its access key and secret key";
        ok = false;
    }
    if (!ok || arena_failed(s3->arena)) {
        s3_close(s3);
        return RC_INVALID_ARGUMENT;
    }
    *out = s3;
    return RC_OK;
}

/* --- requests ------------------------------------------------------------------------------ */

struct s3_call {
    const char *method;
    struct str name; /* empty: the bucket's folder itself */
    struct str query;
    struct str range;               /* "bytes=0-9" */
    const struct blob_spool *spool; /* PUT */
    size_t response_max;
};

static enum rc
s3_send(struct s3_store *s3, struct ctx *ctx, const struct s3_call *call, struct http_response *out)
{
    struct http_header headers[SIGV4_HEADERS_MAX];
    struct http_header range = {STR("range"), call->range};
    char sha[HASH_SHA256_HEX_LEN + 1] = EMPTY_SHA256;
    struct str path = arena_printf(ctx->arena, "%.*s%.*s", STR_ARG(s3->base), STR_ARG(call->name));

    if (call->spool != NULL) {
        id_hex(call->spool->sha256, HASH_SHA256_LEN, sha);
    }
    struct sigv4_request sign = {.method = call->method,
                                 .host = s3->host,
                                 .path = path,
                                 .query = call->query,
                                 .payload_sha256 = str_z(sha),
                                 .extra = &range,
                                 .extra_count = call->range.n > 0 ? 1 : 0,
                                 .region = s3->region,
                                 .access_key = s3->access_key,
                                 .secret_key = s3->secret_key,
                                 .now_us = clk_wall_us()};
    size_t count = sigv4_sign(ctx->arena, &sign, headers);
    if (count == 0) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    struct http_request req = {.method = call->method,
                               .headers = headers,
                               .header_count = count,
                               .response_max =
                                   call->response_max > 0 ? call->response_max : ERROR_BODY_MAX};
    req.url = arena_printf(ctx->arena, "%.*s%.*s%s%.*s", STR_ARG(s3->endpoint), STR_ARG(path),
                           call->query.n > 0 ? "?" : "", STR_ARG(call->query));
    if (call->spool != NULL) {
        req.has_body = true;
        req.body_fd = call->spool->fd;
        req.body_fd_size = call->spool->size;
    }
    return http_send(s3->client, ctx, &req, out);
}

static bool
is_worth_a_retry(enum rc rc, int status)
{
    return rc == RC_UNAVAILABLE || rc == RC_UNKNOWN ||
           (rc == RC_OK && (status == 429 || status == 500 || status == 502 || status == 503));
}

/* Every call here may be repeated: the same bytes under the same name. */
static enum rc
s3_call(struct s3_store *s3, struct ctx *ctx, const struct s3_call *call, struct http_response *out)
{
    enum rc rc = RC_OK;

    for (int i = 0; i < TRIES; i++) {
        if (i > 0) {
            ctx_recover(ctx);
            (void)usleep((useconds_t)(RETRY_PAUSE_US << i));
        }
        rc = s3_send(s3, ctx, call, out);
        if (!is_worth_a_retry(rc, rc == RC_OK ? out->status : 0) ||
            ctx_left_us(ctx) < 4 * RETRY_PAUSE_US) {
            break;
        }
    }
    if (rc == RC_UNKNOWN || rc == RC_DEADLINE_EXCEEDED || rc == RC_UNAVAILABLE) {
        struct str detail = ctx->err.detail;
        ctx_recover(ctx);
        rc = fail(ctx, RC_UNAVAILABLE, "BLOB_STORE", "the file store does not answer");
        note(ctx, "%s %.*s: %.*s", call->method, STR_ARG(call->name), STR_ARG(detail));
    }
    return rc;
}

static enum rc
s3_refused(struct ctx *ctx, const struct s3_call *call, const struct http_response *resp)
{
    if (resp->status == 404) {
        return blob_not_found(ctx, call->name);
    }
    enum rc rc = fail(ctx, RC_UNAVAILABLE, "BLOB_STORE", "the file store refused the request");
    struct str body = str_sub(resp->body, 0, 400);
    note(ctx, "%s %.*s: status %d %.*s", call->method, STR_ARG(call->name), resp->status,
         STR_ARG(body));
    return rc;
}

/* --- operations ---------------------------------------------------------------------------- */

static enum rc
s3_spool(void *impl, struct ctx *ctx, struct blob_spool *spool)
{
    const struct s3_store *s3 = impl;
    char path[PATH_MAX];

    /* O_TMPFILE has no name to clean up after a crash. */
    spool->fd = open(s3->tmp_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd >= 0) {
        return RC_OK;
    }
    (void)snprintf(path, sizeof(path), "%s/assay-blob-XXXXXX", s3->tmp_dir);
    spool->fd = mkostemp(path, O_CLOEXEC);
    if (spool->fd < 0) {
        return blob_io_fail(ctx, "open of the spool file", errno);
    }
    (void)unlink(path);
    return RC_OK;
}

static enum rc
put_spool(void *impl, struct ctx *ctx, struct str name, struct blob_spool *spool)
{
    struct s3_call call = {.method = "PUT", .name = name, .spool = spool};
    struct http_response resp;

    enum rc rc = s3_call(impl, ctx, &call, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    return resp.status == 200 ? RC_OK : s3_refused(ctx, &call, &resp);
}

static enum rc
s3_publish(void *impl, struct ctx *ctx, const struct blob_named *files, size_t n)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        rc = put_spool(impl, ctx, files[i].name, files[i].spool);
    }
    return rc;
}

static enum rc
s3_open(void *impl, struct ctx *ctx, struct str name, struct blob_range *range, int64_t *out_size)
{
    struct s3_call call = {.method = "HEAD", .name = name};
    struct http_response resp;

    (void)range;
    enum rc rc = s3_call(impl, ctx, &call, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    if (resp.status != 200) {
        return s3_refused(ctx, &call, &resp);
    }
    struct str length = http_header_get(&resp, "content-length");
    return str_to_i64(length, 0, INT64_MAX, out_size) == RC_OK ? RC_OK
                                                               : s3_refused(ctx, &call, &resp);
}

static enum rc
s3_read(void *impl, struct ctx *ctx, struct blob_range *range, void *to, size_t n, size_t *out_n)
{
    size_t want = n < WINDOW ? n : WINDOW;
    struct s3_call call = {.method = "GET", .name = str_z(range->name), .response_max = want};
    struct http_response resp;

    call.range = arena_printf(ctx->arena, "bytes=%lld-%lld", (long long)range->at,
                              (long long)(range->at + (int64_t)want - 1));
    enum rc rc = s3_call(impl, ctx, &call, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    bool whole = resp.status == 200 && range->at == 0; /* a server may ignore ranges */
    if ((resp.status != 206 && !whole) || resp.body.n > want) {
        return s3_refused(ctx, &call, &resp);
    }
    memcpy(to, resp.body.n == 0 ? "" : resp.body.p, resp.body.n);
    *out_n = resp.body.n;
    return RC_OK;
}

static enum rc
s3_remove(void *impl, struct ctx *ctx, struct str name)
{
    struct s3_call call = {.method = "DELETE", .name = name};
    struct http_response resp;

    enum rc rc = s3_call(impl, ctx, &call, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    bool gone = resp.status == 204 || resp.status == 200 || resp.status == 404;
    return gone ? RC_OK : s3_refused(ctx, &call, &resp);
}

const struct blob_ops blob_s3_ops = {
    .close = s3_close,
    .spool = s3_spool,
    .publish = s3_publish,
    .open = s3_open,
    .read = s3_read,
    .remove = s3_remove,
};
