/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/ctext.h"
#include "emit.h"
#include "names.h"
#include "trie.h"

static const char *const surfaces[] = {"GW_VIBEVIEW", "GW_TRIPWIRE",    "GW_AUTOSANA",
                                       "GW_VIZZLY",   "GW_VIBETESTING", "GW_EXTENSION"};
static const char *const roles[] = {"GW_ROLE_NONE", "GW_ROLE_ANY", "GW_ROLE_VIEWER",
                                    "GW_ROLE_DEVELOPER", "GW_ROLE_ADMIN"};
static const char *const rates[] = {"GW_RATE_DEFAULT", "GW_RATE_UPLOAD_AI", "GW_RATE_AUTH",
                                    "GW_RATE_UNLIMITED"};
static const char *const responses[] = {"GW_RESP_JSON", "GW_RESP_LIST", "GW_RESP_VARIANT",
                                        "GW_RESP_BLOB", "GW_RESP_TEXT", "GW_RESP_WEBSOCKET"};
static const char *const bodies[] = {"GW_BODY_NONE", "GW_BODY_JSON", "GW_BODY_MULTIPART",
                                     "GW_BODY_RAW"};

static const char *
process_of(const struct model *m, const struct rpc *rpc)
{
    for (size_t i = 0; i < m->process_count; i++) {
        if ((rpc->service->processes & 1U << i) != 0) {
            return m->processes[i];
        }
    }
    return "";
}

static bool
is_gateway(const char *process)
{
    return strcmp(process, "gateway") == 0;
}

static bool
has_table(const struct rpc *rpc)
{
    return rpc->http->response == ASSAY__RESPONSE_KIND__JSON ||
           rpc->http->response == ASSAY__RESPONSE_KIND__LIST ||
           rpc->http->response == ASSAY__RESPONSE_KIND__VARIANT;
}

/* --- routes -------------------------------------------------------------------------------- */

static size_t
put_params(struct buf *b, const struct route *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct segment *seg = &r->segments[i];
        if (seg->kind == SEG_TEXT) {
            continue;
        }
        size_t member = 0;
        for (size_t j = 0; j < seg->field; j++) {
            member += field_is_member(&r->rpc->req->fields[j]);
        }
        if (n == 0) {
            buf_printf(b, "static const uint16_t params_%zu[] = {", r->index);
        }
        buf_printf(b, "%s%zu", n > 0 ? ", " : "", member);
        n++;
    }
    buf_putz(b, n > 0 ? "};\n" : "");
    return n;
}

static void
put_process(struct buf *b, const struct model *m, const struct rpc *rpc)
{
    const char *process = process_of(m, rpc);
    if (is_gateway(process)) {
        buf_printf(b, ".process = GW_SELF, .method = &gateway_%s_methods[%zu]", rpc->service->snake,
                   (size_t)(rpc - rpc->service->rpcs));
    } else {
        buf_printf(b, ".process = SVC_%s, .method = &%s_method_%s", name_upper(m->arena, process),
                   process, rpc->snake);
    }
}

static void
put_route(struct buf *b, const struct model *m, const struct route *r, size_t params)
{
    const Assay__Http *h = r->rpc->http;
    buf_printf(b, "    {.verb = GW_%s, .pattern = ", gw_verb_name(r->verb));
    put_c_string(b, r->pattern);
    buf_printf(b, ",\n     .surface = %s, .surfaces = 1U << %s", surfaces[h->surface],
               surfaces[h->surface]);
    for (size_t i = 0; i < h->n_shared_with; i++) {
        buf_printf(b, " | 1U << %s", surfaces[h->shared_with[i]]);
    }
    buf_printf(b,
               ",\n     .role = %s, .rate = %s, .endpoint = %zu, .status = %d, .response = %s,\n",
               roles[h->role], rates[h->rate], r->endpoint, h->status, responses[h->response]);
    buf_printf(b,
               "     .body = %s, .max_body_bytes = %lld, .query_token = %s, "
               ".any_agent = %s,\n     ",
               bodies[r->body], (long long)h->max_body_bytes, h->query_token ? "true" : "false",
               h->any_agent ? "true" : "false");
    put_process(b, m, r->rpc);
    buf_printf(b, ",\n     .req = &%s__table", r->table);
    if (has_table(r->rpc)) {
        buf_printf(b, ", .resp = &%s__table", r->rpc->resp->c_lower);
    }
    if (h->content_type != NULL) {
        buf_putz(b, ", .content_type = ");
        put_c_string(b, h->content_type);
    }
    if (params > 0) {
        buf_printf(b, ",\n     .params = params_%zu, .param_count = %zu", r->index, params);
    }
    buf_putz(b, "},\n");
}

