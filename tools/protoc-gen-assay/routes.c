/* SPDX-License-Identifier: Apache-2.0
 *
 * "GET /api/v1/runs/{run_id}" into segments, and from where each field of the request is read. */
#include <string.h>

#include "model.h"
#include "names.h"

static size_t
find_field(const struct message *msg, struct str name)
{
    size_t i = 0;
    while (i < msg->count && !str_eqz(name, msg->fields[i].desc->name)) {
        i++;
    }
    return i;
}

/* "step_{step_index}.jpg", "{run_id}" or "{path=**}". */
static bool
parse_param(struct model *m, struct route *r, struct str text, struct segment *seg)
{
    struct where at = r->rpc->at;
    ptrdiff_t open = str_find_byte(text, '{');
    ptrdiff_t close = str_find_byte(text, '}');
    struct str after = close < 0 ? STR_EMPTY : str_sub(text, (size_t)close + 1, text.n);
    if (open < 0 || close < open || str_find_byte(after, '{') >= 0 ||
        str_find_byte(after, '}') >= 0) {
        fault(m, at, "route %s: \"%.*s\" is not one {parameter}", r->pattern, STR_ARG(text));
        return false;
    }
    struct str name = str_sub(text, (size_t)open + 1, (size_t)close);
    seg->kind = SEG_PARAM;
    seg->prefix = str_sub(text, 0, (size_t)open);
    seg->suffix = after;
    if (str_ends(name, STR("=**"))) {
        name.n -= 3;
        seg->kind = SEG_REST;
        if (seg->prefix.n + seg->suffix.n > 0) {
            fault(m, at, "route %s: nothing may stand around {...=**}", r->pattern);
        }
    }
    seg->field = find_field(r->rpc->req, name);
    if (seg->field == r->rpc->req->count) {
        fault(m, at, "route %s: {%.*s} is no field of %s", r->pattern, STR_ARG(name),
              r->rpc->req->full);
        return false;
    }
    return true;
}

static bool
has_segment_of(const struct route *r, size_t field)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->segments[i].kind != SEG_TEXT && r->segments[i].field == field) {
            return true;
        }
    }
    return false;
}

static bool
parse_segment(struct model *m, struct route *r, struct str text)
{
    struct segment seg = {.kind = SEG_TEXT, .text = text};
    if (r->count == SEGMENTS_MAX) {
        fault(m, r->rpc->at, "route %s: more than %d segments", r->pattern, SEGMENTS_MAX);
        return false;
    }
    if (r->count > 0 && r->segments[r->count - 1].kind == SEG_REST) {
        fault(m, r->rpc->at, "route %s: {...=**} must be the last segment", r->pattern);
        return false;
    }
    if (text.n == 0) {
        fault(m, r->rpc->at, "route %s: empty segment", r->pattern);
        return false;
    }
    if (str_find_byte(text, '{') >= 0 || str_find_byte(text, '}') >= 0) {
        if (!parse_param(m, r, text, &seg)) {
            return false;
        }
        if (has_segment_of(r, seg.field)) {
            fault(m, r->rpc->at, "route %s: a parameter stands twice", r->pattern);
        }
    }
    r->segments[r->count++] = seg;
    return true;
}

static bool
parse_path(struct model *m, struct route *r, struct str path)
{
    if (path.n == 0 || path.p[0] != '/') {
        fault(m, r->rpc->at, "route \"%.*s\" does not start with '/'", STR_ARG(path));
        return false;
    }
    struct str rest = str_sub(path, 1, path.n);
    if (rest.n > 0 && rest.p[rest.n - 1] == '/') {
        rest.n--; /* every path matches with and without it */
    }
    while (rest.n > 0 && rest.p != NULL) {
        if (!parse_segment(m, r, str_split(&rest, '/'))) {
            return false;
        }
    }
    size_t params = 0;
    for (size_t i = 0; i < r->count; i++) {
        params += r->segments[i].kind != SEG_TEXT;
    }
    if (params > GW_PARAMS_MAX) {
        fault(m, r->rpc->at, "route %s: more than %d parameters", r->pattern, GW_PARAMS_MAX);
    }
    return true;
}

