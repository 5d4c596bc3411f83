/* SPDX-License-Identifier: Apache-2.0
 *
 * From HTTP to a request message: path values, query, headers, body, by the route's table; and the
 * call. */
#include <string.h>

#include "auth.pb-c.h"
#include "auth_client.h"
#include "gateway/gw.h"
#include "gateway/gw_b64.h"
#include "sessions_client.h"
#include "tests_client.h"
#include "webhooks_client.h"

/* Decodes one key or value of a query string: '+' is a space.
 * Errors: INVALID_ARGUMENT: an escape that is none, or NUL, or malformed UTF-8. */
static enum rc
query_decode(struct ctx *ctx, struct str raw, struct str *out)
{
    char *p = arena_alloc(ctx->arena, raw.n + 1);
    size_t n = 0;

    if (p == NULL) {
        return fail_memory(ctx, "the query is too long");
    }
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] == '+') {
            p[n++] = ' ';
        } else if (raw.p[i] != '%') {
            p[n++] = raw.p[i];
        } else {
            int hi = raw.n - i > 2 ? ch_hex(raw.p[i + 1]) : -1;
            int lo = raw.n - i > 2 ? ch_hex(raw.p[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_QUERY",
                            "the query string is not properly encoded");
            }
            p[n++] = (char)(hi * 16 + lo);
            i += 2;
        }
    }
    *out = str_n(p, n);
    if (!str_is_utf8(*out)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_QUERY", "the query string is not UTF-8");
    }
    return RC_OK;
}

