/* SPDX-License-Identifier: Apache-2.0
 *
 * From a response message to HTTP, by the route's kind. */
#include "gateway/gw.h"

#include <stdio.h>
#include <string.h>

#include "assay/common.pb-c.h"
#include "gateway/gw_pack.h"
#include "log/log.h"

static bool
is_allowed_origin(const struct gateway *gw, struct str origin)
{
    struct str list = str_z(gw->cfg->cors_origins);

    while (list.n > 0) {
        if (str_eq(str_trim(str_split(&list, ',')), origin)) {
            return true;
        }
    }
    return false;
}

/* Explicit origins only. Source: Fetch standard, "CORS protocol". */
void
gw_cors_headers(struct gw_req *r)
{
    struct str origin = web_header(r->http, "origin");

    if (origin.n == 0 || r->gw->cfg->cors_origins[0] == '\0') {
        return;
    }
    buf_put(r->headers, STR("Vary: Origin\r\n"));
    if (is_allowed_origin(r->gw, origin)) {
        buf_printf(r->headers,
                   "Access-Control-Allow-Origin: %.*s\r\n"
                   "Access-Control-Expose-Headers: X-Request-Id, Retry-After, ETag\r\n",
                   STR_ARG(origin));
    }
}

bool
gw_answer_preflight(struct gw_req *r)
{
    if (!str_eqz(r->http->verb, "OPTIONS") || web_header(r->http, "origin").n == 0 ||
        web_header(r->http, "access-control-request-method").n == 0 ||
        r->gw->cfg->cors_origins[0] == '\0') {
        return false;
    }
    gw_common_headers(r);
    if (is_allowed_origin(r->gw, web_header(r->http, "origin"))) {
        buf_put(r->headers,
                STR("Access-Control-Allow-Methods: GET, POST, PUT, PATCH, DELETE\r\n"
                    "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, "
                    "X-API-Key, X-Request-Id, If-None-Match\r\n"
                    "Access-Control-Max-Age: 600\r\n"));
    }
    web_answer(r->conn, 204, buf_str(r->headers), STR_EMPTY);
    return true;
}

void
gw_plain_headers(struct gw_req *r)
{
    struct buf *h = r->headers;

    buf_put(h, STR("X-Request-Id: "));
    buf_put(h, r->ctx.request_id);
    buf_put(h, STR("\r\n"));
    if (r->rate.limited) {
        buf_put(h, STR("RateLimit-Policy: \""));
        buf_putz(h, r->rate.policy);
        buf_put(h, STR("\";q="));
        buf_put_i64(h, r->rate.quota);
        buf_put(h, STR(";w=60\r\nRateLimit: \""));
        buf_putz(h, r->rate.policy);
        buf_put(h, STR("\";r="));
        buf_put_i64(h, r->rate.remaining);
        buf_put(h, STR(";t="));
        buf_put_i64(h, (r->rate.reset_us + ASSAY_US_PER_S - 1) / ASSAY_US_PER_S);
        buf_put(h, STR("\r\n"));
    }
}

void
gw_common_headers(struct gw_req *r)
{
    gw_plain_headers(r);
    gw_cors_headers(r);
}

/* A tag of the bytes: eight at a time, for it is made of every list. Not for secrets. */
static uint64_t
tag_of(struct str body)
{
    uint64_t h = UINT64_C(0x9E3779B97F4A7C15) ^ body.n;
    size_t i = 0;

    for (; i + 8 <= body.n; i += 8) {
        uint64_t v;
        memcpy(&v, body.p + i, 8);
        h = (h ^ v) * UINT64_C(0xFF51AFD7ED558CCD);
        h ^= h >> 32;
    }
    for (; i < body.n; i++) {
        h = (h ^ (unsigned char)body.p[i]) * UINT64_C(0xFF51AFD7ED558CCD);
        h ^= h >> 32;
    }
    return h;
}

bool
gw_has_tag(struct str list, struct str tag)
{
    while (list.p != NULL) {
        struct str one = str_trim(str_split(&list, ','));
        bool weak = str_starts(tag, STR("W/"));
        if (str_eqz(one, "*") || str_eq(one, tag) ||
            (weak && str_eq(one, str_sub(tag, 2, tag.n)))) {
            return true;
        }
    }
    return false;
}