/* Sources but for the body, which is decided when it is known whether fields are left for it. */
static bool
set_sources(struct route *r)
{
    const struct message *req = r->rpc->req;
    bool left = false;
    for (size_t i = 0; i < req->count; i++) {
        const struct field *f = &req->fields[i];
        if (has_segment_of(r, i)) {
            r->sources[i] = PB_FROM_PATH;
        } else if (f->opt->header != NULL) {
            r->sources[i] = PB_FROM_HEADER;
        } else if (f->opt->query) {
            r->sources[i] = PB_FROM_QUERY;
        } else {
            r->sources[i] = PB_FROM_BODY;
            left = left || field_is_member(f);
        }
    }
    return left;
}

static enum gw_body
body_of(const struct route *r, bool fields_left)
{
    if (r->rpc->http->request == ASSAY__REQUEST_KIND__BODY_MULTIPART) {
        return GW_BODY_MULTIPART;
    }
    if (r->rpc->http->request == ASSAY__REQUEST_KIND__BODY_RAW) {
        return GW_BODY_RAW;
    }
    bool verb_has_body = r->verb == GW_POST || r->verb == GW_PUT || r->verb == GW_PATCH;
    if (r->rpc->http->request == ASSAY__REQUEST_KIND__BODY_NONE || !verb_has_body || !fields_left) {
        return GW_BODY_NONE;
    }
    return GW_BODY_JSON;
}

static void
decide_sources(struct model *m, struct route *r)
{
    const struct message *req = r->rpc->req;
    r->sources = model_alloc(m, req->count, sizeof(uint8_t));
    bool left = set_sources(r);
    r->body = body_of(r, left);
    for (size_t i = 0; i < req->count && r->body == GW_BODY_NONE; i++) {
        if (r->sources[i] == PB_FROM_BODY) {
            r->sources[i] = PB_FROM_QUERY;
        }
    }
}

static bool
parse_route(struct model *m, struct rpc *rpc, const char *text, struct route *r)
{
    r->rpc = rpc;
    r->pattern = text;
    struct str path = str_z(text);
    struct str verb = str_split(&path, ' ');
    r->verb = gw_verb_parse(verb);
    if (r->verb == GW_VERB_COUNT) {
        fault(m, rpc->at, "route \"%s\": \"%.*s\" is not GET, POST, PUT, PATCH or DELETE", text,
              STR_ARG(verb));
        return false;
    }
    if (path.p == NULL || !parse_path(m, r, path)) {
        return false;
    }
    r->pattern = arena_strz(m->arena, path);
    decide_sources(m, r);
    return true;
}

static void
add_route(struct model *m, struct rpc *rpc, const char *text, size_t first)
{
    struct route *r = model_alloc(m, 1, sizeof(*r));
    if (!parse_route(m, rpc, text, r)) {
        return;
    }
    size_t nth = rpc->route_count;
    r->index = m->route_count;
    r->endpoint = first;
    r->table =
        nth == 0
            ? arena_printf(m->arena, "%s__%s_request", rpc->service->snake, rpc->snake).p
            : arena_printf(m->arena, "%s__%s_request_%zu", rpc->service->snake, rpc->snake, nth + 1)
                  .p;
    m->routes[m->route_count++] = r;
    rpc->routes[rpc->route_count++] = r;
}

static void
rpc_routes(struct model *m, struct rpc *rpc)
{
    size_t first = m->route_count;
    rpc->routes = model_alloc(m, 1 + rpc->http->n_also, sizeof(struct route *));
    add_route(m, rpc, rpc->http->route, first);
    for (size_t i = 0; i < rpc->http->n_also; i++) {
        add_route(m, rpc, rpc->http->also[i], first);
    }
}

void
model_routes(struct model *m)
{
    size_t total = 0;
    for (size_t i = 0; i < m->service_count; i++) {
        for (size_t j = 0; j < m->services[i]->count; j++) {
            const Assay__Http *http = m->services[i]->rpcs[j].http;
            total += http != NULL ? 1 + http->n_also : 0;
        }
    }
    m->routes = model_alloc(m, total, sizeof(struct route *));
    for (size_t i = 0; i < m->service_count; i++) {
        for (size_t j = 0; j < m->services[i]->count; j++) {
            if (m->services[i]->rpcs[j].http != NULL) {
                rpc_routes(m, &m->services[i]->rpcs[j]);
            }
        }
    }
}
