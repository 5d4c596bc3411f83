/* SPDX-License-Identifier: Apache-2.0
 *
 * BLOB responses: bytes stream from the store to the client, 64 KiB at a time. One byte range is
 * understood (videos and resumed downloads ask for one). Source: RFC 9110, 14. */
#include <stdlib.h>
#include <string.h>

#include "assay/common.pb-c.h"
#include "gateway/gw.h"

#define CHUNK ((size_t)64 * 1024)

struct range {
    bool asked;
    int64_t from;
    int64_t to; /* inclusive; -1: the end */
};

/* "bytes=a-b", "bytes=a-"; anything else is as if nothing was asked. So is a part of something the
 * client has another version of, which `since`, its If-Range, tells. */
static struct range
parse_range(struct str value, struct str since, struct str tag)
{
    static const struct range WHOLE = {.asked = false, .from = 0, .to = -1};
    struct range range = {.asked = true, .to = -1};

    if (!str_starts(value, STR("bytes=")) || (since.p != NULL && !str_eq(since, tag))) {
        return WHOLE;
    }
    struct str rest = str_sub(value, 6, value.n);
    struct str from = str_split(&rest, '-');
    if (str_to_i64(from, 0, INT64_MAX - 1, &range.from) != RC_OK || rest.p == NULL) {
        return WHOLE;
    }
    bool ok = rest.n == 0 || str_to_i64(rest, range.from, INT64_MAX - 1, &range.to) == RC_OK;
    return ok ? range : WHOLE;
}

/* Pictures and text may be shown; anything that could run script is downloaded. */
static const char *
safe_type(const char *type)
{
    static const char *const SHOWN[] = {"image/png",  "image/jpeg",       "image/webp",
                                        "image/gif",  "application/json", "text/plain",
                                        "video/webm", "application/pdf"};

    for (size_t i = 0; type != NULL && i < ARRAY_LEN(SHOWN); i++) {
        if (strcmp(type, SHOWN[i]) == 0) {
            return SHOWN[i];
        }
    }
    return "application/octet-stream";
}

/* Somebody else's page on our address: scripts run, but in an origin that shares nothing with ours,
 * which is why its own files must be readable from any. The address is the right to read it, so it
 * is neither passed on nor found by a search. */
#define HOSTED                                                                                     \
    "Content-Security-Policy: sandbox allow-scripts allow-forms allow-modals allow-popups "        \
    "allow-downloads\r\nAccess-Control-Allow-Origin: *\r\nCross-Origin-Resource-Policy: "          \
    "cross-origin\r\nReferrer-Policy: no-referrer\r\nX-Robots-Tag: noindex, nofollow\r\n"

/* What is stored under the SHA-256 of its bytes has that for its tag; empty: stored otherwise. */
static struct str
tag_of(struct gw_req *r, const Assay__Blob *blob)
{
    struct str sha =
        str_sub(str_z(blob->sha256 != NULL ? blob->sha256 : blob->key), 0, BLOB_SHA256_HEX_LEN);
    bool is_sha = sha.n == BLOB_SHA256_HEX_LEN;

    for (size_t i = 0; is_sha && i < sha.n; i++) {
        is_sha = ch_hex(sha.p[i]) >= 0;
    }
    return is_sha ? arena_printf(r->ctx.arena, "\"%.*s\"", STR_ARG(sha)) : STR_EMPTY;
}

static void
put_kind(struct gw_req *r, const Assay__Blob *blob)
{
    struct str tag = tag_of(r, blob);
    struct buf *h = r->headers;

    if (tag.n > 0) {
        buf_printf(h, "ETag: %.*s\r\n", STR_ARG(tag));
    }
    buf_put(h, blob->has_immutable && blob->immutable
                   ? STR("Cache-Control: private, max-age=31536000, immutable\r\n")
                   : STR("Cache-Control: private, no-cache\r\n"));
    if (blob->has_hosted && blob->hosted) {
        buf_printf(h, "Content-Type: %s\r\n" HOSTED, blob->content_type);
        return;
    }
    gw_cors_headers(r);
    buf_printf(h, "Content-Type: %s\r\nContent-Security-Policy: sandbox\r\n",
               safe_type(blob->content_type));
}

