/* SPDX-License-Identifier: Apache-2.0
 *
 * The header fields that answers of all kinds have, and those of requests that several look at. */
#include "gateway/gw.h"

#define FILE_NAME_MAX 255

/* --- CORS ---------------------------------------------------------------------------------- */

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

    if (r->gw->cfg->cors_origins[0] == '\0') {
        return;
    }
    buf_put(r->headers, STR("Vary: Origin\r\n"));
    if (origin.n > 0 && is_allowed_origin(r->gw, origin)) {
        buf_printf(r->headers,
                   "Access-Control-Allow-Origin: %.*s\r\n"
                   "Access-Control-Expose-Headers: X-Request-Id, Retry-After, ETag, RateLimit, "
                   "RateLimit-Policy, Content-Disposition\r\n",
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

/* --- request id, rate, tags ---------------------------------------------------------------- */

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

static struct str
without_weakness(struct str tag)
{
    return str_starts(tag, STR("W/")) ? str_sub(tag, 2, tag.n) : tag;
}

bool
gw_has_tag(struct str list, struct str tag)
{
    while (list.p != NULL) {
        struct str one = str_trim(str_split(&list, ','));
        if (str_eqz(one, "*") || str_eq(without_weakness(one), without_weakness(tag))) {
            return true;
        }
    }
    return false;
}

/* --- downloads ----------------------------------------------------------------------------- */

/* Only what needs no escape, the rest by RFC 8187. */
void
gw_put_attachment(struct buf *h, struct str name)
{
    name = str_cut(name, FILE_NAME_MAX);
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
