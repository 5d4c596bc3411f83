/* SPDX-License-Identifier: Apache-2.0
 *
 * Start, dispatch, stop. Every request passes begin_request, which answers all of them, but for
 * accepted WebSocket upgrades: those fall through to civetweb's handler registered for every path.
 */
#include "web/web_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Answers without a handler: the framing is wrong, or civetweb could not read the request. */
static void
refuse(struct mg_connection *mg, int status, const char *text)
{
    char head[512];
    char body[256];

    int n = snprintf(body, sizeof(body), "{\"detail\":\"%s\"}", text);
    int h = snprintf(head, sizeof(head),
                     "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\n"
                     "Content-Length: %d\r\nX-Content-Type-Options: nosniff\r\n"
                     "Connection: close\r\n\r\n%s",
                     status, web_status_text(status), n, body);
    mg_disable_connection_keep_alive(mg);
    if (h > 0 && (size_t)h < sizeof(head)) {
        (void)mg_write(mg, head, (size_t)h);
    }
}

static size_t
collect_headers(const struct mg_request_info *info, struct web_header out[WEB_HEADERS_MAX])
{
    size_t n = 0;

    for (int i = 0; i < info->num_headers && n < WEB_HEADERS_MAX; i++) {
        out[n].name = str_z(info->http_headers[i].name);
        /* civetweb leaves the blanks behind a value. Source: RFC 9110 section 5.5. */
        out[n++].value = str_trim(str_z(info->http_headers[i].value));
    }
    return n;
}

static int64_t
body_length(const struct web_request *req, const struct mg_request_info *info)
{
    if (web_header(req, "transfer-encoding").p != NULL) {
        return -1;
    }
    return info->content_length > 0 ? info->content_length : 0;
}

/* civetweb keeps a connection for exactly these; the answer must not promise otherwise. */
static bool
wants_close(const struct web_request *req, const struct mg_request_info *info)
{
    struct str connection = web_header(req, "connection");

    if (connection.p == NULL) {
        return strcmp(info->http_version, "1.1") != 0;
    }
    return !str_ieq(connection, STR("keep-alive"));
}

/* Lets the handler answer. `count` 0 with `close`: of the head only its first line is known. */
static int
serve(struct mg_connection *mg, const struct mg_request_info *info,
      const struct web_header *headers, size_t count, bool close)
{
    struct web_server *server = info->user_data;
    struct web_request req = {
        .verb = str_z(info->request_method),
        .path = str_z(info->request_uri),
        .query = str_z(info->query_string),
        .peer = str_z(info->remote_addr),
        .headers = headers,
        .header_count = count,
        .began_us = clk_mono_us(),
    };
    /* request_uri still holds the query in some builds: it is cut here either way. */
    ptrdiff_t q = str_find_byte(req.path, '?');
    if (q >= 0) {
        req.query = str_sub(req.path, (size_t)q + 1, req.path.n);
        req.path = str_sub(req.path, 0, (size_t)q);
    }
    req.content_length = close ? 0 : body_length(&req, info);

    struct web_conn conn = {
        .server = server,
        .mg = mg,
        .req = &req,
        .body_left = req.content_length,
        .is_head = str_eqz(req.verb, "HEAD"),
        .close = close || wants_close(&req, info),
    };
    atomic_fetch_add(&server->in_flight, 1);
    server->cfg.handler(server->cfg.arg, &conn, &req);
    if (conn.accepted != NULL) {
        mg_set_user_connection_data(mg, conn.accepted);
        atomic_fetch_sub(&server->in_flight, 1);
        return 0;
    }
    if (!conn.answered) {
        web_answer(&conn, 500, STR_EMPTY, STR_EMPTY);
    }
    atomic_fetch_sub(&server->in_flight, 1);
    return conn.status;
}

static int
begin_request(struct mg_connection *mg)
{
    const struct mg_request_info *info = mg_get_request_info(mg);
    struct web_header headers[WEB_HEADERS_MAX];
    int status = 0;

    (void)web__head_end();
    const char *fault = web__framing_fault(info, &status);
    if (fault != NULL) {
        refuse(mg, status, fault);
        return status;
    }
    return serve(mg, info, headers, collect_headers(info, headers), false);
}

