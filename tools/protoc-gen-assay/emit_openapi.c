/* SPDX-License-Identifier: Apache-2.0
 *
 * The OpenAPI document: one path item per node of the trie, so that two routes that differ only in
 * the names of their parameters are one path, as the standard wants it. */
#include <string.h>

#include "common/ctext.h"
#include "emit.h"
#include "openapi.h"

/* Parameter names of the path item, by position. */
struct path_names {
    const char *names[GW_PARAMS_MAX];
    size_t count;
};

/* --- one path ------------------------------------------------------------------------------ */

static struct path_names
names_of(const struct route *r)
{
    struct path_names p = {.count = 0};
    for (size_t i = 0; i < r->count; i++) {
        if (r->segments[i].kind != SEG_TEXT) {
            p.names[p.count++] = r->rpc->req->fields[r->segments[i].field].desc->name;
        }
    }
    return p;
}

/* The pattern without "=**", which OpenAPI does not know. */
static const char *
path_text(struct model *m, const struct route *r)
{
    struct str s = str_z(r->pattern);
    ptrdiff_t at = str_find(s, STR("=**}"));
    if (at < 0) {
        return r->pattern;
    }
    return arena_printf(m->arena, "%.*s}", (int)at, s.p).p;
}

/* --- parameters ---------------------------------------------------------------------------- */

static void
put_parameter(struct buf *b, const struct field *f, const char *name, const char *in)
{
    put_item(b);
    buf_putc(b, '{');
    put_member_z(b, "name", name);
    put_member_z(b, "in", in);
    bool path = strcmp(in, "path") == 0;
    if (path || f->required) {
        json_put_member_bool(b, "required", true);
    }
    if (f->opt->csv) {
        put_member_z(b, "style", "form");
        json_put_member_bool(b, "explode", false);
    }
    json_put_key(b, "schema");
    put_field_schema(b, f, true);
    buf_putc(b, '}');
}

static const struct field *
path_field(const struct route *r, size_t nth)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->segments[i].kind != SEG_TEXT && nth-- == 0) {
            return &r->rpc->req->fields[r->segments[i].field];
        }
    }
    return NULL;
}

static void
put_parameters(struct buf *b, const struct route *r, const struct path_names *names)
{
    const struct message *req = r->rpc->req;
    json_put_key(b, "parameters");
    buf_putc(b, '[');
    for (size_t i = 0; i < names->count; i++) {
        put_parameter(b, path_field(r, i), names->names[i], "path");
    }
    for (size_t i = 0; i < req->count; i++) {
        const struct field *f = &req->fields[i];
        if (!field_is_member(f)) {
            continue;
        }
        if (r->sources[i] == PB_FROM_QUERY) {
            put_parameter(b, f, f->json, "query");
        } else if (r->sources[i] == PB_FROM_HEADER) {
            put_parameter(b, f, f->opt->header, "header");
        }
    }
    buf_putc(b, ']');
}

static bool
body_is_required(const struct route *r)
{
    const struct message *req = r->rpc->req;
    for (size_t i = 0; i < req->count; i++) {
        if (r->sources[i] == PB_FROM_BODY && req->fields[i].required) {
            return true;
        }
    }
    return req->opt != NULL && req->opt->n_exactly_one + req->opt->n_at_least_one > 0;
}

static void
put_request_body(struct buf *b, const struct route *r)
{
    if (r->body == GW_BODY_NONE) {
        return;
    }
    json_put_key(b, "requestBody");
    buf_putc(b, '{');
    json_put_member_bool(b, "required", body_is_required(r));
    json_put_key(b, "content");
    if (r->body == GW_BODY_RAW) {
        buf_putz(b, "{\"*/*\":{}}}");
        return;
    }
    buf_printf(b, "{\"%s\":{\"schema\":",
               r->body == GW_BODY_MULTIPART ? "multipart/form-data" : "application/json");
    put_object_schema(b, r->rpc->req, true, r->sources, PB_FROM_BODY);
    buf_putz(b, "}}}");
}

/* --- operations ---------------------------------------------------------------------------- */

static void
put_comment(struct buf *b, const struct rpc *rpc)
{
    struct str rest = str_z(rpc->comment);
    struct str summary = str_split(&rest, '\n');
    if (summary.n > 0 && summary.p[summary.n - 1] == '.') {
        summary.n--;
    }
    json_put_member_str(b, "summary", summary.n > 0 ? summary : str_z(rpc->desc->name));
    if (rest.n > 0) {
        json_put_member_str(b, "description", str_trim(rest));
    }
}

static void
put_tags(struct buf *b, const Assay__Http *http)
{
    json_put_key(b, "tags");
    buf_putc(b, '[');
    json_put_str(b, str_z(surface_tag(http->surface)));
    for (size_t i = 0; i < http->n_shared_with; i++) {
        put_item(b);
        json_put_str(b, str_z(surface_tag(http->shared_with[i])));
    }
    buf_putc(b, ']');
}

static void
put_security(struct buf *b, const Assay__Http *http)
{
    json_put_key(b, "security");
    if (http->role == ASSAY__ROLE__NONE) {
        buf_putz(b, "[]");
        return;
    }
    buf_putz(b, "[{\"bearer\":[]},{\"apiKeyAuthorization\":[]},{\"apiKeyHeader\":[]}");
    if (http->surface == ASSAY__SURFACE__VIBETESTING) {
        buf_putz(b, ",{\"apiKeyQuery\":[]}");
    }
    buf_putz(b, http->query_token ? ",{\"tokenQuery\":[]}]" : "]");
}

