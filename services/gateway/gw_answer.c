/* SPDX-License-Identifier: Apache-2.0
 *
 * From a response message to HTTP, by the route's kind. */
#include "gateway/gw.h"

#include <string.h>

#include "assay/common.pb-c.h"
#include "base/id.h"
#include "gateway/gw_reply.h"
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

/* True when the answer is one that a client may keep and ask for again. */
static bool
is_kept(const struct gw_req *r, int status)
{
    return r->route->verb == GW_GET && status == 200 && r->route->role != GW_ROLE_NONE;
}

/* What is to be made of an answer's body. */
static unsigned
body_how(const struct gw_req *r, int status)
{
    bool is_get = r->route->verb == GW_GET && status == 200;
    bool is_packed =
        is_get && gw_may_pack(r) && gw_accepts_gzip(web_header(r->http, "accept-encoding"));

    return (is_kept(r, status) ? GW_REPLY_TAG : 0) | (is_packed ? GW_REPLY_GZIP : 0);
}

struct rpc_form
gw_answer_form(const struct gw_req *r)
{
    return gw_reply_form(r->route, body_how(r, r->route->status));
}

static void
answer_body(struct gw_req *r, int status, struct str made)
{
    struct gw_reply body = gw_reply_read(made);

    gw_common_headers(r);
    if (r->route->verb == GW_GET && status == 200 && gw_may_pack(r)) {
        buf_put(r->headers, STR("Vary: Accept-Encoding\r\n"));
    }
    if (is_kept(r, status)) {
        char tag[32] = "W/\"";
        id_hex(&body.tag, sizeof(body.tag), tag + 3);
        memcpy(tag + 19, "\"", 2);
        buf_put(r->headers, STR("Cache-Control: private, no-cache\r\nETag: "));
        buf_putz(r->headers, tag);
        buf_put(r->headers, STR("\r\n"));
        if (gw_has_tag(web_header(r->http, "if-none-match"), str_z(tag))) {
            web_answer(r->conn, 304, buf_str(r->headers), STR_EMPTY);
            return;
        }
    } else {
        buf_put(r->headers, STR("Cache-Control: no-store\r\n"));
    }
    buf_put(r->headers, STR("Content-Type: application/json; charset=utf-8\r\n"));
    if (body.is_packed) {
        buf_put(r->headers, STR("Content-Encoding: gzip\r\n"));
    }
    web_answer(r->conn, status, buf_str(r->headers), body.bytes);
}

static void
answer_message(struct gw_req *r, int status, const struct pb_table *table,
               const ProtobufCMessage *msg)
{
    gw_reply_of(r->route, table, body_how(r, status), msg, r->out);
    if (buf_failed(r->out)) {
        (void)fail(&r->ctx, RC_INTERNAL, "ANSWER_TOO_LARGE", "the answer is too large");
        gw_answer_failure(r);
        return;
    }
    answer_body(r, status, buf_str(r->out));
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
            answer_message(r, field->status, field->sub, sub);
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

void
gw_answer(struct gw_req *r, const struct gw_result *result)
{
    switch (r->route->response) {
    case GW_RESP_JSON:
    case GW_RESP_LIST:
        if (result->msg == NULL) {
            answer_body(r, r->route->status, result->made);
        } else {
            answer_message(r, r->route->status, r->route->resp, result->msg);
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
}
