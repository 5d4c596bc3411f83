/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table that makes HTTP statuses of failures, and the error bodies of the dialects.
 * Source: tests/contract, "Errors". */
#include "gateway/gw.h"
#include "json/json.h"

#include <string.h>

/* Reasons whose status is not that of their code. */
static const struct {
    const char *reason;
    int status;
} BY_REASON[] = {
    {"MALFORMED_JSON", 400},    {"MALFORMED_MULTIPART", 400}, {"BODY_TOO_LARGE", 413},
    {"BODY_TOO_SLOW", 408},     {"BODY_TRUNCATED", 400},      {"OVERLOADED", 503},
    {"NOT_CONFIGURED", 503},    {"NO_DISPLAY", 503},          {"METHOD_NOT_ALLOWED", 405},
    {"UPGRADE_REQUIRED", 426},  {"BAD_REQUEST", 400},         {"REQUEST_TOO_LARGE", 413},
    {"CONFLICT", 409},          {"SETUP_COMPLETE", 409},      {"LAST_ADMIN", 409},
    {"QUOTA_EXCEEDED", 413},    {"UPSTREAM_FAILED", 502},     {"RATE_LIMITED", 429},
    {"UNSUPPORTED_MEDIA", 415}, {"NOTIFICATION_ERROR", 502},  {"CHAT_NOT_CONFIGURED", 400},
};

static const int BY_CODE[] = {
    [RC_OK] = 200,
    [RC_CANCELLED] = 503,
    [RC_UNKNOWN] = 502,
    [RC_INVALID_ARGUMENT] = 422, /* 400 on surfaces that say so */
    [RC_DEADLINE_EXCEEDED] = 504,
    [RC_NOT_FOUND] = 404,
    [RC_ALREADY_EXISTS] = 409,
    [RC_PERMISSION_DENIED] = 403,
    [RC_RESOURCE_EXHAUSTED] = 503,
    [RC_FAILED_PRECONDITION] = 400,
    [RC_ABORTED] = 409,
    [RC_OUT_OF_RANGE] = 422,
    [RC_UNIMPLEMENTED] = 501,
    [RC_INTERNAL] = 500,
    [RC_UNAVAILABLE] = 503,
    [RC_DATA_LOSS] = 500,
    [RC_UNAUTHENTICATED] = 401,
};

/* HTTP status of a failure on a surface. */
static int
status_of(const struct err *err, enum gw_surface surface)
{
    for (size_t i = 0; err->reason != NULL && i < ARRAY_LEN(BY_REASON); i++) {
        if (strcmp(err->reason, BY_REASON[i].reason) == 0) {
            return BY_REASON[i].status;
        }
    }
    int status = (size_t)err->code < ARRAY_LEN(BY_CODE) ? BY_CODE[err->code] : 500;
    bool shape_is_400 = surface == GW_VIZZLY || surface == GW_VIBETESTING;
    return status == 422 && shape_is_400 ? 400 : status;
}

enum gw_surface
gw_surface_of(struct str path)
{
    static const struct {
        struct str prefix;
        enum gw_surface surface;
    } PREFIXES[] = {
        {STR_INIT("/api/sdk"), GW_VIZZLY},
        {STR_INIT("/api/external"), GW_VIBETESTING},
    };

    for (size_t i = 0; i < ARRAY_LEN(PREFIXES); i++) {
        struct str rest = str_sub(path, PREFIXES[i].prefix.n, path.n);
        if (str_starts(path, PREFIXES[i].prefix) && (rest.n == 0 || rest.p[0] == '/')) {
            return PREFIXES[i].surface;
        }
    }
    return GW_TRIPWIRE; /* detail and type: what every other surface may send */
}

/* Reasons that are words of the `type` vocabulary themselves. */
static const char *const TYPE_REASONS[] = {
    "INVALID_YAML",   "INVALID_SCHEDULE",   "INVALID_IMAGE",    "UNKNOWN_CASE", "SETUP_COMPLETE",
    "NOT_CONFIGURED", "NOTIFICATION_ERROR", "GENERATION_ERROR", "NO_DISPLAY",
};

/* NOT_CONFIGURED says that the server lacks something (503); this one, that the organization does.
 */
static const char *
word_of(const char *reason)
{
    return strcmp(reason, "CHAT_NOT_CONFIGURED") == 0 ? "NOT_CONFIGURED" : reason;
}

