/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>

#include "groups.h"

/* --- reach --------------------------------------------------------------------------------- */

static void
reach(struct message *msg, bool in_request)
{
    bool *mark = in_request ? &msg->in_request : &msg->in_response;
    if (*mark) {
        return;
    }
    *mark = true;
    msg->is_public = true;
    for (size_t i = 0; i < msg->count; i++) {
        if (msg->fields[i].sub != NULL) {
            reach(msg->fields[i].sub, in_request);
        }
    }
}

static bool
writes_json(const Assay__Http *http)
{
    return http->response == ASSAY__RESPONSE_KIND__JSON ||
           http->response == ASSAY__RESPONSE_KIND__LIST ||
           http->response == ASSAY__RESPONSE_KIND__VARIANT;
}

static void
reach_all(struct model *m)
{
    for (size_t i = 0; i < m->route_count; i++) {
        const struct rpc *rpc = m->routes[i]->rpc;
        reach(rpc->req, true);
        if (writes_json(rpc->http)) {
            reach(rpc->resp, false);
        }
    }
}

/* --- messages ------------------------------------------------------------------------------ */

static void
check_names(struct model *m, const struct message *msg)
{
    for (size_t i = 0; i < msg->count; i++) {
        for (size_t j = i + 1; j < msg->count; j++) {
            if (strcmp(msg->fields[i].json, msg->fields[j].json) == 0) {
                fault(m, msg->fields[j].at, "member \"%s\" stands twice in %s", msg->fields[j].json,
                      msg->full);
            }
        }
    }
}

static void
check_message(struct model *m, const struct message *msg)
{
    if (msg->has_oneof) {
        fault(m, msg->at, "%s: use (message).exactly_one instead of oneof", msg->full);
    }
    for (size_t i = 0; i < msg->count; i++) {
        check_field(m, msg, &msg->fields[i]);
    }
    check_names(m, msg);
    groups_check(m, msg);
}

/* --- rpcs ---------------------------------------------------------------------------------- */

static void
check_list(struct model *m, const struct rpc *rpc)
{
    if (rpc->resp->count != 1 || !rpc->resp->fields[0].repeated || rpc->resp->fields[0].is_map) {
        fault(m, rpc->at, "%s: a LIST response has one field, and it repeats", rpc->desc->name);
    }
}

static bool
is_success(int32_t status)
{
    return status >= 200 && status < 400;
}

static void
check_variant(struct model *m, const struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->resp->count; i++) {
        const struct field *f = &rpc->resp->fields[i];
        if (f->kind != PB_MESSAGE || f->repeated) {
            fault(m, f->at, "%s: fields of a VARIANT response are single messages", f->desc->name);
        } else if (!f->opt->has_status || !is_success(f->opt->status)) {
            fault(m, f->at, "%s: a field of a VARIANT response carries its own `status`, 200..399",
                  f->desc->name);
        }
    }
}

static void
check_response_type(struct model *m, const struct rpc *rpc, const char *wanted)
{
    if (strcmp(rpc->resp->full, wanted) != 0) {
        fault(m, rpc->at, "%s: this kind of response returns %s", rpc->desc->name, wanted);
    }
}

static void
check_response(struct model *m, const struct rpc *rpc)
{
    switch (rpc->http->response) {
    case ASSAY__RESPONSE_KIND__LIST:
        check_list(m, rpc);
        break;
    case ASSAY__RESPONSE_KIND__VARIANT:
        check_variant(m, rpc);
        break;
    case ASSAY__RESPONSE_KIND__BLOB:
        check_response_type(m, rpc, "assay.Blob");
        break;
    case ASSAY__RESPONSE_KIND__TEXT:
        check_response_type(m, rpc, "assay.Text");
        break;
    default:
        break;
    }
    bool switches =
        rpc->http->response == ASSAY__RESPONSE_KIND__WEBSOCKET && rpc->http->status == 101;
    if (!switches && !is_success(rpc->http->status)) {
        fault(m, rpc->at, "%s: status %d is not 200..399", rpc->desc->name, rpc->http->status);
    }
}

static void
check_effect(struct model *m, const struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->route_count; i++) {
        if (rpc->routes[i]->verb == GW_GET && rpc->effect != ASSAY__EFFECT__READ) {
            fault(m, rpc->at, "%s: GET is safe, so the effect must be READ", rpc->desc->name);
        }
    }
}