static void
put_headers(struct gw_req *r, const Assay__Blob *blob, const struct range *range, int64_t size,
            int64_t length)
{
    struct buf *h = r->headers;

    gw_plain_headers(r);
    put_kind(r, blob);
    buf_put(h, STR("Accept-Ranges: bytes\r\n"));
    if (range->asked) {
        buf_printf(h, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)range->from,
                   (long long)(range->from + length - 1), (long long)size);
    }
    if (blob->has_attachment && blob->attachment) {
        gw_put_attachment(h, str_z(blob->file_name));
    }
}

static void
stream(struct gw_req *r, struct blob_reader *reader, int64_t left)
{
    char *chunk = arena_alloc(r->ctx.arena, CHUNK);
    bool ok = chunk != NULL;

    while (ok && left > 0) {
        size_t n = 0;
        ok = blob_read(reader, &r->ctx, chunk, CHUNK, &n) == RC_OK && n > 0 &&
             web_write(r->conn, str_n(chunk, n));
        left -= (int64_t)n;
    }
    if (!ok) { /* the length was promised: the client must see that the rest is missing */
        web_close_after(r->conn);
    }
}

/* True when no bytes are needed: the page of a folder is shown under an address that ends in a
 * slash, else what it refers to is looked for beside the folder; or the client holds the file. */
static bool
answer_briefly(struct gw_req *r, const Assay__Blob *blob)
{
    struct str path = r->http->path;
    struct str query = r->http->query;
    int status = 304;

    bool moved = blob->has_index && blob->index && path.p[path.n - 1] != '/';
    struct str tag = tag_of(r, blob);
    if (!moved && (tag.n == 0 || !gw_has_tag(web_header(r->http, "if-none-match"), tag))) {
        return false;
    }
    gw_plain_headers(r);
    put_kind(r, blob);
    if (moved) {
        status = 308;
        buf_printf(r->headers, "Location: %.*s/%s%.*s\r\n", STR_ARG(path), query.n > 0 ? "?" : "",
                   STR_ARG(query));
    }
    web_answer(r->conn, status, buf_str(r->headers), STR_EMPTY);
    return true;
}

void
gw_answer_blob(struct gw_req *r, const ProtobufCMessage *message)
{
    const Assay__Blob *blob = (const Assay__Blob *)message;
    if (answer_briefly(r, blob)) {
        return;
    }
    struct range range =
        parse_range(web_header(r->http, "range"), web_header(r->http, "if-range"), tag_of(r, blob));
    struct blob_reader *reader = NULL;
    int64_t size = 0;

    r->ctx.deadline_us = clk_wall_us() + r->gw->cfg->call_timeout_us;
    int64_t want = range.asked && range.to >= 0 ? range.to - range.from + 1 : -1;
    enum rc rc =
        blob_read_open(r->gw->blob, &r->ctx, str_z(blob->key), range.from, want, &reader, &size);
    if (rc != RC_OK) {
        gw_answer_failure(r);
        return;
    }
    if (range.asked && range.from >= size) {
        gw_common_headers(r);
        buf_printf(r->headers, "Content-Range: bytes */%lld\r\n", (long long)size);
        web_answer(r->conn, 416, buf_str(r->headers), STR_EMPTY);
    } else {
        int64_t rest = size - (range.asked ? range.from : 0);
        int64_t length = want >= 0 && want < rest ? want : rest;
        bool is_head = str_eqz(r->http->verb, "HEAD");
        put_headers(r, blob, &range, size, length);
        r->ctx.deadline_us = 0; /* slow viewers are held by the connection's own time-outs */
        if (web_answer_begin(r->conn, range.asked ? 206 : 200, buf_str(r->headers), length) &&
            !is_head) {
            stream(r, reader, length);
        }
    }
    blob_read_close(reader);
}