static void
put_routes(struct buf *b, const struct model *m)
{
    size_t *params = arena_zalloc(m->arena, m->route_count + 1, sizeof(size_t));
    ASSERT(params != NULL);
    for (size_t i = 0; i < m->route_count; i++) {
        params[i] = put_params(b, m->routes[i]);
    }
    buf_putz(b, "\nstatic const struct gw_route routes[] = {\n");
    for (size_t i = 0; i < m->route_count; i++) {
        put_route(b, m, m->routes[i], params[i]);
    }
    buf_putz(b, m->route_count == 0 ? "    {0},\n};\n\n" : "};\n\n");
}

/* --- trie ---------------------------------------------------------------------------------- */

static void
put_str(struct buf *b, struct arena *arena, struct str s)
{
    buf_putz(b, "STR_INIT(");
    put_c_string(b, s.n > 0 ? arena_strz(arena, s) : "");
    buf_putz(b, ")");
}

static void
put_children(struct buf *b, struct arena *arena, const struct trie_node *node)
{
    if (node->edge_count > 0) {
        buf_printf(b, "static const struct gw_edge edges_%zu[] = {\n", node->index);
        for (size_t i = 0; i < node->edge_count; i++) {
            buf_putz(b, "    {");
            put_str(b, arena, node->edges[i].text);
            buf_printf(b, ", %zu},\n", node->edges[i].node->index);
        }
        buf_putz(b, "};\n");
    }
    if (node->param_count > 0) {
        buf_printf(b, "static const struct gw_param_edge param_edges_%zu[] = {\n", node->index);
        for (size_t i = 0; i < node->param_count; i++) {
            buf_putz(b, "    {");
            put_str(b, arena, node->params[i].prefix);
            buf_putz(b, ", ");
            put_str(b, arena, node->params[i].suffix);
            buf_printf(b, ", %zu},\n", node->params[i].node->index);
        }
        buf_putz(b, "};\n");
    }
}

static void
put_node(struct buf *b, const struct trie_node *node)
{
    buf_printf(b, "    {.rest = %d", node->rest != NULL ? (int)node->rest->index : -1);
    if (node->edge_count > 0) {
        buf_printf(b, ", .edges = edges_%zu, .edge_count = %zu", node->index, node->edge_count);
    }
    if (node->param_count > 0) {
        buf_printf(b, ", .params = param_edges_%zu, .param_count = %zu", node->index,
                   node->param_count);
    }
    buf_putz(b, ",\n     .routes = {");
    for (int v = 0; v < GW_VERB_COUNT; v++) {
        buf_printf(b, "%s%d", v > 0 ? ", " : "",
                   node->routes[v] != NULL ? (int)node->routes[v]->index : -1);
    }
    buf_putz(b, "}},\n");
}

static void
put_trie(struct buf *b, struct model *m, const struct trie *t)
{
    for (size_t i = 0; i < t->count; i++) {
        put_children(b, m->arena, t->nodes[i]);
    }
    buf_putz(b, "\nstatic const struct gw_node nodes[] = {\n");
    for (size_t i = 0; i < t->count; i++) {
        put_node(b, t->nodes[i]);
    }
    buf_printf(b, "};\n\nconst struct gw_trie gw_trie = {nodes, %zu, routes, %zu};\n", t->count,
               m->route_count);
}

void
emit_routes(struct model *m, const struct trie *trie, struct out *out)
{
    struct buf *h = out_file(out, "routes.h");
    begin_header(h, m->arena, "routes");
    buf_putz(h, "#include \"pb/route.h\"\n\nextern const struct gw_trie gw_trie;\n");
    end_header(h);

    struct buf *c = out_file(out, "routes.c");
    put_banner(c);
    buf_putz(c,
             "#include \"routes.h\"\n\n#include \"gateway_dispatch.h\"\n#include \"pb_tables.h\"\n"
             "#include \"svc/svc.h\"\n");
    for (size_t i = 0; i < m->process_count; i++) {
        if (!is_gateway(m->processes[i])) {
            buf_printf(c, "#include \"%s_client.h\"\n", m->processes[i]);
        }
    }
    buf_putc(c, '\n');
    put_routes(c, m);
    put_trie(c, m, trie);
}