static void
put_limits(struct buf *b, const struct route *r)
{
    static const char *const roles[] = {"none", "any", "viewer", "developer", "admin"};
    static const char *const rates[] = {"default", "upload_ai", "auth", "unlimited"};
    const Assay__Http *http = r->rpc->http;
    put_member_z(b, "x-assay-role", roles[http->role]);
    put_member_z(b, "x-assay-rate-class", rates[http->rate]);
    if (http->max_body_bytes > 0 && r->body != GW_BODY_NONE) {
        json_put_member_i64(b, "x-assay-max-body-bytes", http->max_body_bytes);
    }
}

static void
put_operation(struct buf *b, struct model *m, const struct route *r, const struct path_names *names)
{
    static const char *const verbs[] = {"get", "post", "put", "patch", "delete"};
    const struct rpc *rpc = r->rpc;
    json_put_key(b, verbs[r->verb]);
    buf_putc(b, '{');
    size_t nth = 1;
    while (rpc->routes[nth - 1] != r) {
        nth++;
    }
    const char *suffix = nth > 1 ? arena_printf(m->arena, "_%zu", nth).p : "";
    put_member_z(b, "operationId",
                 arena_printf(m->arena, "%s_%s%s", rpc->service->snake, rpc->snake, suffix).p);
    put_comment(b, rpc);
    put_tags(b, rpc->http);
    put_security(b, rpc->http);
    put_parameters(b, r, names);
    put_request_body(b, r);
    put_responses(b, m, r);
    put_limits(b, r);
    buf_putc(b, '}');
}

/* NULL for a page: people see it in a browser, it is no part of the API. */
static const struct route *
operation_at(const struct trie_node *node, int verb)
{
    const struct route *r = node->routes[verb];
    const char *type = r == NULL ? NULL : r->rpc->http->content_type;

    return type != NULL && str_starts(str_z(type), STR("text/html")) ? NULL : r;
}

static const struct route *
first_route(const struct trie_node *node)
{
    const struct route *first = NULL;
    for (int v = 0; v < GW_VERB_COUNT; v++) {
        const struct route *r = operation_at(node, v);
        if (r != NULL && (first == NULL || r->index < first->index)) {
            first = r;
        }
    }
    return first;
}

static void
put_path_item(struct buf *b, struct model *m, const struct trie_node *node)
{
    const struct route *first = first_route(node);
    if (first == NULL) {
        return;
    }
    struct path_names names = names_of(first);
    json_put_key(b, path_text(m, first));
    buf_putc(b, '{');
    for (int v = 0; v < GW_VERB_COUNT; v++) {
        const struct route *r = operation_at(node, v);
        if (r != NULL) {
            put_operation(b, m, r, &names);
        }
    }
    buf_putc(b, '}');
}

/* --- the document -------------------------------------------------------------------------- */

static void
put_tag_list(struct buf *b)
{
    json_put_key(b, "tags");
    buf_putc(b, '[');
    for (int i = 0; i < GW_SURFACE_COUNT; i++) {
        put_item(b);
        buf_putc(b, '{');
        put_member_z(b, "name", surface_tag(i));
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void
put_security_schemes(struct buf *b)
{
    json_put_key(b, "securitySchemes");
    buf_putz(b, "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"A JWT of a "
                "login, or a token tok_, tw_ or vzy_.\"},"
                "\"apiKeyAuthorization\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":"
                "\"Authorization\",\"description\":\"The word api-key, a space and the token.\"},"
                "\"apiKeyHeader\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"},"
                "\"apiKeyQuery\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"api-key\"},"
                "\"tokenQuery\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"token\","
                "\"description\":\"For images and sockets, whose clients send no headers.\"}}");
}

static void
put_document(struct buf *b, struct model *m, const struct trie *trie)
{
    buf_putz(b, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"assay\",\"version\":\"1.0.0\","
                "\"description\":\"End-to-end and visual tests in plain English. Every path also "
                "works with a final slash. Clients ignore members they do not know.\"},"
                "\"servers\":[{\"url\":\"/\"}]");
    put_tag_list(b);
    json_put_key(b, "paths");
    buf_putc(b, '{');
    for (size_t i = 0; i < trie->count; i++) {
        put_path_item(b, m, trie->nodes[i]);
    }
    buf_putc(b, '}');
    json_put_key(b, "components");
    buf_putc(b, '{');
    put_security_schemes(b);
    json_put_key(b, "schemas");
    buf_putc(b, '{');
    put_error_schemas(b);
    put_message_schemas(b, m);
    buf_putz(b, "}}}\n");
}

void
emit_openapi(struct model *m, const struct trie *trie, struct out *out)
{
    struct buf *json = out_file(out, "openapi.json");
    put_document(json, m, trie);

    struct buf *h = out_file(out, "openapi_json.h");
    begin_header(h, m->arena, "openapi_json");
    buf_putz(h, "#include \"base/str.h\"\n\n/* The text of GET /openapi.json. */\n"
                "extern const struct str openapi_json;\n");
    end_header(h);

    struct buf *c = out_file(out, "openapi_json.c");
    put_banner(c);
    buf_putz(c, "#include \"openapi_json.h\"\n\nstatic const char text[] =\n");
    put_c_block(c, json->p, json->n);
    buf_putz(c, ";\n\nconst struct str openapi_json = {text, sizeof(text) - 1};\n");
}