/* A path value that cannot name anything is a path that does not exist. */
static enum rc
read_path(struct gw_req *r, ProtobufCMessage *msg)
{
    for (size_t i = 0; i < r->match.param_count; i++) {
        const struct pb_field *field = &r->route->req->fields[r->route->params[i]];
        enum rc rc = pb_from_text(&r->ctx, field, r->match.params[i], msg);
        if (rc == RC_INVALID_ARGUMENT) {
            ctx_recover(&r->ctx);
            return fail(&r->ctx, RC_NOT_FOUND, "NOT_FOUND", "not found");
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

static enum rc
read_query(struct gw_req *r, ProtobufCMessage *msg)
{
    struct str query = r->http->query;

    while (query.p != NULL) {
        struct str value = str_split(&query, '&');
        struct str key = str_split(&value, '=');
        struct str name;
        if (key.n == 0) {
            continue;
        }
        enum rc rc = query_decode(&r->ctx, key, &name);
        const struct pb_field *field = rc == RC_OK ? pb_field_find(r->route->req, name) : NULL;
        if (rc == RC_OK && (field == NULL || field->source != PB_FROM_QUERY)) {
            continue;
        }
        struct str text;
        if (rc == RC_OK) {
            rc = query_decode(&r->ctx, value, &text);
        }
        if (rc == RC_OK) {
            rc = pb_from_text(&r->ctx, field, text, msg);
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

static enum rc
read_headers(struct gw_req *r, ProtobufCMessage *msg)
{
    const struct pb_table *table = r->route->req;

    for (size_t i = 0; i < table->count; i++) {
        const struct pb_field *field = &table->fields[i];
        if (field->source != PB_FROM_HEADER) {
            continue;
        }
        struct str value = web_header(r->http, field->header);
        enum rc rc = value.p == NULL ? RC_OK : pb_from_text(&r->ctx, field, value, msg);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

static size_t
body_max(const struct gw_req *r)
{
    int64_t own = r->route->max_body_bytes;
    return (size_t)(own > 0 ? own : r->gw->cfg->body_max_bytes);
}

#define FORM_CHUNK ((size_t)64 * 1024)

static enum rc
pump_form(struct gw_req *r, char *chunk)
{
    int64_t left = (int64_t)body_max(r);
    enum rc rc = RC_OK;
    size_t n = 1;

    while (rc == RC_OK && n > 0) {
        rc = web_read(r->conn, &r->ctx, chunk, FORM_CHUNK, &n);
        left -= rc == RC_OK ? (int64_t)n : 0;
        if (left < 0) {
            web_close_after(r->conn);
            return fail(&r->ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE",
                        "the body is larger than %zu bytes", body_max(r));
        }
        rc = rc == RC_OK ? gw_form_feed(r->form, &r->ctx, str_n(chunk, n)) : rc;
    }
    return rc == RC_OK ? gw_form_finish(r->form, &r->ctx) : rc;
}

/* Files go to the store as they come: memory does not grow with them. */
static enum rc
read_form(struct gw_req *r, ProtobufCMessage *msg)
{
    struct str boundary = gw_multipart_boundary(web_header(r->http, "content-type"));
    struct gw_form *form = arena_alloc(r->ctx.arena, sizeof(*form));
    char *chunk = arena_alloc(r->ctx.arena, FORM_CHUNK);

    if (r->http->content_length > (int64_t)body_max(r)) {
        web_close_after(r->conn);
        return fail(&r->ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE",
                    "the body is larger than %zu bytes", body_max(r));
    }
    if (boundary.p == NULL) {
        return fail(&r->ctx, RC_INVALID_ARGUMENT, "MALFORMED_MULTIPART",
                    "the body must be multipart/form-data with a boundary");
    }
    if (form == NULL || chunk == NULL) {
        return fail_memory(&r->ctx, "the request needs too much memory");
    }
    gw_form_begin(form, r->gw->blob, r->route->req, msg, boundary);
    r->form = form;
    return pump_form(r, chunk);
}

#define FILE_PIECE ((size_t)64 * 1024)

static enum rc
write_piece(void *arg, struct ctx *ctx, struct str bytes)
{
    return blob_write(arg, ctx, bytes);
}

/* The file of one field of a JSON body: its text is replaced by what it stands for in the store. */
static enum rc
store_file(struct gw_req *r, const struct pb_field *field, Assay__Blob *blob)
{
    struct blob_writer *writer = NULL;
    struct str text = str_z(blob->key);

    enum rc rc = blob_begin(r->gw->blob, &r->ctx, &writer);
    if (rc != RC_OK) {
        return rc;
    }
    struct gw_b64_sink sink = {write_piece, writer};
    rc = gw_b64_decode(&r->ctx, text, FILE_PIECE, &sink);
    if (rc == RC_OK) {
        struct gw_form_file file = {
            .writer = writer, .blob = blob, .owned = field->owned, .once = field->once};
        return gw_files_commit(&file, 1, &r->ctx);
    }
    blob_abort(writer);
    return rc == RC_INVALID_ARGUMENT && r->ctx.err.code == RC_OK
               ? fail(&r->ctx, rc, "INVALID_BODY", "%s is not base64", field->json)
               : fail_memory(&r->ctx, "the request is too large");
}

static enum rc
store_files(struct gw_req *r, ProtobufCMessage *msg)
{
    const struct pb_table *table = r->route->req;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < table->count; i++) {
        const struct pb_field *field = &table->fields[i];
        Assay__Blob *blob = NULL;
        if ((field->flags & PB_FILE) != 0) {
            memcpy(&blob, (char *)msg + field->offset, sizeof(blob));
        }
        rc = blob == NULL ? RC_OK : store_file(r, field, blob);
    }
    return rc;
}

/* Unchanged, for endpoints that check a signature over the bytes. */
static enum rc
read_raw(struct gw_req *r, ProtobufCMessage *msg)
{
    const struct pb_table *table = r->route->req;
    enum rc rc = web_read_body(r->conn, &r->ctx, body_max(r), &r->body);

    for (size_t i = 0; rc == RC_OK && i < table->count; i++) {
        const struct pb_field *field = &table->fields[i];
        if (field->source == PB_FROM_BODY) {
            char *base = (char *)msg;
            *(ProtobufCBinaryData *)(void *)(base + field->offset) =
                pb_bytes(r->ctx.arena, r->body);
            *(protobuf_c_boolean *)(void *)(base + field->quantifier) = 1;
        }
    }
    return rc;
}

static enum rc
read_body(struct gw_req *r, ProtobufCMessage *msg)
{
    if (r->route->body == GW_BODY_MULTIPART) {
        return read_form(r, msg);
    }
    if (r->route->body == GW_BODY_RAW) {
        return read_raw(r, msg);
    }
    if (r->route->body != GW_BODY_JSON) {
        return RC_OK;
    }
    enum rc rc = web_read_body(r->conn, &r->ctx, body_max(r), &r->body);
    if (rc != RC_OK) {
        return rc;
    }
    /* No body at all stands for an object without members: calls whose members are all optional
     * are made without one. */
    if (r->body.n == 0) {
        r->body = STR("{}");
    }
    return pb_from_json(&r->ctx, r->route->req, r->body, msg);
}

enum rc
gw_read_request(struct gw_req *r, ProtobufCMessage **out)
{
    ProtobufCMessage *msg = pb_new(r->ctx.arena, r->route->req->desc);

    if (msg == NULL) {
        return fail_memory(&r->ctx, "the request is too large");
    }
    enum rc rc = read_path(r, msg);
    rc = rc == RC_OK ? read_headers(r, msg) : rc;
    /* The body is read before the query is judged, so that what is left of it never becomes the
     * next request and 413 and 400 keep their rank. */
    rc = rc == RC_OK ? read_body(r, msg) : rc;
    rc = rc == RC_OK ? read_query(r, msg) : rc;
    rc = rc == RC_OK ? pb_check(&r->ctx, r->route->req, msg) : rc;
    if (rc == RC_OK && r->form != NULL) {
        r->ctx.deadline_us = clk_wall_us() + r->gw->cfg->call_timeout_us;
        rc = gw_form_commit(r->form, &r->ctx);
    } else if (rc == RC_OK && r->route->body == GW_BODY_JSON) {
        r->ctx.deadline_us = clk_wall_us() + r->gw->cfg->call_timeout_us;
        rc = store_files(r, msg);
    }
    if (rc == RC_OK) {
        *out = msg;
    }
    return rc;
}

static struct str
own_url(struct gw_req *r)
{
    const char *configured = r->gw->cfg->public_url;

    if (configured[0] != '\0') {
        return str_z(configured);
    }
    struct str host = web_header(r->http, "host");
    return arena_printf(r->ctx.arena, "http://%.*s", STR_ARG(host));
}

/* A handler of this process. */
static enum rc
call_self(struct gw_req *r, const ProtobufCMessage *req, struct gw_result *out)
{
    const struct rpc_method *method = r->route->method;
    ProtobufCMessage *msg = pb_new(r->ctx.arena, method->resp);

    if (msg == NULL) {
        return fail_memory(&r->ctx, "the request needs too much memory");
    }
    out->msg = msg;
    return method->handler(r->gw, &r->ctx, req, msg);
}

enum rc
gw_call(struct gw_req *r, const ProtobufCMessage *req, struct gw_result *out)
{
    struct ctx *ctx = &r->ctx;
    ProtobufCMessage *msg = NULL;

    ctx->deadline_us = clk_wall_us() + r->gw->cfg->call_timeout_us;
    ctx->idempotency_key = web_header(r->http, "idempotency-key");
    ctx->host = own_url(r);
    if (ctx->idempotency_key.n > 255 || !str_is_utf8(ctx->idempotency_key)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_HEADER",
                    "Idempotency-Key must be at most 255 characters");
    }
    if (r->route->process == GW_SELF) {
        return call_self(r, req, out);
    }
    struct rpc_client *client = svc_client(r->gw->svc, (enum svc_peer)r->route->process);
    if (r->route->response == GW_RESP_JSON || r->route->response == GW_RESP_LIST) {
        struct rpc_form form = gw_answer_form(r);
        return rpc_call_formed(client, ctx, r->route->method, req, &form, r->out, &out->made);
    }
    enum rc rc = rpc_call(client, ctx, r->route->method, req, &msg);
    out->msg = msg;
    return rc;
}

/* --- existence of path objects ------------------------------------------------------------- */

static enum rc
call_check_path(struct gw_req *r, const Assay__CheckPathRequest *req)
{
    Assay__Empty *resp = NULL;
    struct rpc_client *client = svc_client(r->gw->svc, (enum svc_peer)r->route->process);

    switch (r->route->process) {
    case SVC_AUTH:
        return auth_call_check_path(client, &r->ctx, req, &resp);
    case SVC_SESSIONS:
        return sessions_call_check_path(client, &r->ctx, req, &resp);
    case SVC_TESTS:
        return tests_call_check_path(client, &r->ctx, req, &resp);
    case SVC_WEBHOOKS:
        return webhooks_call_check_path(client, &r->ctx, req, &resp);
    default:
        return RC_OK;
    }
}

enum rc
gw_check_path(struct gw_req *r)
{
    struct err stands = r->ctx.err;
    size_t n = r->match.param_count;
    Assay__CheckPathRequest req = ASSAY__CHECK_PATH_REQUEST__INIT;

    if (n == 0 || r->route->process == GW_SELF || stands.code != RC_INVALID_ARGUMENT) {
        return stands.code;
    }
    Assay__PathParam *params = ARENA_ARRAY(r->ctx.arena, n, Assay__PathParam);
    Assay__PathParam **list = ARENA_ARRAY(r->ctx.arena, n, Assay__PathParam *);
    if (params == NULL || list == NULL) {
        return stands.code;
    }
    for (size_t i = 0; i < n; i++) {
        assay__path_param__init(&params[i]);
        params[i].name = arena_strz(r->ctx.arena, r->route->req->fields[r->route->params[i]].key);
        params[i].value = arena_strz(r->ctx.arena, r->match.params[i]);
        list[i] = &params[i];
    }
    req.route = arena_strz(r->ctx.arena, str_z(r->route->pattern));
    req.n_params = n;
    req.params = list;
    ctx_recover(&r->ctx);
    r->ctx.deadline_us = clk_wall_us() + r->gw->cfg->call_timeout_us;
    if (call_check_path(r, &req) == RC_NOT_FOUND) {
        return RC_NOT_FOUND;
    }
    r->ctx.err = stands;
    return stands.code;
}