static void
answer_json(struct gw_req *r, int status)
{
    struct str body = buf_str(r->out);
    bool is_get = r->route->verb == GW_GET && status == 200;

    if (buf_failed(r->out)) {
        (void)fail(&r->ctx, RC_INTERNAL, "ANSWER_TOO_LARGE", "the answer is too large");
        gw_answer_failure(r);
        return;
    }
    gw_common_headers(r);
    bool may_pack = is_get && gw_may_pack(r);
    if (may_pack) {
        buf_put(r->headers, STR("Vary: Accept-Encoding\r\n"));
    }
    if (is_get && r->route->role != GW_ROLE_NONE) {
        char tag[32];
        int n = snprintf(tag, sizeof(tag), "W/\"%016llx\"", (unsigned long long)tag_of(body));
        buf_put(r->headers, STR("Cache-Control: private, no-cache\r\nETag: "));
        buf_put(r->headers, str_n(tag, (size_t)n));
        buf_put(r->headers, STR("\r\n"));
        if (gw_has_tag(web_header(r->http, "if-none-match"), str_n(tag, (size_t)n))) {
            web_answer(r->conn, 304, buf_str(r->headers), STR_EMPTY);
            return;
        }
    } else {
        buf_put(r->headers, STR("Cache-Control: no-store\r\n"));
    }
    buf_put(r->headers, STR("Content-Type: application/json; charset=utf-8\r\n"));
    struct str packed;
    if (may_pack && gw_pack(web_header(r->http, "accept-encoding"), body, &packed)) {
        buf_put(r->headers, STR("Content-Encoding: gzip\r\n"));
        body = packed;
    }
    web_answer(r->conn, status, buf_str(r->headers), body);
}

/* The one submessage that is set makes the body and the status. */
static void
answer_variant(struct gw_req *r, const ProtobufCMessage *resp)
{
    for (size_t i = 0; i < r->route->resp->count; i++) {
        const struct pb_field *field = &r->route->resp->fields[i];
        const ProtobufCMessage *sub = NULL;
        memcpy(&sub, (const char *)resp + field->offset, sizeof(sub));
        if (sub != NULL) {
            pb_to_json(field->sub, sub, r->out);
            answer_json(r, field->status);
            return;
        }
    }
    (void)fail(&r->ctx, RC_INTERNAL, "EMPTY_VARIANT", "the service answered nothing");
    gw_answer_failure(r);
}

#define FILE_NAME_MAX 255

/* Cuts a name between two of its characters. */
static struct str
shorten(struct str name)
{
    size_t n = name.n < FILE_NAME_MAX ? name.n : FILE_NAME_MAX;

    while (n < name.n && n > 0 && ((unsigned char)name.p[n] & 0xC0) == 0x80) {
        n--;
    }
    return str_sub(name, 0, n);
}

/* Only what needs no escape, the rest by RFC 8187. */
void
gw_put_attachment(struct buf *h, struct str name)
{
    name = shorten(name);
    if (name.n == 0) {
        buf_put(h, STR("Content-Disposition: attachment\r\n"));
        return;
    }
    buf_put(h, STR("Content-Disposition: attachment; filename=\""));
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        buf_putc(h, c < 0x20 || c >= 0x7F || c == '"' || c == '\\' || c == '/' ? '_' : (char)c);
    }
    buf_put(h, STR("\"; filename*=UTF-8''"));
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (ch_is_alpha((char)c) || ch_is_digit((char)c) || c == '.' || c == '-' || c == '_') {
            buf_putc(h, (char)c);
        } else {
            buf_printf(h, "%%%02X", c);
        }
    }
    buf_put(h, STR("\r\n"));
}

static void
answer_text(struct gw_req *r, const Assay__Text *text)
{
    gw_common_headers(r);
    buf_printf(r->headers, "Content-Type: %s\r\nCache-Control: no-store\r\n", text->content_type);
    if (text->file_name != NULL) {
        gw_put_attachment(r->headers, str_z(text->file_name));
    }
    web_answer(r->conn, r->route->status, buf_str(r->headers),
               str_n((const char *)text->body.data, text->body.len));
}

/* Writes the response as JSON to r->out. */
static enum rc
write_json(struct gw_req *r, const struct gw_result *result)
{
    const struct pb_table *table = r->route->resp;
    bool is_list = r->route->response == GW_RESP_LIST;

    if (result->msg != NULL) {
        (is_list ? pb_list_to_json : pb_to_json)(table, result->msg, r->out);
        return RC_OK;
    }
    enum rc rc = (is_list ? pb_wire_list_to_json : pb_wire_to_json)(table, result->packed, r->out);
    return rc == RC_OK
               ? rc
               : fail(&r->ctx, RC_UNKNOWN, "MALFORMED_ANSWER", "a service answered unintelligibly");
}

enum rc
gw_answer(struct gw_req *r, const struct gw_result *result)
{
    enum rc rc = RC_OK;

    switch (r->route->response) {
    case GW_RESP_JSON:
    case GW_RESP_LIST:
        rc = write_json(r, result);
        if (rc == RC_OK) {
            answer_json(r, r->route->status);
        }
        break;
    case GW_RESP_VARIANT:
        answer_variant(r, result->msg);
        break;
    case GW_RESP_TEXT:
        answer_text(r, (const Assay__Text *)result->msg);
        break;
    case GW_RESP_BLOB:
        gw_answer_blob(r, result->msg);
        break;
    case GW_RESP_WEBSOCKET:
        break;
    }
    return rc;
}
