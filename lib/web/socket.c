/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSockets. Reading happens in the connection's own civetweb thread, sending in the `run` thread
 * (or any other): the lock keeps messages whole and `open` honest. */
#include "web/web_int.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 65536

bool
web_is_upgrade(const struct web_request *req)
{
    return str_eqz(req->verb, "GET") && str_ieq(web_header(req, "upgrade"), STR("websocket")) &&
           str_eqz(web_header(req, "sec-websocket-version"), "13") &&
           str_ifind(web_header(req, "connection"), STR("upgrade")) >= 0 &&
           web_header(req, "sec-websocket-key").n > 0;
}

bool
web_accept_socket(struct web_conn *conn, const struct web_socket_ops *ops, void *arg)
{
    struct web_server *server = conn->server;

    if (atomic_fetch_add(&server->sockets, 1) >= server->cfg.websockets_max) {
        atomic_fetch_sub(&server->sockets, 1);
        return false;
    }
    struct web_socket *ws = calloc(1, sizeof(*ws));
    if (ws == NULL) {
        atomic_fetch_sub(&server->sockets, 1);
        return false;
    }
    ws->server = server;
    ws->mg = conn->mg;
    ws->ops = ops;
    ws->arg = arg;
    buf_init(&ws->partial, MESSAGE_MAX);
    (void)pthread_mutex_init(&ws->lock, NULL);
    conn->accepted = ws;
    conn->answered = true;
    conn->status = 101;
    return true;
}

void
web__socket_free(struct web_socket *ws)
{
    if (ws->has_thread) {
        (void)pthread_join(ws->thread, NULL);
    }
    ws->ops->closed(ws->arg);
    atomic_fetch_sub(&ws->server->sockets, 1);
    buf_fini(&ws->partial);
    (void)pthread_mutex_destroy(&ws->lock);
    free(ws);
}

int
web__socket_connect(const struct mg_connection *mg, void *arg)
{
    (void)arg;
    /* Only what the handler accepted in begin_request may upgrade. */
    return mg_get_user_connection_data(mg) == NULL;
}

static void *
run_thread(void *arg)
{
    struct web_socket *ws = arg;

    ws->ops->run(ws->arg, ws);
    (void)pthread_mutex_lock(&ws->lock);
    if (ws->open) {
        (void)mg_websocket_write(ws->mg, MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE, "\x03\xe8", 2);
        ws->open = false;
    }
    (void)pthread_mutex_unlock(&ws->lock);
    return NULL;
}

void
web__socket_ready(struct mg_connection *mg, void *arg)
{
    struct web_socket *ws = mg_get_user_connection_data(mg);

    (void)arg;
    ws->mg = mg;
    ws->open = true;
    ws->has_thread = pthread_create(&ws->thread, NULL, run_thread, ws) == 0;
}

int
web__socket_data(struct mg_connection *mg, int bits, char *data, size_t n, void *arg)
{
    struct web_socket *ws = mg_get_user_connection_data(mg);
    int opcode = bits & 0xF;

    (void)arg;
    if (opcode == MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE) {
        return 0;
    }
    if (opcode == MG_WEBSOCKET_OPCODE_PING) {
        (void)pthread_mutex_lock(&ws->lock);
        (void)mg_websocket_write(mg, MG_WEBSOCKET_OPCODE_PONG, data, n);
        (void)pthread_mutex_unlock(&ws->lock);
        return 1;
    }
    if (opcode != MG_WEBSOCKET_OPCODE_TEXT && opcode != MG_WEBSOCKET_OPCODE_CONTINUATION) {
        return opcode == MG_WEBSOCKET_OPCODE_PONG;
    }
    if ((opcode == MG_WEBSOCKET_OPCODE_CONTINUATION) != ws->fragmented) {
        return 0; /* a new message within another, or the rest of none */
    }
    ws->fragmented = (bits & 0x80) == 0;
    buf_put(&ws->partial, str_n(data, n));
    if ((bits & 0x80) == 0 && !buf_failed(&ws->partial)) {
        return 1;
    }
    bool keep = !buf_failed(&ws->partial) && str_is_utf8(buf_str(&ws->partial)) &&
                ws->ops->message(ws->arg, ws, buf_str(&ws->partial));
    buf_clear(&ws->partial);
    return keep;
}

void
web__socket_close(const struct mg_connection *mg, void *arg)
{
    struct web_socket *ws = mg_get_user_connection_data(mg);

    (void)arg;
    if (ws == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&ws->lock);
    ws->open = false;
    (void)pthread_mutex_unlock(&ws->lock);
    mg_set_user_connection_data(mg, NULL);
    web__socket_free(ws);
}

bool
web_socket_send(struct web_socket *ws, struct str text)
{
    bool ok = false;

    (void)pthread_mutex_lock(&ws->lock);
    if (ws->open) {
        ok = mg_websocket_write(ws->mg, MG_WEBSOCKET_OPCODE_TEXT, text.p, text.n) > 0;
        ws->open = ok;
    }
    (void)pthread_mutex_unlock(&ws->lock);
    return ok;
}

bool
web_socket_is_open(struct web_socket *ws)
{
    (void)pthread_mutex_lock(&ws->lock);
    bool open = ws->open;
    (void)pthread_mutex_unlock(&ws->lock);
    return open;
}