/* A request line whose method civetweb does not know, where it stopped reading. */
static bool
is_unknown_method(const struct mg_request_info *info)
{
    static const char *const KNOWN[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"};
    const char *version = info->http_version;
    const char *method = info->request_method;

    if (method == NULL || version == NULL || info->request_uri == NULL ||
        info->request_uri[0] != '/' || !web__is_token(method) ||
        (strcmp(version, "1.1") != 0 && strcmp(version, "1.0") != 0)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++) {
        if (strcmp(method, KNOWN[i]) == 0) {
            return false;
        }
    }
    return true;
}

static int
on_http_error(struct mg_connection *mg, int status, const char *message)
{
    const struct mg_request_info *info = mg_get_request_info(mg);
    int end = web__head_end();

    (void)message;
    status = status == 411 ? 400 : status; /* civetweb's word for a length that is no number */
    if (status == 400 && is_unknown_method(info)) {
        (void)serve(mg, info, NULL, 0,
                    true); /* what it may be asked with is the handler's to say */
        return 0;
    }
    status = status == 0 || status == 400 ? end : status;
    refuse(mg, status,
           status == 505                    ? "HTTP/1.0 and 1.1 only"
           : status == 414 || status == 431 ? "the head of the request is too long"
           : status >= 500                  ? "server error"
                                            : "malformed request");
    return 0;
}

static int
on_connection(const struct mg_connection *mg, void **conn_data)
{
    struct web_server *server = mg_get_user_data(mg_get_context(mg));

    *conn_data = NULL;
    atomic_fetch_add(&server->connections, 1);
    return 0;
}

static void
on_connection_closed(const struct mg_connection *mg)
{
    struct web_server *server = mg_get_user_data(mg_get_context(mg));
    struct web_socket *ws = mg_get_user_connection_data(mg);

    if (ws != NULL) { /* accepted, but the handshake failed: nobody else knows of it */
        web__socket_free(ws);
    }
    atomic_fetch_sub(&server->connections, 1);
}

static void
on_thread_exit(const struct mg_context *ctx, int type, void *pointer)
{
    (void)ctx;
    (void)type;
    (void)pointer;
    web__answer_thread_exit();
}

static int
on_log(const struct mg_connection *mg, const char *message)
{
    (void)mg;
    (void)message; /* the access log is the handler's; civetweb's texts may hold request targets */
    return 1;
}

static struct mg_context *
start_civetweb(struct web_server *server)
{
    char threads[16];
    char timeout[24];
    (void)snprintf(threads, sizeof(threads), "%d", server->cfg.threads);
    (void)snprintf(timeout, sizeof(timeout), "%lld",
                   (long long)(server->cfg.head_timeout_us / ASSAY_US_PER_MS));
    const char *options[] = {"listening_ports",
                             server->listen,
                             "num_threads",
                             threads,
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             "30000",
                             "tcp_nodelay",
                             "1",
                             "request_timeout_ms",
                             timeout,
                             "connection_queue",
                             "256",
                             "listen_backlog",
                             "512",
                             "decode_url",
                             "no",
                             "enable_directory_listing",
                             "no",
                             "access_control_allow_origin",
                             "",
                             "max_request_size",
                             "16384",
                             "enable_auth_domain_check",
                             "no",
                             "websocket_timeout_ms",
                             "10000",
                             "enable_websocket_ping_pong",
                             "yes",
                             NULL};
    struct mg_callbacks callbacks = {
        .begin_request = begin_request,
        .http_error = on_http_error,
        .init_connection = on_connection,
        .connection_closed = on_connection_closed,
        .exit_thread = on_thread_exit,
        .log_message = on_log,
    };
    return mg_start(&callbacks, server, options);
}

enum rc
web_server_start(const struct web_cfg *cfg, struct web_server **out, const char **out_why)
{
    struct web_server *server = calloc(1, sizeof(*server));
    struct mg_server_port port;

    *out_why = "out of memory";
    if (server == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    server->cfg = *cfg;
    server->busy_limit = cfg->threads * 9 / 10;
    (void)snprintf(server->listen, sizeof(server->listen), "%s", cfg->listen);
    mg_init_library(0);
    server->mg = start_civetweb(server);
    if (server->mg == NULL || mg_get_server_ports(server->mg, 1, &port) != 1) {
        *out_why = "cannot listen on the HTTP port: in use, or not allowed";
        web_server_free(server);
        return RC_UNAVAILABLE;
    }
    server->port = port.port;
    mg_set_websocket_handler(server->mg, "**", web__socket_connect, web__socket_ready,
                             web__socket_data, web__socket_close, server);
    *out = server;
    return RC_OK;
}

void
web_server_drain(struct web_server *server, int64_t deadline_mono_us)
{
    static const struct timespec TICK = {.tv_nsec = 2000000};

    atomic_store(&server->draining, true);
    while (atomic_load(&server->in_flight) > 0 && clk_mono_us() < deadline_mono_us) {
        (void)nanosleep(&TICK, NULL); /* civetweb has nothing to wait on */
    }
}

void
web_server_free(struct web_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->mg != NULL) {
        mg_stop(server->mg);
    }
    free(server);
}

int
web_server_port(const struct web_server *server)
{
    return server->port;
}

int
web_server_in_flight(const struct web_server *server)
{
    return atomic_load(&server->in_flight);
}
