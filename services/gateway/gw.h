/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway: the face of every service. One generated pipeline serves all endpoints: route,
 * identify, limit, role, transcode, call, answer. Nothing here knows a single endpoint; what
 * differs between them stands in proto/api. */
#ifndef ASSAY_GATEWAY_GW_H
#define ASSAY_GATEWAY_GW_H

#include "blob/blob_cfg.h"
#include "gateway/gw_form.h"
#include "gateway/gw_identify.h"
#include "gateway/gw_limit.h"
#include "met/met.h"
#include "pb/route.h"
#include "svc/svc.h"
#include "web/web.h"

struct gw_cfg {
    const char *http_listen;
    int64_t http_port;
    int64_t http_threads;
    int64_t head_timeout_us;
    int64_t body_timeout_us;
    int64_t call_timeout_us;
    int64_t body_max_bytes;
    const char *rate_limits;
    const char *gateways; /* name of all of them; empty: limits are this one's alone */
    const char *cors_origins;
    const char *trusted_proxies; /* NULL: none */
    const char *public_url;
    const char *web_dir;
    struct blob_settings blob;
    const char *issuer;
    const char *audience;
};

extern const struct cfg_row GW_CFG_ROWS[];
extern const size_t GW_CFG_COUNT;

struct gw_metrics {
    struct met_metric *requests; /* by route and status class */
    struct met_metric *took;     /* by route */
};

/* All endpoints; generated. A route's index here is its label's in the metrics. */
extern const struct gw_trie gw_trie;

struct gateway {
    const struct gw_cfg *cfg;
    struct svc *svc;
    struct web_server *web;
    struct gw_identify *identify;
    struct gw_limit *limit;
    struct gw_ring *ring; /* NULL: this gateway counts alone */
    struct blob_store *blob;
    struct gw_metrics met;
};

/* One HTTP request on its way through the pipeline. */
struct gw_req {
    struct gateway *gw;
    struct web_conn *conn;
    const struct web_request *http;
    struct ctx ctx;
    struct gw_match match;
    const struct gw_route *route; /* NULL until found */
    unsigned allowed;             /* verbs of the path, for 405 */
    enum gw_surface surface;
    struct gw_rate_state rate;
    struct str body;      /* as read; empty without one */
    struct gw_form *form; /* NULL until a multipart body is read */
    struct buf *headers;  /* lines of the answer's head */
    struct buf *out;      /* body of the answer */
};

/* Entry of lib/web: handles one request completely. */
void gw_handle(void *arg, struct web_conn *conn, const struct web_request *http);

/* Reads path, query, headers and body into a new request message.
 * Errors: INVALID_ARGUMENT with the transcoder's reasons, NOT_FOUND for a path value that cannot
 *         name anything, those of web_read_body. */
NODISCARD enum rc gw_read_request(struct gw_req *r, ProtobufCMessage **out);
/* An endpoint's answer: a message, or its body when another process gives it and its kind becomes
 * JSON as it is. */
struct gw_result {
    const ProtobufCMessage *msg; /* NULL: `made` */
    struct str made;             /* see gw_reply.h */
};
/* The form this request wants its body in. */
struct rpc_form gw_answer_form(const struct gw_req *r);
/* Calls the endpoint's process. */
NODISCARD enum rc gw_call(struct gw_req *r, const ProtobufCMessage *req, struct gw_result *out);
/* After a refused body: NOT_FOUND when the path names something that does not exist, else the
 * failure that stood before. */
NODISCARD enum rc gw_check_path(struct gw_req *r);

/* Answers with the response, by the route's kind. */
void gw_answer(struct gw_req *r, const struct gw_result *result);
/* Answers with the failure in r->ctx.err, in the dialect of r->surface. */
void gw_answer_failure(struct gw_req *r);
/* Streams a blob of the store. */
void gw_answer_blob(struct gw_req *r, const ProtobufCMessage *blob);
/* Files of the web folder: /docs and the dashboard. False when the path is none of them. */
bool gw_answer_file(struct gw_req *r);
/* Appends the fields of the rate limit and the request id to r->headers; those of CORS; both. */
void gw_plain_headers(struct gw_req *r);
void gw_cors_headers(struct gw_req *r);
void gw_common_headers(struct gw_req *r);
/* True when an If-None-Match holds this version: "*", or one of a list. Tags compare weakly. */
bool gw_has_tag(struct str list, struct str tag);
/* Appends Content-Disposition: attachment; `name` is a client's, or empty. */
void gw_put_attachment(struct buf *headers, struct str name);
/* Answers a CORS preflight. False when the request is none. */
bool gw_answer_preflight(struct gw_req *r);
/* Upgrades to a WebSocket and pumps the session's stream. */
void gw_stream(struct gw_req *r, const ProtobufCMessage *req);

/* Surface that owns a path no endpoint matches. */
enum gw_surface gw_surface_of(struct str path);

#endif
