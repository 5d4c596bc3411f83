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

static void
answer_text(struct gw_req *r, const Assay__Text *text)
{
    gw_common_headers(r);
    buf_printf(r->headers, "Content-Type: %s\r\nCache-Control: no-store\r\n", text->content_type);
    if (str_starts(str_z(text->content_type), STR("text/html"))) { /* a page of ours: no script */
        buf_put(r->headers, STR("Content-Security-Policy: default-src 'none'; style-src 'self'; "
                                "img-src data:; form-action 'self'; base-uri 'none'; "
                                "frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"));
    }
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