static void
put_type(struct buf *b, const struct err *err, int status)
{
    static const struct {
        int status;
        const char *type;
    } TYPES[] = {
        {400, "validation_error"}, {401, "unauthorized"}, {403, "forbidden"},
        {404, "not_found"},        {409, "conflict"},     {413, "too_large"},
        {422, "validation_error"}, {429, "rate_limited"},
    };
    for (size_t i = 0; err->reason != NULL && i < ARRAY_LEN(TYPE_REASONS); i++) {
        if (strcmp(word_of(err->reason), TYPE_REASONS[i]) == 0) {
            char word[32];
            size_t n = 0;
            for (; TYPE_REASONS[i][n] != '\0' && n + 1 < sizeof(word); n++) {
                word[n] = ch_lower(TYPE_REASONS[i][n]);
            }
            json_put_member_str(b, "type", str_n(word, n));
            return;
        }
    }
    const char *type = status < 500 ? "validation_error" : "internal";
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        type = TYPES[i].status == status ? TYPES[i].type : type;
    }
    json_put_member_str(b, "type", str_z(type));
}

/* What the client may read. Of defects and unknown outcomes it learns the request id, no more. */
static struct str
client_text(struct gw_req *r, int status)
{
    const struct err *err = &r->ctx.err;

    if (status == 500 || err->msg.n == 0) {
        return arena_printf(r->ctx.arena, "%s; request %.*s",
                            status == 500 ? "internal error" : web_status_text(status),
                            STR_ARG(r->ctx.request_id));
    }
    return err->msg;
}

static void
put_error_body(struct gw_req *r, int status, struct str text)
{
    unsigned surfaces = r->route == NULL ? 1U << r->surface : r->route->surfaces;
    struct buf *b = r->out;

    buf_putc(b, '{');
    if (surfaces & (1U << GW_VIBETESTING)) {
        json_put_member_str(b, "status", STR("fail"));
        json_put_member_str(b, "reason", text);
    }
    if (surfaces & (1U << GW_VIZZLY)) {
        json_put_member_str(b, "error", text);
        if (r->ctx.err.data.n > 0) {
            json_put_key(b, "details");
            buf_put(b, r->ctx.err.data);
        }
    }
    if (surfaces & ~((1U << GW_VIBETESTING) | (1U << GW_VIZZLY))) {
        json_put_member_str(b, "detail", text);
    }
    if (surfaces & (1U << GW_TRIPWIRE)) {
        put_type(b, &r->ctx.err, status);
    }
    buf_putc(b, '}');
}

static void
put_allow(struct gw_req *r)
{
    bool first = true;

    buf_put(r->headers, STR("Allow: "));
    for (unsigned v = 0; v < GW_VERB_COUNT; v++) {
        if (r->allowed & (1U << v)) {
            buf_printf(r->headers, "%s%s", first ? "" : ", ", gw_verb_name((enum gw_verb)v));
            buf_put(r->headers, v == GW_GET ? STR(", HEAD") : STR_EMPTY);
            first = false;
        }
    }
    buf_put(r->headers, STR("\r\n"));
}

/* What the service said, or else `usual_us`. */
static void
put_retry_after(struct gw_req *r, int64_t usual_us)
{
    int64_t told_us = r->ctx.err.retry_after_us;
    int64_t wait_us = told_us > 0 ? told_us : usual_us;

    buf_put(r->headers, STR("Retry-After: "));
    buf_put_i64(r->headers, (wait_us + ASSAY_US_PER_S - 1) / ASSAY_US_PER_S);
    buf_put(r->headers, STR("\r\n"));
}

void
gw_answer_failure(struct gw_req *r)
{
    int status = status_of(&r->ctx.err, r->surface);
    struct str text = client_text(r, status);

    buf_clear(r->out);
    buf_clear(r->headers);
    put_error_body(r, status, text);
    gw_common_headers(r);
    buf_put(r->headers, STR("Content-Type: application/json; charset=utf-8\r\n"
                            "Cache-Control: no-store\r\n"));
    if (status == 401) {
        buf_put(r->headers, STR("WWW-Authenticate: Bearer\r\n"));
    } else if (status == 405) {
        put_allow(r);
    } else if (status == 426) {
        buf_put(r->headers, STR("Upgrade: websocket\r\n"));
    } else if (status == 429) {
        put_retry_after(r, r->rate.limited ? r->rate.reset_us : 60 * ASSAY_US_PER_S);
    } else if (status == 503) {
        put_retry_after(r, ASSAY_US_PER_S);
    }
    web_answer(r->conn, status, buf_str(r->headers), buf_str(r->out));
}