static void
check_errors(struct model *m, const struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->http->n_error; i++) {
        struct str text = str_z(rpc->http->error[i]);
        struct str number = str_split(&text, ':');
        int64_t status;
        if (text.p == NULL || str_to_i64(number, 400, 599, &status) != RC_OK) {
            fault(m, rpc->at, "%s: error \"%s\" is not \"4xx or 5xx: when\"", rpc->desc->name,
                  rpc->http->error[i]);
        }
    }
}

static bool
process_is(const struct model *m, const struct service *s, const char *name)
{
    for (size_t i = 0; i < m->process_count; i++) {
        if (s->processes == 1U << i) {
            return strcmp(m->processes[i], name) == 0;
        }
    }
    return false;
}

static void
check_public_process(struct model *m, const struct rpc *rpc)
{
    const struct service *s = rpc->service;
    static const char *const reachable[] = {"gateway", "auth",    "sessions",
                                            "tests",   "billing", "webhooks"};
    for (size_t i = 0; i < ARRAY_LEN(reachable); i++) {
        if (process_is(m, s, reachable[i])) {
            return;
        }
    }
    fault(m, rpc->at,
          "%s: the gateway calls exactly one of gateway, auth, sessions, tests, billing, "
          "webhooks",
          rpc->full);
}

/* The gateway puts the bytes into the only field that is read from the body. */
static void
check_raw_body(struct model *m, const struct route *r)
{
    size_t fields = 0;
    size_t bytes = 0;

    if (r->body != GW_BODY_RAW) {
        return;
    }
    for (size_t i = 0; i < r->rpc->req->count; i++) {
        const struct field *f = &r->rpc->req->fields[i];
        fields += r->sources[i] == PB_FROM_BODY;
        bytes +=
            r->sources[i] == PB_FROM_BODY && f->kind == PB_BASE64 && !f->repeated && !f->required;
    }
    if (fields != 1 || bytes != 1) {
        fault(m, r->rpc->at, "%s: BODY_RAW needs exactly one field for the body, optional bytes",
              r->rpc->desc->name);
    }
}

static void
check_rpc(struct model *m, const struct rpc *rpc)
{
    if (rpc->for_org && (rpc->effect != ASSAY__EFFECT__READ || rpc->waits)) {
        fault(m, rpc->at, "%s: for_org is for a READ that does not wait", rpc->desc->name);
    }
    if (rpc->http == NULL) {
        return;
    }
    check_response(m, rpc);
    check_errors(m, rpc);
    check_effect(m, rpc);
    check_public_process(m, rpc);
    for (size_t i = 0; i < rpc->route_count; i++) {
        for (size_t j = 0; j < rpc->req->count; j++) {
            check_source(m, rpc->routes[i], j);
        }
        check_raw_body(m, rpc->routes[i]);
    }
}

static void
check_pair(struct model *m, const struct rpc *a, const struct rpc *b)
{
    if (a->id == b->id) {
        fault(m, b->at, "%s and %s have the same method id: rename one", a->full, b->full);
    }
    if ((a->service->processes & b->service->processes) != 0 && strcmp(a->snake, b->snake) == 0) {
        fault(m, b->at, "%s and %s would be the same handler: rename one", a->full, b->full);
    }
}

static void
check_pairs(struct model *m)
{
    size_t total = 0;
    for (size_t i = 0; i < m->service_count; i++) {
        total += m->services[i]->count;
    }
    const struct rpc **all = model_alloc(m, total, sizeof(*all));
    size_t n = 0;
    for (size_t i = 0; i < m->service_count; i++) {
        for (size_t j = 0; j < m->services[i]->count; j++) {
            all[n++] = &m->services[i]->rpcs[j];
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            check_pair(m, all[i], all[j]);
        }
    }
}

void
model_check(struct model *m)
{
    reach_all(m);
    for (size_t i = 0; i < m->message_count; i++) {
        if (m->messages[i]->is_public) {
            check_message(m, m->messages[i]);
        }
    }
    for (size_t i = 0; i < m->service_count; i++) {
        for (size_t j = 0; j < m->services[i]->count; j++) {
            check_rpc(m, &m->services[i]->rpcs[j]);
        }
    }
    check_pairs(m);
}
