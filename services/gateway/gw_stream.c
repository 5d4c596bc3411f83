/* SPDX-License-Identifier: Apache-2.0
 *
 * WEBSOCKET endpoints: a thread per socket asks the service for the next messages and sends them
 * on. Nothing queues here: what a slow viewer did not take is replaced by newer frames at the
 * source. Before each message is sent its viewer's token is looked at again: a revoked one ends the
 * view. */
#include "gateway/gw.h"

#include <stdlib.h>
#include <string.h>

#include "assay/common.pb-c.h"
#include "json/json.h"
#include "sec/hash.h"

#define POLL_WAIT_US (5 * ASSAY_US_PER_S)
#define ARENA_MAX ((size_t)32 * 1024 * 1024)
#define MESSAGE_MAX ((size_t)16 * 1024 * 1024)

/* One socket. Strings are owned: the request is gone when it runs. */
struct stream {
    struct gateway *gw;
    const struct gw_route *route;
    char *session_id;
    char *token;
    char *email;
    char *request_id;
    struct principal who;
    int64_t after_seq;
    int64_t told_us; /* the end that the viewer knows of */
};

static void
stream_free(void *arg)
{
    struct stream *s = arg;

    if (s->token != NULL) {
        hash_wipe(s->token, strlen(s->token));
    }
    free(s->token);
    free(s->session_id);
    free(s->email);
    free(s->request_id);
    free(s);
}

static struct stream *
stream_new(struct gw_req *r, const Assay__StreamRequest *req)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->gw = r->gw;
    s->route = r->route;
    s->session_id = strdup(req->session_id);
    struct str token = gw_find_token(&r->ctx, r->http, false, r->route->query_token);
    s->token = strndup(token.n == 0 ? "" : token.p, token.n);
    s->email = strndup(r->ctx.who.email.n == 0 ? "" : r->ctx.who.email.p, r->ctx.who.email.n);
    s->request_id = strndup(r->ctx.request_id.p, r->ctx.request_id.n);
    s->who = r->ctx.who;
    s->after_seq = req->has_after_seq ? req->after_seq : 0;
    if (s->session_id == NULL || s->token == NULL || s->email == NULL || s->request_id == NULL) {
        stream_free(s);
        return NULL;
    }
    s->who.email = str_z(s->email);
    s->who.subject = STR_EMPTY;
    return s;
}

static void
stream_ctx(const struct stream *s, struct ctx *ctx, struct arena *arena)
{
    ctx_init(ctx, arena);
    ctx->who = s->who;
    ctx->request_id = str_z(s->request_id);
    ctx->deadline_us = clk_wall_us() + POLL_WAIT_US + 5 * ASSAY_US_PER_S;
}

static enum rc
poll_once(struct stream *s, struct ctx *ctx, int64_t wait_us, Assay__StreamResponse **out)
{
    Assay__StreamRequest req = ASSAY__STREAM_REQUEST__INIT;
    ProtobufCMessage *resp = NULL;

    req.session_id = s->session_id;
    PB_SET(&req, after_seq, s->after_seq);
    PB_SET(&req, wait_us, wait_us);
    PB_SET(&req, told_us, s->told_us);
    enum rc rc = rpc_call(svc_client(s->gw->svc, (enum svc_peer)s->route->process), ctx,
                          s->route->method, &req.base, &resp);
    *out = (Assay__StreamResponse *)resp;
    return rc;
}

/* {"seq":1,"type":"frame",<members>,"image":"..."} */
static void
put_message(struct buf *b, const Assay__StreamMessage *m)
{
    struct str json = str_n((const char *)m->json.data, m->has_json ? m->json.len : 0);

    buf_putc(b, '{');
    json_put_member_i64(b, "seq", m->seq);
    json_put_member_str(b, "type", str_z(m->type));
    if (json.n > 2) {
        buf_putc(b, ',');
        buf_put(b, str_sub(json, 1, json.n - 1));
    }
    if (m->has_jpeg) {
        buf_put(b, STR(",\"image\":\""));
        hash_put_b64(b, str_n((const char *)m->jpeg.data, m->jpeg.len));
        buf_putc(b, '"');
    }
    buf_putc(b, '}');
}

static bool
send_all(struct stream *s, struct web_socket *ws, struct buf *b, const Assay__StreamResponse *resp)
{
    for (size_t i = 0; i < resp->n_messages; i++) {
        buf_clear(b);
        put_message(b, resp->messages[i]);
        if (buf_failed(b) || !web_socket_send(ws, buf_str(b))) {
            return false;
        }
        s->after_seq = resp->messages[i]->seq;
    }
    s->told_us = resp->has_told_us ? resp->told_us : s->told_us;
    return !(resp->has_ended && resp->ended);
}

static void
send_failure(struct web_socket *ws, struct buf *b, const struct ctx *ctx)
{
    buf_clear(b);
    buf_putc(b, '{');
    json_put_member_str(b, "type", STR("error"));
    json_put_member_str(b, "message", ctx->err.msg);
    buf_putc(b, '}');
    if (!web_socket_send(ws, buf_str(b))) {
        buf_clear(b); /* the viewer is gone: nobody to tell */
    }
}

static void
stream_run(void *arg, struct web_socket *ws)
{
    struct stream *s = arg;
    struct arena *arena = arena_new(ARENA_MAX);
    struct buf b;
    bool go_on = arena != NULL;

    buf_init(&b, MESSAGE_MAX);
    while (go_on && web_socket_is_open(ws) && !svc_is_stopping(s->gw->svc)) {
        struct ctx ctx;
        Assay__StreamResponse *resp = NULL;
        arena_reset(arena);
        stream_ctx(s, &ctx, arena);
        enum rc rc = poll_once(s, &ctx, POLL_WAIT_US, &resp);
        rc = rc == RC_OK ? gw_identify_token(s->gw->identify, &ctx, str_z(s->token)) : rc;
        if (rc != RC_OK) {
            send_failure(ws, &b, &ctx);
        }
        go_on = rc == RC_OK && send_all(s, ws, &b, resp);
    }
    buf_fini(&b);
    arena_free(arena);
}

/* What viewers send is read and dropped: input goes through the control endpoint, which is limited,
 * checked and audited. */
static bool
stream_message(void *arg, struct web_socket *ws, struct str text)
{
    (void)arg;
    (void)ws;
    (void)text;
    return true;
}

void
gw_stream(struct gw_req *r, const ProtobufCMessage *req)
{
    static const struct web_socket_ops OPS = {stream_message, stream_run, stream_free};
    Assay__StreamResponse *resp = NULL;

    struct stream *s = stream_new(r, (const Assay__StreamRequest *)req);
    /* The first poll waits for nothing: it tells whether the session exists. */
    r->ctx.deadline_us = clk_wall_us() + r->gw->cfg->call_timeout_us;
    enum rc rc = s == NULL ? fail_memory(&r->ctx, "the request needs too much memory")
                           : poll_once(s, &r->ctx, 0, &resp);
    if (rc == RC_OK && !web_is_upgrade(r->http)) {
        rc = fail(&r->ctx, RC_INVALID_ARGUMENT, "UPGRADE_REQUIRED", "this is a WebSocket");
    }
    if (rc == RC_OK && !web_accept_socket(r->conn, &OPS, s)) {
        rc = fail(&r->ctx, RC_RESOURCE_EXHAUSTED, "OVERLOADED", "too many open streams");
    }
    if (rc != RC_OK) {
        if (s != NULL) {
            stream_free(s);
        }
        gw_answer_failure(r);
    }
}
