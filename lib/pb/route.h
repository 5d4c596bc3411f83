/* SPDX-License-Identifier: Apache-2.0
 *
 * The public endpoints as tables, made by tools/protoc-gen-assay from the `http` options in
 * proto/api (gen/routes.h: gw_trie), and the walk over their compiled trie.
 *
 * A fixed segment wins over one with a parameter ("/runs/status" over "/runs/{run_id}"), a
 * parameter with fixed text around it ("step_{n}.jpg") over a bare one, and a bare one over the
 * rest of the path ("{path=**}"). The path alone decides, then the verb: DELETE /runs/status is 405
 * even though DELETE /runs/{run_id} exists. A walk that ends nowhere goes back and tries the next
 * branch. One final slash is ignored. Each segment is percent-decoded once, after the split, so %2F
 * is part of a value.
 *
 * Threads: tables are constant, any number of walks at once. Nothing blocks.
 * Source: tests/contract, "Routing and union rules"; RFC 3986, 2.1 and 3.3 */
#ifndef ASSAY_PB_ROUTE_H
#define ASSAY_PB_ROUTE_H

#include "base/ctx.h"

struct pb_table;
struct rpc_method;

enum gw_verb { GW_GET, GW_POST, GW_PUT, GW_PATCH, GW_DELETE, GW_VERB_COUNT };

/* The enumerations of proto/assay/options.proto, same numbers. */
enum gw_surface {
    GW_VIBEVIEW,
    GW_TRIPWIRE,
    GW_AUTOSANA,
    GW_VIZZLY,
    GW_VIBETESTING,
    GW_EXTENSION,
    GW_SURFACE_COUNT
};
enum gw_role { GW_ROLE_NONE, GW_ROLE_ANY, GW_ROLE_VIEWER, GW_ROLE_DEVELOPER, GW_ROLE_ADMIN };
enum gw_rate { GW_RATE_DEFAULT, GW_RATE_UPLOAD_AI, GW_RATE_AUTH, GW_RATE_UNLIMITED, GW_RATE_COUNT };
enum gw_response {
    GW_RESP_JSON,
    GW_RESP_LIST,
    GW_RESP_VARIANT,
    GW_RESP_BLOB,
    GW_RESP_TEXT,
    GW_RESP_WEBSOCKET
};
/* What is read after the headers. BODY_AUTO of the options is resolved here. */
enum gw_body { GW_BODY_NONE, GW_BODY_JSON, GW_BODY_MULTIPART, GW_BODY_RAW };

/* `process` of an endpoint that the gateway answers itself: method->handler is set, call it. Other
 * values are enum svc_peer of svc/svc.h. */
#define GW_SELF (-1)

#define GW_PARAMS_MAX 8

struct gw_route {
    enum gw_verb verb;
    const char *pattern;     /* "/api/v1/runs/{run_id}": for logs and metrics */
    enum gw_surface surface; /* owner: decides the error body */
    unsigned surfaces;       /* 1 << gw_surface of the owner and of all that share it */
    enum gw_role role;
    enum gw_rate rate;
    uint16_t endpoint; /* index of the rpc's first route: key of per-endpoint rates */
    uint16_t status;   /* of success; VARIANT: the response field's own */
    enum gw_response response;
    enum gw_body body;
    int64_t max_body_bytes; /* 0: the server's default */
    bool query_token;
    bool any_agent; /* see options.proto */
    int process;    /* enum svc_peer, or GW_SELF */
    const struct rpc_method *method;
    const struct pb_table *req;  /* sources (path, query, header, body) are those of this route */
    const struct pb_table *resp; /* NULL for BLOB, TEXT and WEBSOCKET */
    const char *content_type;    /* NULL: application/json, or what the response says */
    const uint16_t *params;      /* indexes into req->fields of the path values, in order */
    size_t param_count;
};

/* --- compiled trie ------------------------------------------------------------------------- */

struct gw_edge {
    struct str text; /* whole segment, decoded */
    uint16_t node;
};

struct gw_param_edge {
    struct str prefix; /* fixed text around the value; usually empty */
    struct str suffix;
    uint16_t node;
};

struct gw_node {
    const struct gw_edge *edges;        /* sorted by str_cmp */
    const struct gw_param_edge *params; /* most fixed text first */
    uint16_t edge_count;
    uint16_t param_count;
    int16_t rest;                  /* node that takes the rest of the path, -1: none */
    int16_t routes[GW_VERB_COUNT]; /* indexes of routes, -1: none */
};

struct gw_trie {
    const struct gw_node *nodes; /* the first is the root */
    size_t node_count;
    const struct gw_route *routes;
    size_t route_count;
};

/* --- walk ---------------------------------------------------------------------------------- */

struct gw_match {
    const struct gw_route *route;
    struct str params[GW_PARAMS_MAX]; /* decoded, in the order of route->params */
    size_t param_count;
};

/* Finds the endpoint of a request. `path` is the raw path of the request line without the query.
 * `verb` may be GW_VERB_COUNT for a method that no endpoint has. HEAD is the caller's to map to
 * GET. *out_allowed (1 << gw_verb, or-ed) is written when the path is known, whatever the verb: the
 * Allow header.
 *
 * Errors: NOT_FOUND: unknown path, or an escape that is not two hexadecimal digits, decodes to NUL
 *                    or to malformed UTF-8: such a path names nothing.
 *         UNIMPLEMENTED: known path, other verbs (HTTP 405).
 *         RESOURCE_EXHAUSTED: more than 64 segments, or the arena is full.
 * Nothing is recorded in a ctx: the error body depends on the surface, which is the caller's part.
 * Ownership: values live in the arena or point into `path`. */
NODISCARD enum rc gw_route_find(const struct gw_trie *trie, enum gw_verb verb, struct str path,
                                struct arena *arena, struct gw_match *out, unsigned *out_allowed);

/* "GET" and so on; GW_VERB_COUNT for a name that is none of ours. Names are case-sensitive. */
enum gw_verb gw_verb_parse(struct str name);
const char *gw_verb_name(enum gw_verb verb);

#endif
